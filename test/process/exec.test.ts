/** `bootcheck exec` as its users run it: real children, real signals, real deaths. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { localStore } from '../../core/local-store.ts'
import { alive } from '../../core/process.ts'
import { BIN, type BinOptions, bootcheck, cleanEnv, lay } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { program, start } from '../support/programs.ts'

/** What a start of the program and its end may take on a busy machine. */
const SLACK_MS = 2500

const exec = (args: readonly string[], options: BinOptions) => bootcheck(['exec', ...args], options)

/** Waits for a file, and for something in it. */
const fileOf = (path: string): Promise<string> =>
  vi.waitUntil(() => existsSync(path) && readFileSync(path, 'utf8').trim(), { timeout: 10_000, interval: 5 })

const gone = (pid: number) => vi.waitUntil(() => !alive(pid), { timeout: 10_000, interval: 10 })

/** What the guards were told of a target, in order; `once` of a key stands under `once:KEY`. */
const events = (cwd: string, target: string): readonly string[] =>
  localStore({ dir: join(cwd, '.state', 'bootcheck'), now: Date.now })
    .read(target)
    .records.map(({ event }) => event.type)

interface Live {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly pid: number
  /** Resolves when this stands in what was printed so far. */
  says(text: string | RegExp): Promise<string>
  readonly ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>
}

/** A call that lives while the test does something to it. */
const live = (program: string, words: readonly string[], cwd: string): Live => {
  const child = spawn(program, words, { cwd, env: cleanEnv(cwd), stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => {})
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return {
    child,
    pid: child.pid ?? -1,
    says: async text => {
      await vi.waitUntil(() => (stdout + stderr).search(text) >= 0, { timeout: 15_000, interval: 5 })
      return stdout + stderr
    },
    ended: new Promise(resolve => child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))),
  }
}

const liveExec = (args: readonly string[], cwd: string): Live => live(process.execPath, [BIN, 'exec', ...args], cwd)

describe('the end of the command is ours', () => {
  it.each([0, 1, 7, 75, 124, 255])('exit %d', async code => {
    expect(await exec(['--', 'sh', '-c', `exit ${code}`], { cwd: scratch() })).toMatchObject({ code, stderr: '' })
  })

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGABRT'] as const)('%s', async signal => {
    const ended = await exec(['--', 'sh', '-c', `kill -${signal.slice(3)} $$`], { cwd: scratch() })
    expect(ended).toMatchObject({ code: null, signal, stderr: '' })
  })

  it('and so are its words, its folder, its environment and its streams', async () => {
    const cwd = scratch()
    const call = liveExec(
      [
        '--',
        'node',
        '-e',
        'process.stdin.pipe(process.stdout); console.error(process.argv.slice(1), process.cwd(), process.env.NODE_OPTIONS, process.argv0)',
        '--',
        '--deadline',
        'a b',
        '',
        '--',
      ],
      cwd,
    )
    call.child.stdin.end('through and through')
    const { code, stdout, stderr } = await call.ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'through and through' })
    expect(stderr).toContain("[ '--deadline', 'a b', '', '--' ]")
    expect(stderr).toContain(`${cwd} undefined node`)
  })

  it('bytes come through unchanged, a megabyte of them', async () => {
    const cwd = scratch()
    const bytes = Buffer.from(Array.from({ length: 1024 * 1024 }, (_, at) => (at * 31 + (at >> 8)) % 256))
    writeFileSync(join(cwd, 'bytes'), bytes)
    for (const [name, more] of [
      ['plain', []],
      ['kept', ['--keep', 'result']],
      ['beating', ['--beat', 'w']],
    ] as const) {
      const out = join(cwd, `out-${name}`)
      const child = spawn(
        'sh',
        ['-c', 'exec "$@" > "$OUT"', 'sh', process.execPath, BIN, 'exec', ...more, '--', 'cat', 'bytes'],
        {
          cwd,
          env: { ...cleanEnv(cwd), OUT: out },
          stdio: 'ignore',
        },
      )
      await new Promise(resolve => child.on('exit', resolve))
      expect(readFileSync(out).equals(bytes), name).toBe(true)
    }
    expect(readFileSync(join(cwd, 'result')).equals(bytes)).toBe(true)
  })
})

