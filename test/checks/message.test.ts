import { createHash } from 'node:crypto'
import { appendFileSync, chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TelegramServer } from 'telegram-test-api/lib/telegramServer.js'
import { describe, expect, it, onTestFinished } from 'vitest'
import { codes } from '../../checks/message/codes.ts'
import { message } from '../../checks/message.ts'
import type { Trouble, Verdict } from '../../core/check.ts'
import { StoreError, type StoreEvent } from '../../core/store.ts'
import { parseManifest } from '../../index.ts'
import { scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'
import {
  bench,
  botApi,
  CHAT,
  deferred,
  dripping,
  endless,
  everything,
  half,
  hangUp,
  json,
  type Play,
  refusedBy,
  service,
  silence,
  storeOf,
  TOKEN,
  telegram,
  text,
} from './message/bench.ts'
import { closing, freePort, proxy, silentPort, stranger } from './message/peers.ts'
import { selfSigned } from './message/tls.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const trouble = (verdict: Verdict): Trouble => {
  if (verdict.status !== 'warn' && verdict.status !== 'fail') throw new Error(`no trouble: ${JSON.stringify(verdict)}`)
  return verdict
}

const codeOf = (verdict: Verdict): string => ('code' in verdict ? verdict.code : verdict.status)

describe('telegram', () => {
  it('delivers by way of a real double of the Bot API, and takes the message away again', async () => {
    const port = await freePort()
    const double = new TelegramServer({ port, host: '127.0.0.1' })
    await double.start()
    onTestFinished(async () => {
      await double.stop()
    })
    // The double knows neither getChat nor getWebhookInfo: those two are answered here, the rest goes on to it.
    const forward: Play = async (call, response) => {
      const answer = await fetch(`http://127.0.0.1:${port}${call.url}`, {
        method: call.method,
        headers: { 'content-type': 'application/json' },
        body: call.body,
      })
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
    }
    const sent: unknown[] = []
    const api = await service(
      botApi({
        getMe: forward,
        deleteMessage: forward,
        sendMessage: (call, response) => {
          sent.push(JSON.parse(call.body))
          forward(call, response)
        },
      }),
    )
    const { run } = bench()
    const verdict = await run(telegram(api.url, { text: 'hello from the tests' }))
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'message/delivered',
      watched: ['telegram bot @TestNameBot', 'chat 4711'],
      facts: { receipt: '1', pendingUpdates: 0 },
    })
    expect(sent).toEqual([{ chat_id: CHAT, text: 'hello from the tests', disable_notification: true }])
    expect(api.count('deleteMessage')).toBe(1)
    expect(double.getUpdatesHistory(TOKEN)).toEqual([]) // it was there, and is gone
  })

  it('asks in order, never for updates, and stops at the first refusal', async () => {
    const api = await service(botApi())
    const { run } = bench()
    await run(telegram(api.url))
    expect(api.calls.map(call => call.url.replace(`/bot${TOKEN}/`, ''))).toEqual([
      'getMe',
      'getChat',
      'getWebhookInfo',
      'sendMessage',
      'deleteMessage',
    ])
    api.calls.length = 0
    api.play = botApi({ getMe: refusedBy(401, 'Unauthorized') })
    await bench().run(telegram(api.url))
    expect(api.calls).toHaveLength(1)
  })

  it('sends what people are to notice loudly, and leaves it there', async () => {
    const sent: unknown[] = []
    const api = await service(
      botApi({
        sendMessage: (call, response) => {
          sent.push(JSON.parse(call.body))
          json(200, { ok: true, result: { message_id: 3 } })(call, response)
        },
      }),
    )
    const { run } = bench()
    const env = { BOOTCHECK_MESSAGE: 'gateway is refused' }
    const said = await run(telegram(api.url, { depth: 'probe', text: 'a test' }), { env })
    expect(said).toMatchObject({ status: 'pass', code: 'message/delivered' })
    expect(sent).toEqual([{ chat_id: CHAT, text: 'gateway is refused', disable_notification: false }])
    expect(api.count('deleteMessage')).toBe(0)
  })

  it('only probes at depth probe', async () => {
    const api = await service(botApi())
    const { run, dir } = bench()
    const verdict = await run(telegram(api.url, { depth: 'probe' }))
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'message/probed',
      watched: ['telegram bot @home_bot', 'chat 4711'],
    })
    expect(api.count('sendMessage')).toBe(0)
    expect(readdirSync(dir)).toEqual([])
  })

  it.each<[string, string, Play, string, RegExp]>([
    ['a revoked token', 'getMe', refusedBy(401, 'Unauthorized'), 'unauthorized', /BotFather/],
    ['a token that is none', 'getMe', refusedBy(404, 'Not Found'), 'not-found', /BotFather/],
    ['an unknown chat', 'getChat', refusedBy(400, 'Bad Request: chat not found'), 'not-found', /chat: 4711/],
    [
      'a bot that was thrown out',
      'sendMessage',
      refusedBy(403, 'Forbidden: bot was kicked from the group chat'),
      'forbidden',
      /add the bot/,
    ],
    [
      'a bot that was blocked',
      'sendMessage',
      refusedBy(403, 'Forbidden: bot was blocked by the user'),
      'forbidden',
      /press Start/,
    ],
    [
      'a group that moved',
      'sendMessage',
      refusedBy(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
        migrate_to_chat_id: -1001234567890,
      }),
      'moved',
      /chat: -1001234567890/,
    ],
    [
      'a limit',
      'sendMessage',
      refusedBy(429, 'Too Many Requests: retry after 17', { retry_after: 17 }),
      'rate-limited',
      /./,
    ],
    ['another refusal', 'sendMessage', refusedBy(400, 'Bad Request: message text is empty'), 'rejected', /curl/],
    [
      '200 and not ok',
      'sendMessage',
      json(200, { ok: false, error_code: 403, description: 'Forbidden: no rights' }),
      'forbidden',
      /./,
    ],
    ['200, not ok, without a code', 'sendMessage', json(200, { ok: false }), 'reply', /./],
    ['ok without a receipt', 'sendMessage', json(200, { ok: true, result: {} }), 'reply', /./],
    ['ok in a 500', 'sendMessage', json(500, { ok: true, result: { message_id: 3 } }), 'server-error', /./],
    ['no JSON', 'sendMessage', text(200, '<html>sign in to the hotel</html>'), 'reply', /./],
    ['a failing server', 'getMe', text(502, 'Bad Gateway'), 'server-error', /curl/],
  ])('tells %s', async (_, method, play, what, next) => {
    const api = await service(botApi({ [method]: play }))
    const verdict = trouble(await bench().run(telegram(api.url)))
    expect(verdict).toMatchObject({ status: 'fail', code: `message/${what}` })
    expect(verdict.next).toMatch(next)
    expect(verdict.summary).toContain('chat 4711')
    expect(verdict.observed).not.toBe('')
  })

  it('warns of updates that cannot be handed to the webhook', async () => {
    const info = { pending_update_count: 7, last_error_message: 'Connection refused', last_error_date: 1_790_000_000 }
    const api = await service(botApi({ getWebhookInfo: json(200, { ok: true, result: info }) }))
    const verdict = await bench().run(telegram(api.url))
    expect(verdict).toMatchObject({
      status: 'warn',
      code: 'message/updates-failing',
      observed: expect.stringContaining('7 updates are waiting'),
      facts: { pendingUpdates: 7, lastError: 'Connection refused', receipt: '12' },
    })
  })

  // Now is 2026-11-22T12:00Z.
  it.each<[string, object, string]>([
    ['of long ago, and nothing is waiting', { last_error_date: 1_490_000_000 }, 'message/delivered'],
    ['of long ago, and updates are waiting', { last_error_date: 1_490_000_000, pending_update_count: 1 }, 'updates'],
    ['of today', { last_error_date: Date.UTC(2026, 10, 22, 11) / 1000 }, 'updates'],
    ['of no time', {}, 'updates'],
    ['of a time that is no date', { last_error_date: 1e20 }, 'updates'],
    ['of a time that is less than none', { last_error_date: -1e20 }, 'updates'],
  ])('weighs an error of the webhook: %s', async (_, more, code) => {
    const info = { pending_update_count: 0, last_error_message: 'Connection refused', ...more }
    const api = await service(botApi({ getWebhookInfo: json(200, { ok: true, result: info }) }))
    const verdict = await bench().run(telegram(api.url))
    expect(codeOf(verdict)).toBe(code === 'updates' ? 'message/updates-failing' : code)
    expect(verdict).toMatchObject({ facts: { lastError: 'Connection refused' } })
    expect(JSON.stringify(verdict)).not.toMatch(/NaN|1e\+?20/)
  })

  it('warns of a message that it could not take away, and still counts it as delivered', async () => {
    const api = await service(botApi({ deleteMessage: refusedBy(400, "Bad Request: message can't be deleted") }))
    const { run } = bench()
    expect(await run(telegram(api.url))).toMatchObject({
      status: 'warn',
      code: 'message/left-behind',
      next: 'delete message 12 by hand',
    })
    expect(await run(telegram(api.url))).toMatchObject({ status: 'pass', code: 'message/stands' })
    expect(api.count('sendMessage')).toBe(1)
  })
})

