import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { judge, rangeWords } from '../../checks/process/judge.ts'
import { pidIn, standing } from '../../checks/process/pid-file.ts'
import { processes } from '../../checks/process.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { describe as describeProcess } from '../../core/process.ts'
import { listProcesses, ourselves, parseProcessTable, parseProcStatus } from '../../core/process-list.ts'
import { BIN } from '../support/bin.ts'
import { end, nodeChild } from '../support/children.ts'
import { context, scratch } from '../support/context.ts'
import { until } from '../support/guarded.ts'
import { completed } from '../support/run-check.ts'

const run = async (options: object, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  processes.run((await completed(processes, options)) as never, context({ cwd: '/', ...given }))

const STAYS = `console.log('up'); setInterval(() => {}, 1000)`
let marks = 0
/** A word that stands in no other command line, so that tests side by side do not count each other's. */
const mark = (): string => `bot-${process.pid}-${++marks}.js`
const bot = async (name: string) => nodeChild(STAYS, [name])

describe('by command line and name', () => {
  test('none, one, three copies', async () => {
    const name = mark()
    const command = `*node -e *${name}`
    expect(await run({ command })).toMatchObject({ status: 'pass', code: 'process/as-wanted', facts: { count: 0 } })
    expect(await run({ command }, { phase: 'after' })).toMatchObject({
      code: 'process/too-few',
      expected: 'exactly 1 of them',
    })
    const { pid } = await bot(name)
    expect(await run({ command }, { phase: 'after' })).toMatchObject({ status: 'pass', facts: { pids: [String(pid)] } })
    expect(await run({ command })).toMatchObject({
      code: 'process/too-many',
      expected: 'none',
      observed: expect.stringContaining(`(pid ${pid}, `),
    })
    expect(await run({ command }, { running: true })).toMatchObject({ status: 'pass' })
    const others = [await bot(name), await bot(name)].map(each => each.pid)
    const verdict = await run({ command }, { phase: 'after' })
    expect(verdict).toMatchObject({ status: 'fail', code: 'process/too-many', facts: { count: 3 } })
    for (const each of [pid, ...others]) expect(verdict).toMatchObject({ next: expect.stringContaining(String(each)) })
    expect(await run({ command, expect: { min: 2, max: 3 } })).toMatchObject({ status: 'pass' })
    expect(await run({ command, expect: { min: 4 } })).toMatchObject({
      code: 'process/too-few',
      expected: 'at least 4 of them',
    })
    expect(await run({ command, expect: { max: 2 } })).toMatchObject({ code: 'process/too-many' })
    expect(await run({ command, expect: 3 })).toMatchObject({ status: 'pass' })
  })

  test('the name narrows, and a glob fits the whole line', async () => {
    const name = mark()
    await bot(name)
    expect(await run({ command: `*${name}`, name: 'node', expect: 1 })).toMatchObject({ status: 'pass' })
    expect(await run({ command: `*${name}`, name: 'python*', expect: 0 })).toMatchObject({ status: 'pass' })
    expect(await run({ command: name, expect: 0 })).toMatchObject({ status: 'pass' })
  })

  test('a zombie is none', async () => {
    const name = mark()
    // The parent never waits for its child: what ended stays in the table.
    const parent = spawn('sh', ['-c', `${process.execPath} -e 0 ${name} & echo $!; exec sleep 60`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => void parent.kill('SIGKILL'))
    const pid = await new Promise<number>(resolve => parent.stdout.once('data', text => resolve(Number(text))))
    await until(() => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')), 'a zombie')
    expect((await listProcesses(AbortSignal.timeout(5000)))?.processes.some(each => each.pid === pid)).toBe(false)
    expect(await run({ command: `*${name}*`, name: 'node', expect: 0 })).toMatchObject({ status: 'pass' })
  })

  test('this process and what started it do not count', async () => {
    const list = await listProcesses(AbortSignal.timeout(5000))
    const ours = ourselves(list?.processes ?? [])
    for (const pid of [process.pid, process.ppid]) expect(ours.has(pid)).toBe(true)
    const own = list?.processes.find(({ pid }) => pid === process.pid)
    const verdict = await run({ command: own?.line.replaceAll(/[[\]{}]/g, '?'), expect: { max: 99 } })
    expect(verdict).not.toMatchObject({ facts: { pids: expect.arrayContaining([String(process.pid)]) } })
    // It is said where one is missing: a gateway that runs this check is told to name itself by its file.
    const starter = list?.processes.find(({ pid }) => pid === process.ppid)
    const command = `${starter?.line.slice(0, 60).replaceAll(/[[\]{}]/g, '?')}*`
    expect(await run({ command, expect: { min: 50 } })).toMatchObject({
      code: 'process/too-few',
      observed: expect.stringMatching(new RegExp(`what started this check does not count: .*pid ${process.ppid},`)),
    })
    expect(
      ourselves([
        { pid: process.ppid, parent: 7 },
        { pid: 7, parent: 1 },
        { pid: 8, parent: 1 },
      ]),
    ).toEqual(new Set([process.pid, process.ppid, 7, 1]))
  })

  test('a secret in a command line is masked', async () => {
    const name = mark()
    await bot(`${name}-hunter2hunter2`)
    const mask = (text: string) => text.replaceAll('hunter2hunter2', '***')
    const verdict = await run({ command: `*${name}*` }, { mask })
    expect(verdict).toMatchObject({ code: 'process/too-many' })
    expect(JSON.stringify(verdict)).not.toContain('hunter2')
  })

  test('what looks like a secret in a command line of others is left out, whatever comes of it', async () => {
    const name = mark()
    // Short, so that what is to be left out would be shown.
    const words = ['--password', 'hunter2hunter2', 'sk-abcdefghijklmnopqrstuvwxyz012345']
    const child = spawn('sh', ['-c', 'echo; read x', name, ...words])
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const { pid } = child
    const cwd = scratch()
    writeFileSync(join(cwd, 'g.pid'), String(pid))
    for (const options of [
      { command: `*${name}*` },
      { command: `*${name}*`, expect: { max: 2 } },
      { 'pid-file': 'g.pid' },
      { 'pid-file': 'g.pid', name: 'python*' },
    ]) {
      const verdict = JSON.stringify(await run(options, { cwd }))
      expect(verdict).toContain(`pid ${pid}`)
      expect(verdict).toContain('--password')
      expect(verdict).not.toMatch(/hunter2|sk-abc/)
    }
  })
})

describe.each([
  ['pid-file', 'process/stale-pid-file'],
  ['lock', 'process/stale-lock'],
])('by %s', (key, stale) => {
  const arranged = (text: string) => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'g.pid'), text)
    return {
      cwd,
      ask: (more: object = {}, given: Partial<CheckContext> = {}) =>
        run({ [key]: 'g.pid', ...more }, { cwd, ...given }),
    }
  }

  test('the process that wrote it runs, and then does not', async () => {
    const { child, pid } = await bot(mark())
    const { ask } = arranged(`${pid}\n`)
    expect(await ask({ expect: 1 })).toMatchObject({
      status: 'pass',
      watched: ['g.pid'],
      facts: { pids: [String(pid)] },
    })
    expect(await ask({ expect: 1, name: 'node' })).toMatchObject({ status: 'pass' })
    expect(await ask()).toMatchObject({ status: 'fail', code: 'process/too-many' })
    await end(child)
    expect(await ask({ expect: 1 })).toMatchObject({
      status: 'fail',
      code: stale,
      observed: expect.stringContaining('no such process'),
    })
    expect(await ask()).toMatchObject({ status: 'warn', code: stale, next: expect.stringMatching(/^rm /) })
  })

  test('a pid that was given again is told by its start, and by its program', async () => {
    const { pid } = await bot(mark())
    const { cwd, ask } = arranged(`${pid}`)
    expect(await ask({ expect: 1, command: '*openclaw*' })).toMatchObject({
      code: stale,
      observed: expect.stringContaining('another process'),
    })
    const started = describeProcess(pid)?.startedAt ?? 0
    utimesSync(join(cwd, 'g.pid'), started / 1000 - 5, started / 1000 - 5)
    expect(await ask({ expect: 1 })).toMatchObject({ status: 'fail', code: stale, next: expect.stringMatching(/^ps /) })
    expect(await ask()).toMatchObject({ status: 'warn', code: stale })
  })

  test('our own pid is not that of a gateway', async () => {
    expect(await arranged(String(process.pid)).ask({ expect: 1 })).toMatchObject({ code: stale })
  })

  test('what started this check, and wrote the file: the one that is wanted, and none too many', async () => {
    const { cwd, ask } = arranged(String(process.ppid))
    for (const given of [{ phase: 'after' }, { running: true }] as const)
      expect(await ask({}, given)).toMatchObject({ status: 'pass', facts: { pids: [String(process.ppid)] } })
    expect(await ask()).toMatchObject({
      status: 'pass',
      summary: expect.stringMatching(new RegExp(`g.pid names what started this check: .*pid ${process.ppid},`)),
      facts: { count: 0 },
    })
    expect(await ask({ expect: { min: 2 } })).toMatchObject({ code: 'process/too-few' })
    // It began after the file was written, or is another program: a stranger.
    expect(await ask({ command: '*openclaw*' }, { phase: 'after' })).toMatchObject({ code: stale })
    const started = describeProcess(process.ppid)?.startedAt ?? 0
    utimesSync(join(cwd, 'g.pid'), started / 1000 - 5, started / 1000 - 5)
    expect(await ask({}, { phase: 'after' })).toMatchObject({ code: stale })
  })

  test('a gateway that runs the check finds itself by its file', async () => {
    const cwd = scratch()
    const words = ['check', 'process', `--${key}`, 'g.pid', '--phase', 'after', '--format', 'json']
    writeFileSync(
      join(cwd, 'gw.mjs'),
      `import { spawnSync } from 'node:child_process'
       import { writeFileSync } from 'node:fs'
       writeFileSync('g.pid', String(process.pid))
       const { stdout } = spawnSync(process.execPath, ${JSON.stringify([BIN, ...words])})
       process.stdout.write(stdout)`,
    )
    const { stdout } = spawnSync(process.execPath, ['gw.mjs'], { cwd, encoding: 'utf8' })
    expect(JSON.parse(stdout).checks).toMatchObject([{ status: 'pass', facts: { count: 1 } }])
  })

  test('a path below a file leads nowhere', async () => {
    const { cwd, ask } = arranged(String(process.ppid))
    for (const path of ['g.pid/x.pid', 'g.pid/', 'g.pid/a/b/x.pid'])
      expect(await ask({ [key]: path })).toMatchObject({
        status: 'fail',
        code: 'process/missing',
        summary: `${path} cannot be there: ${join(cwd, 'g.pid')} is not a folder`,
        next: `ls -ld ${join(cwd, 'g.pid')}`,
      })
  })

  test('no file: none runs; no folder: a wrong path', async () => {
    const cwd = scratch()
    const ask = (path: string, expected: number) => run({ [key]: path, expect: expected }, { cwd })
    expect(await ask('gone.pid', 0)).toMatchObject({
      status: 'pass',
      summary: expect.stringContaining('does not exist'),
    })
    expect(await ask('gone.pid', 1)).toMatchObject({ code: 'process/too-few' })
    expect(await ask('run/gone.pid', 0)).toMatchObject({ status: 'pass' })
    expect(await ask('no/such/gone.pid', 0)).toMatchObject({ status: 'fail', code: 'process/missing' })
  })

  test.each(['', '\n', 'hello', '0', '-5', '4711x', '1e3', '{"pid": "12"}', '{"id": 12}', '[12]', '99999999999'])(
    '%j holds no pid',
    async text => {
      expect(await arranged(text).ask({ expect: 0 })).toMatchObject({ status: 'fail', code: 'process/no-pid' })
    },
  )

  test('a folder, a link to nothing, a huge file', async () => {
    const cwd = scratch()
    symlinkSync('gone', join(cwd, 'link'))
    writeFileSync(join(cwd, 'huge'), '1'.repeat(10_000))
    for (const path of ['.', 'link', 'huge'])
      expect(await run({ [key]: path, expect: 0 }, { cwd })).toMatchObject({
        status: 'fail',
        code: 'process/unreadable',
      })
  })
})

