/** Which files are logs: what globs and presets lead to, and the rotated ones beside them. */
import { basename, dirname } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { entries, FileError, lstat, realpath, stat } from '../../core/files.ts'
import { glob } from '../../core/glob.ts'
import { stateFolder } from '../../core/state-folder.ts'
import { userLabel } from '../../core/users.ts'
import type { LogPreset } from '../../presets/openclaw-logs.ts'

const MAX_FILES = 1000

/** What logrotate, newsyslog and their like put behind a name. */
const ROTATED = /^(?:[.-]\d{1,4}|[.-]\d{8}(?:[-.]\d{1,10})?|[.-]\d{4}-\d\d-\d\d|\.old)?(?:\.gz)?$/

export interface Problem {
  readonly what: 'missing' | 'unreadable' | 'link' | 'too-many' | 'pattern'
  readonly path: string
  readonly message: string
}

export interface Log {
  readonly path: string
  readonly mtimeMs: number
}

export interface Logs {
  /** Oldest first; each file once, by whichever name. */
  readonly logs: readonly Log[]
  readonly problems: readonly Problem[]
  /** What leads to nothing and may. */
  readonly absent: readonly string[]
}

const rotatedBeside = (path: string): string[] => {
  const name = basename(path)
  const folder = dirname(path)
  return entries(folder)
    .filter(entry => entry.isFile() && entry.name !== name && entry.name.startsWith(name))
    .filter(entry => ROTATED.test(entry.name.slice(name.length)))
    .map(entry => `${folder === '/' ? '' : folder}/${entry.name}`)
}

const what = (error: FileError): Problem['what'] =>
  error.code === 'PATTERN' ? 'pattern' : error.code === 'ENOENT' ? 'missing' : 'unreadable'

export interface Wanted {
  readonly files: readonly string[]
  readonly preset?: LogPreset
  readonly state?: string
  readonly min: number
}

/** Undefined where that cannot be known: whoever looks into the folder will say why. */
const ownerOf = (folder: string): number | undefined => {
  try {
    return stat(folder)?.uid
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

export const findLogs = async ({ files, preset, state, min }: Wanted, ctx: CheckContext): Promise<Logs> => {
  const problems: Problem[] = []
  const absent: string[] = []
  const paths = new Set<string>()

  const search = async (pattern: string, needed: boolean): Promise<void> => {
    const found = await glob([pattern], ctx, { limit: MAX_FILES })
    for (const path of found.matches) paths.add(path)
    for (const { path, code, message } of found.problems)
      problems.push({ what: what(new FileError(code, path, message)), path, message })
    for (const path of found.links)
      problems.push({ what: 'link', path, message: `${path} is a link to a folder, and links are not followed` })
    if (found.tooMany)
      problems.push({
        what: 'too-many',
        path: ctx.path(pattern),
        message: `${pattern} fits more than ${MAX_FILES} files`,
      })
    const nothing = found.missing.length > 0 ? 'does not exist' : found.empty.length > 0 ? 'fits no file' : undefined
    if (nothing === undefined) return
    if (needed) problems.push({ what: 'missing', path: ctx.path(pattern), message: `${pattern} ${nothing}` })
    else absent.push(pattern)
  }

  for (const pattern of files) await search(pattern, min > 0)
  if (preset) {
    const folder = stateFolder(preset.state, state, ctx)
    for (const file of preset.files) {
      const path = `${folder}/${file}`
      // No glob: the folder may have any name.
      try {
        if (stat(path) || lstat(path)) paths.add(path)
        else absent.push(path)
      } catch (error) {
        if (!(error instanceof FileError)) throw error
        problems.push({ what: 'unreadable', path, message: error.message })
      }
    }
    for (const place of preset.places) {
      const pattern = place
        .replace('{tmp}', (ctx.env.TMPDIR || '/tmp').replace(/(?<=.)\/+$/, ''))
        .replace('{uid}', String(ctx.user.uid))
      const owner = ownerOf(dirname(ctx.path(pattern)))
      if (owner === undefined || owner === ctx.user.uid) await search(pattern, false)
      else absent.push(`${pattern} of this user (the folder belongs to ${userLabel(owner)})`)
    }
  }

  const logs = new Map<string, Log>()
  const add = (path: string): void => {
    try {
      const facts = stat(path)
      if (facts) logs.set(realpath(path), { path, mtimeMs: facts.mtimeMs })
      else if (lstat(path)) problems.push({ what: 'missing', path, message: `${path} is a link to nothing` })
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      problems.push({ what: what(error), path, message: error.message })
    }
  }
  for (const path of paths) {
    ctx.signal.throwIfAborted()
    try {
      for (const older of rotatedBeside(path)) add(older)
    } catch (error) {
      // A folder that may be searched and not listed: the log itself can be read all the same.
      if (!(error instanceof FileError)) throw error
    }
  }
  // Later than the rotated ones, so that a file keeps the name under which it was asked for.
  for (const path of paths) add(path)
  if (problems.length === 0 && logs.size < min)
    problems.push({
      what: 'missing',
      path: absent[0] ?? ctx.cwd,
      message: `${logs.size} log files where at least ${min} are wanted`,
    })
  return { logs: [...logs.values()].sort((a, b) => a.mtimeMs - b.mtimeMs), problems, absent }
}
