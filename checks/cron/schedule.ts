/** Whether a schedule can fire, and when it does next. The only file that knows croner. */
import { duration } from '../../core/units.ts'

/** A schedule as a job file gives it, whatever its dialect. */
export type Schedule =
  | { readonly kind: 'cron'; readonly expr: string; readonly tz?: string }
  | { readonly kind: 'at'; readonly at: string | number }
  | { readonly kind: 'every'; readonly every: string | number; readonly anchorMs?: number }
  /** Started by something else than a clock: a boot, an exit, a stream. */
  | { readonly kind: 'event'; readonly name: string }

export type Firing =
  /** ms since the epoch; absent for what no clock starts. */
  | { readonly fires: true; readonly next?: number }
  | { readonly fires: false; readonly why: 'invalid' | 'never' | 'past'; readonly message: string }

const invalid = (message: string): Firing => ({ fires: false, why: 'invalid', message })

const timeZones = new Map<string, boolean>()

export const isTimeZone = (name: string): boolean => {
  let known = timeZones.get(name)
  if (known === undefined) {
    try {
      new Intl.DateTimeFormat('en', { timeZone: name })
      known = true
    } catch {
      known = false
    }
    timeZones.set(name, known)
  }
  return known
}

/** croner's words without its name, and without what it says about itself. */
const inPlainWords = (message: string): string => {
  const text = message.replace(/^Cron(Pattern|Date)?: /, '').replace(/^Syntax error, /, '')
  if (text.startsWith('invalid configuration format')) return 'it does not have five, six or seven fields'
  return text.charAt(0).toLowerCase() + text.slice(1)
}

const cronFiring = async (expr: string, tz: string | undefined, after: number): Promise<Firing> => {
  if (tz !== undefined && tz !== '' && !isTimeZone(tz))
    return invalid(`the time zone ${JSON.stringify(tz)} does not exist`)
  const { Cron } = await import('croner')
  try {
    const cron = new Cron(expr, { paused: true, ...(tz ? { timezone: tz } : {}) })
    // A date in place of an expression is croner's own idea, and no cron expression anywhere else.
    if (cron.getPattern() === undefined) return invalid('it is not a cron expression')
    const next = cron.nextRun(new Date(after))
    if (next) return { fires: true, next: next.getTime() }
    return { fires: false, why: 'never', message: 'no date ever fits it' }
  } catch (error) {
    return invalid(inPlainWords((error as Error).message))
  }
}

/** Ten digits are seconds since the epoch until the year 2286; milliseconds have more. */
const SECONDS_END = 1e10

/** JavaScript reads the 31st of February as a day in March. */
const isDay = (text: string): boolean => {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d\d)-(\d\d)/.exec(text) ?? []
  return day === '' || new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
}

const atFiring = (at: string | number, now: number): Firing => {
  const time = typeof at === 'number' ? at : /^\d{12,14}$/.test(at) ? Number(at) : Date.parse(at)
  if (!Number.isFinite(time)) return invalid(`${JSON.stringify(at)} is not a date`)
  if (typeof at === 'string' && !isDay(at))
    return invalid(`${JSON.stringify(at)} is a day that its month does not have`)
  if (typeof at === 'number' && at < SECONDS_END) return invalid(`${at} is not in milliseconds since 1970`)
  if (time >= now) return { fires: true, next: time }
  return { fires: false, why: 'past', message: `${new Date(time).toISOString()} has passed` }
}

const everyFiring = (every: string | number, anchorMs: number | undefined, now: number): Firing => {
  const ms = typeof every === 'number' ? every : duration(every)
  if (ms === undefined || !(ms > 0) || !Number.isFinite(ms))
    return invalid(`${JSON.stringify(every)} is not an interval`)
  if (anchorMs === undefined) return { fires: true }
  const periods = Math.max(0, Math.floor((now - anchorMs) / ms) + 1)
  return { fires: true, next: anchorMs + periods * ms }
}

const known = new Map<string, Firing>()

/** When a schedule fires next after `now` (ms since the epoch). Many jobs share an expression, so each is worked out once. */
export const firing = async (schedule: Schedule, now: number): Promise<Firing> => {
  switch (schedule.kind) {
    case 'at':
      return atFiring(schedule.at, now)
    case 'every':
      return everyFiring(schedule.every, schedule.anchorMs, now)
    case 'event':
      return { fires: true }
    case 'cron': {
      const key = `${now} ${schedule.tz ?? ''} ${schedule.expr}`
      const result = known.get(key) ?? (await cronFiring(schedule.expr, schedule.tz, now))
      if (known.size > 10_000) known.clear()
      known.set(key, result)
      return result
    }
    default:
      return schedule satisfies never
  }
}
