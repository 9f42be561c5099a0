import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { http } from '../../checks/http.ts'
import type { CheckContext, Trouble, Verdict } from '../../core/check.ts'
import { masker } from '../../core/mask.ts'
import { bootcheck, ROOT, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'
import { dripping, endless, half, hangUp, json, type Play, service, silence, text } from './message/bench.ts'
import { closing, freePort, proxy, silentPort, stranger } from './message/peers.ts'
import { authority, selfSigned } from './message/tls.ts'

const KEY = 'emb-5f0c1d7a9b3e4c2d'

const run = async (
  options: object,
  { secrets = [], ...given }: Partial<CheckContext> & { secrets?: readonly string[] } = {},
): Promise<Verdict> =>
  http.run(
    (await completed(http, options)) as never,
    context({ cwd: scratch(), env: {}, timeoutMs: 2500, mask: masker(secrets), ...given }),
  )

const trouble = (verdict: Verdict): Trouble => {
  if (verdict.status !== 'warn' && verdict.status !== 'fail') throw new Error(`no trouble: ${JSON.stringify(verdict)}`)
  return verdict
}

const headers = { authorization: `Bearer ${KEY}` }

describe('an answer', () => {
  it('as declared passes, and the request is the one that was declared', async () => {
    const api = await service(json(201, { data: [{ id: 'm-1' }], error: null }, { 'x-request-id': 'abc-1' }))
    const verdict = await run({
      url: `${api.url}/v1/embeddings?dry=1`,
      method: 'POST',
      headers: { Authorization: `Bearer ${KEY}` },
      body: { input: 'ping' },
      expect: {
        status: [200, 201],
        headers: { 'Content-Type': 'application/json', 'x-request-id': '/^abc-[0-9]$/' },
        json: {
          '/data/0': { id: 'm-1' },
          '/data': { type: 'array' },
          '/data/0/id': { matches: '/^m-/', exists: true },
          '/error': { type: 'null' },
          '/warning': { exists: false },
        },
        body: '"m-1"',
      },
    })
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'http/answered',
      watched: [`POST ${api.url}/v1/embeddings`],
      facts: { status: 201 },
    })
    expect(api.calls).toHaveLength(1)
    expect(api.calls[0]).toMatchObject({
      method: 'POST',
      url: '/v1/embeddings?dry=1',
      body: '{"input":"ping"}',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', 'user-agent': 'bootcheck' },
    })
  })

  it.each<[string, number, Play, string, RegExp]>([
    [
      'a refused credential',
      200,
      json(401, { error: `expired: ${KEY}` }),
      'unauthorized',
      /renew the secret.*authorization/,
    ],
    ['a credential without the right', 200, json(403, {}), 'forbidden', /right/],
    ['a limit', 200, text(429, 'slow down', { 'retry-after': '90' }), 'rate-limited', /start again after \d\d:\d\d/],
    ['a limit without a time', 200, text(429, ''), 'rate-limited', /wait/],
    ['a failing server', 200, text(503, 'busy'), 'server-error', /^curl -m 3 -i http/],
    ['a redirect', 200, text(302, '', { location: 'https://elsewhere.example/' }), 'redirect', /declare the address/],
    ['another status', 200, text(404, 'no such page'), 'status', /^curl/],
    ['a good status that is not the declared one', 401, json(200, {}), 'status', /^curl/],
    ['a status of success that is another', 200, text(204, ''), 'status', /^curl/],
  ])('%s is told', async (_, status, play, what, next) => {
    const api = await service(play)
    const verdict = trouble(await run({ url: `${api.url}/v1`, headers, expect: { status } }))
    expect(verdict).toMatchObject({ status: 'fail', code: `http/${what}`, watched: [`GET ${api.url}/v1`] })
    expect(verdict.next).toMatch(next)
    expect(verdict.expected).toContain(`HTTP ${status}`)
    expect(JSON.stringify(verdict)).not.toContain(KEY)
    expect(api.calls).toHaveLength(1)
  })

  it('a status that is declared is good, whatever it is', async () => {
    const api = await service(json(401, {}))
    expect(await run({ url: api.url, expect: { status: 401 } })).toMatchObject({ status: 'pass' })
  })

  it('tells the wait and the way out of a redirect', async () => {
    const limited = await service(text(429, '', { 'retry-after': '90' }))
    expect(trouble(await run({ url: limited.url }))).toMatchObject({
      summary: expect.stringContaining('for 90 s'),
      facts: { retryAfterMs: 90_000 },
    })
    const moved = await service(text(301, '', { location: 'https://elsewhere.example/' }))
    expect(trouble(await run({ url: moved.url })).observed).toContain('https://elsewhere.example/')
  })

  it.each([
    ['99999999999999', /for 365 days/, /start again after \d{4}-\d\d-\d\d \d\d:\d\d$/, 'Retry-After: 99999999999999'],
    ['-5', /left alone$/, /^wait/, 'Retry-After: -5, which is no time'],
    ['soon', /left alone$/, /^wait/, 'Retry-After: soon, which is no time'],
  ])('with Retry-After: %s gives no time that is none', async (said, summary, next, observed) => {
    const limited = await service(text(429, '', { 'retry-after': said }))
    const verdict = trouble(await run({ url: limited.url }))
    expect(verdict.code).toBe('http/rate-limited')
    expect(verdict.summary).toMatch(summary)
    expect(verdict.next).toMatch(next)
    expect(verdict.observed).toContain(observed)
  })

  it.each<[string, object, Play, string, string]>([
    ['a missing header', { headers: { 'x-version': '2' } }, json(200, {}), 'header', 'no header x-version'],
    ['another header', { headers: { 'content-type': '/^text/' } }, json(200, {}), 'header', 'application/json'],
    ['no JSON', { json: { '/ok': true } }, text(200, '<html>sign in to the hotel</html>'), 'not-json', 'sign in'],
    ['an empty body for JSON', { json: { '/ok': true } }, text(200, ''), 'not-json', 'an empty body'],
    ['another value', { json: { '/ok': true } }, json(200, { ok: 'true' }), 'json', '/ok is "true"'],
    ['a missing value', { json: { '/data/0/id': { exists: true } } }, json(200, { data: [] }), 'json', 'missing'],
    ['an inherited value', { json: { '/constructor': { exists: true } } }, json(200, {}), 'json', 'missing'],
    ['the length of an array', { json: { '/data/length': 2 } }, json(200, { data: [1, 2] }), 'json', 'missing'],
    ['an inherited header', { headers: { constructor: 'x' } }, json(200, {}), 'header', 'no header constructor'],
    [
      'an inherited header',
      { headers: JSON.parse('{"__proto__":"x"}') },
      json(200, {}),
      'header',
      'no header __proto__',
    ],
    [
      'a value that must not be there',
      { json: { '/error': { exists: false } } },
      json(200, { error: null }),
      'json',
      'null',
    ],
    ['another type', { json: { '/n': { type: 'integer' } } }, json(200, { n: 1.5 }), 'json', '1.5'],
    ['another text', { json: { '/id': { matches: '/^sk-/' } } }, json(200, { id: 'pk-1' }), 'json', 'pk-1'],
    ['a number for a text', { json: { '/id': { matches: '1' } } }, json(200, { id: 1 }), 'json', '/id is 1'],
    ['a text that is not there', { body: 'ready' }, text(200, 'starting'), 'body', 'starting'],
    ['an empty body for a text', { body: 'ready' }, text(200, ''), 'body', 'an empty body'],
    ['half a reply', {}, half, 'cut', 'broke off'],
    ['a body that never ends, and is asked about', { body: 'nowhere' }, dripping, 'cut', 'never ended'],
    ['a body that is too large to be searched', { body: 'nowhere' }, endless(), 'cut', 'larger than 4 MiB'],
  ])('%s is told', async (_, declared, play, what, observed) => {
    const api = await service(play)
    const verdict = trouble(await run({ url: api.url, expect: declared }))
    expect(verdict).toMatchObject({ status: 'fail', code: `http/${what}` })
    expect(verdict.observed).toContain(observed)
  })

  it('with several faults tells them all', async () => {
    const api = await service(json(200, { a: 1 }))
    const verdict = trouble(await run({ url: api.url, expect: { json: { '/a': 2, '/b': 3 }, body: 'ready' } }))
    expect(verdict.code).toBe('http/json')
    expect(verdict.observed).toMatch(/\/a is 1.*\/b is missing.*the body/)
  })

  it('whose body nobody asks about may stream for ever', async () => {
    const api = await service(endless())
    expect(await run({ url: api.url })).toMatchObject({ status: 'pass' })
  })

  it('shows no secret: not of a header, a query, or the manifest', async () => {
    const api = await service((call, response) =>
      response.writeHead(500).end(`${call.url} ${call.headers.authorization} tenant-4f9a8b7c`),
    )
    const verdict = await run(
      { url: `${api.url}/t/tenant-4f9a8b7c?api_key=${KEY}`, headers: { authorization: 'Basic dXNlcjpwYXNzd29yZA==' } },
      { secrets: ['tenant-4f9a8b7c'] },
    )
    expect(verdict).toMatchObject({ code: 'http/server-error' })
    expect(JSON.stringify(verdict)).not.toMatch(/emb-5f0c|dXNlcj|tenant-4f9a/)
  })
})

