/** `npm start` of this repository: the gate stands before the example gateway. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bootcheck, cleanEnv, ROOT, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

const start = (env: Record<string, string>) => {
  const home = scratch()
  const child = spawn('npm', ['start'], {
    cwd: ROOT,
    env: cleanEnv(home, { ...env, npm_config_update_notifier: 'false' }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  let wake = (): void => {}
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      wake()
    })
  const ended = new Promise<number | null>(resolve => child.on('close', resolve))
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    await ended
  }
  onTestFinished(stop)
  return {
    ended,
    stop,
    output: () => output,
    /** Resolves once the text was printed; rejects if it ends without. */
    printed: async (text: string) => {
      let over = false
      void ended.then(() => {
        over = true
        wake()
      })
      while (!output.includes(text)) {
        if (over) throw new Error(`ended without "${text}":\n${output}`)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
  }
}

const port = String(30_000 + (process.pid % 8000))
const env = { EXAMPLE_PORT: port, EXAMPLE_RECEIVER_PORT: '9' }

describe('npm start', () => {
  it('starts the gateway when the checks pass, and the checks after the start find it', async () => {
    const gateway = start(env)
    await gateway.printed(`listens on http://127.0.0.1:${port}`)
    expect(gateway.output()).toMatch(/^pass\tgateway-port\t/m)
    const after = await bootcheck(['run', 'BOOT.example.md', '--phase', 'after', '--format', 'json'], {
      cwd: ROOT,
      env: { ...env, HOME: scratch() },
    })
    expect(reportOf(after)).toMatchObject({ ready: true, counts: { pass: 1 } })
    const beside = await bootcheck(['run', 'BOOT.example.md', '--format', 'json'], {
      cwd: ROOT,
      env: { ...env, HOME: scratch() },
    })
    expect(reportOf(beside).checks[0]).toMatchObject({ id: 'gateway-port', status: 'fail', code: 'port/held' })
    await gateway.stop()
  })

  it('does not start it when they fail', async () => {
    const holder = createServer().listen(Number(port) + 1, '127.0.0.1')
    onTestFinished(() => void holder.close())
    await new Promise(resolve => holder.once('listening', resolve))
    const gateway = start({ ...env, EXAMPLE_PORT: String(Number(port) + 1) })
    expect(await gateway.ended).toBe(1)
    expect(gateway.output()).toMatch(/^fail\tgateway-port\t.*held by/m)
    expect(gateway.output()).not.toContain('The example gateway listens')
  })
})
