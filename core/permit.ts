/**
 * Who got a permit. An `ask` is kept with the terms it was made under, and whether it was permitted is found by replaying the
 * target's records in order: of askers that race each sees the same order, so they agree who was first. Only a permit counts;
 * an ask that any of its terms refused takes nothing.
 */
import { elapsedMs, type Stamp, type Store, type StoreEvent, type StoreRecord } from './store.ts'

/** At most `limit` permits in `perMs`; the one that fills it begins a cool-down. */
export interface RateTerms {
  readonly limit: number
  readonly perMs: number
  readonly cooldownMs: number
}

/** `failures` in a row, the first and the last of them at most `windowMs` apart, block for `blockMs` from the last one; then one trial. */
export interface BlockTerms {
  readonly failures: number
  readonly windowMs: number
  readonly blockMs: number
  /** The last healthy one of its set: failures do not block it. */
  readonly spared: boolean
  /** What somebody else counted says that it was blocked: the next permit is a trial. */
  readonly tripped: boolean
}

/** What an ask was made under; absent is not asked. */
export interface Terms {
  readonly rate?: RateTerms | undefined
  /** Permits in all. */
  readonly attempts?: number | undefined
  readonly block?: BlockTerms | undefined
}

/** One of a growing list, newest first. */
export interface Mark {
  /** On the target's own time line. */
  readonly at: number
  readonly stamp: Stamp
  /** Its place among the records. */
  readonly place: number
  /** 1 for the oldest. */
  readonly nth: number
  readonly before: Mark | undefined
}

/** What a target's records come to. */
export interface Ledger {
  /**
   * The time line: ms from the first record on, from each record to the next as `elapsedMs` tells. It never runs backwards, and
   * goes on after a clock that was ahead was set right.
   */
  readonly at: number
  readonly place: number
  readonly last: Stamp | undefined
  readonly permits: Mark | undefined
  /** In a row: a success clears them. */
  readonly failures: Mark | undefined
  /** Until when the latest failures asked to be left alone. */
  readonly heldUntil: number
  /** Whether anybody ever told how it went. */
  readonly told: boolean
}

export const emptyLedger: Ledger = {
  at: 0,
  place: 0,
  last: undefined,
  permits: undefined,
  failures: undefined,
  heldUntil: 0,
  told: false,
}

/** A moment on the time line. */
export const momentOf = ({ at, last }: Ledger, now: Stamp): number => (last ? at + elapsedMs(last, now) : at)

const back = (mark: Mark | undefined, steps: number): Mark | undefined => {
  let found = mark
  for (let step = 0; step < steps && found; step++) found = found.before
  return found
}

/** The newest mark that stands with `count` - 1 others before it, all in less than (or exactly) a span. */
const newestRun = (
  marks: Mark | undefined,
  count: number,
  together: (firstToLastMs: number) => boolean,
): Mark | undefined => {
  let first = back(marks, count - 1)
  for (let last = marks; last && first; last = last.before, first = first.before)
    if (together(last.at - first.at)) return last
  return undefined
}

/** How many permits stand in the window, and how long until the next one is free. */
export const rateAt = ({ permits }: Ledger, terms: RateTerms, at: number): { taken: number; waitMs: number } => {
  const { limit, perMs, cooldownMs } = terms
  let taken = 0
  for (let mark = permits; mark && at - mark.at < perMs; mark = mark.before) taken++
  const oldest = taken >= limit ? back(permits, limit - 1) : undefined
  const filled = newestRun(permits, limit, apart => apart < perMs)
  return {
    taken,
    waitMs: Math.max(0, oldest ? oldest.at + perMs - at : 0, filled ? filled.at + cooldownMs - at : 0),
  }
}

export interface Block {
  /** Failures in a row. */
  readonly inARow: number
  /** 0: go on. */
  readonly waitMs: number
  /** Whose word it is: a number of failures, a failure's own `retry-after`, or the trial that somebody else has. */
  readonly by: 'failures' | 'retry-after' | 'trial' | undefined
  /** A permit now is the one trial. */
  readonly trial: boolean
  /** The failure that blocked it first. */
  readonly trippedBy: Mark | undefined
}