describe('no answer', () => {
  it.each<[string, () => Promise<number>, string, RegExp]>([
    ['a closed port', freePort, 'refused', /refused the connection \(ECONNREFUSED\)/],
    ['a silent socket', silentPort, 'timeout', /connected to .*, then silence/],
    ['a stranger', () => stranger('220 mail.example ESMTP\r\n'), 'not-http', /not HTTP/],
    ['a connection that is cut', async () => (await service(hangUp)).port, 'closed', /without an answer/],
    ['a service that never answers', async () => (await service(silence)).port, 'timeout', /then silence/],
  ])('%s is told', async (_, open, what, observed) => {
    const verdict = trouble(await run({ url: `http://127.0.0.1:${await open()}/` }))
    expect(verdict).toMatchObject({ status: 'fail', code: `http/${what}` })
    expect(verdict.observed).toMatch(observed)
    expect(verdict.next).toMatch(/^curl -m \d+ /)
    expect(verdict.facts?.ms).toBeLessThan(10_000)
  })

  it('from an address that leads nowhere is told', async () => {
    // 255.255.255.255 is nobody's: the system itself says so.
    expect(await run({ url: 'http://255.255.255.255/' })).toMatchObject({ code: 'http/unreachable' })
  })

  it('for TLS on a port that has none, or says nothing, is told', async () => {
    const plain = await service(json(200, {}))
    expect(await run({ url: `https://127.0.0.1:${plain.port}/` })).toMatchObject({ code: 'http/tls' })
    const mute = trouble(await run({ url: `https://127.0.0.1:${await silentPort()}/` }))
    expect(mute).toMatchObject({ code: 'http/timeout', facts: { stage: 'handshake' } })
    expect(mute.observed).toContain('then no TLS handshake')
  })
})

