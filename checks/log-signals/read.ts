/** Reads a log from its beginning to where it ended when it was opened: it may grow faster than it is read. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { FileError, fileError, stat } from '../../core/files.ts'
import { mayTouch } from '../../core/mounts.ts'

const CHUNK = 256 * 1024

/** What is compressed in a way that nobody here reads, by its first bytes. */
const OTHERS: readonly (readonly [name: string, magic: string])[] = [
  ['xz', 'fd377a585a00'],
  ['bzip2', '425a68'],
  ['zstd', '28b52ffd'],
  ['zip', '504b0304'],
  ['lz4', '04224d18'],
]

const odd = (path: string, what: string): FileError => new FileError('NOT-REGULAR', path, `${path} ${what}`)

async function* chunks(fd: number, size: number, breathe: () => Promise<void>): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(CHUNK)
  for (let at = 0; at < size; ) {
    const read = readSync(fd, buffer, 0, Math.min(CHUNK, size - at), at)
    if (read === 0) return // it was truncated meanwhile
    at += read
    // A decompressor keeps what it is given: it gets a copy.
    yield buffer.subarray(0, read)
    await breathe()
  }
}

const inflate = async (
  source: AsyncGenerator<Buffer>,
  path: string,
  onBytes: (bytes: Buffer) => void,
  breathe: () => Promise<void>,
): Promise<void> => {
  const [{ createGunzip }, { Readable }, { pipeline }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
    import('node:stream/promises'),
  ])
  const copies = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of source) yield Buffer.from(chunk)
  }
  try {
    await pipeline(Readable.from(copies()), createGunzip(), async pieces => {
      for await (const piece of pieces) {
        onBytes(piece as Buffer)
        await breathe()
      }
    })
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code.startsWith('Z_')) throw new FileError('NOT-GZIP', path, `${path} is damaged or cut short (gzip: ${code})`)
    throw error
  }
}

/** Hands the bytes on in pieces; gzip by its first bytes, whatever the name. Throws `FileError`. */
export const readLog = async (
  path: string,
  onBytes: (bytes: Buffer) => void,
  breathe: () => Promise<void>,
): Promise<void> => {
  mayTouch(path)
  // Before it is opened: opening alone lets a FIFO's writer go.
  const before = stat(path)
  if (!before) throw new FileError('ENOENT', path, `${path} does not exist`)
  if (!before.isFile()) throw odd(path, 'is not a regular file')
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch (error) {
    throw fileError(error, path)
  }
  try {
    const facts = fstatSync(fd)
    if (!facts.isFile()) throw odd(path, 'is not a regular file')
    const head = Buffer.alloc(6)
    const start = head.toString('hex', 0, readSync(fd, head, 0, 6, 0))
    const other = OTHERS.find(([, magic]) => start.startsWith(magic))
    if (other) throw odd(path, `is compressed with ${other[0]}; only gzip is read`)
    if (/^(?:fffe|feff)/.test(start))
      throw odd(path, 'is UTF-16, and no line of it would be searched; only UTF-8 is read')
    const source = chunks(fd, facts.size, breathe)
    if (start.startsWith('1f8b')) await inflate(source, path, onBytes, breathe)
    else for await (const chunk of source) onBytes(chunk)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw error instanceof FileError || code === undefined || !code.startsWith('E') || code.startsWith('ERR_')
      ? error
      : fileError(error, path)
  } finally {
    closeSync(fd)
  }
}
