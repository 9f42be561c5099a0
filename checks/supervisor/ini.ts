/** supervisord's files: sections of `key=value`, as Python's configparser reads them for it. */

export interface IniEntry {
  readonly value: string
  /** 1-based. */
  readonly line: number
}

export interface IniSection {
  readonly name: string
  readonly line: number
  readonly entries: ReadonlyMap<string, IniEntry>
}

/**
 * A `;` or `#` begins a comment at the start of a line, and behind a blank. An indented line continues the value before it. A section that stands
 * twice is one, of which the later values hold. Parses anything.
 */
export const parseIni = (
  text: string,
): { readonly sections: readonly IniSection[]; readonly odd: readonly number[] } => {
  const sections: { name: string; line: number; entries: Map<string, IniEntry> }[] = []
  const odd: number[] = []
  let key: string | undefined
  let section: (typeof sections)[number] | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '').replace(/(?:^|\s)[;#].*$/, '')
    if (line.trim() === '') continue
    const header = /^\[([^\]]*)\]/.exec(line)
    const pair = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line)
    if (header) {
      const name = header[1]?.trim() ?? ''
      section = sections.find(known => known.name === name)
      if (!section) {
        section = { name, line: index + 1, entries: new Map() }
        sections.push(section)
      }
      key = undefined
    } else if (/^\s/.test(line) && section && key !== undefined) {
      const held = section.entries.get(key)
      if (held) section.entries.set(key, { ...held, value: `${held.value} ${line.trim()}`.trim() })
    } else if (pair && section) {
      key = pair[1]?.toLowerCase() ?? ''
      section.entries.set(key, { value: pair[2] ?? '', line: index + 1 })
    } else odd.push(index + 1)
  }
  return { sections, odd }
}
