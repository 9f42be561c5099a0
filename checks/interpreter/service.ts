/** What a service is started with: its environment, its folder, and the programs that its command names by path. */
import { basename } from 'node:path'
import type { CheckContext, Env } from '../../core/check.ts'
import { FileError, readText, stat } from '../../core/files.ts'
import { gatewayEnv } from '../../core/gateway-env.ts'
import { shownPath } from '../../core/paths.ts'
import { launchdEnvironment, PlistError, parsePlist, plistDict, plistStrings } from '../../core/plist.ts'
import { quote } from '../../core/shell.ts'
import { isUserUnit, readUnit } from '../../core/systemd-files.ts'
import {
  entriesOf,
  environmentFiles,
  expandSpecifiers,
  lastOf,
  parseEnvironmentFile,
  SYSTEMD_PATH,
  specifiersOf,
  unitEnvironment,
} from '../../core/systemd-unit.ts'

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

/** Why a file tells nothing about a service. */
export interface NoService {
  readonly what: 'unreadable' | 'not-a-service'
  readonly path: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

/** Its manager, not the shell that we run in, decides what it gets; of ours only who we are. */
const identity = (ctx: CheckContext): Env => ({ HOME: ctx.home, USER: ctx.user.name, LOGNAME: ctx.user.name })

const folderOr = (path: string | undefined, other: string): string => {
  if (path === undefined) return other
  try {
    return stat(path)?.isDirectory() ? path : other
  } catch (error) {
    if (error instanceof FileError) return other
    throw error
  }
}

const unreadable = (error: FileError): NoService => ({
  what: 'unreadable',
  path: error.path,
  observed: error.message,
  expected: 'a plist or unit that this user can read',
  next: `ls -ld ${quote(error.path)}`,
})

const fromPlist = (path: string, text: string, ctx: CheckContext): Service | NoService => {
  try {
    const job = plistDict(parsePlist(text))
    if (!job) throw new PlistError('it holds no dictionary', 1, 1)
    const folder = typeof job.WorkingDirectory === 'string' ? job.WorkingDirectory : undefined
    return {
      env: { ...identity(ctx), ...launchdEnvironment(job) },
      cwd: folderOr(folder, ctx.home),
      label: `the PATH of ${basename(path)}`,
      command: [...(typeof job.Program === 'string' ? [job.Program] : []), ...plistStrings(job.ProgramArguments)].join(
        ' ',
      ),
      files: [path],
    }
  } catch (error) {
    if (!(error instanceof PlistError)) throw error
    return {
      what: 'not-a-service',
      path,
      observed: `${shownPath(path, ctx)}:${error.line}: ${error.message}`,
      expected: 'the property list of a launchd job, as XML',
      next: error.binary ? `plutil -convert xml1 ${quote(path)}` : `plutil -lint ${quote(path)}`,
    }
  }
}

const fromUnit = (path: string, ctx: CheckContext): Service => {
  const { unit, files } = readUnit(path, ctx.home)
  const userManager = isUserUnit(path)
  const { name: user, uid } = ctx.user
  const specifiers = specifiersOf({ name: basename(path), user, uid, home: ctx.home, userManager })
  const fromFiles = environmentFiles(unit, specifiers).map(({ path: file, optional }) => {
    try {
      return { file, values: parseEnvironmentFile(readText(file)) }
    } catch (error) {
      if (optional && error instanceof FileError && error.code === 'ENOENT') return { file, values: {} }
      throw error
    }
  })
  const folders = entriesOf(unit, 'Service', 'ExecSearchPath').map(({ value }) => expandSpecifiers(value, specifiers))
  const folder = lastOf(unit, 'Service', 'WorkingDirectory')?.value.replace(/^-/, '')
  return {
    env: {
      ...identity(ctx),
      PATH: folders.length > 0 ? folders.join(':') : SYSTEMD_PATH,
      ...unitEnvironment(unit, specifiers),
      ...Object.assign({}, ...fromFiles.map(({ values }) => values)),
    },
    cwd: folderOr(folder === '~' ? ctx.home : folder && expandSpecifiers(folder, specifiers), ctx.home),
    label: `the PATH of ${basename(path)}`,
    command: entriesOf(unit, 'Service', 'ExecStart')
      .map(({ value }) => expandSpecifiers(value, specifiers))
      .join(' '),
    files: [...files, ...fromFiles.map(({ file }) => file)],
  }
}

export const readService = (path: string, ctx: CheckContext): Service | NoService => {
  try {
    const text = readText(path)
    if (/^bplist|^\s*<(?:\?xml|!DOCTYPE plist|plist)/.test(text)) return fromPlist(path, text, ctx)
    if (/^\s*\[Service\]/m.test(text)) return fromUnit(path, ctx)
    const empty = text.trim() === ''
    return {
      what: 'not-a-service',
      path,
      observed: empty ? `${path} is empty` : `${path} is neither a property list nor holds [Service]`,
      expected: 'the plist of a launchd job, or a systemd service',
      next: `head ${quote(path)}`,
    }
  } catch (error) {
    if (error instanceof FileError) return unreadable(error)
    throw error
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
