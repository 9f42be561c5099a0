/**
 * Hides secrets in whatever is shown, also where a URL, JSON, HTML, a shell or Basic authentication has written them in its own
 * way. Each character of a secret may be written in any of these ways, so mixtures and repeated encodings are found too. A walk
 * and no regular expression: one that knows every way takes 140 ms to compile, for each secret and at each start.
 */

/** Shorter ones are refused where variables are put in (E407): masking them would hide ordinary text. */
const LEAST = 8

/** A line of a secret of several lines (a key in PEM) that is long enough to be recognised by itself. */
const LEAST_LINE = 16

/** How many backslashes may stand before a character: each level of quoting doubles them and adds one. */
const LEVELS = 8

const PERCENT = 0x25
const AMPERSAND = 0x26
const BACKSLASH = 0x5c

const NAMED: Readonly<Record<string, string>> = {
  '&': 'amp;',
  '<': 'lt;',
  '>': 'gt;',
  '"': 'quot;',
  "'": 'apos;',
  '\u00a0': 'nbsp;',
}
const ESCAPED: Readonly<Record<string, string>> = {
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
  '\b': 'b',
  '\f': 'f',
  '\v': 'v',
  '\0': '0',
}

/** One character of a secret. */
interface Letter {
  readonly char: string
  readonly code: number
  readonly bytes: readonly number[]
}

const isHex = (text: string, at: number, digits: number, value: number): boolean => {
  const written = text.slice(at, at + digits)
  return written.length === digits && /^[0-9a-f]+$/i.test(written) && Number.parseInt(written, 16) === value
}

/** The ends of `%2f`, `%252F` and so on for each byte in turn. */
const percentEnds = (text: string, start: number, bytes: readonly number[]): number[] => {
  let ends = [start]
  for (const byte of bytes) {
    const next: number[] = []
    for (const end of ends) {
      if (text.charCodeAt(end) !== PERCENT) continue
      for (let at = end + 1, again = 0; again <= 3; again++, at += 2) {
        if (isHex(text, at, 2, byte)) next.push(at + 2)
        if (!text.startsWith('25', at)) break
      }
    }
    ends = next
    if (ends.length === 0) break
  }
  return ends
}

/** `\u00e9` for each UTF-16 unit, with backslashes to any level before each. `at` is that of the first u. */
const unicodeEnd = (text: string, at: number, char: string): number | undefined => {
  let end = at
  for (let i = 0; i < char.length; i++) {
    if (i > 0) {
      const from = end
      while (text.charCodeAt(end) === BACKSLASH && end - from < LEVELS) end++
      if (end === from) return undefined
    }
    if (text[end] !== 'u' || !isHex(text, end + 1, 4, char.charCodeAt(i))) return undefined
    end += 5
  }
  return end
}

/** The ends of `&lt;`, `&#60;`, `&#x3c;`, and of the same with its `&` written as `&amp;` again. */
const entityEnds = (text: string, start: number, { char, code }: Letter): number[] => {
  const ends: number[] = []
  const named = NAMED[char]
  for (let at = start + 1, again = 0; again <= 3; again++, at += 4) {
    if (named !== undefined && text.startsWith(named, at)) ends.push(at + named.length)
    const [whole, hex, decimal] =
      /^#(?:[xX]0{0,5}([0-9a-fA-F]{1,6})|0{0,5}([0-9]{1,7}));/.exec(text.slice(at, at + 15)) ?? []
    if (whole !== undefined && (hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)) === code)
      ends.push(at + whole.length)
    if (!text.startsWith('amp;', at)) break
  }
  return ends
}

/** Where one character of a secret may end that begins at `start`. */
const letterEnds = (text: string, start: number, letter: Letter, ends: Set<number>): void => {
  const { char, code, bytes } = letter
  const first = text.charCodeAt(start)
  if (first === PERCENT) {
    for (const end of percentEnds(text, start, bytes)) ends.add(end)
    if (code > 0x7f && code < 0x100) for (const end of percentEnds(text, start, [code])) ends.add(end)
  } else if (first === AMPERSAND) {
    for (const end of entityEnds(text, start, letter)) ends.add(end)
  } else if (char === ' ' && text[start] === '+') ends.add(start + 1)
  for (let at = start; at - start <= LEVELS; at++) {
    if (text.startsWith(char, at)) ends.add(at + char.length)
    if (at > start) {
      const escaped = ESCAPED[char]
      if (escaped !== undefined && text.startsWith(escaped, at)) ends.add(at + 1)
      if (text[at] === 'x' && code < 0x100 && isHex(text, at + 1, 2, code)) ends.add(at + 3)
      if (text[at] === 'u') {
        const end = unicodeEnd(text, at, char)
        if (end !== undefined) ends.add(end)
        const braced = /^u\{0{0,4}([0-9a-fA-F]{1,6})\}/.exec(text.slice(at, at + 13))
        if (braced?.[1] !== undefined && Number.parseInt(braced[1], 16) === code) ends.add(at + braced[0].length)
      }
    }
    if (text.charCodeAt(at) !== BACKSLASH) break
  }
}

/** The ends of one character of base64, of either alphabet, in a URL or in JSON. */
const digitEnds = (text: string, start: number, digit: string, ends: Set<number>): void => {
  const char = text[start]
  if (char === digit || (digit === '+' && char === '-') || (digit === '/' && char === '_')) ends.add(start + 1)
  if (digit === '+' || digit === '/') {
    for (const end of percentEnds(text, start, [digit.charCodeAt(0)])) ends.add(end)
    if (digit === '/' && char === '\\') {
      let at = start
      while (text.charCodeAt(at) === BACKSLASH && at - start < LEVELS) at++
      if (text[at] === '/') ends.add(at + 1)
    }
  }
}

