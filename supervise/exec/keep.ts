/**
 * The result file of a command. It is the command's own standard output, so that what was written is there whoever dies:
 * the command, we, or the reader behind us. What it says there is read back, and streamed on.
 */
import {
  accessSync,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { NeedsChild } from '../../core/contain.ts'
import { FileError, lstat, syncFolder } from '../../core/files.ts'
import { mayTouch } from '../../core/mounts.ts'
import { clock } from '../../core/process.ts'
import { quote } from '../../core/shell.ts'
import { bytes } from '../../core/text.ts'
import type { Relay } from './relay.ts'

export interface Kept {
  readonly path: string
  /** For the command to write to; only ever appended to. */
  readonly fd: number
  /** How large it is now. */
  size(): number
  /** Whether it still stands at its path; the command, or somebody else, may have moved or removed it. */
  stands(): boolean
  /** Begins to stream to `relay` what is written; says in one line what goes wrong with it. */
  stream(relay: Relay, tell: (line: string) => void): void
  /** Streams the rest and brings it down to the disk, once the command has ended. False if it may not all be there. */
  finish(): Promise<boolean>
  /** Takes the file away again: nothing has run. */
  remove(): void
}

/** A reason in one line, and a command to type where one helps. */
export interface Problem {
  readonly problem: string
  readonly next?: string
}

const MEANING: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is no folder',
  EISDIR: 'a name that ends with "/" is a folder\'s',
  ENAMETOOLONG: 'its name is too long',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
}

const PIECE = 64 * 1024
/** How often it is looked for more: a person at the terminal notices no delay. */
const LOOK_MS = 50
/** How often it is brought down to the disk while it grows. */
const SYNC_MS = 1000

const nextStep = (code: string, folder: string): string => {
  if (code === 'ENOENT') return `mkdir -p ${quote(folder)}`
  return `${code === 'ENOSPC' || code === 'EDQUOT' ? 'df -h' : 'ls -ld'} ${quote(folder)}`
}

const unusable = (error: unknown, path: string): Problem => {
  if (error instanceof NeedsChild)
    return {
      problem: `${path} lies on a file system that may hang, and a hung one could not be left at the deadline`,
      next: `df ${quote(dirname(path))}`,
    }
  const code = error instanceof FileError ? error.code : (error as NodeJS.ErrnoException).code
  if (code === undefined) throw error
  return { problem: `cannot make ${path}: ${MEANING[code] ?? code}`, next: nextStep(code, dirname(path)) }
}

/** A name beside it that is not taken: what is proposed must not destroy either. */
const spareName = (path: string): string => {
  let number = 1
  while (number < 1000 && lstat(`${path}.${number}`)) number++
  return `${path}.${number}`
}

/** What is there already is nobody's to overwrite: it may be all that is left of a run. */
const standing = (path: string, now: number): Problem | undefined => {
  const facts = lstat(path)
  if (!facts) return undefined
  if (facts.isFile())
    return {
      problem: `${path} is there already (${bytes(facts.size)}, last written ${clock(facts.mtimeMs, now)}): it may be all that is left of an earlier run, and is not overwritten; look at it first`,
      next: `mv ${quote(path)} ${quote(spareName(path))}`,
    }
  // Nothing to be moved away: others know it by this name.
  if (facts.isDirectory())
    return {
      problem: `${path} is a folder; name a new file, as in --keep ${quote(spareName(join(path, 'result')))}`,
    }
  return { problem: `${path} is no plain file and stays as it is; name a new file behind --keep` }
}

/** Why no file could be made there, as far as that can be seen before one is. */
export const unkeepable = (path: string, now: number): Problem | undefined => {
  try {
    const there = standing(path, now)
    if (there) return there
    if (path.endsWith('/')) return unusable({ code: 'EISDIR' }, path)
    mayTouch(path)
    // The dot: of a folder that is none that is said. To be read because its entry is brought down to the disk.
    accessSync(`${dirname(path)}/.`, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return unusable(error, path)
  }
}

/** Reads what was appended, and hands it on; at the reader's pace, and no further than `limit`. */
const follow = (
  fd: number,
  path: string,
  size: () => number,
  limit: () => number,
  tell: (line: string) => void,
): { more(relay: Relay): Promise<void> } => {
  const buffer = Buffer.allocUnsafe(PIECE)
  let at = 0
  return {
    async more(relay: Relay): Promise<void> {
      for (;;) {
        if (size() < at) {
          tell(`${path} was emptied while the command ran: it opened its own standard output (/dev/stdout) anew`)
          at = 0
        }
        const count = readSync(fd, buffer, 0, Math.min(PIECE, Math.max(0, limit() - at)), at)
        if (count === 0) return
        at += count
        if (!relay.write(Buffer.from(buffer.subarray(0, count)))) await relay.ready()
        // Between two pieces the deadline must be heard.
        else await new Promise(resolve => setImmediate(resolve))
      }
    },
  }
}

/** Makes the file, for this run alone: of two that try, one gets it. */
export const makeKept = (path: string, now: number): Kept | Problem => {
  let fd: number
  try {
    mayTouch(path)
    // Read back by the same descriptor: the path may lead elsewhere as soon as the command runs.
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND, 0o666)
  } catch (error) {
    return unkeepable(path, now) ?? unusable(error, path)
  }
  const size = (): number => fstatSync(fd).size
  const stands = (): boolean => {
    try {
      const [here, ours] = [lstat(path), fstatSync(fd)]
      return here?.ino === ours.ino && here.dev === ours.dev
    } catch {
      return false // its folder may not be looked into any more
    }
  }
  const remove = (): void => {
    if (stands()) unlinkSync(path)
    closeSync(fd)
  }
  try {
    syncFolder(dirname(path))
  } catch (error) {
    remove()
    return unusable(error, path)
  }
  let stopped = false
  let limit = Number.POSITIVE_INFINITY
  let streaming: Promise<void> = Promise.resolve()
  let wake = (): void => {}
  let whole = true
  return {
    path,
    fd,
    size,
    stands,
    stream(relay, tell) {
      const tail = follow(fd, path, size, () => limit, tell)
      let synced = { size: 0, at: 0 }
      let syncing = false
      const sync = (): void => {
        const grown = size()
        if (syncing || grown === synced.size || performance.now() - synced.at < SYNC_MS) return
        syncing = true
        fdatasync(fd, error => {
          syncing = false
          if (error) whole = false
          synced = { size: grown, at: performance.now() }
        })
      }
      const run = async (): Promise<void> => {
        try {
          while (!stopped) {
            await tail.more(relay)
            sync()
            await new Promise<void>(resolve => {
              const timer = setTimeout(resolve, LOOK_MS)
              wake = () => {
                clearTimeout(timer)
                resolve()
              }
              if (stopped) wake()
            })
          }
          await tail.more(relay)
        } catch (error) {
          whole = false
          tell(`${path} cannot be read back: ${(error as NodeJS.ErrnoException).code ?? error}`)
        }
        await relay.end()
      }
      streaming = run()
    },
    async finish() {
      // What the command has left running may write on for ever.
      limit = size()
      stopped = true
      wake()
      await streaming
      try {
        fsyncSync(fd)
      } catch {
        whole = false
      }
      closeSync(fd)
      return whole
    },
    remove,
  }
}
