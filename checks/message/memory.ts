/** What is remembered of one target, in the store. No credential is kept, and no address that may hold one. */
import { hostname } from 'node:os'
import { sinceReset } from '../../core/guard.ts'
import { alive } from '../../core/process.ts'
import { type Store, StoreError, type StoreEvent, type StoreRecord } from '../../core/store.ts'
import { excerpt, visible } from '../../core/text.ts'
import type { Talk } from './channel.ts'
import {
  type Ask,
  type Decision,
  decide,
  decideProbe,
  type Fingerprint,
  holdsPlace,
  isAhead,
  type Kept,
  type Memo,
} from './etiquette.ts'

export interface Memory {
  /** Its name in the store. */
  readonly target: string
  /** A command that makes the store forget it. */
  readonly forget: string
  /** Lines that could not be read, and where the first of them is. */
  readonly bad: number
  readonly firstBad: string | undefined
  /** What forbids to ask the service anything. */
  forbidden(): Decision | undefined
  decide(): Decision
  /** Takes the place of the next delivery: its id, or undefined if somebody was quicker. */
  claim(replaces: string | null, waitMs: number): string | undefined
  append(memo: Memo): void
  readonly fingerprint: Fingerprint
  /** Sets itself right after a clock that ran ahead. */
  mark(): void
}

const hash = (key: string, text: string): string => {
  const { createHmac } = process.getBuiltinModule('node:crypto')
  return createHmac('sha256', key).update(text).digest('hex').slice(0, 16)
}

type Field = (value: unknown) => boolean
const text: Field = value => typeof value === 'string'
const textOrNone: Field = value => value === null || typeof value === 'string'
/** Whatever is remembered for a time, it is for at most the longest duration of an option. */
const span: Field = value => typeof value === 'number' && value >= 0 && value <= 0x7fffffff

const KEPT = { what: text, observed: text, expected: text, next: text }
const FINGERPRINT = { salt: text, hash: text }

/** What the events of each type hold. One of another type was written by a later version. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  sending: { everyMs: span, waitMs: span, replaces: textOrNone, ...FINGERPRINT },
  delivered: { of: text, receipt: textOrNone },
  refused: { of: text, ...KEPT },
  unknown: { of: text, ...KEPT },
  unsent: { of: text },
  unauthorized: { ...KEPT, ...FINGERPRINT },
  'not-before': { holdMs: span, ...KEPT, ...FINGERPRINT },
} satisfies Partial<Record<Memo['type'], unknown>>

const isMemo = ({ event }: StoreRecord): boolean => {
  const fields = Object.hasOwn(FIELDS, event.type) ? FIELDS[event.type] : undefined
  return Object.entries(fields ?? {}).every(([name, fits]) => fits(event[name]))
}

/** 3 texts of at most this many units stay within a record, however they are encoded. */
const MAX_TEXT = 160

const short = (text: string): string => excerpt(visible(text), MAX_TEXT)

/** A verdict's texts as they are kept. They must have been masked. */
export const kept = ({ what, observed, expected, next }: Kept): Kept => ({
  what,
  observed: short(observed),
  expected: short(expected),
  next: short(next),
})

/** Every call may throw a `StoreError`. */
export const openMemory = (
  store: Store,
  channel: string,
  conversation: Pick<Talk<unknown>, 'whom' | 'identity' | 'credential' | 'probe'>,
  everyMs: number,
): Memory => {
  const { whom, identity, credential, probe } = conversation
  const target = `message/${channel}/${whom.replace(/\s+/g, '-')}/${hash(`bootcheck ${channel}`, JSON.stringify(identity)).slice(0, 8)}`
  const salt = process.getBuiltinModule('node:crypto').randomBytes(8).toString('hex')
  const fingerprint = { salt, hash: hash(salt, credential) }
  let bad = 0
  let firstBad: string | undefined
  const read = (): readonly StoreRecord[] => {
    const reading = store.read(target)
    const since = sinceReset(reading.records)
    const odd = since.filter(record => !isMemo(record))
    const [first] = odd
    bad = reading.bad + odd.length
    firstBad = reading.firstBad ?? (first && `record ${first.id} says "${first.event.type}" without what belongs to it`)
    if (odd.length > since.length - odd.length)
      throw new StoreError(
        'DAMAGED',
        target,
        `${odd.length} of ${since.length} records are not what was written, the first is ${first?.id}`,
        store.forgetCommand(target),
      )
    return odd.length === 0 ? reading.records : since.filter(isMemo)
  }
  const ask = (now = store.stamp()): Ask => ({
    now,
    everyMs,
    asks: probe.length > 0,
    isGone: ({ boot, host, pid }) => boot === now.boot && host === hostname() && !alive(pid),
    isCurrent: remembered => hash(remembered.salt, credential) === remembered.hash,
  })
  const append = (memo: Memo): StoreRecord => store.append(target, memo satisfies StoreEvent)
  return {
    target,
    forget: store.forgetCommand(target),
    fingerprint,
    get bad() {
      return bad
    },
    get firstBad() {
      return firstBad
    },
    append,
    forbidden: () => decideProbe(read(), ask()),
    decide: () => decide(read(), ask()),
    claim: (replaces, waitMs) => {
      const { id } = append({ type: 'sending', everyMs, waitMs, replaces, ...fingerprint })
      return holdsPlace(read(), id) ? id : undefined
    },
    mark: () => {
      if (isAhead(read(), store.stamp())) append({ type: 'seen' })
    },
  }
}
