import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { keepsShell, readCommand } from '../../checks/supervisor/command.ts'
import { parseDockerfile } from '../../checks/supervisor/container.ts'
import { readLiterals, UNREAD } from '../../checks/supervisor/literals.ts'
import { guessKind } from '../../checks/supervisor/read.ts'
import { supervisor } from '../../checks/supervisor.ts'
import type { Verdict } from '../../core/check.ts'
import { bootcheck, lay, manifest, ROOT, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'

const run = async (options: object, cwd: string): Promise<Verdict> =>
  supervisor.run((await completed(supervisor, options)) as never, context({ cwd, home: cwd }))

/** The codes of all that is wrong with one file; empty for a pass. */
const codes = async (name: string, text: string, more: Readonly<Record<string, string>> = {}, options = {}) => {
  const cwd = scratch()
  lay(cwd, { [name]: text, ...more })
  const verdict = await run({ file: name, ...options }, cwd)
  if (verdict.status === 'skip') throw new Error('skipped')
  if (verdict.status === 'pass') return []
  return (verdict.findings ?? [{ code: verdict.code }]).map(({ code }) =>
    (code ?? verdict.code).replace('supervisor/', ''),
  )
}

const GUARD = '/usr/bin/node /opt/bootcheck/dist/cli/bin.cjs guard --state-dir /var/lib/gw'
const unit = (lines: string, start = `${GUARD} -- /usr/bin/node /opt/gw.mjs`): string =>
  `[Unit]\nStartLimitIntervalSec=5min\n[Service]\nExecStart=${start}\nRestart=on-failure\nRestartPreventExitStatus=69 78\nKillMode=mixed\n${lines}\n`

describe('what the project ships', () => {
  it.each([
    ['docs/systemd/bootcheck-gateway.service', { '69': 'stays down', '75': 'restarted', '78': 'stays down' }],
    ['docs/launchd/ai.bootcheck.gateway.plist', { '69': 'does not occur', '75': 'restarted', '78': 'does not occur' }],
    [
      'docs/launchd/ai.bootcheck.gateway.on-failure.plist',
      { '69': 'stays down', '75': 'restarted', '78': 'stays down' },
    ],
    ['docs/supervisors/ecosystem.config.cjs', { '69': 'stays down', '75': 'restarted', '78': 'stays down' }],
  ])('%s fits', async (file, facts) => {
    expect(await run({ file }, ROOT)).toMatchObject({ status: 'pass', code: 'supervisor/fits', facts, watched: [file] })
  })
})

describe('systemd', () => {
  it.each<[string, string, readonly string[]]>([
    ['as it should be', unit(''), []],
    ['by name', unit('').replace('69 78', 'UNAVAILABLE CONFIG'), []],
    ['Restart=always with the codes', unit('Restart=always'), []],
    ['no RestartPreventExitStatus', unit('RestartPreventExitStatus='), ['loops']],
    ['one of two', unit('RestartPreventExitStatus=\nRestartPreventExitStatus=78'), ['loops']],
    ['forced', unit('RestartPreventExitStatus=\nRestartForceExitStatus=78'), ['loops']],
    ['held', unit('RestartPreventExitStatus=', '/usr/bin/bootcheck guard --hold --state-dir /x -- /bin/gw'), []],
    ['success', unit('SuccessExitStatus=78 143'), ['silent']],
    ['no restart', unit('Restart=no'), ['never-restarts']],
    ['a short stop', unit('TimeoutStopSec=10s'), ['stop-timeout']],
    [
      'a short stop for a long kill',
      unit('TimeoutStopSec=30s', `${GUARD} --kill-after 1m -- /bin/gw`),
      ['stop-timeout'],
    ],
    ['KillMode=process', unit('KillMode=process'), ['kill-mode']],
    ['the default KillMode', unit('KillMode='), ['kill-mode']],
    ['no state folder', unit('', '/usr/bin/bootcheck guard -- /bin/gw --state-dir /x'), ['no-state-folder']],
    ['notify, unheard', unit('Type=notify\nTimeoutStartSec=infinity'), ['notify']],
    ['notify, killed while it waits', unit('Type=notify\nNotifyAccess=all'), ['start-timeout']],
    ['a bare program', unit('', 'bootcheck guard --state-dir /x -- node gw'), ['bare-program']],
    ['a relative program', unit('', './bootcheck guard --state-dir /x -- node gw'), ['bare-program']],
    ['a limit that never trips', unit('RestartSec=60s'), ['start-limit']],
    ['no limit', unit('').replace('5min', '0'), ['start-limit']],
    ['the default limit', unit('RestartSec=5s').replace('[Unit]\nStartLimitIntervalSec=5min\n', ''), ['start-limit']],
    ['an ignored line', unit('Restart: always'), ['ignored-line']],
    ['no bootcheck', '[Service]\nExecStart=/usr/bin/node gw.mjs\nRestart=always\n', ['no-bootcheck']],
    [
      'only a folder of that name',
      '[Service]\nExecStart=/usr/bin/node /var/lib/bootcheck-gateway/x\n',
      ['no-bootcheck'],
    ],
    ['nothing', '[Service]\nRestart=always\n', ['nothing-here']],
    [
      'a gate in front',
      '[Service]\nExecStartPre=/usr/bin/bootcheck\nExecStart=/bin/gw\nRestart=always\n',
      ['gate-loops'],
    ],
    [
      'a gate in front, ignored',
      '[Service]\nExecStartPre=-/usr/bin/bootcheck run\nExecStart=/bin/gw\nRestart=always\n',
      ['gate-ignored'],
    ],
    ['a gate in front, once', '[Service]\nExecStartPre=/usr/bin/bootcheck run\nExecStart=/bin/gw\n', []],
    ['a condition', '[Service]\nExecCondition=/usr/bin/bootcheck run\nExecStart=/bin/gw\n', ['silent']],
  ])('%s', async (_, text, expected) => {
    expect(await codes('gw.service', text)).toEqual(expected)
  })

  it('points at the drop-in that undoes it', async () => {
    const cwd = scratch()
    lay(cwd, {
      'gw.service': unit(''),
      'gw.service.d/10-more.conf': '[Service]\nRestart=always\nRestartPreventExitStatus=\n',
    })
    expect(await run({ file: 'gw.service' }, cwd)).toMatchObject({
      code: 'supervisor/loops',
      watched: ['gw.service', 'gw.service.d/10-more.conf'],
      findings: [{ path: join(cwd, 'gw.service.d/10-more.conf'), line: 2 }],
      next: 'RestartPreventExitStatus=69 78',
    })
  })

  it('looks into the shell script that is started', async () => {
    const cwd = scratch()
    lay(cwd, { run: `#!/bin/sh\nexec ${GUARD} -- /bin/gw\n` })
    writeFileSync(join(cwd, 'gw.service'), unit('RestartPreventExitStatus=', join(cwd, 'run')))
    expect(await run({ file: 'gw.service' }, cwd)).toMatchObject({ code: 'supervisor/loops' })
  })
})

const SHIPPED = '/usr/lib/systemd/system'
const shipped = existsSync(SHIPPED) ? readdirSync(SHIPPED).filter(name => name.endsWith('.service')) : []

describe.runIf(shipped.length > 0)("this machine's units", () => {
  it('are all read, and none of them starts bootcheck', async () => {
    for (const name of shipped) {
      const verdict = await run({ file: join(SHIPPED, name) }, '/')
      expect(verdict.status, name).not.toBe('skip')
      expect('code' in verdict && verdict.code, name).toMatch(/^supervisor\/(?:no-bootcheck|nothing-here|unreadable)$/)
    }
  })
})

describe('launchd', () => {
  const job = (keys: string, command = `${GUARD} --hold -- /usr/bin/node /opt/gw.mjs`): string =>
    `<?xml version="1.0"?><plist version="1.0"><dict><key>Label</key><string>gw</string>
<key>ProgramArguments</key><array>${command
      .split(' ')
      .map(word => `<string>${word}</string>`)
      .join('')}</array>
<key>StandardOutPath</key><string>/tmp/gw.log</string><key>StandardErrorPath</key><string>/tmp/gw.log</string>${keys}</dict></plist>`
  const ALIVE = '<key>KeepAlive</key><true/>'
  const ON_FAILURE = '<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>'
  const PARKED = `${GUARD} --supervisor launchd -- /bin/gw`

  it.each<[string, string, readonly string[]]>([
    ['held', job(ALIVE), []],
    ['parked', job(ON_FAILURE, PARKED), []],
    ['KeepAlive without --hold', job(ALIVE, `${GUARD} -- /bin/gw --hold`), ['loops']],
    ['parked under KeepAlive true', job(ALIVE, PARKED), ['loops']],
    ['the gate alone', job(ALIVE, '/usr/bin/bootcheck run'), ['loops']],
    ['on failure, not parked', job(ON_FAILURE, `${GUARD} -- /bin/gw`), ['loops']],
    [
      'Crashed beside it',
      job(ON_FAILURE.replace('<dict>', '<dict><key>Crashed</key><true/>'), PARKED),
      ['crashed-key'],
    ],
    ['no KeepAlive', job(''), ['never-restarts']],
    ['a bare program', job(ALIVE, 'bootcheck guard --hold -- /bin/gw'), ['bare-program']],
    ['a bare node', job(ALIVE, `${GUARD} --hold -- node /opt/gw.mjs`), ['bare-program']],
    [
      'a bare node under a PATH',
      job(
        `${ALIVE}<key>EnvironmentVariables</key><dict><key>PATH</key><string>/x</string></dict>`,
        `${GUARD} --hold -- node /opt/gw.mjs`,
      ),
      [],
    ],
    ['a short stop', job(`${ALIVE}<key>ExitTimeOut</key><integer>10</integer>`), ['stop-timeout']],
    ['no log', job(ALIVE).replace(/<key>Standard.*gw\.log<\/string>/, ''), ['no-log']],
    ['a log nowhere', job(ALIVE).replaceAll('/tmp/gw.log', '/no/such/gw.log'), ['log-folder']],
    ['no bootcheck', job(ALIVE, '/usr/bin/node /opt/gw.mjs'), ['no-bootcheck']],
    ['nothing', '<plist><dict/></plist>', ['nothing-here']],
    ['broken', '<plist><dict>', ['malformed']],
    ['binary', 'bplist00', ['malformed']],
  ])('%s', async (_, text, expected) => {
    expect(await codes('gw.plist', text)).toEqual(expected)
  })
})

describe('pm2', () => {
  const app = (more: string): string =>
    `const path = require('path')\n// apps of this host\nmodule.exports = { apps: [{ name: 'gw', script: '/usr/bin/bootcheck', args: 'guard -- node gw', stop_exit_codes: [69, 78], kill_timeout: 15_000, treekill: false, ${more} }] }\n`

  it.each<[string, string, string, readonly string[]]>([
    ['as it should be', 'ecosystem.config.cjs', app(''), []],
    ['no codes', 'ecosystem.config.js', app('stop_exit_codes: []'), ['loops']],
    ['one code', 'ecosystem.config.js', app('stop_exit_codes: [78]'), ['loops']],
    [
      'JSON',
      'pm2.json',
      '{"apps": [{"name": "gw", "script": "bootcheck", "args": ["guard", "--hold", "--", "gw"], "kill_timeout": 20000, "treekill": false}]}',
      [],
    ],
    ['no restart', 'ecosystem.config.js', app('autorestart: false'), ['never-restarts']],
    [
      'the default kill_timeout',
      'ecosystem.config.js',
      app('').replace('kill_timeout: 15_000, ', ''),
      ['stop-timeout'],
    ],
    ['treekill', 'ecosystem.config.js', app('treekill: true'), ['kill-mode']],
    [
      'no bootcheck',
      'ecosystem.config.js',
      `module.exports = { apps: [{ name: 'gw', script: 'gw.js' }] }`,
      ['no-bootcheck'],
    ],
    ['computed codes', 'ecosystem.config.js', app('stop_exit_codes: codes()'), ['unread']],
    ['a spread', 'ecosystem.config.js', app('...common'), ['unread']],
    ['computed apps', 'ecosystem.config.js', 'module.exports = { apps: make({ a: [1, 2] }) }', ['nothing-here']],
    ['no apps', 'ecosystem.config.js', 'module.exports = { apps: [] }', ['nothing-here']],
    ['broken', 'ecosystem.config.js', 'module.exports = { apps: [{ name: "gw", ', ['malformed']],
  ])('%s', async (_, name, text, expected) => {
    expect(await codes(name, text)).toEqual(expected)
  })

  it('never runs the file', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'ecosystem.config.cjs'), `require('fs').writeFileSync('${cwd}/ran', '')\n${app('')}`)
    expect(await run({ file: 'ecosystem.config.cjs' }, cwd)).toMatchObject({ status: 'pass' })
    expect(existsSync(join(cwd, 'ran'))).toBe(false)
  })

  it('one of several, by name, and none of that name', async () => {
    const text = `module.exports = { apps: [{ name: 'web', script: 'web.js' }, ${app('').slice(app('').indexOf('{ name'), -4)}] }`
    expect(await codes('ecosystem.config.cjs', text)).toEqual(['no-bootcheck'])
    expect(await codes('ecosystem.config.cjs', text, {}, { name: 'gw' })).toEqual([])
    expect(await codes('ecosystem.config.cjs', text, {}, { name: 'api' })).toEqual(['nothing-here'])
  })
})