/** Everything that can go wrong on the way, by what plays it: the code when it meets the probe, and when it meets the message. */
const FAILURES: readonly [name: string, play: Play, probe: string, deliver: string][] = [
  ['401', refusedBy(401, `Unauthorized ${TOKEN}`), 'unauthorized', 'unauthorized'],
  ['403', refusedBy(403, `Forbidden ${encodeURIComponent(TOKEN)}`), 'forbidden', 'forbidden'],
  [
    '404 with the address in it',
    (call, response) => text(404, `Cannot POST ${call.url}`)(call, response),
    'not-found',
    'not-found',
  ],
  ['429', refusedBy(429, `Too Many Requests ${TOKEN}`, { retry_after: 30 }), 'rate-limited', 'rate-limited'],
  [
    '500',
    text(500, `stack trace: /bot${TOKEN}/x ${Buffer.from(TOKEN).toString('base64')}`),
    'server-error',
    'server-error',
  ],
  ['200 and not ok', json(200, { ok: false, error_code: 400, description: `bad ${TOKEN}` }), 'rejected', 'rejected'],
  ['no JSON', text(200, `hello ${TOKEN}`), 'reply', 'reply'],
  [
    'a redirect',
    (call, response) => text(307, '', { location: `https://evil.example${call.url}` })(call, response),
    'redirect',
    'redirect',
  ],
  ['a silent socket', silence, 'timeout', 'unknown'],
  ['an endless body', endless(), 'reply', 'unknown'],
  ['an endless 403', endless(403), 'forbidden', 'forbidden'],
  ['a body that never ends', dripping, 'reply', 'unknown'],
  ['half a reply', half, 'reply', 'unknown'],
  ['a connection cut without an answer', hangUp, 'closed', 'unknown'],
]

describe('every failure', () => {
  it.each(FAILURES)(
    '%s: is told apart, in time, without the token, and nothing is tried twice',
    async (_, play, probe, deliver) => {
      for (const [method, what] of [
        ['getMe', probe],
        ['sendMessage', deliver],
      ] as const) {
        const api = await service(botApi({ [method]: play }))
        const { run, dir } = bench()
        const began = performance.now()
        const first = await run(telegram(api.url), { timeoutMs: 1000 })
        expect(performance.now() - began).toBeLessThan(5000)
        expect(codeOf(first)).toBe(`message/${what}`)
        expect(trouble(first).observed).not.toBe('')
        expect(api.count(method)).toBe(1)

        const second = await run(telegram(api.url), { timeoutMs: 1000 })
        expect(second.status).toBe('fail')
        if (method === 'sendMessage') {
          // The verdict is kept, and nobody is asked anything.
          expect(codeOf(second)).toBe(`message/${what}`)
          expect(trouble(second).summary).toMatch(/ago, not /)
          const forget =
            what === 'rate-limited' ? '' : `bootcheck state reset --state-dir ${dir} message/telegram/chat-4711/`
          expect(trouble(second).next).toContain(forget)
          expect(api.count('getMe')).toBe(1)
        }
        expect(api.count('sendMessage')).toBe(method === 'sendMessage' ? 1 : 0)

        const shown = [JSON.stringify([first, second]), everything(dir)].join('\n')
        for (const form of [TOKEN, encodeURIComponent(TOKEN), Buffer.from(TOKEN).toString('base64'), TOKEN.slice(10)])
          expect(shown).not.toContain(form)
      }
    },
  )

  it('answers only with codes that it declares', () => {
    const used = new Set(FAILURES.flatMap(([, , probe, deliver]) => [probe, deliver]))
    expect(Object.keys(message.codes)).toEqual(Object.keys(codes))
    for (const what of used) expect(Object.keys(codes)).toContain(what)
  })

  it('hides a secret of the manifest that a reply repeats, also where the reply is cut short', async () => {
    const secret = 'correct horse battery staple'
    const api = await service(botApi({ getMe: text(500, `${'x'.repeat(225)}${secret}`) }))
    const verdict = await bench().run(telegram(api.url), { secrets: [secret] })
    expect(trouble(verdict).observed).toContain('***')
    expect(trouble(verdict).observed).not.toMatch(/corr/)
  })

  it.each([
    ['getMe', 'the probe'],
    ['sendMessage', 'the message'],
  ])('says what was being waited for when %s is met with silence', async method => {
    const api = await service(botApi({ [method]: silence }))
    const verdict = trouble(await bench().run(telegram(api.url), { timeoutMs: 600 }))
    expect(verdict.observed).toContain(`connected to 127.0.0.1:${api.port}, then silence`)
  })

  it('ends at once when the run is stopped, and calls a message that had left unknown', async () => {
    const stop = new AbortController()
    const api = await service(
      botApi({
        sendMessage: () => stop.abort(),
      }),
    )
    const { run } = bench()
    const began = performance.now()
    expect(codeOf(await run(telegram(api.url), { signal: stop.signal, timeoutMs: 20_000 }))).toBe('message/unknown')
    expect(performance.now() - began).toBeLessThan(5000)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/unknown')
    expect(api.count('sendMessage')).toBe(1)
  })

  it('sends nothing once it was stopped', async () => {
    const stop = new AbortController()
    const api = await service(
      botApi({
        getWebhookInfo: (call, response) => {
          stop.abort()
          botApi()(call, response)
        },
      }),
    )
    const verdict = await bench().run(telegram(api.url), { signal: stop.signal })
    expect(verdict.status).toBe('fail')
    expect(api.count('sendMessage')).toBe(0)
  })

  it('sends nothing when the probe left too little time for an answer', async () => {
    const api = await service(
      botApi({
        getWebhookInfo: (call, response) => {
          setTimeout(() => botApi()(call, response), 1150)
        },
      }),
    )
    const { run, dir } = bench()
    const verdict = trouble(await run(telegram(api.url), { timeoutMs: 1500 }))
    expect(verdict).toMatchObject({ code: 'message/timeout', next: 'write `timeout: 3s`' })
    expect(api.count('sendMessage')).toBe(0)
    expect(readdirSync(dir)).toEqual([])
  })
})

