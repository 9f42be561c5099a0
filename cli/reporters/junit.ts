/** JUnit XML as Jenkins, GitLab and GitHub's test reporters read it. */
import type { Report, ReportedCheck } from '../../core/report.ts'
import { visible } from '../../core/text.ts'
import type { Reporter } from './reporter.ts'
import { details, headline, place, problemLine, tally, unsaid } from './wording.ts'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** For text and for attributes. What XML 1.0 forbids even as a reference is made visible. */
const xml = (text: string): string =>
  visible(text)
    .replace(/[\ufffe\uffff]/g, char => `\\u${char.charCodeAt(0).toString(16)}`)
    .replace(/[&<>"']/g, char => ENTITIES[char] ?? char)

const lines = (texts: readonly string[]): string => texts.map(xml).join('\n')

const seconds = (ms: number): string => (ms / 1000).toFixed(3)

const attributes = (values: Readonly<Record<string, string | number | undefined>>): string =>
  Object.entries(values)
    .flatMap(([name, value]) => (value === undefined ? [] : [` ${name}="${xml(String(value))}"`]))
    .join('')

interface Case {
  readonly result: 'passed' | 'failure' | 'error' | 'skipped'
  readonly text: string
}

/** A failure that `severity: warn` caps does not make the test red; it stands in the case's output. */
const resultOf = ({ status, effect }: ReportedCheck): Case['result'] => {
  if (status === 'skip') return 'skipped'
  if (effect !== 'failure') return 'passed'
  return status === 'fail' || status === 'warn' ? 'failure' : 'error'
}

const caseOf = (check: ReportedCheck, { manifest }: Report): Case => {
  const result = resultOf(check)
  const open = `<testcase${attributes({
    classname: `bootcheck.${check.kind}`,
    name: check.id,
    time: seconds(check.durationMs),
    file: manifest ?? undefined,
    line: check.line,
  })}>`
  const said = [check.summary, ...details(check)]
  const out =
    check.effect === 'warning'
      ? [`warning: ${check.code}`, ...said]
      : result === 'passed'
        ? [check.summary, ...check.watched.map(name => `watched: ${name}`)]
        : []
  const body = [
    result === 'skipped' ? `<skipped${attributes({ message: check.summary })}/>` : '',
    result === 'failure' || result === 'error'
      ? `<${result}${attributes({ message: check.summary, type: check.code })}>${lines(said)}</${result}>`
      : '',
    out.length > 0 ? `<system-out>${lines(out)}</system-out>` : '',
  ]
  return { result, text: `    ${open}${body.join('')}</testcase>` }
}

const runCase = (
  name: string,
  type: string,
  message: string,
  more: readonly string[],
  at: { file?: string; line?: number } = {},
): Case => ({
  result: 'error',
  text: `    <testcase${attributes({ classname: 'bootcheck', name, time: '0.000', file: at.file, line: at.line })}><error${attributes({ message, type })}>${lines([message, ...more])}</error></testcase>`,
})

const casesOf = (report: Report): Case[] => {
  const why = unsaid(report)
  return [
    ...report.errors.map(problem =>
      runCase(
        place(problem) || problem.code,
        problem.code,
        problemLine(problem, 'error'),
        problem.hint === undefined ? [] : [problem.hint],
        problem,
      ),
    ),
    ...report.checks.map(check => caseOf(check, report)),
    // Without it a run that was stopped, or that ran nothing, would look green.
    ...(why === undefined
      ? []
      : [runCase('ready', `exit/${report.exitCode}`, `${headline(report)}: ${why}`, [tally(report)])]),
  ]
}

export const junit: Reporter = report => {
  const cases = casesOf(report)
  const number = (result: Case['result']): number => cases.filter(entry => entry.result === result).length
  const totals = {
    tests: cases.length,
    failures: number('failure'),
    errors: number('error'),
    skipped: number('skipped'),
  }
  const time = seconds(report.durationMs)
  const properties = {
    manifest: report.manifest ?? '',
    phase: report.phase,
    user: report.user.name,
    ready: String(report.ready),
    exitCode: report.exitCode,
    tool: report.tool,
  }
  const warnings = report.warnings.flatMap(problem => [
    problemLine(problem, 'warning'),
    ...(problem.hint === undefined ? [] : [`  ${problem.hint}`]),
  ])
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'bootcheck', ...totals, time })}>`,
    `  <testsuite${attributes({ name: report.title ?? report.manifest ?? 'bootcheck', ...totals, time, timestamp: report.startedAt.slice(0, 19) })}>`,
    '    <properties>',
    ...Object.entries(properties).map(([name, value]) => `      <property${attributes({ name, value })}/>`),
    '    </properties>',
    ...cases.map(({ text }) => text),
    ...(warnings.length > 0 ? [`    <system-out>${lines(warnings)}</system-out>`] : []),
    '  </testsuite>',
    '</testsuites>',
  ].join('\n')}\n`
}
