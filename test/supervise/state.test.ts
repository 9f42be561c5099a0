/** What `state` says of a target's records, and how it looks. */
import { appendFileSync, chmodSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { showChange, showState } from '../../cli/reporters/state.ts'
import { localStore } from '../../core/local-store.ts'
import type { Stamp, StoreEvent, StoreRecord } from '../../core/store.ts'
import { tellRecord } from '../../supervise/state/change.ts'
import { type Sight, stateOf } from '../../supervise/state/fold.ts'
import { moment } from '../../supervise/state/moment.ts'
import { followState, readState, resetState, type State, stateJson, summarize, tell } from '../../supervise/state.ts'
import { nodeChild } from '../support/children.ts'
import { scratch } from '../support/context.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** 02:38 on a Sunday, wherever this runs. */
const NOW: Stamp = { wallMs: new Date(2026, 10, 22, 2, 38).getTime(), boot: 'one', uptimeMs: 90 * DAY }
const sight = (more: Partial<Sight> = {}): Sight => ({ lifeOf: () => 'gone', sleep: () => ({ totalMs: 0 }), ...more })

let serial = 0
/** A record of so long ago. */
const ago = (ms: number, event: StoreEvent): StoreRecord => ({
  wallMs: NOW.wallMs - ms,
  boot: NOW.boot,
  uptimeMs: NOW.uptimeMs - ms,
  event,
  id: `r${++serial}`,
  pid: 100,
  started: '1',
  host: 'h',
})
const start = (ms: number): StoreRecord => ago(ms, { type: 'start', fingerprint: 'a', command: 'openclaw gateway' })
const ended = (ms: number, more: StoreEvent | object = {}): StoreRecord =>
  ago(ms, { type: 'end', code: 1, signal: null, requested: false, crash: true, ...more })
const ask = (ms: number, more: object): StoreRecord =>
  ago(ms, {
    type: 'ask',
    limit: null,
    perMs: null,
    cooldownMs: null,
    attempts: null,
    failures: null,
    windowMs: null,
    blockMs: null,
    once: null,
    ...more,
  })
const rate = { limit: 2, perMs: 15 * MINUTE, cooldownMs: 30 * MINUTE }

const of = (records: readonly StoreRecord[], seen: Sight = sight(), target = 'gateway') =>
  stateOf(target, { records, bad: 0 }, NOW, `bootcheck state reset ${target}`, seen)

/** Crashes two minutes apart, the last so long ago; from the fourth on the next start was made to wait. */
const crashes = (count: number, lastMs: number): StoreRecord[] =>
  Array.from({ length: count }, (_, n) => {
    const at = lastMs + (count - 1 - n) * 2 * MINUTE
    const waits = n >= 3 && n < count - 1 ? [ago(at, { type: 'wait', ms: MINUTE, rule: 'crash-loop' })] : []
    return [start(at + SECOND), ended(at), ...waits]
  }).flat()

const good = [start(3 * DAY), ago(2 * DAY + 3 * HOUR + 58 * MINUTE, { type: 'verified' })]

describe('a process that the guard starts', () => {
  it('is refused after ten crashes, with the way there', () => {
    const state = of([...good, ended(2 * DAY, { code: 0, requested: true, crash: false }), ...crashes(10, 24 * MINUTE)])
    expect(state).toMatchObject({
      standing: 'refused',
      guard: 'crash-loop',
      since: NOW.wallMs - 24 * MINUTE,
      crashes: { count: 10, first: NOW.wallMs - 42 * MINUTE, last: NOW.wallMs - 24 * MINUTE, code: 1, signal: null },
      ladder: { waitsMs: [0, 30_000, 300_000], at: 3 },
      lastGood: good[1]?.wallMs,
      next: 'mend what crashes, then bootcheck state reset gateway',
    })
  })

  it.each<[string, StoreRecord[], object]>([
    ['one crash', crashes(1, MINUTE), { standing: 'crashed', ladder: { at: 0 } }],
    ['a crash long ago', crashes(1, DAY), { standing: 'crashed', crashes: null, ladder: null }],
    [
      'four crashes',
      crashes(4, 10 * SECOND),
      { standing: 'cooling-off', guard: 'crash-loop', leftMs: 20_000, ladder: { at: 1 } },
    ],
    ['seven crashes', crashes(7, MINUTE), { standing: 'cooling-off', leftMs: 4 * MINUTE, ladder: { at: 2 } }],
    [
      'a wait by other rules',
      [...crashes(1, MINUTE), ago(MINUTE, { type: 'wait', ms: HOUR, rule: 'restart' })],
      { standing: 'cooling-off', guard: 'restart', leftMs: 59 * MINUTE },
    ],
    ['a killed one', [start(MINUTE), ended(0, { code: null, signal: 'SIGKILL' })], { crashes: { signal: 'SIGKILL' } }],
    [
      'one that vanished',
      [start(HOUR), ago(HOUR, { type: 'spawned', child: 7, childStarted: '1' })],
      { standing: 'gone' },
    ],
    [
      'one that was found gone',
      [...[start(HOUR)].flatMap(one => [one, ago(MINUTE, { type: 'unclean', of: one.id })])],
      { standing: 'crashed', crashes: { count: 1, code: null, signal: null } },
    ],
    [
      'one that ended with the host',
      [...[start(HOUR)].flatMap(one => [one, ago(MINUTE, { type: 'rebooted', of: one.id })])],
      { standing: 'ended', crashes: null },
    ],
    [
      'one that was stopped',
      [start(HOUR), ended(MINUTE, { code: 0, requested: true, crash: false })],
      { standing: 'stopped' },
    ],
    [
      'a closed gate',
      [ago(MINUTE, { type: 'closed', what: 'port' })],
      { standing: 'closed', reason: 'port', next: 'bootcheck run' },
    ],
    [
      'a closed gate of another manifest',
      [ago(MINUTE, { type: 'closed', what: 'port', manifest: '/srv/my gw/BOOT.md', cwd: '/srv/my gw' })],
      { standing: 'closed', next: "cd '/srv/my gw' && bootcheck run '/srv/my gw/BOOT.md'" },
    ],
    [
      'no command',
      [ago(MINUTE, { type: 'config', code: 78, what: 'x was not found' })],
      { standing: 'closed', next: 'bootcheck lint' },
    ],
    [
      'a bad manifest',
      [ago(MINUTE, { type: 'config', code: 78, what: 'E101', manifest: '/srv/BOOT.md', cwd: '/srv' })],
      { standing: 'closed', next: 'cd /srv && bootcheck lint /srv/BOOT.md' },
    ],
    [
      'one whose host rebooted',
      [{ ...start(HOUR), boot: 'zero' }],
      { standing: 'ended', reason: 'it ended with the host' },
    ],
    [
      'a changed file after a refusal',
      [...crashes(10, HOUR), ago(MINUTE, { type: 'trial', fingerprint: 'b' })],
      { standing: 'trial' },
    ],
  ])('%s', (_, records, wanted) => {
    expect(of(records)).toMatchObject(wanted)
  })

  it('that runs is running, ready, then verified, also after a reset', () => {
    const alive = sight({ lifeOf: () => 'alive' })
    const records = [
      ...crashes(2, HOUR),
      start(30 * MINUTE),
      ago(29 * MINUTE, { type: 'spawned', child: 4711, childStarted: '9' }),
    ]
    expect(of(records, alive)).toMatchObject({ standing: 'running', process: { pid: 4711 } })
    const orphaned = sight({ lifeOf: ({ pid }) => (pid === 4711 ? 'alive' : 'gone') })
    expect(of(records, orphaned)).toMatchObject({ standing: 'unguarded', next: expect.stringContaining('kill 4711') })
    records.push(ago(28 * MINUTE, { type: 'ready' }))
    expect(of(records, alive)).toMatchObject({ standing: 'ready', since: NOW.wallMs - 28 * MINUTE })
    expect(of([...records, ago(MINUTE, { type: 'reset' })], alive)).toMatchObject({ standing: 'ready', crashes: null })
    records.push(ago(20 * MINUTE, { type: 'verified' }), ago(12 * SECOND, { type: 'beat' }))
    expect(of(records, alive)).toMatchObject({ standing: 'verified', crashes: null, beat: { agoMs: 12_000 } })
  })

  it('goes by the rules that were written down', () => {
    const rules = JSON.stringify({ crashLoop: { windowMs: HOUR, steps: [{ after: 1, waitMs: 1000 }], refuse: 2 } })
    const records = [...crashes(2, MINUTE), ago(0, { type: 'refused', rule: 'crash-loop', fingerprint: 'a', rules })]
    expect(of(records)).toMatchObject({ standing: 'refused', ladder: { waitsMs: [0, 1000], at: 2 } })
    expect(of([...crashes(2, MINUTE), ago(0, { type: 'wait', ms: 0, rules: '{"odd' })])).toMatchObject({
      standing: 'crashed',
    })
  })
})

describe('the others', () => {
  it.each<[string, StoreRecord[], object]>([
    [
      'three failures',
      [8, 7, 6].map(minutes => ago(minutes * MINUTE, { type: 'fail', retryAfterMs: null })),
      { standing: 'blocked', failures: 3, leftMs: 24 * MINUTE, until: NOW.wallMs + 24 * MINUTE },
    ],
    ['one failure', [ago(MINUTE, { type: 'fail', retryAfterMs: null })], { standing: 'failing', failures: 1 }],
    [
      'failures, the block over',
      [42, 41, 40].map(minutes => ago(minutes * MINUTE, { type: 'fail', retryAfterMs: null })),
      { standing: 'trial' },
    ],
    [
      'a success',
      [ago(2, { type: 'fail', retryAfterMs: null }), ago(1, { type: 'ok' })],
      { standing: 'free', failures: null },
    ],
    [
      'two logins of two',
      [ask(20 * MINUTE, rate), ask(19 * MINUTE, rate)],
      { standing: 'cooling-off', guard: 'rate-limit', leftMs: 11 * MINUTE, permits: { taken: 2, limit: 2 } },
    ],
    [
      'one login of two',
      [ask(MINUTE, rate)],
      { standing: 'free', permits: { taken: 1, limit: 2, perMs: 15 * MINUTE } },
    ],
    [
      'a spent budget',
      [ask(HOUR, { attempts: 1 })],
      { standing: 'refused', guard: 'budget', attempts: { taken: 1, limit: 1 } },
    ],
    ['a beat', [ago(12 * SECOND, { type: 'beat' })], { standing: 'alive', beat: { agoMs: 12_000 } }],
    ['an old beat', [ago(2 * HOUR, { type: 'beat' })], { standing: 'stale', guard: 'heartbeat' }],
    ['a key', [ago(HOUR, { type: 'once' })], { standing: 'done', since: NOW.wallMs - HOUR }],
    [
      'an item given back',
      [ago(HOUR, { type: 'requeue', of: 'a', attempts: 3 }), ago(HOUR, { type: 'requeued', of: 'a', ok: true })],
      { standing: 'retried', attempts: { taken: 2, limit: 3 } },
    ],
    [
      'an item that could not be given back',
      [ago(HOUR, { type: 'requeue', of: 'a', attempts: 3 }), ago(HOUR, { type: 'requeued', of: 'a', ok: false })],
      {
        standing: 'stuck',
        reason: 'its reset failed',
        next: 'look why its reset fails, give it back by hand, then bootcheck state reset gateway',
      },
    ],
    [
      'an item whose reset was killed',
      [ago(HOUR, { type: 'requeue', of: 'a', attempts: 3 })],
      { standing: 'stuck', reason: 'its reset was begun, and its outcome is not on record' },
    ],
    [
      'an item that failed for good',
      [
        ago(HOUR, { type: 'requeue', of: 'a', attempts: 2 }),
        ago(MINUTE, { type: 'refused', rule: 'queue', fingerprint: 'b' }),
      ],
      { standing: 'refused', guard: 'queue' },
    ],
    [
      'nothing since a reset',
      [ago(HOUR, { type: 'fail' }), ago(MINUTE, { type: 'reset' })],
      { standing: 'clear', records: 0 },
    ],
    ['what a later version wrote', [ago(HOUR, { type: 'dreamt' })], { standing: 'known' }],
  ])('%s', (_, records, wanted) => {
    expect(of(records)).toMatchObject(wanted)
  })

  it('takes whatever a record may hold, and names no time that is none', () => {
    const types = [
      'start',
      'spawned',
      'ready',
      'verified',
      'checked',
      'end',
      'unclean',
      'rebooted',
      'config',
      'closed',
      'wait',
      'refused',
      'trial',
      'notified',
      'ok',
      'fail',
      'ask',
      'once',
      'beat',
      'stale',
      'requeue',
      'requeued',
      'reset',
      'sending',
      'delivered',
      'unknown',
      'unsent',
      'unauthorized',
      'not-before',
    ]
    const fields = [
      'ms',
      'holdMs',
      'retryAfterMs',
      'rules',
      'rule',
      'of',
      'what',
      'check',
      'effect',
      'code',
      'signal',
      'child',
      'limit',
      'perMs',
      'cooldownMs',
      'attempts',
      'failures',
      'windowMs',
      'blockMs',
      'ok',
      'crash',
      'observed',
      'next',
      'asleepMs',
    ]
    const value = fc.constantFrom<StoreEvent[string]>(
      null,
      'x',
      '',
      '2026',
      true,
      0,
      -1,
      1.5,
      1e300,
      -1e300,
      8.64e15,
      '{"crashLoop":{"steps":[null]}}',
      '{"crashLoop":{"windowMs":1,"refuse":2,"steps":[{"after":1e300,"waitMs":1e300}]}}',
    )
    const event = fc.tuple(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 12 }))
    const at = fc.constantFrom(0, MINUTE, DAY, -DAY, NOW.wallMs - 8.64e15, NOW.wallMs + 8.64e15)
    fc.assert(
      fc.property(fc.array(fc.tuple(at, event), { minLength: 1, maxLength: 6 }), given => {
        const records = given.map(([ms, [type, rest]]) => ({ ...ago(ms, { ...rest, type }), boot: 'zero' }))
        const state = of(records)
        const whole: State = { at: NOW.wallMs, dir: '/s', targets: [state], problem: null }
        const json = JSON.stringify(stateJson(whole))
        const told = JSON.stringify([tell(state, NOW.wallMs), records.map(each => tellRecord(each, records))])
        expect(told).not.toMatch(/NaN|Invalid|Infinity/)
        expect(json).not.toMatch(/NaN|Invalid|Infinity/)
      }),
      { numRuns: 2000 },
    )
  })

  it('shows the worst of several sides', () => {
    expect(of([ago(2 * HOUR, { type: 'beat' }), ago(MINUTE, { type: 'fail', retryAfterMs: null })])).toMatchObject({
      standing: 'stale',
      failures: 1,
    })
  })

  const sending = ago(HOUR, { type: 'sending', everyMs: HOUR, waitMs: 1, replaces: null, salt: 's', hash: 'h' })
  const said = { what: 'forbidden', observed: 'HTTP 403', expected: '', next: 'add the bot to the chat' }
  it.each<[string, StoreRecord[], object]>([
    [
      'delivered',
      [sending, ago(MINUTE, { type: 'delivered', of: sending.id, receipt: '7' })],
      { standing: 'delivered' },
    ],
    [
      'refused',
      [sending, ago(MINUTE, { type: 'refused', of: sending.id, ...said })],
      { standing: 'undelivered', reason: 'HTTP 403', next: 'add the bot to the chat' },
    ],
    ['without an outcome', [sending], { standing: 'undelivered' }],
    ['unsent', [sending, ago(MINUTE, { type: 'unsent', of: sending.id })], { standing: 'undelivered' }],
    ['with a bad credential', [ago(MINUTE, { type: 'unauthorized', ...said })], { standing: 'undelivered' }],
    [
      'left alone',
      [sending, ago(MINUTE, { type: 'not-before', holdMs: HOUR, ...said })],
      { standing: 'cooling-off', leftMs: 59 * MINUTE },
    ],
  ])('a message %s', (_, records, wanted) => {
    expect(of(records)).toMatchObject(wanted)
  })
})

