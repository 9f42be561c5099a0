/** The heartbeat of real commands, with a span of milliseconds in place of the half minute. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { localStore } from '../../core/local-store.ts'
import type { StoreRecord } from '../../core/store.ts'
import { scratch } from '../support/context.ts'
import { program, type Running, start } from '../support/programs.ts'

const EVERY_MS = 60

let file = ''
beforeAll(async () => {
  file = await program(`
    import { exec } from '@/supervise/exec.ts'
    const [folder, seesIo, ...command] = process.argv.slice(2)
    process.chdir(folder)
    exec(
      { command, beat: 'w', beatMs: ${EVERY_MS}, stateDir: folder + '/state' },
      { tell: line => console.error(line), stop: new AbortController().signal, signals: { take: () => {} }, seesIo: seesIo === 'yes' },
    ).then(code => process.exit(code))
  `)
})

/** Whether the system's own figures are used, as on Linux, or what ps(1) tells and the output that goes through us, as elsewhere. */
describe.each(['yes', 'no'])('a command whose I/O the system tells: %s', seesIo => {
  const run = (script: string): { folder: string; running: Running; beats(): readonly StoreRecord[] } => {
    const folder = scratch()
    spawnSync('mkfifo', [join(folder, 'pipe')])
    const running = start(file, [folder, seesIo, 'sh', '-c', `echo $$ > shell; ${script}`])
    const store = localStore({ dir: join(folder, 'state'), now: Date.now })
    onTestFinished(() => {
      running.process.kill('SIGKILL')
      try {
        // The command has a session of its own, which outlives us.
        process.kill(-Number(readFileSync(join(folder, 'shell'), 'utf8')), 'SIGKILL')
      } catch {
        // it has ended
      }
    })
    return { folder, running, beats: () => store.read('w').records }
  }
  const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 20_000, interval: 10 })
  /** Nothing for many spans. */
  const silent = (beats: () => readonly StoreRecord[]) =>
    until(() => Date.now() - (beats().at(-1)?.wallMs ?? Date.now()) > 20 * EVERY_MS)

  it('beats while it writes, stops when it hangs, and beats again when it goes on', async () => {
    const words = 'n=0; while [ $n -lt 40 ]; do echo $n; n=$((n+1)); sleep 0.02; done'
    const { folder, running, beats } = run(`${words}; read go < pipe; ${words}`)
    await until(() => beats().length >= 4)
    await silent(beats)
    const hung = beats().length
    closeSync(openSync(join(folder, 'pipe'), 'w'))
    await until(() => beats().length >= hung + 4)
    const { code, out } = await running.ended
    const numbers = Array.from({ length: 40 }, (_, n) => `${n}\n`).join('')
    expect({ code, out }).toEqual({ code: 0, out: numbers + numbers })
    const all = beats()
    const lived = (all.at(-1)?.wallMs ?? 0) - (all[0]?.wallMs ?? 0)
    expect(all.length).toBeLessThanOrEqual(lived / EVERY_MS + 2)
  })

  it('beats while it only computes', async () => {
    const { beats } = run('while :; do :; done')
    await until(() => beats().length >= 4)
  })

  it('passes on everything, errors apart from the rest', async () => {
    const { running } = run('head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2; exit 7')
    const { code, out, err } = await running.ended
    expect({ code, out: out.length, err: err.length }).toEqual({ code: 7, out: 1_000_000, err: 300_000 })
  })

  it('does not wait for what the command has left behind', async () => {
    const { running, folder } = run('sleep 600 & echo $! > pid; echo last; exit 3')
    const code = await new Promise(resolve => running.process.on('exit', resolve))
    process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGKILL')
    const { out } = await running.ended
    expect({ code, out }).toEqual({ code: 3, out: 'last\n' })
  })
})
