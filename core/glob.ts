/**
 * Patterns to paths. Dotfiles match, links are never entered, every folder is asked for before it is touched, and what could
 * not be read is told. The walk is our own because it must stop early and hold little (a folder may have a million
 * entries); what `*`, `?` and `**` cannot say is left to fast-glob, which only this file knows.
 */

import { type Dirent, opendirSync } from 'node:fs'
import { dirname, normalize } from 'node:path'
import type { CheckContext } from './check.ts'
import { breather } from './clock.ts'
import { contain } from './contain.ts'
import { FileError, fileError, lstat, stat } from './files.ts'
import { mayTouch } from './mounts.ts'

type GlobContext = Pick<CheckContext, 'path' | 'signal'>

/** `file`: whatever is no folder (a link to a folder is none either). `folder`: real folders. */
export type Want = 'file' | 'folder'

/**
 * A place that a pattern leads to and that could not be read. `code`: an errno (`ENOENT`: a link to nothing), or `PATTERN` for a
 * pattern that is not understood.
 */
export interface GlobProblem {
  readonly pattern: string
  readonly path: string
  readonly code: string
  readonly message: string
}

/** What a walk met beside its matches. */
export interface Notes {
  /** What is not there: the static path, or the folder where the wildcards start. `folder` is the folder that would be read. */
  readonly missing: { readonly path: string; readonly folder: string }[]
  /** Folders where the walk started; for a static path the one that holds it. */
  readonly bases: string[]
  readonly problems: GlobProblem[]
  /** Links to folders where the pattern asks for a folder by name or by `*`: they were not entered. Those met by `**` alone are not listed. */
  readonly links: string[]
  /** Folders that were read. */
  folders: number
}

export interface Globbed {
  /** Absolute, sorted, each once. */
  readonly matches: string[]
  /** Patterns whose base folder, and static paths whose file, is not there. */
  readonly missing: string[]
  /** Patterns that matched nothing although their base folder is there. */
  readonly empty: string[]
  readonly problems: GlobProblem[]
  readonly links: string[]
  /** The walk stopped at `limit` matches: there may be more. */
  readonly tooMany: boolean
}

type Accept = (name: string) => boolean

type Segment =
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'deep' }
  | { readonly type: 'filter'; readonly accepting: (names: readonly string[]) => Accept }

const BATCH = 256
const BREATH_MS = 10