describe('for people', () => {
  const targets = [
    of([...good, ended(2 * DAY, { requested: true, crash: false }), ...crashes(10, 24 * MINUTE)]),
    stateOf(
      'codex/grok-4.20',
      { records: [8, 7, 6].map(minutes => ago(minutes * MINUTE, { type: 'fail', retryAfterMs: null })), bad: 0 },
      NOW,
      'forget',
      sight(),
    ),
    stateOf(
      'login:naver',
      { records: [ask(20 * MINUTE, rate), ask(19 * MINUTE, rate)], bad: 0 },
      NOW,
      'forget',
      sight(),
    ),
    stateOf('worker-3', { records: [ago(12 * SECOND, { type: 'beat' })], bad: 0 }, NOW, 'forget', sight()),
  ]
  const state: State = { at: NOW.wallMs, dir: '/s', targets, problem: null }
  const shown = (width: number, given = state) =>
    showState(
      { targets: given.targets.map(each => tell(each, NOW.wallMs)), summary: summarize(given), problem: given.problem },
      { tty: width > 0, color: false, unicode: true, width },
    )

  it('in columns where there is room', () => {
    expect(shown(90)).toBe(`\
gateway          refused since 02:14          10 crashes, 01:56 to 02:14, exit 1
                 0 s, 30 s, 5 min, [refused]  last good start Thu 22:40
                 next  mend what crashes, then bootcheck state reset gateway
codex/grok-4.20  blocked, 24 min left         3 failures in a row
                 next  one trial at 03:02
login:naver      cooling off, 11 min left     2 of 2 attempts in 15 min
                 next  the next permit at 02:49
worker-3         alive                        beat 12 s ago

4 targets: 1 refused, 1 blocked, 1 cooling off. Local store, all lines good.
`)
  })

  it('below each other where there is none', () => {
    expect(shown(40)).toMatch(/^gateway\n {2}refused since 02:14\n {2}0 s, 30 s, 5 min, \[refused\]\n {2}10 crashes/)
    for (const line of shown(40).split('\n'))
      if (!line.includes('next')) expect(line.length, line).toBeLessThanOrEqual(40)
  })

  it('one line a target for programs', () => {
    expect(shown(0).split('\n')[1]).toBe(
      'blocked, 24 min left\tcodex/grok-4.20\t3 failures in a row\tnext: one trial at 03:02',
    )
  })

  it('with nothing that could move the cursor', () => {
    const evil = stateOf(
      'a\u001b[2J\u202eb',
      { records: [ago(0, { type: 'closed', what: 'x\u001b]0;y\n' })], bad: 0 },
      NOW,
      'forget',
      sight(),
    )
    for (const width of [0, 40, 90]) {
      const text = shown(width, { ...state, targets: [evil] })
      expect(text).toContain('a\\x1b[2J\\u202eb')
      expect(text.replaceAll(/[\n\t]/g, '')).not.toMatch(/[\u0000-\u001f\u202e]/)
    }
    const line = showChange(
      { time: '02:14:00', target: 'a\u001b', told: 'b\u0007', standing: 'c', tone: 'bad' },
      { tty: true, color: false, unicode: true, width: 80 },
    )
    expect(line).toBe('02:14:00  a\\x1b  b\\x07  c\n')
  })

  it('with bad lines in the summary', () => {
    const torn = { ...targets[3], bad: 2, firstBad: '/s/x.jsonl:4: its checksum does not fit' } as (typeof targets)[0]
    expect(summarize({ ...state, targets: [torn] })).toBe(
      '1 target, all well. Local store, 2 lines cannot be read: /s/x.jsonl:4: its checksum does not fit.',
    )
  })

  it('with times as short as they can be', () => {
    const at = (...given: [number, number, number, number, number]) => new Date(...given).getTime()
    expect(moment(at(2026, 10, 22, 0, 1), NOW.wallMs)).toBe('00:01')
    expect(moment(at(2026, 10, 20, 22, 40), NOW.wallMs)).toBe('Fri 22:40')
    expect(moment(at(2026, 10, 12, 22, 40), NOW.wallMs)).toBe('2026-11-12 22:40')
  })

  it('tells of each record in a line, and whether an ask was permitted', () => {
    const asks = [ask(3, rate), ask(2, rate), ask(1, rate)]
    expect(asks.map(record => tellRecord(record, asks))).toEqual([
      'took a permit',
      'took a permit',
      'asked, and was refused',
    ])
    expect(tellRecord(ended(0, { code: null, signal: 'SIGSEGV' }), [])).toBe('crashed: signal SIGSEGV')
    expect(tellRecord(ago(0, { type: 'wait', ms: 30_000, rule: 'crash-loop' }), [])).toBe('waits 30 s (crash-loop)')
    expect(tellRecord(ago(0, { type: 'dreamt' }), [])).toBe('dreamt')
    expect(tellRecord(ago(0, { type: 'toString' }), [])).toBe('toString')
  })
})

