/** Words for a POSIX shell, so that a command that is shown can be pasted. */
import { UNSAFE } from './text.ts'

const escaped = (text: string): string =>
  [...Buffer.from(text)].map(byte => `\\x${byte.toString(16).padStart(2, '0')}`).join('')

/** Quotes a word where it needs it; what a terminal would not show goes into `$'…'` (POSIX 2024), byte by byte. */
export const quote = (word: string): string => {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word
  if (word.search(UNSAFE) < 0) return `'${word.replaceAll("'", `'\\''`)}'`
  return `$'${word.replaceAll(/[\\']/g, '\\$&').replaceAll(UNSAFE, escaped)}'`
}
