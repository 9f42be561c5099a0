import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { isOwner } from '../../checks/port/held.ts'
import { covers, tcpTable, unixListeners } from '../../checks/port/holders.ts'
import { limitsOf } from '../../checks/port/limits.ts'
import { metItself } from '../../checks/port/probe.ts'
import { lsofEnds, parseLsof, parseTcp, parseUnix } from '../../checks/port/tables.ts'
import { port } from '../../checks/port.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { end, nodeChild } from '../support/children.ts'
import { context, scratch } from '../support/context.ts'
import { completed, NOBODY, runInChild } from '../support/run-check.ts'

const run = async (options: object, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  port.run((await completed(port, options)) as never, context({ cwd: '/', ...given }))

const started = (options: object, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  run(options, { phase: 'after', ...given })

const code = (verdict: Verdict): string | undefined => ('code' in verdict ? verdict.code : undefined)
const trouble = (verdict: Verdict) => {
  if (verdict.status !== 'fail' && verdict.status !== 'warn') throw new Error(`no trouble: ${JSON.stringify(verdict)}`)
  return verdict
}

/** Listens until the test ends; every connection is ended with it. */
const listening = async (server: Server, host: string, at = 0): Promise<number> => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(at, host, resolve)
  })
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

const tcp = (host = '127.0.0.1', at = 0): Promise<number> => listening(createServer(), host, at)

/**
 * A port that was free a moment ago, below the range for outgoing connections: in it a client may be given the very port that
 * it asks for, and meet itself.
 */
const freePort = async (): Promise<number> => {
  for (;;) {
    const number = 20_000 + Math.floor(Math.random() * 12_000)
    const server = createServer()
    const free = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false))
      server.listen(number, '::', () => resolve(true))
    })
    if (!free) continue
    await new Promise(resolve => server.close(resolve))
    return number
  }
}

const traces = (number: number) => tcpTable(number, limitsOf({ timeoutMs: 5000, signal: AbortSignal.timeout(5000) }))

const HOLD = `const s = require('net').createServer().listen(Number(process.argv[1] ?? 0), process.argv[2] ?? '127.0.0.1', 1,
  () => console.log(String(s.address().port))); process.stdin.on('end', () => process.exit())`

