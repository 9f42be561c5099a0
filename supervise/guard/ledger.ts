/** The records of one target, for somebody who must go on when they cannot be kept. */
import type { Reading, Store, StoreEvent, StoreRecord } from '../../core/store.ts'
import { storeError } from '../open-store.ts'

/** Why the store cannot be used, and a command to type. */
export interface Trouble {
  readonly problem: string
  readonly next: string
}

export interface Ledger {
  /** Undefined where the store cannot be read: not the same as nothing. */
  read(): Reading | undefined
  /** On disk when it returns; undefined where it could not be written. */
  append(event: StoreEvent): StoreRecord | undefined
  /** As `append`, unless the latest event of these types says the same: a supervisor may ask every second. */
  note(event: StoreEvent, among: readonly string[]): void
}

const troubleOf = (error: unknown): Trouble => {
  const { message, next } = storeError(error)
  return { problem: message, next }
}

const same = (a: StoreEvent, b: StoreEvent): boolean =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].every(key => a[key] === b[key])

/** `onTrouble` hears of each failure, and may throw to end it all. */
export const ledgerOf = (store: Store, target: string, onTrouble: (trouble: Trouble) => void): Ledger => {
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action()
    } catch (error) {
      onTrouble(troubleOf(error))
      return undefined
    }
  }
  const read = (): Reading | undefined => attempt(() => store.read(target))
  const append = (event: StoreEvent): StoreRecord | undefined => attempt(() => store.append(target, event))
  return {
    read,
    append,
    note: (event, among) => {
      const latest = read()?.records.findLast(record => among.includes(record.event.type))
      if (!latest || !same(latest.event, event)) append(event)
    },
  }
}
