import { appendFileSync, chmodSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Judgement, remember } from '../../core/guard.ts'
import { folderName } from '../../core/local-store/names.ts'
import { localStore } from '../../core/local-store.ts'
import type { Stamp, StoreEvent, StoreRecord } from '../../core/store.ts'
import {
  type CrashLoopOptions,
  crashLoop,
  crashLoopGuard,
  crashLoopOptions,
  judgeUnreadable,
} from '../../guards/crash-loop.ts'
import { context, scratch } from '../support/context.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const NOON = Date.UTC(2026, 10, 22, 12)

const usable = (written: Parameters<typeof crashLoopOptions>[0] = {}): CrashLoopOptions => {
  const options = crashLoopOptions(written)
  if ('problem' in options) throw new Error(options.problem)
  return options
}
const USUAL = usable()

/** A host with clocks of its own, and a log as the guard writes it. */
class Host {
  readonly records: StoreRecord[] = []
  boot = 1
  uptimeMs = 5000
  wallMs = NOON
  started: string | undefined
  fingerprint = 'a'

  now(): Stamp {
    return { boot: `boot ${this.boot}`, uptimeMs: this.uptimeMs, wallMs: this.wallMs }
  }

  pass(ms: number): this {
    this.uptimeMs += ms
    this.wallMs += ms
    return this
  }

  /** Somebody sets the clock. */
  set(ms: number): this {
    this.wallMs += ms
    return this
  }

  reboot(downMs = 30_000): this {
    this.boot++
    this.uptimeMs = 10_000
    this.wallMs += downMs
    return this
  }

  log(type: string, fields: Omit<StoreEvent, 'type'> = {}): string {
    const id = String(this.records.length)
    this.records.push({ ...this.now(), id, event: { type, ...fields }, pid: 1, started: '1', host: 'h' })
    return id
  }

  start(): void {
    this.started = this.log('start', { fingerprint: this.fingerprint, command: 'x' })
  }

  /** Ends what was started. */
  end(crash: boolean): void {
    this.log('end', { code: crash ? 1 : 0, signal: null, requested: !crash, crash })
    this.started = undefined
  }

  judge(options: CrashLoopOptions = { ...USUAL, fingerprint: this.fingerprint }): Judgement {
    return crashLoopGuard.judge(remember(crashLoopGuard, { records: this.records, bad: 0 }), options, this.now())
  }

  /** What the guard does until it may start: true, or false where it is refused. */
  obey(): boolean {
    for (;;) {
      const judged = this.judge()
      if (judged.answer === 'refuse') {
        this.log('refused', { rule: 'crash-loop', fingerprint: this.fingerprint })
        return false
      }
      if (judged.answer === 'go') {
        if (judged.facts.trial === true) this.log('trial', { fingerprint: this.fingerprint })
        this.start()
        return true
      }
      this.log('wait', { ms: judged.waitMs, rule: 'crash-loop' })
      this.pass(judged.waitMs)
    }
  }

  /** A start that crashes after some time; false where it was refused. */
  crashAfter(ms: number): boolean {
    if (!this.obey()) return false
    this.pass(ms)
    this.end(true)
    return true
  }
}

const crashes = (count: number, everyMs = SECOND): Host => {
  const host = new Host()
  for (let n = 0; n < count; n++) {
    host.start()
    host.pass(everyMs)
    host.end(true)
  }
  return host
}

