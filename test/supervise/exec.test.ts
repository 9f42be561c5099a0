import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { giveBeats } from '../../supervise/exec/beats.ts'
import { makeKept, unkeepable } from '../../supervise/exec/keep.ts'
import { judgeEnd } from '../../supervise/exec/outcome.ts'
import { advanced, parseCpuTime, parseIo, parseTicks, parseTimes, workOf } from '../../supervise/exec/progress.ts'
import { passOn, type Relay } from '../../supervise/exec/relay.ts'
import { inTurn } from '../../supervise/exec/turn.ts'
import { notify } from '../../supervise/tell.ts'
import { parsePlace, parsePsPlace } from '../../supervise/terminal.ts'
import { explainStart } from '../../supervise/unstartable.ts'
import { end, nodeChild } from '../support/children.ts'
import { scratch } from '../support/context.ts'
import { program, start as startProgram } from '../support/programs.ts'

describe('what an end means', () => {
  const none = new Set<NodeJS.Signals>()
  it.each([
    ['exit 0', { code: 0, signal: null, received: none }, 0, 'ok'],
    ['a non-zero exit', { code: 3, signal: null, received: none }, 3, 'fail'],
    ['a "not now" of its own', { code: 75, signal: null, received: none }, 75, 'fail'],
    ['somebody killed it', { code: null, signal: 'SIGKILL', received: none }, 'SIGKILL', 'fail'],
    ['the deadline', { code: null, signal: 'SIGTERM', outOfTimeMs: 1000, received: none }, 124, 'fail'],
    ['the deadline, met with grace', { code: 0, signal: null, outOfTimeMs: 1000, received: none }, 124, 'fail'],
    ['Ctrl-C', { code: null, signal: 'SIGINT', received: new Set(['SIGINT']) }, 'SIGINT', undefined],
    ['Ctrl-C, met with grace', { code: 0, signal: null, received: new Set(['SIGINT']) }, 0, undefined],
    ['Ctrl-C, met with an error', { code: 1, signal: null, received: new Set(['SIGINT']) }, 1, undefined],
    [
      'a stop that it ignored until KILL',
      { code: null, signal: 'SIGKILL', received: new Set(['SIGTERM']) },
      'SIGKILL',
      undefined,
    ],
    ['a hangup', { code: 129, signal: null, received: new Set(['SIGHUP']) }, 129, undefined],
    ['an error long after a reload', { code: 1, signal: null, received: new Set(['SIGHUP']) }, 1, 'fail'],
    ['an error after USR1', { code: 1, signal: null, received: new Set(['SIGUSR1']) }, 1, 'fail'],
  ] as const)('%s', (_, ended, exit, told) => {
    expect(judgeEnd(ended as Parameters<typeof judgeEnd>[0])).toMatchObject({ exit, told })
  })
})

describe('progress', () => {
  it('reads the CPU time of a process whose name holds anything', () => {
    const rest = 'S 1 7 7 0 -1 4194304 90 0 0 0 11 22 33 44 20 0 1 0 8811 0 0'
    expect(parseTicks(`7 (a) b (c) ${rest}`)).toBe(110)
    expect(parseTicks('')).toBeUndefined()
  })

  it('reads how much went in and out, to disks or not', () => {
    expect(parseIo('rchar: 10\nwchar: 5\nsyscr: 99\nread_bytes: 4096\ncancelled_write_bytes: 0\n')).toBe(15)
    expect(parseIo('')).toBe(0)
  })

  it('reads the times of ps', () => {
    expect(parseCpuTime('0:00.01')).toBeCloseTo(0.01)
    expect(parseCpuTime('1-02:03:04')).toBe(93_784)
    expect(parseCpuTime('62:03.50')).toBeCloseTo(3723.5)
    expect(parseCpuTime('TIME')).toBeUndefined()
    expect([...parseTimes('   12  0:01.50\n  13 00:00:02\n\n')]).toEqual([
      [12, 1.5],
      [13, 2],
    ])
  })

  it('is more work, or a process that is new; one that has gone is none', () => {
    const before = new Map([
      ['1 a', 5],
      ['2 b', 5],
    ])
    expect(advanced(before, before)).toBe(false)
    expect(advanced(before, new Map([['1 a', 5]]))).toBe(false)
    expect(advanced(before, new Map([['1 a', 6]]))).toBe(true)
    expect(advanced(before, new Map([['1 c', 0]]))).toBe(true) // the pid was given again
    expect(advanced(before, new Map())).toBe(false)
  })

  it('is seen of a real process that writes, and not of one that waits', async () => {
    const { child, pid } = await nodeChild(
      "console.log('ready'); process.stdin.on('data', () => require('fs').writeSync(1, 'x'.repeat(10)))",
    )
    // What Node does behind a program's back after its start ends soon.
    const quiet = await vi.waitUntil(
      async () => {
        const work = workOf(pid, false)
        await new Promise(resolve => setTimeout(resolve, 50))
        return advanced(work, workOf(pid, false)) ? undefined : workOf(pid, false)
      },
      { timeout: 10_000 },
    )
    expect(quiet?.size).toBe(1)
    child.stdin?.write('go\n')
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    expect(advanced(quiet as never, workOf(pid, false))).toBe(true)
    await end(child)
    expect(workOf(pid, false).size).toBe(0)
  })

  it('is seen of what a process has started', async () => {
    const { child, pid, line } = await nodeChild(
      "const c = require('child_process').spawn('sh', ['-c', 'read x; echo $x; read y'], { stdio: ['pipe', 'pipe', 'ignore'] }); c.stdout.on('data', d => console.log(String(d).trim())); process.stdin.on('data', d => c.stdin.write(d)); c.on('spawn', () => console.log(c.pid))",
    )
    expect([...workOf(pid, false).keys()].some(key => key.startsWith(`${line} `))).toBe(true)
    await end(child)
  })
})

