/** Facts on processes of this host: from /proc on Linux, from ps(1) elsewhere. */
import { readFileSync } from 'node:fs'
import { mayTouch } from './mounts.ts'
import { ask } from './system.ts'
import { userLabel } from './users.ts'

export interface ProcessFacts {
  readonly pid: number
  /** Short name of the program: `node`, or what the process calls itself. */
  readonly command: string
  /** Effective uid. */
  readonly uid: number
  /** Wall clock, ms since the epoch, to about a second; absent where the system would not say. */
  readonly startedAt?: number
}

/** Largest pid that Linux can give (2^22); macOS stops at 99,998. */
const MAX_PID = 4_194_304

const plausible = (pid: number): boolean => Number.isInteger(pid) && pid > 0 && pid <= MAX_PID

const onLinux = process.platform === 'linux'

/** A file below /proc; undefined where the process is gone or this user may not look. */
const proc = (path: string): string | undefined => {
  mayTouch('/proc')
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return undefined
  }
}

/** The fields of /proc/PID/status that matter here; undefined if they are not there. */
export const parseStatus = (text: string): { state: string; group: number; uid: number } | undefined => {
  const state = /^State:\s+(\S)/m.exec(text)?.[1]
  const group = /^Tgid:\s+(\d+)/m.exec(text)?.[1]
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(text)?.[1]
  return state && group && uid ? { state, group: Number(group), uid: Number(uid) } : undefined
}

/** The name and the start (clock ticks after boot) in /proc/PID/stat. The name may hold blanks and parentheses. */
export const parseStat = (text: string): { name: string; startTicks: number } | undefined => {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  // Field 22 of proc_pid_stat(5); the 20th after the name.
  const ticks = Number(text.slice(close + 2).split(' ')[19])
  return open > 0 && close > open && Number.isFinite(ticks)
    ? { name: text.slice(open + 1, close), startTicks: ticks }
    : undefined
}

/** USER_HZ: 100 on every architecture that Node 20 runs on. */
const TICKS_PER_SECOND = 100

const bootedAt = (): number | undefined => {
  const seconds = /^btime (\d+)/m.exec(proc('stat') ?? '')?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

/**
 * The name a person would use for a command line: `node` for `/usr/bin/node x.js`. A process that renamed itself
 * (`nginx: master process /usr/sbin/nginx`) is called by its first word.
 */
export const programName = (words: readonly string[]): string => {
  const [first = ''] = words
  const renamed = words.length === 1 && !first.startsWith('/') && first.includes(' ')
  const program = renamed ? first.slice(0, first.indexOf(' ')).replace(/:$/, '') : first
  return program.slice(program.lastIndexOf('/') + 1).replace(/^-/, '')
}

const words = (pid: number): string[] => (proc(`${pid}/cmdline`) ?? '').replace(/\0+$/, '').split('\0')

const describeLinux = (pid: number): ProcessFacts | undefined => {
  const status = parseStatus(proc(`${pid}/status`) ?? '')
  // /proc answers for threads and zombies too; neither is a process that does anything.
  if (!status || status.group !== pid || status.state === 'Z' || status.state === 'X') return undefined
  const stat = parseStat(proc(`${pid}/stat`) ?? '')
  const boot = bootedAt()
  return {
    pid,
    command: programName(words(pid)) || stat?.name || 'unknown',
    uid: status.uid,
    ...(stat && boot !== undefined ? { startedAt: boot + (stat.startTicks * 1000) / TICKS_PER_SECOND } : {}),
  }
}

/** Reads one line of `ps -ww -o state= -o uid= -o lstart= -o args=` in the C locale and UTC. */
export const parsePs = (
  text: string,
): { state: string; uid: number; startedAt?: number; commandLine: string } | undefined => {
  const match = /^\s*(\S+)\s+(\d+)\s+(\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4})\s+(.*)$/m.exec(text)
  if (!match?.[1] || !match[2] || !match[3]) return undefined
  const started = Date.parse(`${match[3]} UTC`)
  return {
    state: match[1],
    uid: Number(match[2]),
    commandLine: (match[4] ?? '').trim(),
    ...(Number.isNaN(started) ? {} : { startedAt: started }),
  }
}

const ps = (pid: number): ReturnType<typeof parsePs> =>
  parsePs(ask('ps', ['-ww', '-o', 'state=', '-o', 'uid=', '-o', 'lstart=', '-o', 'args=', '-p', `${pid}`]) ?? '')

const describePs = (pid: number): ProcessFacts | undefined => {
  const shown = ps(pid)
  if (!shown || shown.state.startsWith('Z')) return undefined
  const { uid, startedAt, commandLine: line } = shown
  return {
    pid,
    command: programName(line.split(' ')) || 'unknown',
    uid,
    ...(startedAt === undefined ? {} : { startedAt }),
  }
}

/** Whether a process with this pid runs now, whoever owns it. A zombie, a thread's id and an impossible pid do not count. */
export const alive = (pid: number): boolean => {
  if (!plausible(pid)) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (!onLinux) return true
  const status = proc(`${pid}/status`)
  if (status === undefined) return true // mounted with hidepid: the signal's answer stands
  const facts = parseStatus(status)
  return !facts || (facts.group === pid && facts.state !== 'Z' && facts.state !== 'X')
}

/** What can be seen of a process; undefined if it is gone, or this user may not see it (`alive` tells which). */
export const describe = (pid: number): ProcessFacts | undefined => {
  if (!plausible(pid)) return undefined
  return onLinux ? describeLinux(pid) : describePs(pid)
}

/** When a process began, in clock ticks after boot; undefined if it is gone, cannot be seen, or the system does not say (only Linux does). */
export const startTicks = (pid: number): number | undefined =>
  onLinux && plausible(pid) ? parseStat(proc(`${pid}/stat`) ?? '')?.startTicks : undefined

/** Program and arguments, joined by blanks; undefined if they cannot be seen. They may hold secrets: mask before showing. */
export const commandLine = (pid: number): string | undefined => {
  if (!plausible(pid)) return undefined
  return (onLinux ? words(pid).join(' ') : ps(pid)?.commandLine) || undefined
}

const two = (value: number): string => String(value).padStart(2, '0')

/** A time for people, in local time: `02:14` on the day of `now`, otherwise `2026-11-21 02:14`. */
export const clock = (at: number, now: number): string => {
  const [then, today] = [new Date(at), new Date(now)]
  const time = `${two(then.getHours())}:${two(then.getMinutes())}`
  if (then.toDateString() === today.toDateString()) return time
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${time}`
}

/** `node (pid 4711, claw, since 02:14)`. */
export const introduce = ({ pid, command, uid, startedAt }: ProcessFacts, now: number): string => {
  const since = startedAt === undefined ? '' : `, since ${clock(startedAt, now)}`
  return `${command} (pid ${pid}, ${userLabel(uid)}${since})`
}
