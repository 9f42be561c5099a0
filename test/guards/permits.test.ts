/** Asks, outcomes, clocks and reboots at random, against a model that is too simple to be wrong in the same way. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { folderName } from '../../core/local-store/names.ts'
import { localStore } from '../../core/local-store.ts'
import { askEvent, emptyLedger, type Mark, stepLedger } from '../../core/permit.ts'
import { type Store, StoreError, type StoreRecord } from '../../core/store.ts'
import { BREAKER_DEFAULTS, breakerGuard } from '../../guards/breaker.ts'
import { budget, budgetGuard } from '../../guards/budget.ts'
import { RATE_LIMIT_DEFAULTS, rateLimit, rateLimitGuard } from '../../guards/rate-limit.ts'
import { type AskOptions, ask, commitOnce, recordOutcome, standingOf } from '../../supervise/permits.ts'
import { context, scratch } from '../support/context.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const NOON = Date.UTC(2026, 10, 22, 12)

/** A host whose clocks the test turns. */
const host = (dir = scratch()) => {
  const clocks = { wall: NOON, uptime: 1000 * SECOND, boot: 1 }
  const store = (): Store =>
    localStore({ dir, now: () => clocks.wall, uptimeMs: () => clocks.uptime, boot: `boot-${clocks.boot}` })
  return {
    dir,
    clocks,
    get store() {
      return store()
    },
    pass(ms: number) {
      clocks.wall += ms
      clocks.uptime += ms
    },
    reboot(downMs: number, wallErrorMs = 0) {
      clocks.wall += downMs + wallErrorMs
      clocks.uptime = 5 * SECOND
      clocks.boot++
    },
  }
}

