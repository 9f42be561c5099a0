/** What an answer is held against. */
import type { Reply } from '../../core/http.ts'
import { same } from '../../core/http-words.ts'
import { pointed } from '../../core/pointer.ts'
import { flawOfPattern, type Matcher, matcherOf, seeking } from '../../core/safe-regex.ts'
import type { What } from './codes.ts'

export interface Expect {
  readonly status?: number | readonly number[]
  readonly headers?: Readonly<Record<string, unknown>>
  readonly json?: Readonly<Record<string, unknown>>
  readonly body?: string
}

export const statusesOf = ({ status = 200 }: Expect): readonly number[] =>
  typeof status === 'number' ? [status] : status

/** One thing in which an answer differs. */
export interface Difference {
  readonly what: Extract<What, 'header' | 'not-json' | 'json' | 'body' | 'cut'>
  readonly observed: string
  readonly expected: string
}

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'] as const

/** What is asked of a value without naming the value itself. */
interface Assertion {
  readonly exists?: boolean
  readonly matches?: string
  readonly type?: (typeof TYPES)[number]
}

const ASSERTS = new Set(['exists', 'matches', 'type'])

/** A map of nothing but `exists`, `matches` and `type` asks; everything else is the value itself. */
const asserts = (wanted: unknown): wanted is Assertion =>
  typeof wanted === 'object' &&
  wanted !== null &&
  !Array.isArray(wanted) &&
  Object.keys(wanted).length > 0 &&
  Object.keys(wanted).every(key => ASSERTS.has(key))

const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

const hasType = (value: unknown, type: string): boolean =>
  type === 'integer' ? Number.isInteger(value) : typeOf(value) === type

const flawOfText = (where: string, pattern: unknown): string | undefined => {
  if (typeof pattern !== 'string') return `${where} must be text or /regex/, not ${JSON.stringify(pattern)}`
  const flaw = flawOfPattern(pattern)
  return flaw === undefined ? undefined : `${where}: ${flaw}`
}

const flawOfJson = (pointer: string, wanted: unknown): string | undefined => {
  const where = `expect.json ${JSON.stringify(pointer)}`
  if (pointer !== '' && !pointer.startsWith('/'))
    return `${where} is no JSON pointer: it begins with "/", as /data/0/id does`
  if (!asserts(wanted)) return undefined
  if (wanted.exists !== undefined && typeof wanted.exists !== 'boolean') return `${where}: exists is true or false`
  if (wanted.type !== undefined && !TYPES.includes(wanted.type)) return `${where}: type is one of ${TYPES.join(', ')}`
  if (wanted.exists === false && (wanted.type !== undefined || wanted.matches !== undefined))
    return `${where}: what must not be there has neither type nor text`
  return wanted.matches === undefined ? undefined : flawOfText(`${where}: matches`, wanted.matches)
}

/** What is wrong with an expectation that fits the schema, in one line. */
export const flawOfExpect = ({ headers = {}, json = {}, body }: Expect): string | undefined => {
  for (const [name, wanted] of Object.entries(headers)) {
    const flaw = flawOfText(`expect.headers ${name}`, wanted)
    if (flaw !== undefined) return flaw
  }
  for (const [pointer, wanted] of Object.entries(json)) {
    const flaw = flawOfJson(pointer, wanted)
    if (flaw !== undefined) return flaw
  }
  return body === undefined ? undefined : flawOfText('expect.body', body)
}

const patternsIn = ({ headers = {}, json = {}, body }: Expect): readonly Matcher[] =>
  [
    ...Object.values(headers),
    ...Object.values(json).flatMap(wanted => (asserts(wanted) ? (wanted.matches ?? []) : [])),
    ...(body === undefined ? [] : [body]),
  ].map(pattern => matcherOf(String(pattern)))

/** Throws `NeedsChild` where a pattern may take long: before anything is sent, since the check then runs again in a child. */
export const rehearse = (expect: Expect): void => {
  for (const pattern of patternsIn(expect)) pattern.find('')
}

const jsonDifference = (pointer: string, wanted: unknown, document: unknown): Omit<Difference, 'what'> | undefined => {
  const at = pointer === '' ? 'the whole' : pointer
  const found = pointed(document, pointer)
  const is = `${at} is ${JSON.stringify(found) ?? 'missing'}`
  if (!asserts(wanted))
    return same(found, wanted) ? undefined : { observed: is, expected: `${JSON.stringify(wanted)} at ${at}` }
  if (wanted.exists === false) return found === undefined ? undefined : { observed: is, expected: `nothing at ${at}` }
  if (found === undefined) return { observed: is, expected: `a value at ${at}` }
  if (wanted.type !== undefined && !hasType(found, wanted.type))
    return { observed: is, expected: `${wanted.type} at ${at}` }
  if (wanted.matches === undefined) return undefined
  const fits = typeof found === 'string' && matcherOf(wanted.matches).find(found) >= 0
  return fits ? undefined : { observed: is, expected: `text with ${wanted.matches} at ${at}` }
}

/** Everything in which an answer with a good status differs from what was declared. */
export const differences = (reply: Reply, expect: Expect): readonly Difference[] => {
  const done = seeking(patternsIn(expect), 'the answer')
  try {
    return compared(reply, expect)
  } finally {
    done()
  }
}

const compared = (reply: Reply, { headers = {}, json = {}, body }: Expect): readonly Difference[] => {
  const found: Difference[] = []
  for (const [name, wanted] of Object.entries(headers)) {
    const lower = name.toLowerCase()
    const value = Object.hasOwn(reply.headers, lower) ? reply.headers[lower] : undefined
    if (value === undefined || matcherOf(String(wanted)).find(value) < 0)
      found.push({
        what: 'header',
        observed: value === undefined ? `no header ${name}` : `${name}: ${value}`,
        expected: `${name} with ${wanted}`,
      })
  }
  const searched = Object.keys(json).length > 0 || body !== undefined
  // A stream that has no end is none the worse for it where nobody asked about the body; one that broke off is.
  if (reply.cut !== undefined && (searched || reply.cutBy === 'peer')) {
    found.push({ what: 'cut', observed: `HTTP ${reply.status}, but ${reply.cut}`, expected: 'a whole answer' })
    return found
  }
  if (Object.keys(json).length > 0 && reply.json === undefined)
    found.push({
      what: 'not-json',
      observed: reply.text.trim() === '' ? 'an empty body' : `no JSON: ${reply.text.trim()}`,
      expected: 'a body of JSON',
    })
  else
    for (const [pointer, wanted] of Object.entries(json)) {
      const difference = jsonDifference(pointer, wanted, reply.json)
      if (difference) found.push({ what: 'json', ...difference })
    }
  if (body !== undefined && matcherOf(body).find(reply.text) < 0)
    found.push({
      what: 'body',
      observed: reply.text.trim() === '' ? 'an empty body' : `the body ${reply.text.trim()}`,
      expected: `a body with ${body}`,
    })
  return found
}
