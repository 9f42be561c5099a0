/** Does an API answer as declared, with this credential, before the gateway or a plugin depends on it? */
import { type CheckContext, defineCheck, type Facts, type Verdict } from '../core/check.ts'
import { elapsed } from '../core/clock.ts'
import { askServers, type ServerAnswer } from '../core/dns-servers.ts'
import { openHttp, type Reply, type Request } from '../core/http.ts'
import { CREDENTIAL, lowered } from '../core/http-words.ts'
import { masker } from '../core/mask.ts'
import { excerpt, span } from '../core/text.ts'
import { ageLimit, DURATION_PATTERN } from '../core/units.ts'
import { codes } from './http/codes.ts'
import { differences, type Expect, rehearse, statusesOf } from './http/expect.ts'
import { flawOf } from './http/options.ts'
import * as say from './http/verdicts.ts'

/** A list of a provider's models is a few hundred KiB. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024

/** Longest text that is shown of what came from outside. */
const MAX_SHOWN = 320

/** Kept free at the end, so that the verdict and not the runner says what was being waited for. A name is asked for in a child, which has to start. */
const margin = (timeoutMs: number, named: boolean): number =>
  named ? Math.min(1000, timeoutMs / 4) : Math.min(500, timeoutMs / 5)

const ADDRESS = /^(?:[\d.]+|\[.*\])$/

/** What a name server may still take when the system's resolver has failed, ms. */
const MAX_ASKING_MS = 1000

interface Content {
  readonly body?: string
  readonly type?: string
}

const contentOf = (body: unknown): Content => {
  if (body === undefined) return {}
  return typeof body === 'string'
    ? { body, type: 'text/plain; charset=utf-8' }
    : { body: JSON.stringify(body), type: 'application/json' }
}

/** Credentials that stand in the options as they are: those from `${secret:…}` are hidden anyway. */
const secretsOf = (url: URL, headers: Readonly<Record<string, string>>): string[] => [
  ...Object.entries(headers)
    .filter(([name]) => CREDENTIAL.test(name))
    .flatMap(([, value]) => [value, value.replace(/^\S+\s+/, '')]),
  ...[...url.searchParams].filter(([name]) => CREDENTIAL.test(name)).map(([, value]) => value),
]

interface Asked {
  readonly request: Request
  readonly expect: Expect
  readonly validFor: string
}

const judge = (reply: Reply, subject: say.Subject, { expect, validFor }: Asked, facts: Facts): Verdict => {
  const statuses = statusesOf(expect)
  if (!statuses.includes(reply.status)) return say.otherStatus(subject, reply, statuses, facts)
  const [first, ...others] = differences(reply, expect)
  if (first) return say.differs(subject, [first, ...others], facts)
  if (reply.unchecked !== undefined) return say.unchecked(subject, reply.unchecked, reply.certificate, facts)
  const leftMs = reply.certificate && reply.certificate.validTo - subject.nowMs
  if (reply.certificate && !(Number(leftMs) >= (ageLimit(validFor) ?? 0)))
    return say.ends(subject, reply.certificate, validFor, facts)
  return {
    status: 'pass',
    code: 'http/answered',
    summary: `${subject.asked}: HTTP ${reply.status} in ${span(Number(facts.ms))}${leftMs === undefined ? '' : `, certificate valid for ${span(leftMs)}`}`,
    watched: [subject.asked],
    facts,
  }
}

/** Masked, then shortened: half a secret is not recognised later. */
const tidy = (verdict: Verdict, hide: (text: string) => string): Verdict => {
  if (verdict.status === 'skip') return verdict
  const summary = excerpt(hide(verdict.summary), MAX_SHOWN)
  if (verdict.status === 'pass') return { ...verdict, summary }
  return {
    ...verdict,
    summary,
    observed: excerpt(hide(verdict.observed), MAX_SHOWN),
    expected: excerpt(hide(verdict.expected), MAX_SHOWN),
    next: hide(verdict.next),
  }
}

