import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Ask,
  type Decision,
  decide,
  decideProbe,
  holdsPlace,
  isAhead,
  type Memo,
} from '../../../checks/message/etiquette.ts'
import type { StoreRecord } from '../../../core/store.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const OURS = { salt: 's', hash: 'ours' }
const OTHER = { salt: 's', hash: 'other' }
const TEXTS = { observed: 'o', expected: 'e', next: 'n' }

/** A log: [minute, event], its ids counting from 0. Minutes are wall clock and uptime of one boot, unless said otherwise. */
type Line = readonly [minute: number, memo: Memo | { readonly type: 'reset' }, boot?: string]

const log = (...lines: readonly Line[]): StoreRecord[] =>
  lines.map(([minute, event, boot = 'one'], index) => ({
    id: String(index),
    event,
    wallMs: minute * MINUTE,
    uptimeMs: minute * MINUTE,
    boot,
    pid: 1,
    started: '1',
    host: 'h',
  }))

const at = (minute: number, boot = 'one', everyMs = HOUR): Ask => ({
  now: { wallMs: minute * MINUTE, uptimeMs: minute * MINUTE, boot },
  everyMs,
  isCurrent: remembered => remembered.hash === OURS.hash,
  isGone: () => false,
  asks: true,
})
const unasked = (minute: number, everyMs = HOUR): Ask => ({ ...at(minute, 'one', everyMs), asks: false })

const sending = (more: Partial<Extract<Memo, { type: 'sending' }>> = {}): Memo => ({
  type: 'sending',
  everyMs: HOUR,
  waitMs: 5000,
  replaces: null,
  ...OURS,
  ...more,
})
const delivered = (of = '0'): Memo => ({ type: 'delivered', of, receipt: '12' })
const refused = (what = 'forbidden', of = '0'): Memo => ({ type: 'refused', of, what, ...TEXTS })
const unknown = (of = '0'): Memo => ({ type: 'unknown', of, what: 'unknown', ...TEXTS })
const unauthorized = (who = OURS): Memo => ({ type: 'unauthorized', what: 'unauthorized', ...TEXTS, ...who })
const notBefore = (minutes: number, who = OURS): Memo => ({
  type: 'not-before',
  holdMs: minutes * MINUTE,
  what: 'rate-limited',
  ...TEXTS,
  ...who,
})

const SEND: Decision = { do: 'send', replaces: null }

describe('an interval', () => {
  it.each<[string, StoreRecord[], Ask, Partial<Decision>]>([
    ['nothing is remembered', [], at(0), SEND],
    [
      'a confirmed delivery stands',
      log([0, sending()], [0, delivered()]),
      at(12),
      { do: 'probe', agoMs: 12 * MINUTE, dueInMs: 48 * MINUTE, sameCredential: true },
    ],
    ['until the interval is over', log([0, sending()], [0, delivered()]), at(60), SEND],
    ['and not a moment sooner', log([0, sending()], [0, delivered()]), at(59.99), { do: 'probe' }],
    ['a shorter interval of another check', log([0, sending()], [0, delivered()]), at(12, 'one', 10 * MINUTE), SEND],
    [
      'confirmed with another credential',
      log([0, sending(OTHER)], [0, delivered()]),
      at(12),
      { do: 'probe', sameCredential: false },
    ],
    [
      'a refused one is said again',
      log([0, sending()], [0, refused()]),
      at(12),
      { do: 'keep', agoMs: 12 * MINUTE, forMs: 48 * MINUTE },
    ],
    ['a 403 expires', log([0, sending()], [0, refused()]), at(60), SEND],
    ['a 404 expires', log([0, sending()], [0, refused('not-found')]), at(60), SEND],
    ['an unknown one is said again', log([0, sending()], [0, unknown()]), at(59), { do: 'keep', forMs: MINUTE }],
    ['an unknown one expires', log([0, sending()], [0, unknown()]), at(60), SEND],
    [
      'another credential may try after a refusal',
      log([0, sending(OTHER)], [0, refused()]),
      at(12),
      { do: 'send', replaces: '0' },
    ],
    [
      'another credential may try after an unknown one',
      log([0, sending(OTHER)], [0, unknown()]),
      at(12),
      { do: 'send', replaces: '0' },
    ],
    ['somebody is sending', log([0, sending()]), at(0.05), { do: 'wait', forMs: 4000 }],
    ['somebody with another credential is sending', log([0, sending(OTHER)]), at(0.05), { do: 'wait' }],
    ['somebody who has ended was sending', log([0, sending()]), { ...at(0.05), isGone: () => true }, { do: 'keep' }],
    ['somebody never told', log([0, sending()]), at(1), { do: 'keep', forMs: 59 * MINUTE }],
    ['what never left uses up nothing', log([0, sending()], [0, { type: 'unsent', of: '0' }]), at(0), SEND],
    ['forgotten by request', log([0, sending()], [0, refused()], [1, { type: 'reset' }]), at(2), SEND],
    ['a reply that came after all', log([0, sending()], [0, unknown()], [0, delivered()]), at(2), { do: 'probe' }],
    [
      'an event of a later version',
      log([0, sending()], [0, delivered()], [0, { type: 'sneezed' } as unknown as Memo]),
      at(1),
      { do: 'probe' },
    ],
  ])('%s', (_, records, ask, expected) => {
    expect(decide(records, ask)).toMatchObject(expected)
  })

  it('brings back what stood before a message that never left', () => {
    const records = log(
      [0, sending(OTHER)],
      [0, refused()],
      [1, sending({ replaces: '0' })],
      [1, { type: 'unsent', of: '2' }],
    )
    expect(decide(records, at(2))).toEqual({ do: 'send', replaces: '0' })
  })
})

