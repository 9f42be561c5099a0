/** Apple's property lists in XML, as launchd reads them. The binary form is told apart, and not read. */
import { lineAndColumn } from './json-scan.ts'
import { pointerToken } from './json-text.ts'

export type PlistValue =
  | string
  | number
  | boolean
  | Date
  | Uint8Array
  | readonly PlistValue[]
  | { readonly [key: string]: PlistValue }

/** `line` and `column` are 1-based. `binary`: a property list that only plutil can turn into XML. */
export class PlistError extends Error {
  override readonly name = 'PlistError'
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
    readonly binary = false,
  ) {
    super(message)
  }
}

const MAX_DEPTH = 64

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', apos: "'", quot: '"' }

type Tag = { readonly name: string; readonly at: number; readonly closes: boolean; readonly empty: boolean }

/** Whether a text is a property list, by how it begins; the binary form too. */
export const isPlist = (text: string): boolean => /^bplist|^\s*<(?:\?xml|!DOCTYPE plist|plist)/.test(text)

/** Told of what is read, by JSON pointer and offset. */
interface Notes {
  value(pointer: string, at: number): void
  repeated(key: string, pointer: string, at: number): void
}

const IGNORED: Notes = { value: () => {}, repeated: () => {} }

/** The value of a property list. Throws `PlistError`. */
export const parsePlist = (text: string, notes: Notes = IGNORED): PlistValue => {
  let at = 0
  const fail = (message: string, where = at): never => {
    const { line, column } = lineAndColumn(text, where)
    throw new PlistError(message, line, column)
  }
  if (text.startsWith('bplist')) throw new PlistError('it is a binary property list', 1, 1, true)

  const skipPast = (end: string, what: string): void => {
    const found = text.indexOf(end, at)
    if (found < 0) fail(`${what} is never closed`)
    at = found + end.length
  }

  const decoded = (raw: string, from: number): string =>
    raw.replace(/&([^;\s&]{0,32})(;?)/g, (_, name: string, semicolon: string, offset: number) => {
      const number = /^#(?:x([0-9a-f]+)|([0-9]+))$/i.exec(name)
      const code = number ? Number.parseInt(number[1] ?? number[2] ?? '', number[1] ? 16 : 10) : undefined
      const char = code === undefined ? ENTITIES[name] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined
      return semicolon === '' || char === undefined ? fail(`&${name} is no entity of XML`, from + offset) : char
    })

  /** The next tag, past blanks, comments and declarations. */
  const tag = (): Tag => {
    for (;;) {
      while (/\s/.test(text[at] ?? '')) at++
      if (text.startsWith('<!--', at)) skipPast('-->', 'a comment')
      else if (text.startsWith('<?', at)) skipPast('?>', 'a declaration')
      else if (text.startsWith('<!DOCTYPE', at)) skipPast('>', 'the DOCTYPE')
      else break
    }
    const start = at
    const match = /^<(\/?)([A-Za-z]+)(?:\s[^<>]*?)?(\/?)>/.exec(text.slice(at, at + 1024))
    if (!match?.[2]) return fail(at >= text.length ? 'it ends in the middle' : 'a tag was expected here')
    at += match[0].length
    return { name: match[2], at: start, closes: match[1] === '/', empty: match[3] === '/' }
  }

  const close = (open: Tag): void => {
    const end = tag()
    if (!end.closes || end.name !== open.name) fail(`</${open.name}> was expected here`, end.at)
  }

  /** Text up to the closing tag, with comments left out and CDATA taken as it is. */
  const content = (open: Tag): string => {
    if (open.empty) return ''
    let value = ''
    for (;;) {
      const next = text.indexOf('<', at)
      if (next < 0) fail(`<${open.name}> is never closed`, open.at)
      value += decoded(text.slice(at, next), at)
      at = next
      if (text.startsWith('<!--', at)) skipPast('-->', 'a comment')
      else if (text.startsWith('<![CDATA[', at)) {
        const start = at + 9
        skipPast(']]>', 'a CDATA section')
        value += text.slice(start, at - 3)
      } else break
    }
    close(open)
    return value
  }

  const number = (open: Tag, pattern: RegExp): number => {
    const written = content(open).trim()
    if (!pattern.test(written)) return fail(`<${open.name}> holds no number`, open.at)
    return written.startsWith('-') ? -Number(written.slice(1)) : Number(written.replace(/^\+/, ''))
  }

  const date = (open: Tag): Date => {
    const read = new Date(content(open).trim())
    return Number.isNaN(read.getTime()) ? fail('<date> holds no date', open.at) : read
  }

  const array = (open: Tag, depth: number, pointer: string): PlistValue[] => {
    const items: PlistValue[] = []
    if (open.empty) return items
    for (let next = tag(); !next.closes; next = tag()) items.push(value(next, depth + 1, `${pointer}/${items.length}`))
    return items
  }

  const dict = (open: Tag, depth: number, pointer: string): { [key: string]: PlistValue } => {
    const entries: { [key: string]: PlistValue } = Object.create(null)
    if (open.empty) return entries
    for (let next = tag(); !next.closes; next = tag()) {
      if (next.name !== 'key') fail('<key> was expected here', next.at)
      const key = content(next)
      const held = tag()
      if (held.closes || held.name === 'key') fail(`the key ${key} has no value`, held.at)
      const own = `${pointer}/${pointerToken(key)}`
      if (key in entries) notes.repeated(key, own, next.at)
      entries[key] = value(held, depth + 1, own)
    }
    return entries
  }

  const value = (open: Tag, depth: number, pointer: string): PlistValue => {
    notes.value(pointer, open.at)
    if (depth > MAX_DEPTH) return fail(`it is nested deeper than ${MAX_DEPTH}`, open.at)
    if (open.closes) return fail(`</${open.name}> closes nothing`, open.at)
    switch (open.name) {
      case 'dict':
        return dict(open, depth, pointer)
      case 'array':
        return array(open, depth, pointer)
      case 'string':
        return content(open)
      case 'true':
      case 'false':
        if (!open.empty) close(open)
        return open.name === 'true'
      case 'integer':
        return number(open, /^[+-]?(?:\d+|0x[0-9a-f]+)$/i)
      case 'real':
        return number(open, /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i)
      case 'date':
        return date(open)
      case 'data':
        return Buffer.from(content(open).replace(/\s/g, ''), 'base64')
      default:
        return fail(`<${open.name}> is no value of a property list`, open.at)
    }
  }

  const root = tag()
  if (root.name !== 'plist' || root.closes) fail('<plist> was expected here', root.at)
  if (root.empty) fail('the property list is empty', root.at)
  const result = value(tag(), 1, '')
  close(root)
  return result
}

/** A dictionary of a property list; undefined for anything else. */
export const plistDict = (value: PlistValue | undefined): { readonly [key: string]: PlistValue } | undefined =>
  typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date) && !(value instanceof Uint8Array)
    ? (value as { readonly [key: string]: PlistValue })
    : undefined

/** The strings of an array of a property list; empty for anything else. */
export const plistStrings = (value: PlistValue | undefined): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []

/** The environment that a launchd job gets beside launchd's own; PATH is launchd's where the job names none. */
export const launchdEnvironment = (job: { readonly [key: string]: PlistValue }): Readonly<Record<string, string>> => {
  const variables = Object.entries(plistDict(job.EnvironmentVariables) ?? {})
  return {
    PATH: LAUNCHD_PATH,
    ...Object.fromEntries(variables.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
  }
}

/** What launchd gives a job that sets none (launchd.plist(5), `_PATH_STDPATH`). */
export const LAUNCHD_PATH = '/usr/bin:/bin:/usr/sbin:/sbin'
