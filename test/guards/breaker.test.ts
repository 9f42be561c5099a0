import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Verdict } from '../../core/check.ts'
import { localStore } from '../../core/local-store.ts'
import { isOf, pairState, parseCounter, parseUntil, readLegacy } from '../../guards/breaker/legacy.ts'
import { breaker } from '../../guards/breaker.ts'
import { budget } from '../../guards/budget.ts'
import { rateLimit } from '../../guards/rate-limit.ts'
import { ask } from '../../supervise/permits.ts'
import { asNobody } from '../support/as-nobody.ts'
import { context, scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'

const NOW = Date.UTC(2026, 10, 22, 2, 14)
const MINUTE = 60_000

const storeIn = (cwd: string) => localStore({ dir: join(cwd, '.state'), now: () => NOW })

const run = async (cwd: string, given: object): Promise<Verdict> =>
  breaker.run((await completed(breaker, given)) as never, context({ cwd, now: () => NOW, store: storeIn(cwd) }))

const lay = (cwd: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(cwd, path, '..'), { recursive: true })
    writeFileSync(join(cwd, path), text)
    utimesSync(join(cwd, path), NOW / 1000, NOW / 1000)
  }
}

describe('what the files of the older convention may hold', () => {
  it.each([
    ['0', 0],
    [' 12\n', 12],
    ['007', 7],
    ['-1', undefined],
    ['', undefined],
    ['3.5', undefined],
    ['three', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['99999999999999999999', undefined],
    ['3\n4', undefined],
  ])('a counter %j', (text, expected) => {
    expect(parseCounter(text)).toBe(expected)
  })

  const zone = new Date(2026, 10, 22, 3, 0).getTime()
  it.each([
    ['', 'none'],
    [' \n', 'none'],
    ['0', 0],
    ['1795316040', 1_795_316_040_000],
    ['1795316040.5', 1_795_316_040_500],
    ['1795316040123', 1_795_316_040_123],
    ['2026-11-22T03:00:00Z', Date.UTC(2026, 10, 22, 3)],
    ['2026-11-22T03:00:00.250+01:00\n', Date.UTC(2026, 10, 22, 2, 0, 0, 250)],
    ['2026-11-22T03:00:00+0100', Date.UTC(2026, 10, 22, 2)],
    ['2026-11-22T03:00:00', zone],
    ['2026-11-22 03:00', zone],
    ['2026-11-22', new Date(2026, 10, 22).getTime()],
    // Microseconds, and seconds of the year 5138: as whatever they are read, they are too far ahead.
    ['1795316040123456', undefined],
    ['99999999999', undefined],
    [String(NOW + 367 * 24 * 60 * MINUTE), undefined],
    ['2099-01-01T00:00:00Z', Date.UTC(2099, 0, 1)],
    ['2026-02-31T00:00:00Z', undefined],
    ['2026-13-01T00:00:00Z', undefined],
    ['2026-11-22T25:00:00Z', undefined],
    ['soon', undefined],
    ['-5', undefined],
    ['22.11.2026', undefined],
    ['tomorrow 2026-11-22', undefined],
    ['99999999999999999999', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
  ])('a time %j', (text, expected) => {
    expect(parseUntil(text, NOW)).toBe(expected)
  })

  it('is a time, or nothing that is one, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const until = parseUntil(text, NOW)
        expect(until === undefined || until === 'none' || Number.isFinite(new Date(until).getTime())).toBe(true)
      }),
    )
  })

  it('blocks from when the counter was written, where no time is given or the time is over', () => {
    const terms = { failures: 3, blockMs: 30 * MINUTE }
    const pair = { name: 'x', folder: '/', problems: [] }
    const at = (given: object) => pairState({ ...pair, ...given }, terms, NOW)
    expect(at({ counter: 2, countedAt: NOW })).toMatchObject({ tripped: false, waitMs: 0 })
    expect(at({ counter: 3, countedAt: NOW - 10 * MINUTE })).toMatchObject({ tripped: true, waitMs: 20 * MINUTE })
    expect(at({ counter: 3, countedAt: NOW + 10 * MINUTE })).toMatchObject({ waitMs: 30 * MINUTE })
    expect(at({ counter: 3, countedAt: NOW - 10 * MINUTE, until: NOW + MINUTE })).toMatchObject({ waitMs: MINUTE })
    expect(at({ counter: 3, countedAt: NOW - 10 * MINUTE, until: NOW - MINUTE })).toMatchObject({
      tripped: true,
      waitMs: 0,
    })
    expect(at({ counter: 4, countedAt: NOW - MINUTE, until: NOW - 60 * MINUTE })).toMatchObject({ waitMs: 29 * MINUTE })
    expect(at({ counter: 0, until: NOW + MINUTE })).toMatchObject({ tripped: false, waitMs: MINUTE })
  })

  it('belongs to a target however that joins its parts', () => {
    const of = (target: string, name: string) => isOf(target, { name })
    expect(of('codex/grok-4.20', 'codex-grok-4.20')).toBe(true)
    expect(of('codex-grok-4.20', 'codex-grok-4.20')).toBe(true)
    expect(of('codex:grok-4.20', 'codex-grok-4.20')).toBe(true)
    expect(of('codex/grok-4.2', 'codex-grok-4.20')).toBe(false)
    expect(of('grok-4.20', 'codex-grok-4.20')).toBe(false)
    expect(of('gemini/модель', 'gemini-модель')).toBe(true)
    expect(of('gemini/другая', 'gemini-модель')).toBe(false)
    expect(of('gemini/', 'gemini-модель')).toBe(false)
    expect(of('gemini/\u00e9', 'gemini-e\u0301')).toBe(true)
  })

  it('is outweighed by a success that was recorded after its counter was written', () => {
    const terms = { failures: 3, blockMs: 30 * MINUTE }
    const pair = { name: 'x', folder: '/', problems: [], counter: 5, countedAt: NOW - 10 * MINUTE }
    const at = (given: object, okAgoMs: number) => pairState({ ...pair, ...given }, terms, NOW, okAgoMs)
    expect(at({}, 9 * MINUTE)).toMatchObject({ tripped: false, waitMs: 0 })
    expect(at({}, 11 * MINUTE)).toMatchObject({ tripped: true, waitMs: 20 * MINUTE })
    expect(at({ until: NOW + MINUTE }, 9 * MINUTE)).toMatchObject({ tripped: false, waitMs: MINUTE })
  })
})

