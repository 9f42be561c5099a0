/** The shape of signals in logs as data. */

export interface SignalData {
  readonly name: string
  /** Any of these; each is a row of patterns (plain text or `/regex/`) that must be found in this order. */
  readonly patterns: readonly (readonly string[])[]
  readonly means: string
  readonly next?: string
  /** So many lines within a duration make it a signal; one without. */
  readonly times?: number
  readonly within?: string
  /** One event writes several lines, to several logs or for several listeners: those less than this apart are one. Needs `within`. */
  readonly apart?: string
}
