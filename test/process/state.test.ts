/** `state`, through the built program. */
import { chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { localStore } from '../../core/local-store.ts'
import type { StoreEvent } from '../../core/store.ts'
import { bootcheck, ROOT } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

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
    expect(await bootcheck(['state'], { cwd })).toMatchObject({
      code: 0,
      stdout: 'Nothing is remembered. Local store, all lines good.\n',
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
    expect(given.stdout).toContain(`bootcheck state reset job --state-dir ${dir}`)
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

  it('waits for a target, and for a folder, that are not there yet', async () => {
    const { cwd, store } = place()
    const { code, stdout } = await followed(['worker-3', '--format', 'json'], cwd, [
      ['"targets":[]', () => store.append('worker-3', BEAT)],
      ['"told":"beat"', () => {}],
    ])
    expect(code).toBe(130)
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
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
