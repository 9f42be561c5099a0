import { expect, it } from 'vitest'
import { retryAfter } from '../../core/http-words.ts'

const NOW = Date.UTC(2026, 10, 22, 12)
const YEAR_MS = 365 * 86_400_000

it.each<[string | undefined, number | undefined]>([
  [undefined, undefined],
  ['', undefined],
  ['0', 0],
  [' 90 ', 90_000],
  ['0.5', 500],
  ['99999999999999', YEAR_MS],
  ['9'.repeat(400), YEAR_MS],
  // The three forms of RFC 9110, 5.6.7, and that of ISO 8601, which some services send.
  ['Sun, 22 Nov 2026 12:01:00 GMT', 60_000],
  ['Sunday, 22-Nov-26 12:01:00 GMT', 60_000],
  ['Sun Nov 22 12:01:00 2026', 60_000],
  ['2026-11-22T12:01:00Z', 60_000],
  ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
  ['Fri, 31 Dec 9999 23:59:59 GMT', YEAR_MS],
  ['-5', undefined],
  ['1e3', undefined],
  ['5 minutes', undefined],
  ['soon', undefined],
  ['Sunday', undefined],
])('a Retry-After of %s is %s ms', (text, ms) => {
  expect(retryAfter(text, NOW)).toBe(ms)
})
