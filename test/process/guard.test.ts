/** `bootcheck guard` with real gateways, through the built program; its durations are scaled down. */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { alive } from '../../core/process.ts'
import { BIN, bootcheck, cleanEnv, lay } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { eventsOf, guarded, linesOf, storeOf, until } from '../support/guarded.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

const NODE = process.execPath

/** A manifest with front matter of its own; one check that passes unless said otherwise. */
const bootMd = (guard = '', ...checks: readonly string[]): string => {
  const bodies = checks.length > 0 ? checks : ['check: workspace\nid: home\npath: work']
  return `---\nbootcheck: 1\n${guard}---\n# Boot checks\n${bodies.map(body => `\n\`\`\`yaml boot\n${body}\n\`\`\`\n`).join('')}`
}

/** Says in `starts` that it was started, and does then what it is told. */
const gateway = (then: string): string =>
  `import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'\nappendFileSync('starts', process.pid + '\\n')\n${then}\n`

const STAY = 'setInterval(() => {}, 1000)'

const setUp = (files: Readonly<Record<string, string>>): string => {
  const cwd = scratch()
  lay(cwd, { 'work/': '', 'BOOT.md': bootMd(), ...files })
  return cwd
}

const starts = (cwd: string): number => linesOf(join(cwd, 'starts')).length
const gatewayPid = (cwd: string): Promise<number> =>
  until(() => Number(linesOf(join(cwd, 'starts')).at(-1)) || false, 'a start')

const types = (cwd: string, target?: string): string[] => eventsOf(cwd, target).map(({ type }) => type)

const LADDER = `guard:
  crash-loop:
    window: 1h
    steps: [{after: 2, wait: 600ms}, {after: 3, wait: 1s}]
    refuse: 4
`

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

describe('the crash ladder', () => {
  it('waits longer and longer, refuses, is told once, and starts again after a reset', async () => {
    const cwd = setUp({ 'BOOT.md': bootMd(LADDER), 'gateway.mjs': gateway('process.exit(9)') })
    const words = ['--notify', 'cat >> told', '--', NODE, 'gateway.mjs']
    const spent: number[] = []
    for (let turn = 0; turn < 4; turn++) {
      const from = performance.now()
      const { code, text } = await guarded(cwd, words).ended
      expect(code, text).toBe(9)
      expect(/waits until \d\d:\d\d:\d\d/.test(text), text).toBe(turn >= 2)
      spent.push(performance.now() - from)
    }
    expect(starts(cwd)).toBe(4)
    const waits = eventsOf(cwd).filter(({ type }) => type === 'wait')
    expect(waits.map(({ rule }) => rule)).toEqual(['crash-loop', 'crash-loop'])
    for (let turn = 0; turn < 3; turn++) {
      const { code, text } = await guarded(cwd, words).ended
      expect(code).toBe(69)
      expect(text).toMatch(/gateway is refused: 4 crashes/)
      expect(text).toContain(storeOf(cwd).forgetCommand('gateway'))
    }
    expect(starts(cwd)).toBe(4)
    expect(eventsOf(cwd).filter(({ type }) => type === 'refused')).toHaveLength(1)
    const told = linesOf(join(cwd, 'told'))
    expect(told.filter(line => line.includes('refused'))).toHaveLength(1)
    expect(told.filter(line => line.includes('cooling off'))).toHaveLength(2)

    storeOf(cwd).append('gateway', { type: 'reset' })
    const { code, text } = await guarded(cwd, words).ended
    expect(code).toBe(9)
    expect(text).not.toContain('waits')
    expect(starts(cwd)).toBe(5)
  })

  it('forgets the crashes once a start is verified', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd(LADDER),
      'gateway.mjs': gateway(`if (!existsSync('mended')) process.exit(1)\n${STAY}`),
    })
    const words = ['--healthy-after', '300ms', '--', NODE, 'gateway.mjs']
    for (let turn = 0; turn < 3; turn++) expect((await guarded(cwd, words).ended).code).toBe(1)
    writeFileSync(join(cwd, 'mended'), '')
    const good = guarded(cwd, words)
    await good.says(/is verified: .*time alone decides/)
    good.child.kill('SIGTERM')
    expect((await good.ended).signal).toBe('SIGTERM')
    rmSync(join(cwd, 'mended'))
    for (let turn = 0; turn < 2; turn++) {
      const { code, text } = await guarded(cwd, words).ended
      expect(code).toBe(1)
      expect(text).not.toContain('waits')
    }
  })

  it('refuses one that becomes ready, passes its after checks, and dies', async () => {
    const port = await freePort()
    const cwd = setUp({
      'BOOT.md': bootMd(
        'guard: {crash-loop: {window: 1h, steps: [{after: 2, wait: 100ms}], refuse: 3}}\n',
        'check: workspace\nid: home\npath: work',
        `check: port\nid: up\nphase: after\nport: ${port}`,
      ),
      // Dies once the guard has called it ready: nobody has to guess how long that takes.
      'gateway.mjs': gateway(`
import { createServer } from 'node:net'
createServer().listen(${port}, '127.0.0.1')
setInterval(() => existsSync('die') && process.exit(0), 10)`),
    })
    for (let turn = 0; turn < 3; turn++) {
      const run = guarded(cwd, ['--', NODE, 'gateway.mjs'])
      await run.says(/gateway is ready after/)
      await until(() => types(cwd).filter(type => type === 'ready').length === turn + 1, 'ready on record')
      writeFileSync(join(cwd, 'die'), '')
      const { code, text } = await run.ended
      rmSync(join(cwd, 'die'))
      expect(code, text).toBe(0)
      expect(text).toContain('counted as a crash')
    }
    const { code, text } = await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    expect(code, text).toBe(69)
    expect(starts(cwd)).toBe(3)
  })

  it('goes on with a wait that was killed, and does not begin it again', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {steps: [{after: 1, wait: 5s}]}}\n'),
      'gateway.mjs': gateway('process.exit(1)'),
    })
    await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    const waiting = guarded(cwd, ['--', NODE, 'gateway.mjs'])
    await waiting.says(/waits until/)
    waiting.child.kill('SIGKILL')
    await waiting.ended
    const from = performance.now()
    const again = guarded(cwd, ['--', NODE, 'gateway.mjs'])
    await again.says(/waits until/)
    expect((await again.ended).code).toBe(1)
    expect(performance.now() - from).toBeLessThan(15_000)
    expect(eventsOf(cwd).filter(({ type }) => type === 'wait')).toHaveLength(1)
    expect(starts(cwd)).toBe(2)
  })

  it('says 75 with --no-wait, and a reset ends a wait', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {steps: [{after: 1, wait: 1h}]}}\n'),
      'gateway.mjs': gateway('process.exit(1)'),
    })
    await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    const { code, text } = await guarded(cwd, ['--no-wait', '--', NODE, 'gateway.mjs']).ended
    expect(code).toBe(75)
    expect(text).toMatch(/cooling off until/)
    const waiting = guarded(cwd, ['--', NODE, 'gateway.mjs'])
    await waiting.says(/bootcheck state reset --state-dir \S+ gateway ends the wait/)
    storeOf(cwd).append('gateway', { type: 'reset' })
    expect((await waiting.ended).code).toBe(1)
    expect(starts(cwd)).toBe(2)
  })

  it('gives a changed manifest one trial', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {refuse: 1}}\n'),
      'gateway.mjs': gateway('process.exit(1)'),
    })
    const run = () => guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    await run()
    expect((await run()).code).toBe(69)
    writeFileSync(join(cwd, 'BOOT.md'), `${readFileSync(join(cwd, 'BOOT.md'), 'utf8')}\nMended.\n`)
    const trial = await run()
    expect(trial.text).toContain('one trial')
    expect(trial.code).toBe(1)
    expect((await run()).code).toBe(69)
    expect((await run()).code).toBe(69)
    expect(starts(cwd)).toBe(2)
  })

  it('refuses also where the gateway changes a watched file at each start', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd(
        'guard: {crash-loop: {refuse: 2}}\n',
        'check: cron\nid: jobs\nformat: crontab\nfiles: [jobs.txt]',
      ),
      'jobs.txt': '0 3 * * * /bin/true\n',
      'gateway.mjs': gateway(`appendFileSync('jobs.txt', '# ' + process.pid + '\\n')\nprocess.exit(1)`),
    })
    const codes: (number | null)[] = []
    for (let turn = 0; turn < 5; turn++) codes.push((await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended).code)
    expect(codes).toEqual([1, 1, 69, 69, 69])
  })

  it('obeys a declared restart guard', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {restart: {starts: 2, within: 1h, cooldown: 1h}}\n'),
      'gateway.mjs': gateway('process.exit(78)'),
    })
    for (let turn = 0; turn < 2; turn++) expect((await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended).code).toBe(78)
    const { code, text } = await guarded(cwd, ['--no-wait', '--', NODE, 'gateway.mjs']).ended
    expect(code).toBe(75)
    expect(text).toContain('2 starts within 60 min')
  })
})

