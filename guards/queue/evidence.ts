/** What there is to see of whoever holds a claim: its process, its beats, its log. */
import { hostname } from 'node:os'
import { agesOf } from '../../core/age.ts'
import { stat } from '../../core/files.ts'
import { sinceReset } from '../../core/guard.ts'
import { lifeOf, startOf } from '../../core/identity.ts'
import { alive, describe } from '../../core/process.ts'
import type { Stamp, StoreRecord } from '../../core/store.ts'
import { AHEAD_MS, type Claim, timeOf } from './claim.ts'

/** `unseen`: on another host, or not to be told; `unknown`: nothing names one. */
export type ProcessLife = 'alive' | 'gone' | 'unseen' | 'unknown'

export interface Evidence {
  readonly process: ProcessLife
  /** Since the claim, ms. */
  readonly claimAgeMs: number
  /** The last beat since the claim; absent without one. */
  readonly beat?: { readonly ageMs: number; readonly id: string }
  /** The worker has records since the claim. */
  readonly state: boolean
  /** A log written since the claim. */
  readonly log?: { readonly ageMs: number; readonly mtimeMs: number }
}

/** Records that only a worker that came to life leaves. */
const LIFE_SIGNS: ReadonlySet<string> = new Set(['start', 'spawned', 'ready', 'verified', 'end', 'beat', 'ok', 'fail'])

/** Process start times are exact to about a second, and a log may be opened a moment before its claim is written. */
const SLACK_MS = 2000
const LOG_SLACK_MS = 60_000

/**
 * Whether the start that a claim names is that of the process with its pid. Ticks and ps(1)'s words are compared as they are; a time
 * may be when the worker came to write it, and only a process that began after that is another one.
 */
export const isSameStart = (
  said: string,
  { start, startedAt, bootedAt }: { readonly start: string; readonly startedAt?: number; readonly bootedAt: number },
): boolean => {
  if (said === start) return true
  const at = timeOf(said) ?? (/^\d+$/.test(said) ? undefined : Date.parse(`${said} UTC`))
  // A number that names no moment of this boot is a count of ticks, and another one.
  if (at === undefined || Number.isNaN(at) || at < bootedAt - LOG_SLACK_MS) return false
  return startedAt !== undefined && startedAt <= at + SLACK_MS
}

const claimed = ({ pid, started, boot, host, claimedAt }: Claim, now: Stamp): ProcessLife | undefined => {
  if (pid === undefined) return undefined
  if (host !== undefined && host !== hostname()) return 'unseen'
  if ((boot !== undefined && boot !== now.boot) || !alive(pid)) return 'gone'
  const bootedAt = now.wallMs - now.uptimeMs
  const start = startOf(pid)
  const startedAt = describe(pid)?.startedAt
  if (start === undefined) return alive(pid) ? 'unseen' : 'gone'
  // A worker has begun before it claims: whoever began later has only inherited the number.
  const said = started ?? String(claimedAt)
  if (started === undefined && startedAt === undefined) return 'unseen'
  return isSameStart(said, { start, bootedAt, ...(startedAt === undefined ? {} : { startedAt }) }) ? 'alive' : 'gone'
}

/** The process that the worker's own records name: the child of a guard, or whoever gave the last beat. */
const recorded = (records: readonly StoreRecord[], now: Stamp): ProcessLife => {
  const spawned = records.findLast(({ event }) => event.type === 'spawned')
  const beat = records.findLast(({ event }) => event.type === 'beat')
  const lives = [
    ...(spawned
      ? [lifeOf({ ...spawned, pid: Number(spawned.event.child), started: String(spawned.event.childStarted) }, now)]
      : []),
    ...(beat ? [lifeOf(beat, now)] : []),
  ]
  if (lives.includes('alive')) return 'alive'
  if (lives.includes('unknown')) return 'unseen'
  return lives.length > 0 ? 'gone' : 'unknown'
}

/** A log that was last written before the claim belongs to somebody else's try, and one stamped ahead of the clock tells nothing. */
const logSince = (path: string | undefined, claimedAt: number, nowMs: number): Evidence['log'] => {
  const mtimeMs = path === undefined ? undefined : stat(path)?.mtimeMs
  if (mtimeMs === undefined || mtimeMs < claimedAt - LOG_SLACK_MS || mtimeMs > nowMs + AHEAD_MS) return undefined
  return { ageMs: Math.max(0, nowMs - mtimeMs), mtimeMs }
}

/** Looks. `records` are those of the worker's own target. Throws `FileError` where the log cannot be looked at. */
export const gather = (claim: Claim, records: readonly StoreRecord[], now: Stamp): Evidence => {
  const claimAgeMs = Math.max(0, now.wallMs - claim.claimedAt)
  const known = sinceReset(records)
  const ages = agesOf(known, now)
  const since = known
    .map(({ event, id }, index) => ({ event, id, ageMs: ages[index] ?? 0 }))
    .filter(({ event, ageMs }) => LIFE_SIGNS.has(event.type) && ageMs <= claimAgeMs + SLACK_MS)
  const last = since.findLast(({ event }) => event.type === 'beat')
  const log = logSince(claim.log, claim.claimedAt, now.wallMs)
  return {
    process: claimed(claim, now) ?? recorded(known, now),
    claimAgeMs,
    state: since.length > 0,
    ...(last ? { beat: { ageMs: last.ageMs, id: last.id } } : {}),
    ...(log ? { log } : {}),
  }
}