describe('what fails before it leaves uses up nothing', () => {
  const once = async (url: string, given = {}): Promise<{ verdict: Trouble; dir: string }> => {
    const { run, dir } = bench()
    return { verdict: trouble(await run(telegram(url), given)), dir }
  }

  it('a name that does not exist', async () => {
    const { verdict, dir } = await once('http://no-such-host.invalid')
    expect(verdict.code).toBe('message/dns')
    expect(verdict.observed).toMatch(/no-such-host\.invalid (does not exist|could not be resolved)/)
    expect(verdict.next).toContain('no-such-host.invalid')
    expect(readdirSync(dir)).toEqual([])
  })

  it('a port where nobody listens', async () => {
    const port = await freePort()
    const { verdict, dir } = await once(`http://127.0.0.1:${port}`)
    expect(verdict).toMatchObject({
      code: 'message/connect',
      observed: `127.0.0.1:${port} refused the connection (ECONNREFUSED)`,
    })
    expect(readdirSync(dir)).toEqual([])
  })

  it('a certificate that nobody knows', async () => {
    expect((await once(await selfSigned())).verdict).toMatchObject({
      code: 'message/tls',
      observed: expect.stringMatching(/its certificate is self-signed \(DEPTH_ZERO_SELF_SIGNED_CERT\)/),
      next: expect.stringContaining('openssl s_client'),
    })
  })

  it('a plain HTTP service where TLS is spoken, and a socket that says nothing to a handshake', async () => {
    const api = await service(botApi())
    expect((await once(api.url.replace('http:', 'https:'))).verdict.code).toBe('message/tls')
    const port = await silentPort()
    expect((await once(`https://127.0.0.1:${port}`, { timeoutMs: 600 })).verdict).toMatchObject({
      code: 'message/timeout',
      observed: `connected to 127.0.0.1:${port}, then no TLS handshake`,
    })
  })

  it('something that is not HTTP', async () => {
    const port = await stranger('220 mail.example ESMTP\r\n')
    expect((await once(`http://127.0.0.1:${port}`)).verdict).toMatchObject({
      code: 'message/reply',
      observed: expect.stringContaining('not HTTP'),
    })
  })

  it('lets the next run deliver', async () => {
    const api = await service(botApi())
    const { run } = bench()
    api.play = botApi({ getMe: text(503, 'down') })
    expect(codeOf(await run(telegram(api.url)))).toBe('message/server-error')
    api.play = botApi()
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
  })

  it('gives its place back when the message itself could not leave', async () => {
    // A webhook without a probe: the first request is the message.
    const port = await freePort()
    const { run } = bench()
    const options = { channel: 'webhook', url: `http://127.0.0.1:${port}/hook`, request: {}, expect: { status: 204 } }
    expect(codeOf(await run(options))).toBe('message/connect')
    expect(codeOf(await run(options))).toBe('message/connect')
  })
})

