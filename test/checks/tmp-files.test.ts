import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { writerPid } from '../../checks/tmp-files/names.ts'
import { rhythm } from '../../checks/tmp-files/rhythm.ts'
import { tmpFiles } from '../../checks/tmp-files.ts'
import type { Verdict } from '../../core/check.ts'
import { asNobody } from '../support/as-nobody.ts'
import { context, scratch } from '../support/context.ts'

const NOW = Date.UTC(2026, 10, 22, 2, 14)
const UUID = '0b0e3a52-6f0e-4d6a-9b0c-7f1d2c3b4a59'

/** Makes a file that was changed so many ms before NOW. */
const leave = (path: string, ageMs = 0): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, 'x')
  utimesSync(path, (NOW - ageMs) / 1000, (NOW - ageMs) / 1000)
}

const run = async (cwd: string, paths: string[], limits: { warn?: number; fail?: number } = {}) =>
  (await tmpFiles.run({ paths, warn: 10, fail: 50, ...limits }, context({ cwd, now: () => NOW }))) as Verdict

const trouble = (verdict: Verdict) => {
  if (verdict.status !== 'warn' && verdict.status !== 'fail') throw new Error(`it is a ${verdict.status}`)
  return verdict
}

describe('what is looked at', () => {
  it.each(['s/{a,b/*.tmp', 's/[a/*.tmp', 's/a}/*.tmp', 's/@(a|b/*.tmp', '{s'])('%s lacks a bracket', async pattern => {
    const cwd = scratch()
    leave(join(cwd, 's/a/x.tmp'))
    expect(await run(cwd, [pattern])).toMatchObject({ status: 'fail', code: 'tmp-files/pattern' })
  })

  it.each(['~nobody/*.tmp', ' s/*.tmp', 's/*.tmp '])('%j would be taken literally', async pattern => {
    const cwd = scratch()
    leave(join(cwd, 's/x.tmp'))
    expect(await run(cwd, [pattern])).toMatchObject({ status: 'fail', code: 'tmp-files/pattern' })
  })

  it.each(['s/\\[a.tmp', 's/[[]a.tmp', 's/[]a.tmp]*', 's/{\\{,[{]}*', 's/*(1).tmp', 's/a).tmp', 's/x (1).tmp'])(
    '%s has its brackets',
    async pattern => {
      const cwd = scratch()
      leave(join(cwd, 's/x.tmp'))
      expect(await run(cwd, [pattern])).toMatchObject({ status: 'pass', code: 'tmp-files/few', watched: ['s'] })
    },
  )

  it('says of a single file that is not there that its folder was looked at', async () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 's'))
    expect(await run(cwd, ['s/x.tmp'])).toMatchObject({
      status: 'pass',
      code: 'tmp-files/few',
      summary: '0 .tmp files in s',
      watched: ['s'],
    })
  })
})

describe('limits are "more than"', () => {
  it.each([
    [0, 'pass', 'few'],
    [10, 'pass', 'few'],
    [11, 'warn', 'growing'],
    [50, 'warn', 'growing'],
    [51, 'fail', 'many'],
  ])('%i files', async (count, status, what) => {
    const cwd = scratch()
    mkdirSync(join(cwd, 's'))
    for (let i = 0; i < count; i++) leave(join(cwd, `s/.f${i}.tmp`), i * 1000)
    expect(await run(cwd, ['s/*.tmp'])).toMatchObject({
      status,
      code: `tmp-files/${what}`,
      facts: { count, more: false },
      watched: ['s'],
    })
  })

  it('refuses limits that contradict each other', async () => {
    expect(await run(scratch(), ['*.tmp'], { warn: 60 })).toMatchObject({ status: 'fail', code: 'tmp-files/limits' })
  })

  it('changes nothing', async () => {
    const cwd = scratch()
    for (let i = 0; i < 60; i++) leave(join(cwd, `f${i}.tmp`))
    await run(cwd, ['*.tmp'])
    expect(readdirSync(cwd)).toHaveLength(60)
  })
})