describe('signals', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    '%s is passed on',
    async signal => {
      const name = signal.slice(3)
      const call = liveExec(
        ['--', 'sh', '-c', `trap 'echo got ${name}; exit 9' ${name}; echo ready; while :; do sleep 0.05; done`],
        scratch(),
      )
      await call.says('ready')
      call.child.kill(signal)
      expect(await call.ended).toMatchObject({ code: 9, stdout: `ready\ngot ${name}\n` })
    },
  )

  it('a command that dies of it takes us along', async () => {
    const call = liveExec(['--', 'sh', '-c', 'echo ready; exec sleep 600'], scratch())
    await call.says('ready')
    call.child.kill('SIGTERM')
    expect(await call.ended).toMatchObject({ code: null, signal: 'SIGTERM' })
  })

  it('one that was stopped hears it', async () => {
    const call = liveExec(['--', 'sh', '-c', 'echo $$; kill -STOP $$; echo never'], scratch())
    const pid = (await call.says(/^\d+\n/)).trim()
    await vi.waitUntil(() => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')), { timeout: 10_000, interval: 5 })
    call.child.kill('SIGTERM')
    expect(await call.ended).toMatchObject({ signal: 'SIGTERM', stdout: `${pid}\n` })
  })

  it('what it started gets the signal, too', async () => {
    const cwd = scratch()
    const call = liveExec(['--', 'sh', '-c', 'sleep 600 & echo $! > pid; wait'], cwd)
    const pid = Number(await fileOf(join(cwd, 'pid')))
    call.child.kill('SIGTERM')
    expect(await call.ended).toMatchObject({ signal: 'SIGTERM' })
    await gone(pid)
  })

  it('a command that goes on after one is not ended by us', async () => {
    const call = liveExec(['--', 'sh', '-c', "trap 'echo no' TERM; echo ready; read line; echo $line"], scratch())
    await call.says('ready')
    call.child.kill('SIGTERM')
    await call.says('no')
    call.child.stdin.write('yes\n')
    expect((await call.ended).stdout).toContain('ready\nno\n')
  })

  it("Ctrl-C at a terminal arrives once, and the terminal is the command's", async () => {
    const cwd = scratch()
    lay(cwd, {
      'child.sh': `n=0
trap 'n=$((n+1)); echo "interrupt $n"' INT
stty -echo < /dev/tty && echo has the terminal
while [ ! -e stop ]; do sleep 0.05; done
echo "total $n"
exit 4
`,
    })
    const call = live(
      'script',
      ['-qec', `exec ${process.execPath} ${BIN} exec --key k -- sh child.sh`, '/dev/null'],
      cwd,
    )
    await call.says('has the terminal')
    call.child.stdin.write('\x03')
    await call.says('interrupt 1')
    writeFileSync(join(cwd, 'stop'), '')
    const { code, stdout } = await call.ended
    expect(stdout).toContain('total 1')
    expect(code).toBe(4)
    // Called off: that says nothing of the work.
    expect(events(cwd, 'k')).toEqual(['ask'])
  })

  it('Ctrl-C at a terminal ends both where the command has nothing to say to it', async () => {
    const cwd = scratch()
    const call = live(
      'script',
      ['-qec', `exec ${process.execPath} ${BIN} exec -- sh -c 'echo ready; exec sleep 600'`, '/dev/null'],
      cwd,
    )
    await call.says('ready')
    call.child.stdin.write('\x03')
    expect((await call.ended).code).toBe(130)
  })
})

