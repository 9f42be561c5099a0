/** The report: every outcome of one run as data, and the one function that decides whether the gateway may start. */
import type { Facts, Finding, Outcome, Phase, Severity, Status, User } from './check.ts'

export type Effect = 'none' | 'warning' | 'failure'

/** One check of the report. Texts are masked and free of control characters. */
export interface ReportedCheck {
  readonly id: string
  readonly kind: string
  readonly title: string
  /** Line of the check's opener in the manifest, 1-based; absent without a manifest. */
  readonly line?: number
  readonly phase: Phase
  readonly severity: Severity
  readonly status: Status
  readonly effect: Effect
  /** `kind/what`; `run/timeout`, `run/crash`, `run/blocked`, `run/skip` and their like for what only the runner says. */
  readonly code: string
  readonly summary: string
  readonly observed?: string
  readonly expected?: string
  readonly next?: string
  readonly facts: Facts
  readonly findings: readonly Finding[]
  readonly watched: readonly string[]
  readonly attempts: number
  readonly durationMs: number
}

/** An error of a manifest, or a warning about it or the run. */
export interface Problem {
  readonly file?: string
  readonly line?: number
  readonly column?: number
  readonly code: string
  readonly message: string
  readonly hint?: string
}

export interface Report {
  readonly version: 1
  /** Version of bootcheck. */
  readonly tool: string
  /** As given on the command line; null when a kind was run without a manifest. */
  readonly manifest: string | null
  /** The manifest's first heading or its `title`. */
  readonly title: string | null
  readonly phase: Phase | 'all'
  readonly user: Pick<User, 'name' | 'uid'>
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly durationMs: number
  readonly ready: boolean
  readonly exitCode: number
  readonly counts: Readonly<Record<Status, number>>
  readonly errors: readonly Problem[]
  readonly warnings: readonly Problem[]
  readonly checks: readonly ReportedCheck[]
}

/** What a status does to the run: `severity: warn` caps it. */
export const effectOf = (status: Status, severity: Severity): Effect => {
  switch (status) {
    case 'pass':
    case 'skip':
      return 'none'
    case 'warn':
      return 'warning'
    case 'fail':
    case 'timeout':
    case 'crash':
    case 'blocked':
      return severity === 'warn' ? 'warning' : 'failure'
    default:
      return status satisfies never
  }
}

/** What the decision rests on. */
export interface Evidence {
  readonly checks: readonly { readonly status: Status; readonly effect: Effect }[]
  readonly errors: number
  readonly warnings: number
  readonly strict: boolean
  /** Signal number that ended the run early; 0 if none did. */
  readonly signal: number
}

/** The only place that decides. See the table of exit codes in the README. */
export const judge = (evidence: Evidence): { ready: boolean; exitCode: number } => {
  const { checks, errors, warnings, strict, signal } = evidence
  if (signal > 0) return { ready: false, exitCode: 128 + signal }
  if (errors > 0) return { ready: false, exitCode: 2 }
  if (!checks.some(check => check.status !== 'skip')) return { ready: false, exitCode: 2 }
  const failed = checks.some(check => check.effect === 'failure')
  const warned = warnings > 0 || checks.some(check => check.effect === 'warning')
  if (failed || (strict && warned)) return { ready: false, exitCode: 1 }
  return { ready: true, exitCode: 0 }
}

export const countStatuses = (outcomes: readonly { readonly status: Outcome['status'] }[]): Report['counts'] => {
  const counts = { pass: 0, warn: 0, fail: 0, timeout: 0, crash: 0, blocked: 0, skip: 0 }
  for (const { status } of outcomes) counts[status]++
  return counts
}
