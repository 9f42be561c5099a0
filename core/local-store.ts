/**
 * The store in files of this host: a folder for each target, in it a file for each day, in it a line for each record.
 * Files are only ever appended to, one write a record: of 50 processes that appended at once none lost a record, where
 * rewriting and renaming lost most of them. Nothing here waits for a lock that a dead process may hold, and no temporary files
 * are made: what outlives its day is appended again before the day's file is removed.
 */
import { closeSync, constants, type Dirent, fdatasyncSync, fstatSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { entries, MEGABYTE, readBytes, stat, syncFolder } from './files.ts'
import { attempt, demandOurs, makeFolder, standing } from './local-store/folders.ts'
import { decodeAll, encode, type Lines, MAX_RECORD_BYTES, targetIn } from './local-store/format.ts'
import { bucketFor, dayOf, endOf, folderName, isBucket, isShortened, targetOf } from './local-store/names.ts'
import { origin, uptimeMs as ownUptimeMs } from './local-store/origin.ts'
import { mayTouch } from './mounts.ts'
import { quote } from './shell.ts'
import { elapsedMs, RESET, type Reading, type Stamp, type Store, StoreError, type StoreRecord } from './store.ts'
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

/** A file of this size is followed by another one of the same day. */
const FULL_BYTES = 8 * MEGABYTE

/** What is larger was not written by us, and is not read. */
const MAX_BUCKET_BYTES = 64 * MEGABYTE

const buckets = (folder: string): string[] =>
  attempt('list', folder, () => entries(folder))
    .map(entry => entry.name)
    .filter(isBucket)
    .sort()

const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

/**
 * One write a line, then down to the disk. A write cut short by a full disk leaves a torn line, which the next record ends. One that lacks
 * nothing but its newline is whole: it will be read, and whoever is told otherwise would write it again.
 */
const appendLines = (
  path: string,
  lines: readonly Buffer[],
  creating: typeof constants.O_CREAT | 0,
  dir: string,
): void => {
  mayTouch(path)
  attempt('write', path, () => {
    const fd = openSync(path, FLAGS | creating, 0o600)
    try {
      const facts = fstatSync(fd)
      if (!facts.isFile())
        throw new StoreError('NOT-REGULAR', path, `${path} is not a regular file`, `ls -ld ${quote(path)}`)
      demandOurs(path, facts, dir)
      for (const line of lines) {
        const written = writeSync(fd, line)
        if (written < line.length - 1)
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

const bytesOf = (path: string, dir: string): Buffer | undefined => {
  try {
    return attempt('read', path, () => {
      const data = readBytes(path, MAX_BUCKET_BYTES)
      const facts = stat(path)
      if (facts) demandOurs(path, facts, dir)
      return data
    })
  } catch (error) {
    if (error instanceof StoreError && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** How often a bucket is read again while its last line looks as if somebody were writing it. */
const LOOKS = 3

/** Undefined if it was removed since it was listed. */
const readBucket = (target: string, path: string, name: string, dir: string): Lines | undefined => {
  for (let look = 1; ; look++) {
    const data = bytesOf(path, dir)
    if (!data) return undefined
    const lines = decodeAll(target, name, data)
    if (!lines.unfinished || look === LOOKS) return lines
  }
}

interface Bucket extends Lines {
  readonly name: string
}

const bucketOf = (place: string): string => place.slice(0, place.indexOf(':'))

interface Placed {
  readonly record: StoreRecord
  readonly place: string
}

/**
 * All records by their places. One that was appended again to a newer day counts there: whoever wrote there before has not seen it. A
 * line that merely stands twice counts once.
 */
const inOrder = (found: readonly Bucket[]): Placed[] => {
  const byId = new Map<string, Placed>()
  for (const { records } of found)
    for (const each of records) {
      const known = byId.get(each.record.id)
      if (!known) byId.set(each.record.id, each)
      else if (bucketOf(each.place) > bucketOf(known.place)) {
        byId.delete(each.record.id) // so that the order is right as a rule
        byId.set(each.record.id, each)
      }
    }
  const all = [...byId.values()]
  const ordered = all.every(({ place }, n) => n === 0 || (all[n - 1]?.place ?? '') <= place)
  return ordered ? all : all.sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : 0))
}

const isFull = (folder: string, bucket: string | undefined): boolean =>
  bucket !== undefined && (attempt('look at', folder, () => stat(join(folder, bucket)))?.size ?? 0) >= FULL_BYTES

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

/** In the place of a file of records: a folder, a FIFO, a link, or a file that we would never have written. */
const ODD: ReadonlySet<string> = new Set(['EISDIR', 'ENXIO', 'ELOOP', 'NOT-REGULAR', 'TOO-LARGE'])

/** How often an append is made, or the files are read, again because a newer bucket appeared meanwhile: once a day, as a rule. */
const TURNS = 50

/**
 * Keeps records in files below `dir`, 0600 in folders of 0700. Its calls are synchronous, and throw `StoreError` for
 * everything but a target that was never written to. A folder that others own or may write is refused.
 */
export const localStore = (options: LocalStoreOptions): Store => {
  const { dir, now, uptimeMs = ownUptimeMs } = options
  const folderOf = (target: string): string => join(dir, 'targets', folderName(target))

  const command = (words: string, target: string): string => {
    // Whoever types it may have another environment than we.
    const usual = stateFolder({ ...world(), env: {} })
    const where = dir === usual ? '' : ` --state-dir ${quote(dir)}`
    return `bootcheck state${words}${where}${target.startsWith('-') ? ' --' : ''} ${quote(target)}`
  }
  const forgetCommand: Store['forgetCommand'] = target => command(' reset', target)

  /** Works on one file of a target; says what to do where its place is taken by something else. */
  const onBucket = <T>(target: string, path: string, work: (path: string) => T): T => {
    try {
      return work(path)
    } catch (error) {
      if (!(error instanceof StoreError && ODD.has(error.code))) throw error
      const aside = `mv ${quote(path)} ${quote(`${path}.aside`)}`
      throw new StoreError(error.code, error.path, error.message, `${aside} && ${forgetCommand(target)}`)
    }
  }

  const stamp = (): Stamp => ({ wallMs: now(), boot: options.boot ?? origin().boot, uptimeMs: uptimeMs() })

  const append: Store['append'] = (target, event) => {
    const folder = folderOf(target)
    // From the top, so that nothing is made below a folder that is not ours.
    for (const path of [dir, join(dir, 'targets'), folder])
      if (!standing(path, dir)) attempt('make', path, () => makeFolder(path))
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
      const bucket = bucketFor(record.wallMs, before, isFull(folder, before.at(-1)))
      onBucket(target, join(folder, bucket), path => appendLines(path, [line], constants.O_CREAT, dir))
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

  /** All files of the target, oldest first; undefined if what they hold was moved meanwhile. */
  const lookOnce = (target: string, folder: string): Bucket[] | undefined => {
    const found: Bucket[] = []
    const listed = buckets(folder)
    for (const name of listed) {
      const lines = onBucket(target, join(folder, name), path => readBucket(target, path, name, dir))
      if (!lines) return undefined
      found.push({ name, ...lines })
    }
    // A file that was removed may stand there anew, by a writer who was held up: what it had held is in one that is newer than all of these.
    return buckets(folder).at(-1) === listed.at(-1) ? found : undefined
  }

  /** None where nothing was ever written. */
  const look = (target: string): readonly Bucket[] => {
    const folder = folderOf(target)
    for (const path of [dir, join(dir, 'targets'), folder]) if (!standing(path, dir)) return []
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

  /**
   * What the files of a target come to. Throws where most of its lines since the last reset are bad: what the few good ones say is no
   * picture of it.
   */
  const readingOf = (target: string, found: readonly Bucket[], placed: readonly Placed[]): Reading => {
    const at = placed.findLastIndex(({ record }) => record.event.type === RESET)
    const cleared = placed[at]?.place ?? ''
    const bad = found.flatMap(({ name, bad: lines }) =>
      lines
        .filter(({ place }) => place > cleared)
        .map(({ line, why }) => `${join(folderOf(target), name)}:${line}: ${why}`),
    )
    const [firstBad] = bad
    const good = placed.length - Math.max(at, 0)
    if (bad.length > good)
      throw new StoreError(
        'DAMAGED',
        folderOf(target),
        `${bad.length} of ${bad.length + good} lines cannot be read, the first is ${firstBad}`,
        forgetCommand(target),
      )
    const records = placed.map(({ record }) => record)
    return { records, bad: bad.length, ...(firstBad === undefined ? {} : { firstBad }) }
  }

  const read: Store['read'] = target => {
    const found = look(target)
    return readingOf(target, found, inOrder(found))
  }

  const sweep: Store['sweep'] = (target, olderThanMs, keep) => {
    const folder = folderOf(target)
    const now = stamp()
    const today = dayOf(now.wallMs)
    // The newest is never removed: whoever writes to an older one, because he was held up, sees it and writes again.
    const settled = (names: readonly string[]): readonly string[] =>
      names.slice(0, -1).filter(
        // A day that is yet to come was named by a clock that was ahead, and says nothing about the records.
        name => endOf(name) + olderThanMs < now.wallMs || name.slice(0, today.length) > today,
      )
    for (const path of [dir, join(dir, 'targets'), folder]) if (!standing(path, dir)) return 0
    if (settled(buckets(folder)).length === 0) return 0
    const found = look(target)
    const newest = found.at(-1)
    if (!newest) return 0
    const placed = inOrder(found)
    // Where most lines are bad, they must not leave with their day: nothing would tell of them any more.
    readingOf(target, found, placed)
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
      if (lines.length > 0) appendLines(join(folder, newest.name), lines, 0, dir)
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

  /** Undefined where nothing was kept, and for a name that is not ours. Throws where it cannot be said whose it is. */
  const targetOfEntry = ({ name }: Dirent): string | undefined => {
    const path = join(dir, 'targets', name)
    const full = targetOf(name)
    const ours = full !== undefined || isShortened(name)
    try {
      // Another file is nothing of ours; a target's folder may have been replaced by one.
      if (!ours && !attempt('look at', path, () => stat(path))?.isDirectory()) return undefined
      if (!standing(path, dir)) return full
      let empty = true
      for (const bucket of buckets(path).reverse()) {
        const data = bytesOf(join(path, bucket), dir)
        if (!data || data.length === 0) continue
        empty = false
        const target = targetIn(data)
        if (target !== undefined && folderName(target) === name) return target
      }
      if (empty) return undefined
      if (!isShortened(name)) return full
    } catch (error) {
      // Its own `read` says what is wrong with it.
      if (error instanceof StoreError && full !== undefined) return full
      throw error
    }
    throw new StoreError(
      'NAMELESS',
      path,
      `${path} holds nothing but bad lines, and its name is too short to say whose they are`,
      `rm -r ${quote(path)}`,
    )
  }

  const targets: Store['targets'] = nameless => {
    const folder = join(dir, 'targets')
    for (const path of [dir, folder]) if (!standing(path, dir)) return []
    return attempt('list', folder, () => entries(folder))
      .map(entry => {
        try {
          return targetOfEntry(entry)
        } catch (error) {
          // The others can still be listed. What may be a target is not passed over in silence.
          if (!(error instanceof StoreError) || (!nameless && isShortened(entry.name))) throw error
          nameless?.(error)
          return undefined
        }
      })
      .filter(target => target !== undefined)
      .sort()
  }

  return {
    append,
    read,
    targets,
    sweep,
    stamp,
    showCommand: target => command('', target),
    forgetCommand,
  }
}
