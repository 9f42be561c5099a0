/**
 * The store in files of this host: a folder for each target, in it a file for each day, in it a line for each record.
 * Files are only ever appended to, one write a record: of 50 processes that appended at once none lost a record, where
 * rewriting and renaming lost most of them. Nothing here waits for a lock that a dead process may hold, and no temporary files
 * are made: what outlives its day is appended again before the day's file is removed.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  mkdirSync,
  openSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { entries, FileError, MEGABYTE, readBytes, stat, syncFolder } from './files.ts'
import { decodeAll, encode, type Lines, MAX_RECORD_BYTES, targetIn } from './local-store/format.ts'
import { bucketFor, endOf, folderName, isBucket, targetOf } from './local-store/names.ts'
import { origin, uptimeMs as ownUptimeMs } from './local-store/origin.ts'
import { mayTouch } from './mounts.ts'
import { quote } from './shell.ts'
import { elapsedMs, RESET, type Stamp, type Store, StoreError, type StoreRecord } from './store.ts'
import { SETTLED_MS, survivors } from './survive.ts'
import { world } from './world.ts'

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

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

/** One write a line, then down to the disk. A write cut short by a full disk leaves a torn line, which the next record ends. */
const appendLines = (path: string, lines: readonly Buffer[], creating: typeof constants.O_CREAT | 0): void => {
  mayTouch(path)
  attempt('write', path, () => {
    const fd = openSync(path, FLAGS | creating, 0o600)
    try {
      const facts = fstatSync(fd)
      if (!facts.isFile())
        throw new StoreError('NOT-REGULAR', path, `${path} is not a regular file`, `ls -ld ${quote(path)}`)
      demandOurs(path, facts)
      for (const line of lines) {
        const written = writeSync(fd, line)
        if (written !== line.length)
          throw new StoreError(
            'SHORT-WRITE',
            path,
            `only ${written} of ${line.length} bytes went into ${path}`,
            `df -h ${quote(path)}`,
          )
      }
      fdatasyncSync(fd)
      if (facts.size === 0) for (const folder of [dirname(path), dirname(dirname(path))]) syncFolder(folder)
    } finally {
      closeSync(fd)
    }
  })
}

