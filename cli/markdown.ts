/** Our own Markdown for a terminal: headings and code stand out, tables become columns, prose is wrapped. */
import type { Style } from './color.ts'
import { wrap } from './reporters/layout.ts'

const cells = (line: string): string[] =>
  line
    .replace(/^\| | \|$/g, '')
    .split(/(?<!\\) \| /)
    .map(cell => cell.replaceAll('\\|', '|').trim())

/** Rows as columns; the last one is wrapped and hangs. */
const columns = (lines: readonly string[], width: number, dim: (text: string) => string): string[] => {
  const rows = lines.filter(line => !/^\|( --- \|)+$/.test(line)).map(cells)
  const head = rows[0] ?? []
  const widths = head.map((_, at) => Math.min(28, Math.max(...rows.map(row => (row[at] ?? '').length))))
  return rows.flatMap((row, index) => {
    const left = row
      .slice(0, -1)
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
    const indent = Math.max(2, Math.min(left.length + 4, Math.floor(width * 0.62)))
    const [first = '', ...rest] = wrap(row.at(-1) ?? '', Math.max(20, width - indent))
    const lead = left.length + 4 > indent ? [`  ${left}`, `${' '.repeat(indent)}${first}`] : [`  ${left}  ${first}`]
    const all = [...lead, ...rest.map(line => ' '.repeat(indent) + line)].map(line => line.trimEnd())
    return index === 0 ? all.map(dim) : all
  })
}

/** Markdown as lines for people; with the backticks of inline code taken away where colour can say it. */
export const markdown = async (text: string, { color, width }: Pick<Style, 'color' | 'width'>): Promise<string> => {
  const { palette } = await import('./palette.ts')
  const paint = palette(color)
  const each = (text: string, colour: (line: string) => string): string => text.split('\n').map(colour).join('\n')
  // Of whole blocks: a line may end within what is bold, or code.
  const inline = (lines: readonly string[]): string =>
    lines
      .join('\n')
      .replace(/\*\*([^*]+)\*\*/g, (_, bold: string) => each(bold, paint.bold))
      .replace(/`([^`]+)`/g, (_, code: string) => each(code, paint.cyan))
  const out: string[] = []
  for (const block of text.split(/\n{2,}(?![^`]*\n```\s*$)/)) {
    const lines = block.split('\n')
    if (lines[0]?.startsWith('```')) out.push(lines.map(line => `    ${line}`).join('\n'))
    else if (lines[0]?.startsWith('    ') || /^\S+ {2,}/.test(lines[0] ?? '')) out.push(block)
    else if (lines[0]?.startsWith('#')) out.push(paint.bold(block.replace(/^#+ /, '')))
    else if (lines[0]?.startsWith('| ')) out.push(inline(columns(lines, width, paint.dim)))
    else if (/^[-*] /.test(block))
      out.push(
        inline(
          block
            .split(/\n(?=[-*] )/)
            .flatMap(item => wrap(item.replaceAll('\n', ' '), width - 2).map((line, at) => (at ? `  ${line}` : line))),
        ),
      )
    else out.push(inline(wrap(lines.join(' '), width)))
  }
  return out.join('\n\n')
}