describe('containers', () => {
  it.each<[string, string, string, readonly string[]]>([
    [
      'exec form',
      'Dockerfile',
      'FROM node\nVOLUME /s\nENTRYPOINT ["bootcheck", "guard", "--state-dir", "/s", "--"]\nCMD ["node", "gw.mjs"]\n',
      [],
    ],
    [
      'shell form',
      'Dockerfile',
      'FROM node\nENTRYPOINT bootcheck guard --state-dir /s -- node gw.mjs\n',
      ['shell-form'],
    ],
    [
      'shell form with exec',
      'Dockerfile',
      'FROM node\nCMD exec bootcheck guard --state-dir /s -- \\\n  # why\n  node gw.mjs\n',
      [],
    ],
    ['sh -c', 'Dockerfile', 'FROM node\nCMD ["sh", "-c", "bootcheck && node gw.mjs"]\n', ['shell-form']],
    [
      'CMD behind a shell',
      'Dockerfile',
      'FROM node\nENTRYPOINT exec bootcheck guard --state-dir /s --\nCMD ["gw"]\n',
      ['ignored-line'],
    ],
    ['forgetful', 'Dockerfile', 'FROM node\nENTRYPOINT ["bootcheck", "guard", "--", "gw"]\n', ['no-state-folder']],
    [
      'the last stage counts',
      'Dockerfile',
      'FROM a\nCMD ["bootcheck", "guard"]\nFROM b\nCMD ["node", "gw"]\n',
      ['no-bootcheck'],
    ],
    ['nothing', 'Dockerfile', 'FROM a\nCMD ["x"]\nFROM b\n', ['nothing-here']],
    [
      'held',
      'compose.yaml',
      'services:\n  gw:\n    command: bootcheck guard --hold --state-dir /s -- gw\n    restart: unless-stopped\n    stop_grace_period: 20s\n    volumes: [s:/s]\n  db:\n    image: db\n',
      [],
    ],
    [
      'always',
      'compose.yaml',
      'services:\n  gw:\n    command: [bootcheck, guard, --, gw]\n    restart: always\n    stop_grace_period: 1m30s\n    volumes: [s:/s]\n',
      ['loops'],
    ],
    [
      'bounded',
      'compose.yaml',
      'services:\n  gw:\n    command: bootcheck guard -- gw\n    restart: on-failure:5\n    stop_grace_period: 20s\n    volumes: [s:/s]\n',
      [],
    ],
    [
      'never',
      'compose.yaml',
      'services:\n  gw:\n    command: bootcheck guard -- gw\n    restart: no\n    stop_grace_period: 20s\n    volumes: [s:/s]\n',
      ['never-restarts'],
    ],
    [
      'swarm',
      'compose.yaml',
      'services:\n  gw:\n    command: bootcheck run\n    deploy: {restart_policy: {condition: any}}\n',
      ['loops'],
    ],
    [
      'impatient and forgetful',
      'docker-compose.yml',
      'services:\n  gw:\n    command: bootcheck guard --hold -- gw\n    restart: always\n',
      ['stop-timeout', 'no-state-folder'],
    ],
    ['no bootcheck', 'compose.yaml', 'services:\n  gw:\n    image: gw\n    restart: always\n', ['no-bootcheck']],
    ['no service', 'compose.yaml', 'services: {}\n', ['nothing-here']],
    ['broken', 'compose.yaml', 'services: [\n', ['malformed']],
  ])('%s', async (_, name, text, expected) => {
    expect(await codes(name, text)).toEqual(expected)
  })

  it('keeps the line of a continued instruction', () => {
    expect(parseDockerfile('# x\nFROM a\n\nRUN a \\\n  b\nCMD c\n')).toEqual([
      { name: 'FROM', value: 'a', line: 2 },
      { name: 'RUN', value: 'a    b', line: 4 },
      { name: 'CMD', value: 'c', line: 6 },
    ])
  })
})

