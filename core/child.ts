/**
 * Checks that may block for ever run in child processes: a stuck thread holds its process, and only another process can
 * end it. Each child leads a process group of its own, shares no standard stream with us, and speaks JSON lines over one pipe.
 */
import type { ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import type { Outcome, Verdict } from './check.ts'
import type { Doing, Reason } from './contain.ts'
import type { ContextFacts } from './context.ts'

/** What a child is asked to do: one line of JSON. Secrets travel here and never in argv or the environment. */
export interface Job {
  readonly job: number
  readonly kind: string
  readonly options: unknown
  readonly facts: ContextFacts
  readonly secrets: readonly string[]
  readonly outcomes: readonly (readonly [string, Outcome])[]
  /** Folder of the store. */
  readonly stateDir: string
}

export interface Reply {
  readonly job: number
  readonly outcome:
    | Verdict
    | { readonly status: 'crash'; readonly error: { readonly name: string; readonly message: string } }
}

/** What a child is doing, or that it has done it: the last word holds. */
export interface Word {
  readonly doing: Doing | null
}

/** The pipe's descriptor in the child. */
export const CHANNEL = 3

/** getaddrinfo holds a thread of libuv's pool for as long as a silent resolver lets it: one for each check, and four for the rest. */
const threads = (checks: number): number => 4 + Math.min(checks, 256)

interface Worker {
  ask(job: Job): Promise<Reply['outcome']>
  /** Ends the child and all that it started, at once. */
  kill(): void
}

const crash = (message: string): Reply['outcome'] => ({ status: 'crash', error: { name: 'ChildProcess', message } })

const startWorker = async (
  entry: string,
  env: NodeJS.ProcessEnv,
  onWord: (doing: Doing | null) => void,
): Promise<Worker> => {
  const { spawn } = await import('node:child_process')
  const child: ChildProcess = spawn(process.execPath, [entry], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env,
  })
  const pipe = child.stdio[CHANNEL] as Duplex
  const waiting = new Map<number, (outcome: Reply['outcome']) => void>()
  let ended: string | undefined
  let killed = false
  const end = (why: string): void => {
    ended ??= why
    for (const answer of waiting.values()) answer(crash(ended))
    waiting.clear()
  }
  let text = ''
  pipe.setEncoding('utf8')
  pipe.on('data', (piece: string) => {
    text += piece
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      const reply = JSON.parse(text.slice(0, at)) as Reply | Word
      text = text.slice(at + 1)
      if ('doing' in reply) {
        onWord(reply.doing)
        continue
      }
      waiting.get(reply.job)?.(reply.outcome)
      waiting.delete(reply.job)
    }
  })
  pipe.on('error', () => {}) // a child that is gone: its `exit` says so
  child.on('error', error => end(`the child process could not be started: ${error.message}`))
  child.on('exit', (code, signal) =>
    end(`the child process (${entry}) ended without an answer (${signal ? `signal ${signal}` : `exit ${code}`})`),
  )
  return {
    ask: job =>
      new Promise(resolve => {
        if (ended !== undefined) return resolve(crash(ended))
        waiting.set(job.job, resolve)
        pipe.write(`${JSON.stringify(job)}\n`)
      }),
    kill: () => {
      if (killed || child.pid === undefined) return
      killed = true
      try {
        process.kill(-child.pid, 'SIGKILL') // the group: what the check started goes with it
      } catch {
        // already gone
      }
      child.unref()
      pipe.destroy()
    },
  }
}

export interface Children {
  /**
   * Runs one job in a child; `name` jobs share one, every other gets its own. Aborting kills what can be killed.
   * `onWord` hears what a child of its own is doing.
   */
  run(
    reason: Reason,
    job: Omit<Job, 'job'>,
    signal: AbortSignal,
    onWord: (doing: Doing | null) => void,
  ): Promise<Reply['outcome']>
  killAll(): void
}

/** `entry` is the built child program; `checks` bounds how many may resolve names at once. */
export const children = (entry: string, checks: number): Children => {
  const alive = new Set<Worker>()
  let resolver: Promise<Worker> | undefined
  let jobs = 0
  let closed = false
  const start = async (env: NodeJS.ProcessEnv, onWord: (doing: Doing | null) => void): Promise<Worker> => {
    const worker = await startWorker(entry, env, onWord)
    if (closed) worker.kill()
    else alive.add(worker)
    return worker
  }
  return {
    async run(reason, job, signal, onWord) {
      const { env } = job.facts
      const shared = reason === 'name'
      if (shared) resolver ??= start({ ...env, UV_THREADPOOL_SIZE: String(threads(checks)) }, () => {})
      const worker = await (shared && resolver ? resolver : start({ ...env }, onWord))
      const release = (): void => {
        worker.kill()
        alive.delete(worker)
      }
      if (!shared) {
        if (signal.aborted) release()
        signal.addEventListener('abort', release, { once: true })
      }
      const outcome = await worker.ask({ ...job, job: ++jobs })
      if (!shared) release()
      return outcome
    },
    killAll() {
      closed = true
      for (const worker of alive) worker.kill()
      alive.clear()
    },
  }
}