describe('at most one message in an interval', () => {
  it('probes inside it, and sends again after it', async () => {
    const api = await service(botApi())
    const { run, clock } = bench()
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
    clock.pass(59 * MINUTE)
    const inside = await run(telegram(api.url))
    expect(inside).toMatchObject({
      status: 'pass',
      code: 'message/stands',
      summary: expect.stringMatching(/delivered 59 min ago, the probe is good/),
      facts: { confirmedAt: '2026-11-22T12:00:00.000Z' },
    })
    expect(api.count('getMe')).toBe(2)
    expect(api.count('sendMessage')).toBe(1)
    clock.pass(MINUTE)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
    expect(api.count('sendMessage')).toBe(2)
  })

  it('goes red when the probe does, however well it went before', async () => {
    const api = await service(botApi())
    const { run } = bench()
    await run(telegram(api.url))
    api.play = botApi({ getChat: refusedBy(403, 'Forbidden: bot was kicked') })
    expect(codeOf(await run(telegram(api.url)))).toBe('message/forbidden')
  })

  it('counts for one target: another chat, or another address, has its own', async () => {
    const api = await service(botApi())
    const { run } = bench()
    await run(telegram(api.url))
    expect(codeOf(await run(telegram(api.url, { chat: 4712 })))).toBe('message/delivered')
    expect(codeOf(await run(telegram(`${api.url}/base`)))).toBe('message/delivered')
    expect(codeOf(await run(telegram(api.url, { chat: String(CHAT) })))).toBe('message/stands')
    expect(api.count('sendMessage')).toBe(3)
  })

  it('counts for one target, however its address is written', async () => {
    const api = await service(botApi())
    const { run } = bench()
    await run(telegram(`${api.url}/ok`))
    for (const other of [`${api.url}/ok/`, `${api.url}/ok//`, `${api.url}/a/../ok`])
      expect(codeOf(await run(telegram(other)))).toBe('message/stands')
    const named = bench()
    await named.run(telegram(api.url, { chat: '@home_news' }))
    expect(codeOf(await named.run(telegram(api.url, { chat: '@Home_News' })))).toBe('message/stands')
  })

  it('says at once that a refused message is not sent again for a while, and how it is', async () => {
    const api = await service(botApi({ sendMessage: refusedBy(403, 'Forbidden') }))
    const { run, dir, clock } = bench()
    const first = trouble(await run(telegram(api.url)))
    const store = storeOf(dir, clock)
    expect(first.observed).toMatch(/not sent again before 13:00/)
    expect(first.next).toContain(`, then ${store.forgetCommand(store.targets()[0] ?? '')}`)
    const probed = trouble(await run(telegram(`${api.url}/other`), {}))
    expect(probed.code).toBe('message/forbidden')
    api.play = botApi({ getChat: refusedBy(403, 'Forbidden') })
    const { observed, next } = trouble(await run(telegram(`${api.url}/third`)))
    expect(`${observed} ${next}`).not.toMatch(/not sent again|state reset/)
  })

  it('names the later of two times where a refused message meets a limit', async () => {
    const api = await service(botApi({ sendMessage: refusedBy(429, 'Too Many Requests', { retry_after: 5 }) }))
    expect(trouble(await bench().run(telegram(api.url))).observed).toMatch(/nothing is sent before 13:00/)
  })

  it('holds a refusal until the interval is over', async () => {
    const api = await service(botApi({ sendMessage: refusedBy(403, 'Forbidden: bot was blocked by the user') }))
    const { run, clock } = bench()
    await run(telegram(api.url))
    api.play = botApi() // unblocked, but nobody tells us
    clock.pass(59 * MINUTE)
    expect(await run(telegram(api.url))).toMatchObject({
      status: 'fail',
      code: 'message/forbidden',
      observed: expect.stringContaining('blocked by the user'),
    })
    clock.pass(MINUTE)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
  })

  it('does not send again within the interval after a timeout, across a reboot too', async () => {
    const api = await service(botApi({ sendMessage: silence }))
    const { run, clock } = bench()
    expect(codeOf(await run(telegram(api.url), { timeoutMs: 600 }))).toBe('message/unknown')
    api.play = botApi()
    clock.pass(30 * MINUTE)
    clock.boot = 'second'
    clock.uptimeMs = 10_000
    expect(codeOf(await run(telegram(api.url)))).toBe('message/unknown')
    expect(api.count('sendMessage')).toBe(1)
    clock.pass(30 * MINUTE)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
  })

  it('lets a new credential try at once after a refusal, and only probes after a confirmed delivery', async () => {
    const api = await service(botApi({ sendMessage: refusedBy(403, 'Forbidden') }))
    const { run } = bench()
    const by = (token: string) => run(telegram(api.url, { token: `110201543:${token}` }))
    await by('a-token-of-the-bot')
    api.play = botApi()
    expect(codeOf(await by('another-token-of-the-same-bot'))).toBe('message/delivered')
    expect(await by('and-a-third')).toMatchObject({ status: 'warn', code: 'message/other-credential' })
    expect(codeOf(await by('a-token-of-the-bot'))).toBe('message/forbidden')
    expect(api.count('sendMessage')).toBe(2)
  })

  it.each([
    ['the probe', 'getMe'],
    ['the message', 'sendMessage'],
  ])('remembers a 401 of %s until the credential changes, and does not even ask', async (_, method) => {
    const api = await service(botApi({ [method]: refusedBy(401, 'Unauthorized') }))
    const { run, clock } = bench()
    await run(telegram(api.url))
    const asked = api.calls.length
    api.play = botApi()
    clock.pass(100 * HOUR)
    for (const depth of ['deliver', 'probe'])
      expect(await run(telegram(api.url, { depth }))).toMatchObject({
        code: 'message/unauthorized',
        summary: expect.stringContaining('not asked again until the credential changes'),
      })
    expect(api.calls.length).toBe(asked)
    expect(codeOf(await run(telegram(api.url, { token: '110201543:a-new-token-from-botfather' })))).toBe(
      'message/delivered',
    )
  })

  it('leaves a service alone for as long as it says, and at least for the interval after a refused message', async () => {
    const limited = refusedBy(429, 'Too Many Requests: retry after 7200', { retry_after: 7200 })
    const api = await service(botApi({ getMe: limited }))
    const { run, clock } = bench()
    expect(trouble(await run(telegram(api.url))).observed).toMatch(/nothing is sent before/)
    api.play = botApi()
    clock.pass(2 * HOUR - 1000)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/rate-limited')
    expect(api.calls).toHaveLength(1)
    clock.pass(1000)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')

    clock.pass(HOUR)
    api.play = botApi({ sendMessage: refusedBy(429, 'Too Many Requests: retry after 5', { retry_after: 5 }) })
    expect(codeOf(await run(telegram(api.url)))).toBe('message/rate-limited')
    api.play = botApi()
    clock.pass(59 * MINUTE)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/rate-limited')
    clock.pass(MINUTE)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
  })

  it.each([
    ['seconds', '120', 120_000],
    ['a date', new Date(Date.UTC(2026, 10, 22, 12, 5)).toUTCString(), 300_000],
    ['a date that is over', new Date(0).toUTCString(), 60_000],
    ['none at all', '0', 60_000],
    ['less than none', '-5', 60_000],
    ['nonsense', 'soon', 60_000],
    ['a thousand years', '31536000000', 7 * 24 * HOUR],
  ])('reads Retry-After: %s', async (_, header, holdMs) => {
    const api = await service(botApi({ getMe: text(429, 'slow down', { 'retry-after': header }) }))
    expect(await bench().run(telegram(api.url))).toMatchObject({ code: 'message/rate-limited', facts: { holdMs } })
  })

  it.each<[string, number | null, string | undefined, number]>([
    ['none', 0, undefined, 60_000],
    ['less than none', -7, undefined, 60_000],
    ['less than none, and the header knows better', -7, '120', 120_000],
    ['what is no number', null, '120', 120_000],
    ['part of a second', 0.3, undefined, 300],
  ])('reads retry_after: %s', async (_, wait, header, holdMs) => {
    const limited = json(
      429,
      { ok: false, error_code: 429, description: 'Too Many Requests', parameters: { retry_after: wait } },
      header === undefined ? {} : { 'retry-after': header },
    )
    const api = await service(botApi({ getMe: limited }))
    expect(await bench().run(telegram(api.url))).toMatchObject({ code: 'message/rate-limited', facts: { holdMs } })
  })

  it.each<[string, Play, string]>([
    ['a limit', refusedBy(429, 'Too Many Requests', { retry_after: 600 }), 'message/rate-limited'],
    ['a refused credential', refusedBy(401, 'Unauthorized'), 'message/unauthorized'],
  ])('remembers %s that it met when it took the message away', async (_, play, code) => {
    const api = await service(botApi({ deleteMessage: play }))
    const { run, clock } = bench()
    const verdict = trouble(await run(telegram(api.url)))
    expect(verdict.code).toBe('message/left-behind')
    if (code === 'message/rate-limited') expect(verdict.observed).toMatch(/nothing is sent before 12:10/)
    const asked = api.calls.length
    api.play = botApi()
    expect(codeOf(await run(telegram(api.url)))).toBe(code)
    expect(api.calls).toHaveLength(asked)
    clock.pass(10 * MINUTE)
    expect(codeOf(await run(telegram(api.url)))).toBe(
      code === 'message/rate-limited' ? 'message/stands' : 'message/unauthorized',
    )
  })

  it('waits for a run that is sending, and takes its outcome', async () => {
    const api = await service(botApi())
    const { run } = bench()
    // The message of the first is answered only when the second has probed, so that both are under way.
    api.play = botApi({
      sendMessage: (call, response) => {
        api.play = botApi({
          getWebhookInfo: (inner, answer) => {
            botApi()(inner, answer)
            botApi()(call, response)
          },
        })
        second.resolve(run(telegram(api.url)))
      },
    })
    const second = deferred<Verdict>()
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
    expect(codeOf(await second.promise)).toBe('message/stands')
    expect(api.count('sendMessage')).toBe(1)
  })

  it('ignores what a wrong clock said a year ahead, but for one interval', async () => {
    const api = await service(botApi())
    const { run, clock } = bench()
    clock.boot = 'a year ahead'
    clock.pass(365 * 24 * HOUR)
    await run(telegram(api.url))
    clock.boot = 'right again'
    clock.pass(-365 * 24 * HOUR)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/stands')
    clock.pass(HOUR)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
  })

  it('forgets by the command that it names', async () => {
    const api = await service(botApi({ sendMessage: refusedBy(403, 'Forbidden') }))
    const { run, dir, clock } = bench()
    await run(telegram(api.url))
    api.play = botApi()
    const { next } = trouble(await run(telegram(api.url)))
    const store = storeOf(dir, clock)
    const [target = ''] = store.targets()
    expect(next.slice(next.indexOf(', then ') + 7)).toBe(store.forgetCommand(target))
    store.append(target, { type: 'reset' }) // what the command does
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
  })

  it('keeps neither a chat nor a credential that the manifest calls secret', async () => {
    const chat = '-1009876543210'
    const api = await service(botApi({ sendMessage: refusedBy(403, `Forbidden in ${chat}`) }))
    const { run, dir } = bench()
    const verdicts = [
      await run(telegram(api.url, { chat }), { secrets: [chat] }),
      await run(telegram(api.url, { chat }), { secrets: [chat] }),
    ]
    expect(verdicts.map(codeOf)).toEqual(['message/forbidden', 'message/forbidden'])
    expect([JSON.stringify(verdicts), everything(dir)].join('\n')).not.toContain('9876543210')
  })

  it('keeps neither the token nor its plain hash', async () => {
    const api = await service(botApi())
    const { run, dir } = bench()
    await run(telegram(api.url))
    const kept = everything(dir)
    expect(kept).toContain('"type":"sending"')
    expect(kept).not.toContain(TOKEN)
    expect(kept).not.toContain(createHash('sha256').update(TOKEN).digest('hex').slice(0, 16))
  })
})