describe('declared permits', () => {
  const ladder = 'crash-loop: {steps: [], refuse: 100}'
  const turns = async (cwd: string, count: number): Promise<number[]> => {
    const codes: number[] = []
    for (let turn = 0; turn < count; turn++)
      codes.push((await guarded(cwd, ['--no-wait', '--', NODE, 'gateway.mjs']).ended).code ?? -1)
    return codes
  }

  it('limit how often it is started, and a closed gate takes none', async () => {
    const limited = `guard: {${ladder}, rate-limit: {limit: 2, per: 1h, cooldown: 1h}}\n`
    const cwd = setUp({
      'BOOT.md': bootMd(limited, 'check: workspace\nid: home\npath: gone'),
      'gateway.mjs': gateway('process.exit(0)'),
    })
    expect(await turns(cwd, 3)).toEqual([78, 78, 78])
    mkdirSync(join(cwd, 'gone'))
    expect(await turns(cwd, 4)).toEqual([0, 0, 75, 75])
    expect(starts(cwd)).toBe(2)
    // Somebody else's permits of the same key count as well.
    expect((await bootcheck(['allow', 'gateway', '--limit', '2'], { cwd })).code).toBe(75)
    const { text } = await guarded(cwd, ['--no-wait', '--', NODE, 'gateway.mjs']).ended
    expect(text).toMatch(/gateway is cooling off until .*: cooling off, 2 of 2 permits taken in 60 min/)
  })

  it('of a budget are spent until a reset, whatever is mended', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd(`guard: {${ladder}, budget: {attempts: 2}}\n`),
      'gateway.mjs': gateway('process.exit(0)'),
    })
    expect(await turns(cwd, 3)).toEqual([0, 0, 69])
    const { text } = await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    expect(text).toContain('gateway is refused: the retry budget is spent, 2 of 2 attempts taken')
    expect(text).not.toContain('earns one trial')
    await bootcheck(['state', 'reset', 'gateway'], { cwd })
    expect(await turns(cwd, 1)).toEqual([0])
  })

  it('of a breaker are refused after crashes in a row, and a verified start clears them', async () => {
    const breaker = `guard: {${ladder}, breaker: {failures: 2, window: 1h, block: 1h}}\n`
    const cwd = setUp({
      'BOOT.md': bootMd(breaker),
      'gateway.mjs': gateway(`if (existsSync('bad')) process.exit(4)\n${STAY}`),
      bad: '',
    })
    expect(await turns(cwd, 1)).toEqual([4])
    rmSync(join(cwd, 'bad'))
    const run = guarded(cwd, ['--healthy-after', '100ms', '--', NODE, 'gateway.mjs'])
    await until(() => types(cwd).includes('ok'), 'told that it went well')
    run.child.kill('SIGTERM')
    await run.ended
    writeFileSync(join(cwd, 'bad'), '')
    expect(await turns(cwd, 3)).toEqual([4, 4, 75])
  })
})

