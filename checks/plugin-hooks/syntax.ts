/** Whether V8 would take a module's text: compiled here, never run. Much faster than a parser, and it ships with Node. */
import { Script } from 'node:vm'

const LITERAL = /(?:"[^"\n]*"|'[^'\n]*')(?:\s*(?:with|assert)\s*\{[^{}]*\})?/y
const NAMED = /export\s*\{[^{}]*\}(?:\s*from(?![\w$]))?/y
const STAR = /export\s*\*\s*(?:as\s+(?:[\w$]+|"[^"\n]*"|'[^'\n]*')\s*)?from(?![\w$])/y
const CLAUSE = /^import(?:[\s\w$,{}*/.-]*[\s}*/]from\s*|\s*)$/
/** What ends an import clause for certain. Longer ones are left to the parser. */
const CLAUSE_END = /["'`(;=]/
const MAX_CLAUSE = 4000
const SPACE = /\s*/y

const sticky = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at
  return pattern.exec(text) ? pattern.lastIndex : -1
}

/**
 * A module's text with its static imports and exports blanked, so that it can be compiled as the body of a function. What it
 * gets wrong V8 refuses, and then the real parser has the word; the other way round would take a broken statement inside
 * an import clause.
 */
const withoutStatements = (text: string): string => {
  let result = ''
  let done = 0
  const put = (from: number, to: number, instead: string): void => {
    result += text.slice(done, from) + instead
    done = to
  }
  for (const match of text.matchAll(/(?<![\w$.])(?:import|export)(?![\w$])/g)) {
    const at = match.index
    if (at < done) continue
    if (match[0] === 'import') {
      const meta = /^import\s*\.\s*(?:meta|source|defer)/.exec(text.slice(at, at + 40))
      if (meta) {
        put(at, at + meta[0].length, '_$')
        continue
      }
      const window = text.slice(at, at + MAX_CLAUSE)
      const length = window.search(CLAUSE_END)
      const end = length > 0 && CLAUSE.test(window.slice(0, length)) ? sticky(LITERAL, text, at + length) : -1
      if (end > 0) put(at, end, ';')
      continue
    }
    const star = sticky(STAR, text, at)
    const named = star < 0 ? sticky(NAMED, text, at) : -1
    const clause = Math.max(star, named)
    if (clause > 0) {
      const end = sticky(LITERAL, text, sticky(SPACE, text, clause))
      put(at, Math.max(clause, end), ';')
      continue
    }
    const before = /^export\s+default(?![\w$])/.exec(text.slice(at, at + 40))
    if (!before) {
      if (
        /^export\s+(?:\/\*[^*]*\*\/\s*)?(?:const|let|var|function|class|async)(?![\w$])/.test(text.slice(at, at + 80))
      )
        put(at, at + 6, '')
      continue
    }
    // A declaration may lack a name and needs no semicolon: as a statement of its own only the name is missing.
    const declared = /^\s*(?:(?:async\s+)?function\s*\*?\s*|class(?![\w$])\s*)/.exec(
      text.slice(at + before[0].length, at + before[0].length + 60),
    )
    const next = declared ? text.slice(at + before[0].length + declared[0].length).slice(0, 8) : ''
    if (declared && (next.startsWith('(') || next.startsWith('{') || /^extends(?![\w$])/.test(next)))
      put(at, at + before[0].length + declared[0].length, `${declared[0]} _$d `)
    else put(at, at + before[0].length, declared ? '' : '_$d = ')
  }
  return result + text.slice(done)
}

const accepts = (code: string): boolean => {
  try {
    new Script(code)
    return true
  } catch {
    return false // a SyntaxError, or too deeply nested: the parser tells which
  }
}

/** Whether the text compiles as a module or as CommonJS. A false answer is a suspicion: the masking may be at fault. */
export const compiles = (source: string): boolean => {
  const text = source.startsWith('#!') ? `//${source}` : source
  const looksLikeModule = /(?<![\w$.])(?:import|export)(?![\w$])/.test(text)
  const asModule = () => accepts(`(async function(){"use strict";${withoutStatements(text)}\n})`)
  const asCommon = () => accepts(`(function(){${text}\n})`)
  return looksLikeModule ? asModule() || asCommon() : asCommon() || asModule()
}