describe('every pair in a folder', () => {
  it('is looked at, whatever it is called, and a pass lists all of them', async () => {
    const cwd = scratch()
    lay(cwd, {
      's/codex-grok-4.20-crash-counter.txt': '2\n',
      's/claude-opus-4-5-20251101-crash-counter.txt': '0',
      's/a-b-crash-loop-until.txt': '2026-11-22T02:13:59Z',
      's/crash-counter-x-crash-counter.txt': '1',
      's/-crash-counter.txt': '99',
      's/notes.txt': 'hello',
    })
    const verdict = await run(cwd, { legacy: 's' })
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'breaker/closed',
      watched: ['s', 'a-b', 'claude-opus-4-5-20251101', 'codex-grok-4.20', 'crash-counter-x'],
    })
  })

  it('fails and names each that is blocked, also one that nobody thought of', async () => {
    const cwd = scratch()
    lay(cwd, {
      's/one-x-crash-counter.txt': '24',
      's/two-y-crash-counter.txt': '0',
      's/two-y-crash-loop-until.txt': String((NOW + 5 * MINUTE) / 1000),
      's/three-z-crash-counter.txt': '2',
    })
    const verdict = await run(cwd, { legacy: 's' })
    expect(verdict).toMatchObject({ status: 'fail', code: 'breaker/blocked' })
    if (verdict.status !== 'fail') throw new Error()
    expect(verdict.summary).toContain('one-x: 24 crashes counted, 3 block')
    expect(verdict.summary).toContain('two-y: blocked until')
    expect(verdict.summary).not.toContain('three-z')
    expect(verdict.findings?.map(({ path }) => path)).toEqual([
      join(cwd, 's/one-x-crash-counter.txt'),
      join(cwd, 's/two-y-crash-counter.txt'),
    ])
    expect(await run(cwd, { legacy: 's', failures: 25 })).toMatchObject({ code: 'breaker/blocked', findings: [{}] })
  })

  it.each([
    ['codex-x-crash-counter.txt', 'three'],
    ['codex-x-crash-counter.txt', ''],
    ['codex-x-crash-counter.txt', '-1'],
    ['codex-x-crash-loop-until.txt', 'soon'],
    ['codex-x-crash-loop-until.txt', '\u001b[2J1795316040'],
    ['codex-x-crash-loop-until.txt', 'x'.repeat(10_000)],
  ])('fails on %s that holds %j', async (name, text) => {
    const cwd = scratch()
    lay(cwd, { 's/fine-crash-counter.txt': '0', [`s/${name}`]: text })
    const verdict = await run(cwd, { legacy: 's' })
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'breaker/unreadable',
      observed: expect.stringContaining(name),
    })
    expect(JSON.stringify(verdict)).not.toContain('\\u001b')
  })

  it('fails on a folder, a link to nothing and a file that this user may not read', async () => {
    for (const make of [(path: string) => mkdirSync(path), (path: string) => symlinkSync('/nowhere', path)]) {
      const cwd = scratch()
      lay(cwd, { 's/fine-crash-counter.txt': '0' })
      make(join(cwd, 's/odd-crash-counter.txt'))
      expect(await run(cwd, { legacy: 's' })).toMatchObject({ status: 'fail', code: 'breaker/unreadable' })
    }
    const cwd = mkdtempSync('/tmp/bootcheck-public-')
    onTestFinished(() => rmSync(cwd, { recursive: true, force: true }))
    chmodSync(cwd, 0o755)
    lay(cwd, { 's/fine-crash-counter.txt': '0', 's/odd-crash-counter.txt': '0' })
    chmodSync(join(cwd, 's/odd-crash-counter.txt'), 0)
    const look = `const { readLegacy } = await load('guards/breaker/legacy.ts'); return (await readLegacy('s', context(${JSON.stringify(cwd)})))`
    expect(asNobody(look)).toMatchObject({
      pairs: [
        { name: 'fine', problems: [] },
        { name: 'odd', problems: [{ message: expect.stringContaining('may not be read') }] },
      ],
    })
    chmodSync(join(cwd, 's'), 0o700)
    expect(asNobody(look)).toMatchObject({ pairs: [], problems: [{ path: join(cwd, 's') }] })
  })

  it('is no silent pass where nothing is found', async () => {
    const cwd = scratch()
    expect(await run(cwd, { legacy: 's' })).toMatchObject({ status: 'fail', code: 'breaker/missing' })
    expect(await run(cwd, { legacy: 'no/*/such' })).toMatchObject({ status: 'fail', code: 'breaker/missing' })
    lay(cwd, { 's/notes.txt': '3' })
    expect(await run(cwd, { legacy: 's' })).toMatchObject({ status: 'warn', code: 'breaker/nothing' })
    expect(await run(cwd, { legacy: 's/*' })).toMatchObject({ status: 'fail', code: 'breaker/missing' })
  })

  it('is found by a glob of folders and by one of files', async () => {
    const cwd = scratch()
    lay(cwd, {
      'a/one/s/x-1-crash-counter.txt': '0',
      'a/two/s/y-2-crash-counter.txt': '7',
      'a/two/s/other.txt': '',
      'a[1]/z-3-crash-counter.txt': '0',
    })
    for (const legacy of ['a/*/s', 'a/*/s/*', 'a/*/s/*-crash-*.txt', 'a/{one,two}/s'])
      expect(await run(cwd, { legacy })).toMatchObject({
        status: 'fail',
        code: 'breaker/blocked',
        watched: [legacy, 'x-1', 'y-2'],
      })
    expect(await run(cwd, { legacy: 'a[1]' })).toMatchObject({ status: 'pass', watched: ['a[1]', 'z-3'] })
    const { pairs } = await readLegacy('a/*/s', context({ cwd }))
    expect(pairs.map(({ folder, name, counter }) => [folder, name, counter])).toEqual([
      [join(cwd, 'a/one/s'), 'x-1', 0],
      [join(cwd, 'a/two/s'), 'y-2', 7],
    ])
  })

  it('is no pass where a pattern passes something over', async () => {
    const cwd = scratch()
    lay(cwd, { 'lg/base/one/x-crash-counter.txt': '0', 'lg/else/c-d-crash-counter.txt': '9' })
    expect(await run(cwd, { legacy: 'lg/base/*' })).toMatchObject({ status: 'pass' })
    expect(await run(cwd, { legacy: 'lg/{base/one,nope}' })).toMatchObject({
      status: 'fail',
      code: 'breaker/missing',
      observed: `nothing at ${join(cwd, 'lg/nope')}`,
    })
    expect(await run(cwd, { legacy: '/etc/{passwd,nope*}' })).toMatchObject({
      status: 'fail',
      code: 'breaker/unreadable',
      summary: expect.stringContaining('/etc/passwd is a file, and not called NAME-crash-counter.txt'),
    })
    for (const legacy of ['/etc/passwd', '/etc/passwd/*'])
      expect(await run(cwd, { legacy })).toMatchObject({
        code: 'breaker/unreadable',
        next: expect.stringContaining('ls -ld'),
      })
    expect(await run(cwd, { legacy: 'no/{a,b}*' })).toMatchObject({ next: expect.not.stringContaining('{') })
    expect(await run(cwd, { legacy: 'lg/none-*' })).toMatchObject({
      code: 'breaker/missing',
      next: expect.not.stringContaining('mkdir'),
    })
    symlinkSync('../else', join(cwd, 'lg/base/two'))
    for (const legacy of ['lg/base/*', 'lg/base/*/*-crash-counter.txt'])
      expect(await run(cwd, { legacy })).toMatchObject({
        status: 'fail',
        code: 'breaker/unreadable',
        summary: expect.stringContaining('lg/base/two is a link to a folder, and was not entered'),
        next: expect.stringContaining('name the folder'),
      })
  })

  it('has one trial, and a success ends it, also for a check that names no target', async () => {
    const cwd = scratch()
    lay(cwd, { 's/codex-x-crash-counter.txt': '5' })
    utimesSync(join(cwd, 's/codex-x-crash-counter.txt'), NOW / 1000 - 7200, NOW / 1000 - 7200)
    const store = storeIn(cwd)
    const asked = async () =>
      ask(store, 'codex/x', { breaker: { legacy: await readLegacy('s', context({ cwd, now: () => NOW })) } })
    expect(await asked()).toMatchObject({
      answer: 'go',
      reason: 'one trial, after it was blocked for what files of the older convention count',
    })
    expect(await asked()).toMatchObject({ answer: 'wait' })
    expect(await run(cwd, { legacy: 's' })).toMatchObject({ code: 'breaker/blocked' })
    store.append('codex/x', { type: 'ok' })
    expect([(await asked()).answer, (await asked()).answer]).toEqual(['go', 'go'])
    expect(await run(cwd, { legacy: 's' })).toMatchObject({ code: 'breaker/closed' })
    expect(await run(cwd, { legacy: 's', target: 'codex/x' })).toMatchObject({ code: 'breaker/closed' })
    // The loop counts on: it is blocked again.
    utimesSync(join(cwd, 's/codex-x-crash-counter.txt'), NOW / 1000 + 1, NOW / 1000 + 1)
    expect(await asked()).toMatchObject({ answer: 'wait', reason: expect.stringContaining('5 crashes counted') })
    expect(await run(cwd, { legacy: 's' })).toMatchObject({ code: 'breaker/blocked' })
  })

  it('is judged for one target alone where that is named', async () => {
    const cwd = scratch()
    lay(cwd, { 's/codex-x-crash-counter.txt': '3', 's/gemini-y-crash-counter.txt': '0' })
    expect(await run(cwd, { target: 'codex/x', legacy: 's' })).toMatchObject({
      status: 'fail',
      code: 'breaker/blocked',
    })
    expect(await run(cwd, { target: 'gemini/y', legacy: 's' })).toMatchObject({
      status: 'pass',
      watched: ['gemini/y (no record)', 's'],
    })
    expect(await run(cwd, { target: 'other/z', legacy: 's' })).toMatchObject({
      status: 'warn',
      code: 'breaker/nothing',
      observed: 'counters of codex-x, gemini-y',
    })
    expect(await run(cwd, { target: 'codex/x', legacy: 's', set: ['codex/x', 'gemini/y'] })).toMatchObject({
      status: 'fail',
      code: 'breaker/blocked',
    })
    lay(cwd, { 's/gemini-y-crash-counter.txt': '5' })
    const both = await Promise.all(
      ['codex/x', 'gemini/y'].map(target => run(cwd, { target, legacy: 's', set: ['codex/x', 'gemini/y'] })),
    )
    expect(both.map(({ status }) => status).sort()).toEqual(['fail', 'pass'])
  })
})