const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../../schemas/state.schema.json'), 'utf8'))
const fits = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)

describe('a real store', () => {
  const open = (dir: string) => localStore({ dir, now: Date.now, uptimeMs: () => uptime() * 1000 })
  const readAll = (dir: string): State => {
    const state = readState({ stateDir: dir })
    if ('unknown' in state) throw new Error(state.unknown)
    return state
  }

  it('gives JSON that fits its schema, whatever happened', async () => {
    const dir = scratch()
    const store = open(dir)
    const { pid } = await nodeChild('console.log("up"); setInterval(() => {}, 1000)')
    store.append('gateway', { type: 'start', fingerprint: 'a', command: 'x' })
    store.append('gateway', { type: 'end', code: 1, signal: null, requested: false, crash: true })
    store.append('gateway', { type: 'start', fingerprint: 'a', command: 'x' })
    store.append('gateway', { type: 'spawned', child: pid, childStarted: 'unknown' })
    store.append('gateway', { type: 'beat' })
    store.append('login', { ...ask(0, rate).event })
    store.append('job', { ...ask(0, { attempts: 1 }).event })
    store.append('worker', { type: 'beat' })
    store.append('backend', { type: 'fail', retryAfterMs: 60_000 })
    store.append('message/x', { type: 'delivered', of: 'a', receipt: null })
    store.append('old', { type: 'reset' })
    const state = readAll(dir)
    expect(state.targets.map(({ target, standing }) => `${target} ${standing}`)).toEqual([
      'job refused',
      'backend blocked',
      'gateway running',
      'worker alive',
      'message/x delivered',
      'login free',
      'old clear',
    ])
    const json = JSON.parse(JSON.stringify(stateJson(state)))
    expect(fits(json), JSON.stringify(fits.errors)).toBe(true)
    expect(json.targets[2].process.since).toMatch(/^\d{4}-.*Z$/)
    expect(store.read('gateway').records).toHaveLength(5) // looking changes nothing
  })

  it('counts bad lines, and tells one target that cannot be read from the others', () => {
    const dir = scratch()
    const store = open(dir)
    for (const name of ['a', 'b']) store.append(name, { type: 'beat' })
    const folder = join(dir, 'targets', 'a')
    appendFileSync(join(folder, readdirSync(folder)[0] ?? ''), '{"torn\n')
    chmodSync(join(dir, 'targets', 'b'), 0o777)
    const state = readAll(dir)
    expect(state.targets).toMatchObject([
      { target: 'b', standing: 'unreadable', next: expect.stringContaining('chmod') },
      { target: 'a', standing: 'alive', bad: 1 },
    ])
    const json = JSON.parse(JSON.stringify(stateJson(state)))
    expect(json).toMatchObject({ exitCode: 1, store: { bad: 1, firstBad: expect.stringContaining('no whole record') } })
    expect(fits(json), JSON.stringify(fits.errors)).toBe(true)
  })

  it('that cannot be trusted is a problem, and not nothing', () => {
    const dir = scratch()
    chmodSync(dir, 0o777)
    mkdirSync(join(dir, 'targets'))
    const state = readAll(dir)
    expect(state).toMatchObject({ targets: [], problem: { code: 'NOT-PRIVATE' } })
    const json = JSON.parse(JSON.stringify(stateJson(state)))
    expect(json).toMatchObject({ exitCode: 2 })
    expect(fits(json), JSON.stringify(fits.errors)).toBe(true)
    expect(resetState(['a'], dir)).toMatchObject({ problem: { code: 'NOT-PRIVATE' } })
  })

  it('forgets a target, and none where one of them is unknown', () => {
    const dir = scratch()
    const store = open(dir)
    for (const name of ['gateway', 'worker']) store.append(name, { type: 'fail', retryAfterMs: null })
    expect(resetState(['gateway', 'wroker'], dir)).toEqual({ unknown: 'wroker', suggestion: 'worker' })
    expect(store.read('gateway').records).toHaveLength(1)
    expect(resetState(['gateway', 'gateway'], dir)).toEqual({ reset: [{ target: 'gateway', records: 1 }] })
    expect(readAll(dir).targets.map(({ target, standing }) => `${target} ${standing}`)).toEqual([
      'worker failing',
      'gateway clear',
    ])
    expect(readState({ targets: ['gatewya'], stateDir: dir })).toEqual({ unknown: 'gatewya', suggestion: 'gateway' })
    expect(readAll(scratch()).targets).toEqual([])
  })

  it('is followed record by record, from one that was never heard of on', async () => {
    const dir = scratch()
    const store = open(dir)
    const stop = new AbortController()
    const following = followState({ targets: ['later'], stateDir: dir }, stop.signal)
    expect((await following.next()).value).toMatchObject({ state: { targets: [] }, changes: [] })
    store.append('another', { type: 'beat' })
    store.append('later', { type: 'fail', retryAfterMs: null })
    store.append('later', { type: 'ok' })
    const { value } = await following.next()
    const changes = value?.changes ?? []
    expect(changes.map(({ told }) => told)).toEqual(['failed', 'ok'])
    expect(changes[1]).toMatchObject({ target: 'later', state: { standing: 'free' } })
    if (changes[0] && value) {
      const json = JSON.parse(JSON.stringify(stateJson(value.state, changes[0])))
      expect(fits(json), JSON.stringify(fits.errors)).toBe(true)
      expect(json.change).toMatchObject({ target: 'later', event: { type: 'fail' } })
    }
    const again = followState({ stateDir: dir }, stop.signal)
    expect((await again.next()).value).toMatchObject({ state: { targets: [{}, {}] }, changes: [] })
    stop.abort('SIGINT')
    expect((await again.next()).done).toBe(true)
    expect((await following.next()).done).toBe(true)
  })
})