describe('package.json', () => {
  const pack = (scripts: object, more = {}): string => JSON.stringify({ ...more, scripts })
  const GATE = { prestart: 'bootcheck run', start: 'node gw.mjs' }

  it.each<[string, string, Readonly<Record<string, string>>, readonly string[]]>([
    ['npm runs it', pack(GATE), {}, []],
    ['Yarn 1 runs it', pack(GATE, { packageManager: 'yarn@1.22.0' }), {}, []],
    ['Yarn 4 does not', pack(GATE, { packageManager: 'yarn@4.5.0' }), {}, ['prestart-skipped']],
    ['nor with its file', pack(GATE), { '.yarnrc.yml': '' }, ['prestart-skipped']],
    ['ignore-scripts', pack(GATE), { '.npmrc': 'ignore-scripts=true\n' }, ['prestart-skipped']],
    ['npm start without scripts', pack({ ...GATE, serve: 'npm start --ignore-scripts' }), {}, ['prestart-skipped']],
    ['npm run without scripts', pack({ ...GATE, serve: 'npm run --ignore-scripts start' }), {}, ['prestart-skipped']],
    ['node --run', pack({ ...GATE, serve: 'node --run start' }), {}, ['prestart-skipped']],
    ['node --run of another', pack({ ...GATE, serve: 'node --run start:dev' }), {}, []],
    ['the guard behind a shell', pack({ start: 'bootcheck guard -- node gw.mjs' }), {}, ['shell-form']],
    ['the guard', pack({ start: 'exec bootcheck guard -- node gw.mjs' }), {}, []],
    ['no bootcheck', pack({ prestart: 'echo hello', start: 'node gw.mjs' }), {}, ['no-bootcheck']],
    ['no script', pack({}), {}, ['nothing-here']],
    ['no scripts', '[]', {}, ['nothing-here']],
    ['broken', '{', {}, ['malformed']],
  ])('%s', async (_, text, more, expected) => {
    expect(await codes('package.json', text, more)).toEqual(expected)
  })

  it('another script', async () => {
    expect(
      await codes('package.json', pack({ gateway: 'exec bootcheck guard -- gw' }), {}, { name: 'gateway' }),
    ).toEqual([])
  })
})

