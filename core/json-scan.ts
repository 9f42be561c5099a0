/**
 * Where things stand in a JSON text. `JSON.parse` makes the values; its errors name no place on some versions of Node, and
 * it drops a repeated key without a word, so the text is read a second time here. Nothing recurses: a text may nest as deep as it likes.
 */

/** An offset in UTF-16 units, and what is wrong there. */
export interface Flaw {
  readonly offset: number
  readonly message: string
}

/** Called for each value, with the keys that lead to it: the array is reused, so copy it to keep it. */
type Seen = (path: readonly (string | number)[], offset: number) => void
type Repeated = (path: readonly (string | number)[], offset: number) => void

interface Frame {
  readonly open: number
  readonly array: boolean
  readonly keys: Set<string>
}

const SPACE = /[ \t\n\r]/
/** JSON5 knows more blanks. */
const LOOSE_SPACE = /[\s\ufeff]/
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const WORD = /[^\s,:[\]{}"'/]+/y
const LITERALS: ReadonlySet<string> = new Set(['true', 'false', 'null'])

const shown = (char: string | undefined): string => (char === undefined ? 'the end' : JSON.stringify(char))

/**
 * Walks through a text. Strict: every departure from RFC 8259 is a flaw, and there is one exactly where `JSON.parse` throws.
 * Otherwise a text that json5 has read is followed, and a flaw means only that it ends too early.
 */
export const scanJson = (text: string, strict: boolean, seen?: Seen, repeated?: Repeated): Flaw | undefined => {
  let at = 0
  const stack: Frame[] = []
  const path: (string | number)[] = []
  const place = (offset: number): string => {
    const { line, column } = lineAndColumn(text, offset)
    return `${line}:${column}`
  }
  const ended = (): Flaw => {
    const top = stack.at(-1)
    if (top)
      return {
        offset: text.length,
        message: `the text ends inside the ${top.array ? 'array' : 'object'} opened at ${place(top.open)}`,
      }
    return { offset: text.length, message: 'there is no value: the text is empty' }
  }
  const unexpected = (wanted: string): Flaw =>
    at >= text.length
      ? ended()
      : { offset: at, message: `${shown(String.fromCodePoint(text.codePointAt(at) ?? 0))} where ${wanted} should be` }

  /** Skips blanks and, when not strict, comments. */
  const blanks = (): Flaw | undefined => {
    for (;;) {
      while (at < text.length && (strict ? SPACE : LOOSE_SPACE).test(text[at] ?? '')) at++
      if (text[at] !== '/' || (text[at + 1] !== '/' && text[at + 1] !== '*')) return undefined
      if (strict) return { offset: at, message: 'a comment, which JSON does not have (JSON5 does)' }
      if (text[at + 1] === '/') {
        while (at < text.length && !/[\n\r\u2028\u2029]/.test(text[at] ?? '')) at++
      } else {
        const end = text.indexOf('*/', at + 2)
        if (end < 0) return { offset: at, message: 'a comment that is never closed' }
        at = end + 2
      }
    }
  }

  /** Stands on the quote; ends behind the closing one. The text between, unescaped, or a flaw. */
  const quoted = (): string | Flaw => {
    const start = at
    const quote = text[at]
    for (at++; at < text.length; at++) {
      const char = text[at] ?? ''
      if (char === quote) {
        at++
        const raw = text.slice(start, at)
        if (!raw.includes('\\')) return raw.slice(1, -1)
        return strict || quote === '"' ? decoded(raw) : raw.slice(1, -1)
      }
      if (char === '\\') {
        if (strict && !/^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(text.slice(at + 1, at + 6))) {
          if (at + 1 >= text.length || (text[at + 1] === 'u' && /^u[0-9a-fA-F]*$/.test(text.slice(at + 1)))) break
          return { offset: at, message: 'an escape that JSON does not have' }
        }
        at++
      } else if (strict && char < ' ')
        return {
          offset: at,
          message:
            char === '\n' || char === '\r'
              ? `the string opened at ${place(start)} is not closed on its line`
              : 'a control character in a string',
        }
    }
    at = text.length
    return { offset: text.length, message: `the text ends inside the string opened at ${place(start)}` }
  }

  const primitive = (): Flaw | undefined => {
    const char = text[at]
    if (char === '"' || (!strict && char === "'")) {
      const result = quoted()
      return typeof result === 'string' ? undefined : result
    }
    const start = at
    if (strict) {
      NUMBER.lastIndex = at
      const number = NUMBER.exec(text)?.[0]
      if (number !== undefined) {
        at += number.length
        const rest = wordAt(text, at)
        if (rest === '') return undefined
        at = start
        return { offset: start, message: `${wordAt(text, start)} is not a number as JSON writes it` }
      }
    }
    const word = wordAt(text, at)
    if (word === '') return unexpected('a value')
    if (strict && !LITERALS.has(word)) {
      const cut = at + word.length === text.length && [...LITERALS].some(literal => literal.startsWith(word))
      if (cut) return { offset: text.length, message: `the text ends inside ${word}…` }
      return {
        offset: at,
        message:
          char === "'"
            ? 'a single quote where JSON has double quotes'
            : `${JSON.stringify(word)} where a value should be`,
      }
    }
    at += word.length
    return undefined
  }

  let flaw = blanks()
  if (flaw) return flaw
  let need: 'value' | 'key or end' | 'key' | 'value or end' | 'comma or end' | 'nothing' = 'value'
  for (;;) {
    flaw = blanks()
    if (flaw) return flaw
    const top = stack.at(-1)
    const char = text[at]
    const closes = top !== undefined && char === (top.array ? ']' : '}')
    if (need === 'nothing') {
      if (at >= text.length) return undefined
      return { offset: at, message: `${shown(char)} after the end of the value` }
    }
    const mayClose = need === 'key or end' || need === 'value or end' || need === 'comma or end' || !strict
    if (closes && mayClose) {
      at++
      stack.pop()
      path.pop()
      need = stack.length === 0 ? 'nothing' : 'comma or end'
      continue
    }
    if (need === 'comma or end' && top) {
      if (char !== ',') return unexpected(top.array ? '"," or "]"' : '"," or "}"')
      const comma = at++
      flaw = blanks()
      if (flaw) return flaw
      if (strict && text[at] === (top.array ? ']' : '}'))
        return {
          offset: comma,
          message: `a comma before the closing ${shown(text[at])}, which JSON does not allow (JSON5 does)`,
        }
      if (top.array) path[path.length - 1] = Number(path.at(-1)) + 1
      need = top.array ? 'value' : 'key'
      continue
    }
    if (need === 'key' || need === 'key or end') {
      const start = at
      let key: string | Flaw
      if (char === '"' || (!strict && char === "'")) key = quoted()
      else if (strict) return unexpected('a key in double quotes')
      else {
        key = wordAt(text, at)
        at += key.length
        if (key === '') return unexpected('a key')
      }
      if (typeof key !== 'string') return key
      path[path.length - 1] = key
      if (top?.keys.has(key)) repeated?.(path, start)
      top?.keys.add(key)
      flaw = blanks()
      if (flaw) return flaw
      if (text[at] !== ':') return unexpected('":"')
      at++
      need = 'value'
      continue
    }
    seen?.(path, at)
    if (char === '{' || char === '[') {
      stack.push({ open: at, array: char === '[', keys: new Set() })
      path.push(char === '[' ? 0 : '')
      need = char === '[' ? 'value or end' : 'key or end'
      at++
      continue
    }
    flaw = primitive()
    if (flaw) return flaw
    need = stack.length === 0 ? 'nothing' : 'comma or end'
  }
}

const wordAt = (text: string, at: number): string => {
  WORD.lastIndex = at
  const word = WORD.exec(text)?.[0] ?? ''
  return word !== '' || text[at] !== "'" ? word : "'"
}

const decoded = (raw: string): string => {
  try {
    return JSON.parse(raw) as string
  } catch {
    return raw.slice(1, -1) // an escape of JSON5's own: good enough to name a key
  }
}

/** 1-based, in UTF-16 units. */
export const lineAndColumn = (text: string, offset: number): { line: number; column: number } => {
  let line = 1
  let start = 0
  for (let next = text.indexOf('\n'); next >= 0 && next < offset; next = text.indexOf('\n', next + 1)) {
    line++
    start = next + 1
  }
  return { line, column: offset - start + 1 }
}