describe('the breaker', () => {
  const blocked = (h: ReturnType<typeof host>, options: AskOptions = {}) => {
    const { answer, retryAfterMs } = ask(h.store, 't', options)
    return answer === 'wait' ? retryAfterMs : answer
  }
  const fail = (h: ReturnType<typeof host>, retryAfterMs: number | null = null) =>
    recordOutcome(h.store, 't', 'fail', retryAfterMs)

  it('blocks for 30 min from the third failure in a row, then gives one trial', () => {
    const h = host()
    fail(h)
    fail(h)
    expect(blocked(h)).toBe('go')
    h.pass(14 * MINUTE)
    fail(h)
    expect(blocked(h)).toBe(30 * MINUTE)
    h.pass(10 * MINUTE)
    expect(ask(h.store, 't')).toMatchObject({
      allowed: false,
      exitCode: 75,
      guard: 'breaker',
      retryAfterMs: 20 * MINUTE,
      retryAt: h.clocks.wall + 20 * MINUTE,
      next: h.store.showCommand('t'),
      facts: { breaker: { failures: 3, blocked: true } },
    })
    h.pass(20 * MINUTE)
    expect(ask(h.store, 't')).toMatchObject({ answer: 'go', facts: { breaker: { trial: true } } })
    expect(blocked(h)).toBe(30 * MINUTE)
  })

  it('blocks again at once when the trial fails, and is closed when it succeeds', () => {
    const h = host()
    for (let n = 0; n < 3; n++) fail(h)
    h.pass(30 * MINUTE)
    expect(blocked(h)).toBe('go')
    h.pass(2 * MINUTE)
    fail(h)
    expect(blocked(h)).toBe(30 * MINUTE)
    h.pass(30 * MINUTE)
    expect(blocked(h)).toBe('go')
    recordOutcome(h.store, 't', 'ok')
    expect([blocked(h), blocked(h)]).toEqual(['go', 'go'])
    fail(h)
    fail(h)
    expect(blocked(h)).toBe('go')
  })

  it('gives the trial again when nobody told how it went', () => {
    const h = host()
    for (let n = 0; n < 3; n++) fail(h)
    h.pass(31 * MINUTE)
    expect(blocked(h)).toBe('go')
    h.pass(29 * MINUTE)
    expect(blocked(h)).toBe(MINUTE)
    h.pass(MINUTE)
    expect(blocked(h)).toBe('go')
  })

  it('does not count failures that are too far apart, or have a success between them', () => {
    const h = host()
    for (let n = 0; n < 5; n++) {
      fail(h)
      h.pass(8 * MINUTE)
    }
    expect(blocked(h)).toBe('go')
    const other = host()
    for (const outcome of ['fail', 'fail', 'ok', 'fail', 'fail'] as const) recordOutcome(other.store, 't', outcome)
    expect(blocked(other)).toBe('go')
  })

  it('honours a retry-after at once, at least that long, and never shortens a block by it', () => {
    const h = host()
    fail(h, 90 * SECOND)
    expect(ask(h.store, 't')).toMatchObject({ exitCode: 75, retryAfterMs: 90 * SECOND })
    h.pass(10 * SECOND)
    fail(h, 10 * SECOND)
    expect(blocked(h)).toBe(80 * SECOND)
    h.pass(80 * SECOND)
    expect(blocked(h)).toBe('go')
    fail(h, SECOND)
    expect(blocked(h)).toBe(30 * MINUTE)
    fail(h, 60 * MINUTE)
    expect(blocked(h)).toBe(60 * MINUTE)
    recordOutcome(h.store, 't', 'ok')
    expect(blocked(h)).toBe('go')
  })

  it('never blocks the last healthy one of a set, and always exactly one where all have failed', () => {
    const h = host()
    const set = ['a', 'b', 'c']
    const answers = () => set.map(target => ask(h.store, target, { breaker: { set } }).answer)
    for (const target of ['b', 'c', 'a']) {
      for (let n = 0; n < 3; n++) recordOutcome(h.store, target, 'fail')
      h.pass(MINUTE)
      if (target === 'c') expect(answers()).toEqual(['go', 'wait', 'wait'])
    }
    expect(answers()).toEqual(['go', 'wait', 'wait'])
    expect(answers()).toEqual(['go', 'wait', 'wait'])
    recordOutcome(h.store, 'a', 'fail')
    expect(ask(h.store, 'a', { breaker: { set } })).toMatchObject({
      answer: 'go',
      facts: { breaker: { spared: true, failures: 4 } },
    })
    // Alone it is blocked.
    expect(ask(h.store, 'a').answer).toBe('wait')
    // What asked to be left alone is, and another one takes its place.
    recordOutcome(h.store, 'a', 'fail', 5 * MINUTE)
    expect(answers()).toEqual(['wait', 'wait', 'go'])
    // b is the first whose block is over: it has its trial, and c is needed no longer.
    h.pass(28 * MINUTE)
    expect(answers().filter(answer => answer === 'go').length).toBeGreaterThanOrEqual(1)
  })

  it('leaves one of a set open whatever happens', () => {
    const set = ['a', 'b', 'c']
    const happening = fc.record({
      target: fc.constantFrom(...set),
      outcome: fc.constantFrom('fail' as const, 'fail' as const, 'fail' as const, 'ok' as const, 'ask' as const),
      passMs: fc.constantFrom(0, 0, MINUTE, 16 * MINUTE, 31 * MINUTE),
    })
    fc.assert(
      fc.property(fc.array(happening, { minLength: 10, maxLength: 30 }), happenings => {
        const h = host()
        for (const { target, outcome, passMs } of happenings) {
          if (outcome === 'ask') ask(h.store, target, { breaker: { set } })
          else recordOutcome(h.store, target, outcome)
          h.pass(passMs)
        }
        expect(set.map(target => ask(h.store, target, { breaker: { set } }).allowed)).toContain(true)
      }),
      { numRuns: 40 },
    )
  })
})

