/** Text in columns. */

// East Asian wide and fullwidth characters, by Unicode's EastAsianWidth.txt, in ranges coarse enough to read; and emoji.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
const NO_WIDTH = /[\p{Mn}\p{Me}]/u
const PLAIN = /^[\u0020-\u007e]*$/

/** How many columns a terminal takes for one line of text without control characters. */
export const columns = (text: string): number => {
  if (PLAIN.test(text)) return text.length
  let count = 0
  for (const char of text) count += NO_WIDTH.test(char) ? 0 : WIDE.test(char) ? 2 : 1
  return count
}

export const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columns(text)))

/** At most `width` columns; an ellipsis stands where something is missing. */
export const truncate = (text: string, width: number, ellipsis = '…'): string => {
  if (columns(text) <= width) return text
  const room = Math.max(0, width - columns(ellipsis))
  let used = 0
  let kept = ''
  for (const char of text) {
    const next = columns(char)
    if (used + next > room) break
    used += next
    kept += char
  }
  return kept + ellipsis
}

/** Lines of at most `width` columns, broken at spaces. A word that is longer stays whole, so that a path can still be copied. */
export const wrap = (text: string, width: number): string[] => {
  if (columns(text) <= width) return [text]
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const word of text.split(' ')) {
    const wide = columns(word)
    if (line !== '' && used + 1 + wide > width) {
      lines.push(line)
      line = word
      used = wide
    } else {
      used += line === '' ? wide : 1 + wide
      line = line === '' ? word : `${line} ${word}`
    }
  }
  lines.push(line)
  return lines
}