const ask = async (asked: Asked, ctx: CheckContext): Promise<Verdict> => {
  const { request, expect } = asked
  rehearse(expect)
  const began = elapsed()
  const spent = (): number => elapsed() - began
  const url = new URL(request.url)
  const usable = ctx.timeoutMs - margin(ctx.timeoutMs, !ADDRESS.test(url.hostname))
  const left = (): number => (ctx.signal.aborted ? 0 : usable - spent())
  const headers = request.headers ?? {}
  const hideOwn = masker(secretsOf(url, headers))
  const hide = (text: string): string => hideOwn(ctx.mask(text))
  const plain = `${url.origin}${url.pathname}`
  const subject: say.Subject = {
    asked: `${request.method} ${hide(plain)}`,
    url,
    open: hide(plain) === plain ? plain : url.origin,
    credentials: Object.keys(headers).filter(name => CREDENTIAL.test(name)),
    timeoutMs: ctx.timeoutMs,
    nowMs: ctx.now(),
  }
  const http = await openHttp({
    env: ctx.env,
    urls: [request.url],
    signal: ctx.signal,
    maxReplyBytes: MAX_REPLY_BYTES,
    left,
  })
  let servers: Promise<readonly ServerAnswer[]> | undefined
  const askAbout = (name: string, ms: number): Promise<readonly ServerAnswer[]> => {
    servers ??= askServers(name, ms)
    return servers
  }
  // A silent resolver holds getaddrinfo for longer than there is time: the servers are asked before that time is up.
  const halfTime = setTimeout(() => {
    const name = http.resolving()
    if (name !== undefined) void askAbout(name, left() * 0.8)
  }, left() / 2)
  try {
    const answer = await http.exchange(request)
    const facts: Facts = {
      ms: Math.round(spent()),
      ...say.certificateFacts(answer.certificate, subject.nowMs),
    }
    if (!('silent' in answer)) return tidy(judge(answer, subject, asked, { ...facts, status: answer.status }), hide)
    const name = http.resolving()
    const said =
      name === undefined
        ? undefined
        : await askAbout(name, Math.max(50, Math.min(MAX_ASKING_MS, ctx.timeoutMs - spent() - 50)))
    return tidy(say.silent(subject, answer, said, facts), hide)
  } finally {
    clearTimeout(halfTime)
    http.close()
  }
}

const TEXTS = { type: 'object', additionalProperties: { type: 'string' } } as const
const STATUS = { type: 'integer', minimum: 200, maximum: 599 } as const

