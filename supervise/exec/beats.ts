/** Heartbeats of a command, given while it makes progress and not on a bare timer: one that hangs stops beating. */
import { advanced, type Work } from './progress.ts'

/** As often as the guard of a gateway beats. */
export const BEAT_MS = 30_000

export interface Beats {
  /** At most one beat in this time, ms. */
  readonly everyMs: number
  /** What the command's processes have done so far. */
  work(): Work
  /** How many bytes of its output went through us. */
  output(): number
  beat(): void
  /** Called once, where nothing can be seen of a command that runs: then nothing beats either. */
  blind(): void
}

/** Beats once at once, since it was started; then after each span in which something happened. Returns how to stop it. */
export const giveBeats = ({ everyMs, work, output, beat, blind }: Beats): (() => void) => {
  let [done, written] = [work(), output()]
  let told = false
  beat()
  const timer = setInterval(() => {
    const [doneNow, writtenNow] = [work(), output()]
    // Twice in a row: once may be a command that has just ended.
    if (done.size + doneNow.size === 0 && !told) {
      told = true
      blind()
    }
    if (writtenNow > written || advanced(done, doneNow)) beat()
    // Spans in which nothing happened do not add up: what comes late is seen all the same.
    done = doneNow
    written = writtenNow
  }, everyMs)
  return () => clearInterval(timer)
}
