/** What is removed after a month, what outlives it, and that nobody loses anything by it. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { folderName } from '../../core/local-store/names.ts'
import { localStore } from '../../core/local-store.ts'
import type { StoreEvent } from '../../core/store.ts'
import { StoreError } from '../../core/store.ts'
import { survivors } from '../../core/survive.ts'
import { scratch } from '../support/context.ts'
import { program, start } from '../support/programs.ts'

const DAY = 86_400_000
const NOON = Date.UTC(2026, 10, 22, 12)

/** A host whose clocks are set by hand. Each day is a boot of its own unless said otherwise. */
const host = (dir = join(scratch(), 'state')) => {
  const clock = { day: 0, boot: '', uptimeMs: 0 }
  const store = () =>
    localStore({
      dir,
      now: () => NOON + clock.day * DAY,
      uptimeMs: () => clock.uptimeMs,
      boot: clock.boot || `day ${clock.day}`,
    })
  return {
    dir,
    clock,
    store,
    on: (day: number, event: StoreEvent, target = 't') => {
      clock.day = day
      return store().append(target, event)
    },
    events: (target = 't') =>
      store()
        .read(target)
        .records.map(({ event }) => event),
    days: (target = 't') => readdirSync(join(dir, 'targets', folderName(target))).sort(),
  }
}

const say = (type: string, fields: Omit<StoreEvent, 'type'> = {}): StoreEvent => ({ type, ...fields })

describe('a new day', () => {
  it('removes what is older than a month, after what still counts was put into it', () => {
    const { on, events, days } = host()
    const begin = say('start', { fingerprint: 'a', command: 'x' })
    const refused = say('refused', { rule: 'crash-loop', fingerprint: 'a' })
    on(0, begin)
    on(0, say('ok', { n: 1 }))
    on(0, refused)
    on(1, say('fail', { n: 1 }))
    on(3, say('fail', { n: 2 }))
    on(40, say('ok', { n: 2 }))
    expect(days()).toEqual(['2027-01-01.jsonl'])
    expect(events()).toEqual([begin, refused, say('fail', { n: 2 }), say('ok', { n: 2 })])
    on(90, say('ok', { n: 3 })) // and all of it is moved a second time
    expect(days()).toHaveLength(1)
    expect(events()).toEqual([begin, refused, say('fail', { n: 2 }), say('ok', { n: 3 })])
  })

  it('leaves the order as it was: what was cleared stays cleared', () => {
    const { on, store, events } = host()
    const first = on(0, say('refused', { rule: 'crash-loop', fingerprint: 'a' }))
    const second = on(39, say('ok'))
    const third = on(40, say('trial', { fingerprint: 'b' }))
    const last = on(40, say('beat'))
    expect(store().read('t')).toEqual({ records: [first, second, third, last], bad: 0 })
    on(41, say('reset'))
    on(80, say('beat', { n: 2 }))
    expect(events()).toEqual([say('reset'), say('beat', { n: 2 })])
  })

  it('moves a month together, and drops all beats but the latest at once', () => {
    const { on, events, days } = host()
    for (let day = 0; day < 35; day++) {
      for (let n = 0; n < 5; n++) on(day, say('beat', { day, n }))
      on(day, say('end', { day }))
    }
    expect(days()).toHaveLength(2)
    const [beats, ends] = ['beat', 'end'].map(type => events().filter(event => event.type === type))
    expect(ends?.map(({ day }) => day)).toEqual(Array.from({ length: 30 }, (_, n) => n + 5))
    expect(beats?.map(({ day }) => day)).toEqual([33, 34].flatMap(day => Array(5).fill(day)))
    expect(events().at(-1)).toEqual(say('end', { day: 34 }))
  })

  it('leaves a long day alone while most of it counts', () => {
    const { on, events, days } = host()
    for (let n = 0; n < 201; n++) on(0, say('end', { n }))
    for (const day of [3, 6, 29]) on(day, say('ok', { day }))
    expect(days()).toEqual(['2026-11-22.jsonl', '2026-12-21.jsonl'])
    expect(events()).toHaveLength(204)
    on(40, say('ok'))
    expect(days()).toHaveLength(1)
    expect(events().map(({ type }) => type)).toEqual(['end', 'ok', 'ok'])
  })

  it('believes the uptime where the clock was set a year ahead', () => {
    const { on, clock, events, days } = host()
    clock.boot = 'one'
    for (const [day, n] of [
      [0, 1],
      [365, 2],
      [400, 3],
    ] as const) {
      clock.uptimeMs += 1000
      on(day, say('beat', { n }))
    }
    expect(days()).toHaveLength(3)
    expect(events().map(({ n }) => n)).toEqual([1, 2, 3])
  })

  it('never removes the newest, however old it is', () => {
    const { on, clock, store, events } = host()
    on(0, say('beat'))
    clock.day = 500
    expect(store().sweep('t', 0, () => [])).toBe(0)
    expect(events()).toEqual([say('beat')])
    expect(store().sweep('never written to', 0, () => [])).toBe(0)
  })

  it('is appended to all the same where an old day cannot be read', () => {
    const { on, dir, days } = host()
    on(0, say('beat'))
    on(1, say('beat'))
    const bucket = join(dir, 'targets', 't', '2026-11-22.jsonl')
    rmSync(bucket)
    mkdirSync(bucket)
    on(40, say('beat'))
    expect(days()).toHaveLength(3)
  })

  it('forgets the bad lines of a day with it', () => {
    const { on, dir, store } = host()
    on(0, say('beat'))
    appendFileSync(join(dir, 'targets', 't', '2026-11-22.jsonl'), '{"torn')
    on(1, say('ok'))
    expect(store().read('t').bad).toBe(1)
    on(40, say('ok'))
    expect(store().read('t').bad).toBe(0)
  })
})

