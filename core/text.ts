/** Text for people: nothing here knows what it is about. */

// C0, DEL, C1, the bidi controls (Trojan Source), zero-width characters, line and paragraph separators, the BOM, tag characters,
// and lone surrogates: each can move the cursor, hide text or reorder it.
export const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b' }

/** Makes control, escape, bidi and invisible characters readable: `\x1b`, `\u202e`, `\n`. The result is one line. */
export const visible = (text: string): string =>
  text.replace(UNSAFE, char => {
    const code = char.codePointAt(0) ?? 0
    const hex = code.toString(16)
    return (
      NAMED[char] ??
      (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`)
    )
  })

/** Cuts text to at most `max` UTF-16 units, with an ellipsis where something is missing. Mask secrets first. */
export const excerpt = (text: string, max = 120): string => {
  if (text.length <= max) return text
  const cut = text.slice(0, max - 1)
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}

/** `1 job`, `12 jobs`, `1 entry`, `2 entries`. */
export const plural = (count: number, singular: string, several = `${singular}s`): string =>
  `${count} ${count === 1 ? singular : several}`

/** `a, b and 3 more`. */
export const listing = (items: readonly string[], max = 3): string => {
  if (items.length <= max) return items.join(', ')
  return `${items.slice(0, max).join(', ')} and ${items.length - max} more`
}

/** A span of time for people: `340 ms`, `9 s`, `5 min`, `3 h`, `12 days`. */
export const span = (ms: number): string => {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 10 && seconds % 1 !== 0) return `${seconds.toFixed(1)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} days`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** A size for people, in powers of 1024: `41 GiB`, `1.5 MiB`. */
export const bytes = (count: number): string => {
  let value = count
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit > 0 && value < 10 && value % 1 !== 0 ? 1 : 0
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}
