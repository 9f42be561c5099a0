/** Why a program could not be started that was found, with an interpreter that runs, from what the system says. */
import { excerpt } from '../../core/text.ts'

/** The file exists, and where it can be read so does the interpreter of its first line: otherwise it would not have been started. */
export const whyNotStarted = (
  error: Pick<NodeJS.ErrnoException, 'code' | 'message'>,
): { readonly what: 'no-interpreter' | 'not-executable' | 'not-started'; readonly says: string } => {
  // The loader that a binary names, or the interpreter of a script that may be run and not read.
  if (error.code === 'ENOENT')
    return { what: 'no-interpreter', says: 'names a loader or an interpreter that does not exist' }
  if (error.code === 'EACCES') return { what: 'not-executable', says: 'may not be executed by this user (EACCES)' }
  return { what: 'not-started', says: `could not be started: ${excerpt(error.message, 200)}` }
}
