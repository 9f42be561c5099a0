/** Times as people say them, local. */
import type { Stamp } from '../../core/store.ts'

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const DAY_MS = 86_400_000

const two = (value: number): string => String(value).padStart(2, '0')

/** The furthest moment that a date can name, ms since the epoch (ECMA-262). */
const LAST = 8.64e15

/** When a span that is left ends; both as far as a date can tell. */
export const untilOf = (leftMs: number, { wallMs }: Stamp): { readonly leftMs: number; readonly until: number } => {
  const left = Math.min(leftMs, LAST - wallMs)
  return { leftMs: left, until: wallMs + left }
}

/** As far as a date can tell. */
export const momentAgo = (ms: number, { wallMs }: Stamp): number => Math.max(wallMs - ms, -LAST)

/** `02:14` today, `Fri 22:40` less than six days ago or ahead, otherwise `2026-11-21 22:40`. */
export const moment = (at: number, now: number): string => {
  const then = new Date(at)
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`
  if (then.toDateString() === new Date(now).toDateString()) return time
  if (Math.abs(now - at) < 6 * DAY_MS) return `${DAYS[then.getDay()]} ${time}`
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${time}`
}
