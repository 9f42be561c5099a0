/** Claims, the evidence for and against their workers, and what is done about stale ones. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, uptime } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { startOf } from '../../core/identity.ts'
import { localStore } from '../../core/local-store.ts'
import { describe as describeProcess } from '../../core/process.ts'
import type { Stamp, Store } from '../../core/store.ts'
import { parseClaim, timeOf, USUAL } from '../../guards/queue/claim.ts'
import { type Evidence, isSameStart } from '../../guards/queue/evidence.ts'
import { itemGuard, judgeClaim, standingOf } from '../../guards/queue/judge.ts'
import { fill } from '../../guards/queue/reset.ts'
import { queue } from '../../guards/queue.ts'
import { ask } from '../../supervise/permits.ts'
import { end, nodeChild } from '../support/children.ts'
import { context, scratch } from '../support/context.ts'
import { completed, quoted, runProgram } from '../support/run-check.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const ago = (ms: number): Date => new Date(Date.now() - ms)
const iso = (ms: number): string => ago(ms).toISOString()

interface Place {
  readonly cwd: string
  readonly store: Store
  /** Lays a claim that was written so long ago. */
  claim(name: string, said: object | string, writtenMs?: number): string
  run(given?: object, more?: Partial<CheckContext>): Promise<Verdict>
  readonly boot: string
}

const place = (): Place => {
  const cwd = scratch()
  const store = localStore({ dir: join(cwd, 'state'), now: Date.now })
  mkdirSync(join(cwd, 'queue'))
  return {
    cwd,
    store,
    boot: store.stamp().boot,
    claim: (name, said, writtenMs = 3 * HOUR) => {
      const path = join(cwd, 'queue', `${name}.claim.json`)
      writeFileSync(path, typeof said === 'string' ? said : JSON.stringify(said))
      utimesSync(path, ago(writtenMs), ago(writtenMs))
      return path
    },
    run: async (given = {}, more = {}) =>
      queue.run(
        (await completed(queue, { claims: 'queue/*.claim.json', ...given })) as never,
        context({ cwd, store, ...more }),
      ),
  }
}

/** A command that notes its words in `ran` and then does as it is told. */
const hook = (cwd: string, does: string): string => {
  writeFileSync(join(cwd, 'requeue'), `#!/bin/sh\nprintf '%s|' "$@" >> ran; echo >> ran\n${does}\n`)
  chmodSync(join(cwd, 'requeue'), 0o755)
  return './requeue'
}
const ran = (cwd: string): string[] =>
  existsSync(join(cwd, 'ran')) ? readFileSync(join(cwd, 'ran'), 'utf8').trim().split('\n') : []

