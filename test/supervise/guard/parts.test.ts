/** The pure parts of the guard, and those that only need a folder. */
import { appendFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Phase } from '../../../core/check.ts'
import { gatewayEnv } from '../../../core/gateway-env.ts'
import type { Life } from '../../../core/identity.ts'
import { localStore } from '../../../core/local-store.ts'
import type { PlannedCheck } from '../../../core/plan.ts'
import { countStatuses, type ReportedCheck } from '../../../core/report.ts'
import type { StoreEvent, StoreRecord } from '../../../core/store.ts'
import { admit, covered, rulesOf } from '../../../supervise/guard/admission.ts'
import { type Answer, failuresOf } from '../../../supervise/guard/checks.ts'
import { fingerprintOf } from '../../../supervise/guard/fingerprint.ts'
import { holdOn } from '../../../supervise/guard/hold.ts'
import { ledgerOf } from '../../../supervise/guard/ledger.ts'
import { changesOf, outcomesOf, recurringOf } from '../../../supervise/guard/recurring.ts'
import { closingOf, openStarts, runningOf } from '../../../supervise/guard/starts.ts'
import { namedPaths, rememberedPaths, rememberPaths } from '../../../supervise/guard/watched.ts'
import { countdown, shownCommand, timeOfDay } from '../../../supervise/guard/words.ts'
import { notifierOf, type Unsent } from '../../../supervise/notify.ts'
import { scratch } from '../../support/context.ts'

let count = 0
const record = (event: StoreEvent, given: Partial<StoreRecord> = {}): StoreRecord => ({
  event,
  id: `id-${++count}`,
  pid: 100,
  started: '1',
  host: 'here',
  boot: 'now',
  wallMs: count * 1000,
  uptimeMs: count * 1000,
  ...given,
})

describe('starts without an end', () => {
  it('are those that neither an end, nor a reconciliation closed', () => {
    const lost = record({ type: 'start' }, { pid: 7 })
    const open = openStarts([
      record({ type: 'start' }),
      record({ type: 'spawned', child: 101, childStarted: '5' }),
      record({ type: 'end' }),
      lost,
      record({ type: 'unclean', of: lost.id }),
      record({ type: 'start' }, { pid: 8 }),
      record({ type: 'spawned', child: 9, childStarted: '6' }, { pid: 8 }),
      record({ type: 'end' }, { pid: 8, started: 'of another process with that pid' }),
      record({ type: 'reset' }),
    ])
    expect(open.map(({ record: { pid }, child }) => [pid, child])).toEqual([[8, { pid: 9, started: '6' }]])
  })

  it('are alive by their gateway or by their guard, on this boot alone', () => {
    const alive =
      (...pids: number[]) =>
      ({ pid }: { pid: number }): Life =>
        pids.includes(pid) ? 'alive' : 'gone'
    const start = record({ type: 'start' }, { host: hostname() })
    const open = { record: start, child: { pid: 9, started: '6' }, last: start, stopping: false }
    const now = { boot: 'now', wallMs: start.wallMs, uptimeMs: start.uptimeMs }
    expect(runningOf(open, now, alive(9, 100))).toBe(9)
    expect(runningOf(open, now, alive(100))).toBe(100)
    expect(runningOf(open, now, alive())).toBeUndefined()
    expect(runningOf(open, { ...now, boot: 'next' }, alive(9, 100))).toBeUndefined()
    // A second gateway is worse than one that starts late.
    expect(runningOf(open, now, () => 'unknown')).toBe(9)
    const renamed = { ...open, record: { ...start, host: 'another' } }
    expect(runningOf(renamed, now, alive(9))).toBe(9)
    // Whose processes cannot be seen from here is known by its beats.
    expect(runningOf(renamed, now, alive())).toBe(9)
    expect(runningOf(renamed, { ...now, uptimeMs: now.uptimeMs + 100_000 }, alive())).toBeUndefined()
    expect(closingOf(open, { boot: 'now' }).type).toBe('unclean')
    expect(closingOf(open, { boot: 'next' }).type).toBe('rebooted')
    expect(closingOf({ ...open, stopping: true }, { boot: 'now' })).toMatchObject({
      type: 'end',
      requested: true,
      of: start.id,
    })
  })
})

