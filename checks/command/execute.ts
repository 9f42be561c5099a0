/** Runs one program to its end, or to the deadline, and keeps the beginning of what it says. */
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Env } from '../../core/check.ts'
import { elapsed } from '../../core/clock.ts'

export interface Program {
  /** Absolute. */
  readonly path: string
  readonly argv0: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Env
}

/** What was read of one stream. */
export interface Output {
  /** Its beginning, at most `KEPT` bytes; invalid UTF-8 as U+FFFD. */
  readonly text: string
  /** How long it was in all, as far as it was read. */
  readonly bytes: number
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** It had not ended when the time was up. */
  readonly late: boolean
  /** It has ended, and something that it started still holds its output. */
  readonly held: boolean
  readonly stdout: Output
  readonly stderr: Output
  readonly ms: number
}

/** More than is judged, so that a secret across the limit is masked as a whole. */
const KEPT = 128 * 1024

/** How long what was said last may take to arrive once the program has ended. */
const DRAIN_MS = 200

const reader = (stream: Readable) => {
  const chunks: Buffer[] = []
  let kept = 0
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    // The rest is read as well, and forgotten: a full pipe would stop the program.
    if (kept < KEPT) chunks.push(chunk.subarray(0, KEPT - kept))
    kept = Math.min(KEPT, kept + chunk.length)
  })
  stream.on('error', () => {}) // what was read until then counts
  return (): Output => ({ text: Buffer.concat(chunks).toString('utf8'), bytes })
}

const spawned = (program: Program): ChildProcess | { readonly error: NodeJS.ErrnoException } => {
  // Loaded at the first use: child_process costs 4 ms.
  const { spawn } = process.getBuiltinModule('node:child_process')
  const { path, argv0, args, cwd, env } = program
  try {
    // In our own process group: it is the check's, and ends with it.
    return spawn(path, [...args], { argv0, cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    return { error: error as NodeJS.ErrnoException } // a NUL in a word
  }
}

export const execute = (
  program: Program,
  ms: number,
  signal: AbortSignal,
): Promise<Ended | { readonly error: NodeJS.ErrnoException }> =>
  new Promise(resolve => {
    const began = elapsed()
    const child = spawned(program)
    if ('error' in child) return resolve(child)
    const { stdout, stderr } = child
    if (!stdout || !stderr) throw new Error('the program was given no pipes')
    const [said, complained] = [reader(stdout), reader(stderr)]
    let drain: NodeJS.Timeout | undefined
    const settle = (end: Pick<Ended, 'code' | 'signal' | 'late' | 'held'>): void => {
      clearTimeout(timer)
      clearTimeout(drain)
      signal.removeEventListener('abort', giveUp)
      stdout.destroy()
      stderr.destroy()
      child.unref()
      resolve({ ...end, stdout: said(), stderr: complained(), ms: elapsed() - began })
    }
    const giveUp = (): void => {
      child.kill('SIGKILL')
      settle({ code: null, signal: null, late: true, held: false })
    }
    const timer = setTimeout(giveUp, ms)
    signal.addEventListener('abort', giveUp, { once: true })
    child.once('error', error => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      resolve({ error })
    })
    child.once('exit', (code, sign) => {
      // Not `close` alone: a daemon that holds the pipes would never let it come.
      const end = { code, signal: sign, late: false }
      drain = setTimeout(() => settle({ ...end, held: true }), DRAIN_MS)
      child.once('close', () => settle({ ...end, held: false }))
      clearTimeout(timer)
    })
  })
