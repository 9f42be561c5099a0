/** Starts that have no end on record: the gateway still runs, or it died without a word. */
import { hostname } from 'node:os'
import { type Life, lifeOf } from '../../core/identity.ts'
import { elapsedMs, type Stamp, type StoreEvent, type StoreRecord } from '../../core/store.ts'

export interface OpenStart {
  readonly record: StoreRecord
  readonly child?: { readonly pid: number; readonly started: string }
  /** The last that its guard recorded: it beats every 30 s. */
  readonly last: StoreRecord
  /** It was asked to end. */
  readonly stopping: boolean
}

/** A guard of which nothing was heard for so long does not run: three beats. */
const SILENT_MS = 90_000

const sameProcess = (a: StoreRecord, b: StoreRecord): boolean =>
  a.pid === b.pid && a.started === b.started && a.boot === b.boot

/** Oldest first. A reset clears what is counted, and no process. */
export const openStarts = (records: readonly StoreRecord[]): OpenStart[] => {
  let open: OpenStart[] = []
  for (const record of records) {
    const { event } = record
    const own = open.findLast(each => sameProcess(each.record, record))
    const amend = (more: Partial<OpenStart>): void => {
      open = open.map(each => (each === own ? { ...each, ...more } : each))
    }
    switch (event.type) {
      case 'start':
        open.push({ record, last: record, stopping: false })
        break
      case 'spawned':
        if (typeof event.child === 'number')
          amend({ child: { pid: event.child, started: String(event.childStarted) }, last: record })
        break
      case 'stopping':
        amend({ stopping: true, last: record })
        break
      case 'end':
        open = open.filter(each => (typeof event.of === 'string' ? each.record.id !== event.of : each !== own))
        break
      case 'unclean':
      case 'rebooted':
        open = open.filter(each => each.record.id !== event.of)
        break
      default:
        amend({ last: record })
    }
  }
  return open
}

/** The process that stands for a start, if there is one: the gateway itself, or the guard that is about to start it. */
export const runningOf = (
  { record, child, last }: OpenStart,
  now: Stamp,
  life: typeof lifeOf = lifeOf,
): number | undefined => {
  if (record.boot !== now.boot) return undefined
  const host = hostname()
  // Another name on the same boot: the host was renamed, or it is another container of it, whose processes nobody sees from here.
  const elsewhere = record.host !== host
  const heard = elapsedMs(last, now) < SILENT_MS
  const runs = (is: Life): boolean => is === 'alive' || (elsewhere ? heard : is === 'unknown')
  if (child && runs(life({ ...record, ...child, host }, now))) return child.pid
  return runs(life({ ...record, host }, now)) ? record.pid : undefined
}

/** How a start that nobody ended is closed. */
export const closingOf = ({ record, stopping }: OpenStart, now: { readonly boot: string }): StoreEvent => {
  const of = record.id
  if (stopping) return { type: 'end', of, code: null, signal: null, requested: true, crash: false }
  return { type: record.boot === now.boot ? 'unclean' : 'rebooted', of }
}