const bytesOf = (path: string): Buffer | undefined => {
  try {
    return attempt('read', path, () => readBytes(path, MAX_BUCKET_BYTES))
  } catch (error) {
    if (error instanceof StoreError && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** How often a bucket is read again while its last line looks as if somebody were writing it. */
const LOOKS = 3

/** Undefined if it was removed since it was listed. */
const readBucket = (target: string, folder: string, name: string): Lines | undefined => {
  for (let look = 1; ; look++) {
    const data = bytesOf(join(folder, name))
    if (!data) return undefined
    const lines = decodeAll(target, name, data)
    if (!lines.unfinished || look === LOOKS) return lines
  }
}

interface Bucket extends Lines {
  readonly name: string
}

const dayOf = (place: string): string => place.slice(0, place.indexOf(':'))

/**
 * All records by their places. One that was appended again to a newer day counts there: whoever wrote there before has not seen it. A
 * line that merely stands twice counts once.
 */
const inOrder = (found: readonly Bucket[]): { readonly record: StoreRecord; readonly place: string }[] => {
  const byId = new Map<string, { readonly record: StoreRecord; readonly place: string }>()
  for (const { records } of found)
    for (const each of records) {
      const known = byId.get(each.record.id)
      if (!known) byId.set(each.record.id, each)
      else if (dayOf(each.place) > dayOf(known.place)) {
        byId.delete(each.record.id) // so that the order is right as a rule
        byId.set(each.record.id, each)
      }
    }
  const all = [...byId.values()]
  const ordered = all.every(({ place }, n) => n === 0 || (all[n - 1]?.place ?? '') <= place)
  return ordered ? all : all.sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0))
}

const unlink = (path: string): void =>
  attempt('remove', path, () => {
    try {
      unlinkSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  })

/** So many records are moved out of an old bucket in any case; more of them only where at least as many are dropped. */
const FEW = 200

/** How often an append is made again because a newer bucket appeared under its feet. */
const TURNS = 10

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
      appendLines(join(folder, bucket), [line], constants.O_CREAT)
      // Whoever wrote to a newer bucket meanwhile has not seen this record before their own: it has to stand behind theirs.
      if (buckets(folder).at(-1) === bucket) {
        if (before.length > 0 && !before.includes(bucket)) tidy(target)
        return record
      }
    }
    throw new StoreError(
      'UNSETTLED',
      folder,
      `files appear in ${folder} faster than one can append`,
      `ls -la ${quote(folder)}`,
    )
  }

  /** All files of the target, oldest first; undefined if one of them was removed meanwhile. */
  const lookOnce = (target: string, folder: string): Bucket[] | undefined => {
    const found: Bucket[] = []
    for (const name of buckets(folder)) {
      const lines = readBucket(target, folder, name)
      if (!lines) return undefined
      found.push({ name, ...lines })
    }
    return found
  }

  /** None where nothing was ever written. */
  const look = (target: string): readonly Bucket[] => {
    const folder = folderOf(target)
    for (const path of [dir, join(dir, 'targets'), folder]) if (!standing(path)) return []
    // What still counts of a removed bucket was appended to the newest first: begin again, to see it there.
    for (let turn = 1; turn <= TURNS; turn++) {
      const found = lookOnce(target, folder)
      if (found) return found
    }
    throw new StoreError(
      'UNSETTLED',
      folder,
      `files vanish from ${folder} faster than one can read`,
      `ls -la ${quote(folder)}`,
    )
  }

  const read: Store['read'] = target => {
    const found = look(target)
    const placed = inOrder(found)
    const cleared = placed.findLast(({ record }) => record.event.type === RESET)?.place ?? ''
    const bad = found.flatMap(({ name, bad: lines }) =>
      lines
        .filter(({ place }) => place > cleared)
        .map(({ line, why }) => `${join(folderOf(target), name)}:${line}: ${why}`),
    )
    const [firstBad] = bad
    const records = placed.map(({ record }) => record)
    return { records, bad: bad.length, ...(firstBad === undefined ? {} : { firstBad }) }
  }

  const sweep: Store['sweep'] = (target, olderThanMs, keep) => {
    const folder = folderOf(target)
    const now = stamp()
    // The newest is never removed: whoever writes to an older one, because he was held up, sees it and writes again.
    const settled = (names: readonly string[]): readonly string[] =>
      names.slice(0, -1).filter(name => endOf(name) + olderThanMs < now.wallMs)
    for (const path of [dir, join(dir, 'targets'), folder]) if (!standing(path)) return 0
    if (settled(buckets(folder)).length === 0) return 0
    const found = look(target)
    const newest = found.at(-1)
    if (!newest) return 0
    const placed = inOrder(found)
    const picked = new Set(keep(placed.map(({ record }) => record)).map(({ id }) => id))
    const names = new Set(settled(found.map(({ name }) => name)))
    const removed = found.filter(({ name, records }) => {
      const kept = records.filter(({ record }) => picked.has(record.id)).length
      return (
        names.has(name) &&
        // The name tells what the clock said. Within one boot we know better how long ago that was.
        records.every(({ record }) => elapsedMs(record, now) >= olderThanMs) &&
        (kept <= FEW || kept * 2 <= records.length)
      )
    })
    const staying = new Set(
      found.filter(each => !removed.includes(each)).flatMap(({ records }) => records.map(({ record }) => record.id)),
    )
    const moving = placed.filter(({ record: { id } }) => picked.has(id) && !staying.has(id))
    const lines = moving.map(({ record, place }) => encode(target, record, place))
    try {
      if (lines.length > 0) appendLines(join(folder, newest.name), lines, 0)
    } catch (error) {
      // It is the newest no more, and somebody has swept it already, and all that we saw with it.
      if (error instanceof StoreError && error.code === 'ENOENT') return 0
      throw error
    }
    for (const { name } of removed) unlink(join(folder, name))
    if (removed.length > 0) attempt('sync', folder, () => syncFolder(folder))
    return removed.length
  }

  const tidy = (target: string): void => {
    try {
      sweep(target, SETTLED_MS, survivors(stamp()))
    } catch (error) {
      // The record that was to be kept is on disk; old ones that cannot be removed do no harm, and the next day tries again.
      if (!(error instanceof StoreError)) throw error
    }
  }

  /** Undefined where nothing was kept, and for a folder that is not ours. */
  const targetOfFolder = (name: string): string | undefined => {
    const folder = join(dir, 'targets', name)
    const full = targetOf(name)
    try {
      standing(folder)
      let empty = true
      for (const bucket of buckets(folder).reverse()) {
        const data = bytesOf(join(folder, bucket))
        if (!data || data.length === 0) continue
        empty = false
        const target = targetIn(data)
        if (target !== undefined && folderName(target) === name) return target
      }
      if (empty) return undefined
    } catch (error) {
      // Its own `read` says what is wrong with it, and the others can still be listed.
      if (error instanceof StoreError && full !== undefined) return full
      throw error
    }
    if (full !== undefined || !name.includes('%~')) return full
    throw new StoreError(
      'NAMELESS',
      folder,
      `${folder} holds nothing but bad lines, and its name is too short to say whose they are`,
      `rm -r ${quote(folder)}`,
    )
  }

  const targets: Store['targets'] = () => {
    const folder = join(dir, 'targets')
    for (const path of [dir, folder]) if (!standing(path)) return []
    return attempt('list', folder, () => entries(folder))
      .filter(entry => entry.isDirectory())
      .map(({ name }) => targetOfFolder(name))
      .filter(target => target !== undefined)
      .sort()
  }

  const command = (words: string, target: string): string => {
    // Whoever types it may have another environment than we.
    const usual = stateFolder({ ...world(), env: {} })
    const where = dir === usual ? '' : ` --state-dir ${quote(dir)}`
    return `bootcheck state${words}${where}${target.startsWith('-') ? ' --' : ''} ${quote(target)}`
  }

  return {
    append,
    read,
    targets,
    sweep,
    stamp,
    showCommand: target => command('', target),
    forgetCommand: target => command(' reset', target),
  }
}
