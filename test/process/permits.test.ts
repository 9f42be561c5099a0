/** `bootcheck allow` and `bootcheck record` as they are run, also by many at once and on disks that fail. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { localStore } from '../../core/local-store.ts'
import { bootcheck, type Ended, lay } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { program, start } from '../support/programs.ts'

vi.setConfig({ testTimeout: 120_000 })

const MINUTE = 60_000
const NOBODY = 65534

const answer = ({ stdout, stderr }: Ended) => {
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`no JSON: ${stdout}\n${stderr}`)
  }
}

const json = async (cwd: string, ...words: string[]) => {
  const ended = await bootcheck(['allow', ...words, '--format', 'json'], { cwd })
  return { code: ended.code, stderr: ended.stderr, ...answer(ended) }
}

const record = async (cwd: string, ...words: string[]): Promise<void> => {
  const { code, stdout, stderr } = await bootcheck(['record', ...words], { cwd })
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
}

const within = (iso: string, fromNowMs: number): void => {
  const away = Date.parse(iso) - Date.now() - fromNowMs
  expect(Math.abs(away)).toBeLessThan(20_000)
  expect(iso).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
}

describe('allow', () => {
  it('asks the breaker, says until when and why, and what to type', async () => {
    const cwd = scratch()
    expect(await json(cwd, 'codex/grok-4.20')).toMatchObject({
      code: 0,
      target: 'codex/grok-4.20',
      allowed: true,
      answer: 'go',
      retryAt: null,
      retryAfterMs: null,
      next: null,
      warnings: [],
    })
    for (let n = 0; n < 3; n++) await record(cwd, 'codex/grok-4.20', 'fail')
    const said = await json(cwd, 'codex/grok-4.20')
    expect(said).toMatchObject({ code: 75, allowed: false, answer: 'wait', guard: 'breaker', stderr: '' })
    expect(said.reason).toMatch(/^3 failures in a row, the last .* ago: blocked, then one trial$/)
    expect(said.next).toMatch(/^bootcheck state .*codex\/grok-4\.20$/)
    within(said.retryAt, 30 * MINUTE)
    const pretty = await bootcheck(['allow', 'codex/grok-4.20'], { cwd, env: { TZ: 'UTC' } })
    expect(pretty.code).toBe(75)
    expect(pretty.stdout).toMatch(
      /^codex\/grok-4\.20: not now, 3 failures in a row, .*; again at .*\d\d:\d\d, in 30 min; next: bootcheck state .*\n$/,
    )
    await record(cwd, 'codex/grok-4.20', 'ok')
    expect((await json(cwd, 'codex/grok-4.20')).code).toBe(0)
    await record(cwd, 'codex/grok-4.20', 'fail', '--retry-after', '90s')
    within((await json(cwd, 'codex/grok-4.20')).retryAt, 90_000)
  })

  it('asks the rate limit and the budget, all of them together', async () => {
    const cwd = scratch()
    const login = ['login:naver', '--limit', '2', '--per', '15m', '--cooldown', '30m']
    expect((await json(cwd, ...login)).reason).toContain('permit 1 of 2 in 15 min')
    expect((await json(cwd, ...login)).facts['rate-limit']).toMatchObject({ taken: 2, limit: 2 })
    const refused = await json(cwd, ...login)
    expect(refused).toMatchObject({ code: 75, guard: 'rate-limit' })
    within(refused.retryAt, 30 * MINUTE)
    // The rate limit is full, so no attempt is taken.
    for (let n = 0; n < 2; n++) expect((await json(cwd, ...login, '--attempts', '3')).code).toBe(75)
    // Permits that were asked for without --attempts are no attempts.
    for (const taken of [1, 2, 3])
      expect(await json(cwd, 'login:naver', '--attempts', '3')).toMatchObject({ code: 0, facts: { budget: { taken } } })
    const spent = await json(cwd, ...login, '--attempts', '3')
    expect(spent).toMatchObject({ code: 69, answer: 'refuse', guard: 'budget', retryAt: null, retryAfterMs: null })
    expect(spent.next).toMatch(/bootcheck state reset .*login:naver$/)
    const pretty = await bootcheck(['allow', 'login:naver', '--attempts', '3'], { cwd })
    expect(pretty.stdout).toMatch(
      /^login:naver: refused since \d\d:\d\d, the retry budget is spent, 3 of 3 attempts taken; next: /,
    )
  })

  it('spares the last healthy one of a set', async () => {
    const cwd = scratch()
    for (const target of ['a', 'b']) for (let n = 0; n < 3; n++) await record(cwd, target, 'fail')
    expect((await json(cwd, 'a', '--set', 'a,b')).code).toBe(75)
    expect(await json(cwd, 'b', '--set', 'a,b')).toMatchObject({ code: 0, facts: { breaker: { spared: true } } })
    expect((await json(cwd, 'b')).code).toBe(75)
    expect(await bootcheck(['allow', 'b', '--set', 'b,b'], { cwd })).toMatchObject({
      code: 2,
      stderr: 'bootcheck: --set names b twice: nothing stands in for itself\n',
    })
  })

  it('honours the files of the older convention, and blocks on what it does not understand', async () => {
    const cwd = scratch()
    lay(cwd, {
      'old/codex-gpt-5-crash-counter.txt': '3\n',
      'old/gemini-2.5-pro-crash-loop-until.txt': `${Math.floor(Date.now() / 1000) + 600}\n`,
      'old/odd-x-crash-loop-until.txt': 'soon\n',
      'old/fine-1-crash-counter.txt': '0\n',
    })
    const legacy = (target: string) => json(cwd, target, '--legacy', 'old')
    expect(await legacy('codex/gpt-5')).toMatchObject({
      code: 75,
      reason: expect.stringContaining('3 crashes counted in'),
    })
    const until = await legacy('gemini/2.5-pro')
    expect(until.code).toBe(75)
    within(until.retryAt, 10 * MINUTE)
    expect(await legacy('odd/x')).toMatchObject({ code: 75, reason: expect.stringContaining('holds "soon"') })
    expect(await legacy('fine/1')).toMatchObject({ code: 0, stderr: '' })
    const unknown = await legacy('fime/1')
    expect(unknown.code).toBe(0)
    expect(unknown.stderr).toContain('no counter of fime/1 in')
    expect(unknown.warnings).toHaveLength(1)
    const nowhere = await bootcheck(['allow', 'x', '--legacy', 'olt'], { cwd })
    expect(nowhere).toMatchObject({ code: 2, stdout: '', stderr: 'bootcheck: --legacy: there is no folder olt\n' })
  })

  it('gives one trial where a counter of theirs stays at its limit', async () => {
    const cwd = scratch()
    lay(cwd, { 'old/c-x-crash-counter.txt': '3', 'old/c-x-crash-loop-until.txt': '1000000000' })
    const past = new Date(Date.now() - 60 * MINUTE)
    utimesSync(join(cwd, 'old/c-x-crash-counter.txt'), past, past)
    expect(await json(cwd, 'c/x', '--legacy', 'old')).toMatchObject({ code: 0, facts: { breaker: { trial: true } } })
    const second = await json(cwd, 'c/x', '--legacy', 'old')
    expect(second.code).toBe(75)
    within(second.retryAt, 30 * MINUTE)
  })

  it.each([
    [['allow'], 'allow needs a target'],
    [['allow', ''], 'a target has 1 to 400 characters'],
    [['allow', 'x'.repeat(401)], 'a target has 1 to 400 characters'],
    [['allow', 'a', 'b'], 'allow takes one target'],
    [['allow', 'a', '--limit', '0'], '--limit "0" is not a count'],
    [['allow', 'a', '--per', 'soon'], '--per "soon" is not a duration'],
    [['allow', 'a', '--cooldown', '0s'], '--cooldown "0s" is not a duration'],
    [['allow', 'a', '--set', 'b,c'], '--set b,c does not name a'],
    [['allow', 'a', '--set', 'a'], 'nothing stands in for it'],
    [['allow', 'a', '--format', 'yaml'], '--format "yaml" is not one of'],
    [['allow', 'a', '--limits', '2'], 'did you mean "limit"?'],
    [['record', 'a'], 'record needs an event'],
    [['record', 'a', 'fial'], '"fial" is not one of ok, fail, beat; did you mean "fail"?'],
    [['record', 'a', 'ok', '--retry-after', '5s'], '--retry-after belongs to a failure'],
    [['record', 'a', 'fail', '--retry-after', 'soon'], '--retry-after "soon" is not a duration'],
    [['allow', 'a', '--per', '25d'], '--per "25d" is too long: at most 24d'],
    [['allow', 'a\u001b[31mb'], 'a target has no control characters, and "a\\x1b[31mb" has'],
    [['allow', 'a\u0001b', '--limit', '2'], 'a target has no control characters, and "a\\x01b" has'],
    [['record', '\u0001a', 'fail', '--retry-after', '1s'], 'and "\\x01a" has'],
    [['record', 'a\u0085', 'fail'], 'and "a\\x85" has'],
    [['allow', 'a', '--set', 'a,b\u007f'], '--set has no control characters, and "a,b\\x7f" has'],
    [['exec', '--key', 'a\nb', '--', 'true'], '--key has no control characters, and "a\\nb" has'],
    [['exec', '--once', '\u0001b', '--', 'true'], '--once has no control characters'],
    [['exec', '--beat', '\u009bb', '--', 'true'], '--beat has no control characters'],
    [['state', 'esc\u001b[31mrod'], 'nothing is remembered of "esc\\x1b[31mrod"'],
    [['state', 'reset', 'esc\u001b[31mrod'], 'nothing is remembered of "esc\\x1b[31mrod"'],
  ])('%j is wrong usage', async (words, message) => {
    const cwd = scratch()
    const ended = await bootcheck(words, { cwd })
    expect(ended).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
  })

  it('keeps a failure whatever it asks for', async () => {
    const cwd = scratch()
    const store = localStore({ dir: join(cwd, '.state', 'bootcheck'), now: Date.now })
    const asked = () => store.read('a').records.at(-1)?.event.retryAfterMs
    expect(await bootcheck(['record', 'a', 'fail', '--retry-after', '0s'], { cwd })).toMatchObject({
      code: 0,
      stderr: '',
    })
    expect(asked()).toBe(0)
    expect(await bootcheck(['record', 'a', 'fail', '--retry-after', '25d'], { cwd })).toMatchObject({
      code: 0,
      stderr: 'bootcheck: --retry-after 25d is cut to 24d, the longest there is\n',
    })
    expect(asked()).toBe(24 * 86_400_000)
  })

  it('shows what a target hides', async () => {
    const { stdout } = await bootcheck(['allow', 'a\u202eb'], { cwd: scratch() })
    expect(stdout).toMatch(/^a\\u202eb: go, /)
  })

  it('is no yes where the answer could not be printed', async () => {
    const cwd = scratch()
    const full = await bootcheck(['allow', 'a'], { cwd, through: ['sh', '-c', '"$@" >/dev/full', 'sh'] })
    expect(full.code).toBe(3)
    for (let n = 0; n < 3; n++) await record(cwd, 'a', 'fail')
    const no = await bootcheck(['allow', 'a'], { cwd, through: ['sh', '-c', '"$@" >/dev/full', 'sh'] })
    expect(no.code).toBe(75)
  })
})

describe('50 at once', () => {
  const SOURCE = `
    import { readSync } from 'node:fs'
    import { localStore } from '@/core/local-store.ts'
    import { ask } from '@/supervise/permits.ts'
    const store = localStore({ dir: process.argv[2] ?? '', now: Date.now })
    console.log('ready')
    const buffer = Buffer.alloc(4096)
    for (;;) {
      const read = readSync(0, buffer)
      if (read === 0) break
      const { target, options } = JSON.parse(buffer.toString('utf8', 0, read))
      console.log(JSON.stringify(ask(store, target, options)))
    }
  `

  it('race for 2 permits, for one trial, for what is left of a budget: exactly so many get one', async () => {
    const dir = join(scratch(), 'state')
    const file = await program(SOURCE)
    const all = Array.from({ length: 50 }, () => start(file, [dir]))
    for (const one of all) expect(await one.line()).toBe('ready')
    const race = async (target: string, options: object) => {
      for (const one of all) one.tell(JSON.stringify({ target, options }))
      const answers = await Promise.all(all.map(async one => JSON.parse(await one.line())))
      expect(answers.flatMap(({ warnings }) => warnings)).toEqual([])
      expect(answers.filter(({ allowed }) => allowed).every(({ exitCode }) => exitCode === 0)).toBe(true)
      return answers
    }
    const allowed = (answers: readonly { allowed: boolean }[]) => answers.filter(answer => answer.allowed).length
    for (let round = 0; round < 8; round++) {
      const rate = { limit: 2, perMs: 15 * MINUTE, cooldownMs: 30 * MINUTE }
      const permits = await race(`login ${round}`, { rate, attempts: 40 })
      expect(allowed(permits)).toBe(2)
      expect(new Set(permits.map(({ exitCode }) => exitCode))).toEqual(new Set([0, 75]))
      // More of them asked than the budget bears; two attempts were taken.
      const attempts = await race(`login ${round}`, { attempts: 10 })
      expect(allowed(attempts)).toBe(8)
      expect(new Set(attempts.map(({ exitCode }) => exitCode))).toEqual(new Set([0, 69]))

      const before = localStore({ dir, now: () => Date.now() - 31 * MINUTE, uptimeMs: () => 0, boot: 'an earlier one' })
      for (let n = 0; n < 3; n++) before.append(`model ${round}`, { type: 'fail', retryAfterMs: null })
      const trials = await race(`model ${round}`, {})
      expect(allowed(trials)).toBe(1)
      expect(trials.filter(({ facts }) => facts.breaker.trial)).toHaveLength(1)
    }
    for (const one of all) one.process.stdin.end()
    await Promise.all(all.map(one => one.ended))
  })

  it('of the program itself, too', async () => {
    const cwd = scratch()
    const all = await Promise.all(
      Array.from({ length: 50 }, () => bootcheck(['allow', 'login', '--limit', '2', '--format', 'json'], { cwd })),
    )
    expect(all.filter(({ code }) => code === 0)).toHaveLength(2)
    expect(all.filter(({ code }) => code === 75)).toHaveLength(48)
  })
})

describe('a state folder that fails', () => {
  const SETUP = (mount: string, how: string): string[] => [
    'unshare',
    '-rm',
    'sh',
    '-ec',
    `${how.replaceAll('MOUNT', mount)}; exec "$@"`,
    'sh',
  ]

  const all = async (dir: string, through: readonly string[]) => {
    const run = (...words: string[]) => bootcheck([...words, '--state-dir', dir], { cwd: scratch(), through })
    const rate = await run('allow', 't', '--limit', '2', '--format', 'json')
    const breaker = await run('allow', 't', '--format', 'json')
    const strict = await run('allow', 't', '--limit', '2', '--failures', '3', '--format', 'json')
    const budget = await run('allow', 't', '--attempts', '3', '--limit', '2', '--format', 'json')
    const record = await run('record', 't', 'fail')
    return { rate, breaker, strict, budget, record }
  }

  const failOpen = (rate: Ended, message: string): void => {
    expect(rate.code).toBe(0)
    expect(rate.stderr).toContain('warning: ')
    expect(rate.stderr).toContain(message)
    expect(answer(rate)).toMatchObject({ allowed: true, warnings: [expect.stringContaining(message)] })
  }

  const failClosed = (ended: Ended, message: string): void => {
    expect(ended.code).toBe(75)
    expect(ended.stderr).toContain(message)
    expect(answer(ended)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining(message),
      retryAfterMs: 30_000,
    })
  }

  const notRecorded = ({ code, stderr }: Ended, message: string): void => {
    expect(code).toBe(3)
    expect(stderr).toMatch(/fail of t was not recorded: /)
    expect(stderr).toContain(message)
    expect(stderr).toContain('next: ')
  }

  it('because it is read-only: what needs no place goes on, what needs one does not', async () => {
    const mount = scratch()
    const { rate, breaker, strict, budget, record } = await all(
      join(mount, 'state'),
      SETUP(mount, 'mount -t tmpfs -o ro none MOUNT'),
    )
    failOpen(rate, 'the file system is read-only')
    // Where nothing can ever be kept a breaker would never trip.
    for (const ended of [breaker, strict, budget]) failClosed(ended, 'the file system is read-only')
    notRecorded(record, 'the file system is read-only')
  })

  it('because it may no longer be written: what could be read still counts', async () => {
    const mount = scratch()
    const { rate, breaker, strict, budget, record } = await all(
      join(mount, 'state'),
      SETUP(
        mount,
        `mount -t tmpfs none MOUNT; "$1" "$2" record t ok --state-dir MOUNT/state; mount -o remount,ro MOUNT`,
      ),
    )
    // A breaker that is closed has no places to give away.
    for (const ended of [rate, breaker, strict]) failOpen(ended, 'the file system is read-only')
    failClosed(budget, 'the file system is read-only')
    notRecorded(record, 'the file system is read-only')
  })

  it('because the disk is full', async () => {
    const mount = scratch()
    const { rate, breaker, budget, record } = await all(
      join(mount, 'state'),
      SETUP(mount, 'mount -t tmpfs -o size=16k none MOUNT; head -c 16k /dev/zero > MOUNT/ballast || true'),
    )
    failOpen(rate, 'the disk is full')
    failOpen(breaker, 'the disk is full')
    failClosed(budget, 'the disk is full')
    notRecorded(record, 'the disk is full')
  })

  it("because it is another user's", async () => {
    const dir = join(scratch(), 'state')
    localStore({ dir, now: Date.now }).append('t', { type: 'ok' })
    chownSync(dir, NOBODY, NOBODY)
    const { rate, breaker, strict, budget, record } = await all(dir, [])
    const message = `belongs to uid ${NOBODY}`
    failOpen(rate, message)
    for (const ended of [breaker, strict, budget]) failClosed(ended, message)
    notRecorded(record, message)
  })

  it('because others may write in it, or a file stands in its place', async () => {
    const open = join(scratch(), 'state')
    mkdirSync(open)
    chmodSync(open, 0o777)
    const others = await all(open, [])
    failOpen(others.rate, 'may be written by others')
    for (const ended of [others.breaker, others.budget]) failClosed(ended, 'may be written by others')
    const file = join(scratch(), 'state')
    writeFileSync(file, '')
    const inPlace = await all(file, [])
    failOpen(inPlace.rate, 'is not a folder')
    for (const ended of [inPlace.breaker, inPlace.budget]) failClosed(ended, 'is not a folder')
  })

  it('because this user may not look into it', async () => {
    const root = mkdtempSync('/tmp/bootcheck-public-')
    onTestFinished(() => rmSync(root, { recursive: true, force: true }))
    chmodSync(root, 0o755)
    const dir = join(root, 'state')
    mkdirSync(join(dir, 'targets'), { recursive: true, mode: 0o700 })
    for (const path of [dir, join(dir, 'targets')]) chownSync(path, NOBODY, NOBODY)
    chmodSync(join(dir, 'targets'), 0)
    const { rate, breaker, budget } = await all(dir, [
      'setpriv',
      `--reuid=${NOBODY}`,
      '--clear-groups',
      `--regid=${NOBODY}`,
    ])
    failOpen(rate, 'may not be read by this user')
    for (const ended of [breaker, budget]) failClosed(ended, 'may not be read by this user')
  })

  it('is honoured as far as it can be read', async () => {
    const mount = scratch()
    const dir = join(mount, 'state')
    const store = localStore({ dir, now: Date.now })
    for (let n = 0; n < 3; n++) store.append('t', { type: 'fail', retryAfterMs: null })
    const { rate, breaker, budget } = await all(
      dir,
      SETUP(mount, 'mount --bind MOUNT MOUNT; mount -o remount,bind,ro MOUNT'),
    )
    for (const ended of [rate, breaker, budget]) {
      expect(ended.code).toBe(75)
      expect(answer(ended)).toMatchObject({ guard: 'breaker', facts: { breaker: { failures: 3 } }, warnings: [] })
    }
  })

  it('of which some lines are torn is used, and that is said', async () => {
    const dir = join(scratch(), 'state')
    const store = localStore({ dir, now: Date.now })
    for (let n = 0; n < 3; n++) store.append('t', { type: 'fail', retryAfterMs: null })
    const day = new Date().toISOString().slice(0, 10)
    writeFileSync(join(dir, 'targets', 't', `${day}.jsonl`), '{"v":1,"id":"half a rec\n', { flag: 'a' })
    const { breaker } = await all(dir, [])
    expect(breaker.code).toBe(75)
    expect(breaker.stderr).toMatch(
      /warning: 1 line of what is remembered of t cannot be read, and was passed over: .*jsonl:\d+: /,
    )
  })
})
