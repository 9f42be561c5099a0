import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { slipIn } from '../../checks/env/slips.ts'
import { env } from '../../checks/env.ts'
import type { CheckContext, Trouble, Verdict } from '../../core/check.ts'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

const SECRET = 'sk-5f0c1d7a9b3e4c2d'

const run = async (
  options: object,
  given: Partial<CheckContext> & { files?: Readonly<Record<string, string>> } = {},
): Promise<Verdict> => {
  const { files = {}, cwd = scratch(), ...more } = given
  lay(cwd, files)
  return env.run((await completed(env, options)) as never, context({ cwd, env: {}, home: cwd, ...more }))
}

const trouble = (verdict: Verdict): Trouble => {
  if (verdict.status !== 'warn' && verdict.status !== 'fail') throw new Error(`no trouble: ${JSON.stringify(verdict)}`)
  return verdict
}

describe('a variable', () => {
  it('that is set passes, by name', async () => {
    expect(await run({ vars: ['A', 'B'] }, { env: { A: '1', B: 'two' } })).toMatchObject({
      status: 'pass',
      code: 'env/set',
      watched: ['the environment', 'A', 'B'],
    })
  })

  it.each<[string, unknown, string | undefined, string]>([
    ['unset', true, undefined, 'missing'],
    ['empty', true, '', 'empty'],
    ['blank', true, ' \n', 'empty'],
    ['no integer', { type: 'integer' }, '12x', 'type'],
    ['no integer but a number', { type: 'integer' }, '1e3', 'type'],
    ['port 0', { type: 'port' }, '0', 'type'],
    ['a port beyond the last', { type: 'port' }, '65536', 'type'],
    ['a host and no address', { type: 'url' }, 'api.example.com', 'type'],
    ['an address without a host', { type: 'url' }, 'https:///v1', 'type'],
    ['no boolean', { type: 'boolean' }, 'ja', 'type'],
    ['a path to nothing', { type: 'path-exists' }, 'nowhere/key.pem', 'path-missing'],
    ['another shape', { matches: '/^sk-/' }, 'pk-5f0c1d7a', 'pattern'],
    ['another text', { matches: 'sk-' }, 'pk-5f0c1d7a', 'pattern'],
    ['quoted', true, `"${SECRET}"`, 'quoted'],
    ['with a carriage return', true, `${SECRET}\r`, 'whitespace'],
    ['with a newline', true, `${SECRET}\n`, 'whitespace'],
    ['a whole line', true, `export V=${SECRET}`, 'assignment'],
    ['a reference', true, '${OPENAI_API_KEY}', 'unexpanded'],
    ['a placeholder', true, 'changeme', 'placeholder'],
  ])('%s is told, without its value', async (_, rule, value, what) => {
    const verdict = trouble(await run({ vars: { V: rule } }, { env: value === undefined ? {} : { V: value } }))
    expect(verdict).toMatchObject({ status: 'fail', code: `env/${what}`, watched: ['the environment', 'V'] })
    expect(verdict.summary).toMatch(/^V /)
    for (const text of [verdict.summary, verdict.observed, verdict.expected, verdict.next]) expect(text).toMatch(/\S/)
    const shown = JSON.stringify(verdict)
    if (value !== undefined && value.trim().length > 4 && what !== 'placeholder')
      expect(shown).not.toContain(value.trim())
    expect(shown).not.toContain('5f0c1d7a')
  })

  it.each<[object, string]>([
    [{ type: 'integer' }, '-12'],
    [{ type: 'port' }, '65535'],
    [{ type: 'url' }, 'https://api.example.com/v1'],
    [{ type: 'url' }, 'redis://127.0.0.1:6379'],
    [{ type: 'boolean' }, 'off'],
    [{ type: 'path-exists' }, 'here'],
    [{ matches: '/^sk-[a-f0-9]+$/' }, SECRET],
  ])('of %j that is %s passes', async (rule, value) => {
    expect(await run({ vars: { V: rule } }, { env: { V: value }, files: { here: '' } })).toMatchObject({
      status: 'pass',
    })
  })

  it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])(
    'called %s is looked up as any other',
    async name => {
      const vars = JSON.parse(`{"${name}":true}`)
      const files = { '.env': 'A=1\n', 'g.service': '[Service]\n', 'g.plist': PLIST('') }
      for (const more of [{}, { files: ['.env'] }, { service: 'g.service' }, { service: 'g.plist' }])
        expect(await run({ vars, ...more }, { files })).toMatchObject({ code: 'env/missing' })
      const given = {
        '.env': `${name}=abc\n`,
        'g.service': `[Service]\nEnvironment=${name}=abc\n`,
        'f.service': '[Service]\nEnvironmentFile=%h/.env\n',
        'g.plist': PLIST(`<key>${name}</key><string>abc</string>`),
      }
      for (const more of [
        { files: ['.env'] },
        { service: 'g.service' },
        { service: 'f.service' },
        { service: 'g.plist' },
      ])
        expect(await run({ vars, ...more }, { files: given })).toMatchObject({ status: 'pass' })
    },
  )

  it('that nearly has the name is named', async () => {
    const verdict = trouble(await run({ vars: ['OPENAI_API_KEY'] }, { env: { OPENAI_APIKEY: SECRET } }))
    expect(verdict.observed).toContain('OPENAI_APIKEY is')
  })

  it('of several that are wrong: all are told, failures first', async () => {
    const verdict = trouble(
      await run({ vars: { A: true, B: { type: 'port' }, C: true } }, { env: { B: 'x', C: 'fine' } }),
    )
    expect(verdict.findings?.map(({ code }) => code)).toEqual(['env/missing', 'env/type'])
    expect(verdict.summary).toMatch(/^A .*also B/)
    expect(verdict.observed).not.toContain('C ')
  })
})