describe('the deadline', () => {
  it('ends the command with 124', async () => {
    const ended = await exec(['--deadline', '300ms', '--', 'sh', '-c', 'echo begun; sleep 600'], { cwd: scratch() })
    expect(ended).toMatchObject({ code: 124, stdout: 'begun\n' })
    expect(ended.stderr).toContain('its deadline of 300 ms ran out')
    expect(ended.ms).toBeLessThan(300 + SLACK_MS)
  })

  it('lets a command that is in time alone, and what it leaves behind', async () => {
    const cwd = scratch()
    const ended = await exec(
      ['--deadline', '1m', '--', 'sh', '-c', 'sleep 600 > /dev/null 2>&1 & echo $! > pid; exit 3'],
      { cwd },
    )
    expect(ended).toMatchObject({ code: 3, stderr: '' })
    const pid = Number(readFileSync(join(cwd, 'pid'), 'utf8'))
    expect(alive(pid)).toBe(true)
    process.kill(pid, 'SIGKILL')
  })

  it('holds for a child and a grandchild that ignore TERM, the grandchild with our pipes in its hands', async () => {
    const cwd = scratch()
    const script = `trap '' TERM; echo $$ > child; sh -c 'trap "" TERM; echo $$ > grandchild; while :; do sleep 1; done' & while :; do sleep 1; done`
    const ended = await exec(['--deadline', '500ms', '--', 'sh', '-c', script], { cwd })
    expect(ended.code).toBe(124)
    expect(ended.ms).toBeGreaterThan(2400)
    expect(ended.ms).toBeLessThan(2500 + SLACK_MS)
    for (const name of ['child', 'grandchild']) expect(alive(Number(readFileSync(join(cwd, name), 'utf8')))).toBe(false)
  })

  it('holds for a grandchild that ignores TERM where the child itself obeys', async () => {
    const cwd = scratch()
    const script = `sh -c 'trap "" TERM; echo $$ > grandchild; while :; do sleep 1; done' & wait`
    const call = liveExec(['--deadline', '500ms', '--', 'sh', '-c', script], cwd)
    expect((await call.ended).code).toBe(124)
    expect(alive(Number(readFileSync(join(cwd, 'grandchild'), 'utf8')))).toBe(false)
  })

  it('holds for a command that is stuck in a read', async () => {
    const cwd = scratch()
    const ended = await exec(
      ['--deadline', '300ms', '--', 'sh', '-c', 'mkfifo pipe; exec node -e "fs.readFileSync(\'pipe\')"'],
      { cwd },
    )
    expect(ended).toMatchObject({ code: 124 })
  })

  it('holds for a command that has stopped itself', async () => {
    const ended = await exec(['--deadline', '300ms', '--', 'sh', '-c', 'kill -STOP $$; echo never'], { cwd: scratch() })
    expect(ended).toMatchObject({ code: 124, stdout: '' })
    expect(ended.ms).toBeLessThan(2300 + SLACK_MS)
  })

  it('holds at a terminal, where the command is in our own group', async () => {
    const cwd = scratch()
    const script = `trap "" TERM; echo $$ > child; sleep 600 & echo $! > grandchild; while :; do sleep 1; done`
    lay(cwd, { 'child.sh': script })
    const call = live(
      'script',
      ['-qec', `exec ${process.execPath} ${BIN} exec --deadline 300ms -- sh child.sh`, '/dev/null'],
      cwd,
    )
    expect((await call.ended).code).toBe(124)
    for (const name of ['child', 'grandchild']) expect(alive(Number(readFileSync(join(cwd, name), 'utf8')))).toBe(false)
  })

  it('holds where nobody reads the output', async () => {
    const call = liveExec(['--deadline', '500ms', '--keep', 'result', '--', 'sh', '-c', 'yes'], scratch())
    call.child.stdout.pause()
    const code = await new Promise(resolve => call.child.on('exit', resolve))
    expect(code).toBe(124)
  })

  it('holds for a daemon: in a session of its own, its parent gone', async () => {
    const cwd = scratch()
    const script = `setsid sh -c 'sleep 600 > /dev/null 2>&1 & echo $! > daemon.tmp; mv daemon.tmp daemon'; while [ ! -e daemon ]; do sleep 0.01; done; echo begun; sleep 600`
    const ended = await exec(['--deadline', '1s', '--', 'sh', '-c', script], { cwd })
    expect(ended).toMatchObject({ code: 124, stdout: 'begun\n' })
    expect(alive(Number(readFileSync(join(cwd, 'daemon'), 'utf8')))).toBe(false)
  })

  it('holds for the daemon of a command that we start within another', async () => {
    const cwd = scratch()
    const script = `setsid sh -c 'sleep 600 > /dev/null 2>&1 & echo $! > daemon.tmp; mv daemon.tmp daemon'; while [ ! -e daemon ]; do sleep 0.01; done; echo begun; sleep 600`
    const inner = [process.execPath, BIN, 'exec', '--', 'sh', '-c', script]
    const ended = await exec(['--deadline', '2s', '--', ...inner], { cwd })
    expect(ended).toMatchObject({ code: 124, stdout: 'begun\n' })
    expect(alive(Number(readFileSync(join(cwd, 'daemon'), 'utf8')))).toBe(false)
  })

  it('holds where the system shows no processes', async () => {
    const cwd = scratch()
    const script = `trap '' TERM; echo $$ > child; sh -c 'trap "" TERM; echo $$ > grandchild; while :; do sleep 1; done' & while :; do sleep 1; done`
    const ended = await exec(['--deadline', '500ms', '--', 'sh', '-c', script], {
      cwd,
      through: ['unshare', '-rm', 'sh', '-ec', 'mount -t tmpfs tmpfs /proc; exec "$@"', 'sh'],
    })
    expect(ended).toMatchObject({ code: 124, stderr: expect.stringContaining('its deadline of 500 ms ran out') })
    for (const name of ['child', 'grandchild']) await gone(Number(readFileSync(join(cwd, name), 'utf8')))
  })

  it('counts as a failure', async () => {
    const cwd = scratch()
    await exec(['--key', 'k', '--deadline', '200ms', '--', 'sleep', '600'], { cwd })
    expect(events(cwd, 'k')).toEqual(['ask', 'fail'])
  })
})

