/** What a pipe gets: one line a check, tab-separated, status first. */
import { visible } from '../../core/text.ts'
import type { Reporter } from './reporter.ts'
import { headline, isFine, observedBeside, problemLine, tally, unsaid, wasGood } from './wording.ts'

export const plain: Reporter = (report, { quiet }) => {
  const lines: string[] = []
  const problems = (list: typeof report.errors, word: 'error' | 'warning'): void => {
    for (const problem of list) {
      lines.push(problemLine(problem, word))
      if (problem.hint !== undefined) lines.push(`  ${visible(problem.hint)}`)
    }
  }
  problems(report.errors, 'error')
  for (const check of report.checks) {
    if (quiet && isFine(check)) continue
    const fields: string[] = [check.status, check.id]
    if (wasGood(check)) fields.push(check.summary)
    else {
      const told = check.status !== 'blocked'
      const beside = told ? observedBeside(check) : undefined
      if (check.line !== undefined) fields.push(`${report.manifest ?? ''}:${check.line}`)
      fields.push(check.code, beside === undefined ? check.summary : `${check.summary}: ${beside}`)
      if (told && check.next !== undefined) fields.push(`next: ${check.next}`)
      if (check.effect === 'warning' && check.severity === 'warn' && check.status !== 'warn')
        fields.push('severity: warn')
    }
    lines.push(fields.map(visible).join('\t'))
  }
  problems(report.warnings, 'warning')
  const why = unsaid(report)
  const closing = headline(report)
  lines.push(
    `${closing.startsWith('S') ? `s${closing.slice(1)}` : closing.toLowerCase()}: ${tally(report)}${why ? `; ${why}` : ''}`,
  )
  return `${lines.join('\n')}\n`
}