describe('the rate limit', () => {
  const rate = RATE_LIMIT_DEFAULTS

  it('permits two in 15 min, then cools down for 30 min from the last permit, whatever is asked meanwhile', () => {
    const h = host()
    const answer = () => {
      const { allowed, retryAfterMs } = ask(h.store, 'login', { rate })
      return allowed ? 'go' : retryAfterMs
    }
    expect(answer()).toBe('go')
    h.pass(10 * MINUTE)
    expect(answer()).toBe('go')
    for (let minute = 0; minute < 30; minute++) {
      expect(answer()).toBe((30 - minute) * MINUTE)
      h.pass(MINUTE)
    }
    expect(answer()).toBe('go')
    // One at a time, each out of the other's window: never full.
    for (let n = 0; n < 5; n++) {
      h.pass(15 * MINUTE)
      expect(answer()).toBe('go')
    }
  })

  it('takes nothing that another guard refused', () => {
    const h = host()
    for (let n = 0; n < 3; n++) recordOutcome(h.store, 't', 'fail')
    for (let n = 0; n < 5; n++)
      expect(ask(h.store, 't', { rate, attempts: 2 })).toMatchObject({ exitCode: 75, guard: 'breaker' })
    h.pass(30 * MINUTE)
    expect(ask(h.store, 't', { rate, attempts: 2 })).toMatchObject({
      allowed: true,
      facts: { 'rate-limit': { taken: 1 }, budget: { taken: 1 } },
    })
  })

  it('does not count those that lost a race and were written down all the same', () => {
    const h = host()
    const event = askEvent({ rate, attempts: 40, block: BREAKER_DEFAULTS })
    for (let n = 0; n < 10; n++) {
      h.store.append('t', event)
      h.pass(MINUTE)
    }
    expect(ask(h.store, 't', { rate })).toMatchObject({
      retryAfterMs: 21 * MINUTE,
      facts: { 'rate-limit': { taken: 2 } },
    })
    expect(ask(h.store, 't', { attempts: 3 })).toMatchObject({ allowed: true, facts: { budget: { taken: 3 } } })
  })

  it('writes down nothing but permits, so that a loop that asks every second fills no disk', () => {
    const h = host()
    for (let n = 0; n < 20; n++) ask(h.store, 't', { rate })
    expect(h.store.read('t').records).toHaveLength(2)
  })
})

describe('the budget', () => {
  it('counts each permit, refuses the next until reset, and outranks a 75', () => {
    const h = host()
    for (let n = 0; n < 3; n++) {
      expect(ask(h.store, 'job', { attempts: 3 }).exitCode).toBe(0)
      recordOutcome(h.store, 'job', 'fail')
      h.pass(20 * MINUTE)
    }
    const spentAt = h.clocks.wall - 20 * MINUTE
    expect(ask(h.store, 'job', { attempts: 3 })).toMatchObject({
      exitCode: 69,
      guard: 'budget',
      since: spentAt,
      retryAt: null,
      next: `look why it fails, then ${h.store.forgetCommand('job')}`,
    })
    for (let n = 0; n < 3; n++) recordOutcome(h.store, 'job', 'fail')
    expect(ask(h.store, 'job').exitCode).toBe(75)
    expect(ask(h.store, 'job', { attempts: 3, rate: RATE_LIMIT_DEFAULTS }).exitCode).toBe(69)
    h.reboot(3 * 3600 * SECOND)
    expect(ask(h.store, 'job', { attempts: 3 }).exitCode).toBe(69)
    expect(ask(h.store, 'job', { attempts: 4 }).exitCode).toBe(0)
    h.store.append('job', { type: 'reset' })
    expect(ask(h.store, 'job', { attempts: 3 }).exitCode).toBe(0)
  })
})

