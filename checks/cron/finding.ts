/** What the looking brings back: jobs with their places, and what is wrong, each with the line to mend. */
import type { Firing } from './schedule.ts'

export interface Spot {
  /** Absolute. */
  readonly path: string
  /** As people read it: `~/.openclaw/cron/jobs.json:12`, `openclaw.sqlite, job 4f2a`. */
  readonly shown: string
  readonly line?: number
  readonly column?: number
  /** The line itself. */
  readonly frame?: string
}

export interface Issue {
  /** The second half of the code. */
  readonly what: string
  readonly level: 'fail' | 'warn'
  readonly spot: Spot
  readonly message: string
  readonly expected: string
  readonly next: string
}

/** A job that was read, whether it is sound or not. */
export interface KnownJob {
  readonly label: string
  readonly enabled: boolean
  /** Unique within a scope; absent where the file gives none. */
  readonly id?: { readonly scope: string; readonly text: string }
  readonly spot: Spot
  readonly firings: readonly Firing[]
}

export interface Looked {
  readonly jobs: readonly KnownJob[]
  readonly issues: readonly Issue[]
}