describe('the limits', () => {
  const now: Stamp = { wallMs: Date.now(), boot: 'one', uptimeMs: 9 * HOUR }
  const limits = { unspawnedMs: 5 * MINUTE, goneMs: 15 * MINUTE, quietMs: 60 * MINUTE }
  const claim = { path: '/q/a.claim.json', content: '{}', id: 'a', claimedAt: now.wallMs - 8 * HOUR }
  const judged = (seen: Partial<Evidence>, sleepMs = 0) => {
    const standing = standingOf(claim, { process: 'unknown', claimAgeMs: 8 * HOUR, state: false, ...seen }, limits)
    return judgeClaim(standing, itemGuard.empty, { attempts: 3, command: '' }, { now, sleep: { totalMs: sleepMs } })
  }
  const log = (ageMs: number) => ({ log: { ageMs, mtimeMs: now.wallMs - ageMs } })
  const beat = (ageMs: number) => ({ state: true, beat: { ageMs, id: 'r' } })

  it.each<[string, Partial<Evidence>, 'working' | 'stale', string]>([
    ['no state and no log', { claimAgeMs: 5 * MINUTE - 1 }, 'working', 'unspawned'],
    ['no state and no log', { claimAgeMs: 5 * MINUTE }, 'stale', 'unspawned'],
    ['no state, no log, its pid gone', { claimAgeMs: 5 * MINUTE, process: 'gone' }, 'stale', 'unspawned'],
    ['no state, no log, its process runs', { claimAgeMs: 59 * MINUTE, process: 'alive' }, 'working', 'quiet'],
    ['a log, its process gone', { ...log(15 * MINUTE - 1), process: 'gone' }, 'working', 'gone'],
    ['a log, its process gone', { ...log(15 * MINUTE), process: 'gone' }, 'stale', 'gone'],
    ['beats, its process gone', { ...beat(15 * MINUTE), process: 'gone' }, 'stale', 'gone'],
    ['a log, no process named', { ...log(59 * MINUTE) }, 'working', 'quiet'],
    ['a log, its process runs', { ...log(59 * MINUTE), process: 'alive' }, 'working', 'quiet'],
    ['a log, its process runs', { ...log(60 * MINUTE), process: 'alive' }, 'stale', 'quiet'],
    ['a log, its process elsewhere', { ...log(59 * MINUTE), process: 'unseen' }, 'working', 'quiet'],
    ['an old log and a young beat', { ...log(3 * HOUR), ...beat(MINUTE), process: 'gone' }, 'working', 'gone'],
  ])('%s: %o is %s', (_, seen, is, cause) => {
    expect(judged(seen)).toMatchObject({ is, standing: { cause } })
  })

  it('passed in a sleep need a second look', () => {
    expect(judged({ claimAgeMs: 2 * HOUR }, 2 * HOUR)).toMatchObject({ is: 'asleep' })
    expect(judged({ claimAgeMs: 2 * HOUR }, HOUR)).toMatchObject({ is: 'stale' })
  })
})

describe('the start of a process', () => {
  const bootedAt = Date.parse('2026-11-20T00:00:00Z')
  const process = { start: '12345', startedAt: Date.parse('2026-11-22T10:00:00Z'), bootedAt }
  it.each([
    ['12345', true],
    ['12346', false],
    ['2026-11-22T10:00:00.000Z', true],
    ['2026-11-22T10:00:09Z', true], // written when the worker came to it
    ['2026-11-22T09:59:50Z', false], // it began later than that: another one
    [String(Date.parse('2026-11-22T10:00:01Z') / 1000), true],
    [String(Date.parse('2026-11-22T09:00:00Z')), false],
    ['Sun Nov 22 10:00:00 2026', true],
    ['Sun Nov 22 09:00:00 2026', false],
    ['never', false],
  ])('%s is the same: %s', (said, same) => {
    expect(isSameStart(said, process)).toBe(same)
  })
})