describe('expect: free', () => {
  test('a free port passes, is watched, and keeps no trace', async () => {
    const number = await freePort()
    const verdict = await run({ port: number })
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'port/free',
      summary: `${number} is free and accepts connections`,
      watched: [`port ${number}`],
      facts: { port: number, addresses: ['127.0.0.1', '::1'] },
    })
    expect(traces(number)).toEqual({ listeners: [], connections: [] })
  })

  test.each(['localhost', 'LOCALHOST', '127.0.0.1', '::1', '0.0.0.0', '::', '0:0:0:0:0:0:0:1'])(
    'host %s',
    async host => {
      const number = await freePort()
      expect(await run({ port: number, host })).toMatchObject({ status: 'pass', code: 'port/free' })
    },
  )

  test('somebody who knocks all the time leaves no TIME_WAIT on the port', async () => {
    const number = await freePort()
    const knocker = `let tried = 0
      const knock = () => {
        if (tried++ === 100) console.log('ready')
        if (tried > 200_000) return
        const s = require('net').connect(${number}, '127.0.0.1')
        s.on('error', () => {}).on('close', () => setImmediate(knock))
      }
      for (let i = 0; i < 8; i++) knock()`
    const { child } = await nodeChild(knocker)
    for (let i = 0; i < 25; i++)
      expect(await run({ port: number, host: '127.0.0.1' })).toMatchObject({ status: 'pass' })
    await end(child)
    expect(traces(number)).toEqual({ listeners: [], connections: [] })
  })

  test('a held port names pid, command, user and start', async () => {
    const { pid, line } = await nodeChild(HOLD)
    const verdict = trouble(await run({ port: Number(line) }))
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/held', facts: { pid, command: 'node' } })
    expect(verdict.summary).toMatch(new RegExp(`^${line} is held by node \\(pid ${pid}, \\S+, since \\d\\d:\\d\\d\\)$`))
    expect(verdict.next).toBe(`ps -p ${pid} -o pid,user,lstart,command`)
    const since = Date.parse(String(verdict.facts?.since))
    expect(Math.abs(Date.now() - since)).toBeLessThan(60_000)
  })

  test('a command line goes through the mask before it is shown', async () => {
    const short = `require('net').createServer().listen(0, function () { console.log(String(this.address().port)) })`
    const { line } = await nodeChild(short, ['--', '--token=hunter2'])
    const verdict = trouble(await run({ port: Number(line) }, { mask: text => text.replaceAll('hunter2', '***') }))
    expect(verdict.observed).toContain('--token=***')
    expect(JSON.stringify(verdict)).not.toContain('hunter2')
  })

  test('what looks like a secret in a command line is left out', async () => {
    const short = `require('net').createServer().listen(0, function () { console.log(String(this.address().port)) })`
    const { line } = await nodeChild(short, [
      '--',
      '--password',
      'hunter2hunter2',
      'sk-abcdefghijklmnopqrstuvwxyz012345',
    ])
    const verdict = trouble(await run({ port: Number(line) }))
    expect(verdict.observed).toContain('node -e')
    expect(JSON.stringify(verdict)).not.toMatch(/hunter2|sk-abc/)
  })

  test('a listener on ::1 alone is seen without a host', async () => {
    const number = await tcp('::1')
    expect(await run({ port: number })).toMatchObject({ status: 'fail', code: 'port/held' })
  })

  test.each(['127.0.0.1', '::1'])('a wildcard cannot be bound beside a listener on %s', async held => {
    const number = await tcp(held)
    expect(code(await run({ port: number, host: '::' }))).toBe('port/held')
  })

  test('a listener at another address of the port is a warning that names it', async () => {
    const number = await tcp('::1')
    const verdict = trouble(await run({ port: number, host: '127.0.0.1' }))
    expect(verdict).toMatchObject({ status: 'warn', code: 'port/elsewhere', facts: { pid: process.pid } })
    expect(verdict.summary).toContain(`[::1]:${number}`)
  })

  test("an outgoing connection's own port is told apart from a listener", async () => {
    const server = await tcp()
    const socket = connect(server, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    await new Promise(resolve => socket.once('connect', resolve))
    const verdict = trouble(await run({ port: socket.localPort ?? 0, host: '127.0.0.1' }))
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/outgoing', facts: { pid: process.pid } })
    expect(verdict.observed).toContain(`to 127.0.0.1:${server}`)
    expect(await run({ port: socket.localPort ?? 0, host: '::1' })).toMatchObject({ status: 'pass' })
  })

  test('an address of another host', async () => {
    const verdict = trouble(await run({ port: await freePort(), host: '198.51.100.7' }))
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/not-here' })
    expect(verdict.observed).toContain('127.0.0.1')
  })

  test('a privileged port as an ordinary user', async () => {
    const verdict = trouble(
      await runInChild({ kind: 'port', options: { port: 81, host: '127.0.0.1' }, cwd: '/' }, { uid: NOBODY }),
    )
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/privileged' })
    expect(verdict.summary).toContain('65534')
  })

  test("another user's process is not seen, and that is said", async () => {
    const { line } = await nodeChild(HOLD)
    const verdict = trouble(
      await runInChild({ kind: 'port', options: { port: Number(line) }, cwd: '/' }, { uid: NOBODY }),
    )
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/held', facts: { pid: null, uid: 0 } })
    expect(verdict.summary).toContain('root that this user cannot see')
    expect(verdict.next).toContain('sudo')
  })

  test('an aborted check does not turn green', async () => {
    const verdict = await run({ port: await freePort() }, { signal: AbortSignal.abort() })
    expect(verdict.status).toBe('fail')
  })
})

