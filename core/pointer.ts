/** JSON pointers (RFC 6901). */

/** Where a value of a JSON document is read by a pointer (RFC 6901). Only own members count, and of an array its elements. */
export const pointed = (document: unknown, pointer: string): unknown => {
  let value = document
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    if (Array.isArray(value) && key === 'length') return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}
