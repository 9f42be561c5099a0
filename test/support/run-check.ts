/**
 * Code of ours in a process of its own: another user's, or one with other mounts. It is bundled into one file first, so that
 * the child needs neither this folder nor TypeScript.
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import type { Check, Verdict } from '../../core/check.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A file of the project, quoted for an import. */
export const quoted = (path: string): string => JSON.stringify(join(ROOT, path))

export interface ChildOptions {
  /** Run as this user and group: the suite itself may be root, and root sees everything writable. */
  readonly uid?: number
  /** Shell commands to run first, in mount and user namespaces of the child's own (`mount -t tmpfs -o size=64k none "$DIR"`). */
  readonly unshared?: string
  /** A network namespace without any network. */
  readonly offline?: boolean
  readonly env?: Readonly<Record<string, string>>
}

const bundles = new Map<string, Promise<string>>()

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const bundle = async (source: string): Promise<string> => {
  const { Rolldown } = await import('tsdown')
  const folder = mkdtempSync(join(tmpdir(), 'bootcheck-child-'))
  chmodSync(folder, 0o755)
  folders.push(folder)
  const file = join(folder, 'program.mjs')
  const entry = '\0entry'
  await Rolldown.build({
    input: entry,
    cwd: ROOT,
    platform: 'node',
    logLevel: 'silent',
    plugins: [
      {
        name: 'entry',
        resolveId: id => (id === entry ? id : null),
        load: id => (id === entry ? source : null),
      },
    ],
    output: { file, format: 'esm', codeSplitting: false },
  })
  chmodSync(file, 0o644)
  return file
}

/** What a module prints that runs in a child with these words. Rejects with what it said if it does not end with 0. */
export const runProgram = async (
  source: string,
  words: readonly string[] = [],
  options: ChildOptions = {},
): Promise<string> => {
  const made = bundles.get(source) ?? bundle(source)
  bundles.set(source, made)
  const node = [process.execPath, await made, ...words] as const
  const flags = options.offline ? '-rmn' : '-rm'
  const [program, ...rest] =
    options.unshared === undefined && !options.offline
      ? node
      : (['unshare', flags, 'sh', '-ec', `${options.unshared ?? ''}\nexec "$@"`, 'sh', ...node] as const)
  const child = spawn(program, rest, {
    cwd: '/',
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const ended = await new Promise<number | string | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? signal))
  })
  if (ended !== 0) throw new Error(`the child ended with ${ended}: ${err || out}`)
  return out
}

export interface ChildRequest {
  readonly kind: string
  /** Complete: defaults are not filled in. */
  readonly options: unknown
  readonly cwd: string
  readonly home?: string
  readonly phase?: 'before' | 'after'
  readonly running?: boolean
  readonly timeoutMs?: number
}

/** The verdict of a check that ran in a child. */
export const runInChild = async (request: ChildRequest, options: ChildOptions = {}): Promise<Verdict> => {
  const source = `import * as kind from ${quoted(`checks/${request.kind}.ts`)}
import { main } from ${quoted('test/support/child-program.ts')}
await main(Object.values(kind))`
  return JSON.parse(await runProgram(source, [JSON.stringify(request)], options)) as Verdict
}

/** The nobody of this system: no files, no rights. */
export const NOBODY = 65534

/** A kind's options with its defaults, as the runner would hand them over. Throws on what the schema refuses. */
export const completed = async (check: Pick<Check, 'options'>, given: object): Promise<unknown> => {
  const { ownValidator } = await import('../../schemas/compile.ts')
  const options = structuredClone(given)
  const errors = (await ownValidator(check.options))(options)
  if (errors.length > 0) throw new Error(errors.map(error => `${error.path} ${error.message}`).join('; '))
  return options
}
