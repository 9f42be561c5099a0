/** Mail: what is asked of the server, what counts as a receipt, and every way in which it may fail. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Trouble, Verdict } from '../../../core/check.ts'
import { until } from '../../support/guarded.ts'
import { bench, everything } from './bench.ts'
import { maildev } from './doubles.ts'
import { type Act, cut, endless, type MailServer, mailServer, quiet, type Verb } from './mail-server.ts'
import { freePort, silentPort } from './peers.ts'
import { selfSignedKey } from './tls.ts'

const PASSWORD = 'correct horse battery staple'
const TO = 'ops@home.example'

const options = (port: number, more: object = {}): object => ({
  channel: 'smtp',
  host: '127.0.0.1',
  port,
  security: 'none',
  user: 'gateway',
  password: PASSWORD,
  from: 'gateway@home.example',
  to: TO,
  ...more,
})

const trouble = (verdict: Verdict): Trouble => {
  if (verdict.status !== 'fail') throw new Error(`no trouble: ${JSON.stringify(verdict)}`)
  return verdict
}

const codeOf = (verdict: Verdict): string => ('code' in verdict ? verdict.code : verdict.status)

const PROBE: readonly Verb[] = ['EHLO', 'AUTH', 'MAIL FROM', 'RCPT TO', 'RSET']
const DELIVERY: readonly Verb[] = ['MAIL FROM', 'RCPT TO', 'DATA', 'message']

describe('a mail server that nobody here wrote', () => {
  it('has the mail once, and refuses a wrong password', async () => {
    const server = await maildev('gateway', PASSWORD)
    const { run, dir, clock } = bench()
    const verdict = await run(options(server.port, { text: 'grüß Gott\n.\nBcc: all@home.example' }))
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'message/delivered',
      watched: [`smtp server 127.0.0.1:${server.port} (not encrypted)`, 'user gateway', `mailbox ${TO}`],
      facts: { receipt: expect.stringMatching(/./) },
    })
    const [mail, ...others] = await server.received(1)
    expect(others).toEqual([])
    expect(mail).toMatchObject({
      subject: 'bootcheck: delivery test',
      from: [{ address: 'gateway@home.example' }],
      to: [{ address: TO }],
      envelope: { from: { address: 'gateway@home.example' }, to: [{ address: TO }] },
      calculatedBcc: [],
      headers: { 'auto-submitted': 'auto-generated', 'message-id': expect.stringMatching(/@home\.example>$/) },
    })
    expect(mail?.text.trimEnd()).toBe('grüß Gott\n.\nBcc: all@home.example')
    expect(mail?.headers).not.toHaveProperty('importance')

    expect(codeOf(await run(options(server.port)))).toBe('message/stands')
    expect(await server.received(1)).toHaveLength(1)

    clock.pass(2 * 3_600_000)
    const refused = trouble(await run(options(server.port, { password: 'not the password' })))
    expect(refused).toMatchObject({ code: 'message/unauthorized', observed: expect.stringContaining('AUTH: 535') })
    expect(await server.received(1)).toHaveLength(1)
    expect(`${JSON.stringify([verdict, refused])}${everything(dir)}`).not.toMatch(/correct horse|not the password/)
  })

  it('has what people are to notice with a subject that says it', async () => {
    const server = await maildev('gateway', PASSWORD)
    const env = { BOOTCHECK_MESSAGE: 'gätewäy is refused\nBcc: all@home.example\n\nsince 02:14' }
    const { run } = bench()
    expect(codeOf(await run(options(server.port, { depth: 'probe', text: 'a test' }), { env }))).toBe(
      'message/delivered',
    )
    const [mail] = await server.received(1)
    expect(mail).toMatchObject({
      subject: 'bootcheck: gätewäy is refused',
      calculatedBcc: [],
      headers: { importance: 'high' },
    })
    expect(mail?.text.trimEnd()).toBe(env.BOOTCHECK_MESSAGE)
  })
})

describe('a good server', () => {
  it('is asked in order and told goodbye; inside the interval nothing is sent', async () => {
    const server = await mailServer()
    const { run } = bench()
    expect(await run(options(server.port))).toMatchObject({
      code: 'message/delivered',
      facts: { receipt: 'Ok: queued as 4F1X2', server: `127.0.0.1:${server.port}`, security: 'none' },
    })
    await until(() => server.verbs.includes('QUIT'), 'QUIT')
    expect(server.verbs).toEqual([...PROBE, ...DELIVERY, 'QUIT'])
    expect(server.lines.filter(line => /^(MAIL|RCPT)/.test(line)).slice(0, 2)).toEqual([
      'MAIL FROM:<gateway@home.example>',
      `RCPT TO:<${TO}>`,
    ])
    server.verbs.length = 0
    expect(codeOf(await run(options(server.port)))).toBe('message/stands')
    await until(() => server.verbs.includes('QUIT'), 'QUIT')
    expect(server.verbs).toEqual([...PROBE, 'QUIT'])
  })

  it('has the recipient named at depth probe, and gets no mail', async () => {
    const server = await mailServer()
    const { run, dir } = bench()
    expect(await run(options(server.port, { depth: 'probe' }))).toMatchObject({
      code: 'message/probed',
      watched: [expect.stringContaining('server'), 'user gateway', `mailbox ${TO}`],
    })
    expect(server.verbs).not.toContain('DATA')
    expect(server.mails).toEqual([])
    expect(readdirSync(dir)).toEqual([])
  })

  it.each([
    ['several commands at once', ['PIPELINING', 'AUTH PLAIN', 'SMTPUTF8', '8BITMIME', 'DSN']],
    ['AUTH LOGIN alone', ['AUTH LOGIN']],
  ])('knows %s', async (_, extensions) => {
    const server = await mailServer({}, { extensions })
    expect(codeOf(await bench().run(options(server.port)))).toBe('message/delivered')
    expect(server.mails).toHaveLength(1)
  })

  it('asks for no login', async () => {
    const server = await mailServer({}, { extensions: [] })
    const { user: _, password: __, ...open } = options(server.port) as { user: string; password: string }
    expect(codeOf(await bench().run(open))).toBe('message/delivered')
    expect(server.verbs).not.toContain('AUTH')
  })
})

/** What the server answers, at which verb, and what it is called when it meets the probe; then when it meets the mail. */
describe('a refusal', () => {
  it.each<[string, Verb, string, string, RegExp]>([
    ['a wrong password', 'AUTH', '535-5.7.8 no\r\n535 5.7.8 bad credentials', 'unauthorized', /`password`/],
    [
      'a password that is no app password',
      'AUTH',
      '534 5.7.9 Application-specific password required',
      'unauthorized',
      /app password/,
    ],
    ['a mechanism that is none', 'AUTH', '504 5.5.4 unrecognized authentication type', 'rejected', /curl -v/],
    ['a login service that is down', 'AUTH', '454 4.7.0 temporary authentication failure', 'rate-limited', /after/],
    ['no login where one is needed', 'MAIL FROM', '530 5.7.0 authentication required', 'unauthorized', /`password`/],
    ['no encryption where it is needed', 'MAIL FROM', '530 5.7.0 Must issue a STARTTLS', 'rejected', /starttls/],
    ['another sender', 'MAIL FROM', '553 5.7.1 sender address rejected: not owned', 'forbidden', /`from`/],
    ['an unknown mailbox', 'RCPT TO', '550 5.1.1 no such user', 'not-found', /line `to`/],
    ['a mailbox that nobody may name', 'RCPT TO', '553 sorry, that domain is not here', 'not-found', /line `to`/],
    ['no relaying', 'RCPT TO', '554 5.7.1 Relay access denied', 'forbidden', /may write to/],
    ['no relaying, without an enhanced code', 'RCPT TO', '550 relaying denied', 'forbidden', /may write to/],
    ['a full mailbox', 'RCPT TO', '552 5.2.2 over quota', 'rejected', /curl -v/],
    ['greylisting', 'RCPT TO', '450 4.2.0 Greylisted, see http://postgrey', 'rate-limited', /greylists/],
    ['greylisting as 451', 'RCPT TO', '451 4.7.1 try again later', 'rate-limited', /greylists/],
    ['a fault of its own', 'RCPT TO', '451 4.3.0 local error', 'server-error', /curl -v/],
    ['a full disk', 'MAIL FROM', '452 4.3.1 insufficient storage', 'server-error', /curl -v/],
    ['a server that ends', 'EHLO', '421 4.3.2 shutting down', 'server-error', /curl -v/],
    ['too many connections', 'connect', '421 4.7.0 too many connections', 'rate-limited', /send less/],
    ['a host that is not welcome', 'connect', '554 5.7.1 no SMTP service here', 'rejected', /curl -v/],
    ['RSET refused', 'RSET', '500 what?', 'rejected', /curl -v/],
  ])('%s', async (_, verb, reply, what, next) => {
    const server = await mailServer({ [verb]: reply })
    const { run, dir } = bench()
    const verdict = trouble(await run(options(server.port)))
    expect(verdict.code).toBe(`message/${what}`)
    expect(verdict.observed).toContain(reply.slice(0, 3))
    expect(verdict.next).toMatch(next)
    expect(server.mails).toEqual([])
    expect(server.verbs).not.toContain('DATA')
    expect(server.verbs.filter(one => one === verb).length).toBeLessThanOrEqual(1)
    expect(everything(dir)).not.toContain('"sending"')
    if (what === 'unauthorized' || what === 'rate-limited') {
      const before = server.verbs.length
      expect(await run(options(server.port))).toMatchObject({ code: verdict.code, facts: { remembered: true } })
      expect(server.verbs.filter(one => one !== 'QUIT').length).toBeLessThanOrEqual(before)
    }
  })

  it.each<[string, Verb, string, string]>([
    ['DATA', 'DATA', '554 5.5.1 no valid recipients', 'rejected'],
    ['a mail that is too large', 'message', '552 5.3.4 too big', 'rejected'],
    ['a mail that looks like spam', 'message', '550 5.7.1 looks like spam', 'rejected'],
    ['a mail, for now', 'message', '451 4.7.1 greylisted', 'rate-limited'],
    ['a mail, since its disk is full', 'message', '452 4.3.1 insufficient storage', 'server-error'],
  ])('of %s is certain, kept for the interval, and not tried again', async (_, verb, reply, what) => {
    const server = await mailServer({ [verb]: reply })
    const { run } = bench()
    const verdict = trouble(await run(options(server.port)))
    expect(verdict).toMatchObject({ code: `message/${what}`, summary: expect.stringContaining('DATA') })
    expect(verdict.observed).not.toContain('not known')
    expect(await run(options(server.port))).toMatchObject({ code: `message/${what}`, facts: { remembered: true } })
    expect(server.verbs.filter(one => one === 'DATA')).toHaveLength(1)
  })

  it('holds greylisting for five minutes, and delivers then', async () => {
    const server = await mailServer({ 'RCPT TO': '450 4.2.0 Greylisted' })
    const { run, clock } = bench()
    expect(await run(options(server.port))).toMatchObject({ facts: { holdMs: 300_000 } })
    server.acts = {}
    clock.pass(299_000)
    expect(codeOf(await run(options(server.port)))).toBe('message/rate-limited')
    clock.pass(2_000)
    expect(codeOf(await run(options(server.port)))).toBe('message/delivered')
  })

  it('of a login that is not offered never shows the password', async () => {
    const server = await mailServer({}, { extensions: [] })
    expect(trouble(await bench().run(options(server.port)))).toMatchObject({
      code: 'message/rejected',
      observed: `127.0.0.1:${server.port} to AUTH: it offers no AUTH`,
    })
    expect(server.verbs).toEqual(['EHLO', 'QUIT'].slice(0, server.verbs.length))
    expect(server.lines.join()).not.toContain('AUTH')
  })

  it.each([
    ['as it is', PASSWORD],
    ['in base64', Buffer.from(`\0gateway\0${PASSWORD}`).toString('base64')],
    ['percent-encoded', encodeURIComponent(PASSWORD)],
  ])('that repeats the password %s is shown without it', async (_, echo) => {
    const server = await mailServer({ AUTH: `535 5.7.8 no: ${echo}`, connect: '220 hi' })
    const { run, dir } = bench()
    const verdicts = [await run(options(server.port)), await run(options(server.port))]
    const shown = `${JSON.stringify(verdicts)}${everything(dir)}`
    expect(shown).toContain('***')
    expect(shown).not.toContain(echo)
    expect(shown).not.toContain(PASSWORD)
  })
})