describe('permission', () => {
  const rules = rulesOf({ 'crash-loop': { refuse: 2, steps: [{ after: 1, wait: '10s' }] } })
  if ('problem' in rules) throw new Error(rules.problem)
  const crash = (fingerprint: string): StoreRecord[] => [
    record({ type: 'start', fingerprint }),
    record({ type: 'end', code: 1, signal: null, requested: false, crash: true }),
  ]
  const ask = (records: readonly StoreRecord[], fingerprint: string, afterMs = 60_000) => {
    const at = (records.at(-1)?.wallMs ?? 0) + afterMs
    return admit(rules, fingerprint, { records, bad: 0 }, { boot: 'now', wallMs: at, uptimeMs: at })
  }

  it('is refused once in words before anything earns a trial', () => {
    const two = [...crash('a'), ...crash('b')]
    expect(ask(two, 'b')).toMatchObject({ answer: 'refuse', unspoken: true, trial: false })
    expect(ask(two, 'c')).toMatchObject({ answer: 'refuse', unspoken: true, trial: false })
    const spoken = [...two, record({ type: 'refused', rule: 'crash-loop', fingerprint: 'c' })]
    expect(ask(spoken, 'c')).toMatchObject({ answer: 'refuse', unspoken: false })
    expect(ask(spoken, 'd')).toMatchObject({ answer: 'go', trial: true })
    const inVain = [...spoken, record({ type: 'trial', fingerprint: 'd' }), ...crash('d')]
    expect(ask(inVain, 'd')).toMatchObject({ answer: 'refuse', unspoken: true })
    expect(ask(inVain, 'e')).toMatchObject({ answer: 'refuse', unspoken: true })
  })

  it('knows a wait that was begun before', () => {
    const crashed = crash('a')
    const wait = record({ type: 'wait', ms: 10_000, rule: 'crash-loop' })
    const at = (ms: number) => ({ boot: 'now', wallMs: wait.wallMs + ms, uptimeMs: wait.uptimeMs + ms })
    expect(covered({ records: [...crashed, wait], bad: 0 }, 6000, at(4000))).toBe(true)
    expect(covered({ records: crashed, bad: 0 }, 6000, at(4000))).toBe(false)
    expect(covered({ records: [...crashed, wait, ...crash('a')], bad: 0 }, 6000, at(4000))).toBe(false)
    expect(covered({ records: [...crashed, wait], bad: 0 }, 3_600_000, at(4000))).toBe(false)
  })

  it('says what is wrong with its rules', () => {
    expect(
      rulesOf({
        'crash-loop': {
          steps: [
            { after: 3, wait: '1s' },
            { after: 2, wait: '1s' },
          ],
        },
      }),
    ).toEqual({
      problem: 'guard.crash-loop: after 2 of steps does not ascend',
    })
    expect(rulesOf({ restart: {} })).toMatchObject({ restart: { starts: 4, withinMs: 60_000, cooldownMs: 3_600_000 } })
    expect(rulesOf()).not.toHaveProperty('restart')
  })
})

describe('the fingerprint', () => {
  it('changes with the command, its script, and a watched file, and with nothing else', () => {
    const cwd = scratch()
    for (const name of ['a.mjs', 'BOOT.md', 'jobs.json', 'other']) writeFileSync(join(cwd, name), name)
    const take = (args: readonly string[] = ['a.mjs'], files = ['BOOT.md', 'jobs.json', 'gone']) =>
      fingerprintOf({ path: process.execPath, args, cwd, files: files.map(file => join(cwd, file)) })
    const before = take()
    appendFileSync(join(cwd, 'other'), 'x')
    expect(take()).toBe(before)
    expect(take(['a.mjs', '--verbose'])).not.toBe(before)
    for (const name of ['a.mjs', 'jobs.json', 'gone']) {
      const last = take()
      appendFileSync(join(cwd, name), 'x')
      expect(take(), name).not.toBe(last)
    }
  })
})