describe('a claim', () => {
  const nowMs = Date.parse('2026-11-22T10:00:00Z')
  const pointers = (declared: Readonly<Record<string, string>> = {}) =>
    Object.fromEntries(
      Object.entries(USUAL).map(([name, usual]) => [
        name,
        declared[name] === undefined ? { at: usual, declared: false } : { at: [declared[name]], declared: true },
      ]),
    ) as never
  const parse = (text: string, declared?: Readonly<Record<string, string>>, mtimeMs = nowMs - 1000) =>
    parseClaim(text, { path: '/q/job-7.claim.json', mtimeMs }, pointers(declared), { nowMs, path: text => text })

  it('is read by its pointers, or where things usually stand', () => {
    expect(parse('{}')).toMatchObject({ id: 'job-7', claimedAt: nowMs - 1000 })
    expect(parse('{"id": 7, "worker": "w", "pid": "12", "log": "w.log", "claimed_at": 1795341000}')).toMatchObject({
      id: '7',
      worker: 'w',
      pid: 12,
      log: '/q/w.log',
      claimedAt: 1_795_341_000_000,
    })
    expect(parse('{"a": {"b/c": "x"}}', { item: '/a/b~1c' })).toMatchObject({ id: 'x' })
  })

  it.each<[string, string, Readonly<Record<string, string>>?]>([
    ['', 'is empty'],
    ['{"id":', 'is not JSON'],
    ['[]', 'is no JSON object'],
    ['{"id": "-rf"}', 'begins with a "-"'],
    ['{"id": "a\\u0007"}', 'cannot be seen'],
    ['{"id": ""}', 'is empty'],
    ['{"worker": "--all"}', 'a worker, "--all"'],
    ['{"pid": "many"}', 'its pid is "many"'],
    ['{"claimedAt": "yesterday"}', 'no time'],
    ['{"id": "a"}', 'has no worker at /wroker', { worker: '/wroker' }],
  ])('%s is refused: %s', (text, why, declared) => {
    expect(parse(text, declared)).toMatchObject({ unfit: expect.stringContaining(why) })
  })

  it('from the future goes by its file, and is refused where that is no better', () => {
    expect(parse('{"claimedAt": "2027-01-01T00:00:00Z"}')).toMatchObject({ claimedAt: nowMs - 1000 })
    expect(parse('{"claimedAt": "2027-01-01T00:00:00Z"}', {}, nowMs + HOUR)).toMatchObject({
      unfit: expect.stringContaining('in the future'),
    })
  })

  it('takes the times that programs write', () => {
    expect(timeOf('2026-11-22T10:00:00Z')).toBe(nowMs)
    expect(timeOf(nowMs)).toBe(nowMs)
    expect(timeOf(nowMs / 1000 + 0.5)).toBe(nowMs + 500)
    for (const odd of ['', 'now', -1, true, null, '2026', 'Nov 22']) expect(timeOf(odd), String(odd)).toBeUndefined()
  })
})