describe('the ladder', () => {
  it.each<[number, Partial<Judgement> & { waitMs?: number }]>([
    [0, { answer: 'go', reason: 'no crash in 15 min' }],
    [1, { answer: 'go', reason: '1 crash in 15 min' }],
    [3, { answer: 'go' }],
    [4, { answer: 'wait', waitMs: 30 * SECOND }],
    [6, { answer: 'wait', waitMs: 30 * SECOND }],
    [7, { answer: 'wait', waitMs: 5 * MINUTE }],
    [9, { answer: 'wait', waitMs: 5 * MINUTE }],
    [10, { answer: 'refuse' }],
    [25, { answer: 'refuse' }],
  ])('after %i crashes', (count, expected) => {
    expect(crashes(count).judge()).toMatchObject(expected)
  })

  it('counts the wait from the last crash', () => {
    expect(
      crashes(4)
        .pass(12 * SECOND)
        .judge(),
    ).toMatchObject({ answer: 'wait', waitMs: 18 * SECOND })
    expect(
      crashes(4)
        .pass(30 * SECOND)
        .judge(),
    ).toMatchObject({ answer: 'go' })
  })

  it('forgets a crash after the window', () => {
    expect(
      crashes(4)
        .pass(15 * MINUTE - 1)
        .judge(),
    ).toMatchObject({ facts: { crashes: 1 } })
    expect(
      crashes(4)
        .pass(15 * MINUTE)
        .judge(),
    ).toMatchObject({ answer: 'go', facts: { crashes: 0 } })
  })

  it('stands still only while a wait is obeyed, and counts none twice', () => {
    const host = crashes(3)
    for (let n = 0; n < 3; n++) host.log('wait', { ms: 5 * MINUTE, rule: 'restart' })
    host.pass(10 * SECOND).start()
    host.pass(15 * MINUTE - 1)
    expect(host.judge().facts.crashes).toBe(1)
    host.pass(1)
    expect(host.judge().facts.crashes).toBe(0)

    const obeyed = crashes(3)
    obeyed.log('wait', { ms: 5 * MINUTE, rule: 'restart' })
    obeyed.pass(20 * MINUTE - 2 * SECOND - 1)
    expect(obeyed.judge().facts.crashes).toBe(3)
    obeyed.pass(1)
    expect(obeyed.judge().facts.crashes).toBe(2)
  })

  it('follows other rules', () => {
    const options = usable({ window: '1m', steps: [{ after: 2, wait: '7s' }], refuse: 3 })
    expect([1, 2, 3].map(count => crashes(count).judge(options))).toMatchObject([
      { answer: 'go' },
      { answer: 'wait', waitMs: 7000 },
      { answer: 'refuse' },
    ])
    expect(crashes(3, 31 * SECOND).judge(options)).toMatchObject({ answer: 'wait' })
    expect(crashes(2).judge(usable({ steps: [], refuse: 3 }))).toMatchObject({ answer: 'go' })
  })

  it('has its steps below where it refuses', () => {
    expect(crashLoopOptions({ refuse: 5 })).toMatchObject({ steps: [{ after: 4, waitMs: 30_000 }], refuse: 5 })
    expect(crashLoopOptions({ refuse: 5, steps: [{ after: 5, wait: '1s' }] })).toHaveProperty('problem')
    expect(
      crashLoopOptions({
        steps: [
          { after: 3, wait: '1s' },
          { after: 3, wait: '2s' },
        ],
      }),
    ).toHaveProperty('problem')
    expect(crashLoopOptions({ steps: [{ after: 3, wait: '99d' }] })).toHaveProperty('problem')
    expect(crashLoopOptions({ window: '0s' })).toHaveProperty('problem')
    expect(crashLoopOptions({ window: '999ms' })).toMatchObject({ next: 'write `window: 15m`' })
    expect(crashLoopOptions({ window: '25d' })).toMatchObject({ next: 'write `window: 24d` or less' })
    expect(crashLoopOptions({ window: '1s', steps: [] })).toMatchObject({ windowMs: 1000, steps: [], refuse: 10 })
  })

  it('takes its first step where nothing can be read', () => {
    expect(judgeUnreadable(USUAL, 'disk on fire')).toMatchObject({ answer: 'wait', waitMs: 30 * SECOND })
    expect(judgeUnreadable({ steps: [] }, 'disk on fire')).toMatchObject({ waitMs: 30 * SECOND })
    expect(judgeUnreadable(usable({ steps: [{ after: 1, wait: '2s' }] }), 'x')).toMatchObject({ waitMs: 2000 })
  })
})

