/** `message` in processes of its own: many at once, killed ones, full disks, the gate's own process. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { scratch } from '../../support/context.ts'
import { type ProgramOptions, program, type Running, start } from '../../support/programs.ts'
import { botApi, CHAT, deferred, json, refusedBy, service, silence, TOKEN, telegram } from './bench.ts'
import { mailServer } from './mail-server.ts'
import { authority } from './tls.ts'

/** Says `ready`, waits for a line, runs the check once in a child's freedom (or not), prints its verdict. */
const SOURCE = `
  import { readSync } from 'node:fs'
  import { message } from '@/checks/message.ts'
  import { enterChild } from '@/core/contain.ts'
  import { contextOf } from '@/core/context.ts'
  import { localStore } from '@/core/local-store.ts'
  const [dir = '', options = '', contained = ''] = process.argv.slice(2)
  if (contained === 'child') enterChild()
  const facts = { id: 'x', cwd: dir, manifest: null, home: dir, env: {}, user: { uid: 0, gid: 0, name: 'x' }, phase: 'before' as const, running: false, attempt: 1, timeoutMs: 60000 }
  const ctx = contextOf(facts, [], { spentMs: 0, outcomes: new Map(), signal: new AbortController().signal, now: Date.now, store: localStore({ dir, now: Date.now }) })
  await Promise.all([import('undici'), import('nodemailer/lib/smtp-connection'), import('nodemailer/lib/mime-node')]) // loaded beforehand, so that they race for the store and not for the processor
  console.log('ready')
  readSync(0, Buffer.alloc(8))
  try {
    console.log(JSON.stringify(await message.run({ depth: 'deliver', every: '1h', ...JSON.parse(options) }, ctx)))
  } catch (error) {
    console.log(JSON.stringify({ thrown: (error as Error).name, reason: (error as { reason?: string }).reason }))
  }
`

vi.setConfig({ testTimeout: 120_000 })

let file = ''
beforeAll(async () => {
  file = await program(SOURCE)
})

const launch = (dir: string, options: object, given: ProgramOptions & { gate?: true } = {}): Running =>
  start(file, [dir, JSON.stringify(options), given.gate ? 'gate' : 'child'], given)

const mail = (port: number, more: object = {}): object => ({
  channel: 'smtp',
  host: '127.0.0.1',
  port,
  security: 'none',
  user: 'gateway',
  password: 'correct horse battery staple',
  from: 'gateway@home.example',
  to: 'ops@home.example',
  ...more,
})

const go = async (running: readonly Running[]) => {
  for (const one of running) expect(await one.line()).toBe('ready')
  for (const one of running) one.tell('go')
  const verdicts = await Promise.all(running.map(async one => JSON.parse(await one.line())))
  await Promise.all(running.map(one => one.ended))
  return verdicts
}

const codesOf = (verdicts: readonly { code: string }[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { code } of verdicts) counts[code] = (counts[code] ?? 0) + 1
  return counts
}

describe('20 processes at once', () => {
  it('send one message, and all of them know that it was delivered', async () => {
    const api = await service(botApi())
    const dir = join(scratch(), 'state')
    const verdicts = await go(Array.from({ length: 20 }, () => launch(dir, telegram(api.url))))
    expect(api.count('sendMessage')).toBe(1)
    expect(codesOf(verdicts)).toEqual({ 'message/delivered': 1, 'message/stands': 19 })
  })

  it('send one message that is refused, and all of them know it', async () => {
    const api = await service(botApi({ sendMessage: refusedBy(403, 'Forbidden: bot was blocked by the user') }))
    const dir = join(scratch(), 'state')
    const verdicts = await go(Array.from({ length: 20 }, () => launch(dir, telegram(api.url))))
    expect(api.count('sendMessage')).toBe(1)
    expect(codesOf(verdicts)).toEqual({ 'message/forbidden': 20 })
  })

  it('send one mail', async () => {
    const server = await mailServer()
    const dir = join(scratch(), 'state')
    const verdicts = await go(Array.from({ length: 20 }, () => launch(dir, mail(server.port))))
    expect(server.mails).toHaveLength(1)
    expect(codesOf(verdicts)).toEqual({ 'message/delivered': 1, 'message/stands': 19 })
  })

  it('send one message by a webhook without a probe', async () => {
    const peer = await service(json(200, { ok: true }))
    const dir = join(scratch(), 'state')
    const options = { channel: 'webhook', url: `${peer.url}/hook`, request: {}, expect: { json: { '/ok': true } } }
    const verdicts = await go(Array.from({ length: 20 }, () => launch(dir, options)))
    expect(peer.calls).toHaveLength(1)
    expect(codesOf(verdicts)).toEqual({ 'message/delivered': 1, 'message/stands': 19 })
  })
})