describe('by evidence', () => {
  it('a worker that runs is not taken its work for an hour, one that was killed for a quarter of one', async () => {
    const { claim, run } = place()
    const { child, pid } = await nodeChild('console.log("up"); setInterval(() => {}, 1000)')
    const log = join(scratch(), 'worker.log')
    writeFileSync(log, 'at work\n')
    const write = () =>
      claim('job-7', { id: 'job-7', worker: 'w', pid, started: startOf(pid), claimedAt: iso(30 * MINUTE), log })
    write()
    utimesSync(log, ago(20 * MINUTE), ago(20 * MINUTE))
    expect(await run()).toMatchObject({ status: 'pass', code: 'queue/working' })
    await end(child)
    expect(await run()).toMatchObject({
      status: 'fail',
      code: 'queue/stale',
      observed: 'its process is gone, and the last line of its log is 20 min old (limit 15 min)',
      facts: { stale: ['job-7'] },
    })
    utimesSync(log, ago(14 * MINUTE), ago(14 * MINUTE))
    expect(await run()).toMatchObject({ status: 'pass' })
  })

  it('a stranger with the same pid is not the worker, whether its start is told or not', async () => {
    const { claim, run, boot } = place()
    const { pid } = await nodeChild('console.log("up"); setInterval(() => {}, 1000)')
    const startedAt = describeProcess(pid)?.startedAt ?? 0
    const said = { pid, claimedAt: iso(30 * MINUTE) } // claimed long before this process began
    claim('job-7', said)
    expect(await run()).toMatchObject({ status: 'fail', code: 'queue/stale' })
    claim('job-7', { ...said, started: startOf(pid) })
    expect(await run()).toMatchObject({ status: 'pass' })
    claim('job-7', { ...said, started: '1' })
    expect(await run()).toMatchObject({ status: 'fail' })
    claim('job-7', { ...said, started: new Date(startedAt).toISOString(), boot })
    expect(await run()).toMatchObject({ status: 'pass' })
    claim('job-7', { ...said, started: startOf(pid), boot: 'another boot' })
    expect(await run()).toMatchObject({ status: 'fail' })
    claim('job-7', { ...said, started: '1', host: 'another-host' })
    expect(await run()).toMatchObject({ status: 'pass' }) // not ours to say
    claim('job-7', { ...said, started: startOf(pid), host: hostname() })
    expect(await run()).toMatchObject({ status: 'pass' })
  })

  it('beats keep a claim, and those from before it do not', async () => {
    const { claim, run, cwd, store } = place()
    claim('job-7', { id: 'job-7', worker: 'w', claimedAt: iso(40 * MINUTE) })
    const beat = `import { localStore } from ${quoted('core/local-store.ts')}
import { uptime } from 'node:os'
const [dir, shift] = process.argv.slice(2)
const at = { now: () => Date.now() - shift, uptimeMs: () => uptime() * 1000 - shift }
localStore({ dir, ...at }).append('w', { type: 'beat' })`
    await runProgram(beat, [join(cwd, 'state'), String(50 * MINUTE)]) // 10 minutes before the claim, by one that has ended
    expect(await run()).toMatchObject({
      code: 'queue/stale',
      observed: expect.stringMatching(/^nothing was ever seen of its worker/),
    })
    await runProgram(beat, [join(cwd, 'state'), String(20 * MINUTE)])
    expect(await run()).toMatchObject({
      code: 'queue/stale',
      observed: 'its process is gone, and the last beat is 20 min old (limit 15 min)',
    })
    store.append('w', { type: 'beat' })
    expect(await run()).toMatchObject({ status: 'pass', code: 'queue/working' })
  })

  it("a guarded worker's own process counts, as the guard recorded it", async () => {
    const { claim, run, store } = place()
    const { child, pid } = await nodeChild('console.log("up"); setInterval(() => {}, 1000)')
    claim('job-7', { id: 'job-7', worker: 'w', claimedAt: iso(40 * MINUTE) })
    store.append('w', { type: 'spawned', child: pid, childStarted: startOf(pid) ?? '' })
    expect(await run({ gone: '1ms', unspawned: '1ms' })).toMatchObject({ status: 'pass' })
    await end(child)
    expect(await run({ gone: '1ms', unspawned: '1ms' })).toMatchObject({ status: 'fail', code: 'queue/stale' })
  })

  it('a log from before the claim, or from the future, is no sign of life', async () => {
    const { claim, run, cwd } = place()
    const log = join(cwd, 'queue', 'w.log')
    writeFileSync(log, 'x')
    claim('job-7', { id: 'job-7', claimedAt: iso(40 * MINUTE), log: 'w.log' })
    for (const at of [ago(50 * MINUTE), ago(-24 * HOUR)]) {
      utimesSync(log, at, at)
      expect(await run()).toMatchObject({ code: 'queue/stale', observed: expect.stringContaining('nothing was ever') })
    }
  })
})

describe('what cannot be judged', () => {
  it('is a failure: no claim where one is expected, no folder, no JSON', async () => {
    const { claim, run, cwd } = place()
    expect(await run()).toMatchObject({
      status: 'fail',
      code: 'queue/too-few',
      next: expect.stringContaining('min: 0'),
    })
    expect(await run({ min: 0 })).toMatchObject({ status: 'pass', code: 'queue/idle', watched: [expect.anything()] })
    expect(await run({ claims: 'qeue/*.json', min: 0 })).toMatchObject({ status: 'fail', code: 'queue/missing' })
    claim('job-7', '{"id":')
    expect(await run({ min: 0 })).toMatchObject({
      status: 'fail',
      code: 'queue/claim',
      findings: [{ path: 'queue/job-7.claim.json', message: 'is not JSON' }],
    })
    claim('job-7', '{"id":', 0) // it is just being written
    expect(await run({ min: 0 })).toMatchObject({ status: 'pass', code: 'queue/idle' })
    mkdirSync(join(cwd, 'queue', 'folder.claim.json'))
    expect((await run({ min: 0 })).status).toBe('pass')
    symlinkSync('nowhere', join(cwd, 'queue', 'link.claim.json'))
    expect(await run({ min: 0 })).toMatchObject({ code: 'queue/claim', observed: 'is a link to nothing' })
    expect(await run({ reset: ['./requeue', '{item}'] })).toMatchObject({ status: 'fail', code: 'queue/options' })
  })

  it('a state folder that cannot be trusted resets nothing', async () => {
    const { claim, run, cwd } = place()
    claim('job-7', { id: 'job-7' })
    mkdirSync(join(cwd, 'state'), { mode: 0o777 })
    chmodSync(join(cwd, 'state'), 0o777)
    expect(await run({ reset: [hook(cwd, 'exit 0')] })).toMatchObject({ status: 'fail', code: 'queue/store' })
    expect(ran(cwd)).toEqual([])
  })
})

