/** Who has a port or a unix socket: from /proc on Linux (10 ms), from lsof elsewhere (26 ms). Asked only when something is wrong. */

import { readdirSync, readlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import { elapsed } from '../../core/clock.ts'
import { FileError, MEGABYTE, readText } from '../../core/files.ts'
import { mayTouch } from '../../core/mounts.ts'
import { commandLine, describe, introduce, type ProcessFacts } from '../../core/process.ts'
import { ask } from '../../core/system.ts'
import { listing } from '../../core/text.ts'
import { userLabel } from '../../core/users.ts'
import { canonical } from './addresses.ts'
import type { Limits } from './limits.ts'
import { type Lsof, lsofEnds, parseLsof, parseTcp, parseUnix } from './tables.ts'

/** A process with its whole command line, which may hold secrets. */
export type Suspect = ProcessFacts & { readonly line: string }

/** One socket, and every process that has it open. */
export interface Holder {
  /** Address, or path of a unix socket. */
  readonly at: string
  /** The other end of a connection; undefined for a listener. */
  readonly to?: string
  /** Undefined where nobody says. */
  readonly uid: number | undefined
  /** Empty if this user may not see them, or there are none any more. */
  readonly processes: readonly Suspect[]
}

export interface Table {
  readonly listeners: readonly Holder[]
  readonly connections: readonly Holder[]
}

const suspect = (pid: number): Suspect[] => {
  const facts = describe(pid)
  return facts ? [{ ...facts, line: commandLine(pid) ?? facts.command }] : []
}

/** A busy host has some 100,000 descriptors; looking through them must not eat the deadline. */
const MOST_MS = 1000

/** Which processes have which sockets open, by inode. Processes of others are left out unless we are root. */
const openSockets = (inodes: ReadonlySet<number>, limits: Limits): Map<number, number[]> => {
  const found = new Map<number, number[]>()
  const names = new Map([...inodes].map(inode => [`socket:[${inode}]`, inode]))
  const end = elapsed() + Math.min(MOST_MS, limits.left())
  mayTouch('/proc')
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  for (const pid of pids) {
    if (elapsed() > end) break
    let descriptors: string[] = []
    try {
      descriptors = readdirSync(`/proc/${pid}/fd`)
    } catch {
      continue // gone, or not ours to see
    }
    for (const descriptor of descriptors) {
      let inode: number | undefined
      try {
        inode = names.get(readlinkSync(`/proc/${pid}/fd/${descriptor}`))
      } catch {
        continue // closed in between
      }
      if (inode === undefined) continue
      const sharing = found.get(inode) ?? []
      if (!sharing.includes(Number(pid))) found.set(inode, [...sharing, Number(pid)])
    }
  }
  return found
}

/** The kernel's table is a text of 150 bytes a socket. */
const MOST_BYTES = 64 * MEGABYTE

const kernelTable = (name: string): string | undefined => {
  if (process.platform !== 'linux') return undefined
  try {
    return readText(`/proc/net/${name}`, MOST_BYTES)
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

const fromLsof = (socket: Lsof): Pick<Holder, 'uid' | 'processes'> => {
  const seen = suspect(socket.pid)
  return {
    uid: socket.uid < 0 ? undefined : socket.uid,
    processes:
      seen.length > 0 ? seen : [{ pid: socket.pid, command: socket.command, uid: socket.uid, line: socket.command }],
  }
}

/** Everything on this host with this local port. */
export const tcpTable = (port: number, limits: Limits): Table => {
  const listeners: Holder[] = []
  const connections: Holder[] = []
  const texts = [kernelTable('tcp'), kernelTable('tcp6')]
  if (texts.some(text => text !== undefined)) {
    const rows = texts.flatMap(text => parseTcp(text ?? '', port))
    const inodes = new Set(rows.map(row => row.inode).filter(inode => inode > 0))
    const open = inodes.size > 0 ? openSockets(inodes, limits) : new Map<number, number[]>()
    for (const row of rows) {
      const processes = (open.get(row.inode) ?? []).flatMap(suspect)
      const holder = { at: row.address, uid: row.inode > 0 ? row.uid : undefined, processes }
      if (row.listening) listeners.push(holder)
      else connections.push({ ...holder, to: `${row.remote}:${row.remotePort}` })
    }
  } else {
    const shown = ask('lsof', ['-nP', `-iTCP:${port}`, '-F', 'pcutnT'], Math.min(2000, limits.left()))
    for (const socket of parseLsof(shown ?? '')) {
      const ends = lsofEnds(socket)
      if (!ends || ends.port !== port) continue
      const holder = { at: ends.address, ...fromLsof(socket) }
      if (socket.state === 'LISTEN') listeners.push(holder)
      else connections.push({ ...holder, to: `${ends.remote}:${ends.remotePort}` })
    }
  }
  return { listeners, connections }
}

const workingFolder = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return '/' // gone, or not ours to see
  }
}

/** Everybody who listens on a unix socket at this path. */
export const unixListeners = (path: string, limits: Limits): Holder[] => {
  const text = kernelTable('unix')
  if (text !== undefined) {
    const rows = parseUnix(text, path)
    if (rows.length === 0) return []
    const open = openSockets(new Set(rows.map(({ inode }) => inode)), limits)
    return rows.flatMap(({ inode, name }) => {
      const pids = open.get(inode) ?? []
      // A relative name is everybody's; it is ours where its process works in the folder that it fits.
      if (name !== path && !pids.some(pid => resolve(workingFolder(pid), name) === path)) return []
      const processes = pids.flatMap(suspect)
      return [{ at: path, uid: processes[0]?.uid, processes }]
    })
  }
  const shown = ask('lsof', ['-nP', '-U', '-F', 'pcutn'], Math.min(2000, limits.left()))
  return parseLsof(shown ?? '')
    .filter(socket => socket.name === path)
    .map(socket => ({ at: path, ...fromLsof(socket) }))
}

const isV4 = (address: string): boolean => address.includes('.')

/** Whether a socket at `held` keeps a listener from `wanted`. `::` takes IPv4 too, unless its owner said otherwise. */
export const covers = (held: string, wanted: string): boolean => {
  const [a, b] = [canonical(held), canonical(wanted)]
  if (a === b || a === '::' || b === '::') return true
  return (a === '0.0.0.0' && isV4(b)) || (b === '0.0.0.0' && isV4(a))
}

/** `node (pid 4711, claw, since 02:14)`; says so where it cannot be seen. */
export const nameHolder = ({ processes, uid }: Holder, now: number): string => {
  if (processes.length > 0)
    return listing(
      processes.map(process => introduce(process, now)),
      2,
    )
  return uid === undefined
    ? 'something that this user cannot see'
    : `a process of ${userLabel(uid)} that this user cannot see`
}

/** All of them, each once. */
export const nameHolders = (holders: readonly Holder[], now: number): string =>
  holders.length === 0
    ? 'something that this user cannot see'
    : listing([...new Set(holders.map(holder => nameHolder(holder, now)))], 3)
