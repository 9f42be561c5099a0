/** `expect: open` for a TCP port or a unix socket: does the gateway answer? */
import type { CheckContext, Facts, Trouble, Verdict } from '../../core/check.ts'
import { quote } from '../../core/shell.ts'
import { listing, span } from '../../core/text.ts'
import { endpoint, isWildcard, ownAddresses, resolve } from './addresses.ts'
import type { Answer } from './http.ts'
import type { Limits } from './limits.ts'
import { connect, type Where } from './probe.ts'
import { type BadReply, type HttpWanted, judgeReply } from './replies.ts'
import { unresolvable } from './resolving.ts'
import { askListeners } from './words.ts'

export interface AskedOpen {
  readonly port: number
  readonly host: string | undefined
  readonly http: HttpWanted | undefined
  readonly label: string
  readonly watched: readonly [string, ...string[]]
}

/** One place, and what it said: `open`, an errno or `TIMEOUT`, or a reply that is not the wanted one. */
export interface Tried {
  readonly name: string
  readonly result: 'open' | { readonly code: string } | BadReply
}

/** One place is tried: a connection, or a request. */
export const tryPlace = async (
  name: string,
  where: Where,
  hostHeader: string,
  http: HttpWanted | undefined,
  ctx: Pick<CheckContext, 'mask'>,
  limits: Limits,
): Promise<Tried> => {
  if (!http) {
    const result = await connect(where, limits)
    return { name, result }
  }
  const { ask } = await import('./http.ts')
  const answer: Answer = await ask(where, hostHeader, http.path, limits)
  if (answer.sort === 'unconnected') return { name, result: { code: answer.code } }
  return { name, result: judgeReply(answer, http, limits.ms, ctx.mask) ?? 'open' }
}

interface Unconnected {
  readonly what: string
  readonly says: string
}

const UNREACHABLE = new Set([
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EINVAL',
])

/** What an errno of connect(2) means. */
export const unconnected = (code: string, ms: number): Unconnected => {
  if (code === 'ECONNREFUSED') return { what: 'refused', says: 'refuses connections' }
  if (code === 'TIMEOUT' || code === 'ETIMEDOUT')
    return { what: 'timed-out', says: `does not answer within ${span(ms)}` }
  if (code === 'EACCES' || code === 'EPERM')
    return { what: 'denied', says: `may not be connected to by this user (${code})` }
  if (UNREACHABLE.has(code)) return { what: 'unreachable', says: `cannot be reached (${code})` }
  if (code === 'ECONNRESET') return { what: 'reset', says: 'resets the connection' }
  return { what: 'cannot-connect', says: `cannot be connected to (${code})` }
}

const isBad = (result: Tried['result']): result is BadReply => result !== 'open' && 'what' in result

/** The one that says most comes first: a wrong reply, silence, and only then a plain refusal. */
const weight = ({ result }: Tried): number => {
  if (result === 'open') return 9
  if (isBad(result)) return 0
  return result.code === 'ECONNREFUSED' ? 3 : result.code === 'TIMEOUT' ? 1 : 2
}

const describeResult = ({ name, result }: Tried, ms: number): string => {
  if (result === 'open') return `${name} is open`
  return isBad(result) ? `${name}: ${result.observed}` : `${name} ${unconnected(result.code, ms).says}`
}

const nextFor = (asked: AskedOpen, address: string, bad: boolean, what: string): string => {
  const { port, http } = asked
  if (http && bad) return `curl -sS -i -m 5 ${quote(`http://${endpoint(address, port)}${http.path}`)}`
  if (what === 'refused') return askListeners(port)
  if (what === 'unreachable' && process.platform === 'linux') return `ip route get ${quote(address)}`
  return `nc -vz -w 5 ${quote(address)} ${port}`
}

const elsewhere = async (port: number, ctx: CheckContext, limits: Limits): Promise<string> => {
  const { nameHolders, tcpTable } = await import('./holders.ts')
  const { listeners } = tcpTable(port, limits)
  if (listeners.length === 0) return ''
  const where = listing([...new Set(listeners.map(({ at }) => endpoint(at, port)))])
  return `; ${nameHolders(listeners, ctx.now())} listens on ${where}`
}

