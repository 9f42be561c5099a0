/** Files that jobs refer to, by the JSON pointers of `refs`. */
import { dirname, isAbsolute, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, stat } from '../../core/files.ts'
import { resolvePointer } from '../../core/json-text.ts'
import { excerpt } from '../../core/text.ts'
import type { Issue, Spot } from './finding.ts'
import { findProgram, firstWord } from './programs.ts'

export interface Referring {
  readonly path: string
  readonly value: unknown
  spot(pointer: string): Spot
}

const COMMAND = /^(command|commands|cmd|exec|executable|program|bin|argv|run)$/i

/** A pointer means a command where its last name says so: then the file must be executable, and a bare name is looked up in PATH. */
export const meansCommand = (pointer: string): boolean =>
  COMMAND.test(pointer.split('/').findLast(part => part !== '*' && !/^\d+$/.test(part)) ?? '')

const pathProblem = (word: string, path: string): string | undefined => {
  try {
    return stat(path) ? undefined : `${word} does not exist`
  } catch (error) {
    if (error instanceof FileError) return error.message
    throw error
  }
}

const commandProblem = (
  word: string,
  folder: string,
  ctx: CheckContext,
): { what: string; message: string } | undefined => {
  const program = findProgram(word, { env: ctx.env, folder })
  if (program.found === 'yes' || program.found === 'unchecked') return undefined
  return { what: program.found === 'not-executable' ? 'ref-not-executable' : 'ref-missing', message: program.message }
}

/** Relative paths start at the folder of the file that holds them. */
const absolute = (word: string, folder: string, ctx: CheckContext): string =>
  isAbsolute(word) || word === '~' || word.startsWith('~/') ? ctx.path(word) : join(folder, word)

const problemOf = (
  value: unknown,
  command: boolean,
  file: string,
  ctx: CheckContext,
): { what: string; message: string } | undefined => {
  const text = command && Array.isArray(value) ? (value as unknown[])[0] : value
  if (typeof text !== 'string' || text === '')
    return { what: 'ref-missing', message: `${JSON.stringify(value) ?? 'nothing'} is no path` }
  const folder = dirname(file)
  if (!command) {
    const message = pathProblem(text, absolute(text, folder, ctx))
    return message === undefined ? undefined : { what: 'ref-missing', message }
  }
  const word = Array.isArray(value) ? text : (firstWord(text)?.word ?? text)
  return commandProblem(word.startsWith('~') ? absolute(word, folder, ctx) : word, folder, ctx)
}

/** Follows every pointer in every file. A pointer that leads nowhere in all of them is an issue too: it would watch nothing. */
export const lookAtRefs = (
  pointers: readonly string[],
  files: readonly Referring[],
  ctx: CheckContext,
): { issues: Issue[]; followed: number } => {
  const issues: Issue[] = []
  let followed = 0
  for (const pointer of pointers) {
    const command = meansCommand(pointer)
    let met = 0
    for (const file of files) {
      // `argv` of a job is one command, and its other elements are arguments.
      for (const found of resolvePointer(file.value, pointer)) {
        met++
        const problem = problemOf(found.value, command, file.path, ctx)
        if (!problem) continue
        const spot = file.spot(found.pointer)
        issues.push({
          what: problem.what,
          level: 'fail',
          spot,
          message: `${excerpt(problem.message, 160)}, and ${found.pointer} needs it`,
          expected: command ? 'a program that exists and is executable' : 'a file that exists',
          next: `mend ${spot.shown}`,
        })
      }
    }
    followed += met
    const [first] = files
    if (met === 0 && first)
      issues.push({
        what: 'ref-nowhere',
        level: 'fail',
        spot: first.spot(''),
        message: `${pointer} of refs leads to nothing in any file`,
        expected: 'a JSON pointer to paths, with * for every key or element, like /jobs/*/script',
        next: `mend ${pointer} under refs`,
      })
  }
  return { issues, followed }
}