describe('a file that says nothing', () => {
  it('missing, a folder, a link to nothing, empty, unknown', async () => {
    const cwd = scratch()
    lay(cwd, { 'empty.service': '\n', 'notes.txt': 'hello\n', 'folder/': '' })
    symlinkSync('gone', join(cwd, 'link.service'))
    const found = await Promise.all(
      ['no.service', 'folder', 'link.service', 'empty.service', 'notes.txt'].map(file => run({ file }, cwd)),
    )
    expect(found.map(verdict => 'code' in verdict && verdict.code)).toEqual([
      'supervisor/unreadable',
      'supervisor/unreadable',
      'supervisor/unreadable',
      'supervisor/nothing-here',
      'supervisor/unknown-kind',
    ])
    expect(await run({ file: 'notes.txt', kind: 'systemd' }, cwd)).toMatchObject({ code: 'supervisor/nothing-here' })
  })

  it.each([
    ['x', '[Service]\n', 'systemd'],
    ['x', 'bplist00', 'launchd'],
    ['gw.Dockerfile', '', 'dockerfile'],
    ['x', 'FROM a\nCMD b\n', 'dockerfile'],
    ['x.yml', 'services:\n', 'compose'],
    ['x.js', 'module.exports = {apps: []}', 'pm2'],
    ['x.txt', 'hello', undefined],
  ])('%s %j is for %s', (name, text, kind) => {
    expect(guessKind(`/a/${name}`, text)).toBe(kind)
  })
})