describe('slips', () => {
  it.each([
    ['V', `'${SECRET}'`, 'quoted'],
    ['V', '\u201cabc\u201d', 'quoted'],
    ['V', ' a', 'whitespace'],
    ['V', 'V=abc', 'assignment'],
    ['V', 'https://${HOST}/v1', 'unexpanded'],
    ['V', '${HOST:-x}', 'unexpanded'],
    ['V', '$HOST', 'unexpanded'],
    ['V', '$(cat key)', 'unexpanded'],
    ['V', '%TOKEN%', 'unexpanded'],
    ['V', '$HOME/x', 'unexpanded'],
    ['V', 'abc$HOME', 'unexpanded'],
    ['V', 'Bearer $TOKEN', 'unexpanded'],
    ['V', 'https://u:$API_TOKEN@host/', 'unexpanded'],
    ['V', '$(pwgen)x', 'unexpanded'],
    ['V', 'x$(hostname)', 'unexpanded'],
    ['V', '{{ key }}', 'unexpanded'],
    ['V', '<your key>', 'placeholder'],
    ['V', 'your-api-key-here', 'placeholder'],
    ['V', 'XXXX', 'placeholder'],
    ['V', 'undefined', 'placeholder'],
    ['API_KEY', 'sk-xxxxxxxx', 'placeholder'],
    ['API_KEY', 'sk-****c2d', 'placeholder'],
    ['API_KEY', 'sk-5f0c\u2026', 'placeholder'],
    ['API_KEY', 'test', 'placeholder'],
    ['API_KEY', 'sk-your-key-here', 'placeholder'],
    ['API_KEY', 'sk-proj-REPLACE_ME', 'placeholder'],
    ['API_KEY', 'sk-XXXX-XXXX', 'placeholder'],
    ['API_KEY', 'paste-key-here', 'placeholder'],
    ['API_KEY', 'sk-abc def', 'whitespace'],
    ['API_KEY', 'sk-abc\ndef', 'whitespace'],
    ['API_KEY', 'sk-abc\u200b', 'whitespace'],
    ['V', 'abc\ufeffdef', 'whitespace'],
    ['NODE_ENV', 'test', undefined],
    ['LOG', 'none', undefined],
    ['V', '"a" and b', undefined],
    ['V', '"', undefined],
    ['V', 'pa$$word', undefined],
    ['V', 'a$1b', undefined],
    ['DB_PASSWORD', 'pa$word$ABC', undefined],
    ['HASH_SECRET', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy', undefined],
    ['HASH_SECRET', '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub', undefined],
    ['V', '$HOMEBREW', 'unexpanded'],
    ['V', 'x$HOMELY', undefined],
    ['SSH_KEY', 'ssh-ed25519 AAAAC3Nz me@host', undefined],
    ['DB_PASSPHRASE', 'four words of rain', undefined],
    ['API_KEY', 'sk-here5f0c1d7a', undefined],
    ['PEM_KEY', '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n', undefined],
    ['URL', 'https://x.example/your-page', undefined],
    ['API_KEY', SECRET, undefined],
  ])('%s=%s: %s', (name, value, slip) => {
    expect(slipIn(name, value)).toBe(slip)
  })
})

describe('files', () => {
  it('give what the environment lacks, the first one first', async () => {
    const files = { '.env': `export A="1"\nB='2' # remark\n`, 'more.env': 'B=x\nC=3\n' }
    const vars = { A: { matches: '/^1$/' }, B: { matches: '/^2$/' }, C: { type: 'integer' }, D: true }
    expect(await run({ vars, files: ['.env', 'more.env'] }, { env: { D: '4' }, files })).toMatchObject({
      status: 'pass',
      watched: ['the environment', '.env', 'more.env', 'A', 'B', 'C', 'D'],
    })
    // What is set in the environment, even to nothing, is not overridden.
    const verdict = trouble(await run({ vars, files: ['.env', 'more.env'] }, { env: { C: '', D: '4' }, files }))
    expect(verdict).toMatchObject({ code: 'env/empty' })
  })

  it('are told by themselves', async () => {
    expect(await run({ files: ['.env'] }, { files: { '.env': 'A=1\nB=2\n' } })).toMatchObject({
      status: 'pass',
      summary: '.env: 2 variables, no line is wrong',
      watched: ['.env'],
    })
  })

  it.each<[string, string, string, number]>([
    ['a line that is none', 'A=1\nB 2\n', 'not NAME=value', 2],
    ['half a key on a line of its own', `A=1\n${'k5f0c1d7a9b'}\n`, 'not NAME=value', 2],
    ['a quote that stays open', 'A="1\n', 'never closed', 1],
    ['a name twice', 'A=1\n\nA=2\n', 'set twice', 3],
  ])('with %s are told by line', async (_, text, message, line) => {
    const verdict = trouble(await run({ files: ['.env'] }, { files: { '.env': text } }))
    expect(verdict).toMatchObject({ status: 'fail', code: 'env/file-syntax', findings: [{ line }] })
    expect(verdict.observed).toContain(message)
    expect(JSON.stringify(verdict)).not.toContain('k5f0c')
  })

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['not there', {}, 'file-missing'],
    ['empty', { '.env': '' }, 'file-empty'],
    ['nothing but comments', { '.env': '# A=1\n' }, 'file-empty'],
    ['a folder', { '.env/': '' }, 'file-unreadable'],
  ])('that are %s are told', async (_, files, what) => {
    expect(await run({ files: ['.env'] }, { files })).toMatchObject({ status: 'fail', code: `env/${what}` })
    // A variable that is set elsewhere must not hide it.
    expect(await run({ vars: ['A'], files: ['.env'] }, { files, env: { A: '1' } })).toMatchObject({
      code: `env/${what}`,
    })
  })
})