describe('silence', () => {
  it.each<[string, Verb, Act, string, RegExp]>([
    ['no greeting', 'connect', quiet, 'timeout', /then no greeting$/],
    ['a banner that never ends', 'connect', endless, 'reply', /more than 64 KiB/],
    ['half a banner', 'connect', socket => void socket.write('220-mail'), 'timeout', /no greeting/],
    ['another protocol', 'connect', 'HTTP/1.1 400 Bad Request', 'reply', /HTTP\/1.1 400/],
    ['a cut before the greeting', 'connect', cut, 'closed', /no greeting/],
    ['no answer to EHLO', 'EHLO', quiet, 'timeout', /no answer to EHLO/],
    ['no answer to AUTH', 'AUTH', quiet, 'timeout', /no answer to AUTH/],
    ['a cut at AUTH', 'AUTH', cut, 'closed', /no answer to AUTH/],
    ['no answer to MAIL FROM', 'MAIL FROM', quiet, 'timeout', /no answer to MAIL FROM/],
    ['no answer to RCPT TO', 'RCPT TO', quiet, 'timeout', /no answer to RCPT TO/],
    ['a cut at RCPT TO', 'RCPT TO', cut, 'closed', /no answer to RCPT TO/],
    ['words that are no reply', 'RCPT TO', 'who knows', 'reply', /does not know there: who knows/],
    ['a reply to something else', 'MAIL FROM', '354 go on', 'reply', /does not know there: 354/],
    ['words for a login', 'AUTH', 'who knows', 'reply', /does not know there: who knows/],
    ['no answer to RSET', 'RSET', quiet, 'timeout', /no answer to RSET/],
    ['no answer to DATA', 'DATA', quiet, 'timeout', /no answer to DATA/],
    ['a cut at DATA', 'DATA', cut, 'closed', /no answer to DATA/],
  ])('%s: nothing was sent, and the next run may send', async (_, verb, act, what, observed) => {
    const server = await mailServer({ [verb]: act })
    const { run } = bench()
    const began = performance.now()
    const verdict = trouble(await run(options(server.port), { timeoutMs: 2000 }))
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(verdict.code).toBe(`message/${what}`)
    expect(verdict.observed).toMatch(observed)
    expect(verdict.next).toBe(`curl -v -m 5 smtp://127.0.0.1:${server.port}`)
    server.acts = {}
    expect(codeOf(await run(options(server.port)))).toBe('message/delivered')
    expect(server.mails).toHaveLength(1)
  })

  it.each<[string, Act, readonly string[]]>([
    ['a cut', cut, []],
    ['quiet', quiet, []],
    ['another protocol', 'whatever', []],
    ['a reply that never ends', endless, []],
    ['quiet, to several commands at once,', quiet, ['PIPELINING']],
  ])('%s after the mail: whether it came is not known, and none is sent again', async (_, act, more) => {
    const server = await mailServer({ message: act }, { extensions: ['AUTH PLAIN', ...more] })
    const { run, clock } = bench()
    const verdict = trouble(await run(options(server.port), { timeoutMs: 1000 }))
    expect(verdict.code).toBe('message/unknown')
    server.acts = {}
    clock.pass(59 * 60_000)
    expect(await run(options(server.port))).toMatchObject({ code: 'message/unknown', facts: { remembered: true } })
    expect(server.mails).toHaveLength(1)
    clock.pass(2 * 60_000)
    expect(codeOf(await run(options(server.port)))).toBe('message/delivered')
  })

  it('a closed port', async () => {
    const port = await freePort()
    expect(trouble(await bench().run(options(port)))).toMatchObject({
      code: 'message/connect',
      observed: `127.0.0.1:${port} refused the connection (ECONNREFUSED)`,
      next: `curl -v -m 5 smtp://127.0.0.1:${port}`,
    })
  })

  it('a closed port of an IPv6 address', async () => {
    const port = await freePort()
    expect(trouble(await bench().run(options(port, { host: '::1' })))).toMatchObject({
      code: 'message/connect',
      observed: expect.stringMatching(new RegExp(`^\\[::1\\]:${port} (refused|cannot be reached)`)),
      next: `curl -v -m 5 'smtp://[::1]:${port}'`,
    })
  })

  it('ends at once when the run does', async () => {
    const stop = new AbortController()
    const server = await mailServer({ AUTH: () => stop.abort() })
    const began = performance.now()
    const verdict = await bench().run(options(server.port), { signal: stop.signal, timeoutMs: 20_000 })
    expect(codeOf(verdict)).toBe('message/timeout')
    expect(performance.now() - began).toBeLessThan(5000)
  })
})

