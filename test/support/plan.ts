import type { Check, Registry, Trouble, Verdict } from '../../core/check.ts'
import type { Plan, PlannedCheck } from '../../core/plan.ts'

/** A planned check with the grammar's defaults. */
export const planned = (given: Partial<PlannedCheck> & { id: string }): PlannedCheck => ({
  kind: 'probe',
  title: given.id,
  why: '',
  line: 1,
  needs: [],
  severity: 'fail',
  phase: 'before',
  timeoutMs: 5000,
  retries: 0,
  retryDelayMs: 0,
  skips: [],
  options: {},
  positions: {},
  ...given,
})

export const planWith = (checks: readonly PlannedCheck[], given: Partial<Plan> = {}): Plan => ({
  file: 'BOOT.md',
  title: null,
  deadlineMs: 60_000,
  vars: {},
  checks,
  warnings: [],
  ...given,
})

type Run = Check['run']

/** A registry of kinds made of nothing but their `run`. */
export const registryOf = (runs: Readonly<Record<string, Run>>): Registry =>
  Object.fromEntries(
    Object.entries(runs).map(([kind, run]) => [
      kind,
      async (): Promise<Check> => ({
        kind,
        title: kind,
        docs: '',
        options: { type: 'object', additionalProperties: false, properties: { value: { type: 'string' } } },
        codes: { fine: '', bad: '' },
        examples: [{ title: '', options: {}, expect: { status: 'pass' } }],
        run,
      }),
    ]),
  )

export const pass = (kind = 'probe'): Verdict => ({
  status: 'pass',
  code: `${kind}/fine`,
  summary: 'fine',
  watched: ['it'],
})

export const fail = (kind = 'probe', given: Partial<Trouble> = {}): Verdict => ({
  status: 'fail',
  code: `${kind}/bad`,
  summary: 'bad',
  observed: 'bad',
  expected: 'good',
  next: 'mend it',
  ...given,
})
