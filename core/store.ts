/** Where checks and guards remember. The shape only: the local engine and its format stand in `local-store.ts`. */

/** What happened, in the caller's words; small, and free of secrets. */
export interface StoreEvent {
  readonly type: string
  readonly [field: string]: string | number | boolean | null
}

/** A moment, by the two clocks that a record is stamped with. */
export interface Stamp {
  /** Wall clock, ms since the epoch. */
  readonly wallMs: number
  /** Names the boot of the host; uptimes compare within one boot only. */
  readonly boot: string
  /** Time since that boot, ms. */
  readonly uptimeMs: number
}

/** An event as it was kept. */
export interface StoreRecord extends Stamp {
  readonly event: StoreEvent
  /** Unique id of this record. */
  readonly id: string
  /** Who wrote it: a process is known by its pid, its start (as the system words it) and the boot. */
  readonly pid: number
  readonly started: string
  readonly host: string
}

/** The event that clears a target: nothing before the last one is remembered. */
export const RESET = 'reset'

export interface Reading {
  /** Oldest first: the order in which the appends were done, whatever the clocks said. */
  readonly records: readonly StoreRecord[]
  /** How many lines since the last reset could not be read. Their neighbours are kept. */
  readonly bad: number
  /** The first of them, as `FILE:LINE: why`. */
  readonly firstBad?: string
}

/** Picks what must not be forgotten, whatever its age. */
export type Keep = (records: readonly StoreRecord[]) => readonly StoreRecord[]

export interface Store {
  /**
   * Appends one event durably: when it returns, the event is on disk and every later `read` sees it. To take one of n places:
   * append, read back, and look who stands before you. Throws a `StoreError`.
   */
  append(target: string, event: StoreEvent): StoreRecord
  /**
   * Every record of the target. One never written to has none; one that cannot be read, or of which most lines since the last reset
   * cannot, throws a `StoreError`.
   */
  read(target: string): Reading
  /**
   * Every target that something was kept of, sorted; of some that may be no more than bad lines. Throws a `StoreError`, for one that cannot
   * be named, too. Where `nameless` is given, it gets that error, and those of folders that are no target's; the others are listed.
   */
  targets(nameless?: (error: StoreError) => void): readonly string[]
  /**
   * Removes days whole that ended more than `olderThanMs` ago, after what `keep` picks of all records was put among the newest; such
   * a record keeps its place in the order. A long day stays as it is while most of it would have to be kept. Loses nothing to others
   * who read, append or sweep meanwhile. An append that opens a new day does it by itself, by the rules of `survive.ts`. Returns how
   * many days were removed. Throws a `StoreError`.
   */
  sweep(target: string, olderThanMs: number, keep: Keep): number
  /** The present moment, as a record would be stamped. */
  stamp(): Stamp
  /** A command to type that shows what is remembered of a target. */
  showCommand(target: string): string
  /** A command to type that makes the store forget a target. */
  forgetCommand(target: string): string
}

/** The store could not be read or written: never the same as "nothing is remembered". */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  constructor(
    /**
     * An errno, or `NOT-PRIVATE`, `NOT-OURS`, `NOT-A-FOLDER`, `NOT-REGULAR`, `DANGLING`, `TOO-LARGE`, `SHORT-WRITE`, `UNSETTLED`, `NAMELESS`,
     * `DAMAGED`.
     */
    readonly code: string,
    readonly path: string,
    message: string,
    /** A command to type. */
    readonly next: string,
  ) {
    super(message)
  }
}

/**
 * How long it was from one moment to a later one, in ms and never negative: by uptime within one boot, since the wall clock
 * may be set; across boots by the wall clock, a `from` that lies ahead of `to` counting as `to`.
 */
export const elapsedMs = (from: Stamp, to: Stamp): number => {
  const byUptime = to.uptimeMs - from.uptimeMs
  // A container may have an uptime of its own on the host's boot: one that ran backwards is of no use.
  return from.boot === to.boot && byUptime >= 0 ? byUptime : Math.max(0, to.wallMs - from.wallMs)
}
