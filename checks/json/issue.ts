import type { Place } from './document.ts'

/** One thing that is wrong. */
export interface Issue {
  /** The second half of the code. */
  readonly what: string
  readonly path: string
  readonly place?: Partial<Place> | undefined
  readonly message: string
  readonly expected: string
  /** Without it: the line to mend. */
  readonly next?: string
  /** It starts all the same. */
  readonly warn?: true
}
