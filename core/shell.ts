/** Words for a POSIX shell, so that a command that is shown can be pasted. */

/** Quotes a word where it needs it. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) && !word.startsWith('-') ? word : `'${word.replaceAll("'", `'\\''`)}'`
