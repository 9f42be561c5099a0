/** Test Anything Protocol, version 14. */
import type { ReportedCheck } from '../../core/report.ts'
import { visible } from '../../core/text.ts'
import { safeJson } from './json.ts'
import type { Reporter } from './reporter.ts'
import { findingLine, headline, problemLine, standing, tally, unsaid } from './wording.ts'

/** `#` would begin a directive. */
const description = (text: string): string => visible(text).replace(/[\\#]/g, '\\$&')

/** A diagnostic block. Values are JSON strings, which are YAML as they stand. */
const block = (values: Readonly<Record<string, string | number | readonly string[] | undefined>>): string[] => [
  '  ---',
  ...Object.entries(values).flatMap(([key, value]) => {
    if (value === undefined) return []
    if (typeof value === 'number') return [`  ${key}: ${value}`]
    if (typeof value === 'string') return [`  ${key}: ${safeJson(visible(value))}`]
    return value.length > 0 ? [`  ${key}:`, ...value.map(item => `    - ${safeJson(visible(item))}`)] : []
  }),
  '  ...',
]

const point = (check: ReportedCheck, number: number, manifest: string | null): string[] => {
  const { id, status, effect, summary } = check
  if (status === 'skip') return [`ok ${number} - ${description(id)} # SKIP ${visible(summary)}`]
  const head = `${effect === 'failure' ? 'not ok' : 'ok'} ${number} - ${description(`${id}: ${summary}`)}`
  if (effect === 'none') return [head, ...block({ duration_ms: check.durationMs, watched: check.watched })]
  return [
    head,
    ...block({
      severity: effect === 'failure' ? 'fail' : 'warning',
      status,
      code: check.code,
      at: check.line === undefined ? undefined : `${manifest ?? ''}:${check.line}`,
      observed: check.observed,
      expected: check.expected,
      next: check.next,
      findings: check.findings.map(findingLine),
      duration_ms: check.durationMs,
    }),
  ]
}

export const tap: Reporter = report => {
  const { checks, errors, warnings, manifest } = report
  const problems = [
    ...errors.map(problem => [problem, 'error'] as const),
    ...warnings.map(problem => [problem, 'warning'] as const),
  ].flatMap(([problem, word]) => [
    problemLine(problem, word),
    ...(problem.hint === undefined ? [] : [`  ${visible(problem.hint)}`]),
  ])
  const comments = problems.map(text => `# ${text}`)
  const why = unsaid(report)
  const closing = `${headline(report)}: ${tally(report)}${why ? `; ${why}` : ''}`
  const lines = ['TAP version 14', ...comments]
  if (errors.length > 0)
    lines.push(`Bail out! ${visible(problemLine(errors[0] ?? { code: '', message: '' }, 'error'))}`)
  else {
    // A run that proves nothing must not read as "all of nothing passed".
    const extra = why === undefined ? [] : [`not ok ${checks.length + 1} - ${description(`ready: ${closing}`)}`]
    lines.push(
      `1..${checks.length + extra.length}`,
      ...checks.flatMap((check, at) => point(check, at + 1, manifest)),
      ...extra,
    )
    lines.push(standing(report) === 'stopped' ? `Bail out! ${closing}` : `# ${closing}`)
  }
  return `${lines.join('\n')}\n`
}