describe('what is no crash', () => {
  it('its own 75 and 78', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway('process.exit(Number(process.argv[2]))') })
    for (const code of [75, 78])
      expect((await guarded(cwd, ['--', NODE, 'gateway.mjs', String(code)]).ended).code).toBe(code)
    expect(
      eventsOf(cwd)
        .filter(({ type }) => type === 'end')
        .map(({ crash }) => crash),
    ).toEqual([false, false])
  })

  it('a closed gate, a wrong manifest, a command that is not there: 78', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway('process.exit(1)'), 'plain.txt': 'x' })
    const run = (...words: string[]) => guarded(cwd, words).ended
    const missing = await run('--', 'no-such-command')
    expect(missing.code).toBe(78)
    expect(missing.text).toMatch(/no-such-command was not found: PATH is /)
    expect((await run('--', './plain.txt')).text).toContain('./plain.txt is not executable')
    expect((await run('--', './work')).text).toContain('./work is a folder')
    expect((await run('--manifest', 'none.md', '--', NODE, 'gateway.mjs')).code).toBe(78)
    lay(cwd, {
      'bad.md': bootMd('guard: {crash-lop: {}}\n'),
      'closed.md': bootMd('', 'check: workspace\nid: home\npath: gone'),
    })
    const bad = await run('--manifest', 'bad.md', '--', NODE, 'gateway.mjs')
    expect(bad.code).toBe(78)
    expect(bad.text).toMatch(/bad\.md:3:9 E204 unknown key "guard\.crash-lop"; did you mean "crash-loop"\?/)
    const closed = await run('--manifest', 'closed.md', '--', NODE, 'gateway.mjs')
    expect(closed.code).toBe(78)
    expect(closed.text).toMatch(/workspace\/missing|gone/)
    expect(closed.text).toContain('the gate is closed: home (workspace/')
    expect((await run()).code).toBe(78)
    expect((await run('--no-checks', '--manifest', 'BOOT.md', '--', 'x')).code).toBe(78)
    expect((await run('--holt', '--', 'x')).code).toBe(78)
    expect(starts(cwd)).toBe(0)
    expect(new Set(types(cwd))).toEqual(new Set(['config', 'closed']))
  })

  it('is told of each distinct failure once, and written down once', async () => {
    const cwd = setUp({ 'BOOT.md': bootMd('', 'check: workspace\nid: home\npath: gone'), 'gateway.mjs': gateway('') })
    for (let turn = 0; turn < 3; turn++)
      expect((await guarded(cwd, ['--notify', 'cat >> told', '--', NODE, 'gateway.mjs']).ended).code).toBe(78)
    expect(types(cwd)).toEqual(['closed', 'notified'])
    expect(linesOf(join(cwd, 'told'))).toHaveLength(1)
  })

  it('turns 69 and 78 into 0 for launchd, and says that it is parked', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {refuse: 1}}\n'),
      'gateway.mjs': gateway('process.exit(1)'),
    })
    const run = (...words: string[]) => guarded(cwd, ['--supervisor', 'launchd', '--', ...words]).ended
    const mend = await run('no-such-command')
    expect(mend.code).toBe(0)
    expect(mend.text).toContain('parked: ends with 0 in place of 78')
    expect((await run(NODE, 'gateway.mjs')).code).toBe(1)
    const refused = await run(NODE, 'gateway.mjs')
    expect(refused.code).toBe(0)
    expect(refused.text).toContain('parked: ends with 0 in place of 69')
    const own = await run('/bin/sh', '-c', 'exit 78', 'changed')
    expect(own.code, own.text).toBe(0)
    expect(types(cwd)).toContain('parked')
  })

  it('does not open a gate whose checks broke, hung or were killed', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway('') })
    // The checks run as a program of their own: this one stands in for a node that dies under them.
    const node = join(cwd, 'node')
    writeFileSync(node, `#!/bin/sh\nif [ "$2" = run ]; then kill -KILL $$; fi\nexec ${NODE} "$@"\n`)
    chmodSync(node, 0o755)
    const script = `const { spawnSync } = require('child_process'); process.execPath = ${JSON.stringify(node)}`
    writeFileSync(join(cwd, 'preload.cjs'), script)
    const { code, text } = await guarded(cwd, ['--', NODE, 'gateway.mjs'], {
      env: { NODE_OPTIONS: `--require ${join(cwd, 'preload.cjs')}` },
    }).ended
    expect(code, text).toBe(78)
    expect(text).toContain('the checks gave no report (signal SIGKILL)')
    expect(starts(cwd)).toBe(0)
  })
})

