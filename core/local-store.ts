/**
 * The store in files of this host: a folder for each target, in it a file for each day, in it a line for each record.
 * Files are only ever appended to, one write a record: of 50 processes that appended at once none lost a record, where
 * rewriting and renaming lost most of them. Nothing here waits for a lock that a dead process may hold.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  type Stats,
  writeSync,
} from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { entries, FileError, MEGABYTE, readBytes, stat } from './files.ts'
import { decodeAll, encode, type Lines, MAX_RECORD_BYTES } from './local-store/format.ts'
import { bucketFor, folderName, isBucket } from './local-store/names.ts'
import { origin, uptimeMs as ownUptimeMs } from './local-store/origin.ts'
import { mayTouch } from './mounts.ts'
import { quote } from './shell.ts'
import { type Reading, type Stamp, type Store, StoreError, type StoreRecord } from './store.ts'

/** Where the state is kept unless said otherwise: `$XDG_STATE_HOME/bootcheck`, on macOS `~/Library/Application Support/bootcheck`. */
export const stateFolder = (host: {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly platform: NodeJS.Platform
}): string => {
  if (host.platform === 'darwin') return join(host.home, 'Library', 'Application Support', 'bootcheck')
  const base = host.env.XDG_STATE_HOME
  // The XDG base directory specification: a relative path is invalid and to be ignored.
  return join(base !== undefined && isAbsolute(base) ? base : join(host.home, '.local', 'state'), 'bootcheck')
}

export interface LocalStoreOptions {
  /** The state folder, absolute. Made when the first record is appended. */
  readonly dir: string
  /** Wall clock, ms since the epoch. */
  now(): number
  /** Time since the boot, ms; this host's by default. */
  uptimeMs?(): number
  /** Names the boot; this host's by default. */
  readonly boot?: string
}

/** A day of one target: two records a second stay below it. */
const MAX_BUCKET_BYTES = 64 * MEGABYTE

const OTHERS_MAY_WRITE = 0o022

