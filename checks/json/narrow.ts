/**
 * A large schema cut down to what one value can meet. To compile all of a product's schema may take longer than its start:
 * of OpenClaw's, 13 s against half a second for what an ordinary config uses.
 */
import { pointerToken } from '../../core/json-text.ts'
import { pointed } from '../../core/pointer.ts'

type Node = Readonly<Record<string, unknown>>

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value)

const HOLDERS = ['$defs', 'definitions'] as const

/** References that are meant from a schema that was put into another one as it stood, and that lead nowhere from the top, are written out. */
const rebased = (node: unknown, root: unknown, pointer: string, holders: readonly string[]): unknown => {
  if (Array.isArray(node)) return node.map((one, index) => rebased(one, root, `${pointer}/${index}`, holders))
  if (!isNode(node)) return node
  const inner = HOLDERS.some(name => isNode(node[name])) ? [pointer, ...holders] : holders
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => {
      if (
        key === '$ref' &&
        typeof value === 'string' &&
        value.startsWith('#/') &&
        pointed(root, value.slice(1)) === undefined
      ) {
        const holder = inner.find(one => pointed(root, `${one}${value.slice(1)}`) !== undefined)
        return [key, holder === undefined ? value : `#${encodeURI(holder)}${value.slice(1)}`]
      }
      return [key, rebased(value, root, `${pointer}/${pointerToken(key)}`, inner)]
    }),
  )
}

/** What is asked of a key that the value does not have can be left out; the key itself stays known. */
const cut = (schema: unknown, value: unknown): unknown => {
  if (!isNode(schema) || !isNode(schema.properties) || !isNode(value)) return schema
  return {
    ...schema,
    properties: Object.fromEntries(
      Object.entries(schema.properties).map(([key, one]) => [
        key,
        Object.hasOwn(value, key) ? cut(one, value[key]) : true,
      ]),
    ),
  }
}

/** A schema of what a reader makes of its input requires also what it fills in itself: such a key may be missing. */
export const withoutDefaults = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(withoutDefaults)
  if (!isNode(node)) return node
  const { properties, required } = node
  const inner = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withoutDefaults(value)]))
  if (!isNode(properties) || !Array.isArray(required)) return inner
  const filledIn = (key: unknown): boolean => {
    const one = properties[String(key)]
    return isNode(one) && 'default' in one
  }
  return { ...inner, required: required.filter(key => !filledIn(key)) }
}

const pointsIntoProperties = (node: unknown): boolean => {
  if (Array.isArray(node)) return node.some(pointsIntoProperties)
  if (!isNode(node)) return false
  return Object.entries(node).some(([key, value]) =>
    key === '$ref' && typeof value === 'string'
      ? /^#.*\/properties\//.test(value) && !/\/(?:\$defs|definitions)\//.test(value)
      : pointsIntoProperties(value),
  )
}

/** It says of this value what the whole schema says; of another it may say less. */
export const narrowed = (schema: unknown, value: unknown): unknown => {
  const whole = rebased(schema, schema, '', [])
  return pointsIntoProperties(whole) ? whole : cut(whole, value)
}
