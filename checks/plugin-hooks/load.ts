/** Loads a plugin in a process of its own, and watches it for a while. */
import { elapsed } from '../../core/clock.ts'
import { contain } from '../../core/contain.ts'
import { LOAD_PROGRAM } from './load-program.ts'

export interface LoadJob {
  /** Interpreter, absolute. */
  readonly node: string
  /** The module, absolute. */
  readonly path: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly settleMs: number
  /** When to give up: on the clock of `elapsed()`. */
  readonly deadline: number
  readonly signal: AbortSignal
  /** Root and name of the host's package: what the plugin takes from it is found there. */
  readonly host?: { readonly root: string; readonly name: string }
}

export interface Thrown {
  readonly name: string
  readonly message: string
  readonly stack: string
  readonly code: string
}

export type Loaded =
  | { readonly end: 'settled'; readonly kinds: Readonly<Record<string, string>> }
  | { readonly end: 'threw'; readonly error: Thrown }
  | { readonly end: 'late'; readonly afterMs: number; readonly error: Thrown }
  /** It ended the process; `loaded` tells whether it had been loaded by then. */
  | {
      readonly end: 'exit'
      readonly loaded: boolean
      readonly afterMs: number
      readonly how: string
      readonly said: string
    }
  /** The event loop ran dry while the module was still waiting for something. */
  | { readonly end: 'never' }
  /** Cut off at the deadline. `busy`: its thread never came back. */
  | { readonly end: 'hung'; readonly busy: boolean; readonly afterMs: number }
  /** Loaded, and the time ran out before it had settled. */
  | { readonly end: 'unsettled' }
  /** There was no time left to begin. */
  | { readonly end: 'late-start' }
  | { readonly end: 'no-node'; readonly message: string }

interface Event {
  readonly event: string
  readonly [key: string]: unknown
}

/** Silence of the child's timer, in ms, after which its thread counts as held. It speaks every 200 ms. */
const SILENCE = 700
/** What a process needs to come up; less is not worth a start. */
const START_UP = 150

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const thrown = (event: Event): Thrown => ({
  name: text(event.name),
  message: text(event.message),
  stack: text(event.stack),
  code: text(event.code),
})

export const load = async (job: LoadJob): Promise<Loaded> => {
  contain('code', job.path)
  const began = elapsed()
  if (job.deadline - began < START_UP) return { end: 'late-start' }
  const { spawn } = await import('node:child_process')
  const order = {
    path: job.path,
    settle: job.settleMs,
    lifetime: Math.ceil(job.deadline - began) + 1000,
    ...(job.host && { host: job.host.root, hostPackage: job.host.name }),
  }
  return new Promise(resolve => {
    const child = spawn(job.node, ['-e', LOAD_PROGRAM, JSON.stringify(order)], {
      cwd: job.cwd,
      env: job.env as NodeJS.ProcessEnv,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    })
    let events: Event[] = []
    let pending = ''
    let said = ''
    let heard = elapsed()
    let cut: 'deadline' | 'settled' | undefined
    let finished = false

    const killGroup = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // gone already
      }
    }
    const finish = (answer: Loaded): void => {
      if (finished) return
      finished = true
      clearTimeout(timer)
      job.signal.removeEventListener('abort', stop)
      killGroup() // whatever it started stays in its group
      for (const stream of [child.stderr, child.stdio[3]]) stream?.destroy()
      child.unref()
      resolve(answer)
    }
    const stop = (): void => {
      cut = 'deadline'
      finish(
        judgeEnd(events, null, null, said, {
          cut,
          busy: elapsed() - heard > SILENCE,
          afterMs: elapsed() - began,
        }),
      )
    }
    const timer = setTimeout(stop, Math.max(0, job.deadline - began))
    if (job.signal.aborted) stop()
    else job.signal.addEventListener('abort', stop, { once: true })

    child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      said = (said + piece).slice(-2000)
    })
    const pipe = child.stdio[3] as NodeJS.ReadableStream | null
    pipe?.setEncoding('utf8')
    pipe?.on('data', (piece: string) => {
      heard = elapsed()
      pending = (pending + piece).slice(-200_000)
      const lines = pending.split('\n')
      pending = lines.pop() ?? ''
      for (const line of lines) {
        try {
          const event = JSON.parse(line) as Event
          if (event.event === 'alive') continue
          events = [...events, event]
          if (event.event === 'settled') cut = 'settled'
        } catch {
          // the plugin wrote into our pipe
        }
      }
      if (cut === 'settled')
        finish(judgeEnd(events, null, null, said, { cut, busy: false, afterMs: elapsed() - began }))
    })
    pipe?.on('error', () => {})
    child.stderr?.on('error', () => {})
    child.on('error', error => finish({ end: 'no-node', message: error.message }))
    // The last lines may still be in the pipe when the process is gone; a grandchild may hold it open for ever.
    child.on('exit', (code, signal) => {
      const answer = () =>
        finish(judgeEnd(events, code, signal, said, { cut, busy: false, afterMs: elapsed() - began }))
      pipe?.once('end', answer)
      setTimeout(answer, 200).unref()
    })
  })
}

interface Circumstances {
  readonly cut: 'deadline' | 'settled' | undefined
  readonly busy: boolean
  readonly afterMs: number
}

/** From what was heard to what happened: pure. */
export const judgeEnd = (
  events: readonly Event[],
  code: number | null,
  signal: string | null,
  said: string,
  { cut, busy, afterMs }: Circumstances,
): Loaded => {
  const of = (name: string) => events.find(event => event.event === name)
  const threw = of('threw')
  if (threw) return { end: 'threw', error: thrown(threw) }
  const late = of('late')
  if (late) return { end: 'late', afterMs: Number(late.after), error: thrown(late) }
  const loaded = of('loaded')
  if (of('settled') && loaded) return { end: 'settled', kinds: loaded.kinds as Record<string, string> }
  const exit = of('exit')
  if (cut === 'deadline' && !exit) return loaded && !busy ? { end: 'unsettled' } : { end: 'hung', busy, afterMs }
  if (of('dry') && !loaded) return { end: 'never' }
  const how = signal !== null ? `by ${signal}` : `with code ${code ?? exit?.code ?? 'unknown'}`
  return {
    end: 'exit',
    loaded: loaded !== undefined,
    afterMs: Number(exit?.after ?? afterMs),
    how,
    said: said.trim().split('\n').at(-1) ?? '',
  }
}
