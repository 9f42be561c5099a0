import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { architectures } from '../../checks/interpreter/header.ts'
import { answerOf } from '../../checks/interpreter/judge.ts'
import { isManaged, isShim } from '../../checks/interpreter/programs.ts'
import { namedIn } from '../../checks/interpreter/service.ts'
import { inRange, isRange, versionIn } from '../../checks/interpreter/version.ts'
import { interpreter } from '../../checks/interpreter.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { alive } from '../../core/process.ts'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { until } from '../support/guarded.ts'
import { NEWER_NODE } from '../support/nodes.ts'
import { completed } from '../support/run-check.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

const NODE = process.execPath
const OURS = process.versions.node

const run = async (options: object, given: Partial<CheckContext> & { cwd: string }): Promise<Verdict> =>
  interpreter.run((await completed(interpreter, options)) as never, context({ env: { PATH: dirname(NODE) }, ...given }))

const script = (path: string, body: string): string => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}

const troubleOf = (verdict: Verdict) => {
  if (verdict.status !== 'fail' && verdict.status !== 'warn') throw new Error(`no trouble: ${JSON.stringify(verdict)}`)
  return verdict
}

const plist = (
  path: string,
  command = '/opt/gateway/start',
): string => `<?xml version="1.0"?><plist version="1.0"><dict>
<key>ProgramArguments</key><array><string>${command}</string></array>
<key>EnvironmentVariables</key><dict><key>PATH</key><string>${path}</string></dict></dict></plist>`

describe('a good one', () => {
  it("is named with its version, under this run's PATH", async () => {
    const verdict = await run({ version: '>=20.19', arch: process.arch }, { cwd: scratch() })
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'interpreter/good',
      summary: `node is ${NODE} ${OURS} (${process.arch}) under this run's PATH`,
      watched: [NODE],
      facts: { path: NODE, version: OURS, arch: process.arch, shim: false },
    })
  })

  it.each(['gateway.plist', 'gateway.service'])('is found under the PATH of %s, not under ours', async file => {
    const cwd = scratch()
    lay(cwd, {
      'gateway.plist': plist(dirname(NEWER_NODE)),
      'gateway.service': `[Service]\nExecStart=/opt/x\nEnvironmentFile=${cwd}/env\nEnvironment=PATH=/nowhere\n`,
      env: `PATH="${dirname(NEWER_NODE)}"\n`,
    })
    const verdict = await run({ from: file, version: '^24' }, { cwd })
    expect(verdict).toMatchObject({ status: 'pass', facts: { path: NEWER_NODE } })
    expect('watched' in verdict && verdict.watched).toContain(file)
    expect(await run({ from: file, version: '<24' }, { cwd })).toMatchObject({ code: 'interpreter/wrong-version' })
  })

  it('starts without the options that the unit takes away again', async () => {
    const cwd = scratch()
    const unit = `[Service]\nEnvironment=PATH=${dirname(NODE)} NODE_OPTIONS=--no-such\n`
    lay(cwd, { 'a.service': unit, 'b.service': `${unit}UnsetEnvironment=NODE_OPTIONS\n` })
    expect(await run({ from: 'a.service' }, { cwd })).toMatchObject({ code: 'interpreter/options-kill-it' })
    expect(await run({ from: 'b.service' }, { cwd })).toMatchObject({ status: 'pass' })
  })

  it('is the one that the command names by its path, a drop-in included', async () => {
    const cwd = scratch()
    lay(cwd, {
      'gw.service': `[Service]\nEnvironment=PATH=${dirname(NODE)}\nExecStart=${NODE} a.js\n`,
      'gw.service.d/new.conf': `[Service]\nExecStart=\nExecStart=/bin/sh -c 'exec ${NEWER_NODE} a.js'\n`,
    })
    expect(await run({ from: 'gw.service' }, { cwd })).toMatchObject({
      status: 'pass',
      facts: { path: NEWER_NODE, byPath: NODE },
      watched: [NEWER_NODE, 'gw.service', 'gw.service.d/new.conf'],
    })
  })

  it('starts with the options that the guard moved aside', async () => {
    const env = { PATH: dirname(NODE), BOOTCHECK_NODE_OPTIONS: '--max-old-space=1' }
    expect(await run({}, { cwd: scratch(), env })).toMatchObject({ code: 'interpreter/options-kill-it' })
  })

  it('may be another program, by name', async () => {
    const cwd = scratch()
    script(join(cwd, 'bin/python3'), 'echo Python 3.11.2')
    const verdict = await run({ name: 'python3', path: join(cwd, 'bin'), version: '3.11' }, { cwd })
    expect(verdict).toMatchObject({ status: 'pass', facts: { version: '3.11.2', arch: null } })
    expect(await run({ name: 'python3', path: join(cwd, 'bin'), arch: 'x64' }, { cwd })).toMatchObject({
      code: 'interpreter/wrong-arch',
    })
  })
})