describe('codes and signals', () => {
  it('passes every exit code on', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway('process.exit(Number(process.argv[2]))') })
    for (const code of [0, 1, 42, 255]) {
      storeOf(cwd).append('gateway', { type: 'reset' })
      expect((await guarded(cwd, ['--no-checks', '--', NODE, 'gateway.mjs', String(code)]).ended).code).toBe(code)
    }
  })

  it('ends by the signal that its gateway ended by', async () => {
    const cwd = setUp({
      'gateway.mjs': gateway('process.kill(process.pid, process.argv[2])\nsetInterval(() => {}, 1000)'),
    })
    for (const name of ['SIGKILL', 'SIGTERM', 'SIGHUP', 'SIGINT']) {
      storeOf(cwd).append('gateway', { type: 'reset' })
      expect((await guarded(cwd, ['--no-checks', '--', NODE, 'gateway.mjs', name]).ended).signal).toBe(name)
      expect(eventsOf(cwd).at(-1)).toMatchObject({ type: 'end', signal: name, requested: false, crash: true })
    }
  })

  it('forwards TERM: a stop that was asked for is no crash', async () => {
    const cwd = setUp({
      'gateway.mjs': gateway(
        `process.on('SIGTERM', () => { appendFileSync('heard', 'TERM\\n'); process.exit(143) })\nappendFileSync('up', 'x\\n')\n${STAY}`,
      ),
    })
    const run = guarded(cwd, ['--no-checks', '--', NODE, 'gateway.mjs'])
    await until(() => linesOf(join(cwd, 'up')).length > 0, 'up')
    run.child.kill('SIGTERM')
    expect((await run.ended).code).toBe(143)
    expect(linesOf(join(cwd, 'heard'))).toEqual(['TERM'])
    expect(eventsOf(cwd).at(-1)).toEqual({ type: 'end', code: 143, signal: null, requested: true, crash: false })
  })

  it('forwards HUP, USR1 and USR2, and goes on', async () => {
    const cwd = setUp({
      'gateway.mjs': gateway(
        `for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.on(name, () => appendFileSync('heard', name + '\\n'))\nappendFileSync('up', 'x\\n')\n${STAY}`,
      ),
    })
    const run = guarded(cwd, ['--no-checks', '--', NODE, 'gateway.mjs'])
    await until(() => linesOf(join(cwd, 'up')).length > 0, 'up')
    const heard = () => linesOf(join(cwd, 'heard'))
    for (const [at, name] of (['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const).entries()) {
      run.child.kill(name)
      await until(() => heard().length === at + 1, name)
    }
    expect(heard()).toEqual(['SIGHUP', 'SIGUSR1', 'SIGUSR2'])
    run.child.kill('SIGINT')
    expect((await run.ended).signal).toBe('SIGINT')
    expect(eventsOf(cwd).at(-1)).toMatchObject({ requested: true, crash: false })
  })

  it('forwards QUIT and kills nothing: a gateway may dump its threads by it', async () => {
    const dumps = `process.on('SIGQUIT', () => appendFileSync('heard', 'SIGQUIT\\n'))\nappendFileSync('up', 'x\\n')\n${STAY}`
    const cwd = setUp({ 'gateway.mjs': gateway(dumps) })
    const run = guarded(cwd, ['--no-checks', '--kill-after', '100ms', '--', NODE, 'gateway.mjs'])
    await until(() => linesOf(join(cwd, 'up')).length > 0, 'up')
    const pid = await gatewayPid(cwd)
    for (let turn = 1; turn <= 3; turn++) {
      run.child.kill('SIGQUIT')
      await until(() => linesOf(join(cwd, 'heard')).length === turn, 'heard')
    }
    expect(alive(pid)).toBe(true)
  })

  it('counts an end by USR1 as a crash: nobody asked it to end', async () => {
    const cwd = setUp({ 'gateway.sh': '#!/bin/sh\necho $$ >> starts\nexec sleep 60\n' })
    const run = guarded(cwd, ['--no-checks', '--', '/bin/sh', 'gateway.sh'])
    await gatewayPid(cwd)
    await until(() => types(cwd).includes('spawned'), 'spawned')
    run.child.kill('SIGUSR1')
    expect((await run.ended).signal).toBe('SIGUSR1')
    expect(eventsOf(cwd).at(-1)).toMatchObject({ type: 'end', requested: false, crash: true })
  })

  it('says that a gateway which goes into the background is none', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway('process.exit(0)') })
    const { text } = await guarded(cwd, ['--no-checks', '--', NODE, 'gateway.mjs']).ended
    expect(text).toContain('counted as a crash; nobody had asked for it, and a gateway has to stay in the foreground')
  })

  it('kills one that ignores TERM, and its grandchild, after --kill-after', async () => {
    const cwd = setUp({
      'gateway.mjs': gateway(`
import { spawn } from 'node:child_process'
process.on('SIGTERM', () => {})
const inner = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); require('fs').appendFileSync('inner', process.pid + '\\\\n'); setInterval(() => {}, 1000)"], { stdio: 'ignore' })
${STAY}`),
    })
    const run = guarded(cwd, ['--no-checks', '--kill-after', '300ms', '--', NODE, 'gateway.mjs'])
    const inner = await until(() => Number(linesOf(join(cwd, 'inner'))[0]) || false, 'the grandchild')
    run.child.kill('SIGTERM')
    expect((await run.ended).signal).toBe('SIGKILL')
    expect(alive(inner)).toBe(false)
    expect(eventsOf(cwd).at(-1)).toMatchObject({ signal: 'SIGKILL', requested: true, crash: false })
  })

  it('ends what a crashed gateway left behind', async () => {
    const cwd = setUp({
      'gateway.mjs': gateway(`
import { spawn } from 'node:child_process'
spawn(process.execPath, ['-e', "require('fs').appendFileSync('inner', process.pid + '\\\\n'); setInterval(() => {}, 1000)"], { stdio: 'ignore' })
setInterval(() => existsSync('inner') && process.exit(3), 10)`),
    })
    expect((await guarded(cwd, ['--no-checks', '--', NODE, 'gateway.mjs']).ended).code).toBe(3)
    expect(alive(Number(linesOf(join(cwd, 'inner'))[0]))).toBe(false)
  })

  it('ends by TERM while it waits, and starts nothing', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {steps: [{after: 1, wait: 1h}]}}\n'),
      'gateway.mjs': gateway('process.exit(1)'),
    })
    await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    const run = guarded(cwd, ['--', NODE, 'gateway.mjs'])
    await run.says(/waits until/)
    run.child.kill('SIGTERM')
    expect((await run.ended).signal).toBe('SIGTERM')
    expect(starts(cwd)).toBe(1)
  })
})

