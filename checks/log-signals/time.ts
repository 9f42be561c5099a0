/** When a log line was written. Times without a zone are this host's. All results are ms since the epoch. */

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
export const DAY_MS = 86_400_000
const YEAR_MS = 366 * DAY_MS

const fraction = (digits = ''): number => Number(`0.${digits || 0}`) * 1000

/** `Z`, `+0100`, `-03:30` in minutes east of UTC. */
const offset = (zone: string): number => {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone)
  return match ? (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) : 0
}

const moment = (
  [year, month, day, hour, minute, second]: readonly number[],
  ms: number,
  zone: string | undefined,
): number | undefined => {
  const parts = [year ?? 0, (month ?? 0) - 1, day ?? 0, hour ?? 0, minute ?? 0, second ?? 0] as const
  const [ofYear, ofMonth, ofDay, ofHour, ofMinute, ofSecond] = parts
  // The day before the first of the next month.
  const lastDay = new Date(Date.UTC(ofYear, ofMonth + 1, 0)).getUTCDate()
  if (ofMonth < 0 || ofMonth > 11 || ofDay < 1 || ofDay > lastDay) return undefined
  if (ofHour > 24 || ofMinute > 59 || ofSecond > 60) return undefined
  const at = zone === undefined ? new Date(...parts).getTime() : Date.UTC(...parts) - offset(zone) * 60_000
  return Number.isNaN(at) ? undefined : at + ms
}

// RFC 3339 and what logs make of it: a blank for the T, a comma or a slash, nothing for the zone.
const ISO = /^(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?(Z|[+-]\d\d:?\d\d)?/
const SYSLOG = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)/
// `date` and the C library's ctime: Sun Nov 22 02:14:00 2026.
const CTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d) (?:[A-Z]{3,4} )?(\d{4})/
const CLF = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})/
const EPOCH = /^(\d{10}(?:\.\d{1,9})?|\d{13})(?=\D|$)/

const monthOf = (name: string): number => {
  const at = MONTHS.indexOf(name)
  return at >= 0 && at % 3 === 0 ? at / 3 + 1 : 0
}

const numbers = (parts: readonly (string | undefined)[]): number[] => parts.map(part => Number(part ?? 0))

/** Reads the time at the beginning of a text. A year that is not written is the last one that is not in the future. */
export const readTime = (text: string, now: number): number | undefined => {
  const iso = ISO.exec(text)
  if (iso) return moment(numbers(iso.slice(1, 7)), fraction(iso[7]), iso[8])
  const clf = CLF.exec(text)
  if (clf)
    return moment(
      [...numbers([clf[3]]), monthOf(clf[2] ?? ''), ...numbers([clf[1], clf[4], clf[5], clf[6]])],
      0,
      clf[7],
    )
  const ctime = CTIME.exec(text)
  if (ctime) return moment([Number(ctime[6]), monthOf(ctime[1] ?? ''), ...numbers(ctime.slice(2, 6))], 0, undefined)
  const syslog = SYSLOG.exec(text)
  if (syslog) {
    const year = new Date(now).getFullYear()
    const at = (of: number): number | undefined =>
      moment([of, monthOf(syslog[1] ?? ''), ...numbers(syslog.slice(2, 6))], 0, undefined)
    const thisYear = at(year)
    return thisYear !== undefined && thisYear > now + DAY_MS ? at(year - 1) : thisYear
  }
  const epoch = EPOCH.exec(text)?.[1]
  return epoch === undefined ? undefined : plausible(Number(epoch))
}

/** Seconds, ms, µs or ns by their size, as long as that is between 2001 and 2100. */
const plausible = (value: number): number | undefined => {
  const ms = value > 1e17 ? value / 1e6 : value > 1e14 ? value / 1e3 : value > 1e11 ? value : value * 1000
  return ms >= 978_307_200_000 && ms < 4_102_444_800_000 ? ms : undefined
}

/** A number may also be an id or a size: where no key calls it a time it is one within a year of now alone. */
const timeAtStart = (text: string, now: number): number | undefined => {
  const at = readTime(text, now)
  return at === undefined || Math.abs(now - at) < YEAR_MS || !EPOCH.test(text) ? at : undefined
}

/** The time at the start of a line, also behind a bracket or `<13>` and the like. */
export const timeOfText = (coloured: string, now: number): number | undefined => {
  // Some paint the time, and into a file as well.
  const line = coloured.charCodeAt(0) === 0x1b ? coloured.replace(/^(?:\x1b\[[\d;]*m)+/, '') : coloured
  const code = line.charCodeAt(0)
  const digit = code >= 0x30 && code <= 0x39
  const letter = code >= 0x41 && code <= 0x5a
  const inside = digit || letter ? '' : /^(?:<\d{1,3}>|[[("])(?:\d )?/.exec(line.slice(0, 8))?.[0]
  if (inside === undefined) return undefined
  return timeAtStart(inside === '' ? line : line.slice(inside.length), now)
}

const KEYS = ['time', 'timestamp', 'ts', '@timestamp', 'date', 'datetime'] as const

/** The time of a line that is a JSON object: under the usual keys, or under `_meta` as tslog writes it. */
export const timeOfJson = (line: Readonly<Record<string, unknown>>, now: number): number | undefined => {
  for (const key of KEYS) {
    const value = line[key]
    const at =
      typeof value === 'number' ? plausible(value) : typeof value === 'string' ? readTime(value, now) : undefined
    if (at !== undefined) return at
  }
  const meta = line._meta
  return typeof meta === 'object' && meta !== null
    ? timeOfJson({ date: (meta as { date?: unknown }).date }, now)
    : undefined
}
