/** What a JSON Schema asks, by its keywords: whether it asks anything, and what is most likely misspelt in it. */
import { suggest } from '../../core/suggest.ts'

/** Of drafts 07, 2019-09 and 2020-12, by what stands under them. */
const OF_ONE =
  `additionalItems additionalProperties contains contentSchema else if items not propertyNames then unevaluatedItems
  unevaluatedProperties`.split(/\s+/)
const OF_SEVERAL = ['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems']
const OF_A_MAP = ['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties']
const ASSERTIONS =
  `$dynamicRef $recursiveRef $ref const contains dependencies dependentRequired enum exclusiveMaximum exclusiveMinimum format
  maxItems maxLength maxProperties maximum minItems minLength minProperties minimum multipleOf not pattern required type
  uniqueItems`.split(/\s+/)
const ANNOTATIONS =
  `$anchor $comment $dynamicAnchor $id $recursiveAnchor $schema $vocabulary contentEncoding contentMediaType default deprecated
  description examples maxContains minContains readOnly title writeOnly`.split(/\s+/)
const KEYWORDS = [...new Set([...OF_ONE, ...OF_SEVERAL, ...OF_A_MAP, ...ASSERTIONS, ...ANNOTATIONS])]

/** Those that ajv-formats knows; of any other it says nothing, as the standard wants it. */
const FORMATS =
  `binary byte date date-time double duration email float hostname int32 int64 ipv4 ipv6 iso-date-time iso-time json-pointer
  json-pointer-uri-fragment password regex relative-json-pointer time uri uri-reference uri-template url uuid`.split(
    /\s+/,
  )

export interface Survey {
  /** It holds of every value. */
  readonly empty: boolean
  /** `"propertes" is no keyword of JSON Schema; did you mean "properties"?`, each once. */
  readonly slips: readonly string[]
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The schemas directly inside of one, without those that only wait to be referred to. */
const inside = (
  schema: Readonly<Record<string, unknown>>,
): { readonly asked: unknown[]; readonly defined: unknown[] } => {
  const asked = Object.entries(schema).flatMap(([key, value]) => {
    if (OF_SEVERAL.includes(key) && Array.isArray(value)) return value
    if (OF_ONE.includes(key)) return [value]
    return OF_A_MAP.includes(key) && isMap(value) && key !== '$defs' && key !== 'definitions'
      ? Object.values(value)
      : []
  })
  const defined = [schema.$defs, schema.definitions].flatMap(map => (isMap(map) ? Object.values(map) : []))
  return { asked, defined }
}

const asks = (schema: Readonly<Record<string, unknown>>): boolean =>
  Object.keys(schema).some(
    key => ASSERTIONS.includes(key) && (key !== 'format' || FORMATS.includes(String(schema.format))),
  )

/** Nothing is said of a value that is no schema: compiling it does. */
export const surveySchema = (root: unknown): Survey => {
  const slips = new Set<string>()
  let empty = root === true || isMap(root)
  const walk = (schema: unknown, counts: boolean): void => {
    if (schema === false && counts) empty = false
    if (!isMap(schema)) return
    if (counts && asks(schema)) empty = false
    for (const key of Object.keys(schema)) {
      const meant = KEYWORDS.includes(key) ? undefined : suggest(key, KEYWORDS)
      if (meant !== undefined)
        slips.add(`${JSON.stringify(key)} is no keyword of JSON Schema; did you mean "${meant}"?`)
    }
    const { format } = schema
    const meant = typeof format === 'string' && !FORMATS.includes(format) ? suggest(format, FORMATS) : undefined
    if (meant !== undefined) slips.add(`the format ${JSON.stringify(format)} is not known; did you mean "${meant}"?`)
    const { asked, defined } = inside(schema)
    for (const one of asked) walk(one, counts)
    for (const one of defined) walk(one, false)
  }
  walk(root, true)
  return { empty, slips: [...slips] }
}
