/** The channels with an API of their own: what they ask, what they take for proof, and every way in which a service may fail them. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Trouble, Verdict } from '../../../core/check.ts'
import {
  bench,
  type Call,
  dripping,
  endless,
  everything,
  half,
  hangUp,
  json,
  type Play,
  type Service,
  service,
  silence,
  storeOf,
  text,
} from './bench.ts'
import { slackDouble } from './doubles.ts'

const trouble = (verdict: Verdict): Trouble => {
  if (verdict.status !== 'warn' && verdict.status !== 'fail') throw new Error(`no trouble: ${JSON.stringify(verdict)}`)
  return verdict
}

const codeOf = (verdict: Verdict): string => ('code' in verdict ? verdict.code : verdict.status)

/** A service as it is when all is well. */
interface Double {
  readonly name: string
  readonly secret: string
  readonly options: (url: string) => object
  /** By `METHOD /path`. */
  readonly good: Readonly<Record<string, Play>>
  /** The request that asks first; undefined where the service has none. */
  readonly probe: string | undefined
  readonly deliver: string
  readonly watched: readonly string[]
  readonly receipt: string
}

const routeOf = ({ method, url }: Call): string => `${method} ${new URL(url, 'http://localhost').pathname}`

const playing =
  (good: Double['good'], other: Readonly<Record<string, Play>> = {}): Play =>
  (call, response) => {
    const play = other[routeOf(call)] ?? good[routeOf(call)] ?? text(418, `unexpected ${routeOf(call)}`)
    play(call, response)
  }

const count = ({ calls }: Service, route: string): number => calls.filter(call => routeOf(call) === route).length

const gone: Play = (_, response) => void response.writeHead(204).end()

const BOT = 'MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs'
const CHANNEL = '290926798999357250'
const HOOK = 'kJ9hs7Xw2pQmZr4tVbNcLd8fGy3aE6uT'
const WEBHOOK = '223704706495545344'
const limits = (remaining: number) => ({
  url: 'wss://gateway.discord.gg',
  shards: 1,
  session_start_limit: { total: 1000, remaining, reset_after: 14_400_000, max_concurrency: 1 },
})

const discordBot: Double = {
  name: 'discord bot',
  secret: BOT,
  options: url => ({ channel: 'discord', token: BOT, chat: CHANNEL, api: `${url}/api/v10` }),
  good: {
    'GET /api/v10/users/@me': json(200, { id: '198622483471925248', username: 'home_bot', bot: true }),
    [`GET /api/v10/channels/${CHANNEL}`]: json(200, { id: CHANNEL, type: 0, name: 'gateway' }),
    'GET /api/v10/gateway/bot': json(200, limits(995)),
    [`POST /api/v10/channels/${CHANNEL}/messages`]: json(200, { id: '334385199974967042', channel_id: CHANNEL }),
    [`DELETE /api/v10/channels/${CHANNEL}/messages/334385199974967042`]: gone,
  },
  probe: 'GET /api/v10/users/@me',
  deliver: `POST /api/v10/channels/${CHANNEL}/messages`,
  watched: ['discord bot home_bot', 'channel #gateway'],
  receipt: '334385199974967042',
}

const discordHook: Double = {
  name: 'discord webhook',
  secret: HOOK,
  options: url => ({ channel: 'discord', hook: `${url}/api/webhooks/${WEBHOOK}/${HOOK}` }),
  good: {
    [`GET /api/webhooks/${WEBHOOK}/${HOOK}`]: json(200, {
      id: WEBHOOK,
      name: 'alarms',
      channel_id: CHANNEL,
      token: HOOK,
    }),
    [`POST /api/webhooks/${WEBHOOK}/${HOOK}`]: (call, response) =>
      // As Discord does: without `wait` nothing is said of the message.
      (call.url.includes('wait=true') ? json(200, { id: '334385199974967043' }) : gone)(call, response),
    [`DELETE /api/webhooks/${WEBHOOK}/${HOOK}/messages/334385199974967043`]: gone,
  },
  probe: `GET /api/webhooks/${WEBHOOK}/${HOOK}`,
  deliver: `POST /api/webhooks/${WEBHOOK}/${HOOK}`,
  watched: ['discord webhook alarms'],
  receipt: '334385199974967043',
}

