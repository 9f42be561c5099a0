import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { type Line, MAX_LINE, splitter } from '../../checks/log-signals/lines.ts'
import { readLog } from '../../checks/log-signals/read.ts'
import { densest } from '../../checks/log-signals/scan.ts'
import { timeOfJson, timeOfText } from '../../checks/log-signals/time.ts'
import { logSignals } from '../../checks/log-signals.ts'
import type { CheckContext, Outcome, Trouble, Verdict } from '../../core/check.ts'
import { parseManifest } from '../../index.ts'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

// The logs of an OpenClaw that runs on this very machine are nothing to these tests.
vi.mock('../../presets/openclaw-logs.ts', async original => {
  const { openclawLogs } = await original<typeof import('../../presets/openclaw-logs.ts')>()
  return { openclawLogs: { ...openclawLogs, places: openclawLogs.places.filter(place => !place.startsWith('/tmp/')) } }
})

const NOW = Date.UTC(2026, 10, 22, 12)
const HOUR = 3_600_000
const at = (ms: number): string => new Date(NOW - ms).toISOString()

const put = (path: string, bytes: string | Buffer, ageMs = 0): string => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  utimesSync(path, (NOW - ageMs) / 1000, (NOW - ageMs) / 1000)
  return path
}

const run = async (
  cwd: string,
  options: object,
  outcomes: Readonly<Record<string, Outcome>> = {},
  given: Partial<CheckContext> = {},
): Promise<Verdict> =>
  logSignals.run(
    (await completed(logSignals, options)) as never,
    context({
      cwd,
      home: cwd,
      env: { TMPDIR: join(cwd, 'tmp/') },
      now: () => NOW,
      outcomes: new Map(Object.entries(outcomes)),
      mask: text => text.replaceAll('hunter2-hunter2', '***'),
      ...given,
    }),
  )

const log = async (text: string | Buffer, options: object = {}): Promise<Verdict> => {
  const cwd = scratch()
  put(join(cwd, 'gateway.log'), text)
  return run(cwd, { files: ['gateway.log'], ...options })
}

const names = (verdict: Verdict): string[] => {
  if (verdict.status === 'skip') throw new Error('it is a skip')
  const signals = verdict.facts?.signals
  return Array.isArray(signals) ? signals.map(text => text.replace(/ .*/, '')) : []
}