describe('what counts', () => {
  const four = (log: (host: Host) => void): Judgement => {
    const host = new Host()
    for (let n = 0; n < 4; n++) {
      host.start()
      log(host.pass(SECOND))
      host.started = undefined
    }
    return host.judge()
  }
  it.each<[string, (host: Host) => void, Judgement['answer']]>([
    ['an end that is a crash', host => host.end(true), 'wait'],
    ['an end that is none', host => host.end(false), 'go'],
    ['a process that is gone', host => host.log('unclean', { of: host.started ?? null }), 'wait'],
    ['a process that a reboot ended', host => host.log('rebooted', { of: host.started ?? null }), 'go'],
    [
      'a process that two found gone',
      host => {
        for (let n = 0; n < 3; n++) host.log('unclean', { of: host.started ?? null })
      },
      'wait',
    ],
    ['a process that never was', host => host.log('unclean', { of: 'somebody' }), 'go'],
    ['a gate that stays closed', host => host.log('closed', { what: 'port' }), 'go'],
    ['a command that is not there', host => host.log('config', { code: 78, what: 'x' }), 'go'],
    ['what other guards are told', host => ['ok', 'fail', 'beat', 'ask'].map(type => host.log(type)), 'go'],
    ['what others were refused for', host => host.log('refused', { rule: 'budget', fingerprint: 'a' }), 'go'],
    ['events that make no sense', host => [host.log('end', { crash: 'yes' }), host.log('wait', { ms: 'long' })], 'go'],
  ])('%s', (_, log, expected) => {
    expect(four(log).answer).toBe(expected)
  })

  it('counts three who found the same process gone once', () => {
    const host = new Host()
    host.start()
    for (let n = 0; n < 3; n++) host.log('unclean', { of: host.started ?? null })
    host.log('end', { crash: false })
    expect(host.judge().facts.crashes).toBe(1)
  })

  it('counts an end whose start was lost', () => {
    const host = new Host()
    for (let n = 0; n < 4; n++) host.end(true)
    expect(host.judge().answer).toBe('wait')
  })

  it('counts from a verified start anew', () => {
    const host = crashes(9)
    host.start()
    host.log('verified')
    expect(host.judge()).toMatchObject({ answer: 'go', facts: { crashes: 0 } })
    host.end(true)
    expect(host.judge()).toMatchObject({ answer: 'go', facts: { crashes: 1 } })
  })

  it('counts from a reset anew', () => {
    const host = crashes(12)
    host.log('reset')
    expect(host.judge()).toMatchObject({ answer: 'go', facts: { crashes: 0 } })
  })
})