/** Throws unless a folder or file is this user's and nobody else's to write. */
const demandOurs = (path: string, facts: Stats): void => {
  const uid = process.geteuid?.()
  if (uid !== undefined && facts.uid !== uid)
    throw new StoreError(
      'NOT-OURS',
      path,
      `${path} belongs to uid ${facts.uid}, and this is uid ${uid}: what it remembers cannot be trusted`,
      `ls -ld ${quote(path)}`,
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
const attempt = <T>(what: string, path: string, action: () => T): T => {
  try {
    return action()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (error instanceof FileError)
      throw new StoreError(error.code, path, `cannot ${what} ${error.message}`, `ls -ld ${quote(path)}`)
    if (typeof code !== 'string') throw error
    const [why, tool] = MEANING[code] ?? [code, 'ls -ld']
    throw new StoreError(code, path, `cannot ${what} ${path}: ${why}`, `${tool} ${quote(dirname(path))}`)
  }
}

/** The folder, if it is there; throws unless it is one, and ours. */
const standing = (path: string): boolean => {
  const facts = attempt('look at', path, () => stat(path))
  if (!facts) return false
  if (!facts.isDirectory())
    throw new StoreError('NOT-A-FOLDER', path, `${path} is not a folder`, `ls -ld ${quote(path)}`)
  demandOurs(path, facts)
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
const makeFolder = (path: string): void => {
  if (makeOne(path)) return
  if (path !== dirname(path)) makeFolder(dirname(path))
  if (!makeOne(path)) throw Object.assign(new Error(), { code: 'ENOENT' }) // below a link that points nowhere
}

const buckets = (folder: string): string[] =>
  attempt('list', folder, () => entries(folder))
    .map(entry => entry.name)
    .filter(isBucket)
    .sort()

/** A new file is safe only when its folder's entry is. */
const syncFolder = (path: string): void => {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK |
  constants.O_NOCTTY

/** One write, then down to the disk. A write cut short by a full disk leaves a torn line, which the next record ends. */
const appendLine = (path: string, line: Buffer): void => {
  mayTouch(path)
  attempt('write', path, () => {
    const fd = openSync(path, FLAGS, 0o600)
    try {
      const facts = fstatSync(fd)
      if (!facts.isFile())
        throw new StoreError('NOT-REGULAR', path, `${path} is not a regular file`, `ls -ld ${quote(path)}`)
      demandOurs(path, facts)
      const written = writeSync(fd, line)
      if (written !== line.length)
        throw new StoreError(
          'SHORT-WRITE',
          path,
          `only ${written} of ${line.length} bytes went into ${path}`,
          `df -h ${quote(path)}`,
        )
      fdatasyncSync(fd)
      if (facts.size === 0) for (const folder of [dirname(path), dirname(dirname(path))]) syncFolder(folder)
    } finally {
      closeSync(fd)
    }
  })
}

/** How often a bucket is read again while its last line looks as if somebody were writing it. */
const LOOKS = 3

/** Undefined if it was removed since it was listed. */
const readBucket = (target: string, path: string): Lines | undefined => {
  for (let look = 1; ; look++) {
    let data: Buffer
    try {
      data = attempt('read', path, () => readBytes(path, MAX_BUCKET_BYTES))
    } catch (error) {
      if (error instanceof StoreError && error.code === 'ENOENT') return undefined
      throw error
    }
    const lines = decodeAll(target, data)
    if (!lines.unfinished || look === LOOKS) return lines
  }
}

/** How often an append is made again because a newer bucket appeared under its feet. */
const TURNS = 3

/**
 * Keeps records in files below `dir`, 0600 in folders of 0700. Its calls are synchronous, and throw `StoreError` for
 * everything but a target that was never written to. A folder that others own or may write is refused.
 */
export const localStore = (options: LocalStoreOptions): Store => {
  const { dir, now, uptimeMs = ownUptimeMs } = options
  const folderOf = (target: string): string => join(dir, 'targets', folderName(target))

  const stamp = (): Stamp => ({ wallMs: now(), boot: options.boot ?? origin().boot, uptimeMs: uptimeMs() })

  const append: Store['append'] = (target, event) => {
    const folder = folderOf(target)
    // From the top, so that nothing is made below a folder that is not ours.
    for (const path of [dir, join(dir, 'targets'), folder])
      if (!standing(path)) attempt('make', path, () => makeFolder(path))
    const id = process.getBuiltinModule('node:crypto').randomUUID()
    for (let turn = 1; turn <= TURNS; turn++) {
      const before = buckets(folder)
      const record: StoreRecord = { id, event, ...origin(), ...stamp() }
      const line = encode(target, record)
      if (line.length > MAX_RECORD_BYTES)
        throw new StoreError(
          'TOO-LARGE',
          folder,
          `a record of ${line.length} bytes is larger than ${MAX_RECORD_BYTES}`,
          `ls ${quote(folder)}`,
        )
      const bucket = bucketFor(record.wallMs, before)
      appendLine(join(folder, bucket), line)
      // Whoever wrote to a newer bucket meanwhile has not seen this record before their own: it has to stand behind theirs.
      if (buckets(folder).at(-1) === bucket) return record
    }
    throw new StoreError(
      'UNSETTLED',
      folder,
      `files appear in ${folder} faster than one can append`,
      `ls -la ${quote(folder)}`,
    )
  }

  const readOnce = (target: string, folder: string): Reading | undefined => {
    const records = new Map<string, StoreRecord>()
    let bad = 0
    let firstBad: string | undefined
    for (const name of buckets(folder)) {
      const path = join(folder, name)
      const lines = readBucket(target, path)
      if (!lines) return undefined
      for (const record of lines.records) {
        records.delete(record.id) // appended again: its last place counts
        records.set(record.id, record)
      }
      bad += lines.bad.length
      const [first] = lines.bad
      if (first) firstBad ??= `${path}:${first.line}: ${first.why}`
    }
    return { records: [...records.values()], bad, ...(firstBad === undefined ? {} : { firstBad }) }
  }

  const read: Store['read'] = target => {
    const folder = folderOf(target)
    for (const path of [dir, join(dir, 'targets'), folder]) if (!standing(path)) return { records: [], bad: 0 }
    // What still counts of a removed bucket was appended to the newest first: begin again, to see it there.
    for (let turn = 1; turn <= TURNS; turn++) {
      const reading = readOnce(target, folder)
      if (reading) return reading
    }
    throw new StoreError(
      'UNSETTLED',
      folder,
      `files vanish from ${folder} faster than one can read`,
      `ls -la ${quote(folder)}`,
    )
  }

  return { append, read, stamp, forgetCommand: target => `rm -r ${quote(folderOf(target))}` }
}