/** Another answer of the same host is worth this much waiting once one was good. */
const GRACE_MS = 300

const whenOpenEnough = async (tries: readonly Promise<Tried>[], limits: Limits): Promise<(Tried | undefined)[]> => {
  const done: (Tried | undefined)[] = tries.map(() => undefined)
  const all = Promise.all(
    tries.map(async (one, index) => {
      done[index] = await one
    }),
  )
  const good = new Promise<void>(resolve => {
    for (const one of tries) void one.then(({ result }) => result === 'open' && resolve())
  })
  await Promise.race([all, good.then(() => limits.within(all, GRACE_MS))])
  return done
}

export const expectOpen = async (asked: AskedOpen, ctx: CheckContext, limits: Limits): Promise<Verdict> => {
  const { port, host, http, label, watched } = asked
  const own = ownAddresses()
  const resolved = await resolve(host, own, limits)
  if ('unresolvable' in resolved) return unresolvable(host ?? '', resolved.unresolvable, watched, limits)
  // A wildcard is no place to connect to: whoever listens on all addresses listens on the loopbacks.
  const addresses = [
    ...new Set(
      resolved.addresses.flatMap(address =>
        !isWildcard(address)
          ? [address]
          : address.includes('.') || !own.includes('::1')
            ? ['127.0.0.1']
            : ['127.0.0.1', '::1'],
      ),
    ),
  ]
  const hostHeader = host === undefined || isWildcard(host) ? `localhost:${port}` : endpoint(host, port)
  const enough = new AbortController()
  const tries = addresses.map(address =>
    tryPlace(endpoint(address, port), { address, port }, hostHeader, http, ctx, limits.until(enough.signal)),
  )
  // With a request every address is waited for: one that answers wrongly is not made good by another.
  const tried = http ? await Promise.all(tries) : await whenOpenEnough(tries, limits)
  enough.abort()
  const known = tried.filter(one => one !== undefined)
  const facts: Facts = {
    port,
    addresses,
    open: known.filter(({ result }) => result === 'open').map(({ name }) => name),
  }

  const open = known.filter(({ result }) => result === 'open')
  const bad = known.filter(({ result }) => isBad(result))
  if (open.length > 0 && bad.length === 0) {
    const answers = http ? `answers GET ${http.path} as expected` : 'accepts connections'
    const where = open.length < addresses.length ? ` on ${listing(open.map(({ name }) => name))}` : ''
    return { status: 'pass', code: 'port/open', summary: `${label} ${answers}${where}`, watched, facts }
  }
  const [worst] = [...known].sort((a, b) => weight(a) - weight(b))
  return notOpen(asked, worst, known, addresses, facts, ctx, limits)
}

const notOpen = async (
  asked: AskedOpen,
  worst: Tried | undefined,
  known: readonly Tried[],
  addresses: readonly string[],
  facts: Facts,
  ctx: CheckContext,
  limits: Limits,
): Promise<Trouble> => {
  const { port, label, watched } = asked
  const result = worst?.result
  const bad = result !== undefined && isBad(result)
  const code = result === undefined || result === 'open' || bad ? 'TIMEOUT' : result.code
  const { what, says } = bad ? result : unconnected(code, limits.ms)
  const address = addresses.find(candidate => endpoint(candidate, port) === worst?.name) ?? '127.0.0.1'
  const name = asked.host === undefined ? label : label === worst?.name ? label : `${label} (${worst?.name})`
  return {
    status: 'fail',
    code: `port/${what}`,
    summary:
      what === 'timed-out'
        ? `timed out connecting to ${worst?.name ?? label} after ${span(limits.ms)}`
        : `${name} ${says}`,
    observed: `${known.map(one => describeResult(one, limits.ms)).join('; ')}${what === 'refused' ? await elsewhere(port, ctx, limits) : ''}`,
    expected: bad ? result.expected : `${label} accepts connections`,
    next: nextFor(asked, address, bad, what),
    watched,
    facts,
  }
}