/** Runs a command line at a terminal of its own, types into it, and tells what was printed. */
const atTerminal = (cwd: string, words: readonly string[], typing: string): Promise<string> => {
  const script = `
import os, pty, sys, time, select
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
typed = False
while True:
    ready, _, _ = select.select([fd], [], [], 20)
    if not ready: break
    try: piece = os.read(fd, 4096)
    except OSError: break
    if not piece: break
    seen += piece
    if not typed and b'gateway-is-up' in seen:
        typed = True
        os.write(fd, ${JSON.stringify(typing)}.encode())
_, status = os.waitpid(pid, 0)
print(seen.decode('utf8', 'replace'))
print('STATUS', status & 127, status >> 8)
`
  const python = spawn('python3', ['-c', script, NODE, BIN, 'guard', ...words], {
    cwd,
    env: cleanEnv(cwd, { TERM: 'xterm' }),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  python.stdout.setEncoding('utf8').on('data', piece => {
    text += piece
  })
  return new Promise(resolve => python.on('close', () => resolve(text)))
}

describe('at a terminal', () => {
  const heard = `process.on('SIGINT', () => { appendFileSync('heard', 'INT\\n'); setTimeout(() => process.exit(130), 500) })`

  it('delivers Ctrl-C once', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway(`${heard}\nconsole.log('gateway-is-up')\n${STAY}`) })
    const text = await atTerminal(cwd, ['--no-checks', '--', NODE, 'gateway.mjs'], '\u0003')
    expect(linesOf(join(cwd, 'heard')), text).toEqual(['INT'])
    expect(text).toContain('STATUS 0 130')
    expect(eventsOf(cwd).at(-1)).toEqual({ type: 'end', code: 130, signal: null, requested: true, crash: false })
  })

  it('leaves the gateway its terminal', async () => {
    const cwd = setUp({
      'gateway.mjs': gateway(
        `import { openSync } from 'node:fs'\nimport { isatty } from 'node:tty'\nopenSync('/dev/tty', 'r+')\nconsole.log(['tty', isatty(0), isatty(1)].join(' '))\nconsole.log('gateway-is-up')\nprocess.exit(0)`,
      ),
    })
    const text = await atTerminal(cwd, ['--no-checks', '--', NODE, 'gateway.mjs'], '')
    expect(text).toContain('tty true true')
    expect(text).toContain('STATUS 0 0')
  })
})

describe('a guard that is gone', () => {
  it('is no reason for a second gateway: 75 while the first lives, a crash once it does not', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway(STAY) })
    const first = guarded(cwd, ['--', NODE, 'gateway.mjs'])
    await until(() => types(cwd).includes('spawned'), 'spawned')
    const pid = await gatewayPid(cwd)
    onTestFinished(() => {
      if (alive(pid)) process.kill(pid, 'SIGKILL')
    })
    const beside = await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    expect(beside.code).toBe(75)
    expect(beside.text).toContain(`already running, pid ${pid}`)
    first.child.kill('SIGKILL')
    await first.gone
    const orphaned = await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    expect(orphaned.code).toBe(75)
    expect(orphaned.text).toContain(`already running, pid ${pid}`)
    expect(starts(cwd)).toBe(1)
    process.kill(pid, 'SIGKILL')
    await until(() => !alive(pid), 'the gateway is gone')
    const next = guarded(cwd, ['--', NODE, 'gateway.mjs'])
    await next.says(/ended without a word: counted as a crash/)
    await until(() => starts(cwd) === 2, 'a second start')
    expect(types(cwd).filter(type => type === 'unclean')).toHaveLength(1)
  })

  it('counts no crash when its host was restarted', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway('process.exit(0)') })
    const { localStore } = await import('../../core/local-store.ts')
    const before = localStore({
      dir: join(cwd, '.state', 'bootcheck'),
      now: () => Date.now() - 60_000,
      boot: 'another boot',
    })
    before.append('gateway', { type: 'start', fingerprint: 'x', command: 'node' })
    const { text } = await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    expect(text).toContain("ended with its host's boot: no crash")
    expect(types(cwd)).toContain('rebooted')
    expect(types(cwd)).not.toContain('unclean')
  })

  it('lets one of two start it whose waits end at once', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {steps: [{after: 1, wait: 3s}]}}\n'),
      'gateway.mjs': gateway(`if (!existsSync('mended')) process.exit(1)\n${STAY}`),
    })
    await guarded(cwd, ['--no-wait', '--', NODE, 'gateway.mjs']).ended
    writeFileSync(join(cwd, 'mended'), '')
    const both = [guarded(cwd, ['--', NODE, 'gateway.mjs']), guarded(cwd, ['--', NODE, 'gateway.mjs'])]
    // Both have looked for an earlier start by now: only their order on record tells them apart.
    for (const run of both) await run.says(/waits until/)
    const first = await Promise.race(both.map(async (run, at) => ({ ...(await run.ended), at })))
    expect(first.code, first.text).toBe(75)
    await until(() => starts(cwd) === 2, 'one start')
    const other = both[1 - first.at]
    other?.child.kill('SIGTERM')
    expect((await other?.ended)?.signal).toBe('SIGTERM')
    expect(starts(cwd)).toBe(2)
  })
})

describe('a guard that is killed while its gateway ends', () => {
  it('counts no crash: the end was asked for', async () => {
    const cwd = setUp({
      'gateway.mjs': gateway(`process.on('SIGTERM', () => {})\nappendFileSync('up', 'x\\n')\n${STAY}`),
    })
    const run = guarded(cwd, ['--no-checks', '--kill-after', '1h', '--', NODE, 'gateway.mjs'])
    await until(() => linesOf(join(cwd, 'up')).length > 0, 'up')
    const pid = await gatewayPid(cwd)
    run.child.kill('SIGTERM')
    await until(() => types(cwd).includes('stopping'), 'stopping on record')
    run.child.kill('SIGKILL')
    await run.gone
    process.kill(pid, 'SIGKILL')
    await until(() => !alive(pid), 'the gateway has ended')
    const { text } = await guarded(cwd, ['--no-checks', '--', '/bin/true']).ended
    expect(text).toMatch(/was asked to end, and did so unseen: no crash/)
    expect(types(cwd)).not.toContain('unclean')
  })
})

