/**
 * A first, fast look at a module: every string that could be an import. It takes too much (comments, strings and dead code
 * too) and misses nothing that has a literal, so a file whose candidates all resolve needs no parser. Linear in the text,
 * whatever it holds: it is somebody else's.
 */

/** How a module asks for another. `resolve`: only its place is asked for. `named`: a string that the host loads later. */
export type Form = 'import' | 'dynamic' | 'require' | 'resolve' | 'named'

export interface Candidate {
  readonly specifier: string
  readonly form: Form
}

export interface Sketch {
  readonly candidates: readonly Candidate[]
  /** Something here can only be read by the parser: an escape in a literal, or a comment too long to skip. */
  readonly unsure: boolean
}

const MAX_GAP = 1024
const MAX_CLAUSE = 800
const CLAUSE_BREAKS = Uint8Array.from({ length: 128 }, (_, code) =>
  ';()=`<>'.includes(String.fromCharCode(code)) ? 1 : 0,
)
const WORD = /[\w$]/
/** A module has one or two; more is a text that wants to keep us busy. */
const MAX_MAKERS = 200

/** Past white space and comments; -1 when that takes too long. */
const skip = (text: string, from: number): number => {
  let at = from
  for (;;) {
    const char = text.charCodeAt(at)
    if (char === 32 || (char >= 9 && char <= 13) || char === 0xa0 || char === 0xfeff) at++
    else if (char === 47 && text[at + 1] === '*') {
      const end = text.slice(at + 2, at + 2 + MAX_GAP).indexOf('*/')
      if (end < 0) return -1
      at += end + 4
    } else if (char === 47 && text[at + 1] === '/') {
      const end = text.slice(at, at + MAX_GAP).indexOf('\n')
      if (end < 0) return -1
      at += end + 1
    } else return at
    if (at - from > MAX_GAP) return -1
  }
}

/** Undefined: no literal stands here. `null`: one that only the parser can read. */
const literal = (text: string, at: number): string | null | undefined => {
  const quote = text[at]
  if (quote !== '"' && quote !== "'" && quote !== '`') return undefined
  const window = text.slice(at + 1, at + 1 + MAX_GAP)
  const end = window.indexOf(quote)
  if (end < 0) return undefined
  const body = window.slice(0, end)
  if (body.includes('\\')) return null
  if (quote === '`' ? body.includes('${') : body.includes('\n')) return undefined
  return body === '' ? undefined : body
}

const escaped = (word: string): string => word.replace(/[$]/g, '\\$&')

const wordBefore = (text: string, at: number): boolean => at > 0 && WORD.test(text[at - 1] ?? '')

/** Names that stand for `createRequire`, and names that hold what it gave. Bundlers rename both. */
const requireNames = (text: string): { makers: string[]; names: string[]; unsure: boolean } => {
  const makers = new Set<string>()
  const names = new Set(['require', '__require'])
  let met = 0
  for (let at = text.indexOf('createRequire'); at >= 0; at = text.indexOf('createRequire', at + 1)) {
    if (++met > MAX_MAKERS) return { makers: [...makers], names: [...names], unsure: true }
    makers.add('createRequire')
    const renamed = /^createRequire\s*(?:\s+as\s|:)\s*([\w$]+)/.exec(text.slice(at, at + 120))?.[1]
    if (renamed) makers.add(renamed)
  }
  for (const maker of makers) {
    const call = new RegExp(`(?<=[=.,/]\\s*)${escaped(maker)}\\s*\\(`, 'g')
    for (const match of text.matchAll(call)) {
      const before = text.slice(Math.max(0, match.index - 200), match.index)
      const name =
        /([\w$]+)\s*(?::[^=;{}\n]*)?(?:=|\|\|=|\?\?=)\s*(?:\/\*[^*]*\*\/\s*)?(?:\(0,\s*)?(?:[\w$]+\s*\.\s*)?$/.exec(
          before,
        )?.[1]
      if (name) names.add(name)
    }
  }
  return { makers: [...makers], names: [...names], unsure: false }
}

/** The end of the brackets that open at `at`, at most 300 characters on; -1 if they don't close there. */
const closing = (text: string, at: number): number => {
  let depth = 0
  for (let i = at; i < Math.min(text.length, at + 300); i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')' && --depth === 0) return i
  }
  return -1
}

/**
 * Whether a `from` may end an import or export clause: nothing that cannot stand in one comes between it and the keyword. Prose
 * in strings is full of other `from`s. Where a comment or a quoted name could mislead, the answer is yes.
 */
const endsClause = (text: string, at: number): boolean => {
  const limit = Math.max(0, at - MAX_CLAUSE)
  let start = at
  while (start > limit && CLAUSE_BREAKS[text.charCodeAt(start - 1)] !== 1) start--
  if (start === limit && limit > 0) return true
  return /(?:im|ex)port|\/\/|\*\/|["']\s*as\s|\sas\s*["']/.test(text.slice(start, at))
}

/**
 * Every candidate of a module. `keys` are property names whose string the host loads as a module (`specifier: './api.js'`).
 */
export const sketch = (text: string, keys: readonly string[] = []): Sketch => {
  const found = new Map<string, Candidate>()
  const { makers, names, unsure: crowded } = requireNames(text)
  let unsure = crowded
  const take = (form: Form, at: number): void => {
    const specifier = at < 0 ? null : literal(text, at)
    if (specifier === null) unsure = true
    else if (specifier !== undefined) found.set(`${form} ${specifier}`, { specifier, form })
  }
  const words = [...new Set(['from', 'import', ...names, ...makers, ...keys])].map(escaped)
  for (const match of text.matchAll(new RegExp(`(?:${words.join('|')})(?![\\w$])`, 'g'))) {
    const word = match[0]
    if (wordBefore(text, match.index)) continue
    let at = skip(text, match.index + word.length)
    if (at < 0) {
      unsure = true
      continue
    }
    if (word === 'from') {
      if (literal(text, at) !== undefined && endsClause(text, match.index)) take('import', at)
      continue
    }
    if (keys.includes(word)) {
      const quoted = text[at] === '"' || text[at] === "'" ? skip(text, at + 1) : at
      if (text[quoted] === ':') take('named', skip(text, quoted + 1))
      continue
    }
    if (makers.includes(word) && text[at] === '(') {
      const end = closing(text, at)
      at = end < 0 ? at : Math.max(at, skip(text, end + 1))
    }
    let form: Form = word === 'import' ? 'dynamic' : 'require'
    if (word === 'import' && (text[at] === '"' || text[at] === "'")) take('import', at)
    const member = /^\.\s*(?:meta\s*\.\s*)?resolve\s*/.exec(text.slice(at, at + 60))
    if (member) {
      at += member[0].length
      form = 'resolve'
    }
    if (text.startsWith('?.(', at)) at += 2
    if (text[at] === '(') take(form, skip(text, at + 1))
  }
  return { candidates: [...found.values()], unsure }
}
