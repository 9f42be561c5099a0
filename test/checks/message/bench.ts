/** What the tests of `message` share: a service that plays what no double can, a clock that can be set, and one run. */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { message } from '../../../checks/message.ts'
import type { CheckContext, Verdict } from '../../../core/check.ts'
import { localStore } from '../../../core/local-store.ts'
import { masker } from '../../../core/mask.ts'
import type { Store } from '../../../core/store.ts'
import { context, scratch } from '../../support/context.ts'
import { completed } from '../../support/run-check.ts'

export const TOKEN = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'
export const CHAT = 4711

export interface Call {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Play = (call: Call, response: ServerResponse) => void

export interface Service {
  readonly url: string
  readonly port: number
  readonly calls: Call[]
  /** How often a path that ends so was asked. */
  count(ending: string): number
  play: Play
}

/** An HTTP service on a port of its own, which answers as `play` does at that moment. */
export const service = async (play: Play): Promise<Service> => {
  const calls: Call[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text: string) => {
      body += text
    })
    request.on('end', () => {
      const call = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
      calls.push(call)
      self.play(call, response)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const self: Service = {
    url: `http://127.0.0.1:${port}`,
    port,
    calls,
    count: ending => calls.filter(call => call.url.endsWith(ending)).length,
    play,
  }
  return self
}

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Play =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }

export const text =
  (status: number, body: string, headers: Record<string, string> = {}): Play =>
  (_, response) => {
    response.writeHead(status, headers).end(body)
  }

export const silence: Play = () => {}

/** Sends more and more, as fast as it is taken. */
export const endless =
  (status = 200): Play =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(8192)));
    }
    response.on('drain', more)
    more()
  }

/** Begins to answer and goes quiet. */
export const dripping: Play = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"ok":')
}

/** Half a reply, then the connection is cut. */
export const half: Play = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
  response.write('{"ok":true,"result":{"message_id":', () => response.destroy())
}

export const hangUp: Play = (_, response) => {
  response.destroy()
}

const GOOD = { id: CHAT, username: 'home_bot', type: 'private', message_id: 12, pending_update_count: 0 }

/** A Bot API: good, but for the methods that are played otherwise. */
export const botApi =
  (other: Readonly<Record<string, Play>> = {}): Play =>
  (call, response) => {
    const name = call.url.slice(call.url.lastIndexOf('/') + 1)
    const play = other[name] ?? other['*'] ?? json(200, { ok: true, result: name === 'deleteMessage' ? true : GOOD })
    play(call, response)
  }

export const refusedBy = (code: number, description: string, parameters?: object): Play =>
  json(code, { ok: false, error_code: code, description, ...(parameters ? { parameters } : {}) })

/** A clock for the store and the check. A boot of its own makes uptimes of the real host play no part. */
export interface Clock {
  wallMs: number
  uptimeMs: number
  boot: string
  /** Time goes by. */
  pass(ms: number): void
}

export const clockAt = (wallMs = Date.UTC(2026, 10, 22, 12)): Clock => ({
  wallMs,
  uptimeMs: 1_000_000,
  boot: 'first',
  pass(ms) {
    this.wallMs += ms
    this.uptimeMs += ms
  },
})

/** The store as it is at this moment of the clock. */
export const storeOf = (dir: string, clock: Clock): Store =>
  localStore({ dir, now: () => clock.wallMs, uptimeMs: () => clock.uptimeMs, boot: clock.boot })

export interface Bench {
  readonly dir: string
  readonly clock: Clock
  run(options: object, given?: Partial<CheckContext> & { secrets?: readonly string[] }): Promise<Verdict>
}

export const bench = (dir = scratch()): Bench => {
  const clock = clockAt()
  return {
    dir,
    clock,
    run: async (options, { secrets = [], ...given } = {}) =>
      message.run(
        (await completed(message, options)) as never,
        context({
          cwd: dir,
          env: {},
          timeoutMs: 5000,
          now: () => clock.wallMs,
          store: storeOf(dir, clock),
          mask: masker(secrets),
          ...given,
        }),
      ),
  }
}

export const telegram = (api: string, more: object = {}): object => ({
  channel: 'telegram',
  token: TOKEN,
  chat: CHAT,
  api,
  ...more,
})

/** A promise that somebody else resolves. */
export const deferred = <T>(): { readonly promise: Promise<T>; readonly resolve: (value: T | Promise<T>) => void } => {
  let resolve: (value: T | Promise<T>) => void = () => {}
  const promise = new Promise<T>(done => {
    resolve = done
  })
  return { promise, resolve }
}

/** Everything that a state folder holds. */
export const everything = (dir: string): string =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .map(entry =>
      entry.isFile() ? `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'utf8')}` : entry.name,
    )
    .join('\n')
