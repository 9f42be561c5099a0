/**
 * One request, one answer: no redirect is followed, nothing is tried twice, and what comes back is bounded in bytes and time.
 * The only file that knows undici. It tells whether a request left this host, since one that may have left is never sent again.
 */
import type { Socket } from 'node:net'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { buildConnector, Dispatcher } from 'undici'
import type { Env } from './check.ts'
import { faultOf, unconnected } from './connection-fault.ts'
import { contain } from './contain.ts'
import { bypassesProxy } from './no-proxy.ts'
import { bytes } from './text.ts'

export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What a server showed in the TLS handshake. Times in ms since the epoch. */
export interface Certificate {
  readonly validFrom: number
  readonly validTo: number
  /** `CN=api.example.com` */
  readonly subject: string
  readonly issuer: string
  /** `DNS:api.example.com, IP Address:10.0.0.1`; empty if it names nobody. */
  readonly names: string
}

export interface Reply {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** The body, or as much of it as came. */
  readonly text: string
  /** The body as JSON; undefined if it is none. */
  readonly json: unknown
  /** Why the body is not whole: it was cut off, too large, or never ended. */
  readonly cut?: string
  /** With `cut`: who ended it, the peer or we, for its size or for the time. */
  readonly cutBy?: 'peer' | 'size' | 'time'
  readonly certificate?: Certificate
  /** Why the certificate would have been refused (`CERT_HAS_EXPIRED`), had NODE_TLS_REJECT_UNAUTHORIZED=0 not let it through. */
  readonly unchecked?: string
  /** The proxy (`host:port`) that handed the answer on, or gave it itself: only on `http://` that cannot be told apart. */
  readonly proxy?: string
}

/** No answer. What failed before the request left this host has no effect on the other side. */
export interface Silence {
  readonly silent: 'dns' | 'connect' | 'tls' | 'proxy' | 'timeout' | 'closed' | 'reply'
  /** The request, or a part of it, may have reached the other side. */
  readonly left: boolean
  readonly observed: string
  /** `ECONNREFUSED`, `CERT_HAS_EXPIRED`; empty where nobody gave a code. */
  readonly code: string
  /** How far it had come. */
  readonly stage: Stage
  /** It went, or was to go, through a proxy. What is the proxy's own fault is `silent: 'proxy'`, or `timeout`. */
  readonly proxied: boolean
  readonly certificate?: Certificate
}

/** How far a request has come. */
export type Stage = 'resolving' | 'connecting' | 'handshake' | 'sent' | 'reading'

/** What is wrong, before it is known on which way. */
type Wrong = Pick<Silence, 'silent' | 'left' | 'observed' | 'code'>

export interface Http {
  exchange(request: Request): Promise<Reply | Silence>
  /** The name, the server's or its proxy's, that is being resolved, or was when the last request ended; undefined if there is none. */
  resolving(): string | undefined
  /** Drops every connection at once. */
  close(): void
}

/** An error of the services spoken to here is well below 1 KiB; a page of a captive portal is tens. */
const MAX_REPLY_BYTES = 64 * 1024

const ADDRESS = /^(\d+\.\d+\.\d+\.\d+|\[.*\]|localhost)$/

/** The proxies that the environment names, by the scheme that goes through them. Lower case first, as curl has it. */
const proxies = (env: Env): { httpProxy: string; httpsProxy: string; noProxy: string } => {
  const address = (text: string): string => (text === '' || text.includes('://') ? text : `http://${text}`)
  // Empty, and not undefined, so that undici does not look into this process's own environment.
  return {
    httpProxy: address(env.http_proxy ?? env.HTTP_PROXY ?? ''),
    httpsProxy: address(env.https_proxy ?? env.HTTPS_PROXY ?? ''),
    noProxy: env.no_proxy ?? env.NO_PROXY ?? '',
  }
}

/** Why a proxy cannot be used. Its address may hold a password, and is not said. */
const flawOf = (proxy: string): string | undefined => {
  if (!URL.canParse(proxy)) return 'HTTP_PROXY or HTTPS_PROXY is set, and is no address'
  const { protocol } = new URL(proxy)
  return /^https?:$/.test(protocol)
    ? undefined
    : `HTTP_PROXY or HTTPS_PROXY names a proxy that speaks ${protocol.slice(0, -1)}, and only http and https are known here`
}

