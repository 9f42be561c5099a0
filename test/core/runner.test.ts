import { describe, expect, it } from 'vitest'
import type { CheckContext, Outcome } from '../../core/check.ts'
import { listed } from '../../core/skips.ts'
import { kinds, type Plan, type Report, type RunManifestOptions, runManifest } from '../../index.ts'
import { scratch } from '../support/context.ts'
import { fail, pass, planned, planWith, registryOf } from '../support/plan.ts'

const run = (plan: Plan, runs: Parameters<typeof registryOf>[0], options: RunManifestOptions = {}): Promise<Report> =>
  runManifest(plan, { registry: registryOf(runs), stateDir: scratch(), ...options })

const statuses = (report: Report): Record<string, string> =>
  Object.fromEntries(report.checks.map(check => [check.id, check.status]))

/** Resolves when told to. */
const gate = (): { open: () => void; opened: Promise<void> } => {
  let open = (): void => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, opened }
}

describe('order', () => {
  it('reports in document order, whatever ends first', async () => {
    const slow = gate()
    const report = await run(planWith([planned({ id: 'a', kind: 'slow' }), planned({ id: 'b', kind: 'quick' })]), {
      slow: async () => {
        await slow.opened
        return pass()
      },
      quick: () => {
        slow.open()
        return pass()
      },
    })
    expect(report.checks.map(check => check.id)).toEqual(['a', 'b'])
    expect(report).toMatchObject({ ready: true, exitCode: 0 })
  })

  it('runs independent checks side by side, up to the limit', async () => {
    let active = 0
    let most = 0
    const all = gate()
    const checks = Array.from({ length: 6 }, (_, index) => planned({ id: `c${index}` }))
    const probe = async () => {
      most = Math.max(most, ++active)
      if (active === 3) all.open()
      await all.opened
      active--
      return pass()
    }
    await run(planWith(checks), { probe }, { concurrency: 3 })
    expect(most).toBe(3)
  })

  it('gives a check the outcomes of what it needs, and only those', async () => {
    let seen: ReadonlyMap<string, Outcome> = new Map()
    await run(
      planWith([planned({ id: 'a' }), planned({ id: 'b' }), planned({ id: 'c', kind: 'look', needs: ['a'] })]),
      {
        probe: () => pass(),
        look: (_, ctx: CheckContext) => {
          seen = ctx.outcomes
          return pass()
        },
      },
    )
    expect([...seen.keys()]).toEqual(['a'])
  })

  it('lets one look at the outcomes of others that it does not need, once they are known', async () => {
    let seen: readonly (readonly [string, string])[] = []
    const slow = gate()
    const report = await run(
      planWith([
        planned({ id: 'a', kind: 'slow' }),
        planned({ id: 'b', kind: 'bad', severity: 'warn' }),
        planned({ id: 'c', needs: ['b'] }),
        planned({ id: 'd', kind: 'look', reads: ['a', 'b', 'c'] }),
        planned({ id: 'e', kind: 'opens' }),
      ]),
      {
        probe: () => pass(),
        bad: () => fail('bad'),
        slow: async () => {
          await slow.opened
          return pass('slow')
        },
        opens: () => {
          slow.open()
          return pass('opens')
        },
        look: (_, ctx: CheckContext) => {
          seen = [...ctx.outcomes].map(([id, { status }]) => [id, status] as const)
          return pass('look')
        },
      },
    )
    expect(seen).toEqual([
      ['a', 'pass'],
      ['b', 'fail'],
      ['c', 'blocked'],
    ])
    expect(report.checks[3]?.status).toBe('pass')
  })
})