describe('the budget', () => {
  it('is not given back by a line that cannot be read, nor taken by permits without attempts', () => {
    const h = host()
    for (let n = 0; n < 5; n++) ask(h.store, 'job')
    for (let n = 1; n <= 3; n++)
      expect(ask(h.store, 'job', { attempts: 3 })).toMatchObject({ allowed: true, facts: { budget: { taken: n } } })
    const folder = join(h.dir, 'targets', folderName('job'))
    const file = join(folder, readdirSync(folder)[0] ?? '')
    const lines = readFileSync(file, 'utf8').split('\n')
    const last = lines.findLastIndex(line => line.includes('"attempts":3'))
    writeFileSync(file, lines.with(last, (lines[last] ?? '').replace('"attempts":3', '"attempts":7')).join('\n'))
    const asked = ask(h.store, 'job', { attempts: 3 })
    expect(asked).toMatchObject({
      exitCode: 75,
      guard: 'budget',
      reason: '2 of 3 attempts taken, and 1 line that cannot be read may be the rest',
      next: `look why it fails, then ${h.store.forgetCommand('job')}`,
    })
    // What seems to be left is more than can be lost.
    expect(ask(h.store, 'job', { attempts: 4 })).toMatchObject({ allowed: true, facts: { budget: { taken: 3 } } })
    const check = budget.run({ target: 'job', attempts: 4 }, context({ cwd: h.dir, store: h.store }))
    expect(check).toMatchObject({ status: 'fail', code: 'budget/store-damaged', next: asked.next })
    h.store.append('job', { type: 'reset' })
    expect(ask(h.store, 'job', { attempts: 3 }).exitCode).toBe(0)
  })

  it('counts what the monitor of a queue gave back, once, and ends where that found the tries spent', () => {
    const h = host()
    const taken = () => {
      const { exitCode, facts } = ask(h.store, 'job', { attempts: 4 })
      return exitCode === 0 ? facts.budget?.taken : exitCode
    }
    const requeue = (of: string) => h.store.append('job', { type: 'requeue', of, command: of })
    requeue('a') // a try that nobody asked for
    expect(taken()).toBe(2)
    requeue('b') // of the one that was asked for
    requeue('b')
    expect(taken()).toBe(3)
    requeue('c')
    requeue('d')
    expect(taken()).toBe(69)
    const given = host()
    given.store.append('job', { type: 'refused', rule: 'queue', fingerprint: 'a' })
    expect(ask(given.store, 'job', { attempts: 4 })).toMatchObject({
      exitCode: 69,
      since: given.clocks.wall,
      reason: 'the retry budget is spent, its queue gave it up after its last try',
    })
    given.store.append('job', { type: 'reset' })
    expect(ask(given.store, 'job', { attempts: 4 }).exitCode).toBe(0)
  })
})

describe('the replay', () => {
  /** Every look from one mark to another is counted. */
  const work = (records: readonly StoreRecord[]): number => {
    let looks = 0
    const counted = (mark: Mark | undefined): Mark | undefined =>
      mark && {
        ...mark,
        get before() {
          looks++
          return mark.before
        },
        get jump() {
          looks++
          return mark.jump
        },
      }
    let ledger = emptyLedger
    for (const record of records) {
      const next = stepLedger(ledger, record)
      ledger = {
        ...next,
        permits: next.permits === ledger.permits ? next.permits : counted(next.permits),
        tries: next.tries === ledger.tries ? next.tries : counted(next.tries),
        failures: next.failures === ledger.failures ? next.failures : counted(next.failures),
      }
    }
    return looks
  }
  const day = (events: (n: number) => StoreRecord['event'], length: number): StoreRecord[] =>
    Array.from({ length }, (_, n) => ({
      id: String(n),
      wallMs: NOON + n * 30 * SECOND,
      boot: 'b',
      uptimeMs: n * 30 * SECOND,
      pid: 1,
      started: '1',
      host: 'h',
      event: events(n),
    }))
  const rate = { limit: 60, perMs: MINUTE, cooldownMs: 24 * 24 * 60 * MINUTE }
  const other = { limit: 500, perMs: 4 * 60 * MINUTE, cooldownMs: MINUTE }
  const block = { ...BREAKER_DEFAULTS, failures: 40 }
  it.each<[string, (n: number) => StoreRecord['event']]>([
    ['a limit that is never reached', () => askEvent({ rate, block })],
    ['two limits', n => askEvent({ rate: n % 2 ? rate : other, block })],
    ['a budget that lasts', () => askEvent({ attempts: 1e6, block })],
    ['failures that never block', n => (n % 2 ? { type: 'fail' } : askEvent({ rate, block }))],
    [
      'permits that fill no window of a rate asked for now and then',
      n => askEvent(n % 9 ? { block } : { rate, block }),
    ],
  ])('takes hardly more work for each record where there are many: %s', (_, events) => {
    const [few, many] = [2000, 20_000].map(length => work(day(events, length)))
    expect(few).toBeGreaterThan(0)
    expect((many ?? 0) / (few ?? 1)).toBeLessThan(16) // n log n
  })
})