describe('what the checks look at', () => {
  it('is what the manifest names and what the report saw', () => {
    const checks = [
      {
        options: {
          files: ['jobs.json', '~/.x/*.tmp'],
          url: 'http://a/b',
          port: 1,
          deep: { path: '/etc/x' },
          text: 'Not a path',
        },
      },
    ]
    const check = { findings: [{ path: 'index.js', message: '' }], watched: ['port 1', '/var/a b/c.json', '~/w'] }
    const report = { checks: [check] } as never
    expect(namedPaths({ checks, report }, { cwd: '/m', home: '/h' }).sort()).toEqual(
      ['/m/jobs.json', '/h/.x', '/etc/x', '/m/index.js', '/var/a b/c.json', '/h/w'].sort(),
    )
  })

  it('is remembered for the next start, and empty where it cannot be read', () => {
    const dir = scratch()
    expect(rememberedPaths(dir, 't')).toEqual([])
    const [orphan, young] = ['old.json.1.tmp', 'new.json.2.tmp'].map(name => join(dir, 'guard', name)) as [
      string,
      string,
    ]
    mkdirSync(join(dir, 'guard'))
    for (const path of [orphan, young]) writeFileSync(path, 'half')
    utimesSync(orphan, 1, 1)
    rememberPaths(dir, 't', ['/b', '/a'])
    expect(readdirSync(join(dir, 'guard')).filter(name => name.endsWith('.tmp'))).toEqual(['new.json.2.tmp'])
    expect(rememberedPaths(dir, 't')).toEqual(['/a', '/b'])
    writeFileSync(join(dir, 'guard', 't.json'), '[broken')
    expect(rememberedPaths(dir, 't')).toEqual([])
  })
})

describe('holding', () => {
  const never = new AbortController().signal
  const quiet = (): boolean => false

  it('wakes when somebody has cleared it', async () => {
    expect(await holdOn([]).change([], 60_000, never, () => true)).toBe('changed')
  })

  it('wakes when a file changes, appears, or appears in a folder below', async () => {
    const dir = scratch()
    mkdirSync(join(dir, 'plugin/lib'), { recursive: true })
    writeFileSync(join(dir, 'a'), 'x')
    const hold = holdOn([join(dir, 'BOOT.md')])
    const wakes = async (path: string, change: () => void): Promise<void> => {
      const from = performance.now()
      const waiting = hold.change([path], 60_000, never, quiet)
      change()
      expect(await waiting).toBe('changed')
      expect(performance.now() - from).toBeLessThan(10_000)
    }
    await wakes(join(dir, 'a'), () => appendFileSync(join(dir, 'a'), 'y'))
    await wakes(join(dir, 'b'), () => writeFileSync(join(dir, 'b'), ''))
    await wakes(join(dir, 'plugin'), () => writeFileSync(join(dir, 'plugin/lib/policy.js'), ''))
    await wakes(join(dir, 'none'), () => writeFileSync(join(dir, 'BOOT.md'), ''))
  })

  it('wakes when the time is over, and when it is aborted', async () => {
    const hold = holdOn([])
    expect(await hold.change(['/nonexistent/x'], 50, never, quiet)).toBe('time')
    expect(await hold.change([], 60_000, AbortSignal.timeout(50), quiet)).toBe('time')
  })

  it('lets a file that a machine writes wake it no more, and the manifest always', async () => {
    const dir = scratch()
    const [log, boot] = [join(dir, 'x/log'), join(dir, 'BOOT.md')]
    mkdirSync(join(dir, 'x'))
    const hold = holdOn([boot])
    const wakes = (path: string, ms: number): Promise<string> => {
      const waiting = hold.change([log], ms, never, quiet)
      appendFileSync(path, 'x')
      return waiting
    }
    for (let turn = 0; turn < 20; turn++) expect(await wakes(log, 60_000)).toBe('changed')
    expect(await wakes(log, 700)).toBe('time')
    expect(await wakes(boot, 60_000)).toBe('changed')
  }, 40_000)
})

