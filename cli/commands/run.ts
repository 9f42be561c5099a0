/** `bootcheck run [BOOT.md]`: the gate. */
import { resolve } from 'node:path'
import { invalidReport, readManifest, runManifest } from '../../index.ts'
import { deliver } from '../deliver.ts'
import { UsageError } from '../io.ts'
import type { Action } from '../words.ts'

export const action: Action = async (args, values, io) => {
  const { plan, errors, warnings, file } = await readManifest(args[0], { mode: 'run' })
  const target = values.formats.find(each => each.file !== undefined && resolve(each.file) === resolve(file))
  if (target) throw new UsageError(`--format ${target.format}=${file} would overwrite the manifest`)
  const phase = (values.texts.get('phase') ?? 'before') as 'before' | 'after' | 'all'
  if (!plan) return deliver(invalidReport({ file, phase, errors, warnings }), values, io)
  const progress = await io.watch()
  const deadlineMs = values.numbers.get('deadline')
  const concurrency = values.numbers.get('concurrency')
  const stateDir = values.texts.get('state-dir')
  const report = await runManifest(plan, {
    phase,
    only: values.ids.get('only') ?? [],
    skipIds: values.ids.get('skip-ids') ?? [],
    dryRun: values.flags.has('dry-run'),
    running: values.flags.has('running'),
    strict: values.flags.has('strict'),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(stateDir === undefined ? {} : { stateDir }),
    signal: io.stop,
    ...(progress ? { onEvent: event => progress.event(event) } : {}),
  })
  progress?.stop()
  return deliver(report, values, io)
}