export const http = defineCheck({
  kind: 'http',
  title: 'An API answers as declared, with this credential',
  docs: `Makes one request and holds the answer against what is declared: the status, headers, values in the JSON, the body, and for how
long the certificate is still valid. Nothing is tried twice and no redirect is followed. The request goes through the proxy that
\`HTTP_PROXY\`, \`HTTPS_PROXY\` and \`NO_PROXY\` name, as the gateway's own would: for \`https://\` by a tunnel, for \`http://\` by being asked
for the whole address. The proxy is asked once, over HTTP or HTTPS (not SOCKS).

A refused credential (401), one without the right (403), a service that wants patience (429), a name that cannot be resolved, a closed
port, silence, a certificate that has expired or is of another host: each has its own code, so that one reads at once whose fault it
is. When a name cannot be resolved, each name server is asked and told by its address. When the time is up, the stage is told.

\`expect.headers\`, \`expect.body\` and \`matches\` take a text to be found, or \`/regex/\`. \`expect.json\` holds JSON pointers; each has the
value itself, or \`{exists: true}\`, \`{type: array}\`, \`{matches: /^sk-/}\`. A body is read up to 4 MiB. A regular
expression that may take long is matched in a child process, which the deadline ends.

Ask for something that costs nothing and needs the key: a list of models, the account. Every start asks, and a request other than GET or
HEAD is made as often as the gateway restarts: give it no \`retries\`.

**Why it matters.** An embeddings key had expired. The plugin asked for the first time while it was initialising, got a 401, died
with its SQLite database open, and took the gateway along, at every start. The same request before the start names the key.

**What it cannot see.** Whether the quota lasts, and whether another endpoint takes the key as well. Of the chain only the server's own
certificate is looked at for \`valid-for\`. An authority that this process knows (NODE_EXTRA_CA_CERTS) may be unknown to the gateway. Where
NODE_TLS_REJECT_UNAUTHORIZED=0 lets any certificate pass, one that would be refused is a warning.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['url'],
    properties: {
      url: {
        type: 'string',
        pattern: '^https?://',
        maxLength: 8000,
        description: 'The address; a key in its query as `${secret:NAME}`',
      },
      method: {
        type: 'string',
        enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        default: 'GET',
        description: 'What is asked',
      },
      headers: { ...TEXTS, description: 'Headers by name: `{authorization: "Bearer ${secret:NAME}"}`' },
      body: { description: 'A text, or a value that is sent as JSON' },
      expect: {
        type: 'object',
        additionalProperties: false,
        properties: {
          status: {
            anyOf: [STATUS, { type: 'array', minItems: 1, items: STATUS }],
            description: 'The status, or several; 200 if absent',
          },
          headers: { ...TEXTS, description: 'A text or /regex/ for each header' },
          json: {
            type: 'object',
            description: 'By JSON pointer a value, or a map of `exists`, `type` and `matches`',
          },
          body: { type: 'string', minLength: 1, description: 'A text or /regex/ that the body holds' },
        },
        description: 'What the answer must be',
      },
      'valid-for': {
        type: 'string',
        format: 'duration',
        pattern: DURATION_PATTERN,
        default: '14d',
        description: 'A certificate that ends sooner is a warning; an expired one is a failure in any case',
      },
    },
  },
  codes,
  conflict: flawOf,
  examples: [
    {
      title: 'A key that the service knows',
      servers: [{ port: 18471, status: 200, body: '{"object":"list","data":[{"id":"text-embedding-3-small"}]}' }],
      env: { EMBEDDINGS_KEY: 'emb-5f0c1d7a9b3e4c2d' },
      options: {
        url: 'http://127.0.0.1:18471/v1/models',
        headers: { authorization: 'Bearer ${secret:EMBEDDINGS_KEY}' },
        expect: { json: { '/data': { type: 'array' } }, body: 'text-embedding-3-small' },
      },
      expect: { status: 'pass', code: 'http/answered' },
    },
    {
      title: 'A key that has expired',
      servers: [{ port: 18472, status: 401, body: '{"error":{"message":"API key has expired"}}' }],
      env: { EMBEDDINGS_KEY: 'emb-5f0c1d7a9b3e4c2d' },
      options: {
        url: 'http://127.0.0.1:18472/v1/models',
        headers: { authorization: 'Bearer ${secret:EMBEDDINGS_KEY}' },
      },
      expect: { status: 'fail', code: 'http/unauthorized' },
    },
    {
      title: 'A service that answers 200, and is not well',
      servers: [{ port: 18473, status: 200, body: '{"status":"degraded"}' }],
      options: { url: 'http://127.0.0.1:18473/health', expect: { json: { '/status': 'ok' } } },
      expect: { status: 'fail', code: 'http/json' },
    },
    {
      title: 'Nobody there',
      options: { url: 'http://127.0.0.1:18474/' },
      expect: { status: 'fail', code: 'http/refused' },
    },
  ],
  async run(options, ctx) {
    const flaw = flawOf(options)
    if (flaw !== undefined) return say.unfit(ctx.mask(flaw))
    const { url, method, headers, body, expect = {}, 'valid-for': validFor } = options
    const content = contentOf(body)
    return ask(
      {
        request: {
          method,
          url: new URL(url).href,
          headers: {
            ...(content.type === undefined ? {} : { 'content-type': content.type }),
            ...lowered(headers),
          },
          ...(content.body === undefined ? {} : { body: content.body }),
        },
        expect: expect as Expect,
        validFor,
      },
      ctx,
    )
  },
})
