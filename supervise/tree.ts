/** Who started whom: what a process has started, found in the system's table of processes. */
import { readdirSync, readFileSync } from 'node:fs'
import { mayTouch } from '../core/mounts.ts'
import { ask } from '../core/system.ts'

/** One line of the table. */
export interface Entry {
  readonly pid: number
  readonly parent: number
  readonly group: number
  /** The start as the system words it: with the pid it names one process of this boot. */
  readonly started: string
  readonly zombie: boolean
}

/** One /proc/PID/stat; the name in it may hold blanks and parentheses. */
export const parseEntry = (text: string): Entry | undefined => {
  // proc_pid_stat(5), from field 3: state, ppid, pgrp; the start is field 22.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, parent, group] = fields
  const started = fields[19]
  const pid = Number.parseInt(text, 10)
  if (!(pid > 0) || !state || parent === undefined || group === undefined || started === undefined) return undefined
  return { pid, parent: Number(parent), group: Number(group), started, zombie: state === 'Z' || state === 'X' }
}

const linuxTable = (): Entry[] => {
  mayTouch('/proc')
  const table: Entry[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const entry = parseEntry(readFileSync(`/proc/${name}/stat`, 'utf8'))
      if (entry) table.push(entry)
    } catch {
      // gone since the folder was listed
    }
  }
  return table
}

/** Reads `ps -axo pid=,ppid=,pgid=,state=,lstart=`. */
export const parseTable = (text: string): Entry[] =>
  text.split('\n').flatMap(line => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S.*?)\s*$/.exec(line)
    if (!match?.[4] || !match[5]) return []
    return [
      {
        pid: Number(match[1]),
        parent: Number(match[2]),
        group: Number(match[3]),
        started: match[5],
        zombie: match[4].startsWith('Z'),
      },
    ]
  })

/**
 * Every process of this host that can be seen. Empty where the system shows none (no /proc, no descriptor left): whoever looks
 * has a process in his charge, which a look that fails must not cost him.
 */
export const processTable = (): readonly Entry[] => {
  if (process.platform !== 'linux') return parseTable(ask('ps', ['-axo', 'pid=,ppid=,pgid=,state=,lstart=']) ?? '')
  try {
    return linuxTable()
  } catch {
    return []
  }
}

/** The lines `NAME=value` that a process was started with. None where it is gone, another user's, or the system is not Linux. */
export const environmentOf = (pid: number): readonly string[] => {
  if (process.platform !== 'linux') return []
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

/** Those of the table that descend from `roots`, these included, parents before children. */
export const family = (table: readonly Entry[], roots: ReadonlySet<number>): Entry[] => {
  const children = new Map<number, Entry[]>()
  for (const entry of table) {
    const siblings = children.get(entry.parent)
    if (siblings) siblings.push(entry)
    else children.set(entry.parent, [entry])
  }
  const found = new Map<number, Entry>()
  const queue = table.filter(({ pid }) => roots.has(pid))
  for (let next = queue.shift(); next; next = queue.shift()) {
    if (found.has(next.pid)) continue
    found.set(next.pid, next)
    queue.push(...(children.get(next.pid) ?? []))
  }
  return [...found.values()]
}
