/** The database and what SQLite keeps beside it: there, and ours to use? */
import { accessSync, closeSync, constants, openSync, readSync, type Stats } from 'node:fs'
import { fileError, lstat, stat } from '../../core/files.ts'
import { mayTouch } from '../../core/mounts.ts'

export interface Beside {
  readonly path: string
  readonly bytes: number
  readonly readable: boolean
  readonly writable: boolean
  readonly uid: number
  /** What it is, where it is no plain file: `a link`. SQLite follows none (O_NOFOLLOW), and its log and journal are files. */
  readonly odd?: string
}

const may = (path: string, mode: number): boolean => {
  mayTouch(path)
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

export const mayRead = (path: string): boolean => may(path, constants.R_OK)
export const mayWrite = (path: string): boolean => may(path, constants.W_OK)
/** Names in it can be made and reached. */
export const mayMakeIn = (folder: string): boolean => may(folder, constants.W_OK | constants.X_OK)

/** `a folder`; undefined for a plain file. */
const oddness = (path: string, facts: Stats): string | undefined => {
  if (facts.isFile()) return undefined
  if (facts.isSymbolicLink()) return stat(path) ? 'a link' : 'a link to nothing'
  return facts.isDirectory() ? 'a folder' : 'no regular file'
}

/** Undefined where nothing is there. Throws `FileError`. */
export const besideAt = (path: string): Beside | undefined => {
  const facts = lstat(path)
  if (!facts) return undefined
  const odd = oddness(path, facts)
  return {
    path,
    bytes: facts.size,
    readable: mayRead(path),
    writable: mayWrite(path),
    uid: facts.uid,
    ...(odd === undefined ? {} : { odd }),
  }
}

/** The first bytes of a regular file, at most `most`. Throws `FileError`. */
export const startOf = (path: string, most: number): Buffer => {
  mayTouch(path)
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const data = Buffer.alloc(most)
    let total = 0
    for (let read = -1; read !== 0 && total < most; total += read) read = readSync(fd, data, total, most - total, total)
    return data.subarray(0, total)
  } catch (error) {
    throw fileError(error, path)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Changes when somebody writes. */
export const stampOf = (path: string): string =>
  ['', '-wal', '-journal']
    .map(end => {
      const facts = stat(path + end)
      return facts ? `${facts.ino} ${facts.size} ${facts.mtimeMs}` : '-'
    })
    .join(', ')
