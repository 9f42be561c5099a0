/** Sentences that several formats share. */
import type { Effect, Problem, Report, ReportedCheck } from '../../core/report.ts'
import { plural, visible } from '../../core/text.ts'

export type Standing = 'ready' | 'not-ready' | 'unjudged' | 'broke' | 'stopped'

/** What the exit code says. A report that is at odds with itself is never called ready. */
export const standing = ({ ready, exitCode }: Pick<Report, 'ready' | 'exitCode'>): Standing => {
  if (exitCode > 128) return 'stopped'
  if (exitCode === 2) return 'unjudged'
  if (exitCode === 3) return 'broke'
  return ready && exitCode === 0 ? 'ready' : 'not-ready'
}

const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  6: 'SIGABRT',
  9: 'SIGKILL',
  15: 'SIGTERM',
}

const HEADLINES: Readonly<Record<Standing, (report: Report) => string>> = {
  ready: report => (warned(report) ? 'Ready, with warnings' : 'Ready'),
  'not-ready': () => 'Not ready',
  unjudged: () => 'Nothing was judged',
  broke: () => 'bootcheck broke',
  stopped: ({ exitCode }) => `Stopped by ${SIGNALS[exitCode - 128] ?? `signal ${exitCode - 128}`}`,
}

const warned = ({ checks, warnings }: Report): boolean =>
  warnings.length > 0 || checks.some(({ effect }) => effect === 'warning')

export const headline = (report: Report): string => HEADLINES[standing(report)](report)

/** `0.21 s`, `5.1 s`, `75 s`, `4 min 10 s`. */
export const took = (ms: number): string => {
  if (ms < 995) return `${(Math.max(ms, 10) / 1000).toFixed(2)} s`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** `1 failed, 1 timed out, 1 warning, 3 passed in 5.1 s` */
export const tally = ({ counts, checks, errors, warnings, durationMs }: Report): string => {
  // What `severity: warn` has capped is shown as a warning, so it is told as one.
  const capped = (status: ReportedCheck['status']): number =>
    checks.filter(check => check.status === status && check.effect === 'warning').length
  const own = (status: 'fail' | 'timeout' | 'crash' | 'blocked'): number => counts[status] - capped(status)
  const warned = counts.warn + capped('fail') + capped('timeout') + capped('crash') + capped('blocked')
  const parts: readonly (readonly [number, string])[] = [
    [errors.length, plural(errors.length, 'error')],
    [own('fail'), `${own('fail')} failed`],
    [own('timeout'), `${own('timeout')} timed out`],
    [own('crash'), `${own('crash')} crashed`],
    [own('blocked'), `${own('blocked')} blocked`],
    [warned, plural(warned, 'warning')],
    [warnings.length, `${plural(warnings.length, 'warning')} about the run`],
    [counts.pass, `${counts.pass} passed`],
    [counts.skip, `${counts.skip} skipped`],
  ]
  const said = parts.flatMap(([count, text]) => (count > 0 ? [text] : []))
  return `${said.length > 0 ? said.join(', ') : '0 checks'} in ${took(durationMs)}`
}

/**
 * Why a run is not ready where no check and no error says it: it was stopped, nothing ran, or only warnings stand in the way.
 * Formats that list checks one by one would look green without it.
 */
export const unsaid = (report: Report): string | undefined => {
  switch (standing(report)) {
    case 'ready':
      return undefined
    case 'stopped':
      return 'what had not finished is unknown'
    case 'broke':
      return 'this is a fault of bootcheck, not of the gateway'
    case 'unjudged':
      if (report.errors.length > 0) return undefined
      return report.checks.length > 0
        ? 'every check was skipped, and that proves nothing'
        : 'there was no check to run, and that proves nothing'
    case 'not-ready':
      if (report.errors.length > 0 || report.checks.some(({ effect }) => effect === 'failure')) return undefined
      return warned(report) ? 'nothing failed, but warnings count (--strict)' : 'no check says why'
  }
}

/** `BOOT.md:14:1`, as far as it is known. */
export const place = ({ file, line, column }: Pick<Problem, 'file' | 'line' | 'column'>): string =>
  [file, line, line === undefined ? undefined : column].filter(part => part !== undefined).join(':')

/** `BOOT.md:14:1: error E112 message`: the form that editors jump to. */
export const problemLine = (problem: Problem, word: 'error' | 'warning'): string => {
  const at = place(problem)
  return visible(`${at ? `${at}: ` : ''}${word} ${problem.code} ${problem.message}`)
}

export const wasGood = ({ status }: Pick<ReportedCheck, 'status'>): boolean => status === 'pass' || status === 'skip'

export const isFine = (check: { readonly effect: Effect }): boolean => check.effect === 'none'

/** `observed` is told apart from the summary only where it says more. */
export const observedBeside = ({ observed, summary }: ReportedCheck): string | undefined =>
  observed === undefined || observed === '' || summary.includes(observed) ? undefined : observed

export const findingLine = ({ path, line, column, message }: ReportedCheck['findings'][number]): string => {
  const at = place({ file: path, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) })
  return at ? `${at}: ${message}` : message
}

/** Everything that a check says beside its summary, one line each. */
export const details = (check: ReportedCheck): string[] => {
  const lines: string[] = []
  if (check.observed !== undefined) lines.push(`observed: ${check.observed}`)
  if (check.expected !== undefined) lines.push(`expected: ${check.expected}`)
  if (check.next !== undefined) lines.push(`next: ${check.next}`)
  for (const finding of check.findings) lines.push(findingLine(finding))
  return lines.map(visible)
}