describe('the outbox', () => {
  const folders = (dir: string) => readdirSync(join(dir, 'outbox', 't')).filter(name => name.endsWith('.json'))

  it('keeps what was not told, also when the teller is gone, and tells it in its order', async () => {
    const stateDir = scratch()
    const said: string[] = []
    const told: string[] = []
    const of = (send: (text: string) => Promise<Unsent | undefined>, now = Date.now) =>
      notifierOf({ stateDir, target: 't', send, say: line => void said.push(line), now })
    const first = of(async () => ({ why: 'no network', next: 'ip link' }))
    first.tell('one')
    await first.settle(5000)
    first.tell('two')
    await first.settle(5000)
    expect(folders(stateDir)).toHaveLength(2)
    const second = of(
      async text => {
        told.push(text)
        return undefined
      },
      () => Date.now() + 120_000,
    )
    second.flush()
    await second.settle(5000)
    expect(told).toEqual([
      expect.stringMatching(/^one \(of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)$/),
      expect.stringMatching(/^two/),
    ])
    expect(folders(stateDir)).toEqual([])
    expect(said.every(line => line.includes('no network') && line.endsWith('next: ip link'))).toBe(true)
  })

  it('tries again later and later, drops what is a week old or cannot be read, and says so', async () => {
    const stateDir = scratch()
    const said: string[] = []
    let now = Date.now()
    let tries = 0
    const notifier = notifierOf({
      stateDir,
      target: 't',
      send: async () => {
        tries++
        return { why: 'no network' }
      },
      say: line => void said.push(line),
      now: () => now,
    })
    notifier.tell('one')
    await notifier.settle(5000)
    for (const [ms, expected] of [
      [29_000, 1],
      [2000, 2],
      [40_000, 2],
      [21_000, 3],
    ] as const) {
      now += ms
      notifier.flush()
      await notifier.settle(5000)
      expect(tries).toBe(expected)
    }
    writeFileSync(join(stateDir, 'outbox', 't', 'torn.json'), '{"text":')
    now += 8 * 86_400_000
    notifier.flush()
    await notifier.settle(5000)
    expect(folders(stateDir)).toEqual([])
    expect(said.filter(line => line.includes('dropped'))).toHaveLength(2)
  })

  it('is not sent what it could not keep', async () => {
    const stateDir = scratch()
    writeFileSync(join(stateDir, 'outbox'), 'no folder')
    let sent = 0
    const notifier = notifierOf({
      stateDir,
      target: 't',
      send: async () => {
        sent++
        return undefined
      },
      say: () => {},
      now: Date.now,
    })
    expect(notifier.tell('one')).toBe(false)
    await notifier.settle(1000)
    expect(sent).toBe(0)
  })
})

describe('the memory', () => {
  it('does not write down twice what stands there', () => {
    const store = localStore({ dir: join(scratch(), 's'), now: Date.now })
    const ledger = ledgerOf(store, 't', ({ problem }) => {
      throw new Error(problem)
    })
    const closed = { type: 'closed', what: 'a' }
    for (const event of [closed, closed, { ...closed, what: 'b' }, { ...closed, what: 'b' }, closed])
      ledger.note(event, ['closed', 'config'])
    expect(store.read('t').records.map(({ event }) => event.what)).toEqual(['a', 'b', 'a'])
  })
})

describe('words', () => {
  it('keep secrets of a command line to themselves', () => {
    const shaped = [
      'https://me:hunter22@host/',
      'Authorization: Bearer abcdefghijklmnopqrstuvwxyz',
      `sk-ant-${'x'.repeat(30)}`,
    ]
    expect(shownCommand('gw', ['-t', ...shaped])).toBe("gw -t https://me:***@host/ 'Authorization: Bearer ***' ***")
    expect(shownCommand('/bin/gw', ['--token', 'abc', '--api-key=def', 'API_TOKEN=ghi', '--port', '1', 'a b'])).toBe(
      "/bin/gw --token *** --api-key=*** API_TOKEN=*** --port 1 'a b'",
    )
  })

  it('count down, and tell the time', () => {
    expect([0, 999, 61_000, 3_661_000].map(countdown)).toEqual(['0:00', '0:01', '1:01', '1:01:01'])
    const at = new Date(2026, 10, 22, 2, 14, 7).getTime()
    expect(timeOfDay(at, at)).toBe('02:14:07')
    expect(timeOfDay(at, at + 86_400_000)).toBe('2026-11-22 02:14:07')
  })

  it('name the failing checks without their values', () => {
    const check = (id: string, effect: string) => ({ id, effect, code: `${id}/x`, summary: String(Math.random()) })
    const report = {
      checks: [check('a', 'failure'), check('b', 'none')],
      errors: [],
      warnings: [],
      exitCode: 1,
    } as never
    expect(failuresOf(report)).toBe('a (a/x)')
    expect(failuresOf({ checks: [], errors: [], warnings: [], exitCode: 2 } as never)).toBe(
      'nothing was judged (exit 2)',
    )
  })

  it('put the environment back as it was', () => {
    expect(
      gatewayEnv({ A: '1', BOOTCHECK_NODE_OPTIONS: '', NODE_OPTIONS: '--x', BOOTCHECK_NODE_EXTRA_CA_CERTS: 'p' }),
    ).toEqual({
      A: '1',
      NODE_OPTIONS: '',
      NODE_EXTRA_CA_CERTS: 'p',
    })
    expect(gatewayEnv({ NODE_OPTIONS: '--x' })).toEqual({ NODE_OPTIONS: '--x' })
  })
})