describe('another credential, where none can be asked without a message', () => {
  const THIRD = { salt: 's', hash: 'third' }
  const FOURTH = { salt: 's', hash: 'fourth' }

  it.each<[string, StoreRecord[], Ask, Partial<Decision>]>([
    [
      'is proved by a message of its own',
      log([0, sending(OTHER)], [0, delivered()]),
      unasked(12),
      { do: 'send', replaces: '0' },
    ],
    [
      'and only by one: its own delivery stands, whoever sent since',
      log([0, sending()], [0, delivered()], [5, sending({ ...OTHER, replaces: '0' })], [5, delivered('2')]),
      unasked(12),
      { do: 'probe', sameCredential: true, agoMs: 12 * MINUTE, dueInMs: 48 * MINUTE },
    ],
    [
      'its own refusal stands too',
      log([0, sending()], [0, refused()], [5, sending({ ...OTHER, replaces: '0' })], [5, delivered('2')]),
      unasked(12),
      { do: 'keep', agoMs: 12 * MINUTE, forMs: 48 * MINUTE },
    ],
    [
      'and where it can be asked',
      log([0, sending()], [0, refused()], [5, sending({ ...OTHER, replaces: '0' })], [5, refused('forbidden', '2')]),
      at(12),
      { do: 'keep', agoMs: 12 * MINUTE, forMs: 48 * MINUTE },
    ],
    ['waits for whoever is sending', log([0, sending(OTHER)]), unasked(0.05), { do: 'wait' }],
    [
      'is not proved by a fourth message in the interval: one that changes at each start would be spam',
      log(
        [0, sending(OTHER)],
        [0, delivered()],
        [10, sending({ ...THIRD, replaces: '0' })],
        [10, delivered('2')],
        [20, sending({ ...FOURTH, replaces: '2' })],
        [20, delivered('4')],
      ),
      unasked(25),
      { do: 'unproven', messages: 3, forMs: 35 * MINUTE },
    ],
    [
      'until one of the three is over',
      log(
        [0, sending(OTHER)],
        [0, delivered()],
        [10, sending({ ...THIRD, replaces: '0' })],
        [10, delivered('2')],
        [20, sending({ ...FOURTH, replaces: '2' })],
        [20, delivered('4')],
      ),
      unasked(60),
      { do: 'send', replaces: '4' },
    ],
  ])('%s', (_, records, ask, expected) => {
    expect(decide(records, ask)).toMatchObject(expected)
  })
})

describe('who began to send and said no more', () => {
  it('is waited for a little longer than he waits himself, for he has yet to write it down', () => {
    expect(decide(log([0, sending()]), at(5.5 / 60))).toMatchObject({ do: 'wait' })
  })

  it('is called dead only where he is known to be', () => {
    const observed = (isGone: boolean): string => {
      const decision = decide(log([0, sending()]), { ...at(1), isGone: () => isGone })
      return decision.do === 'keep' ? decision.kept.observed : decision.do
    }
    expect(observed(true)).toBe('a run began to send and did not live to tell the outcome')
    expect(observed(false)).toBe('a run began to send and has not told the outcome')
  })
})

describe('what outlasts the interval', () => {
  it.each<[string, StoreRecord[], Ask, Partial<Decision> | undefined]>([
    ['a 401 of the probe', log([0, unauthorized()]), at(6000), { do: 'keep', forMs: 'credential' }],
    [
      'a 401 of the delivery',
      log([0, sending()], [0, refused('unauthorized')]),
      at(6000),
      { do: 'keep', forMs: 'credential' },
    ],
    ['not with another credential', log([0, unauthorized(OTHER)]), at(0), undefined],
    ["the service's word, after a reset", log([0, notBefore(90)], [1, { type: 'reset' }]), at(2), undefined],
    ['not after a reset', log([0, unauthorized()], [1, { type: 'reset' }]), at(2), undefined],
    ["the service's word", log([0, notBefore(90)]), at(70), { do: 'keep', forMs: 20 * MINUTE }],
    ["the service's word, over", log([0, notBefore(90)]), at(90), undefined],
    ["the service's word to another credential", log([0, notBefore(90, OTHER)]), at(1), undefined],
  ])('%s', (_, records, ask, expected) => {
    const forbidden = decideProbe(records, ask)
    if (expected) expect(forbidden).toMatchObject(expected)
    else expect(forbidden).toBeUndefined()
    expect(decide(records, ask)).toMatchObject(expected ?? SEND)
  })

  it('holds a refused 429 for the interval or the word of the service, whichever is longer', () => {
    const limited = (minutes: number) => log([0, sending()], [0, refused('rate-limited')], [0, notBefore(minutes)])
    expect(decide(limited(1), at(10))).toMatchObject({ do: 'keep', forMs: 50 * MINUTE })
    expect(decide(limited(90), at(10))).toMatchObject({ do: 'keep', forMs: 80 * MINUTE })
    expect(decide(limited(90), at(70))).toMatchObject({ do: 'keep', forMs: 20 * MINUTE })
    expect(decide(limited(90), at(90))).toEqual(SEND)
  })
})

