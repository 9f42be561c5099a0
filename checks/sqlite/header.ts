/** The first 100 bytes of a database (https://www.sqlite.org/fileformat.html), and what they are worth. */

export const HEADER_BYTES = 100

const MAGIC = Buffer.from('SQLite format 3\0', 'latin1')

export interface Header {
  readonly pageSize: number
  /** Changes go to a log beside the file first (WAL), not to a rollback journal. */
  readonly wal: boolean
  /** Pages that the file must have; undefined where the header leaves that to the file's size. */
  readonly pages: number | undefined
  readonly encoding: 'UTF-8' | 'UTF-16'
  readonly userVersion: number
}

/** Text, or mostly so: somebody's JSON or an error page. */
const isText = (data: Buffer): boolean =>
  data.length > 0 && data.every(byte => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13)

/** Bits per byte: 8 is noise. */
const entropy = (data: Buffer): number => {
  const counts = new Map<number, number>()
  for (const byte of data) counts.set(byte, (counts.get(byte) ?? 0) + 1)
  return -[...counts.values()].reduce((sum, count) => sum + (count / data.length) * Math.log2(count / data.length), 0)
}

const NOISE = 7.5
const ENOUGH = 2048

/** What a file without SQLite's signature is, as far as its first bytes tell. */
const stranger = (start: Buffer, size: number): string => {
  if (start.subarray(0, 16).every(byte => byte === 0)) return 'its first bytes are zeros, as after a power failure'
  if (isText(start)) return 'it is a text'
  if (start.length >= ENOUGH && entropy(start) > NOISE && size % 512 === 0)
    return 'its bytes are noise in whole pages: it is encrypted (SQLCipher, SEE), or another thing altogether'
  return 'it does not begin with "SQLite format 3"'
}

export type Judged =
  | { readonly header: Header }
  | { readonly flaw: { readonly what: 'not-a-database' | 'header'; readonly message: string } }

/** Reads a header out of the first bytes of a file of `size` bytes. */
export const judgeHeader = (start: Buffer, size: number): Judged => {
  const flaw = (what: 'not-a-database' | 'header', message: string): Judged => ({ flaw: { what, message } })
  if (!start.subarray(0, 16).equals(MAGIC)) return flaw('not-a-database', stranger(start, size))
  if (start.length < HEADER_BYTES) return flaw('header', `it ends after ${start.length} bytes, within its header`)
  const stored = start.readUInt16BE(16)
  const pageSize = stored === 1 ? 65_536 : stored
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return flaw('header', `a page size of ${stored}`)
  const [writes = 0, reads = 0, reserved = 0] = start.subarray(18, 21)
  if (writes < 1 || writes > 2 || reads < 1 || reads > 2)
    return flaw('header', `versions of the format that do not exist (${writes} to write, ${reads} to read)`)
  if (pageSize - reserved < 480) return flaw('header', `${reserved} bytes of each page set aside`)
  if (start[21] !== 64 || start[22] !== 32 || start[23] !== 32)
    return flaw('header', 'payload fractions other than 64, 32, 32')
  const format = start.readUInt32BE(44)
  if (format > 4) return flaw('header', `schema format ${format}`)
  const encoding = start.readUInt32BE(56)
  if (encoding > 3) return flaw('header', `text encoding ${encoding}`)
  const pages = start.readUInt32BE(28)
  // An old SQLite wrote without keeping the count; then the two counters differ.
  const counted = pages > 0 && start.readUInt32BE(24) === start.readUInt32BE(92)
  return {
    header: {
      pageSize,
      wal: reads === 2,
      pages: counted ? pages : undefined,
      encoding: encoding > 1 ? 'UTF-16' : 'UTF-8',
      userVersion: start.readInt32BE(60),
    },
  }
}
