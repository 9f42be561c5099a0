/** Outcomes in words. */
import type { Facts, Trouble } from '../../core/check.ts'
import { type ServerAnswer, serversSaid } from '../../core/dns-servers.ts'
import type { Certificate, Reply, Silence } from '../../core/http.ts'
import { retryAfter, shown } from '../../core/http-words.ts'
import { clock } from '../../core/process.ts'
import { quote } from '../../core/shell.ts'
import { span } from '../../core/text.ts'
import type { What } from './codes.ts'
import type { Difference } from './expect.ts'

/** What every verdict of one check shares. */
export interface Subject {
  /** `GET https://api.example.com/v1/models`, without query. */
  readonly asked: string
  readonly url: URL
  /** The address as a command may show it: without query, and without the path where that holds a secret. */
  readonly open: string
  /** Names of the headers that carry a credential. */
  readonly credentials: readonly string[]
  readonly timeoutMs: number
  readonly nowMs: number
}

type Rest = Pick<Trouble, 'observed' | 'expected' | 'next'>

const trouble = (subject: Subject, what: What, says: string, rest: Rest, facts: Facts): Trouble => ({
  status: 'fail',
  code: `http/${what}`,
  summary: `${subject.asked}: ${says}`,
  ...rest,
  watched: [subject.asked],
  facts,
})

const date = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export const certificateFacts = (certificate: Certificate | undefined, nowMs: number): Facts =>
  certificate === undefined || Number.isNaN(certificate.validTo)
    ? {}
    : {
        certificateEnds: new Date(certificate.validTo).toISOString(),
        certificateDays: Math.floor((certificate.validTo - nowMs) / 86_400_000),
      }

const look = ({ open, timeoutMs }: Subject): string => `curl -m ${Math.ceil(timeoutMs / 1000)} -i ${quote(open)}`

/** Says at which stage the time goes. */
const measure = ({ open, timeoutMs }: Subject): string =>
  `curl -m ${Math.ceil(timeoutMs / 1000) * 2} -sS -o /dev/null -w '%{http_code} name %{time_namelookup} connect %{time_connect} tls %{time_appconnect} answer %{time_starttransfer}\\n' ${quote(open)}`

const showCertificate = ({ hostname, port, protocol }: URL): string => {
  const at = `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`
  const name = /^(?:\[.*\]|[\d.]+)$/.test(hostname) ? '' : ` -servername ${hostname}`
  return `openssl s_client -connect ${at}${name} </dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -dates`
}

const showName = (host: string): string =>
  process.platform === 'darwin' ? `dscacheutil -q host -a name ${quote(host)}` : `getent ahosts ${quote(host)}`

const credential = ({ credentials }: Subject): string =>
  credentials.length === 0
    ? 'write `headers: {authorization: "Bearer ${secret:NAME}"}`'
    : `renew the secret in \`headers\` (${credentials.join(', ')}), where the gateway reads it too`

/** The status is none of the declared ones. */
export const otherStatus = (subject: Subject, reply: Reply, statuses: readonly number[], facts: Facts): Trouble => {
  const { status, headers } = reply
  const observed = `${shown(reply)}${reply.proxy === undefined ? '' : `; asked through the proxy ${reply.proxy}, which may have said it itself`}`
  const expected = `HTTP ${statuses.join(' or ')}`
  const say = (what: What, says: string, rest: Partial<Rest> = {}): Trouble =>
    trouble(subject, what, says, { observed, expected, next: look(subject), ...rest }, facts)
  if (status === 401)
    return say('unauthorized', 'the credential is refused (HTTP 401)', {
      expected: `${expected} with this credential`,
      next: credential(subject),
    })
  if (status === 403)
    return say('forbidden', 'the credential may not do this (HTTP 403)', {
      expected: `${expected} with this credential`,
      next: 'give the credential the right to it where it was made, or use another one in `headers`',
    })
  if (status === 429) {
    const said = headers['retry-after']
    const holdMs = retryAfter(said, subject.nowMs)
    const told =
      said === undefined ? 'no Retry-After' : `Retry-After: ${said}${holdMs === undefined ? ', which is no time' : ''}`
    const until = holdMs === undefined ? undefined : clock(subject.nowMs + holdMs, subject.nowMs)
    return {
      ...say(
        'rate-limited',
        `the service wants to be left alone${holdMs === undefined ? '' : ` for ${span(holdMs)}`}`,
        {
          observed: `${observed}; ${told}`,
          next: until === undefined ? 'wait, and let the gateway ask less' : `start again after ${until}`,
        },
      ),
      ...(holdMs === undefined ? {} : { facts: { ...facts, retryAfterMs: Math.ceil(holdMs) } }),
    }
  }
  if (status >= 500) return say('server-error', `the service failed (HTTP ${status})`)
  if (status >= 300 && status < 400)
    return say('redirect', `a redirect to ${headers.location ?? 'nowhere'}, which is not followed`, {
      observed: `HTTP ${status} to ${headers.location ?? 'nowhere'}`,
      next: 'declare the address that it leads to, if it is the right one',
    })
  return say('status', `HTTP ${status}`)
}