describe('encryption', () => {
  const tls = (server: MailServer, security: string) =>
    bench().run(options(server.port, { security }), { timeoutMs: 1000 })

  it('is never left out, whatever the server says of STARTTLS', async () => {
    for (const [extensions, reply] of [
      [['AUTH PLAIN'], '502 5.5.1 not implemented'],
      [['AUTH PLAIN', 'STARTTLS'], '454 4.7.0 TLS not available'],
    ] as const) {
      const server = await mailServer({ STARTTLS: reply }, { extensions })
      expect(trouble(await tls(server, 'starttls'))).toMatchObject({
        code: 'message/tls',
        observed: `127.0.0.1:${server.port} does not offer STARTTLS: ${reply}`,
        next: `openssl s_client -connect 127.0.0.1:${server.port} -starttls smtp </dev/null`,
      })
      expect(server.verbs).not.toContain('AUTH')
    }
  })

  it('takes no certificate that it does not know', async () => {
    for (const security of ['starttls', 'tls']) {
      const server = await mailServer({}, { key: selfSignedKey(), implicit: security === 'tls' })
      expect(trouble(await tls(server, security))).toMatchObject({
        code: 'message/tls',
        observed: expect.stringContaining('self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)'),
        next: `openssl s_client -connect 127.0.0.1:${server.port}${security === 'tls' ? '' : ' -starttls smtp'} </dev/null`,
      })
      expect(server.verbs).not.toContain('AUTH')
    }
  })

  it('says where a handshake stopped', async () => {
    const key = selfSignedKey()
    for (const [security, handshake, what, observed] of [
      ['starttls', quiet, 'timeout', /then no TLS handshake$/],
      ['starttls', cut, 'tls', /TLS handshake/],
    ] as const) {
      const server = await mailServer({ handshake }, { key })
      const verdict = trouble(await tls(server, security))
      expect(verdict.code).toBe(`message/${what}`)
      expect(verdict.observed).toMatch(observed)
    }
    const silent = await silentPort()
    const verdict = trouble(await bench().run(options(silent, { security: 'tls' }), { timeoutMs: 1000 }))
    expect(verdict.observed).toMatch(/then no TLS handshake$/)
  })

  it('tells a port that speaks in the clear from one that does not', async () => {
    expect(trouble(await tls(await mailServer(), 'tls'))).toMatchObject({
      code: 'message/tls',
      observed: expect.stringContaining('does not speak TLS on this port'),
    })
    const implicit = await mailServer({}, { key: selfSignedKey(), implicit: true })
    expect(trouble(await tls(implicit, 'starttls')).observed).toMatch(/then no greeting/)
  })
})

