/** What requests and replies of HTTP are made of, for every kind that speaks it. */
import type { Reply } from './http.ts'

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Of these, undici or the connection itself decides. */
const NOT_OURS = /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|expect|proxy-.*)$/i

/** Names of headers, and of parts of a query, that say who one is. */
export const CREDENTIAL = /auth|cookie|token|secret|key|signature|password/i

export type Headers = Readonly<Record<string, unknown>>

export const lowered = (headers: Headers | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]))

/** The name of a header that cannot be sent. */
export const badHeader = (headers: Headers | undefined): string | undefined =>
  Object.entries(headers ?? {}).find(
    ([name, value]) => !HEADER_NAME.test(name) || NOT_OURS.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(String(value)),
  )?.[0]

/** What came back, in one line: `HTTP 200: {"ok":false}`. */
export const shown = ({ status, text, cut }: Reply): string => {
  const body = text.trim()
  return `HTTP ${status}${body === '' ? ' without a body' : `: ${body}`}${cut === undefined ? '' : ` (${cut})`}`
}

/** The longest wait that is believed, ms: what is beyond it was meant in another unit, or is no time at all. */
const LONGEST_WAIT_MS = 365 * 86_400_000

/** The forms of RFC 9110, 5.6.7, and that of ISO 8601, which some services send. `Date.parse` alone takes `-5` for the May of 2001. */
const DATE = /^(?:[A-Z][a-z]{2,8},? .*\d|\d{4}-\d\d-\d\dT)/

/** The old form of asctime(3), which names no zone and means GMT. */
const UNZONED = /^[A-Z][a-z]{2} [A-Z][a-z]{2} .*\d{4}$/

/** Seconds, or a date, in ms from now, at most a year; undefined if it is neither. */
export const retryAfter = (text: string | undefined, nowMs: number): number | undefined => {
  if (text === undefined) return undefined
  const said = text.trim()
  if (/^\d+(\.\d+)?$/.test(said)) return Math.min(Number(said) * 1000, LONGEST_WAIT_MS)
  const at = DATE.test(said) ? Date.parse(UNZONED.test(said) ? `${said} GMT` : said) : Number.NaN
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - nowMs), LONGEST_WAIT_MS)
}

/** Two JSON values are the same; the order of members does not count. */
export const same = (a: unknown, b: unknown): boolean => {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [keys, others] = [Object.keys(a), Object.keys(b)]
  return (
    keys.length === others.length &&
    keys.every(key => Object.hasOwn(b, key) && same(Reflect.get(a, key), Reflect.get(b, key)))
  )
}
