/** How much memory a new process can get on macOS: vm_stat(1) and sysctl(8), whose texts are read here. */
import { ask } from '../../core/system.ts'
import type { Gathered } from './linux.ts'

/** Free, speculative and inactive pages, in bytes: what is free, and what can be taken without paging out programs that run. */
export const parseVmStat = (text: string): number | undefined => {
  const size = /page size of (\d+) bytes/.exec(text)?.[1]
  const pages = ['free', 'speculative', 'inactive'].map(
    name => new RegExp(`^Pages ${name}:\\s+(\\d+)\\.`, 'm').exec(text)?.[1],
  )
  if (size === undefined || pages.includes(undefined)) return undefined
  return Number(size) * pages.reduce((sum, count) => sum + Number(count), 0)
}

/** `total = 2048.00M  used = 1024.50M  free = 1023.50M  (encrypted)` in bytes. */
export const parseSwapUsage = (text: string): { readonly free: number; readonly total: number } | undefined => {
  const megabytes = (name: string): number | undefined => {
    const value = new RegExp(`\\b${name} = ([0-9.]+)M`).exec(text)?.[1]
    return value === undefined ? undefined : Math.round(Number(value) * 1024 * 1024)
  }
  const [free, total] = [megabytes('free'), megabytes('total')]
  return free === undefined || total === undefined ? undefined : { free, total }
}

export const judgeable = (
  vmStat: string | undefined,
  memsize: string | undefined,
  swapUsage: string | undefined,
  wantsSwap: boolean,
): Gathered => {
  const available = parseVmStat(vmStat ?? '')
  const total = /^\d+$/.test(memsize?.trim() ?? '') ? Number(memsize) : undefined
  const swap = wantsSwap ? parseSwapUsage(swapUsage ?? '') : { free: 0, total: 0 }
  const problems = [
    ...(available === undefined ? ['vm_stat gave no answer that can be read'] : []),
    ...(total === undefined ? ['sysctl hw.memsize gave no answer that can be read'] : []),
    ...(swap === undefined ? ['sysctl vm.swapusage gave no answer that can be read'] : []),
  ]
  if (available === undefined || total === undefined) return { sources: [], problems }
  const { free = 0, total: more = 0 } = swap ?? {}
  return { sources: [{ name: 'this host', available: available + free, total: total + more }], problems }
}

export const gatherMacos = (wantsSwap: boolean): Gathered =>
  judgeable(
    ask('vm_stat', []),
    ask('sysctl', ['-n', 'hw.memsize']),
    wantsSwap ? ask('sysctl', ['-n', 'vm.swapusage']) : undefined,
    wantsSwap,
  )
