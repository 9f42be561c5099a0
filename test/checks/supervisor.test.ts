import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { keepsShell, readArgv, readShell } from '../../checks/supervisor/command.ts'
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
  ])('%s fits', async (file, facts) => {
    expect(await run({ file }, ROOT)).toMatchObject({ status: 'pass', code: 'supervisor/fits', facts, watched: [file] })
  })

  it.each([
    ['ecosystem.config.cjs', { '69': 'stays down', '75': 'restarted', '78': 'stays down' }],
    ['supervisord.conf', { '69': 'stays down', '75': 'restarted', '78': 'stays down' }],
  ])(
    'docs/supervisors/%s fits, with the script that it starts, and is not taken on trust without it',
    async (file, facts) => {
      const cwd = scratch()
      const shipped = (name: string): string =>
        readFileSync(join(ROOT, 'docs/supervisors', name), 'utf8').replaceAll('/opt/gateway', cwd)
      lay(cwd, { [file]: shipped(file).replaceAll('/var/log', cwd) })
      expect(await run({ file }, cwd)).toMatchObject({ status: 'warn', code: 'supervisor/unread' })
      lay(cwd, { run: shipped('run') })
      expect(await run({ file }, cwd)).toMatchObject({ status: 'pass', facts, watched: [file, 'run'] })
      lay(cwd, { run: '#!/bin/sh\nexec node gw.mjs\n' })
      expect(await run({ file }, cwd)).toMatchObject({ code: 'supervisor/no-bootcheck' })
    },
  )

  it.each(['runit', 's6'])('the run and finish of %s fit', async kind => {
    const cwd = scratch()
    for (const [name, file] of [
      ['run', 'run'],
      ['finish', `${kind}-finish`],
    ] as const)
      lay(cwd, { [`gateway/${name}`]: readFileSync(join(ROOT, 'docs/supervisors', file), 'utf8') })
    for (const name of ['run', 'finish']) chmodSync(join(cwd, 'gateway', name), 0o755)
    for (const file of ['gateway', 'gateway/run'])
      expect(await run({ file, kind }, cwd)).toMatchObject({
        status: 'pass',
        facts: { kind, of: ['gateway'], '69': 'stays down', '75': 'restarted', '78': 'stays down' },
        watched: ['gateway/run', 'gateway/finish'],
      })
  })
})

describe('secrets', () => {
  it.each<[string, string]>([
    [
      'gw.service',
      '[Service]\nExecStart=/usr/bin/node /g.mjs --api-key sk-abcdefghijklmnopqrstuvwxyz012345 --password hunter2hunter2\nRestart=always\n',
    ],
    [
      'package.json',
      '{"scripts": {"start": "GATEWAY_TOKEN=hunter2hunter2 node g.mjs --api-key sk-abcdefghijklmnopqrstuvwxyz012345"}}',
    ],
    [
      'Dockerfile',
      'FROM node\nCMD node g.mjs --password hunter2hunter2 --api-key sk-abcdefghijklmnopqrstuvwxyz012345\n',
    ],
  ])('in the command of %s are left out', async (name, text) => {
    const cwd = scratch()
    lay(cwd, { [name]: text })
    const verdict = JSON.stringify(await run({ file: name }, cwd))
    expect(verdict).toContain('g.mjs')
    expect(verdict).not.toMatch(/hunter2|sk-abc/)
  })
})