describe('needs', () => {
  it('block dependents of what did not pass, warn or skip, and theirs in turn', async () => {
    const report = await run(
      planWith([
        planned({ id: 'a', kind: 'bad' }),
        planned({ id: 'b', needs: ['a'] }),
        planned({ id: 'c', needs: ['b'] }),
        planned({ id: 'd' }),
      ]),
      { bad: () => fail(), probe: () => pass() },
    )
    expect(statuses(report)).toEqual({ a: 'fail', b: 'blocked', c: 'blocked', d: 'pass' })
    expect(report.checks[2]?.summary).toBe('not run: needs b')
    expect(report).toMatchObject({ ready: false, exitCode: 1, counts: { fail: 1, blocked: 2, pass: 1 } })
  })

  it('block whatever the severity of the one that is needed, with the effect of the dependent’s own', async () => {
    const report = await run(
      planWith([
        planned({ id: 'a', kind: 'bad', severity: 'warn' }),
        planned({ id: 'b', needs: ['a'], severity: 'warn' }),
        planned({ id: 'c', needs: ['a'] }),
      ]),
      { bad: () => fail(), probe: () => pass() },
    )
    expect(report.checks.map(check => check.effect)).toEqual(['warning', 'warning', 'failure'])
  })

  it('of another phase count as met, and are said', async () => {
    const report = await run(
      planWith([planned({ id: 'a' }), planned({ id: 'b', phase: 'after', needs: ['a'] })]),
      { probe: () => pass() },
      { phase: 'after' },
    )
    expect(statuses(report)).toEqual({ b: 'pass' })
    expect(report.checks[0]?.summary).toContain('taken as met, not of this phase: a')
  })

  it('come along with --only', async () => {
    const report = await run(
      planWith([planned({ id: 'a' }), planned({ id: 'b' }), planned({ id: 'c', needs: ['a'] })]),
      { probe: () => pass() },
      { only: ['c'] },
    )
    expect(statuses(report)).toEqual({ a: 'pass', c: 'pass' })
  })
})

describe('what may not look green', () => {
  const one = planWith([planned({ id: 'a' })])

  it('an id that is not there', async () => {
    const report = await run(one, { probe: () => pass() }, { only: ['b'] })
    expect(report).toMatchObject({ ready: false, exitCode: 2, errors: [{ code: 'run/unknown-id' }], checks: [] })
    expect(await run(one, { probe: () => pass() }, { skipIds: ['aa'] })).toMatchObject({
      exitCode: 2,
      errors: [{ hint: 'did you mean "a"?' }],
    })
  })

  it('a plan without checks', async () => {
    expect(await run(planWith([]), {})).toMatchObject({ ready: false, exitCode: 2 })
  })

  it('a run in which all were skipped', async () => {
    const report = await run(one, { probe: () => pass() }, { skipIds: ['a'] })
    expect(report).toMatchObject({ ready: false, exitCode: 2, counts: { skip: 1 } })
  })

  it('a dry run', async () => {
    const report = await run(one, { probe: () => fail() }, { dryRun: true })
    expect(report).toMatchObject({ ready: false, exitCode: 2, counts: { skip: 1 } })
    expect(report.checks[0]?.summary).toBe('not run: would run')
  })

  it('a pass that watched nothing', async () => {
    const report = await run(one, { probe: () => ({ ...pass(), watched: [] }) as never })
    expect(report.checks[0]).toMatchObject({ status: 'fail', code: 'run/nothing-watched' })
    expect(report.exitCode).toBe(1)
  })

  it('a check that throws, or rejects with anything', async () => {
    const report = await run(planWith([planned({ id: 'a', kind: 'throws' }), planned({ id: 'b', kind: 'rejects' })]), {
      throws: () => {
        throw new TypeError('no such thing')
      },
      rejects: () => Promise.reject('a string'),
    })
    expect(report.checks.map(check => [check.status, check.observed])).toEqual([
      ['crash', 'TypeError: no such thing'],
      ['crash', 'NonError: a string'],
    ])
    expect(report.exitCode).toBe(1)
  })

  it('a run that another user makes', async () => {
    const report = await run(planWith([planned({ id: 'a' })], { user: 'somebody-else' }), { probe: () => pass() })
    expect(report).toMatchObject({ ready: true, exitCode: 0, warnings: [{ code: 'run/other-user' }] })
    const hints = [null, 'BOOT.md', 'ops/my boot.md'].map(async file => {
      const plan = planWith([planned({ id: 'a' })], { user: 'somebody-else', file })
      return (await run(plan, { probe: () => pass() })).warnings[0]?.hint
    })
    expect(await Promise.all(hints)).toEqual([
      'sudo -u somebody-else bootcheck run',
      'sudo -u somebody-else bootcheck run',
      "sudo -u somebody-else bootcheck run 'ops/my boot.md'",
    ])
    const strict = await run(
      planWith([planned({ id: 'a' })], { user: 'somebody-else' }),
      { probe: () => pass() },
      { strict: true },
    )
    expect(strict).toMatchObject({ ready: false, exitCode: 1 })
  })

  it('a variable that is not set: its check fails by name, the others are judged', async () => {
    const report = await run(
      planWith([planned({ id: 'a', options: { value: '${env:NOT_SET_ANYWHERE}' } }), planned({ id: 'b' })]),
      {
        probe: () => pass(),
      },
    )
    expect(report.checks.map(check => [check.status, check.code])).toEqual([
      ['fail', 'E402'],
      ['pass', 'probe/fine'],
    ])
  })
})

