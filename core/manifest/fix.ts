/** `lint --fix`: the mends that cannot change what a manifest means. Whatever else is wrong stays for a person. */
import type { Registry } from '../check.ts'
import { parseWithEdits } from '../manifest.ts'
import { plural } from '../text.ts'
import type { Edit } from './problems.ts'

/** Makes the edits, from the last to the first. Lines keep their own ends, and the file its byte order mark. */
const apply = (text: string, edits: readonly Edit[]): string => {
  const mark = text.startsWith('\ufeff') ? '\ufeff' : ''
  const lines = text.slice(mark.length).split('\n')
  for (const { line, column, remove, insert } of [...edits].sort((a, b) => b.line - a.line || b.column - a.column)) {
    const old = lines[line - 1] ?? ''
    lines[line - 1] = old.slice(0, column - 1) + insert + old.slice(column - 1 + remove)
  }
  return mark + lines.join('\n')
}

/**
 * Deletes invisible characters (E101), makes odd spaces normal (E210), quotes octal modes (E209), and keeps the front matter's
 * `checks:` count (E105) where nothing else explains a difference. `fixed` says each, with its line.
 */
export const fixManifest = async (
  text: string,
  options: { readonly file: string; readonly registry: Registry },
): Promise<{ readonly text: string; readonly fixed: readonly string[] }> => {
  const mended = await mend(text, options)
  // A mend that brings an error that was not there is none.
  const codes = async (of: string) =>
    (await parseWithEdits(of, { ...options, mode: 'run' })).errors.map(({ code }) => code)
  const before = new Set(await codes(text))
  return (await codes(mended.text)).every(code => before.has(code)) ? mended : { text, fixed: [] }
}

const mend = async (
  text: string,
  options: { readonly file: string; readonly registry: Registry },
): Promise<{ readonly text: string; readonly fixed: readonly string[] }> => {
  const fixed: string[] = []
  const parse = (current: string) => parseWithEdits(current, { ...options, mode: 'run' })
  const say = ({ line, column, what }: Edit): void => void fixed.push(`${options.file}:${line}:${column}: ${what}`)

  let current = text
  let read = await parse(current)
  // A block with invisible characters is read only once they are gone, and may then show more to mend.
  for (let turn = 0; turn < 3; turn++) {
    const edits = read.found.flatMap(({ edit }) => (edit ? [edit] : []))
    if (edits.length === 0) break
    edits.forEach(say)
    current = apply(current, edits)
    read = await parse(current)
  }

  const { frontMatter, count } = read
  const explained = read.errors.some(({ code }) => /^E1(?:0[1-46-9]|1)/.test(code))
  if (!frontMatter?.ours || !frontMatter.trusted || explained || count === 0) return { text: current, fixed }
  const promised = frontMatter.count
  if (promised && promised.value !== count) {
    const edit: Edit = {
      line: promised.at.line,
      column: promised.column,
      remove: promised.text.length,
      insert: String(count),
      what: `checks: ${promised.text} made ${count}`,
    }
    say(edit)
    current = apply(current, [edit])
  } else if (!promised && !frontMatter.hasCount && frontMatter.versionLine !== undefined) {
    const lines = current.split('\n')
    const end = lines[frontMatter.versionLine - 1]?.endsWith('\r') ? '\r' : ''
    const indent = /^ */.exec(lines[frontMatter.versionLine - 1] ?? '')?.[0] ?? ''
    lines.splice(frontMatter.versionLine, 0, `${indent}checks: ${count}${end}`)
    current = lines.join('\n')
    fixed.push(
      `${options.file}:${frontMatter.versionLine + 1}:1: ${plural(count, 'check')} counted in the front matter`,
    )
  }
  return { text: current, fixed }
}
