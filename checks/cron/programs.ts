/** Whether the program that a command line starts with is there and may be executed. */
import { basename, dirname, isAbsolute, join } from 'node:path'
import { FileError, stat } from '../../core/files.ts'

export type Program =
  | { readonly found: 'yes'; readonly path: string }
  /** A word of the shell, or one that only the shell can work out. */
  | { readonly found: 'unchecked' }
  | { readonly found: 'no' | 'not-executable' | 'unseen'; readonly word: string; readonly message: string }

export interface Surroundings {
  /** Variables that the command sees, `PATH` and `HOME` among them where they are known. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the command starts; unknown for a user whose home is. */
  readonly folder: string | undefined
  /** Another PATH, only to say where a program was found that this one does not reach. */
  readonly otherPath?: string | undefined
}

// Builtins and reserved words of POSIX shells, and what begins something longer than a simple command.
const SHELL_WORDS = new Set(
  `. : [ [[ { } ( ! alias bg break case cd command continue declare do done echo elif else esac eval exec exit export false fc fg fi
  for function getopts hash if jobs kill let local printf pwd read readonly return select set shift source test then time times trap
  true type ulimit umask unalias unset until wait while`.split(/\s+/),
)

type Look = 'missing' | 'folder' | 'not-executable' | 'good' | 'unseen'

const lookAt = (path: string): Look => {
  try {
    const facts = stat(path)
    if (!facts) return 'missing'
    if (facts.isDirectory()) return 'folder'
    return (facts.mode & 0o111) !== 0 ? 'good' : 'not-executable'
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return 'unseen'
  }
}

/** The first shell word and what follows; undefined where it takes a shell to read it. */
export const firstWord = (text: string): { word: string; rest: string } | undefined => {
  let word = ''
  let i = 0
  const source = text.trimStart()
  for (; i < source.length; i++) {
    const char = source[i] ?? ''
    if (/[\s;&|<>()]/.test(char)) break
    if (char === "'" || char === '"') {
      const end = source.indexOf(char, i + 1)
      if (end < 0) return undefined
      const inner = source.slice(i + 1, end)
      if (char === '"' && /[`\\]/.test(inner)) return undefined
      word += inner
      i = end
    } else if (char === '\\') {
      word += source[++i] ?? ''
    } else word += char
  }
  return word === '' ? undefined : { word, rest: source.slice(i).trimStart() }
}

/** Variables and a leading `~`; undefined where one is not known, or a shell's pattern or substitution is met. */
const expanded = (word: string, env: Surroundings['env']): string | undefined => {
  let known = true
  const text = word
    .replace(/^~(?=\/|$)/, () => env.HOME ?? '$')
    .replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => {
      const value = env[braced ?? bare ?? '']
      if (value === undefined) known = false
      return value ?? ''
    })
  return known && !/[$`*?[\]{}]/.test(text) ? text : undefined
}

const search = (name: string, path: string): { path: string; look: Look } | undefined => {
  let second: { path: string; look: Look } | undefined
  for (const folder of path.split(':')) {
    if (!isAbsolute(folder)) continue
    const candidate = join(folder, name)
    const look = lookAt(candidate)
    if (look === 'good') return { path: candidate, look }
    if (look === 'unseen' || look === 'not-executable') second ??= { path: candidate, look }
  }
  return second
}

const verdictOn = (word: string, path: string, look: Look): Program => {
  switch (look) {
    case 'good':
      return { found: 'yes', path }
    case 'missing':
      return { found: 'no', word, message: `${path} does not exist` }
    case 'folder':
      return { found: 'not-executable', word, message: `${path} is a folder` }
    case 'not-executable':
      return { found: 'not-executable', word, message: `${path} is not executable` }
    case 'unseen':
      return { found: 'unseen', word, message: `${path} may not be looked at by this user` }
    default:
      return look satisfies never
  }
}

/** One program: by path as the folder has it, or by name along PATH. */
export const findProgram = (word: string, around: Surroundings): Program => {
  if (word.includes('/')) {
    if (!isAbsolute(word) && around.folder === undefined) return { found: 'unchecked' }
    const path = isAbsolute(word) ? word : join(around.folder ?? '/', word)
    return verdictOn(word, path, lookAt(path))
  }
  const path = around.env.PATH ?? ''
  const hit = search(word, path)
  if (hit) return verdictOn(word, hit.path, hit.look)
  const elsewhere = around.otherPath === undefined ? undefined : search(word, around.otherPath)
  const hint = elsewhere?.look === 'good' ? `; it is in ${dirname(elsewhere.path)}` : ''
  return { found: 'no', word, message: `${word} is not in PATH (${path})${hint}` }
}

/** The program that a shell command starts with, behind its variables and a `cd FOLDER &&`. */
export const startsWith = (command: string, around: Surroundings): Program => {
  let { env, folder } = around
  let rest = command
  for (;;) {
    const first = firstWord(rest)
    if (!first) return { found: 'unchecked' }
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(first.word)
    if (assignment?.[1] !== undefined) {
      env = { ...env, [assignment[1]]: expanded(assignment[2] ?? '', env) }
      rest = first.rest
      continue
    }
    if (first.word === 'cd') {
      const target = firstWord(first.rest)
      const next = /^(?:&&|;)\s*(.*)$/s.exec(target?.rest ?? '')
      const to = target && expanded(target.word, env)
      if (to === undefined || !next || (!isAbsolute(to) && folder === undefined)) return { found: 'unchecked' }
      folder = isAbsolute(to) ? to : join(folder ?? '/', to)
      const look = lookAt(folder)
      if (look !== 'folder')
        return look === 'unseen'
          ? verdictOn(to, folder, look)
          : { found: 'no', word: to, message: `${folder} ${look === 'missing' ? 'does not exist' : 'is not a folder'}` }
      rest = next[1] ?? ''
      continue
    }
    const word = expanded(first.word, env)
    if (word === undefined || word === '' || SHELL_WORDS.has(word)) return { found: 'unchecked' }
    return findProgram(word, { ...around, env, folder })
  }
}

/** A short name for a command line: its program, without arguments, which may hold secrets. */
export const commandLabel = (command: string): string => {
  const word = firstWord(command.replace(/^(?:[A-Za-z_]\w*=\S*\s+)+/, ''))?.word ?? command.slice(0, 20)
  return basename(word) || word
}