describe('beats', () => {
  /** A heartbeat on fake time, of a command that does what `doing` says. */
  const beating = () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    let [work, output, beats, blind] = [1, 0, 0, 0]
    let seen = true
    const stop = giveBeats({
      everyMs: 30_000,
      work: () => new Map(seen ? [['1 a', work]] : []),
      output: () => output,
      beat: () => beats++,
      blind: () => blind++,
    })
    return {
      stop,
      hide: () => {
        seen = false
      },
      works: () => work++,
      writes: () => output++,
      after: (ms: number) => {
        vi.advanceTimersByTime(ms)
        return { beats, blind }
      },
    }
  }

  it('begin with the start, and stop when nothing happens', () => {
    const command = beating()
    expect(command.after(0).beats).toBe(1)
    command.works()
    expect(command.after(29_999).beats).toBe(1)
    expect(command.after(1).beats).toBe(2)
    expect(command.after(3_600_000).beats).toBe(2)
    command.writes()
    expect(command.after(30_000).beats).toBe(3)
    command.stop()
    command.works()
    expect(command.after(60_000).beats).toBe(3)
  })

  it('come at most once in a span, however much happens', () => {
    const command = beating()
    for (let second = 0; second < 90; second++) {
      command.works()
      command.writes()
      command.after(1000)
    }
    expect(command.after(0).beats).toBe(4)
  })

  it('are not given for a command that cannot be seen, and that is said once', () => {
    const command = beating()
    command.hide()
    expect(command.after(300_000)).toEqual({ beats: 1, blind: 1 })
  })
})

/** A reader that takes what it is given, or nothing until told so. */
const reader = () => {
  let text = ''
  let [slow, over] = [false, false]
  let wake = (): void => {}
  const relay: Relay = {
    broken: undefined,
    write: bytes => {
      text += bytes.toString('latin1')
      return !slow
    },
    ready: () =>
      new Promise(resolve => {
        wake = resolve
      }),
    end: async () => {
      over = true
    },
    drop: () => {},
  }
  return {
    relay,
    text: () => text,
    over: () => over,
    slow: (on: boolean) => {
      slow = on
      if (!on) wake()
    },
  }
}

describe('why the system started nothing', () => {
  it.each([
    ['E2BIG', /larger than the system allows/, false],
    ['EACCES', /may not execute it/, false],
    ['ENOENT', /interpreter, the loader of its libraries or the working folder/, false],
    ['ENOEXEC', /another kind of machine/, false],
    ['ENOMEM', /memory/, true],
    ['EAGAIN', /no more processes/, true],
    ['ETXTBSY', /being written/, true],
    ['EWHATEVER', /^EWHATEVER$/, false],
  ])('%s', (code, why, passing) => {
    expect(explainStart(Object.assign(new Error('spawn x'), { code }))).toMatchObject({
      why: expect.stringMatching(why),
      passing,
    })
  })
})

describe.runIf(process.platform === 'linux')('taking turns', () => {
  it('goes on after a while although the one before hangs, and frees the place for the next', async () => {
    const name = `bootcheck-test-${process.pid}`
    const holder = createServer().listen(`\0${name}`)
    await once(holder, 'listening')
    const before = performance.now()
    expect(await inTurn(name, 100, () => 'went on')).toBe('went on')
    expect(performance.now() - before).toBeGreaterThan(90)
    const waiting = inTurn(name, 600_000, () => 'its turn')
    holder.close()
    expect(await waiting).toBe('its turn')
    const seen: string[] = []
    await Promise.all(['a', 'b', 'c'].map(each => inTurn(name, 10_000, () => seen.push(each))))
    expect(seen.toSorted()).toEqual(['a', 'b', 'c'])
    await expect(
      inTurn(name, 10_000, () => {
        throw new Error('ours')
      }),
    ).rejects.toThrow('ours')
    const from = performance.now()
    await inTurn(name, 10_000, () => {})
    expect(performance.now() - from).toBeLessThan(5000)
  })
})