describe('a bad one', () => {
  it('missing: an empty folder, an empty PATH, a path to nothing, a plist without PATH', async () => {
    const cwd = scratch()
    lay(cwd, { 'bin/': '', 'gw.plist': '<plist><dict/></plist>' })
    for (const options of [
      { path: join(cwd, 'bin') },
      { path: 'bin' },
      { name: './no/node' },
      { name: 'no-such', from: 'gw.plist' },
    ])
      expect(await run(options, { cwd }), JSON.stringify(options)).toMatchObject({ code: 'interpreter/missing' })
    expect(troubleOf(await run({ name: 'no-such', from: 'gw.plist' }, { cwd })).observed).toContain(
      '/usr/bin:/bin:/usr/sbin:/sbin',
    )
    expect(await run({}, { cwd, env: { PATH: '' } })).toMatchObject({ code: 'interpreter/missing' })
  })

  it('not executable, or a folder', async () => {
    const cwd = scratch()
    lay(cwd, { 'a/node': 'x', 'b/node/': '' })
    for (const path of ['a', 'b'])
      expect(await run({ path: join(cwd, path) }, { cwd })).toMatchObject({ code: 'interpreter/not-executable' })
  })

  it('dangling: a link to a version that was removed', async () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'bin'))
    symlinkSync(join(cwd, 'v22/bin/node'), join(cwd, 'bin/node'))
    expect(await run({ path: join(cwd, 'bin') }, { cwd })).toMatchObject({
      status: 'fail',
      code: 'interpreter/dangling',
    })
    const fell = troubleOf(await run({ path: `${join(cwd, 'bin')}:${dirname(NODE)}` }, { cwd }))
    expect(fell).toMatchObject({ status: 'warn', code: 'interpreter/dangling' })
    expect(fell.summary).toContain(NODE)
  })

  it("dangling: a version manager's folder that is gone from PATH", async () => {
    const cwd = scratch()
    const gone = join(cwd, '.nvm/versions/node/v22.1.0/bin')
    expect(await run({ path: gone }, { cwd })).toMatchObject({ status: 'fail', code: 'interpreter/dangling' })
    expect(await run({ path: `${gone}:${dirname(NODE)}` }, { cwd })).toMatchObject({
      status: 'warn',
      code: 'interpreter/dangling',
    })
    expect(await run({ path: `${dirname(NODE)}:${gone}` }, { cwd })).toMatchObject({ status: 'pass' })
  })

  it('a shim that finds no version, and one that does', async () => {
    const cwd = scratch()
    const shims = join(cwd, '.asdf/shims')
    script(join(shims, 'node'), 'echo "No version is set for command node" >&2; exit 126')
    const shim = troubleOf(await run({ path: shims }, { cwd }))
    expect(shim).toMatchObject({ status: 'fail', code: 'interpreter/shim' })
    expect(shim.observed).toContain('No version is set for command node')
    script(join(shims, 'node'), `exec ${NODE} "$@"`)
    expect(await run({ path: shims }, { cwd })).toMatchObject({ status: 'pass', facts: { shim: true } })
  })

  it.each([
    ['exit 3', 'broken', 'ended with 3, without a word'],
    ['echo hello', 'broken', 'printed "hello"'],
    ['kill -SEGV $$', 'broken', 'ended by SIGSEGV'],
  ])('that does not start: %s', async (body, what, words) => {
    const cwd = scratch()
    script(join(cwd, 'bin/node'), body)
    const verdict = troubleOf(await run({ path: join(cwd, 'bin') }, { cwd }))
    expect([verdict.code, verdict.observed]).toEqual([`interpreter/${what}`, expect.stringContaining(words)])
  })

  it('that does not know --version is not said not to start', async () => {
    const cwd = scratch()
    script(join(cwd, 'bin/gw'), 'echo "Illegal option --" >&2; exit 2')
    expect(await run({ name: 'gw', path: join(cwd, 'bin') }, { cwd })).toMatchObject({
      code: 'interpreter/broken',
      summary: `${cwd}/bin/gw tells no version`,
    })
  })

  it('whose own interpreter is not there', async () => {
    const cwd = scratch()
    script(join(cwd, 'bin/node'), '')
    writeFileSync(join(cwd, 'bin/node'), '#!/no/such/shell\n')
    expect(await run({ path: join(cwd, 'bin') }, { cwd })).toMatchObject({
      code: 'interpreter/broken',
      observed: expect.stringContaining('could not be started (ENOENT)'),
    })
  })

  it('that never answers is ended with all that it started', async () => {
    const cwd = scratch()
    script(join(cwd, 'bin/node'), `/bin/sleep 600 & echo $! > ${cwd}/pid; wait`)
    const verdict = troubleOf(await run({ path: join(cwd, 'bin') }, { cwd, timeoutMs: 1500 }))
    expect(verdict).toMatchObject({
      code: 'interpreter/silent',
      observed: expect.stringMatching(/not ended after 1\.\d s/),
    })
    const pid = Number(readFileSync(join(cwd, 'pid'), 'utf8'))
    expect(pid).toBeGreaterThan(1)
    await until(() => !alive(pid), 'the end of what it started')
  })

  it('of another architecture: a program that this kernel refuses', async () => {
    const cwd = scratch()
    const foreign = Buffer.alloc(64)
    foreign.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
    foreign.writeUInt16LE(2, 16)
    foreign.writeUInt16LE(process.arch === 'arm64' ? 62 : 183, 18)
    mkdirSync(join(cwd, 'bin'))
    writeFileSync(join(cwd, 'bin/node'), foreign, { mode: 0o755 })
    expect(await run({ path: join(cwd, 'bin') }, { cwd })).toMatchObject({ code: 'interpreter/wrong-arch' })
    expect(await run({ arch: process.arch === 'arm64' ? 'x64' : 'arm64' }, { cwd })).toMatchObject({
      code: 'interpreter/wrong-arch',
    })
  })

  it('that its options kill, the error line told and a secret in it masked', async () => {
    const env = { PATH: dirname(NODE), NODE_OPTIONS: '--require=/no/s3cret-hook.js' }
    const verdict = troubleOf(await run({}, { cwd: scratch(), env, mask: text => text.replaceAll('s3cret', '•••') }))
    expect(verdict.code).toBe('interpreter/options-kill-it')
    expect(verdict.observed).toContain("Error: Cannot find module '/no/•••-hook.js'")
    expect(JSON.stringify(verdict)).not.toContain('s3cret')
    const wrong = troubleOf(await run({}, { cwd: scratch(), env: { ...env, NODE_OPTIONS: '--no-such-option' } }))
    expect(wrong.observed).toMatch(/ended with 9, saying ".*--no-such-option is not allowed in NODE_OPTIONS"/)
  })

  it('that its options kill, with what looks like a secret in them left out', async () => {
    const env = { PATH: dirname(NODE), NODE_OPTIONS: '--no-such --title=sk-abcdefghijklmnopqrstuvwxyz012345' }
    const verdict = await run({}, { cwd: scratch(), env })
    expect(troubleOf(verdict).code).toBe('interpreter/options-kill-it')
    expect(JSON.stringify(verdict)).not.toContain('sk-abc')
  })

  it('tells all that is wrong at once', async () => {
    const env = { PATH: dirname(NODE), NODE_OPTIONS: '--no-such-option' }
    const verdict = troubleOf(await run({ version: '<4' }, { cwd: scratch(), env }))
    expect(verdict.findings?.map(({ code }) => code)).toEqual([
      'interpreter/wrong-version',
      'interpreter/options-kill-it',
    ])
  })
})