describe('once', () => {
  it('runs, and then says that it is done', async () => {
    const cwd = scratch()
    expect(await exec(['--once', 'item 1', '--', 'echo', 'work'], { cwd })).toMatchObject({ code: 0, stdout: 'work\n' })
    const again = await exec(['--once', 'item 1', '--', 'echo', 'work'], { cwd })
    expect(again).toMatchObject({ code: 0, stdout: '' })
    expect(again.stderr).toMatch(/already done: item 1, at \d\d:\d\d; bootcheck state reset .*'once:item 1' forgets it/)
    expect(await exec(['--once', 'item 2', '--', 'echo', 'other'], { cwd })).toMatchObject({ stdout: 'other\n' })
  })

  it('counts a failed run, too', async () => {
    const cwd = scratch()
    expect((await exec(['--once', 'k', '--', 'false'], { cwd })).code).toBe(1)
    expect((await exec(['--once', 'k', '--', 'false'], { cwd })).code).toBe(0)
  })

  it('is committed before the work: killed in the midst of it, it is not done again', async () => {
    const cwd = scratch()
    const call = liveExec(['--once', 'k', '--', 'sh', '-c', 'echo $$ > pid; echo ready; read line; touch done'], cwd)
    await call.says('ready')
    expect(events(cwd, 'once:k')).toEqual(['once'])
    call.child.kill('SIGKILL')
    process.kill(Number(readFileSync(join(cwd, 'pid'), 'utf8')), 'SIGKILL')
    await call.ended
    expect((await exec(['--once', 'k', '--', 'touch', 'done'], { cwd })).stderr).toContain('already done')
    expect(existsSync(join(cwd, 'done'))).toBe(false)
  })

  it('holds when we are killed as soon as the key stands on the disk', async () => {
    for (let round = 0; round < 5; round++) {
      const cwd = scratch()
      const call = liveExec(['--once', 'k', '--', 'sh', '-c', 'echo x >> runs'], cwd)
      const folder = join(cwd, '.state/bootcheck/targets/once%3ak')
      await vi.waitUntil(() => existsSync(folder) && readdirSync(folder).length > 0, { timeout: 10_000, interval: 1 })
      call.child.kill('SIGKILL')
      await call.ended
      const committed = events(cwd, 'once:k').length
      const next = await exec(['--once', 'k', '--', 'sh', '-c', 'echo x >> runs'], { cwd })
      expect(next.stderr.includes('already done')).toBe(committed === 1)
      const runs = existsSync(join(cwd, 'runs')) ? readFileSync(join(cwd, 'runs'), 'utf8').length / 2 : 0
      expect(runs).toBeLessThanOrEqual(1)
    }
  })

  it('lets one of 20 run that come at the same time', async () => {
    const cwd = scratch()
    const all = await Promise.all(
      Array.from({ length: 20 }, () => exec(['--once', 'k', '--', 'sh', '-c', 'echo x >> runs'], { cwd })),
    )
    expect(readFileSync(join(cwd, 'runs'), 'utf8')).toBe('x\n')
    expect(all.map(({ code }) => code)).toEqual(Array(20).fill(0))
    expect(all.filter(({ stderr }) => stderr.includes('already done'))).toHaveLength(19)
  })

  it('does not run what it cannot commit', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'file'), '')
    const ended = await exec(['--once', 'k', '--state-dir', 'file', '--keep', 'result', '--', 'touch', 'done'], { cwd })
    expect(ended).toMatchObject({ code: 75, stdout: '' })
    expect(ended.stderr).toMatch(/not run: the key k cannot be kept: .*file is not a folder/)
    expect(readdirSync(cwd).sort()).toEqual(['file'])
  })

  it('does not run where others may write what is remembered', async () => {
    const cwd = scratch()
    await exec(['--once', 'other', '--', 'true'], { cwd })
    chmodSync(join(cwd, '.state/bootcheck/targets'), 0o777)
    const ended = await exec(['--once', 'k', '--', 'touch', 'done'], { cwd })
    expect(ended.code).toBe(75)
    expect(ended.stderr).toContain('may be written by others')
    expect(existsSync(join(cwd, 'done'))).toBe(false)
  })

  it('does not run what it cannot commit for want of room', async () => {
    const cwd = scratch()
    const fill =
      'mkdir full; mount -t tmpfs -o size=64k tmpfs full; mkdir full/state; cat /dev/zero > full/fill 2>/dev/null || :; exec "$@"'
    const ended = await exec(['--once', 'k', '--state-dir', 'full/state', '--', 'touch', 'done'], {
      cwd,
      through: ['unshare', '-rm', 'sh', '-ec', fill, 'sh'],
    })
    expect(ended).toMatchObject({ code: 75, stderr: expect.stringContaining('the disk is full') })
    expect(existsSync(join(cwd, 'done'))).toBe(false)
  })
})

