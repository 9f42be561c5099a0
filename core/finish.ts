/** From what ran to what is reported: skips of findings applied, secrets masked, control characters made visible, one decision. */
import type { Outcome } from './check.ts'
import { masker } from './mask.ts'
import type { Plan, PlannedCheck } from './plan.ts'
import { countStatuses, effectOf, judge, type Problem, type Report, type ReportedCheck } from './report.ts'
import { DEADLINE, type Ran, STOPPED } from './runner.ts'
import { quote } from './shell.ts'
import { span, visible } from './text.ts'

/** Every string of a value, in arrays and objects too. Keys are ours and stay. */
export const mapStrings = <T>(value: T, change: (text: string) => string): T => {
  if (typeof value === 'string') return change(value) as T
  if (Array.isArray(value)) return value.map(item => mapStrings(item, change)) as T
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, change)])) as T
  return value
}

type Said = Pick<
  ReportedCheck,
  'code' | 'summary' | 'observed' | 'expected' | 'next' | 'facts' | 'findings' | 'watched'
>

const NOTHING = { facts: {}, findings: [], watched: [] }

/** The command that runs a manifest, named as on the command line: the folder's own is found without its name. */
export const runOf = (file: string): string =>
  `bootcheck run${/^(\.\/)?(BOOT|bootcheck)\.md$/.test(file) ? '' : ` ${quote(file)}`}`

/** The command that runs this check again, alone. */
const again = (check: PlannedCheck, file: string | null): string =>
  file === null ? 'the same command again' : `${runOf(file)} --only ${check.id}`

/** What the runner itself says of an outcome, in the words of a verdict. */
const said = (outcome: Outcome, check: PlannedCheck, file: string | null): Said => {
  switch (outcome.status) {
    case 'pass':
      return { ...NOTHING, ...outcome, facts: outcome.facts ?? {} }
    case 'warn':
    case 'fail': {
      const { code, summary, observed, expected, next } = outcome
      return {
        code,
        summary,
        observed,
        expected,
        next,
        facts: outcome.facts ?? {},
        findings: outcome.findings ?? [],
        watched: outcome.watched ?? [],
      }
    }
    case 'skip':
      return { ...NOTHING, code: 'run/skip', summary: `not run: ${outcome.reason}` }
    case 'timeout': {
      const { during } = outcome
      const after = span(outcome.afterMs)
      return {
        ...NOTHING,
        code: 'run/timeout',
        summary: `no answer after ${after}${during ? `: it was still ${during.what}` : ''}`,
        observed: `the check was still ${during?.what ?? 'waiting'} after ${after}`,
        expected: `an answer within ${span(check.timeoutMs)}, and within the deadline of the run`,
        next: during?.next ?? `${again(check, file)}, to see it alone; if it is slow by nature, raise its timeout`,
      }
    }
    case 'crash':
      return {
        ...NOTHING,
        code: 'run/crash',
        summary: `the check itself broke: ${outcome.error.message}`,
        observed: `${outcome.error.name}: ${outcome.error.message}`,
        expected: 'an answer; this is a fault of the check, not of the gateway',
        next: `${again(check, file)} --format json, and report it`,
      }
    case 'blocked': {
      if (outcome.by === STOPPED)
        return {
          ...NOTHING,
          code: 'run/stopped',
          summary: 'not finished: the run was stopped',
          observed: 'a signal while it was waiting or running',
          expected: 'a run to its end',
          next: again(check, file),
        }
      if (outcome.by === DEADLINE)
        return {
          ...NOTHING,
          code: 'run/not-begun',
          summary: 'not run: the deadline of the run was over',
          observed: 'checks before it that took the time',
          expected: 'time left to begin it',
          next: `${again(check, file)}, to see it alone; or raise the deadline`,
        }
      return {
        ...NOTHING,
        code: 'run/blocked',
        summary: `not run: needs ${outcome.by}`,
        observed: `${outcome.by} did not pass`,
        expected: `${outcome.by} passes first`,
        next: `mend ${outcome.by}`,
      }
    }
    default:
      return outcome satisfies never
  }
}

const reported = ({ check, outcome, attempts, durationMs, assumed }: Ran, file: string | null): ReportedCheck => {
  const words = said(outcome, check, file)
  const note = assumed.length > 0 ? ` (taken as met, not of this phase: ${assumed.join(', ')})` : ''
  return {
    id: check.id,
    kind: check.kind,
    title: check.title,
    ...(check.line === undefined ? {} : { line: check.line }),
    phase: check.phase,
    severity: check.severity,
    status: outcome.status,
    effect: effectOf(outcome.status, check.severity),
    code: words.code,
    summary: words.summary + note,
    ...(words.observed === undefined ? {} : { observed: words.observed }),
    ...(words.expected === undefined ? {} : { expected: words.expected }),
    ...(words.next === undefined ? {} : { next: words.next }),
    facts: words.facts,
    findings: words.findings,
    watched: words.watched,
    attempts,
    durationMs,
  }
}

export interface Finished {
  readonly tool: string
  readonly plan: Plan
  readonly phase: Report['phase']
  readonly user: Report['user']
  readonly startedMs: number
  readonly durationMs: number
  readonly strict: boolean
  /** Number of the signal that stopped the run; 0 if none did. */
  readonly signal: number
  readonly ran: readonly Ran[]
  readonly secrets: readonly string[]
  readonly warnings: readonly Problem[]
  readonly errors: readonly Problem[]
}

export const finish = (run: Finished): Report => {
  const mask = masker(run.secrets)
  const warnings = [...run.warnings]
  for (const { check, unusedSkips } of run.ran)
    for (const skip of unusedSkips)
      warnings.push({
        ...(run.plan.file === null ? {} : { file: run.plan.file }),
        line: skip.line,
        column: skip.column,
        code: 'run/skip-unused',
        message: `the skip of "${skip.finding}" in "${check.id}" matched nothing`,
        hint: 'delete it, or write the code or text that the finding has now',
      })
  const checks = run.ran.map(entry => reported(entry, run.plan.file))
  const clean = <T>(value: T): T => mapStrings(value, text => visible(mask(text)))
  const { strict, signal, errors } = run
  return {
    version: 1,
    tool: run.tool,
    manifest: run.plan.file === null ? null : clean(run.plan.file),
    title: run.plan.title === null ? null : clean(run.plan.title),
    phase: run.phase,
    user: { name: run.user.name, uid: run.user.uid },
    startedAt: new Date(run.startedMs).toISOString(),
    durationMs: run.durationMs,
    ...judge({ checks, errors: errors.length, warnings: warnings.length, strict, signal }),
    counts: countStatuses(checks),
    errors: clean(errors),
    warnings: clean(warnings),
    // The keys of facts may come from outside; all others are ours.
    checks: clean(checks).map(check => ({
      ...check,
      facts: Object.fromEntries(Object.entries(check.facts).map(([key, value]) => [clean(key), value])),
    })),
  }
}
