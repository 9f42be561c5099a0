/** Whether a command makes progress: its processes used CPU time or did I/O, or new ones appeared. */
import { readFileSync } from 'node:fs'
import { ask } from '../../core/system.ts'
import { type Entry, family, processTable } from '../tree.ts'

/** By process (pid and start, since pids are given again): CPU time and bytes of I/O in one sum, which only ever grows. */
export type Work = ReadonlyMap<string, number>

export const advanced = (before: Work, after: Work): boolean =>
  [...after].some(([process, done]) => done > (before.get(process) ?? -1))

/** Clock ticks in user and kernel mode, those of ended children included, from one /proc/PID/stat. */
export const parseTicks = (text: string): number | undefined => {
  // Fields 14 to 17 of proc_pid_stat(5); the text behind the name begins with field 3.
  const ticks = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
  return ticks.length === 4 && ticks.every(Number.isFinite) ? ticks.reduce((sum, each) => sum + each) : undefined
}

/** Bytes that went through read(2) and write(2) and their like, to files, pipes and terminals alike, from one /proc/PID/io. */
export const parseIo = (text: string): number =>
  [...text.matchAll(/^[rw]char: (\d+)$/gm)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)

const proc = (path: string): string => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch {
    return '' // gone, or another user's, whose I/O we may not see
  }
}

const linuxWork = (members: readonly Entry[]): Work =>
  new Map(
    members.flatMap(({ pid, started }) => {
      const ticks = parseTicks(proc(`${pid}/stat`))
      return ticks === undefined ? [] : [[`${pid} ${started}`, ticks + parseIo(proc(`${pid}/io`))] as const]
    }),
  )

/** CPU time as ps(1) words it, in seconds: `0:00.01` on macOS, `1-02:03:04` elsewhere. */
export const parseCpuTime = (text: string): number | undefined => {
  const match = /^(?:(\d+)-)?((?:\d+:)*\d+(?:\.\d+)?)$/.exec(text)
  if (!match?.[2]) return undefined
  return Number(match[1] ?? 0) * 86_400 + match[2].split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}

/** Reads `ps -o pid=,time=`. */
export const parseTimes = (text: string): ReadonlyMap<number, number> =>
  new Map(
    text.split('\n').flatMap(line => {
      const [pid = '', time = ''] = line.trim().split(/\s+/)
      const seconds = parseCpuTime(time)
      return seconds === undefined ? [] : [[Number(pid), seconds] as const]
    }),
  )

const psWork = (members: readonly Entry[]): Work => {
  const times = parseTimes(ask('ps', ['-o', 'pid=,time=', '-p', members.map(({ pid }) => pid).join(',')]) ?? '')
  return new Map(
    members.flatMap(({ pid, started }) => {
      const seconds = times.get(pid)
      return seconds === undefined ? [] : [[`${pid} ${started}`, seconds] as const]
    }),
  )
}

/** The system tells how much a process read and wrote. Where it does not, its output has to go through us to be seen. */
export const SEES_IO = process.platform === 'linux'

/** What a process, and what it has started, have done so far. Empty where none of them can be seen. */
export const workOf = (root: number, ownGroup: boolean, seesIo = SEES_IO): Work => {
  const table = processTable()
  const roots = new Set([root])
  // Those whose parent is gone are still of the group.
  if (ownGroup) for (const { pid, group } of table) if (group === root) roots.add(pid)
  const members = family(table, roots).filter(({ zombie }) => !zombie)
  return members.length === 0 ? new Map() : seesIo ? linuxWork(members) : psWork(members)
}