describe('a refusal', () => {
  it('outlasts the window, reboots and clocks that are set, whether or not it was ever spoken', () => {
    for (const spoken of [true, false]) {
      const host = crashes(10)
      if (spoken) host.obey()
      host.pass(3 * DAY)
      expect(host.judge().answer).toBe('refuse')
      host.reboot().set(-DAY)
      expect(host.judge().answer).toBe('refuse')
      host.reboot().set(40 * DAY)
      expect(host.judge()).toMatchObject({ answer: 'refuse', since: { boot: 'boot 1' } })
      host.log('reset')
      expect(host.judge().answer).toBe('go')
    }
  })

  it('stays when the rules are made milder, where it was spoken', () => {
    const host = crashes(3)
    const strict = usable({ refuse: 3 })
    expect(host.judge(strict).answer).toBe('refuse')
    expect(host.judge().answer).toBe('go')
    host.log('refused', { rule: 'crash-loop', fingerprint: 'a' })
    expect(host.judge().answer).toBe('refuse')
  })

  it('gives what was changed one trial', () => {
    const host = crashes(10)
    expect(host.obey()).toBe(false)
    host.fingerprint = 'b'
    expect(host.judge()).toMatchObject({ answer: 'go', facts: { trial: true } })
    expect(host.crashAfter(SECOND)).toBe(true)
    expect(host.obey()).toBe(false)
    // Back again is no change.
    host.fingerprint = 'a'
    expect(host.obey()).toBe(false)
    host.fingerprint = 'b'
    expect(host.obey()).toBe(false)
  })

  it('gives it before anybody has heard the refusal', () => {
    const host = crashes(10)
    host.fingerprint = 'b'
    expect(host.crashAfter(SECOND)).toBe(true)
    expect(host.obey()).toBe(false)
  })

  it('gives the next trial later than the first', () => {
    const host = crashes(10)
    host.fingerprint = 'b'
    host.crashAfter(SECOND)
    host.fingerprint = 'c'
    expect(host.judge()).toMatchObject({ answer: 'wait', waitMs: 5 * MINUTE, facts: { trial: true } })
    expect(host.pass(5 * MINUTE).judge()).toMatchObject({ answer: 'go', facts: { trial: true } })
  })

  it('does not take back a trial that did not crash', () => {
    for (const end of ['stop', 'reboot', 'gate'] as const) {
      const host = crashes(10)
      host.obey()
      host.fingerprint = 'b'
      if (end === 'gate') {
        host.log('trial', { fingerprint: 'b' })
        host.log('closed', { what: 'port' })
      } else host.obey()
      if (end === 'stop') host.end(false)
      if (end === 'reboot') host.reboot().log('rebooted', { of: host.started ?? null })
      expect(host.judge().answer, end).toBe('go')
      expect(host.crashAfter(SECOND)).toBe(true)
      expect(host.judge().answer, end).toBe('refuse')
    }
  })

  it('ends with a trial that is verified', () => {
    const host = crashes(10)
    host.obey()
    host.fingerprint = 'b'
    host.obey()
    host.log('verified')
    host.end(true)
    expect(host.judge()).toMatchObject({ answer: 'go', facts: { crashes: 1 } })
    host.fingerprint = 'a'
    expect(host.judge().answer).toBe('go')
  })

  it('is not hidden from who does not know what would be started, but for a trial that was granted', () => {
    const host = crashes(10)
    expect(host.judge(USUAL).answer).toBe('refuse')
    host.obey()
    host.fingerprint = 'b'
    host.log('trial', { fingerprint: 'b' })
    expect(host.judge(USUAL).answer).toBe('go')
    host.start()
    expect(host.judge(USUAL).answer).toBe('go')
    host.end(true)
    expect(host.judge(USUAL).answer).toBe('refuse')
  })

  it('knows a trial by its start where the line that says so was lost', () => {
    const host = crashes(10)
    host.obey()
    host.fingerprint = 'b'
    host.start()
    host.end(true)
    expect(host.judge().answer).toBe('refuse')
  })
})