describe('a service that cannot be read', () => {
  it.each([
    ['missing', undefined, 'unreadable'],
    ['empty', '', 'not-a-service'],
    ['something else', 'hello\n', 'not-a-service'],
    ['a unit without a service', '[Unit]\nDescription=x\n', 'not-a-service'],
    ['a broken plist', '<?xml version="1.0"?><plist><dict>', 'not-a-service'],
    ['a binary plist', 'bplist00\u0001', 'not-a-service'],
    ['a list', '<plist><array/></plist>', 'not-a-service'],
    ['without its environment file', '[Service]\nEnvironmentFile=/no/such/env\nExecStart=/x\n', 'unreadable'],
  ])('%s', async (_, text, what) => {
    const cwd = scratch()
    if (text !== undefined) writeFileSync(join(cwd, 'gateway'), text)
    const verdict = troubleOf(await run({ from: 'gateway' }, { cwd }))
    expect(verdict).toMatchObject({ status: 'fail', code: `interpreter/${what}` })
    if (text?.startsWith('bplist')) expect(verdict.next).toContain('plutil -convert xml1')
  })

  it('a folder, and a link to nothing', async () => {
    const cwd = scratch()
    symlinkSync('gone', join(cwd, 'link'))
    for (const from of ['.', 'link'])
      expect(await run({ from }, { cwd })).toMatchObject({ code: 'interpreter/unreadable' })
  })
})