describe('a target', () => {
  it('that nobody told of passes, and says so; one that is nearly called so is a warning', async () => {
    const cwd = scratch()
    expect(await run(cwd, { target: 'codex/grok' })).toMatchObject({
      status: 'pass',
      code: 'breaker/unknown',
      watched: ['codex/grok (no record)'],
    })
    storeIn(cwd).append('codex/grok', { type: 'ok' })
    expect(await run(cwd, { target: 'codex/grok' })).toMatchObject({ status: 'pass', code: 'breaker/closed' })
    expect(await run(cwd, { target: 'codex/grook' })).toMatchObject({ status: 'warn', code: 'breaker/misspelt' })
  })

  it('is blocked, and the check takes no trial', async () => {
    const cwd = scratch()
    const store = storeIn(cwd)
    for (let n = 0; n < 3; n++) store.append('t', { type: 'fail', retryAfterMs: null })
    const verdict = await run(cwd, { target: 't' })
    expect(verdict).toMatchObject({ status: 'fail', code: 'breaker/blocked', facts: { failures: 3 } })
    expect(store.read('t').records).toHaveLength(3)
    expect(await run(cwd, { target: 't', set: ['a', 't'] })).toMatchObject({ status: 'fail' })
    for (let n = 0; n < 3; n++) store.append('a', { type: 'fail', retryAfterMs: null })
    const answers = await Promise.all(['a', 't'].map(target => run(cwd, { target, set: ['a', 't'] })))
    expect(answers.map(({ status }) => status).sort()).toEqual(['fail', 'pass'])
  })

  it('is no pass where the store cannot be read, and a warning where lines of it cannot', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, '.state'), '')
    expect(await run(cwd, { target: 't' })).toMatchObject({ status: 'fail', code: 'breaker/store' })
    const facts = context({ cwd, store: storeIn(cwd) })
    expect(budget.run({ target: 't', attempts: 3 }, facts)).toMatchObject({ status: 'fail', code: 'budget/store' })
    const rate = { target: 't', limit: 2, per: '15m', cooldown: '30m' }
    // It fails open.
    expect(rateLimit.run(rate, facts)).toMatchObject({ status: 'warn', code: 'rate-limit/store' })

    const other = scratch()
    const store = storeIn(other)
    store.append('t', { type: 'ok' })
    const day = new Date(NOW).toISOString().slice(0, 10)
    writeFileSync(join(other, '.state/targets/t', `${day}.jsonl`), 'torn\n', { flag: 'a' })
    expect(await run(other, { target: 't' })).toMatchObject({ status: 'warn', code: 'breaker/store-damaged' })
    const ctx = context({ cwd: other, store })
    expect(budget.run({ target: 't', attempts: 3 }, ctx)).toMatchObject({
      status: 'warn',
      code: 'budget/store-damaged',
    })
    expect(rateLimit.run(rate, ctx)).toMatchObject({ status: 'warn', code: 'rate-limit/store-damaged' })
  })

  it('is told what is wrong with its options', async () => {
    const cwd = scratch()
    expect(await run(cwd, { target: 't', block: '99d' })).toMatchObject({ status: 'fail', code: 'breaker/limits' })
    expect(await run(cwd, { target: 't', set: ['a', 'b'] })).toMatchObject({ status: 'fail', code: 'breaker/set' })
    for (const options of [
      {},
      { target: '' },
      { target: 't', window: '0s' },
      { target: 't', failures: 0 },
      { target: 't', set: ['t', 't'] },
      { legacy: 's', set: ['a', 'b'] },
    ])
      await expect(run(cwd, options)).rejects.toThrow()
  })
})
