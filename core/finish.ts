/** From what ran to what is reported: skips of findings applied, secrets masked, control characters made visible, one decision. */
import type { Finding, Outcome, Trouble } from './check.ts'
import { masker } from './mask.ts'
import type { Plan, PlannedCheck, Skip } from './plan.ts'
import { countStatuses, effectOf, judge, type Problem, type Report, type ReportedCheck } from './report.ts'
import type { Ran } from './runner.ts'
import { expired } from './select.ts'
import { span, visible } from './text.ts'

/** Every string of a value, in arrays and objects too. Keys are ours and stay. */
export const mapStrings = <T>(value: T, change: (text: string) => string): T => {
  if (typeof value === 'string') return change(value) as T
  if (Array.isArray(value)) return value.map(item => mapStrings(item, change)) as T
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, change)])) as T
  return value
}

const matches = (skip: Skip, verdict: Trouble, finding: Finding): boolean => {
  const wanted = skip.finding ?? ''
  return (finding.code ?? verdict.code) === wanted || finding.message.includes(wanted) || finding.path.includes(wanted)
}

/** Takes the findings that a skip names out of a verdict. What is left keeps its status; nothing left is a skip. */
export const withoutSkipped = (
  outcome: Outcome,
  skips: readonly Skip[],
  now: number,
): { outcome: Outcome; unused: readonly Skip[] } => {
  const named = skips.filter(skip => skip.finding !== undefined && !expired(skip, now))
  if (named.length === 0) return { outcome, unused: [] }
  if (outcome.status !== 'warn' && outcome.status !== 'fail') return { outcome, unused: named }
  const findings: readonly Finding[] = outcome.findings?.length
    ? outcome.findings
    : [{ path: '', message: outcome.observed, code: outcome.code }]
  const used = new Set<Skip>()
  const left = findings.filter(finding => {
    const skip = named.find(entry => matches(entry, outcome, finding))
    if (skip) used.add(skip)
    return !skip
  })
  const unused = named.filter(skip => !used.has(skip))
  const first = left[0]
  if (used.size === 0) return { outcome, unused }
  const reasons = [...used].map(skip => `${skip.reason} (until ${skip.until})`).join('; ')
  if (!first) return { outcome: { status: 'skip', reason: reasons }, unused }
  const gone = findings.length - left.length
  return {
    outcome: {
      ...outcome,
      code: first.code ?? outcome.code,
      summary: `${left.length} of ${findings.length} findings stand, ${gone} skipped: ${reasons}`,
      observed: first.message,
      findings: left,
    },
    unused,
  }
}

type Said = Pick<
  ReportedCheck,
  'code' | 'summary' | 'observed' | 'expected' | 'next' | 'facts' | 'findings' | 'watched'
>

const NOTHING = { facts: {}, findings: [], watched: [] }

const again = (check: PlannedCheck): string =>
  check.line === undefined ? `bootcheck check ${check.kind}` : `bootcheck run --only ${check.id}`

/** What the runner itself says of an outcome, in the words of a verdict. */
const said = (outcome: Outcome, check: PlannedCheck): Said => {
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
    case 'timeout':
      return {
        ...NOTHING,
        code: 'run/timeout',
        summary: `no answer after ${span(outcome.afterMs)}`,
        observed: `the check was still waiting after ${span(outcome.afterMs)}`,
        expected: `an answer within ${span(check.timeoutMs)}, and within the deadline of the run`,
        next: `${again(check)}, to see it alone; if it is slow by nature, raise its timeout`,
      }
    case 'crash':
      return {
        ...NOTHING,
        code: 'run/crash',
        summary: `the check itself broke: ${outcome.error.message}`,
        observed: `${outcome.error.name}: ${outcome.error.message}`,
        expected: 'an answer; this is a fault of the check, not of the gateway',
        next: `${again(check)} --format json, and report it`,
      }
    case 'blocked': {
      if (outcome.by.startsWith('SIG'))
        return {
          ...NOTHING,
          code: 'run/stopped',
          summary: `not finished: stopped by ${outcome.by}`,
          observed: `${outcome.by} while it was waiting or running`,
          expected: 'a run to its end',
          next: again(check),
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

const reported = ({ check, outcome, attempts, durationMs, assumed }: Ran): ReportedCheck => {
  const words = said(outcome, check)
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
  readonly now: number
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
  const checks = run.ran.map(entry => {
    const { outcome, unused } = withoutSkipped(entry.outcome, entry.check.skips, run.now)
    for (const skip of unused)
      warnings.push({
        ...(run.plan.file === null ? {} : { file: run.plan.file }),
        line: skip.line,
        column: skip.column,
        code: 'run/skip-unused',
        message: `the skip of "${skip.finding}" in "${entry.check.id}" matched nothing`,
        hint: 'delete it, or write the code or text that the finding has now',
      })
    return reported({ ...entry, outcome })
  })
  const clean = <T>(value: T): T => mapStrings(value, text => visible(mask(text)))
  const { strict, signal, errors } = run
  return {
    version: 1,
    tool: run.tool,
    manifest: run.plan.file,
    title: run.plan.title === null ? null : clean(run.plan.title),
    phase: run.phase,
    user: { name: run.user.name, uid: run.user.uid },
    startedAt: new Date(run.startedMs).toISOString(),
    durationMs: run.durationMs,
    ...judge({ checks, errors: errors.length, warnings: warnings.length, strict, signal }),
    counts: countStatuses(checks),
    errors: clean(errors),
    warnings: clean(warnings),
    checks: clean(checks),
  }
}
