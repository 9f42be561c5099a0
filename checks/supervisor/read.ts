/** From a file to what is judged: which supervisor it is for, and what else on this host belongs to it. */
import { basename, dirname, isAbsolute, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, readText, stat } from '../../core/files.ts'
import { readHead } from '../../core/head.ts'
import { parseJson } from '../../core/json-text.ts'
import { PlistError, parsePlist, plistDict, plistStrings } from '../../core/plist.ts'
import { quote } from '../../core/shell.ts'
import { isUserUnit, readUnit } from '../../core/systemd-files.ts'
import { entriesOf } from '../../core/systemd-unit.ts'
import { parseYaml } from '../../core/yaml-text.ts'
import { judgeCompose, judgeDockerfile } from './container.ts'
import { judgeLaunchd } from './launchd.ts'
import { readLiterals } from './literals.ts'
import { judgePackage } from './package-json.ts'
import { judgePm2 } from './pm2.ts'
import type { Judged, Unjudged } from './problem.ts'
import { judgeSystemd } from './systemd.ts'

export const KINDS = ['launchd', 'systemd', 'pm2', 'dockerfile', 'compose', 'package-json'] as const
export type Kind = (typeof KINDS)[number]

/** By its name where that says it, else by what stands in it; undefined where neither does. */
export const guessKind = (path: string, text: string): Kind | undefined => {
  const name = basename(path)
  if (name === 'package.json') return 'package-json'
  if (/\.plist$/.test(name) || /^bplist|^\s*<(?:\?xml|!DOCTYPE plist|plist)/.test(text)) return 'launchd'
  if (/\.service$/.test(name) || /^\s*\[Service\]/m.test(text)) return 'systemd'
  if (/^(?:docker-)?compose[\w.-]*\.ya?ml$/.test(name)) return 'compose'
  if (/(?:^|\.)(?:Dockerfile|Containerfile)(?:\.|$)/i.test(name)) return 'dockerfile'
  if (/ecosystem|pm2/.test(name) && /\.(?:[cm]?js|json)$/.test(name)) return 'pm2'
  if (/^\s*FROM\s+\S+/im.test(text) && /^\s*(?:CMD|ENTRYPOINT)\s/im.test(text)) return 'dockerfile'
  if (/^services:/m.test(text)) return 'compose'
  return /\bapps["']?\s*:/.test(text) ? 'pm2' : undefined
}

const SCRIPT_BYTES = 64 * 1024

/** The text of a shell script that is started; empty for a program, or what is not there. */
const scriptText = (path: string | undefined, folder: string): string => {
  if (path === undefined || (!isAbsolute(path) && !/[./]/.test(path))) return ''
  try {
    const text = readHead(isAbsolute(path) ? path : join(folder, path), SCRIPT_BYTES).toString('utf8')
    return /^#![^\n]*sh\b/.test(text) ? text : ''
  } catch (error) {
    if (error instanceof FileError) return ''
    throw error
  }
}

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

const launchd = (path: string, text: string): Read => {
  const files = [path]
  try {
    const value = parsePlist(text)
    const job = plistDict(value)
    const folder = typeof job?.WorkingDirectory === 'string' ? job.WorkingDirectory : '/'
    const program = typeof job?.Program === 'string' ? job.Program : plistStrings(job?.ProgramArguments)[0]
    // A job of another host, or one that is not installed yet, has no folders here.
    const here = isFolder(folder)
    const missing = (log: string): string | undefined => (here && !isFolder(dirname(log)) ? dirname(log) : undefined)
    const judged = judgeLaunchd(value, scriptText(program, folder), missing)
    return { judged: 'what' in judged ? judged : [judged], files }
  } catch (error) {
    if (!(error instanceof PlistError)) throw error
    const next = error.binary ? `plutil -convert xml1 ${quote(path)}` : `plutil -lint ${quote(path)}`
    return { judged: malformed(error.message, 'a property list as XML', next, error.line), files }
  }
}

const systemd = (path: string, ctx: CheckContext): Read => {
  const { unit, files } = readUnit(path, ctx.home)
  const program = /^[-@:+!|]*["']?([^\s"']+)/.exec(entriesOf(unit, 'Service', 'ExecStart')[0]?.value ?? '')?.[1]
  const judged = judgeSystemd(unit, basename(path), isUserUnit(path), scriptText(program, dirname(path)))
  return { judged: 'what' in judged ? judged : [judged], files }
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
  return { judged: 'what' in judged ? judged : [judged], files: [path] }
}

const pm2 = (path: string, text: string): Read => {
  try {
    return { judged: judgePm2(readLiterals(text), script => scriptText(script, dirname(path))), files: [path] }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { judged: malformed(error.message, 'a whole file', `node --check ${quote(path)}`), files: [path] }
  }
}

const compose = async (path: string, text: string): Promise<Read> => {
  const parsed = await parseYaml(text)
  if (parsed.error)
    return {
      judged: malformed(parsed.error.message, 'YAML', `docker compose -f ${quote(path)} config`, parsed.error.line),
      files: [path],
    }
  return { judged: judgeCompose(parsed.value), files: [path] }
}

/** Throws `FileError` where a part of it cannot be read. */
export const readSupervisor = async (
  path: string,
  text: string,
  kind: Kind,
  script: string,
  ctx: CheckContext,
): Promise<Read> => {
  const files = [path]
  switch (kind) {
    case 'launchd':
      return launchd(path, text)
    case 'systemd':
      return systemd(path, ctx)
    case 'pm2':
      return pm2(path, text)
    case 'dockerfile': {
      const judged = judgeDockerfile(text)
      return { judged: 'what' in judged ? judged : [judged], files }
    }
    case 'compose':
      return compose(path, text)
    case 'package-json':
      return packageJson(path, text, script, ctx)
    default:
      return kind satisfies never
  }
}
