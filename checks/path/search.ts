/** Seeks patterns in a file of any size, one line at a time, with little memory. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { FileError, fileError, MEGABYTE } from '../../core/files.ts'
import { mayTouch } from '../../core/mounts.ts'
import { type Matcher, seeking } from '../../core/safe-regex.ts'

const CHUNK = MEGABYTE
/** What a line holds beyond this is not looked at, and said. */
const MAX_LINE = MEGABYTE
/** A file in /proc or /sys claims no size: so much of it is read. */
const MAX_UNSIZED = 16 * MEGABYTE

export interface Found {
  /** For each pattern, in their order, the first line that has it (1-based), or undefined. */
  readonly lines: readonly (number | undefined)[]
  /** Not a byte was read. */
  readonly empty: boolean
  /** Why a pattern without a line may still be there: so much was not looked at. */
  readonly unseen?: string
}

/** Bytes with which a file begins whose text is not to be found in its bytes. */
const MAGIC: readonly (readonly [string, string])[] = [
  ['\xff\xfe', 'it is UTF-16, and only UTF-8 is searched'],
  ['\xfe\xff', 'it is UTF-16, and only UTF-8 is searched'],
  ['\0\0\xfe\xff', 'it is UTF-32, and only UTF-8 is searched'],
  ['\x1f\x8b', 'it is compressed (gzip)'],
  ['\x28\xb5\x2f\xfd', 'it is compressed (zstd)'],
  ['\xfd7zXZ\0', 'it is compressed (xz)'],
  ['BZh', 'it is compressed (bzip2)'],
  ['\x04\x22\x4d\x18', 'it is compressed (lz4)'],
  ['PK\x03\x04', 'it is an archive (zip)'],
]

/** Every second byte a zero, as in UTF-16, or three of four: a log with holes of zeros, or /proc's words between zeros, are other things. */
const WIDE = /(?:[^\0]\0(?:\0\0)?){4}/

/** Why a text may stand in these bytes that is not found in them; `first`: they begin the file. */
const hidden = (data: Buffer, first: boolean): string | undefined => {
  const known = first ? MAGIC.find(([magic]) => data.toString('latin1', 0, magic.length) === magic) : undefined
  if (known) return known[1]
  return data.includes(0) && WIDE.test(data.toString('latin1'))
    ? 'it holds UTF-16, and only UTF-8 is searched'
    : undefined
}

const pause = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/**
 * Reads until every pattern has its line, or to the end that the file had when it was opened: one that grows is no endless file.
 * Rejects with a `FileError`, and with the signal's reason once that is aborted.
 */
export const search = async (path: string, patterns: readonly Matcher[], signal: AbortSignal): Promise<Found> => {
  mayTouch(path)
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch (error) {
    throw fileError(error, path)
  }
  const done = seeking(patterns, path)
  try {
    const facts = fstatSync(fd)
    if (!facts.isFile()) throw new FileError('NOT-REGULAR', path, `${path} is not a regular file`)
    const lines: (number | undefined)[] = patterns.map(() => undefined)
    let number = 1
    let unseen: string | undefined
    let pieces: Buffer[] = []
    let length = 0
    const keep = (piece: Buffer): void => {
      const room = MAX_LINE - length
      if (piece.length > room) unseen ??= `line ${number} is longer than ${MAX_LINE} bytes`
      if (room > 0 && piece.length > 0) pieces.push(piece.subarray(0, room))
      length += Math.min(piece.length, Math.max(room, 0))
    }
    const endLine = (): void => {
      const line = Buffer.concat(pieces).toString('utf8').replace(/\r$/, '')
      // A carriage return ends a line, too: a progress bar writes it, and old systems.
      const parts = line.includes('\r') ? line.split('\r') : [line]
      for (const [index, pattern] of patterns.entries())
        if (lines[index] === undefined && parts.some(part => pattern.find(part) >= 0)) lines[index] = number
      pieces = []
      length = 0
      number++
    }
    const end = facts.size > 0 ? facts.size : MAX_UNSIZED
    let total = 0
    while (total < end) {
      if (lines.every(line => line !== undefined)) return { lines, empty: false }
      signal.throwIfAborted()
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, end - total))
      const read = readSync(fd, chunk, 0, chunk.length, null)
      if (read === 0) break
      total += read
      const data = chunk.subarray(0, read)
      unseen ??= hidden(data, total === read)
      let start = 0
      for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, start)) {
        keep(data.subarray(start, at))
        endLine()
        start = at + 1
      }
      keep(data.subarray(start))
      if (total % (16 * CHUNK) < read) await pause() // so that a deadline can be heard
    }
    if (length > 0) endLine()
    if (facts.size === 0 && total >= MAX_UNSIZED) unseen ??= `more than ${MAX_UNSIZED} bytes in a file that claims none`
    return { lines, empty: total === 0, ...(unseen === undefined ? {} : { unseen }) }
  } catch (error) {
    throw error instanceof FileError || !(error as NodeJS.ErrnoException).code?.startsWith('E')
      ? error
      : fileError(error, path)
  } finally {
    done()
    closeSync(fd)
  }
}
