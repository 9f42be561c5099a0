/**
 * One status line as Nagios, Icinga and their like read it, with performance data, then details.
 *
 * The line's word follows the report; the exit code stays bootcheck's own, which these would misread (their 1 is WARNING, ours
 * is "not ready"). So the command to give them is this, and the status line decides:
 *
 *     out=$(bootcheck run --format nagios); echo "$out"
 *     case "$out" in "BOOTCHECK OK "*) exit 0;; "BOOTCHECK WARNING "*) exit 1;; "BOOTCHECK CRITICAL "*) exit 2;; esac; exit 3
 */
import type { Report } from '../../core/report.ts'
import { visible } from '../../core/text.ts'
import type { Reporter } from './reporter.ts'
import { details, headline, isFine, problemLine, standing, tally, unsaid } from './wording.ts'

// Nagios Core keeps 8 KiB of a plugin's output, older ones 4 KiB.
const MAX_BYTES = 4096

/** A bar would begin performance data. */
const text = (said: string): string => visible(said).replaceAll('|', '¦')

const word = (report: Report): string => {
  switch (standing(report)) {
    case 'ready':
      return report.warnings.length === 0 && report.checks.every(isFine) ? 'OK' : 'WARNING'
    case 'not-ready':
      return 'CRITICAL'
    case 'unjudged':
    case 'broke':
    case 'stopped':
      return 'UNKNOWN'
  }
}

const performance = ({ counts, durationMs }: Report): string =>
  [
    `time=${(durationMs / 1000).toFixed(3)}s`,
    `passed=${counts.pass}`,
    `warnings=${counts.warn}`,
    `failed=${counts.fail}`,
    `timed_out=${counts.timeout}`,
    `crashed=${counts.crash}`,
    `blocked=${counts.blocked}`,
    `skipped=${counts.skip}`,
  ].join(' ')

const firstLine = (report: Report): string => {
  const bad = report.checks.filter(check => !isFine(check)).map(({ id }) => id)
  const shown = bad.length > 5 ? [...bad.slice(0, 5), `${bad.length - 5} more`] : bad
  const why = unsaid(report) ?? (report.errors[0] ? problemLine(report.errors[0], 'error') : shown.join(', '))
  return `BOOTCHECK ${word(report)} - ${text(headline(report))}. ${text(tally(report))}${why ? `: ${text(why)}` : ''} | ${performance(report)}`
}

export const nagios: Reporter = report => {
  const long = [
    ...report.errors.map(problem => problemLine(problem, 'error')),
    ...report.checks
      .filter(check => !isFine(check))
      .flatMap(check => [`${check.status} ${check.id}: ${check.summary}`, ...details(check).map(line => `  ${line}`)]),
    ...report.warnings.map(problem => problemLine(problem, 'warning')),
  ].map(text)
  const lines = [firstLine(report)]
  let room = MAX_BYTES - Buffer.byteLength(lines[0] ?? '') - 64
  for (const [at, line] of long.entries()) {
    room -= Buffer.byteLength(line) + 1
    if (room < 0) {
      lines.push(`and ${long.length - at} more lines`)
      break
    }
    lines.push(line)
  }
  return `${lines.join('\n')}\n`
}
