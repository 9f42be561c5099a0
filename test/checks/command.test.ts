import { chmodSync, lchownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { allowance } from '../../checks/command/allowance.ts'
import { parsePlugin, perfFacts } from '../../checks/command/nagios.ts'
import { whyNotStarted } from '../../checks/command/start.ts'
import { isPrivate, judgeTrust, type Place } from '../../checks/command/trust.ts'
import { command } from '../../checks/command.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { masker } from '../../core/mask.ts'
import { context, scratch } from '../support/context.ts'
import { completed, NOBODY, runInChild } from '../support/run-check.ts'

const run = async (options: object, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  command.run((await completed(command, options)) as never, context({ cwd: '/', ...given }))

const sh = (text: string, options: object = {}, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  run({ shell: text, ...options }, given)

const executable = (folder: string, name: string, text: string, mode = 0o755): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

describe('how it ends', () => {
  test('0 passes, and says what it said', async () => {
    expect(await run({ run: ['printf', '%s\\n', 'ready now'] })).toMatchObject({
      status: 'pass',
      code: 'command/ok',
      summary: "printf '%s\\n' 'ready now' ended with 0: ready now",
      watched: ["printf '%s\\n' 'ready now'"],
      facts: { exit: 0, stdoutBytes: 10, stderrBytes: 0, cut: false, held: false },
    })
  })

  test('another code fails, with what it said and the command to paste', async () => {
    const cwd = scratch()
    const verdict = await sh('echo broken >&2; exit 4', { env: { WHO: 'a b' } }, { cwd })
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'command/exit',
      observed: expect.stringMatching(/^exit 4 after .*; stderr: broken$/),
      expected: 'exit 0',
      next: `cd ${cwd} && env 'WHO=a b' /bin/sh -c 'echo broken >&2; exit 4'`,
      facts: { exit: 4 },
    })
  })

  test('the wanted codes', async () => {
    expect(await sh('exit 4', { expect: { exit: 4 } })).toMatchObject({ status: 'pass' })
    expect(await sh('exit 4', { expect: { exit: [0, 4] } })).toMatchObject({ status: 'pass' })
    expect(await sh('exit 0', { expect: { exit: 4 } })).toMatchObject({ code: 'command/exit', expected: 'exit 4' })
    expect(await sh('exit 5', { expect: { exit: [0, 4] } })).toMatchObject({ expected: 'exit 0 or 4' })
  })

  test('a signal is no exit code', async () => {
    expect(await sh('kill -SEGV $$', { expect: { exit: [0, 139] } })).toMatchObject({
      code: 'command/signal',
      facts: { exit: null, signal: 'SIGSEGV' },
    })
  })

  test('at the deadline it is killed, and what it had said is shown', async () => {
    const verdict = await run({ run: ['sh', '-c', 'echo waiting for db; exec sleep 30'] }, { timeoutMs: 3000 })
    expect(verdict).toMatchObject({ code: 'command/late', observed: expect.stringContaining('stdout: waiting for db') })
  })

  test('it has its whole timeout; if it had less, the message says so', async () => {
    const late = await run({ run: ['sleep', '30'] }, { timeoutMs: 700 })
    expect(late).toMatchObject({ code: 'command/late', summary: 'sleep 30 did not end within 700 ms, and was killed' })
    expect('facts' in late && Number(late.facts?.ms)).toBeGreaterThanOrEqual(690)
    expect(await run({ run: ['sleep', '30'] }, { timeoutMs: 1000, spentMs: 3000 })).toMatchObject({
      observed: expect.stringMatching(/^no end within 500 ms \(of 1 s: /),
    })
    expect(allowance(1000, 300)).toEqual({ ms: 1000, words: '1 s' })
    expect(allowance(5000, 2900)).toEqual({
      ms: 4600,
      words: '4.6 s (of 5 s: the process to run it in took the rest to start)',
    })
    expect(allowance(1000, 60_000).ms).toBe(1)
  })

  test('one that closes its output and lives on is waited for', async () => {
    expect(await sh('exec >&- 2>&-; sleep 0.3; exit 6')).toMatchObject({ code: 'command/exit', facts: { exit: 6 } })
  })

  test('one that leaves a daemon with its output is not, and all it said is read', async () => {
    const cwd = scratch()
    const verdict = await sh(
      'sleep 20 & echo $! > pid; head -c 60000 /dev/zero | tr "\\0" x; echo END',
      { expect: { stdout: 'xEND' } },
      { cwd },
    )
    const { readFileSync } = await import('node:fs')
    process.kill(Number(readFileSync(join(cwd, 'pid'), 'utf8')), 'SIGKILL')
    expect(verdict).toMatchObject({ status: 'pass', facts: { held: true } })
    expect('summary' in verdict && verdict.summary).toContain('still holds its output')
  })

  test('no input, the given folder and variables', async () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'inner'))
    const verdict = await sh('cat; pwd; echo "$WHO"', { cwd: 'inner', env: { WHO: 'claw' } }, { cwd })
    expect(verdict).toMatchObject({ status: 'pass' })
    expect('summary' in verdict && verdict.summary).toContain('inner / claw')
  })
})