describe('what is asked first', () => {
  it('a refusal runs nothing and commits nothing', async () => {
    const cwd = scratch()
    const login = ['--key', 'login', '--limit', '2', '--per', '15m', '--cooldown', '30m']
    for (const name of ['1', '2']) expect((await exec([...login, '--once', name, '--', 'true'], { cwd })).code).toBe(0)
    const third = await exec([...login, '--once', '3', '--keep', 'result', '--', 'touch', 'done'], { cwd })
    expect(third).toMatchObject({ code: 75, stdout: '' })
    expect(third.stderr).toMatch(/login: not now, cooling off, 2 of 2 permits taken in 15 min/)
    const at = /retryAt (\S+)/.exec(third.stderr)?.[1] ?? ''
    expect(Date.parse(at) - Date.now()).toBeGreaterThan(25 * 60_000)
    expect(existsSync(join(cwd, 'done')) || existsSync(join(cwd, 'result'))).toBe(false)
    expect(events(cwd, 'once:3')).toEqual([])
    expect(events(cwd, 'login')).toEqual(['ask', 'ok', 'ask', 'ok'])
  })

  it('a budget is spent by failures and refuses for good', async () => {
    const cwd = scratch()
    for (let n = 0; n < 3; n++)
      expect((await exec(['--key', 'job', '--attempts', '3', '--', 'false'], { cwd })).code).toBe(1)
    const fourth = await exec(['--key', 'job', '--attempts', '3', '--', 'touch', 'done'], { cwd })
    expect(fourth.code).toBe(69)
    expect(fourth.stderr).toMatch(/refused.*bootcheck state reset .*job/)
    expect(existsSync(join(cwd, 'done'))).toBe(false)
  })

  it('with a key the outcome is told, and three failures in a row block', async () => {
    const cwd = scratch()
    for (const program of ['false', 'true', 'false', 'false']) await exec(['--key', 'model', '--', program], { cwd })
    await exec(['--key', 'model', '--', 'sh', '-c', 'kill -9 $$'], { cwd })
    expect(events(cwd, 'model')).toEqual(['ask', 'fail', 'ask', 'ok', 'ask', 'fail', 'ask', 'fail', 'ask', 'fail'])
    const next = await exec(['--key', 'model', '--', 'touch', 'done'], { cwd })
    expect(next.code).toBe(75)
    expect(next.stderr).toMatch(/model: not now.*\n.*retryAt/)
    expect(existsSync(join(cwd, 'done'))).toBe(false)
  })

  it('a stop by the caller is no failure', async () => {
    const cwd = scratch()
    const call = liveExec(['--key', 'k', '--', 'sh', '-c', 'echo ready; exec sleep 600'], cwd)
    await call.says('ready')
    call.child.kill('SIGTERM')
    await call.ended
    expect(events(cwd, 'k')).toEqual(['ask'])
  })

  it('a rate limit fails open, and says so; that the outcome is lost, too', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'file'), '')
    const ended = await exec(['--key', 'k', '--limit', '2', '--state-dir', 'file', '--', 'echo', 'work'], { cwd })
    expect(ended).toMatchObject({ code: 0, stdout: 'work\n' })
    expect(ended.stderr).toMatch(/what is remembered cannot be read/)
    expect(ended.stderr).toMatch(/the outcome \(ok\) of k could not be recorded/)
  })

  it('what was done already needs no permit', async () => {
    const cwd = scratch()
    const args = ['--key', 'k', '--attempts', '1', '--once', 'item', '--keep', 'result', '--', 'true']
    expect((await exec(args, { cwd })).code).toBe(0)
    expect(await exec(args, { cwd })).toMatchObject({ code: 0, stderr: expect.stringContaining('already done') })
  })

  it('a command that is not there costs nothing', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'plain'), 'no program')
    for (const [command, why] of [
      ['nonesuch', /nonesuch was not found: .*PATH is/],
      ['./none', /does not exist/],
      ['./plain', /not executable/],
    ] as const) {
      const ended = await exec(['--key', 'k', '--once', 'o', '--keep', 'result', '--', command], { cwd })
      expect(ended.code).toBe(78)
      expect(ended.stderr).toMatch(why)
    }
    expect(existsSync(join(cwd, '.state')) || existsSync(join(cwd, 'result'))).toBe(false)
  })

  it('what can be seen to be wrong before costs neither permit nor key', async () => {
    const cwd = scratch()
    lay(cwd, {
      'no-interpreter': '#!/nonesuch/sh\n',
      'no-env': '#!/usr/bin/env nonesuch\n',
      empty: '',
      fine: '#!/bin/sh\n',
      'folder/': '',
    })
    for (const name of ['no-interpreter', 'no-env', 'empty', 'fine']) chmodSync(join(cwd, name), 0o755)
    for (const [command, keep, why] of [
      ['./no-interpreter', 'result', /interpreter \(\/nonesuch\/sh\) that does not exist/],
      ['./no-env', 'result', /nonesuch was not found/],
      ['./empty', 'result', /is empty/],
      ['./fine', 'none/result', /its folder does not exist; next: mkdir -p .*none/],
      ['./fine', 'fine/result', /its folder is no folder/],
      ['./fine', 'folder', /is a folder; name a new file/],
      ['./fine', '/dev/null', /is no plain file/],
    ] as const) {
      const ended = await exec(['--key', 'k', '--attempts', '1', '--once', 'o', '--keep', keep, '--', command], { cwd })
      expect(ended, why.source).toMatchObject({ code: 78, stdout: '' })
      expect(ended.stderr).toMatch(why)
      expect(ended.stderr).not.toContain('mv ')
    }
    expect(existsSync(join(cwd, '.state')) || existsSync(join(cwd, 'result'))).toBe(false)
  })

  it('a working folder that is gone, or a folder that may not be written to, costs nothing either', async () => {
    const cwd = scratch()
    const args = ['--state-dir', join(cwd, 'state'), '--key', 'k', '--attempts', '1', '--once', 'o']
    lay(cwd, { 'gone/': '' })
    const nowhere = await exec([...args, '--', 'true'], {
      cwd: join(cwd, 'gone'),
      through: ['sh', '-ec', 'rmdir "$PWD"; exec "$@"', 'sh'],
    })
    expect(nowhere).toMatchObject({ code: 78, stderr: expect.stringContaining('the working folder is not there') })
    const frozen = await exec([...args, '--keep', 'ro/result', '--', 'true'], {
      cwd,
      through: ['unshare', '-rm', 'sh', '-ec', 'mkdir ro; mount -t tmpfs -o ro tmpfs ro; exec "$@"', 'sh'],
    })
    expect(frozen).toMatchObject({ code: 78, stderr: expect.stringContaining('read-only') })
    expect(existsSync(join(cwd, 'state'))).toBe(false)
  })

  /** A real program whose loader is not there: only the system's own try finds that. */
  const withoutLoader = (cwd: string): void => {
    const text = readFileSync('/usr/bin/true', 'latin1').replace(/\/lib(64)?\/ld-/, found =>
      found.replace('lib', 'nil'),
    )
    writeFileSync(join(cwd, 'program'), text, 'latin1')
    chmodSync(join(cwd, 'program'), 0o755)
  }

  it('what the system does not start after all gives the key back, and says what it cost', async () => {
    const cwd = scratch()
    withoutLoader(cwd)
    const args = ['--key', 'k', '--attempts', '3', '--once', 'o', '--keep', 'result', '--']
    const failed = await exec([...args, './program'], { cwd })
    expect(failed).toMatchObject({ code: 78, stdout: '' })
    expect(failed.stderr).toMatch(
      /cannot be started: .*the loader of its libraries.* \(ENOENT\); the permit of k is taken; the key o is free again; next: ls -l/,
    )
    expect(existsSync(join(cwd, 'result'))).toBe(false)
    expect(events(cwd, 'once:o')).toEqual(['once', 'reset'])
    const next = await exec([...args, 'echo', 'work'], { cwd })
    expect(next).toMatchObject({ code: 0, stdout: 'work\n', stderr: '' })
  })

  it('a key that another has meanwhile is not taken from them', async () => {
    const cwd = scratch()
    withoutLoader(cwd)
    const store = localStore({ dir: join(cwd, 'state'), now: Date.now })
    const file = await program(`
      import { exec } from '@/supervise/exec.ts'
      import { localStore } from '@/core/local-store.ts'
      const dir = ${JSON.stringify(join(cwd, 'state'))}
      process.chdir(${JSON.stringify(cwd)})
      // What happens between the commit and the start: somebody resets the key, and another call commits it.
      const take = () => {
        for (const type of ['reset', 'once']) localStore({ dir, now: Date.now }).append('once:o', { type })
      }
      exec(
        { command: ['./program'], once: 'o', stateDir: dir },
        { tell: line => console.log(line), stop: new AbortController().signal, signals: { take } },
      ).then(code => process.exit(code))
    `)
    const ended = await start(file, []).ended
    expect(ended.code).toBe(78)
    expect(ended.out).not.toContain('free again')
    expect(store.read('once:o').records.map(({ event }) => event.type)).toEqual(['once', 'reset', 'once'])
  })

  it.runIf(process.platform === 'linux')('of many with one key at once one takes a permit', async () => {
    const cwd = scratch()
    const args = ['--key', 'k', '--attempts', '1', '--once', 'o', '--', 'sh', '-c', 'echo x >> runs']
    const all = await Promise.all(Array.from({ length: 12 }, () => exec(args, { cwd })))
    expect(all.map(({ code }) => code)).toEqual(Array(12).fill(0))
    expect(readFileSync(join(cwd, 'runs'), 'utf8')).toBe('x\n')
    expect(events(cwd, 'k')).toEqual(['ask', 'ok'])
  })

  it('of many with one file and one key one runs, and the others say that it is done', async () => {
    const cwd = scratch()
    const args = ['--once', 'o', '--keep', 'result', '--', 'sh', '-c', 'echo x >> runs']
    const all = await Promise.all(Array.from({ length: 12 }, () => exec(args, { cwd })))
    expect(
      all.map(({ code, stderr }) => `${code} ${stderr}`).filter(text => !/^0 bootcheck: already done/.test(text)),
    ).toEqual(['0 '])
    expect(readFileSync(join(cwd, 'runs'), 'utf8')).toBe('x\n')
  })
})