/** The same rules in the plainest way: over all events at once, by explicit intervals. */
const naive = (
  host: { readonly records: readonly StoreRecord[]; now(): Stamp },
  options: CrashLoopOptions,
): { answer: Judgement['answer']; waitMs: number } => {
  const { records } = host
  const stamps: Stamp[] = [...records, host.now()]
  const times = [0]
  for (let n = 1; n < stamps.length; n++) {
    const [a, b] = [stamps[n - 1] as Stamp, stamps[n] as Stamp]
    times.push(
      (times[n - 1] ?? 0) +
        (a.boot === b.boot ? b.uptimeMs - a.uptimeMs : b.wallMs > a.wallMs ? b.wallMs - a.wallMs : 0),
    )
  }
  const events = records.map(
    ({ event, id }, n) =>
      ({ ...event, id, n, at: times[n] ?? 0 }) as StoreEvent & { id: string; n: number; at: number },
  )
  const now = times.at(-1) ?? 0
  const from = 1 + Math.max(-1, ...events.filter(({ type }) => type === 'reset').map(({ n }) => n))
  const good = Math.max(-1, ...events.filter(({ type, n }) => type === 'verified' && n >= from).map(({ n }) => n))
  const known = events.slice(from)
  const waits = known
    .filter(({ type }) => type === 'wait')
    .map(({ n, at, ms }): [number, number] => [
      at,
      Math.min(
        at + Number(ms),
        now,
        ...known.filter(other => other.type === 'start' && other.n > n).map(other => other.at),
      ),
    ])
  /** Milliseconds between two moments in which no wait was demanded. */
  const aged = (a: number, b: number): number => {
    const edges = [...new Set([a, b, ...waits.flat()])].filter(edge => edge >= a && edge <= b).sort((x, y) => x - y)
    let sum = 0
    for (let n = 1; n < edges.length; n++) {
      const [left, right] = [edges[n - 1] ?? 0, edges[n] ?? 0]
      if (!waits.some(([x, y]) => x <= left && right <= y)) sum += right - left
    }
    return sum
  }
  const crashed = known.filter(
    event =>
      (event.type === 'end' && event.crash === true) ||
      (event.type === 'unclean' &&
        known.some(({ type, id, n }) => type === 'start' && id === event.of && n < event.n) &&
        !known.some(
          other =>
            other.n < event.n &&
            ((other.type === 'unclean' && other.of === event.of) ||
              (other.type === 'end' && other.n > (known.find(({ id }) => id === event.of)?.n ?? 0))),
        )),
  )
  const lately = crashed.filter(({ n }) => n > good)
  const last = lately.at(-1)
  const straw = lately.find((crash, n) => {
    const tenth = lately[n - options.refuse + 1]
    return tenth !== undefined && aged(tenth.at, crash.at) < options.windowMs
  })
  const spoken = known.filter(({ type, rule, n }) => type === 'refused' && rule === 'crash-loop' && n > good)
  const refusedAt = Math.min(straw?.n ?? Number.POSITIVE_INFINITY, spoken[0]?.n ?? Number.POSITIVE_INFINITY)
  const left = (demand: number): { answer: 'wait' | 'go'; waitMs: number } => {
    const waitMs = last ? last.at + demand - now : 0
    return waitMs > 0 ? { answer: 'wait', waitMs } : { answer: 'go', waitMs: 0 }
  }
  const demandFor = (count: number): number =>
    Math.max(0, ...options.steps.filter(({ after }) => count >= after).map(({ waitMs }) => waitMs))
  if (refusedAt < Number.POSITIVE_INFINITY) {
    const startOf = (crash: { n: number }) => known.findLast(({ type, n }) => type === 'start' && n < crash.n)
    const vain = [
      ...spoken.map(({ fingerprint }) => fingerprint),
      ...lately.filter(({ n }) => n >= refusedAt).map(crash => startOf(crash)?.fingerprint),
    ]
    if (vain.includes(options.fingerprint ?? null)) return { answer: 'refuse', waitMs: 0 }
    return lately.some(({ n }) => n > refusedAt) ? left(demandFor(options.refuse)) : { answer: 'go', waitMs: 0 }
  }
  return left(demandFor(lately.filter(({ at }) => aged(at, now) < options.windowMs).length))
}

type Deed = readonly [name: string, act: (host: Host) => void]

const deeds: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.constant<Deed>([
      '10 crashes',
      host => {
        for (let n = 0; n < 10; n++) host.crashAfter(SECOND)
      },
    ]),
  },
  {
    weight: 8,
    arbitrary: fc
      .integer({ min: 0, max: 90 * SECOND })
      .map((ms): Deed => [`crash after ${ms}`, host => void host.crashAfter(ms)]),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 0, max: 20 * MINUTE }).map((ms): Deed => [`pass ${ms}`, host => void host.pass(ms)]),
  },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: -2 * DAY, max: 2 * DAY })
      .map((ms): Deed => [`set the clock by ${ms}`, host => void host.set(ms)]),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: -DAY, max: DAY }).map(
      (ms): Deed => [
        `reboot, down ${ms}`,
        host => {
          host.reboot(ms)
          if (host.started !== undefined) host.log('rebooted', { of: host.started })
          host.started = undefined
        },
      ],
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constant<Deed>([
      'killed guard',
      host => {
        if (!host.obey()) return
        host.pass(3 * SECOND).log('unclean', { of: host.started ?? null })
        host.started = undefined
      },
    ]),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Deed>([
      'stopped by request',
      host => {
        if (host.obey()) host.pass(SECOND).end(false)
      },
    ]),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 6 * MINUTE }).map(
      (ms): Deed => [
        `a wait that is broken off after ${ms}`,
        host => {
          const judged = host.judge()
          if (judged.answer !== 'wait') return
          host.log('wait', { ms: judged.waitMs, rule: 'crash-loop' })
          host.pass(Math.min(ms, judged.waitMs))
        },
      ],
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Deed>([
      'start in spite of all',
      host => {
        host.start()
        host.pass(SECOND).end(true)
      },
    ]),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom('a', 'b', 'c').map(
      (print): Deed => [
        `change to ${print}`,
        host => {
          host.fingerprint = print
        },
      ],
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Deed>([
      'other events',
      host => ['beat', 'ok', 'closed', 'ready'].map(type => host.log(type)),
    ]),
  },
)

