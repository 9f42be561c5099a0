/**
 * A program that was started, and whose end we stay in charge of. Node cannot put a child into a process group of its own
 * without giving it a session of its own, which costs it the terminal: where that matters the child stays in our group, and
 * what it started is found by its parents, and on Linux by a mark in its environment.
 */
import type { ChildProcess, StdioOptions } from 'node:child_process'
import type { Env } from '../core/check.ts'
import { startOf } from '../core/identity.ts'
import { type Entry, environmentOf, family, processTable } from './tree.ts'

/** How a process ended: exactly one of the two is set. */
export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** `exit 1`, `signal SIGKILL` */
export const shownEnd = ({ code, signal }: End): string => (signal === null ? `exit ${code}` : `signal ${signal}`)

export interface Running {
  readonly pid: number
  /** Its ends of the pipes that `stdio` asked for. */
  readonly stdout: ChildProcess['stdout']
  readonly stderr: ChildProcess['stderr']
  /** Settles when the process itself has ended; what it started may live on, and hold its pipes. Never rejects. */
  readonly ended: Promise<End>
  /** Sends to the process and what it started; nothing where all are gone. */
  signal(signal: NodeJS.Signals): void
  /** Sends to the process alone: a "reload" or a "reopen your log" is meant for nobody else. */
  tell(signal: NodeJS.Signals): void
  /**
   * Sends `first` (TERM) to all of them, after `graceMs` KILL to whatever is left. Resolves when the process and all that it
   * started are gone, or 2 s after KILL: then something is stuck in the kernel. A second call may shorten the grace.
   */
  stop(graceMs: number, first?: NodeJS.Signals): Promise<End>
}

export interface Program {
  /** Absolute. */
  readonly path: string
  readonly args: readonly string[]
  /** What it is told its own name is; the path by default. */
  readonly argv0?: string
  readonly cwd: string
  readonly env: Env
  /** A session and process group of its own: not at a terminal, which it would lose, nor under launchd. */
  readonly ownGroup: boolean
  readonly stdio: StdioOptions
}

/** How long the kernel may take to clear away what got KILL. */
const AFTER_KILL_MS = 2000
/** How often it is looked whether the rest of a family is gone. */
const LOOK_MS = 25

const key = ({ pid, started }: Pick<Entry, 'pid' | 'started'>): string => `${pid} ${started}`

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // gone meanwhile, or another user's (a setuid program): nothing that we could do
  }
}

/**
 * In the environment of what we start: the marks of all of us who started it, the innermost last, with colons between. Whoever
 * inherits it is of the family, though its parent is gone and it has left the group (a daemon). Only Linux shows it to us.
 */
const FAMILY = 'BOOTCHECK_FAMILY'
/** A chain in which each command starts the next one, and ends, must not make the environment too large. */
const DEEPEST = 16

const marked = (env: Env, mark: string): Env => ({
  ...env,
  [FAMILY]: [...(env[FAMILY]?.split(':') ?? []).slice(1 - DEEPEST), mark].join(':'),
})

const carries = (pid: number, mark: string): boolean =>
  environmentOf(pid)
    .find(line => line.startsWith(`${FAMILY}=`))
    ?.includes(mark) === true

/** Looks who of the family runs. Zombies have ended, and wait for their parent to notice. Undefined where the system shows nobody. */
type Look = () => readonly Entry[] | undefined

/** Keeps track of what a process has started, also when a parent in between is gone. */
const household = (pid: number, ownGroup: boolean, mark: string): Look => {
  // Its number may be given again.
  const started = startOf(pid)
  const known = new Set(started === undefined ? [] : [key({ pid, started })])
  return () => {
    const table = processTable()
    if (table.length === 0) return undefined
    const roots = new Set<number>()
    for (const entry of table)
      if (
        known.has(key(entry)) ||
        (ownGroup && entry.group === pid) ||
        (known.size === 0 && entry.pid === pid) ||
        carries(entry.pid, mark)
      )
        roots.add(entry.pid)
    const found = family(table, roots)
    for (const entry of found) known.add(key(entry))
    return found.filter(({ zombie }) => !zombie)
  }
}

/** Resolves with the promise, or after `ms`. */
const orAfter = (ms: number, promise: Promise<unknown> | undefined): Promise<void> =>
  new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    promise?.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })

/** Whether anybody is left in a process group. */
const groupStands = (group: number): boolean => {
  try {
    process.kill(-group, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const handle = (child: ChildProcess, pid: number, ownGroup: boolean, look: Look): Running => {
  let end: End | undefined
  let gone = false
  const ended = new Promise<End>(resolve => {
    child.once('exit', (code, signal) => {
      end = { code, signal }
      resolve(end)
    })
  })
  const remaining = (): { readonly members: readonly Entry[]; readonly group: boolean } => {
    if (gone) return { members: [], group: false }
    const seen = look()
    const members = seen ?? []
    const group = ownGroup && (!end || (seen ? seen.some(entry => entry.group === pid) : groupStands(pid)))
    // From now on the numbers may be given to strangers.
    if (end && members.length === 0 && !group) gone = true
    return { members, group }
  }
  const signal = (...names: readonly NodeJS.Signals[]): void => {
    const { members, group: inGroup } = remaining()
    for (const name of names) {
      // At once, so that no fork slips through.
      if (inGroup) send(-pid, name)
      else if (!end) send(pid, name) // also where the table cannot be read
      for (const member of members) if (member.pid !== pid && !(inGroup && member.group === pid)) send(member.pid, name)
    }
  }
  let killAt = Number.POSITIVE_INFINITY
  let stopping: Promise<End> | undefined
  const untilGone = async (): Promise<End> => {
    for (;;) {
      const now = performance.now()
      if (end) {
        remaining()
        if (gone) return end
      }
      if (now >= killAt + AFTER_KILL_MS) return end ?? { code: null, signal: 'SIGKILL' }
      // Again and again: one that was just being started escapes the first.
      if (now >= killAt) signal('SIGKILL')
      await orAfter(Math.max(1, Math.min(LOOK_MS, now < killAt ? killAt - now : LOOK_MS)), end ? undefined : ended)
    }
  }
  return {
    pid,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    signal: name => signal(name),
    tell: name => {
      if (!end) send(pid, name)
    },
    stop: (graceMs, first = 'SIGTERM') => {
      signal(first, 'SIGCONT') // one that was stopped could not hear it, as systemd knows
      killAt = Math.min(killAt, performance.now() + graceMs)
      stopping ??= untilGone()
      return stopping
    },
  }
}

/** Starts a program; resolves when the system has either started it or said why not. */
export const start = async (program: Program): Promise<Running | { readonly error: NodeJS.ErrnoException }> => {
  const { spawn } = process.getBuiltinModule('node:child_process')
  const { randomUUID } = process.getBuiltinModule('node:crypto')
  const { path, args, argv0, cwd, env, ownGroup, stdio } = program
  const mark = randomUUID()
  let child: ChildProcess
  try {
    child = spawn(path, [...args], {
      ...(argv0 === undefined ? {} : { argv0 }),
      cwd,
      env: marked(env, mark),
      detached: ownGroup,
      stdio,
    })
  } catch (error) {
    return { error: error as NodeJS.ErrnoException } // a NUL in an argument, no more descriptors
  }
  const { pid } = child
  if (pid !== undefined) return handle(child, pid, ownGroup, household(pid, ownGroup, mark))
  return new Promise(resolve => child.once('error', error => resolve({ error })))
}