describe('what it says', () => {
  test('texts and regular expressions', async () => {
    const says = (stdout: string | string[]) => sh('printf "ready in 12 ms\\nall good\\n"', { expect: { stdout } })
    for (const good of ['ready in', '/in [0-9]+ ms$/m', '/READY/i', ['ready', 'good']])
      expect(await says(good)).toMatchObject({ status: 'pass' })
    for (const bad of ['Ready', '/^all/', '/in [a-z]+ ms/', ['ready', 'bad']])
      expect(await says(bad)).toMatchObject({ code: 'command/stdout' })
    expect(await sh('echo x >&2', { expect: { stderr: 'x' } })).toMatchObject({ status: 'pass' })
    expect(await sh('echo x', { expect: { stderr: 'x' } })).toMatchObject({ code: 'command/stderr' })
    expect(await sh(':', { expect: { stdout: 'x' } })).toMatchObject({
      code: 'command/stdout',
      observed: expect.stringContaining('no output'),
    })
  })

  test('what follows the limit is not judged, and that is said', async () => {
    const many = 'head -c 5000000 /dev/zero | tr "\\0" x; echo END'
    expect(await sh(many, { expect: { stdout: 'END' } })).toMatchObject({
      code: 'command/stdout',
      summary: expect.stringContaining('the first 64 KiB of stdout lacks END'),
      facts: { cut: true, stdoutBytes: 5_000_004 },
    })
    expect(await sh(many, { expect: { stdout: '/^x+$/' } })).toMatchObject({ status: 'pass', facts: { cut: true } })
  })

  test('NUL and bytes that are no UTF-8', async () => {
    expect(await sh('printf "a\\0b\\377c"', { expect: { stdout: '/^a\\0b\ufffdc$/' } })).toMatchObject({
      status: 'pass',
    })
  })

  test('a secret is masked before anything is cut, at the limit too', async () => {
    const secret = 'verysecretvalue-0123456789'
    const mask = masker([secret])
    for (const text of [
      `head -c 65526 /dev/zero | tr "\\0" "\\n"; printf ${secret}; exit 1`,
      `echo ${secret}; exit 1`,
      `printf ${secret} >&2`,
    ]) {
      const verdict = await sh(text, { expect: { stdout: ['nothing'] } }, { mask })
      expect(verdict.status).toBe('fail')
      expect(JSON.stringify(verdict)).not.toContain(secret.slice(0, 8))
    }
  })
})

