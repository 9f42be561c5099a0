/** A gateway's own tools see little of what keeps it from working (docs of OpenClaw 2026.9); the built program must see all of it. */
import { chmodSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ReportedCheck } from '../../index.ts'
import { bootcheck, lay, reportOf } from '../support/bin.ts'
import { nodeChild } from '../support/children.ts'
import { GATEWAY_NODE, type Installation, install, JOBS, store } from '../support/openclaw.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

interface Asked {
  readonly env?: Readonly<Record<string, string>>
  readonly node?: string
  readonly unprivileged?: true
}

const asked = async ({ home }: Installation, { env = {}, node, unprivileged }: Asked = {}) => {
  if (unprivileged) give(home)
  const ended = await bootcheck(['run', '--format', 'json'], {
    cwd: home,
    env,
    ...(node === undefined ? {} : { node }),
    ...(unprivileged ? { through: UNPRIVILEGED } : {}),
  })
  const report = reportOf(ended)
  expect(ended.stderr).toBe('')
  expect(ended.code).toBe(report.exitCode)
  return report
}

/** All that is said of a check: a person reads the summary and the observed, a machine the findings. */
const saidOf = (check: ReportedCheck): string =>
  [
    check.summary,
    check.observed,
    check.next,
    ...check.findings.map(({ path, line, message }) => `${path}${line === undefined ? '' : `:${line}`} ${message}`),
  ].join('\n')

const edit = (file: string, from: string | RegExp, to: string): void => {
  const before = readFileSync(file, 'utf8')
  const after = before.replace(from, to)
  if (after === before) throw new Error(`${file} has no ${from}`)
  writeFileSync(file, after)
}

describe('a gateway in order', () => {
  it.each([
    ['as root', {}],
    ['without rights', { unprivileged: true }],
    ['every plugin loaded on trial', { env: { DEPTH: 'load' } }],
    [
      'from another folder, by the state folder that the environment names',
      { env: { OPENCLAW_STATE_DIR: '~/.openclaw' } },
    ],
  ] as const)('is ready, without a warning: %s', async (_, how) => {
    const report = await asked(await install(), how)
    expect(report).toMatchObject({ ready: true, exitCode: 0, warnings: [], errors: [] })
    expect(report.checks.map(({ id, status, effect }) => [id, status, effect])).toEqual(
      ['gateway-port', 'config', 'variables', 'lock', 'workspace', 'plugins', 'cron', 'temp-files'].map(id => [
        id,
        'pass',
        'none',
      ]),
    )
    for (const check of report.checks) expect(check.watched).not.toEqual([])
    const factsOf = (id: string) => report.checks.find(check => check.id === id)?.facts
    expect(factsOf('plugins')).toMatchObject({ plugins: 4, hooks: 3, good: 7 })
    expect(factsOf('cron')).toMatchObject({ jobs: 3, enabled: 3 })
  })
})

interface Row extends Asked {
  readonly what: string
  readonly breaks: (installed: Installation) => unknown
  /** The one check that fails, and its code. */
  readonly id: string
  readonly code: string
  /** Places and names that must be in the message. */
  readonly says: readonly (string | RegExp)[]
  /** The checks above it that read the same file, with their codes. */
  readonly also?: readonly (readonly [id: string, code: string])[]
  /** A check above it that warns of the same. */
  readonly warns?: readonly (readonly [id: string, code: string])[]
}

const HOLDER = `require('node:net').createServer().listen(+process.argv[1], '127.0.0.1', () => console.log('ready'))`

const holder = async ({ port }: Installation): Promise<number> => (await nodeChild(HOLDER, [String(port)])).pid

