/** What is looked for, and what was found of it. */
import type { Matcher } from '../../core/safe-regex.ts'

export interface Signal {
  readonly name: string
  readonly means: string
  /** What to type; without it, what shows the line. */
  readonly next?: string
  /** Any of these: each a row of patterns that stand in one line, or one after the other in lines that belong together. */
  readonly patterns: readonly (readonly Matcher[])[]
  /** So many lines make the signal, if they come within `withinMs`; without that they may lie as far apart as the window is long. */
  readonly times: number
  readonly withinMs?: number
  /** Lines that are less than this apart are one, where `withinMs` is set. */
  readonly apartMs: number
}

export interface Place {
  readonly path: string
  readonly line: number
  readonly text: string
}

export interface Hit {
  readonly signal: Signal
  readonly count: number
  /** Absent where no line told its time. */
  readonly first?: number
  readonly last?: number
  /** The latest line. */
  readonly at: Place
}
