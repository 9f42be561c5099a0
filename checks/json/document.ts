/** A text in one of five languages to a value, with the places that messages point at. */
import { parseJson, type RepeatedKey } from '../../core/json-text.ts'
import { parsePlistText } from '../../core/plist-text.ts'
import { parseToml } from '../../core/toml-text.ts'
import { parseYaml } from '../../core/yaml-text.ts'

export const FORMATS = ['json', 'json5', 'yaml', 'toml', 'plist'] as const
export type Format = (typeof FORMATS)[number]

/** 1-based; columns count UTF-16 units. */
export interface Place {
  readonly line: number
  readonly column: number
}

export interface Flaw extends Partial<Place> {
  /** The second half of the code. */
  readonly what: 'syntax' | 'repeated-key' | 'empty' | 'too-deep'
  readonly message: string
}

export interface Document {
  readonly value: unknown
  /** As it is written, where variables were filled in: what may be shown of a value. */
  readonly written?: unknown
  /** Undefined where the parser keeps no places (TOML). `path`: in another file than the document's own. */
  locate(pointer: string): (Partial<Place> & { readonly path?: string }) | undefined
  /** Keys that stand twice in one object: the parser has kept the later one. */
  readonly repeated: readonly (Flaw & { readonly path?: string })[]
}

const BY_NAME: readonly (readonly [RegExp, Format])[] = [
  [/\.json$/i, 'json'],
  [/\.(?:json5|jsonc)$/i, 'json5'],
  [/\.ya?ml$/i, 'yaml'],
  [/\.toml$/i, 'toml'],
  [/\.plist$/i, 'plist'],
]

/** By the end of the name; undefined where that says nothing. */
export const formatOf = (path: string): Format | undefined => BY_NAME.find(([end]) => end.test(path))?.[1]

/** Names of what is nobody else's business. */
const SECRET = /token|secret|passw|pwd|credential|api.?key|private|cookie|dsn|\bkeys?\b|_keys?\b/i
const CAMEL_KEY = /[a-z]Keys?\b/

export const mayBeSecret = (text: string): boolean => SECRET.test(text) || CAMEL_KEY.test(text)

/** A parser quotes what it stumbles over: the end of a token that lacks its quotes, say. */
const discreet = (text: string, message: string, line: number): string =>
  mayBeSecret(text.split('\n', line)[line - 1] ?? '')
    ? 'it cannot be read here (the line may hold a secret, so no more is shown)'
    : message

const MAX_DEPTH = 200

/** Recursion is what a deep value breaks, here and in the gateway. */
const tooDeep = (value: unknown): boolean => {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true
    level = level.flatMap(one => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
  return false
}

const DEEP: Flaw = { what: 'too-deep', message: `it nests deeper than ${MAX_DEPTH} levels` }
const EMPTY: Flaw = { what: 'empty', message: 'it holds no value at all' }

/** Most readers keep the later one without a word. */
export const twice = ({ key, pointer, line, column }: RepeatedKey): Flaw => ({
  what: 'repeated-key',
  message: `the key ${JSON.stringify(key)} stands there a second time, and the first is lost (${pointer})`,
  line,
  column,
})

const parsers: Readonly<Record<Format, (text: string, format: Format) => Promise<Document | Flaw>>> = {
  json: async (text, format) => {
    const parsed = await parseJson(text, format as 'json' | 'json5')
    if (parsed.error) return { what: 'syntax', ...parsed.error }
    return {
      value: parsed.value,
      locate: parsed.locate,
      repeated: parsed.repeated().map(twice),
    }
  },
  json5: (text, format) => parsers.json(text, format),
  yaml: async text => {
    const parsed = await parseYaml(text)
    if (parsed.error) {
      const { repeated, ...place } = parsed.error
      return { what: repeated ? 'repeated-key' : 'syntax', ...place }
    }
    // Comments alone are YAML's null.
    return parsed.value === null && !/^[ \t]*(?:null|~)/im.test(text) ? EMPTY : { ...parsed, repeated: [] }
  },
  plist: async text => {
    const parsed = parsePlistText(text)
    if (!parsed.error) return { ...parsed, repeated: parsed.repeated.map(twice) }
    const { line, column, message } = parsed.error
    return { what: 'syntax', line, column, message }
  },
  toml: async text => {
    const parsed = await parseToml(text)
    if (parsed.error) {
      const { repeated, ...place } = parsed.error
      return { what: repeated ? 'repeated-key' : 'syntax', ...place }
    }
    return Object.keys(parsed.value).length === 0
      ? EMPTY
      : { value: parsed.value, locate: () => undefined, repeated: [] }
  },
}

/** What a text says, or why it says nothing. */
export const parseDocument = async (text: string, format: Format): Promise<Document | Flaw> => {
  if (text.trim() === '') return EMPTY
  let parsed: Document | Flaw
  try {
    parsed = await parsers[format](text, format)
  } catch (error) {
    if (error instanceof RangeError) return DEEP // the parser's own recursion
    throw error
  }
  if (!('what' in parsed)) return tooDeep(parsed.value) ? DEEP : parsed
  return parsed.what === 'syntax' && parsed.line !== undefined
    ? { ...parsed, message: discreet(text, parsed.message, parsed.line) }
    : parsed
}
