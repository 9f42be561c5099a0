/** After checks that are asked again while the gateway lives: a process that is up is not a service that works. */
import type { PlannedCheck } from '../../core/plan.ts'
import type { ReportedCheck } from '../../core/report.ts'
import { excerpt } from '../../core/text.ts'
import type { Answer } from './checks.ts'

/** Checks that are asked together. */
export interface Recurring {
  readonly everyMs: number
  readonly ids: readonly string[]
}

export interface Outcome {
  readonly effect: ReportedCheck['effect']
  /** `kind/what`, or why there is no verdict: it does not change while the outcome is the same. */
  readonly what: string
}

/** By id. */
export type Outcomes = ReadonlyMap<string, Outcome>

export interface Change {
  readonly id: string
  readonly outcome: Outcome
  /** `check up fails (port/closed): nothing listens` */
  readonly text: string
}

export const recurringOf = (checks: readonly PlannedCheck[]): readonly Recurring[] => {
  const groups = new Map<number, string[]>()
  for (const { id, phase, everyMs } of checks) {
    if (phase !== 'after' || everyMs === undefined) continue
    groups.set(everyMs, [...(groups.get(everyMs) ?? []), id])
  }
  return [...groups].map(([everyMs, ids]) => ({ everyMs, ids }))
}

const GOOD: Outcome = { effect: 'none', what: '' }

/** Every pass is alike: that a message stands and that it was delivered again is no change. */
const outcomeOf = ({ effect, code }: ReportedCheck): Outcome => (effect === 'none' ? GOOD : { effect, what: code })

export const outcomesOf = ({ report }: Answer): Outcomes =>
  new Map(report?.checks.map(check => [check.id, outcomeOf(check)]))

const textOf = (id: string, outcome: Outcome, reported: ReportedCheck | undefined): string => {
  if (outcome.effect === 'none') return `is well again: its check ${id} passes`
  const said = excerpt(reported?.summary ?? '', 200)
  return `runs, but its check ${id} ${outcome.effect === 'failure' ? 'fails' : 'warns'} (${outcome.what})${said === '' ? '' : `: ${said}`}`
}

/** What is different from `known`, where what was never asked counts as good. */
export const changesOf = (
  ids: readonly string[],
  known: Outcomes,
  answer: Answer,
): { readonly changes: readonly Change[]; readonly outcomes: Outcomes } => {
  const reported = new Map(answer.report?.checks.map(check => [check.id, check]))
  // Where the run itself broke nobody has watched anything, whatever its report says.
  const broken = !answer.ready && ![...reported.values()].some(({ effect }) => effect === 'failure')
  const outcomes = new Map(
    ids.map((id): [string, Outcome] => {
      const check = broken ? undefined : reported.get(id)
      return [id, check ? outcomeOf(check) : { effect: 'failure', what: answer.what }]
    }),
  )
  const changes = ids.flatMap((id): Change[] => {
    const outcome = outcomes.get(id) ?? GOOD
    const before = known.get(id) ?? GOOD
    if (outcome.effect === before.effect && outcome.what === before.what) return []
    return [{ id, outcome, text: textOf(id, outcome, broken ? undefined : reported.get(id)) }]
  })
  return { changes, outcomes }
}