describe('the file that is kept', () => {
  it('is made once, for one of two', () => {
    const path = join(scratch(), 'result')
    const kept = makeKept(path, Date.now())
    if ('problem' in kept) throw new Error(kept.problem)
    expect(makeKept(path, Date.now())).toMatchObject({
      problem: expect.stringContaining('0 B'),
      next: expect.stringContaining('mv '),
    })
    kept.remove()
    expect(existsSync(path)).toBe(false)
  })

  it.each([
    ['a folder that is not there', 'none/result', /folder does not exist/],
    ['a folder that is a file', 'file/result', /folder is no folder/],
    ['a folder that it would be itself', 'new/', /a folder's/],
    ['a name that is too long', 'n'.repeat(300), /too long/],
    ['a folder by its own name', 'folder', /is a folder; name a new file, as in --keep .*folder\/result/],
    ['a link that leads nowhere', 'link', /is no plain file and stays as it is/],
  ])('is refused in %s', async (_, name, problem) => {
    const folder = scratch()
    const { mkdirSync, symlinkSync } = await import('node:fs')
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'folder'))
    symlinkSync('nowhere', join(folder, 'link'))
    for (const ask of [unkeepable, makeKept])
      expect(ask(`${folder}/${name}`, Date.now())).toMatchObject({ problem: expect.stringMatching(problem) })
    expect(existsSync(join(folder, 'nowhere'))).toBe(false)
  })

  it('never proposes to move away what is no plain file', () => {
    const folder = scratch()
    for (const path of ['/dev/null', folder]) {
      const found = unkeepable(path, Date.now())
      expect(found).toHaveProperty('problem')
      expect(JSON.stringify(found)).not.toContain('mv ')
    }
  })

  it('tells how large it is, and since when', () => {
    const path = join(scratch(), 'result')
    expect(unkeepable(path, Date.now())).toBeUndefined()
    writeFileSync(path, 'x'.repeat(2048))
    expect(unkeepable(path, Date.now())?.problem).toMatch(/2 KiB, last written \d\d:\d\d/)
  })

  it('streams on what is written to it, bytes unchanged, at the pace of the reader', async () => {
    const path = join(scratch(), 'result')
    const kept = makeKept(path, Date.now())
    if ('problem' in kept) throw new Error(kept.problem)
    const { relay, text, slow, over } = reader()
    slow(true)
    kept.stream(relay, () => {})
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) % 256))
    writeSync(kept.fd, bytes)
    await vi.waitUntil(() => text().length > 0)
    expect(text().length).toBeLessThan(bytes.length)
    slow(false)
    await expect(kept.finish()).resolves.toBe(true)
    expect(Buffer.from(text(), 'latin1').equals(bytes)).toBe(true)
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(over()).toBe(true)
  })

  it('says so when the command empties it, and goes on', async () => {
    const path = join(scratch(), 'result')
    const kept = makeKept(path, Date.now())
    if ('problem' in kept) throw new Error(kept.problem)
    const said: string[] = []
    const { relay, text } = reader()
    kept.stream(relay, line => said.push(line))
    writeSync(kept.fd, 'the first answer')
    await vi.waitUntil(() => text() === 'the first answer')
    writeFileSync(path, '')
    writeSync(kept.fd, 'another')
    await kept.finish()
    expect(text()).toBe('the first answeranother')
    expect(said).toEqual([expect.stringContaining('was emptied')])
  })
})