describe('deadlines', () => {
  const hang = () => new Promise<never>(() => {})

  it('end a check that never answers, by name', async () => {
    const report = await run(planWith([planned({ id: 'a', kind: 'hang', timeoutMs: 50 }), planned({ id: 'b' })]), {
      hang,
      probe: () => pass(),
    })
    expect(statuses(report)).toEqual({ a: 'timeout', b: 'pass' })
    expect(report.checks[0]).toMatchObject({ code: 'run/timeout', effect: 'failure' })
  })

  it('tell the check, so that it can end tidily', async () => {
    const told = gate()
    await run(planWith([planned({ id: 'a', timeoutMs: 20 })]), {
      probe: (_, ctx: CheckContext) =>
        new Promise(resolve => {
          ctx.signal.addEventListener('abort', () => {
            told.open()
            resolve(pass())
          })
        }),
    })
    await told.opened
  })

  it('hold for the run: what waits and what was not begun is a timeout', async () => {
    const report = await run(
      planWith([planned({ id: 'a', kind: 'hang' }), planned({ id: 'b', needs: ['a'] })]),
      { hang, probe: () => pass() },
      { deadlineMs: 50 },
    )
    expect(statuses(report)).toEqual({ a: 'timeout', b: 'blocked' })
    expect(report.checks[1]?.summary).toBe('not run: needs a')
    expect(report.exitCode).toBe(1)
  })

  // The grammar refuses such a plan; the library may be given one.
  it('hold where checks wait for each other, and nothing else is lost', async () => {
    const report = await run(
      planWith([planned({ id: 'fine' }), planned({ id: 'a', reads: ['b'] }), planned({ id: 'b', reads: ['a'] })]),
      { probe: () => pass() },
      { deadlineMs: 50 },
    )
    expect(statuses(report)).toEqual({ fine: 'pass', a: 'blocked', b: 'blocked' })
    expect(report.exitCode).toBe(1)
  })
})

describe('stopping', () => {
  it('reports what was done, and the signal’s exit code', async () => {
    const stop = new AbortController()
    const report = await run(
      planWith([planned({ id: 'a' }), planned({ id: 'b', kind: 'hang' })]),
      {
        probe: () => pass(),
        hang: () => new Promise<never>(() => {}),
      },
      { signal: stop.signal, onEvent: event => event.type === 'finish' && stop.abort('SIGINT') },
    )
    expect(statuses(report)).toEqual({ a: 'pass', b: 'blocked' })
    expect(report).toMatchObject({ ready: false, exitCode: 130 })
    expect(report.checks[1]).toMatchObject({ code: 'run/stopped' })
  })

  it('ends what waits for something that never comes', async () => {
    const report = await run(
      planWith([planned({ id: 'a' }), planned({ id: 'b', reads: ['b'] })]),
      { probe: () => pass() },
      { signal: AbortSignal.timeout(50) },
    )
    expect(report.checks[1]).toMatchObject({ code: 'run/stopped' })
  })
})

describe('retries', () => {
  it('are for a slow start: as many as asked for, then the last answer', async () => {
    const attempts: number[] = []
    const report = await run(planWith([planned({ id: 'a', retries: 3 })]), {
      probe: (_, ctx: CheckContext) => {
        attempts.push(ctx.attempt)
        return ctx.attempt < 3 ? fail() : pass()
      },
    })
    expect(attempts).toEqual([1, 2, 3])
    expect(report.checks[0]).toMatchObject({ status: 'pass', attempts: 3 })
  })

  it('end with the deadline', async () => {
    const report = await run(
      planWith([planned({ id: 'a', retries: 1000, retryDelayMs: 60_000 })]),
      { probe: () => fail() },
      { deadlineMs: 50 },
    )
    expect(report.checks[0]).toMatchObject({ status: 'fail', attempts: 1 })
  })
})

