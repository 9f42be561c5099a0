/** The characters of a manifest: what may stand in it at all, and what must not stand in a check. */

/** Characters that no eye sees or that reorder what it sees: every default-ignorable one except the emoji selectors, and the annotation anchors. */
const INVISIBLE = /(?![\ufe0e\ufe0f])[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu

/** A joiner between two emoji is part of one picture. */
const EMOJI_JOINER = /(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?)\u200d(?=\p{Extended_Pictographic})/gu

/** Spaces that look like a space and are none to YAML. */
const ODD_SPACE = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g

/** Control characters and the line breaks that only some programs see: CR alone, VT, FF, NEL, LS, PS. And halves of surrogate pairs. */
const CONTROL =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

export interface OddCharacter {
  /** 0-based, in the line. */
  readonly index: number
  /** In UTF-16 units. */
  readonly length: number
  /** `U+200B` */
  readonly name: string
}

const nameOf = (char: string): string => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`

const all = (line: string, pattern: RegExp): OddCharacter[] =>
  [...line.matchAll(pattern)].map(match => ({ index: match.index, length: match[0].length, name: nameOf(match[0]) }))

export const controls = (line: string): OddCharacter[] => all(line, CONTROL)

export const invisibles = (line: string): OddCharacter[] => {
  const joiners = new Set(all(line, EMOJI_JOINER).map(({ index }) => index))
  return all(line, INVISIBLE).filter(({ index }) => !joiners.has(index))
}

export const oddSpaces = (line: string): OddCharacter[] => all(line, ODD_SPACE)

/** Only ASCII, and no control character: nothing above can be in it. */
export const isPlain = (text: string): boolean => !/[^\t\n -~]/.test(text)

/** The line as a hurried reader sees it: without invisible characters, every space a space. */
export const asSeen = (line: string): string =>
  isPlain(line) ? line : line.replace(INVISIBLE, '').replace(ODD_SPACE, ' ').replace(CONTROL, '')

/** Control characters become U+FFFD, of the same length, so that positions stay true. */
export const withoutControls = (text: string): string => text.replace(CONTROL, char => '\ufffd'.repeat(char.length))

/** Odd spaces become spaces: once each has been reported, the rest of the block can still be read. */
export const plainSpaces = (text: string): string => text.replace(ODD_SPACE, ' ')

/** Undefined if the bytes are not UTF-8. */
export const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Where the first bytes stand that are not UTF-8, 1-based. */
export const firstBadByte = (bytes: Uint8Array): { line: number; column: number } => {
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(0x0a, start)
    const end = found < 0 ? bytes.length : found
    const slice = bytes.subarray(start, end)
    if (decode(slice) === undefined) {
      let good = 0
      // The longest prefix that decodes. A cut inside a character fails too, so the last success counts.
      for (let length = 1; length <= slice.length && length - good <= 4; length++)
        if (decode(slice.subarray(0, length)) !== undefined) good = length
      return { line, column: (decode(slice.subarray(0, good)) ?? '').length + 1 }
    }
    start = end + 1
  }
  return { line: 1, column: 1 }
}