const SAYS: Readonly<Record<Difference['what'], string>> = {
  header: 'a header is not as declared',
  'not-json': 'the answer is no JSON',
  json: 'the JSON is not as declared',
  body: 'the body is not as declared',
  cut: 'the answer is not whole',
}

/** The status is right, and something else is not. The first difference decides the code; all are told. */
export const differs = (
  subject: Subject,
  [first, ...others]: readonly [Difference, ...Difference[]],
  facts: Facts,
): Trouble => {
  const all = [first, ...others]
  return trouble(
    subject,
    first.what,
    all.length === 1 ? SAYS[first.what] : `${SAYS[first.what]}, nor ${others.length} more`,
    {
      observed: all.map(({ observed }) => observed).join('; '),
      expected: all.map(({ expected }) => expected).join('; '),
      next: look(subject),
    },
    facts,
  )
}

export const ends = (subject: Subject, certificate: Certificate, wanted: string, facts: Facts): Trouble => {
  const left = certificate.validTo - subject.nowMs
  return {
    ...trouble(
      subject,
      'certificate-ends',
      `the certificate ends in ${span(left)}`,
      {
        observed: `valid until ${date(certificate.validTo)}, issued by ${certificate.issuer}`,
        expected: `valid for at least ${wanted}`,
        next: showCertificate(subject.url),
      },
      facts,
    ),
    status: 'warn',
  }
}

/** It was let through although it would have been refused: the credential may have gone to anybody. */
export const unchecked = (
  subject: Subject,
  code: string,
  certificate: Certificate | undefined,
  facts: Facts,
): Trouble => ({
  ...trouble(
    subject,
    'certificate-unchecked',
    'the certificate is not good, and was let through',
    {
      observed: `${code}${certificate === undefined ? '' : `: issued by ${certificate.issuer} for ${certificate.names || certificate.subject}`}; NODE_TLS_REJECT_UNAUTHORIZED=0 is set`,
      expected: 'a certificate that is checked and good; an authority of your own is named by NODE_EXTRA_CA_CERTS',
      next: 'env | grep NODE_TLS_REJECT_UNAUTHORIZED',
    },
    { ...facts, error: code },
  ),
  status: 'warn',
})

const tlsWhat = (code: string): What => {
  if (code === 'CERT_HAS_EXPIRED') return 'certificate-expired'
  if (code === 'CERT_NOT_YET_VALID') return 'certificate-early'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'certificate-name'
  return /SELF_SIGNED|^UNABLE_TO_(?:VERIFY_LEAF|GET_ISSUER)/.test(code) ? 'certificate-issuer' : 'tls'
}

