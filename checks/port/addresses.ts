/** From a host as a manifest writes it to the addresses that a gateway would bind, and a client would reach. */
import { networkInterfaces } from 'node:os'
import { contain } from '../../core/contain.ts'
import type { Limits } from './limits.ts'

/** The addresses of this host's interfaces; without any knowledge of them, 127.0.0.1. */
export const ownAddresses = (): string[] => {
  try {
    const all = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
    return all.length > 0 ? all : ['127.0.0.1']
  } catch {
    return ['127.0.0.1'] // some sandboxes refuse the question
  }
}

const loopbacks = (own: readonly string[]): string[] => (own.includes('::1') ? ['127.0.0.1', '::1'] : ['127.0.0.1'])

/** Of an address, not of any text: net.isIPv6 costs some milliseconds, for a regular expression that is compiled at its first use. */
const isV6 = (address: string): boolean => address.includes(':')

/** `[::1]:18789`, `127.0.0.1:18789`. */
export const endpoint = (address: string, port: number): string =>
  isV6(address) ? `[${address}]:${port}` : `${address}:${port}`

/** IPv6 in its shortest form, so that two spellings compare equal; anything else as it is. */
export const canonical = (address: string): string => {
  if (!isV6(address) || address === '::' || address === '::1') return address
  const [bare = '', zone] = address.split('%')
  const short = new URL(`http://[${bare}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short)
  if (mapped?.[1] && mapped[2]) {
    const [high, low] = [Number.parseInt(mapped[1], 16), Number.parseInt(mapped[2], 16)]
    return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  }
  return zone === undefined ? short : `${short}%${zone}`
}

export const isWildcard = (address: string): boolean => ['0.0.0.0', '::'].includes(canonical(address))

/** Whether an address is known to be this host's. All of 127.0.0.0/8 is, on Linux; elsewhere only what an interface has. */
export const isOwn = (address: string, own: readonly string[]): boolean => {
  if (own.includes(address)) return true
  const plain = canonical(address)
  return (
    isWildcard(address) ||
    own.some(candidate => canonical(candidate) === plain.replace(/%.*$/, '')) ||
    (process.platform === 'linux' && /^127\./.test(plain))
  )
}

/** Where a listener on this address can be reached from this host. */
export const reachable = (address: string, own: readonly string[]): string[] => {
  if (!isWildcard(address)) return [address]
  // Link-local addresses need a zone, which the system does not give here; the wildcard's bind tells about them.
  const candidates = own.filter(candidate => !/^fe80:/i.test(candidate))
  return isV6(address) ? candidates : candidates.filter(candidate => !isV6(candidate))
}

export type Resolved =
  | { readonly addresses: readonly [string, ...string[]] }
  /** `code` is getaddrinfo's (`ENOTFOUND`, `EAI_AGAIN`), or `TIMEOUT`. */
  | { readonly unresolvable: string }

/** The addresses of a host; without one, both loopbacks. Throws `NeedsChild` before it asks a resolver in the gate's own process. */
export const resolve = async (host: string | undefined, own: readonly string[], limits: Limits): Promise<Resolved> => {
  if (host === undefined || host.toLowerCase() === 'localhost') {
    const [first = '127.0.0.1', ...rest] = loopbacks(own)
    return { addresses: [first, ...rest] }
  }
  const { isIP } = await import('node:net')
  if (isIP(host)) return { addresses: [host] }
  contain('name', host)
  const { lookup } = await import('node:dns/promises')
  const answer = await limits.within(
    lookup(host, { all: true, verbatim: true }).then(
      found => ({ addresses: [...new Set(found.map(({ address }) => address))] }),
      (error: NodeJS.ErrnoException) => ({ unresolvable: error.code ?? 'UNKNOWN' }),
    ),
  )
  if (answer === undefined) return { unresolvable: 'TIMEOUT' }
  if ('unresolvable' in answer) return answer
  const [first, ...rest] = answer.addresses
  return first === undefined ? { unresolvable: 'ENOTFOUND' } : { addresses: [first, ...rest] }
}