describe('what survives', () => {
  const kept = (...events: readonly StoreEvent[]): StoreEvent[] => {
    const { on, store, clock } = host()
    for (const event of events) on(0, event)
    clock.day = 30
    return survivors(store().stamp())(store().read('t').records).map(({ event }) => event)
  }
  const crash = say('end', { code: 1, signal: null, requested: false, crash: true })
  const begin = say('start', { fingerprint: 'a', command: 'x' })
  const refused = (fingerprint: string, n = 0) => say('refused', { rule: 'crash-loop', fingerprint, n })
  const ask = (attempts: number | null, n = 0) => say('ask', { limit: null, attempts, n })

  it.each<[string, StoreEvent[], StoreEvent[]]>([
    [
      'of what lies inside a window the latest',
      [begin, crash, begin, crash, say('ok'), say('ok')],
      [begin, crash, say('ok')],
    ],
    [
      'of each refusal the first and the latest',
      [refused('a', 1), refused('a', 2), refused('b', 3), refused('a', 4)],
      [refused('a', 1), refused('b', 3), refused('a', 4)],
    ],
    [
      'every ask of a retry budget',
      [ask(3, 1), ask(null, 2), ask(3, 3), ask(null, 4)],
      [ask(3, 1), ask(3, 3), ask(null, 4)],
    ],
    ['the first of those who came once', [say('once', { n: 1 }), say('once', { n: 2 })], [say('once', { n: 1 })]],
    [
      'the latest notification of each sort',
      ['a', 'b', 'a'].map((key, n) => say('notified', { key, n })),
      [say('notified', { key: 'b', n: 1 }), say('notified', { key: 'a', n: 2 })],
    ],
    [
      'nothing before a reset, but the reset',
      [refused('a'), ask(3), say('reset'), ask(3, 2)],
      [say('reset'), ask(3, 2)],
    ],
    [
      'whatever it does not know',
      [say('sneezed', { n: 1 }), say('sneezed', { n: 2 })],
      [say('sneezed', { n: 1 }), say('sneezed', { n: 2 })],
    ],
    ['names that every object has', [say('constructor'), say('constructor')], [say('constructor'), say('constructor')]],
  ])('%s', (_, events, expected) => {
    expect(kept(...events)).toEqual(expected)
  })

  it('the message that a refused credential was refused for', () => {
    const { on, store, clock } = host()
    const refusedBy = (of: string) => say('refused', { of, what: 'unauthorized' })
    const { id: first } = on(0, say('sending', { n: 1 }), 'm')
    on(0, refusedBy(first), 'm')
    const { id: second } = on(0, say('sending', { n: 2 }), 'm')
    on(0, say('delivered', { of: second }), 'm')
    on(0, say('sending', { n: 3 }), 'm')
    clock.day = 30
    expect(survivors(store().stamp())(store().read('m').records).map(({ event }) => event.n ?? event.type)).toEqual([
      1,
      'refused',
      2,
      'delivered',
      3,
    ])
  })
})

