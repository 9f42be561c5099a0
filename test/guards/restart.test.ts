import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { remember, strictest } from '../../core/guard.ts'
import { localStore } from '../../core/local-store.ts'
import { elapsedMs, type Stamp, type StoreRecord } from '../../core/store.ts'
import { crashLoopGuard, crashLoopOptions } from '../../guards/crash-loop.ts'
import { type RestartOptions, restart, restartGuard, restartOptions } from '../../guards/restart.ts'
import { context, scratch } from '../support/context.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const NOON = Date.UTC(2026, 10, 22, 12)

const usable = (written: Parameters<typeof restartOptions>[0] = {}): RestartOptions => {
  const options = restartOptions(written)
  if ('problem' in options) throw new Error(options.problem)
  return options
}

const stamp = (atMs: number, boot = 'one'): Stamp => ({ boot, uptimeMs: atMs, wallMs: NOON + atMs })

const log = (...lines: readonly (readonly [at: Stamp, type: string])[]): StoreRecord[] =>
  lines.map(([at, type], n) => ({ ...at, id: String(n), event: { type }, pid: 1, started: '1', host: 'h' }))

const starts = (...seconds: readonly number[]): StoreRecord[] =>
  log(...seconds.map(second => [stamp(second * SECOND), 'start'] as const))

const judge = (records: readonly StoreRecord[], now: Stamp, options = usable()) =>
  restartGuard.judge(remember(restartGuard, { records, bad: 0 }), options, now)

it('does not count a start that came to nothing', () => {
  const by = (pid: number, at: number, event: StoreRecord['event']): StoreRecord => ({
    ...stamp(at),
    id: `${pid} ${at}`,
    event,
    pid,
    started: '1',
    host: 'h',
  })
  const lost = { type: 'end', ran: false, code: null, signal: null, requested: true, crash: false }
  const records = [1, 2, 3, 4, 5].flatMap(pid => [
    by(pid, pid, { type: 'start' }),
    ...(pid === 1 ? [] : [by(pid, pid, lost)]),
  ])
  expect(judge(records, stamp(SECOND))).toMatchObject({ answer: 'go', facts: { starts: 1 } })
})

