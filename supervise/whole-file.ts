/** Files of the state folder that are whole or not there: written beside their place, brought down to the disk, and moved. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { NeedsChild } from '../core/contain.ts'
import { entries, FileError } from '../core/files.ts'

const SUFFIX = '.tmp'

/** A writer takes milliseconds. */
const ORPHAN_MS = 3_600_000

/** Mode 0600. Throws what the system says; then nothing is left behind. */
export const writeWhole = (path: string, text: string): void => {
  const temporary = `${path}.${process.pid}${SUFFIX}`
  try {
    const fd = openSync(temporary, 'w', 0o600)
    try {
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Removes what writers that were killed have left. */
export const removeOrphans = (folder: string): void => {
  try {
    for (const { name } of entries(folder)) {
      if (!name.endsWith(SUFFIX)) continue
      const path = join(folder, name)
      if (Date.now() - statSync(path).mtimeMs > ORPHAN_MS) rmSync(path, { force: true })
    }
  } catch (error) {
    // There is no such folder, somebody else was quicker, or nothing can be removed, which the next write will say.
    if (
      typeof (error as NodeJS.ErrnoException).code !== 'string' &&
      !(error instanceof FileError || error instanceof NeedsChild)
    )
      throw error
  }
}