const XOXB = 'xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy'
const SLACK_CHANNEL = 'C024BE91L'
const SLACK_HOOK = 'qZ7nB2vX9kLm4RtYw8sPcD3f'

const slackBot: Double = {
  name: 'slack bot',
  secret: XOXB,
  options: url => ({ channel: 'slack', token: XOXB, chat: '#gateway', api: `${url}/api/` }),
  good: {
    'POST /api/auth.test': json(200, { ok: true, team: 'Home', user: 'home_bot', user_id: 'U0G9QF9C6' }),
    'POST /api/chat.postMessage': json(200, { ok: true, channel: SLACK_CHANNEL, ts: '1503435956.000247' }),
    'POST /api/chat.delete': json(200, { ok: true, channel: SLACK_CHANNEL, ts: '1503435956.000247' }),
  },
  probe: 'POST /api/auth.test',
  deliver: 'POST /api/chat.postMessage',
  watched: ['slack app home_bot'],
  receipt: `${SLACK_CHANNEL}/1503435956.000247`,
}

const slackHook: Double = {
  name: 'slack webhook',
  secret: SLACK_HOOK,
  options: url => ({ channel: 'slack', hook: `${url}/services/T024BE7LD/B024BE7LH/${SLACK_HOOK}` }),
  good: { [`POST /services/T024BE7LD/B024BE7LH/${SLACK_HOOK}`]: text(200, 'ok') },
  probe: undefined,
  deliver: `POST /services/T024BE7LD/B024BE7LH/${SLACK_HOOK}`,
  watched: ['slack webhook B024BE7LH'],
  receipt: 'ok',
}

const TK = 'tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2'

const ntfy: Double = {
  name: 'ntfy',
  secret: TK,
  options: url => ({ channel: 'ntfy', topic: 'gateway_4711', token: TK, api: url }),
  good: {
    'GET /v1/health': json(200, { healthy: true }),
    'GET /gateway_4711/auth': json(200, { success: true }),
    'POST /gateway_4711': json(200, { id: 'hwQ2YpKdmg', event: 'message', topic: 'gateway_4711', message: 'm' }),
  },
  probe: 'GET /gateway_4711/auth',
  deliver: 'POST /gateway_4711',
  watched: ['ntfy topic gateway_4711'],
  receipt: 'hwQ2YpKdmg',
}

const doubles = [discordBot, discordHook, slackBot, slackHook, ntfy]

const says = (status: number, what: string): Play => json(status, { message: what, error: what })