describe('the pause', () => {
  it.each<[string, number[], number, number]>([
    ['no start', [], 0, 0],
    ['three quick ones', [0, 1, 2], 2, 0],
    ['four quick ones', [0, 1, 2, 3], 3, 3600],
    ['four in just a minute', [0, 20, 40, 60], 60, 3600],
    ['four in more than a minute', [0, 20, 40, 60.001], 61, 0],
    ['half an hour later', [0, 1, 2, 3], 1803, 1800],
    ['an hour later', [0, 1, 2, 3], 3603, 0],
    ['one start after it', [0, 1, 2, 3, 3700], 3700, 0],
    ['four after it', [0, 1, 2, 3, 3700, 3701, 3702, 3703], 3703, 3600],
    ['a fifth in spite of it', [0, 1, 2, 3, 4], 4, 3600],
  ])('%s', (_, seconds, now, wait) => {
    const judged = judge(starts(...seconds), stamp(now * SECOND))
    expect(judged).toMatchObject(wait > 0 ? { answer: 'wait', waitMs: wait * SECOND } : { answer: 'go' })
  })

  it('counts starts and nothing else', () => {
    const others = ['ready', 'verified', 'end', 'wait', 'trial', 'ok', 'beat', 'ask'].map(
      type => [stamp(0), type] as const,
    )
    expect(judge(log(...others, ...others), stamp(0)).answer).toBe('go')
  })

  it('begins anew after a reset', () => {
    const records = log(...[0, 1, 2, 3].map(n => [stamp(n), 'start'] as const), [stamp(4), 'reset'])
    expect(judge(records, stamp(5)).answer).toBe('go')
  })

  it('outlasts a reboot and a clock that is set', () => {
    const records = starts(0, 1, 2, 3)
    expect(judge(records, stamp(10 * SECOND, 'two'))).toMatchObject({ answer: 'wait', waitMs: HOUR - 7 * SECOND })
    const set: Stamp = { boot: 'one', uptimeMs: 10 * SECOND, wallMs: NOON + 1000 * HOUR }
    expect(judge(records, set)).toMatchObject({ answer: 'wait', waitMs: HOUR - 7 * SECOND })
    const early: Stamp = { boot: 'two', uptimeMs: 10 * SECOND, wallMs: NOON - 1000 * HOUR }
    expect(judge(records, early)).toMatchObject({ answer: 'wait', waitMs: HOUR })
  })

  it('is as long as is written', () => {
    expect(judge(starts(0, 5), stamp(5 * SECOND), usable({ starts: 2, within: '5s', cooldown: '9s' }))).toMatchObject({
      answer: 'wait',
      waitMs: 9000,
    })
    expect(restartOptions({ within: '0s' })).toHaveProperty('problem')
    expect(restartOptions({ cooldown: '99d' })).toHaveProperty('problem')
  })

  it('wins over the ladder where it is longer', () => {
    const ladder = crashLoopOptions({})
    if ('problem' in ladder) throw new Error(ladder.problem)
    const records = starts(0, 1, 2, 3)
    const now = stamp(3 * SECOND)
    const other = crashLoopGuard.judge(remember(crashLoopGuard, { records, bad: 0 }), ladder, now)
    expect(strictest([other, judge(records, now)])).toMatchObject({ answer: 'wait', waitMs: HOUR })
  })

  it('is what the plainest reading of the rule says, under random starts, clocks and reboots', () => {
    const move = fc.record({
      passMs: fc.oneof(fc.nat(30 * SECOND), fc.nat(2 * HOUR)),
      clockMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -50 * HOUR, max: 50 * HOUR })),
      reboot: fc.boolean(),
      type: fc.constantFrom('start', 'start', 'start', 'end', 'beat'),
    })
    const options = usable()
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), moves => {
        const now = { boot: 0, uptimeMs: 0, wallMs: NOON }
        const records: StoreRecord[] = []
        /** The moments as they were told: gaps between neighbours, summed up. */
        const told: number[] = []
        const here = (): Stamp => ({ ...now, boot: String(now.boot) })
        const gap = (): number => {
          const last = records.at(-1)
          return last ? (told.at(-1) ?? 0) + elapsedMs(last, here()) : 0
        }
        for (const { passMs, clockMs, reboot, type } of moves) {
          now.uptimeMs += passMs
          now.wallMs += passMs + clockMs
          if (reboot && clockMs === 0) {
            now.boot++
            now.uptimeMs = 0
          }
          told.push(gap())
          records.push({ ...here(), id: String(records.length), event: { type }, pid: 1, started: '1', host: 'h' })
          const at = told.filter((_, n) => records[n]?.event.type === 'start')
          const full = at.filter((last, n) => n >= 3 && last - (at[n - 3] ?? 0) <= options.withinMs)
          const left = Math.max(0, ...full.map(last => last + options.cooldownMs - gap()))
          expect(judge(records, here())).toMatchObject(left > 0 ? { answer: 'wait', waitMs: left } : { answer: 'go' })
        }
      }),
    )
  })
})

describe('as a check', () => {
  it('answers for its target', () => {
    const cwd = scratch()
    const store = localStore({ dir: join(cwd, 'state'), now: Date.now })
    const run = (written: object = {}) =>
      restart.run({ target: 'gateway', starts: 4, within: '60s', cooldown: '1h', ...written }, context({ cwd, store }))
    expect(run()).toMatchObject({ status: 'pass', code: 'restart/new' })
    for (let n = 0; n < 3; n++) store.append('gateway', { type: 'start' })
    expect(run()).toMatchObject({ status: 'pass', code: 'restart/go', watched: ['gateway'] })
    store.append('gateway', { type: 'start' })
    expect(run()).toMatchObject({
      status: 'fail',
      code: 'restart/waiting',
      observed: '4 starts within 60 s',
      next: store.showCommand('gateway'),
    })
    expect(run({ within: '0s' })).toMatchObject({ status: 'fail', code: 'restart/limits' })
    expect(run({ cooldown: '99d' })).toMatchObject({ code: 'restart/limits', next: 'write `cooldown: 24d` or less' })
    const guarded = (target: string) =>
      restart.run(
        { target: 'gateway', starts: 4, within: '60s', cooldown: '1h' },
        context({ cwd, store, env: { BOOTCHECK_GUARD_TARGET: target } }),
      )
    expect(guarded('gateway')).toMatchObject({ status: 'pass', code: 'restart/guarded', watched: ['gateway'] })
    expect(guarded('other')).toMatchObject({ status: 'fail', code: 'restart/waiting' })
  })
})