describe('a store that can be read and not written', () => {
  it('is judged by what can be read, also where its clock was ahead', () => {
    const h = host()
    h.clocks.wall += 365 * 24 * 60 * MINUTE
    for (let n = 0; n < 2; n++) ask(h.store, 't', { rate: RATE_LIMIT_DEFAULTS })
    h.reboot(MINUTE, -365 * 24 * 60 * MINUTE)
    const readOnly: Store = {
      ...h.store,
      append: () => {
        throw new StoreError('EROFS', '/state', 'read-only file system', 'df')
      },
    }
    expect(ask(readOnly, 't', { rate: RATE_LIMIT_DEFAULTS })).toMatchObject({ exitCode: 75, guard: 'rate-limit' })
    const kind = rateLimit.run(
      { target: 't', limit: 2, per: '15m', cooldown: '30m' },
      context({ cwd: h.dir, store: readOnly }),
    )
    expect(kind).toMatchObject({ status: 'fail', code: 'rate-limit/cooling' })
    expect(ask(readOnly, 'free', { rate: RATE_LIMIT_DEFAULTS })).toMatchObject({
      exitCode: 0,
      warnings: [expect.stringContaining('could not be kept')],
    })
  })
})

describe('time', () => {
  const rate = RATE_LIMIT_DEFAULTS

  it('is not moved by a clock that is set', () => {
    const h = host()
    for (let n = 0; n < 2; n++) ask(h.store, 't', { rate })
    h.clocks.wall += 365 * 24 * 60 * MINUTE
    expect(ask(h.store, 't', { rate }).retryAfterMs).toBe(30 * MINUTE)
    h.clocks.wall -= 2 * 365 * 24 * 60 * MINUTE
    h.pass(MINUTE)
    expect(ask(h.store, 't', { rate }).retryAfterMs).toBe(29 * MINUTE)
  })

  it('goes on after a clock that was years ahead was set right by a reboot', () => {
    const h = host()
    h.clocks.wall += 365 * 24 * 60 * MINUTE
    for (let n = 0; n < 2; n++) ask(h.store, 't', { rate })
    h.reboot(MINUTE, -365 * 24 * 60 * MINUTE)
    expect(ask(h.store, 't', { rate }).retryAfterMs).toBe(30 * MINUTE)
    h.pass(29 * MINUTE)
    expect(ask(h.store, 't', { rate }).retryAfterMs).toBe(MINUTE)
    h.pass(MINUTE)
    expect(ask(h.store, 't', { rate }).allowed).toBe(true)
  })

  it('counts a host that was off', () => {
    const h = host()
    for (let n = 0; n < 2; n++) ask(h.store, 't', { rate })
    h.reboot(20 * MINUTE)
    expect(ask(h.store, 't', { rate }).retryAfterMs).toBe(10 * MINUTE)
  })
})

type Step =
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'set'; readonly ms: number }
  | { readonly do: 'reboot'; readonly downMs: number; readonly errorMs: number }
  | { readonly do: 'ask' | 'race'; readonly rate: boolean; readonly attempts: boolean }
  | { readonly do: 'ok' | 'reset' | 'other' | 'torn' }
  | { readonly do: 'fail'; readonly retryAfterMs: number | null }

const TERMS = {
  limit: 3,
  perMs: 10 * MINUTE,
  cooldownMs: 12 * MINUTE,
  attempts: 3,
  failures: 3,
  windowMs: 9 * MINUTE,
  blockMs: 14 * MINUTE,
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('ask' as const, 'ask' as const, 'race' as const),
        rate: fc.boolean(),
        attempts: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 8 * MINUTE }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('fail' as const),
        retryAfterMs: fc.option(fc.integer({ min: 1, max: 20 * MINUTE }), { freq: 3 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('ok' as const, 'reset' as const, 'other' as const, 'torn' as const) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('set' as const),
        ms: fc.integer({ min: -400 * MINUTE, max: 400 * MINUTE }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('reboot' as const),
        downMs: fc.integer({ min: 0, max: 20 * MINUTE }),
        errorMs: fc.constantFrom(0, 0, -300 * MINUTE, 300 * MINUTE),
      }),
    },
  ),
  { minLength: 25, maxLength: 60 },
)

