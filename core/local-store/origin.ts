/** Who writes, and on which boot of which host. */
import { hostname, uptime } from 'node:os'
import { readText } from '../files.ts'
import { startOf } from '../identity.ts'
import type { StoreRecord } from '../store.ts'
import { ask } from '../system.ts'

export type Origin = Pick<StoreRecord, 'boot' | 'pid' | 'started' | 'host'>

const onLinux = process.platform === 'linux'

/** macOS names each boot; its kern.boottime moves when the clock is set. */
const boot = (): string =>
  (onLinux ? readText('/proc/sys/kernel/random/boot_id') : ask('sysctl', ['-n', 'kern.bootsessionuuid']))?.trim() ||
  `unknown-${process.pid}-${Date.now()}` // like no other, so that no uptimes are compared

let known: Origin | undefined

/** Of this process; asked once. */
export const origin = (): Origin => {
  known ??= { boot: boot(), pid: process.pid, started: startOf(process.pid) ?? 'unknown', host: hostname() }
  return known
}

/** Since this host's boot, ms; time asleep counts. Linux tells hundredths of a second, macOS whole ones. */
export const uptimeMs = (): number => Math.round(uptime() * 1000)
