/** What a file must hold or not: text as it stands, or a regular expression between slashes. */

export type Pattern =
  | { readonly written: string; readonly literal: string }
  | { readonly written: string; readonly regex: RegExp }

const BETWEEN_SLASHES = /^\/(.+)\/([a-z]*)$/s

/** `/^ready/i` is a regular expression, all else text. Throws on a regular expression that is none. */
export const parsePattern = (written: string): Pattern => {
  const [, source, flags = ''] = BETWEEN_SLASHES.exec(written) ?? []
  if (source === undefined) return { written, literal: written }
  // The others change what a search is (g, y) or are of no use on one line (m, s).
  if (/[^iu]/.test(flags)) throw new Error(`the flags are i and u, not ${flags}`)
  return { written, regex: new RegExp(source, flags) }
}

/** What is wrong with a pattern; undefined if nothing is. */
export const flawOf = (written: unknown): string | undefined => {
  if (typeof written !== 'string') return undefined // the schema says so
  if (/[\n\r]/.test(written)) return 'spans lines: a pattern is sought in one line at a time'
  try {
    parsePattern(written)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
