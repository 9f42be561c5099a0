/** What must stand at a pointer, and whether it does. */
import { isDeepStrictEqual } from 'node:util'
import { excerpt } from '../../core/text.ts'
import { TOKENS } from '../../core/tokens.ts'
import { mayBeSecret } from './document.ts'

export const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'] as const
export type Type = (typeof TYPES)[number]

/** All that is given must hold. */
export interface Expectation {
  readonly equals?: unknown
  readonly 'one-of'?: readonly unknown[]
  /** A regular expression in JavaScript's words, sought anywhere in the text. */
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

/** A value as it may be shown: that of a place that sounds like a secret, or looks like one, only by its kind. */
export const shownValue = ({ pointer, value }: Spot, mask: (text: string) => string): string => {
  switch (typeOf(value)) {
    case 'string': {
      const text = String(value)
      const hidden = mayBeSecret(pointer) || TOKENS.some(([, shape]) => text.search(shape) >= 0)
      return hidden ? `text of ${text.length} characters` : excerpt(mask(JSON.stringify(text)), 60)
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

const written = (value: unknown): string => excerpt(JSON.stringify(value) ?? String(value), 60)

/** What is expected there, in words. */
export const wordsOf = (expected: Expectation): string =>
  [
    ...(expected.absent ? ['nothing'] : []),
    ...('equals' in expected ? [written(expected.equals)] : []),
    ...(expected['one-of'] ? [`one of ${expected['one-of'].map(written).join(', ')}`] : []),
    ...(expected.matches === undefined ? [] : [`text that matches ${expected.matches}`]),
    ...(expected.type === undefined ? [] : [`a value of type ${expected.type}`]),
    ...(expected.exists ? ['a value'] : []),
  ].join(', ')

/** Whether a value that is there is as expected. */
const fits = (expected: Expectation, value: unknown): boolean => {
  const type = typeOf(value)
  if ('equals' in expected && !isDeepStrictEqual(value, expected.equals)) return false
  if (expected['one-of'] && !expected['one-of'].some(one => isDeepStrictEqual(value, one))) return false
  if (expected.matches !== undefined && !(type === 'string' && new RegExp(expected.matches, 'u').test(String(value))))
    return false
  if (expected.type === 'integer') return Number.isInteger(value)
  return expected.type === undefined || expected.type === type
}

/** What is wrong at one place; undefined if it is as expected. */
export const judgeSpot = (spot: Spot, expected: Expectation): 'missing' | 'present' | 'value' | undefined => {
  if (expected.absent) return spot.found ? 'present' : undefined
  if (!spot.found) return 'missing'
  return fits(expected, spot.value) ? undefined : 'value'
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
  if (expected.matches !== undefined)
    try {
      new RegExp(expected.matches, 'u')
    } catch (error) {
      return `${JSON.stringify(pointer)}: ${(error as Error).message}`
    }
  return undefined
}
