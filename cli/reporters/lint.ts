/** What `lint` shows people: each error where an editor finds it, and one line for each file without. */
import type { Problem, Report } from '../../core/report.ts'
import { plural, visible } from '../../core/text.ts'
import { palette } from '../palette.ts'
import type { ReportOptions } from './reporter.ts'
import { place, problemLine } from './wording.ts'

export const lintText = (report: Report, options: Pick<ReportOptions, 'color' | 'unicode' | 'quiet'>): string => {
  const paint = palette(options.color)
  const good = paint.green(options.unicode ? '✔' : '+')
  const lines = (problems: readonly Problem[], word: 'error' | 'warning'): string[] =>
    problems.flatMap(problem => {
      const at = visible(place(problem))
      const said = problemLine(problem, word).slice(at ? at.length + 2 : 0)
      const tint = word === 'error' ? paint.red : paint.yellow
      return [
        `${at ? `${paint.bold(at)}: ` : ''}${tint(word)}${said.slice(word.length)}`,
        ...(problem.hint === undefined ? [] : [`    ${visible(problem.hint)}`]),
      ]
    })
  const clean = report.checks.filter(({ status }) => status !== 'fail')
  const { errors, warnings, checks } = report
  const counted = [plural(errors.length, 'error'), plural(warnings.length, 'warning')].join(', ')
  return `${[
    ...lines(errors, 'error'),
    ...lines(warnings, 'warning'),
    ...(options.quiet ? [] : clean.map(({ id, summary }) => `${good} ${visible(id)}: ${visible(summary)}`)),
    ...(errors.length + warnings.length > 0 ? [`${counted} in ${plural(checks.length, 'file')}`] : []),
  ].join('\n')}\n`
}
