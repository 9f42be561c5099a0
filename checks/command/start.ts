/** Why a program could not be started, from what the system says and what stands in its first line. */
import { closeSync, openSync, readSync } from 'node:fs'
import { mayTouch } from '../../core/mounts.ts'
import { excerpt } from '../../core/text.ts'

/** The interpreter in the first line of a script; undefined where there is none. execve(2) reads 255 bytes of it. */
export const interpreterIn = (head: string): string | undefined => /^#![ \t]*([^ \t\n]+)/.exec(head)?.[1]

const headOf = (path: string): string => {
  mayTouch(path)
  const head = Buffer.alloc(256)
  const fd = openSync(path, 'r')
  try {
    return head.toString('utf8', 0, readSync(fd, head, 0, head.length, 0))
  } finally {
    closeSync(fd)
  }
}

/** The file exists: otherwise it would not have been started. */
export const whyNotStarted = (
  path: string,
  error: Pick<NodeJS.ErrnoException, 'code' | 'message'>,
): { readonly what: 'no-interpreter' | 'not-executable' | 'not-started'; readonly says: string } => {
  if (error.code === 'ENOENT') {
    let interpreter: string | undefined
    try {
      interpreter = interpreterIn(headOf(path))
    } catch {
      // may be run and not read: then the loader of a binary, or a script's interpreter
    }
    const which = interpreter === undefined ? 'the loader that it names' : excerpt(interpreter, 100)
    return { what: 'no-interpreter', says: `needs ${which}, which does not exist` }
  }
  if (error.code === 'EACCES') return { what: 'not-executable', says: 'may not be executed by this user (EACCES)' }
  return { what: 'not-started', says: `could not be started: ${excerpt(error.message, 200)}` }
}
