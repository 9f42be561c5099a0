/** The files that are made from the code: written by `npm run generate`, and compared by a test. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { kinds } from '../checks/index.ts'
import type { Check } from '../core/check.ts'
import { checksDocs, errorsDocs } from '../core/docs.ts'
import { ERRORS } from '../core/manifest/errors.ts'
import { blockSchema } from '../core/schema.ts'

/** The README with the table of the kinds as they are: its head stays, up to the next blank line. */
const readme = (checks: readonly Check[]): string => {
  const head = '| kind | proves |\n| --- | --- |\n'
  const [before, after] = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8').split(head)
  if (before === undefined || after === undefined) throw new Error(`README.md has no table ${head}`)
  const rows = checks.map(({ kind, title }) => `| [${kind}](docs/checks.md#${kind}) | ${title} |\n`)
  return `${before}${head}${rows.join('')}${after.slice(after.indexOf('\n\n') + 1)}`
}

/** Path from the project's root to content. */
export const generated = async (): Promise<Readonly<Record<string, string>>> => {
  const checks = await Promise.all(Object.values(kinds).map(load => load()))
  return {
    'README.md': readme(checks),
    'docs/checks.md': checksDocs(checks),
    'docs/errors.md': errorsDocs(ERRORS),
    'schemas/block.schema.json': `${JSON.stringify(blockSchema(checks), null, 2)}\n`,
  }
}
