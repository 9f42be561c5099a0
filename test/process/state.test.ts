/** `state`, through the built program. */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { localStore } from '../../core/local-store.ts'
import type { StoreEvent } from '../../core/store.ts'
import { BIN, bootcheck, cleanEnv, lay, manifest, ROOT, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { guarded, until } from '../support/guarded.ts'

const schema = JSON.parse(readFileSync(join(ROOT, 'schemas/state.schema.json'), 'utf8'))
const fits = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)

/** A folder whose store, at its usual place, holds these. */
const place = (events: Readonly<Record<string, readonly StoreEvent[]>> = {}) => {
  const cwd = scratch()
  const dir = join(cwd, '.state', 'bootcheck')
  const store = localStore({ dir, now: Date.now })
  for (const [target, list] of Object.entries(events)) for (const event of list) store.append(target, event)
  return { cwd, dir, store }
}
const BEAT: StoreEvent = { type: 'beat' }
const FAIL: StoreEvent = { type: 'fail', retryAfterMs: null }

describe('state', () => {
  it('says so where nothing is remembered', async () => {
    const { cwd } = place()
    const { cwd: here, dir } = place()
    expect(await bootcheck(['state'], { cwd: here })).toMatchObject({
      code: 0,
      stdout: `Nothing is remembered in ${dir}.\n`,
      stderr: '',
    })
    const { code, stdout } = await bootcheck(['state', '--format', 'json'], { cwd })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ targets: [], counts: {}, exitCode: 0 })
  })

  it('shows every target, or those that are named', async () => {
    const { cwd } = place({ 'codex/grok-4.20': [FAIL, FAIL, FAIL], 'worker-3': [BEAT] })
    const all = await bootcheck(['state'], { cwd })
    expect(all.code).toBe(0)
    expect(all.stdout).toMatch(/^blocked, 30 min left\tcodex\/grok-4\.20\t3 failures in a row\tnext: one trial at /)
    expect(all.stdout).toMatch(/^alive\tworker-3\tbeat .* ago$/m)
    expect(all.stdout).toMatch(/^2 targets: 1 blocked\. Local store, all lines good\.$/m)
    const one = await bootcheck(['state', 'worker-3', '--color'], { cwd })
    expect(one.stdout).toContain('\u001b[')
    expect(one.stdout).not.toContain('codex')
    const { stdout } = await bootcheck(['state', '--format', 'json'], { cwd })
    expect(fits(JSON.parse(stdout)), JSON.stringify(fits.errors)).toBe(true)
    expect(JSON.parse(stdout).targets[0].until).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  })

  it('refuses a name that is not remembered, with the nearest', async () => {
    const { cwd, store } = place({ gateway: [FAIL] })
    for (const words of [
      ['state', 'gatewya'],
      ['state', 'reset', 'gatewya'],
      ['state', 'reset', 'gateway', 'gatewya'],
    ])
      expect(await bootcheck(words, { cwd })).toMatchObject({
        code: 2,
        stdout: '',
        stderr: 'bootcheck: nothing is remembered of "gatewya"; did you mean "gateway"?\n',
      })
    expect(store.read('gateway').records).toHaveLength(1)
    for (const words of [
      ['state', 'reset'],
      ['state', ''],
      ['state', 'reset', 'gateway', '--follow'],
    ])
      expect((await bootcheck(words, { cwd })).code, words.join(' ')).toBe(2)
  })

  it('forgets, and says what', async () => {
    const { cwd, store } = place({ gateway: [FAIL, FAIL, FAIL], other: [FAIL] })
    expect(await bootcheck(['state', 'reset', 'gateway'], { cwd })).toMatchObject({
      code: 0,
      stdout: 'gateway is reset: 3 records forgotten\n',
    })
    expect(store.read('gateway').records.at(-1)?.event).toEqual({ type: 'reset' })
    expect((await bootcheck(['state', 'gateway'], { cwd })).stdout).toMatch(/^reset .*, nothing since\tgateway$/m)
    const { stdout } = await bootcheck(['state', 'reset', 'other', '--format', 'json'], { cwd })
    expect(JSON.parse(stdout)).toMatchObject({ targets: [{ target: 'other', standing: 'clear' }] })
  })

  it('means the folder that it is told, and says so in what to type', async () => {
    const { cwd, dir } = place({ job: [{ type: 'ask', attempts: 1 }] })
    const given = await bootcheck(['state', '--state-dir', dir], {
      cwd,
      env: { XDG_STATE_HOME: join(cwd, 'elsewhere') },
    })
    expect(given.stdout).toContain(`next: look why it fails, then bootcheck state reset --state-dir ${dir} job\n`)
  })

  it('names commands that work where they are pasted: relative folders, long names, dashes, odd characters', async () => {
    const cwd = join(scratch(), 'a folder')
    mkdirSync(cwd)
    const targets = ['-rf', 'x'.repeat(390), "it's", 'a\u202eb', 'esc\u001b[31mrod\\']
    const store = localStore({ dir: join(cwd, 'state'), now: Date.now })
    for (const target of targets) store.append(target, { type: 'ask', attempts: 1 })
    const { stdout } = await bootcheck(['state', '--state-dir', 'state'], { cwd })
    expect(stdout.replaceAll(/[\n\t]/g, '')).not.toMatch(/[\u0000-\u001f\u202e…]/)
    const commands = [...stdout.matchAll(/\tnext: look why it fails, then bootcheck (.*)$/gm)].map(([, words]) => words)
    expect(commands).toHaveLength(targets.length)
    for (const words of commands)
      execFileSync('bash', ['-c', `"$0" "$1" ${words}`, process.execPath, BIN], { cwd: '/', env: cleanEnv(cwd) })
    for (const target of targets) expect(store.read(target).records.at(-1)?.event.type, target).toBe('reset')
  })

  it('does not call reset what is unreadable still, and says what helps', async () => {
    const { cwd, dir, store } = place({ job: [{ type: 'ask', attempts: 1 }] })
    const folder = join(dir, 'targets', 'job')
    for (const make of [
      (path: string) => mkdirSync(path, { mode: 0o700 }),
      (path: string) => execFileSync('mkfifo', ['-m', '600', path]),
      (path: string) => execFileSync('sh', ['-c', 'umask 077; truncate -s 65M "$0"', path]),
    ]) {
      make(join(folder, '2020-01-01.jsonl'))
      expect((await bootcheck(['state'], { cwd })).stdout).toMatch(
        /^unreadable\tjob\t.*\n1 target: 1 unreadable\. Local store, nothing of it could be read\.\n$/s,
      )
      const { code, stdout, stderr } = await bootcheck(['state', 'reset', 'job'], { cwd })
      expect([code, stdout]).toEqual([3, ''])
      const next = /^next: (.*)$/m.exec(stderr)?.[1] ?? ''
      const script = `bootcheck() { "$NODE" "$BIN" "$@"; }\n${next}`
      execFileSync('bash', ['-c', script], { cwd, env: { ...cleanEnv(cwd), NODE: process.execPath, BIN } })
      expect(store.read('job').records.at(-1)?.event.type).toBe('reset')
      rmSync(join(folder, '2020-01-01.jsonl.aside'), { recursive: true })
    }
  })

  it('forgets nothing because most of its lines are spoilt, until a reset', async () => {
    const { cwd, dir, store } = place({ job: [{ type: 'ask', attempts: 1 }], other: [BEAT] })
    const folder = join(dir, 'targets', 'job')
    const path = join(folder, readdirSync(folder)[0] ?? '')
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('"host"', '"hosT"'))
    const seen = await bootcheck(['state'], { cwd })
    expect(seen.code).toBe(1)
    expect(seen.stdout).toMatch(
      /^unreadable\tjob\t1 of 1 lines cannot be read, .*its checksum does not fit\tnext: bootcheck state reset /,
    )
    expect(seen.stdout).toContain('2 targets: 1 unreadable. Local store, all lines good of what could be read.')
    expect((await bootcheck(['allow', 'job', '--attempts', '1'], { cwd })).code).toBe(75)
    lay(cwd, {
      'BOOT.md': manifest(
        ...['budget', 'breaker', 'rate-limit', 'crash-loop', 'restart'].map(
          kind => `check: ${kind}\nid: ${kind}\ntarget: job`,
        ),
      ),
    })
    const { checks } = reportOf(await bootcheck(['run', '--format', 'json'], { cwd }))
    expect(checks.map(({ id, status, code }) => `${id} ${status} ${code}`)).toMatchObject(
      ['budget', 'breaker', 'rate-limit', 'crash-loop', 'restart'].map(kind =>
        expect.stringMatching(new RegExp(`^${kind} (fail|warn) ${kind}/store$`)),
      ),
    )
    expect(await bootcheck(['state', 'reset', 'job'], { cwd })).toMatchObject({
      code: 0,
      stdout: 'job is reset: what could not be read is forgotten\n',
    })
    expect((await bootcheck(['allow', 'job', '--attempts', '1'], { cwd })).code).toBe(0)
    expect(store.read('job').bad).toBe(0)
  })

  it('names what stands among the targets and is none, and goes on', async () => {
    const { cwd, dir } = place({ gateway: [BEAT] })
    mkdirSync(join(dir, 'targets', 'lost+found'), { mode: 0o700 })
    chownSync(join(dir, 'targets', 'lost+found'), 65534, 65534)
    const { code, stdout } = await bootcheck(['state'], { cwd })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^unreadable\t\/.*\/lost\+found\t.*belongs to uid 65534/m)
    expect(stdout).toMatch(/^alive\tgateway\t/m)
    expect((await bootcheck(['state', 'gateway'], { cwd })).code).toBe(0)
  })

  it('has a clear word, and 2, for a folder that others may write or that is somebody else’s', async () => {
    const { cwd, dir } = place({ gateway: [FAIL] })
    chmodSync(dir, 0o777)
    const open = await bootcheck(['state'], { cwd })
    expect(open).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/^unreadable\t.*may be written by others.*\tnext: chmod/),
    })
    expect(await bootcheck(['state', 'reset', 'gateway'], { cwd })).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/not everything was reset: .*may be written by others.*\nnext: chmod/),
    })
    chmodSync(dir, 0o700)
    chownSync(dir, 65534, 65534)
    const foreign = await bootcheck(['state', '--format', 'json'], { cwd })
    expect(foreign.code).toBe(2)
    expect(JSON.parse(foreign.stdout)).toMatchObject({ exitCode: 2, store: { problem: { code: 'NOT-OURS' } } })
    expect(fits(JSON.parse(foreign.stdout)), JSON.stringify(fits.errors)).toBe(true)
  })

  it('says 1 where one of several cannot be read', async () => {
    const { cwd, dir } = place({ a: [BEAT], b: [BEAT] })
    chmodSync(join(dir, 'targets', 'a'), 0o777)
    const { code, stdout } = await bootcheck(['state'], { cwd })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^unreadable\ta\t.*may be written by others/)
    expect(stdout).toMatch(/^alive\tb\t/m)
  })
})

