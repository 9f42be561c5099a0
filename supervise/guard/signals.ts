/** Our own signals, taken before there is anybody to leave behind, and what each of them means for the gateway. */
import { elapsed } from '../../core/clock.ts'
import type { End, Running } from '../running.ts'
import { ownPlace } from '../terminal.ts'

/** These ask it to end; the others are its own business (reload, reopen a log, dump). */
const STOPS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT']
/** The terminal's keys send these to the gateway as well as to us. */
const KEYS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

/** Whatever ends within this time after a key of the terminal was asked to. */
const KEY_MS = 60_000

export interface Desk {
  /** Aborted by the first signal that comes while nothing runs. */
  readonly stop: AbortSignal
  /** The signal that did it. */
  readonly stoppedBy: () => NodeJS.Signals | undefined
  /** From now on signals go to the gateway; one that came meanwhile too. */
  attach(running: Running): void
  /** Whether an end that comes now was asked for: by a stop, or by another signal of ours that it died of, or answers with 128 + n. */
  requested(end: End): boolean
}

export interface DeskOptions {
  take(handler: (signal: NodeJS.Signals) => void): void
  readonly killAfterMs: number
  /** The gateway shares our group: the keys of a terminal reach it without us. */
  readonly sharesGroup: boolean
  say(line: string): void
}

const { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 } = process.getBuiltinModule('node:os').constants.signals
const NUMBERS: Readonly<Record<string, number>> = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 }

export const openDesk = ({ take, killAfterMs, sharesGroup, say }: DeskOptions): Desk => {
  const abort = new AbortController()
  let stoppedBy: NodeJS.Signals | undefined
  let gateway: Running | undefined
  let stopping = false
  /** When each signal came last. */
  const came = new Map<NodeJS.Signals, number>()

  const toGateway = (running: Running, signal: NodeJS.Signals): void => {
    came.set(signal, elapsed())
    if (!STOPS.includes(signal)) {
      running.tell(signal)
      return
    }
    // A second Ctrl-C would be one that nobody pressed.
    if (KEYS.includes(signal) && sharesGroup && ownPlace().foreground) return
    if (!stopping) say(`${signal}: the gateway is asked to end`)
    stopping = true
    void running.stop(killAfterMs, signal)
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
          signal === name || code === 128 + (NUMBERS[name] ?? 0) || (KEYS.includes(name) && now - at <= KEY_MS),
      )
    },
  }
}
