/** Our place on a terminal. What its keys send (Ctrl-C) goes to every process of its foreground group, ours and the command's. */
import { readFileSync } from 'node:fs'
import { ask } from '../core/system.ts'

export interface Place {
  /** There is a terminal that controls this session: a command in a session of its own would lose it. */
  readonly terminal: boolean
  /** We stand in the group that its keys go to. */
  readonly foreground: boolean
}

const place = (group: number, foreground: number): Place => ({
  terminal: foreground > 0,
  foreground: foreground > 0 && foreground === group,
})

/** From one /proc/PID/stat: fields 5 (pgrp) and 8 (tpgid) of proc_pid_stat(5). */
export const parsePlace = (text: string): Place => {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return place(Number(fields[2]), Number(fields[5]))
}

/** From `ps -o pgid=,tpgid=`. */
export const parsePsPlace = (text: string): Place => {
  const [group, foreground] = text.trim().split(/\s+/).map(Number)
  return place(group ?? 0, foreground ?? 0)
}

export const ownPlace = (): Place => {
  if (process.platform !== 'linux')
    return parsePsPlace(ask('ps', ['-o', 'pgid=,tpgid=', '-p', String(process.pid)]) ?? '')
  try {
    return parsePlace(readFileSync('/proc/self/stat', 'utf8'))
  } catch {
    return { terminal: false, foreground: false }
  }
}

/** launchd ends what is left of a job by its process group: there the command stays in ours. */
export const underLaunchd = (): boolean => process.platform === 'darwin' && process.ppid === 1