const rows: readonly Row[] = [
  {
    what: "a plugin's entry file is missing",
    breaks: ({ home }) => rmSync(join(home, '.openclaw/extensions/security-guard/dist/index.js')),
    id: 'plugins',
    code: 'plugin-hooks/entry-missing',
    says: ['security-guard', 'dist/index.js'],
  },
  {
    what: "a plugin's entry imports a missing file",
    breaks: ({ home }) => rmSync(join(home, '.openclaw/extensions/greeter/lib/greeting.js')),
    id: 'plugins',
    code: 'plugin-hooks/import-missing',
    says: ['greeter', 'index.js:2', './lib/greeting.js', '.openclaw/extensions/greeter/index.js:2 '],
  },
  {
    what: 'the same, where plugins are loaded',
    breaks: ({ home }) => rmSync(join(home, '.openclaw/extensions/greeter/lib/greeting.js')),
    env: { DEPTH: 'load' },
    id: 'plugins',
    code: 'plugin-hooks/import-missing',
    says: ['greeter', 'index.js:2', './lib/greeting.js'],
  },
  {
    what: 'a plugin throws 1.5 s after it was loaded',
    breaks: ({ home }) =>
      writeFileSync(
        join(home, '.openclaw/extensions/greeter/lib/greeting.js'),
        "export const greeting = () => 'hello'\nsetTimeout(() => {\n  throw new Error('no policy')\n}, 1500)\n",
      ),
    env: { DEPTH: 'load' },
    id: 'plugins',
    code: 'plugin-hooks/load-late',
    says: ['greeter would take its gateway down', 'lib/greeting.js:3', /throws 1\.[5-9]\d* s after/, 'no policy'],
  },
  {
    what: "a plugin's load path is missing",
    breaks: ({ home }) => rmSync(join(home, 'plugins'), { recursive: true }),
    id: 'plugins',
    code: 'plugin-hooks/path-missing',
    says: ['~/plugins/home-lights', 'openclaw.json:13'],
  },
  {
    what: 'a HOOK.md has no handler',
    breaks: ({ home }) => rmSync(join(home, '.openclaw/hooks/audit/handler.js')),
    id: 'plugins',
    code: 'plugin-hooks/handler-missing',
    says: ['audit', 'HOOK.md', '.openclaw/hooks/audit'],
  },
  {
    what: "a hook's handler imports a package that is not installed",
    breaks: ({ home }) =>
      writeFileSync(
        join(home, '.openclaw/hooks/audit/handler.js'),
        "\nimport dayjs from 'dayjs'\n\nexport default async event => dayjs(event)\n",
      ),
    id: 'plugins',
    code: 'plugin-hooks/package-missing',
    says: ['audit', 'handler.js:2', 'dayjs', '.openclaw/hooks/audit/handler.js:2 '],
  },
  {
    what: 'cron/jobs.json is cut off',
    breaks: ({ home }) =>
      writeFileSync(join(home, '.openclaw/cron/jobs.json'), JOBS.slice(0, JOBS.indexOf('"delivery"'))),
    id: 'cron',
    code: 'cron/syntax',
    says: [/\.openclaw\/cron\/jobs\.json:1[34]/],
  },
  {
    what: 'a job can never fire',
    breaks: ({ home }) => edit(join(home, '.openclaw/cron/jobs.json'), '0 3 * * *', '99 99 * * *'),
    id: 'cron',
    code: 'cron/schedule',
    says: ['.openclaw/cron/jobs.json:9', 'nightly summary', '99 99 * * *'],
  },
  {
    what: 'the workspace is a file',
    breaks: ({ home }) => {
      rmSync(join(home, '.openclaw/workspace'), { recursive: true })
      writeFileSync(join(home, '.openclaw/workspace'), '')
      edit(join(home, '.openclaw/openclaw.json'), 'standup: { enabled: true },', '')
      edit(join(home, 'BOOT.md'), 'min: 7', 'min: 6')
    },
    id: 'workspace',
    code: 'workspace/not-a-folder',
    says: ['.openclaw/workspace is a file, not a folder'],
  },
  {
    what: 'the workspace may not be read',
    breaks: ({ home }) => {
      edit(join(home, 'BOOT.md'), 'id: plugins', 'id: plugins\nneeds: [workspace]')
      chmodSync(join(home, '.openclaw/workspace'), 0)
    },
    unprivileged: true,
    id: 'workspace',
    code: 'workspace/not-readable',
    says: ['.openclaw/workspace', 'EACCES', 'mode 0000', /chmod u\+r/],
  },
  {
    what: 'the workspace may not be written to',
    breaks: ({ home }) => chmodSync(join(home, '.openclaw/workspace'), 0o500),
    unprivileged: true,
    id: 'workspace',
    code: 'workspace/not-writable',
    says: ['.openclaw/workspace', 'EACCES', 'mode 0500', /chmod u\+w/],
  },
  {
    what: '60 temporary files in sessions',
    breaks: ({ home }) => {
      for (let i = 0; i < 60; i++)
        writeFileSync(join(home, `.openclaw/agents/main/sessions/.fs-safe-${4000 + i}-5f0c${i}.tmp`), '')
    },
    id: 'temp-files',
    code: 'tmp-files/many',
    says: ['61 .tmp files', '.openclaw/agents/main/sessions'],
  },
  {
    what: 'the config is no JSON5',
    breaks: ({ home }) => edit(join(home, '.openclaw/openclaw.json'), 'bind: "loopback",', 'bind: "loopback'),
    id: 'plugins',
    code: 'plugin-hooks/config-broken',
    says: ['.openclaw/openclaw.json:6', 'JSON5'],
    also: [
      ['config', 'json/syntax'],
      ['variables', 'env/config-unreadable'],
    ],
  },
  {
    what: 'the config includes a file that is gone',
    breaks: ({ home }) =>
      edit(join(home, '.openclaw/openclaw.json'), '  gateway: {', '  "$include": "./channels.json5",\n  gateway: {'),
    id: 'plugins',
    code: 'plugin-hooks/config-missing',
    says: ['.openclaw/openclaw.json:3', 'channels.json5'],
    also: [
      ['config', 'json/include'],
      ['variables', 'env/config-unreadable'],
    ],
  },
  {
    what: 'an extension is a link to nothing',
    breaks: ({ home }) => symlinkSync(join(home, 'dev/lost'), join(home, '.openclaw/extensions/lost')),
    id: 'plugins',
    code: 'plugin-hooks/path-missing',
    says: ['.openclaw/extensions/lost', 'link to nothing'],
  },
  {
    what: 'the extensions may not be read',
    breaks: ({ home }) => chmodSync(join(home, '.openclaw/extensions'), 0),
    unprivileged: true,
    id: 'plugins',
    code: 'plugin-hooks/unreadable',
    says: ['.openclaw/extensions'],
  },
  {
    what: 'the sessions may not be read',
    breaks: ({ home }) => chmodSync(join(home, '.openclaw/agents/main/sessions'), 0),
    unprivileged: true,
    id: 'temp-files',
    code: 'tmp-files/unreadable',
    says: ['.openclaw/agents/main/sessions'],
  },
  {
    what: 'the config is gone',
    breaks: ({ home }) => rmSync(join(home, '.openclaw/openclaw.json')),
    id: 'plugins',
    code: 'plugin-hooks/config-missing',
    says: ['.openclaw/openclaw.json', 'does not exist'],
    also: [
      ['config', 'json/missing-file'],
      ['variables', 'env/config-unreadable'],
    ],
  },
  {
    what: 'the mode of the gateway is missing, which OpenClaw itself calls valid',
    breaks: ({ home }) => edit(join(home, '.openclaw/openclaw.json'), 'mode: "local",', ''),
    id: 'config',
    code: 'json/missing',
    says: ['.openclaw/openclaw.json:3', '/gateway/mode', 'openclaw config set gateway.mode local'],
  },
  {
    what: 'the token of the config is set nowhere',
    breaks: ({ home }) => writeFileSync(join(home, '.openclaw/.env'), '# later\n'),
    id: 'variables',
    code: 'env/missing',
    says: [
      'OPENCLAW_GATEWAY_TOKEN',
      '.openclaw/openclaw.json:7',
      'add a line OPENCLAW_GATEWAY_TOKEN=… to .openclaw/.env',
    ],
    warns: [['config', 'json/variable-unset']],
  },
]

