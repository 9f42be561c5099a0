/**
 * A block's YAML to values with positions, and the traps of YAML to errors in our own words. Strict where YAML is generous: one line for each plain or quoted value, no anchors, aliases, tags or documents.
 */
import { Composer, type CST, isMap, isScalar, isSeq, Parser } from '../yaml-library.ts'

export interface YamlScalar {
  readonly type: 'scalar'
  readonly value: string | number | boolean | null
  /** As written, without quotes: what a value that is wanted as text means. */
  readonly text: string
  readonly style: 'plain' | 'quoted' | 'block'
  /** Where the value begins and ends in the block's text. */
  readonly offset: number
  readonly end: number
}
interface YamlList {
  readonly type: 'list'
  readonly items: readonly YamlNode[]
  readonly offset: number
  readonly end: number
}
export interface YamlMap {
  readonly type: 'map'
  readonly entries: readonly YamlEntry[]
  readonly offset: number
  readonly end: number
}
export type YamlNode = YamlScalar | YamlList | YamlMap
export interface YamlEntry {
  readonly key: string
  readonly keyOffset: number
  readonly node: YamlNode
}

interface YamlFault {
  readonly code: string
  readonly offset: number
  readonly message: string
  readonly hint: string
}

export interface YamlBlock {
  /** Absent if the text is no map at all. */
  readonly root?: YamlMap
  /** Offset of each `#`, and the comment's text with it. */
  readonly comments: readonly { readonly offset: number; readonly text: string }[]
  readonly faults: readonly YamlFault[]
  /** Keys of lines that could not be read: present, whatever they say. */
  readonly unread: ReadonlySet<string>
  /** The values cannot be trusted: a missing key may be one that stands in an unreadable part. */
  readonly broken: boolean
}

export type ReadYaml = (text: string) => YamlBlock

const MAX_DEPTH = 6

/** The value of an entry of a map. */
export const entryOf = (map: YamlMap, key: string): YamlEntry | undefined =>
  map.entries.find(entry => entry.key === key)

/** Plain JavaScript values. */
export const plainOf = (node: YamlNode): unknown => {
  if (node.type === 'scalar') return node.value
  if (node.type === 'list') return node.items.map(plainOf)
  return Object.fromEntries(node.entries.map(entry => [entry.key, plainOf(entry.node)]))
}

/** YAML 1.2's core schema. */
const plainValue = (text: string): YamlScalar['value'] => {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null
  if (/^(?:true|True|TRUE)$/.test(text)) return true
  if (/^(?:false|False|FALSE)$/.test(text)) return false
  if (/^[-+]?[0-9]+$/.test(text)) return Number(text)
  if (/^0o[0-7]+$/.test(text) || /^0x[0-9a-fA-F]+$/.test(text)) return Number(text)
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return Number(text)
  return text
}

