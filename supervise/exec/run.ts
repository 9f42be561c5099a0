/** Runs the command: its deadline, its heartbeat, its output, and the signals that are meant for it. */
import { isatty } from 'node:tty'
import type { Env } from '../../core/check.ts'
import { elapsed } from '../../core/clock.ts'
import { type End, type Running, start } from '../running.ts'
import { ownPlace, underLaunchd } from '../terminal.ts'
import { giveBeats } from './beats.ts'
import type { Kept } from './keep.ts'
import type { Ended } from './outcome.ts'
import { SEES_IO, workOf } from './progress.ts'
import { type Passing, passOn, type Relay, relayTo } from './relay.ts'

export interface Job {
  /** Absolute. */
  readonly path: string
  /** As they were typed. */
  readonly words: readonly [string, ...string[]]
  readonly cwd: string
  readonly env: Env
  readonly deadlineMs?: number
  /** What its standard output goes to, where that is kept. */
  readonly kept?: Kept
  readonly beat?: { readonly everyMs: number; beat(): void }
  /** The system tells how much a process reads and writes (Linux). Else its output goes through us while it beats. */
  readonly seesIo?: boolean
  /** One line for people. */
  tell(line: string): void
  take(handler: (signal: NodeJS.Signals) => void): void
}

export interface Done {
  readonly ended: Ended
  /** Streams what the command has left to say. False if what was to be kept may not all be on the disk. */
  finish(): Promise<boolean>
}

/** From TERM to KILL once the deadline is over. */
const GRACE_MS = 2000
/** How long, at least, a slow reader gets for the rest where a deadline was set. */
const PATIENCE_MS = 2000

/** Meant for the program alone, as kill(1) sends them. */
const OWN: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2']
/** The terminal's keys send these to the command as well as to us. */
const KEYS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

/** Its output, where it has to go through us to be seen. A terminal stays the command's own: whoever sits there sees it. */
const throughUs = (job: Job): readonly (1 | 2)[] =>
  job.beat && !(job.seesIo ?? SEES_IO) ? ([1, 2] as const).filter(fd => !isatty(fd) && !(fd === 1 && job.kept)) : []

/** Resolves when the command has ended; after a deadline, when all that it started has. */
const untilEnd = async (
  running: Running,
  deadlineMs: number | undefined,
): Promise<End & { readonly late: boolean }> => {
  if (deadlineMs === undefined) return { ...(await running.ended), late: false }
  let late: Promise<End> | undefined
  let timer: NodeJS.Timeout | undefined
  const stopped = new Promise<End>(resolve => {
    timer = setTimeout(() => {
      late = running.stop(GRACE_MS)
      late.then(resolve)
    }, deadlineMs)
  })
  const end = await Promise.race([running.ended, stopped])
  clearTimeout(timer)
  return late ? { ...(await late), late: true } : { ...end, late: false }
}

/** Resolves when it has ended, or with the reason why the system would not start it. */
export const runJob = async (job: Job): Promise<Done | { readonly error: NodeJS.ErrnoException }> => {
  const { path, words, cwd, env, deadlineMs, kept, beat, tell } = job
  const began = elapsed()
  const ownGroup = !ownPlace().terminal && !underLaunchd()
  const passed = throughUs(job)
  const relays: Relay[] = []
  const relay = (fd: 1 | 2): Relay => {
    const made = relayTo(fd)
    relays.push(made)
    return made
  }
  /** No longer waits until what the command had to say is read. */
  const drop = (): void => {
    for (const each of relays) each.drop()
  }
  let running: Running | undefined
  let over = false
  const received = new Set<NodeJS.Signals>()
  const forward = (signal: NodeJS.Signals): void => {
    if (OWN.includes(signal)) running?.tell(signal)
    else if (!(KEYS.includes(signal) && ownPlace().foreground)) {
      running?.signal(signal)
      running?.signal('SIGCONT') // one that was stopped could not hear it, as timeout(1) knows
    }
  }
  // In place before there is anybody to leave behind.
  job.take(signal => {
    if (over) {
      drop()
      return
    }
    received.add(signal)
    forward(signal)
  })
  const started = await start({
    path,
    args: words.slice(1),
    argv0: words[0],
    cwd,
    env,
    ownGroup,
    stdio: ['inherit', kept?.fd ?? (passed.includes(1) ? 'pipe' : 'inherit'), passed.includes(2) ? 'pipe' : 'inherit'],
  })
  if ('error' in started) return started
  running = started
  // Where we break ourselves nobody would hold its deadline any more.
  const abandon = (): void => started.signal(deadlineMs === undefined ? 'SIGTERM' : 'SIGKILL')
  process.once('exit', abandon)
  for (const signal of received) forward(signal)

  kept?.stream(relay(1), tell)
  const pipes = passed.flatMap((fd): Passing[] => {
    const source = fd === 1 ? started.stdout : started.stderr
    return source ? [passOn(source, relay(fd))] : []
  })
  const stopBeats =
    beat &&
    giveBeats({
      ...beat,
      work: () => workOf(started.pid, ownGroup, job.seesIo),
      output: () => pipes.reduce((sum, pipe) => sum + pipe.count(), kept?.size() ?? 0),
      blind: () => tell('the system does not show the processes of the command: no heartbeat is given for it'),
    })
  const { late, ...end } = await untilEnd(started, deadlineMs)
  process.off('exit', abandon)
  over = true
  stopBeats?.()
  return {
    ended: { ...end, ...(late && deadlineMs !== undefined ? { outOfTimeMs: deadlineMs } : {}), received },
    async finish() {
      const left = deadlineMs === undefined ? undefined : Math.max(PATIENCE_MS, deadlineMs - (elapsed() - began))
      const timer = left === undefined ? undefined : setTimeout(drop, left)
      const [whole = true] = await Promise.all([kept?.finish(), ...pipes.map(pipe => pipe.finish())])
      clearTimeout(timer)
      for (const { broken } of relays) if (broken !== undefined) tell(`not all of its output was passed on: ${broken}`)
      return whole
    },
  }
}