/** Where a pattern may end that begins at `start`: the set of ends stays small, so there is no backtracking. */
const endOf = <T>(
  text: string,
  start: number,
  parts: readonly T[],
  step: (text: string, start: number, part: T, ends: Set<number>) => void,
): number => {
  let ends = new Set([start])
  for (const part of parts) {
    const next = new Set<number>()
    for (const end of ends) step(text, end, part, next)
    if (next.size === 0) return -1
    ends = next
  }
  return Math.max(...ends)
}

/** What is looked for: which characters it may begin with, and where it ends. */
interface Pattern {
  readonly begins: ReadonlySet<number>
  /** The end of what begins at `start`, or -1. */
  end(text: string, start: number): number
  /** Base64: characters beside it that hold some of its bits are hidden with it. */
  readonly edges?: true
}

/** The secret inside base64 of a longer text: only the characters that its own bits decide, at each of the three byte offsets. */
const inBase64 = (bytes: Buffer): Pattern[] =>
  [0, 1, 2].map(offset => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    const own = [...encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))]
    const first = own[0] ?? ''
    const others = first === '+' ? '-%' : first === '/' ? '_%\\' : ''
    return {
      begins: new Set([...(first + others)].map(char => char.charCodeAt(0))),
      end: (text, start) => endOf(text, start, own, digitEnds),
      edges: true,
    }
  })

const patternsOf = (secret: string): Pattern[] => {
  const letters = [...secret].map(
    (char): Letter => ({ char, code: char.codePointAt(0) ?? 0, bytes: [...Buffer.from(char, 'utf8')] }),
  )
  const patterns: Pattern[] = [
    {
      begins: new Set([secret.charCodeAt(0), PERCENT, AMPERSAND, BACKSLASH, ...(secret.startsWith(' ') ? [0x2b] : [])]),
      end: (text, start) => endOf(text, start, letters, letterEnds),
    },
    ...inBase64(Buffer.from(secret, 'utf8')),
  ]
  // `btoa` and old HTTP clients encode Latin-1.
  if (/[\u0080-\u00ff]/.test(secret) && /^[\0-\u00ff]*$/.test(secret))
    patterns.push(...inBase64(Buffer.from(secret, 'latin1')))
  return patterns
}

const BEFORE = /(?:[A-Za-z0-9+/_-]|%(?:25){0,3}2[bBfF])$/
const BEHIND = /^(?:%(?:25){0,3}2[bBfF]|[A-Za-z0-9+/_-])?(?:=|%(?:25){0,3}3[dD]){0,2}/

const withEdges = (text: string, start: number, end: number): [number, number] => [
  start - (BEFORE.exec(text.slice(Math.max(0, start - 9), start))?.[0].length ?? 0),
  end + (BEHIND.exec(text.slice(end, end + 27))?.[0].length ?? 0),
]

const CUT_LEAST = 6

const percentEncoded = (text: string): string => {
  try {
    return encodeURIComponent(text)
  } catch {
    return text // a lone surrogate has no percent-encoding
  }
}

/** Half a secret at an ellipsis: text that was shortened before it came here still shows how it begins or ends. */
const withoutCuts = (text: string, whole: readonly string[]): string => {
  if (!text.includes('\u2026')) return text
  const parts = text.split('\u2026')
  return parts
    .map((part, at) => {
      let kept = part
      for (const secret of whole) {
        if (at < parts.length - 1)
          for (let size = Math.min(secret.length, kept.length); size >= CUT_LEAST; size--)
            if (kept.endsWith(secret.slice(0, size))) {
              kept = `${kept.slice(0, -size)}***`
              break
            }
        if (at > 0)
          for (let size = Math.min(secret.length, kept.length); size >= CUT_LEAST; size--)
            if (kept.startsWith(secret.slice(-size))) {
              kept = `***${kept.slice(size)}`
              break
            }
      }
      return kept
    })
    .join('\u2026')
}

/** Replaces each secret, however written, by `***`. Secrets of fewer than 8 characters are left alone. */
export const masker = (secrets: readonly string[]): ((text: string) => string) => {
  const whole = new Set<string>()
  for (const secret of secrets) {
    for (const part of [secret, secret.trim()]) if ([...part].length >= LEAST) whole.add(part)
    for (const line of secret.split(/[\r\n]+/)) if (line.trim().length >= LEAST_LINE) whole.add(line.trim())
  }
  if (whole.size === 0) return text => text
  const patterns = [...whole].flatMap(patternsOf)
  const cuttable = [...whole].flatMap(secret => [
    ...new Set([secret, percentEncoded(secret), JSON.stringify(secret).slice(1, -1)]),
  ])
  return text => {
    const hidden: (readonly [start: number, end: number])[] = []
    // Two secrets, or one and itself, may overlap: every place is tried.
    for (const pattern of patterns)
      for (let start = 0; start < text.length; start++) {
        if (!pattern.begins.has(text.charCodeAt(start))) continue
        const end = pattern.end(text, start)
        if (end >= 0) hidden.push(pattern.edges ? withEdges(text, start, end) : [start, end])
      }
    if (hidden.length === 0) return withoutCuts(text, cuttable)
    hidden.sort((a, b) => a[0] - b[0])
    let result = ''
    let shown = 0
    for (const [start, end] of hidden) {
      if (start > shown || result === '') result += `${text.slice(shown, start)}***`
      shown = Math.max(shown, end)
    }
    return withoutCuts(result + text.slice(shown), cuttable)
  }
}
