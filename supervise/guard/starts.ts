/** Starts that have no end on record: the gateway still runs, or it died without a word. */
import { type Life, lifeOf } from '../../core/identity.ts'
import type { StoreEvent, StoreRecord } from '../../core/store.ts'

export interface OpenStart {
  readonly record: StoreRecord
  readonly child?: { readonly pid: number; readonly started: string }
}

const sameProcess = (a: StoreRecord, b: StoreRecord): boolean =>
  a.pid === b.pid && a.started === b.started && a.boot === b.boot

/** Oldest first. A reset clears what is counted, and no process. */
export const openStarts = (records: readonly StoreRecord[]): OpenStart[] => {
  let open: OpenStart[] = []
  for (const record of records) {
    const { event } = record
    const own = open.findLast(each => sameProcess(each.record, record))
    switch (event.type) {
      case 'start':
        open.push({ record })
        break
      case 'spawned':
        if (own && typeof event.child === 'number') {
          const child = { pid: event.child, started: String(event.childStarted) }
          open = open.map(each => (each === own ? { ...each, child } : each))
        }
        break
      case 'end':
        open = open.filter(each => each !== own)
        break
      case 'unclean':
      case 'rebooted':
        open = open.filter(each => each.record.id !== event.of)
        break
    }
  }
  return open
}

/** The process that stands for a start, if there is one: the gateway itself, or the guard that is about to start it. */
export const runningOf = (
  { record, child }: OpenStart,
  now: { readonly boot: string },
  life: typeof lifeOf = lifeOf,
): number | undefined => {
  const runs = (is: Life): boolean => is !== 'gone'
  // This boot's processes are this host's, whatever it was called then.
  const host = record.boot === now.boot ? undefined : record.host
  if (host !== undefined) return undefined
  if (child && runs(life({ ...record, ...child }, now))) return child.pid
  return runs(life(record, now)) ? record.pid : undefined
}

/** How a start that nobody ended is closed. */
export const closingOf = ({ record }: OpenStart, now: { readonly boot: string }): StoreEvent => ({
  type: record.boot === now.boot ? 'unclean' : 'rebooted',
  of: record.id,
})