describe('--hold', () => {
  it('holds a refusal too, and a reset starts the gateway', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {steps: [], refuse: 1}}\n'),
      'gateway.mjs': gateway(`if (!existsSync('mended')) process.exit(1)\n${STAY}`),
    })
    expect((await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended).code).toBe(1)
    const run = guarded(cwd, ['--hold', '--', NODE, 'gateway.mjs'])
    await run.says(/gateway is refused: /)
    await run.says(/is held until that is mended/)
    writeFileSync(join(cwd, 'mended'), '')
    const from = performance.now()
    expect((await bootcheck(['state', 'reset', 'gateway'], { cwd })).code).toBe(0)
    await until(() => starts(cwd) === 2, 'started')
    expect(performance.now() - from).toBeLessThan(10_000)
    expect(run.text().split('is refused').length).toBe(2)
  })

  it('holds where the system cannot start it, and starts it once it can', async () => {
    const cwd = setUp({})
    writeFileSync(join(cwd, 'gateway'), `#!${cwd}/node\n${gateway(STAY)}`, { mode: 0o755 })
    const run = guarded(cwd, ['--hold', '--no-checks', '--', './gateway'])
    await run.says(/is held until that is mended/)
    symlinkSync(process.execPath, join(cwd, 'node'))
    await until(
      () => starts(cwd) === 1,
      () => run.text(),
    )
  })

  it('starts the gateway soon after the mending, without anybody else', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('', 'check: cron\nid: jobs\nformat: json\nfiles: [jobs.json]'),
      'jobs.json': '{"version":1,"jobs":[',
      'gateway.mjs': gateway(STAY),
    })
    const run = guarded(cwd, ['--hold', '--', NODE, 'gateway.mjs'])
    await run.says(/is held until that is mended/)
    const from = performance.now()
    writeFileSync(join(cwd, 'jobs.json'), '{"version":1,"jobs":[]}')
    await until(
      () => starts(cwd) === 1,
      () => run.text(),
    )
    expect(performance.now() - from).toBeLessThan(10_000)
    expect(run.child.exitCode).toBeNull()
  })

  it('holds on to a wrong manifest and a missing command too, says each once, and ends by TERM', async () => {
    const cwd = setUp({ 'BOOT.md': 'nothing of ours', 'gateway.mjs': gateway(STAY) })
    const run = guarded(cwd, ['--hold', '--', './gateway.sh'])
    await run.says(/E102/)
    writeFileSync(join(cwd, 'BOOT.md'), bootMd())
    await run.says(/\.\/gateway\.sh does not exist/)
    expect(run.text().match(/E102/g)).toHaveLength(1)
    writeFileSync(join(cwd, 'gateway.sh'), `#!/bin/sh\nexec ${NODE} gateway.mjs\n`, { mode: 0o755 })
    await until(
      () => starts(cwd) === 1,
      () => run.text(),
    )
    run.child.kill('SIGTERM')
    expect((await run.ended).signal).toBe('SIGTERM')
  })
})

describe('ready and verified', () => {
  const afterCheck = 'check: workspace\nid: home\npath: work'
  const late = (file: string): string => bootMd('', afterCheck, `check: workspace\nid: up\nphase: after\npath: ${file}`)

  it('asks again until the after checks pass', async () => {
    const cwd = setUp({ 'BOOT.md': late('up'), 'gateway.mjs': gateway(STAY) })
    const run = guarded(cwd, ['--healthy-after', '200ms', '--', NODE, 'gateway.mjs'])
    await run.says(/gateway is not ready yet: up \(workspace\//)
    expect(types(cwd)).not.toContain('ready')
    mkdirSync(join(cwd, 'up'))
    await run.says(/gateway is ready after/)
    await run.says(/is verified: it has lived 200 ms, and its after checks pass again/)
    await until(() => types(cwd).includes('verified'), 'verified')
    expect(types(cwd).filter(type => ['start', 'spawned', 'ready', 'verified'].includes(type))).toEqual([
      'start',
      'spawned',
      'ready',
      'verified',
    ])
  })

  it('runs on unverified when it is not ready in time, and people are told once', async () => {
    const cwd = setUp({ 'BOOT.md': late('up'), 'gateway.mjs': gateway(STAY) })
    const run = guarded(cwd, ['--ready-timeout', '300ms', '--notify', 'cat >> told', '--', NODE, 'gateway.mjs'])
    await run.says(/is not ready after 300 ms: up .* it runs on, unverified/)
    await until(() => linesOf(join(cwd, 'told')).length > 0, 'told')
    expect(alive(await gatewayPid(cwd))).toBe(true)
    expect(types(cwd)).not.toContain('verified')
  })

  it('is not verified when its after checks fail in the end', async () => {
    const cwd = setUp({ 'BOOT.md': late('work'), 'gateway.mjs': gateway(STAY) })
    const run = guarded(cwd, ['--healthy-after', '1s', '--', NODE, 'gateway.mjs'])
    await run.says(/gateway is ready/)
    rmSync(join(cwd, 'work'), { recursive: true })
    await run.says(/has lived 1 s, but is not verified: up/)
    expect(types(cwd)).not.toContain('verified')
    mkdirSync(join(cwd, 'work'))
    await run.says(/is verified/)
  })

  it('is asked again every so often, and each change is told, kept, and shown', async () => {
    const again = bootMd(
      '',
      afterCheck,
      'check: workspace\nid: up\nphase: after\nevery: 1s\npath: up',
      'check: workspace\nid: once\nphase: after\npath: once',
    )
    const cwd = setUp({ 'BOOT.md': again, 'gateway.mjs': gateway(STAY), 'up/': '', 'once/': '' })
    const words = ['--healthy-after', '200ms', '--notify', 'cat >> told', '--', NODE, 'gateway.mjs']
    const run = guarded(cwd, words)
    await run.says(/is verified/)
    // What has no `every` is not asked any more.
    for (const name of ['up', 'once']) rmSync(join(cwd, name), { recursive: true })
    await run.says(/gateway runs, but its check up fails \(workspace\/missing\)/)
    await until(() => types(cwd).includes('checked'), 'kept')
    expect((await bootcheck(['state', 'gateway'], { cwd })).stdout).toMatch(
      /failing[\s\S]*its after checks fail: up \(workspace\/missing\)/,
    )
    mkdirSync(join(cwd, 'up'))
    await run.says(/gateway is well again: its check up passes/)
    await until(() => linesOf(join(cwd, 'told')).length === 2, 'told')
    expect(linesOf(join(cwd, 'told'))).toEqual([
      expect.stringMatching(/: runs, but its check up fails/),
      expect.stringMatching(/: is well again: its check up passes/),
    ])
    expect(eventsOf(cwd).filter(({ type }) => type === 'checked')).toEqual([
      { type: 'checked', check: 'up', effect: 'failure', what: 'workspace/missing' },
      { type: 'checked', check: 'up', effect: 'none', what: '' },
    ])
    expect((await bootcheck(['state', 'gateway'], { cwd })).stdout).toContain('verified since')
    expect(alive(await gatewayPid(cwd))).toBe(true)
  })

  it('tells systemd once it is ready', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway(STAY), 'bin/': '' })
    writeFileSync(join(cwd, 'bin/systemd-notify'), `#!/bin/sh\necho "$@ $NOTIFY_SOCKET" >> ${cwd}/notified\n`, {
      mode: 0o755,
    })
    const run = guarded(cwd, ['--supervisor', 'systemd', '--no-checks', '--', NODE, 'gateway.mjs'], {
      env: { PATH: `${cwd}/bin:${process.env.PATH}`, NOTIFY_SOCKET: '/run/x' },
    })
    await until(
      () => linesOf(join(cwd, 'notified')).length > 0,
      () => run.text(),
    )
    expect(linesOf(join(cwd, 'notified'))).toEqual(['--ready /run/x'])
  })
})

