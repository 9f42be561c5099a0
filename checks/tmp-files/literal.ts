/** Globs that are taken literally, look for a folder that nobody made, and so pass and have watched nothing. */

/** The first bracket that has no partner (`sessions/{a,b/*.tmp`); undefined if all have one. */
const unpaired = (pattern: string): string | undefined => {
  const open: string[] = []
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === '\\') i++
    else if (char === '[') {
      // A "]" that comes first stands for itself: []x], [!]x].
      const end = pattern.indexOf(']', i + (/[!^]/.test(pattern[i + 1] ?? '') ? 3 : 2))
      if (end < 0) return char
      i = end
    } else if (char === '{') open.push('}')
    else if (char === '(') open.push(/[@!*+?]/.test(pattern[i - 1] ?? '') ? ')' : '')
    else if (char === '}' && open.pop() !== '}') return char
    else if (char === ')' && open.at(-1) !== '}') open.pop()
  }
  const last = open.findLast(end => end !== '')
  return last === undefined ? undefined : last === '}' ? '{' : '('
}

/** What is wrong with a pattern, and what it should be; undefined if nothing is. */
export const flawOf = (pattern: string): { readonly has: string; readonly expected: string } | undefined => {
  const bracket = unpaired(pattern)
  if (bracket !== undefined)
    return {
      has: `a "${bracket}" without its partner`,
      expected: 'brackets in pairs, or a backslash before one that stands for itself',
    }
  if (/^~[^/]/.test(pattern))
    return {
      has: 'a ~ that is not expanded',
      expected: 'the folder itself: only ~ alone, of this user, stands for a home',
    }
  if (pattern !== pattern.trim()) return { has: 'a space at its end or beginning', expected: 'a pattern without it' }
  return undefined
}
