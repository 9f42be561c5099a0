/**
 * How long a host was asleep. Whoever beats sleeps with it, so a beat that is eight hours old may be one of an hour's nap: after
 * a suspend, and after a reboot, what looks stale has to look stale twice.
 */

import { elapsedMs, type Stamp } from './store.ts'
import { ask } from './system.ts'

/** What the system tells of its sleep. */
export interface Sleep {
  /** Time asleep since the boot, ms; 0 where only the last waking is told. */
  readonly totalMs: number
  /** The last waking, wall clock in ms, where that is told. */
  readonly wokeAt?: number
}

/** Below it two readings of one clock differ. */
const NOISE_MS = 1000

/** Reads `{ sec = 1700000000, usec = 123456 } Tue Nov 14 22:13:20 2023`; undefined for a host that never slept (0). */
export const parseWakeTime = (text: string): number | undefined => {
  const match = /sec = (\d+), usec = (\d+)/.exec(text)
  const at = Number(match?.[1] ?? 0) * 1000 + Math.floor(Number(match?.[2] ?? 0) / 1000)
  return at > 0 ? at : undefined
}

/** Of this host. On Linux the uptime goes on while it sleeps, and the monotonic clock does not. */
export const observeSleep = ({ uptimeMs }: Pick<Stamp, 'uptimeMs'>): Sleep => {
  if (process.platform === 'linux') {
    const slept = uptimeMs - Number(process.hrtime.bigint() / 1_000_000n)
    return { totalMs: slept > NOISE_MS ? slept : 0 }
  }
  const wokeAt = parseWakeTime(ask('sysctl', ['-n', 'kern.waketime']) ?? '')
  return { totalMs: 0, ...(wokeAt === undefined ? {} : { wokeAt }) }
}

/** For how much of the last `ageMs` this host was awake, at least. Before this boot it counts as asleep. */
export const awakeMs = (ageMs: number, now: Stamp, { totalMs, wokeAt }: Sleep): number => {
  const sinceWaking = wokeAt === undefined ? Number.POSITIVE_INFINITY : Math.max(0, now.wallMs - wokeAt)
  return Math.max(0, Math.min(ageMs, now.uptimeMs, ageMs <= sinceWaking ? ageMs : sinceWaking) - totalMs)
}

/** A first reading that looked stale, and how long the host had slept by then. */
export interface Doubt {
  readonly at: Stamp
  readonly asleepMs: number
}

/** Two beats and the time to write them: whoever lives has beaten by then. */
export const SECOND_LOOK_MS = 60_000

/** Whether the host has been awake since a first reading for long enough that a second one counts. */
export const isSecondLook = ({ at, asleepMs }: Doubt, now: Stamp, sleep: Sleep): boolean => {
  const age = elapsedMs(at, now)
  const since = at.boot === now.boot ? { ...sleep, totalMs: Math.max(0, sleep.totalMs - asleepMs) } : sleep
  return awakeMs(age, now, since) >= SECOND_LOOK_MS
}