describe('a reset', () => {
  it('is run only where it was declared, without a shell, and its effect is looked at', async () => {
    const { claim, run, cwd } = place()
    const id = 'job 7; $(touch hacked) `x` *'
    const path = claim('a', { id, worker: 'w' })
    expect(await run()).toMatchObject({ status: 'fail', code: 'queue/stale' })
    const reset = [hook(cwd, 'rm -- "$3"'), '{id}', '{worker}', '{claim}', 'try={try}', '{}', '{ID}']
    expect(await run({ reset })).toMatchObject({
      status: 'warn',
      code: 'queue/reset',
      observed: expect.stringContaining('given back for try 2 of 3'),
    })
    expect(ran(cwd)).toEqual([`${id}|w|${path}|try=2|{}|{ID}|`])
    expect(existsSync(path)).toBe(false)
    expect(await run({ reset, min: 0 })).toMatchObject({ code: 'queue/idle' })
  })

  it('is made once for a claim and its evidence: one that fails is not tried again, one without effect is told', async () => {
    const { claim, run, cwd, store } = place()
    claim('job-7', { id: 'job-7' })
    const bad = [hook(cwd, 'echo no such queue >&2; exit 4'), '{id}']
    expect(await run({ reset: bad })).toMatchObject({
      status: 'fail',
      code: 'queue/reset-failed',
      observed: expect.stringMatching(/requeue ended with 4: no such queue$/),
    })
    expect(await run({ reset: bad })).toMatchObject({
      code: 'queue/reset-failed',
      next: `try ./requeue job-7 by hand, then ${store.forgetCommand('job-7')}`,
    })
    expect(ran(cwd)).toHaveLength(1)
    store.append('job-7', { type: 'reset' })
    const useless = [hook(cwd, 'exit 0'), '{id}']
    expect(await run({ reset: useless })).toMatchObject({ status: 'fail', code: 'queue/not-reset' })
    expect(await run({ reset: useless })).toMatchObject({ status: 'fail', code: 'queue/not-reset' })
    expect(ran(cwd)).toHaveLength(2)
  })

  it('is tried again for the same claim once its option or its file was mended, as the same try', async () => {
    const { claim, run, cwd, store } = place()
    claim('job-7', { id: 'job-7' })
    const bad = hook(cwd, 'exit 4')
    const failed = { code: 'queue/reset-failed' }
    expect(await run({ reset: [bad, '{id}'], attempts: 2 })).toMatchObject(failed)
    expect(await run({ reset: [bad, 'again', '{id}'], attempts: 2 })).toMatchObject(failed)
    expect(await run({ reset: [bad, 'again', '{id}'], attempts: 2 })).toMatchObject(failed)
    expect(ran(cwd)).toEqual(['job-7|', 'again|job-7|'])
    utimesSync(join(cwd, 'requeue'), ago(HOUR), ago(HOUR))
    expect(await run({ reset: [bad, 'again', '{id}'], attempts: 2 })).toMatchObject(failed)
    expect(ran(cwd)).toHaveLength(3)
    expect(await run({ reset: ['rm', '{claim}'], attempts: 2 })).toMatchObject({
      code: 'queue/reset',
      observed: expect.stringContaining('given back for try 2 of 2'),
    })
    expect(ask(store, 'job-7', { attempts: 2 })).toMatchObject({ allowed: true, facts: { budget: { taken: 2 } } })
  })

  it('whose command is not there is told of before any claim is stale', async () => {
    const { claim, run, store } = place()
    claim('job-7', { id: 'job-7', worker: 'w' })
    store.append('w', { type: 'beat' })
    expect(await run({ reset: ['rm', '{claim}'] })).toMatchObject({ status: 'pass' })
    for (const min of [0, 1])
      expect(await run({ reset: ['no-such-program-anywhere'], min })).toMatchObject({
        status: 'fail',
        code: 'queue/options',
        observed: 'no-such-program-anywhere',
      })
    expect(await run({ reset: ['rm {claim}'] })).toMatchObject({
      code: 'queue/options',
      next: expect.stringContaining("[rm, '{claim}']"),
    })
    expect(await run({ reset: ['./nothing'] })).toMatchObject({
      summary: expect.stringContaining('does not exist'),
    })
  })

  it('of two monitors one acts', async () => {
    const { claim, run, cwd } = place()
    const path = claim('job-7', { id: 'job-7' })
    const reset = [hook(cwd, 'sleep 0.3; rm -- "$1"'), '{claim}']
    const codes = (await Promise.all([run({ reset }), run({ reset }), run({ reset })])).map(verdict =>
      'code' in verdict ? verdict.code : '',
    )
    expect(codes.sort()).toEqual(['queue/reset', 'queue/resetting', 'queue/resetting'])
    expect(ran(cwd)).toEqual([`${path}|`])
  })

  it('is left to a monitor that was a moment quicker', async () => {
    const { claim, run, cwd, store } = place()
    claim('job-7', { id: 'job-7' })
    const rival: Store = {
      ...store,
      append: (target, event) => {
        if (event.type === 'requeue') store.append(target, event)
        return store.append(target, event)
      },
    }
    expect(await run({ reset: [hook(cwd, 'exit 0')] }, { store: rival })).toMatchObject({ code: 'queue/resetting' })
    expect(ran(cwd)).toEqual([])
  })

  it('is bounded in time, and needs what time is left', async () => {
    const { claim, run, cwd } = place()
    claim('job-7', { id: 'job-7' })
    const reset = [hook(cwd, 'exec sleep 60'), '{id}']
    const began = performance.now()
    expect(await run({ reset }, { timeoutMs: 2000 })).toMatchObject({
      code: 'queue/reset-failed',
      observed: expect.stringContaining('did not end within'),
    })
    expect(performance.now() - began).toBeLessThan(10_000)
    claim('job-8', { id: 'job-8' })
    expect(await run({ reset, claims: 'queue/job-8*' }, { timeoutMs: 300 })).toMatchObject({
      code: 'queue/stale',
      observed: expect.stringContaining('no time was left'),
      next: expect.stringContaining('timeout'),
    })
    expect(ran(cwd)).toEqual(['job-7|'])
  })

  it('runs in no process of the gate', async () => {
    const source = `import { demandChild } from ${quoted('guards/queue/reset.ts')}
try { demandChild(['./requeue']) } catch (error) { process.stdout.write(error.name + ' ' + error.reason) }`
    expect(await runProgram(source)).toBe('NeedsChild code')
  })

  it('fills in what it knows and nothing twice', () => {
    expect(fill(['{id}', 'a{worker}b', '{x}'], { id: '{worker}', worker: 'w' })).toEqual(['{worker}', 'awb', '{x}'])
  })
})

