/** Which file a command's name stands for, under the PATH that this process really has. */
import { accessSync, constants } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { Env } from './check.ts'
import { NeedsChild } from './contain.ts'
import { FileError, readStart, stat } from './files.ts'
import { findBreak } from './path-break.ts'
import { quote } from './shell.ts'
import { ask } from './system.ts'
import { excerpt, listing } from './text.ts'

/**
 * `missing`: nothing of this name is at the path, or on PATH. `unusable`: something is there, and is no file that can be looked at.
 * `interpreter`: it is empty, or what its first line names does not run.
 */
export type CommandFlaw = 'missing' | 'folder' | 'not-executable' | 'unusable' | 'interpreter'

/** The file, or one line that says why there is none that could run, and a command to type where one helps. */
export type FoundCommand =
  | { readonly path: string }
  | { readonly flaw: CommandFlaw; readonly problem: string; readonly next?: string }

interface Place {
  readonly cwd: string
  readonly env: Env
}

/** What POSIX systems search where PATH is not set (`getconf PATH`). */
const USUAL_PATH = '/usr/bin:/bin'

type Look =
  | 'runs'
  | 'missing'
  | 'is a folder'
  | 'is not executable by this user'
  | 'is no regular file'
  | 'cannot be looked at'

const FLAW: Readonly<Record<Exclude<Look, 'runs'>, CommandFlaw>> = {
  missing: 'missing',
  'is a folder': 'folder',
  'is not executable by this user': 'not-executable',
  'is no regular file': 'unusable',
  'cannot be looked at': 'unusable',
}

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

/** What Linux reads of a first line; macOS reads twice as much. */
const LINE_BYTES = 256
/** How many scripts Linux lets interpret one another. */
const DEEPEST = 4

/** What `env` is to search on PATH, where its words are plain: `node`, `-S node --flag`. */
const searchedBy = (words: string): string | undefined =>
  /^(?:-S\s+)?([^-=\s][^=\s]*)$/.exec(words)?.[1] ?? /^-S\s+([^-=\s][^=\s]*)\s/.exec(words)?.[1]

/** Why a file that may be executed cannot run: it is empty, or its `#!` line names nothing that runs. */
const inside = (path: string, place: Place, depth: number): string | undefined => {
  let line: string
  try {
    const start = readStart(path, LINE_BYTES).toString('latin1')
    // A shell would take it for a script that does nothing, and succeeds.
    if (start === '') return 'is empty'
    line = /^#![^\n\0]*/.exec(start)?.[0] ?? ''
  } catch {
    return undefined // to be run it need not be readable; and one on a file system that may hang is left alone
  }
  const [, interpreter, words = ''] = /^#![ \t]*([^ \t]+)[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
  if (interpreter === undefined || depth === DEEPEST) return undefined
  if (line.endsWith('\r')) return `has a carriage return at the end of its first line, ${excerpt(line, 200)}`
  const real = resolve(place.cwd, interpreter)
  const seen = look(real)
  const name = excerpt(interpreter, 200)
  if (seen !== 'runs') return `names an interpreter (${name}) that ${seen === 'missing' ? 'does not exist' : seen}`
  const searched = basename(interpreter) === 'env' ? searchedBy(words) : undefined
  if (searched !== undefined) {
    const found = find(searched, place, depth + 1)
    return 'problem' in found ? `names an interpreter that is not there: ${found.problem}` : undefined
  }
  const deeper = inside(real, place, depth + 1)
  return deeper === undefined ? undefined : `names an interpreter (${name}) that ${deeper}`
}

const runnable = (path: string, shown: string, place: Place, depth: number): FoundCommand => {
  const problem = inside(path, place, depth)
  if (problem === undefined) return { path }
  return { flaw: 'interpreter', problem: `${shown} ${problem}`, next: `head -1 ${quote(path)} | cat -v` }
}

/** Which folder, or which error, is in the way. */
const unreachable = (path: string, shown: string): FoundCommand => {
  const broken = findBreak(path)
  const why =
    broken?.why === 'closed'
      ? `: this user may not search ${broken.at}`
      : broken?.why === 'loop'
        ? `: ${broken.at} is a loop of links`
        : broken?.why === 'other'
          ? ` (${broken.code})`
          : ''
  return {
    flaw: 'unusable',
    problem: `${shown} cannot be looked at${why}`,
    next: `ls -ld ${quote(broken?.at ?? path)}`,
  }
}

const find = (word: string, place: Place, depth: number): FoundCommand => {
  const { cwd, env } = place
  const shown = excerpt(word, 200)
  if (word === '') return { flaw: 'missing', problem: 'the command is an empty word' }
  if (word.includes('/')) {
    const path = resolve(cwd, word)
    const seen = look(path)
    if (seen === 'runs') return runnable(path, shown, place, depth)
    if (seen === 'missing') return { flaw: 'missing', problem: `${shown} does not exist` }
    if (seen === 'cannot be looked at') return unreachable(path, shown)
    return { flaw: FLAW[seen], problem: `${shown} ${seen}`, next: `ls -ld ${quote(path)}` }
  }
  const searched = env.PATH ?? USUAL_PATH
  const folders = searched.split(':')
  const odd: string[] = []
  let flaw: CommandFlaw = 'missing'
  for (const folder of folders) {
    const path = join(resolve(cwd, folder === '' ? '.' : folder), word)
    const seen = look(path)
    if (seen === 'runs') return runnable(path, excerpt(path, 200), place, depth)
    if (seen === 'missing') continue
    if (flaw === 'missing') flaw = FLAW[seen]
    odd.push(`${excerpt(path, 200)} ${seen}`)
  }
  const path = env.PATH === undefined ? `PATH is not set; looked in ${USUAL_PATH}` : `PATH is ${excerpt(searched, 400)}`
  return { flaw, problem: `${shown} was not found: ${odd.length > 0 ? `${listing(odd)}; ` : ''}${path}` }
}

/**
 * A word with a slash is a path; any other is searched on PATH, as a shell does it, whose functions and aliases we do not know.
 * What can be seen of a script's interpreter is looked at, too.
 */
export const findCommand = (word: string, place: Place): FoundCommand => find(word, place, 0)

/** Why no command can be started in a folder, as far as that can be seen in time. */
export const folderProblem = (folder: string): string | undefined => {
  try {
    if (!stat(folder)?.isDirectory()) return 'the working folder is not there any more'
    accessSync(folder, constants.X_OK)
    return undefined
  } catch (error) {
    return error instanceof NeedsChild
      ? undefined
      : `this user may not enter the working folder ${excerpt(folder, 200)}`
  }
}