describe('host names', () => {
  test('are resolved in a child only; addresses and localhost are not resolved at all', async () => {
    vi.resetModules()
    const fresh = (await import('../../checks/port.ts')).port
    const { enterChild, NeedsChild } = await import('../../core/contain.ts')
    onTestFinished(() => enterChild())
    const number = await freePort()
    const ask = async (host: string, phase: 'before' | 'after') =>
      fresh.run({ port: number, host } as never, context({ cwd: '/', phase }))
    await expect(ask('gateway.test', 'before')).rejects.toBeInstanceOf(NeedsChild)
    await expect(ask('gateway.test', 'after')).rejects.toBeInstanceOf(NeedsChild)
    expect(await ask('localhost', 'before')).toMatchObject({ status: 'pass' })
    expect(await ask('::1', 'before')).toMatchObject({ status: 'pass' })
  })

  test('that nobody knows', async () => {
    for (const phase of ['before', 'after'] as const) {
      const verdict = trouble(await run({ port: 18789, host: 'nobody.invalid' }, { phase }))
      expect(verdict).toMatchObject({ status: 'fail', code: 'port/unresolvable' })
      expect(verdict.summary).toContain('nobody.invalid')
    }
  })

  test('that lead to another host, or to this one', async () => {
    const hosts = join(scratch(), 'hosts')
    writeFileSync(hosts, '198.51.100.7 far.test\n127.0.0.1 near.test\n')
    const number = await freePort()
    const ask = (host: string) =>
      runInChild(
        { kind: 'port', options: { port: number, host }, cwd: '/' },
        { unshared: 'mount --bind "$HOSTS" /etc/hosts', env: { HOSTS: hosts } },
      )
    const far = trouble(await ask('far.test'))
    expect(far).toMatchObject({ status: 'fail', code: 'port/not-here' })
    expect(far.summary).toBe('far.test is 198.51.100.7, which is no address of this host')
    expect(await ask('near.test')).toMatchObject({ status: 'pass', code: 'port/free' })
  })
})

describe('--running', () => {
  const running = { running: true } as const

  test.each(['node', '*require*net*', 'n?de'])('owner %s holds the port: fine', async owner => {
    const { line, pid } = await nodeChild(HOLD)
    expect(await run({ port: Number(line), owner }, running)).toMatchObject({
      status: 'pass',
      code: 'port/held-by-owner',
      facts: { pid },
      watched: [`port ${line}`],
    })
  })

  test('another command fails', async () => {
    const { line } = await nodeChild(HOLD)
    const verdict = trouble(await run({ port: Number(line), owner: 'openclaw*' }, running))
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/held' })
    expect(verdict.summary).toContain('not by its owner "openclaw*"')
  })

  test('without an owner every holder fails', async () => {
    const { line } = await nodeChild(HOLD)
    expect(await run({ port: Number(line) }, running)).toMatchObject({ status: 'fail', code: 'port/held' })
  })

  test('the owner counts for nothing without --running', async () => {
    const { line } = await nodeChild(HOLD)
    expect(await run({ port: Number(line), owner: 'node' })).toMatchObject({ status: 'fail', code: 'port/held' })
  })

  test('an owner that cannot be seen is no pass', async () => {
    const { line } = await nodeChild(HOLD)
    const request = { kind: 'port', options: { port: Number(line), owner: '*' }, cwd: '/', running: true }
    expect(await runInChild(request, { uid: NOBODY })).toMatchObject({ status: 'fail', code: 'port/owner-unseen' })
  })

  test('one loopback of the owner and one of a stranger fails', async () => {
    const { line } = await nodeChild(HOLD, ['0', '127.0.0.1', 'the-gateway'])
    await nodeChild(HOLD, [line, '::1', 'a-stranger'])
    const options = { port: Number(line), owner: '*the-gateway*' }
    expect(await run(options, running)).toMatchObject({ status: 'fail', code: 'port/held' })
    expect(await run({ ...options, owner: '*createServer*' }, running)).toMatchObject({ status: 'pass' })
  })

  test('a free port passes too', async () => {
    expect(await run({ port: await freePort(), owner: 'node' }, running)).toMatchObject({
      status: 'pass',
      code: 'port/free',
    })
  })

  test('the glob is held against the name and the whole line', () => {
    const process = { command: 'node', line: 'node /opt/openclaw/gateway.js' }
    expect(isOwner(process, 'node')).toBe(true)
    expect(isOwner(process, '*/openclaw/*')).toBe(true)
    expect(isOwner(process, 'openclaw')).toBe(false)
    expect(isOwner(process, 'nod')).toBe(false)
  })
})

