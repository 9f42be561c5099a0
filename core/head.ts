/** The first bytes of a file of any size. */
import { closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { fileError } from './files.ts'
import { mayTouch } from './mounts.ts'

/** At most `count` bytes; none of what is no regular file. Throws `FileError`. */
export const readHead = (path: string, count: number): Buffer => {
  mayTouch(path)
  try {
    if (!statSync(path).isFile()) return Buffer.alloc(0)
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    try {
      const head = Buffer.alloc(count)
      return head.subarray(0, readSync(fd, head, 0, count, 0))
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw fileError(error, path)
  }
}