describe('without memory nothing is sent', () => {
  const refuses = async (spoil: (dir: string) => void): Promise<Trouble> => {
    const api = await service(botApi())
    const { run, dir } = bench(join(scratch(), 'state'))
    mkdirSync(dir, { mode: 0o700 })
    spoil(dir)
    const verdict = trouble(await run(telegram(api.url)))
    expect(api.count('sendMessage')).toBe(0)
    return verdict
  }

  it.each<[string, (dir: string) => void, RegExp]>([
    ['a folder that others may write', dir => chmodSync(dir, 0o777), /^chmod go-w /],
    [
      "a folder of somebody else's",
      dir => chownSync(dir, 65534, 65534),
      /^sudo -u '#65534' bootcheck state --state-dir \//,
    ],
    ['a file in its place', dir => writeFileSync(join(dir, 'targets'), ''), /^mv \S+targets \S+targets\.aside$/],
  ])('%s', async (_, spoil, next) => {
    const verdict = await refuses(spoil)
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'message/store',
      summary: expect.stringContaining('nothing was sent to telegram chat 4711'),
    })
    expect(verdict.next).toMatch(next)
  })

  it('a store that can be read and not written', async () => {
    const api = await service(botApi())
    const { dir, clock } = bench()
    const { run } = bench(dir)
    const store = storeOf(dir, clock)
    const verdict = await run(telegram(api.url), {
      store: {
        ...store,
        append: () => {
          throw new StoreError('ENOSPC', dir, `cannot write ${dir}: the disk is full`, `df -h ${dir}`)
        },
      },
    })
    expect(verdict).toMatchObject({
      code: 'message/store',
      next: `df -h ${dir}`,
      observed: expect.stringContaining('the disk is full'),
    })
    expect(api.count('getMe')).toBe(1)
    expect(api.count('sendMessage')).toBe(0)
  })

  it('says so when the outcome could not be kept', async () => {
    const api = await service(botApi())
    const { dir, clock, run } = bench()
    const store = storeOf(dir, clock)
    const verdict = await run(telegram(api.url), {
      store: {
        ...store,
        append: (target, event) => {
          if (event.type === 'delivered') throw new StoreError('ENOSPC', dir, 'the disk is full', `df -h ${dir}`)
          return store.append(target, event)
        },
      },
    })
    expect(verdict).toMatchObject({
      status: 'warn',
      code: 'message/store',
      observed: expect.stringContaining('the disk is full'),
    })
    clock.pass(10_000)
    expect(codeOf(await run(telegram(api.url)))).toBe('message/unknown')
    expect(api.count('sendMessage')).toBe(1)
  })

  it('reports lines that cannot be read', async () => {
    const api = await service(botApi())
    const { run, dir } = bench()
    await run(telegram(api.url))
    const [folder = ''] = readdirSync(join(dir, 'targets'))
    appendFileSync(join(dir, 'targets', folder, '2026-11-22.jsonl'), 'garbage\n')
    expect(await run(telegram(api.url))).toMatchObject({
      status: 'warn',
      code: 'message/store-damaged',
      observed: expect.stringContaining('2026-11-22.jsonl:'),
      facts: { alsoTrue: expect.stringContaining('delivered') },
    })
    expect(api.count('sendMessage')).toBe(1)
  })
})

describe('records that are whole lines, and not what was written', () => {
  const KEPT = { what: 'forbidden', observed: 'o', expected: 'e', next: 'n' }
  it.each<[string, StoreEvent]>([
    ['a claim without a credential', { type: 'sending', everyMs: HOUR, waitMs: 5000, replaces: null }],
    ['a claim for ever', { type: 'sending', everyMs: 1e300, waitMs: 1e300, replaces: null, salt: 's', hash: 'h' }],
    ['an outcome without its claim', { type: 'delivered', receipt: '12' }],
    ['a refusal without its texts', { type: 'refused', of: 'x' }],
    ['a text that is none', { type: 'unknown', of: 'x', ...KEPT, next: 7 }],
    ['a 401 without a credential', { type: 'unauthorized', ...KEPT }],
    ['a limit without its time', { type: 'not-before', ...KEPT, salt: 's', hash: 'h' }],
    ['a limit in the past', { type: 'not-before', ...KEPT, salt: 's', hash: 'h', holdMs: -1 }],
    ['a message that never left, of nobody', { type: 'unsent' }],
  ])('%s', async (_, event) => {
    const api = await service(botApi())
    const { run, dir, clock } = bench()
    await run(telegram(api.url))
    const store = storeOf(dir, clock)
    const [target = ''] = store.targets()
    const { id } = store.append(target, event)
    const verdict = trouble(await run(telegram(api.url)))
    expect(verdict).toMatchObject({
      status: 'warn',
      code: 'message/store-damaged',
      observed: expect.stringContaining(id),
      next: store.forgetCommand(target),
    })
    expect(api.count('sendMessage')).toBe(1)
    store.append(target, { type: 'reset' })
    expect(codeOf(await run(telegram(api.url)))).toBe('message/delivered')
  })

  it('sends nothing where most of them are', async () => {
    const api = await service(botApi())
    const { run, dir, clock } = bench()
    await run(telegram(api.url))
    const store = storeOf(dir, clock)
    const [target = ''] = store.targets()
    for (let i = 0; i < 3; i++) store.append(target, { type: 'sending' })
    expect(trouble(await run(telegram(api.url)))).toMatchObject({
      status: 'fail',
      code: 'message/store',
      next: store.forgetCommand(target),
    })
    expect(api.count('sendMessage')).toBe(1)
  })
})