const pre = (command: string): string => `[Service]\nExecStartPre=${command}\nExecStart=/bin/gw\n`

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
    ['a gate in front, not heeded', pre("/bin/sh -c 'bootcheck run || true'"), ['gate-ignored']],
    ['a gate in front, behind it something else', pre("/bin/sh -c 'bootcheck run; true'"), ['gate-ignored']],
    ['a gate in front, to no shell', pre('/usr/bin/bootcheck run || /bin/true'), ['no-shell']],
    ['only named in front', pre('/bin/echo bootcheck run'), ['no-bootcheck']],
    ['each end is a success', unit('', `-${GUARD} -- /bin/gw`), ['gate-ignored']],
    ['with other prefixes', unit('', `@!${GUARD.replace(' ', ' node ')} -- /bin/gw`), []],
    ['for a shell', unit('', `|exec ${GUARD} -- /bin/gw`), []],
    ['for a shell, not heeded', unit('', `|${GUARD} -- /bin/gw || true`), ['gate-ignored']],
    ['not heeded', unit('', `/bin/sh -c "${GUARD} -- /bin/gw; exit 0"`), ['gate-ignored']],
    ['no shell', unit('', `${GUARD} -- /bin/gw && /bin/true`), ['no-shell']],
    ['nothing to start', unit('', GUARD), ['no-command']],
    ['the gate alone', unit('', "/bin/sh -c 'bootcheck run && exec /bin/gw'"), ['gate-loops']],
    ['the gate alone, whose no is 78', unit('', "/bin/sh -c 'bootcheck run || exit 78; exec /bin/gw'"), []],
    ['asked again in a loop', unit('', `/bin/sh -c 'until ${GUARD} -- /bin/gw; do sleep 1; done'`), ['gate-ignored']],
    ['a user called so', unit('', '/usr/sbin/runuser -u bootcheck -- /usr/bin/node /opt/gw.mjs'), ['unread']],
    ['a folder called so', unit('', '/usr/bin/env -C /opt/bootcheck -u X /usr/bin/node /opt/gw.mjs'), ['unread']],
    ['a user called so, and a guard', unit('', `/usr/sbin/runuser -u bootcheck -- ${GUARD} -- /bin/gw`), []],
    ['a word that systemd does not know', unit('Restart=onfailure'), ['never-restarts']],
    ['restarted after signals alone', unit('Restart=on-abnormal'), ['never-restarts']],
    ['forking', unit('Type=forking'), ['start-timeout']],
    ['oneshot', unit('Type=oneshot'), ['start-timeout']],
    ['another supervisor', unit('', '/usr/bin/pm2 resurrect'), ['another-supervisor']],
    ['our codes, and a program that nobody can look into', unit('', '/usr/sbin/gw'), ['unread']],
    ['our codes, and a shell that starts something else', unit('', '/bin/sh -c "exec gw"'), ['no-bootcheck']],
    [
      'restarts that fit by chance',
      '[Service]\nExecStart=/usr/bin/node gw.mjs\nRestart=on-abnormal\n',
      ['no-bootcheck'],
    ],
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

describe('where systemd looks', () => {
  const INSTALL = '[Install]\nWantedBy=default.target\n'
  const of = async (cwd: string, file: string): Promise<readonly (string | undefined)[]> => {
    const verdict = await run({ file }, cwd)
    return verdict.status === 'pass'
      ? []
      : 'findings' in verdict
        ? (verdict.findings ?? []).map(({ code }) => code)
        : ['?']
  }

  it('a unit that is enabled, one that is not, and one whose instances are', async () => {
    const cwd = scratch()
    const folder = '.config/systemd/user'
    lay(cwd, { [`${folder}/gw.service`]: unit(INSTALL), [`${folder}/gw@.service`]: unit(INSTALL) })
    expect(await of(cwd, `${folder}/gw.service`)).toEqual(['supervisor/not-started'])
    expect(await of(cwd, `${folder}/gw@.service`)).toEqual(['supervisor/not-started'])
    mkdirSync(join(cwd, folder, 'default.target.wants'))
    symlinkSync('../gw.service', join(cwd, folder, 'default.target.wants/gw.service'))
    symlinkSync('../gw@.service', join(cwd, folder, 'default.target.wants/gw@blue.service'))
    expect(await of(cwd, `${folder}/gw.service`)).toEqual([])
    expect(await of(cwd, `${folder}/gw@.service`)).toEqual([])
    lay(cwd, { 'elsewhere/gw.service': unit(INSTALL) })
    expect(await of(cwd, 'elsewhere/gw.service')).toEqual([])
  })

  it('another file of that name in a stronger folder, and one that masks it', async () => {
    const cwd = scratch()
    const weak = '.local/share/systemd/user/gw.service'
    const strong = '.config/systemd/user/gw.service'
    lay(cwd, { [weak]: unit('') })
    expect(await of(cwd, weak)).toEqual([])
    lay(cwd, { [strong]: '[Service]\nExecStart=/bin/gw\n' })
    expect(await run({ file: weak }, cwd)).toMatchObject({
      code: 'supervisor/not-started',
      observed: expect.stringContaining('gw.service at both places'),
      next: 'systemctl --user cat gw.service',
    })
    rmSync(join(cwd, strong))
    symlinkSync('/dev/null', join(cwd, strong))
    expect(await of(cwd, weak)).toEqual(['supervisor/not-started'])
    // The same file by two names is one.
    rmSync(join(cwd, strong))
    symlinkSync(join(cwd, weak), join(cwd, strong))
    expect(await of(cwd, weak)).toEqual([])
  })
})

const SHIPPED = '/usr/lib/systemd/system'
const shipped = existsSync(SHIPPED) ? readdirSync(SHIPPED).filter(name => name.endsWith('.service')) : []

