/** Checks run in a process of their own, which is this program again: nothing a check does can hold or break the guard. */
import type { Env } from '../../core/check.ts'
import type { Report } from '../../core/report.ts'
import { excerpt, listing, span } from '../../core/text.ts'
import { shownEnd, start } from '../running.ts'

export interface Answer {
  /** Only a whole report that says so, from a process that says so too. */
  readonly ready: boolean
  readonly report?: Report
  /** Why not, in one line that does not change while the failure is the same. */
  readonly what: string
}

export interface CheckRun {
  /** Node and what it runs. */
  readonly program: readonly [string, ...string[]]
  readonly cwd: string
  readonly env: Env
  /** As on the command line; the folder's own by default. */
  readonly manifest: string | undefined
  readonly phase: 'before' | 'after' | 'all'
  /** Ids; what they need is run as well. All by default. */
  readonly only?: readonly string[]
  readonly stateDir?: string | undefined
  /** How long it may take in all: its own deadline, and a little for whatever keeps it from holding that. */
  readonly limitMs: number
  /** Ends it. */
  readonly signal: AbortSignal
}

const MAX_REPORT = 32 * 1024 * 1024

const isReport = (value: unknown): value is Report => {
  if (typeof value !== 'object' || value === null) return false
  const { version, ready, exitCode, checks, errors } = value as Partial<Report>
  return (
    version === 1 &&
    typeof ready === 'boolean' &&
    typeof exitCode === 'number' &&
    Array.isArray(checks) &&
    Array.isArray(errors)
  )
}

const parse = (text: string): Report | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isReport(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The failing checks by name and code, without their values, which change from run to run. */
export const failuresOf = ({ checks, errors, warnings, exitCode }: Report): string => {
  const failed = checks.filter(({ effect }) => effect === 'failure').map(({ id, code }) => `${id} (${code})`)
  const wrong = [...errors, ...(failed.length === 0 && errors.length === 0 ? warnings : [])].map(({ code }) => code)
  const all = [...wrong, ...failed]
  return all.length > 0 ? excerpt(listing(all, 8), 300) : `nothing was judged (exit ${exitCode})`
}

const closed = (what: string, report?: Report): Answer => ({ ready: false, what, ...(report ? { report } : {}) })

/** Never rejects: what cannot be run is not ready. */
export const runChecks = async (run: CheckRun): Promise<Answer> => {
  const { program, cwd, env, manifest, phase, only, stateDir, limitMs, signal } = run
  const [node, ...words] = program
  const began = await start({
    path: node,
    args: [
      ...words,
      'run',
      ...(manifest === undefined ? [] : [manifest.startsWith('-') ? `./${manifest}` : manifest]),
      ...['--phase', phase, '--format', 'json'],
      ...(only === undefined ? [] : ['--only', only.join(',')]),
      ...(stateDir === undefined ? [] : ['--state-dir', stateDir]),
    ],
    cwd,
    env,
    // Away from the terminal: Ctrl-C is for us to pass on.
    ownGroup: true,
    stdio: ['ignore', 'pipe', 2],
  })
  if ('error' in began) return closed(`the checks could not be started: ${began.error.message}`)
  let text = ''
  let tooLong = false
  const read = new Promise<void>(resolve => {
    began.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      if (text.length + piece.length > MAX_REPORT) tooLong = true
      else text += piece
    })
    began.stdout?.once('close', resolve).once('error', () => resolve())
  })
  let late = false
  const end = (): void => void began.stop(0)
  const timer = setTimeout(() => {
    late = true
    end()
  }, limitMs)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  const ended = await began.ended
  // What a check left behind may hold the pipe.
  const leftovers = setTimeout(() => began.stdout?.destroy(), 1000)
  await Promise.all([read, began.stop(0)])
  clearTimeout(timer)
  clearTimeout(leftovers)
  signal.removeEventListener('abort', end)
  if (signal.aborted) return closed('the checks were stopped')
  if (late) return closed(`the checks gave no answer within ${span(limitMs)}`)
  const report = tooLong ? undefined : parse(text)
  if (!report) return closed(`the checks gave no report (${shownEnd(ended)})`)
  if (ended.code === 0 && report.ready && report.exitCode === 0) return { ready: true, report, what: '' }
  if (ended.code !== report.exitCode) return closed(`the checks ended with ${shownEnd(ended)}`, report)
  if (report.exitCode > 2) return closed(`the checks broke (${shownEnd(ended)})`, report)
  return closed(failuresOf(report), report)
}
