/** A process is known by its pid, its start and the boot: a pid alone is given again. */
import { hostname } from 'node:os'
import { readText } from './files.ts'
import { alive, parseStat } from './process.ts'
import type { StoreRecord } from './store.ts'
import { ask } from './system.ts'

export type Identity = Pick<StoreRecord, 'pid' | 'started' | 'boot' | 'host'>

/** `unknown`: a process of another host, or one that this user may not see. */
export type Life = 'alive' | 'gone' | 'unknown'

/** The start of a process that runs, worded as records word it: Linux in clock ticks after the boot, elsewhere as ps(1) says. */
export const startOf = (pid: number): string | undefined => {
  if (process.platform !== 'linux') return ask('ps', ['-o', 'lstart=', '-p', String(pid)])?.trim() || undefined
  try {
    return parseStat(readText(`/proc/${pid}/stat`))?.startTicks.toString()
  } catch {
    return undefined
  }
}

/** Whether that very process still runs on this host and this boot. */
export const lifeOf = ({ pid, started, boot, host }: Identity, now: Pick<StoreRecord, 'boot'>): Life => {
  if (host !== hostname()) return 'unknown'
  if (boot !== now.boot || !alive(pid)) return 'gone'
  const start = startOf(pid)
  if (start === undefined || started === 'unknown') return alive(pid) ? 'unknown' : 'gone'
  return start === started ? 'alive' : 'gone'
}