describe('conditions and skips', () => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  const world = {
    env: {},
    cwd: '/',
    home: '/',
    platform: 'linux',
    user: { uid: 1, gid: 1, name: 'claw' },
    now: () => now,
  } as const

  it('leave a check out by operating system or environment, and say so', async () => {
    const report = await run(
      planWith([
        planned({ id: 'a', when: { os: ['darwin'] } }),
        planned({ id: 'b', when: { env: { ROLE: 'main' } } }),
        planned({ id: 'c', when: { os: ['linux'], env: { ROLE: 'main' } } }),
      ]),
      { probe: () => pass() },
      { world: { ...world, env: { ROLE: 'main' } } },
    )
    expect(statuses(report)).toEqual({ a: 'skip', b: 'pass', c: 'pass' })
    expect(report.checks[0]?.summary).toBe('not run: only on darwin; this is linux')
  })

  it('hold to the end of their last day, UTC; then the check runs again with a warning', async () => {
    const skip = (until: string) => planned({ id: 'a', skips: [{ reason: 'known', until, line: 7, column: 1 }] })
    const today = await run(planWith([skip('2026-11-22'), planned({ id: 'b' })]), { probe: () => pass() }, { world })
    expect(statuses(today)).toEqual({ a: 'skip', b: 'pass' })
    const over = await run(planWith([skip('2026-11-21')]), { probe: () => pass() }, { world })
    expect(over).toMatchObject({ ready: true, warnings: [{ code: 'E305', line: 7, column: 1 }], counts: { pass: 1 } })
  })

  it('of one finding leave the others', async () => {
    const findings = [
      { path: 'a.js', message: 'a is broken', code: 'probe/one' },
      { path: 'b.js', message: 'b is broken', code: 'probe/two' },
    ]
    const with1 = (finding: string) =>
      run(
        planWith([
          planned({ id: 'x', skips: [{ finding, reason: 'known', until: '2030-01-01', line: 3, column: 1 }] }),
          planned({ id: 'y', kind: 'fine' }),
        ]),
        { probe: () => fail('probe', { findings }), fine: () => pass() },
        { world },
      )
    const one = await with1('probe/one')
    expect(one.checks[0]).toMatchObject({
      status: 'fail',
      code: 'probe/two',
      observed: 'b is broken',
      findings: [{ path: 'b.js' }],
    })
    const both = await with1('is broken')
    expect(both.checks[0]).toMatchObject({ status: 'skip' })
    expect(both.ready).toBe(true)
    const none = await with1('is mended')
    expect(none.checks[0]).toMatchObject({ status: 'fail' })
    expect(none.warnings).toMatchObject([{ code: 'run/skip-unused', line: 3, column: 1 }])
  })
})

describe('a skip of one finding', () => {
  const until = '2030-01-01'
  const skips = (finding: string) => [{ finding, reason: 'known', until, line: 3, column: 1 }]

  it('by the verdict’s code does not reach findings that carry none', async () => {
    const findings = ['a', 'b'].map(path => ({ path, message: `${path} is broken` }))
    const report = await run(planWith([planned({ id: 'x', skips: skips('probe/bad') })]), {
      probe: () => fail('probe', { findings }),
    })
    expect(report.checks[0]).toMatchObject({ status: 'fail', findings })
    expect(report.warnings).toMatchObject([{ code: 'run/skip-unused' }])
  })

  it('cannot reach what is not listed', async () => {
    const findings = listed(
      Array.from({ length: 150 }, (_, at) => ({ path: 'jobs.json', message: `legacy${at} is broken` })),
      100,
    )
    expect(findings).toHaveLength(101)
    const report = await run(planWith([planned({ id: 'x', skips: skips('legacy') })]), {
      probe: () => fail('probe', { findings }),
    })
    expect(report.checks[0]).toMatchObject({ status: 'fail', observed: '50 more, not listed' })
  })

  it('satisfies what needs the check, if nothing else is left', async () => {
    const report = await run(
      planWith([planned({ id: 'x', kind: 'bad', skips: skips('probe/bad') }), planned({ id: 'y', needs: ['x'] })]),
      {
        bad: () => fail(),
        probe: () => pass(),
      },
    )
    expect(statuses(report)).toEqual({ x: 'skip', y: 'pass' })
  })
})