describe('a proxy', () => {
  const PROXY = 'env | grep -i _proxy'
  const env = (port: number | string) => ({ http_proxy: `http://127.0.0.1:${port}` })

  it('is asked for the whole address of http://, and to connect for https://', async () => {
    const api = await service(json(200, { ok: true }))
    const good = await proxy()
    const [, host] = api.url.split('//')
    expect(await run({ url: `${api.url}/v1?a=1`, headers }, { env: env(good.port) })).toMatchObject({ status: 'pass' })
    expect(good).toMatchObject({ requests: [`${api.url}/v1?a=1`], hosts: [host], tunnels: [] })
    expect(api.calls[0]).toMatchObject({ url: '/v1?a=1', headers: { host, authorization: `Bearer ${KEY}` } })
    expect(await run({ url: await selfSigned() }, { env: env(good.port) })).toMatchObject({
      code: 'http/certificate-issuer',
    })
    expect(good.tunnels).toHaveLength(1)
    for (const scheme of ['socks5', 'socks5h', 'ftp', 'junk'])
      expect(
        await run({ url: api.url }, { env: { HTTP_PROXY: `${scheme}://user:pass-word@127.0.0.1:9` } }),
      ).toMatchObject({
        code: 'http/proxy',
        observed: expect.stringMatching(`a proxy that speaks ${scheme}, and only http and https are known`),
      })
    // Of no matter to what does not go through it.
    for (const spared of [
      { HTTPS_PROXY: 'socks5h://127.0.0.1:9' },
      { HTTP_PROXY: 'socks5h://127.0.0.1:9', NO_PROXY: 'example.com, 127.0.0.1' },
      { HTTP_PROXY: 'socks5h://127.0.0.1:9', NO_PROXY: `127.0.0.1:${new URL(api.url).port}` },
      { HTTP_PROXY: 'socks5h://127.0.0.1:9', NO_PROXY: '*' },
    ])
      expect(await run({ url: api.url }, { env: spared })).toMatchObject({ status: 'pass' })
    expect(
      await run({ url: api.url }, { env: { HTTP_PROXY: 'socks5h://127.0.0.1:9', NO_PROXY: '127.0.0.1:1, 27.0.0.1' } }),
    ).toMatchObject({ code: 'http/proxy' })
    const past = { ...env(await freePort()), no_proxy: '127.0.0.1' }
    expect(await run({ url: api.url }, { env: past })).toMatchObject({ status: 'pass' })
  })

  it.each(['http', 'https'])('that refuses %s://, is not there, or is no address, is told', async scheme => {
    const refusing = await proxy(407)
    for (const port of [refusing.port, await freePort(), '['])
      expect(await run({ url: `${scheme}://127.0.0.1:1/` }, { env: env(port) })).toMatchObject({
        code: 'http/proxy',
        next: PROXY,
      })
    expect([...refusing.tunnels, ...refusing.requests]).toHaveLength(1)
  })

  it.each([
    ['http', 'the connection', undefined],
    ['http', 'the connection when it is asked', ''],
    ['https', 'the connection', undefined],
    ['https', 'the connection when it is asked', ''],
    ['https', 'the tunnel that it has made', 'HTTP/1.1 200 OK\r\n\r\n'],
  ])('that for %s:// closes %s is asked once, and told', async (scheme, _, words) => {
    const peer = await closing(words)
    const verdict = trouble(await run({ url: `${scheme}://127.0.0.1:1/` }, { env: env(peer.port) }))
    expect(peer.connections()).toBe(1)
    expect(verdict.code).toBe(words?.startsWith('HTTP') ? 'http/tls' : 'http/proxy')
    if (verdict.code === 'http/proxy')
      expect(verdict.observed).toContain(`the proxy for 127.0.0.1:1: 127.0.0.1:${peer.port} `)
  })

  it.each(['http', 'https'])('that for %s:// says nothing, or no HTTP, is told', async scheme => {
    const mute = await silentPort()
    expect(trouble(await run({ url: `${scheme}://127.0.0.1:1/` }, { env: env(mute) }))).toMatchObject({
      code: 'http/timeout',
      observed: expect.stringContaining(`connected to the proxy 127.0.0.1:${mute}`),
      next: PROXY,
    })
    expect(
      trouble(await run({ url: `${scheme}://127.0.0.1:1/` }, { env: env(await stranger('220 mail.example\r\n')) })),
    ).toMatchObject({ code: 'http/proxy', observed: expect.stringContaining('not HTTP') })
  })

  it('is named beside an answer that may be its own', async () => {
    const { port } = await proxy(503)
    const verdict = trouble(await run({ url: 'http://127.0.0.1:1/' }, { env: env(port) }))
    expect(verdict.code).toBe('http/server-error')
    expect(verdict.observed).toContain(`the proxy 127.0.0.1:${port}`)
  })

  it('of a scheme that is not spoken is told, and not taken for another', async () => {
    const socks = await closing()
    const verdict = trouble(
      await run({ url: 'http://127.0.0.1:1/' }, { env: { http_proxy: `socks5://127.0.0.1:${socks.port}` } }),
    )
    expect(verdict).toMatchObject({ code: 'http/proxy', next: PROXY })
    expect(socks.connections()).toBe(0)
  })

  it('has its user and password from its address, and none of them is shown', async () => {
    const api = await service(json(200, {}))
    const good = await proxy()
    const ask = (user: string) =>
      run({ url: api.url }, { env: { http_proxy: `http://${user}@127.0.0.1:${good.port}` } })
    for (const user of ['us%20er:pass-word', 'user', 'us%zzer:pass-word'])
      expect(JSON.stringify(await ask(user))).toMatch(/"pass"(?!.*pass-word)/)
    expect(good.credentials).toEqual(
      ['us er:pass-word', 'user:', 'us%zzer:pass-word'].map(text => `Basic ${Buffer.from(text).toString('base64')}`),
    )
  })
})

