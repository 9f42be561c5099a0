/** The files that are made from the code: written by `npm run generate`, and compared by a test. */
import { kinds } from '../checks/index.ts'
import { checksDocs, errorsDocs } from '../core/docs.ts'
import { ERRORS } from '../core/manifest/errors.ts'
import { blockSchema } from '../core/schema.ts'

/** Path from the project's root to content. */
export const generated = async (): Promise<Readonly<Record<string, string>>> => {
  const checks = await Promise.all(Object.values(kinds).map(load => load()))
  return {
    'docs/checks.md': checksDocs(checks),
    'docs/errors.md': errorsDocs(ERRORS),
    'schemas/block.schema.json': `${JSON.stringify(blockSchema(checks), null, 2)}\n`,
  }
}
