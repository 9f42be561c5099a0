/** The incidents that this tool is made from: each fails before the start by its cause, and passes once that is mended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Report } from '../../index.ts'
import { bootcheck, lay, ROOT, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

const STORIES = join(ROOT, 'test/fixtures/incidents')
const KEY = 'sk-embeddings-0123456789'

type Env = Readonly<Record<string, string>>

/** What is there, and what is in the environment. */
type Arrange = (cwd: string) => Env | Promise<Env>

interface Story {
  /** Of the fixture: `test/fixtures/incidents/NAME/BOOT.md`. */
  readonly name: string
  readonly broken: Arrange
  readonly mended: Arrange
  /** Words before the program, where the cause lies in how it is started. */
  readonly through?: { readonly broken: readonly string[]; readonly mended: readonly string[] }
  readonly code: string
  /** The root cause, as the report says it. */
  readonly names: RegExp
}

/** Takes one key, and no other. */
const service = async (): Promise<string> => {
  const server = createServer((request, response) => {
    response.writeHead(request.headers.authorization === `Bearer ${KEY}` ? 200 : 401).end('{}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return String((server.address() as AddressInfo).port)
}

const withFiles =
  (files: Readonly<Record<string, string>>, env: Env = {}): Arrange =>
  cwd => {
    lay(cwd, files)
    return env
  }

const key =
  (secret: string): Arrange =>
  async () => ({ PORT: await service(), EMBEDDINGS_KEY: secret })

const plugin = (more: Readonly<Record<string, string>>): Arrange =>
  withFiles({
    'plugins/guard/index.js': "import './policy.js'\nexport default 1\n",
    'plugins/guard/package.json': '{"type":"module"}',
    ...more,
  })

const temporary = (count: number): Arrange =>
  withFiles({
    'sessions/': '',
    ...Object.fromEntries(Array.from({ length: count }, (_, n) => [`sessions/${n}.tmp`, ''])),
  })

const node =
  (path: string): Arrange =>
  cwd => {
    lay(cwd, {
      'gateway.service': `[Service]\nEnvironment=PATH=${path.replaceAll('HERE', cwd)}\nExecStart=${cwd}/start\n`,
      'system/node': '#!/bin/sh\necho v12.22.9\n',
    })
    chmodSync(join(cwd, 'system/node'), 0o755)
    return {}
  }

const unit = (environment: string): Arrange =>
  withFiles(
    { 'gateway.service': `[Service]\n${environment}ExecStart=/opt/gateway/start\n` },
    { GATEWAY_TOKEN: 'token-of-the-gateway' },
  )

const plist = (keepAlive: string, ...more: readonly string[]): Arrange => {
  const words = [
    '/usr/local/bin/node',
    '/opt/gateway/node_modules/bootcheck/dist/cli/bin.cjs',
    'guard',
    ...more,
    '--',
    '/usr/local/bin/node',
    '/opt/gateway/gateway.mjs',
  ]
  return withFiles({
    'gateway.plist': `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>Label</key><string>ai.gateway</string>
<key>ProgramArguments</key><array>${words.map(word => `<string>${word}</string>`).join('')}</array>
<key>KeepAlive</key>${keepAlive}
<key>RunAtLoad</key><true/>
</dict></plist>
`,
  })
}

const database =
  (whole: boolean): Arrange =>
  cwd => {
    const path = join(cwd, 'state.sqlite')
    copyFileSync(join(ROOT, 'example/state.sqlite'), path)
    const bytes = readFileSync(path)
    // The page that holds the schema, behind the header of the file.
    if (!whole) bytes.fill(0xff, 100, 200)
    writeFileSync(path, bytes)
    return {}
  }

/** As many copies of a bot as said, and none of an earlier arrangement. */
const bots =
  (count: number): Arrange =>
  async cwd => {
    await Promise.all((running.get(cwd) ?? []).map(end))
    lay(cwd, { 'bot.mjs': 'setInterval(() => {}, 1000)\n' })
    const copies = Array.from({ length: count }, () => spawn(process.execPath, [join(cwd, 'bot.mjs')]))
    running.set(cwd, copies)
    onTestFinished(async () => void (await Promise.all(copies.map(end))))
    await Promise.all(copies.map(copy => once(copy, 'spawn')))
    return { HERE: cwd }
  }

const running = new Map<string, readonly ChildProcess[]>()

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Two channels, each with a credential of its own. */
const channels =
  (first: string, second: string): Arrange =>
  async () => ({
    FIRST_PORT: await service(),
    FIRST_TOKEN: first,
    SECOND_PORT: await service(),
    SECOND_TOKEN: second,
  })

/** A folder that whoever deploys may write, and the gateway may or may not. */
const lockedDatabase =
  (mode: number): Arrange =>
  cwd => {
    lay(cwd, { 'data/': '' })
    copyFileSync(join(ROOT, 'example/state.sqlite'), join(cwd, 'data/state.sqlite'))
    give(cwd)
    chmodSync(join(cwd, 'data'), mode)
    return {}
  }

const saved =
  (agoMs: number): Arrange =>
  cwd => {
    lay(cwd, { 'state.json': '{}' })
    const at = new Date(Date.now() - agoMs)
    utimesSync(join(cwd, 'state.json'), at, at)
    return {}
  }

const login: Arrange = async cwd => {
  const words = ['allow', 'login:mail', '--limit', '2', '--per', '15m']
  for (const expected of [0, 0, 75]) expect((await bootcheck(words, { cwd })).code).toBe(expected)
  return {}
}

const forgiven: Arrange = async cwd => {
  expect((await bootcheck(['state', 'reset', 'login:mail'], { cwd })).code).toBe(0)
  return {}
}

const DAY_MS = 86_400_000
/** The limit that a container would have; the host has more. */
const LIMITED: readonly string[] = ['sh', '-c', 'ulimit -d 1500000; exec "$@"', 'sh']

const token =
  (mode: number): Arrange =>
  cwd => {
    lay(cwd, { token: 'x\n' })
    chmodSync(join(cwd, 'token'), mode)
    return {}
  }

const stories: readonly Story[] = [
  {
    name: 'expired-key',
    broken: key('sk-embeddings-of-last-year'),
    mended: key(KEY),
    code: 'http/unauthorized',
    names: /401/,
  },
  {
    name: 'half-installed-plugin',
    broken: plugin({}),
    mended: plugin({ 'plugins/guard/policy.js': '' }),
    code: 'plugin-hooks/import-missing',
    names: /policy\.js/,
  },
  {
    name: 'temporary-files',
    broken: temporary(300),
    mended: async cwd => {
      rmSync(join(cwd, 'sessions'), { recursive: true })
      return temporary(3)(cwd)
    },
    code: 'tmp-files/many',
    names: /300 .tmp files/,
  },
  {
    name: 'nobody-at-the-screen',
    broken: withFiles({ 'launchctl.txt': 'Bootstrap failed: 125: Domain does not support specified action\n' }),
    mended: withFiles({
      'launchctl.txt': 'UID=501\nName=claw\nRuntimePath=/run/user/501\nState=lingering\nSessions=\nLinger=yes\n',
    }),
    code: 'gui-session/no-session',
    names: /125/,
  },
  {
    name: 'another-interpreter',
    broken: node('HERE/system:/usr/bin'),
    mended: node(join(process.execPath, '..')),
    code: 'interpreter/wrong-version',
    names: /12\.22\.9/,
  },
  {
    name: 'token-of-the-shell',
    broken: unit(''),
    mended: unit('Environment=GATEWAY_TOKEN=token-of-the-gateway\n'),
    code: 'env/not-in-service',
    names: /GATEWAY_TOKEN/,
  },
  {
    name: 'copies-of-a-bot',
    broken: bots(3),
    mended: bots(0),
    code: 'process/too-many',
    names: /\b3\b.*bot\.mjs/,
  },
  {
    name: 'damaged-database',
    broken: database(false),
    mended: database(true),
    code: 'sqlite/malformed',
    names: /malformed/,
  },
  {
    name: 'ignored-78',
    broken: plist('<true/>'),
    mended: plist('<true/>', '--hold'),
    code: 'supervisor/loops',
    names: /78/,
  },
  {
    name: 'config-without-a-key',
    broken: withFiles({ 'gateway.json': '{"gateway": {"port": 18789}}' }),
    mended: withFiles({ 'gateway.json': '{"gateway": {"mode": "local"}}' }),
    code: 'json/missing',
    names: /\/gateway\/mode/,
  },
  { name: 'readable-token', broken: token(0o644), mended: token(0o600), code: 'path/mode-too-open', names: /0644/ },
  {
    name: 'one-channel-of-two',
    broken: channels('first-of-last-year', 'second-of-last-year'),
    mended: channels('first-of-last-year', KEY),
    code: 'group/too-few',
    names: /first .*unauthorized.*second .*unauthorized/,
  },
  {
    name: 'two-containers',
    broken: withFiles({}),
    mended: withFiles({}),
    through: { broken: LIMITED, mended: [] },
    code: 'memory/too-small',
    names: /ulimit -d/,
  },
  {
    name: 'locked-database',
    broken: lockedDatabase(0o555),
    mended: lockedDatabase(0o755),
    through: { broken: UNPRIVILEGED, mended: UNPRIVILEGED },
    code: 'sqlite/folder-not-writable',
    names: /data/,
  },
  {
    name: 'stale-state',
    broken: saved(3 * DAY_MS),
    mended: saved(0),
    code: 'path/too-old',
    names: /state\.json/,
  },
  { name: 'attempts-used-up', broken: login, mended: forgiven, code: 'rate-limit/cooling', names: /login:mail/ },
]

const told = async (
  cwd: string,
  env: Env,
  through: readonly string[] = [],
): Promise<{ readonly report: Report; readonly code: number | null; readonly text: string }> => {
  const ended = await bootcheck(['run', '--format', 'json'], { cwd, env, through })
  return { report: reportOf(ended), code: ended.code, text: ended.stdout }
}

const fixture = (cwd: string, name: string): void => copyFileSync(join(STORIES, name, 'BOOT.md'), join(cwd, 'BOOT.md'))

describe('an incident', () => {
  it.each(stories.map(story => [story.name, story] as const))(
    '%s',
    async (name, { broken, mended, through, code, names }) => {
      const cwd = scratch()
      fixture(cwd, name)
      const before = await told(cwd, await broken(cwd), through?.broken)
      expect(before.code, before.text).toBe(1)
      const cause = before.report.checks.find(({ effect }) => effect === 'failure')
      expect({ code: cause?.code, said: `${cause?.summary} ${cause?.observed}` }).toEqual({
        code,
        said: expect.stringMatching(names),
      })
      expect(cause?.next).toBeTruthy()
      expect(before.text).not.toContain('last-year')
      const after = await told(cwd, await mended(cwd), through?.mended)
      expect(after.code, after.text).toBe(0)
    },
  )

  it('with four causes at once is one report with one headline that names them all', async () => {
    const cwd = scratch()
    fixture(cwd, 'four-causes')
    const four = stories.slice(0, 4)
    const arrange = async (which: 'broken' | 'mended'): Promise<Env> => {
      const envs: Env[] = []
      for (const story of four) envs.push(await story[which](cwd))
      return Object.assign({}, ...envs)
    }
    const env = await arrange('broken')
    const before = await told(cwd, env)
    expect(before.code).toBe(1)
    expect(before.report.checks.slice(0, 4).map(({ code }) => code)).toEqual(four.map(({ code }) => code))
    const headline = before.report.checks[4]
    expect(headline).toMatchObject({ code: 'log-signals/incident', status: 'fail' })
    for (const id of ['embeddings-key', 'plugins', 'temp-files', 'session']) expect(headline?.summary).toContain(id)
    const annotated = await bootcheck(['run', '--format', 'github'], { cwd, env })
    expect(annotated.stdout.split('\n').filter(line => line.includes('log-signals/incident'))).toEqual([
      expect.stringMatching(
        `^::error file=BOOT\\.md,line=${headline?.line},title=.*::incident: 4 warning signs at once: `,
      ),
    ])
    expect((await told(cwd, await arrange('mended'))).code).toBe(0)
  })

  it('of a blocked account is told at each start, and the service is asked once', async () => {
    const cwd = scratch()
    fixture(cwd, 'blocked-account')
    let status = 403
    let asked = 0
    const server = createServer((_, response) => {
      asked++
      response.writeHead(status).end('{}')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const env = { PORT: String((server.address() as AddressInfo).port), CHANNEL_TOKEN: KEY }
    const starts = [await told(cwd, env), await told(cwd, env), await told(cwd, env)]
    expect(starts.map(({ code, report }) => [code, report.checks[0]?.code])).toEqual(
      Array.from({ length: 3 }, () => [1, 'message/forbidden']),
    )
    expect(asked).toBe(1)
    status = 200
    const reset = /bootcheck (state reset .*)$/.exec(starts[2]?.report.checks[0]?.next ?? '')?.[1]
    expect((await bootcheck((reset ?? '').split(' '), { cwd })).code).toBe(0)
    expect((await told(cwd, env)).code).toBe(0)
    expect(asked).toBe(2)
  })
})
