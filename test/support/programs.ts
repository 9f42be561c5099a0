/** Programs of a test's own, in processes of their own: a few lines of TypeScript, bundled, so that 50 of them start quickly. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Bundles a program; `@/` stands for the project's folder. The result may be read by any user, and is removed when the tests of the file have ended. */
export const program = async (source: string): Promise<string> => {
  const { Rolldown } = await import('tsdown')
  const folder = mkdtempSync(join(tmpdir(), 'bootcheck-program-'))
  folders.push(folder)
  const entry = join(folder, 'program.ts')
  const file = join(folder, 'program.mjs')
  writeFileSync(entry, source.replaceAll("'@/", `'${ROOT}`))
  await Rolldown.build({
    input: entry,
    cwd: ROOT,
    platform: 'node',
    logLevel: 'silent',
    resolve: { modules: [join(ROOT, 'node_modules')] },
    output: { file, format: 'esm', codeSplitting: false },
  })
  chmodSync(folder, 0o755)
  chmodSync(file, 0o644)
  return file
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  /** Shell commands to run first, in mount and user namespaces of the program's own. */
  readonly unshared?: string
}

export interface Running {
  readonly process: ChildProcessWithoutNullStreams
  /** The next line that it prints; rejects if it ends first. */
  line(): Promise<string>
  /** Sends a line. */
  tell(text: string): void
  /** Resolves when it has ended, with all that it printed and no `line` took. */
  readonly ended: Promise<{
    readonly code: number | null
    readonly signal: string | null
    readonly out: string
    readonly err: string
  }>
}

/** Starts a bundled program. */
export const start = (file: string, words: readonly string[], options: ProgramOptions = {}): Running => {
  const node = [process.execPath, file, ...words] as const
  const [command, ...rest] =
    options.unshared === undefined
      ? node
      : (['unshare', '-rm', 'sh', '-ec', `${options.unshared}\nexec "$@"`, 'sh', ...node] as const)
  const child = spawn(command, rest, {
    cwd: '/',
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  child.stdin.on('error', () => {}) // one that has ended reads no more
  let out = ''
  let err = ''
  let closed = false
  let wake = (): void => {}
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    wake()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = new Promise<Awaited<Running['ended']>>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      closed = true
      resolve({ code, signal, out, err })
      wake()
    })
  })
  return {
    process: child,
    ended,
    tell: text => void child.stdin.write(`${text}\n`),
    async line() {
      for (;;) {
        const at = out.indexOf('\n')
        if (at >= 0) {
          const text = out.slice(0, at)
          out = out.slice(at + 1)
          return text
        }
        if (closed) throw new Error(`the program ended: ${err}`)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
  }
}
