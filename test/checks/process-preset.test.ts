/** What keeps a product from taking its state folder: each state was tried with OpenClaw 2026.9.6 itself. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import sqlite from 'node-sqlite3-wasm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readClaim } from '../../checks/process/product.ts'
import { processes as kind } from '../../checks/process.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { alive, startTicks } from '../../core/process.ts'
import { openclawLock } from '../../presets/openclaw-lock.ts'
import { bootcheck, lay } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { until } from '../support/guarded.ts'
import { said } from '../support/preset.ts'
import { completed, NOBODY, runInChild } from '../support/run-check.ts'

const UID = process.getuid?.() ?? 0
const LOCK = `.openclaw/tmp/openclaw-${UID}/gateway.state.lock`
const DEAD = 4_194_303

const run = async (cwd: string, given: Partial<CheckContext> = {}, options: object = {}): Promise<Verdict> => {
  mkdirSync(join(cwd, '.openclaw'), { recursive: true })
  return kind.run(
    (await completed(kind, { preset: 'openclaw', ...options })) as never,
    context({ cwd, home: cwd, env: {}, ...given }),
  )
}

/** A process that runs until the test ends, called as a gateway is (`openclaw.mjs gateway`) or otherwise. */
const running = async (cwd: string, name: string, ...words: readonly string[]): Promise<number> => {
  lay(cwd, { [name]: 'setInterval(() => {}, 1e6); process.stdout.write("up")\n' })
  const child: ChildProcess = spawn(process.execPath, [join(cwd, name), ...words], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let up = false
  child.stdout?.on('data', () => {
    up = true
  })
  await until(() => up, 'the process to start')
  return child.pid ?? 0
}

const lock = (cwd: string, content: object | string, ageMs = 0): void => {
  lay(cwd, { [LOCK]: typeof content === 'string' ? content : JSON.stringify(content) })
  const at = (Date.now() - ageMs) / 1000
  utimesSync(join(cwd, LOCK), at, at)
}

const HOUR = 3_600_000

describe('the lock', () => {
  test('that is not there, or whose writer is gone, stops nothing', async () => {
    const cwd = scratch()
    expect(await run(cwd)).toMatchObject({
      status: 'pass',
      watched: [LOCK, expect.any(String), expect.any(String), expect.any(String)],
    })
    lock(cwd, { pid: DEAD, startTime: 1 })
    expect(said(await run(cwd))).toMatch(
      /^pass process\/as-wanted: .*names pid 4194303: no such process runs; OpenClaw clears it away/,
    )
  })

  test.runIf(process.platform === 'linux')(
    'of a gateway that runs: too many before, one after, fine beside it',
    async () => {
      const cwd = scratch()
      const pid = await running(cwd, 'openclaw.mjs', 'gateway', 'run')
      lock(cwd, { pid, startTime: startTicks(pid) })
      expect(said(await run(cwd))).toMatch(new RegExp(`^fail process/too-many: .*pid ${pid}`))
      expect(said(await run(cwd, { running: true }))).toMatch(/^pass /)
      expect(said(await run(cwd, { phase: 'after' }))).toMatch(/^pass /)
      process.kill(pid, 'SIGKILL')
      await until(() => !alive(pid), 'its end')
      expect(said(await run(cwd))).toMatch(/^pass /)
      expect(said(await run(cwd, { phase: 'after' }))).toMatch(/^fail process\/too-few/)
    },
  )

  test.runIf(process.platform === 'linux')(
    'of a pid that was given again stops nothing, where OpenClaw can tell',
    async () => {
      const cwd = scratch()
      const gateway = await running(cwd, 'openclaw.mjs', 'gateway', 'run')
      lock(cwd, { pid: gateway, startTime: 12 }, HOUR)
      expect(said(await run(cwd))).toMatch(/^pass .*belongs to another process now/)
      const stranger = await running(cwd, 'bot.js')
      lock(cwd, { pid: stranger }, HOUR)
      expect(said(await run(cwd))).toMatch(/^pass .*belongs to another program now/)
    },
  )

  test('that names another gateway, without a start, stops it for good', async () => {
    const cwd = scratch()
    const pid = await running(cwd, 'openclaw.mjs', 'gateway', 'run')
    lock(cwd, { pid }, HOUR)
    const verdict = await run(cwd)
    expect(said(verdict)).toMatch(
      new RegExp(`^fail process/stale-lock: .*names pid ${pid}, which belongs to another process now`),
    )
    expect(verdict).toMatchObject({ next: `rm ${join(cwd, LOCK)}` })
  })

  test('that cannot be parsed stops it for half a minute', async () => {
    const cwd = scratch()
    lock(cwd, '{"pid": ')
    const verdict = await run(cwd)
    expect(said(verdict)).toMatch(/^fail process\/no-pid: /)
    expect(verdict).toMatchObject({ next: expect.stringMatching(/^sleep \d+$/) })
    lock(cwd, '{"pid": ', 31_000)
    expect(said(await run(cwd))).toMatch(/^pass .*names no process/)
  })
})

describe('the lease', () => {
  const lease = (cwd: string, leftMs: number | null, payload: object | string): void => {
    const file = join(cwd, '.openclaw/state/openclaw.sqlite')
    mkdirSync(dirname(file), { recursive: true })
    rmSync(file, { force: true })
    const database = new sqlite.Database(file)
    database.exec(
      'CREATE TABLE state_leases (scope TEXT, lease_key TEXT, owner TEXT, expires_at INTEGER, payload_json TEXT, PRIMARY KEY (scope, lease_key)) STRICT',
    )
    database.run('INSERT INTO state_leases VALUES (?, ?, ?, ?, ?)', [
      'gateway-owner',
      'global',
      'x',
      leftMs === null ? null : Date.now() + leftMs,
      typeof payload === 'string' ? payload : JSON.stringify({ owner: payload, port: 18789 }),
    ])
    database.close()
  }

  test('of another host holds until it expires', async () => {
    const cwd = scratch()
    lease(cwd, 240_000, { pid: 7, host: 'the-container-before', startedAt: 12 })
    const verdict = await run(cwd)
    expect(said(verdict)).toMatch(
      /^fail process\/lease-held: pid 7 of the host the-container-before .* for another (?:4 min|3 min 59 s)/,
    )
    expect(verdict).toMatchObject({ next: expect.stringMatching(/^sleep 2[34]\d$/) })
    lease(cwd, -1000, { pid: 7, host: 'the-container-before', startedAt: 12 })
    expect(said(await run(cwd))).toMatch(/^pass /)
  })

  test('of this host holds while its process runs, and no longer', async () => {
    const cwd = scratch()
    const own = await running(cwd, 'bot.js')
    lease(cwd, 240_000, { pid: own, host: hostname(), startedAt: null })
    expect(said(await run(cwd))).toMatch(new RegExp(`^fail process/lease-held: pid ${own} of this host`))
    lease(cwd, 240_000, { pid: DEAD, host: hostname(), startedAt: 12 })
    expect(said(await run(cwd))).toMatch(/^pass /)
    if (process.platform !== 'linux') return
    lease(cwd, 240_000, { pid: own, host: hostname(), startedAt: 12 })
    expect(said(await run(cwd))).toMatch(/^pass /)
  })

  test('whose owner cannot be made out holds; one without an end holds for good', async () => {
    const cwd = scratch()
    lease(cwd, 240_000, '{bad')
    expect(said(await run(cwd))).toMatch(/^fail process\/lease-held: an owner that cannot be made out/)
    lease(cwd, null, { pid: 7, host: 'elsewhere', startedAt: null })
    expect(said(await run(cwd))).toMatch(/^fail process\/lease-held: .* for good/)
  })

  test('that cannot be read is a warning, and never a pass', async () => {
    const cwd = scratch()
    lay(cwd, { '.openclaw/state/openclaw.sqlite': 'x'.repeat(5000) })
    expect(said(await run(cwd))).toMatch(/^warn process\/lease-unread: /)
  })
})

describe('the folders of the locks', () => {
  test('a file in the place of one', async () => {
    const cwd = scratch()
    lay(cwd, { [`.openclaw/tmp/openclaw-${UID}`]: '' })
    expect(said(await run(cwd))).toMatch(
      /^fail process\/lock-folder: .*is no folder, and OpenClaw keeps its locks there/,
    )
  })

  test('one that this user cannot make, or cannot write to', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    mkdirSync(join(cwd, '.openclaw/tmp'), { recursive: true })
    const options = await completed(kind, { preset: 'openclaw' })
    const as = () => runInChild({ kind: 'process', options, cwd, home: cwd }, { uid: NOBODY })
    expect(said(await as())).toMatch(/^fail process\/lock-folder: .*is missing, and uid 65534 cannot make it in /)
    mkdirSync(join(cwd, `.openclaw/tmp/openclaw-${NOBODY}`))
    expect(said(await as())).toMatch(/^fail process\/lock-folder: .*cannot be written to by uid 65534/)
  })

  test('one in a shared folder must be a real one of this user\u2019s', async () => {
    const cwd = scratch()
    const shared = join(cwd, 'shared')
    mkdirSync(join(cwd, '.openclaw'))
    const preset = { ...openclawLock, folders: [{ path: shared, own: true }] }
    const look = async () =>
      (await readClaim(preset, { lease: true }, context({ cwd, home: cwd, env: {} }))).hindrances.map(
        one => one.observed,
      )
    expect(await look()).toEqual([])
    symlinkSync('.openclaw', shared)
    expect(await look()).toEqual([expect.stringMatching(/is a link, and OpenClaw keeps its locks there/)])
    rmSync(shared)
    mkdirSync(shared)
    expect(await look()).toEqual([])
    if (UID !== 0) return
    chownSync(shared, NOBODY, NOBODY)
    expect(await look()).toEqual([expect.stringMatching(/belongs to nobody/)])
  })
})

test('no state folder is no pass', async () => {
  const cwd = scratch()
  expect(said(await run(cwd, { env: { OPENCLAW_STATE_DIR: 'nowhere' } }))).toMatch(
    /^fail process\/missing: the state folder nowhere/,
  )
})

test('on the command line, and beside nothing else', async () => {
  const cwd = scratch()
  lay(cwd, { '.openclaw/': '' })
  const words = ['check', 'process', '--preset', 'openclaw']
  expect((await bootcheck(words, { cwd })).code).toBe(0)
  lock(cwd, '{')
  expect((await bootcheck(words, { cwd })).code).toBe(1)
  expect((await bootcheck([...words, '--lock', 'x'], { cwd })).code).toBe(2)
})
