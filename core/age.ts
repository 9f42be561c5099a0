/** How old a record is, by the records that came after it. */
import { elapsedMs, type Stamp, type StoreRecord } from './store.ts'

/**
 * The age of each record in ms, in their order: summed up from each record to the next, so that one that a wrong clock stamped in the
 * future grows older as soon as anything was recorded after it.
 */
export const agesOf = (records: readonly StoreRecord[], now: Stamp): number[] => {
  const ages: number[] = []
  let age = 0
  let later: Stamp = now
  for (const record of records.toReversed()) {
    age += elapsedMs(record, later)
    ages.push(age)
    later = record
  }
  return ages.reverse()
}