describe('what cannot be run', () => {
  test('each has its own code', async () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'folder'))
    executable(cwd, 'plain', 'echo hi', 0o644)
    executable(cwd, 'no-such', '#!/no/such/python3\nprint(1)\n')
    executable(cwd, 'dos', '#!/bin/sh\r\nexit 0\r\n')
    executable(cwd, 'garbage', '\u0000\u0001')
    symlinkSync('gone', join(cwd, 'dangling'))
    const answer = async (...words: string[]) => {
      const verdict = await run({ run: words }, { cwd })
      return 'code' in verdict ? `${verdict.code} ${'observed' in verdict ? verdict.observed : ''}` : verdict.status
    }
    expect(await answer('./missing')).toMatch(/^command\/not-found .*does not exist/)
    expect(await answer('./dangling')).toMatch(/^command\/not-found /)
    expect(await answer('no-such-command-anywhere')).toMatch(/^command\/not-found .*PATH is/)
    expect(await answer('./folder')).toMatch(/^command\/folder /)
    expect(await answer('./plain')).toMatch(/^command\/not-executable /)
    expect(await answer('./no-such')).toMatch(/^command\/no-interpreter .*\(\/no\/such\/python3\) that does not exist/)
    expect(await answer('./dos')).toMatch(/^command\/no-interpreter .*carriage return/)
    expect(await answer('/dev/null')).toMatch(/^command\/not-started /)
    expect(await answer('true', 'a\0b')).toMatch(/^command\/not-started /)
    expect(await answer('')).toMatch(/^command\/not-found /)
    expect(await answer('./garbage')).toMatch(/^command\/(exit|not-started)/)
  })

  test('a PATH of its own, and a folder that is not there', async () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'bin'))
    executable(join(cwd, 'bin'), 'mine', '#!/bin/sh\nexit 0\n')
    expect(await run({ run: ['mine'], env: { PATH: join(cwd, 'bin') } }, { cwd })).toMatchObject({ status: 'pass' })
    expect(await run({ run: ['true'], cwd: 'gone' }, { cwd })).toMatchObject({ code: 'command/no-cwd' })
    writeFileSync(join(cwd, 'file'), '')
    expect(await run({ run: ['true'], cwd: 'file' }, { cwd })).toMatchObject({ code: 'command/no-cwd' })
  })

  test('a folder that this user may not enter is not taken for the program, and a reason is named', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    mkdirSync(join(cwd, 'closed'))
    executable(join(cwd, 'closed'), 'f', '#!/bin/sh\nexit 0\n')
    chmodSync(join(cwd, 'closed'), 0o700)
    if (process.getuid?.() !== 0) chmodSync(join(cwd, 'closed'), 0)
    const asked = async (options: object) =>
      runInChild(
        { kind: 'command', options: await completed(command, options), cwd, home: '/' },
        process.getuid?.() === 0 ? { uid: NOBODY } : {},
      )
    expect(await asked({ run: ['id'], cwd: 'closed' })).toMatchObject({
      code: 'command/no-cwd',
      observed: `${join(cwd, 'closed')} may not be entered by this user (EACCES)`,
      next: `ls -ld ${join(cwd, 'closed')}`,
    })
    expect(await asked({ run: ['id'], cwd: 'closed/deeper' })).toMatchObject({
      code: 'command/no-cwd',
      observed: expect.stringContaining('EACCES'),
      next: `ls -ld ${join(cwd, 'closed')}`,
    })
    expect(await asked({ run: ['closed/f'] })).toMatchObject({
      code: 'command/not-started',
      observed: `closed/f cannot be looked at: this user may not search ${join(cwd, 'closed')}`,
      next: `ls -ld ${join(cwd, 'closed')}`,
    })
    chmodSync(join(cwd, 'closed'), 0o700)
  })

  test('names that no variable can have', async () => {
    for (const name of ['', 'A=B', 'A\0B'])
      expect(await run({ run: ['true'], env: { [name]: 'x' } })).toMatchObject({ code: 'command/contradiction' })
    for (const name of ['A', '_a1', 'a.b-c', 'ProgramFiles(x86)'])
      expect(await run({ run: ['true'], env: { [name]: 'x' } })).toMatchObject({ code: 'command/ok' })
    expect(await run({ run: ['true'], env: { A: 'x\0y' } })).toMatchObject({ code: 'command/contradiction' })
  })

  test('what the system will not start', () => {
    expect(whyNotStarted({ code: 'EACCES', message: 'x' }).what).toBe('not-executable')
    expect(whyNotStarted({ code: 'E2BIG', message: 'spawn E2BIG' })).toMatchObject({
      what: 'not-started',
      says: expect.stringContaining('E2BIG'),
    })
    expect(whyNotStarted({ code: 'ENOENT', message: 'x' }).what).toBe('no-interpreter')
  })

  test.runIf(process.platform === 'linux')('a binary whose loader is not there', async () => {
    const cwd = scratch()
    const binary = readFileSync('/bin/true').toString('latin1')
    const loader = /\/lib[\w/.-]*\/ld-[\w.-]+/.exec(binary)?.[0] ?? ''
    writeFileSync(join(cwd, 'lost'), Buffer.from(binary.replace(loader, loader.replace(/^\/lib/, '/bil')), 'latin1'))
    chmodSync(join(cwd, 'lost'), 0o755)
    expect(await run({ run: ['./lost'] }, { cwd })).toMatchObject({
      code: 'command/no-interpreter',
      observed: expect.stringContaining('lost names a loader'),
    })
  })

  test('options that exclude each other, and a broken expression', async () => {
    expect(await run({ run: ['true'], nagios: true, expect: { exit: 0 } })).toMatchObject({
      code: 'command/contradiction',
    })
    expect(await run({ run: ['true'], expect: { stdout: '/(/' } })).toMatchObject({ code: 'command/contradiction' })
    for (const env of [{ 'A=B': 'x' }, { '': 'x' }, { 'A\0': 'x' }, { A: 'x\0' }])
      expect(await run({ run: ['true'], env })).toMatchObject({
        code: 'command/contradiction',
        summary: expect.stringMatching(/^env/),
      })
    expect(await run({ run: ['true'], env: { 'A.B-C': 'x=y' } })).toMatchObject({ code: 'command/ok' })
    expect(
      command.conflict?.(
        { run: ['true'], expect: { stdout: '/${env:X}(/' } },
        { phase: 'before', above: new Map(), open: new Set() },
      ),
    ).toBe(undefined)
    await expect(completed(command, { run: ['a'], shell: 'b' })).rejects.toThrow()
    await expect(completed(command, {})).rejects.toThrow()
    await expect(completed(command, { run: ['a'], expect: { stdout: '' } })).rejects.toThrow()
  })
})