const rare: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 30, arbitrary: deeds },
  {
    weight: 1,
    arbitrary: fc.constant<Deed>([
      'verified',
      host => {
        if (host.obey()) host.pass(5 * MINUTE).log('verified')
        host.started = undefined
      },
    ]),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Deed>([
      'reset',
      host => {
        host.log('reset')
        host.started = undefined
      },
    ]),
  },
)

const schedule = (maxLength: number) => fc.array(rare, { minLength: 1, maxLength, size: 'max' })
const told = (list: readonly Deed[]): string => list.map(([name]) => name).join(', ')

describe('under random schedules', () => {
  it('answers as the plainest reading of the rules does', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(schedule(30), list => {
        const host = new Host()
        for (const [, act] of list) {
          act(host)
          const options = { ...USUAL, fingerprint: host.fingerprint }
          const judged = host.judge(options)
          const expected = naive(host, options)
          seen.add(`${judged.answer}${judged.facts.trial === true ? ' trial' : ''}`)
          expect({ answer: judged.answer, waitMs: judged.answer === 'wait' ? judged.waitMs : 0 }, told(list)).toEqual(
            expected,
          )
        }
      }),
      { numRuns: 150 },
    )
    expect([...seen].sort()).toEqual(['go', 'go trial', 'refuse', 'wait', 'wait trial'])
  })

  it('refuses after 10 crashes what crashes within 85 s of each start', () => {
    const delay = fc.integer({ min: 0, max: 85 * SECOND })
    const meanwhile = fc.record({
      restartMs: fc.integer({ min: 0, max: 10 * SECOND }),
      clockMs: fc.oneof(fc.constant(0), fc.integer({ min: -400 * DAY, max: 400 * DAY })),
      killed: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(delay, meanwhile), { minLength: 10, maxLength: 10 }), list => {
        const host = new Host()
        let starts = 0
        for (const [ms, { restartMs, clockMs, killed }] of list) {
          if (!host.obey()) break
          starts++
          host.pass(ms).set(clockMs)
          if (killed) host.log('unclean', { of: host.started ?? null })
          else host.end(true)
          host.pass(restartMs)
        }
        expect(starts).toBe(10)
        expect(host.judge().answer).toBe('refuse')
      }),
    )
  })

  it('bounds the starts of what crashes later: at most 9 for 15 minutes that nobody waited', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 86 * SECOND, max: 20 * MINUTE }),
        fc.integer({ min: 0, max: SECOND }),
        (ms, spread) => {
          const host = new Host()
          let starts = 0
          for (let n = 0; host.wallMs < NOON + 8 * HOUR && host.crashAfter(ms + (n % 2) * spread); n++) starts++
          expect(starts).toBeLessThanOrEqual(Math.ceil((8 * HOUR) / Math.max(ms, 100 * SECOND)) + 10)
          const waited = host.records.reduce(
            (sum, { event }) => sum + (event.type === 'wait' ? Number(event.ms) : 0),
            0,
          )
          // Whoever crashes more than three times in a window has to wait.
          if (ms * 4 < USUAL.windowMs) expect(waited).toBeGreaterThan(0)
        },
      ),
      { numRuns: 6 },
    )
  })

  it('never holds up what is healthy', () => {
    const life = fc.record({
      aliveMs: fc.integer({ min: 0, max: 10 * MINUTE }),
      verified: fc.boolean(),
      clockMs: fc.integer({ min: -DAY, max: DAY }),
      end: fc.constantFrom('requested', 'reboot', 'crash after it was verified'),
    })
    fc.assert(
      fc.property(fc.array(life, { maxLength: 60 }), list => {
        const host = new Host()
        for (const { aliveMs, verified, clockMs, end } of list) {
          expect(host.judge().answer).toBe('go')
          host.obey()
          host.pass(aliveMs).set(clockMs)
          const crash = end === 'crash after it was verified'
          if (verified || crash) host.log('verified')
          host.pass(aliveMs)
          if (end === 'reboot') host.reboot().log('rebooted', { of: host.started ?? null })
          else host.end(crash)
        }
      }),
    )
  })

  it('gives each fingerprint one trial that crashes, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('b', 'c', 'd', 'e'), { maxLength: 30 }), list => {
        const host = crashes(10)
        host.obey()
        const tried = new Set<string>()
        for (const print of list) {
          host.fingerprint = print
          expect(host.crashAfter(SECOND)).toBe(!tried.has(print))
          tried.add(print)
        }
      }),
    )
  })

  it('resumes a wait that was broken off, however often', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 * MINUTE }), { maxLength: 20 }), pieces => {
        const host = crashes(7)
        const from = host.uptimeMs
        for (const ms of pieces) {
          const judged = host.judge()
          if (judged.answer !== 'wait') break
          host.log('wait', { ms: judged.waitMs, rule: 'crash-loop' })
          host.pass(Math.min(ms, judged.waitMs))
        }
        host.obey()
        expect(host.uptimeMs - from).toBe(5 * MINUTE)
        // And none of it made the crashes older.
        expect(host.judge().facts.crashes).toBe(7)
      }),
    )
  })
})

