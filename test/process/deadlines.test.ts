/** Nothing that hangs may hold the gate: what counts is that the process has ended, not that a promise has settled. */
import { spawnSync } from 'node:child_process'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BIN, type BinOptions, bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

const SLACK_MS = 5000
const TIMEOUT_MS = 1000

/** What the same start costs when nothing hangs: the machine's own slowness is not the gate's. */
let startMs = 0
beforeEach(async () => {
  const cwd = scratch()
  lay(cwd, { 'BOOT.md': manifest('check: workspace\nid: here\npath: .') })
  startMs = (await bootcheck(['run', '--format', 'json'], { cwd })).ms
})

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const listening = async (server: Server): Promise<number> => {
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const ends = async (
  body: string,
  files: Record<string, string>,
  options: Partial<BinOptions> & { cwd?: string } = {},
) => {
  const cwd = options.cwd ?? scratch()
  lay(cwd, {
    ...files,
    'BOOT.md': manifest(`${body}\ntimeout: ${TIMEOUT_MS}ms`, 'check: workspace\nid: other\npath: .'),
  })
  const ended = await bootcheck(['run', '--format', 'json'], { ...options, cwd })
  const report = reportOf(ended)
  expect(ended.code).toBe(1)
  expect(report.checks[1]).toMatchObject({ id: 'other', status: 'pass' })
  expect(ended.ms - startMs).toBeLessThan(TIMEOUT_MS + SLACK_MS)
  return report.checks[0]
}

describe('ends in time, and names what hung', () => {
  it('a FIFO where a file is expected', async () => {
    const cwd = scratch()
    spawnSync('mkfifo', [join(cwd, 'jobs.json')])
    const check = await ends('check: cron\nid: hung\nfiles: [jobs.json]', {}, { cwd })
    expect(check).toMatchObject({ status: 'fail' })
    expect(`${check?.summary} ${check?.observed}`).toContain('jobs.json')
  })

  it('a peer that accepts and never answers', async () => {
    const port = await listening(createServer(() => {}))
    const check = await ends(
      `check: port\nid: hung\nport: ${port}\nexpect: open\nhttp: {path: /healthz, status: 200}`,
      {},
    )
    expect(['timeout', 'fail']).toContain(check?.status)
    expect(`${check?.summary} ${check?.observed}`).toMatch(/answer/)
  })

  it('an HTTP body without an end', async () => {
    const port = await listening(
      createHttpServer((_, response) => {
        response.writeHead(200)
        const timer = setInterval(() => response.write('x'.repeat(1000)), 20)
        response.on('close', () => clearInterval(timer))
      }),
    )
    const check = await ends(
      `check: port\nid: hung\nport: ${port}\nexpect: open\nhttp: {path: /, status: 200, body: ok}`,
      {},
    )
    expect(['timeout', 'fail']).toContain(check?.status)
  })

  it('a resolver that never answers', async () => {
    const cwd = scratch()
    lay(cwd, {
      'resolv.conf': 'nameserver 127.0.0.77\noptions timeout:5 attempts:2\n',
      'silent.cjs': "require('node:dgram').createSocket('udp4').bind(53, '127.0.0.77', () => console.log('ready'))",
    })
    const check = await ends(
      'check: port\nid: hung\nport: 443\nhost: gateway.example.com\nexpect: open',
      {},
      {
        cwd,
        through: [
          'unshare',
          '-rmn',
          'bash',
          '-ec',
          `ip link set lo up; mount --bind resolv.conf /etc/resolv.conf
           exec 5< <(exec ${process.execPath} silent.cjs); read -u 5; resolver=$!; trap 'kill $resolver' EXIT; "$@"`,
          'bash',
        ],
      },
    )
    // The check's own limit is a little below the runner's: whichever of the two is quicker speaks.
    expect(['run/timeout', 'port/unresolvable']).toContain(check?.code)
    expect(check?.summary).toMatch(/no answer|not answer|did not/)
  })

  it('a file system that never answers', async () => {
    const cwd = scratch()
    lay(cwd, { 'hung/': '' })
    const check = await ends(
      'check: workspace\nid: hung\npath: hung/workspace',
      {},
      {
        cwd,
        // A FUSE mount whose daemon is nobody: every access waits for an answer for as long as descriptor 4 is open.
        through: [
          'unshare',
          '-rm',
          'bash',
          '-ec',
          'exec 4<>/dev/fuse; mount -i -t fuse -o fd=4,rootmode=40000,user_id=0,group_id=0 hung hung; "$@" 4>&-',
          'bash',
        ],
      },
    )
    expect(check).toMatchObject({ status: 'timeout', code: 'run/timeout' })
  })

  it('a plugin that blocks in a system call while it is loaded', async () => {
    const cwd = scratch()
    spawnSync('mkfifo', [join(cwd, 'pipe')])
    const check = await ends(
      'check: plugin-hooks\nid: hung\ndirs: [plugins/*]\ndepth: load',
      {
        'plugins/a/package.json': '{"name":"a","type":"module","main":"index.js"}',
        'plugins/a/index.js': `import {readFileSync} from 'node:fs'; readFileSync(${JSON.stringify(join(cwd, 'pipe'))})`,
      },
      { cwd },
    )
    expect(['timeout', 'fail']).toContain(check?.status)
    expect(`${check?.summary} ${check?.observed}`).toMatch(/answer|load/)
  })
})

it('holds the deadline of the whole run', async () => {
  const cwd = scratch()
  const port = await listening(createServer(() => {}))
  const hung = (id: string) => `check: port\nid: ${id}\nport: ${port}\nexpect: open\nhttp: {path: /}\ntimeout: 20s`
  lay(cwd, { 'BOOT.md': manifest(hung('one'), `${hung('two')}\nneeds: [one]`) })
  const ended = await bootcheck(['run', '--format', 'json', '--deadline', '1s'], { cwd })
  expect(reportOf(ended).checks.map(check => [check.id, check.status])).toEqual([
    ['one', 'timeout'],
    ['two', 'blocked'],
  ])
  expect(ended.code).toBe(1)
  expect(ended.ms - startMs).toBeLessThan(1000 + SLACK_MS)
})

describe('Ctrl-C', () => {
  const interrupted = async (signal: NodeJS.Signals) => {
    const cwd = scratch()
    let reached = (): void => {}
    const accepted = new Promise<void>(resolve => {
      reached = resolve
    })
    const port = await listening(createServer(() => reached()))
    lay(cwd, {
      'BOOT.md': manifest(
        'check: workspace\nid: done\npath: .',
        `check: port\nid: waits\nport: ${port}\nexpect: open\nhttp: {path: /}\ntimeout: 20s`,
      ),
    })
    return bootcheck(['run', '--format', 'json'], {
      cwd,
      started: child => void accepted.then(() => child.kill(signal)),
    })
  }

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s: a report of what was done, and %i', async (signal, code) => {
    const ended = await interrupted(signal)
    expect(ended).toMatchObject({ code, signal: null })
    expect(reportOf(ended)).toMatchObject({ ready: false, exitCode: code })
    expect(reportOf(ended).checks.map(check => check.status)).toEqual(['pass', 'blocked'])
  })
})

it('leaves no process behind', async () => {
  const cwd = scratch()
  lay(cwd, { 'hung/': '', 'BOOT.md': manifest('check: workspace\nid: hung\npath: hung/workspace\ntimeout: 300ms') })
  // What is killed in a system call is gone only when that call ends: then nothing may be left in this namespace but the shell.
  const script = `exec 4<>/dev/fuse; mount -i -t fuse -o fd=4,rootmode=40000,user_id=0,group_id=0 hung hung
    "$NODE" "$BIN" run 4>&- >/dev/null; echo $?; exec 4>&-
    for i in $(seq 200); do set -- /proc/[0-9]*; [ $# = 1 ] && exit 0; read -t 0.05 < <(:); done; ps ax; exit 1`
  const ended = spawnSync('unshare', ['-rmpf', '--mount-proc', 'bash', '-c', script], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, NODE: process.execPath, BIN },
    encoding: 'utf8',
  })
  expect(ended.stdout).toBe('1\n')
  expect(ended.status).toBe(0)
})
