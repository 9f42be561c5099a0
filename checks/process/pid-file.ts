/** The process that a file names, and whether it is still the one that wrote it. */
import { dirname } from 'node:path'
import { FileError, lstat, readText, stat } from '../../core/files.ts'
import { findBreak } from '../../core/path-break.ts'

/** A pid on the first line, or a JSON object with `pid`. Undefined for everything else. */
export const pidIn = (text: string): number | undefined => {
  const plain = /^\s*(\d{1,10})\s*(?:\n|$)/.exec(text)?.[1]
  const pid = plain === undefined ? jsonPid(text) : Number(plain)
  return Number.isInteger(pid) && pid !== undefined && pid > 0 && pid <= 0x7fffffff ? pid : undefined
}

const jsonPid = (text: string): number | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    const pid = typeof value === 'object' && value !== null ? (value as { pid?: unknown }).pid : undefined
    return typeof pid === 'number' ? pid : undefined
  } catch {
    return undefined
  }
}

/** What the system says of a pid. */
export interface Holder {
  readonly alive: boolean
  /** Wall clock, ms; undefined where it is not known. */
  readonly startedAt: number | undefined
  /** Whether its name and command line are the wanted ones; undefined where they cannot be seen. */
  readonly fits: boolean | undefined
  /** This very check, or what started it, perhaps with others between. */
  readonly ours?: 'self' | 'starter'
}

/**
 * `starter`: what started this check wrote the file: a gateway that runs checks, or a script that will become one. `unsure`: it runs, and
 * whether it is the one that wrote the file cannot be seen.
 */
export type Standing = 'runs' | 'starter' | 'unsure' | 'gone' | 'recycled'

/** The start is known to about a second. */
const SLACK_MS = 2000

/** A process that began after the file was written did not write it: its pid was given again. */
export const standing = ({ alive, startedAt, fits, ours }: Holder, writtenAt: number, now: number): Standing => {
  if (!alive) return 'gone'
  if (ours === 'self' || fits === false) return 'recycled'
  // In some containers the clock that starts are counted from is not the one that is shown.
  const known = startedAt !== undefined && fits !== undefined && startedAt <= now + SLACK_MS
  // Shells and supervisors are often given the pid that a gateway had before a reboot.
  if (!known) return ours === 'starter' ? 'recycled' : 'unsure'
  if (startedAt > writtenAt + SLACK_MS) return 'recycled'
  return ours ?? 'runs'
}

export type Read =
  | { readonly found: 'pid'; readonly pid: number; readonly writtenAt: number }
  | { readonly found: 'nothing'; readonly said: string }
  | {
      readonly found: 'trouble'
      readonly what: string
      readonly says: string
      readonly expected: string
      /** What to look at. */
      readonly at: string
    }

/** A pid file is short; one that is not is something else. */
const MOST = 4096

/** `shown` is how the path reads. No file is fine where its folder, or the one above, is there: otherwise the path is wrong. */
export const readPidFile = (path: string, shown: string): Read => {
  const readable = 'a file with a pid that this user may read'
  const trouble = (what: string, says: string, expected: string, at = path): Read => ({
    found: 'trouble',
    what,
    says,
    expected,
    at,
  })
  try {
    const facts = stat(path)
    if (!facts) {
      const broken = findBreak(path)
      if (broken?.why === 'not-a-folder')
        return trouble(
          'missing',
          `${shown} cannot be there: ${broken.at} is not a folder`,
          'a folder where the file will be',
          broken.at,
        )
      if (lstat(path)) return trouble('unreadable', `${shown} is a link to nothing`, readable)
      const folder = dirname(path)
      if (!stat(folder) && lstat(folder))
        return trouble('unreadable', `the folder of ${shown} is a link to nothing`, readable)
      if (!stat(folder)?.isDirectory() && !stat(dirname(folder))?.isDirectory())
        return trouble(
          'missing',
          `neither ${shown}, nor its folder, nor the one above exists`,
          'a folder where the file will be',
        )
      return { found: 'nothing', said: `${shown} does not exist` }
    }
    const pid = pidIn(readText(path, MOST))
    if (pid === undefined)
      return trouble(
        'no-pid',
        `${shown} holds no pid${facts.size === 0 ? ': it is empty' : ''}`,
        'a pid, or JSON with a pid',
      )
    return { found: 'pid', pid, writtenAt: facts.mtimeMs }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return trouble('unreadable', `${shown}: ${error.message}`, readable)
  }
}
