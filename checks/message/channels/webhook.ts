/** Any HTTP service that takes a message: the request and what counts as success are declared. */

import type { Reply, Request } from '../../../core/http.ts'
import { badHeader, CREDENTIAL, lowered, same, shown } from '../../../core/http-words.ts'
import { pointed } from '../../../core/pointer.ts'
import { quote } from '../../../core/shell.ts'
import { DEFAULT_TEXT, type Done, defineChannel, type Refusal, type Refused, type Step } from '../channel.ts'
import { type Advice, adviceBy, PATIENCE, refusedByStatus } from '../reply.ts'

/** Whether a part of an address may be a token, and no word like `services`, which would then be hidden in every sentence. */
const mayBeSecret = (part: string): boolean => part.length >= 8 && (/[\dA-Z]/.test(part) || part.length >= 20)

const STATUS = { type: 'integer', minimum: 200, maximum: 299 } as const
const HEADERS = { type: 'object', additionalProperties: { type: 'string' } } as const

/** What may be a secret in an address: many services put the token into the path or the query. */
const secretsOf = (url: URL): string[] => {
  const parts = [...url.pathname.split('/'), ...url.searchParams.values()].filter(mayBeSecret)
  return parts.length > 0
    ? [url.href, `${url.pathname}${url.search}`, url.pathname, ...parts].filter(part => part.length > 1)
    : []
}

interface Expect {
  readonly status?: number | readonly number[]
  readonly json?: Readonly<Record<string, unknown>>
  readonly body?: string
}

const statusesOf = ({ status }: Expect): readonly number[] | undefined =>
  status === undefined ? undefined : typeof status === 'number' ? [status] : status

/** The texts in a value, each by itself. */
const leaves = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(leaves)
      : []

const advise = (origin: string, places: string): ((refused: Refused) => Advice) =>
  adviceBy(
    {
      unauthorized: {
        expected: 'a credential that is accepted',
        next: `renew the secret in ${places}`,
      },
      forbidden: {
        expected: 'a credential that may post here',
        next: `renew the secret in ${places}, or its rights`,
      },
      'not-found': { expected: 'a webhook at this address', next: 'make the webhook anew and correct the line `url`' },
      'rate-limited': {
        expected: 'a webhook below its limits',
        next: PATIENCE,
      },
    },
    { expected: 'the declared status', next: `curl -m 5 -i ${quote(origin)}` },
  )

/** A value of a reply in words. What it holds is shown with the reply itself: it may be nested more deeply than can be written. */
const brief = (value: unknown): string =>
  value === undefined
    ? 'missing'
    : Array.isArray(value)
      ? `an array of ${value.length}`
      : typeof value === 'object' && value !== null
        ? 'an object'
        : JSON.stringify(value)

/** The first thing in which a reply differs from what was declared. */
const difference = (reply: Reply, { json, body }: Expect): Pick<Refusal, 'observed' | 'expected'> | undefined => {
  if (body !== undefined && !reply.text.includes(body))
    return { observed: shown(reply), expected: `a body that contains ${JSON.stringify(body)}` }
  for (const [pointer, value] of Object.entries(json ?? {})) {
    const found = pointed(reply.json, pointer)
    if (!same(found, value))
      return {
        observed:
          reply.json === undefined
            ? `${shown(reply)}, which is no JSON`
            : `${pointer || 'the whole'} is ${brief(found)} in ${shown(reply)}`,
        expected: `${JSON.stringify(value)} at ${pointer || 'the top'}`,
      }
  }
  return undefined
}