describe('compared with the login shell', () => {
  const home = (profile: string): string => {
    const folder = scratch()
    writeFileSync(join(folder, '.profile'), profile)
    return folder
  }
  const SHELL = '/bin/sh'

  it('it is another one: a warning with both', async () => {
    const cwd = home(`echo hello from a profile; PATH=${dirname(NEWER_NODE)}:$PATH\n`)
    const verdict = troubleOf(await run({ compare: 'shell' }, { cwd, home: cwd, env: { PATH: dirname(NODE), SHELL } }))
    expect(verdict).toMatchObject({ status: 'warn', code: 'interpreter/differs' })
    expect(verdict.summary).toContain(`${NODE} (${OURS})`)
    expect(verdict.summary).toMatch(new RegExp(`${NEWER_NODE} \\(24\\.`))
  })

  it('it is the same, also by a link', async () => {
    const cwd = home('')
    mkdirSync(join(cwd, 'bin'))
    symlinkSync(NODE, join(cwd, 'bin/node'))
    writeFileSync(join(cwd, '.profile'), `PATH=${cwd}/bin:$PATH\n`)
    const env = { PATH: dirname(NODE), SHELL }
    expect(await run({ compare: 'shell' }, { cwd, home: cwd, env })).toMatchObject({
      status: 'pass',
      facts: { shell: join(cwd, 'bin/node') },
    })
  })

  it('it has none, hangs, or is not there', async () => {
    const none = home('PATH=/nowhere\n')
    const env = { PATH: dirname(NODE), SHELL }
    expect(await run({ compare: 'shell' }, { cwd: none, home: none, env })).toMatchObject({
      code: 'interpreter/differs',
      summary: expect.stringContaining('and none in a login shell'),
    })
    const stuck = home('sleep 600\n')
    expect(await run({ compare: 'shell' }, { cwd: stuck, home: stuck, env, timeoutMs: 2000 })).toMatchObject({
      status: 'warn',
      code: 'interpreter/shell-silent',
    })
    expect(
      await run({ compare: 'shell' }, { cwd: none, home: none, env: { ...env, SHELL: '/no/shell' } }),
    ).toMatchObject({ code: 'interpreter/shell-silent' })
  })
})

