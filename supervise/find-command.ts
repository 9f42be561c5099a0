/** Which file a command's name stands for, under the PATH that this process really has. */
import { accessSync, constants } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Env } from '../core/check.ts'
import { NeedsChild } from '../core/contain.ts'
import { FileError, stat } from '../core/files.ts'
import { ask } from '../core/system.ts'
import { excerpt, listing } from '../core/text.ts'

/** The file, or one line that says why there is none. */
export type FoundCommand = { readonly path: string } | { readonly problem: string }

/** What POSIX systems search where PATH is not set (`getconf PATH`). */
const USUAL_PATH = '/usr/bin:/bin'

type Look =
  | 'runs'
  | 'missing'
  | 'is a folder'
  | 'is not executable by this user'
  | 'is no regular file'
  | 'cannot be looked at'

/** On a file system that may hang a process that can be killed looks for us. */
const lookByTool = (path: string): Look => {
  if (ask('test', ['-x', path, '-a', '-f', path]) !== undefined) return 'runs'
  if (ask('test', ['-d', path]) !== undefined) return 'is a folder'
  return ask('test', ['-e', path]) === undefined ? 'missing' : 'is not executable by this user'
}

const look = (path: string): Look => {
  try {
    const facts = stat(path)
    if (!facts) return 'missing'
    if (facts.isDirectory()) return 'is a folder'
    if (!facts.isFile()) return 'is no regular file'
    accessSync(path, constants.X_OK)
    return 'runs'
  } catch (error) {
    if (error instanceof NeedsChild) return lookByTool(path)
    if (error instanceof FileError) return 'cannot be looked at'
    return 'is not executable by this user'
  }
}

/** A word with a slash is a path; any other is searched on PATH, as a shell does it, whose functions and aliases we do not know. */
export const findCommand = (word: string, { cwd, env }: { readonly cwd: string; readonly env: Env }): FoundCommand => {
  const shown = excerpt(word, 200)
  if (word === '') return { problem: 'the command is an empty word' }
  if (word.includes('/')) {
    const path = resolve(cwd, word)
    const seen = look(path)
    return seen === 'runs' ? { path } : { problem: `${shown} ${seen === 'missing' ? 'does not exist' : seen}` }
  }
  const searched = env.PATH ?? USUAL_PATH
  const folders = searched.split(':')
  const odd: string[] = []
  for (const folder of folders) {
    const path = join(resolve(cwd, folder === '' ? '.' : folder), word)
    const seen = look(path)
    if (seen === 'runs') return { path }
    if (seen !== 'missing') odd.push(`${excerpt(path, 200)} ${seen}`)
  }
  const path = env.PATH === undefined ? `PATH is not set; looked in ${USUAL_PATH}` : `PATH is ${excerpt(searched, 400)}`
  return { problem: `${shown} was not found: ${odd.length > 0 ? `${listing(odd)}; ` : ''}${path}` }
}