describe('output that goes through us', () => {
  it('arrives whole, and is waited for as long as it comes', async () => {
    const source = new PassThrough()
    const { relay, text, over } = reader()
    const passing = passOn(source, relay)
    source.write('a'.repeat(100_000))
    const finished = passing.finish()
    source.end('b')
    await finished
    expect(text()).toBe(`${'a'.repeat(100_000)}b`)
    expect(passing.count()).toBe(100_001)
    expect(over()).toBe(true)
  })

  it('is not lost where we come to look at the pipe only after the time for it', async () => {
    const cwd = scratch()
    const script = 'head -c 100000 /dev/zero; sleep 600 > /dev/null & echo $! > pid; mv pid done'
    const child = spawn('sh', ['-c', script], { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
    const { relay, text } = reader()
    const finished = passOn(child.stdout, relay).finish()
    // A machine that is too busy to let us run.
    while (!existsSync(join(cwd, 'done')));
    for (const from = Date.now(); Date.now() - from < 150; );
    await finished
    process.kill(Number(readFileSync(join(cwd, 'done'), 'utf8')), 'SIGKILL')
    expect(text().length).toBe(100_000)
  })

  it('is given up when somebody else holds the pipe and says nothing', async () => {
    const child = spawn('sh', ['-c', 'echo last words; sleep 600 & echo $!'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const { relay, text, over } = reader()
    const passing = passOn(child.stdout, relay)
    await once(child, 'exit')
    await passing.finish()
    expect(text()).toMatch(/^last words\n\d+\n$/)
    expect(over()).toBe(true)
    process.kill(Number(text().split('\n')[1]), 'SIGKILL')
  })
})

describe('what writes on for ever when the command has ended', () => {
  const script = 'echo first; while :; do echo more; done & echo $! > pid'

  it('is not waited for at a pipe', async () => {
    const cwd = scratch()
    const child = spawn('sh', ['-c', script], { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
    const { relay, text } = reader()
    const passing = passOn(child.stdout, relay)
    await once(child, 'exit')
    await passing.finish()
    expect(text()).toMatch(/^first\n/)
    // Its pipe is closed now: it ends by itself.
    await vi.waitUntil(() => workOf(Number(readFileSync(join(cwd, 'pid'), 'utf8')), false).size === 0)
  })

  it('is not waited for at a file', async () => {
    const cwd = scratch()
    const kept = makeKept(join(cwd, 'result'), Date.now())
    if ('problem' in kept) throw new Error(kept.problem)
    const { relay, text } = reader()
    kept.stream(relay, () => {})
    const child = spawn('sh', ['-c', script], { cwd, stdio: ['ignore', kept.fd, 'ignore'] })
    await once(child, 'exit')
    await kept.finish()
    process.kill(Number(readFileSync(join(cwd, 'pid'), 'utf8')), 'SIGKILL')
    expect(text()).toMatch(/^first\n/)
  })
})

describe('where we break ourselves', () => {
  it('the command is not left to run on without its deadline', async () => {
    const folder = scratch()
    const file = await program(`
      import { runJob } from '@/supervise/exec/run.ts'
      process.on('uncaughtException', () => process.exit(3))
      const command = "trap '' TERM; echo $$ > pid.tmp; mv pid.tmp pid; while :; do sleep 0.1; done"
      void runJob({
        path: '/bin/sh', words: ['sh', '-c', command], cwd: ${JSON.stringify(folder)}, env: process.env,
        deadlineMs: 600_000, tell: () => {}, take: () => {},
      })
      setInterval(() => { if (fs.existsSync(${JSON.stringify(join(folder, 'pid'))})) throw new Error('ours') }, 10)
      import fs from 'node:fs'
    `)
    expect((await startProgram(file, []).ended).code).toBe(3)
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
    await vi.waitUntil(() => workOf(pid, false).size === 0)
  })
})

describe('telling of a failure', () => {
  const given = (command: string, more = {}) => {
    const cwd = scratch()
    return { command, message: 'it failed', cwd, env: { PATH: process.env.PATH }, timeoutMs: 10_000, ...more }
  }

  it('gives the message to the command', async () => {
    const notice = given('cat > told')
    await expect(notify(notice)).resolves.toBeUndefined()
    expect(readFileSync(join(notice.cwd, 'told'), 'utf8')).toBe('it failed\n')
  })

  it('says how it went wrong', async () => {
    await expect(notify(given('exit 7'))).resolves.toBe('it ended with exit 7')
    await expect(notify(given('kill -9 $$'))).resolves.toBe('it ended with signal SIGKILL')
    const notice = given('true')
    rmSync(notice.cwd, { recursive: true })
    await expect(notify(notice)).resolves.toMatch(/ENOENT/)
  })

  it('does not wait for one that hangs, and ends what it started', async () => {
    const notice = given('sleep 600 & echo $! > pid; wait', { timeoutMs: 500 })
    await expect(notify(notice)).resolves.toBe('it took longer than 500 ms')
    const pid = Number(readFileSync(join(notice.cwd, 'pid'), 'utf8'))
    await vi.waitUntil(() => workOf(pid, false).size === 0)
  })
})

describe('our place on a terminal', () => {
  it('is read from /proc and from ps', () => {
    expect(parsePlace('7 (a) b) S 1 7 5 34816 7 4194304')).toEqual({ terminal: true, foreground: true })
    expect(parsePlace('7 (node) S 1 7 5 34816 9 4194304')).toEqual({ terminal: true, foreground: false })
    expect(parsePlace('7 (node) S 1 7 5 0 -1 4194304')).toEqual({ terminal: false, foreground: false })
    expect(parsePsPlace('  501  501\n')).toEqual({ terminal: true, foreground: true })
    expect(parsePsPlace('  501  -1\n')).toEqual({ terminal: false, foreground: false })
    expect(parsePsPlace('  501  0\n')).toEqual({ terminal: false, foreground: false })
    expect(parsePsPlace('')).toEqual({ terminal: false, foreground: false })
  })
})