const PLIST = (entries: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>Label</key><string>ai.gateway</string>
<key>EnvironmentVariables</key><dict>${entries}</dict></dict></plist>
`

it('a variable that the guard moved aside is the gateway\u2019s under its own name', async () => {
  const moved = { BOOTCHECK_NODE_OPTIONS: '--max-old-space-size=4096' }
  expect(await run({ vars: ['NODE_OPTIONS'] }, { env: moved })).toMatchObject({ status: 'pass' })
  const files = { 'g.service': '[Service]\n' }
  expect(await run({ vars: ['NODE_OPTIONS'], service: 'g.service' }, { env: moved, files })).toMatchObject({
    code: 'env/not-in-service',
  })
})

describe('a service', () => {
  const token = { TOKEN: SECRET }

  it.each<[string, string, Readonly<Record<string, string>>]>([
    ['gateway.plist', 'gateway.plist', { 'gateway.plist': PLIST(`<key>TOKEN</key><string>${SECRET}</string>`) }],
    ['Environment=', 'gateway.service', { 'gateway.service': `[Service]\nEnvironment="TOKEN=${SECRET}" B=2\n` }],
    [
      'EnvironmentFile=',
      'gateway.service',
      { 'gateway.service': '[Service]\nEnvironmentFile=%h/secrets.env\n', 'secrets.env': `TOKEN="${SECRET}"\n` },
    ],
    [
      'a drop-in',
      'gateway.service',
      {
        'gateway.service': '[Service]\nEnvironment=TOKEN=old-value\n',
        'gateway.service.d/10-token.conf': `[Service]\nEnvironment=TOKEN=${SECRET}\n`,
      },
    ],
  ])('that has it by %s passes', async (_, service, files) => {
    expect(await run({ vars: ['TOKEN'], service }, { env: token, files })).toMatchObject({
      status: 'pass',
      watched: [service, 'TOKEN'],
    })
  })

  it.each<[string, string, Readonly<Record<string, string>>, 'fail' | 'warn', string, RegExp]>([
    [
      'a plist without it',
      'g.plist',
      { 'g.plist': PLIST('') },
      'fail',
      'not-in-service',
      /EnvironmentVariables in g\.plist/,
    ],
    ['a unit without it', 'g.service', { 'g.service': '[Service]\n' }, 'fail', 'not-in-service', /daemon-reload/],
    [
      'a unit that takes it back',
      'g.service',
      { 'g.service': `[Service]\nEnvironment=TOKEN=${SECRET}\nUnsetEnvironment=TOKEN\n` },
      'fail',
      'not-in-service',
      /TOKEN/,
    ],
    [
      'an export that systemd passes over',
      'g.service',
      { 'g.service': '[Service]\nEnvironmentFile=%h/s.env\n', 's.env': `export TOKEN=${SECRET}\n` },
      'fail',
      'export',
      /delete "export" before TOKEN in s\.env/,
    ],
    [
      'another value',
      'g.service',
      { 'g.service': '[Service]\nEnvironment=TOKEN=sk-an-older-one\n' },
      'warn',
      'differs',
      /correct TOKEN/,
    ],
    [
      'one that is handed on',
      'g.service',
      { 'g.service': '[Service]\nPassEnvironment=TOKEN\n' },
      'warn',
      'not-known',
      /TOKEN/,
    ],
    [
      'quotes that plists keep',
      'g.plist',
      { 'g.plist': PLIST(`<key>TOKEN</key><string>"${SECRET}"</string>`) },
      'fail',
      'quoted',
      /g\.plist/,
    ],
    ['no service', 'g.service', { 'g.service': '[Unit]\n' }, 'fail', 'service-format', /^head /],
    ['an empty file', 'g.service', { 'g.service': '' }, 'fail', 'service-format', /^head /],
    [
      'a broken plist',
      'g.plist',
      { 'g.plist': '<?xml version="1.0"?><plist><dict>' },
      'fail',
      'service-format',
      /^plutil -lint/,
    ],
    ['a binary plist', 'g.plist', { 'g.plist': 'bplist00\u0001' }, 'fail', 'service-format', /^plutil -convert xml1/],
    ['no file', 'g.service', {}, 'fail', 'service-unreadable', /^ls -ld/],
    [
      'a lost EnvironmentFile',
      'g.service',
      { 'g.service': '[Service]\nEnvironmentFile=/nowhere/s.env\n' },
      'fail',
      'service-unreadable',
      /^ls -ld \/nowhere\/s\.env/,
    ],
  ])('with %s is told', async (_, service, files, status, what, next) => {
    const verdict = trouble(await run({ vars: ['TOKEN'], service }, { env: token, files }))
    expect(verdict).toMatchObject({ status, code: `env/${what}` })
    expect(verdict.next).toMatch(next)
    expect(JSON.stringify(verdict)).not.toMatch(/5f0c1d7a|older-one/)
  })

  it('has the PATH that its manager gives, where it sets none', async () => {
    const files = { 'g.service': '[Service]\n', 'g.plist': PLIST('') }
    for (const service of ['g.service', 'g.plist'])
      expect(await run({ vars: { PATH: { matches: '/bin:' } }, service }, { files })).toMatchObject({
        status: 'pass',
      })
    const without = { 'g.service': '[Service]\nPassEnvironment=A PATH\nUnsetEnvironment=PATH A\n' }
    expect(await run({ vars: ['PATH', 'A'], service: 'g.service' }, { files: without })).toMatchObject({
      code: 'env/missing',
      facts: { wrong: ['PATH missing', 'A missing'] },
    })
  })

  it('has what its manager sets for the account that it runs as', async () => {
    const { username, homedir, shell } = userInfo()
    const unit = (more: string) => ({ 'g.service': `[Service]\n${more}\n` })
    const asked = (vars: unknown, files: Readonly<Record<string, string>>, given: object = {}) =>
      run({ vars, service: Object.keys(files)[0] }, { files, ...given })
    const account = {
      USER: { matches: `/^${username}$/` },
      LOGNAME: { matches: `/^${username}$/` },
      HOME: { matches: homedir.slice(1) },
      SHELL: { matches: shell?.slice(1) ?? '' },
    }
    expect(await asked(account, unit(`User=${username}`))).toMatchObject({ status: 'pass' })
    expect(await asked(account, unit(`User=${userInfo().uid}`))).toMatchObject({ status: 'pass' })
    // Of another account than ours they differ by right.
    expect(
      await asked(['USER', 'HOME'], unit(`User=${username}`), { env: { USER: 'other', HOME: '/home/other' } }),
    ).toMatchObject({ status: 'pass' })
    expect(await asked({ USER: { matches: 'claw' } }, unit(`User=${username}`))).toMatchObject({ code: 'env/pattern' })
    // The unit's own word is the stronger one, and UnsetEnvironment= the last.
    const own = unit(`User=${username}\nEnvironment=HOME=/srv/gw`)
    expect(await asked({ HOME: { matches: 'srv/gw' } }, own)).toMatchObject({ status: 'pass' })
    for (const without of ['', 'User=no-such-user-here', `User=${username}\nSetLoginEnvironment=no`])
      expect(await asked(['HOME'], unit(without), { env: { HOME: '/root' } })).toMatchObject({
        code: 'env/not-in-service',
      })
    expect(await asked(['HOME'], unit(`User=${username}\nUnsetEnvironment=HOME`))).toMatchObject({
      code: 'env/missing',
    })

    expect(await asked(['HOME', 'USER', 'SHELL', 'TMPDIR'], { 'g.plist': PLIST('') })).toMatchObject({ status: 'pass' })
    const daemon = (more: string) => ({ 'LaunchDaemons/g.plist': PLIST('').replace('<dict>', `<dict>${more}`) })
    expect(await asked(['HOME'], daemon(''))).toMatchObject({ code: 'env/missing' })
    expect(await asked(account, daemon(`<key>UserName</key><string>${username}</string>`))).toMatchObject({
      status: 'pass',
    })
  })

  it('has what its manager makes anew at each start, whose value nobody knows before', async () => {
    const files = { 'g.service': '[Service]\nType=notify\nStateDirectory=gw\n' }
    const vars = ['INVOCATION_ID', 'NOTIFY_SOCKET', 'STATE_DIRECTORY']
    expect(await run({ vars, service: 'g.service' }, { files })).toMatchObject({ status: 'pass' })
    expect(
      await run({ vars: { STATE_DIRECTORY: { type: 'path-exists' } }, service: 'g.service' }, { files }),
    ).toMatchObject({ status: 'warn', code: 'env/not-known' })
    expect(await run({ vars: ['CACHE_DIRECTORY'], service: 'g.service' }, { files })).toMatchObject({
      code: 'env/missing',
    })
  })

  it('reads every file that a pattern in EnvironmentFile= matches', async () => {
    const files = {
      'g.service': '[Service]\nEnvironmentFile=%h/conf*/g?.env\n',
      'conf.d/g1.env': 'A=1\nB=1\n',
      'conf.d/g2.env': 'B=2\n',
      'conf.d/.g3.env': 'A=3\n',
      'conf.d/gx.conf': 'A=4\n',
      'config/other': '',
    }
    const vars = { A: { matches: '/^1$/' }, B: { matches: '/^2$/' } }
    expect(await run({ vars, service: 'g.service' }, { files })).toMatchObject({ status: 'pass' })
    const none = { 'g.service': '[Service]\nEnvironmentFile=/nowhere/g*.env\n' }
    expect(trouble(await run({ vars: ['A'], service: 'g.service' }, { files: none }))).toMatchObject({
      code: 'env/service-unreadable',
      observed: 'nothing matches /nowhere/g*.env',
    })
    const optional = { 'g.service': '[Service]\nEnvironment=A=1\nEnvironmentFile=-/nowhere/g*.env\n' }
    expect(await run({ vars: ['A'], service: 'g.service' }, { files: optional })).toMatchObject({ status: 'pass' })
  })

  it('may get from a file of its own what its unit lacks', async () => {
    const files = { 'g.service': '[Service]\nEnvironmentFile=-/nowhere/s.env\n', '.env': `TOKEN=${SECRET}\n` }
    const given = { vars: ['TOKEN'], service: 'g.service', files: ['.env'] }
    expect(await run(given, { files })).toMatchObject({ status: 'pass', watched: ['g.service', '.env', 'TOKEN'] })
  })
})

describe('on the command line and in a manifest', () => {
  it('takes names and maps, and shows no value in any format', async () => {
    const cwd = scratch()
    lay(cwd, { '.env': `KEY="${SECRET}\n"\nPORT=x\n` })
    const words = ['check', 'env', '--files', '.env', '--vars.KEY', 'true', '--vars.PORT.type', 'port']
    for (const format of ['plain', 'json', 'pretty']) {
      const ended = await bootcheck([...words, '--format', format], { cwd })
      expect(ended.code).toBe(1)
      expect(ended.stdout).toContain('PORT is not a port')
      expect(ended.stdout).toContain('KEY begins or ends with a blank')
      expect(ended.stdout + ended.stderr).not.toContain(SECRET)
    }
    for (const good of ['HOME,PATH', '{"HOME": {"type": "path-exists"}, "PATH": true}'])
      expect((await bootcheck(['check', 'env', '--vars', good], { cwd })).code).toBe(0)
    for (const bad of [['--vars', '9A'], ['--vars.A.type', 'number'], ['--service', 'x.service'], []]) {
      const ended = await bootcheck(['check', 'env', ...bad], { cwd })
      expect([bad, ended.code]).toEqual([bad, 2])
    }
  })

  it.each([
    ['vars: {}', /empty/],
    ['vars: {A-B: true}', /"A-B" is no name/],
    ['vars: {A: {matches: "/(/"}}', /no regular expression/],
  ])('%s is an error of the manifest', async (body, message) => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest(`check: env\nid: e\n${body}`) })
    const ended = await bootcheck(['lint'], { cwd })
    expect(ended.code).toBe(2)
    expect(ended.stdout + ended.stderr).toMatch(message)
  })

  it('a pattern that would take for ever is ended by the deadline', async () => {
    const cwd = scratch()
    const words = ['check', 'env', '--vars.V.matches', '/^(a+)+$/', '--timeout', '1s', '--format', 'json']
    const ended = await bootcheck(words, { cwd, env: { V: `${'a'.repeat(40)}!` } })
    expect(reportOf(ended).checks[0]).toMatchObject({ status: 'timeout' })
  })

  it('a path behind a closed door, and a link to nothing, are no path that exists', async () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'shut'))
    lay(cwd, { 'shut/key.pem': '' })
    symlinkSync('nowhere', join(cwd, 'dangling'))
    give(cwd)
    chmodSync(join(cwd, 'shut'), 0)
    const words = ['check', 'env', '--vars.A.type', 'path-exists', '--vars.B.type', 'path-exists', '--format', 'json']
    const ended = await bootcheck(words, {
      cwd,
      through: UNPRIVILEGED,
      env: { A: join(cwd, 'shut/key.pem'), B: join(cwd, 'dangling') },
    })
    const [check] = reportOf(ended).checks
    expect(check?.findings.map(({ code }) => code)).toEqual(['env/path-missing', 'env/path-missing'])
    expect(ended.stdout).not.toContain('key.pem')
  })
})
