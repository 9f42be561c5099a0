/** `expect: free` for a TCP port: will the gateway be able to listen? */
import type { CheckContext, Facts, Verdict } from '../../core/check.ts'
import { canonical, isOwn, isWildcard, ownAddresses, reachable, resolve } from './addresses.ts'
import type { Limits } from './limits.ts'
import { connect, listen } from './probe.ts'
import { unresolvable } from './resolving.ts'

export interface Asked {
  readonly port: number
  readonly host: string | undefined
  readonly owner: string | undefined
  /** The port, with its host where one is given. */
  readonly label: string
  readonly watched: readonly [string, ...string[]]
}

/** What binding one address gave: undefined, `ANSWERED` where somebody accepted a connection there, or an errno. */
export type Bound = { readonly address: string; readonly code: string | undefined }

/** A connection to this host's own address is answered or refused at once; a silent one is a firewall's. */
const SILENT_MS = 1000

const tryAddress = async (address: string, port: number, own: readonly string[], limits: Limits): Promise<Bound> => {
  // Connecting comes first: on macOS binding 127.0.0.1 succeeds beside a listener on 0.0.0.0. Only to ourselves, since a
  // foreign address would be asked over the network.
  const doors = isOwn(address, own) ? reachable(address, own) : []
  const answers = await Promise.all(doors.map(door => connect({ address: door, port }, limits, SILENT_MS)))
  if (answers.includes('open')) return { address, code: 'ANSWERED' }
  return { address, code: await listen({ address, port }, limits) }
}

/**
 * Whether anybody listens on this port at another address: binding the wildcard collides with all of them. Not by the name of
 * `::`, for which Node 20 would compile its regular expression of IPv6 addresses: 6 ms.
 */
const collidesElsewhere = async (port: number, limits: Limits): Promise<boolean> =>
  (await listen({ port }, limits)) === 'EADDRINUSE'

const HELD = new Set(['ANSWERED', 'EADDRINUSE'])

/**
 * `again`: somebody was in the way, and the kernel's tables show nobody any more (another check's probe lasts microseconds, an
 * old gateway may just have ended), so it is looked at once more.
 */
export const expectFree = async (asked: Asked, ctx: CheckContext, limits: Limits, again = true): Promise<Verdict> => {
  const { port, host, label, watched } = asked
  const own = ownAddresses()
  const resolved = await resolve(host, own, limits)
  if ('unresolvable' in resolved) return unresolvable(host ?? '', resolved.unresolvable, watched, limits)
  const { addresses } = resolved
  const facts: Facts = { port, addresses }

  const bound: Bound[] = []
  for (const address of addresses) bound.push(await tryAddress(address, port, own, limits))
  const held = bound.filter(({ code }) => code !== undefined && HELD.has(code))
  const refused = bound.find(({ code }) => code !== undefined && !HELD.has(code))
  const onlyHere = held.length === 0 && !refused && !addresses.some(address => canonical(address) === '::')
  const elsewhere = onlyHere && (await collidesElsewhere(port, limits))

  if (held.length > 0 || refused || elsewhere) {
    const { bindVerdict, elsewhereVerdict, heldVerdict, tableOf } = await import('./taken.ts')
    const table = tableOf(port, limits)
    if (again && !refused && table.listeners.length + table.connections.length === 0)
      return expectFree(asked, ctx, limits, false)
    const verdict =
      held.length > 0
        ? heldVerdict(asked, held, table, facts, ctx)
        : elsewhere
          ? elsewhereVerdict(asked, addresses, table, facts, ctx)
          : undefined
    if (refused && (!verdict || verdict.status === 'pass')) return bindVerdict(asked, refused, own, facts, ctx)
    if (verdict) return verdict
  }
  const all = addresses.some(isWildcard) ? ' on every address' : ''
  return {
    status: 'pass',
    code: 'port/free',
    summary: `${label} is free and accepts connections${all}`,
    watched,
    facts,
  }
}
