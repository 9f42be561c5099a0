/** The child's side of `core/child.ts`: runs the jobs that arrive on its pipe, and answers one line each. Ends with its parent. */
import { Socket } from 'node:net'
import { kinds } from '../checks/index.ts'
import type { Registry } from '../core/check.ts'
import { CHANNEL, type Job, type Reply, type Word } from '../core/child.ts'
import { enterChild } from '../core/contain.ts'
import { contextOf } from '../core/context.ts'
import { localStore } from '../core/local-store.ts'

const registry: Registry = kinds
const pipe = new Socket({ fd: CHANNEL, readable: true, writable: true })
const answer = (reply: Reply | Word): void => {
  pipe.write(`${JSON.stringify(reply)}\n`)
}

// The pipe takes it at once: what comes next may never let this thread go.
enterChild(doing => answer({ doing }))

const crash = (job: number, error: unknown): void => {
  const { name, message } = error instanceof Error ? error : { name: 'NonError', message: String(error) }
  answer({ job, outcome: { status: 'crash', error: { name, message } } })
}

let first: number | undefined

const run = async ({ job, kind, options, facts, secrets, outcomes, stateDir }: Job): Promise<void> => {
  first ??= job
  try {
    const load = registry[kind]
    if (!load) throw new Error(`kind ${kind} is not one of ours, so it cannot run in a process of its own`)
    const check = await load()
    // The parent holds the deadline; this timer lets a check that can still listen end tidily.
    const signal = AbortSignal.timeout(facts.timeoutMs + (check.lingerMs ?? 0))
    const store = localStore({ dir: stateDir, now: Date.now })
    // A child was started for its first job; one that resolves names gets more of them later.
    const spentMs = job === first ? process.uptime() * 1000 : 0
    const ctx = contextOf(facts, secrets, { spentMs, outcomes: new Map(outcomes), signal, store, now: Date.now })
    answer({ job, outcome: await check.run(options as never, ctx) })
  } catch (error) {
    crash(job, error)
  }
}

let text = ''
pipe.setEncoding('utf8')
pipe.on('data', (piece: string) => {
  text += piece
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
    const line = text.slice(0, at)
    text = text.slice(at + 1)
    void run(JSON.parse(line) as Job)
  }
})
// Without a parent nobody waits for an answer, and nobody would end what hangs.
const leave = (): void => {
  try {
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    process.exit(1)
  }
}
pipe.on('end', leave)
pipe.on('error', leave)
