/** Reading files without being held: every call here asks first whether the path may be touched in this process. */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { mayTouch } from './mounts.ts'

/** A path that could not be used as wanted: an errno (`ENOENT`, `EACCES`, `EISDIR`, `ELOOP`, …), `NOT-REGULAR` or `TOO-LARGE`. */
export class FileError extends Error {
  override readonly name = 'FileError'
  constructor(
    readonly code: string,
    readonly path: string,
    message: string,
  ) {
    super(message)
  }
}

const MEANING: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'lies below something that is no folder',
  ELOOP: 'is a loop of links',
}

export const fileError = (error: unknown, path: string): FileError => {
  const code = (error as NodeJS.ErrnoException).code ?? 'UNKNOWN'
  return new FileError(code, path, `${path} ${MEANING[code] ?? `cannot be used (${code})`}`)
}

const attempt = <T>(path: string, action: () => T): T => {
  mayTouch(path)
  try {
    return action()
  } catch (error) {
    throw error instanceof FileError ? error : fileError(error, path)
  }
}

const MISSING = new Set(['ENOENT', 'ENOTDIR'])

const orMissing = <T>(action: () => T): T | undefined => {
  try {
    return action()
  } catch (error) {
    if (error instanceof FileError && MISSING.has(error.code)) return undefined
    throw error
  }
}

/** Undefined where nothing is there. Throws `FileError` for everything else. */
export const stat = (path: string): Stats | undefined => orMissing(() => attempt(path, () => statSync(path)))

/** As `stat`, but a link is not followed. */
export const lstat = (path: string): Stats | undefined => orMissing(() => attempt(path, () => lstatSync(path)))

/** The path with every link followed. Throws `FileError`, also where nothing is there. */
export const realpath = (path: string): string => attempt(path, () => realpathSync(path))

/** The entries of a folder, dotfiles included, in no order. Throws `FileError`. */
export const entries = (path: string): Dirent[] => attempt(path, () => readdirSync(path, { withFileTypes: true }))

export const MEGABYTE = 1024 * 1024

const refuseOdd = (facts: Stats, path: string): void => {
  if (facts.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
  if (!facts.isFile()) throw new FileError('NOT-REGULAR', path, `${path} is not a regular file`)
}

const tooLarge = (path: string, max: number): FileError =>
  new FileError('TOO-LARGE', path, `${path} is larger than ${max} bytes`)

/**
 * The bytes of a regular file of at most `max` bytes. Never blocks on a FIFO or a device, and never reads past `max`,
 * whatever the file claims to be. Throws `FileError`.
 */
export const readBytes = (path: string, max = 4 * MEGABYTE): Buffer =>
  attempt(path, () => {
    // Before it is opened: opening alone lets a FIFO's writer go, and starts a watchdog.
    refuseOdd(statSync(path), path)
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    try {
      const facts = fstatSync(fd)
      refuseOdd(facts, path)
      if (facts.size > max) throw tooLarge(path, max)
      const chunks: Buffer[] = []
      let total = 0
      // A file may grow, and one in /proc claims 0 bytes: read until the end, or one byte past the limit.
      let room = Math.min(max, facts.size) + 1
      for (;;) {
        const chunk = Buffer.allocUnsafe(Math.max(room - total, 4096))
        const read = readSync(fd, chunk, 0, chunk.length, null)
        if (read === 0) break
        chunks.push(chunk.subarray(0, read))
        total += read
        if (total > max) throw tooLarge(path, max)
        room = Math.max(room, Math.min(max + 1, total * 2))
      }
      return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, total)
    } finally {
      closeSync(fd)
    }
  })

/** The first bytes of a regular file, at most `count`. Throws `FileError`. */
export const readStart = (path: string, count: number): Buffer =>
  attempt(path, () => {
    refuseOdd(statSync(path), path)
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    try {
      const bytes = Buffer.alloc(count)
      return bytes.subarray(0, readSync(fd, bytes, 0, count, 0))
    } finally {
      closeSync(fd)
    }
  })

/** As `readBytes`, decoded as UTF-8 without a byte order mark; invalid bytes become U+FFFD. */
export const readText = (path: string, max?: number): string => {
  const text = readBytes(path, max).toString('utf8')
  return text.startsWith('\ufeff') ? text.slice(1) : text
}

/** Replaces a file at once: a reader sees the old text or the new one. Mode and, for root, owner are kept. Throws `FileError`. */
export const replaceFile = (path: string, text: string): void =>
  attempt(path, () => {
    const target = realpathSync(path)
    const temporary = `${target}.${process.pid}.tmp`
    try {
      const { mode, uid, gid } = statSync(target)
      writeFileSync(temporary, text, { flag: 'wx' })
      chmodSync(temporary, mode & 0o7777) // the umask has no say in it
      if (process.geteuid?.() === 0) chownSync(temporary, uid, gid)
      renameSync(temporary, target)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
  })

/** Brings a folder's entries down to the disk: a new file is safe only when its entry is. */
export const syncFolder = (path: string): void => {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