describe.runIf(shipped.length > 0)("this machine's units", () => {
  it('are all read, and none of them starts bootcheck', async () => {
    for (const name of shipped) {
      const verdict = await run({ file: join(SHIPPED, name) }, '/')
      expect(verdict.status, name).not.toBe('skip')
      expect('code' in verdict && verdict.code, name).toMatch(
        /^supervisor\/(?:no-bootcheck|nothing-here|unreadable|another-supervisor)$/,
      )
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
  const sh = (line: string): string =>
    job(ALIVE, '/bin/sh').replace('</string></array>', `</string><string>-c</string><string>${line}</string></array>`)

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
    ['no KeepAlive', job('<key>RunAtLoad</key><true/>'), ['never-restarts']],
    ['no KeepAlive, every hour', job('<key>StartInterval</key><integer>3600</integer>'), ['never-restarts']],
    ['nothing that starts it', job('<key>RunAtLoad</key><false/>'), ['not-started', 'never-restarts']],
    ['disabled', job(`${ALIVE}<key>Disabled</key><true/>`), ['not-started']],
    ['not heeded', sh(`${GUARD} --hold -- /bin/gw || true`), ['gate-ignored']],
    ['in a shell, heeded', sh(`cd / || exit 78; exec ${GUARD} --hold -- /bin/gw`), []],
    ['no shell', job(ALIVE, `${GUARD} --hold -- /bin/gw ; true`), ['no-shell']],
    ['another supervisor', job(ALIVE, '/usr/local/bin/pm2 resurrect'), ['another-supervisor']],
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

  const module = (text: string): string =>
    `${text.replace('module.exports =', 'const config =').trimEnd()};\n\nexport default config;\n`

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
    ['a module', 'ecosystem.config.mjs', module(app('')), []],
    ['a module, typed', 'ecosystem.config.ts', module(app('')).replace('const config', 'const config: Config'), []],
    ['a variable', 'ecosystem.config.cjs', module(app('')).replace('export default', 'module.exports ='), []],
    ['a module without us', 'ecosystem.config.mjs', module(app('')).replace('bootcheck', 'gw'), ['unread']],
    ['a module without semicolons', 'ecosystem.config.mjs', module(app('')).replaceAll(';', ''), []],
    ['a variable that is changed', 'ecosystem.config.mjs', `${module(app(''))}config.apps = []\n`, ['nothing-here']],
    [
      'a variable of another name',
      'ecosystem.config.mjs',
      module(app('')).replace('default config', 'default other'),
      ['nothing-here'],
    ],
    [
      'not heeded',
      'ecosystem.config.js',
      app('args: ["-c", "bootcheck guard -- gw || true"]').replace('/usr/bin/bootcheck', '/bin/sh'),
      ['gate-ignored'],
    ],
    ['four of them, as workers', 'ecosystem.config.js', app('instances: 4'), ['cluster']],
    ['four of them', 'ecosystem.config.js', app("instances: 4, exec_mode: 'fork'"), ['cluster']],
    ['one, as a worker', 'ecosystem.config.js', app('instances: 1'), ['cluster']],
    ['one', 'ecosystem.config.js', app("instances: 1, exec_mode: 'fork'"), []],
    ['in workers', 'ecosystem.config.js', app("exec_mode: 'cluster'"), ['cluster']],
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

  it('a shell script, which pm2 gives to Node unless it is told otherwise', async () => {
    const run = { run: '#!/bin/sh\nexec bootcheck guard -- node gw\n' }
    const script = app('').replace('/usr/bin/bootcheck', './run')
    expect(await codes('ecosystem.config.cjs', script, run)).toEqual(['not-executable'])
    expect(
      await codes('ecosystem.config.cjs', script.replace('treekill', "interpreter: 'none', treekill"), run),
    ).toEqual([])
    expect(await codes('ecosystem.config.cjs', script.replace('./run', './run.sh'), { 'run.sh': run.run })).toEqual([])
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

describe('supervisord', () => {
  const program = (lines: string, command = `${GUARD} -- /usr/bin/node /opt/gw.mjs`): string =>
    `[supervisord]\nnodaemon=true\n\n[program:gw]\ncommand=${command} ; the gateway\nautorestart=unexpected\nexitcodes=0,69,78\nstartsecs=0\nstopwaitsecs=15\nkillasgroup=true\n${lines}\n`

  it.each<[string, string, readonly string[]]>([
    ['as it should be', program(''), []],
    ['autorestart=true', program('autorestart=true'), ['loops']],
    ['no exitcodes', program('').replace('exitcodes=0,69,78\n', ''), ['loops']],
    ['one code', program('exitcodes=0,78'), ['loops']],
    ['codes in a comment', program('exitcodes=0 # ,69,78'), ['loops']],
    [
      'a section that stands twice',
      `${program('')}[program:gw]\ncommand=/bin/gw\nautorestart=true\n`,
      ['no-bootcheck'],
    ],
    ['a word of another supervisor', program('autorestart=on-failure'), ['malformed']],
    ['a span where a number is', program('startsecs=0s'), ['malformed']],
    ['the name of a code', program('exitcodes=0,69,78,TEMPFAIL'), ['malformed']],
    ['held', program('autorestart=true', `${GUARD} --hold -- /bin/gw`), []],
    ['the default startsecs', program('').replace('startsecs=0\n', ''), ['failed-start']],
    ['autorestart=false', program('autorestart=false'), ['never-restarts']],
    ['autostart=false', program('autostart=false'), ['not-started']],
    ['a short stop', program('stopwaitsecs=10'), ['stop-timeout']],
    ['the default stop', program('').replace('stopwaitsecs=15\n', ''), ['stop-timeout']],
    ['stopasgroup', program('stopasgroup=true'), ['kill-mode']],
    ['no killasgroup', program('').replace('killasgroup=true\n', ''), ['kill-mode']],
    ['several', program('numprocs=2'), ['cluster']],
    ['no log', program('redirect_stderr=true\nstdout_logfile=/dev/null'), ['no-log']],
    ['another user', program('user=claw', '/usr/bin/bootcheck guard -- /bin/gw'), ['no-state-folder']],
    [
      'another user with a home',
      program('user=claw\nenvironment=\n  A="b",\n  HOME="/home/claw"', '/usr/bin/bootcheck guard -- /bin/gw'),
      [],
    ],
    ['the gate alone', program('', '/usr/bin/bootcheck run'), []],
    ['no shell', program('', '/usr/bin/bootcheck run && /bin/gw'), ['no-shell']],
    ['a shell, not heeded', program('', '/bin/sh -c "bootcheck run; exec gw"'), ['gate-ignored']],
    ['a shell, heeded', program('', '/bin/sh -c "bootcheck run && exec gw"'), []],
    ['no bootcheck', '[program:gw]\ncommand=/usr/bin/node gw.mjs\n', ['no-bootcheck']],
    ['a comment', '[program:gw]\ncommand=/usr/bin/node gw.mjs ; bootcheck guard\n', ['no-bootcheck']],
    ['our codes, and something else', program('', '/usr/bin/gw'), ['unread']],
    ['a line that is none', program('killasgroup'), ['malformed']],
    ['no program', '[supervisord]\n[include]\nfiles = conf.d/*.conf\n', ['nothing-here']],
  ])('%s', async (_, text, expected) => {
    expect(await codes('supervisord.conf', text)).toEqual(expected)
  })

  it('one of several, by name; without a name those that start us', async () => {
    const text = `${program('')}[program:db]\ncommand=/bin/db\n`
    expect(await codes('x.conf', text)).toEqual([])
    expect(await codes('x.ini', text, {}, { name: 'db' })).toEqual(['no-bootcheck'])
    expect(await codes('x.ini', text, {}, { name: 'api' })).toEqual(['nothing-here'])
  })

  it('points at the line', async () => {
    const cwd = scratch()
    lay(cwd, { 'x.conf': program('autorestart=true') })
    expect(await run({ file: 'x.conf' }, cwd)).toMatchObject({ findings: [{ line: 11, code: 'supervisor/loops' }] })
  })
})

describe('runit and s6', () => {
  const RUN = `#!/bin/sh\nexec 2>&1\nexec ${GUARD} -- /bin/gw\n`
  const RUNIT = '#!/bin/sh\n# 69 78\ncase $1 in 69 | 78) printf d >supervise/control ;; esac\n'
  const S6 = '#!/bin/sh\ncase $1 in 69 | 78) exit 125 ;; esac\n'
  /** Of the folder `gw`, whose scripts are executable unless they are named in `plain`. */
  const found = async (
    files: Readonly<Record<string, string>>,
    options: object = {},
    plain: readonly string[] = [],
  ): Promise<readonly string[]> => {
    const cwd = scratch()
    lay(cwd, Object.fromEntries(Object.entries(files).map(([name, text]) => [`gw/${name}`, text])))
    for (const name of ['run', 'finish'])
      if (name in files && !plain.includes(name)) chmodSync(join(cwd, 'gw', name), 0o755)
    const verdict = await run({ file: 'gw', ...options }, cwd)
    if (verdict.status === 'pass') return [String(verdict.facts?.kind), String(verdict.facts?.['78'])]
    return 'findings' in verdict && verdict.findings
      ? verdict.findings.map(({ code }) => (code ?? '').replace('supervisor/', ''))
      : ['code' in verdict ? verdict.code.replace('supervisor/', '') : '?']
  }

  it.each<[string, Readonly<Record<string, string>>, object, readonly string[]]>([
    ['runit as it should be', { run: RUN, finish: RUNIT }, {}, ['runit', 'stays down']],
    ['s6 as it should be', { run: RUN, finish: S6 }, {}, ['s6', 'stays down']],
    ['s6, by a file', { run: RUN, finish: S6, 'notification-fd': '3' }, {}, ['s6', 'stays down']],
    ['a longrun of s6-rc', { run: RUN, finish: S6, type: 'longrun\n' }, {}, ['s6', 'stays down']],
    ['a oneshot of s6-rc', { run: RUN, type: 'oneshot\n' }, {}, ['nothing-here']],
    ['no finish', { run: RUN }, {}, ['loops']],
    ['held, no finish', { run: RUN.replace('guard', 'guard --hold') }, {}, ['runit', 'does not occur']],
    ['a finish that does nothing', { run: RUN, finish: '#!/bin/sh\n# exit 125 at 69 78\necho $1\n' }, {}, ['loops']],
    [
      'a finish for other codes',
      { run: RUN, finish: '#!/bin/sh\ncase $1 in 69|78) logger x ;; 0) sv down gw ;; esac\n' },
      {},
      ['loops'],
    ],
    [
      'a finish that only says how',
      { run: RUN, finish: '#!/bin/sh\ncase $1 in 69|78) echo "sv down gw" ;; esac\n' },
      {},
      ['loops'],
    ],
    ['a finish that puts it up', { run: RUN, finish: RUNIT.replace('printf d', 'printf u') }, {}, ['loops']],
    [
      'a finish of all others',
      { run: RUN, finish: '#!/bin/sh\n[ $1 -ne 69 ] && [ $1 -ne 78 ] && sv down gw\n' },
      {},
      ['unread'],
    ],
    ['a finish of the signal', { run: RUN, finish: RUNIT.replace('$1', '$2') }, {}, ['unread']],
    ['a run without an interpreter', { run: RUN.replace('#!/bin/sh\n', ''), finish: RUNIT }, {}, ['not-executable']],
    ['a run of another system', { run: RUN.replace('\n', '\r\n'), finish: RUNIT }, {}, ['not-executable']],
    ['one code of two', { run: RUN, finish: S6.replace('69 | ', '') }, {}, ['loops']],
    ["s6's finish under runit", { run: RUN, finish: S6 }, { kind: 'runit' }, ['loops']],
    ["runit's finish under s6", { run: RUN, finish: RUNIT }, { kind: 's6' }, ['loops']],
    ['sv down', { run: RUN, finish: '#!/bin/sh\n[ $1 = 69 -o $1 = 78 ] && sv down .\n' }, {}, ['runit', 'stays down']],
    ['whatever the code', { run: RUN, finish: '#!/bin/sh\nexit 125\n' }, {}, ['never-restarts']],
    ['by comparison', { run: RUN, finish: '#!/bin/sh\n[ $1 -ge 64 ] && exit 125\n' }, {}, ['unread']],
    ['down', { run: RUN, finish: S6, down: '' }, {}, ['not-started']],
    ['an impatient s6', { run: RUN, finish: S6, 'timeout-kill': '5000\n' }, {}, ['stop-timeout']],
    ['a patient s6', { run: RUN, finish: S6, 'timeout-kill': '0\n' }, {}, ['s6', 'stays down']],
    ['a shell that stays', { run: RUN.replace(/exec (?=\/)/, ''), finish: RUNIT }, {}, ['shell-form']],
    ['not heeded', { run: `#!/bin/sh\nbootcheck run\nexec gw\n`, finish: RUNIT }, {}, ['gate-ignored']],
    ['no bootcheck', { run: '#!/bin/sh\nexec gw\n' }, {}, ['no-bootcheck']],
    ['our codes, and a program', { run: '#!/bin/sh\nexec /bin/gw\n', finish: RUNIT }, {}, ['unread']],
    ['a run that is empty', { run: '#!/bin/sh\n# later\n', finish: RUNIT }, {}, ['nothing-here']],
    [
      'execline',
      {
        run: `#!/command/execlineb -P\nfdmove -c 2 1\ns6-setuidgid claw\nbootcheck guard --state-dir /x\n  -- /bin/gw\n`,
        finish: '#!/command/execlineb -S0\nif -n { test ${1} -eq 69 -o ${1} -eq 78 }\nexit 125\n',
      },
      {},
      ['s6', 'stays down'],
    ],
    [
      'execline, not heeded',
      { run: '#!/bin/execlineb\nforeground { bootcheck run }\n/bin/gw\n', finish: S6 },
      {},
      ['gate-ignored'],
    ],
  ])('%s', async (_, files, options, expected) => {
    expect(await found(files, options)).toEqual(expected)
  })

  it('scripts that are not executable', async () => {
    expect(await found({ run: RUN, finish: RUNIT }, { kind: 'runit' }, ['run'])).toEqual(['not-executable'])
    expect(await found({ run: RUN, finish: RUNIT }, { kind: 'runit' }, ['finish'])).toEqual(['not-executable', 'loops'])
  })
})

describe('quadlets', () => {
  const container = (exec: string, more = ''): string =>
    `[Container]\nImage=gw\n${exec}\nVolume=state:/state\nStopTimeout=20\n${more}\n[Service]\nRestart=on-failure\nRestartPreventExitStatus=69 78\n`
  const WORDS = 'Exec=bootcheck guard --state-dir /state -- node gw.mjs'

  it.each<[string, string, readonly string[]]>([
    ['as it should be', container(WORDS), []],
    ['no codes', container(WORDS).replace('69 78', ''), ['loops']],
    ['no bootcheck', container('Exec=node gw.mjs').replace('69 78', ''), ['no-bootcheck']],
    ['the image decides', container(''), ['nothing-here']],
    ['forgetful', container(WORDS).replace(/Volume.*\n/, ''), ['no-state-folder']],
    ['impatient', container(WORDS).replace(/StopTimeout.*\n/, ''), ['stop-timeout']],
    ['no shell', container(`${WORDS} || true`), ['no-shell']],
  ])('%s', async (_, text, expected) => {
    expect(await codes('gw.container', text)).toEqual(expected)
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
      ['no-command', 'ignored-line'],
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
      'always, from an anchor',
      'compose.yaml',
      'x-base: &base\n  restart: always\n  stop_grace_period: 1m30s\nservices:\n  gw:\n    <<: *base\n    command: [bootcheck, guard, --, gw]\n    volumes: [s:/s]\n',
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
    [
      'unhealthy while it waits, in a swarm',
      'compose.yaml',
      'services:\n  gw:\n    command: bootcheck guard --hold --state-dir /s -- gw\n    stop_grace_period: 20s\n    volumes: [s:/s]\n    healthcheck: {test: [CMD, curl, -f, "http://localhost:18789/healthz"]}\n    deploy: {restart_policy: {condition: any}}\n',
      ['start-timeout'],
    ],
    [
      'a healthcheck that is asked by nobody',
      'compose.yaml',
      'services:\n  gw:\n    command: bootcheck guard --hold --state-dir /s -- gw\n    restart: always\n    stop_grace_period: 20s\n    volumes: [s:/s]\n    healthcheck: {test: [CMD, "true"]}\n',
      [],
    ],
    [
      'of a profile',
      'compose.yaml',
      'services:\n  gw:\n    command: bootcheck guard --hold --state-dir /s -- gw\n    restart: always\n    stop_grace_period: 20s\n    volumes: [s:/s]\n    profiles: [debug]\n',
      ['not-started'],
    ],
    [
      'three of it',
      'compose.yaml',
      'services:\n  gw:\n    entrypoint: bootcheck guard --hold --state-dir /s --\n    command: gw\n    restart: always\n    stop_grace_period: 20s\n    volumes: [s:/s]\n    deploy: {replicas: 3}\n',
      ['cluster'],
    ],
    ['no shell', 'compose.yaml', 'services:\n  gw:\n    command: bootcheck run && exec gw\n', ['no-shell']],
    [
      'a shell, not heeded',
      'compose.yaml',
      'services:\n  gw:\n    command: ["sh", "-c", "bootcheck run; exec gw $$HOME"]\n',
      ['gate-ignored'],
    ],
    ['only named', 'Dockerfile', 'FROM a\nCMD ["gw", "--name", "bootcheck"]\n', ['no-bootcheck']],
    ['not heeded', 'Dockerfile', 'FROM a\nCMD bootcheck run; exec gw\n', ['gate-ignored']],
    ['no bootcheck', 'compose.yaml', 'services:\n  gw:\n    image: gw\n    restart: always\n', ['no-bootcheck']],
    ['no service', 'compose.yaml', 'services: {}\n', ['nothing-here']],
    ['broken', 'compose.yaml', 'services: [\n', ['malformed']],
  ])('%s', async (_, name, text, expected) => {
    expect(await codes(name, text)).toEqual(expected)
  })

  it('one of several services, by name; without a name those that start us', async () => {
    const text =
      'services:\n  gw:\n    command: bootcheck guard --hold --state-dir /s -- gw\n    restart: always\n    stop_grace_period: 20s\n    volumes: [s:/s]\n  db: {image: db}\n'
    expect(await codes('compose.yaml', text)).toEqual([])
    expect(await codes('compose.yaml', text, {}, { name: 'db' })).toEqual(['no-bootcheck'])
    expect(await codes('compose.yaml', text, {}, { name: 'api' })).toEqual(['nothing-here'])
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
    ['a gate by another script', pack({ prestart: 'npm run gate', gate: 'bootcheck', start: 'node gw' }), {}, []],
    [
      'scripts that start one another',
      pack({ prestart: 'npm run a', a: 'npm run prestart', start: 'npm start' }),
      {},
      ['no-bootcheck'],
    ],
    ['a gate that is not heeded', pack({ prestart: 'bootcheck || true', start: 'node gw' }), {}, ['gate-ignored']],
    ['a gate that is only named', pack({ prestart: 'echo bootcheck', start: 'node gw' }), {}, ['no-bootcheck']],
    ['the guard', pack({ start: 'exec bootcheck guard -- node gw.mjs' }), {}, []],
    ['no bootcheck', pack({ prestart: 'echo hello', start: 'node gw.mjs' }), {}, ['no-bootcheck']],
    ['no script', pack({}), {}, ['nothing-here']],
    ['no scripts', '[]', {}, ['nothing-here']],
    ['broken', '{', {}, ['malformed']],
  ])('%s', async (_, text, more, expected) => {
    expect(await codes('package.json', text, more)).toEqual(expected)
  })

  it('a gate that is not heeded is told to stand alone', async () => {
    const cwd = scratch()
    lay(cwd, { 'package.json': pack({ prestart: 'bootcheck; echo done', start: 'node gw' }) })
    expect(await run({ file: 'package.json' }, cwd)).toMatchObject({ next: '"prestart": "bootcheck run"' })
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
    ['x.conf', '; ours\n[program:gw]\n', 'supervisord'],
    ['x.ini', '[supervisord]\n', 'supervisord'],
    ['x.ini', '[section]\nkey=value\n', undefined],
    ['gw.container', '', 'quadlet'],
    ['run', '#!/bin/sh\n', 'runit'],
    ['run', '#!/command/execlineb\n', 's6'],
    ['Dockerfile-nodejs', '', 'dockerfile'],
    ['manifest.xml', '<?xml version="1.0"?>\n<service_bundle/>', undefined],
    ['gw.sh', '#!/sbin/openrc-run\n', undefined],
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
    // Named, and not started.
    ['echo bootcheck guard', { guard: false, gate: false }],
    ['node gw.mjs --tag bootcheck', { guard: false, gate: false }],
    ['node gw.mjs bootcheck guard', { guard: false, gate: false }],
    ['gw --name bootcheck', { guard: false, gate: false }],
    ['gw --name bootcheck guard', { guard: false, gate: false }],
    ['wrapper claw bootcheck guard -- gw', { guard: true }],
    ['command -v bootcheck', { guard: false, gate: false }],
    ['npm install bootcheck', { guard: false, gate: false }],
    ['# bootcheck guard -- gw', { guard: false, gate: false }],
    ['bootcheck --version', { guard: false, gate: false }],
    ['bootcheck run --dry-run', { guard: false, gate: false }],
    // Started by another program.
    ['NODE_ENV=production exec env -i A=b /usr/bin/bootcheck guard -- gw', { guard: true }],
    ['sudo -u claw bootcheck', { gate: true }],
    ['su - claw -s /bin/sh -c "bootcheck guard -- gw"', { guard: true }],
    ['timeout 30 /bin/bash -ec "cd /x && bootcheck run"', { gate: true, unheeded: undefined }],
    ['tini -- node --no-warnings -r ./x.cjs /a/bootcheck/dist/cli/bin.cjs guard -- gw', { guard: true }],
    ['doppler run --project x -- bootcheck guard --hold -- gw', { guard: true, hold: true }],
    ['npx --yes bootcheck@1 guard -- gw', { guard: true }],
    ['pnpm exec bootcheck', { gate: true }],
    ['bun run bootcheck.ts', { gate: false, guard: false }],
    ['/usr/bin/pm2 resurrect', { other: { name: 'pm2' } }],
    ['docker -H x compose -f a.yaml up', { other: { name: 'docker compose' } }],
  ])('%s', (text, expected) => {
    expect(readShell(text)).toMatchObject(expected)
  })

  it.each<[string, string | undefined]>([
    ['bootcheck run || true', '"|| true" makes a success of it'],
    ['bootcheck run || echo closed', '"|| echo closed" makes a success of it'],
    ['bootcheck run; exec node gw', 'what stands behind it is run all the same: exec node gw'],
    ['bootcheck\nnode gw', 'what stands behind it is run all the same: node gw'],
    ['bootcheck run & exec node gw', 'it runs in the background, by "&"'],
    ['bootcheck run | tee log && node gw', 'it is lost in the pipe to tee'],
    [
      'if ! bootcheck run; then echo closed; fi; node gw',
      'the block behind its "if" does not end the script, and this follows: node gw',
    ],
    ['( bootcheck run ) || true', '"|| true" makes a success of it'],
    ['bootcheck guard -- gw || true', '"|| true" makes a success of it'],
    ['bootcheck guard -- gw; exit 0', 'what stands behind it is run all the same: exit 0'],
    ['cat <<EOF\nset -e\nEOF\nbootcheck run\nnode gw', 'what stands behind it is run all the same: node gw'],
    ['sh -c "bootcheck run || :" && exec node gw', '"|| :" makes a success of it'],
    ['bootcheck run && exec node gw', undefined],
    ['bootcheck run || exit 78; exec node gw', undefined],
    ['bootcheck run || { echo closed >&2; exit 78; }\nexec node gw', undefined],
    ['bootcheck run || { echo closed >&2; exit $?; }\nexec node gw', '"|| echo closed; exit $?" makes a success of it'],
    ['bootcheck run || exit $?; exec node gw', undefined],
    ['bootcheck run || exit 0; exec node gw', '"|| exit 0" makes a success of it'],
    ['set -eu\nbootcheck run\nexec node gw', undefined],
    ['#!/bin/sh -e\nbootcheck run\nexec node gw', undefined],
    ['set -o pipefail -e; bootcheck run 2>&1 | tee log && node gw', undefined],
    ['bootcheck run; code=$?; [ $code = 0 ] || exit $code; exec node gw', undefined],
    ['if bootcheck run; then exec node gw; fi', 'a closed gate ends the script with 0, behind its "if"'],
    [
      'if bootcheck run; then exec node gw; else echo closed; fi',
      'a closed gate ends the script with 0, behind its "if"',
    ],
    ['if bootcheck run; then exec node gw; else echo closed; exit 78; fi', undefined],
    ['if bootcheck run; then exec node gw; fi; exit 78', undefined],
    ['if ! bootcheck run; then exit 78; fi; exec node gw', undefined],
    ['until bootcheck run; do sleep 5; done; exec node gw', undefined],
    ['case $1 in start) bootcheck guard -- gw ;; stop) echo no ;; esac', undefined],
    ['bootcheck guard -- gw & wait $!', undefined],
    ['exec bootcheck guard -- gw 2>&1 # || true', undefined],
    ['gate() { bootcheck run; }\ngate && exec node gw', undefined],
  ])('heeded? %j', (text, why) => {
    const started = readShell(text.replaceAll('\\n', '\n'))
    expect([started.gate || started.guard, started.unheeded]).toEqual([true, why])
    if (text.startsWith('until')) return // it asks until the gate opens
    // A real shell, and a gate that is closed: it is heeded if no gateway starts, and the code is not a success.
    const cwd = scratch()
    const script = text.replaceAll('\\n', '\n')
    lay(cwd, {
      bootcheck: '#!/bin/sh\nexit 78\n',
      node: '#!/bin/sh\necho >started\n',
      tee: '#!/bin/sh\ncat >/dev/null\n',
      script,
    })
    for (const name of ['bootcheck', 'node', 'tee']) chmodSync(join(cwd, name), 0o755)
    const strict = script.startsWith('#!/bin/sh -e') ? ['-e'] : []
    const ended = spawnSync('bash', [...strict, 'script', 'start'], { cwd, env: { PATH: `${cwd}:/usr/bin:/bin` } })
    expect([ended.status !== 0 && !existsSync(join(cwd, 'started')), ended.stderr.toString()]).toEqual([
      why === undefined,
      expect.any(String),
    ])
  })

  it('scripts that hand on what they are given, and one that calls itself', () => {
    const scripts: Readonly<Record<string, string>> = {
      '/w': '#!/bin/sh\nset -eu\nfile=$1\nshift\n. "$file"\nexec "$@"\n',
      '/loop': '#!/bin/sh\nexec /loop\n',
    }
    const around = { script: (path: string) => scripts[path] }
    expect(readArgv(['/bin/sh', '/w', '/env', '/usr/bin/bootcheck', 'guard', '--', 'gw'], around)).toMatchObject({
      guard: true,
      unheeded: undefined,
    })
    expect(readArgv(['/w', '/env', '/opt/gw'], around)).toMatchObject({ guard: false, unseen: '/opt/gw' })
    expect(readArgv(['/loop'], around)).toMatchObject({ guard: false, gate: false })
    const many = { script: (path: string) => `#!/bin/sh\n${`${path}\n${path}x\n`.repeat(200)}` }
    const start = performance.now()
    expect(readArgv(['/a'], many)).toMatchObject({ guard: false, gate: false })
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('words of a shell where none reads them', () => {
    expect(readArgv(['bootcheck', 'run', '&&', 'node', 'gw'])).toMatchObject({ gate: true, shellWord: '&&' })
    expect(readArgv(['bootcheck', 'guard', '--', 'gw', '||', 'true'])).toMatchObject({ guard: true, shellWord: '||' })
    expect(readArgv(['/bin/sh', '-c', 'bootcheck run && node gw'])).toMatchObject({ gate: true, shellWord: undefined })
  })

  it.each(['"', "'", '`', '$(', '${', '<<EOF', '((((', '{{{{', ';;;;', '|| || &', '\\', '#'])(
    'reads %j, and a hundred thousand of it, at once',
    piece => {
      const start = performance.now()
      readShell(`bootcheck ${piece.repeat(100_000)}`)
      readShell(piece.repeat(100_000))
      expect(performance.now() - start).toBeLessThan(5000)
    },
  )

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
