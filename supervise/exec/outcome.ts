/** What the end of a command means: for whoever called us, and for the guards. Data in, data out. */
import { constants } from 'node:os'
import { span, visible } from '../../core/text.ts'
import type { End } from '../running.ts'

export interface Ended extends End {
  /** Its deadline in ms, where that ran out. */
  readonly outOfTimeMs?: number
  /** The signals that we were sent while it ran, and passed on. */
  readonly received: ReadonlySet<NodeJS.Signals>
}

export interface Outcome {
  /** Our own end: an exit code, or the signal to die of. */
  readonly exit: number | NodeJS.Signals
  /** What the guards are told; undefined where the caller called it off, which says nothing about the work. */
  readonly told: 'ok' | 'fail' | undefined
  /** `exit 3`, `signal SIGKILL`, `its deadline of 1 h ran out`. */
  readonly what: string
  readonly outOfTime: boolean
}

/** As timeout(1) has it. */
const OUT_OF_TIME = 124

/** Whoever sends one of these wants the work to end. */
const STOPS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGQUIT']

/** HUP may mean "reload": then the command lives on, and is judged by how it ends. */
const hungUp = ({ code, signal, received }: Ended): boolean =>
  received.has('SIGHUP') && (signal === 'SIGHUP' || code === 128 + constants.signals.SIGHUP)

/** A failure is a non-zero exit, a signal that we did not pass on, or a deadline. */
export const judgeEnd = (ended: Ended): Outcome => {
  const { code, signal, outOfTimeMs, received } = ended
  if (outOfTimeMs !== undefined)
    return { exit: OUT_OF_TIME, told: 'fail', what: `its deadline of ${span(outOfTimeMs)} ran out`, outOfTime: true }
  const calledOff = STOPS.some(stop => received.has(stop)) || hungUp(ended)
  const told = calledOff ? undefined : code === 0 ? 'ok' : 'fail'
  if (signal !== null) return { exit: signal, told, what: `signal ${visible(signal)}`, outOfTime: false }
  // Neither is set for one that KILL did not end.
  return { exit: code ?? 3, told, what: `exit ${code ?? 'unknown'}`, outOfTime: false }
}
