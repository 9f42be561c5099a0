/** The incidents that this tool is made from: each fails before the start by its cause, and passes once that is mended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Report } from '../../index.ts'
import { bootcheck, lay, ROOT, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

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

const bot = async (cwd: string): Promise<Env> => {
  const child: ChildProcess = spawn('sleep', ['600'], { stdio: 'ignore' })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  lay(cwd, { 'bot.pid': `${child.pid}\n` })
  return {}
}

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
    broken: bot,
    mended: async cwd => {
      rmSync(join(cwd, 'bot.pid'))
      return {}
    },
    code: 'process/too-many',
    names: /1/,
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
    broken: withFiles({}),
    mended: withFiles({ 'second.ok': '' }),
    code: 'group/too-few',
    names: /first.*second/,
  },
]

const told = async (
  cwd: string,
  env: Env,
): Promise<{ readonly report: Report; readonly code: number | null; readonly text: string }> => {
  const ended = await bootcheck(['run', '--format', 'json'], { cwd, env })
  return { report: reportOf(ended), code: ended.code, text: ended.stdout }
}

const fixture = (cwd: string, name: string): void => copyFileSync(join(STORIES, name, 'BOOT.md'), join(cwd, 'BOOT.md'))

describe('an incident', () => {
  it.each(stories.map(story => [story.name, story] as const))('%s', async (name, { broken, mended, code, names }) => {
    const cwd = scratch()
    fixture(cwd, name)
    const before = await told(cwd, await broken(cwd))
    expect(before.code, before.text).toBe(1)
    const cause = before.report.checks.find(({ effect }) => effect === 'failure')
    expect({ code: cause?.code, said: `${cause?.summary} ${cause?.observed}` }).toEqual({
      code,
      said: expect.stringMatching(names),
    })
    expect(cause?.next).toBeTruthy()
    expect(before.text).not.toContain('last-year')
    const after = await told(cwd, await mended(cwd))
    expect(after.code, after.text).toBe(0)
  })

  it('with four causes at once is one report with one headline that names them all', async () => {
    const cwd = scratch()
    fixture(cwd, 'four-causes')
    const four = stories.slice(0, 4)
    const arrange = async (which: 'broken' | 'mended'): Promise<Env> => {
      const envs: Env[] = []
      for (const story of four) envs.push(await story[which](cwd))
      return Object.assign({}, ...envs)
    }
    const before = await told(cwd, await arrange('broken'))
    expect(before.code).toBe(1)
    expect(before.report.checks.slice(0, 4).map(({ code }) => code)).toEqual(four.map(({ code }) => code))
    const headline = before.report.checks[4]
    expect(headline).toMatchObject({ code: 'log-signals/incident', status: 'fail' })
    for (const id of ['embeddings-key', 'plugins', 'temp-files', 'session']) expect(headline?.summary).toContain(id)
    expect((await told(cwd, await arrange('mended'))).code).toBe(0)
  })
})
