/** Runs a kind with a product's preset, in a folder of its own that is the home as well. */
import type { Check, CheckContext, Verdict } from '../../core/check.ts'
import { lay } from './bin.ts'
import { context, scratch } from './context.ts'
import { completed } from './run-check.ts'

export interface Given extends Partial<CheckContext> {
  readonly files?: Readonly<Record<string, string>>
  readonly options?: object
}

export const ofOpenclaw =
  (kind: Check) =>
  async ({ files = {}, options = {}, cwd = scratch(), ...more }: Given): Promise<Verdict> => {
    lay(cwd, files)
    return kind.run(
      (await completed(kind, { preset: 'openclaw', ...options })) as never,
      context({ cwd, home: cwd, env: {}, ...more }),
    )
  }

export const said = (verdict: Verdict): string =>
  'code' in verdict ? `${verdict.status} ${verdict.code}: ${verdict.summary}` : verdict.status
