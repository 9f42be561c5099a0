/** From a file to what is judged: which supervisor it is for, and what else on this host belongs to it. */
import { basename, dirname, isAbsolute, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, readText, stat } from '../../core/files.ts'
import { readHead } from '../../core/head.ts'
import { parseJson } from '../../core/json-text.ts'
import { isPlist, PlistError, parsePlist, plistDict } from '../../core/plist.ts'
import { quote } from '../../core/shell.ts'
import { isUserUnit, readUnit } from '../../core/systemd-files.ts'
import { parseYaml } from '../../core/yaml-text.ts'
import type { Surroundings } from './command.ts'
import { judgeCompose, judgeDockerfile } from './container.ts'
import { judgeLaunchd } from './launchd.ts'
import { readLiterals } from './literals.ts'
import { judgePackage } from './package-json.ts'
import { judgePm2 } from './pm2.ts'
import type { Judged, Unjudged } from './problem.ts'
import { judgeQuadlet } from './quadlet.ts'
import { judgeServiceFolder } from './service-folder.ts'
import { standingProblems } from './standing.ts'
import { judgeSupervisord } from './supervisord.ts'
import { judgeSystemd } from './systemd.ts'

const SCRIPT_BYTES = 64 * 1024

/** The shell scripts that a command may start, by their paths; none for a program, and for what is not there. */
const scriptsFrom = (folder: string, files: string[]): Surroundings => ({
  script: path => {
    if (!isAbsolute(path) && !/[./]/.test(path)) return undefined
    const file = isAbsolute(path) ? path : join(folder, path)
    try {
      const text = readHead(file, SCRIPT_BYTES).toString('utf8')
      if (!/^#![^\n]*sh\b/.test(text)) return undefined
      if (!files.includes(file)) files.push(file)
      return text
    } catch (error) {
      if (error instanceof FileError) return undefined
      throw error
    }
  },
})

const isFolder = (path: string): boolean => {
  try {
    return stat(path)?.isDirectory() ?? false
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

const textOr = (path: string): string | undefined => {
  try {
    return readText(path)
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

const malformed = (observed: string, expected: string, next: string, line?: number): Unjudged => ({
  what: 'malformed',
  observed,
  expected,
  next,
  ...(line === undefined ? {} : { line }),
})

export interface Read {
  readonly judged: readonly Judged[] | Unjudged
  readonly files: readonly string[]
}

const one = (judged: Judged | Unjudged): readonly Judged[] | Unjudged => ('what' in judged ? judged : [judged])

const launchd = (path: string, text: string): Read => {
  const files = [path]
  try {
    const value = parsePlist(text)
    const job = plistDict(value)
    const folder = typeof job?.WorkingDirectory === 'string' ? job.WorkingDirectory : '/'
    // A job of another host, or one that is not installed yet, has no folders here.
    const here = isFolder(folder)
    const missing = (log: string): string | undefined => (here && !isFolder(dirname(log)) ? dirname(log) : undefined)
    const judged = judgeLaunchd(value, scriptsFrom(folder, files), missing)
    return { judged: one(judged), files }
  } catch (error) {
    if (!(error instanceof PlistError)) throw error
    const next = error.binary ? `plutil -convert xml1 ${quote(path)}` : `plutil -lint ${quote(path)}`
    return { judged: malformed(error.message, 'a property list as XML', next, error.line), files }
  }
}

const systemd = (path: string, ctx: CheckContext): Read => {
  const { unit, files } = readUnit(path, ctx.home)
  const all = [...files]
  const judged = judgeSystemd(unit, basename(path), isUserUnit(path), scriptsFrom('/', all))
  const standing = standingProblems(unit, path, ctx.home)
  return {
    judged: 'what' in judged ? judged : [{ ...judged, problems: [...standing, ...judged.problems] }],
    files: all,
  }
}

const quadlet = (path: string, ctx: CheckContext): Read => {
  const { unit, files } = readUnit(path, ctx.home)
  const judged = judgeQuadlet(unit, basename(path))
  return { judged: one(judged), files }
}

const packageJson = async (path: string, text: string, script: string, ctx: CheckContext): Promise<Read> => {
  const parsed = await parseJson(text, 'json', ctx.mask)
  if (parsed.error)
    return {
      judged: malformed(
        parsed.error.message,
        'JSON',
        `node -p ${quote(`require(${JSON.stringify(path)})`)}`,
        parsed.error.line,
      ),
      files: [path],
    }
  const [npmrc, yarnrc] = ['.npmrc', '.yarnrc.yml'].map(name => join(dirname(path), name))
  const around = { npmrc: textOr(npmrc ?? '') ?? '', berry: textOr(yarnrc ?? '') !== undefined }
  const judged = judgePackage(parsed.value, script, around)
  return { judged: one(judged), files: [path] }
}

const pm2 = (path: string, text: string): Read => {
  const files = [path]
  try {
    return { judged: judgePm2(readLiterals(text), scriptsFrom(dirname(path), files)), files }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { judged: malformed(error.message, 'a whole file', `node --check ${quote(path)}`), files: [path] }
  }
}

const compose = async (path: string, text: string): Promise<Read> => {
  const parsed = await parseYaml(text, { merge: true })
  if (parsed.error)
    return {
      judged: malformed(parsed.error.message, 'YAML', `docker compose -f ${quote(path)} config`, parsed.error.line),
      files: [path],
    }
  return { judged: judgeCompose(parsed.value), files: [path] }
}

const supervisord = (path: string, text: string): Read => {
  const files = [path]
  return { judged: judgeSupervisord(text, scriptsFrom('/', files)), files }
}

const executable = (path: string): boolean => {
  const facts = stat(path)
  return facts !== undefined && (facts.mode & 0o111) !== 0
}

/** `path`: the `run` in its folder. */
const serviceFolder = (path: string, text: string, kind: 'runit' | 's6'): Read => {
  const folder = dirname(path)
  const beside = (name: string): string => join(folder, name)
  const type = textOr(beside('type'))?.trim()
  if (kind === 's6' && type !== undefined && type !== 'longrun')
    return {
      judged: {
        what: 'nothing-here',
        observed: `its type is ${type}, which s6-rc runs once`,
        expected: 'a longrun',
        next: `echo longrun >${quote(beside('type'))}`,
      },
      files: [path],
    }
  const finish = textOr(beside('finish'))
  const files = [path, ...(finish === undefined ? [] : [beside('finish')])]
  const timeout = textOr(beside('timeout-kill'))?.trim()
  const judged = judgeServiceFolder(
    {
      name: basename(folder),
      kind,
      // s6-rc makes the scripts of a service that it compiles executable itself.
      run: { path, text, executable: type !== undefined || executable(path) },
      finish:
        finish === undefined
          ? undefined
          : { path: beside('finish'), text: finish, executable: type !== undefined || executable(beside('finish')) },
      down: textOr(beside('down')) !== undefined,
      timeoutKillMs: timeout === undefined ? undefined : Number(timeout),
    },
    scriptsFrom(folder, files),
  )
  return { judged: one(judged), files }
}

/** A folder of s6: by a file that only s6 has, or by a `finish` that answers as s6 wants it. */
const isS6 = (path: string, text: string): boolean =>
  /^#![^\n]*execlineb/.test(text) ||
  /\/s6/.test(path) ||
  ['type', 'notification-fd', 'timeout-kill', 'timeout-finish', 'max-death-tally', 'down-signal'].some(
    name => textOr(join(dirname(path), name)) !== undefined,
  ) ||
  /\bexit\s+125\b|\bs6-/.test(textOr(join(dirname(path), 'finish')) ?? '')

interface Reader {
  /** Whether a file is for this supervisor: by its name (`sure`), or by what stands in it. */
  readonly sure: (name: string, text: string, path: string) => boolean
  readonly likely?: (text: string, name: string) => boolean
  /** Throws `FileError` where a part of it cannot be read. */
  readonly read: (path: string, text: string, script: string, ctx: CheckContext) => Read | Promise<Read>
}

const isRun = (name: string): boolean => name === 'run' || name === 'finish'

/** In the order in which they are asked. */
const READERS = {
  'package-json': { sure: name => name === 'package.json', read: packageJson },
  launchd: {
    sure: (name, text) => /\.plist$/.test(name) || (isPlist(text) && /^bplist|<plist/.test(text)),
    read: launchd,
  },
  systemd: {
    sure: (name, text) =>
      /\.service$/.test(name) || (/^\s*\[Service\]/m.test(text) && !/^\s*\[Container\]/m.test(text)),
    read: (path, _text, _script, ctx) => systemd(path, ctx),
  },
  quadlet: {
    sure: (name, text) => /\.container$/.test(name) || /^\s*\[Container\]/m.test(text),
    read: (path, _text, _script, ctx) => quadlet(path, ctx),
  },
  compose: {
    sure: name => /^(?:docker-|podman-)?compose[\w.-]*\.ya?ml$/.test(name),
    likely: text => /^services:/m.test(text),
    read: compose,
  },
  dockerfile: {
    sure: name => /(?:^|\.)(?:Dockerfile|Containerfile)(?:[._-]|$)/i.test(name),
    likely: text => /^\s*FROM\s+\S+/im.test(text) && /^\s*(?:CMD|ENTRYPOINT)\s/im.test(text),
    read: (path, text) => ({ judged: one(judgeDockerfile(text)), files: [path] }),
  },
  pm2: {
    sure: name => /ecosystem|pm2/.test(name) && /\.(?:[cm]?[jt]s|json)$/.test(name),
    likely: text => /\bapps["']?\s*:/.test(text),
    read: pm2,
  },
  supervisord: {
    sure: (_, text) => /^\[(?:program|supervisord|fcgi-program|eventlistener)\b/m.test(text),
    read: supervisord,
  },
  s6: {
    sure: (name, text, path) => isRun(name) && isS6(path, text),
    read: (path, text) => serviceFolder(path, text, 's6'),
  },
  runit: { sure: isRun, read: (path, text) => serviceFolder(path, text, 'runit') },
} as const satisfies Readonly<Record<string, Reader>>

export type Kind = keyof typeof READERS
export const KINDS = Object.keys(READERS) as readonly Kind[] as readonly [Kind, ...Kind[]]

/** By its name where that says it, else by what stands in it; undefined where neither does. */
export const guessKind = (path: string, text: string): Kind | undefined => {
  const readers = Object.entries<Reader>(READERS)
  const name = basename(path)
  const found =
    readers.find(([, { sure }]) => sure(name, text, path)) ?? readers.find(([, { likely }]) => likely?.(text, name))
  return found?.[0] as Kind | undefined
}

/** The file that is meant: of a service folder, and of its `finish`, that is `run`. Throws `FileError`. */
export const meantBy = (path: string, kind: Kind | undefined): string => {
  const folder = isFolder(path)
  if (folder && textOr(join(path, 'run')) !== undefined) return join(path, 'run')
  const finish = basename(path) === 'finish' && (kind === undefined || kind === 'runit' || kind === 's6')
  return finish && textOr(join(dirname(path), 'run')) !== undefined ? join(dirname(path), 'run') : path
}

/** Throws `FileError` where a part of it cannot be read. */
export const readSupervisor = async (
  path: string,
  text: string,
  kind: Kind,
  script: string,
  ctx: CheckContext,
): Promise<Read> => READERS[kind].read(path, text, script, ctx)