describe('as a Nagios plugin', () => {
  const plugin = (code: number, output: string) => sh(`printf '%s' '${output}'; exit ${code}`, { nagios: true })

  test('0, 1, 2, 3', async () => {
    expect(await plugin(0, 'DISK OK - 4 GB free | /=2643MB;5948;5958;0;5968')).toMatchObject({
      status: 'pass',
      code: 'command/ok',
      summary: 'DISK OK - 4 GB free',
      facts: { exit: 0, 'perf:/': 2643, 'perf:/:unit': 'MB' },
    })
    expect(await plugin(1, 'WARN|x=1')).toMatchObject({
      status: 'warn',
      code: 'command/nagios-warning',
      summary: 'WARN',
    })
    expect(await plugin(2, 'CRIT')).toMatchObject({ status: 'fail', code: 'command/nagios-critical', summary: 'CRIT' })
    expect(await plugin(3, 'what?')).toMatchObject({ status: 'fail', code: 'command/nagios-unknown' })
  })

  test('what is no plugin', async () => {
    expect(await plugin(0, '')).toMatchObject({ status: 'fail', code: 'command/nagios-silent' })
    expect(await plugin(0, '| a=1')).toMatchObject({ code: 'command/nagios-silent' })
    expect(await plugin(2, '')).toMatchObject({ code: 'command/nagios-critical' })
    for (const code of [4, 127, 255]) expect(await plugin(code, 'x')).toMatchObject({ code: 'command/nagios-exit' })
    expect(await sh('kill -9 $$', { nagios: true })).toMatchObject({ code: 'command/signal' })
  })

  test('a text may be wanted as well', async () => {
    expect(await sh('echo OK', { nagios: true, expect: { stdout: 'GOOD' } })).toMatchObject({ code: 'command/stdout' })
  })

  test('output of several lines', () => {
    // From the guidelines, "Plugin Output for Nagios".
    const text = `DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968
/ 15272 MB (77%);
/boot 68 MB (69%); | /boot=68MB;88;93;0;98
/home=69357MB;253404;253409;0;253414 
/var/log=818MB;970;975;0;980`
    const { summary, perfdata } = parsePlugin(text)
    expect(summary).toBe('DISK OK - free space: / 3326 MB (56%);')
    expect(perfFacts(perfdata)).toEqual({
      'perf:/': 2643,
      'perf:/:unit': 'MB',
      'perf:/boot': 68,
      'perf:/boot:unit': 'MB',
      'perf:/home': 69357,
      'perf:/home:unit': 'MB',
      'perf:/var/log': 818,
      'perf:/var/log:unit': 'MB',
    })
  })

  test('odd perfdata', () => {
    expect(perfFacts("'a b''c'=1.5s;;;0 load=0,31 u=U x=-3e2% broken= =4 y=12abc3")).toEqual({
      "perf:a b'c": 1.5,
      "perf:a b'c:unit": 's',
      'perf:load': 0.31,
      'perf:u': null,
      'perf:x': -300,
      'perf:x:unit': '%',
    })
    expect(Object.keys(perfFacts(Array.from({ length: 5000 }, (_, i) => `k${i}=1`).join(' ')))).toHaveLength(100)
  })
})