describe('the retry budget', () => {
  it('gives an item three tries, then it has failed for good until it is reset', async () => {
    const { claim, run, cwd, store } = place()
    const reset = [hook(cwd, 'rm -- "$2"'), '{try}', '{claim}']
    for (const [nth, wanted] of [
      [1, 'queue/reset'],
      [2, 'queue/reset'],
      [3, 'queue/spent'],
      [4, 'queue/spent'],
    ] as const) {
      claim('job-7', { id: 'job-7', worker: `w${nth}` }) // the next worker takes it, and dies
      const verdict = await run({ reset })
      expect(verdict, String(nth)).toMatchObject({ code: wanted })
      if (wanted === 'queue/spent')
        expect(verdict).toMatchObject({ status: 'fail', next: store.forgetCommand('job-7') })
    }
    expect(ran(cwd)).toHaveLength(2)
    store.append('job-7', { type: 'reset' })
    expect(await run({ reset })).toMatchObject({ code: 'queue/reset' })
    expect(ran(cwd)).toHaveLength(3)
  })

  it('stays spent until reset: claimed again by a worker that lives, and claimed by nobody', async () => {
    const { claim, run, cwd, store } = place()
    const path = claim('job-7', { id: 'job-7' })
    expect(await run({ attempts: 1 })).toMatchObject({ code: 'queue/spent' })
    claim('job-7', { id: 'job-7', worker: 'w' })
    store.append('w', { type: 'beat' })
    const spent = { status: 'fail', code: 'queue/spent', next: store.forgetCommand('job-7') }
    expect(await run({ attempts: 3 })).toMatchObject({
      ...spent,
      observed: expect.stringContaining('is claimed again'),
    })
    rmSync(path)
    for (const min of [0, 1]) expect(await run({ min })).toMatchObject(spent)
    expect(await run({ claims: ['queue/*', 'other/*.json'], min: 0 })).toMatchObject({ code: 'queue/missing' })
    mkdirSync(join(cwd, 'other'))
    expect(await run({ claims: 'other/*.json', min: 0 })).toMatchObject({ status: 'pass', code: 'queue/idle' })
    // One truth: the budget refuses it too.
    expect(ask(store, 'job-7', { attempts: 3 })).toMatchObject({ exitCode: 69, guard: 'budget' })
    store.append('job-7', { type: 'reset' })
    expect(await run({ min: 0 })).toMatchObject({ status: 'pass', code: 'queue/idle' })
    expect(ask(store, 'job-7', { attempts: 3 }).exitCode).toBe(0)
  })

  it('counts the asks of a worker that asks before each try', async () => {
    const { claim, run, cwd, store } = place()
    for (let nth = 0; nth < 3; nth++) store.append('job-7', { type: 'ask', attempts: 3 })
    claim('job-7', { id: 'job-7' })
    expect(await run({ reset: [hook(cwd, 'exit 0')] })).toMatchObject({ code: 'queue/spent' })
    expect(ran(cwd)).toEqual([])
  })
})

