/** What a guard is: a fold over what a target's records tell, and an answer to the question whether it may go on now. */
import type { Facts } from './check.ts'
import { RESET, type Reading, type Stamp, type StoreRecord } from './store.ts'

export { RESET }

/** `wait` is a "not now", with the time that is left in ms; `refuse` stays until `state reset`. `reason` is one line, without a full stop. */
export type Judgement = { readonly reason: string; readonly facts: Facts } & (
  | { readonly answer: 'go' }
  | { readonly answer: 'wait'; readonly waitMs: number }
  | { readonly answer: 'refuse'; readonly since: Stamp }
)

/** Two pure functions. `step` passes over events that are not its own: the guards of one target share its records. */
export interface Guard<Memory, Options> {
  readonly name: string
  readonly empty: Memory
  step(memory: Memory, record: StoreRecord): Memory
  judge(memory: Memory, options: Options, now: Stamp): Judgement
}

/** Clearing is an event: nothing before the last reset is remembered. */
export const sinceReset = (records: readonly StoreRecord[]): readonly StoreRecord[] =>
  records.slice(records.findLastIndex(({ event }) => event.type === RESET) + 1)

/** What a guard remembers of a target. */
export const remember = <Memory>(guard: Pick<Guard<Memory, never>, 'empty' | 'step'>, { records }: Reading): Memory =>
  sinceReset(records).reduce((memory, record) => guard.step(memory, record), guard.empty)

const ORDER = { go: 0, wait: 1, refuse: 2 } as const

/** The strictest of several answers: a refusal outranks a wait, and of two waits the longer one wins. */
export const strictest = (answers: readonly [Judgement, ...Judgement[]]): Judgement =>
  answers.reduce((worst, each) => {
    if (worst.answer === 'wait' && each.answer === 'wait') return each.waitMs > worst.waitMs ? each : worst
    return ORDER[each.answer] > ORDER[worst.answer] ? each : worst
  })
