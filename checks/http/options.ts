/** What the schema cannot say about the options. */
import { badHeader, type Headers } from '../../core/http-words.ts'
import { ageLimit } from '../../core/units.ts'
import { type Expect, flawOfExpect } from './expect.ts'

/** A hundred years: certificates live for weeks to months. */
const LONGEST_VALIDITY_MS = 100 * 365 * 86_400_000

/** In one line, what contradicts or cannot be sent; undefined if all is well. */
export const flawOf = (given: Readonly<Record<string, unknown>>): string | undefined => {
  const { url, method = 'GET', headers, body, expect = {}, 'valid-for': validFor = '14d' } = given
  if (typeof url !== 'string' || !URL.canParse(url)) return 'url is not an address: write https://host/path'
  const { username, password } = new URL(url)
  if (username !== '' || password !== '')
    return 'a user or a password stands in url: write `headers: {authorization: "Basic ${secret:NAME}"}`'
  const odd = badHeader(headers as Headers | undefined)
  if (odd !== undefined) return `the header ${JSON.stringify(odd)} cannot be sent: a plain name and a value on one line`
  if (body !== undefined && (method === 'GET' || method === 'HEAD'))
    return `a ${method} carries no body: correct \`method\`, or delete \`body\``
  const wanted = expect as Expect
  if (method === 'HEAD' && (wanted.body !== undefined || wanted.json !== undefined))
    return 'the answer to a HEAD has no body: ask with GET, or delete `expect.body` and `expect.json`'
  if (!((ageLimit(String(validFor)) ?? Number.NaN) <= LONGEST_VALIDITY_MS))
    return `valid-for is ${validFor}: write at most 36500d`
  return flawOfExpect(wanted)
}
