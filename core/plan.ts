/** What a manifest means, as data: the parser makes it, the runner reads it. Variables still stand in it unsubstituted. */
import type { Phase, Severity } from './check.ts'
import type { Problem } from './report.ts'

/** A switch-off with a reason and an end. Without `finding` it holds for the whole check. */
export interface Skip {
  /** A code (`kind/what`) or a text of a finding; only that one is passed over. */
  readonly finding?: string
  readonly reason: string
  /** Last day on which it holds, UTC, `YYYY-MM-DD`. */
  readonly until: string
  /** Where the date stands. */
  readonly line: number
  readonly column: number
}

/** Where a value of the options stands: by JSON pointer (`/http/path`), to 1-based line and column. */
export type Positions = Readonly<Record<string, readonly [line: number, column: number]>>

export interface PlannedCheck {
  readonly id: string
  readonly kind: string
  /** The nearest heading above; the kind's title without one. */
  readonly title: string
  /** The prose between that heading and the check. */
  readonly why: string
  /** Line of the opener; absent when the check comes from the command line. */
  readonly line?: number
  readonly needs: readonly string[]
  /** Ids in its options whose outcomes it looks at: they come first, and whatever they say does not block it. */
  readonly reads?: readonly string[]
  readonly severity: Severity
  readonly phase: Phase
  /** Of phase `after`: how often a guard asks it again for as long as the gateway lives. */
  readonly everyMs?: number
  readonly timeoutMs: number
  readonly retries: number
  readonly retryDelayMs: number
  readonly when?: {
    readonly os?: readonly string[]
    readonly env?: Readonly<Record<string, string>>
  }
  readonly skips: readonly Skip[]
  /** The kind's options as written, variables unsubstituted, defaults not filled in. */
  readonly options: Readonly<Record<string, unknown>>
  readonly positions: Positions
}

export type GuardSettings = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export interface Plan {
  /** The manifest's file name as given; null for a check from the command line. */
  readonly file: string | null
  readonly title: string | null
  readonly deadlineMs: number
  /** The user that the manifest is written for. */
  readonly user?: string
  /** File of variables beside the environment, as written. */
  readonly envFile?: string
  readonly vars: Readonly<Record<string, string>>
  /** The guards that the front matter declares, by kind, each with the parameters it gives, defaults filled in. */
  readonly guard?: GuardSettings
  readonly checks: readonly PlannedCheck[]
  /** Known at parse time: a skip without use, a user that is not ours and the like come from the run. */
  readonly warnings: readonly Problem[]
}
