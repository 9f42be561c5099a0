/** The kernel's tables of sockets, and lsof's, as data. */
import { endianness } from 'node:os'
import { basename } from 'node:path'
import { canonical } from './addresses.ts'

export interface Row {
  readonly address: string
  readonly port: number
  readonly remote: string
  readonly remotePort: number
  readonly listening: boolean
  readonly uid: number
  /** 0 where no process has it any more (TIME_WAIT). */
  readonly inode: number
}

/** TCP_LISTEN in the kernel's include/net/tcp_states.h. */
const LISTEN = '0A'

/** `0100007F` is 127.0.0.1: 32-bit words in the host's byte order, which differs on s390x. */
const toAddress = (hex: string): string => {
  const bytes = Buffer.from(hex, 'hex')
  if (endianness() === 'LE') for (let i = 0; i + 4 <= bytes.length; i += 4) bytes.subarray(i, i + 4).reverse()
  if (bytes.length === 4) return bytes.join('.')
  return canonical(bytes.toString('hex').replace(/(.{4})(?!$)/g, '$1:'))
}

/** The rows of /proc/net/tcp or /proc/net/tcp6 with this local port. */
export const parseTcp = (text: string, port: number): Row[] => {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  return text.split('\n').flatMap(line => {
    if (!line.includes(wanted)) return []
    const [, local = '', remote = '', state = '', , , , uid = '', , inode = ''] = line.trim().split(/\s+/)
    if (!`${local} `.endsWith(wanted)) return []
    const [localHex = ''] = local.split(':')
    const [remoteHex = '', remotePort = ''] = remote.split(':')
    return [
      {
        address: toAddress(localHex),
        port,
        remote: toAddress(remoteHex),
        remotePort: Number.parseInt(remotePort, 16),
        listening: state === LISTEN,
        uid: Number(uid),
        inode: Number(inode),
      },
    ]
  })
}

/** __SO_ACCEPTCON of the kernel's include/uapi/linux/net.h: somebody listens. */
const ACCEPTING = 0x10000

export interface UnixRow {
  readonly inode: number
  /** As it was bound: absolute, or relative to the folder in which its process worked then. */
  readonly name: string
}

/** The sockets in /proc/net/unix that listen, and may do so at this path. */
export const parseUnix = (text: string, path: string): UnixRow[] => {
  const last = basename(path)
  return text.split('\n').flatMap(line => {
    if (!line.includes(last)) return []
    const [, flags = '', inode, name = ''] = /^\S+: \S+ \S+ (\S+) \S+ \S+ +(\d+) (.+)$/.exec(line) ?? []
    const fits = name === path || (/^[^/@]/.test(name) && basename(name) === last)
    return fits && Number.parseInt(flags, 16) & ACCEPTING ? [{ inode: Number(inode), name }] : []
  })
}

/** One TCP or unix socket of what `lsof -F pcutnT` prints. */
export interface Lsof {
  readonly pid: number
  readonly uid: number
  readonly command: string
  /** `127.0.0.1:18789`, `*:18789`, `10.0.0.1:18789->192.0.2.7:443`, or a path. */
  readonly name: string
  /** `IPv4`, `IPv6`, `unix`. */
  readonly type: string
  /** `LISTEN`, `ESTABLISHED`, …; empty where there is none. */
  readonly state: string
}

/** Lines begin with the field's letter: p, c, u once for a process, then t, n, TST= for each of its sockets. */
export const parseLsof = (text: string): Lsof[] => {
  const found: { -readonly [K in keyof Lsof]: Lsof[K] }[] = []
  let owner = { pid: 0, uid: -1, command: 'unknown' }
  let type = ''
  for (const line of text.split('\n')) {
    const value = line.slice(1)
    const last = found.at(-1)
    if (line.startsWith('p')) owner = { pid: Number(value), uid: -1, command: 'unknown' }
    else if (line.startsWith('c')) owner.command = value
    else if (line.startsWith('u')) owner.uid = Number(value)
    else if (line.startsWith('t')) type = value
    else if (line.startsWith('n')) found.push({ ...owner, name: value, type, state: '' })
    else if (line.startsWith('TST=') && last) last.state = line.slice(4)
  }
  return found
}

/** The ends of an lsof name, `*` being the wildcard of its type; undefined if it is no TCP socket. */
export const lsofEnds = ({
  name,
  type,
}: Pick<Lsof, 'name' | 'type'>): { address: string; port: number; remote: string; remotePort: number } | undefined => {
  const [local = '', remote = ''] = name.split('->')
  const end = (text: string): { address: string; port: number } => {
    const colon = text.lastIndexOf(':')
    const address = text.slice(0, colon).replace(/^\[|\]$/g, '')
    return {
      address: address === '*' ? (type === 'IPv6' ? '::' : '0.0.0.0') : canonical(address),
      port: Number(text.slice(colon + 1)),
    }
  }
  const from = end(local)
  const to = remote === '' ? { address: '', port: 0 } : end(remote)
  return Number.isInteger(from.port) && from.address !== ''
    ? { ...from, remote: to.address, remotePort: to.port }
    : undefined
}