export const webhook = defineChannel({
  keys: {
    url: {
      type: 'string',
      pattern: '^https?://',
      description: 'webhook: the address; as `${secret:NAME}` where it holds a token',
    },
    request: {
      type: 'object',
      additionalProperties: false,
      properties: {
        method: { type: 'string', enum: ['POST', 'PUT', 'PATCH', 'GET'], description: 'POST if absent' },
        headers: { ...HEADERS, description: 'Headers by name' },
        body: { description: 'A text, or a value that is sent as JSON; `{"text": TEXT}` if absent' },
      },
      description: 'webhook: what is sent',
    },
    expect: {
      type: 'object',
      additionalProperties: false,
      properties: {
        status: {
          anyOf: [STATUS, { type: 'array', minItems: 1, items: STATUS }],
          description: 'The status, or several; any 2xx if absent',
        },
        json: { type: 'object', description: 'Values by JSON pointer: `/ok: true`' },
        body: { type: 'string', minLength: 1, description: 'A text that the body contains' },
      },
      description: 'webhook: what proves the delivery',
    },
    probe: {
      type: 'object',
      additionalProperties: false,
      properties: {
        method: { type: 'string', enum: ['GET', 'HEAD', 'POST'], description: 'GET if absent' },
        path: {
          type: 'string',
          pattern: '^/',
          description: "Path on the webhook's host; its own address if both are absent",
        },
        url: { type: 'string', pattern: '^https?://', description: 'Another address' },
        headers: { ...HEADERS, description: 'Headers by name; those of `request` if absent' },
        status: {
          type: 'integer',
          minimum: 100,
          maximum: 599,
          description: 'The status of a good answer; any 2xx if absent',
        },
      },
      description: 'webhook: a request that shows whether it would work and that nobody sees; none is made if absent',
    },
  },
  required: ['url'],
  requiredFor: { deliver: ['request', 'expect'], probe: ['probe'] },
  open({ url: address, request = {}, expect = {}, probe, text, notice }) {
    const unusable = (what: string, expected: string, next: string) => ({ unusable: what, expected, next })
    if (!URL.canParse(address)) return unusable('url is not an address', 'https://host/path', 'correct the line `url`')
    const url = new URL(address)
    const ask = probe && new URL(probe.url ?? probe.path ?? url.href, url)
    if (url.username || url.password || ask?.username || ask?.password)
      return unusable(
        'a user or a password stands in an address',
        'credentials in a header',
        'write `headers: {authorization: "${secret:NAME}"}`',
      )
    if (probe?.path !== undefined && (probe.url !== undefined || ask?.origin !== url.origin))
      return unusable(
        'probe has a path that leads to another host, or both path and url',
        'one of them',
        'delete one of the lines',
      )
    const odd = badHeader(request.headers) ?? badHeader(probe?.headers)
    if (odd !== undefined)
      return unusable(
        `the header ${JSON.stringify(odd)} cannot be sent`,
        'a plain name and a value on one line',
        'correct the headers',
      )
    const method = request.method ?? 'POST'
    if (request.body !== undefined && text !== undefined)
      return unusable('text would not be sent, because request.body is', 'one of them', 'delete the line `text`')
    if (method === 'GET' && (request.body !== undefined || text !== undefined))
      return unusable(
        'a GET carries no body',
        'POST, PUT or PATCH',
        'correct the line `method`, or delete `body` and `text`',
      )
    const statuses = statusesOf(expect)

    const headers = lowered(request.headers)
    const body = method === 'GET' ? undefined : (request.body ?? { text: notice ?? text ?? DEFAULT_TEXT })
    const content: Pick<Request, 'body'> & { readonly type?: string } =
      body === undefined
        ? {}
        : typeof body === 'string'
          ? { body, type: 'text/plain; charset=utf-8' }
          : { body: JSON.stringify(body), type: 'application/json' }
    const carried = typeof body === 'string' ? body : JSON.stringify(body)
    if (
      notice !== undefined &&
      !carried?.includes(typeof body === 'string' ? notice : JSON.stringify(notice).slice(1, -1))
    )
      return unusable(
        'the request does not carry the message of BOOTCHECK_MESSAGE',
        'a body that holds it',
        'write `body: {text: "${env:BOOTCHECK_MESSAGE:-delivery test}"}` under `request`',
      )
    // A credential is for the host that it was declared for.
    const probeHeaders = lowered(probe?.headers ?? (ask?.origin === url.origin ? request.headers : {}))
    const secretHeaders = [...Object.entries(headers), ...Object.entries(probeHeaders)].filter(([name]) =>
      CREDENTIAL.test(name),
    )
    const places = [
      ...(request.headers === undefined ? [] : ['`request.headers`']),
      ...(request.body === undefined ? [] : ['`request.body`']),
      '`url`',
    ]
    const advice = advise(url.origin, places.join(' or '))

    const judge = (reply: Reply): Done | Refusal => {
      const statusFits = statuses?.includes(reply.status) ?? (reply.status >= 200 && reply.status < 300)
      if (!statusFits) {
        const refusal = refusedByStatus(reply, advice)
        if (refusal) return refusal
      }
      const wrong = statusFits
        ? difference(reply, expect)
        : { observed: shown(reply), expected: `HTTP ${statuses?.join(' or ')}` }
      if (wrong)
        return {
          refused: 'expectation',
          ...wrong,
          next: 'look whether the message came, then correct `request` or `expect`',
        }
      return { receipt: `HTTP ${reply.status}` }
    }

    const headersOfProbe = probe?.headers ? 'probe' : Object.keys(probeHeaders).length > 0 ? 'request' : undefined
    const placesOfProbe = [
      ...(headersOfProbe === undefined ? [] : [`\`${headersOfProbe}.headers\``]),
      probe?.url === undefined ? '`url`' : '`probe.url`',
    ]
    const adviceOfProbe = advise(ask?.origin ?? url.origin, placesOfProbe.join(' or '))

    const probing: Step[] =
      probe && ask
        ? [
            {
              name: `${probe.method ?? 'GET'} probe`,
              request: { method: probe.method ?? 'GET', url: ask.href, headers: probeHeaders },
              judge: reply => {
                if (probe.status === undefined ? reply.status < 300 : reply.status === probe.status)
                  return { saw: `probe of ${ask.host}` }
                const refusal = refusedByStatus(reply, adviceOfProbe)
                return {
                  ...(refusal ?? { refused: 'expectation', observed: shown(reply), ...adviceOfProbe('rejected') }),
                  ...(probe.status === undefined ? {} : { expected: `HTTP ${probe.status}` }),
                }
              },
            },
          ]
        : []

    return {
      whom: url.host,
      // What stands behind a # is not sent.
      identity: [`${url.origin}${url.pathname}${url.search}`],
      credential: secretHeaders
        .map(([name, value]) => `${name}: ${value}`)
        .sort()
        .join('\n'),
      mayHold: [...Object.values(headers), ...Object.values(probeHeaders), ...leaves(request.body), ask?.href ?? ''],
      secrets: [...secretsOf(url), ...(ask ? secretsOf(ask) : []), ...secretHeaders.map(([, value]) => value)],
      probe: probing,
      deliver: unique => ({
        name: method,
        request: {
          method,
          url: url.href,
          headers: {
            ...(content.type === undefined ? {} : { 'content-type': content.type }),
            'idempotency-key': unique,
            ...headers,
          },
          ...(content.body === undefined ? {} : { body: content.body }),
        },
        judge,
      }),
    }
  },
})