describe('the signals that are known', () => {
  it.each([
    ['sqlite-cantopen', 'Error: SQLITE_CANTOPEN: unable to open database file'],
    ['sqlite-malformed', 'SqliteError: database disk image is malformed'],
    ['no-gui-session', 'Bootstrap failed: 125: Domain does not support specified action'],
    ['no-gui-session', 'Could not find domain for user gui: 501'],
    ['hook-reference', 'Failed to load hook session-memory'],
    ['hook-reference', 'hook "x" has no readable handler'],
    [
      'hook-reference',
      'ReferenceError: fetchh is not defined\n    at handler (/home/claw/.openclaw/hooks/x/handler.js:3:1)',
    ],
    ['address-in-use', 'Error: listen EADDRINUSE: address already in use 127.0.0.1:18789'],
    ['no-space', 'ENOSPC: no space left on device, write'],
    ['key-refused', 'Error: 401 Unauthorized (POST /v1/embeddings)'],
    ['key-refused', '{"level":"error","msg":"Invalid API key"}'],
    ['out-of-heap', 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'],
  ])('%s', async (name, line) => {
    const verdict = await log(`${at(HOUR)} start\n${at(HOUR / 2)} ${line}\n`)
    expect(verdict).toMatchObject({ status: 'warn', code: 'log-signals/signal', watched: ['gateway.log'] })
    expect(names(verdict)).toEqual([name])
    expect(names(await log(`${line}\n`))).toEqual([name])
  })

  it('a ReferenceError elsewhere is none', async () => {
    const text = `ReferenceError: a is not defined\n${'    at x (/opt/a.js:1:1)\n'.repeat(9)}hook ran\n`
    expect(await log(text)).toMatchObject({ status: 'pass' })
  })

  it('builtin: false looks for none of them', async () => {
    const own = { builtin: false, signals: { own: { pattern: 'own', means: 'x' } } }
    expect(await log('ENOSPC\n', own)).toMatchObject({ status: 'pass' })
    expect(await log('own\n', own)).toMatchObject({ status: 'warn' })
    expect(await log('ENOSPC\n', { builtin: false })).toMatchObject({ status: 'fail', code: 'log-signals/nothing' })
  })
})

describe('a restart storm', () => {
  const starts = (count: number, everyMs: number): string =>
    Array.from({ length: count }, (_, i) => `${at((count - i) * everyMs)} listening on 127.0.0.1:1\n`).join('')

  it.each([
    [5, 60_000, 'warn'],
    [4, 60_000, 'pass'],
    [20, 5 * 60_000, 'pass'],
    [5, 100, 'pass'], // one start that listens five times
    [40, 400, 'warn'],
  ])('%i starts, one every %i ms: %s', async (count, everyMs, status) => {
    const verdict = await log(starts(count, everyMs))
    expect(verdict.status).toBe(status)
    if (status === 'warn') expect(names(verdict)).toEqual(['restart-storm'])
  })

  it('two lines of one start do not make two', async () => {
    const both = Array.from(
      { length: 3 },
      (_, i) => `${at(i * 60_000 + 12_000)} starting gateway\n${at(i * 60_000)} listening on x\n`,
    )
    expect((await log(both.reverse().join(''))).status).toBe('pass')
  })

  it('counts the densest stretch', () => {
    const times = [0, 100_000, 101_000, 101_100, 102_000, 500_000]
    expect(densest(times, 5000, 1000)).toEqual({ count: 3, first: 100_000, last: 102_000 })
    expect(densest(times, 5000, 0)).toEqual({ count: 4, first: 100_000, last: 102_000 })
    expect(densest([], 5, 0)).toMatchObject({ count: 0 })
  })
})

describe('together', () => {
  const two = 'ENOSPC\nEADDRINUSE\n'
  const outcome = (status: 'warn' | 'fail', code: string): Outcome => ({
    status,
    code,
    summary: 'it is bad',
    observed: 'bad',
    expected: 'good',
    next: `mend ${code}`,
  })
  const passed: Outcome = { status: 'pass', code: 'http/ok', summary: 'ok', watched: ['api'] }

  it('none is fine, one warns, two fail, three are an incident', async () => {
    expect(await log('fine\n')).toMatchObject({ status: 'pass', code: 'log-signals/quiet' })
    expect(await log('ENOSPC\nENOSPC\n')).toMatchObject({ status: 'warn', code: 'log-signals/signal' })
    expect(await log(two)).toMatchObject({ status: 'fail', code: 'log-signals/several' })
    expect(await log(`${two}SQLITE_CANTOPEN\n`)).toMatchObject({
      status: 'fail',
      code: 'log-signals/incident',
      summary:
        'incident: 3 warning signs at once: sqlite-cantopen (1 line), address-in-use (1 line), no-space (1 line)',
    })
  })

  it('the incident of four causes needs no log at all', async () => {
    const verdict = await run(
      scratch(),
      { with: ['api', 'hooks', 'temp-files', 'session', 'port'] },
      {
        api: outcome('fail', 'http/unauthorized'),
        hooks: outcome('fail', 'plugin-hooks/handler-missing'),
        'temp-files': outcome('warn', 'tmp-files/growing'),
        session: outcome('fail', 'gui-session/none'),
        port: passed,
      },
    )
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'log-signals/incident',
      summary: 'incident: 4 warning signs at once: api, hooks, temp-files, session',
      next: 'mend http/unauthorized; mend plugin-hooks/handler-missing; mend tmp-files/growing; mend gui-session/none',
      watched: ['api', 'hooks', 'temp-files', 'session', 'port'],
    })
    expect((verdict as Trouble).expected).not.toContain('since:')
  })

  it('one in a log and one of an earlier check are two', async () => {
    const cwd = scratch()
    put(join(cwd, 'a.log'), 'ENOSPC\n')
    expect(await run(cwd, { files: ['a.log'], with: ['x'] }, { x: outcome('warn', 'x/y') })).toMatchObject({
      code: 'log-signals/several',
      summary: '2 warning signs at once: x, no-space (1 line)',
    })
  })

  it('what is not known of earlier checks is said, and alone is no pass', async () => {
    const late: Outcome = { status: 'timeout', afterMs: 5000 }
    const skipped: Outcome = { status: 'skip', reason: 'moving house' }
    expect(await run(scratch(), { with: ['a', 'b', 'c'] }, { a: late, b: skipped })).toMatchObject({
      status: 'fail',
      code: 'log-signals/unseen',
      summary: expect.stringContaining('a (no answer within 5 s), b (skipped: moving house), c (not run here)'),
      next: 'write a into a manifest and this check below it, then: bootcheck run',
    })
    expect(await run(scratch(), { with: ['b'] }, { b: skipped })).toMatchObject({
      status: 'warn',
      code: 'log-signals/unseen',
      next: 'end the skip of b, or name a check that runs here in its place',
    })
    expect(await run(scratch(), { with: ['a', 'ok'] }, { a: late, ok: passed })).toMatchObject({
      status: 'pass',
      summary: 'no warning sign: earlier checks ok; not known: a (no answer within 5 s)',
    })
  })
})