describe('what it says', () => {
  it('tells place, rhythm and ages', async () => {
    const cwd = scratch()
    for (let i = 0; i < 23; i++)
      leave(join(cwd, `agents/main/sessions/sessions.json.${3_900_000 + i}.9f3a2b.tmp`), i * 9000 + 2000)
    const verdict = trouble(await run(cwd, ['agents/*/sessions/*.tmp']))
    expect(verdict).toMatchObject({
      status: 'warn',
      summary: '23 .tmp files in agents/main/sessions, one every 9 s',
      facts: {
        count: 23,
        everyMs: 9000,
        inARow: 23,
        oldest: new Date(NOW - 200_000).toISOString(),
        newest: new Date(NOW - 2000).toISOString(),
        writers: 23,
        writersAlive: [],
      },
    })
    expect(verdict.observed).toContain('23 writers by pid in the names, none of them alive')
    expect(verdict.next).toBe(`ls -lAt ${join(cwd, 'agents/main/sessions')} | head -n 20`)
    expect(spawnSync('sh', ['-c', verdict.next]).status).toBe(0)
  })

  it('says when a rhythm has ended, and of a single file what is known', async () => {
    const cwd = scratch()
    for (let i = 0; i < 12; i++) leave(join(cwd, `a${i}.tmp`), 3_600_000 * 5 + i * 10_000)
    expect(trouble(await run(cwd, ['*.tmp'])).summary).toBe('12 .tmp files in ., one every 10 s until 5 h ago')
    const other = scratch()
    leave(join(other, 'x.tmp'), 60_000 * 5)
    expect(await run(other, ['*.tmp'])).toMatchObject({ status: 'pass', summary: '1 .tmp file in ., oldest 5 min old' })
  })

  it('says which writers are alive, and is not taken in by a pid that was given again', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    await new Promise(resolve => child.stdout.once('data', resolve))
    const cwd = scratch()
    const path = join(cwd, `.fs-safe-${child.pid}-${UUID}.tmp`)
    const at = async (ageMs: number) => {
      writeFileSync(path, '')
      utimesSync(path, (Date.now() - ageMs) / 1000, (Date.now() - ageMs) / 1000)
      return tmpFiles.run({ paths: ['*.tmp'], warn: 0, fail: 50 }, context({ cwd }))
    }
    expect(await at(0)).toMatchObject({
      facts: { writers: 1, writersAlive: [`${child.pid} node`] },
      observed: expect.stringContaining(`node (pid ${child.pid})`),
    })
    expect(await at(3_600_000)).toMatchObject({ facts: { writers: 1, writersAlive: [] } })
  })

  it('reads several folders and braces, and counts a file once', async () => {
    const cwd = scratch()
    for (let i = 0; i < 8; i++) leave(join(cwd, `a/f${i}.tmp`))
    for (let i = 0; i < 4; i++) leave(join(cwd, `b/deep/f${i}.TMP`))
    const verdict = trouble(await run(cwd, ['{a,b}/**/*.@(tmp|TMP)', 'a/*.tmp', '**/f?.tmp']))
    expect(verdict.facts).toMatchObject({ count: 12 })
    expect(verdict.summary).toMatch(/^12 files in 2 folders, most in a/)
  })
})

describe('never green without having looked', () => {
  it('fails on a folder that may not be read, whatever the others hold', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    leave(join(cwd, 's/open/a.tmp'))
    leave(join(cwd, 's/shut/a.tmp'))
    chmodSync(join(cwd, 's/shut'), 0o000)
    const verdicts = asNobody(`
      const { tmpFiles } = await load('checks/tmp-files.ts')
      const run = (paths, fail = 50) => tmpFiles.run({ paths, warn: 0, fail }, context(${JSON.stringify(cwd)}))
      return [await run(['s/*/*.tmp']), await run(['s/shut/*.tmp']), await run(['s/**/*.tmp'], 0)]`)
    expect(verdicts).toMatchObject([
      { status: 'fail', code: 'tmp-files/unreadable' },
      { status: 'fail', code: 'tmp-files/unreadable' },
      { status: 'fail', code: 'tmp-files/many', findings: [{}, { path: join(cwd, 's/shut') }] },
    ])
  })

  it.each<[string, string[], string]>([
    ['a folder of which the parent is missing too', ['gone/too/*.tmp'], 'missing'],
    ['one of two', ['there/*.tmp', 'gone/too/*.tmp'], 'missing'],
    ['one alternative', ['{there,gone/too}/*.tmp'], 'missing'],
    ['a file in place of the folder', ['file/*.tmp'], 'unreadable'],
    ['a file in place of the parent', ['file/x/*.tmp'], 'missing'],
    ['a folder in place of a pattern', ['there'], 'pattern'],
    ['an exclusion', ['there/*.tmp', '!there/a.tmp'], 'pattern'],
  ])('%s', async (_, paths, what) => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'there'))
    writeFileSync(join(cwd, 'file'), '')
    const verdict = trouble(await run(cwd, paths))
    expect(verdict).toMatchObject({ status: 'fail', code: `tmp-files/${what}` })
  })

  it('passes on a folder that is not there yet, and says so', async () => {
    const cwd = scratch()
    expect(await run(cwd, ['agents/*/sessions/*.tmp'])).toMatchObject({
      status: 'pass',
      code: 'tmp-files/absent',
      summary: 'nothing piles up: agents does not exist yet',
      watched: ['.'],
    })
    mkdirSync(join(cwd, 'agents'))
    expect(await run(cwd, ['agents/*/sessions/*.tmp', 'logs/x.tmp'])).toMatchObject({
      status: 'pass',
      code: 'tmp-files/few',
      summary: '0 .tmp files in agents, .; logs does not exist yet',
      watched: ['agents', '.'],
    })
  })

  it('warns of a link that it did not enter', async () => {
    const cwd = scratch()
    leave(join(cwd, 'disk/sessions/a.tmp'))
    mkdirSync(join(cwd, 'agents/main'), { recursive: true })
    symlinkSync(join(cwd, 'disk/sessions'), join(cwd, 'agents/main/sessions'))
    expect(await run(cwd, ['agents/*/sessions/*.tmp'])).toMatchObject({ status: 'warn', code: 'tmp-files/link' })
  })
})