describe('by the built program', () => {
  it.each(['plain', 'json', 'pretty'])('as %s', async format => {
    const words = ['check', 'supervisor', '--format', format, '--file']
    const good = await bootcheck([...words, join(ROOT, 'docs/systemd/bootcheck-gateway.service')], { cwd: scratch() })
    expect([good.code, good.stderr]).toEqual([0, ''])
    const cwd = scratch()
    lay(cwd, { 'gw.service': unit('RestartPreventExitStatus=') })
    const bad = await bootcheck([...words, 'gw.service'], { cwd })
    expect([bad.code, bad.stderr]).toEqual([1, ''])
    expect(bad.stdout).toContain('RestartPreventExitStatus=69 78')
  })

  it('masks a secret that stands in the file', async () => {
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(
        'check: supervisor\nid: a\nfile: gw.service',
        'check: workspace\nid: b\npath: ${secret:TOKEN}',
      ),
      'gw.service': '[Service]\nExecStart=/bin/gw --token s3cr3t-s3cr3t\n',
    })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd, env: { TOKEN: 's3cr3t-s3cr3t' } })
    expect(reportOf(ended).checks[0]?.code).toBe('supervisor/no-bootcheck')
    expect(ended.stdout).not.toContain('s3cr3t-s3cr3t')
  })
})

