/** Why a gateway will not be able to listen on a TCP port. Loaded when that is so. */
import type { CheckContext, Facts, Trouble, Verdict } from '../../core/check.ts'
import { FileError, readText } from '../../core/files.ts'
import { quote } from '../../core/shell.ts'
import { listing } from '../../core/text.ts'
import { canonical, endpoint } from './addresses.ts'
import type { Asked, Bound } from './free.ts'
import { allOwned, judgeHeld } from './held.ts'
import { covers, type Holder, nameHolders, type Table, tcpTable } from './holders.ts'
import type { Limits } from './limits.ts'
import { askListeners, askSockets, holderFacts, lookAt } from './words.ts'

const trouble = (asked: Asked, facts: Facts, rest: Omit<Trouble, 'status' | 'watched' | 'facts'>): Trouble => ({
  status: 'fail',
  ...rest,
  watched: asked.watched,
  facts,
})

/** The first port that needs no privilege; Linux can be told otherwise. */
const firstOpenPort = (): number => {
  if (process.platform !== 'linux') return 1024
  try {
    return Number(readText('/proc/sys/net/ipv4/ip_unprivileged_port_start'))
  } catch (error) {
    if (error instanceof FileError) return 1024
    throw error
  }
}

const mayNotBind = (asked: Asked, address: string, facts: Facts, { uid }: CheckContext['user']): Trouble => {
  const { port, label } = asked
  const first = firstOpenPort()
  if (port >= first)
    return trouble(asked, facts, {
      code: 'port/denied',
      summary: `${label} may not be bound by this user (EACCES)`,
      observed: `binding ${endpoint(address, port)} gives EACCES for uid ${uid}, though ports from ${first} on need no privilege`,
      expected: 'a port that this user may bind; a security policy (SELinux, a sandbox, a firewall) forbids it',
      next:
        process.platform === 'linux' ? `sudo ausearch -m avc -ts recent | grep ${port}` : `sudo lsof -nP -iTCP:${port}`,
    })
  return trouble(asked, facts, {
    code: 'port/privileged',
    summary: `${label} needs a privilege that uid ${uid} does not have (EACCES)`,
    observed: `binding ${endpoint(address, port)} gives EACCES for uid ${uid}`,
    expected: `a port from ${first} on, or the right to bind lower ones`,
    next: `systemctl edit UNIT and add AmbientCapabilities=CAP_NET_BIND_SERVICE, or choose a port from ${first} on`,
  })
}

const notHere = (asked: Asked, address: string, own: readonly string[], facts: Facts): Trouble => {
  const named = asked.host !== undefined && canonical(asked.host) !== canonical(address)
  return trouble(asked, facts, {
    code: 'port/not-here',
    summary: named
      ? `${asked.host} is ${address}, which is no address of this host`
      : `${address} is no address of this host`,
    observed: `binding ${endpoint(address, asked.port)} gives EADDRNOTAVAIL; this host has ${listing(own, 8)}`,
    expected: 'an address of this host, or 0.0.0.0 for all of them',
    next: named
      ? `getent ahosts ${quote(asked.host ?? '')}`
      : process.platform === 'linux'
        ? 'ip -brief address'
        : 'ifconfig',
  })
}

/** Who is there, without what the kernel alone still keeps (TIME_WAIT), which hinders nobody who sets SO_REUSEADDR, as Node does. */
export const tableOf = (port: number, limits: Limits): Table => {
  const { listeners, connections } = tcpTable(port, limits)
  return { listeners, connections: connections.filter(({ uid }) => uid !== undefined) }
}

/** Somebody has it. */
export const heldVerdict = (
  asked: Asked,
  held: readonly Bound[],
  table: Table,
  facts: Facts,
  ctx: CheckContext,
): Verdict => {
  const { port, label } = asked
  const there = ({ at }: Holder): boolean => held.some(({ address }) => covers(at, address))
  const listeners = table.listeners.filter(there)
  const connections = table.connections.filter(there)
  if (listeners.length > 0 || connections.length === 0 || held.some(({ code }) => code === 'ANSWERED'))
    return judgeHeld(
      { label, watched: asked.watched, facts, holders: listeners, owner: asked.owner, askRoot: askListeners(port) },
      ctx,
    )
  return trouble(
    asked,
    { ...facts, ...holderFacts(connections) },
    {
      code: 'port/outgoing',
      summary: `${label} is taken by a connection of ${nameHolders(connections, ctx.now())}`,
      observed: `a connection from ${listing([...new Set(connections.map(({ at, to }) => `${endpoint(at, port)} to ${to}`))])}; nobody listens`,
      expected: "a port outside the system's range for outgoing connections, or one that is reserved",
      next:
        process.platform === 'linux'
          ? `sudo sysctl -w net.ipv4.ip_local_reserved_ports=${port} (then: ${lookAt(connections, askSockets(port))})`
          : lookAt(connections, askSockets(port)),
    },
  )
}

/** Free where the gateway binds it, and taken at another address. Undefined if that is nothing to tell. */
export const elsewhereVerdict = (
  asked: Asked,
  addresses: readonly string[],
  { listeners, connections }: Table,
  facts: Facts,
  ctx: CheckContext,
): Verdict | undefined => {
  if (listeners.length === 0 && connections.length > 0) return undefined // an outgoing connection at an address that the gateway does not bind
  if (allOwned(listeners, asked.owner, ctx.running)) return undefined
  const where = listing([...new Set(listeners.map(({ at }) => endpoint(at, asked.port)))])
  return {
    status: 'warn',
    code: 'port/elsewhere',
    summary: `${asked.label} is free, but ${nameHolders(listeners, ctx.now())} listens on ${where || 'another address'}`,
    observed: `${addresses.map(address => endpoint(address, asked.port)).join(', ')} can be bound; all addresses at once cannot (EADDRINUSE)`,
    expected: `nobody else on port ${asked.port}: a client that asks another address of this host reaches somebody else`,
    next: lookAt(listeners, askListeners(asked.port)),
    watched: asked.watched,
    facts: { ...facts, ...holderFacts(listeners) },
  }
}

/** Binding was refused, and nobody else has it. */
export const bindVerdict = (
  asked: Asked,
  { address, code }: Bound,
  own: readonly string[],
  facts: Facts,
  { user }: CheckContext,
): Trouble => {
  if (code === 'EACCES') return mayNotBind(asked, address, facts, user)
  if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return notHere(asked, address, own, facts)
  return trouble(asked, facts, {
    code: 'port/cannot-bind',
    summary: `${asked.label} cannot be bound (${code})`,
    observed: `binding ${endpoint(address, asked.port)} gives ${code}`,
    expected: 'a port that can be bound',
    next: askSockets(asked.port),
  })
}