/** The address of the proxy that a URL is asked through, or ''. Without one of its own `https://` takes that of `http://`, as undici has it. */
const proxyAddress = (url: URL, { httpProxy, httpsProxy, noProxy }: ReturnType<typeof proxies>): string => {
  const proxy = url.protocol === 'https:' && httpsProxy !== '' ? httpsProxy : httpProxy
  return proxy === '' || bypassesProxy(url, noProxy) ? '' : proxy
}

const proxyOf = (url: URL, named: ReturnType<typeof proxies>): URL | undefined => {
  const address = proxyAddress(url, named)
  return address === '' ? undefined : new URL(address)
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What a proxy is to be told about who asks. */
const credentialsFor = ({ username, password }: URL): Record<string, string> =>
  username === ''
    ? {}
    : {
        'proxy-authorization': `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`,
      }

const hostAndPort = ({ hostname, port, protocol }: URL): string =>
  `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`

/** What went wrong before the request left. */
const beforeItLeft = (error: unknown, url: URL, stage: Stage): Wrong => {
  const handshake = stage === 'handshake' && url.protocol === 'https:'
  return { ...unconnected(error, url.hostname, hostAndPort(url), handshake), left: false }
}

const afterItLeft = (error: unknown, url: URL): Wrong => {
  const { code, message } = faultOf(error)
  const at = hostAndPort(url)
  const silence = (silent: Silence['silent'], observed: string): Wrong => ({ silent, left: true, code, observed })
  if (code.startsWith('HPE_') || code === 'HTTPParserError')
    return silence('reply', `${at} answered with something that is not HTTP (${code})`)
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return silence('reply', `${at} answered with headers of more than 16 KiB`)
  // So undici words what it drops a connection for, of the same code as one that the peer closed.
  if (message === 'bad response' || message === 'bad upgrade')
    return silence('reply', `${at} answered with 100 or 101, which nobody asked for`)
  return silence('closed', `${at} closed the connection without an answer (${code})`)
}

/** No tunnel through a proxy. Of a code of its own: undici connects again, and again, after some that a proxy can bring about. */
class NoTunnel extends Error {
  override readonly name = 'NoTunnel'
  constructor(
    readonly wrong: Wrong,
    cause?: unknown,
  ) {
    super(wrong.observed, { cause })
  }
}

/** What went wrong on the way to a proxy, or with what it was asked. `left`: the request itself may have reached it. */
const atProxy = (error: unknown, proxy: URL, url: URL, stage: Stage, left: boolean): Wrong => {
  const answered = left || /^(?:UND_ERR_SOCKET|HPE_.*|HTTPParserError)$/.test(faultOf(error).code)
  const { observed, code } = answered ? afterItLeft(error, proxy) : beforeItLeft(error, proxy, stage)
  return { silent: 'proxy', left, code, observed: `the proxy for ${hostAndPort(url)}: ${observed}` }
}

const proxyWords = (proxy: URL, url: URL): string => `the proxy ${hostAndPort(proxy)} for ${hostAndPort(url)}`

/** What was being waited for when the time was up. */
const WAITED: Readonly<Record<Stage, (url: URL) => string>> = {
  resolving: ({ hostname }) => `the name ${hostname} was not resolved`,
  connecting: url => `no connection to ${hostAndPort(url)}`,
  handshake: url => `connected to ${hostAndPort(url)}, then no TLS handshake`,
  sent: url => `connected to ${hostAndPort(url)}, then silence`,
  reading: url => `${hostAndPort(url)} began to answer and never ended`,
}

/** The same as long as it is the proxy that is waited for. */
const WAITED_FOR_PROXY: Readonly<Record<Stage, (proxy: URL, url: URL) => string>> = {
  ...WAITED,
  resolving: (proxy, url) => `the name ${proxy.hostname} of the proxy for ${hostAndPort(url)} was not resolved`,
  connecting: (proxy, url) => `no connection to ${proxyWords(proxy, url)}`,
  handshake: (proxy, url) => `connected to ${proxyWords(proxy, url)}, then no way to ${hostAndPort(url)}`,
  sent: (proxy, url) => `connected to ${proxyWords(proxy, url)}, then silence`,
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface HttpOptions {
  readonly env: Env
  /** Every address that will be asked. */
  readonly urls: readonly string[]
  /** Ends what is under way, by Ctrl-C for one. */
  readonly signal: AbortSignal
  /** The most that is read of a body. */
  readonly maxReplyBytes?: number
  /** Time left, in ms. */
  left(): number
}

const certificateOf = ({ valid_from, valid_to, subject, issuer, subjectaltname }: PeerCertificate): Certificate => {
  const name = (of: PeerCertificate['subject']): string =>
    Object.entries(of ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(', ')
  return {
    validFrom: Date.parse(valid_from),
    validTo: Date.parse(valid_to),
    subject: name(subject),
    issuer: name(issuer),
    names: subjectaltname ?? '',
  }
}

const unusable = (observed: string): Http => ({
  exchange: async () => ({ silent: 'proxy', left: false, observed, code: '', stage: 'connecting', proxied: true }),
  resolving: () => undefined,
  close: () => {},
})

/** Throws `NeedsChild` where a name has to be resolved, before anything was asked. */
export const openHttp = async ({
  env,
  urls,
  signal,
  left,
  maxReplyBytes = MAX_REPLY_BYTES,
}: HttpOptions): Promise<Http> => {
  const named = proxies(env)
  for (const url of urls.filter(text => URL.canParse(text)).map(text => new URL(text))) {
    const proxy = proxyAddress(url, named)
    const flaw = proxy === '' ? undefined : flawOf(proxy)
    if (flaw !== undefined) return unusable(flaw)
    const host = (proxyOf(url, named) ?? url).hostname
    if (!ADDRESS.test(host)) contain('name', host)
  }
  // It costs more to load than all the rest of a start.
  const { Agent, buildConnector } = await import('undici')
  // Later than our own timer, which knows the stage; it ends the connections that survive the agent.
  const limit = left() + 1000
  const sockets = new Set<Socket>()
  let stage: Stage = 'resolving'
  let host = ''
  let certificate: Certificate | undefined
  let unchecked: string | undefined
  const connector = buildConnector({ timeout: limit })
  const connect: buildConnector.connector = (options, callback) => {
    // The name for TLS comes from the host that is connected to: undici would give a proxy the name of the server behind it.
    // Typed as void, but it returns the socket, and only that tells how far a connection came.
    const socket = connector({ ...options, servername: '' }, callback) as unknown as Socket
    sockets.add(socket)
    host = options.hostname
    if (options.httpSocket) stage = 'handshake'
    else stage = ADDRESS.test(host) || host.includes(':') ? 'connecting' : 'resolving'
    socket.once('lookup', (error: Error | null) => {
      if (!error) stage = 'connecting'
    })
    // Before undici's own listener, which sends the request.
    socket.prependOnceListener('connect', () => {
      stage = 'handshake'
    })
    // Before Node's own listener, which drops a connection, and with it what the server showed, where it is not trusted.
    socket.prependOnceListener('secure', () => {
      const shown = (socket as TLSSocket).getPeerCertificate()
      if (shown?.valid_to) certificate = certificateOf(shown)
    })
    socket.once('secureConnect', () => {
      const { authorized, authorizationError } = socket as TLSSocket
      // Typed as an error; it is the code of one.
      if (!authorized) unchecked = String(authorizationError)
    })
    socket.once('close', () => sockets.delete(socket))
  }
  const patient = { headersTimeout: 0, bodyTimeout: 0 } // the time left bounds the whole
  const agent = new Agent({ connect, ...patient })
  /** The proxy that the other end still is: it has not yet opened a way to the server, or asks it for us. */
  let before: URL | undefined
  const openTunnel = async (proxy: URL, at: string): Promise<Socket> => {
    const headers = { host: at, ...credentialsFor(proxy) }
    const { statusCode, socket } = await agent.connect({ origin: proxy.origin, path: at, headers })
    if (statusCode >= 200 && statusCode < 300) return socket as Socket
    socket.on('error', () => {}).destroy()
    throw new NoTunnel({
      silent: 'proxy',
      left: false,
      code: '',
      observed: `the proxy ${hostAndPort(proxy)} answered ${statusCode} instead of connecting to ${at}`,
    })
  }
  /** Of `https://` alone: what is asked by `http://` the proxy asks for us, as it does for curl. Many refuse a tunnel to port 80. */
  const tunnels = new Agent({
    ...patient,
    connect: (options, callback) => {
      const url = new URL(`${options.protocol}//${options.host}`)
      const proxy = proxyOf(url, named) ?? url
      openTunnel(proxy, hostAndPort(url)).then(
        socket => {
          before = undefined
          certificate = undefined // a proxy's own
          unchecked = undefined
          connect({ ...options, httpSocket: socket }, callback)
        },
        error => {
          const known = error instanceof NoTunnel ? error : undefined
          callback(known ?? new NoTunnel(atProxy(error, proxy, url, stage, false), error), null)
        },
      )
    },
  })

  const exchange: Http['exchange'] = request => {
    const url = new URL(request.url)
    const proxy = proxyOf(url, named)
    const forwarded = proxy !== undefined && url.protocol === 'http:'
    host = (proxy ?? url).hostname
    stage = ADDRESS.test(host) ? 'connecting' : 'resolving'
    before = proxy
    certificate = undefined
    unchecked = undefined
    return new Promise(resolve => {
      let gone = false
      let done = false
      let status = 0
      let headers: Record<string, string> = {}
      let size = 0
      const chunks: Buffer[] = []
      let stop = (): void => {}

      const answer = (result: Reply | Silence): void => {
        done = true
        clearTimeout(timer)
        signal.removeEventListener('abort', late)
        resolve(result)
        stop()
      }
      const shown = (): Pick<Reply, 'certificate'> =>
        certificate === undefined || before !== undefined ? {} : { certificate }
      const silence = (wrong: Wrong): Silence => ({
        ...wrong,
        stage,
        proxied: proxy !== undefined,
        ...shown(),
      })
      const reply = (cut?: Required<Pick<Reply, 'cut' | 'cutBy'>>): Reply => {
        const text = Buffer.concat(chunks).toString('utf8')
        return {
          status,
          headers,
          text,
          json: cut === undefined ? parse(text) : undefined,
          ...cut,
          ...shown(),
          ...(unchecked === undefined || forwarded ? {} : { unchecked }),
          ...(forwarded ? { proxy: hostAndPort(proxy) } : {}),
        }
      }
      const late = (): void =>
        answer(
          stage === 'reading'
            ? reply({ cut: `it never ended, ${bytes(size)} came`, cutBy: 'time' })
            : silence({
                silent: 'timeout',
                left: gone,
                code: '',
                observed: before ? WAITED_FOR_PROXY[stage](before, url) : WAITED[stage](url),
              }),
        )
      const timer = setTimeout(late, Math.max(0, left()))
      signal.addEventListener('abort', late)
      if (signal.aborted || left() <= 0)
        return answer(
          silence({
            silent: 'timeout',
            left: false,
            code: '',
            observed: `no time was left to ask ${hostAndPort(url)}`,
          }),
        )

      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: controller => {
          // The connection came after the time was up: the request has been called unsent, so it must not leave now.
          if (done) return controller.abort(new Error('too late'))
          gone = true
          stage = 'sent'
          if (!forwarded) before = undefined
          stop = () => controller.abort(new Error('answered'))
        },
        onResponseStart: (_, code, fields) => {
          if (code < 200) return
          if (forwarded && code === 407)
            return answer(
              silence({
                silent: 'proxy',
                left: false,
                code: '',
                observed: `the proxy ${hostAndPort(proxy)} answered 407 instead of asking ${hostAndPort(url)}`,
              }),
            )
          stage = 'reading'
          status = code
          headers = Object.fromEntries(
            Object.entries(fields).map(([name, value]) => [name.toLowerCase(), String(value)]),
          )
        },
        onResponseData: (_, chunk) => {
          size += chunk.length
          if (size > maxReplyBytes) answer(reply({ cut: `it is larger than ${bytes(maxReplyBytes)}`, cutBy: 'size' }))
          else chunks.push(chunk)
        },
        onResponseEnd: () => {
          stop = () => {}
          answer(reply())
        },
        onResponseError: (_, error) => {
          stop = () => {}
          if (stage === 'reading') answer(reply({ cut: `it broke off after ${bytes(size)}`, cutBy: 'peer' }))
          else if (error instanceof NoTunnel) answer(silence(error.wrong))
          else if (forwarded) answer(silence(atProxy(error, proxy, url, stage, gone)))
          else answer(silence(gone ? afterItLeft(error, url) : beforeItLeft(error, url, stage)))
        },
      }
      const path = `${url.pathname}${url.search}`
      const through = proxy !== undefined && !forwarded ? tunnels : agent
      through.dispatch(
        {
          origin: forwarded ? proxy.origin : url.origin,
          path: forwarded ? `${url.origin}${path}` : path,
          method: request.method,
          headers: {
            'user-agent': 'bootcheck',
            ...request.headers,
            ...(forwarded ? { host: url.host, ...credentialsFor(proxy) } : {}),
          },
          ...(request.body === undefined ? {} : { body: request.body }),
        },
        handler,
      )
    })
  }

  return {
    exchange,
    resolving: () => (stage === 'resolving' && !ADDRESS.test(host) ? host : undefined),
    close: () => {
      void agent.destroy()
      void tunnels.destroy()
      // A connection that is being made survives the agent.
      for (const socket of sockets) socket.destroy()
    },
  }
}