const NO_SPACE = /^[ \t]*(?:- +)?["']?([A-Za-z_][\w.-]*)["']?:(?=[^\s:/])/
const EQUALS = /^[ \t]*(?:- +)?([A-Za-z_][\w-]*)[ \t]*(=)/
const TAB_INDENT = /^ *(\t)[ \t]*\S/

/** What a line itself shows to be wrong. */
const trapOf = (line: string): { fault: Omit<YamlFault, 'offset'>; index: number; key?: string } | undefined => {
  const tab = TAB_INDENT.exec(line)
  if (tab)
    return {
      fault: { code: 'E201', message: 'a tab as indentation is not YAML', hint: 'indent with spaces' },
      index: line.indexOf('\t'),
      ...keyIn(line),
    }
  const equals = EQUALS.exec(line)
  if (equals?.[1])
    return {
      fault: {
        code: 'E201',
        message: `"${equals[1]} =" is not YAML`,
        hint: `put a colon and a space after the key: ${equals[1]}: …`,
      },
      index: line.indexOf('='),
      key: equals[1],
    }
  const noSpace = NO_SPACE.exec(line)
  if (noSpace?.[1])
    return {
      fault: {
        code: 'E201',
        message: `no space after the colon of "${noSpace[1]}"`,
        hint: `put a space after the colon: ${noSpace[1]}: …`,
      },
      index: noSpace[0].length - 1,
      key: noSpace[1],
    }
  return undefined
}

const keyIn = (line: string): { key?: string } => {
  const key = /^[ \t]*([A-Za-z_][\w-]*)[ \t]*:/.exec(line)?.[1]
  return key === undefined ? {} : { key }
}

interface Tokens {
  comments: { offset: number; text: string }[]
  faults: YamlFault[]
  unclosed?: { offset: number; quote: string }
}

const SPECIAL: Readonly<Record<string, (source: string) => [message: string, hint: string]>> = {
  anchor: source => [
    `"${source}" is a YAML anchor, which is not allowed in a manifest`,
    `quote the value if the "&" belongs to it`,
  ],
  alias: source => [`"${source}" is a YAML alias, which is not allowed in a manifest`, `quote it: "${source}"`],
  tag: source => [
    `"${source}" is a YAML tag, which is not allowed in a manifest`,
    `quote the value if the "!" belongs to it`,
  ],
  'directive-line': () => ['a YAML directive is not allowed in a manifest', 'delete the line'],
  directive: () => ['a YAML directive is not allowed in a manifest', 'delete the line'],
  'doc-start': () => [
    'a document marker "---" is not allowed in a block: one block is one check',
    'delete the line, or give each check a block of its own',
  ],
  'doc-end': () => ['a document marker "..." is not allowed in a block', 'delete the line'],
  'explicit-key-ind': () => ['"?" as a key is not allowed in a manifest', 'write "key: value"'],
}

/** Comments, and what is valid YAML but not allowed here. */
const readTokens = (tokens: readonly CST.Token[]): Tokens => {
  const found: Tokens = { comments: [], faults: [] }
  const pending: unknown[] = [...tokens]
  while (pending.length > 0) {
    const token = pending.pop()
    if (Array.isArray(token)) for (const one of token) pending.push(one)
    else if (typeof token === 'object' && token !== null) {
      const { type, offset, source } = token as { type?: string; offset?: number; source?: string }
      if (type !== undefined && offset !== undefined) {
        const special = SPECIAL[type]
        if (type === 'comment') found.comments.push({ offset, text: source ?? '' })
        else if (special) {
          const [message, hint] = special((source ?? '').slice(0, 40))
          found.faults.push({ code: type === 'explicit-key-ind' ? 'E201' : 'E207', offset, message, hint })
        } else if (type === 'double-quoted-scalar' || type === 'single-quoted-scalar') {
          const quote = type === 'double-quoted-scalar' ? '"' : "'"
          const text = source ?? ''
          const open =
            text.length < 2 || !text.endsWith(quote) || (quote === '"' && /(?:^|[^\\])(?:\\\\)*\\"$/.test(text))
          if (open) found.unclosed = { offset, quote }
        }
      }
      for (const key in token) {
        const inner = (token as Record<string, unknown>)[key]
        if (typeof inner === 'object' && inner !== null) pending.push(inner)
      }
    }
  }
  found.comments.sort((a, b) => a.offset - b.offset)
  found.faults.sort((a, b) => a.offset - b.offset)
  return found
}

const tooDeep = (offset: number): YamlFault => ({
  code: 'E107',
  offset,
  message: `nested deeper than ${MAX_DEPTH} levels`,
  hint: 'flatten it',
})

/** The first bracket that is one too many, for a text that the parser gave up on. The block's own map is a level too. */
const deepestIn = (text: string): number => {
  let depth = 1
  for (let i = 0; i < text.length; i++) {
    if (/[[{]/.test(text[i] ?? '') && ++depth > MAX_DEPTH) return i
    if (/[\]}]/.test(text[i] ?? '')) depth--
  }
  return 0
}

/** Our words for the first error of the parser that no line explains. */
const explain = (error: { code: string; pos: readonly [number, number] }, text: string, tokens: Tokens): YamlFault => {
  const fault = (offset: number, message: string, hint: string): YamlFault => ({ code: 'E201', offset, message, hint })
  const [from] = error.pos
  const lineStart = text.lastIndexOf('\n', from - 1) + 1
  const lineEnd = text.indexOf('\n', from) < 0 ? text.length : text.indexOf('\n', from)
  const line = text.slice(lineStart, lineEnd)
  const char = text[from] ?? ''
  if (tokens.unclosed)
    return fault(
      tokens.unclosed.offset,
      `this quote is never closed`,
      `add ${tokens.unclosed.quote} at the end of the value`,
    )
  const inFlow = /[{[,][^'"]*\$\{/.exec(line)
  if (inFlow && /UNEXPECTED_TOKEN|MISSING_CHAR|BAD_INDENT/.test(error.code)) {
    const offset = lineStart + line.indexOf('${', inFlow.index)
    return fault(offset, 'a variable inside { } or [ ] must be quoted', 'put quotes around the value: "${…}"')
  }
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return fault(from, 'a tab as indentation is not YAML', 'indent with spaces')
    case 'BAD_SCALAR_START':
      return fault(from, `a value cannot begin with ${char} unless it is quoted`, `quote it: "${char}…"`)
    case 'BAD_DQ_ESCAPE':
      return fault(from, 'no such escape in double quotes', 'use single quotes, or write \\\\ for a backslash')
    case 'BLOCK_AS_IMPLICIT_KEY':
      return fault(
        from,
        'a second key in the value of this line, or the next line is indented too far',
        'put each key on a line of its own at the same indentation; quote a value that holds ": "',
      )
    case 'BAD_INDENT': {
      const open = Math.max(text.lastIndexOf('[', from), text.lastIndexOf('{', from))
      const before = open < 0 ? '' : text.slice(open, from)
      if (open >= 0 && !/[\]}]/.test(before))
        return fault(
          open,
          `"${text[open] ?? ''}" is never closed`,
          `add "${text[open] === '[' ? ']' : '}'}" at the end of the list or map`,
        )
      return fault(from, 'wrong indentation', 'indent the keys of one map alike')
    }
    case 'MULTILINE_IMPLICIT_KEY':
    case 'MISSING_CHAR':
    case 'BLOCK_IN_FLOW':
      return fault(
        lineStart + (/\S/.exec(line)?.index ?? 0),
        'this line is not "key: value"',
        'write "key: value", with a space after the colon; quote a value that holds special characters',
      )
    case 'RESOURCE_EXHAUSTION':
      return tooDeep(deepestIn(text))
    default:
      return fault(
        Math.min(from, Math.max(0, text.length - 1)),
        'not valid YAML from here on',
        'write "key: value", one key on each line; quote a value that holds special characters',
      )
  }
}

interface State {
  readonly text: string
  readonly faults: YamlFault[]
  readonly unread: Set<string>
}

const lineIndex = (text: string, offset: number): number => text.slice(0, offset).split('\n').length - 1

/** Loads the YAML parser. */
export const loadYaml = async (): Promise<ReadYaml> => {
  const convert = (node: unknown, state: State, depth: number, inFlow: boolean): YamlNode | undefined => {
    const { text, faults } = state
    if (isScalar(node)) {
      const [offset = 0, end = offset] = node.range ?? []
      const style = node.type === 'PLAIN' ? 'plain' : node.type?.startsWith('QUOTE') ? 'quoted' : 'block'
      const source = typeof node.value === 'string' ? node.value : ''
      if (style !== 'block' && text.slice(offset, end).includes('\n')) {
        faults.push({
          code: 'E201',
          offset,
          message: 'this value runs on over the next line',
          hint: 'keep it on one line, or write "|" after the colon and indent the lines below; check the indentation of the next line',
        })
        return undefined
      }
      return {
        type: 'scalar',
        value: style === 'plain' ? plainValue(source) : source,
        text: source,
        style,
        offset,
        end,
      }
    }
    if (!isMap(node) && !isSeq(node)) return undefined // an alias: told by its token
    const [offset = 0, end = offset] = node.range ?? []
    if (depth > MAX_DEPTH) {
      faults.push(tooDeep(offset))
      return undefined
    }
    const flow = inFlow || node.flow === true
    if (isSeq(node)) {
      const items: YamlNode[] = []
      for (const item of node.items) {
        const value = convert(item, state, depth + 1, flow)
        if (!value) continue
        // Where a comma or a line break got lost, two items become one.
        if (value.type === 'scalar' && value.style === 'plain' && (flow ? /\s/ : /\s-\s/).test(value.text))
          faults.push({
            code: 'E201',
            offset: value.offset,
            message: 'one item or two?',
            hint: flow
              ? 'quote the item, or put a comma between them'
              : 'quote the item, or put each on a line of its own',
          })
        items.push(value)
      }
      return { type: 'list', items, offset, end }
    }
    const entries: YamlEntry[] = []
    const seen = new Set<string>()
    for (const { key, value } of node.items) {
      const keyOffset = (isScalar(key) || isMap(key) || isSeq(key) ? key.range?.[0] : undefined) ?? offset
      if (
        !isScalar(key) ||
        typeof key.value !== 'string' ||
        key.value === '' ||
        (key.type !== 'PLAIN' && !key.type?.startsWith('QUOTE'))
      ) {
        faults.push({ code: 'E201', offset: keyOffset, message: 'a key must be a word', hint: 'write "key: value"' })
        continue
      }
      const name = key.value
      if (name === '<<' || name === '__proto__') {
        faults.push({
          code: 'E207',
          offset: keyOffset,
          message: `the key "${name}" is not allowed in a manifest`,
          hint: 'delete the line',
        })
        continue
      }
      if (seen.has(name)) {
        faults.push({ code: 'E203', offset: keyOffset, message: `the key "${name}" appears twice`, hint: 'keep one' })
        continue
      }
      seen.add(name)
      const keyEnd = isScalar(key) ? (key.range?.[1] ?? keyOffset) : keyOffset
      const inner = value === null ? emptyAt(keyEnd) : convert(value, state, depth + 1, flow)
      if (!inner) {
        state.unread.add(name)
        continue
      }
      if (inner.type === 'scalar' && inner.style === 'plain' && text.slice(keyEnd, inner.offset).includes('\n')) {
        const trap = NO_SPACE.exec(inner.text)
        if (trap?.[1])
          faults.push({
            code: 'E201',
            offset: inner.offset + trap[0].length - 1,
            message: `no space after the colon of "${trap[1]}"`,
            hint: `put a space after the colon: ${trap[1]}: …`,
          })
      }
      entries.push({ key: name, keyOffset, node: inner })
    }
    return { type: 'map', entries, offset, end }
  }

  const emptyAt = (offset: number): YamlScalar => ({
    type: 'scalar',
    value: null,
    text: '',
    style: 'plain',
    offset,
    end: offset,
  })

  return text => {
    const faults: YamlFault[] = []
    const unread = new Set<string>()
    let current = text
    try {
      // Each turn blanks the lines that are wrong by themselves, so that the rest of the block can be judged too.
      for (;;) {
        const cst = [...new Parser().parse(current)]
        const tokens = readTokens(cst)
        const composer = new Composer({
          version: '1.2',
          schema: 'failsafe',
          uniqueKeys: false,
          prettyErrors: false,
          logLevel: 'silent',
        })
        const [document, ...others] = [...composer.compose(cst, true, current.length)]
        const errors = [document, ...others].flatMap(one => one?.errors ?? []).sort((a, b) => a.pos[0] - b.pos[0])
        const lines = current.split('\n')
        const noMap = document?.contents != null && !isMap(document.contents)
        const suspects = new Set<number>()
        for (const { pos } of errors)
          for (let i = lineIndex(current, pos[0]); i <= lineIndex(current, pos[1]); i++) suspects.add(i)
        if (noMap) lines.forEach((_, i) => void suspects.add(i))
        let blanked = false
        for (const i of suspects) {
          const line = lines[i] ?? ''
          const trap = trapOf(line)
          if (!trap) continue
          const start = lines.slice(0, i).join('\n').length + (i > 0 ? 1 : 0)
          faults.push({ ...trap.fault, offset: start + trap.index })
          if (trap.key !== undefined) unread.add(trap.key)
          lines[i] = ' '.repeat(line.length)
          blanked = true
        }
        if (blanked) {
          current = lines.join('\n')
          continue
        }
        faults.push(...tokens.faults)
        const [first] = errors
        if (first && tokens.faults.length === 0) faults.push(explain(first, current, tokens))
        const broken = errors.length > 0 || others.length > 0
        const state = { text: current, faults: broken ? [] : faults, unread }
        const root = document?.contents == null ? emptyMap : convert(document.contents, state, 1, false)
        if (root && root.type !== 'map' && !broken)
          faults.push({
            code: 'E201',
            offset: root.offset,
            message: 'this is not "key: value"',
            hint: 'write one "key: value" on each line',
          })
        return {
          ...(root?.type === 'map' ? { root } : {}),
          comments: tokens.comments,
          faults,
          unread,
          broken: broken || root?.type !== 'map' || faults.some(fault => fault.code === 'E107'),
        }
      }
    } catch (error) {
      // The parser descends once for each bracket: a block of nothing else exhausts the stack.
      if (!(error instanceof RangeError)) throw error
      faults.push(tooDeep(deepestIn(text)))
      return { comments: [], faults, unread, broken: true }
    }
  }
}

const emptyMap: YamlMap = { type: 'map', entries: [], offset: 0, end: 0 }