describe('the parts', () => {
  it.each([
    ['bootcheck', { gate: true, guard: false }],
    ['npx bootcheck@0.1 run x', { gate: true, guard: false }],
    ['bootcheck ./BOOT.md && node gw', { gate: true, guard: false }],
    ['bootcheck state', { gate: false, guard: false }],
    [
      '/opt/x/bootcheck guard --hold --kill-after=30s -- gw --state-dir x',
      { guard: true, hold: true, killAfterMs: 30_000, stateDir: false },
    ],
    ['node /a/node_modules/bootcheck/dist/cli/bin.cjs guard -- gw', { guard: true }],
    ['my-bootcheck guard', { guard: false, gate: false }],
    ['cat bootcheck-gateway.log', { guard: false, gate: false }],
  ])('%s', (text, expected) => {
    expect(readCommand(text)).toMatchObject(expected)
  })

  it('shells that stay', () => {
    expect(['exec a', 'cd /x && exec a b', 'a', 'exec a; b', 'a && b'].map(keepsShell)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ])
  })

  it('literals, and what is none', () => {
    expect(
      readLiterals(
        `/* module.exports = 1 */ export default { a: 'x\\'y', "b": [1_000, -2.5, true, null,], c: f(1, "}"), d: 1 + 2, e: \`t\`, f: \`\${x}\`, g() { return {} }, h, }`,
      ),
    ).toEqual({ a: "x'y", b: [1000, -2.5, true, null], c: UNREAD, d: UNREAD, e: 't', f: UNREAD, '...': UNREAD })
    expect(readLiterals('hello')).toBeUndefined()
    expect(() => readLiterals(`module.exports = ${'['.repeat(5000)}`)).toThrow('ends in the middle')
    expect(readLiterals(`module.exports = ${'['.repeat(5000)}${']'.repeat(5000)}`)).toBeDefined()
    expect(readFileSync(join(ROOT, 'docs/supervisors/ecosystem.config.cjs'), 'utf8')).toContain('module.exports')
  })
})
