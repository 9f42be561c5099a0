/** JSON, JSON5 and JSON lines to values, with the places that messages point at. */
import { type Flaw, lineAndColumn, scanJson } from './json-scan.ts'
import { excerpt } from './text.ts'

export type JsonFormat = 'json' | 'json5' | 'jsonl'

/** 1-based; columns count UTF-16 units. */
export interface Place {
  readonly line: number
  readonly column: number
}

export interface JsonError extends Place {
  readonly message: string
  /** The line in question, cut around the column. */
  readonly frame: string
}

/** A key that an object holds more than once; the place is that of the later one, which is the one that wins. */
export interface RepeatedKey extends Place {
  readonly pointer: string
  readonly key: string
}

export interface JsonText {
  readonly error?: undefined
  readonly value: unknown
  /** Where the value of a JSON pointer stands; that of its nearest holder where there is no such value. */
  locate(pointer: string): Place
  /** Keys that stand twice in one object. */
  repeated(): RepeatedKey[]
}

export type ParsedJson = JsonText | { readonly error: JsonError }

/** One token of a JSON pointer. */
export const pointerToken = (key: string | number): string => String(key).replaceAll('~', '~0').replaceAll('/', '~1')
const toPointer = (path: readonly (string | number)[]): string => path.map(key => `/${pointerToken(key)}`).join('')

const FRAME = 100

/** The line of a place, masked, and cut around the column. */
export const frameOf = (
  text: string,
  { line, column }: Place,
  mask: (text: string) => string = same => same,
): string => {
  const full = (text.split('\n', line)[line - 1] ?? '').replace(/\r$/, '')
  const safe = mask(full)
  const start = safe === full ? Math.max(0, column - 1 - FRAME / 2) : 0 // a mask moves the columns
  const cut = start < 4 ? safe : `…${safe.slice(start)}`
  return excerpt(cut, FRAME).trim()
}

/** One text that holds one value. */
interface Piece {
  readonly text: string
  readonly strict: boolean
  readonly value: unknown
}

/** Positions are worked out when they are first asked for: a good file never pays for them. */
const locator = ({ text, strict }: Piece) => {
  let offsets: Map<string, number> | undefined
  return (pointer: string): number => {
    if (!offsets) {
      const found = new Map<string, number>()
      scanJson(text, strict, (path, offset) => found.set(toPointer(path), offset))
      offsets = found
    }
    for (let at = pointer; ; at = at.slice(0, at.lastIndexOf('/'))) {
      const offset = offsets.get(at)
      if (offset !== undefined) return offset
      if (!at.includes('/')) return 0
    }
  }
}

const repeatedIn = ({ text, strict }: Piece): { pointer: string; key: string; offset: number }[] => {
  const list: { pointer: string; key: string; offset: number }[] = []
  scanJson(text, strict, undefined, (path, offset) =>
    list.push({ pointer: toPointer(path), key: String(path.at(-1)), offset }),
  )
  return list
}

const strictPiece = (text: string): Piece | Flaw => {
  try {
    return { text, strict: true, value: JSON.parse(text) as unknown }
  } catch (error) {
    return scanJson(text, true) ?? { offset: 0, message: (error as Error).message }
  }
}

const loosePiece = async (text: string): Promise<Piece | Flaw> => {
  const strict = strictPiece(text)
  if ('value' in strict) return strict
  const { default: json5 } = await import('json5')
  try {
    return { text, strict: false, value: json5.parse<unknown>(text) }
  } catch (error) {
    const {
      lineNumber = 1,
      columnNumber = 1,
      message,
    } = error as Error & { lineNumber?: number; columnNumber?: number }
    const early = scanJson(text, false)
    if (early && (early.offset >= text.length || message.includes('end of input'))) return early
    let offset = 0
    for (let line = 1; line < lineNumber; line++) offset = text.indexOf('\n', offset) + 1
    return {
      offset: offset + columnNumber - 1,
      message: message.replace(/^JSON5: /, '').replace(/ at [0-9]+:[0-9]+$/, ''),
    }
  }
}

const failed = (text: string, flaw: Flaw, mask: ((text: string) => string) | undefined): ParsedJson => {
  const place = lineAndColumn(text, flaw.offset)
  return { error: { ...place, message: flaw.message, frame: frameOf(text, place, mask) } }
}

const whole = (piece: Piece): JsonText => {
  const locate = locator(piece)
  return {
    value: piece.value,
    locate: pointer => lineAndColumn(piece.text, locate(pointer)),
    repeated: () =>
      repeatedIn(piece).map(({ pointer, key, offset }) => ({ pointer, key, ...lineAndColumn(piece.text, offset) })),
  }
}

/** JSON lines become one array; blank lines are passed over. */
const lines = (text: string, mask: ((text: string) => string) | undefined): ParsedJson => {
  const pieces: { line: number; piece: Piece; locate: (pointer: string) => number }[] = []
  for (const [index, part] of text.split('\n').entries()) {
    if (part.trim() === '') continue
    const piece = strictPiece(part)
    if ('value' in piece) pieces.push({ line: index + 1, piece, locate: locator(piece) })
    else {
      const place = { line: index + 1, column: piece.offset + 1 }
      return {
        error: {
          ...place,
          message: piece.message.replace('the text ends', 'the line ends'),
          frame: frameOf(text, place, mask),
        },
      }
    }
  }
  return {
    value: pieces.map(({ piece }) => piece.value),
    locate: pointer => {
      const [, index = '', rest = ''] = /^\/([0-9]+)(.*)$/s.exec(pointer) ?? []
      const found = pieces[Number(index || Number.NaN)]
      return found ? { line: found.line, column: found.locate(rest) + 1 } : { line: 1, column: 1 }
    },
    repeated: () =>
      pieces.flatMap(({ line, piece }, index) =>
        repeatedIn(piece).map(({ pointer, key, offset }) => ({
          pointer: `/${index}${pointer}`,
          key,
          line,
          column: offset + 1,
        })),
      ),
  }
}

/**
 * Reads a text. `json5` takes plain JSON too, and loads its parser only for what is none. `mask` is given the line before
 * it is cut for `frame`. A JSON-lines text becomes an array, and its pointers start with the index.
 */
export const parseJson = async (
  text: string,
  format: JsonFormat,
  mask?: (text: string) => string,
): Promise<ParsedJson> => {
  if (format === 'jsonl') return lines(text, mask)
  const piece = format === 'json' ? strictPiece(text) : await loosePiece(text)
  return 'value' in piece ? whole(piece) : failed(text, piece, mask)
}

/** Every value that a JSON pointer leads to; `*` stands for each key or element. None where nothing is there. */
export const resolvePointer = (value: unknown, pattern: string): { pointer: string; value: unknown }[] => {
  let found = [{ pointer: '', value }]
  for (const part of pattern.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    found = found.flatMap(({ pointer, value: holder }) => {
      if (typeof holder !== 'object' || holder === null) return []
      const within = Object.entries(holder) as [string, unknown][]
      return within
        .filter(([name]) => part === '*' || name === key)
        .map(([name, inner]) => ({ pointer: `${pointer}/${pointerToken(name)}`, value: inner }))
    })
  }
  return found
}