describe('by the built program', () => {
  it.each(['plain', 'json', 'pretty'])('as %s', async format => {
    const cwd = scratch()
    const good = await bootcheck(['check', 'interpreter', '--interpreter.version', '>=20', '--format', format], { cwd })
    expect([good.code, good.stderr]).toEqual([0, ''])
    const bad = await bootcheck(['check', 'interpreter', '--interpreter.version', '<4', '--format', format], { cwd })
    expect(bad.code).toBe(1)
    expect(bad.stdout).toContain('not <4')
  })

  it("does not take bootcheck's --version for the kind's", async () => {
    const ended = await bootcheck(['check', 'interpreter', '--version', '<4'], { cwd: scratch() })
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--interpreter.version') })
  })

  it('refuses a range that is none, and options that exclude each other', async () => {
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(
        'check: interpreter\nid: a\nversion: latest',
        'check: interpreter\nid: b\npath: /bin\nfrom: x',
      ),
    })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect(ended.code).toBe(2)
    expect(JSON.stringify(reportOf(ended).errors)).toMatch(/latest is no range.*exclude each other/)
  })

  it('sees nothing behind a closed door', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest(`check: interpreter\nid: a\npath: ${cwd}/shut`) })
    script(join(cwd, 'shut/node'), 'echo v22.1.0')
    give(cwd)
    chmodSync(join(cwd, 'shut'), 0)
    const ended = await bootcheck(['run', '--format', 'json'], { cwd, through: UNPRIVILEGED })
    expect(reportOf(ended).checks[0]).toMatchObject({ status: 'fail', code: 'interpreter/not-executable' })
    chmodSync(join(cwd, 'shut'), 0o700)
    expect(existsSync(join(cwd, 'shut/node'))).toBe(true)
  })
})

describe('the parts', () => {
  it.each([
    ['v22.12.0', '22.12.0'],
    ['Python 3.11.2', '3.11.2'],
    ['ruby 3.3.5p100 (2024-09-03)', '3.3.5'],
    ['This is perl 5, v5.36', '5.36.0'],
    ['v25.0.0-nightly2025', '25.0.0-nightly2025'],
    ['hello', undefined],
    ['build 20240903', undefined],
  ])('version in %s', (text, version) => {
    expect(versionIn(text)).toBe(version)
  })

  it('ranges', () => {
    expect([isRange('>=22.12 <25'), isRange('latest'), isRange(' ')]).toEqual([true, false, false])
    expect(inRange('23.0.0-nightly', '>=22.12 <25')).toBe(true)
    expect(inRange('25.0.0-nightly', '>=22.12 <25')).toBe(false)
  })

  it('headers', () => {
    const universal = Buffer.alloc(48)
    universal.writeUInt32BE(0xcafebabe, 0)
    universal.writeUInt32BE(2, 4)
    universal.writeUInt32BE(0x01000007, 8)
    universal.writeUInt32BE(0x0100000c, 28)
    expect(architectures(universal)).toEqual(['x64', 'arm64'])
    const java = Buffer.from('cafebabe000000340000000000000000000000000000', 'hex')
    expect(architectures(java)).toEqual([])
    expect(architectures(Buffer.from('#!/bin/sh\nexec node "$@"\n'))).toEqual([])
    const thin = Buffer.alloc(32)
    thin.writeUInt32LE(0xfeedfacf, 0)
    thin.writeUInt32LE(0x0100000c, 4)
    expect(architectures(thin)).toEqual(['arm64'])
  })

  it('names in commands', () => {
    expect(namedIn('/bin/sh -c "exec /usr/bin/node /x/node.js" /opt/node/bin/tool A=/opt/node', 'node')).toEqual([
      '/usr/bin/node',
      '/opt/node',
    ])
  })

  it('version managers', () => {
    expect(isShim('/home/x/.asdf/shims/node')).toBe(true)
    expect(isShim('/home/x/.volta/bin/node')).toBe(true)
    expect(isShim('/usr/bin/node')).toBe(false)
    expect(isManaged('/home/x/.nvm/versions/node/v1/bin')).toBe(true)
    expect(isManaged('/usr/local/bin')).toBe(false)
  })

  it('an answer that says nothing is none', () => {
    const told = { end: { how: 'exit', code: 0 }, stdout: 'v22.1.0\nx64\n', stderr: '' } as const
    const asked = { path: '/n', real: '/n', shim: false, built: [], told }
    expect(answerOf(asked)).toEqual({ version: '22.1.0', arch: 'x64' })
    expect(answerOf({ ...asked, told: { ...told, end: { how: 'exit', code: 1 } } })).toBeUndefined()
  })
})
