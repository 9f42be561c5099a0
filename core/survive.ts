/**
 * What of a target's records is kept, once their day is over. Nearly all that guards count lies inside a window, and no duration that can
 * be written is longer than 24.8 days (see units.ts): beyond `RETAIN_MS` only what holds until a reset still matters, and the latest
 * of each event, for people and for a process that lives that long.
 */
import { elapsedMs, type Keep, RESET, type Stamp, type StoreRecord } from './store.ts'

const DAY = 86_400_000

/** Days that ended longer ago are looked through, and what survives of them is moved together. */
export const SETTLED_MS = DAY

/** How long what lies inside a window is kept. */
export const RETAIN_MS = 30 * DAY

/** There is one every 30 s for as long as a process lives, and only the latest says anything. */
const FLEETING: ReadonlySet<string> = new Set(['beat'])

/** `latest` and `first` hold for the records of equal `by`. */
type Rule =
  | { readonly lives: 'latest' | 'both ends' | 'first'; readonly by?: readonly string[] }
  | { readonly lives: 'always' }

const LATEST: Rule = { lives: 'latest' }
const ALWAYS: Rule = { lives: 'always' }

/** By event. One that is not listed is kept for ever: add a line here for an event whose effect ends by itself. */
const RULES: Readonly<Record<string, Rule | ((record: StoreRecord) => Rule)>> = {
  // A process and its life. The latest start may still be running.
  start: LATEST,
  spawned: LATEST,
  ready: LATEST,
  verified: LATEST,
  stopping: LATEST,
  parked: LATEST,
  checked: { lives: 'latest', by: ['check'] },
  end: LATEST,
  unclean: LATEST,
  rebooted: LATEST,
  config: LATEST,
  closed: LATEST,
  // The ladder: since when, and what has been tried in vain.
  wait: LATEST,
  trial: LATEST,
  refused: { lives: 'both ends', by: ['rule', 'fingerprint', 'what'] },
  notified: { lives: 'latest', by: ['key'] },
  // Permits. A retry budget has no window; which of its asks were permitted is known by replaying all of them.
  ok: LATEST,
  fail: LATEST,
  ask: ({ event }) => (event.attempts == null ? LATEST : ALWAYS),
  once: { lives: 'first' },
  beat: LATEST,
  stale: LATEST,
  // Messages. A credential that was refused stays refused (with `refused`, above).
  sending: LATEST,
  delivered: LATEST,
  unknown: LATEST,
  unsent: LATEST,
  'not-before': LATEST,
  seen: LATEST,
  unauthorized: LATEST,
  [RESET]: LATEST,
}

const ruleOf = (record: StoreRecord): Rule => {
  const rule = Object.hasOwn(RULES, record.event.type) ? RULES[record.event.type] : undefined
  return (typeof rule === 'function' ? rule(record) : rule) ?? ALWAYS
}

/** The records that must not be forgotten at this moment, in their order. */
export const survivors =
  (now: Stamp): Keep =>
  records => {
    // The reset itself survives: a copy of what it cleared may turn up later, made by somebody who was held up in the middle.
    const standing = records.slice(
      Math.max(
        0,
        records.findLastIndex(({ event }) => event.type === RESET),
      ),
    )
    const first = new Map<string, string>()
    const last = new Map<string, string>()
    const kept = new Set<string>()
    for (const record of standing) {
      const rule = ruleOf(record)
      const { type } = record.event
      const young = !FLEETING.has(type) && elapsedMs(record, now) < RETAIN_MS
      if (young || rule.lives === 'always') kept.add(record.id)
      if (rule.lives !== 'always') {
        const group = JSON.stringify([type, ...(rule.by ?? []).map(field => record.event[field] ?? null)])
        if (rule.lives !== 'latest' && !first.has(group)) first.set(group, record.id)
        if (rule.lives !== 'first') last.set(group, record.id)
      }
    }
    for (const ids of [first, last]) for (const id of ids.values()) kept.add(id)
    // What a record speaks of comes with it: the start that ended, the message that was refused.
    for (const { id, event } of standing) if (kept.has(id) && typeof event.of === 'string') kept.add(event.of)
    return standing.filter(({ id }) => kept.has(id))
  }
