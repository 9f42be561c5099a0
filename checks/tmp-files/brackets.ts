/** Brackets in a glob. */

/**
 * The first bracket that has no partner; undefined if all have one. Such a glob is taken literally, and looks for a folder that
 * nobody made: `sessions/{a,b/*.tmp` would pass and have watched nothing.
 */
export const unpaired = (pattern: string): string | undefined => {
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
