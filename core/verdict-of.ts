/** What a kind says of one target that a guard has judged, where the answer is all that there is to say. */
import type { CheckContext, Verdict } from './check.ts'
import { type Guard, remember } from './guard.ts'
import { markPresent } from './permit.ts'
import { damaged, misspelt, unreadable } from './remembered.ts'
import { StoreError } from './store.ts'
import { span } from './text.ts'

/** The meaning of each `what` that `verdictOf` may answer. */
export const VERDICTS = {
  go: 'a start would go ahead',
  new: 'nothing was ever recorded of a start of this target',
  guarded: 'the guard that runs this check for its own target obeys this itself, and waits instead of closing the gate',
  misspelt: 'nothing has been kept of this target, and of one that is called nearly the same there has',
  waiting: 'a start would have to wait',
  store: 'what is remembered cannot be read, which is not the same as nothing',
  'store-damaged': 'a start would go ahead, and some lines of what is remembered cannot be read',
  limits: 'an option that cannot be used',
} as const

/** Where a guard tells the checks that it runs what they are run for. */
const GUARD_TARGET = 'BOOTCHECK_GUARD_TARGET'

/** What only a target leaves that is started. Permits and beats tell nothing of starts. */
const LIFE: ReadonlySet<string> = new Set([
  'start',
  'end',
  'unclean',
  'rebooted',
  'config',
  'closed',
  'wait',
  'refused',
  'verified',
])

interface Question<Memory, Options> {
  readonly kind: string
  readonly target: string
  readonly guard: Guard<Memory, Options>
  readonly options: Options
  /** What would be well. */
  readonly expected: string
}

export const verdictOf = <Memory, Options>(
  { kind, target, guard, options, expected }: Question<Memory, Options>,
  { store, env }: Pick<CheckContext, 'store' | 'env'>,
): Verdict => {
  if (env[GUARD_TARGET] === target)
    return {
      status: 'pass',
      code: `${kind}/guarded`,
      summary: `the guard that runs this check starts ${target}, and obeys this itself`,
      watched: [target],
    }
  try {
    const reading = store.read(target)
    markPresent(store, target, reading.records)
    if (reading.bad === 0 && !reading.records.some(({ event }) => LIFE.has(event.type)))
      return nothingKept(kind, target, reading.records.length > 0, store.targets())
    const { reason, facts, ...judged } = guard.judge(remember(guard, reading), options, store.stamp())
    const watched: readonly [string] = [target]
    if (judged.answer === 'refuse')
      return {
        status: 'fail',
        code: `${kind}/refused`,
        summary: `${target} is refused until reset: ${reason}`,
        observed: reason,
        expected,
        next: `mend what makes it fail, then ${store.forgetCommand(target)}`,
        watched,
        facts,
      }
    if (judged.answer === 'wait')
      return {
        status: 'fail',
        code: `${kind}/waiting`,
        summary: `${target} has to wait ${span(judged.waitMs)}: ${reason}`,
        observed: reason,
        expected,
        next: store.showCommand(target),
        watched,
        facts: { ...facts, waitMs: Math.ceil(judged.waitMs) },
      }
    if (reading.bad > 0) return damaged(kind, target, reading)
    return { status: 'pass', code: `${kind}/go`, summary: `${target}: ${reason}`, watched, facts }
  } catch (error) {
    if (error instanceof StoreError) return unreadable(kind, 'fail', target, error)
    throw error
  }
}

/** Options that cannot be used, and what to write instead. */
export interface Unusable {
  readonly problem: string
  readonly next: string
}

/** A first start knows nothing yet; a check of a target that nobody else names would watch nothing for ever. */
const nothingKept = (kind: string, target: string, known: boolean, targets: readonly string[]): Verdict => {
  const others = targets.filter(each => each !== target)
  return (
    misspelt(kind, target, others, 'the name under which it is started: `bootcheck guard --target NAME`') ?? {
      status: 'pass',
      code: `${kind}/new`,
      summary: `nothing was ever recorded of ${known ? `a start of ${target}, only of its permits or beats` : target}`,
      watched: [target],
    }
  )
}

export const unusable = (kind: string, { problem, next }: Unusable): Verdict => ({
  status: 'fail',
  code: `${kind}/limits`,
  summary: problem,
  observed: problem,
  expected: 'options that say when to wait and when to refuse',
  next,
})
