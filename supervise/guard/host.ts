/** What `guard` is told and what it is lent by the program around it. */
import type { GuardSettings, PlannedCheck } from '../../core/plan.ts'
import type { Problem, Report } from '../../core/report.ts'
import type { World } from '../../core/world.ts'

/** Everything but the command may be left out. */
export interface GuardOptions {
  readonly command: readonly [string, ...string[]]
  /** What its crashes are counted under; `gateway` by default. */
  readonly target?: string
  /** The manifest; the folder's own by default, none where `checks` is false. */
  readonly manifest?: string
  readonly checks?: boolean
  /** Wait here until a cool-down ends (the default), or answer 75. */
  readonly wait?: boolean
  /** Stay while something has to be mended, and start once it is. */
  readonly hold?: boolean
  readonly supervisor?: 'systemd' | 'launchd' | 'none'
  /** From TERM to KILL when it is stopped; 10 s by default. */
  readonly killAfterMs?: number
  /** How long the checks of phase `after` may take to pass; 1 min by default. */
  readonly readyTimeoutMs?: number
  /** How long it must live before its start counts as good; 5 min by default. */
  readonly healthyAfterMs?: number
  /** Do not start it when the guard itself breaks. */
  readonly failClosed?: boolean
  /** Whom to tell: the id of a check of kind `message`, or a command for the shell. */
  readonly notify?: string
  /** Folder of the store; the platform's own by default. */
  readonly stateDir?: string
}

/** The part of a manifest that concerns the guard. */
export interface ReadPlan {
  /** The manifest's name as given, or as found. */
  readonly file: string
  readonly plan?: {
    readonly deadlineMs: number
    readonly envFile?: string
    readonly checks: readonly PlannedCheck[]
    readonly guard?: GuardSettings
  }
  readonly errors: readonly Problem[]
}

export interface GuardHost {
  /** The real one by default. */
  readonly world?: World
  /** Standard error, as it stands. */
  err(text: string): void
  /** This program: node and what it runs, for the checks, which never run in this process. */
  readonly program: readonly [string, ...string[]]
  readonly signals: { take(handler: (signal: NodeJS.Signals) => void): void }
  readManifest(path: string | undefined): Promise<ReadPlan>
  /** A report for people. */
  show(report: Report): Promise<string>
}

/** An exit code, or the signal to die of as the gateway did. */
export type GuardEnd = number | NodeJS.Signals

/** See the table of exit codes in the README. */
export const EXIT = { broke: 3, refused: 69, notNow: 75, mendFirst: 78 } as const