const tls = (subject: Subject, { code, observed, certificate }: Silence, facts: Facts): Trouble => {
  const { nowMs, url } = subject
  const what = tlsWhat(code)
  const say = (says: string, seen: string, expected: string, next = showCertificate(url)): Trouble =>
    trouble(subject, what, says, { observed: `${observed}${seen}`, expected, next }, facts)
  const from = certificate && `; issued by ${certificate.issuer} for ${certificate.names || certificate.subject}`
  switch (what) {
    case 'certificate-expired':
      return say(
        `the certificate has expired${certificate && certificate.validTo <= nowMs ? ` ${span(nowMs - certificate.validTo)} ago` : ''}`,
        certificate ? `: it ended ${date(certificate.validTo)}${from}` : '',
        'a certificate that is valid now',
      )
    case 'certificate-early':
      return say(
        'the certificate is not valid yet',
        certificate ? `: it begins ${date(certificate.validFrom)}, and here it is ${date(nowMs)}${from}` : '',
        "a certificate that is valid now, and this host's clock right",
        'date -u',
      )
    case 'certificate-name':
      return say(
        'the certificate is for another host',
        certificate ? `: it names ${certificate.names || certificate.subject}` : '',
        `a certificate for ${url.hostname}`,
      )
    case 'certificate-issuer':
      return say(
        'the certificate is not of an authority that is known here',
        from ?? '',
        'a chain that ends in a known authority; one of your own is named by NODE_EXTRA_CA_CERTS, for the gateway too',
      )
    default:
      return say('no TLS connection', '', 'TLS at this address')
  }
}

/** No answer at all. */
export const silent = (
  subject: Subject,
  silence: Silence,
  servers: readonly ServerAnswer[] | undefined,
  given: Facts,
): Trouble => {
  const { url, timeoutMs } = subject
  const { code, stage, proxied } = silence
  const seen = servers === undefined ? '' : `; ${serversSaid(servers)}`
  const observed = `${silence.observed}${proxied ? seen : ''}`
  const facts: Facts = {
    ...given,
    stage,
    ...(code === '' ? {} : { error: code }),
    ...(servers === undefined ? {} : { nameServers: servers.map(({ server, code: said }) => `${server} ${said}`) }),
  }
  const expected = `an answer within ${span(timeoutMs)}`
  const say = (what: What, says: string, next = look(subject)): Trouble =>
    trouble(subject, what, says, { observed, expected, next }, facts)
  const environment = 'env | grep -i _proxy'
  switch (silence.silent) {
    case 'dns':
      return unresolvable(subject, silence, servers, facts)
    case 'timeout':
      if (stage === 'resolving' && !proxied) return unresolvable(subject, silence, servers, facts)
      return say('timeout', `no answer within ${span(timeoutMs)}`, proxied ? environment : measure(subject))
    case 'connect':
      return code === 'ECONNREFUSED'
        ? say('refused', `nothing listens at ${url.host}`)
        : say('unreachable', `${url.host} cannot be reached`)
    case 'proxy':
      return stage === 'resolving' || stage === 'connecting'
        ? say('proxy', 'no connection to the proxy that the environment names', environment)
        : say('proxy', 'the proxy did not let it through', environment)
    case 'tls':
      return tls(subject, silence, facts)
    case 'closed':
      return say('closed', 'the connection was closed without an answer')
    case 'reply':
      return say('not-http', 'the answer is not HTTP')
    default:
      return silence.silent satisfies never
  }
}

const unresolvable = (
  subject: Subject,
  { observed }: Silence,
  servers: readonly ServerAnswer[] | undefined,
  facts: Facts,
): Trouble => {
  const { hostname } = subject.url
  const said = servers === undefined ? '' : serversSaid(servers)
  const mute = servers?.every(({ code }) => code === 'ETIMEOUT' || code === 'ECONNREFUSED') ?? false
  return trouble(
    subject,
    'unresolvable',
    `${hostname} could not be resolved${said === '' ? '' : `: ${said}`}`,
    {
      observed: `${observed}${said === '' ? '' : `; ${said}`}`,
      expected: 'a name that leads to an address',
      next: mute && process.platform !== 'darwin' ? 'cat /etc/resolv.conf' : showName(hostname),
    },
    facts,
  )
}

export const unfit = (flaw: string): Trouble => ({
  status: 'fail',
  code: 'http/options',
  summary: flaw,
  observed: flaw,
  expected: 'options that can be sent and judged',
  next: 'bootcheck explain http',
})