describe('signals of your own', () => {
  const own = (spec: object) => ({ signals: { quota: { means: 'the plan is used up', ...spec } } })

  it.each([
    ['plain text', 'quota (a+)+$ hit', 'quota (a+)+$ hit', true],
    ['plain text in other case', 'QUOTA', 'quota', false],
    ['an expression', '/quota (exhausted|exceeded)/i', 'Quota Exceeded', true],
    ['an expression that asks for a beginning', '/^quota/', 'the quota', false],
  ])('%s', async (_, pattern, line, found) => {
    expect((await log(`${line}\n`, own({ pattern }))).status).toBe(found ? 'warn' : 'pass')
  })

  it('is searched in the strings of a JSON line, and in the line itself', async () => {
    const line = `${JSON.stringify({ time: at(HOUR), level: 'error', err: { msg: 'cannot "read"\n  a' } })}\n`
    expect((await log(line, own({ pattern: 'cannot "read"' }))).status).toBe('warn')
    expect((await log(line, own({ pattern: '"level":"error"' }))).status).toBe('warn')
    expect((await log(line, own({ pattern: '"level":"warn"' }))).status).toBe('pass')
  })

  it('gives the advice that was written, or shows the line; both work when pasted', async () => {
    expect(await log('quota\n', own({ pattern: 'quota', next: 'df' }))).toMatchObject({ next: 'df' })
    const { next } = (await log('a\nquota hit\nb\n', own({ pattern: 'quota' }))) as Trouble
    expect(execFileSync('sh', ['-c', next], { encoding: 'utf8' })).toBe('quota hit\n')
  })

  it('takes the place of a known one', async () => {
    const verdict = await log('ENOSPC\n', { signals: { 'no-space': { pattern: 'quota', means: 'x' } } })
    expect(verdict.status).toBe('pass')
  })

  it('may need several lines', async () => {
    const spec = { pattern: 'retry', times: 3, within: '1m' }
    const lines = (...ages: number[]) => ages.map(age => `${at(age)} retry\n`).join('')
    expect((await log(lines(50_000, 30_000, 10_000), own(spec))).status).toBe('warn')
    expect((await log(lines(50_000, 10_000), own(spec))).status).toBe('pass')
    expect((await log(lines(300_000, 30_000, 10_000), own(spec))).status).toBe('pass')
  })

  it('counts lines, not moments: a burst within one second is as many as it has lines', async () => {
    const burst = `${at(HOUR)} retry\n`.repeat(3)
    for (const within of [{}, { within: '1m' }]) {
      expect((await log(burst, own({ pattern: 'retry', times: 3, ...within }))).status).toBe('warn')
      expect((await log(burst, own({ pattern: 'retry', times: 4, ...within }))).status).toBe('pass')
    }
  })

  it('counts lines without a time, unless they must come within a duration', async () => {
    const three = 'retry\n'.repeat(3)
    expect(await log(three, own({ pattern: 'retry', times: 3 }))).toMatchObject({
      status: 'warn',
      facts: { signals: ['quota (3 times)'] },
    })
    expect((await log(three, own({ pattern: 'retry', times: 4 }))).status).toBe('pass')
    expect((await log(`${three}${at(HOUR)} retry\n`, own({ pattern: 'retry', times: 4 }))).status).toBe('warn')
    expect((await log(three, own({ pattern: 'retry', times: 3, within: '1m' }))).status).toBe('pass')
  })

  it.each([
    [{ pattern: '/a(/' }, 'no regular expression'],
    [{ pattern: '/a/g' }, 'ends with g'],
    [{ pattern: 'a', within: '1m' }, 'times is 1'],
  ])('%j is refused by the run and by the grammar', async (spec, says) => {
    expect(await log('a\n', own(spec))).toMatchObject({
      status: 'fail',
      code: 'log-signals/pattern',
      summary: expect.stringContaining(says),
    })
    const keys = Object.entries({ means: 'x', ...spec }).map(([key, value]) => `    ${key}: "${value}"`)
    const text = manifest(`check: log-signals\nid: logs\nfiles: [a.log]\nsignals:\n  quota:\n${keys.join('\n')}`)
    const { errors } = await parseManifest(text, { file: 'BOOT.md' })
    expect(errors.map(({ code, message }) => `${code} ${message}`).join()).toMatch(
      new RegExp(`^E306 signals.quota: .*${says}`),
    )
  })
})

