/** The environment that a launchd job or a systemd unit sets for its program. */
import { basename } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, readText } from '../../core/files.ts'
import { shownPath } from '../../core/paths.ts'
import { launchdEnvironment, PlistError, parsePlist, plistDict } from '../../core/plist.ts'
import { quote } from '../../core/shell.ts'
import { isUserUnit, readUnit } from '../../core/systemd-files.ts'
import {
  entriesOf,
  environmentFiles,
  parseEnvironmentFile,
  specifiersOf,
  splitWords,
  unitEnvironment,
} from '../../core/systemd-unit.ts'

export interface Service {
  readonly shown: string
  readonly values: Readonly<Record<string, string>>
  /** Handed on from its manager (`PassEnvironment=`): nobody sees here whether they are set there. */
  readonly passed: ReadonlySet<string>
  /** Behind `export ` in a file of `EnvironmentFile=`, with that file: systemd passes such a line over. */
  readonly exported: ReadonlyMap<string, string>
  /** Where a variable is to be written, as a sentence. */
  readonly add: (name: string) => string
  readonly files: readonly string[]
}

/** Why a file tells nothing about a service. */
export interface NoService {
  readonly what: 'service-unreadable' | 'service-format'
  readonly path: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

const fromPlist = (path: string, text: string, ctx: CheckContext): Service | NoService => {
  try {
    const job = plistDict(parsePlist(text))
    if (!job) throw new PlistError('it holds no dictionary', 1, 1)
    return {
      shown: shownPath(path, ctx),
      values: launchdEnvironment(job),
      passed: new Set(),
      exported: new Map(),
      add: name => `add ${name} to EnvironmentVariables in ${shownPath(path, ctx)}, then load the job anew`,
      files: [path],
    }
  } catch (error) {
    if (!(error instanceof PlistError)) throw error
    return {
      what: 'service-format',
      path,
      observed: `${shownPath(path, ctx)}:${error.line}: ${error.message}`,
      expected: 'the property list of a launchd job, as XML',
      next: error.binary ? `plutil -convert xml1 ${quote(path)}` : `plutil -lint ${quote(path)}`,
    }
  }
}

/** A file that the unit may do without gives nothing. */
const textOr = (path: string, optional: boolean): string => {
  try {
    return readText(path)
  } catch (error) {
    if (optional && error instanceof FileError && error.code === 'ENOENT') return ''
    throw error
  }
}

const fromUnit = (path: string, ctx: CheckContext): Service => {
  const { unit, files } = readUnit(path, ctx.home)
  const { name: user, uid } = ctx.user
  const specifiers = specifiersOf({ name: basename(path), user, uid, home: ctx.home, userManager: isUserUnit(path) })
  const read = environmentFiles(unit, specifiers).map(file => ({
    file: file.path,
    text: textOr(file.path, file.optional),
  }))
  const names = (key: string): string[] =>
    entriesOf(unit, 'Service', key).flatMap(({ value }) => splitWords(value) ?? [])
  const values = Object.assign(
    {},
    unitEnvironment(unit, specifiers),
    ...read.map(({ text }) => parseEnvironmentFile(text)),
  ) as Record<string, string>
  for (const unset of names('UnsetEnvironment')) {
    const [name = '', ...rest] = unset.split('=')
    if (rest.length === 0 || values[name] === rest.join('=')) delete values[name]
  }
  const exported = read.flatMap(({ file, text }) =>
    [...text.matchAll(/^[ \t]*export[ \t]+([A-Za-z_]\w*)[ \t]*=/gm)].map(([, name = '']) => [name, file] as const),
  )
  return {
    shown: shownPath(path, ctx),
    values,
    passed: new Set(names('PassEnvironment')),
    exported: new Map(exported),
    add: name =>
      read[0]
        ? `add a line ${name}=… to ${shownPath(read[0].file, ctx)}, then restart the service`
        : `write EnvironmentFile= or Environment=${name}=… into ${shownPath(path, ctx)}, then systemctl daemon-reload`,
    files: [...files, ...read.map(({ file }) => file)],
  }
}

/** Values are never part of what a `NoService` says. */
export const readService = (path: string, ctx: CheckContext): Service | NoService => {
  try {
    const text = readText(path)
    if (/^bplist|^\s*<(?:\?xml|!DOCTYPE plist|plist)/.test(text)) return fromPlist(path, text, ctx)
    if (/^\s*\[Service\]/m.test(text)) return fromUnit(path, ctx)
    return {
      what: 'service-format',
      path,
      observed:
        text.trim() === ''
          ? `${shownPath(path, ctx)} is empty`
          : `${shownPath(path, ctx)} is neither a property list nor holds [Service]`,
      expected: 'the property list of a launchd job, or a systemd service',
      next: `head ${quote(path)}`,
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return {
      what: 'service-unreadable',
      path: error.path,
      observed: error.message,
      expected: 'a plist, a unit and its files that this user can read',
      next: `ls -ld ${quote(error.path)}`,
    }
  }
}
