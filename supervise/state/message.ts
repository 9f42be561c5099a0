/** What the records of a message channel come to. */
import { elapsedMs, type Stamp, type StoreRecord } from '../../core/store.ts'
import type { TargetState } from './model.ts'
import { untilOf } from './moment.ts'

const OUTCOMES: ReadonlySet<string> = new Set(['delivered', 'refused', 'unknown', 'unsent'])
const OWN: ReadonlySet<string> = new Set(['sending', 'delivered', 'unknown', 'unsent', 'unauthorized', 'not-before'])

type Said = Pick<TargetState, 'standing' | 'since' | 'until' | 'leftMs' | 'reason' | 'next' | 'delivered'>

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)

/** Undefined where the records are no message channel's. They are those since the last reset. */
export const messageOf = (records: readonly StoreRecord[], now: Stamp): Said | undefined => {
  if (!records.some(({ event }) => OWN.has(event.type))) return undefined
  const lastDelivered = records.findLast(({ event }) => event.type === 'delivered')
  const known = { until: null, leftMs: null, delivered: lastDelivered?.wallMs ?? null }
  const told = (record: StoreRecord, standing: Said['standing']): Said => ({
    ...known,
    standing,
    since: record.wallMs,
    reason: text(record.event.observed),
    next: text(record.event.next),
  })
  const held = records.findLast(({ event }) => event.type === 'not-before')
  const leftMs = held ? Number(held.event.holdMs) - elapsedMs(held, now) : 0
  if (held && leftMs > 0) return { ...told(held, 'cooling-off'), ...untilOf(leftMs, now), next: text(held.event.next) }

  const last = records.findLast(
    ({ event }) => event.type === 'sending' || event.type === 'unauthorized' || OUTCOMES.has(event.type),
  )
  switch (last?.event.type) {
    case 'delivered':
      return { ...known, standing: 'delivered', since: last.wallMs, reason: null, next: null }
    case 'refused':
    case 'unknown':
    case 'unauthorized':
      return told(last, 'undelivered')
    case 'unsent':
      return {
        ...known,
        standing: 'undelivered',
        since: last.wallMs,
        reason: 'the last message did not leave this host',
        next: 'bootcheck run',
      }
    case 'sending':
      return {
        ...known,
        standing: 'undelivered',
        since: last.wallMs,
        reason: 'a run began to send, and its outcome is not on record',
        next: 'look into the chat whether a message came',
      }
    default:
      return { ...known, standing: 'known', since: null, reason: null, next: null }
  }
}