describe('expect: open', () => {
  test('a listener passes', async () => {
    const number = await tcp()
    expect(await started({ port: number, host: '127.0.0.1' })).toMatchObject({ status: 'pass', code: 'port/open' })
    expect(await started({ port: number })).toMatchObject({
      summary: `${number} accepts connections on 127.0.0.1:${number}`,
    })
    expect(await run({ port: number, expect: 'open' })).toMatchObject({ status: 'pass', code: 'port/open' })
  })

  test('a wildcard is asked at the loopbacks', async () => {
    const number = await tcp()
    expect(await started({ port: number, host: '0.0.0.0' })).toMatchObject({ status: 'pass' })
    expect(await started({ port: number, host: '::' })).toMatchObject({ status: 'pass' })
  })

  test('nobody listens', async () => {
    const number = await freePort()
    const verdict = trouble(await started({ port: number }))
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/refused', watched: [`port ${number}`] })
    expect(verdict.observed).toContain(`[::1]:${number} refuses`)
  })

  test('nobody listens there, but elsewhere on the port', async () => {
    const number = await tcp('::1')
    const verdict = trouble(await started({ port: number, host: '127.0.0.1' }))
    expect(verdict.code).toBe('port/refused')
    expect(verdict.observed).toContain(`listens on [::1]:${number}`)
  })

  test('a connection that meets itself is nobody listening', async () => {
    const number = await freePort()
    const socket = connect({ port: number, host: '127.0.0.1', localPort: number, localAddress: '127.0.0.1' })
    onTestFinished(() => void socket.destroy())
    await new Promise(resolve => socket.once('connect', resolve))
    expect(metItself(socket)).toBe(true)
    socket.resetAndDestroy()
    const other = connect(await tcp(), '127.0.0.1')
    onTestFinished(() => void other.destroy())
    await new Promise(resolve => other.once('connect', resolve))
    expect(metItself(other)).toBe(false)
  })

  test('no answer: told before the deadline', async () => {
    // A stopped process with a full queue (one waiting, one more): the kernel drops further connections without a word.
    const { line, pid, child } = await nodeChild(HOLD)
    child.kill('SIGSTOP')
    const number = Number(line)
    const fill = Array.from({ length: 6 }, () => connect(number, '127.0.0.1').on('error', () => {}))
    onTestFinished(() => {
      for (const socket of fill) socket.destroy()
    })
    await Promise.all(fill.slice(0, 2).map(socket => once(socket, 'connect')))
    const start = performance.now()
    const verdict = trouble(await started({ port: number, host: '127.0.0.1' }, { timeoutMs: 600 }))
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/timed-out' })
    expect(verdict.summary).toBe(`timed out connecting to 127.0.0.1:${number} after 540 ms`)
    expect(performance.now() - start).toBeLessThan(5000)
    // The same one is held for a gateway that wants the port.
    expect(await run({ port: number, host: '127.0.0.1' })).toMatchObject({ code: 'port/held', facts: { pid } })
  })

  test('no way to get there', async () => {
    const verdict = trouble(
      await runInChild(
        { kind: 'port', options: { port: 18789, host: '198.51.100.7' }, cwd: '/', phase: 'after' },
        { offline: true },
      ),
    )
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/unreachable' })
    expect(verdict.summary).toContain('ENETUNREACH')
  })
})