describe('who can write the manifest', () => {
  const place = (given: Partial<Place>): Place => ({
    path: '/x',
    folder: false,
    uid: 1000,
    gid: 1000,
    mode: 0o644,
    ...given,
  })
  const user = { uid: 1000 }
  const judged = (places: Place[], privately = false, by = user) => judgeTrust(places, by, () => privately)

  test.each<[string, Place[], boolean, string | undefined]>([
    ['its owner', [place({})], false, undefined],
    ['everybody', [place({ mode: 0o646 })], true, 'everybody'],
    ['a group', [place({ mode: 0o664 })], false, 'group 1000'],
    ['a group of the owner alone', [place({ mode: 0o664 })], true, undefined],
    ["root's group", [place({ mode: 0o664, gid: 0 })], false, undefined],
    ['a folder of everybody', [place({}), place({ folder: true, mode: 0o777 })], false, 'everybody'],
    ['a sticky folder', [place({}), place({ folder: true, uid: 0, mode: 0o1777 })], false, undefined],
    ['a sticky file', [place({ mode: 0o1666 })], false, 'everybody'],
    ["a stranger's folder", [place({}), place({ folder: true, uid: 7777, mode: 0o755 })], false, 'uid 7777'],
    ["root's file in this user's folder", [place({ uid: 0 }), place({ folder: true })], false, undefined],
  ])('%s', (_, places, privately, who) => {
    expect(judged(places, privately)?.who).toBe(who)
  })

  test('root trusts the owner, and nobody in a folder above', () => {
    expect(judged([place({})], false, { uid: 0 })).toBe(undefined)
    expect(judged([place({ uid: 0 }), place({ folder: true, uid: 7777 })], false, { uid: 0 })?.who).toBe('uid 7777')
  })

  test('groups that have one member', () => {
    const passwd = 'claw:x:1000:1000::/home/claw:/bin/sh\neve:x:1001:1001::/:/bin/sh\nbob:x:1002:100::/:/bin/sh'
    expect(isPrivate(1000, 1000, 'claw:x:1000:', passwd)).toBe(true)
    expect(isPrivate(1000, 1000, 'claw:x:1000:claw', passwd)).toBe(true)
    expect(isPrivate(1000, 1000, 'claw:x:1000:claw,eve', passwd)).toBe(false)
    expect(isPrivate(100, 1000, 'users:x:100:', passwd)).toBe(false)
    expect(isPrivate(1000, 1000, '', passwd)).toBe(false)
  })

  test('a real file, its folder, and a link to it', async () => {
    const cwd = scratch()
    const manifest = join(cwd, 'BOOT.md')
    writeFileSync(manifest, '')
    const answer = async (path = manifest) => {
      const verdict = await run({ run: ['touch', 'ran'] }, { cwd, manifest: path })
      return 'code' in verdict ? verdict.code : verdict.status
    }
    chmodSync(manifest, 0o644)
    expect(await answer()).toBe('command/ok')
    chmodSync(manifest, 0o666)
    expect(await answer()).toBe('command/manifest-writable')
    chmodSync(manifest, 0o600)
    mkdirSync(join(cwd, 'open'))
    symlinkSync(manifest, join(cwd, 'open/BOOT.md'))
    expect(await answer(join(cwd, 'open/BOOT.md'))).toBe('command/ok')
    chmodSync(join(cwd, 'open'), 0o777)
    expect(await answer(join(cwd, 'open/BOOT.md'))).toBe('command/manifest-writable')
    chmodSync(cwd, 0o777)
    expect(await answer()).toBe('command/manifest-writable')
    chmodSync(cwd, 0o755)
    expect(await answer(join(cwd, 'gone.md'))).toBe('command/manifest-writable')
  })

  test('each link on the way counts, in the middle too, and of whom it is', async () => {
    const cwd = scratch()
    const at = (name: string): string => join(cwd, name)
    for (const name of ['first', 'open', 'real', 'sticky']) mkdirSync(at(name))
    writeFileSync(at('real/BOOT.md'), '')
    symlinkSync('../open/BOOT.md', at('first/BOOT.md'))
    symlinkSync('../real/BOOT.md', at('open/BOOT.md'))
    symlinkSync(at('real'), at('open/folder'))
    symlinkSync('open/folder', at('top'))
    const answer = async (path: string) => {
      const verdict = await run({ run: ['true'] }, { cwd, manifest: at(path) })
      return 'code' in verdict ? `${verdict.code} ${'next' in verdict ? verdict.next : ''}`.trim() : verdict.status
    }
    for (const way of ['first/BOOT.md', 'top/BOOT.md']) {
      expect(await answer(way)).toBe('command/ok')
      chmodSync(at('open'), 0o777)
      expect(await answer(way)).toBe(`command/manifest-writable chmod go-w ${at('open')}`)
      chmodSync(at('open'), 0o755)
    }
    // In a sticky folder nobody but its owner turns a link elsewhere.
    chmodSync(at('sticky'), 0o1777)
    symlinkSync('../real/BOOT.md', at('sticky/BOOT.md'))
    expect(await answer('sticky/BOOT.md')).toBe('command/ok')
    if (process.getuid?.() === 0) {
      lchownSync(at('sticky/BOOT.md'), 7777, 7777)
      expect(await answer('sticky/BOOT.md')).toBe(`command/manifest-writable chown -h root ${at('sticky/BOOT.md')}`)
    }
  })
})