const EXTGLOB = /[@!*+?]\(/
const RICH = /[[\]{}\\]|[@!*+?]\(|\([^(]*\|[^|]*\)/
const WILD = /[*?]/

/** Whether a name fits a pattern of `*` and `?`. Linear, whatever the number of stars. */
export const fits = (pattern: string, name: string): boolean => {
  let p = 0
  let n = 0
  let star = -1
  let resume = 0
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = n
    } else if (pattern[p] === '?' || pattern[p] === name[n]) {
      p++
      n++
    } else if (star >= 0) {
      p = star + 1
      n = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

const unescaped = (segment: string): string => segment.replace(/\\(.)/g, '$1')

type FastGlob = typeof import('fast-glob')
const fastGlob = async (): Promise<FastGlob> => (await import('fast-glob')).default

/** fast-glob judges names, not disks: it is shown a folder `v` that holds just these. */
const richFilter =
  (fg: FastGlob, segment: string) =>
  (names: readonly string[]): Accept => {
    const yes = () => true
    const no = () => false
    const entry = (name: string) => ({ name, isFile: yes, isDirectory: no, isSymbolicLink: no }) as Dirent
    const readdirSync = () => names.map(entry)
    // Only the form with file types is ever asked for: neither `stats` nor links are.
    const fs = { readdirSync: readdirSync as unknown as typeof import('node:fs').readdirSync }
    const accepted = new Set(fg.sync(`v/${segment}`, { cwd: '/', dot: true, fs }).map(path => path.slice(2)))
    return name => accepted.has(name)
  }

/** Splits at slashes that are not inside brackets of any sort. */
const split = (pattern: string): string[] | undefined => {
  const segments: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === '\\') i++
    else if (char === '(') depth++
    else if (char === ')') depth = Math.max(0, depth - 1)
    else if (char === '/') {
      if (depth > 0) return undefined
      segments.push(pattern.slice(start, i))
      start = i + 1
    }
  }
  segments.push(pattern.slice(start))
  return segments.filter(segment => segment !== '' && segment !== '.')
}

const toSegment = async (text: string): Promise<Segment> => {
  if (text === '**') return { type: 'deep' }
  if (!RICH.test(text)) {
    if (!WILD.test(text)) return { type: 'name', name: text }
    const accept: Accept = name => fits(text, name)
    return { type: 'filter', accepting: () => accept }
  }
  const fg = await fastGlob()
  if (!fg.isDynamicPattern(text.replace(/\\./g, 'x'))) return { type: 'name', name: unescaped(text) }
  // An extended glob becomes a regular expression that can take for ever on the wrong name.
  if (EXTGLOB.test(text)) contain('code', `the pattern ${text}`)
  return { type: 'filter', accepting: richFilter(fg, text) }
}

type Entry = Pick<Dirent, 'name' | 'isDirectory' | 'isSymbolicLink'>

interface Route {
  readonly root: string
  readonly segments: readonly Segment[]
}

const refuse = (pattern: string, why: string): FileError => new FileError('PATTERN', pattern, `${pattern} ${why}`)

/** One route for each alternative of the braces. The manifest's folder and the home may have any name: they are no part of the pattern. */
const routes = async (pattern: string, ctx: GlobContext): Promise<Route[]> => {
  if (pattern.startsWith('!') && pattern[1] !== '(')
    throw refuse(pattern, 'begins with "!": a pattern says what is looked at, none is left out')
  const home = pattern === '~' || pattern.startsWith('~/')
  const root = pattern.startsWith('/') ? '/' : ctx.path(home ? '~' : '.')
  const rest = home ? pattern.slice(2) : pattern
  const braced = /\{[^}]*(,|\.\.)/.test(rest)
  const alternatives = braced
    ? (await fastGlob()).generateTasks(rest, { dot: true }).flatMap(task => task.patterns)
    : [rest]
  return Promise.all(
    alternatives.map(async alternative => {
      const texts = split(alternative)
      if (!texts) throw refuse(pattern, 'has a "/" inside parentheses: write the alternatives as {a/b,c}')
      return { root, segments: await Promise.all(texts.map(toSegment)) }
    }),
  )
}

/** Reads a folder in batches, with little memory whatever its size. */
function* batches(folder: string): Generator<Dirent[]> {
  mayTouch(folder)
  const open = () => {
    try {
      return opendirSync(folder, { bufferSize: BATCH })
    } catch (error) {
      throw fileError(error, folder)
    }
  }
  const dir = open()
  try {
    let batch: Dirent[] = []
    for (;;) {
      const entry = dir.readSync()
      if (entry) batch.push(entry)
      if (!entry || batch.length === BATCH) {
        yield batch
        batch = []
      }
      if (!entry) return
    }
  } catch (error) {
    throw error instanceof FileError || !(error as NodeJS.ErrnoException).code ? error : fileError(error, folder)
  } finally {
    dir.closeSync()
  }
}

const within = (folder: string, name: string): string => (folder === '/' ? `/${name}` : `${folder}/${name}`)

/** The static head of a route: here links are followed, as the user named them. */
const head = ({ root, segments }: Route): { base: string; tail: readonly Segment[] } => {
  let base = root
  let i = 0
  for (; i < segments.length; i++) {
    const segment = segments[i]
    if (segment?.type !== 'name') break
    base = within(base, segment.name)
  }
  return { base: normalize(base), tail: segments.slice(i) }
}

/**
 * The paths that fit a pattern, in batches and in no order, so that the caller may stop at any time. A path comes once for each
 * alternative of the braces that it fits. Throws the signal's reason when the deadline has passed.
 */
export async function* scan(
  pattern: string,
  ctx: GlobContext,
  notes: Notes,
  want: Want = 'file',
): AsyncGenerator<string[]> {
  const problem = (error: unknown): void => {
    if (!(error instanceof FileError)) throw error
    notes.problems.push({ pattern, path: error.path, code: error.code, message: error.message })
  }

  const breathe = breather(BREATH_MS, ctx.signal)

  const nowhere = (path: string): FileError => new FileError('ENOENT', path, `${path} is a link to nothing`)

  /** What is behind a link: an error where it cannot be followed. */
  const behind = (path: string): 'folder' | 'other' | FileError => {
    try {
      const facts = stat(path)
      if (!facts) return nowhere(path)
      return facts.isDirectory() ? 'folder' : 'other'
    } catch (error) {
      if (error instanceof FileError) return error
      throw error
    }
  }

  /** Walks one folder once, with every place of the pattern at which the path so far may stand. */
  async function* visit(
    folder: string,
    tail: readonly Segment[],
    places: ReadonlySet<number>,
  ): AsyncGenerator<string[]> {
    const at = new Set<number>()
    for (let place of places) {
      at.add(place)
      while (tail[place]?.type === 'deep' && place + 1 < tail.length) at.add(++place)
    }
    const subfolders: { path: string; places: Set<number> }[] = []

    // Called for each entry of a folder that may have a million: nothing is allocated for those that do not fit.
    const meet = (entry: Entry, accepted: (place: number) => boolean): string | undefined => {
      let next: Set<number> | undefined
      let matched = false
      let named = false // met by a name or a `*`, and not only by `**`
      let literal = false // met by its very name
      for (const place of at) {
        const last = place === tail.length - 1
        if (tail[place]?.type === 'deep') {
          next = (next ?? new Set()).add(place)
          if (last) matched = true
        } else if (accepted(place)) {
          named = true
          literal ||= tail[place]?.type === 'name'
          if (last) matched = true
          else next = (next ?? new Set()).add(place + 1)
        }
      }
      if (!matched && !next) return undefined
      const isFolder = entry.isDirectory()
      const isLink = entry.isSymbolicLink()
      if (!matched && !isFolder && !isLink) return undefined
      const path = within(folder, entry.name)
      const target = isLink && (matched || named) ? behind(path) : undefined
      const linked = target === 'folder'
      if (linked && named && (want === 'folder' || next)) notes.links.push(path)
      // Whoever asks for this folder, or for every folder here, asks for what the link lost. A lock may be such a link too: `*/x` passes it over.
      if (target instanceof FileError && ((next && literal) || (want === 'folder' && matched && named))) problem(target)
      if (isFolder && next) subfolders.push({ path, places: next })
      return matched && !linked && isFolder === (want === 'folder') ? path : undefined
    }

    try {
      if ([...at].every(place => tail[place]?.type === 'name')) {
        for (const place of at) {
          const segment = tail[place]
          if (segment?.type !== 'name') continue
          const facts = lstat(within(folder, segment.name))
          if (!facts) continue
          const found = meet(
            {
              name: segment.name,
              isDirectory: () => facts.isDirectory(),
              isSymbolicLink: () => facts.isSymbolicLink(),
            },
            other => other === place,
          )
          if (found !== undefined) yield [normalize(found)]
        }
      } else {
        for (const batch of batches(folder)) {
          const names = batch.map(entry => entry.name)
          const tests = new Map<number, Accept>()
          for (const place of at) {
            const segment = tail[place]
            if (segment?.type === 'filter') tests.set(place, segment.accepting(names))
            if (segment?.type === 'name') tests.set(place, name => name === segment.name)
          }
          const found: string[] = []
          for (const entry of batch) {
            const path = meet(entry, place => tests.get(place)?.(entry.name) ?? false)
            if (path !== undefined) found.push(path)
          }
          if (found.length > 0) yield found
          await breathe()
        }
        notes.folders++
      }
    } catch (error) {
      // What vanished while we walked is no longer there to be looked at.
      if (!(error instanceof FileError && error.code === 'ENOENT')) problem(error)
    }
    for (const { path, places: onward } of subfolders) yield* visit(path, tail, onward)
  }

  try {
    for (const route of await routes(pattern, ctx)) {
      const { base, tail } = head(route)
      const facts = tail.length > 0 || want === 'folder' ? stat(base) : (stat(base) ?? lstat(base))
      const folder = tail.length === 0 && want === 'file' ? dirname(base) : base
      if (!facts) {
        if (lstat(base)) problem(nowhere(base))
        else notes.missing.push({ path: base, folder })
        continue
      }
      notes.bases.push(folder)
      if (tail.length === 0) {
        if (facts.isDirectory() === (want === 'folder')) yield [base]
        else
          problem(
            new FileError(
              want === 'folder' ? 'ENOTDIR' : 'EISDIR',
              base,
              `${base} is ${want === 'folder' ? 'a file, not a folder' : 'a folder, not a file'}`,
            ),
          )
      } else if (!facts.isDirectory()) problem(new FileError('ENOTDIR', base, `${base} is a file, not a folder`))
      else yield* visit(base, tail, new Set([0]))
    }
  } catch (error) {
    problem(error)
  }
}

export const newNotes = (): Notes => ({ missing: [], bases: [], problems: [], links: [], folders: 0 })

/** More files than anybody checks one by one; holding their names costs some 20 MB. */
const LIMIT = 100_000

/** The paths that fit any of the patterns. */
export const glob = async (
  patterns: readonly string[],
  ctx: GlobContext,
  { want = 'file', limit = LIMIT }: { readonly want?: Want; readonly limit?: number } = {},
): Promise<Globbed> => {
  const matches = new Set<string>()
  const result = {
    missing: [] as string[],
    empty: [] as string[],
    problems: [] as GlobProblem[],
    links: [] as string[],
  }
  let tooMany = false
  for (const pattern of patterns) {
    const notes = newNotes()
    let met = 0
    for await (const batch of scan(pattern, ctx, notes, want)) {
      for (const path of batch) {
        met++
        if (matches.size < limit) matches.add(path)
        else tooMany ||= !matches.has(path)
      }
      if (tooMany) break
    }
    result.problems.push(...notes.problems)
    result.links.push(...notes.links)
    if (notes.missing.length > 0) result.missing.push(pattern)
    else if (met === 0 && notes.problems.length === 0) result.empty.push(pattern)
    if (tooMany) break
  }
  return { ...result, matches: [...matches].sort(), tooMany }
}
