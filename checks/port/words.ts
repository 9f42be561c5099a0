/** Commands to show, and facts for machines, about whoever has a port. */
import { basename } from 'node:path'
import type { Facts } from '../../core/check.ts'
import { quote } from '../../core/shell.ts'
import type { Holder } from './holders.ts'

const onLinux = process.platform === 'linux'

const pids = (holders: readonly Holder[]): number[] => [
  ...new Set(holders.flatMap(({ processes }) => processes.map(({ pid }) => pid))),
]

/** Who listens on a port, with the rights of root. */
export const askListeners = (port: number): string =>
  onLinux ? `sudo ss -ltnp 'sport = :${port}'` : `sudo lsof -nP -iTCP:${port} -sTCP:LISTEN`

export const askSockets = (port: number): string =>
  onLinux ? `sudo ss -tanp 'sport = :${port}'` : `sudo lsof -nP -iTCP:${port}`

export const askUnix = (path: string): string =>
  // A socket bound under a relative path is listed so: its name alone finds it.
  onLinux ? `sudo ss -xlp | grep -F ${quote(basename(path))}` : `sudo lsof -U ${quote(path)}`

/** Looks at the processes where they are known, else asks with the rights of root. */
export const lookAt = (holders: readonly Holder[], otherwise: string): string => {
  const known = pids(holders)
  return known.length > 0 ? `ps -p ${known.slice(0, 5).join(',')} -o pid,user,lstart,command` : otherwise
}

export const holderFacts = (holders: readonly Holder[]): Facts => {
  const first = holders.find(({ processes }) => processes.length > 0)?.processes[0]
  if (!first) return { pid: null, uid: holders[0]?.uid ?? null }
  return {
    pid: first.pid,
    pids: pids(holders).map(String),
    command: first.command,
    uid: first.uid,
    since: first.startedAt === undefined ? null : new Date(first.startedAt).toISOString(),
  }
}
