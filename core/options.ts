/**
 * Fits options to a kind's schema and says in our own words what does not fit. The compiled schema alone decides; the walk
 * below it only explains, and converts text where the schema wants a number or a boolean and the text came from a variable
 * or a command line.
 */
import { ownValidator, type SchemaError, type Validate } from '../schemas/compile.ts'
import type { ObjectSchema, OptionSchema } from './check.ts'
import { suggest } from './suggest.ts'
import { excerpt } from './text.ts'

/** One thing that does not fit. */
export interface Fault {
  readonly code: 'E204' | 'E205' | 'E209' | 'E212' | 'E306'
  /** JSON pointer of the value; of the unknown key; or of the map that lacks a key. */
  readonly path: string
  /** Stands at the key, not at the value. */
  readonly atKey?: true
  readonly message: string
  readonly hint?: string
  /** The known key that an unknown one was probably meant to be. */
  readonly meant?: string
  /** The keys of which at least one is missing. */
  readonly missing?: readonly string[]
}

export interface FitInput {
  readonly schema: ObjectSchema
  readonly value: Readonly<Record<string, unknown>>
  /** Pointers of texts that become numbers or booleans where the schema wants one. */
  readonly convertible?: ReadonlySet<string>
  /** Pointers of values that are not known yet: nothing is said about them. */
  readonly unknown?: ReadonlySet<string>
  /** Other keys that the reader may have meant, for suggestions. */
  readonly alsoKnown?: readonly string[]
  /** How an option is called: `"http.path"` in a manifest, `--http.path` on a command line. */
  readonly name?: (path: string) => string
}

const validators = new WeakMap<object, Promise<Validate>>()

const validatorOf = (schema: object): Promise<Validate> => {
  const known = validators.get(schema)
  if (known) return known
  const made = ownValidator(schema)
  validators.set(schema, made)
  return made
}

export const pointer = (base: string, key: string | number): string =>
  `${base}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`

export const pointerParts = (path: string): string[] =>
  path
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))

/** `/http/path` as `"http.path"`, `/paths/0` as `"paths[0]"`. */
const nameInManifest = (path: string): string =>
  `"${pointerParts(path).reduce((name, part) => (/^\d+$/.test(part) && name !== '' ? `${name}[${part}]` : name === '' ? part : `${name}.${part}`), '')}"`

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A copy of plain data: structuredClone takes longer than all the rest of a check. */
const copy = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(copy)
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)])) : value
}

/** Every alternative of a schema. */
const alternatives = (schema: OptionSchema): readonly OptionSchema[] =>
  schema.anyOf
    ? schema.anyOf.flatMap(one => alternatives({ ...schema, anyOf: undefined, ...one } as OptionSchema))
    : [schema]

const typesOf = (schema: OptionSchema): readonly string[] => {
  if (typeof schema.type === 'string') return [schema.type]
  if (schema.type) return schema.type
  if (schema.const !== undefined) return [typeof schema.const]
  if (schema.enum) return [...new Set(schema.enum.map(one => typeof one))]
  if (schema.properties) return ['object']
  return schema.items ? ['array'] : ['string', 'number', 'boolean', 'array', 'object', 'null']
}

const hasType = (value: unknown, type: string): boolean => {
  switch (type) {
    case 'integer':
      return Number.isInteger(value)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'null':
      return value === null
    default:
      return typeof value === type
  }
}

const admits = (schema: OptionSchema, value: unknown): boolean => typesOf(schema).some(type => hasType(value, type))

/** The schemas that may rule the value at a path. */
export const schemasAt = (schema: OptionSchema, path: string): readonly OptionSchema[] => {
  let current = alternatives(schema)
  for (const part of pointerParts(path))
    current = current.flatMap(one => {
      const property = one.properties && Object.hasOwn(one.properties, part) ? one.properties[part] : undefined
      if (property) return alternatives(property)
      if (one.items && /^\d+$/.test(part)) return alternatives(one.items)
      return typeof one.additionalProperties === 'object' ? alternatives(one.additionalProperties) : []
    })
  return current
}

const at = (value: unknown, path: string): unknown =>
  pointerParts(path).reduce<unknown>((inner, part) => (inner as Record<string, unknown> | undefined)?.[part], value)

