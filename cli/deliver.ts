/** Hands a report to its reporters. The exit code is the report's own; only output that did not arrive can worsen it. */
import { type Format, formatReport, type Report } from '../index.ts'
import type { Io } from './io.ts'
import { writeReportFile } from './output.ts'
import type { Values } from './words.ts'

type Style = Parameters<typeof formatReport>[2] & object

/** Those that people read; lint has a text of its own for them. */
const FOR_PEOPLE: ReadonlySet<string> = new Set(['pretty', 'live', 'plain'])

/** `pretty` and `live` are for people; where none sits at a terminal, or asked for colour, they are one plain line a check. */
const shapeOf = (format: string, { tty, color }: { readonly tty: boolean; readonly color: boolean }): Format =>
  format === 'pretty' || format === 'live' ? (tty || color ? 'pretty' : 'plain') : (format as Format)

/** Prints the report in every format that was asked for, and returns the exit code. */
export const deliver = async (
  report: Report,
  values: Values,
  io: Io,
  forPeople?: (report: Report, style: Required<Style>) => string,
): Promise<number> => {
  const wanted = values.formats.length > 0 ? values.formats : [{ format: 'pretty' }]
  const quiet = values.flags.has('quiet')
  let complete = true
  for (const { format, file } of wanted) {
    try {
      const look = file === undefined ? io.style : { ...io.style, color: false, tty: false }
      const style = { ...look, quiet, cwd: io.cwd }
      const text =
        forPeople && FOR_PEOPLE.has(format)
          ? forPeople(report, style)
          : await formatReport(report, shapeOf(format, look), style)
      if (file !== undefined) await writeReportFile(file, text)
      else if (!io.out(text)) throw new Error('not everything could be written to standard output')
    } catch (error) {
      complete = false
      io.err(`bootcheck: the ${format} report: ${error instanceof Error ? error.message : String(error)}\n`)
    }
  }
  return complete || report.exitCode !== 0 ? report.exitCode : 3
}