describe('time', () => {
  const local = (year: number, month: number, day: number, hour: number, minute: number) =>
    new Date(year, month - 1, day, hour, minute).getTime()
  it.each([
    ['2026-11-22T02:14:00Z x', Date.UTC(2026, 10, 22, 2, 14)],
    ['\u001b[90m2026-11-22T02:14:00Z\u001b[39m x', Date.UTC(2026, 10, 22, 2, 14)],
    ['2026-11-22T02:14:00.250Z', Date.UTC(2026, 10, 22, 2, 14) + 250],
    ['2026-11-22T02:14:00.123456+01:00 x', Date.UTC(2026, 10, 22, 1, 14) + 123.456],
    ['[2026-11-22 02:14:00,5 -0330] x', Date.UTC(2026, 10, 22, 5, 44) + 500],
    ['2026-11-22 02:14:00 x', local(2026, 11, 22, 2, 14)],
    ['2026/11/22 02:14:00 [error] 7#7: x', local(2026, 11, 22, 2, 14)],
    ['Nov 22 02:14:00 host gateway[7]: x', local(2026, 11, 22, 2, 14)],
    ['<13>Nov  2 02:14:00 host x', local(2026, 11, 2, 2, 14)],
    ['Dec 31 02:14:00 host x', local(2025, 12, 31, 2, 14)],
    ['Sun Nov 22 02:14:00 2026', local(2026, 11, 22, 2, 14)],
    ['Sun Nov 22 02:14:00 UTC 2026', local(2026, 11, 22, 2, 14)],
    ['[22/Nov/2026:02:14:00 +0100] x', Date.UTC(2026, 10, 22, 1, 14)],
    ['1795400000 x', 1_795_400_000_000],
    ['1795400000.5 x', 1_795_400_000_500],
    ['1795400000123 x', 1_795_400_000_123],
    // An id or a count of bytes: a bare number far from now is no time.
    ['1234567890: user wrote hello', undefined],
    ['1577836800123 x', undefined],
    ['2026-02-31T00:00Z', undefined],
    ['2026-11-22T02:14:75Z', undefined],
    ['2024-02-29T24:00Z', Date.UTC(2024, 2, 1)],
    ['    at x (a.js:1:1)', undefined],
    ['2026-13-45T02:14:00Z', undefined],
    ['17 files', undefined],
    ['12345678901234567890', undefined],
    ['Error: x', undefined],
    ['', undefined],
  ])('%s', (text, ms) => {
    expect(timeOfText(text, NOW)).toBe(ms)
  })

  it.each<[object, number | undefined]>([
    [{ time: 1_795_400_000_123 }, 1_795_400_000_123],
    [{ ts: 1_795_400_000.5 }, 1_795_400_000_500],
    [{ '@timestamp': '2026-11-22T02:14:00Z' }, Date.UTC(2026, 10, 22, 2, 14)],
    [{ 0: 'x', _meta: { date: '2026-11-22T02:14:00.000Z' } }, Date.UTC(2026, 10, 22, 2, 14)],
    [{ time: 'yesterday', timestamp: '1795400000' }, 1_795_400_000_000],
    [{ time: 12 }, undefined],
    [{ ts: '1234567890' }, 1_234_567_890_000],
    [{ _meta: null }, undefined],
  ])('%j', (line, ms) => {
    expect(timeOfJson(line as Record<string, unknown>, NOW)).toBe(ms)
  })

  it('what is older than the window does not count, nor the lines that belong to it', async () => {
    const text = `head ENOSPC\n${at(30 * HOUR)} start\n  ENOSPC\n${at(25 * HOUR)} ENOSPC\n${at(HOUR)} fine\n`
    expect(await log(text)).toMatchObject({ status: 'pass', facts: { lines: 5, linesInWindow: 1 } })
    expect(await log(text, { since: '2d' })).toMatchObject({ status: 'warn' })
    expect(await log(`${at(30 * HOUR)} a\n${at(HOUR)} b\n  ENOSPC\n`)).toMatchObject({ status: 'warn' })
    expect(await log(`head ENOSPC\n${at(HOUR)} a\n`)).toMatchObject({ status: 'warn' })
  })

  const FAULTS = 'Error: SQLITE_CANTOPEN: x\nlisten EADDRINUSE: :::18789\nENOSPC: no space left on device\n'

  it.each([
    ['a start with a time, days ago', `${at(72 * HOUR)} gateway started\n`],
    ['a number that is no time', '1234567890: user wrote hello\n'],
    ['a number in brackets', '[1234567890] user wrote hello\n'],
    ['a date that is quoted', '2019/01/01 00:00 copyright of foo\n'],
    ['a date that is quoted, after a start', `${at(HOUR)} start\n2019/01/01 00:00 copyright of foo\n`],
    ['a date to come', `${at(72 * HOUR)} start\n2099-01-01 00:00 is when it expires\n${at(71 * HOUR)} x\n`],
    ['a number to come', `${at(72 * HOUR)} start\n1799999999 is an id\n${at(71 * HOUR)} x\n`],
    ['JSON of days ago', `{"time":"${at(72 * HOUR)}","msg":"start"}\n`],
  ])('lines without a time at the end of a file that is written to count: behind %s', async (_, before) => {
    expect(await log(before + FAULTS)).toMatchObject({ status: 'fail', code: 'log-signals/incident' })
  })

  it('a date that is quoted does not take the lines out that follow it with times of their own', async () => {
    const lines = FAULTS.split('\n').filter(line => line !== '')
    const timed = lines.map(line => `${at(HOUR)} ${line}\n`).join('')
    expect(names(await log(`${at(2 * HOUR)} start\n2019/01/01 00:00 foo\n${timed}`))).toHaveLength(3)
    expect(names(await log(`${at(2 * HOUR)} start\n2099-01-01 00:00 foo\n${timed}`))).toHaveLength(3)
    // A clock that is wrong until the network sets it: written later, whatever it says.
    expect(names(await log(`${at(2 * HOUR)} start\n2023-01-01T00:00:00Z boot\n${FAULTS}`))).toHaveLength(3)
    // And a date to come does not make old lines new.
    const old = lines.map(line => `${at(48 * HOUR)} ${line}\n`).join('')
    for (const ahead of ['2099-01-01 00:00 b', '{"date":"2099-01-01T00:00:00Z"}'])
      expect(await log(`${at(72 * HOUR)} a\n${ahead}\n${old}${at(HOUR)} fine\n`)).toMatchObject({ status: 'pass' })
  })

  it('what follows an old line and stands before a newer one belongs to the old one', async () => {
    expect(await log(`${at(72 * HOUR)} x\n${FAULTS}${at(HOUR)} fine\n`)).toMatchObject({
      status: 'pass',
      facts: { lines: 5, linesInWindow: 1 },
    })
  })

  it('a file that was written in the window, and has only older lines, is told', async () => {
    expect(await log(`${at(72 * HOUR)} a\n${at(71 * HOUR)} ENOSPC\n`)).toMatchObject({
      status: 'pass',
      summary: expect.stringMatching(
        /^no warning sign: 0 lines in the last 24 h in gateway\.log; written to in the last 24 h, and with older lines only: gateway\.log \(its last is of 2026-11-19 [\d:]+\)$/,
      ),
    })
    expect(await log(`${at(72 * HOUR)} a\nfine\n`)).toMatchObject({
      status: 'pass',
      facts: { linesInWindow: 1 },
      summary: expect.not.stringContaining('older lines'),
    })
  })

  it.each(['0s', '2099-01-01T00:00Z', '2026-02-31T00:00Z', '400d'])('since: %s is refused', async since => {
    expect(await log(FAULTS, { since })).toMatchObject({ status: 'fail', code: 'log-signals/window' })
  })

  it('a moment passes over what was mended before it, as the advice says', async () => {
    const text = `${at(HOUR)} ENOSPC\n`
    const { expected } = (await log(text)) as Trouble
    const since = /since: "([^"]+)"/.exec(expected)?.[1]
    expect(await log(text, { since })).toMatchObject({ status: 'pass' })
    expect(
      await log(text, {
        since: at(2 * HOUR)
          .slice(0, 16)
          .concat('Z'),
      }),
    ).toMatchObject({ status: 'warn' })
  })

  it('boot is when this host started', async () => {
    const cwd = scratch()
    put(join(cwd, 'a.log'), `${at(3 * HOUR)} ENOSPC\n${at(HOUR)} fine\n`)
    const since = async (uptimeMs: number) => {
      const ctx = context({ cwd, now: () => NOW })
      const store = { ...ctx.store, stamp: () => ({ wallMs: NOW, boot: 'x', uptimeMs }) }
      const options = await completed(logSignals, { files: ['a.log'], since: 'boot' })
      return (await logSignals.run(options as never, { ...ctx, store })).status
    }
    expect([await since(2 * HOUR), await since(4 * HOUR)]).toEqual(['pass', 'warn'])
  })

  it('tells when a sign came first and last, and shows the latest line', async () => {
    const verdict = (await log(`${at(3 * HOUR)} ENOSPC one\n${at(2 * HOUR)} x\n${at(HOUR)} ENOSPC two\n`)) as Trouble
    expect(verdict.summary).toMatch(/^a warning sign: no-space: .* \(2 lines from .+ to .+, gateway\.log:3\)$/)
    expect(verdict.findings).toMatchObject([{ line: 3, message: expect.stringContaining('ENOSPC two') }])
  })

  it.each(['25d', '2026-13-45T00:00Z', 'yesterday', '2026-11-22T09:00Z or so'])(
    'since: %s is refused by the run and by the grammar',
    async since => {
      expect(await log('a\n', { since })).toMatchObject({ status: 'fail', code: 'log-signals/window' })
      const text = manifest(`check: log-signals\nid: logs\nfiles: [a.log]\nsince: "${since}"`)
      expect((await parseManifest(text, { file: 'BOOT.md' })).errors).toMatchObject([{ code: 'E306' }])
    },
  )
})

