/** The folders of the store, and what may go wrong with them: never the same as "nothing is remembered". */
import { accessSync, constants, mkdirSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { FileError, lstat, stat } from '../files.ts'
import { quote } from '../shell.ts'
import { StoreError } from '../store.ts'

const OTHERS_MAY_WRITE = 0o022

/** What somebody types who may not read another user's state `dir`: root may become that user, and nobody else. */
const asOwner = (path: string, owner: number, own: number, dir: string): string =>
  own === 0 ? `sudo -u '#${owner}' bootcheck state --state-dir ${quote(dir)}` : `ls -ld ${quote(path)}`

/** Throws unless a folder or file of the store in `dir` is this user's and nobody else's to write. */
export const demandOurs = (path: string, facts: Stats, dir: string): void => {
  const uid = process.geteuid?.()
  if (uid !== undefined && facts.uid !== uid)
    throw new StoreError(
      'NOT-OURS',
      path,
      `${path} belongs to uid ${facts.uid}, and this is uid ${uid}: what it remembers cannot be trusted`,
      asOwner(path, facts.uid, uid, dir),
    )
  if ((facts.mode & OTHERS_MAY_WRITE) !== 0)
    throw new StoreError(
      'NOT-PRIVATE',
      path,
      `${path} may be written by others (mode ${(facts.mode & 0o7777).toString(8).padStart(4, '0')}): what it remembers cannot be trusted`,
      `chmod go-w ${quote(path)}`,
    )
}

const MEANING: Readonly<Record<string, readonly [what: string, next: 'df -h' | 'ls -ld' | 'df -i']>> = {
  ENOSPC: ['the disk is full', 'df -h'],
  EDQUOT: ['the quota is used up', 'df -h'],
  EROFS: ['the file system is read-only', 'df -h'],
  EACCES: ['this user may not', 'ls -ld'],
  EPERM: ['this user may not', 'ls -ld'],
}

/** Runs what may fail with an errno, and says what it was good for. */
export const attempt = <T>(what: string, path: string, action: () => T): T => {
  try {
    return action()
  } catch (error) {
    if (error instanceof StoreError) throw error
    const code = (error as NodeJS.ErrnoException).code
    if (error instanceof FileError)
      throw new StoreError(error.code, path, `cannot ${what} ${error.message}`, `ls -ld ${quote(path)}`)
    if (typeof code !== 'string') throw error
    const [why, tool] = MEANING[code] ?? [code, 'ls -ld']
    throw new StoreError(code, path, `cannot ${what} ${path}: ${why}`, `${tool} ${quote(dirname(path))}`)
  }
}

/** One above the state folder is looked at; one in it can be put where nobody looks for targets. */
const notAFolder = (path: string, dir: string): StoreError =>
  new StoreError(
    'NOT-A-FOLDER',
    path,
    `${path} is not a folder`,
    path.startsWith(`${dir}/`)
      ? `mv ${quote(path)} ${quote(join(dir, `${basename(path)}.aside`))}`
      : `ls -ld ${quote(path)}`,
  )

/**
 * Throws where nothing is at `path`, and that does not mean that nothing was ever kept there: below a link that points nowhere (a volume
 * that is not mounted) or below a file. Also where it could not be made: what watches there would be well for ever.
 */
const demandAbsent = (path: string, dir: string): void => {
  if (attempt('look at', path, () => lstat(path))?.isSymbolicLink())
    throw new StoreError(
      'DANGLING',
      path,
      `${path} is a link that points nowhere: what lies behind it may not be mounted`,
      `ls -l ${quote(path)}`,
    )
  const parent = dirname(path)
  const above = attempt('look at', parent, () => stat(parent))
  if (!above) {
    if (parent !== path) demandAbsent(parent, dir)
    return
  }
  if (!above.isDirectory()) throw notAFolder(parent, dir)
  attempt('make', path, () => accessSync(parent, constants.W_OK | constants.X_OK))
}

/** Whether a folder of the store in `dir` is there. Throws unless it is one, and ours; or is absent, and can be made. */
export const standing = (path: string, dir: string): boolean => {
  const facts = attempt('look at', path, () => stat(path))
  if (!facts) {
    demandAbsent(path, dir)
    return false
  }
  if (!facts.isDirectory()) throw notAFolder(path, dir)
  demandOurs(path, facts, dir)
  return true
}

/** False where its parent is missing. Another process may have made it meanwhile. */
const makeOne = (path: string): boolean => {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return false
    if (code !== 'EEXIST') throw error
  }
  return true
}

/** By hand, because a recursive mkdirSync says ENOENT where the file system is read-only. */
export const makeFolder = (path: string): void => {
  if (makeOne(path)) return
  if (path !== dirname(path)) makeFolder(dirname(path))
  if (!makeOne(path)) throw Object.assign(new Error(), { code: 'ENOENT' }) // below a link that points nowhere
}