describe('after checks that are asked again', () => {
  const check = (id: string, effect: ReportedCheck['effect'], code: string): ReportedCheck => ({
    id,
    kind: 'port',
    title: id,
    phase: 'after',
    severity: 'fail',
    status: effect === 'failure' ? 'fail' : effect === 'warning' ? 'warn' : 'pass',
    effect,
    code,
    summary: `${id} says so`,
    facts: {},
    findings: [],
    watched: [],
    attempts: 1,
    durationMs: 1,
  })
  const answer = (ready: boolean, ...checks: ReportedCheck[]): Answer => ({
    ready,
    what: 'what the run says',
    report: {
      version: 1,
      tool: '0',
      manifest: 'BOOT.md',
      title: null,
      phase: 'after',
      user: { name: 'me', uid: 1 },
      startedAt: '',
      durationMs: 1,
      ready,
      exitCode: ready ? 0 : 1,
      counts: countStatuses(checks),
      errors: [],
      warnings: [],
      checks,
    },
  })
  const good = answer(true, check('a', 'none', 'port/open'), check('b', 'none', 'port/open'))

  it('are those of phase after with `every`, together where it is the same', () => {
    const planned = (id: string, phase: Phase, everyMs?: number) => ({ id, phase, everyMs }) as PlannedCheck
    expect(
      recurringOf([
        planned('a', 'after', 5000),
        planned('b', 'before', 5000),
        planned('c', 'after'),
        planned('d', 'after', 9000),
        planned('e', 'after', 5000),
      ]),
    ).toEqual([
      { everyMs: 5000, ids: ['a', 'e'] },
      { everyMs: 9000, ids: ['d'] },
    ])
  })

  it('change when what they come to changes, and no pass is unlike another', () => {
    const known = outcomesOf(good)
    expect(changesOf(['a'], known, answer(true, check('a', 'none', 'port/free'))).changes).toEqual([])
    const down = changesOf(
      ['a', 'b'],
      known,
      answer(false, check('a', 'failure', 'port/closed'), check('b', 'warning', 'port/slow')),
    )
    expect(down.changes.map(({ text }) => text)).toEqual([
      'runs, but its check a fails (port/closed): a says so',
      'runs, but its check b warns (port/slow): b says so',
    ])
    expect(changesOf(['a', 'b'], down.outcomes, good).changes.map(({ text }) => text)).toEqual([
      'is well again: its check a passes',
      'is well again: its check b passes',
    ])
  })

  it('fail where the run gave no report, or did not speak of them', () => {
    const none = changesOf(['a'], outcomesOf(good), { ready: false, what: 'the checks gave no report (exit 9)' })
    expect(none.changes).toMatchObject([
      { id: 'a', outcome: { effect: 'failure', what: 'the checks gave no report (exit 9)' } },
    ])
    // All is well in it, and the process that made it says otherwise.
    expect(changesOf(['a'], outcomesOf(good), { ...good, ready: false }).changes).toHaveLength(1)
    expect(changesOf(['z'], outcomesOf(good), good).changes).toHaveLength(1)
  })
})
