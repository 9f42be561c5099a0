/** Proves what may be done in a folder by doing it: what access(2) says is an opinion, and not asked of full or failing disks. */
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  opendirSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { mayTouch } from '../../core/mounts.ts'

/** The step that failed, with its errno (`DIFFERENT`: other bytes came back than were written). */
export interface Refusal {
  readonly step: 'list' | 'search' | 'create' | 'write' | 'sync' | 'read' | 'rename' | 'remove'
  readonly code: string
  /** Probe files that could not be removed again. */
  readonly left: readonly string[]
}

const errno = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'UNKNOWN'

/** node:crypto costs 5 ms to load; O_EXCL is what keeps a name from being somebody else's. */
const random = (): string => Math.random().toString(36).slice(2, 12).padEnd(10, '0')

const within = (folder: string, name: string): string => (folder === '/' ? `/${name}` : `${folder}/${name}`)

/** Whether a folder can be listed, and the names in it reached. */
export const probeReading = (folder: string): Refusal | undefined => {
  mayTouch(folder)
  try {
    const dir = opendirSync(folder, { bufferSize: 1 })
    try {
      dir.readSync()
    } finally {
      dir.closeSync()
    }
  } catch (error) {
    return { step: 'list', code: errno(error), left: [] }
  }
  try {
    lstatSync(`${folder}/.`) // resolving a name inside takes the right to search, also in an empty folder
  } catch (error) {
    return { step: 'search', code: errno(error), left: [] }
  }
  return undefined
}

/** One page: enough for a full disk or a spent quota to refuse it. */
const SAMPLE = 4096

const writeAll = (fd: number, data: Buffer): void => {
  for (let done = 0; done < data.length; ) done += writeSync(fd, data, done)
}

const readAll = (fd: number): Buffer => {
  const data = Buffer.alloc(SAMPLE + 1)
  let done = 0
  for (let n = -1; n !== 0 && done < data.length; done += n) n = readSync(fd, data, done, data.length - done, done)
  return data.subarray(0, done)
}

/** Writes, syncs, reads back, renames and removes a file of its own. Whatever fails, the file is removed. */
export const probeWriting = (folder: string): Refusal | undefined => {
  mayTouch(folder)
  const name = (): string => within(folder, `.bootcheck-${process.pid}-${random()}.tmp`)
  const [first, second] = [name(), name()]
  const data = Buffer.alloc(SAMPLE, `bootcheck ${first} `)
  const made = new Set<string>()
  let step: Refusal['step'] = 'create'
  let code: string | undefined
  let fd: number | undefined
  try {
    fd = openSync(first, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600)
    made.add(first)
    step = 'write'
    writeAll(fd, data)
    step = 'sync'
    fsyncSync(fd)
    step = 'read'
    if (!readAll(fd).equals(data)) throw Object.assign(new Error(), { code: 'DIFFERENT' })
    step = 'rename'
    made.add(second)
    renameSync(first, second)
    step = 'remove'
    unlinkSync(second)
    made.clear()
  } catch (error) {
    code = errno(error)
  } finally {
    if (fd !== undefined) {
      try {
        closeSync(fd)
      } catch (error) {
        code ??= errno(error) // NFS tells of a full disk here
      }
    }
  }
  const left = [...made].filter(path => !removed(path))
  return code === undefined ? undefined : { step, code, left }
}

/** Whether nothing is there any more. */
const removed = (path: string): boolean => {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    return errno(error) === 'ENOENT'
  }
}
