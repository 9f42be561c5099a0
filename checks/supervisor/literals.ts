/** The literal values of a JavaScript file (an ecosystem.config.cjs), read and not run. What is no literal becomes `UNREAD`. */

export const UNREAD: unique symbol = Symbol('unread')

export type Literal = string | number | boolean | null | typeof UNREAD | readonly Literal[] | LiteralObject
export interface LiteralObject {
  readonly [key: string]: Literal
}

const MAX_DEPTH = 32
/** What can only be a statement of its own, behind a value that no semicolon ends. */
const STATEMENT = /(?:export|module|exports|const|let|var|function|import)(?![\w$])/
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\n': '' }

/** Where the value stands that is exported there: a name is followed to its declaration, unless something is done to it in between. */
const declared = (code: string, from: number): number => {
  const name = /^\s*([A-Za-z_$][\w$]*)\s*(?:;|$|\n)/.exec(code.slice(from))?.[1]?.replaceAll('$', '\\$')
  const found = name && new RegExp(`\\b(?:const|let|var)\\s+${name}(?:\\s*:[^=\\n]+)?\\s*=(?!=)`).exec(code)
  if (!found) return from
  const value = found.index + found[0].length
  const changed = new RegExp(
    `(?<![\\w$.])${name}(?:\\s*=(?!=)|(?:\\.[\\w$]+)+\\s*(?:=(?!=)|\\()|\\s*\\[)|\\(\\s*${name}\\b`,
  )
  return changed.test(code.slice(value)) ? from : value
}

/**
 * What the file exports; undefined where no `module.exports =` or `export default` stands in it, nor JSON. Throws `SyntaxError` where it ends in
 * the middle: half a list of codes must not be taken for the whole.
 */
export const readLiterals = (text: string): Literal | undefined => {
  const blank = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y
  const take = (pattern: RegExp, from: number): RegExpExecArray | null => {
    const sticky = new RegExp(pattern.source, 'y')
    sticky.lastIndex = from
    return sticky.exec(text)
  }
  let at = 0
  const close = (): void => {
    if (at >= text.length) throw new SyntaxError('it ends in the middle')
    at++
  }
  const skip = (): void => {
    blank.lastIndex = at
    blank.exec(text)
    at = Math.max(at, blank.lastIndex)
  }
  /** Past what cannot be read: to the comma or bracket that ends it, or the end. */
  const pass = (): typeof UNREAD => {
    for (let open = 0; at < text.length; at++) {
      const char = text[at] ?? ''
      const quoted = /["'`]/.test(char) ? take(/(["'`])(?:\\[\s\S]|(?!\1)[^\\])*\1/, at) : null
      const comment = char === '/' ? take(/\/\/[^\n]*|\/\*[\s\S]*?\*\//, at) : null
      if (quoted ?? comment) at += ((quoted ?? comment)?.[0].length ?? 1) - 1
      else if ('([{'.includes(char)) open++
      else if (')]}'.includes(char) && open-- === 0) break
      else if ((char === ',' || char === ';') && open === 0) break
    }
    return UNREAD
  }
  /** A literal counts only if nothing follows that makes an expression of it. */
  const whole = (value: Literal): Literal => {
    skip()
    const ended = at >= text.length || /[,;\]})]/.test(text[at] ?? '') || take(STATEMENT, at) !== null
    return ended || value === UNREAD ? value : pass()
  }
  const value = (depth: number): Literal => {
    skip()
    if (depth > MAX_DEPTH) return pass()
    const char = text[at]
    if (char === '{') return whole(object(depth))
    if (char === '[') return whole(array(depth))
    const string = take(/(["'`])((?:\\[\s\S]|(?!\1)[^\\])*)\1/, at)
    if (string?.[2] !== undefined && !(char === '`' && string[2].includes('${'))) {
      at += string[0].length
      return whole(string[2].replace(/\\([\s\S])/g, (_, escaped: string) => ESCAPES[escaped] ?? escaped))
    }
    const word = take(/-?\d[\d_]*(?:\.\d+)?(?:e\d+)?(?![\w.])|(?:true|false|null)(?!\w)/, at)?.[0]
    if (word === undefined) return pass()
    at += word.length
    return whole(/^[a-z]/.test(word) ? (JSON.parse(word) as boolean | null) : Number(word.replaceAll('_', '')))
  }
  const array = (depth: number): Literal[] => {
    const items: Literal[] = []
    at++
    for (skip(); at < text.length && text[at] !== ']'; skip()) {
      const before = at
      items.push(value(depth + 1))
      skip()
      if (text[at] === ',') at++
      if (at === before) at++
    }
    close()
    return items
  }
  const object = (depth: number): LiteralObject => {
    const entries: Record<string, Literal> = Object.create(null)
    at++
    for (skip(); at < text.length && text[at] !== '}'; skip()) {
      const before = at
      const key = take(/(?:([A-Za-z_$][\w$]*)|(["'])((?:(?!\2)[^\\\n])*)\2)\s*:/, at)
      if (key) {
        at += key[0].length
        entries[key[1] ?? key[3] ?? ''] = value(depth + 1)
      } else {
        pass() // a spread, a method, a shorthand: any key may come from it
        entries['...'] = UNREAD
      }
      skip()
      if (text[at] === ',' || text[at] === ';') at++
      if (at === before) at++
    }
    close()
    return entries
  }
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/[^\n]*/gm, comment => ' '.repeat(comment.length))
  const start = /\bmodule\.exports\s*=(?!=)|\bexport\s+default\b/.exec(code)
  if (start) at = declared(code, start.index + start[0].length)
  else if (!/^\s*[{[]/.test(code)) return undefined
  return value(0)
}

export const isLiteralObject = (value: Literal | undefined): value is LiteralObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