describe('in a store of files', () => {
  it('answers the same, with torn lines and lines that stand twice, through the days', () => {
    fc.assert(
      fc.property(schedule(25), fc.infiniteStream(fc.nat(9)), (list, spoil) => {
        const host = new Host()
        const dir = join(scratch(), 'state')
        const store = localStore({
          dir,
          now: () => host.wallMs,
          uptimeMs: () => host.uptimeMs,
          get boot() {
            return host.now().boot
          },
        })
        const log = host.log.bind(host)
        host.log = (type, fields) => {
          const { id, event, ...rest } = store.append('t', { type, ...fields })
          const folder = join(dir, 'targets', folderName('t'))
          const newest = join(folder, readdirSync(folder).sort().at(-1) ?? '')
          const odd = spoil.next().value ?? 9
          if (odd === 0) appendFileSync(newest, '{"v":1,"id":"torn')
          if (odd === 1) {
            const lines = readFileSync(newest, 'utf8').split('\n').filter(Boolean)
            appendFileSync(newest, `\n${lines[(spoil.next().value ?? 0) % lines.length]}\n`)
          }
          log(type, fields)
          // The log of this test is called as the store calls it.
          host.records[host.records.length - 1] = { ...rest, id, event }
          return id
        }
        for (const [, act] of list) {
          act(host)
          const options = { ...USUAL, fingerprint: host.fingerprint }
          const judged = crashLoopGuard.judge(remember(crashLoopGuard, store.read('t')), options, store.stamp())
          expect(judged, told(list)).toEqual(host.judge(options))
        }
      }),
      { numRuns: 25 },
    )
  }, 60_000)

  it('keeps a refusal and what was tried in vain for years', () => {
    const host = new Host()
    const store = localStore({
      dir: join(scratch(), 'state'),
      now: () => host.wallMs,
      uptimeMs: () => host.uptimeMs,
      get boot() {
        return host.now().boot
      },
    })
    host.log = (type, fields) => {
      const record = store.append('t', { type, ...fields })
      host.records.push(record)
      return record.id
    }
    for (let n = 0; n < 10; n++) host.crashAfter(SECOND)
    expect(host.obey()).toBe(false)
    for (let month = 0; month < 40; month++) {
      host.reboot(31 * DAY)
      host.log('beat')
      if (month === 20) host.fingerprint = 'b'
      if (month === 20) expect(host.crashAfter(SECOND)).toBe(true)
      if (month >= 20) expect(host.obey()).toBe(false)
    }
    const { records } = store.read('t')
    expect(records.length).toBeLessThan(30)
    for (const fingerprint of ['a', 'b'])
      expect(
        crashLoopGuard.judge(remember(crashLoopGuard, { records, bad: 0 }), { ...USUAL, fingerprint }, store.stamp())
          .answer,
      ).toBe('refuse')
  })
})