describe('clocks', () => {
  it('goes by the uptime within a boot, whatever the clock was set to', () => {
    const records = log([0, sending()], [0, delivered()])
    const ask = at(10)
    expect(decide(records, { ...ask, now: { ...ask.now, wallMs: 10_000 * MINUTE } })).toMatchObject({
      do: 'probe',
      agoMs: 10 * MINUTE,
    })
    expect(decide(records, { ...ask, now: { ...ask.now, wallMs: -10_000 * MINUTE } })).toMatchObject({
      do: 'probe',
      agoMs: 10 * MINUTE,
    })
  })

  it('goes by the clock across boots', () => {
    const records = log([0, sending()], [0, delivered()])
    expect(decide(records, at(59, 'two'))).toMatchObject({ do: 'probe' })
    expect(decide(records, at(60, 'two'))).toEqual(SEND)
  })

  it('lets a stamp from the future hold for one interval from when it was seen, and not until that day', () => {
    const far = 1e6
    const ahead = [...log([far, sending(), 'zero'], [far, delivered(), 'zero'])]
    expect(decide(ahead, at(0))).toMatchObject({ do: 'probe', dueInMs: HOUR })
    expect(decide(ahead, at(300))).toMatchObject({ do: 'probe' })
    expect(isAhead(ahead, at(300).now)).toBe(true)

    const seen = log([far, sending(), 'zero'], [far, delivered(), 'zero'], [0, { type: 'seen' }])
    expect(isAhead(seen, at(0).now)).toBe(false)
    expect(decide(seen, at(59))).toMatchObject({ do: 'probe' })
    expect(decide(seen, at(60, 'two'))).toEqual(SEND)
  })
})

describe('a race', () => {
  it('gives the place to the first of those who claim it at once', () => {
    const records = log([0, sending()], [0, sending()], [0, sending()])
    expect(records.map(({ id }) => holdsPlace(records, id))).toEqual([true, false, false])
  })

  it('gives it to the first of those who replace the same refusal', () => {
    const records = log(
      [0, sending(OTHER)],
      [0, refused()],
      [1, sending({ replaces: '0' })],
      [1, sending({ replaces: '0' })],
    )
    expect(['2', '3'].map(id => holdsPlace(records, id))).toEqual([true, false])
  })

  it('does not take the outcome of a loser for that of the winner', () => {
    const records = log([0, sending()], [0, sending()], [0, delivered('1')])
    expect(decide(records, at(0))).toMatchObject({ do: 'wait' })
  })

  it('gives no place to a record that is not there', () => {
    expect(holdsPlace(log([0, sending()]), '7')).toBe(false)
  })

  it('never lets two messages leave within an interval with one credential, whatever happens', () => {
    // Each event: how long after the one before it, and what a run then meets. Every run obeys the decision.
    const event = fc.record({
      minutes: fc.double({ min: 0, max: 90, noNaN: true }),
      outcome: fc.constantFrom('delivered', 'refused', 'unknown', 'killed', 'unsent'),
      racers: fc.integer({ min: 1, max: 4 }),
      reboot: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), events => {
        const records: StoreRecord[] = []
        const left: number[] = []
        let minute = 0
        let boot = 0
        const add = (event: Memo): string => {
          const id = String(records.length)
          const [record] = log([minute, event, String(boot)])
          if (record) records.push({ ...record, id })
          return id
        }
        for (const { minutes, outcome, racers, reboot } of events) {
          minute += minutes
          if (reboot) boot++
          const ask = at(minute, String(boot))
          const decisions = Array.from({ length: racers }, () => decide(records, ask))
          const ids = decisions.flatMap(decision =>
            decision.do === 'send' ? [add(sending({ replaces: decision.replaces }))] : [],
          )
          const winners = ids.filter(id => holdsPlace(records, id))
          expect(winners.length).toBe(ids.length > 0 ? 1 : 0)
          for (const id of winners) {
            if (outcome !== 'unsent') left.push(minute)
            if (outcome === 'delivered') add(delivered(id))
            if (outcome === 'refused') add(refused('forbidden', id))
            if (outcome === 'unknown') add(unknown(id))
            if (outcome === 'unsent') add({ type: 'unsent', of: id })
          }
        }
        for (const [index, when] of left.entries())
          if (index > 0) expect(when - (left[index - 1] ?? 0)).toBeGreaterThanOrEqual(59.999)
      }),
    )
  })
})
