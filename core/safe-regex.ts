/**
 * Patterns of a user's, and what they find. Plain text stands for itself; `/…/flags` is a regular expression of JavaScript.
 * Nobody can tell beforehand how long one takes, so it is matched in a child process that the deadline ends.
 */
import { contain, doing } from './contain.ts'

export interface Matcher {
  /** The pattern as written. */
  readonly source: string
  /** It stands for itself. */
  readonly plain: boolean
  /** Nobody can say how long it takes. */
  readonly slow: boolean
  /** Where the pattern begins in a text; -1 where it is not. Throws `NeedsChild` before it could take long. */
  find(text: string): number
}

const EXPRESSION = /^\/(.*)\/([A-Za-z]*)$/s

/** `g` and `y` remember a place from one text to the next, and `d` tells more than is asked. */
const FLAGS = /^[imsuv]*$/

/** Anchors, single characters and classes in a row, and alternatives of such rows: no group, repetition or reference. Its time is the product of the lengths. */
const PREDICTABLE = /^(?:[^\\()[*+?{]|\\[^\dk]|\[(?:[^\]\\]|\\.)*\])*$/s

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

const compile = (text: string): Matcher | { readonly problem: string } => {
  const [, body, flags = ''] = EXPRESSION.exec(text) ?? []
  if (body === undefined)
    return text === ''
      ? { problem: 'the pattern is empty, so it is found everywhere' }
      : { source: text, plain: true, slow: false, find: given => given.indexOf(text) }
  if (body === '') return { problem: `the pattern ${text} is empty, so it is found everywhere` }
  if (!FLAGS.test(flags))
    return {
      problem: `the pattern ${text} ends with ${flags}, and only the flags i, m, s, u and v are known; for the text itself write /${escaped(text)}/`,
    }
  let expression: RegExp
  try {
    expression = new RegExp(body, flags)
  } catch (error) {
    return { problem: `the pattern ${text} is no regular expression: ${(error as Error).message.split(': ').at(-1)}` }
  }
  const slow = !PREDICTABLE.test(body)
  return {
    source: text,
    plain: false,
    slow,
    find: given => {
      if (slow) contain('code', `the pattern ${text}`)
      return given.search(expression)
    },
  }
}

/** What is wrong with a pattern, in one line; undefined if nothing is. Nothing is matched to find out. */
export const flawOfPattern = (text: string): string | undefined => {
  const made = compile(text)
  return 'problem' in made ? made.problem : undefined
}

/** Throws a `TypeError` for a pattern that `flawOfPattern` names a flaw of. */
export const matcherOf = (text: string): Matcher => {
  const made = compile(text)
  if ('problem' in made) throw new TypeError(made.problem)
  return made
}

const MEND =
  'simplify the pattern: where a repetition stands in or right after another, as in /(a+)+$/, no time is enough'

/** To be called before patterns are sought in something (`where`): a deadline names those that may take long. Call what is returned when they have been. */
export const seeking = (patterns: readonly Matcher[], where: string): (() => void) => {
  const slow = patterns.filter(pattern => pattern.slow).map(({ source }) => source)
  return slow.length === 0 ? () => {} : doing({ what: `seeking ${slow.join(', ')} in ${where}`, next: MEND })
}