const put = (value: unknown, path: string, next: unknown): void => {
  const parts = pointerParts(path)
  const last = parts.pop()
  const parent = parts.reduce<unknown>((inner, part) => (inner as Record<string, unknown>)[part], value)
  if (last !== undefined) (parent as Record<string, unknown>)[last] = next
}

/** Text to the number or boolean that the schema wants, if it wants one and text is not allowed as such. */
const converted = (text: string, schemas: readonly OptionSchema[]): string | number | boolean => {
  const types = new Set(schemas.flatMap(typesOf))
  if (types.has('string')) return text
  if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  if (types.has('integer') && /^-?[0-9]+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  if (types.has('number') && /^-?[0-9]+(?:\.[0-9]+)?$/.test(text)) return Number(text)
  return text
}

/** `free`, `open` or `closed` */
const orList = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`

const FORMS: Readonly<Record<string, string>> = {
  duration: 'a duration such as 500ms, 5s, 2m, 1h',
  size: 'a size such as 512MB, 1.5GiB',
  mode: 'quoted octal such as "0700"',
  path: 'a path',
  glob: 'a path, or a glob such as ~/logs/*.log',
  pointer: 'a JSON pointer such as /plugins/*/path',
  secret: 'text, best written as ${secret:NAME}',
}

const bounds = (least: number | undefined, most: number | undefined): string => {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`
  if (least !== undefined) return ` of at least ${least}`
  return most === undefined ? '' : ` of at most ${most}`
}

const expectedOf = (schema: OptionSchema): string => {
  if (schema.const !== undefined) return String(schema.const)
  if (schema.enum) return orList(schema.enum.map(String))
  return orList(
    typesOf(schema).map(type => {
      switch (type) {
        case 'string':
          return FORMS[schema.format ?? ''] ?? 'text'
        case 'integer':
          return `a whole number${bounds(schema.minimum, schema.maximum)}`
        case 'number':
          return `a number${bounds(schema.minimum, schema.maximum)}`
        case 'boolean':
          return 'true or false'
        case 'array':
          return schema.items
            ? `a list, each item ${orList([...new Set(alternatives(schema.items).map(expectedOf))])}`
            : 'a list'
        case 'object':
          return schema.properties ? `a map of ${Object.keys(schema.properties).join(', ')}` : 'a map'
        default:
          return type
      }
    }),
  )
}

const shown = (value: unknown): string =>
  excerpt(typeof value === 'string' ? `"${value}"` : (JSON.stringify(value) ?? String(value)), 60)

interface Walk {
  readonly unknown: ReadonlySet<string>
  readonly alsoKnown: readonly string[]
  readonly name: (path: string) => string
}

const wrong = (walk: Walk, path: string, value: unknown, schemas: readonly OptionSchema[]): Fault => {
  const name = walk.name(path)
  if (schemas.some(schema => schema.format === 'mode') && !Array.isArray(value) && !isObject(value)) {
    const digits = typeof value === 'number' ? String(value) : ''
    return {
      code: 'E209',
      path,
      message: `${name} must be quoted octal, not ${shown(value)}`,
      hint: /^[0-7]{3,4}$/.test(digits) ? `"${digits.padStart(4, '0')}"` : 'such as "0700"',
    }
  }
  const expected = orList([...new Set(schemas.map(expectedOf))])
  const secret = schemas.some(schema => schema.format === 'secret')
  const words = schemas.flatMap(schema => schema.enum?.map(String) ?? [])
  const meant = typeof value === 'string' ? suggest(value, words) : undefined
  const types = new Set(schemas.flatMap(typesOf))
  const scalar = typeof value === 'number' || typeof value === 'boolean'
  let hint: string
  if (meant !== undefined) hint = `did you mean "${meant}"?`
  else if (
    scalar &&
    types.has('string') &&
    words.length === 0 &&
    schemas.every(({ format }) => format === undefined || format === 'secret' || format === 'text')
  )
    hint = `quote it: "${String(value)}"`
  else if (types.has('array') && !Array.isArray(value) && !isObject(value))
    hint = `write a list: [${typeof value === 'string' ? excerpt(value, 40) : String(value)}]`
  else if (types.has('boolean') && typeof value === 'string' && /^(?:yes|on|no|off)$/i.test(value))
    hint = /^(?:yes|on)$/i.test(value) ? 'true' : 'false'
  else hint = expected
  return { code: 'E306', path, message: `${name} must be ${expected}${secret ? '' : `, not ${shown(value)}`}`, hint }
}

