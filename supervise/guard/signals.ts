/** Our own signals, taken before there is anybody to leave behind, and what each of them means for the gateway. */
import { elapsed } from '../../core/clock.ts'
import type { End, Running } from '../running.ts'
import { ownPlace } from '../terminal.ts'

/** After these it gets its grace, and KILL. The others are its own business: reload, reopen a log, dump its threads. */
const STOPS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']
/** By default these end a process, and whoever sends them knows it: an end by them was asked for. */
const ENDS: readonly NodeJS.Signals[] = [...STOPS, 'SIGQUIT', 'SIGHUP']
/** The terminal's keys send these to the gateway as well as to us. */
const KEYS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

/** What ends within this time after a signal may have been asked to. */
const ASKED_MS = 60_000

export interface Desk {
  /** Aborted by the first signal that comes while nothing runs. */
  readonly stop: AbortSignal
  /** The signal that did it. */
  readonly stoppedBy: () => NodeJS.Signals | undefined
  /** From now on signals go to the gateway; one that came meanwhile too. */
  attach(running: Running): void
  /** Whether an end that comes now was asked for: by a stop, or a short while ago by a signal that it died of, or answers with 128 + n. */
  requested(end: End): boolean
}

export interface DeskOptions {
  take(handler: (signal: NodeJS.Signals) => void): void
  readonly killAfterMs: number
  /** The gateway shares our group: the keys of a terminal reach it without us. */
  readonly sharesGroup: boolean
  /** The gateway was asked to end, for the first time. */
  onStop(signal: NodeJS.Signals): void
}

const { SIGINT, SIGTERM, SIGHUP, SIGQUIT } = process.getBuiltinModule('node:os').constants.signals
const NUMBERS: Readonly<Record<string, number>> = { SIGINT, SIGTERM, SIGHUP, SIGQUIT }

export const openDesk = ({ take, killAfterMs, sharesGroup, onStop }: DeskOptions): Desk => {
  const abort = new AbortController()
  let stoppedBy: NodeJS.Signals | undefined
  let gateway: Running | undefined
  let stopping = false
  /** When each signal came last. */
  const came = new Map<NodeJS.Signals, number>()

  const toGateway = (running: Running, signal: NodeJS.Signals): void => {
    came.set(signal, elapsed())
    // A second Ctrl-C would be one that nobody pressed.
    if (KEYS.includes(signal) && sharesGroup && ownPlace().foreground) return
    if (!STOPS.includes(signal)) {
      running.tell(signal)
      return
    }
    // Before anything is said: whoever reads that may have stopped reading.
    void running.stop(killAfterMs, signal)
    const first = !stopping
    stopping = true
    if (first) onStop(signal)
  }

  take(signal => {
    if (gateway) return toGateway(gateway, signal)
    // USR1 and USR2 end nothing here: nobody is there whom they could mean.
    if (signal === 'SIGUSR1' || signal === 'SIGUSR2') return
    stoppedBy ??= signal
    abort.abort(signal)
  })

  return {
    stop: abort.signal,
    stoppedBy: () => stoppedBy,
    attach(running) {
      gateway = running
      if (stoppedBy !== undefined) toGateway(running, stoppedBy)
    },
    requested({ code, signal }) {
      if (stopping) return true
      const now = elapsed()
      return [...came].some(
        ([name, at]) =>
          ENDS.includes(name) &&
          now - at <= ASKED_MS &&
          (signal === name || code === 128 + (NUMBERS[name] ?? 0) || KEYS.includes(name)),
      )
    },
  }
}