describe('webhook', () => {
  const hook = (url: string, more: object = {}): object => ({
    channel: 'webhook',
    url: `${url}/services/T0ABCDEF1/hunter2hunter2`,
    request: { headers: { Authorization: 'Bearer s3cr3t-s3cr3t' }, body: { text: 'hello' } },
    expect: { status: [200, 201], json: { '/ok': true, '/message/id': 7 } },
    ...more,
  })
  const good = json(201, { ok: true, message: { id: 7, more: [1] } })

  it('sends what is declared, and takes what is declared for proof', async () => {
    const peer = await service(good)
    const verdict = await bench().run(hook(peer.url))
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'message/delivered',
      watched: [`webhook 127.0.0.1:${peer.port}`],
    })
    expect(peer.calls).toHaveLength(1)
    expect(peer.calls[0]).toMatchObject({
      method: 'POST',
      url: '/services/T0ABCDEF1/hunter2hunter2',
      body: '{"text":"hello"}',
      headers: {
        authorization: 'Bearer s3cr3t-s3cr3t',
        'content-type': 'application/json',
        'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/),
      },
    })
  })

  it('sends its text when no body is declared, a text as it stands, and nothing with a GET', async () => {
    const peer = await service(good)
    const sent = async (request: object, more: object = {}) => {
      await bench().run(hook(peer.url, { request, expect: {}, ...more }))
      const { method, body, headers } = peer.calls.at(-1) ?? { method: '', body: '', headers: {} }
      return [method, headers['content-type'], body]
    }
    expect(await sent({})).toEqual(['POST', 'application/json', '{"text":"bootcheck: delivery test, nothing to do"}'])
    expect(await sent({}, { text: 'hi' })).toEqual(['POST', 'application/json', '{"text":"hi"}'])
    expect(await sent({ method: 'PUT', body: 'plain' })).toEqual(['PUT', 'text/plain; charset=utf-8', 'plain'])
    expect(await sent({ headers: { 'Content-Type': 'text/x' }, body: 'plain' })).toEqual(['POST', 'text/x', 'plain'])
    expect(await sent({ method: 'GET' })).toEqual(['GET', undefined, ''])
  })

  it.each<[string, Play, object, string, RegExp]>([
    ['another status', json(202, {}), { status: 200 }, 'expectation', /HTTP 200/],
    ['a value that differs', json(200, { ok: false }), { json: { '/ok': true } }, 'expectation', /true at \/ok/],
    ['a value that is missing', json(200, {}), { json: { '/ok': true } }, 'expectation', /true at \/ok/],
    [
      'an inherited member',
      json(200, {}),
      { json: { '/constructor/name': 'Object' } },
      'expectation',
      /at \/constructor\/name/,
    ],
    ['no JSON', text(200, 'ok'), { json: { '/ok': true } }, 'expectation', /true at \/ok/],
    ['another text', text(200, 'no_service'), { body: 'ok!' }, 'expectation', /contains "ok!"/],
    ['404', text(404, 'no_service'), { status: 200 }, 'not-found', /webhook/],
    ['410', text(410, 'gone'), {}, 'not-found', /webhook/],
    ['401', text(401, ''), {}, 'unauthorized', /credential/],
    ['500', text(500, ''), {}, 'server-error', /status/],
    ['redirect', text(302, '', { location: '/login' }), {}, 'redirect', /declared/],
    ['an endless body', endless(), {}, 'unknown', /receipt/],
  ])('is not satisfied with %s', async (_, play, expectation, what, expected) => {
    const peer = await service(play)
    const { run } = bench()
    const verdict = trouble(await run(hook(peer.url, { expect: expectation })))
    expect(verdict.code).toBe(`message/${what}`)
    expect(verdict.expected).toMatch(expected)
    expect((await run(hook(peer.url, { expect: expectation }))).status).toBe('fail')
    expect(peer.calls).toHaveLength(1)
  })

  it('judges a reply of any depth', async () => {
    const deep = `{"ok":true,"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
    const peer = await service(text(200, deep))
    const { run } = bench()
    for (const expectation of [{ json: { '/a': true } }, { json: { '': true } }, { json: { '/a': [[]] } }]) {
      const verdict = trouble(await run(hook(peer.url, { expect: expectation, url: `${peer.url}/${Math.random()}` })))
      expect(verdict.code).toBe('message/expectation')
      expect(verdict.observed).toMatch(/is an (array|object)/)
    }
    expect(codeOf(await bench().run(hook(peer.url, { expect: { json: { '/ok': true } } })))).toBe('message/delivered')
  })

  it('compares whole values, whatever the order of their members', async () => {
    const peer = await service(json(200, { a: { x: 1, y: [true, null] } }))
    const at = async (value: unknown) =>
      codeOf(await bench().run(hook(peer.url, { expect: { json: { '/a': value } } })))
    expect(await at({ y: [true, null], x: 1 })).toBe('message/delivered')
    expect(await at({ x: 1 })).toBe('message/expectation')
    expect(await at({ x: 1, y: [true, 0] })).toBe('message/expectation')
    expect(await at([1])).toBe('message/expectation')
  })

  it('probes first where a probe is declared', async () => {
    const peer = await service((call, response) => (call.method === 'GET' ? text(204, '') : good)(call, response))
    const { run } = bench()
    const options = hook(peer.url, { probe: { path: '/health', status: 204 } })
    expect(codeOf(await run(options))).toBe('message/delivered')
    expect(codeOf(await run(options))).toBe('message/stands')
    expect(peer.calls.map(call => `${call.method} ${call.url}`)).toEqual([
      'GET /health',
      'POST /services/T0ABCDEF1/hunter2hunter2',
      'GET /health',
    ])
    expect(codeOf(await run({ channel: 'webhook', url: peer.url, depth: 'probe', probe: { path: '/health' } }))).toBe(
      'message/probed',
    )
    peer.play = text(503, 'down')
    expect(codeOf(await run(options))).toBe('message/server-error')
  })

  it('says that nothing was asked when it stands without a probe', async () => {
    const peer = await service(good)
    const { run } = bench()
    await run(hook(peer.url))
    expect(await run(hook(peer.url))).toMatchObject({
      code: 'message/stands',
      summary: expect.stringContaining('not probed, since there is no probe'),
    })
  })

  it('proves a credential that it has never seen by a message, where there is no probe to ask', async () => {
    const peer = await service(good)
    const { run } = bench()
    const by = (token: string) =>
      run(hook(peer.url, { request: { headers: { Authorization: `Bearer ${token}` }, body: { text: 'hello' } } }))
    expect(codeOf(await by('first-credential'))).toBe('message/delivered')
    peer.play = text(404, 'no_service')
    expect(await by('a-revoked-credential')).toMatchObject({ status: 'fail', code: 'message/not-found' })
    expect(peer.calls).toHaveLength(2)
    expect(codeOf(await by('a-revoked-credential'))).toBe('message/not-found')
    expect(codeOf(await by('first-credential'))).toBe('message/stands')
    expect(peer.calls).toHaveLength(2)
  })

  it('is not made to send without end by a credential that changes at each start, nor green', async () => {
    const peer = await service(good)
    const { run, clock } = bench()
    const by = (start: number) => run(hook(peer.url, { request: { headers: { Authorization: `Bearer of-${start}` } } }))
    for (const start of [1, 2, 3]) expect(codeOf(await by(start))).toBe('message/delivered')
    clock.pass(10 * MINUTE)
    expect(await by(4)).toMatchObject({
      status: 'fail',
      code: 'message/other-credential',
      summary: expect.stringContaining('not tried'),
      next: expect.stringContaining('state reset'),
    })
    expect(peer.calls).toHaveLength(3)
    clock.pass(50 * MINUTE)
    expect(codeOf(await by(5))).toBe('message/delivered')
  })

  it.each<[string, (secret: string, url: string) => object]>([
    ['the body', token => ({ request: { body: { to: ['ops', { token }], m: 'x' } } })],
    ['a text for a body', token => ({ request: { body: `m=x&t=${token}` } })],
    ['a header of any name', token => ({ request: { headers: { 'X-Pass': token } } })],
    ['the address of the probe', (token, url) => ({ request: {}, probe: { url: `${url}/probe?t=${token}` } })],
    ['a header of the probe', token => ({ request: {}, probe: { path: '/probe', headers: { 'X-Pass': token } } })],
  ])('asks again after a 401 when the secret has changed that stands in %s', async (_, more) => {
    const [bad, renewed] = ['bad-token-1234', 'good-token-1234']
    const peer = await service(text(401, ''))
    const { run, dir } = bench()
    const by = (secret: string) => run(hook(peer.url, more(secret, peer.url)), { secrets: [secret] })
    const first = trouble(await by(bad))
    expect(first.code).toBe('message/unauthorized')
    expect(codeOf(await by(bad))).toBe('message/unauthorized')
    expect(peer.calls).toHaveLength(1)
    peer.play = good
    expect(codeOf(await by(renewed))).toBe('message/delivered')
    expect(everything(dir)).not.toMatch(/bad-token|good-token/)
  })

  it.each<[string, object, RegExp]>([
    ['the body', { request: { body: { token: 'a' } } }, /renew the secret in `request\.body` or `url`$/],
    ['a header', { request: { headers: { a: 'b' } } }, /renew the secret in `request\.headers` or `url`$/],
    ['the probe', { request: {}, probe: { url: 'URL/probe' } }, /renew the secret in `probe\.url`$/],
  ])('says where the credential stands that is refused: in %s', async (_, more, next) => {
    const peer = await service(text(401, ''))
    const options = JSON.parse(JSON.stringify(hook(peer.url, more)).replace('URL/', `${peer.url}/`))
    expect(trouble(await bench().run(options)).next).toMatch(next)
  })

  it('keeps its credentials for the host that they were declared for', async () => {
    const peer = await service(good)
    const other = await service(text(200, ''))
    await bench().run(hook(peer.url, { probe: { url: `${other.url}/status` } }))
    expect(other.calls[0]?.headers.authorization).toBeUndefined()
    expect(peer.calls[0]?.headers.authorization).toBe('Bearer s3cr3t-s3cr3t')
    await bench().run(hook(peer.url, { probe: { path: '/status' } }))
    expect(peer.calls[1]?.headers.authorization).toBe('Bearer s3cr3t-s3cr3t')
  })

  it('hides the path, the credential and the query, and keeps none of them', async () => {
    const echo: Play = (call, response) =>
      text(400, `cannot ${call.url} as ${call.headers.authorization}`)(call, response)
    const peer = await service(echo)
    const { run, dir } = bench()
    const options = hook(`${peer.url}`, { url: `${peer.url}/services/T0ABCDEF1/hunter2hunter2?key=swordfish99` })
    const shown = [JSON.stringify([await run(options), await run(options)]), everything(dir)].join('\n')
    for (const secret of ['hunter2', 'T0ABCDEF1', 'swordfish99', 's3cr3t']) expect(shown).not.toContain(secret)
    expect(shown).toContain('message/rejected')
  })

  it('lets a changed credential or address try again after a refusal', async () => {
    const peer = await service(text(403, ''))
    const { run } = bench()
    await run(hook(peer.url))
    await run(hook(peer.url))
    expect(peer.calls).toHaveLength(1)
    await run(
      hook(peer.url, { request: { headers: { Authorization: 'Bearer new-credential' }, body: { text: 'hello' } } }),
    )
    expect(peer.calls).toHaveLength(2)
    await run(hook(peer.url, { url: `${peer.url}/other` }))
    expect(peer.calls).toHaveLength(3)
    await run(
      hook(peer.url, { request: { headers: { Authorization: 'Bearer new-credential' }, body: { text: 'changed' } } }),
    )
    expect(peer.calls).toHaveLength(3)
  })
})

describe('a webhook with a message for people', () => {
  const env = { BOOTCHECK_MESSAGE: 'it "broke"\ntwice' }
  const hook = (url: string, body?: unknown) => ({
    channel: 'webhook',
    url: `${url}/hook`,
    request: body === undefined ? {} : { body },
    expect: { status: 204 },
  })

  it('carries it where the body has room for it', async () => {
    const bodies: string[] = []
    const peer = await service((call, response) => {
      bodies.push(call.body)
      response.writeHead(204).end()
    })
    for (const body of [undefined, { content: `news: ${env.BOOTCHECK_MESSAGE}` }, env.BOOTCHECK_MESSAGE])
      expect(codeOf(await bench().run(hook(peer.url, body), { env }))).toBe('message/delivered')
    expect(bodies).toEqual([
      JSON.stringify({ text: env.BOOTCHECK_MESSAGE }),
      JSON.stringify({ content: `news: ${env.BOOTCHECK_MESSAGE}` }),
      env.BOOTCHECK_MESSAGE,
    ])
  })

  it('sends nothing where it would say something else', async () => {
    const peer = await service((_, response) => void response.writeHead(204).end())
    const verdict = await bench().run(hook(peer.url, { text: 'a delivery test' }), { env })
    expect(verdict).toMatchObject({ status: 'fail', summary: expect.stringContaining('BOOTCHECK_MESSAGE') })
    expect(peer.calls).toEqual([])
  })
})

describe('options', () => {
  const url = 'http://127.0.0.1:1'
  it.each<[string, object, RegExp, RegExp]>([
    [
      'a key of another channel',
      telegram(url, { url }),
      /does not read url: that belongs to webhook/,
      /delete the line `url`/,
    ],
    [
      'a missing key',
      { channel: 'telegram', url, request: {}, expect: {} },
      /does not read url, request, expect/,
      /delete/,
    ],
    ['a missing expect', { channel: 'webhook', url, request: {} }, /lacks expect/, /write a line `expect/],
    ['a missing request', { channel: 'webhook', url, expect: {} }, /lacks request/, /write a line `request/],
    ['a probe without one', { channel: 'webhook', url, depth: 'probe' }, /lacks probe/, /write a line `probe/],
    ['a token with a newline', telegram(url, { token: `${TOKEN}\n` }), /token holds a character/, /newline/],
    ['an api with a query', telegram(url, { api: `${url}/?x` }), /api is not a base address/, /api/],
    ['an interval that is no manners', telegram(url, { every: '5s' }), /every is 5s, and a restart loop/, /every: 1h/],
    ['an interval beyond timers', telegram(url, { every: '60d' }), /every is 60d, which is too long/, /every: 24d/],
    ['a chat that is blank', telegram(url, { chat: ' ' }), /chat is no id and no name/, /line `chat`/],
    ['a chat on two lines', telegram(url, { chat: 'a\nb' }), /chat is no id and no name/, /line `chat`/],
    ['a chat without end', telegram(url, { chat: 'a'.repeat(5000) }), /chat is no id and no name/, /line `chat`/],
    [
      'a channel that is blank',
      { channel: 'slack', token: 'xoxb-1', chat: ' ', api: url },
      /chat is no id and no name/,
      /line `chat`/,
    ],
    [
      'an address that is none',
      { channel: 'webhook', url: 'http://[', request: {}, expect: {} },
      /url is not an address/,
      /url/,
    ],
    [
      'a password in the address',
      { channel: 'webhook', url: 'http://u:p@127.0.0.1:1', request: {}, expect: {} },
      /password stands in an address/,
      /headers/,
    ],
    [
      'a header on two lines',
      { channel: 'webhook', url, request: { headers: { a: 'b\r\nc: d' } }, expect: {} },
      /header "a"/,
      /headers/,
    ],
    [
      'a header that is not ours',
      { channel: 'webhook', url, request: { headers: { Host: 'x' } }, expect: {} },
      /header "Host"/,
      /headers/,
    ],
    [
      'a text that would not be sent',
      { channel: 'webhook', url, request: { body: {} }, expect: {}, text: 'x' },
      /text would not be sent/,
      /text/,
    ],
    [
      'a GET with a body',
      { channel: 'webhook', url, request: { method: 'GET', body: {} }, expect: {} },
      /GET carries no body/,
      /method/,
    ],
    [
      'a probe that leads elsewhere',
      { channel: 'webhook', url, request: {}, expect: {}, probe: { path: '//evil.example/' } },
      /another host/,
      /delete/,
    ],
  ])('%s', async (_, options, summary, next) => {
    const { run, dir } = bench()
    const verdict = trouble(await run(options))
    expect(verdict).toMatchObject({ status: 'fail', code: 'message/options' })
    expect(verdict.summary).toMatch(summary)
    expect(verdict.next).toMatch(next)
    expect(JSON.stringify(verdict)).not.toContain(TOKEN)
    expect(readdirSync(dir)).toEqual([])
  })

  it.each([
    ['no channel', { token: TOKEN, chat: 1 }],
    ['an unknown channel', { channel: 'pigeon', token: TOKEN, chat: 1 }],
    ['an unknown key', telegram(url, { chats: 1 })],
    ['an unknown depth', telegram(url, { depth: 'deep' })],
    ['a status that is an error', { channel: 'webhook', url, request: {}, expect: { status: 404 } }],
    ['an unknown key of expect', { channel: 'webhook', url, request: {}, expect: { text: 'ok' } }],
  ])('are refused by the schema: %s', async (_, options) => {
    await expect(completed(message, options)).rejects.toThrow()
  })

  it.each<[string, string, RegExp | undefined]>([
    [
      'no key of the channel',
      'channel: discord',
      /channel discord at depth deliver lacks hook .expected: hook, or token and chat.; write/,
    ],
    ['half a form', 'channel: discord\ntoken: ${secret:TOKEN}', /lacks chat .*; write a line `chat: …`/],
    ['a key of another channel', 'channel: telegram\ntopic: x', /does not read topic: that belongs to ntfy/],
    ['a key that is required at this depth', 'channel: webhook\nurl: http://127.0.0.1:1/', /lacks request, expect/],
    ['an interval that is no manners', 'channel: ntfy\ntopic: x\nevery: 1s', /every is 1s/],
    ['a name that is none', 'channel: ntfy\ntopic: a b', /topic is not the name/],
    ['a name that is none beside an open key', 'channel: ntfy\ntopic: a b\ntoken: ${secret:TOKEN}', /topic is not/],
    ['an open name', 'channel: ntfy\ntopic: ${env:TOPIC} x', undefined],
    ['an open channel', 'channel: ${env:CHANNEL}\ntopic: x', undefined],
    ['an open interval', 'channel: ntfy\ntopic: x\nevery: ${env:EVERY}', undefined],
    ['an open address', 'channel: discord\nhook: ${secret:HOOK}', undefined],
    ['an open credential', 'channel: telegram\ntoken: ${secret:TOKEN}\nchat: 1', undefined],
    ['what may be sent', 'channel: webhook\nurl: http://127.0.0.1:1/\nrequest: {}\nexpect: {}', undefined],
    ['a key that was not read', 'channel: ntfy\ntopic=x', undefined],
  ])('are judged before anything runs: %s', async (_, lines, said) => {
    const text = `---\nbootcheck: 1\n---\n# Boot\n\n\`\`\`yaml boot\ncheck: message\nid: m\n${lines}\n\`\`\`\n`
    const { errors } = await parseManifest(text, { file: 'BOOT.md' })
    const conflicts = errors.filter(({ code }) => code === 'E306').map(({ message }) => message)
    expect(conflicts).toEqual(said ? [expect.stringMatching(said)] : [])
    if (said) expect(errors).toHaveLength(1)
  })

  it('are never retried', () => {
    expect(message.sends).toBe(true)
  })

  it('holds what its examples promise', async () => {
    for (const example of message.examples) {
      const secrets = Object.entries(example.env ?? {})
      const options = JSON.parse(
        secrets.reduce(
          (text, [name, value]) => text.replaceAll(`\${secret:${name}}`, value),
          JSON.stringify(example.options),
        ),
      )
      const peers = await Promise.all(
        (example.servers ?? []).map(
          async ({ status, body, port }) => [port, await service(text(status, body))] as const,
        ),
      )
      for (const [port, peer] of peers)
        for (const key of ['api', 'url', 'hook'])
          if (typeof options[key] === 'string') options[key] = options[key].replace(`:${port}`, `:${peer.port}`)
      const verdict = await bench().run(options, { secrets: secrets.map(([, value]) => value) })
      expect({ status: verdict.status, code: codeOf(verdict) }).toEqual(example.expect)
    }
  })
})