describe('http', () => {
  const http = (listener: RequestListener, host = '127.0.0.1', at = 0): Promise<number> =>
    listening(createHttpServer(listener), host, at)
  const raw = (onConnection: (socket: Socket) => void): Promise<number> =>
    listening(createServer(onConnection), '127.0.0.1')
  const get = (number: number, wanted: object = {}, given: Partial<CheckContext> = {}) =>
    started({ port: number, host: '127.0.0.1', http: wanted }, { timeoutMs: 1500, ...given })

  test('any 2xx is open, and the gateway is left without TIME_WAIT', async () => {
    const number = await http((_, reply) => reply.writeHead(204).end())
    expect(await get(number)).toMatchObject({
      status: 'pass',
      code: 'port/open',
      summary: `127.0.0.1:${number} answers GET / as expected`,
    })
    expect(traces(number).connections.filter(({ uid }) => uid === undefined)).toEqual([])
  })

  test.each([401, 403, 404, 500, 503])('%i is not open', async status => {
    const number = await http((_, reply) => reply.writeHead(status).end('no'))
    const verdict = trouble(await get(number))
    expect(verdict).toMatchObject({ status: 'fail', code: 'port/http-status' })
    expect(verdict.summary).toContain(String(status))
    expect(verdict.observed).toContain('"no"')
  })

  test('the wanted status is the only good one', async () => {
    const number = await http((_, reply) => reply.writeHead(401).end())
    expect(await get(number, { status: 401 })).toMatchObject({ status: 'pass' })
    expect(code(await get(number, { status: 200 }))).toBe('port/http-status')
  })

  test('the body must hold the text', async () => {
    const number = await http((_, reply) => {
      reply.write('{"status":"o')
      reply.end('k é"}')
    })
    expect(await get(number, { body: '"ok é"' })).toMatchObject({ status: 'pass' })
    const verdict = trouble(await get(number, { body: 'ready' }))
    expect(verdict.code).toBe('port/http-body')
    expect(verdict.observed).toContain('{"status":"ok é"}')
  })

  test('path, query and odd characters arrive; one request, one host', async () => {
    const seen: string[] = []
    const number = await http((request, reply) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host}`)
      reply.end()
    })
    await get(number, { path: '/a b/ü?x=1&y=%20' })
    expect(seen).toEqual([`GET /a%20b/%C3%BC?x=1&y=%20 127.0.0.1:${number}`])
  })

  test('a redirect is not followed', async () => {
    let requests = 0
    const number = await http((_, reply) => {
      requests++
      reply.writeHead(302, { location: '/login' }).end()
    })
    const verdict = trouble(await get(number))
    expect(verdict.code).toBe('port/http-redirect')
    expect(verdict.summary).toContain('302 to /login')
    expect(requests).toBe(1)
    expect(await get(number, { status: 302 })).toMatchObject({ status: 'pass' })
  })

  test('a silent server', async () => {
    const number = await raw(() => {})
    const start = performance.now()
    const verdict = trouble(await get(number, {}, { timeoutMs: 500 }))
    expect(verdict.code).toBe('port/http-silent')
    expect(verdict.summary).toContain('does not answer GET / within 450 ms')
    expect(performance.now() - start).toBeLessThan(5000)
  })

  const CUT: [string, string, boolean, RegExp][] = [
    [
      'half a header, closed',
      'HTTP/1.1 200 OK\r\nConte',
      true,
      /22 bytes, no complete header, then the connection was closed/,
    ],
    ['half a header, silence', 'HTTP/1.1 200 OK\r\nConte', false, /22 bytes, no complete header, then nothing more/],
    [
      'half a body, closed',
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
      true,
      /200 and 4 of 10 bytes .* closed/,
    ],
    [
      'half a body, silence',
      'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
      false,
      /200 and 4 of 10 bytes .* nothing more/,
    ],
    [
      'a chunk without an end, closed',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
      true,
      /200 and 4 bytes .* closed/,
    ],
    ['nothing, closed', '', true, /0 bytes, no complete header, then the connection was closed/],
  ]
  test.each(CUT)('a reply cut off: %s', async (_, text, closes, observed) => {
    const number = await raw(socket => {
      socket.once('data', () => (closes ? socket.end(text) : socket.write(text)))
    })
    const verdict = trouble(await get(number, { body: 'half' }, { timeoutMs: 500 }))
    expect(verdict.code).toBe('port/http-cut')
    expect(verdict.observed).toMatch(observed)
  })

  test('an endless body, fast', async () => {
    const number = await http((_, reply) => {
      const more = (): void => {
        while (!reply.destroyed && reply.write('x'.repeat(65_536)));
        if (!reply.destroyed) reply.once('drain', more)
      }
      more()
    })
    const verdict = trouble(await get(number, { body: 'y' }))
    expect(verdict.code).toBe('port/http-endless')
    expect(verdict.observed).toContain('more than 1048576 bytes')
  })

  test('an endless body, slow', async () => {
    const number = await http((_, reply) => {
      const timer = setInterval(() => reply.write('data: tick\n\n'), 20)
      reply.on('close', () => clearInterval(timer))
    })
    const verdict = trouble(await get(number, {}, { timeoutMs: 500 }))
    expect(verdict.code).toBe('port/http-endless')
    expect(verdict.observed).toContain('still open after 450 ms')
  })

  test('something that is not HTTP', async () => {
    const number = await raw(socket => socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.7\r\n')))
    expect(code(await get(number))).toBe('port/not-http')
  })

  test('a wrong answer at one address is not made good by another', async () => {
    const number = await http((_, reply) => reply.writeHead(500).end())
    await http((_, reply) => reply.end('ok'), '::1', number)
    expect(code(await started({ port: number, http: {} }))).toBe('port/http-status')
    expect(await started({ port: number })).toMatchObject({ status: 'pass' })
  })

  test('nobody listens', async () => {
    expect(code(await get(await freePort()))).toBe('port/refused')
  })

  test('a reply goes through the mask', async () => {
    const number = await http((_, reply) => reply.writeHead(500).end('token hunter2'))
    const verdict = await get(number, {}, { mask: text => text.replaceAll('hunter2', '***') })
    expect(JSON.stringify(verdict)).not.toContain('hunter2')
  })
})

describe('socket', () => {
  const LISTEN = `const s = require('net').createServer().listen(process.argv[1], () => console.log('ready'))`

  const server = async (path: string): Promise<void> => {
    const made = createServer(socket => socket.on('error', () => {}))
    await new Promise<void>(resolve => made.listen(path, resolve))
    onTestFinished(() => new Promise<void>(resolve => made.close(() => resolve())))
  }

  test('free: nothing there, and nothing left', async () => {
    const cwd = scratch()
    expect(await run({ socket: 'gateway.sock' }, { cwd })).toMatchObject({
      status: 'pass',
      code: 'port/free',
      watched: ['socket gateway.sock'],
    })
    expect(readdirSync(cwd)).toEqual([])
  })

  test('a live one is held, by name; and open', async () => {
    const path = join(scratch(), 's')
    const { pid } = await nodeChild(LISTEN, [path])
    expect(await run({ socket: path })).toMatchObject({
      status: 'fail',
      code: 'port/held',
      facts: { pid, command: 'node' },
    })
    expect(await run({ socket: path, owner: 'node' }, { running: true })).toMatchObject({
      status: 'pass',
      code: 'port/held-by-owner',
    })
    expect(await run({ socket: path, owner: 'x' }, { running: true })).toMatchObject({
      status: 'fail',
      code: 'port/held',
    })
    expect(await started({ socket: path })).toMatchObject({ status: 'pass', code: 'port/open' })
    expect(existsSync(path)).toBe(true)
  })

  test('a stale one is a warning before, and not open after', async () => {
    const path = join(scratch(), 's')
    const { child } = await nodeChild(LISTEN, [path])
    await end(child)
    const verdict = trouble(await run({ socket: path }))
    expect(verdict).toMatchObject({ status: 'warn', code: 'port/stale-socket', next: `rm ${path}` })
    expect(verdict.expected).toContain('EADDRINUSE')
    expect(existsSync(path)).toBe(true)
    expect(await started({ socket: path })).toMatchObject({ status: 'fail', code: 'port/stale-socket' })
  })

  test('held under a relative path, as the kernel has it', async () => {
    const cwd = scratch()
    const { child } = await nodeChild(
      `process.chdir(process.argv[1]);${LISTEN.replaceAll('process.argv[1]', "'./s'")}`,
      [cwd],
    )
    expect(await run({ socket: 's' }, { cwd })).toMatchObject({
      status: 'fail',
      code: 'port/held',
      facts: { pid: child.pid },
    })
    expect(await run({ socket: 's', owner: 'node' }, { cwd, running: true })).toMatchObject({
      status: 'pass',
      code: 'port/held-by-owner',
    })
    const limits = limitsOf({ timeoutMs: 5000, signal: AbortSignal.timeout(5000) })
    expect(unixListeners(join(scratch(), 's'), limits)).toEqual([])
  })

  test('not there', async () => {
    expect(code(await started({ socket: 'nix.sock' }, { cwd: scratch() }))).toBe('port/missing')
  })

  test('something else in its place', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'file'), '')
    mkdirSync(join(cwd, 'folder'))
    symlinkSync('nowhere', join(cwd, 'link'))
    for (const socket of ['file', 'folder', 'link']) {
      expect(await run({ socket }, { cwd })).toMatchObject({ status: 'fail', code: 'port/in-the-way' })
      expect(await started({ socket }, { cwd })).toMatchObject({ status: 'fail', code: 'port/in-the-way' })
    }
  })

  test('a folder that is not there', async () => {
    expect(code(await run({ socket: 'nix/s' }, { cwd: scratch() }))).toBe('port/no-folder')
  })

  test('a path that does not fit is refused at 108 bytes and taken at 107', async () => {
    const cwd = scratch()
    const fill = 'x'.repeat(107 - cwd.length - 1)
    expect(await run({ socket: fill }, { cwd })).toMatchObject({ status: 'pass' })
    for (const phase of ['before', 'after'] as const)
      expect(await run({ socket: `${fill}x` }, { cwd, phase })).toMatchObject({
        status: 'fail',
        code: 'port/path-too-long',
      })
    expect(readdirSync(cwd)).toEqual([])
  })

  test('as a user who may not', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    const closed = join(cwd, 'closed')
    mkdirSync(closed, { mode: 0o700 })
    await server(join(cwd, 's'))
    chmodSync(join(cwd, 's'), 0o600)
    const ask = (socket: string, phase: 'before' | 'after') =>
      runInChild({ kind: 'port', options: { socket }, cwd, phase }, { uid: NOBODY })
    expect(code(await ask('mine.sock', 'before'))).toBe('port/denied')
    expect(code(await ask('closed/s', 'before'))).toBe('port/denied')
    expect(code(await ask('s', 'after'))).toBe('port/denied')
    // Connecting is forbidden, but the kernel's table shows that somebody listens.
    expect(code(await ask('s', 'before'))).toBe('port/held')
  })

  test('http over it', async () => {
    const path = join(scratch(), 's')
    const made = createHttpServer((request, reply) => reply.end(`${request.headers.host}${request.url}`))
    await new Promise<void>(resolve => made.listen(path, resolve))
    onTestFinished(() => new Promise<void>(resolve => made.close(() => resolve())))
    expect(await started({ socket: path, http: { path: '/x', body: 'localhost/x' } })).toMatchObject({
      status: 'pass',
      code: 'port/open',
    })
    const verdict = trouble(await started({ socket: path, http: { status: 500 } }))
    expect(verdict.code).toBe('port/http-status')
    expect(verdict.next).toContain(`--unix-socket ${path}`)
  })
})

describe('options', () => {
  test.each([
    {},
    { port: 0 },
    { port: 65_536 },
    { port: 1.5 },
    { port: '18789x' },
    { port: 1, socket: 's' },
    { port: 1, host: '127.0.0.1:80' },
    { port: 1, host: 'http://x' },
    { port: 1, host: '[::1]' },
    { port: 1, host: '*' },
    { port: 1, expect: 'closed' },
    { port: 1, http: { path: 'healthz' } },
    { port: 1, http: { status: 20 } },
    { port: 1, http: { url: '/' } },
  ])('refuses %j', async options => {
    await expect(completed(port, options)).rejects.toThrow()
  })

  test('what excludes each other is said', async () => {
    expect(code(await run({ port: await freePort(), http: {} }))).toBe('port/contradiction')
    expect(code(await port.run({ socket: '/tmp/s', host: 'x' } as never, context({ cwd: '/' })))).toBe(
      'port/contradiction',
    )
  })
})

describe('tables', () => {
  test('/proc/net/tcp and tcp6', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000   501        0 44754 1 00000000c2971ed1 100 0 0 10 0
   1: 020200C0:4965 0700A8C0:01BB 01 00000000:00000000 00:00000000 00000000   501        0 44755 1 00000000c2971ed1 20 4 30 10 -1
   2: 0100007F:4965 0100007F:8235 06 00000000:00000000 03:00001700 00000000     0        0 0 3 00000000c2971ed1
   3: 0100007F:1F90 0100007F:4965 01 00000000:00000000 00:00000000 00000000   501        0 44756 1 00000000c2971ed1 20 4 30 10 -1
   4: 00000000000000000000000001000000:4965 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 7 1 0 100 0 0 10 0
   5: 0000000000000000FFFF00000100007F:4965 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 8 1 0 100 0 0 10 0
   6: B80D0120000000000000000001000000:4965 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 9 1 0 100 0 0 10 0
`
    const rows = parseTcp(table, 18789)
    expect(rows.map(({ address, listening, uid, inode }) => [address, listening, uid, inode])).toEqual([
      ['127.0.0.1', true, 501, 44754],
      ['192.0.2.2', false, 501, 44755],
      ['127.0.0.1', false, 0, 0],
      ['::1', true, 1000, 7],
      ['127.0.0.1', true, 1000, 8],
      ['2001:db8::1', true, 1000, 9],
    ])
    expect(rows[1]).toMatchObject({ remote: '192.168.0.7', remotePort: 443 })
  })

  test('/proc/net/unix', () => {
    const table = `Num       RefCount Protocol Flags    Type St Inode Path
00000000d9c0493a: 00000003 00000000 00000000 0001 03   505
00000000829e4ad4: 00000002 00000000 00010000 0001 01   504 /run/a b.sock
00000000829e4ad5: 00000003 00000000 00000000 0001 03   506 /run/a b.sock
00000000829e4ad6: 00000002 00000000 00010000 0001 01   507 /run/a b.sock2
00000000829e4ad7: 00000002 00000000 00010000 0001 01   508 ./a b.sock
00000000829e4ad8: 00000002 00000000 00010000 0001 01   509 @a b.sock
00000000829e4ad9: 00000002 00000000 00010000 0001 01   510 /tmp/a b.sock
`
    expect(parseUnix(table, '/run/a b.sock')).toEqual([
      { inode: 504, name: '/run/a b.sock' },
      { inode: 508, name: './a b.sock' },
    ])
  })

  test("lsof's fields, as macOS prints them", () => {
    const text = `p4711
cnode
u501
f22
tIPv4
n127.0.0.1:18789
TST=LISTEN
TQR=0
TQS=0
f23
tIPv6
n*:18789
TST=LISTEN
p99
ccom.apple.WebKit
u0
f9
tIPv6
n[::1]:18789->[::1]:50000
TST=ESTABLISHED
`
    const sockets = parseLsof(text)
    expect(sockets.map(({ pid, command, uid, state }) => [pid, command, uid, state])).toEqual([
      [4711, 'node', 501, 'LISTEN'],
      [4711, 'node', 501, 'LISTEN'],
      [99, 'com.apple.WebKit', 0, 'ESTABLISHED'],
    ])
    expect(sockets.map(socket => lsofEnds(socket))).toEqual([
      { address: '127.0.0.1', port: 18789, remote: '', remotePort: 0 },
      { address: '::', port: 18789, remote: '', remotePort: 0 },
      { address: '::1', port: 18789, remote: '::1', remotePort: 50000 },
    ])
  })

  test.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '::1', false],
    ['0.0.0.0', '127.0.0.1', true],
    ['0.0.0.0', '::1', false],
    ['::', '127.0.0.1', true],
    ['127.0.0.1', '0.0.0.0', true],
    ['192.0.2.1', '::', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
  ])('a listener at %s covers %s: %s', (held, wanted, answer) => {
    expect(covers(held, wanted)).toBe(answer)
  })
})