describe('files', () => {
  it('reads rotated and compressed ones beside a log, oldest first', async () => {
    const cwd = scratch()
    const line = (name: string) => `ENOSPC in ${name}\n`
    put(join(cwd, 'g.log.2.gz'), gzipSync(line('2')), 3000)
    put(join(cwd, 'g.log.1'), line('1'), 2000)
    put(join(cwd, 'g.log-20261121'), line('dated'), 2500)
    put(join(cwd, 'g.log.gzipped-notes'), line('other'), 0)
    put(join(cwd, 'g.logger'), line('other'), 0)
    put(join(cwd, 'g.log'), line('now'), 1000)
    expect(await run(cwd, { files: ['g.log'] })).toMatchObject({
      status: 'warn',
      facts: { files: 4 },
      watched: ['g.log.2.gz', 'g.log-20261121', 'g.log.1', 'g.log'],
      findings: [{ path: join(cwd, 'g.log'), message: expect.stringContaining('ENOSPC in now') }],
    })
  })

  it('shows a line of a compressed one by a command that works', async () => {
    const cwd = scratch()
    put(join(cwd, "it's.log.gz"), gzipSync('a\nSQLITE_CANTOPEN\n'))
    const { next } = (await run(cwd, { files: ['*.gz'] })) as Trouble
    expect(execFileSync('sh', ['-c', next], { encoding: 'utf8' })).toBe('SQLITE_CANTOPEN\n')
  })

  it('knows gzip by its content, and several members in one file', async () => {
    expect(await log(Buffer.concat([gzipSync('fine\n'), gzipSync('ENOSPC\n')]))).toMatchObject({ status: 'warn' })
  })

  it('passes over what was not written in the window, and says so', async () => {
    const cwd = scratch()
    put(join(cwd, 'old.log'), 'ENOSPC\n', 30 * HOUR)
    expect(await run(cwd, { files: ['old.log'] })).toMatchObject({
      status: 'pass',
      summary: 'no warning sign: old.log not written in the last 24 h',
      watched: ['old.log'],
      facts: { files: 0, passedOver: 1 },
    })
  })

  it('reads a file once, by whatever names', async () => {
    const cwd = scratch()
    put(join(cwd, 'g.log'), 'ENOSPC\n')
    symlinkSync('g.log', join(cwd, 'current.log'))
    expect(await run(cwd, { files: ['*.log', 'g.log'] })).toMatchObject({
      facts: { files: 1, signals: ['no-space (1 line)'] },
    })
  })

  it.each<[string, (cwd: string) => void, string]>([
    ['a file that is not there', () => {}, 'missing'],
    ['a link to nothing', cwd => symlinkSync('gone', join(cwd, 'g.log')), 'missing'],
    ['a folder', cwd => mkdirSync(join(cwd, 'g.log')), 'unreadable'],
    ['a FIFO', cwd => execFileSync('mkfifo', [join(cwd, 'g.log')]), 'unreadable'],
    [
      'gzip that was cut short',
      cwd => put(join(cwd, 'g.log'), gzipSync('fine\n'.repeat(1000)).subarray(0, 30)),
      'unreadable',
    ],
    [
      'gzip that is damaged',
      cwd => put(join(cwd, 'g.log'), Buffer.from('1f8b0800000000000003ffffffff', 'hex')),
      'unreadable',
    ],
    ['xz', cwd => put(join(cwd, 'g.log'), Buffer.from('fd377a585a000004', 'hex')), 'unreadable'],
    ['a loop of links', cwd => symlinkSync('g.log', join(cwd, 'g.log')), 'unreadable'],
  ])('%s is a failure, also beside a good one', async (_, make, what) => {
    const cwd = scratch()
    make(cwd)
    put(join(cwd, 'good.log'), 'fine\n')
    const failure = { status: 'fail', code: `log-signals/${what}` }
    expect(await run(cwd, { files: ['g.log'] })).toMatchObject(failure)
    expect(await run(cwd, { files: ['good.log', 'g.log'] })).toMatchObject(failure)
  })

  it('a problem does not hide a sign, nor a sign a problem', async () => {
    const cwd = scratch()
    put(join(cwd, 'a.log'), 'ENOSPC\n')
    expect(await run(cwd, { files: ['a.log', 'gone.log'] })).toMatchObject({
      status: 'fail',
      code: 'log-signals/missing',
      summary: 'gone.log does not exist; beside that, no-space (1 line)',
    })
    put(join(cwd, 'a.log'), 'ENOSPC\nEADDRINUSE\n')
    expect(await run(cwd, { files: ['a.log', 'gone.log'] })).toMatchObject({
      code: 'log-signals/several',
      findings: [{}, {}, { code: 'log-signals/missing' }],
    })
  })

  it('min says how many there must be', async () => {
    const cwd = scratch()
    expect(await run(cwd, { files: ['g*.log'], min: 0 })).toEqual({
      status: 'skip',
      reason: 'no log is there yet: g*.log',
    })
    put(join(cwd, 'g1.log'), 'ENOSPC\n')
    expect(await run(cwd, { files: ['g*.log'], min: 0 })).toMatchObject({ status: 'warn' })
    expect(await run(cwd, { files: ['g*.log'], min: 2 })).toMatchObject({ status: 'fail', code: 'log-signals/missing' })
  })

  it('a log that grows is read to where it ended', async () => {
    const path = put(join(scratch(), 'g.log'), 'a\n'.repeat(300_000))
    let read = 0
    await readLog(
      path,
      bytes => {
        read += bytes.length
        appendFileSync(path, bytes)
      },
      async () => {},
    )
    expect(read).toBe(600_000)
  })

  it.each([0, 1, 7])('finds the one line wherever it stands in a long log (%i)', async shift => {
    // Past the pieces in which a log is read, across their edges, and behind lines longer than a piece.
    const filler = (bytes: number) => `${at(HOUR)} ${'x'.repeat(bytes - 26)}\n`
    const line = 'ENOSPC here'
    for (const size of [262_144 - 5 - shift, 262_144 * 2 - 11 + shift, 300_000 + shift]) {
      const plain = Array.from({ length: Math.floor(size / 1000) }, () => filler(1000)).join('')
      const padded = `${plain}${filler(Math.max(30, size - plain.length))}${line}\n${filler(400_000)}${at(HOUR)} end\n`
      expect(names(await log(padded))).toEqual(['no-space'])
      expect(names(await log(gzipSync(padded)))).toEqual(['no-space'])
    }
    expect(names(await log(`ENOSPC ${'x'.repeat(2_000_000)}\n`))).toEqual(['no-space'])
    expect(names(await log(gzipSync(`ENOSPC ${'x'.repeat(2_000_000)}\n`)))).toEqual(['no-space'])
  })

  it('binary junk is no trouble', async () => {
    const junk = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 256))
    expect(await log(Buffer.concat([junk, Buffer.from('\nENOSPC\u0007\u001b[31m\n')]))).toMatchObject({
      status: 'warn',
    })
  })
})

