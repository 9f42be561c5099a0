/** The options of a kind from the words of a command line: `--port 18789 --http.path /healthz --paths a --paths b`. */
import type { ObjectSchema, OptionSchema } from './check.ts'
import { fitOptions, pointer, pointerParts, schemasAt } from './options.ts'
import type { Problem } from './report.ts'
import { suggest } from './suggest.ts'
import { excerpt } from './text.ts'

export type Words = Readonly<Record<string, string | true | readonly string[]>>

/** Every name that can be given, nested ones with dots. */
const namesOf = (schema: OptionSchema, prefix = ''): string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const ways = inner.anyOf ?? [inner]
    return [
      `${prefix}${name}`,
      ...ways.flatMap(one => [
        ...namesOf(one, `${prefix}${name}.`),
        ...(one.items ? namesOf(one.items, `${prefix}${name}.`) : []),
      ]),
    ]
  })

const wants = (schemas: readonly OptionSchema[], type: string): boolean =>
  schemas.some(schema => (Array.isArray(schema.type) ? schema.type.includes(type as never) : schema.type === type))

/** `a,b` are two, `{a,b}/*` and `[a,b]` are one. */
const splitCommas = (text: string): string[] => {
  const parts = ['']
  let depth = 0
  for (const char of text) {
    if (/[{[(]/.test(char)) depth++
    if (/[}\])]/.test(char)) depth--
    if (char === ',' && depth <= 0) parts.push('')
    else parts[parts.length - 1] += char
  }
  return parts.map(part => part.trim()).filter(part => part !== '')
}

const json = (text: string): unknown => {
  if (!/^\s*[[{]/.test(text)) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Brackets around quotes: a list in JSON, or meant to be one. */
const LIST = /^\s*\[\s*".*\]\s*$/s

/** A number in it that JSON's reader has rounded. */
const rounded = (value: unknown): boolean => {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(rounded)
  return Number.isInteger(value) && !Number.isSafeInteger(value)
}

const flag = (path: string): string =>
  `--${pointerParts(path)
    .filter(part => !/^\d+$/.test(part))
    .join('.')}`

/**
 * Options with defaults filled in, each word converted to what the schema wants, or every problem with them. Any list is given by
 * repeating the option or as JSON, and one whose items are no free text (`format: text`) with commas, too; a key of a map as `--http.path`; a list
 * of maps as `--from.file f --from.pointer p` (one item) or as JSON.
 */
export const optionsFromWords = async (
  schema: ObjectSchema,
  words: Words,
): Promise<{ readonly options: Record<string, unknown> } | { readonly problems: readonly Problem[] }> => {
  const root = schema as OptionSchema
  const problems: Problem[] = []
  const options: Record<string, unknown> = {}
  const convertible = new Set<string>()
  const names = namesOf(root)

  for (const [name, given] of Object.entries(words)) {
    const parts = name.split('.')
    // A list of maps takes the keys of one item.
    let path = ''
    let target: unknown = options
    let lost = false
    for (const [index, part] of parts.entries()) {
      const last = index === parts.length - 1
      const here = pointer(path, part)
      const schemas = schemasAt(root, here)
      if (
        part === '__proto__' ||
        schemas.length === 0 ||
        (!last && !wants(schemas, 'object') && !schemas.some(one => wants([one.items ?? {}], 'object')))
      ) {
        const meant = suggest(name, names)
        problems.push({
          code: 'E204',
          message: `unknown option --${name}`,
          hint:
            meant === undefined ? `known here: ${names.map(one => `--${one}`).join(', ')}` : `did you mean --${meant}?`,
        })
        lost = true
        break
      }
      const map = target as Record<string, unknown>
      if (last) {
        const value = valueFor(name, given, schemas, problems)
        if (value !== undefined) {
          map[part] = value
          for (const place of Array.isArray(value) ? value.map((_, at) => pointer(here, at)) : [here])
            convertible.add(place)
        }
      } else if (wants(schemas, 'object')) {
        map[part] ??= {}
        target = map[part]
        path = here
      } else {
        map[part] ??= [{}]
        target = (map[part] as unknown[])[0]
        path = pointer(here, 0)
      }
      if (typeof target !== 'object' || target === null) {
        problems.push({
          code: 'E306',
          message: `--${name} and --${parts.slice(0, index + 1).join('.')} cannot stand together`,
          hint: 'keep one of them',
        })
        lost = true
        break
      }
    }
    if (lost) continue
  }
  if (problems.length > 0) return { problems }
  const fitted = await fitOptions({ schema, value: options, convertible, name: flag })
  if (fitted.faults.length === 0) return { options: fitted.options }
  return {
    problems: fitted.faults.map(({ code, message, hint }) => ({
      code,
      message,
      ...(hint === undefined ? {} : { hint }),
    })),
  }
}

const valueFor = (
  name: string,
  given: string | true | readonly string[],
  schemas: readonly OptionSchema[],
  problems: Problem[],
): unknown => {
  const refuse = (message: string, hint: string): undefined => void problems.push({ code: 'E306', message, hint })
  if (given === true) return wants(schemas, 'boolean') ? true : refuse(`--${name} needs a value`, `--${name} VALUE`)
  const several = typeof given === 'string' ? [given] : [...given]
  if ((wants(schemas, 'object') || wants(schemas, 'array')) && several.some(text => rounded(json(text))))
    return refuse(`--${name} holds a whole number that cannot be held exactly`, 'at most 9007199254740991')
  const map = wants(schemas, 'object') && several.length === 1 ? json(several[0] ?? '') : undefined
  if (map !== undefined && !Array.isArray(map)) return map
  const ofMaps = schemas.some(schema => wants([schema.items ?? {}], 'object'))
  if (wants(schemas, 'array')) {
    if (ofMaps) {
      const parsed = several.map(json)
      if (parsed.includes(undefined))
        return refuse(
          `--${name} takes maps: give its keys, or JSON`,
          `--${name}.KEY VALUE, or --${name} '{"KEY": "VALUE"}'`,
        )
      return parsed.flat()
    }
    const broken = several.find(text => LIST.test(text) && json(text) === undefined)
    if (broken !== undefined)
      return refuse(`--${name} looks like a list in JSON and is none: ${excerpt(broken, 60)}`, `--${name} '["a", "b"]'`)
    const free = schemas.some(schema => schema.items?.format === 'text')
    return several.flatMap((text): readonly unknown[] => {
      const parsed = json(text)
      if (Array.isArray(parsed)) return parsed
      return free ? [text] : splitCommas(text)
    })
  }
  const [only, ...more] = several
  if (more.length > 0 || only === undefined) return refuse(`--${name} is given ${several.length} times`, 'give it once')
  const scalar = ['string', 'boolean', 'integer', 'number'].some(type => wants(schemas, type))
  if (wants(schemas, 'object') && !scalar)
    return refuse(`--${name} is a map: give its keys, or JSON`, `--${name}.KEY VALUE`)
  return only
}
