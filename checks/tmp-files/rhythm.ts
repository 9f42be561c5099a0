/** The rhythm in which files were left behind: a process that restarts and does not clean up leaves one at each start. */

export interface Rhythm {
  /** Typical distance between two starts, ms. */
  readonly everyMs: number
  /** Starts in an unbroken row, up to the newest file. */
  readonly starts: number
  /** The first of them, ms since the epoch. */
  readonly since: number
}

/** Files of one start are written close together. */
const BURST_MS = 200
const LEAST_STARTS = 4
/** Gaps from which the typical one is taken. */
const RECENT = 9

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/** Times in ms since the epoch, in any order, of all files. Undefined where there is no rhythm to speak of. */
export const rhythm = (times: readonly number[]): Rhythm | undefined => {
  const starts: number[] = []
  let last = Number.POSITIVE_INFINITY
  for (const time of [...times].sort((a, b) => b - a)) {
    if (last - time > BURST_MS) starts.push(time)
    last = time
  }
  const gaps = starts.slice(1).map((time, index) => (starts[index] ?? 0) - time)
  const everyMs = median(gaps.slice(0, RECENT))
  const broken = gaps.findIndex(gap => gap > 3 * everyMs)
  const row = broken < 0 ? gaps : gaps.slice(0, broken)
  const steady = row.filter(gap => gap >= everyMs / 3).length
  if (row.length + 1 < LEAST_STARTS || steady < (row.length * 2) / 3) return undefined
  return { everyMs, starts: row.length + 1, since: starts[row.length] ?? 0 }
}