describe('lines', () => {
  const linesOf = (chunks: readonly Buffer[]): Line[] => {
    const lines: Line[] = []
    const { take, end } = splitter(line => lines.push(line))
    for (const chunk of chunks) {
      take(chunk)
      chunk.fill(0x78) // the reader uses its memory again
    }
    end()
    return lines
  }

  it.each([1, 2, 3, 7, 100])('come out the same in pieces of %i bytes', size => {
    const bytes = Buffer.from('\ufeffone\r\ntwo ä\n\nlast')
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      Buffer.from(bytes.subarray(i * size, (i + 1) * size)),
    )
    expect(linesOf(chunks)).toEqual([
      { text: 'one', number: 1, cut: false },
      { text: 'two ä', number: 2, cut: false },
      { text: '', number: 3, cut: false },
      { text: 'last', number: 4, cut: false },
    ])
  })

  it.each([1000, MAX_LINE, 10 * MAX_LINE])('are cut in chunks of %i', size => {
    const bytes = Buffer.from(`${'a'.repeat(MAX_LINE)}\n${'b'.repeat(MAX_LINE + 1)}\nc\n${'d'.repeat(3 * MAX_LINE)}`)
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      Buffer.from(bytes.subarray(i * size, (i + 1) * size)),
    )
    expect(linesOf(chunks).map(({ text, cut }) => [text[0], text.length, cut])).toEqual([
      ['a', MAX_LINE, false],
      ['b', MAX_LINE, true],
      ['c', 1, false],
      ['d', MAX_LINE, true],
    ])
  })
})