describe('what is shown', () => {
  it('has no secret of a check that does not run now, and no half of one', async () => {
    const secret = 'sk_live_0123456789abcdef0123456789abcdef'
    const plan = planWith([
      planned({ id: 'later', phase: 'after', options: { value: '${secret:TOKEN}' } }),
      planned({ id: 'now', kind: 'leaks' }),
    ])
    const report = await run(
      plan,
      {
        probe: () => pass(),
        leaks: () =>
          fail('leaks', { observed: `${secret} ${secret.slice(0, 20)}… …${secret.slice(-9)}`, facts: { [secret]: 1 } }),
      },
      {
        world: {
          env: { TOKEN: secret },
          cwd: '/',
          home: '/',
          platform: 'linux',
          user: { uid: 1, gid: 1, name: 'c' },
          now: Date.now,
        },
      },
    )
    expect(report.checks[0]?.observed).toBe('*** ***… …***')
    expect(JSON.stringify(report)).not.toContain('sk_live')
  })

  it('has no secret of any check, and no control characters', async () => {
    const secret = 'hunter2-hunter2'
    const report = await run(
      planWith([planned({ id: 'a', options: { value: '${secret:TOKEN}' } }), planned({ id: 'b', kind: 'leaks' })]),
      {
        probe: () =>
          fail('probe', {
            observed: `\u001b[2J${secret}\r`,
            facts: { url: `https://x/${encodeURIComponent(secret)}` },
          }),
        leaks: () => {
          throw new Error(`bad ${secret}`)
        },
      },
      {
        world: {
          env: { TOKEN: secret },
          cwd: '/',
          home: '/',
          platform: 'linux',
          user: { uid: 1, gid: 1, name: 'c' },
          now: Date.now,
        },
      },
    )
    expect(JSON.stringify(report)).not.toContain(secret)
    expect(report.checks[0]?.observed).toBe('\\x1b[2J***\\r')
  })
})

describe('what is no verdict', () => {
  const cyclic: Record<string, unknown> = { status: 'pass', code: 'probe/x', summary: 's', watched: ['w'] }
  cyclic.facts = { itself: cyclic }
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['true', true],
    ['a status of its own', { status: 'ok' }],
    ['a status in capitals', { status: 'PASS', code: 'a/b', summary: 's', watched: ['x'] }],
    ['a pass without watched', { status: 'pass', code: 'a/b', summary: 's' }],
    ['watched that is text', { status: 'pass', code: 'a/b', summary: 's', watched: 'x' }],
    ['a failure without next', { status: 'fail', code: 'a/b', summary: 's', observed: 'o', expected: 'e' }],
    ['findings without text', { ...fail(), findings: [{ path: 'a', message: 7 }] }],
    ['a cycle', cyclic],
  ])('%s is a crash', async (_, answer) => {
    const report = await run(planWith([planned({ id: 'a' })]), { probe: () => answer as never })
    expect(report.checks[0]).toMatchObject({ status: 'crash', effect: 'failure' })
    expect(report.exitCode).toBe(1)
  })

  it('of things thrown that have no text is a crash too', async () => {
    const report = await run(planWith([planned({ id: 'a' })]), {
      probe: () => {
        throw Object.create(null)
      },
    })
    expect(report.checks[0]).toMatchObject({ status: 'crash' })
  })

  it('includes a pass that watched only blanks', async () => {
    const report = await run(planWith([planned({ id: 'a' })]), {
      probe: () => ({ ...pass(), watched: [' '] }) as never,
    })
    expect(report.checks[0]).toMatchObject({ status: 'fail', code: 'run/nothing-watched' })
  })
})

it('refuses limits that cannot be kept', async () => {
  const plan = planWith([planned({ id: 'a' })])
  for (const concurrency of [0, -1, Number.NaN, 1.5])
    await expect(runManifest(plan, { concurrency })).rejects.toThrow(RangeError)
  for (const deadlineMs of [0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32])
    await expect(runManifest(plan, { deadlineMs })).rejects.toThrow(RangeError)
})

it('runs every kind of ours from the same registry', async () => {
  for (const [kind, load] of Object.entries(kinds)) expect((await load()).kind).toBe(kind)
})