describe('as a check', () => {
  const bench = () => {
    const cwd = scratch()
    const dir = join(cwd, 'state')
    const store = localStore({ dir, now: Date.now })
    const crash = (count: number, target = 'gateway') => {
      for (let n = 0; n < count; n++) {
        store.append(target, { type: 'start', fingerprint: 'a', command: 'x' })
        store.append(target, { type: 'end', code: 1, signal: null, requested: false, crash: true })
      }
    }
    const run = (written: object = {}) =>
      crashLoop.run({ target: 'gateway', window: '15m', refuse: 10, ...written }, context({ cwd, store }))
    return { dir, store, crash, run }
  }

  it.each([
    [0, 'pass', 'new'],
    [3, 'pass', 'go'],
    [4, 'fail', 'waiting'],
    [10, 'fail', 'refused'],
  ])('after %i crashes: %s, %s', (count, status, what) => {
    const { crash, run, dir } = bench()
    crash(count)
    const verdict = run()
    expect(verdict).toMatchObject({ status, code: `crash-loop/${what}`, watched: ['gateway'] })
    if (what === 'waiting') expect(verdict).toMatchObject({ next: `bootcheck state --state-dir ${dir} gateway` })
    if (what === 'refused')
      expect(verdict).toMatchObject({
        next: `mend what makes it fail, then bootcheck state reset --state-dir ${dir} gateway`,
        observed: expect.stringContaining('10 crashes'),
      })
  })

  it('does not go green on a target that is written differently elsewhere', () => {
    const { crash, run, store } = bench()
    crash(10, 'gateway')
    expect(run({ target: 'gatway' })).toMatchObject({ status: 'warn', code: 'crash-loop/misspelt' })
    store.append('worker-319', { type: 'beat' })
    store.append('worker-319', { type: 'ask' })
    expect(run({ target: 'worker-319' })).toMatchObject({
      status: 'pass',
      code: 'crash-loop/new',
      summary: 'nothing was ever recorded of a start of worker-319, only of its permits or beats',
    })
    expect(run({ target: 'worker-320' })).toMatchObject({
      status: 'pass',
      code: 'crash-loop/new',
      summary: 'nothing was ever recorded of worker-320',
    })
    expect(run({ target: 'worker' })).toMatchObject({ status: 'pass', code: 'crash-loop/new' })
  })

  it('says so when lines are bad, or nothing can be read', () => {
    const { crash, run, dir } = bench()
    crash(1)
    const folder = join(dir, 'targets', 'gateway')
    appendFileSync(join(folder, readdirSync(folder)[0] ?? ''), '{"torn')
    expect(run()).toMatchObject({ status: 'warn', code: 'crash-loop/store-damaged' })
    chmodSync(folder, 0o777)
    expect(run()).toMatchObject({ status: 'fail', code: 'crash-loop/store', next: `chmod go-w ${folder}` })
  })

  it('refuses a ladder that cannot be climbed', () => {
    expect(bench().run({ steps: [{ after: 12, wait: '1s' }] })).toMatchObject({
      status: 'fail',
      code: 'crash-loop/limits',
    })
  })
})