describe('targets', () => {
  it('are told by name, sorted, long ones and odd ones too', () => {
    const { on, store } = host()
    const names = [
      'gateway',
      'Gateway',
      '',
      '-rf',
      'codex/grok-4.20',
      '\ud800',
      'x'.repeat(1000),
      `${'💥'.repeat(300)}`,
    ]
    for (const name of names) on(0, say('beat'), name)
    expect(store().targets()).toEqual(names.toSorted())
  })

  it('are none where nothing was kept', () => {
    const { on, dir, store } = host()
    expect(store().targets()).toEqual([])
    expect(existsSync(dir)).toBe(false)
    on(0, say('beat'), 'a')
    for (const empty of ['b', 'Not-Ours', 'c']) mkdirSync(join(dir, 'targets', empty))
    writeFileSync(join(dir, 'targets', 'c', '2026-11-22.jsonl'), '')
    writeFileSync(join(dir, 'targets', '.DS_Store'), '')
    expect(store().targets()).toEqual(['a'])
  })

  it('are told of where their lines are bad, or where they cannot be read', () => {
    const { on, dir, store } = host()
    for (const name of ['a', 'b', 'c']) on(0, say('beat'), name)
    writeFileSync(join(dir, 'targets', 'b', '2026-11-22.jsonl'), '{"torn')
    chmodSync(join(dir, 'targets', 'c'), 0o777)
    expect(store().targets()).toEqual(['a', 'b', 'c'])
    expect(() => store().read('b')).toThrow('1 of 1 lines cannot be read')
    expect(() => store().read('c')).toThrow(StoreError)
  })

  it('that nobody can name are not passed over', () => {
    const { on, dir, store } = host()
    const long = 'x'.repeat(1000)
    on(0, say('beat'), long)
    writeFileSync(join(dir, 'targets', folderName(long), '2026-11-22.jsonl'), '{"torn')
    expect(() => store().targets()).toThrow('nothing but bad lines')
    on(0, say('beat'), 'short')
    const nameless: string[] = []
    const foreign = join(dir, 'targets', 'lost+found')
    mkdirSync(foreign)
    chownSync(foreign, 65534, 65534)
    expect(store().targets(({ code }) => nameless.push(code))).toEqual(['short'])
    expect(nameless.sort()).toEqual(['NAMELESS', 'NOT-OURS'])
    rmSync(join(dir, 'targets', folderName(long)), { recursive: true })
    expect(store().targets()).toEqual(['short'])
  })

  it('that cannot be listed are not none', () => {
    const { on, dir, store } = host()
    on(0, say('beat'))
    chmodSync(join(dir, 'targets'), 0o777)
    expect(() => store().targets()).toThrow(StoreError)
  })
})