describe('the environment of the gateway', () => {
  /** Without what it is given by us: the mark by which its daemons are found. */
  const environmentIn = (cwd: string): string[] => {
    const lines = linesOf(join(cwd, 'env.txt'))
    expect(lines[0]).toMatch(/^BOOTCHECK_FAMILY=/)
    return lines.slice(1)
  }

  it('is as it was, but for a mark: what was moved aside is put back', async () => {
    const cwd = setUp({ 'gateway.sh': `#!/bin/sh\nenv | grep -E 'NODE_|BOOTCHECK' | sort > env.txt\n` })
    chmodSync(join(cwd, 'gateway.sh'), 0o755)
    const run = async (env: Record<string, string>): Promise<string[]> => {
      storeOf(cwd).append('gateway', { type: 'reset' })
      await guarded(cwd, ['--', './gateway.sh'], { env }).ended
      return environmentIn(cwd)
    }
    expect(await run({ BOOTCHECK_NODE_OPTIONS: '--bogus', BOOTCHECK_NODE_EXTRA_CA_CERTS: '/x.pem' })).toEqual([
      'NODE_EXTRA_CA_CERTS=/x.pem',
      'NODE_OPTIONS=--bogus',
    ])
    expect(await run({ NODE_OPTIONS: '--no-warnings' })).toEqual(['NODE_OPTIONS=--no-warnings'])
    expect(await run({})).toEqual([])
  })

  it('reaches it through the documented line, with a bad NODE_OPTIONS, an empty HOME and a bare PATH', async () => {
    const cwd = setUp({ 'gateway.sh': `#!/bin/sh\nenv | grep -E 'NODE_|BOOTCHECK' | sort > env.txt\n` })
    chmodSync(join(cwd, 'gateway.sh'), 0o755)
    const line = `[ -z "\${NODE_OPTIONS+set}" ] || export BOOTCHECK_NODE_OPTIONS="$NODE_OPTIONS"; unset NODE_OPTIONS; exec ${NODE} ${BIN} guard -- ${cwd}/gateway.sh`
    const child = spawn('/bin/sh', ['-c', line], {
      cwd,
      env: {
        PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
        HOME: '',
        NODE_OPTIONS: '--bogus',
        XDG_STATE_HOME: join(cwd, '.state'),
      },
      stdio: 'ignore',
    })
    expect(await new Promise(resolve => child.on('exit', resolve))).toBe(0)
    expect(environmentIn(cwd)).toEqual(['NODE_OPTIONS=--bogus'])
  })
})

describe('faults of the guard itself', () => {
  const lockedOut = (): string => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {steps: [{after: 2, wait: 300ms}]}}\n'),
      'gateway.mjs': gateway('process.exit(0)'),
      '.state/bootcheck': 'no folder',
    })
    give(cwd)
    return cwd
  }

  it('starts the gateway all the same, late and loudly, where the memory cannot be used', async () => {
    const cwd = lockedOut()
    const { code, text } = await guarded(cwd, ['--', NODE, 'gateway.mjs'], { through: UNPRIVILEGED }).ended
    expect(code, text).toBe(0)
    expect(text).toMatch(/the memory of gateway cannot be used: .* is not a folder/)
    expect(text).toMatch(/started in 300 ms: how often it crashed cannot be known/)
    expect(starts(cwd)).toBe(1)
  })

  it('does not with --fail-closed: 3', async () => {
    const cwd = lockedOut()
    const { code, text } = await guarded(cwd, ['--fail-closed', '--', NODE, 'gateway.mjs'], { through: UNPRIVILEGED })
      .ended
    expect(code, text).toBe(3)
    expect(starts(cwd)).toBe(0)
  })

  it('keeps the gate closed though its memory cannot be used', async () => {
    const cwd = lockedOut()
    writeFileSync(join(cwd, 'BOOT.md'), bootMd('', 'check: workspace\nid: home\npath: gone'))
    const { code } = await guarded(cwd, ['--no-wait', '--', NODE, 'gateway.mjs'], { through: UNPRIVILEGED }).ended
    expect([75, 78]).toContain(code)
    writeFileSync(
      join(cwd, 'BOOT.md'),
      bootMd('guard: {crash-loop: {steps: [{after: 2, wait: 100ms}]}}\n', 'check: workspace\nid: home\npath: gone'),
    )
    expect((await guarded(cwd, ['--', NODE, 'gateway.mjs'], { through: UNPRIVILEGED }).ended).code).toBe(78)
    expect(starts(cwd)).toBe(0)
  })
})

