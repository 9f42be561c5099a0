/** What one record tells, in a line. */

import { sinceReset } from '../../core/guard.ts'
import { emptyLedger, stepLedger } from '../../core/permit.ts'
import type { Stamp, StoreRecord } from '../../core/store.ts'
import { excerpt, span } from '../../core/text.ts'

const LONGEST = 200

const said = (value: unknown): string => (typeof value === 'string' ? excerpt(value, LONGEST) : '')
const ms = (value: unknown): string => (typeof value === 'number' ? span(value) : 'some time')

const ended = ({ event }: StoreRecord): string => {
  const how =
    typeof event.signal === 'string'
      ? `signal ${event.signal}`
      : typeof event.code === 'number'
        ? `exit ${event.code}`
        : 'never ran'
  if (event.requested === true) return `stopped: ${how}`
  return `${event.crash === true ? 'crashed' : 'ended'}: ${how}`
}

const LINES: Readonly<Record<string, (record: StoreRecord) => string>> = {
  start: ({ event }) => `starts: ${said(event.command)}`,
  spawned: ({ event }) => `runs as pid ${event.child}`,
  ready: () => 'ready',
  verified: () => 'verified: a good start, its crashes are forgotten',
  checked: ({ event }) =>
    event.effect === 'none'
      ? `check ${said(event.check)} passes again`
      : `check ${said(event.check)} ${event.effect === 'warning' ? 'warns' : 'fails'}: ${said(event.what)}`,
  end: ended,
  unclean: () => 'crashed: its process was gone, and nobody saw its end',
  rebooted: () => 'ended with the host',
  config: ({ event }) => `not started: ${said(event.what)}`,
  closed: ({ event }) => `gate closed: ${said(event.what)}`,
  wait: ({ event }) => `waits ${ms(event.ms)} (${said(event.rule)})`,
  refused: ({ event }) =>
    typeof event.rule === 'string' ? `refused (${said(event.rule)})` : `not delivered: ${said(event.observed)}`,
  trial: () => 'one trial',
  notified: ({ event }) => `somebody was told: ${said(event.key)}`,
  ok: () => 'ok',
  fail: ({ event }) =>
    typeof event.retryAfterMs === 'number' ? `failed, and asks for ${span(event.retryAfterMs)}` : 'failed',
  once: () => 'committed',
  beat: () => 'beat',
  stale: () => 'quiet after a sleep: the first look',
  requeue: () => 'stale: it is given back',
  requeued: ({ event }) => (event.ok === true ? 'given back' : 'giving it back failed'),
  reset: () => 'reset',
  seen: () => 'seen',
  sending: () => 'a message is sent',
  delivered: () => 'delivered',
  unknown: ({ event }) => `not known whether delivered: ${said(event.observed)}`,
  unsent: () => 'not sent',
  unauthorized: ({ event }) => `credential refused: ${said(event.observed)}`,
  'not-before': ({ event }) => `left alone for ${ms(event.holdMs)}`,
}

/** Whether an ask was permitted is known by those before it. */
const asked = (record: StoreRecord, all: readonly StoreRecord[]): string => {
  const before = sinceReset(all.slice(0, all.indexOf(record))).reduce(stepLedger, emptyLedger)
  return stepLedger(before, record).permits === before.permits ? 'asked, and was refused' : 'took a permit'
}

/** `all` are the target's records, this one among them. Nothing of the text is safe for a terminal yet. */
export const tellRecord = (record: StoreRecord, all: readonly StoreRecord[]): string => {
  const { type } = record.event
  if (type === 'ask') return asked(record, all)
  return Object.hasOwn(LINES, type) ? (LINES[type]?.(record) ?? type) : excerpt(type, LONGEST)
}

const two = (value: number): string => String(value).padStart(2, '0')

/** Local, to the second. */
export const timeOf = ({ wallMs }: Pick<Stamp, 'wallMs'>): string => {
  const at = new Date(wallMs)
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')
}
