/** A property list as a document of plain values, with the places that messages point at. */
import { lineAndColumn } from './json-scan.ts'
import type { Place, RepeatedKey } from './json-text.ts'
import { PlistError, type PlistValue, parsePlist } from './plist.ts'

/** Dates are texts in ISO 8601, data texts in base64. */
const plain = (value: PlistValue): unknown => {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'object'
    ? Object.fromEntries(
        Object.entries(value as { readonly [key: string]: PlistValue }).map(([key, one]) => [key, plain(one)]),
      )
    : value
}

export type ParsedPlist =
  | {
      readonly error?: undefined
      readonly value: unknown
      /** Where the value of a JSON pointer stands; that of its nearest holder where there is no such value. */
      locate(pointer: string): Place
      readonly repeated: readonly RepeatedKey[]
    }
  | { readonly error: Place & { readonly message: string } }

export const parsePlistText = (text: string): ParsedPlist => {
  const places = new Map<string, number>()
  const repeated: RepeatedKey[] = []
  try {
    const value = parsePlist(text, {
      value: (pointer, at) => places.set(pointer, at),
      repeated: (key, pointer, at) => repeated.push({ key, pointer, ...lineAndColumn(text, at) }),
    })
    const offset = (pointer: string): number =>
      places.get(pointer) ?? (pointer === '' ? 0 : offset(pointer.slice(0, pointer.lastIndexOf('/'))))
    return { value: plain(value), locate: pointer => lineAndColumn(text, offset(pointer)), repeated }
  } catch (error) {
    if (!(error instanceof PlistError)) throw error
    const { message, line, column } = error
    return { error: { message, line, column } }
  }
}
