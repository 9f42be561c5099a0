/** Services that nobody here wrote, each in a process of its own that ends with the test. `npm test` installs them. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { scratch } from '../../support/context.ts'
import { freePort } from './peers.ts'

const PACKAGES = join(import.meta.dirname, '../../doubles/node_modules')

if (!existsSync(PACKAGES)) throw new Error(`${PACKAGES} is not there: npm ci in test/doubles, as \`npm test\` does`)

/** Whatever a double does, it listens on this host alone. */
const LOOPBACK = `data:text/javascript,${encodeURIComponent(`
  import { Server } from 'node:net'
  const { listen } = Server.prototype
  Server.prototype.listen = function (port, ...rest) {
    return listen.call(this, port, '127.0.0.1', ...rest.filter(one => typeof one === 'function'))
  }
`)}`

/** Starts one and resolves when it answers at `url`. */
const launch = async (words: readonly string[], url: string): Promise<void> => {
  const child = spawn(process.execPath, ['--import', LOOPBACK, ...words], {
    cwd: scratch(),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, TMPDIR: scratch() },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', text => {
      said += text
    })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const end = performance.now() + 20_000
  for (;;) {
    const answered = await fetch(url, { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    )
    if (answered) return
    if (child.exitCode !== null || performance.now() > end) throw new Error(`the double does not answer:\n${said}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** A mail as maildev parsed it. */
export interface Received {
  readonly subject: string
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
  readonly from: readonly { readonly address: string }[]
  readonly to: readonly { readonly address: string }[]
  readonly calculatedBcc: readonly unknown[]
  readonly envelope: {
    readonly from: { readonly address: string }
    readonly to: readonly { readonly address: string }[]
  }
}

/** maildev: a mail server that asks for a login, and shows what it took. */
export const maildev = async (user: string, password: string) => {
  const [port, web] = [await freePort(), await freePort()]
  const words = ['--ip', '127.0.0.1', '--smtp', `${port}`, '--web', `${web}`]
  const login = ['--incoming-user', user, '--incoming-pass', password]
  await launch([join(PACKAGES, 'maildev/bin/maildev'), ...words, ...login], `http://127.0.0.1:${web}/email`)
  return {
    port,
    /** What it took; it says 250 before it has read a mail, so this waits for as many. */
    received: async (atLeast: number): Promise<readonly Received[]> => {
      for (;;) {
        const mails = (await (await fetch(`http://127.0.0.1:${web}/email`)).json()) as readonly Received[]
        if (mails.length >= atLeast) return mails
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    },
  }
}

/** emulate's Slack. Whatever token it is shown passes; without one it says `not_authed`. */
export const slackDouble = async (): Promise<string> => {
  const port = await freePort()
  const words = ['start', '--service', 'slack', '--port', `${port}`]
  await launch([join(PACKAGES, 'emulate/dist/index.js'), ...words], `http://127.0.0.1:${port}/`)
  return `http://127.0.0.1:${port}/api`
}