it('counts for one mailbox, however its domain is written', async () => {
  const server = await mailServer()
  const { run } = bench()
  expect(codeOf(await run(options(server.port)))).toBe('message/delivered')
  expect(codeOf(await run(options(server.port, { to: 'ops@Home.Example' })))).toBe('message/stands')
})

describe('what no schema can refuse', () => {
  it.each<[string, object, RegExp, RegExp]>([
    ['a newline in from', { from: 'a@b.example\r\nRCPT TO:<all@home.example>' }, /from is not/, /line `from`/],
    ['a newline in to', { to: 'a@b.example\nBcc: c@d.example' }, /to is not/, /line `to`/],
    ['two recipients', { to: 'a@b.example, c@d.example' }, /to is not/, /line `to`/],
    ['a name', { to: 'Ops <ops@home.example>' }, /to is not/, /line `to`/],
    ['no address', { to: 'ops' }, /to is not/, /line `to`/],
    ['a foreign domain', { to: 'ops@grüße.example' }, /to is not/, /line `to`/],
    ['a user alone', { password: undefined }, /user stands without password/, /`password: /],
    ['a password alone', { user: undefined }, /password stands without user/, /`user: /],
    ['a password with a newline', { password: `${PASSWORD}\n` }, /control character/, /newline/],
    ['a host with a port', { host: 'mail.example:587' }, /host is not/, /line `host`/],
    ['an address for a host', { host: 'smtp://mail.example' }, /host is not/, /line `host`/],
    ['a password in the clear', { host: 'mail.example' }, /cross the network/, /security: starttls/],
    ["another channel's key", { chat: 1 }, /does not read chat/, /line `chat`/],
  ])('%s', async (_, more, summary, next) => {
    const given = Object.fromEntries(Object.entries(options(1, more)).filter(([, value]) => value !== undefined))
    const { run, dir } = bench()
    const verdict = trouble(await run(given))
    expect(verdict.code).toBe('message/options')
    expect(verdict.summary).toMatch(summary)
    expect(verdict.next).toMatch(next)
    expect(JSON.stringify(verdict)).not.toContain(PASSWORD)
    expect(readdirSync(dir)).toEqual([])
  })
})
