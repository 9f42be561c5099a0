/** What must stand in an output: a text, or a regular expression between slashes. */

/** `/ready/i` is a regular expression; anything else is a text that must stand there as it is. */
const EXPRESSION = /^\/(.+)\/([imsu]*)$/s

/** Why it cannot be used, in one line; undefined if it can. */
export const flawOf = (wanted: string): string | undefined => {
  const [, source, flags] = EXPRESSION.exec(wanted) ?? []
  if (source === undefined) return undefined
  try {
    new RegExp(source, flags)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

export const found = (wanted: string, text: string): boolean => {
  const [, source, flags] = EXPRESSION.exec(wanted) ?? []
  return source === undefined ? text.includes(wanted) : new RegExp(source, flags).test(text)
}