describe('a process that dies', () => {
  it('while it waits for the receipt has sent its message, and no other is sent', async () => {
    const met = deferred<void>()
    const api = await service(
      botApi({
        sendMessage: (call, response) => {
          met.resolve(undefined)
          silence(call, response)
        },
      }),
    )
    const dir = join(scratch(), 'state')
    const first = launch(dir, telegram(api.url))
    await first.line()
    first.tell('go')
    await met.promise
    first.process.kill('SIGKILL')
    expect((await first.ended).signal).toBe('SIGKILL')
    api.play = botApi()
    const [second] = await go([launch(dir, telegram(api.url))])
    expect(second).toMatchObject({ code: 'message/unknown', observed: expect.stringContaining('did not live to tell') })
    expect(api.count('sendMessage')).toBe(1)
  })
})

describe('a process that dies after its mail', () => {
  it('has sent it, and no other is sent', async () => {
    const met = deferred<void>()
    const server = await mailServer({ message: () => met.resolve(undefined) })
    const dir = join(scratch(), 'state')
    const first = launch(dir, mail(server.port))
    await first.line()
    first.tell('go')
    await met.promise
    first.process.kill('SIGKILL')
    expect((await first.ended).signal).toBe('SIGKILL')
    server.acts = {}
    expect(await go([launch(dir, mail(server.port))])).toMatchObject([{ code: 'message/unknown' }])
    expect(server.mails).toHaveLength(1)
  })
})

describe('a full disk', () => {
  it('lets no message leave', async () => {
    const api = await service(botApi())
    const mount = scratch()
    const [verdict] = await go([
      launch(join(mount, 'state'), telegram(api.url), {
        unshared: `mount -t tmpfs -o size=16k none ${mount}\nhead -c 16k /dev/zero > ${mount}/ballast || true`,
      }),
    ])
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'message/store',
      observed: expect.stringContaining('the disk is full'),
    })
    expect(api.count('getMe')).toBe(1)
    expect(api.count('sendMessage')).toBe(0)
  })
})

describe("the gate's own process", () => {
  it('hands over what has to resolve a name, before it has asked or kept anything', async () => {
    const dir = join(scratch(), 'state')
    const names = ['http://api.example', 'https://localhost.example']
    for (const api of names)
      expect(await go([launch(dir, telegram(api), { gate: true })])).toEqual([{ thrown: 'NeedsChild', reason: 'name' }])
    expect(await go([launch(dir, mail(1, { host: 'mail.example', security: 'tls' }), { gate: true })])).toEqual([
      { thrown: 'NeedsChild', reason: 'name' },
    ])
    expect(() => readdirSync(dir)).toThrow('ENOENT')
  })

  it('itself asks an address and localhost', async () => {
    const api = await service(botApi())
    const dir = join(scratch(), 'state')
    for (const host of ['127.0.0.1', 'localhost'])
      expect(await go([launch(dir, telegram(api.url.replace('127.0.0.1', host)), { gate: true })])).toMatchObject([
        { status: 'pass' },
      ])
  })
})

describe('certificates', () => {
  it.each(['starttls', 'tls'])(
    'of a mail server are told apart, and a good one carries a mail, by %s',
    async security => {
      const ca = authority()
      const dir = join(scratch(), 'state')
      const env = { NODE_EXTRA_CA_CERTS: ca.file }
      const keys = [ca.key('good', '127.0.0.1', 2), ca.key('old', '127.0.0.1', -1), ca.key('odd', '10.9.8.7', 2)]
      const servers = await Promise.all(keys.map(key => mailServer({}, { key, implicit: security === 'tls' })))
      const [good, old, odd] = await go(
        servers.map(({ port }) => launch(dir, mail(port, { security, to: `${port}@home.example` }), { env })),
      )
      expect(good).toMatchObject({
        code: 'message/delivered',
        watched: [`smtp server 127.0.0.1:${servers[0]?.port}`, expect.anything(), expect.anything()],
      })
      expect(old).toMatchObject({
        code: 'message/tls',
        observed: expect.stringContaining('its certificate has expired'),
      })
      expect(odd).toMatchObject({
        code: 'message/tls',
        observed: expect.stringContaining('its certificate is for another name'),
      })
      expect(servers.map(({ mails }) => mails.length)).toEqual([1, 0, 0])
      expect(servers.flatMap(({ lines }) => lines).filter(line => line.startsWith('AUTH'))).toHaveLength(1)
    },
  )

  it('tells a good one, an expired one and one for another name apart', async () => {
    const ca = authority()
    const dir = join(scratch(), 'state')
    const env = { NODE_EXTRA_CA_CERTS: ca.file }
    const peers = [
      await ca.issue('good', '127.0.0.1', 2),
      await ca.issue('old', '127.0.0.1', -1),
      await ca.issue('odd', '10.9.8.7', 2),
    ]
    const options = (url: string) => ({ channel: 'telegram', token: TOKEN, chat: CHAT, api: url, depth: 'probe' })
    const [good, old, odd] = await go(peers.map(url => launch(dir, options(url), { env })))
    expect(good).toMatchObject({ code: 'message/probed' })
    expect(old).toMatchObject({ code: 'message/tls', observed: expect.stringContaining('its certificate has expired') })
    expect(odd).toMatchObject({
      code: 'message/tls',
      observed: expect.stringContaining('its certificate is for another name'),
    })
  })
})