describe('a peer', () => {
  it.each(['http', 'https'])('that closes each connection for %s:// is connected to once', async scheme => {
    for (const words of [undefined, '']) {
      const peer = await closing(words)
      expect(await run({ url: `${scheme}://127.0.0.1:${peer.port}/` })).toMatchObject({ status: 'fail' })
      expect(peer.connections()).toBe(1)
    }
  })
})

/** The check as a user runs it, whose JSON says what became of it. */
const words = async (words: readonly string[], more: Parameters<typeof bootcheck>[1] | object = {}) => {
  const ended = await bootcheck(['check', 'http', ...words, '--format', 'json'], { cwd: scratch(), ...more })
  const [check] = reportOf(ended).checks
  if (!check) throw new Error(ended.stdout)
  return { ...check, exit: ended.code, all: ended.stdout }
}

describe('a certificate', () => {
  it('that is self-signed is told', async () => {
    expect(trouble(await run({ url: await selfSigned() }))).toMatchObject({
      code: 'http/certificate-issuer',
      next: expect.stringMatching(/^openssl s_client -connect 127\.0\.0\.1:\d+ </),
    })
  })

  it('that is let through unchecked is told, and not taken for a good one', async () => {
    const ca = authority()
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
    const odd = await ca.issue('odd', '10.9.8.7', 200)
    const through = await proxy()
    for (const [url, more, why] of [
      [await selfSigned(), {}, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
      [odd, { NODE_EXTRA_CA_CERTS: ca.file }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
      [odd, { https_proxy: `http://127.0.0.1:${through.port}` }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ] as const)
      expect(await words(['--url', url], { env: { ...env, ...more } })).toMatchObject({
        status: 'warn',
        code: 'http/certificate-unchecked',
        observed: expect.stringContaining(why),
        next: 'env | grep NODE_TLS_REJECT_UNAUTHORIZED',
      })
    const good = await ca.issue('good', '127.0.0.1', 200)
    expect(await words(['--url', good], { env: { ...env, NODE_EXTRA_CA_CERTS: ca.file } })).toMatchObject({
      status: 'pass',
    })
  })

  it('is judged by its dates, its name and its authority', async () => {
    const ca = authority()
    const env = { NODE_EXTRA_CA_CERTS: ca.file }
    const ask = async (url: string, ...more: string[]) => words(['--url', url, ...more], { env })
    const good = await ca.issue('good', '127.0.0.1', 2)
    const old = await ca.issue('old', '127.0.0.1', -1)
    const odd = await ca.issue('odd', '10.9.8.7', 2)
    const early = await ca.issueBetween('early', '127.0.0.1', '20980101000000Z', '20990101000000Z')

    expect(await ask(good)).toMatchObject({ status: 'warn', code: 'http/certificate-ends', exit: 0 })
    expect(await ask(good)).toMatchObject({ facts: { certificateDays: 1 }, summary: expect.stringContaining('48 h') })
    expect(await ask(good, '--valid-for', '30d')).toMatchObject({ code: 'http/certificate-ends' })
    expect(await ask(good, '--valid-for', '1d')).toMatchObject({ status: 'pass', code: 'http/answered', exit: 0 })
    // What else is wrong goes before a warning.
    expect(await ask(good, '--expect.status', '204')).toMatchObject({ status: 'fail', code: 'http/status' })
    expect(await ask(old)).toMatchObject({
      status: 'fail',
      code: 'http/certificate-expired',
      exit: 1,
      summary: expect.stringContaining('expired 24 h ago'),
      observed: expect.stringMatching(/it ended \d{4}-\d\d-\d\d; issued by CN=tests/),
    })
    expect(await ask(odd)).toMatchObject({
      code: 'http/certificate-name',
      observed: expect.stringContaining('IP Address:10.9.8.7'),
    })
    expect(await ask(early)).toMatchObject({
      code: 'http/certificate-early',
      observed: expect.stringContaining('it begins 2098-01-01'),
      next: 'date -u',
    })
    expect(await words(['--url', good])).toMatchObject({ code: 'http/certificate-issuer' })
  })

  it('is judged through a proxy, too', async () => {
    const ca = authority()
    const through = await proxy()
    const env = { NODE_EXTRA_CA_CERTS: ca.file, https_proxy: `http://127.0.0.1:${through.port}` }
    const good = await ca.issue('good', '127.0.0.1', 2)
    const old = await ca.issue('old', '127.0.0.1', -1)
    expect(await words(['--url', good], { env })).toMatchObject({ status: 'warn', code: 'http/certificate-ends' })
    expect(await words(['--url', old], { env })).toMatchObject({ status: 'fail', code: 'http/certificate-expired' })
    expect(through.tunnels).toHaveLength(2)
  })
})

describe('a name', () => {
  it.each(['http', 'https'])(
    'of a proxy for %s:// that does not exist is the proxy\u2019s fault, and named',
    async scheme => {
      const check = await words(['--url', `${scheme}://127.0.0.1:1/`, '--timeout', '5s'], {
        env: { [`${scheme}_proxy`]: 'proxy.invalid:3128' },
      })
      expect(check).toMatchObject({ status: 'fail', code: 'http/proxy', next: 'env | grep -i _proxy' })
      expect(check.observed).toContain('the name proxy.invalid')
      expect(check.observed).not.toContain('the name 127.0.0.1')
    },
  )

  /** The program in namespaces of its own, in which one name server says the same about everything. */
  const asked = (rcode: string) => {
    const cwd = scratch()
    const script = `ip link set lo up
echo nameserver 127.0.0.77 > ${cwd}/resolv.conf
mount --bind ${cwd}/resolv.conf /etc/resolv.conf
${process.execPath} ${join(ROOT, 'test/checks/http/name-server.cjs')} ${rcode} ${cwd}/ready >/dev/null 2>&1 &
until test -e ${cwd}/ready; do sleep 0.02; done
exec "$@"`
    return words(['--url', 'http://api.example.test/v1', '--timeout', '3s'], {
      cwd,
      through: ['unshare', '-rmn', 'sh', '-ec', script, 'sh'],
    })
  }

  it.each([
    ['does not exist', '3', 'ENOTFOUND', '127.0.0.77 says that it does not exist (NXDOMAIN)', /^getent ahosts/],
    ['could not be found out', '2', 'ESERVFAIL', '127.0.0.77 could not find out (SERVFAIL)', /^getent ahosts/],
    ['is refused', '5', 'EREFUSED', '127.0.0.77 refused to answer (REFUSED)', /^getent ahosts/],
    ['gets no answer', 'silent', 'ETIMEOUT', '127.0.0.77 did not answer', /^cat \/etc\/resolv\.conf/],
  ])('that %s is told by its name server', async (_, rcode, code, says, next) => {
    const check = await asked(rcode)
    expect(check).toMatchObject({ status: 'fail', code: 'http/unresolvable', exit: 1 })
    expect(check.summary).toContain(says)
    expect(check.facts?.nameServers).toEqual([`127.0.0.77 ${code}`])
    expect(check.next).toMatch(next)
  })

  it('that resolves is asked for in a child, once', async () => {
    const api = await service(json(200, {}))
    const check = await words(['--url', `http://localhost:${api.port}/`, '--method', 'POST'])
    expect(check).toMatchObject({ status: 'pass', watched: [`POST http://localhost:${api.port}/`] })
    expect(api.calls).toHaveLength(1)
  })
})

describe('patterns of the user', () => {
  it('that would take for ever are ended by the deadline, after one request', async () => {
    const api = await service(text(200, `${'a'.repeat(40)}!`))
    const check = await words(['--url', api.url, '--expect.body', '/^(a+)+$/', '--timeout', '2s'])
    expect(check).toMatchObject({ status: 'timeout', exit: 1 })
    expect(api.calls).toHaveLength(1)
  })
})

describe('options', () => {
  it.each<[string, object, RegExp]>([
    ['an address that is none', { url: 'http://[' }, /url is not an address/],
    ['a password in the address', { url: 'http://u:secret-word@127.0.0.1/' }, /headers/],
    ['a header of two lines', { url: 'http://127.0.0.1/', headers: { 'x-a': 'b\r\nc: d' } }, /"x-a" cannot be sent/],
    ['a host of its own', { url: 'http://127.0.0.1/', headers: { host: 'other' } }, /"host"/],
    ['a GET with a body', { url: 'http://127.0.0.1/', body: 'x' }, /GET carries no body/],
    [
      'a HEAD whose body is expected',
      { url: 'http://127.0.0.1/', method: 'HEAD', expect: { body: 'x' } },
      /HEAD has no body/,
    ],
    ['a pattern that is none', { url: 'http://127.0.0.1/', expect: { body: '/(/' } }, /no regular expression/],
    ['a pointer that is none', { url: 'http://127.0.0.1/', expect: { json: { ok: true } } }, /no JSON pointer/],
    ['an unknown type', { url: 'http://127.0.0.1/', expect: { json: { '/a': { type: 'text' } } } }, /type is one of/],
    [
      'a contradiction',
      { url: 'http://127.0.0.1/', expect: { json: { '/a': { exists: false, type: 'null' } } } },
      /neither/,
    ],
    ['a validity beyond reason', { url: 'http://127.0.0.1/', 'valid-for': '9999999d' }, /valid-for/],
  ])('%s is refused before anything is sent', async (_, options, says) => {
    const verdict = trouble(await run(options))
    expect(verdict).toMatchObject({ status: 'fail', code: 'http/options' })
    expect(verdict.summary).toMatch(says)
    expect(verdict.summary).not.toContain('secret-word')
  })

  it('that are refused by lint are refused on the command line', async () => {
    const ended = await bootcheck(['check', 'http', '--url', 'ftp://x'], { cwd: scratch() })
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining('--url must match')])
  })
})
