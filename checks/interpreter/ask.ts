/** Asking the programs themselves. Each runs in a group of its own, for a bounded time. */
import { basename, isAbsolute } from 'node:path'
import { type BoundedEnd, runBounded } from '../../core/bounded.ts'
import type { CheckContext, Env } from '../../core/check.ts'
import { elapsed } from '../../core/clock.ts'
import { FileError, stat } from '../../core/files.ts'
import { readHead } from '../../core/head.ts'
import { quote } from '../../core/shell.ts'
import { behind } from './find.ts'
import { architectures, HEAD } from './header.ts'
import type { Asked, Seen } from './judge.ts'
import { isShim, type Program } from './programs.ts'

export interface Asking {
  readonly cwd: string
  readonly env: Env
  /** When all questions must be answered, as `elapsed` counts. */
  readonly until: number
  readonly signal: AbortSignal
}

const run = (file: string, words: readonly string[], { cwd, env, until, signal }: Asking): Promise<BoundedEnd> =>
  runBounded({ file, words, cwd, env, signal, timeoutMs: until - elapsed() })

const without = (env: Env, names: readonly string[]): Env =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)))

const built = (path: string): readonly string[] => {
  try {
    return architectures(readHead(path, HEAD))
  } catch (error) {
    if (error instanceof FileError) return []
    throw error
  }
}

export const askProgram = async (path: string, program: Program, asking: Asking): Promise<Asked> => {
  const real = behind(path)
  const env = without(asking.env, program.variables)
  return {
    path,
    real,
    shim: isShim(path) || isShim(real),
    built: built(real),
    told: await run(path, program.tell, { ...asking, env }),
  }
}

/** Starts it and does nothing, with all variables; undefined where none of those that matter is set. */
export const tryOptions = async (path: string, program: Program, asking: Asking): Promise<Seen['trial']> => {
  const variables = Object.fromEntries(
    program.variables.flatMap(name => {
      const value = asking.env[name]
      return value === undefined || value === '' ? [] : [[name, value]]
    }),
  )
  if (Object.keys(variables).length === 0) return undefined
  return { variables, idle: await run(path, program.idle, asking) }
}

/** What login(1) and sshd set before the shell's own files. */
const loginEnv = ({ env, home, user }: CheckContext, shell: string): Env => ({
  HOME: home,
  USER: user.name,
  LOGNAME: user.name,
  SHELL: shell,
  TERM: 'dumb',
  PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
  ...(env.LANG === undefined ? {} : { LANG: env.LANG }),
})

const MARK = '__bootcheck__'

/** The absolute path that a shell printed behind the mark, whatever its files printed before. An alias or a function is none. */
export const shellAnswer = ({ stdout }: BoundedEnd): string | undefined => {
  const answer = stdout.slice(stdout.lastIndexOf(MARK) + MARK.length).trim()
  return stdout.includes(MARK) && isAbsolute(answer) && !answer.includes('\n') ? answer : undefined
}

export const askShell = async (
  name: string,
  program: Program,
  asking: Asking,
  ctx: CheckContext,
): Promise<NonNullable<Seen['shell']>> => {
  const shell = ctx.env.SHELL !== undefined && isAbsolute(ctx.env.SHELL) ? ctx.env.SHELL : '/bin/sh'
  stat(shell) // so that a shell on a file system that may hang is asked from a child
  const line = `echo ${MARK}; command -v ${quote(basename(name))}`
  const env = loginEnv(ctx, shell)
  const end = await run(shell, ['-lc', line], { ...asking, env, cwd: ctx.home })
  const path = shellAnswer(end)
  return {
    program: shell,
    end,
    ...(path === undefined ? {} : { asked: await askProgram(path, program, { ...asking, env, cwd: ctx.home }) }),
  }
}
