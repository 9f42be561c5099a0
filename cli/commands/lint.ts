/** `bootcheck lint [BOOT.md…]`: all errors of the grammar at once, nothing run. */
import { fixManifestFile, lintReport, readManifest } from '../../index.ts'
import { deliver } from '../deliver.ts'
import { lintText } from '../reporters/lint.ts'
import type { Action } from '../words.ts'

export const action: Action = async (args, values, io) => {
  const read = []
  for (const path of args.length > 0 ? args : [undefined]) {
    if (values.flags.has('fix')) for (const fixed of await fixManifestFile(path)) io.err(`fixed ${fixed}\n`)
    read.push(await readManifest(path, { mode: 'lint' }))
  }
  return deliver(lintReport(read, values.flags.has('strict')), values, io, lintText)
}