describe('--notify', () => {
  it('says at once where nobody would be told', async () => {
    const cwd = setUp({ 'gateway.mjs': gateway('process.exit(0)') })
    const { code, text } = await guarded(cwd, ['--notify', 'poeple', '--', NODE, 'gateway.mjs']).ended
    expect(code).toBe(0)
    expect(text).toContain('--notify poeple is neither a check of the manifest nor a command: nobody would be told')
  })

  it('tells that it runs well again', async () => {
    const cwd = setUp({ 'BOOT.md': bootMd('', 'check: workspace\nid: home\npath: gone'), 'gateway.mjs': gateway(STAY) })
    const words = ['--healthy-after', '200ms', '--notify', 'cat >> told', '--', NODE, 'gateway.mjs']
    await guarded(cwd, words).ended
    mkdirSync(join(cwd, 'gone'))
    const run = guarded(cwd, words)
    await until(
      () => linesOf(join(cwd, 'told')).length === 2,
      () => run.text(),
    )
    expect(linesOf(join(cwd, 'told'))[1]).toMatch(/runs well again/)
  })

  it('keeps what could not be told, and tells it at the next chance', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('', 'check: workspace\nid: home\npath: gone'),
      'gateway.mjs': gateway('process.exit(0)'),
    })
    const first = await guarded(cwd, ['--notify', 'exit 7', '--', NODE, 'gateway.mjs']).ended
    expect(first.code).toBe(78)
    expect(first.text).toMatch(/nobody could be told: .*exit 7/)
    mkdirSync(join(cwd, 'gone'))
    await guarded(cwd, ['--notify', 'cat >> told; echo "$BOOTCHECK_MESSAGE" >> told', '--', NODE, 'gateway.mjs']).ended
    const told = linesOf(join(cwd, 'told'))
    expect(told).toHaveLength(2)
    for (const line of told) expect(line).toMatch(/^gateway on \S+: not started, the gate is closed: home/)
  })

  it('never holds up the start', async () => {
    const cwd = setUp({
      'BOOT.md': bootMd('guard: {crash-loop: {steps: [{after: 1, wait: 3s}]}}\n'),
      'gateway.mjs': gateway('process.exit(4)'),
    })
    await guarded(cwd, ['--', NODE, 'gateway.mjs']).ended
    const run = guarded(cwd, ['--notify', 'touch began; sleep 15', '--', NODE, 'gateway.mjs'])
    await until(() => existsSync(join(cwd, 'began')), 'the notification began')
    await until(() => starts(cwd) === 2, 'started meanwhile', 8000)
    run.child.kill('SIGKILL')
  })

  /** A service that takes what is posted to it, or refuses the credential, as the test says at that moment. */
  const inbox = async (): Promise<{ readonly check: string; readonly bodies: string[]; status: number }> => {
    const { createServer: http } = await import('node:http')
    const self = { check: '', bodies: [] as string[], status: 200 }
    const server = http((request, response) => {
      let body = ''
      request.on('data', piece => {
        body += piece
      })
      request.on('end', () => {
        self.bodies.push(body)
        response.writeHead(self.status).end('{"ok":true}')
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    self.check = `check: message\nid: people\nphase: after\nchannel: webhook\nurl: http://127.0.0.1:${port}/hook\nrequest: {body: {text: "\${env:BOOTCHECK_MESSAGE:-boot}"}}\nexpect: {status: 200, json: {/ok: true}}`
    return self
  }
  const notice = JSON.stringify({
    text: `gateway on ${hostname()}: not started, the gate is closed: home (workspace/missing)`,
  })

  it('goes through a check of kind message', async () => {
    const { check, bodies } = await inbox()
    const cwd = setUp({
      'BOOT.md': bootMd('', 'check: workspace\nid: home\npath: gone', check),
      'gateway.mjs': gateway(''),
    })
    const { code, text } = await guarded(cwd, ['--notify', 'people', '--', NODE, 'gateway.mjs']).ended
    expect(code, text).toBe(78)
    expect(bodies, text).toEqual([notice])
  })

  it('says what keeps a channel silent, and the command that it names lets the text out', async () => {
    const service = await inbox()
    const cwd = setUp({
      'BOOT.md': bootMd('', 'check: workspace\nid: home\npath: gone', service.check),
      'gateway.mjs': gateway(''),
    })
    const start = async (): Promise<string> =>
      (await guarded(cwd, ['--notify', 'people', '--', NODE, 'gateway.mjs']).ended).text
    service.status = 401
    expect(await start()).toMatch(/nobody could be told: .*people \(message\/unauthorized\)/)
    service.status = 200
    // The service would take it again, but nobody may ask it with a credential that it has refused.
    const said = await start()
    expect(service.bodies).toHaveLength(1)
    expect(said).toMatch(/not asked again until the credential changes/)
    const reset = /bootcheck (state reset .*)$/m.exec(said)?.[1]
    expect(reset, said).toBeDefined()
    const words = (reset ?? '').split(' ').map(word => word.replace(/^'(.*)'$/, '$1'))
    expect((await bootcheck(['state'], { cwd })).stdout).toContain(words.at(-1))
    expect(await bootcheck(words, { cwd })).toMatchObject({ code: 0 })
    await start()
    expect(service.bodies).toHaveLength(2)
    expect(JSON.parse(service.bodies[1] ?? '').text).toContain('not started, the gate is closed')
  })

  it('is not held up by what the gate sent to the same people a moment ago', async () => {
    const service = await inbox()
    const gate = service.check.replace('phase: after\n', '')
    const cwd = setUp({
      'BOOT.md': bootMd('', gate, 'check: workspace\nid: home\npath: gone'),
      'gateway.mjs': gateway(''),
    })
    const { text } = await guarded(cwd, ['--notify', 'people', '--', NODE, 'gateway.mjs']).ended
    expect(service.bodies, text).toEqual([JSON.stringify({ text: 'boot' }), notice])
  })
})