describe('what is shown of a line', () => {
  it.each([
    ['a secret of the manifest', 'password hunter2-hunter2 ENOSPC', 'hunter2'],
    ['a secret far behind', `${'x '.repeat(3000)}hunter2-hunter2 ENOSPC`, 'hunter2'],
    ['a known token', `ENOSPC Bearer abcdefghijklmnopqrstuvwxyz`, 'abcdefghij'],
    ['what is called a key', 'ENOSPC api_key=abc123abc', 'abc123'],
    ['what is called a token', 'ENOSPC {"token": "zyx987zyx"}', 'zyx987'],
    ['a token at the cut', `${'x'.repeat(4000)} ${'y'.repeat(120)} sk-abcdefghijklmnopqrstuvwxyz ENOSPC`, 'abcdefghij'],
  ])('not %s', async (_, line, secret) => {
    const text = JSON.stringify(await log(`${line}\n`))
    expect(text).toContain('ENOSPC')
    expect(text).not.toContain(secret)
  })

  it('is the place where the sign stands', async () => {
    const { findings } = (await log(`${'word '.repeat(2000)}ENOSPC here ${'more '.repeat(2000)}\n`)) as Trouble
    expect(findings?.[0]?.message).toMatch(/^no-space: 1 line: ….*ENOSPC here .*…$/)
    expect(findings?.[0]?.message.length).toBeLessThan(250)
    // Where and what it means are in the summary.
    expect(await log('x\nENOSPC here\n')).toMatchObject({
      summary: expect.stringContaining('gateway.log:2'),
      observed: 'ENOSPC here',
    })
  })
})

describe('preset: openclaw', () => {
  const json = (message: string, level = 'ERROR') =>
    `${JSON.stringify({ 0: '{"subsystem":"gateway"}', 1: message, _meta: { logLevelName: level, date: at(HOUR) }, time: at(HOUR) })}\n`

  it.each([
    ['restart-loop', 'restart-loop breaker tripped: 3 unclean boots'],
    ['degraded', 'cron store is damaged; continuing with degraded state'],
    ['plugin-missing', 'extension entry not found: ./index.js'],
    ['random-token', 'Generated a runtime token'],
    ['start-refused', 'Gateway failed to start: port'],
    ['memory-pressure', 'memory pressure: level=critical'],
  ])('%s', async (name, message) => {
    const cwd = scratch()
    put(join(cwd, 's/logs/gateway.log'), json('fine', 'INFO') + json(message))
    const verdict = await run(cwd, { preset: 'openclaw', state: 's' })
    expect(verdict).toMatchObject({ status: 'warn' })
    expect(names(verdict)).toEqual([name])
  })

  it('reads the logs of launchd and of the service, and fails where there is none', async () => {
    const cwd = scratch()
    expect(await run(cwd, { preset: 'openclaw' })).toMatchObject({ status: 'fail', code: 'log-signals/missing' })
    put(join(cwd, 'Library/Logs/openclaw/gateway.log'), 'ENOSPC\n')
    put(join(cwd, '.openclaw/logs/gateway.err.log'), 'EADDRINUSE\n')
    expect(await run(cwd, { preset: 'openclaw' })).toMatchObject({
      code: 'log-signals/several',
      facts: { files: 2 },
    })
  })

  it.each([
    ['no state folder', []],
    ['an empty one', ['s/logs/']],
    ['one of other files', ['s/logs/.gateway.log', 's/logs/gateway.txt']],
  ])('%s is no silence', async (_, paths) => {
    const cwd = scratch()
    lay(cwd, Object.fromEntries(paths.map(path => [path, ''])))
    expect(await run(cwd, { preset: 'openclaw', state: 's' })).toMatchObject({ code: 'log-signals/missing' })
  })

  it('reads the logs of its own user among the temporary files, and nobody else’s', async () => {
    const cwd = scratch()
    const uid = process.getuid?.() ?? 0
    put(join(cwd, '.openclaw/logs/gateway.log'), 'fine\n')
    put(join(cwd, `tmp/openclaw-${uid}/openclaw-2026-11-22.log`), json('ENOSPC'))
    expect(names(await run(cwd, { preset: 'openclaw' }))).toEqual(['no-space'])
    const name = 'claw'
    put(join(cwd, `tmp/openclaw-${uid + 1}/openclaw-2026-11-22.log`), json('EADDRINUSE'))
    const other = await run(cwd, { preset: 'openclaw' }, {}, { user: { uid: uid + 1, gid: 1, name } })
    expect(other).toMatchObject({ status: 'pass', summary: expect.stringMatching(/the folder belongs to/) })
  })

  it('a log in UTF-16 is not taken for one without signs', async () => {
    const cwd = scratch()
    put(join(cwd, 'a.log'), Buffer.from('\ufefflisten EADDRINUSE\n', 'utf16le'))
    expect(await run(cwd, { files: ['a.log'] })).toMatchObject({
      code: 'log-signals/unreadable',
      observed: expect.stringContaining('UTF-16'),
    })
  })

  it('a log that is a link to nothing', async () => {
    const cwd = scratch()
    put(join(cwd, '.openclaw/logs/gateway.err.log'), 'fine\n')
    symlinkSync('gone', join(cwd, '.openclaw/logs/gateway.log'))
    expect(await run(cwd, { preset: 'openclaw' })).toMatchObject({ status: 'fail', code: 'log-signals/missing' })
  })
})