it('after a sleep the first look is a warning and resets nothing', async () => {
  const { claim, run, cwd } = place()
  let uptimeMs = uptime() * 1000
  const store = localStore({ dir: join(cwd, 'slept'), now: Date.now, boot: 'this', uptimeMs: () => uptimeMs })
  uptimeMs += 4 * HOUR // the monotonic clock has not moved
  claim('job-7', { id: 'job-7' })
  const reset = [hook(cwd, 'rm -- "$1"'), '{claim}']
  expect(await run({ reset }, { store })).toMatchObject({ status: 'warn', code: 'queue/asleep' })
  expect(await run({ reset }, { store })).toMatchObject({ status: 'warn', code: 'queue/asleep' })
  expect(ran(cwd)).toEqual([])
  expect(store.read('job-7').records.map(({ event }) => event.type)).toEqual(['stale'])
})

it('names every claim that is ill, the worst first', async () => {
  const { claim, run, store } = place()
  claim('well', { id: 'well', worker: 'w' })
  claim('ill', { id: 'ill' })
  claim('torn', 'x')
  store.append('w', { type: 'beat' })
  expect(await run()).toMatchObject({
    status: 'fail',
    code: 'queue/claim',
    summary: 'queue/torn.claim.json cannot be judged, and 1 more claim of 3',
    findings: [{ code: 'queue/claim' }, { code: 'queue/stale', path: 'queue/ill.claim.json' }],
    facts: { claims: 3, working: 1 },
  })
})
