/** What a launchd job or a systemd unit starts its program with: environment, folder, command. Nothing is started. */
import { basename, isAbsolute } from 'node:path'
import type { CheckContext } from './check.ts'
import { entries, FileError, lstat, readText, stat } from './files.ts'
import { fits } from './glob.ts'
import { readHead } from './head.ts'
import { shownPath } from './paths.ts'
import { isPlist, launchdEnvironment, PlistError, parsePlist, plistDict, plistStrings } from './plist.ts'
import { type Managed, setByLaunchd, setBySystemd } from './set-by-manager.ts'
import { quote } from './shell.ts'
import { shellAssignments, sourcedFiles } from './sourced.ts'
import { isUserUnit, readUnit } from './systemd-files.ts'
import {
  entriesOf,
  environmentFiles,
  expandSpecifiers,
  lastOf,
  parseEnvironmentFile,
  SYSTEMD_PATH,
  specifiersOf,
  splitWords,
  unitEnvironment,
} from './systemd-unit.ts'

export interface ServiceFile {
  readonly shown: string
  /** What its files set, and the PATH that its manager gives where they set none. */
  readonly values: Readonly<Record<string, string>>
  /** What its manager sets beside them, and nothing in its files takes away; undefined where the value is made at each start. */
  readonly managed: Managed
  /** Handed on from its manager (`PassEnvironment=`): nobody sees here whether they are set there. */
  readonly passed: ReadonlySet<string>
  /** Behind `export ` in a file of `EnvironmentFile=`, with that file: systemd passes such a line over. */
  readonly exported: ReadonlyMap<string, string>
  /** The folder that it starts in; undefined where its files name none that is there. */
  readonly cwd: string | undefined
  /** What it is started with, in one text; empty where that is not known. */
  readonly command: string
  /** Every file that was read, the service's own first. */
  readonly files: readonly [string, ...string[]]
  /** Where a variable is to be written, as a sentence. */
  readonly add: (name: string) => string
}

