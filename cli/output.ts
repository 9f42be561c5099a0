/** Writing that ends in time and says whether everything arrived. */

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { elapsed } from '../core/clock.ts'
import { NeedsChild } from '../core/contain.ts'
import { mayTouch } from '../core/mounts.ts'

export interface Written {
  readonly complete: boolean
  /** Why not: an errno (`EPIPE`, `ENOSPC`, …), or `TIMEOUT` when nobody read it in time. */
  readonly why?: string
}

// A write of at most PIPE_BUF bytes to a non-blocking pipe arrives whole or not at all.
const PIECE = 4096
const PAUSE_MS = 5

const clock = new Int32Array(new SharedArrayBuffer(4))
const pause = (): void => void Atomics.wait(clock, 0, 0, PAUSE_MS)

const errno = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'UNKNOWN'

/** Writes all bytes, over short writes and refusals to block, until the time is over. */
const pump = (fd: number, bytes: Buffer, piece: number, timeoutMs: number): Written => {
  const until = elapsed() + timeoutMs
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at, Math.min(piece, bytes.length - at))
    } catch (error) {
      const code = errno(error)
      if (code !== 'EAGAIN') return { complete: false, why: code }
      if (elapsed() >= until) return { complete: false, why: 'TIMEOUT' }
      pause()
    }
  }
  return { complete: true }
}

/** A description of our own of what `fd` is open on: to make ours non-blocking changes nothing for those who share the old one. */
const reopen = (fd: number): number | undefined => {
  if (process.platform !== 'linux') return undefined
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    // A socket, somebody else's terminal or pipe, no /proc, or a pipe without a reader: the plain write says which.
    return undefined
  }
}

/**
 * Where a descriptor cannot be opened again, Node's own stream for it makes pipes and sockets non-blocking (and Node sets them
 * back at exit). A terminal stays blocking: one that its user has stopped holds us, which a supervisor's timeout must end.
 */
const unblock = (fd: number, facts: Stats): void => {
  if (!facts.isFIFO() && !facts.isSocket()) return
  if (fd === 1) void process.stdout
  if (fd === 2) void process.stderr
}

/**
 * Writes text to a descriptor. A reader that does not read holds it for `timeoutMs` at most; a slow one gets everything that
 * fits in that time. Never throws.
 */
export const writeOut = (fd: number, text: string, { timeoutMs }: { readonly timeoutMs: number }): Written => {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length === 0) return { complete: true }
  let own: number | undefined
  try {
    const facts = fstatSync(fd)
    if (facts.isFile()) return pump(fd, bytes, bytes.length, timeoutMs)
    if (facts.isFIFO() || facts.isCharacterDevice()) own = reopen(fd)
    if (own === undefined) unblock(fd, facts)
    return pump(own ?? fd, bytes, PIECE, timeoutMs)
  } catch (error) {
    return { complete: false, why: errno(error) }
  } finally {
    if (own !== undefined) closeSync(own)
  }
}

/** A report file that could not be written; the message says which and why. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
}

const MEANING: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  ELOOP: 'it is a loop of links',
  ENXIO: 'nobody reads it',
  EPIPE: 'nobody reads it any more',
  TIMEOUT: 'it took too long',
}

const refused = (path: string, why: string): OutputError =>
  new OutputError(`cannot write the report to ${path}: ${MEANING[why] ? `${MEANING[why]} (${why})` : why}`)

const missing = (error: unknown): boolean => errno(error) === 'ENOENT'

/** Where a path leads, links followed, and what is there now. */
const destination = (path: string): { readonly at: string; readonly facts?: Stats } => {
  try {
    const at = realpathSync(path)
    return { at, facts: statSync(at) }
  } catch (error) {
    if (missing(error)) return { at: path }
    throw error
  }
}

/** A FIFO or a device (`/dev/stderr`, `/dev/null`) is written to; to rename over it would destroy it. */
const writeDevice = (at: string, text: string, timeoutMs: number): Written => {
  const fd = openSync(at, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    return pump(fd, Buffer.from(text, 'utf8'), PIECE, timeoutMs)
  } finally {
    closeSync(fd)
  }
}

const replaceFile = (at: string, text: string, before: Stats | undefined): Written => {
  const temporary = join(dirname(at), `.${basename(at)}.${process.pid}.${Date.now().toString(36)}.tmp`)
  const bytes = Buffer.from(text, 'utf8')
  const fd = openSync(temporary, 'wx', 0o666)
  try {
    let written: Written
    try {
      if (before) keepOwner(fd, before)
      written = pump(fd, bytes, bytes.length, 0)
    } finally {
      closeSync(fd)
    }
    if (written.complete) renameSync(temporary, at)
    else unlinkSync(temporary)
    return written
  } catch (error) {
    try {
      unlinkSync(temporary)
    } catch {
      // The error that led here is the one to tell.
    }
    throw error
  }
}

/** Who could read the file before can read it still. */
const keepOwner = (fd: number, before: Stats): void => {
  if (process.geteuid?.() === 0) fchownSync(fd, before.uid, before.gid)
  fchmodSync(fd, before.mode & 0o777)
}

/**
 * Writes a report file whole or not at all: into a temporary file beside it, then renamed over it. Links are followed; a FIFO or
 * a device is written to as it is. A path on a file system that may hang is written by a process that can be killed.
 * Throws `OutputError`.
 */
export const writeReportFile = async (path: string, text: string, timeoutMs = 5000): Promise<void> => {
  let written: Written
  try {
    const given = resolve(path)
    mayTouch(given)
    const { at, facts } = destination(given)
    if (facts?.isDirectory()) throw refused(path, 'EISDIR')
    if (facts?.isSocket()) throw refused(path, 'it is a socket')
    written = facts && !facts.isFile() ? writeDevice(at, text, timeoutMs) : replaceFile(at, text, facts)
  } catch (error) {
    if (error instanceof OutputError) throw error
    if (!(error instanceof NeedsChild)) throw refused(path, errno(error))
    const { writeByShell } = await import('./shell-write.ts')
    written = await writeByShell(resolve(path), text, timeoutMs)
  }
  if (!written.complete) throw refused(path, written.why ?? 'UNKNOWN')
}
