/** Every process of this host that can be seen: from /proc on Linux, from ps(1) elsewhere. */
import { readdirSync, readFileSync } from 'node:fs'
import { breather } from './clock.ts'
import { mayTouch } from './mounts.ts'
import { programName } from './process.ts'
import { ask } from './system.ts'

export interface ListedProcess {
  readonly pid: number
  readonly parent: number
  /** Effective uid. */
  readonly uid: number
  /** The program's file name, as a person calls it. */
  readonly name: string
  /** What the kernel calls it, at most 15 characters on Linux; the same as `name` elsewhere. */
  readonly title: string
  /** Program and arguments, joined by blanks. They may hold secrets: mask before showing. */
  readonly line: string
  /** Memory that is really in use, shared pages included. */
  readonly rssBytes: number
}

export interface ProcessList {
  /** Zombies, threads and the kernel's own are left out. */
  readonly processes: readonly ListedProcess[]
  /** Some processes of this host are not shown to this user: /proc is mounted with hidepid, say. */
  readonly hidden: boolean
}

/** What /proc/PID/status says; undefined for a zombie, a thread, and what is no such file. */
export const parseProcStatus = (
  text: string,
): Pick<ListedProcess, 'pid' | 'parent' | 'uid' | 'title' | 'rssBytes'> | undefined => {
  const field = (name: string, pattern = '(\\d+)'): string | undefined =>
    new RegExp(`^${name}:[ \\t]+${pattern}`, 'm').exec(text)?.[1]
  const [pid, group, parent] = [field('Pid'), field('Tgid'), field('PPid')]
  const state = field('State', '(\\S)')
  const uid = field('Uid', '\\d+[ \\t]+(\\d+)')
  if (pid === undefined || parent === undefined || uid === undefined || group !== pid) return undefined
  if (state === undefined || state === 'Z' || state === 'X') return undefined
  const title = field('Name', '(.*)') ?? ''
  return {
    pid: Number(pid),
    parent: Number(parent),
    uid: Number(uid),
    title,
    rssBytes: Number(field('VmRSS') ?? 0) * 1024,
  }
}

/** Linux's kthreadd, and what it has started. */
const isKernel = ({ pid, parent }: { pid: number; parent: number }, line: string): boolean =>
  line === '' && (pid === 2 || parent === 2)

const GONE = new Set(['ENOENT', 'ESRCH'])

const BREATH_MS = 10

const numbers = (): string[] => {
  mayTouch('/proc')
  try {
    return readdirSync('/proc').filter(name => /^\d+$/.test(name))
  } catch {
    return [] // not mounted
  }
}

const linuxList = async (signal: AbortSignal): Promise<ProcessList | undefined> => {
  const breathe = breather(BREATH_MS, signal)
  const pids = numbers()
  // The first process of a namespace is always there.
  let hidden = !pids.includes('1')
  const processes: ListedProcess[] = []
  for (const pid of pids) {
    await breathe()
    try {
      const status = parseProcStatus(readFileSync(`/proc/${pid}/status`, 'utf8'))
      if (!status) continue
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0+$/, '').split('\0')
      const line = words.join(' ')
      if (!isKernel(status, line)) processes.push({ ...status, name: programName(words) || status.title, line })
    } catch (error) {
      if (!GONE.has((error as NodeJS.ErrnoException).code ?? '')) hidden = true
    }
  }
  // We ourselves run: where not even that is seen, nothing was.
  return processes.some(({ pid }) => pid === process.pid) ? { processes, hidden } : undefined
}

/** Reads `ps -axww -o pid=,ppid=,uid=,rss=,state=,args=`; rss is in KiB. */
export const parseProcessTable = (text: string): ListedProcess[] =>
  text.split('\n').flatMap(each => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+([^\sZ]\S*)\s+(.*?)\s*$/.exec(each)
    if (!match) return []
    const [pid = 0, parent = 0, uid = 0, rss = 0] = match.slice(1, 5).map(Number)
    const line = match[6] ?? ''
    const name = programName(line.split(' '))
    return [{ pid, parent, uid, name, title: name, line, rssBytes: rss * 1024 }]
  })

/** Undefined where the system would not say. Rejects with the signal's reason. */
export const listProcesses = async (signal: AbortSignal): Promise<ProcessList | undefined> => {
  if (process.platform === 'linux') return linuxList(signal)
  const shown = ask('ps', ['-axww', '-o', 'pid=,ppid=,uid=,rss=,state=,args='])
  if (shown === undefined) return undefined
  // Not the one that was asked.
  const asked = (each: ListedProcess): boolean => each.parent === process.pid && each.name === 'ps'
  return { processes: parseProcessTable(shown).filter(each => !asked(each)), hidden: false }
}

/** This process and those that started it, as far up as they can be seen. */
export const ourselves = (processes: readonly Pick<ListedProcess, 'pid' | 'parent'>[]): ReadonlySet<number> => {
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]))
  const found = new Set([process.pid])
  for (let next: number | undefined = process.ppid; next !== undefined && next > 0 && !found.has(next); ) {
    found.add(next)
    next = parents.get(next)
  }
  return found
}