/** The rules word by word, over plain lists, told of everything that happens. */
const model = () => {
  let permits: number[] = []
  let tries = 0
  let fails: number[] = []
  let heldUntil = 0
  let tripped = false
  let trialAt: number | undefined
  return {
    reset() {
      permits = []
      tries = 0
      this.ok()
    },
    ok() {
      fails = []
      heldUntil = 0
      tripped = false
      trialAt = undefined
    },
    fail(t: number, retryAfterMs: number | null) {
      fails.push(t)
      heldUntil = Math.max(heldUntil, t + (retryAfterMs ?? 0))
      const last = fails.slice(-TERMS.failures)
      if (last.length === TERMS.failures && t - (last[0] ?? 0) <= TERMS.windowMs) tripped = true
      trialAt = undefined
    },
    ask(t: number, { rate, attempts }: { rate: boolean; attempts: boolean }, unread = 0): 'go' | 'never' | number {
      if (attempts && tries >= TERMS.attempts) return 'never'
      const until = [heldUntil]
      if (attempts && unread > 0 && tries + unread >= TERMS.attempts) until.push(t + 30 * SECOND)
      if (tripped) until.push((fails.at(-1) ?? 0) + TERMS.blockMs)
      if (tripped && trialAt !== undefined) until.push(trialAt + TERMS.blockMs)
      if (rate) {
        const inWindow = permits.filter(p => t - p < TERMS.perMs)
        if (inWindow.length >= TERMS.limit) until.push((inWindow[inWindow.length - TERMS.limit] ?? 0) + TERMS.perMs)
        for (const [k, p] of permits.entries())
          if (permits.slice(0, k + 1).filter(q => p - q < TERMS.perMs).length >= TERMS.limit)
            until.push(p + TERMS.cooldownMs)
      }
      const wait = Math.max(...until) - t
      if (wait > 0) return wait
      permits.push(t)
      if (attempts) tries++
      if (tripped) trialAt = t
      return 'go'
    },
  }
}

describe('any schedule', () => {
  it('is answered as the naive model answers it', () => {
    let answers = 0
    const seen = new Set<string>()
    fc.assert(
      fc.property(steps, schedule => {
        const h = host()
        const naive = model()
        // The target's own time, as the clocks tell it from one record to the next.
        let t = 0
        let last: { wall: number; uptime: number; boot: number } | undefined
        const now = (): number => {
          const { wall, uptime, boot } = h.clocks
          if (!last) return t
          return t + (last.boot === boot ? uptime - last.uptime : Math.max(0, wall - last.wall))
        }
        let unread = 0
        let torn = false
        const kept = (): void => {
          t = now()
          torn = false
          last = { ...h.clocks }
        }
        for (const step of schedule) {
          if (step.do === 'pass') h.pass(step.ms)
          else if (step.do === 'set') h.clocks.wall += step.ms
          else if (step.do === 'reboot') h.reboot(step.downMs, step.errorMs)
          else if (step.do === 'torn') {
            if (!last) continue
            appendFileSync(fileOf(h), '{"v":1,"id":"half a rec')
            if (!torn) unread++
            torn = true
          } else if (step.do === 'race') {
            // Written down by somebody who had looked before others did.
            const terms = { rate: step.rate ? TERMS : undefined, attempts: step.attempts ? TERMS.attempts : undefined }
            h.store.append('t', askEvent({ ...terms, block: { ...BREAKER_DEFAULTS, ...TERMS } }))
            kept()
            naive.ask(t, step)
          } else if (step.do === 'ask') {
            if (last && last.boot !== h.clocks.boot && last.wall > h.clocks.wall) kept()
            const expected = naive.ask(now(), step, unread)
            const got = ask(h.store, 't', {
              breaker: TERMS,
              ...(step.rate ? { rate: TERMS } : {}),
              ...(step.attempts ? { attempts: TERMS.attempts } : {}),
            })
            expect(got.answer === 'wait' ? got.retryAfterMs : got.answer === 'go' ? 'go' : 'never').toBe(expected)
            if (expected === 'go') kept()
            answers++
            seen.add(`${got.answer} ${got.guard}`)
          } else {
            if (step.do === 'fail') recordOutcome(h.store, 't', 'fail', step.retryAfterMs)
            else h.store.append('t', { type: step.do === 'other' ? 'beat' : step.do })
            kept()
            if (step.do === 'fail') naive.fail(t, step.retryAfterMs)
            else if (step.do === 'ok') naive.ok()
            else if (step.do === 'reset') {
              naive.reset()
              unread = 0
            }
          }
        }
      }),
      { numRuns: 120 },
    )
    expect(answers).toBeGreaterThan(800)
    expect([...seen].sort()).toEqual([
      'go breaker',
      'go budget',
      'refuse budget',
      'wait breaker',
      'wait budget',
      'wait rate-limit',
    ])
  })

  const fileOf = ({ dir }: ReturnType<typeof host>): string => {
    const folder = join(dir, 'targets', folderName('t'))
    return join(folder, readdirSync(folder).sort().at(-1) ?? '')
  }
})