export const blockAt = (ledger: Ledger, terms: BlockTerms, at: number): Block => {
  const { failures, permits, heldUntil } = ledger
  const { windowMs, blockMs, spared } = terms
  const inARow = failures?.nth ?? 0
  // The oldest run: what blocked it stays the reason until a success.
  let trippedBy: Mark | undefined
  for (let rest = failures; rest; rest = trippedBy?.before) {
    const run = newestRun(rest, terms.failures, apart => apart <= windowMs)
    if (!run) break
    trippedBy = run
  }
  const held = heldUntil - at
  const blocked = trippedBy && failures && !spared ? failures.at + blockMs - at : 0
  const known = { inARow, trippedBy }
  if (held > 0 || blocked > 0)
    return {
      ...known,
      waitMs: Math.max(held, blocked),
      by: held > blocked ? 'retry-after' : 'failures',
      trial: false,
    }
  if (spared || !(trippedBy || terms.tripped)) return { ...known, waitMs: 0, by: undefined, trial: false }
  // One that took the trial and never told how it went must not block for ever.
  const taken = permits && permits.place > (failures?.place ?? -1) ? permits.at + blockMs - at : 0
  return taken > 0
    ? { ...known, waitMs: taken, by: 'trial', trial: false }
    : { ...known, waitMs: 0, by: undefined, trial: true }
}

/** The permit that used up a number of attempts. */
export const spentBy = ({ permits }: Ledger, attempts: number): Mark | undefined =>
  permits && permits.nth >= attempts ? back(permits, permits.nth - attempts) : undefined

/** Whether an ask under these terms is permitted. */
export const allows = (ledger: Ledger, terms: Terms, at: number): boolean =>
  (terms.attempts === undefined || !spentBy(ledger, terms.attempts)) &&
  (terms.rate === undefined || rateAt(ledger, terms.rate, at).waitMs === 0) &&
  (terms.block === undefined || blockAt(ledger, terms.block, at).waitMs === 0)

export const ASK = 'ask'

/** An ask as it is kept. `once`: the key that is committed if it is permitted. */
export const askEvent = ({ rate, attempts, block }: Terms, once?: string): StoreEvent => ({
  type: ASK,
  limit: rate?.limit ?? null,
  perMs: rate?.perMs ?? null,
  cooldownMs: rate?.cooldownMs ?? null,
  attempts: attempts ?? null,
  failures: block?.failures ?? null,
  windowMs: block?.windowMs ?? null,
  blockMs: block?.blockMs ?? null,
  spared: block?.spared ?? null,
  tripped: block?.tripped ?? null,
  once: once ?? null,
})

const count = (value: StoreEvent[string] | undefined): number | undefined =>
  typeof value === 'number' && value >= 0 ? value : undefined

export const termsOf = (event: StoreEvent): Terms => {
  const [limit, perMs, cooldownMs] = [count(event.limit), count(event.perMs), count(event.cooldownMs)]
  const [failures, windowMs, blockMs] = [count(event.failures), count(event.windowMs), count(event.blockMs)]
  return {
    rate:
      limit !== undefined && perMs !== undefined && cooldownMs !== undefined ? { limit, perMs, cooldownMs } : undefined,
    attempts: count(event.attempts),
    block:
      failures !== undefined && windowMs !== undefined && blockMs !== undefined
        ? { failures, windowMs, blockMs, spared: event.spared === true, tripped: event.tripped === true }
        : undefined,
  }
}

/** Of every record, whatever its type: each tells how far the time line has come. */
export const stepLedger = (ledger: Ledger, record: StoreRecord): Ledger => {
  const at = momentOf(ledger, record)
  const place = ledger.place + 1
  const { wallMs, boot, uptimeMs, event } = record
  const stamp = { wallMs, boot, uptimeMs }
  const on = { ...ledger, at, place, last: stamp }
  const onto = (before: Mark | undefined): Mark => ({ at, stamp, place, nth: (before?.nth ?? 0) + 1, before })
  switch (event.type) {
    case ASK:
      return allows(ledger, termsOf(event), at) ? { ...on, permits: onto(ledger.permits) } : on
    case 'ok':
      return { ...on, failures: undefined, heldUntil: 0, told: true }
    case 'fail': {
      const heldUntil = Math.max(ledger.heldUntil, at + (count(event.retryAfterMs) ?? 0))
      return { ...on, failures: onto(ledger.failures), heldUntil, told: true }
    }
    default:
      return on
  }
}

/**
 * Marks the present where the newest record was stamped by a clock that is ahead of ours, on another boot: until then no time
 * would pass on the time line. True if it did.
 */
export const markPresent = (store: Store, target: string, records: readonly StoreRecord[]): boolean => {
  const last = records.at(-1)
  const now = store.stamp()
  if (!last || last.boot === now.boot || last.wallMs <= now.wallMs) return false
  store.append(target, { type: 'seen' })
  return true
}