describe('while others sweep', () => {
  it('a sweeper that was held up brings nothing back, and loses nothing', () => {
    const { on, store, events, days } = host()
    on(0, say('refused', { rule: 'crash-loop', fingerprint: 'a' }))
    on(1, say('ok', { n: 1 }))
    // Between its reading and its writing the target is reset, and another one sweeps all that it has read.
    store().sweep('t', 0, records => {
      on(1, say('reset'))
      on(60, say('ok', { n: 2 }))
      expect(days()).toEqual(['2027-01-21.jsonl'])
      return records
    })
    expect(events()).toEqual([say('reset'), say('ok', { n: 2 })])
    expect(days()).toEqual(['2027-01-21.jsonl'])
  })

  it('what a sweeper that was held up brings back stands where it stood, and stays cleared', () => {
    const { on, store, events } = host()
    on(0, say('refused', { rule: 'crash-loop', fingerprint: 'a' }))
    on(1, say('ok', { n: 1 }))
    const old = store()
    old.sweep('t', 0, records => {
      on(1, say('reset'))
      store().sweep('t', 0, survivors(store().stamp()))
      return records
    })
    expect(events()).toEqual([
      say('refused', { rule: 'crash-loop', fingerprint: 'a' }),
      say('ok', { n: 1 }),
      say('reset'),
    ])
  })

  it('a writer who was held up for a month loses nothing', () => {
    const { dir, on, events } = host()
    on(0, say('ok', { n: 1 }))
    let held = false
    const slow = localStore({
      dir,
      boot: 'slow',
      uptimeMs: () => 5,
      now: () => {
        // It has looked for the newest day already.
        if (!held) {
          held = true
          on(40, say('ok', { n: 2 }))
          on(80, say('fail', { n: 3 }))
        }
        return NOON
      },
    })
    slow.append('t', say('ok', { n: 4 }))
    expect(events()).toEqual([say('ok', { n: 2 }), say('fail', { n: 3 }), say('ok', { n: 4 })])
  })

  it('readers and writers in other processes miss nothing', async () => {
    // Writers append to one target on days of their own, each later than the last: every append sweeps. Readers count what must survive.
    const file = await program(`
      import { writeSync } from 'node:fs'
      import { localStore } from '@/core/local-store.ts'
      const [dir = '', who = '', role = ''] = process.argv.slice(2)
      let day = 0
      const store = localStore({ dir, now: () => Date.UTC(2026, 0, 1, 12) + day * 86400000, boot: who, uptimeMs: () => day * 86400000 })
      let most = 0
      for (let n = 0; n < 40; n++) {
        day = n * 20
        if (role === 'writes') {
          store.append('t', { type: 'sneezed', who, n })
          store.append('t', { type: 'ok', who, n })
        }
        const mine = store.read('t').records.filter(({ event }) => event.type === 'sneezed')
        const own = mine.filter(({ event }) => event.who === who).map(({ event }) => event.n)
        if (role === 'writes' && own.join() !== Array.from({ length: n + 1 }, (_, i) => i).join()) throw new Error(who + ' sees ' + own.join())
        if (mine.length < most) throw new Error('there were ' + most + ', and now ' + mine.length)
        most = mine.length
      }
      writeSync(1, 'done\\n')
    `)
    const dir = join(scratch(), 'state')
    const roles = [...Array(6).fill('writes'), ...Array(3).fill('reads')]
    const all = roles.map((role, who) => start(file, [dir, `p${who}`, role]))
    for (const one of all) expect(await one.ended).toMatchObject({ code: 0, err: '', out: 'done\n' })
    const { records, bad } = host(dir).store().read('t')
    expect(bad).toBe(0)
    expect(records.filter(({ event }) => event.type === 'sneezed')).toHaveLength(6 * 40)
    expect(readdirSync(join(dir, 'targets', 't')).length).toBeLessThan(8)
  }, 60_000)
})

describe('200 writers killed at random', () => {
  it('lose no record that one of them was told was kept, and each leaves at most one bad line', async () => {
    const file = await program(`
      import { writeSync } from 'node:fs'
      import { localStore } from '@/core/local-store.ts'
      const store = localStore({ dir: process.argv[2] ?? '', now: Date.now })
      for (let n = 0; ; n++) {
        store.append('t', { type: 'x', who: process.argv[3] ?? '', n, filler: 'y'.repeat(n % 2 ? 3000 : 10) })
        writeSync(1, n + '\\n') // told only once it is on disk
      }
    `)
    const dir = join(scratch(), 'state')
    const told = new Map<string, number>()
    const one = async (who: string): Promise<void> => {
      const writer = start(file, [dir, who])
      await writer.line()
      setTimeout(() => writer.process.kill('SIGKILL'), Math.random() * 30)
      const { signal, out } = await writer.ended
      expect(signal).toBe('SIGKILL')
      told.set(who, Number(out.trimEnd().split('\n').at(-1) || 0))
    }
    let next = 0
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (next < 200) await one(String(next++))
      }),
    )
    const { records, bad } = localStore({ dir, now: Date.now }).read('t')
    expect(told.size).toBe(200)
    for (const [who, last] of told) {
      const kept = records.filter(({ event }) => event.who === who).map(({ event }) => event.n)
      expect(kept.slice(0, last + 1)).toEqual(Array.from({ length: last + 1 }, (_, n) => n))
    }
    expect(bad).toBeLessThanOrEqual(200)
  }, 120_000)
})
