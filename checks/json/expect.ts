/** What must stand at a pointer, and whether it does. */
import { isDeepStrictEqual } from 'node:util'
import { flawOfPattern, type Matcher, matcherOf } from '../../core/safe-regex.ts'
import { excerpt } from '../../core/text.ts'
import { TOKENS } from '../../core/tokens.ts'
import { mayBeSecret } from './document.ts'

export const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'] as const
export type Type = (typeof TYPES)[number]

/** All that is given must hold. */
export interface Expectation {
  readonly equals?: unknown
  readonly 'one-of'?: readonly unknown[]
  /** Text to be found in it, or /regex/. */
  readonly matches?: string
  readonly type?: Type
  readonly exists?: true
  readonly absent?: true
}

/** One place that a pointer means; `found` is false where nothing is there. */
export interface Spot {
  readonly pointer: string
  readonly found: boolean
  readonly value?: unknown
}

const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

/** Every place that a JSON pointer means: `*` is each key or element, and where there is none of them the pointer is not found. */
export const spotsOf = (document: unknown, pointer: string): readonly Spot[] => {
  let spots: readonly Spot[] = [{ pointer: '', found: true, value: document }]
  for (const part of pointer.split('/').slice(1))
    spots = spots.flatMap((spot): readonly Spot[] => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
      const missing: Spot = { pointer: `${spot.pointer}/${part}`, found: false }
      const { value } = spot
      if (!spot.found || typeof value !== 'object' || value === null) return [missing]
      if (part === '*') {
        const inner = Object.entries(value)
        return inner.length === 0
          ? [missing]
          : inner.map(([name, one]) => ({ pointer: `${spot.pointer}/${escaped(name)}`, found: true, value: one }))
      }
      return Object.hasOwn(value, key) && !(Array.isArray(value) && key === 'length')
        ? [{ pointer: `${spot.pointer}/${escaped(key)}`, found: true, value: Reflect.get(value, key) }]
        : [missing]
    })
  return spots
}

const typeOf = (value: unknown): Exclude<Type, 'integer'> => {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  const type = typeof value
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object'
}

/** Of a place that sounds like a secret, or a text that looks like one. */
export const isSecret = (pointer: string, text: string): boolean =>
  mayBeSecret(pointer) || TOKENS.some(([, shape]) => text.search(shape) >= 0)

/** A value as it may be shown: that of a place that sounds like a secret, or looks like one, only by its kind. */
export const shownValue = ({ pointer, value }: Spot, mask: (text: string) => string): string => {
  switch (typeOf(value)) {
    case 'string': {
      const text = String(value)
      return isSecret(pointer, text) ? `text of ${text.length} characters` : excerpt(mask(JSON.stringify(text)), 60)
    }
    case 'array':
      return `an array of ${(value as readonly unknown[]).length}`
    case 'object':
      return `an object of ${Object.keys(value as object).length}`
    case 'number':
      return mayBeSecret(pointer) ? 'a number' : `the number ${String(value)}`
    default:
      return String(value)
  }
}

/** A wanted value, which is as secret as the one that stands there. */
const wantedValue = (pointer: string, value: unknown): string =>
  isSecret(pointer, JSON.stringify(value) ?? '')
    ? `a certain ${typeOf(value) === 'string' ? 'text' : typeOf(value)}`
    : excerpt(JSON.stringify(value) ?? String(value), 60)

/** Wanted values, in words. */
export const wantedValues = (pointer: string, values: readonly unknown[]): string =>
  [...new Set(values.map(value => wantedValue(pointer, value)))].join(', ')

/** What is expected at a place, in words. */
export const wordsOf = (pointer: string, expected: Expectation): string =>
  [
    ...(expected.absent ? ['nothing'] : []),
    ...('equals' in expected ? [wantedValue(pointer, expected.equals)] : []),
    ...(expected['one-of'] ? [`one of ${wantedValues(pointer, expected['one-of'])}`] : []),
    ...(expected.matches === undefined
      ? []
      : [
          matcherOf(expected.matches).plain && isSecret(pointer, expected.matches)
            ? 'text with a certain part'
            : `text with ${expected.matches}`,
        ]),
    ...(expected.type === undefined ? [] : [`a value of type ${expected.type}`]),
    ...(expected.exists ? ['a value'] : []),
  ].join(', ')

/** Whether a value that is there is as expected. */
const fits = (expected: Expectation, pattern: Matcher | undefined, value: unknown): boolean => {
  const type = typeOf(value)
  if ('equals' in expected && !isDeepStrictEqual(value, expected.equals)) return false
  if (expected['one-of'] && !expected['one-of'].some(one => isDeepStrictEqual(value, one))) return false
  if (pattern && !(type === 'string' && pattern.find(String(value)) >= 0)) return false
  if (expected.type === 'integer') return Number.isInteger(value)
  return expected.type === undefined || expected.type === type
}

/** The pattern of `matches`. */
export const patternOf = ({ matches }: Expectation): Matcher | undefined =>
  matches === undefined ? undefined : matcherOf(matches)

/** What is wrong at one place; undefined if it is as expected. `pattern` is the expectation's. */
export const judgeSpot = (
  spot: Spot,
  expected: Expectation,
  pattern = patternOf(expected),
): 'missing' | 'present' | 'value' | undefined => {
  if (expected.absent) return spot.found ? 'present' : undefined
  if (!spot.found) return 'missing'
  return fits(expected, pattern, spot.value) ? undefined : 'value'
}

/** A plain value stands for `{equals: value}`. */
export const expectationOf = (given: unknown): Expectation =>
  typeof given === 'object' && given !== null ? (given as Expectation) : { equals: given }

/** What is wrong with pointers and expectations themselves; undefined if nothing is. */
export const flawIn = (pointer: string, given?: unknown): string | undefined => {
  if (!/^(?:\/(?:[^~]|~[01])*)?$/s.test(pointer))
    return `${JSON.stringify(pointer)} is no JSON pointer, such as /gateway/mode`
  if (given === undefined) return undefined
  const expected = expectationOf(given)
  const keys = Object.keys(expected)
  if (keys.length === 0) return `${JSON.stringify(pointer)} has nothing that is expected of it`
  if (expected.absent && keys.length > 1) return `${JSON.stringify(pointer)}: nothing can stand beside "absent"`
  if (expected['one-of']?.length === 0) return `${JSON.stringify(pointer)}: "one-of" is empty`
  const flaw = expected.matches === undefined ? undefined : flawOfPattern(expected.matches)
  return flaw === undefined ? undefined : `${JSON.stringify(pointer)}: ${flaw}`
}
