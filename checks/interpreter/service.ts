/** What a service is started with, and the programs that its command names by path. */
import { basename } from 'node:path'
import type { CheckContext, Env } from '../../core/check.ts'
import { gatewayEnv } from '../../core/gateway-env.ts'
import { type NoServiceFile, readServiceFile } from '../../core/service-file.ts'

export interface Service {
  readonly env: Env
  readonly cwd: string
  /** Whose PATH it is, for people. */
  readonly label: string
  /** What it is started with, in one text; empty where that is not known. */
  readonly command: string
  /** Files that were read. */
  readonly files: readonly string[]
}

/** Its manager, not the shell that we run in, decides what it gets; of ours only who we are. */
export const readService = (path: string, ctx: CheckContext): Service | NoServiceFile => {
  const file = readServiceFile(path, ctx)
  if ('what' in file) return file
  const { values, cwd, command, files } = file
  return {
    env: { HOME: ctx.home, USER: ctx.user.name, LOGNAME: ctx.user.name, ...values },
    cwd: cwd ?? ctx.home,
    label: `the PATH of ${basename(path)}`,
    command,
    files,
  }
}

/** The environment that this run has, as the gateway would get it; with another PATH where one is given. */
export const ownService = (path: string | undefined, ctx: CheckContext): Service => {
  const env = gatewayEnv(ctx.env)
  return {
    env: path === undefined ? env : { ...env, PATH: path },
    cwd: ctx.cwd,
    label: path === undefined ? "this run's PATH" : 'the given PATH',
    command: '',
    files: [],
  }
}

/** Absolute paths in a command, also inside a shell's line, of which the last part is `name`. */
export const namedIn = (command: string, name: string): readonly string[] => {
  const found = command.match(/(?<![^\s"'=;&|(])\/[^\s"';&|()]+/g) ?? []
  return [...new Set(found.filter(path => basename(path) === name))]
}
