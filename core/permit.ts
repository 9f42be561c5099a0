/**
 * Who got a permit. An `ask` is kept with the terms it was made under, and whether it was permitted is found by replaying the
 * target's records in order: of askers that race each sees the same order, so they agree who was first. Only a permit counts;
 * an ask that any of its terms refused takes nothing.
 */
import {
  elapsedMs,
  type Reading,
  type Stamp,
  type Store,
  StoreError,
  type StoreEvent,
  type StoreRecord,
} from './store.ts'

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
  /** Tries in all. */
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
  /** One further back: with it any of n is found in some 2 log n steps (skew-binary jump pointers, E. Myers 1983). */
  readonly jump: Mark | undefined
}

/** How far a list was searched for `count` marks that stand within a span, and the one that was found. */
interface Run {
  readonly count: number
  readonly spanMs: number
  /** The `nth` of the newest mark that was looked at. */
  readonly upTo: number
  /** The newest of its marks. */
  readonly found: Mark | undefined
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
  /** For each rate that was asked for the newest full window, so that a replay looks at each permit once. */
  readonly filled: readonly Run[]
  /** What counts for a retry budget: permits that were asked for with `attempts`, and claims that a queue took back unasked. */
  readonly tries: Mark | undefined
  /** The newest try has not been taken back. */
  readonly trying: boolean
  /** The claims that were taken back, by their evidence. */
  readonly takenBack: readonly string[]
  /** When the item's queue found its tries spent. */
  readonly gaveUp: Stamp | undefined
  /** In a row: a success clears them. */
  readonly failures: Mark | undefined
  /** For each breaker that was asked the oldest run of failures that tripped it. */
  readonly tripped: readonly Run[]
  /** The last success. */
  readonly well: Pick<Mark, 'at' | 'place'> | undefined
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
  filled: [],
  tries: undefined,
  trying: false,
  takenBack: [],
  gaveUp: undefined,
  failures: undefined,
  tripped: [],
  well: undefined,
  heldUntil: 0,
  told: false,
}

/** A moment on the time line. */
export const momentOf = ({ at, last }: Ledger, now: Stamp): number => (last ? at + elapsedMs(last, now) : at)

/** Ms since the last success. */
export const wellAgoMs = (ledger: Ledger, now: Stamp): number | undefined =>
  ledger.well && momentOf(ledger, now) - ledger.well.at

const onto = (before: Mark | undefined, seen: Pick<Mark, 'at' | 'stamp' | 'place'>): Mark => {
  const far = before?.jump
  const even = before && far && before.nth - far.nth === far.nth - (far.jump?.nth ?? 0)
  return { ...seen, nth: (before?.nth ?? 0) + 1, before, jump: even ? far.jump : before }
}

/** The newest mark of which something holds that holds of each older one too. */
const seek = (marks: Mark | undefined, holds: (mark: Mark) => boolean): Mark | undefined => {
  let mark = marks
  while (mark && !holds(mark)) mark = mark.jump && !holds(mark.jump) ? mark.jump : mark.before
  return mark
}

const back = (mark: Mark | undefined, steps: number): Mark | undefined => {
  const nth = (mark?.nth ?? 0) - steps
  return nth < 1 ? undefined : seek(mark, ({ nth: each }) => each <= nth)
}

interface Search {
  readonly count: number
  readonly spanMs: number
  /** Of several runs the `newest` or the `oldest`; the first and the last may be `spanMs` apart, or must be less. */
  readonly wanted: 'newest' | 'oldest'
  readonly inclusive: boolean
}

/** The search for a run goes on from where it was left. */
const search = (marks: Mark | undefined, { count, spanMs, wanted, inclusive }: Search, runs: readonly Run[]): Run => {
  const known = runs.find(run => run.count === count && run.spanMs === spanMs)
  const upTo = marks?.nth ?? 0
  let found = known?.found
  if (wanted === 'oldest' && found) return { count, spanMs, upTo, found }
  const least = Math.max(known?.upTo ?? 0, count - 1)
  for (let last = marks; last && last.nth > least; last = last.before) {
    const first = back(last, count - 1)
    const apart = first ? last.at - first.at : Number.POSITIVE_INFINITY
    if (inclusive ? apart > spanMs : apart >= spanMs) continue
    found = last
    if (wanted === 'newest') break
  }
  return { count, spanMs, upTo, found }
}

const keeping = (runs: readonly Run[], run: Run): readonly Run[] => [
  ...runs.filter(({ count, spanMs }) => count !== run.count || spanMs !== run.spanMs),
  run,
]

const fullWindow = ({ permits, filled }: Ledger, { limit, perMs }: RateTerms): Run =>
  search(permits, { count: limit, spanMs: perMs, wanted: 'newest', inclusive: false }, filled)

/** The oldest run: what blocked it stays the reason until a success. */
const trippingRun = ({ failures, tripped }: Ledger, terms: BlockTerms): Run =>
  search(failures, { count: terms.failures, spanMs: terms.windowMs, wanted: 'oldest', inclusive: true }, tripped)