describe('state --follow', () => {
  /** Runs until the output holds each of these in turn, doing what follows each, then sends Ctrl-C. */
  const followed = async (
    words: readonly string[],
    cwd: string,
    steps: readonly (readonly [wait: string, then: () => void])[],
  ) => {
    let text = ''
    const left = [...steps]
    return bootcheck(['state', ...words, '--follow'], {
      cwd,
      started: child => {
        child.stdout?.on('data', (piece: string) => {
          text += piece
          const [step] = left
          if (!step || !text.includes(step[0])) return
          left.shift()
          step[1]()
          if (left.length === 0) child.kill('SIGINT')
        })
      },
    })
  }

  it('prints each change as it is appended, until Ctrl-C', async () => {
    const { cwd, store } = place({ gateway: [FAIL] })
    const { code, stdout } = await followed(['gateway'], cwd, [
      ['1 target: 1 failing', () => store.append('gateway', { type: 'closed', what: 'gateway-port' })],
      ['gate closed: gateway-port', () => store.append('gateway', { type: 'reset' })],
      ['nothing since', () => {}],
    ])
    expect(code).toBe(130)
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d\tgateway\tgate closed: gateway-port\tgate closed since \d\d:\d\d$/m)
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d\tgateway\treset\treset \d\d:\d\d, nothing since$/m)
  })

  it('tells what changes without a record: a block that is over, a guard and its gateway that were killed', async () => {
    const { cwd, store } = place({ other: [BEAT] })
    store.append('a', { type: 'fail', retryAfterMs: 1500 })
    const over = await followed(['a'], cwd, [
      ['1 blocked', () => {}],
      ['was blocked\tfailing', () => {}],
    ])
    expect(over.code).toBe(130)
    lay(cwd, { 'gateway.mjs': 'setInterval(() => {}, 1000)' })
    const run = guarded(cwd, ['--no-checks', '--', process.execPath, 'gateway.mjs'])
    const pid = await until(
      () => store.read('gateway').records.find(({ event }) => event.type === 'spawned')?.event.child,
      'a gateway',
    )
    const gone = await followed(['gateway'], cwd, [
      [
        '\tgateway\t',
        () => {
          run.child.kill('SIGKILL')
          process.kill(Number(pid), 'SIGKILL')
        },
      ],
      ['\tgone, started', () => {}],
    ])
    expect(gone.stdout).toMatch(/^\d\d:\d\d:\d\d\tgateway\twas (running|ready)\tgone, started \d\d:\d\d$/m)
    const { stdout } = await followed(['gateway', '--format', 'json'], cwd, [
      [
        '"standing":"gone"',
        () => store.append('gateway', { type: 'checked', check: 'port', effect: 'failure', what: 'closed' }),
      ],
      ['check port fails: closed', () => {}],
    ])
    for (const line of stdout.trim().split('\n')) expect(fits(JSON.parse(line)), JSON.stringify(fits.errors)).toBe(true)
  })

  it('refuses a misspelt target', async () => {
    const { cwd } = place({ gateway: [FAIL] })
    expect(await bootcheck(['state', 'gatewya', '--follow'], { cwd })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'bootcheck: nothing is remembered of "gatewya"; did you mean "gateway"?\n',
    })
  })

  it('waits for a target, and for a folder, that are not there yet', async () => {
    const { cwd, store } = place()
    const { code, stdout, stderr } = await followed(['worker-3', '--format', 'json'], cwd, [
      ['"targets":[]', () => store.append('worker-3', BEAT)],
      ['"told":"beat"', () => {}],
    ])
    expect(code).toBe(130)
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(stderr).toBe('bootcheck: nothing is remembered of "worker-3" yet: waiting for its first record\n')
    expect(lines).toHaveLength(2)
    for (const line of lines) expect(fits(line), JSON.stringify(fits.errors)).toBe(true)
    expect(lines[1]).toMatchObject({ change: { target: 'worker-3', event: BEAT }, targets: [{ standing: 'alive' }] })
  })

  it('ends with a word when the folder cannot be read any more', async () => {
    const { cwd, dir } = place({ gateway: [FAIL] })
    const { code, stdout } = await bootcheck(['state', '--follow'], {
      cwd,
      started: child => child.stdout?.once('data', () => chmodSync(dir, 0o777)),
    })
    expect(code).toBe(2)
    expect(stdout).toMatch(/^unreadable\t/m)
  })

  it('ends when nobody reads', async () => {
    const { cwd, store } = place({ gateway: [FAIL] })
    const { code } = await bootcheck(['state', '--follow'], {
      cwd,
      started: child =>
        child.stdout?.once('data', () => {
          child.stdout?.destroy()
          store.append('gateway', FAIL)
        }),
    })
    expect(code).toBe(3)
  })
})

it('keeps a folder that is not there as it is: looking makes nothing', async () => {
  const cwd = scratch()
  mkdirSync(join(cwd, 'home'))
  await bootcheck(['state'], { cwd, env: { HOME: join(cwd, 'home'), XDG_STATE_HOME: undefined } })
  expect(() => readFileSync(join(cwd, 'home', '.local'))).toThrow('ENOENT')
})