describe('the kept file', () => {
  it('holds what was streamed, and a success says nothing', async () => {
    const cwd = scratch()
    const ended = await exec(['--keep', 'result', '--', 'sh', '-c', 'echo out; echo err >&2'], { cwd })
    expect(ended).toMatchObject({ code: 0, stdout: 'out\n', stderr: 'err\n' })
    expect(readFileSync(join(cwd, 'result'), 'utf8')).toBe('out\n')
  })

  it('streams while the command runs', async () => {
    const cwd = scratch()
    const call = liveExec(['--keep', 'result', '--', 'sh', '-c', 'echo first; read line; echo $line'], cwd)
    await call.says('first')
    call.child.stdin.write('second\n')
    expect(await call.ended).toMatchObject({ code: 0, stdout: 'first\nsecond\n' })
  })

  it('stays after a failure, is named with its size, and people are told once', async () => {
    const cwd = scratch()
    const args = [
      '--keep',
      'result',
      '--notify',
      'cat >> told; echo "$BOOTCHECK_MESSAGE" >> told',
      '--',
      'sh',
      '-c',
      'echo half of it; exit 3',
      'a secret',
    ]
    const failed = await exec(args, { cwd })
    expect(failed).toMatchObject({ code: 3, stdout: 'half of it\n' })
    expect(failed.stderr).toContain(`sh failed: exit 3; what it wrote is kept in ${join(cwd, 'result')} (11 B)`)
    const told = readFileSync(join(cwd, 'told'), 'utf8')
    const message = `bootcheck exec: sh failed: exit 3; what it wrote is kept in ${join(cwd, 'result')} (11 B)\n`
    expect(told).toBe(message + message)
    // A second try neither runs nor touches it, nor tells anybody again.
    const again = await exec(args, { cwd })
    expect(again).toMatchObject({ code: 78, stdout: '' })
    expect(again.stderr).toMatch(/result is there already \(11 B, last written \d\d:\d\d\).*; next: .*mv .*result.1/)
    expect(readFileSync(join(cwd, 'result'), 'utf8')).toBe('half of it\n')
    expect(readFileSync(join(cwd, 'told'), 'utf8')).toBe(told)
  })

  it('does not tell of a stop by the caller', async () => {
    const cwd = scratch()
    const call = liveExec(
      ['--keep', 'result', '--notify', 'touch told', '--', 'sh', '-c', 'echo ready; exec sleep 600'],
      cwd,
    )
    await call.says('ready')
    call.child.kill('SIGINT')
    const { signal, stderr } = await call.ended
    expect(signal).toBe('SIGINT')
    expect(stderr).toMatch(/sh was called off: signal SIGINT; what it wrote is kept in .*result \(6 B\)/)
    expect(existsSync(join(cwd, 'told'))).toBe(false)
  })

  it.each([
    ['moved', 'mv result elsewhere'],
    ['removed', 'rm result'],
  ])('may be %s by the command: that is said, and the deadline and the outcome stand', async (_, how) => {
    const cwd = scratch()
    const args = ['--keep', 'result', '--key', 'k', '--deadline', '500ms']
    const script = `${how}; echo $$ > pid; echo some words; sleep 600`
    const ended = await exec([...args, '--', 'sh', '-c', script], { cwd })
    expect(ended).toMatchObject({ code: 124, stdout: 'some words\n' })
    expect(ended.stderr).toMatch(/what it wrote \(11 B\) is not in .*result any more: that was moved or removed/)
    expect(events(cwd, 'k')).toEqual(['ask', 'fail'])
    expect(alive(Number(readFileSync(join(cwd, 'pid'), 'utf8')))).toBe(false)
    const fine = await exec(['--keep', 'other', '--', 'sh', '-c', how.replace('result', 'other')], { cwd })
    expect(fine).toMatchObject({ code: 0, stderr: expect.stringContaining('is not in') })
  })

  it('has everything though we were killed', async () => {
    const cwd = scratch()
    const call = liveExec(
      [
        '--keep',
        'result',
        '--',
        'sh',
        '-c',
        'echo $$; while [ ! -e go ]; do sleep 0.02; done; echo the rest; touch done',
      ],
      cwd,
    )
    const pid = Number(await call.says(/^\d+\n/))
    call.child.kill('SIGKILL')
    await new Promise(resolve => call.child.on('exit', resolve))
    writeFileSync(join(cwd, 'go'), '')
    await vi.waitUntil(() => existsSync(join(cwd, 'done')), { timeout: 10_000, interval: 5 })
    expect(readFileSync(join(cwd, 'result'), 'utf8')).toBe(`${pid}\nthe rest\n`)
    expect((await exec(['--keep', 'result', '--', 'true'], { cwd })).code).toBe(78)
  })

  it('is whole though nobody reads what is streamed', async () => {
    const cwd = scratch()
    const ended = await new Promise<{ code: number | null; stderr: string }>(resolve => {
      const child = spawn(
        process.execPath,
        [
          BIN,
          'exec',
          '--keep',
          'result',
          '--',
          'sh',
          '-c',
          'while [ ! -e go ]; do sleep 0.02; done; head -c 300000 /dev/zero',
        ],
        {
          cwd,
          env: cleanEnv(cwd),
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      )
      let stderr = ''
      child.stderr.setEncoding('utf8').on('data', text => {
        stderr += text
      })
      child.stdout.destroy()
      child.stdout.on('close', () => writeFileSync(join(cwd, 'go'), ''))
      child.on('close', code => resolve({ code, stderr }))
    })
    expect(ended.code).toBe(0)
    expect(ended.stderr).toContain('not all of its output was passed on: nobody reads it any more')
    expect(readFileSync(join(cwd, 'result')).length).toBe(300_000)
  })
})

describe('the heartbeat', () => {
  it('begins with the start', async () => {
    const cwd = scratch()
    expect((await exec(['--beat', 'worker', '--', 'true'], { cwd })).code).toBe(0)
    expect(events(cwd, 'worker')).toEqual(['beat'])
  })

  it('does not keep the work from being done, and says once that it cannot be kept', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'file'), '')
    const ended = await exec(['--beat', 'worker', '--state-dir', 'file', '--', 'echo', 'work'], { cwd })
    expect(ended).toMatchObject({ code: 0, stdout: 'work\n' })
    expect(ended.stderr).toMatch(/no heartbeat of worker: .*file is not a folder/)
  })
})

describe('wrong usage', () => {
  it.each([
    [['--limit', '2', '--', 'true'], /--limit needs --key/],
    [['--attempts', '3', '--', 'true'], /--attempts needs --key/],
    [['--per', '1m', '--', 'true'], /--per needs --key/],
    [['--cooldown', '1m', '--', 'true'], /--cooldown needs --key/],
    [['--notify', 'mail', '--', 'true'], /--notify needs --keep/],
    [['--deadline', 'soon', '--', 'true'], /not a duration/],
    [['--once', 'k'.repeat(401), '--', 'true'], /at most 400 characters/],
    [['--once', 'k'], /needs a command behind "--"/],
    [['--ones', 'k', '--', 'true'], /no option --ones/],
    [['echo', '--', 'true'], /takes no arguments/],
  ])('%j', async (args, why) => {
    const cwd = scratch()
    const ended = await exec(args, { cwd })
    expect(ended.code).toBe(2)
    expect(ended.stderr).toMatch(why)
    expect(readdirSync(cwd)).toEqual([])
  })
})