/** The faults of a value against one schema without alternatives, whose type it has. */
const faultsOf = (walk: Walk, path: string, value: unknown, schema: OptionSchema): Fault[] => {
  const bad = (): Fault[] => [wrong(walk, path, value, [schema])]
  if (schema.const !== undefined && value !== schema.const) return bad()
  if (schema.enum && !schema.enum.includes(value as string | number)) return bad()
  if (typeof value === 'string') {
    if (schema.minLength !== undefined && value.length < schema.minLength)
      return [
        {
          code: 'E306',
          path,
          message: value === '' ? `${walk.name(path)} is empty` : `${walk.name(path)} is too short`,
          hint: schema.minLength > 1 ? `at least ${schema.minLength} characters` : expectedOf(schema),
        },
      ]
    if (schema.maxLength !== undefined && value.length > schema.maxLength)
      return [
        {
          code: 'E306',
          path,
          message: `${walk.name(path)} is too long`,
          hint: `at most ${schema.maxLength} characters`,
        },
      ]
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
      if (schema.format === undefined)
        return [
          {
            code: 'E306',
            path,
            message: `${walk.name(path)} must match ${schema.pattern}, not ${shown(value)}`,
            hint: schema.description ?? `it must match ${schema.pattern}`,
          },
        ]
      return bad()
    }
  }
  if (
    typeof value === 'number' &&
    ((schema.minimum !== undefined && value < schema.minimum) ||
      (schema.maximum !== undefined && value > schema.maximum))
  )
    return bad()
  if (Array.isArray(value)) {
    if (schema.minItems !== undefined && value.length < schema.minItems)
      return [
        {
          code: 'E306',
          path,
          message: value.length === 0 ? `${walk.name(path)} is an empty list` : `${walk.name(path)} has too few items`,
          hint: `at least ${schema.minItems}`,
        },
      ]
    if (schema.maxItems !== undefined && value.length > schema.maxItems)
      return [
        { code: 'E306', path, message: `${walk.name(path)} has too many items`, hint: `at most ${schema.maxItems}` },
      ]
    const twice = schema.uniqueItems ? value.findIndex((item, index) => value.indexOf(item) < index) : -1
    if (twice >= 0)
      return [
        {
          code: 'E306',
          path: pointer(path, twice),
          message: `${walk.name(path)} names ${shown(value[twice])} twice`,
          hint: 'each once',
        },
      ]
    const items = schema.items
    return items ? value.flatMap((item, index) => explainValue(walk, pointer(path, index), item, items)) : []
  }
  return isObject(value) ? objectFaults(walk, path, value, schema) : []
}

const objectFaults = (
  walk: Walk,
  path: string,
  value: Readonly<Record<string, unknown>>,
  schema: OptionSchema | ObjectSchema,
): Fault[] => {
  const faults: Fault[] = []
  const properties: Readonly<Record<string, OptionSchema>> = schema.properties ?? {}
  const top = path === ''
  for (const [key, inner] of Object.entries(value)) {
    const here = pointer(path, key)
    const property = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (property) faults.push(...explainValue(walk, here, inner, property))
    else if (schema.additionalProperties === false) {
      const known = [...Object.keys(properties), ...(top ? walk.alsoKnown : [])]
      const meant = suggest(key, known)
      faults.push({
        code: 'E204',
        path: here,
        atKey: true,
        message: `unknown key ${walk.name(here)}`,
        hint: meant === undefined ? `known here: ${known.join(', ')}` : `did you mean "${meant}"?`,
        ...(meant === undefined ? {} : { meant }),
      })
    } else if (typeof schema.additionalProperties === 'object')
      faults.push(...explainValue(walk, here, inner, schema.additionalProperties))
  }
  const has = (key: string): boolean => Object.hasOwn(value, key)
  const name = (key: string): string => walk.name(pointer(path, key))
  for (const key of schema.required ?? [])
    if (!has(key)) {
      const property = properties[key]
      faults.push({
        code: 'E205',
        path,
        missing: [key],
        message: `${name(key)} is missing`,
        hint: `add it: ${property ? orList([...new Set(alternatives(property).map(expectedOf))]) : 'see the docs of this kind'}`,
      })
    }
  if (!top) return faults
  const object = schema as ObjectSchema
  for (const groups of [object.anyOf, object.oneOf]) {
    if (!groups) continue
    const given = groups.filter(group => group.required.every(has))
    if (given.length === 0)
      faults.push({
        code: 'E205',
        path,
        missing: groups.flatMap(group => group.required),
        message: `${groups.map(group => group.required.map(name).join(' with ')).join(' or ')} is missing`,
        hint: groups === object.oneOf && groups.length > 1 ? 'give one of them' : 'give at least one of them',
      })
    else if (groups === object.oneOf && given.length > 1) {
      const keys = given.flatMap(group => group.required)
      const present = Object.keys(value).filter(key => keys.includes(key))
      const last = present.at(-1) ?? ''
      faults.push({
        code: 'E306',
        path: pointer(path, last),
        atKey: true,
        message: `${name(last)} cannot stand beside ${orList(present.slice(0, -1).map(name))}`,
        hint: 'keep one of them',
      })
    }
  }
  for (const [key, needed] of Object.entries(object.dependentRequired ?? {}))
    if (has(key))
      for (const other of needed)
        if (!has(other))
          faults.push({
            code: 'E205',
            path,
            missing: [other],
            message: `${name(other)} is missing: ${name(key)} needs it`,
            hint: `add ${name(other)}, or delete ${name(key)}`,
          })
  return faults
}

