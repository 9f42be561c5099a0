/** What the looking brings back: jobs with their places, and what is wrong, each with the line to mend. */
import type { Firing } from './schedule.ts'

export interface Spot {
  /** Absolute. */
  readonly path: string
  /** As people read it: `~/.openclaw/cron/jobs.json:12`, `openclaw.sqlite, job 4f2a`. */
  readonly shown: string
  readonly line?: number | undefined
  readonly column?: number | undefined
  /** The line itself. */
  readonly frame?: string | undefined
}

/** A place that is worked out when it is first asked for: it takes a walk through the file, and a sound job needs none. */
export const lazySpot = (path: string, make: () => Spot): Spot => {
  let made: Spot | undefined
  const spot = (): Spot => {
    made ??= make()
    return made
  }
  return {
    path,
    get shown() {
      return spot().shown
    },
    get line() {
      return spot().line
    },
    get column() {
      return spot().column
    },
    get frame() {
      return spot().frame
    },
  }
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