/** How many permits stand in the window, and how long until the next one is free. */
export const rateAt = (ledger: Ledger, terms: RateTerms, at: number): { taken: number; waitMs: number } => {
  const { permits } = ledger
  const { limit, perMs, cooldownMs } = terms
  const over = seek(permits, mark => at - mark.at >= perMs)
  const taken = (permits?.nth ?? 0) - (over?.nth ?? 0)
  const oldest = taken >= limit ? back(permits, limit - 1) : undefined
  const { found } = fullWindow(ledger, terms)
  return {
    taken,
    waitMs: Math.max(0, oldest ? oldest.at + perMs - at : 0, found ? found.at + cooldownMs - at : 0),
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
  const { failures, permits, heldUntil, well } = ledger
  const { blockMs, spared } = terms
  const inARow = failures?.nth ?? 0
  const trippedBy = trippingRun(ledger, terms).found
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
  const told = Math.max(failures?.place ?? -1, well?.place ?? -1)
  const taken = permits && permits.place > told ? permits.at + blockMs - at : 0
  return taken > 0
    ? { ...known, waitMs: taken, by: 'trial', trial: false }
    : { ...known, waitMs: 0, by: undefined, trial: true }
}

/** Since when no try of so many is left. */
export const spentSince = ({ tries, gaveUp }: Ledger, attempts: number): Stamp | undefined =>
  gaveUp ?? (tries && tries.nth >= attempts ? back(tries, tries.nth - attempts)?.stamp : undefined)

/** How often it was tried, the try that goes on now counted: the first of a queue's claims is asked for by nobody. */
export const triesOf = ({ tries, trying }: Ledger): number => (tries?.nth ?? 0) + (trying ? 0 : 1)

/** Whether an ask under these terms is permitted. */
export const allows = (ledger: Ledger, terms: Terms, at: number): boolean =>
  (terms.attempts === undefined || !spentSince(ledger, terms.attempts)) &&
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

/** An item's claim was given back by the monitor of its queue, for the evidence `of`. */
export const REQUEUE = 'requeue'

/** As `rule` of a `refused`: whose tries are spent. */
export const QUEUE = 'queue'

/** Of every record, whatever its type: each tells how far the time line has come. */
export const stepLedger = (ledger: Ledger, record: StoreRecord): Ledger => {
  const at = momentOf(ledger, record)
  const place = ledger.place + 1
  const { wallMs, boot, uptimeMs, event } = record
  const stamp = { wallMs, boot, uptimeMs }
  const seen = { at, place, stamp }
  const on = { ...ledger, at, place, last: stamp }
  switch (event.type) {
    case ASK: {
      const terms = termsOf(event)
      const { rate, block, attempts } = terms
      const known = {
        ...ledger,
        filled: rate ? keeping(ledger.filled, fullWindow(ledger, rate)) : ledger.filled,
        tripped: block ? keeping(ledger.tripped, trippingRun(ledger, block)) : ledger.tripped,
      }
      const { filled, tripped } = known
      if (!allows(known, terms, at)) return { ...on, filled, tripped }
      const tried = attempts === undefined ? {} : { tries: onto(ledger.tries, seen), trying: true }
      return { ...on, filled, tripped, permits: onto(ledger.permits, seen), ...tried }
    }
    case REQUEUE: {
      const of = String(event.of)
      if (ledger.takenBack.includes(of)) return on
      const tries = ledger.trying ? ledger.tries : onto(ledger.tries, seen)
      return { ...on, tries, trying: false, takenBack: [...ledger.takenBack, of] }
    }
    case 'refused':
      return event.rule === QUEUE ? { ...on, gaveUp: ledger.gaveUp ?? stamp } : on
    case 'ok':
      return { ...on, failures: undefined, tripped: [], heldUntil: 0, well: { at, place }, told: true }
    case 'fail': {
      const heldUntil = Math.max(ledger.heldUntil, at + (count(event.retryAfterMs) ?? 0))
      return { ...on, failures: onto(ledger.failures, seen), heldUntil, told: true }
    }
    default:
      return on
  }
}

const PAUSE_MS = 20
const patience = new Int32Array(new SharedArrayBuffer(4))

/** Reads again where lines cannot be read: one of them may be a record that another process is writing at this moment. */
export const readSettled = (store: Pick<Store, 'read'>, target: string): Reading => {
  const reading = store.read(target)
  if (reading.bad === 0) return reading
  Atomics.wait(patience, 0, 0, PAUSE_MS)
  return store.read(target)
}

/**
 * Marks the present where the newest record was stamped by a clock that is ahead of ours, on another boot: until then no time
 * would pass on the time line. True if it did. Where nothing can be written, what is remembered is judged without it: no wait
 * gets shorter.
 */
export const markPresent = (store: Store, target: string, records: readonly StoreRecord[]): boolean => {
  const last = records.at(-1)
  const now = store.stamp()
  if (!last || last.boot === now.boot || last.wallMs <= now.wallMs) return false
  try {
    store.append(target, { type: 'seen' })
    return true
  } catch (error) {
    if (error instanceof StoreError) return false
    throw error
  }
}
