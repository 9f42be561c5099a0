import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gatherLinux, gatherMac } from '../../checks/gui-session/gather.ts'
import { judgeLinux, judgeMac } from '../../checks/gui-session/judge.ts'
import { isGraphical, type LinuxFacts, parseProperties, sessionOf } from '../../checks/gui-session/linux.ts'
import { launchdError, printedDomain } from '../../checks/gui-session/macos.ts'
import { guiSession } from '../../checks/gui-session.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { elapsed } from '../../core/clock.ts'
import { alive } from '../../core/process.ts'
import { bootcheck } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { until } from '../support/guarded.ts'
import { completed } from '../support/run-check.ts'

const { uid, username } = userInfo()

const run = async (options: object, given: Partial<CheckContext> & { cwd: string }): Promise<Verdict> =>
  guiSession.run((await completed(guiSession, options)) as never, context(given))

/** Tools that print what the real ones printed elsewhere. */
const tools = (scripts: Readonly<Record<string, string>>): readonly string[] => {
  const folder = join(scratch(), 'tools')
  mkdirSync(folder)
  for (const [name, body] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  return [folder]
}

const asking = (folders: readonly string[], ms = 20_000) => ({
  until: elapsed() + ms,
  signal: AbortSignal.timeout(30_000),
  runtimeDir: undefined,
  folders,
})
const who = { name: username, uid, own: true }

const SHOW_USER = `UID=501
GID=501
Name=claw
Timestamp=Sun 2026-11-22 08:00:00 UTC
RuntimePath=/run/user/501
Service=user@501.service
Slice=user-501.slice
Display=2
State=active
Sessions=5 2
IdleHint=no
Linger=no
`
const SHOW_SESSIONS = `Id=5
User=501
Name=claw
Remote=yes
Service=sshd
Type=tty
Class=user
Active=yes
State=active

Id=2
User=501
Name=claw
Remote=no
Service=gdm-password
Type=wayland
Class=user
State=online
`
const NOT_THERE = 'Failed to get user: User ID 501 is not logged in or lingering'

describe('Linux, by what loginctl prints', () => {
  it('a session at the screen beside one from afar', async () => {
    const folders = tools({
      loginctl: `case $1 in show-user) cat <<'X'\n${SHOW_USER}X\n;; show-session) cat <<'X'\n${SHOW_SESSIONS}X\nesac`,
      systemctl: 'echo degraded; exit 1',
    })
    const facts = await gatherLinux(who, asking(folders))
    expect(facts).toMatchObject({
      linger: false,
      sessions: [
        { id: '5', type: 'tty', remote: true },
        { id: '2', type: 'wayland', state: 'online', remote: false },
      ],
      manager: { state: 'degraded' },
    })
    expect(judgeLinux(facts, 'session')).toMatchObject({ good: true, what: 'session' })
    expect(judgeLinux(facts, 'linger')).toMatchObject({
      what: 'no-linger',
      next: expect.stringContaining('enable-linger'),
    })
  })

  it('a user without session and lingering is an answer', async () => {
    const facts = await gatherLinux(who, asking(tools({ loginctl: `echo "${NOT_THERE}" >&2; exit 1` })))
    expect(facts).toMatchObject({ linger: false, sessions: [] })
    expect(judgeLinux(facts, 'linger')).toMatchObject({ what: 'no-linger' })
    expect(judgeLinux(facts, 'session')).toMatchObject({ what: 'no-session' })
  })

  it.each([
    [
      'no bus',
      { loginctl: 'echo "Failed to connect to bus: No such file or directory" >&2; exit 1' },
      'Failed to connect to bus',
    ],
    ['no tool', {}, 'loginctl is not on this host'],
    ['no word', { loginctl: 'exit 4' }, 'without a word'],
    ['sessions that are not shown', { loginctl: `test $1 = show-user || exit 1; echo Sessions=2` }, 'without a word'],
  ])('logind does not answer: %s', async (_, scripts, words) => {
    const facts = await gatherLinux(who, asking(tools(scripts as Record<string, string>)))
    for (const wanted of ['linger', 'session'] as const)
      expect(judgeLinux(facts, wanted)).toMatchObject({ what: 'no-logind', observed: expect.stringContaining(words) })
  })

  it('a tool that hangs is ended with what it started', async () => {
    const folder = scratch()
    const folders = tools({ loginctl: `/bin/sleep 600 & echo $! > ${folder}/pid; wait` })
    const facts = await gatherLinux(who, asking(folders, 1000))
    expect(facts.noLogind).toBe('loginctl did not answer')
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
    await until(() => !alive(pid), 'the end of what it started')
  })

  const LINGERS: LinuxFacts = {
    system: 'linux',
    user: 'claw',
    uid: 501,
    linger: true,
    sessions: [],
    runtimeDir: { path: '/run/user/501', seen: 'usable' },
    manager: { state: 'running', error: '' },
  }

  it.each<[string, Partial<LinuxFacts>, string]>([
    ['as it should be', {}, 'lingering'],
    ['degraded', { manager: { state: 'degraded', error: '' } }, 'lingering'],
    ['no folder', { runtimeDir: { path: '/run/user/501', seen: 'missing' } }, 'no-runtime-dir'],
    ['not our folder', { runtimeDir: { path: '/run/user/501', seen: "somebody else's" } }, 'no-runtime-dir'],
    [
      'another variable',
      { runtimeDir: { path: '/run/user/501', seen: 'usable', variable: '/run/user/0' } },
      'runtime-dir-differs',
    ],
    ['no manager', { manager: { state: 'offline', error: '' } }, 'no-user-manager'],
    [
      'no bus',
      { manager: { state: '', error: 'systemctl: Failed to connect to bus: No medium found' } },
      'no-user-manager',
    ],
  ])('lingering: %s', (_, facts, what) => {
    expect(judgeLinux({ ...LINGERS, ...facts }, 'linger')).toMatchObject({ what })
  })

  it('a session that is closing, or of text, is none at the screen', () => {
    const [ssh = {}, screen = {}] = parseProperties(SHOW_SESSIONS)
    expect([isGraphical(sessionOf(ssh)), isGraphical(sessionOf(screen))]).toEqual([false, true])
    expect(isGraphical({ ...sessionOf(screen), state: 'closing' })).toBe(false)
  })
})

describe('macOS, by what launchctl prints', () => {
  const PRINTED =
    'gui/501 = {\n\ttype = login\n\thandle = 100006\n\tactive count = 612\n\tsession = Aqua\n\tdomain = 1\n}\n'

  it('a session at the screen, asked from ssh', async () => {
    const folders = tools({ launchctl: `case $1 in print) cat <<'X'\n${PRINTED}X\n;; *) echo Background\nesac` })
    const facts = await gatherMac({ name: 'claw', uid: 501, own: true }, asking(folders))
    if (!facts) throw new Error('no facts')
    expect(judgeMac(facts)).toMatchObject({ good: true, what: 'session', says: expect.stringContaining('Background') })
    expect(judgeMac({ ...facts, uid: 502 })).toMatchObject({ good: false, what: 'no-session' })
  })

  it.each([
    ['Bad request.\nCould not find domain for user gui: 501\n', 113],
    ['', 113],
    ['launchctl did not answer', -1],
  ])('no session: %j', (text, code) => {
    expect(judgeMac({ system: 'macos', user: 'claw', uid: 501, print: { code, text } })).toMatchObject({
      good: false,
      what: 'no-session',
      next: expect.stringContaining('launchctl print gui/501'),
    })
  })

  it.each([
    ['Bootstrap failed: 125: Domain does not support specified action', 125],
    ['Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.', 5],
    ['Bootstrap failed: 37: Operation already in progress', 37],
    ['Bootstrap failed: 134: Service is disabled', 134],
    ['Boot-out failed: 3: No such process', 3],
  ])('its errors: %s', (text, number) => {
    expect(launchdError(text)?.number).toBe(number)
  })

  it('other text is none of it', () => {
    expect(launchdError('Exit status: 125')).toBeUndefined()
    expect(printedDomain('user/501 = {')).toBeUndefined()
  })

  it('no launchctl', async () => {
    expect(await gatherMac(who, asking(tools({})))).toBeUndefined()
  })
})

describe('what was kept in a file', () => {
  it.each([
    ['Bootstrap failed: 125: Domain does not support specified action\n', 'fail', 'no-session'],
    ['Bootstrap failed: 5: Input/output error\n', 'fail', 'refused'],
    ['Bootstrap failed: 37: Operation already in progress\n', 'warn', 'in-progress'],
    ['Bootstrap failed: 134: Service is disabled\n', 'fail', 'launchd-error'],
    ['gui/501 = {\n\ttype = login\n}\n', 'pass', 'session'],
    [SHOW_USER, 'fail', 'no-linger'],
    [SHOW_USER.replace('Linger=no', 'Linger=yes'), 'pass', 'lingering'],
    [`${NOT_THERE}\n`, 'fail', 'no-linger'],
    ['', 'fail', 'unknown-output'],
    ['\n\n', 'fail', 'unknown-output'],
    ['user/501 = {\n}\n', 'fail', 'unknown-output'],
    ['hello\n', 'fail', 'unknown-output'],
  ])('%j', async (text, status, what) => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'out.txt'), text)
    expect(await run({ output: 'out.txt' }, { cwd })).toMatchObject({
      status,
      code: `gui-session/${what}`,
      watched: ['out.txt'],
    })
  })

  const LINGERS = SHOW_USER.replace('Linger=no', 'Linger=yes')

  it.each<[string, string | number, string]>([
    [LINGERS, 'claw', 'lingering'],
    [LINGERS, 501, 'lingering'],
    [LINGERS, '501', 'lingering'],
    [LINGERS, 'other', 'other-user'],
    [LINGERS, 1001, 'other-user'],
    [LINGERS.replace('Name=claw\n', ''), 501, 'lingering'],
    [LINGERS.replace('Name=claw\n', ''), 'no-such-account', 'other-user'],
    ['gui/501 = {\n\ttype = login\n}\n', 501, 'session'],
    ['gui/501 = {\n\ttype = login\n}\n', 502, 'other-user'],
    ['gui/501 = {\n\ttype = login\n}\n', 'no-such-account', 'other-user'],
    [`gui/${uid} = {\n\ttype = login\n}\n`, username, 'session'],
    ['Could not find domain for user gui: 501\n', 502, 'other-user'],
    ['Could not find domain for user gui: 501\n', 501, 'no-session'],
    [`${NOT_THERE}\n`, 502, 'other-user'],
    [`${NOT_THERE}\n`, 501, 'no-linger'],
    // It names nobody, and is a failure whoever was meant.
    ['Bootstrap failed: 125: Domain does not support specified action\n', 502, 'no-session'],
  ])('is held against the user that is asked for: %j, %j', async (text, user, what) => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'out.txt'), text)
    const verdict = await run({ output: 'out.txt', user }, { cwd })
    expect(verdict).toMatchObject({ code: `gui-session/${what}` })
    expect(verdict.status).toBe(['lingering', 'session'].includes(what) ? 'pass' : 'fail')
  })

  it.each([
    ['Could not find domain for gui/501\nBad request.\n', 501],
    ['Bad request.\nCould not find domain for user gui: 502\n', 502],
  ])('the next command is for the user of the output: %j', async (text, of) => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'out.txt'), text)
    expect(await run({ output: 'out.txt' }, { cwd })).toMatchObject({
      next: expect.stringContaining(`launchctl print gui/${of}`),
    })
  })

  it('the lines of the docs tell a deploy that worked from one that did not', async () => {
    const line = /`(\{ launchctl [^`]*)`/.exec(guiSession.docs)?.[1] ?? ''
    const bootstraps = (body: string) =>
      `case $1 in print) echo 'gui/501 = {'; echo '\tsession = Aqua'; echo '}';; bootstrap) ${body};; esac`
    for (const [body, code] of [
      ['exit 0', 'session'],
      ['echo "Bootstrap failed: 5: Input/output error" >&2; exit 5', 'refused'],
    ]) {
      const cwd = scratch()
      const [folder] = tools({ launchctl: bootstraps(body ?? '') })
      spawnSync('sh', ['-c', line], { cwd, env: { PATH: `${folder}:/usr/bin:/bin` } })
      expect(await run({ output: 'session.txt', user: 501 }, { cwd })).toMatchObject({ code: `gui-session/${code}` })
    }
  })

  it('an empty file: what works without a word, and what never ran, look alike', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'bootstrap.err'), '')
    expect(await run({ output: 'bootstrap.err' }, { cwd })).toMatchObject({
      status: 'fail',
      code: 'gui-session/unknown-output',
      observed: expect.stringContaining('a bootstrap that works prints nothing'),
      next: expect.stringContaining('launchctl print gui/$(id -u) > session.txt 2>&1'),
    })
  })

  it('sessions are wanted and only the user is shown', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'user.txt'), SHOW_USER)
    writeFileSync(join(cwd, 'both.txt'), `${SHOW_USER}\n${SHOW_SESSIONS}`)
    expect(await run({ output: 'user.txt', expect: 'session' }, { cwd })).toMatchObject({
      code: 'gui-session/no-session',
    })
    expect(await run({ output: 'both.txt', expect: 'session' }, { cwd })).toMatchObject({ status: 'pass' })
  })

  it('is masked', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'out.txt'), 'my s3cret\n')
    const verdict = await run({ output: 'out.txt' }, { cwd, mask: text => text.replaceAll('s3cret', '•') })
    expect(JSON.stringify(verdict)).not.toContain('s3cret')
  })
})

describe('by the built program', () => {
  it.each(['plain', 'json', 'pretty'])('as %s', async format => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'e.txt'), 'Bootstrap failed: 125: Domain does not support specified action\n')
    const words = ['check', 'gui-session', '--format', format]
    expect(await bootcheck([...words, '--output', 'e.txt'], { cwd })).toMatchObject({ code: 1, stderr: '' })
    expect(await bootcheck([...words, '--user', 'no-such-account'], { cwd })).toMatchObject({ code: 1, stderr: '' })
    expect(await bootcheck([...words, '--expect', 'nothing'], { cwd })).toMatchObject({ code: 2 })
  })

  it('asks this host, and answers with what it found or with what is not there', async () => {
    const ended = await bootcheck(['check', 'gui-session', '--format', 'json'], { cwd: scratch() })
    const [check] = JSON.parse(ended.stdout).checks
    expect(Object.keys(guiSession.codes)).toContain(check.code.replace('gui-session/', ''))
    expect(ended.code).toBe(check.status === 'pass' ? 0 : 1)
  })
})
