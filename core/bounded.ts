/** Running one of the host's programs to learn from it: bounded in time and output, and ended with all that it started. */
import { elapsed } from './clock.ts'

export interface BoundedJob {
  /** Absolute; ask `mayTouch` for it and for `cwd` first, since starting a program from a hung file system never returns. */
  readonly file: string
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** ms, from now. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface BoundedEnd {
  /** An exit code, the signal that it died of, what kept it from starting (an errno), or that it was ended by us. */
  readonly end:
    | { readonly how: 'exit'; readonly code: number }
    | { readonly how: 'signal'; readonly signal: string }
    | { readonly how: 'unstarted'; readonly code: string }
    | { readonly how: 'silent'; readonly afterMs: number }
  /** The first 64 KiB of each. They may hold secrets: mask before showing. */
  readonly stdout: string
  readonly stderr: string
}

const KEPT = 64 * 1024

/** How long what is still in the pipes is waited for, ms: a grandchild may hold them open for ever. */
const DRAIN_MS = 100

/** Resolves always. The program leads a group of its own, which is killed when it ends or the time is over. */
export const runBounded = async (job: BoundedJob): Promise<BoundedEnd> => {
  const { spawn } = await import('node:child_process')
  const began = elapsed()
  return new Promise(resolve => {
    const kept = { stdout: '', stderr: '' }
    let finished = false
    const child = (() => {
      try {
        return spawn(job.file, [...job.words], {
          cwd: job.cwd,
          env: job.env as NodeJS.ProcessEnv,
          detached: true,
          stdio: ['ignore', 'pipe', 'pipe'],
        })
      } catch (error) {
        // A NUL in a word or in a variable is refused before anything starts.
        resolve({ end: { how: 'unstarted', code: (error as NodeJS.ErrnoException).code ?? 'UNKNOWN' }, ...kept })
        return undefined
      }
    })()
    if (!child) return
    const finish = (end: BoundedEnd['end']): void => {
      if (finished) return
      finished = true
      clearTimeout(timer)
      job.signal.removeEventListener('abort', stop)
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // nobody is left
      }
      child.stdout.destroy()
      child.stderr.destroy()
      child.unref()
      resolve({ end, ...kept })
    }
    const stop = (): void => finish({ how: 'silent', afterMs: Math.round(elapsed() - began) })
    const timer = setTimeout(stop, Math.max(0, job.timeoutMs))
    for (const name of ['stdout', 'stderr'] as const)
      child[name]
        .setEncoding('utf8')
        .on('data', (piece: string) => {
          if (kept[name].length < KEPT) kept[name] = (kept[name] + piece).slice(0, KEPT)
        })
        .on('error', () => {})
    child.on('error', (error: NodeJS.ErrnoException) => finish({ how: 'unstarted', code: error.code ?? 'UNKNOWN' }))
    child.on('exit', (code, signal) => {
      const answer = (): void => finish(signal === null ? { how: 'exit', code: code ?? 0 } : { how: 'signal', signal })
      child.on('close', answer)
      setTimeout(answer, DRAIN_MS)
    })
    if (job.signal.aborted) stop()
    else job.signal.addEventListener('abort', stop, { once: true })
  })
}

/** The first line that says something, as a person would quote it. */
export const firstLine = (text: string): string =>
  text
    .split('\n')
    .map(line => line.trim())
    .find(line => line !== '') ?? ''
