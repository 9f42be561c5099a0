/** GitHub Actions workflow commands: annotations on the manifest's line, or on the file that a finding names. */
import { isAbsolute, join, posix, relative } from 'node:path'
import type { Finding } from '../../core/check.ts'
import type { Problem, Report, ReportedCheck } from '../../core/report.ts'
import { visible } from '../../core/text.ts'
import type { Reporter } from './reporter.ts'
import { findingLine, headline, observedBeside, place, tally, unsaid } from './wording.ts'

// GitHub shows ten annotations of a sort for a step.
const FINDINGS = 10

const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const property = (text: string): string => data(visible(text)).replaceAll(':', '%3A').replaceAll(',', '%2C')

interface Position {
  readonly file?: string | undefined
  readonly line?: number | undefined
  readonly column?: number | undefined
}

const command = (
  word: 'error' | 'warning' | 'notice',
  at: Position,
  title: string,
  lines: readonly string[],
): string => {
  const properties = {
    file: at.file,
    line: at.file === undefined ? undefined : at.line,
    col: at.file === undefined ? undefined : at.column,
    title,
  }
  const shown = Object.entries(properties).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${property(String(value))}`],
  )
  return `::${word} ${shown.join(',')}::${data(lines.map(visible).join('\n'))}`
}

/** As seen from the repository's folder; undefined for what lies outside of it. */
const inRepository = (path: string, cwd: string): string | undefined => {
  if (path === '' || path.startsWith('~')) return undefined
  const seen = isAbsolute(path) ? relative(cwd, path) : posix.normalize(path)
  return seen === '' || seen.startsWith('..') || isAbsolute(seen) ? undefined : seen
}

/** A check names files as seen from its manifest. */
const fileOf = ({ path }: Finding, manifest: string | null, cwd: string): string | undefined => {
  if (path.startsWith('~')) return undefined
  return inRepository(isAbsolute(path) || path === '' || manifest === null ? path : join(manifest, '..', path), cwd)
}

const annotations = (check: ReportedCheck, { manifest }: Report, cwd: string): string[] => {
  if (check.effect === 'none') return []
  const word = check.effect === 'failure' ? 'error' : 'warning'
  const title = `${check.id} (${check.code})`
  const home = { file: manifest === null ? undefined : inRepository(manifest, cwd), line: check.line }
  const observed = observedBeside(check)
  const body = [
    ...(observed === undefined ? [] : [`observed: ${observed}`]),
    ...(check.expected === undefined ? [] : [`expected: ${check.expected}`]),
    ...(check.next === undefined ? [] : [`next: ${check.next}`]),
  ]
  const placed: string[] = []
  const elsewhere: string[] = []
  for (const finding of check.findings) {
    const file = fileOf(finding, manifest, cwd)
    if (file === undefined || placed.length >= FINDINGS) elsewhere.push(findingLine(finding))
    else
      placed.push(
        command(word, { file, line: finding.line, column: finding.column }, title, [finding.message, ...body]),
      )
  }
  // Of several places none says what they come to.
  if (placed.length === 1 && elsewhere.length === 0) return placed
  const rest = elsewhere.length > FINDINGS ? [`and ${elsewhere.length - FINDINGS} more`] : []
  return [...placed, command(word, home, title, [check.summary, ...body, ...elsewhere.slice(0, FINDINGS), ...rest])]
}

const problem = (word: 'error' | 'warning', { hint, ...said }: Problem, cwd: string): string => {
  const file = said.file === undefined ? undefined : inRepository(said.file, cwd)
  const message = file === undefined && said.file !== undefined ? `${place(said)}: ${said.message}` : said.message
  return command(word, { file, line: said.line, column: said.column }, said.code, [
    message,
    ...(hint === undefined ? [] : [hint]),
  ])
}

export const github: Reporter = (report, { cwd }) => {
  const why = unsaid(report)
  const title = 'bootcheck'
  return `${[
    ...report.errors.map(entry => problem('error', entry, cwd)),
    ...report.checks.flatMap(check => annotations(check, report, cwd)),
    ...report.warnings.map(entry => problem('warning', entry, cwd)),
    ...(why === undefined ? [] : [command('error', {}, title, [`${headline(report)}: ${why}`])]),
    command('notice', {}, title, [`${headline(report)}. ${tally(report)}`]),
  ].join('\n')}\n`
}
