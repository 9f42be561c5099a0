/** One-edit slips of the keyboard, as a person or a merge makes them. */

export interface Mutation {
  readonly what: string
  readonly text: string
  /** The line that was deleted whole. */
  readonly deleted?: string
}

/** What slips in: marks of Markdown and YAML, white space that is none, invisible and bidi characters, odd line breaks. */
const NASTY = [
  '`',
  '#',
  ':',
  '-',
  ' ',
  '\t',
  '\u00a0',
  '\u200b',
  '\u202e',
  '\ufeff',
  '"',
  "'",
  '\n',
  '\r',
  '<!--',
  '-->',
  '<details>',
  '~',
  '>',
  '*',
  '&',
  '!',
  '|',
  '{',
  '}',
  '[',
  ']',
  ',',
  '$',
  '\\',
  '=',
  '?',
  '%',
  '@',
  '0',
  'x',
  '\u2028',
  '---\n',
  '```\n',
  '# ',
] as const

const show = (text: string): string => JSON.stringify(text)

/** All edits of one character: deletions, swaps, and each nasty character inserted before or put in place of each character. */
export function* characterEdits(text: string): Generator<Mutation> {
  for (let i = 0; i < text.length; i++) {
    const at = `at ${i} (${show(text.slice(Math.max(0, i - 8), i))} | ${show(text.slice(i, i + 8))})`
    yield { what: `delete ${at}`, text: text.slice(0, i) + text.slice(i + 1) }
    if (text[i] !== text[i + 1] && i + 1 < text.length)
      yield { what: `swap ${at}`, text: text.slice(0, i) + text[i + 1] + text[i] + text.slice(i + 2) }
    for (const nasty of NASTY) {
      yield { what: `insert ${show(nasty)} ${at}`, text: text.slice(0, i) + nasty + text.slice(i) }
      if (nasty !== text[i])
        yield { what: `replace by ${show(nasty)} ${at}`, text: text.slice(0, i) + nasty + text.slice(i + 1) }
    }
  }
}

/** All edits of one line: delete, duplicate, join with the next (as it is, or with one space), split, indent, dedent, comment out. */
export function* lineEdits(text: string): Generator<Mutation> {
  const lines = text.split('\n')
  const put = (i: number, remove: number, ...put: string[]): string => lines.toSpliced(i, remove, ...put).join('\n')
  for (const [i, line] of lines.entries()) {
    const at = `line ${i + 1} (${show(line.slice(0, 30))})`
    const next = lines[i + 1]
    yield { what: `delete ${at}`, text: put(i, 1), deleted: line }
    yield { what: `duplicate ${at}`, text: put(i, 0, line) }
    if (next !== undefined) {
      yield { what: `join ${at}`, text: put(i, 2, line + next) }
      yield { what: `join with a space ${at}`, text: put(i, 2, `${line} ${next}`) }
      yield { what: `join trimmed ${at}`, text: put(i, 2, `${line} ${next.trimStart()}`) }
      yield { what: `swap with the next ${at}`, text: put(i, 2, next, line) }
    }
    for (const indent of [' ', '  ', '    ', '\t'])
      yield { what: `indent by ${show(indent)} ${at}`, text: put(i, 1, indent + line) }
    for (const width of [1, 2, 4])
      if (line.startsWith(' '.repeat(width)))
        yield { what: `dedent by ${width} ${at}`, text: put(i, 1, line.slice(width)) }
    for (let cut = 1; cut < line.length; cut++)
      yield { what: `split at ${cut} ${at}`, text: put(i, 1, line.slice(0, cut), line.slice(cut)) }
    for (const comment of ['#', '# ', '<!-- ', '> ', '- ', '// '])
      yield { what: `prefix ${show(comment)} ${at}`, text: put(i, 1, comment + line) }
  }
}