/** What every channel has to tell apart: the code when it meets the probe, and when it meets the message. */
const failures = (secret: string): readonly [name: string, play: Play, probe: string, deliver: string][] => [
  ['401', says(401, `no ${secret}`), 'unauthorized', 'unauthorized'],
  ['403', says(403, `no ${encodeURIComponent(secret)}`), 'forbidden', 'forbidden'],
  [
    '404 with the address in it',
    (call, response) => text(404, `no ${call.url} ${call.headers.authorization}`)(call, response),
    'not-found',
    'not-found',
  ],
  [
    '429',
    (call, response) => text(429, secret, { 'retry-after': '30' })(call, response),
    'rate-limited',
    'rate-limited',
  ],
  ['500', text(500, `trace ${Buffer.from(secret).toString('base64')}`), 'server-error', 'server-error'],
  ['400', says(400, `bad ${secret}`), 'rejected', 'rejected'],
  ['200 and no JSON', text(200, `<html>sign in to the hotel ${secret}</html>`), 'reply', 'reply'],
  ['200 and another JSON', json(200, { hello: secret }), 'reply', 'reply'],
  ['204', gone, 'reply', 'reply'],
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

describe.each(doubles)('$name', double => {
  const { secret, options, good, probe, deliver, watched, receipt } = double
  const removal = Object.keys(good).find(route => /^DELETE|chat.delete$/.test(route))

  it('delivers, takes the receipt, and takes the message away again; inside the interval it only probes', async () => {
    const api = await service(playing(good))
    const { run, dir } = bench()
    const verdict = await run(options(api.url))
    expect(verdict).toMatchObject({ status: 'pass', code: 'message/delivered', watched, facts: { receipt } })
    expect(api.calls.map(routeOf)).toEqual(Object.keys(good))
    api.calls.length = 0
    expect(codeOf(await run(options(api.url)))).toBe('message/stands')
    expect(api.calls.map(routeOf)).toEqual(Object.keys(good).filter(route => route !== deliver && route !== removal))
    expect(`${JSON.stringify(verdict)}${everything(dir)}`).not.toContain(secret)
  })

  it('asks at depth probe, and sends nothing', async () => {
    const api = await service(playing(good))
    const { run, dir } = bench()
    const verdict = await run({ ...options(api.url), depth: 'probe' })
    expect(readdirSync(dir)).toEqual([])
    expect(count(api, deliver)).toBe(0)
    if (probe === undefined) {
      expect(api.calls).toEqual([])
      expect(verdict).toMatchObject({ status: 'fail', code: 'message/options', next: 'write `depth: deliver`' })
    } else expect(verdict).toMatchObject({ status: 'pass', code: 'message/probed', watched })
  })

  it('leaves a message for people where it is', async () => {
    const api = await service(playing(good))
    const env = { BOOTCHECK_MESSAGE: 'gateway <is> refused & "down"' }
    expect(codeOf(await bench().run({ ...options(api.url), depth: 'probe' }, { env }))).toBe('message/delivered')
    if (removal !== undefined) expect(count(api, removal)).toBe(0)
  })

  it.each(failures(secret))(
    'tells %s apart, in time, without the secret, and tries nothing twice',
    async (_, play, atProbe, atDelivery) => {
      for (const [route, what] of [
        [probe, atProbe],
        [deliver, atDelivery],
      ] as const) {
        // The right to read is not what a delivery needs.
        if (route === undefined || (double === ntfy && route === probe && what === 'forbidden')) continue
        const api = await service(playing(good, { [route]: play }))
        const { run, dir } = bench()
        const began = performance.now()
        const first = await run(options(api.url), { timeoutMs: 1000 })
        expect(performance.now() - began).toBeLessThan(5000)
        expect(trouble(first)).toMatchObject({ status: 'fail', code: `message/${what}` })
        expect(trouble(first).observed).not.toBe('')
        expect(count(api, route)).toBe(1)
        if (what === 'rate-limited') expect(first).toMatchObject({ facts: { holdMs: 30_000 } })

        const second = trouble(await run(options(api.url), { timeoutMs: 1000 }))
        expect(second.status).toBe('fail')
        expect(count(api, deliver)).toBe(route === deliver ? 1 : 0)
        if (route === deliver || what === 'unauthorized') {
          expect(second.code).toBe(`message/${what}`)
          expect(second.facts).toMatchObject({ remembered: true })
          expect(count(api, route)).toBe(1)
        }
        const shown = [JSON.stringify([first, second]), everything(dir)].join('\n')
        for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
          expect(shown).not.toContain(form)
      }
    },
  )

  it('warns of a message that it could not take away', async () => {
    if (removal === undefined) return
    const api = await service(playing(good, { [removal]: says(403, 'Missing Permissions') }))
    expect(await bench().run(options(api.url))).toMatchObject({
      status: 'warn',
      code: 'message/left-behind',
      facts: { receipt },
    })
  })
})

const bodyOf = (api: Service, route: string): unknown =>
  JSON.parse(api.calls.find(call => routeOf(call) === route)?.body ?? 'null')

const told = async (double: Double, other: Readonly<Record<string, Play>>): Promise<Trouble> => {
  const api = await service(playing(double.good, other))
  return trouble(await bench().run(double.options(api.url)))
}

describe('discord', () => {
  it('sends silently, names nobody, and loudly what people are to notice', async () => {
    for (const double of [discordBot, discordHook]) {
      const api = await service(playing(double.good))
      await bench().run({ ...double.options(api.url), text: 'hi @everyone' })
      expect(bodyOf(api, double.deliver)).toMatchObject({
        content: 'hi @everyone',
        flags: 4096,
        allowed_mentions: { parse: [] },
      })
      api.calls.length = 0
      await bench().run(double.options(api.url), { env: { BOOTCHECK_MESSAGE: 'x'.repeat(3000) } })
      const body = bodyOf(api, double.deliver) as { content: string }
      expect(body).not.toHaveProperty('flags')
      expect(body.content).toHaveLength(2000)
    }
  })

  it('gives each message of a bot a nonce that Discord checks, and says who asks', async () => {
    const api = await service(playing(discordBot.good))
    await bench().run(discordBot.options(api.url))
    expect(bodyOf(api, discordBot.deliver)).toMatchObject({
      nonce: expect.stringMatching(/^[\da-f]{25}$/),
      enforce_nonce: true,
    })
    for (const { headers } of api.calls) {
      expect(headers.authorization).toBe(`Bot ${BOT}`)
      expect(headers['user-agent']).toMatch(/^DiscordBot \(https:.*, \d+\)$/)
    }
  })

  it('writes to a thread, and keeps the query of the address there', async () => {
    const api = await service(playing(discordHook.good))
    await bench().run({ channel: 'discord', hook: `${api.url}/api/webhooks/${WEBHOOK}/${HOOK}/?thread_id=42` })
    expect(api.calls.map(call => call.url.replace(/^[^?]*/, ''))).toEqual([
      '',
      '?wait=true&thread_id=42',
      '?thread_id=42',
    ])
  })

  it('warns when few sessions are left, and not before', async () => {
    const at = async (remaining: number) => {
      const api = await service(playing(discordBot.good, { 'GET /api/v10/gateway/bot': json(200, limits(remaining)) }))
      return bench().run(discordBot.options(api.url))
    }
    expect(await at(100)).toMatchObject({ status: 'pass', facts: { sessionsLeft: 100 } })
    expect(await at(99)).toMatchObject({
      status: 'warn',
      code: 'message/sessions-low',
      summary: expect.stringContaining('99 more sessions in 4.0 h'),
      facts: { receipt: discordBot.receipt },
    })
    expect((await told(discordBot, { 'GET /api/v10/gateway/bot': json(200, {}) })).code).toBe('message/reply')
  })

  it.each([
    ['beyond all time', 1e308],
    ['of less than none', -1],
    ['beyond a day', 86_400_001],
    ['that is no number', 'soon'],
  ])('does not repeat a reset %s', async (_, after) => {
    const { session_start_limit: limit, ...rest } = limits(5) as { session_start_limit: object }
    const body = { ...rest, session_start_limit: { ...limit, reset_after: after } }
    const api = await service(playing(discordBot.good, { 'GET /api/v10/gateway/bot': json(200, body) }))
    expect(await bench().run(discordBot.options(api.url))).toMatchObject({
      code: 'message/sessions-low',
      summary: expect.stringContaining('only 5 more sessions today'),
    })
  })

  it('never asks again with a webhook that is gone or was given another token', async () => {
    for (const [status, code, message] of [
      [404, 10015, 'Unknown Webhook'],
      [401, 50027, 'Invalid Webhook Token'],
    ] as const) {
      const api = await service(
        playing(discordHook.good, { [discordHook.probe ?? '']: json(status, { code, message }) }),
      )
      const { run, clock } = bench()
      expect(await run(discordHook.options(api.url))).toMatchObject({
        code: 'message/unauthorized',
        observed: `${status} ${message} (${code})`,
        next: expect.stringContaining('make a webhook'),
      })
      clock.pass(100 * 3_600_000)
      expect(await run(discordHook.options(api.url))).toMatchObject({
        code: 'message/unauthorized',
        facts: { remembered: true },
      })
      expect(api.calls).toHaveLength(1)
    }
  })

  it.each<[string, string, Play, string, RegExp]>([
    [
      'a channel that the bot cannot see',
      `GET /api/v10/channels/${CHANNEL}`,
      json(403, { code: 50001, message: 'Missing Access' }),
      'forbidden',
      /View Channel/,
    ],
    [
      'a channel that was deleted',
      `GET /api/v10/channels/${CHANNEL}`,
      json(404, { code: 10003, message: 'Unknown Channel' }),
      'not-found',
      /Copy Channel ID/,
    ],
    ['another channel', `GET /api/v10/channels/${CHANNEL}`, json(200, { id: '1' }), 'reply', /curl/],
    [
      'a limit with parts of a second',
      discordBot.deliver,
      json(429, { message: 'You are being rate limited.', retry_after: 64.57, global: false }),
      'rate-limited',
      /send less/,
    ],
    ['a 200 that refuses', discordBot.deliver, json(200, { ok: false, message: 'no' }), 'reply', /curl/],
  ])('tells %s', async (_, route, play, what, next) => {
    const verdict = await told(discordBot, { [route]: play })
    expect(verdict.code).toBe(`message/${what}`)
    expect(verdict.next).toMatch(next)
    if (what === 'rate-limited') expect(verdict.facts).toMatchObject({ holdMs: 64_570 })
  })
})

describe('slack', () => {
  it('delivers by way of a double that nobody here wrote, and takes the message away again', async () => {
    const slack = await slackDouble()
    const ask = async (method: string, body: object): Promise<unknown> => {
      const headers = { authorization: `Bearer ${XOXB}`, 'content-type': 'application/json' }
      return (await fetch(`${slack}/${method}`, { method: 'POST', headers, body: JSON.stringify(body) })).json()
    }
    const texts = async (): Promise<readonly string[]> => {
      const { channels } = (await ask('conversations.list', {})) as { channels: { id: string; name: string }[] }
      const channel = channels.find(({ name }) => name === 'general')?.id
      const { messages } = (await ask('conversations.history', { channel })) as { messages: { text: string }[] }
      return messages.map(message => message.text)
    }
    const options = { channel: 'slack', token: XOXB, chat: 'general', api: slack }
    const { run } = bench()
    expect(await run({ ...options, text: 'a test' })).toMatchObject({
      status: 'pass',
      code: 'message/delivered',
      watched: ['slack app admin'],
      facts: { receipt: expect.stringMatching(/^C\w+\/\d+\.\d+$/), team: 'Emulate' },
    })
    expect(await texts()).not.toContain('a test')
    const env = { BOOTCHECK_MESSAGE: 'the gateway is refused' }
    expect(codeOf(await bench().run(options, { env }))).toBe('message/delivered')
    expect(await texts()).toContain('the gateway is refused')
    expect(codeOf(await bench().run({ ...options, chat: 'nowhere' }))).toBe('message/not-found')

    // It lets every token pass, so the one that is shown to it is left out on the way.
    const without = await service((call, response) => {
      fetch(`${slack}${call.url}`, { method: call.method, body: call.body }).then(async answer =>
        json(answer.status, await answer.json())(call, response),
      )
    })
    const refused = trouble(await bench().run({ ...options, api: without.url }))
    expect(refused).toMatchObject({ code: 'message/unauthorized', observed: 'HTTP 200, ok is false: not_authed' })
  })

  it('sends the text as it stands: nothing in it is a mention', async () => {
    for (const double of [slackBot, slackHook]) {
      const api = await service(playing(double.good))
      await bench().run(double.options(api.url), { env: { BOOTCHECK_MESSAGE: '<!channel> a & b' } })
      expect(bodyOf(api, double.deliver)).toMatchObject({ text: '&lt;!channel&gt; a &amp; b' })
    }
  })

  it('shows its token in a header, and names the message to be deleted by the id of its channel', async () => {
    const api = await service(playing(slackBot.good))
    await bench().run(slackBot.options(api.url))
    expect(bodyOf(api, slackBot.deliver)).toMatchObject({ channel: '#gateway' })
    expect(bodyOf(api, 'POST /api/chat.delete')).toEqual({ channel: SLACK_CHANNEL, ts: '1503435956.000247' })
    for (const { headers } of api.calls) expect(headers.authorization).toBe(`Bearer ${XOXB}`)
  })

  it.each<[string, string, RegExp]>([
    ['invalid_auth', 'unauthorized', /OAuth/],
    ['not_authed', 'unauthorized', /OAuth/],
    ['token_revoked', 'unauthorized', /OAuth/],
    ['channel_not_found', 'not-found', /`chat`/],
    ['not_in_channel', 'forbidden', /invite/],
    ['is_archived', 'forbidden', /archived/],
    ['missing_scope', 'forbidden', /chat:write/],
    ['ratelimited', 'rate-limited', /send less/],
    ['internal_error', 'server-error', /curl/],
    ['msg_too_long', 'rejected', /curl/],
    ['constructor', 'rejected', /curl/],
  ])('reads a 200 that says %s', async (error, what, next) => {
    for (const route of [slackBot.probe, slackBot.deliver]) {
      const verdict = await told(slackBot, { [route ?? '']: json(200, { ok: false, error }) })
      expect(verdict.code).toBe(`message/${what}`)
      expect(verdict.observed).toContain(error)
      expect(verdict.next).toMatch(next)
    }
  })

  it.each<[string, Play]>([
    ['ok without a time', json(200, { ok: true, channel: SLACK_CHANNEL })],
    ['ok in words', json(200, { ok: 'true', channel: SLACK_CHANNEL, ts: '1.2' })],
    ['false without a reason', json(200, { ok: false })],
  ])('is not satisfied with %s', async (_, play) => {
    expect((await told(slackBot, { [slackBot.deliver]: play })).code).toBe('message/reply')
  })

  it.each<[number, string, string]>([
    [400, 'no_text', 'rejected'],
    [403, 'action_prohibited', 'forbidden'],
    [404, 'no_service', 'not-found'],
    [410, 'channel_is_archived', 'not-found'],
    [200, '{"ok":true}', 'reply'],
    [200, 'invalid_payload', 'reply'],
    [201, 'ok', 'reply'],
  ])('reads %i %s of a webhook', async (status, body, what) => {
    const verdict = await told(slackHook, { [slackHook.deliver]: text(status, body) })
    expect(verdict.code).toBe(`message/${what}`)
    expect(verdict.observed).toContain(body)
  })
})

describe('ntfy', () => {
  const AUTH = 'GET /gateway_4711/auth'
  const error = (code: number, said: string): Play =>
    json(Math.floor(code / 100), { code, http: Math.floor(code / 100), error: said, link: 'https://ntfy.sh/docs' })

  it('sends quietly and is not kept, and loudly what people are to notice', async () => {
    const api = await service(playing(ntfy.good))
    await bench().run({ ...ntfy.options(api.url), text: 'grüß Gott' })
    await bench().run(ntfy.options(api.url), { env: { BOOTCHECK_MESSAGE: `x${'ü'.repeat(3000)}` } })
    const [quiet, loud] = api.calls.filter(({ method }) => method === 'POST')
    expect(quiet).toMatchObject({ body: 'grüß Gott', headers: { priority: '1', cache: 'no' } })
    expect(loud?.headers).toMatchObject({ priority: '4' })
    expect(loud?.headers.cache).toBeUndefined()
    expect(Buffer.byteLength(loud?.body ?? '')).toBeLessThanOrEqual(4096)
    expect(loud?.body).toMatch(/^xü+…$/)
  })

  it('shows its token to the topic alone, and none where there is none', async () => {
    const api = await service(playing(ntfy.good))
    await bench().run(ntfy.options(api.url))
    expect(api.calls.map(call => call.headers.authorization)).toEqual([undefined, `Bearer ${TK}`, `Bearer ${TK}`])
    api.calls.length = 0
    const open = { channel: 'ntfy', topic: 'gateway_4711', api: api.url }
    expect(codeOf(await bench().run(open))).toBe('message/delivered')
    expect(api.calls.map(call => call.headers.authorization)).toEqual([undefined, undefined, undefined])
  })

  it('lets a token deliver that may write and not read, and does not call it good without a delivery', async () => {
    const api = await service(playing(ntfy.good, { [AUTH]: error(40301, 'forbidden') }))
    expect(await bench().run(ntfy.options(api.url))).toMatchObject({
      status: 'pass',
      code: 'message/delivered',
      facts: { mayRead: false },
    })
    expect(await bench().run({ ...ntfy.options(api.url), depth: 'probe' })).toMatchObject({
      status: 'fail',
      code: 'message/forbidden',
      next: expect.stringContaining('depth: deliver'),
    })
  })

  it.each<[string, string, Play, string, RegExp]>([
    ['a token that is none', AUTH, error(40101, 'unauthorized'), 'unauthorized', /ntfy token add/],
    ['no right to write', ntfy.deliver, error(40301, 'forbidden'), 'forbidden', /ntfy access USER gateway_4711/],
    ['too many requests', ntfy.deliver, error(42901, 'limit reached'), 'rate-limited', /send less/],
    ['too many messages', ntfy.deliver, error(42908, 'daily message quota reached'), 'rate-limited', /send less/],
    ['an unhealthy server', 'GET /v1/health', json(200, { healthy: false }), 'server-error', /health/],
    ['no ntfy server', 'GET /v1/health', text(404, 'nginx'), 'not-found', /`api`/],
    ['no success', AUTH, json(200, { success: false }), 'reply', /health/],
    ['a receipt of another topic', ntfy.deliver, json(200, { id: 'a', topic: 'b' }), 'reply', /health/],
    ['no receipt', ntfy.deliver, json(200, { topic: 'gateway_4711' }), 'reply', /health/],
    ['a 200 that refuses', ntfy.deliver, json(200, { ok: false, error: 'no' }), 'reply', /health/],
  ])('tells %s', async (_, route, play, what, next) => {
    const verdict = await told(ntfy, { [route]: play })
    expect(verdict.code).toBe(`message/${what}`)
    expect(verdict.next).toMatch(next)
  })
})

describe('one target has one interval', () => {
  it.each<[string, (url: string) => object, (url: string) => object]>([
    ['ntfy', url => ({ topic: 't', api: url }), url => ({ topic: 't', api: `${url}/` })],
    [
      'slack',
      url => ({ token: 'xoxb-4711', chat: '#ops', api: `${url}/api` }),
      url => ({ token: 'xoxb-4711', chat: '#ops', api: `${url}/api/` }),
    ],
    ['discord', url => ({ token: BOT, chat: '42', api: url }), url => ({ token: BOT, chat: '42', api: `${url}//` })],
    [
      'webhook',
      url => ({ url: `${url}/hook`, request: {}, expect: {} }),
      url => ({ url: `${url}/hook#there`, request: {}, expect: {} }),
    ],
  ])('however its address is written: %s', async (channel, one, other) => {
    const { url } = await service(text(401, ''))
    const { run, dir, clock } = bench()
    await run({ channel, ...one(url) })
    await run({ channel, ...other(url) })
    expect(storeOf(dir, clock).targets()).toHaveLength(1)
  })
})

describe('what no schema can refuse', () => {
  const api = 'http://127.0.0.1:1'
  it.each<[string, object, RegExp, RegExp]>([
    ['two ways at once', { ...discordHook.options(api), token: BOT }, /token together with hook/, /line `token`/],
    ['an api beside a webhook', { ...discordHook.options(api), api }, /api together with hook/, /line `api`/],
    ["another channel's key", { ...discordHook.options(api), url: api }, /does not read url/, /line `url`/],
    ['half a way', { channel: 'discord', token: BOT, url: api }, /does not read url/, /line `url`/],
    ['a hook elsewhere', { channel: 'discord', hook: `${api}/${HOOK}` }, /not the address of a Discord/, /Copy URL/],
    ['a hook that is no address', { channel: 'discord', hook: HOOK }, /not the address of a Discord/, /Copy URL/],
    [
      'a hook of another service',
      { channel: 'slack', hook: `${api}/api/webhooks/1/${HOOK}` },
      /webhook of Slack/,
      /Incoming/,
    ],
    ['a token with a newline', { channel: 'slack', token: `${BOT}\n`, chat: 'C1' }, /token holds/, /newline/],
    ['a topic with a slash', { channel: 'ntfy', topic: 'a/b' }, /not the name of an ntfy topic/, /`topic`/],
    ['a token with its scheme', { ...discordBot.options(api), token: `Bot ${BOT}` }, /token holds/, /`token` anew/],
    ['an id that lost digits', { ...discordBot.options(api), chat: 290926798999357250 }, /too long/, /chat: "ID"/],
    ['a name for an id', { ...discordBot.options(api), chat: '#gateway' }, /not the id/, /Copy Channel ID/],
    ['an api with a query', { ...discordBot.options(api), api: `${api}/?a` }, /not a base address/, /`api`/],
  ])('%s', async (_, options, summary, next) => {
    const { run, dir } = bench()
    const verdict = trouble(await run(options))
    expect(verdict).toMatchObject({ status: 'fail', code: 'message/options' })
    expect(verdict.summary).toMatch(summary)
    expect(verdict.next).toMatch(next)
    for (const secret of [BOT, HOOK]) expect(JSON.stringify(verdict)).not.toContain(secret)
    expect(readdirSync(dir)).toEqual([])
  })
})
