/** What the commands see of the terminal: results go to `out`, progress and errors to `err`. */
import type { Env } from '../core/check.ts'
import type { Style } from './color.ts'
import type { Live } from './reporters/live.ts'

export interface Io {
  readonly env: Env
  readonly cwd: string
  /** How results are printed: colour, width, whether a terminal reads them. */
  readonly style: Style
  /** Begins to draw progress on standard error; undefined where nobody watches. */
  watch(): Promise<Live | undefined>
  /** Writes to standard output; false if not everything arrived. */
  out(text: string): boolean
  /** Writes to standard error; never fails. */
  err(text: string): void
  /** Aborted by Ctrl-C and its like, with the signal's name as reason. */
  readonly stop: AbortSignal
  readonly signals: Signals
}

/** This process's own signals, for a command that stands between a supervisor and another program. */
export interface Signals {
  /** From now on TERM, INT, HUP, QUIT, USR1 and USR2 go to `handler`, and end nothing here. */
  take(handler: (signal: NodeJS.Signals) => void): void
  /** Ends this process by the same signal, so that whoever waits for it sees how the other program ended. */
  raise(signal: NodeJS.Signals): Promise<never>
}

/** Wrong usage: one line, and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