/** Why a file tells nothing about a service. No value of a variable is part of it. */
export interface NoServiceFile {
  readonly what: 'unreadable' | 'not-a-service'
  readonly path: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

type Context = Pick<CheckContext, 'home' | 'user' | 'cwd'>

const folderThere = (path: string | undefined): string | undefined => {
  if (path === undefined) return undefined
  try {
    return stat(path)?.isDirectory() ? path : undefined
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

/** A file that the service may do without gives nothing. */
const textOr = (path: string, optional: boolean): string => {
  try {
    return readText(path)
  } catch (error) {
    if (optional && error instanceof FileError && error.code === 'ENOENT') return ''
    throw error
  }
}

const SCRIPT_BYTES = 64 * 1024

interface Sourced {
  readonly values: Readonly<Record<string, string>>
  /** The script, and the files that it reads; empty where it reads none. */
  readonly files: readonly string[]
}

/** What a wrapper script reads from files before it starts the rest of its words. Throws `FileError` for a file of those that is closed to us. */
const sourcedBy = (words: readonly string[], before: Readonly<Record<string, string>>): Sourced => {
  const shell = /(?:^|\/)(?:ba|da|a|k|z)?sh$/.test(words[0] ?? '')
  const [script, ...args] = shell ? words.slice(1) : words
  if (script === undefined || !isAbsolute(script)) return { values: {}, files: [] }
  let text: string
  try {
    text = readHead(script, SCRIPT_BYTES).toString('utf8')
  } catch (error) {
    if (error instanceof FileError) return { values: {}, files: [] }
    throw error
  }
  if (!/^#![^\n]*sh\b/.test(text)) return { values: {}, files: [] }
  const all = /^\s*set\s+(?:-\w*a|-o\s+allexport)/m.test(text)
  const read = sourcedFiles(text, args).map(file => ({ file, text: textOr(file, true) }))
  return {
    values: Object.assign({}, ...read.map(each => shellAssignments(each.text, { all, before }))),
    files: read.length === 0 ? [] : [script, ...read.map(({ file }) => file)],
  }
}

const fromPlist = (path: string, text: string, ctx: Context): ServiceFile | NoServiceFile => {
  const shown = shownPath(path, ctx)
  try {
    const job = plistDict(parsePlist(text))
    if (!job) throw new PlistError('it holds no dictionary', 1, 1)
    const { Program, WorkingDirectory, UserName } = job
    const words = plistStrings(job.ProgramArguments)
    const own = launchdEnvironment(job)
    const sourced = sourcedBy(typeof Program === 'string' ? [Program, ...words.slice(1)] : words, own)
    const last = sourced.files.slice(1).at(-1)
    return {
      shown,
      values: { ...own, ...sourced.values },
      managed: setByLaunchd(path, UserName, ctx),
      passed: new Set(),
      exported: new Map(),
      cwd: folderThere(typeof WorkingDirectory === 'string' ? WorkingDirectory : undefined),
      command: [...(typeof Program === 'string' ? [Program] : []), ...words].join(' '),
      files: [path, ...sourced.files],
      add: name =>
        last === undefined
          ? `add ${name} to EnvironmentVariables in ${shown}, then load the job anew`
          : `add a line export ${name}=… to ${shownPath(last, ctx)}, then restart the job`,
    }
  } catch (error) {
    if (!(error instanceof PlistError)) throw error
    return {
      what: 'not-a-service',
      path,
      observed: `${shown}:${error.line}: ${error.message}`,
      expected: 'the property list of a launchd job, as XML',
      next: error.binary ? `plutil -convert xml1 ${quote(path)}` : `plutil -lint ${quote(path)}`,
    }
  }
}

/** Whether `UnsetEnvironment=` takes a variable away again: by its name, or by name and value. */
const isUnset = (words: readonly string[], name: string, value: string | undefined): boolean =>
  words.some(word => word === name || (value !== undefined && word === `${name}=${value}`))

/** Every path that a pattern of `*` and `?` leads to, as glob(7) sorts and finds them. */
const matching = (pattern: string): readonly string[] => {
  const names = (folder: string): string[] => {
    try {
      return entries(folder === '' ? '/' : folder).map(({ name }) => name)
    } catch (error) {
      if (error instanceof FileError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return []
      throw error
    }
  }
  return pattern
    .split('/')
    .filter(part => part !== '')
    .reduce<readonly string[]>(
      (folders, part) =>
        folders.flatMap(folder =>
          (WILD.test(part)
            ? names(folder)
                .filter(name => fits(part, name) && (part.startsWith('.') || !name.startsWith('.')))
                .sort()
            : [part]
          ).map(name => `${folder}/${name}`),
        ),
      [''],
    )
    .filter(path => lstat(path) !== undefined)
}

const WILD = /[*?]/

/** The files that one `EnvironmentFile=` means: systemd starts nothing where a pattern has no match, unless it may be missing. */
const filesOf = ({ path, optional }: { readonly path: string; readonly optional: boolean }): readonly string[] => {
  if (!WILD.test(path)) return [path]
  const found = matching(path)
  if (found.length === 0 && !optional) throw new FileError('ENOENT', path, `nothing matches ${path}`)
  return found
}

const fromUnit = (path: string, ctx: Context): ServiceFile => {
  const { unit, files } = readUnit(path, ctx.home)
  const { name: user, uid } = ctx.user
  const userManager = isUserUnit(path)
  const specifiers = specifiersOf({ name: basename(path), user, uid, home: ctx.home, userManager })
  const expanded = (key: string): string[] =>
    entriesOf(unit, 'Service', key).map(({ value }) => expandSpecifiers(value, specifiers))
  const words = (key: string): string[] => expanded(key).flatMap(value => splitWords(value) ?? [])
  const read = environmentFiles(unit, specifiers).flatMap(named =>
    filesOf(named).map(file => ({ file, text: textOr(file, named.optional) })),
  )
  const searched = expanded('ExecSearchPath')
  const set: Readonly<Record<string, string>> = Object.assign(
    Object.create(null),
    { PATH: searched.length > 0 ? searched.join(':') : SYSTEMD_PATH },
    unitEnvironment(unit, specifiers),
    ...read.map(({ text }) => parseEnvironmentFile(text)),
  )
  const unset = words('UnsetEnvironment')
  const [start = ''] = expanded('ExecStart')
  const sourced = sourcedBy(splitWords(start.replace(/^[-@:+!|]*/, '')) ?? [], set)
  const folder = lastOf(unit, 'Service', 'WorkingDirectory')?.value.replace(/^-/, '')
  const shown = shownPath(path, ctx)
  return {
    shown,
    values: {
      ...Object.fromEntries(Object.entries(set).filter(([name, value]) => !isUnset(unset, name, value))),
      ...sourced.values,
    },
    managed: new Map(
      [...setBySystemd(unit, specifiers, userManager, ctx)].filter(([name, value]) => !isUnset(unset, name, value)),
    ),
    passed: new Set(words('PassEnvironment').filter(name => !isUnset(unset, name, undefined))),
    exported: new Map(
      read.flatMap(({ file, text }) =>
        [...text.matchAll(/^[ \t]*export[ \t]+([A-Za-z_]\w*)[ \t]*=/gm)].map(([, name = '']) => [name, file] as const),
      ),
    ),
    cwd: folderThere(folder === '~' ? ctx.home : folder && expandSpecifiers(folder, specifiers)),
    command: expanded('ExecStart').join(' '),
    files: [path, ...files.slice(1), ...read.map(({ file }) => file), ...sourced.files],
    add: name =>
      read[0]
        ? `add a line ${name}=… to ${shownPath(read[0].file, ctx)}, then restart the service`
        : `write EnvironmentFile= or Environment=${name}=… into ${shown}, then systemctl daemon-reload`,
  }
}

/** The service that a plist or a unit describes, with the drop-ins and environment files that belong to it. */
export const readServiceFile = (path: string, ctx: Context): ServiceFile | NoServiceFile => {
  try {
    const text = readText(path)
    if (isPlist(text)) return fromPlist(path, text, ctx)
    if (/^\s*\[Service\]/m.test(text)) return fromUnit(path, ctx)
    const shown = shownPath(path, ctx)
    return {
      what: 'not-a-service',
      path,
      observed: text.trim() === '' ? `${shown} is empty` : `${shown} is neither a property list nor holds [Service]`,
      expected: 'the property list of a launchd job, or a systemd service',
      next: `head ${quote(path)}`,
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return {
      what: 'unreadable',
      path: error.path,
      observed: error.message,
      expected: 'a plist, a unit and its files that this user can read',
      next: `ls -ld ${quote(error.path)}`,
    }
  }
}