describe('facts and rules', () => {
  test('pids in files', () => {
    for (const text of ['4711', ' 4711\n', '4711\nnode\n', '{"pid": 4711, "at": "x"}', '{\n "pid": 4711\n}\n'])
      expect(pidIn(text)).toBe(4711)
  })

  test('who stands behind a pid', () => {
    const now = 1_000_000_000
    const good = { alive: true, startedAt: now - 60_000, fits: true }
    expect(standing(good, now - 59_000, now)).toBe('runs')
    // The start is known to a second or two.
    expect(standing(good, now - 61_500, now)).toBe('runs')
    expect(standing(good, now - 63_000, now)).toBe('recycled')
    expect(standing({ ...good, alive: false }, now, now)).toBe('gone')
    expect(standing({ ...good, ours: 'self' }, now, now)).toBe('recycled')
    expect(standing({ ...good, ours: 'starter' }, now, now)).toBe('starter')
    expect(standing({ ...good, ours: 'starter' }, now - 63_000, now)).toBe('recycled')
    expect(standing({ ...good, ours: 'starter', startedAt: undefined }, now, now)).toBe('recycled')
    expect(standing({ ...good, fits: false }, now, now)).toBe('recycled')
    expect(standing({ ...good, fits: undefined }, now, now)).toBe('unsure')
    expect(standing({ ...good, startedAt: undefined }, now, now)).toBe('unsure')
    expect(standing({ ...good, startedAt: now + 90_000 }, now, now)).toBe('unsure')
  })

  test('what is hidden is said', () => {
    const seen = { label: 'x', shown: ['node (pid 7)'], pids: [7], hidden: true }
    expect(judge(seen, { min: 1, max: 1 }, 'claw')).toMatchObject({ status: 'warn', code: 'process/hidden' })
    expect(judge({ ...seen, shown: [], pids: [] }, { min: 0, max: 0 }, 'claw')).toMatchObject({
      code: 'process/hidden',
    })
    expect(judge(seen, { min: 1, max: Number.POSITIVE_INFINITY }, 'claw')).toMatchObject({ status: 'pass' })
    expect(judge(seen, { min: 0, max: 0 }, 'claw')).toMatchObject({ code: 'process/too-many' })
    expect(judge(seen, { min: 2, max: 2 }, 'claw')).toMatchObject({
      code: 'process/too-few',
      observed: expect.stringContaining('hidden'),
    })
  })

  test('words for a range', () => {
    const all = [
      [0, 0],
      [1, 1],
      [0, 2],
      [1, 3],
      [2, Number.POSITIVE_INFINITY],
    ] as const
    expect(all.map(([min, max]) => rangeWords({ min, max }))).toEqual([
      'none',
      'exactly 1',
      'at most 2',
      '1 to 3',
      'at least 2',
    ])
  })

  test('options that exclude each other', async () => {
    expect(await run({ lock: 'a', 'pid-file': 'b' })).toMatchObject({ code: 'process/contradiction' })
    expect(await run({ command: 'x', expect: { min: 2, max: 1 } })).toMatchObject({ code: 'process/contradiction' })
    for (const nothing of [{}, { min: 0 }])
      expect(
        processes.conflict?.({ command: 'x', expect: nothing }, { phase: 'before', above: new Map(), open: new Set() }),
      ).toMatch(/true of everything/)
    await expect(completed(processes, { expect: 1 })).rejects.toThrow()
  })

  test('a status of /proc, and a table of ps on macOS', () => {
    const status =
      'Name:\tnode x) (\nState:\tS (sleeping)\nTgid:\t12\nPid:\t12\nPPid:\t3\nUid:\t501\t502\t502\t502\nVmRSS:\t  2048 kB\n'
    expect(parseProcStatus(status)).toEqual({ pid: 12, parent: 3, uid: 502, title: 'node x) (', rssBytes: 2_097_152 })
    expect(parseProcStatus(status.replace('S (sl', 'Z (sl'))).toBe(undefined)
    expect(parseProcStatus(status.replace('Tgid:\t12', 'Tgid:\t11'))).toBe(undefined)
    expect(parseProcStatus('')).toBe(undefined)
    const table = `    1     0     0  12336 Ss   /sbin/launchd
  501     1   501      0 Z    (node)
 4711     1   501  98304 S+   /opt/homebrew/bin/node /Users/claw/bot.js --queue a b
`
    expect(parseProcessTable(table)).toEqual([
      { pid: 1, parent: 0, uid: 0, name: 'launchd', title: 'launchd', line: '/sbin/launchd', rssBytes: 12_632_064 },
      {
        pid: 4711,
        parent: 1,
        uid: 501,
        name: 'node',
        title: 'node',
        line: '/opt/homebrew/bin/node /Users/claw/bot.js --queue a b',
        rssBytes: 100_663_296,
      },
    ])
  })
})
