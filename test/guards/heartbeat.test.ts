/** Beats, their age, and the second look after a sleep. */
import { appendFileSync, chmodSync, readdirSync } from 'node:fs'
import { hostname, uptime } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../core/check.ts'
import { remember } from '../../core/guard.ts'
import { lifeOf, startOf } from '../../core/identity.ts'
import { localStore } from '../../core/local-store.ts'
import { awakeMs, isSecondLook, parseWakeTime } from '../../core/sleep.ts'
import type { Stamp, Store, StoreEvent, StoreRecord } from '../../core/store.ts'
import { type HeartbeatOptions, heartbeat, heartbeatGuard, heartbeatOf } from '../../guards/heartbeat.ts'
import { end, nodeChild } from '../support/children.ts'
import { context, scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const at = (uptimeMs: number, boot = 'one', wallMs = 1_800_000_000_000 + uptimeMs): Stamp => ({
  wallMs,
  boot,
  uptimeMs,
})
let serial = 0
const record = (stamp: Stamp, event: StoreEvent): StoreRecord => ({
  ...stamp,
  event,
  id: `r${++serial}`,
  pid: 1,
  started: '1',
  host: 'h',
})
const options: HeartbeatOptions = {
  goneMs: 15 * MINUTE,
  staleMs: 60 * MINUTE,
  life: 'alive',
  sleep: { totalMs: 0 },
}
const seen = (records: readonly StoreRecord[], now: Stamp, more: Partial<HeartbeatOptions> = {}) =>
  heartbeatOf(remember(heartbeatGuard, { records, bad: 0 }), { ...options, ...more }, now)

describe('the last beat', () => {
  it.each([
    ['alive', 59, 'fresh'],
    ['alive', 60, 'stale'],
    ['unknown', 59, 'fresh'],
    ['gone', 14, 'fresh'],
    ['gone', 15, 'stale'],
  ] as const)('with its process %s is after %i min %s', (life, minutes, is) => {
    const now = at(5 * HOUR)
    expect(seen([record(at(5 * HOUR - minutes * MINUTE), { type: 'beat' })], now, { life })).toMatchObject({ is })
  })

  it('never seen is not fresh, nor is one before the last reset', () => {
    expect(seen([], at(0))).toEqual({ is: 'never' })
    expect(seen([record(at(1), { type: 'beat' }), record(at(2), { type: 'reset' })], at(3))).toEqual({ is: 'never' })
    expect(seen([record(at(1), { type: 'start' }), record(at(2), { type: 'end' })], at(3))).toEqual({ is: 'never' })
  })

  it('is told by uptime: a clock that is set makes nobody stale, and nobody fresh', () => {
    const beat = record(at(HOUR), { type: 'beat' })
    expect(seen([beat], { ...at(HOUR + 1000), wallMs: beat.wallMs + 90 * 24 * HOUR })).toMatchObject({ is: 'fresh' })
    expect(seen([beat], { ...at(3 * HOUR), wallMs: beat.wallMs - HOUR })).toMatchObject({ is: 'stale' })
  })

  it('of a clock that ran ahead on another boot grows older once the present is marked', () => {
    const ahead = record(at(HOUR, 'old', 1_900_000_000_000), { type: 'beat' })
    const marked = record(at(MINUTE, 'new'), { type: 'seen' })
    expect(seen([ahead, marked], at(MINUTE + HOUR, 'new'))).toMatchObject({ is: 'stale', ageMs: HOUR })
  })

  it('never holds anybody back', () => {
    const memory = remember(heartbeatGuard, { records: [record(at(0), { type: 'beat' })], bad: 0 })
    expect(heartbeatGuard.judge(memory, options, at(9 * HOUR))).toMatchObject({
      answer: 'go',
      facts: { heartbeat: 'stale' },
    })
  })
})

describe('after a sleep', () => {
  const beat = record(at(HOUR), { type: 'beat' })
  const slept = { totalMs: 8 * HOUR }
  const doubtAt = (stamp: Stamp): StoreRecord => record(stamp, { type: 'stale', of: beat.id, asleepMs: slept.totalMs })

  it('what looks stale has to look stale twice', () => {
    const woken = at(HOUR + 8 * HOUR + MINUTE)
    expect(seen([beat], woken, { sleep: slept })).toMatchObject({ is: 'asleep' })
    const doubt = doubtAt(woken)
    expect(seen([beat, doubt], at(woken.uptimeMs + MINUTE - 1), { sleep: slept })).toMatchObject({ is: 'asleep' })
    expect(seen([beat, doubt], at(woken.uptimeMs + MINUTE), { sleep: slept })).toMatchObject({ is: 'stale' })
  })

  it('a second look right after another sleep is a first one', () => {
    const woken = at(HOUR + 8 * HOUR + MINUTE)
    const again = at(woken.uptimeMs + HOUR)
    const sleep = { totalMs: slept.totalMs + HOUR - 1000 }
    expect(seen([beat, doubtAt(woken)], again, { sleep })).toMatchObject({ is: 'asleep' })
  })

  it('a beat after the first look clears it', () => {
    const woken = at(9 * HOUR)
    const later = record(at(9 * HOUR + 1000), { type: 'beat' })
    expect(seen([beat, doubtAt(woken), later], at(19 * HOUR), { sleep: slept })).toMatchObject({ is: 'stale' })
    expect(seen([beat, doubtAt(woken), later], at(11 * HOUR), { sleep: slept })).toMatchObject({ is: 'asleep' })
  })

  it('of which most was not slept it is sure at once', () => {
    expect(seen([beat], at(HOUR + 9 * HOUR), { sleep: slept })).toMatchObject({ is: 'stale' })
  })

  it('a reboot counts as a sleep', () => {
    const old = record(at(HOUR, 'old'), { type: 'beat' })
    const now = { boot: 'new', uptimeMs: 20_000, wallMs: old.wallMs + 3 * HOUR }
    expect(seen([old], now)).toMatchObject({ is: 'asleep' })
    const first = record(now, { type: 'stale', of: old.id, asleepMs: 0 })
    const later = { ...now, uptimeMs: now.uptimeMs + MINUTE, wallMs: now.wallMs + MINUTE }
    expect(seen([old, first], later)).toMatchObject({ is: 'stale' })
  })

  it('where only the last waking is told, what lies before it may have been slept', () => {
    const now = at(10 * HOUR)
    expect(awakeMs(2 * HOUR, now, { totalMs: 0, wokeAt: now.wallMs - 5 * MINUTE })).toBe(5 * MINUTE)
    expect(awakeMs(2 * HOUR, now, { totalMs: 0, wokeAt: now.wallMs - 3 * HOUR })).toBe(2 * HOUR)
    expect(isSecondLook({ at: at(9 * HOUR), asleepMs: 0 }, now, { totalMs: 0, wokeAt: now.wallMs - 1000 })).toBe(false)
    expect(parseWakeTime('{ sec = 1700000000, usec = 123456 } Tue Nov 14 22:13:20 2023\n')).toBe(1_700_000_000_123)
    expect(parseWakeTime('{ sec = 0, usec = 0 } Thu Jan  1 00:00:00 1970\n')).toBeUndefined()
    expect(parseWakeTime('')).toBeUndefined()
  })
})

describe('a process', () => {
  it('is known by its pid, its start and the boot', async () => {
    const { child, pid } = await nodeChild('console.log("up"); setInterval(() => {}, 1000)')
    const boot = 'one'
    const started = startOf(pid) ?? ''
    expect(started).not.toBe('')
    const identity = { pid, started, boot, host: hostname() }
    expect(lifeOf(identity, { boot })).toBe('alive')
    expect(lifeOf({ ...identity, started: '1' }, { boot })).toBe('gone')
    expect(lifeOf(identity, { boot: 'two' })).toBe('gone')
    expect(lifeOf({ ...identity, host: 'elsewhere' }, { boot })).toBe('unknown')
    await end(child)
    expect(lifeOf(identity, { boot })).toBe('gone')
  })
})

const run = async (given: object, store: Store, cwd = scratch()): Promise<Verdict> =>
  heartbeat.run((await completed(heartbeat, given)) as never, context({ cwd, store }))

const real = (dir: string, more: Partial<Parameters<typeof localStore>[0]> = {}): Store =>
  localStore({ dir, now: Date.now, ...more })

describe('the kind', () => {
  it('passes on a beat and says how old it is', async () => {
    const store = real(scratch())
    store.append('worker-3', { type: 'beat' })
    expect(await run({ targets: ['worker-3'] }, store)).toMatchObject({
      status: 'pass',
      code: 'heartbeat/fresh',
      summary: expect.stringMatching(/^beat \d+(\.\d+)? m?s ago$/),
      watched: ['worker-3'],
    })
  })

  it('fails on a target that was never seen, and on a pattern that nobody fits', async () => {
    const store = real(scratch())
    expect(await run({ targets: ['worker-3'] }, store)).toMatchObject({
      status: 'fail',
      code: 'heartbeat/never',
      observed: 'no record of it',
      next: expect.not.stringContaining('record worker-3'),
    })
    store.append('worker-1', { type: 'beat' })
    store.append('worker-9', { type: 'fail', retryAfterMs: null }) // not somebody who beats
    expect(await run({ targets: ['worker-*'] }, store)).toMatchObject({ status: 'pass', watched: ['worker-1'] })
    expect(await run({ targets: ['worker-1', 'ingest-*'] }, store)).toMatchObject({
      status: 'fail',
      code: 'heartbeat/never',
      summary: expect.stringContaining('ingest-*'),
    })
  })

  it('finds every target of a pattern, also one that came later, and forgets one that was reset', async () => {
    let agoMs = 20_000
    const store = real(scratch(), { uptimeMs: () => uptime() * 1000 - agoMs })
    for (const name of ['worker-1', 'worker-2']) store.append(name, { type: 'beat' })
    agoMs = 0
    store.append('worker-2', { type: 'beat' })
    expect(await run({ targets: ['worker-*'], stale: '15s' }, store)).toMatchObject({
      status: 'fail',
      code: 'heartbeat/stale',
      summary: expect.stringMatching(/^worker-1: no beat for 20(\.\d)? s, and 15 s is the limit$/),
      next: store.showCommand('worker-1'),
      watched: ['worker-1', 'worker-2'],
    })
    store.append('worker-1', { type: 'reset' })
    expect(await run({ targets: ['worker-*'] }, store)).toMatchObject({ status: 'pass', watched: ['worker-2'] })
  })

  it('warns after a sleep, and remembers that once', async () => {
    const dir = scratch()
    const boot = 'this'
    let uptimeMs = uptime() * 1000
    const store = real(dir, { boot, uptimeMs: () => uptimeMs })
    store.append('worker-3', { type: 'beat' })
    uptimeMs += 3 * HOUR // and the monotonic clock has not moved
    expect(await run({ targets: ['worker-3'] }, store)).toMatchObject({ status: 'warn', code: 'heartbeat/asleep' })
    expect(await run({ targets: ['worker-3'] }, store)).toMatchObject({ status: 'warn', code: 'heartbeat/asleep' })
    const doubts = store.read('worker-3').records.filter(({ event }) => event.type === 'stale')
    expect(doubts).toHaveLength(1)
    expect(doubts[0]?.event.asleepMs).toBeGreaterThan(2.9 * HOUR)
    store.append('worker-3', { type: 'beat' })
    expect(await run({ targets: ['worker-3'] }, store)).toMatchObject({ status: 'pass' })
  })

  it('fails at the second look', async () => {
    const boot = 'this'
    const woken = uptime() * 1000 + 3 * HOUR
    let uptimeMs = uptime() * 1000
    const store = real(scratch(), { boot, uptimeMs: () => uptimeMs })
    const beat = store.append('worker-3', { type: 'beat' })
    uptimeMs = woken - 90_000
    store.append('worker-3', { type: 'stale', of: beat.id, asleepMs: 3 * HOUR })
    uptimeMs = woken
    expect(await run({ targets: ['worker-3'] }, store)).toMatchObject({ status: 'fail', code: 'heartbeat/stale' })
  })

  it('is no pass where lines are torn or the folder cannot be used', async () => {
    const dir = scratch()
    const store = real(dir)
    store.append('worker-3', { type: 'beat' })
    const folder = join(dir, 'targets', 'worker-3')
    appendFileSync(join(folder, readdirSync(folder)[0] ?? ''), '{"torn\n')
    expect(await run({ targets: ['worker-3'] }, store)).toMatchObject({
      status: 'warn',
      code: 'heartbeat/store-damaged',
      observed: expect.stringContaining('no whole record'),
    })
    chmodSync(dir, 0o777)
    expect(await run({ targets: ['worker-3'] }, store)).toMatchObject({ status: 'fail', code: 'heartbeat/store' })
    expect(await run({ targets: ['worker-*'] }, store)).toMatchObject({ status: 'fail', code: 'heartbeat/store' })
  })
})