describe('what is broken is named, with its place, and nothing else', () => {
  it('the port is held by another process', async () => {
    const installed = await install()
    const pid = await holder(installed)
    const report = await asked(installed)
    expect(report.exitCode).toBe(1)
    expect(report.checks.filter(({ status }) => status !== 'pass').map(({ id }) => id)).toEqual(['gateway-port'])
    const [check] = report.checks
    expect(check).toMatchObject({ status: 'fail', code: 'port/held', effect: 'failure' })
    expect(check?.summary).toContain(String(installed.port))
    expect(check?.summary).toMatch(new RegExp(`node \\(pid ${pid}\\b`))
    expect(check?.next).toContain(String(pid))
  })

  it.each(rows)('$what', async ({ breaks, id, code, says, also = [], warns = [], ...how }) => {
    const installed = await install()
    if (how.unprivileged) give(installed.home)
    await breaks(installed)
    const report = await asked(installed, how)
    expect(report).toMatchObject({ ready: false, exitCode: 1 })
    const bad = report.checks.filter(({ status }) => status !== 'pass')
    expect(bad.map(check => [check.id, check.status, check.code])).toEqual(
      id === 'workspace' && code === 'workspace/not-readable'
        ? [
            [id, 'fail', code],
            ['plugins', 'blocked', 'run/blocked'],
          ]
        : [
            ...warns.map(([one, what]) => [one, 'warn', what]),
            ...[...also, [id, code] as const].map(([one, what]) => [one, 'fail', what]),
          ],
    )
    const check = bad.find(one => one.id === id) as ReportedCheck
    for (const text of says)
      if (typeof text === 'string') expect(saidOf(check)).toContain(text)
      else expect(saidOf(check)).toMatch(text)
    expect(check.expected).toBeTruthy()
    expect(check.next).toBeTruthy()
  })

  it('four causes at once, in one report', async () => {
    const installed = await install()
    const { home } = installed
    const pid = await holder(installed)
    rmSync(join(home, '.openclaw/workspace'), { recursive: true })
    rmSync(join(home, '.openclaw/extensions/greeter/lib/greeting.js'))
    edit(join(home, '.openclaw/cron/jobs.json'), '0 3 * * *', '99 99 * * *')
    const ended = await bootcheck(['run'], { cwd: home })
    expect(ended.code).toBe(1)
    const lines = ended.stdout.trimEnd().split('\n')
    const fails = lines.filter(line => line.startsWith('fail\t'))
    expect(fails.map(line => line.split('\t')[1])).toEqual(['gateway-port', 'workspace', 'plugins', 'cron'])
    expect(fails[0]).toContain(`pid ${pid}`)
    expect(fails[1]).toContain('.openclaw/workspace')
    expect(fails[2]).toContain('greeter')
    expect(fails[3]).toContain('cron/jobs.json:9')
    expect(lines.at(-1)).toMatch(/^not ready: 4 failed, 4 passed in /)
    // A hook that the config names went with the workspace: told beneath what is worse.
    const plugins = (await asked(installed)).checks.find(({ id }) => id === 'plugins')
    expect(plugins?.findings.map(({ path, line }) => `${path}:${line}`)).toEqual([
      '.openclaw/extensions/greeter/index.js:2',
      expect.stringMatching(/openclaw\.json:\d+$/),
    ])
  })
})

