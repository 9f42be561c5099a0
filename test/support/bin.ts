/** The built program, run as its users run it. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..', '..')
export const BIN = join(ROOT, 'dist', 'cli', 'bin.cjs')

if (!existsSync(BIN)) throw new Error('dist/cli/bin.cjs is not there: run `npm run build` first, as `npm test` does')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** From spawn to exit. */
  readonly ms: number
}

export interface BinOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly node?: string
  /** Another copy of the program. */
  readonly bin?: string
  /** Words before node: `unshare -rm sh -ec '…; exec "$@"' sh`. */
  readonly through?: readonly string[]
  /** Called with the child once it runs, to signal it or to read along. */
  readonly started?: (child: import('node:child_process').ChildProcess) => void
}

/** An environment in which neither the developer's colours nor state get in; HOME is the working folder. */
export const cleanEnv = (cwd: string, more: BinOptions['env'] = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: cwd,
  XDG_STATE_HOME: join(more.HOME ?? cwd, '.state'),
  LANG: 'C.UTF-8',
  ...more,
})

/** Resolves when the process itself has ended and its output is read. */
export const bootcheck = (args: readonly string[], options: BinOptions): Promise<Ended> => {
  const { cwd, env, node = process.execPath, bin = BIN, through = [], started } = options
  const [program, ...words] = [...through, node, bin, ...args] as [string, ...string[]]
  const from = performance.now()
  const child = spawn(program, words, { cwd, env: cleanEnv(cwd, env), stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  let ms = 0
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  started?.(child)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', () => {
      ms = performance.now() - from
    })
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr, ms }))
  })
}

/** Lays files out below a folder. */
export const lay = (folder: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    const full = join(folder, path)
    mkdirSync(path.endsWith('/') ? full : dirname(full), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(full, text)
  }
}

/** A manifest of the given bodies, one check each. */
export const manifest = (...bodies: readonly string[]): string =>
  `---\nbootcheck: 1\nchecks: ${bodies.length}\n---\n# Boot checks\n${bodies.map(body => `\n\`\`\`yaml boot\n${body.trim()}\n\`\`\`\n`).join('')}`

/** The JSON report of a run that printed one. */
export const reportOf = ({ stdout, stderr }: Ended): import('../../index.ts').Report => {
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(`no JSON report:\n${stdout}\n${stderr}`)
  }
}