describe('the guards', () => {
  it('pass over what is not theirs, and leave their memory as it was', () => {
    const record = {
      id: 'r',
      wallMs: NOON,
      boot: 'b',
      uptimeMs: 1,
      pid: 1,
      started: '1',
      host: 'h',
      event: { type: 'spawned', child: 4 },
    }
    for (const guard of [breakerGuard, rateLimitGuard, budgetGuard]) {
      const before = structuredClone(guard.empty)
      expect(guard.step(guard.empty, record)).toMatchObject({ permits: undefined, failures: undefined })
      expect(guard.empty).toEqual(before)
    }
  })

  it('answer for an empty memory', () => {
    const now = { wallMs: NOON, boot: 'b', uptimeMs: 1 }
    expect(breakerGuard.judge(emptyLedger, BREAKER_DEFAULTS, now).answer).toBe('go')
    expect(rateLimitGuard.judge(emptyLedger, RATE_LIMIT_DEFAULTS, now).answer).toBe('go')
    expect(budgetGuard.judge(emptyLedger, { attempts: 1 }, now).answer).toBe('go')
  })

  it('do not trip over an ask of a later version', () => {
    const h = host()
    for (const event of [{ type: 'ask' }, { type: 'ask', limit: 'many', perMs: -1, cooldownMs: null, attempts: true }])
      h.store.append('t', event)
    expect(ask(h.store, 't', { attempts: 3 })).toMatchObject({ allowed: true, facts: { budget: { taken: 1 } } })
  })

  it('tell how a target stands without taking anything', () => {
    const h = host()
    ask(h.store, 't', { rate: RATE_LIMIT_DEFAULTS, attempts: 3 })
    recordOutcome(h.store, 't', 'fail', 60_000)
    const standing = standingOf(h.store.read('t'), h.store.stamp())
    expect(standing.map(({ guard, judged }) => [guard, judged.answer])).toEqual([
      ['budget', 'go'],
      ['breaker', 'wait'],
      ['rate-limit', 'go'],
    ])
    expect(standingOf(h.store.read('new'), h.store.stamp())).toEqual([])
  })
})

describe('once', () => {
  it('is won by the first, for ever, until reset', () => {
    const h = host()
    const { first, by } = commitOnce(h.store, 'update-4711')
    expect(first).toBe(true)
    h.reboot(60 * MINUTE)
    expect(commitOnce(h.store, 'update-4711')).toEqual({ first: false, by })
    expect(commitOnce(h.store, 'update-4712').first).toBe(true)
    h.store.append('once:update-4711', { type: 'reset' })
    expect(commitOnce(h.store, 'update-4711').first).toBe(true)
  })
})