describe('a folder of great size', () => {
  it('stops counting when the verdict is certain, and claims nothing of files that it did not look at', async () => {
    const cwd = scratch()
    for (let i = 0; i < 1500; i++) writeFileSync(join(cwd, `f${i}.tmp`), '')
    const verdict = trouble(await run(cwd, ['*.tmp']))
    expect(verdict.facts).toMatchObject({ count: 1000, more: true, lookedAt: 1000 })
    expect(verdict.facts).not.toHaveProperty('everyMs')
    expect(verdict.summary).toBe('more than 1,000 .tmp files in .')
    expect(verdict.observed).toContain('of the 1,000 looked at:')
    expect(await run(cwd, ['*.tmp'], { warn: 1500, fail: 1500 })).toMatchObject({
      status: 'pass',
      facts: { count: 1500, more: false, lookedAt: 1000 },
    })
    expect(await run(cwd, ['*.tmp'], { warn: 1499, fail: 1500 })).toMatchObject({
      status: 'warn',
      facts: { count: 1500 },
    })
    expect(await run(cwd, ['*.tmp'], { warn: 0, fail: 1499 })).toMatchObject({
      status: 'fail',
      facts: { count: 1499, more: true },
    })
  })
})

describe('writerPid', () => {
  it.each<[string, number | undefined]>([
    [`sessions.4711.${UUID}.tmp`, 4711],
    [`.fs-safe-${UUID}.tmp`, undefined],
    ['.fs-safe-0b0e3a52-6f0e-4d6a-1234-777777777777.tmp', undefined],
    [`.fs-safe-4711-${UUID}.tmp`, 4711],
    [`${UUID}.tmp`, undefined],
    ['jobs.json.4711.9f3a21bc.tmp', 4711],
    ['jobs.json.4711.123456.tmp', 4711],
    ['x.4711.tmp', 4711],
    ['x-4711.tmp', 4711],
    ['x.1700000000000.tmp', undefined],
    ['x.0.tmp', undefined],
    ['x4711.tmp', undefined],
    ['.tmp', undefined],
  ])('%s', (name, pid) => {
    expect(writerPid(name)).toBe(pid)
  })
})

describe('rhythm', () => {
  const every = (gap: number, count: number, from = NOW) => Array.from({ length: count }, (_, i) => from - i * gap)
  it('takes files of one start together', () => {
    const times = every(9000, 6).flatMap(time => [time, time - 50, time - 120])
    expect(rhythm(times)).toEqual({ everyMs: 9000, starts: 6, since: NOW - 45_000 })
  })
  it('ends the row where the rhythm began', () => {
    expect(rhythm([...every(10_000, 8), ...every(86_400_000, 5, NOW - 86_400_000)])).toEqual({
      everyMs: 10_000,
      starts: 8,
      since: NOW - 70_000,
    })
  })
  it('sees none in few files, in one burst, or in chance', () => {
    expect(rhythm(every(9000, 3))).toBeUndefined()
    expect(rhythm(every(10, 100))).toBeUndefined()
    expect(rhythm([])).toBeUndefined()
    expect(rhythm([0, 60_000, 61_000, 3_000_000, 3_500_000].map(ago => NOW - ago))).toBeUndefined()
  })
})