describe('proxies', () => {
  const env = (port: number, more: object = {}) => ({ http_proxy: `http://user:pass-word@127.0.0.1:${port}`, ...more })

  it('goes through the one that the environment names', async () => {
    const api = await service(botApi())
    const through = await proxy()
    expect(codeOf(await bench().run(telegram(api.url), { env: env(through.port) }))).toBe('message/delivered')
    expect(through.requests[0]).toMatch(`${api.url}/`)
    expect(through.credentials).toContain(`Basic ${Buffer.from('user:pass-word').toString('base64')}`)
  })

  it('and around it where NO_PROXY says so', async () => {
    const api = await service(botApi())
    const port = await freePort()
    expect(codeOf(await bench().run(telegram(api.url), { env: env(port, { NO_PROXY: '127.0.0.1' }) }))).toBe(
      'message/delivered',
    )
  })

  it('says so when the proxy refuses, is not there, or is no address', async () => {
    const api = await service(botApi())
    const refusing = await proxy(407)
    const verdicts = [
      await bench().run(telegram(api.url), { env: env(refusing.port) }),
      await bench().run(telegram(api.url), { env: env(await freePort()) }),
      await bench().run(telegram(api.url), { env: { http_proxy: 'http://[' } }),
    ].map(trouble)
    expect(verdicts.map(codeOf)).toEqual(['message/proxy', 'message/proxy', 'message/proxy'])
    expect(verdicts[0]?.observed).toMatch(/the proxy \S+ answered 407/)
    expect(verdicts[1]?.observed).toContain('refused the connection')
    expect(JSON.stringify(verdicts)).not.toContain('pass-word')
    expect(api.calls).toEqual([])
  })

  it('asks one that closes each connection once, and says so', async () => {
    for (const api of ['http://127.0.0.1:1', 'https://127.0.0.1:1'])
      for (const said of [undefined, '']) {
        const peer = await closing(said)
        const verdict = trouble(await bench().run(telegram(api), { env: env(peer.port) }))
        expect([codeOf(verdict), peer.connections()]).toEqual(['message/proxy', 1])
      }
  })

  it('does not know what became of a message that a proxy took and did not answer for', async () => {
    const taken = await closing('')
    const hook = { channel: 'webhook', url: 'http://127.0.0.1:1/hook', request: {}, expect: { status: 204 } }
    const verdict = trouble(await bench().run(hook, { env: env(taken.port) }))
    expect([codeOf(verdict), taken.connections()]).toEqual(['message/unknown', 1])
    expect(verdict.observed).toContain('the proxy')
    const refusing = await proxy(407)
    expect(codeOf(await bench().run(hook, { env: env(refusing.port) }))).toBe('message/proxy')
  })

  it('does not look into the environment of the process itself', async () => {
    const before = process.env.http_proxy
    process.env.http_proxy = `http://127.0.0.1:${await freePort()}`
    onTestFinished(() => {
      if (before === undefined) delete process.env.http_proxy
      else process.env.http_proxy = before
    })
    const api = await service(botApi())
    expect(codeOf(await bench().run(telegram(api.url), { env: {} }))).toBe('message/delivered')
  })
})
