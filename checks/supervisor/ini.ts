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

/** A `;` begins a comment at the start of a line, and behind a blank. An indented line continues the value before it. Parses anything. */
export const parseIni = (
  text: string,
): { readonly sections: readonly IniSection[]; readonly odd: readonly number[] } => {
  const sections: { name: string; line: number; entries: Map<string, IniEntry> }[] = []
  const odd: number[] = []
  let key: string | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '').replace(/(?:^|\s);.*$/, '')
    if (/^\s*(?:#.*)?$/.test(line)) continue
    const section = sections.at(-1)
    const header = /^\[([^\]]*)\]/.exec(line)
    const pair = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line)
    if (header) {
      sections.push({ name: header[1]?.trim() ?? '', line: index + 1, entries: new Map() })
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