describe('the SQLite store of later releases', () => {
  const job = (id: string, name: string, expr: string) => ({
    id,
    name,
    schedule: { kind: 'cron', expr },
    sessionTarget: 'main',
    wakeMode: 'now',
    payload: { kind: 'systemEvent', text: 'tick' },
  })
  const stored = async (expr: string): Promise<Installation> => {
    const installed = await install()
    rmSync(join(installed.home, '.openclaw/cron/jobs.json'))
    store(installed.home, [job('7c1d', 'weekly report', expr), job('8d2e', 'hourly look', '0 * * * *')])
    return installed
  }

  it('is a warning where this Node has no SQLite: nobody knows what is in it', async () => {
    const installed = await stored('0 8 * * 1')
    edit(join(installed.home, 'BOOT.md'), '\nmin-jobs: 1', '')
    const report = await asked(installed, { node: GATEWAY_NODE, env: { NODE_OPTIONS: '--no-experimental-sqlite' } })
    expect(report).toMatchObject({ ready: true, exitCode: 0 })
    const check = report.checks.find(({ id }) => id === 'cron')
    expect(check).toMatchObject({ status: 'warn', effect: 'warning', code: 'cron/store-unread' })
    expect(check && saidOf(check)).toContain('.openclaw/state/openclaw.sqlite')
  })

  it('is read, or said to be unread, by the Node that runs this suite', async () => {
    const installed = await stored('0 8 * * 1')
    edit(join(installed.home, 'BOOT.md'), '\nmin-jobs: 1', '')
    const report = await asked(installed)
    const check = report.checks.find(({ id }) => id === 'cron')
    expect(check?.code).toBe(isBuiltin('node:sqlite') ? 'cron/good' : 'cron/store-unread')
  })

  it('passes where every job in it can fire', async () => {
    const report = await asked(await stored('0 8 * * 1'), { node: GATEWAY_NODE })
    expect(report).toMatchObject({ ready: true, exitCode: 0 })
    expect(report.checks.find(({ id }) => id === 'cron')).toMatchObject({
      status: 'pass',
      facts: { jobs: 2, nextJob: 'hourly look' },
      watched: ['.openclaw/state/openclaw.sqlite'],
    })
  })

  it('fails with the name of the job that cannot', async () => {
    const report = await asked(await stored('99 99 * * *'), { node: GATEWAY_NODE })
    expect(report).toMatchObject({ ready: false, exitCode: 1 })
    const bad = report.checks.filter(({ status }) => status !== 'pass')
    expect(bad.map(({ id, code }) => [id, code])).toEqual([['cron', 'cron/schedule']])
    expect(bad[0]?.summary).toMatch(/openclaw\.sqlite.*weekly report.*99 99 \* \* \*/)
  })

  it('leaves nothing beside the store', async () => {
    const installed = await stored('0 8 * * 1')
    const file = join(installed.home, '.openclaw/state/openclaw.sqlite')
    const before = readFileSync(file)
    await asked(installed, { node: GATEWAY_NODE })
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(readdirSync(join(installed.home, '.openclaw/state'))).toEqual(['openclaw.sqlite'])
  })
})

it('shows no token of the config', async () => {
  const installed = await install()
  lay(installed.home, { '.openclaw/.env': 'OPENCLAW_GATEWAY_TOKEN=seldom-seen-4711\n' })
  edit(join(installed.home, '.openclaw/openclaw.json'), 'mode: "local",', 'mode: "local", plugins: [')
  expect(JSON.stringify(await asked(installed))).not.toContain('seldom-seen-4711')
})