describe('the built program', () => {
  it('an expression that never ends is ended by the timeout, and the others are judged', async () => {
    const cwd = scratch()
    lay(cwd, {
      'a.log': `${'a'.repeat(60)}!\n`,
      'BOOT.md': manifest(
        'check: log-signals\nid: logs\ntimeout: 1s\nfiles: [a.log]\nsignals: {bad: {pattern: "/(a+)+$/", means: x}}',
        'check: workspace\nid: here\npath: .',
      ),
    })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect(reportOf(ended).checks).toMatchObject([
      { id: 'logs', status: 'timeout' },
      { id: 'here', status: 'pass' },
    ])
    expect(ended.code).toBe(1)
    expect(ended.ms).toBeLessThan(5000)
  })

  it('a line of 100 MB, and a bomb of gzip, are read in little memory', async () => {
    const cwd = scratch()
    const fd = openSync(join(cwd, 'a.log'), 'w')
    const megabyte = Buffer.alloc(1024 * 1024, 'x')
    for (let i = 0; i < 100; i++) writeSync(fd, megabyte)
    writeSync(fd, '\nENOSPC\n')
    closeSync(fd)
    writeFileSync(join(cwd, 'b.log.gz'), gzipSync(Buffer.alloc(200 * 1024 * 1024)))
    const words = ['check', 'log-signals', '--files', 'a.log,b.log.gz', '--timeout', '20s', '--format', 'json']
    const ended = await bootcheck(words, {
      cwd,
      through: ['sh', '-c', 'ulimit -v 2000000; exec "$@"', 'sh'],
      env: { NODE_OPTIONS: '--max-old-space-size=60' },
    })
    expect(reportOf(ended).checks[0]).toMatchObject({
      status: 'warn',
      summary: expect.stringContaining('a.log:2'),
      facts: { linesCut: 2, lines: 3 },
    })
  })

  it('four causes at once are one report with one headline, and silence once mended', async () => {
    const cwd = scratch()
    const now = Date.now()
    const stamp = (ageMs: number) => new Date(now - ageMs).toISOString()
    const tmp = Object.fromEntries(
      Array.from({ length: 300 }, (_, i) => [`sessions/main.json.${4000 + i}.9f3a2b.tmp`, '']),
    )
    const warnings = (since: string) =>
      // The expression needs a child, which must know the earlier outcomes too.
      [
        'check: log-signals',
        'id: warning-signs',
        'files: [gateway.err.log]',
        `since: "${since}"`,
        'with: [hooks, temp-files, place]',
        'signals: {embeddings: {pattern: "/embeddings?: .* 401/", means: the key of the embeddings API is expired, next: renew it}}',
      ].join('\n')
    const checks = [
      'check: plugin-hooks\nid: hooks\ndirs: [hooks/*]',
      'check: tmp-files\nid: temp-files\npaths: ["sessions/*.tmp"]',
      'check: workspace\nid: place\npath: .',
    ]
    lay(cwd, {
      ...tmp,
      'hooks/audit/index.js': "import './missing.js'\n",
      'gateway.err.log': `${stamp(600_000)} embeddings: POST /v1/embeddings answered 401\n${stamp(500_000)} Bootstrap failed: 125: x\n`,
      'BOOT.md': manifest(...checks, warnings('1h')),
    })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect(ended.code).toBe(1)
    const headline = reportOf(ended).checks.at(-1)
    expect(headline).toMatchObject({ code: 'log-signals/incident' })
    expect(headline?.summary).toMatch(
      /^incident: 4 warning signs at once: hooks, temp-files, embeddings \(1 line at .*\), no-gui-session \(1 line at .*\)$/,
    )
    expect(headline?.next).toMatch(/; renew it; launchctl print/)

    for (const path of Object.keys(tmp)) rmSync(join(cwd, path))
    lay(cwd, {
      'hooks/audit/missing.js': '',
      'BOOT.md': manifest(...checks, warnings(stamp(60_000).slice(0, 19).concat('Z'))),
    })
    const mended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect(
      reportOf(mended)
        .checks.map(({ code }) => code)
        .at(-1),
    ).toBe('log-signals/quiet')
    expect(mended.code).toBe(0)
  })

  it('severity: warn caps an incident', async () => {
    const cwd = scratch()
    lay(cwd, {
      'a.log': 'ENOSPC\nEADDRINUSE\nSQLITE_CANTOPEN\n',
      'BOOT.md': manifest('check: log-signals\nid: logs\nseverity: warn\nfiles: [a.log]'),
    })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect([ended.code, reportOf(ended).checks[0]]).toMatchObject([
      0,
      { code: 'log-signals/incident', effect: 'warning' },
    ])
  })

  it('takes signals as JSON, and says what is wrong with them', async () => {
    const cwd = scratch()
    lay(cwd, { 'a.log': 'quota hit\n' })
    const good = '{"quota": {"pattern": "quota", "means": "the plan is used up"}}'
    const plain = await bootcheck(['check', 'log-signals', '--files', 'a.log', '--signals', good], { cwd })
    expect([plain.code, plain.stdout]).toEqual([0, expect.stringContaining('quota: the plan is used up')])
    const bad = await bootcheck(
      ['check', 'log-signals', '--files', 'a.log', '--signals', '{"quota": {"patern": "quota"}}'],
      { cwd },
    )
    expect(bad.code).toBe(2)
    const pattern = await bootcheck(
      ['check', 'log-signals', '--files', 'a.log', '--signals', good.replace('"quota",', '"/(/",')],
      { cwd },
    )
    expect([pattern.code, pattern.stderr]).toEqual([2, expect.stringContaining('quota')])
  })

  it('a log that this user may not read', async () => {
    const cwd = scratch()
    lay(cwd, {
      'a.log': 'fine\n',
      'b/c.log': 'fine\n',
      'BOOT.md': manifest('check: log-signals\nid: logs\nfiles: [a.log, b/*.log]'),
    })
    give(cwd)
    execFileSync('chmod', ['0', join(cwd, 'a.log'), join(cwd, 'b')])
    const ended = await bootcheck(['run', '--format', 'json'], { cwd, through: UNPRIVILEGED })
    expect(reportOf(ended).checks[0]).toMatchObject({
      code: 'log-signals/unreadable',
      findings: [{ path: join(cwd, 'b') }, { path: join(cwd, 'a.log') }],
    })
  })
})
