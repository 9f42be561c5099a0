/**
 * Under real supervisors: a broken gateway is started as often as the ladder says and no more, where the same supervisor starts
 * it without end when no guard stands between; a healthy one ends when its supervisor is asked to end.
 */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { localStore } from '../../core/local-store.ts'
import type { StoreEvent } from '../../core/store.ts'
import {
  type GATEWAYS,
  gatewayCode,
  type Ladder,
  lay,
  leftIn,
  linesOf,
  type Running,
  type Service,
  SUPERVISORS,
  type Supervisor,
  start,
  systemctlShow,
  systemd,
  until,
  type Wiring,
} from '../supervisors/life.ts'
import { bootcheck, manifest, ROOT } from '../support/bin.ts'

const REFUSED = '69'

/** As the default one, in seconds. */
const LADDER: Ladder = {
  steps: [
    { after: 2, wait: '300ms' },
    { after: 3, wait: '700ms' },
  ],
  refuse: 4,
}

interface Life extends Service, Running {
  /** The pids of the gateways that were started. */
  starts(): readonly string[]
  /** Those of the guards. */
  guards(): readonly string[]
  /** The exit codes of the guards that have ended. */
  codes(): readonly string[]
  /** What is remembered of it. */
  events(type: string): readonly StoreEvent[]
}

/** Ends it, and whatever it left behind, when the test is over. */
const begin = (test: TestContext, supervisor: Supervisor, gateway: keyof typeof GATEWAYS, wiring: Wiring): Life => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'bootcheck-')))
  const service = { folder, wiring }
  const lines = (name: string) => linesOf(join(folder, name))
  lay(service, gateway, LADDER)
  const running = start(supervisor, service)
  test.onTestFinished(async () => {
    await running.stop()
    const left = leftIn(folder)
    for (const line of left) kill(line)
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    expect(left, 'left behind').toEqual([])
  })
  return {
    ...service,
    ...running,
    starts: () => lines('starts'),
    guards: () => lines('guards'),
    codes: () => lines('codes'),
    events: type =>
      localStore({ dir: supervisor.state(service), now: Date.now })
        .read('gateway')
        .records.map(({ event }) => event)
        .filter(event => event.type === type),
  }
}

const kill = (pid: string | undefined): void => {
  process.kill(Number.parseInt(pid ?? '', 10), 'SIGKILL')
}

/** Waits, and shows what went wrong when it was for nothing. */
const seen = (life: Life, what: string, look: () => boolean): Promise<boolean> =>
  until(what, look).catch(error => {
    const logs = ['supervisor.log', 'gateway.log'].map(name => linesOf(join(life.folder, name)).slice(-20).join('\n'))
    throw new Error(`${error.message}\n${logs.join('\n--\n')}`)
  })

const isRoot = process.getuid?.() === 0

describe.concurrent.each([...SUPERVISORS, ...(isRoot ? [systemd] : [])].map(each => [each.name, each] as const))(
  '%s',
  (_, supervisor) => {
    it('starts a broken gateway as often as the ladder says, and without the guard for ever', async test => {
      const without = begin(test, supervisor, 'broken', 'without')
      const bare = begin(test, supervisor, 'broken', 'bare')
      const documented = begin(test, supervisor, 'broken', 'documented')
      const refusals = (life: Life): number => life.codes().filter(code => code === REFUSED).length

      await seen(documented, 'refused', () => refusals(documented) === 1)
      await seen(documented, 'given up', () => supervisor.parked(documented.folder))
      await seen(bare, 'refused three times', () => refusals(bare) >= 3)
      await seen(without, 'past the end of the ladder', () => without.starts().length > LADDER.refuse)
      const before = without.starts().length
      await seen(without, 'and on', () => without.starts().length > before + 2)

      expect(documented.codes()).toEqual([...Array(LADDER.refuse).fill('1'), REFUSED])
      expect(documented.starts()).toHaveLength(LADDER.refuse)
      expect(documented.guards()).toHaveLength(LADDER.refuse + 1)
      // One that restarts whatever the exit code starts the guard, and the guard starts nothing.
      expect(bare.starts()).toHaveLength(LADDER.refuse)

      // Mended, it needs the word and nobody's restart.
      writeFileSync(join(bare.folder, 'gateway.mjs'), gatewayCode('healthy'))
      const { code, stderr } = await bootcheck(['state', 'reset', 'gateway'], {
        cwd: bare.folder,
        env: { XDG_STATE_HOME: undefined },
      })
      expect(code, stderr).toBe(0)
      await seen(bare, 'started again', () => bare.starts().length === LADDER.refuse + 1)
    }, 120_000)

    it('ends a healthy gateway with one TERM, and that is no crash', async test => {
      const life = begin(test, supervisor, 'healthy', 'documented')
      await seen(life, 'started', () => life.starts().length === 1)
      await life.stop()
      expect(linesOf(join(life.folder, 'signals'))).toEqual(['SIGTERM'])
      expect(life.starts()).toHaveLength(1)
      expect(life.events('end')).toMatchObject([{ code: 143, requested: true, crash: false }])
    }, 60_000)
  },
)

describe.concurrent.each(SUPERVISORS.map(each => [each.name, each] as const))('%s', (_, supervisor) => {
  it('starts no second gateway beside one whose guard was killed', async test => {
    const life = begin(test, supervisor, 'healthy', 'documented')
    await seen(life, 'on record', () => life.events('spawned').length === 1)
    kill(life.guards()[0])
    await seen(life, 'not now, twice', () => life.codes().filter(code => code === '75').length >= 2)
    expect(life.starts()).toHaveLength(1)

    kill(life.starts()[0])
    await seen(life, 'started again', () => life.starts().length === 2)
    expect(life.events('unclean')).toHaveLength(1)
  }, 60_000)
})

/** With a manifest that asks for the folder `before`, and `after` the start for another. */
const asking = (supervisor: Supervisor): Supervisor => ({
  ...supervisor,
  command: service => {
    const words = supervisor.command(service)
    const unit = join(service.folder, 'units/bootcheck-gateway.service')
    writeFileSync(unit, notifying(readFileSync(unit, 'utf8')))
    writeFileSync(
      join(service.folder, 'BOOT.md'),
      manifest('check: workspace\nid: one\npath: ./before', 'check: workspace\nid: two\nphase: after\npath: ./after'),
    )
    return words
  },
})

/** The three lines that docs/supervisors.md has for it. */
const notifying = (unit: string): string => {
  const lines = /```ini\n(Type=notify\n[\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/supervisors.md'), 'utf8'))?.[1]
  if (!lines) throw new Error('docs/supervisors.md has no lines for Type=notify')
  return unit.replace('Type=exec\n', lines).replace('guard --supervisor', 'guard --hold --supervisor')
}

describe.concurrent.each(isRoot ? [['systemd', systemd] as const] : [])('%s, told by Type=notify', (_, supervisor) => {
  it('says active once the after checks pass, and not while the guard holds', async test => {
    const life = begin(test, asking(supervisor), 'healthy', 'documented')
    const state = (): string => systemctlShow(life.folder, 'ActiveState')
    await seen(life, 'held', () => linesOf(join(life.folder, 'gateway.log')).some(line => line.includes(' is held ')))
    expect(state()).toBe('activating')

    mkdirSync(join(life.folder, 'before'))
    await seen(life, 'started', () => life.starts().length === 1)
    expect(state()).toBe('activating')

    mkdirSync(join(life.folder, 'after'))
    await seen(life, 'active', () => state() === 'active')
    expect(life.guards()).toHaveLength(1)
  }, 60_000)
})