/** A key that is misspelt is not missing too. */
const withoutEchoes = (faults: readonly Fault[]): Fault[] =>
  faults.filter(
    fault =>
      !fault.missing?.some(key =>
        faults.some(other => other.meant === key && other.path.slice(0, other.path.lastIndexOf('/')) === fault.path),
      ),
  )

const explainValue = (walk: Walk, path: string, value: unknown, schema: OptionSchema): Fault[] => {
  if (walk.unknown.has(path)) return []
  const all = alternatives(schema)
  const fitting = all.filter(one => admits(one, value))
  if (fitting.length === 0) {
    if (value === null)
      return [
        {
          code: 'E212',
          path,
          message: `${walk.name(path)} has no value`,
          hint: `give it one (${orList([...new Set(all.map(expectedOf))])}), or delete the line`,
        },
      ]
    return [wrong(walk, path, value, all)]
  }
  const tries = fitting.map(one => faultsOf(walk, path, value, one)).sort((a, b) => a.length - b.length)
  const best = tries[0] ?? []
  if (best.length > 0 && tries.length > 1 && !isObject(value) && !Array.isArray(value))
    return [wrong(walk, path, value, fitting)]
  return best
}

const touches = (error: SchemaError, unknown: ReadonlySet<string>): boolean => {
  for (const path of unknown) {
    if (error.path === path || error.path.startsWith(`${path}/`)) return true
    // An alternative fails as a whole when a value inside it is not known yet.
    if (path.startsWith(`${error.path}/`) && error.path !== '' && /^(?:anyOf|oneOf)$/.test(error.keyword)) return true
  }
  return false
}

/** The options with defaults filled in, and what does not fit; the options are of use only if nothing is wrong. */
export const fitOptions = async (
  input: FitInput,
): Promise<{ options: Record<string, unknown>; faults: readonly Fault[] }> => {
  const { schema } = input
  const unknown = input.unknown ?? new Set()
  const options = copy(input.value) as Record<string, unknown>
  for (const path of input.convertible ?? []) {
    const value = at(options, path)
    if (typeof value === 'string') put(options, path, converted(value, schemasAt(schema as OptionSchema, path)))
  }
  const given = copy(options) as Record<string, unknown>
  const errors = (await validatorOf(schema))(options).filter(error => !touches(error, unknown))
  if (errors.length === 0) return { options, faults: [] }
  const walk: Walk = { unknown, alsoKnown: input.alsoKnown ?? [], name: input.name ?? nameInManifest }
  const faults = objectFaults(walk, '', given, schema)
  if (faults.length > 0) return { options, faults: withoutEchoes(faults) }
  // A schema of somebody else's kind may use more of JSON Schema than the walk knows.
  return {
    options,
    faults: errors.map(error => ({
      code: 'E306',
      path: error.path,
      message: `${error.path === '' ? 'these options do' : `${walk.name(error.path)} does`} not fit: ${error.keyword}`,
      hint: 'see the docs of this kind',
    })),
  }
}
