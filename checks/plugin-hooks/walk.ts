/**
 * Follows the imports of a plugin or hook through its own files. The fast look decides for healthy files; what it doubts is
 * read with the parser, and nothing is called missing on the fast look's word.
 */

import { basename, dirname, extname, relative } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { breather } from '../../core/clock.ts'
import { entries, FileError, MEGABYTE, readText } from '../../core/files.ts'
import { fits } from '../../core/glob.ts'
import { isInside, isRecord } from '../../core/product-config.ts'
import { distance } from '../../core/suggest.ts'
import { bytes, excerpt } from '../../core/text.ts'
import type { Disk } from './disk.ts'
import type { Flaw } from './flaw.ts'
import type { Exact, Import } from './imports.ts'
import { type Loader, packageName, resolveImport } from './resolve.ts'
import { type Candidate, sketch } from './sketch.ts'
import { compiles } from './syntax.ts'

/** A plugin of 60,000 lines has some 400 files; these bounds keep a linked monorepo from holding a start. */
export const LIMITS = { files: 4000, fileBytes: 16 * MEGABYTE, totalBytes: 96 * MEGABYTE }

const BREATH_MS = 10

const CODE = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.tsx', '.jsx', ''])
const TYPED = /\.[cm]?tsx?$/
const isCode = (path: string): boolean => CODE.has(extname(path)) && !/\.d\.[cm]?ts$/.test(path)

/** One file, as looked at once in a run. */
type Module =
  | {
      readonly state: 'read'
      readonly candidates: readonly Candidate[]
      readonly doubtful: boolean
      readonly empty: boolean
    }
  | { readonly state: 'refused'; readonly message: string }
  | { readonly state: 'cut'; readonly why: string }

/** The modules of a run. */
export interface Library {
  readonly disk: Disk
  look(path: string): Module
  /** Why Node would not take a file for JSON; undefined if it would. */
  refusesJson(path: string): string | undefined
  /** Reads it with the parser. */
  read(path: string): Promise<Exact>
  readonly counted: { files: number; bytes: number }
}

const jsonFault = (path: string, most: number): string | undefined => {
  try {
    JSON.parse(readText(path, most).replace(/^\ufeff/, ''))
    return undefined
  } catch (error) {
    if (error instanceof FileError) return error.code === 'TOO-LARGE' ? undefined : error.message
    if (error instanceof SyntaxError) return error.message
    throw error
  }
}

export const newLibrary = (disk: Disk, keys: readonly string[], limits = LIMITS): Library => {
  const modules = new Map<string, Module>()
  const exact = new Map<string, Exact>()
  const json = new Map<string, string | undefined>()
  const counted = { files: 0, bytes: 0 }

  const look = (path: string): Module => {
    if (counted.files >= limits.files) return { state: 'cut', why: `more than ${limits.files} files` }
    if (counted.bytes >= limits.totalBytes)
      return { state: 'cut', why: `more than ${bytes(limits.totalBytes)} of modules` }
    try {
      const text = readText(path, limits.fileBytes)
      counted.files++
      counted.bytes += text.length
      const { candidates, unsure } = sketch(text, keys)
      return {
        state: 'read',
        candidates,
        // Types are no JavaScript: only the parser can tell a good .ts from a broken one.
        doubtful: unsure || TYPED.test(path) || !compiles(text),
        empty: text.trim() === '',
      }
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      return error.code === 'TOO-LARGE'
        ? { state: 'cut', why: `a module of more than ${bytes(limits.fileBytes)}` }
        : { state: 'refused', message: error.message }
    }
  }

  return {
    disk,
    counted,
    look: path => {
      let module = modules.get(path)
      if (!module) {
        module = look(path)
        modules.set(path, module)
      }
      return module
    },
    refusesJson: path => {
      if (!json.has(path)) json.set(path, jsonFault(path, limits.fileBytes))
      return json.get(path)
    },
    read: async path => {
      let found = exact.get(path)
      if (!found) {
        const { readImports } = await import('./imports.ts')
        const text = readText(path, limits.fileBytes)
        found = await readImports(text, path, keys)
        // Each of the two alone is wrong at times; where V8 agrees, Node will refuse the module.
        if (!found.error && found.doubt && !TYPED.test(path) && !compiles(text)) found = { error: found.doubt }
        exact.set(path, found)
      }
      return found
    },
  }
}

export interface Walk {
  /** Its folder, links followed. */
  readonly root: string
  /** Modules to start from, links followed. */
  readonly entries: readonly string[]
  readonly loader: Loader
  /** Packages that the host supplies. */
  readonly provided: readonly string[]
}

export interface Walked {
  readonly flaws: readonly Flaw[]
  /** Modules that were looked at. */
  readonly modules: readonly string[]
  /** Packages that it takes from its host. */
  readonly provided: readonly string[]
  /** Packages that it can do without, by its own word, and does. */
  readonly without: readonly string[]
}

type Need = 'required' | 'optional' | 'unnamed' | 'no-package'

/** How a package.json speaks of a package. */
const needFor = (disk: Disk, file: string, name: string): Need => {
  const own = disk.packageAbove(dirname(file))
  if (!own) return 'no-package'
  const has = (key: string): boolean => {
    const table = own.content[key]
    return isRecord(table) && Object.hasOwn(table, name)
  }
  const meta = own.content.peerDependenciesMeta
  const peer = isRecord(meta) ? meta[name] : undefined
  if (has('optionalDependencies') || (isRecord(peer) && peer.optional === true)) return 'optional'
  if (has('dependencies') || has('peerDependencies')) return 'required'
  return 'unnamed'
}

/** A name in the same folder that was surely meant: `./Policy.js` works on a Mac and not on Linux. */
const nearby = (path: string): string => {
  const wanted = basename(path).toLowerCase()
  try {
    const meant = entries(dirname(path)).find(entry => distance(entry.name.toLowerCase(), wanted) <= 1)
    return meant === undefined ? '' : ` (there is ${meant.name})`
  } catch (error) {
    if (error instanceof FileError) return ''
    throw error
  }
}

const VERBS: Readonly<Record<Import['form'], string>> = {
  import: 'imports',
  dynamic: 'imports',
  require: 'requires',
  resolve: 'asks for',
  named: 'names',
}

export const walk = async (
  library: Library,
  job: Walk,
  ctx: Pick<CheckContext, 'env' | 'mask' | 'signal'>,
): Promise<Walked> => {
  const { disk } = library
  const provided = new Set<string>()
  const without = new Set<string>()

  const breathe = breather(BREATH_MS, ctx.signal)

  const isProvided = (specifier: string): boolean => {
    if (/^[./#]|^[a-z]+:/.test(specifier)) return false
    const name = packageName(specifier)
    if (!job.provided.some(pattern => fits(pattern, specifier) || fits(pattern, name))) return false
    provided.add(specifier)
    return true
  }

  const resolve = (specifier: string, file: string, form: Import['form']) =>
    resolveImport(disk, specifier, file, form, job.loader, { NODE_PATH: ctx.env.NODE_PATH })

  /** Whether a file's own imports are ours to judge: those of installed packages are theirs. */
  const follows = (path: string): boolean => {
    if (!isCode(path)) return false
    return isInside(job.root, path)
      ? !relative(job.root, path).split('/').includes('node_modules')
      : !path.includes('/node_modules/')
  }

  /** Data of its own that does not parse; that of installed packages is theirs. */
  const badData = (path: string): boolean =>
    extname(path) === '.json' &&
    isInside(job.root, disk.real(path)) &&
    !relative(job.root, disk.real(path)).split('/').includes('node_modules') &&
    library.refusesJson(path) !== undefined

  const next = (path: string): string[] => {
    const real = disk.real(path)
    return follows(real) ? [real] : []
  }

  const judge = (file: string, one: Import): { flaw?: Flaw; next: readonly string[] } => {
    if (isProvided(one.specifier)) return { next: [] }
    const elided = one.elidable && job.loader === 'typescript'
    if (elided) return { next: [] }
    const found = resolve(one.specifier, file, one.form)
    const said = excerpt(ctx.mask(one.specifier), 120)
    const flaw = (
      what: Flaw['what'],
      level: Flaw['level'],
      rest: string,
      expected: string,
      more: Partial<Flaw> = {},
    ) => ({
      flaw: {
        what,
        level,
        path: file,
        line: one.line,
        column: one.column,
        message: `${VERBS[one.form]} ${said}${rest}`,
        expected,
        ...more,
      },
      next: [],
    })
    const soft = one.guarded || one.elidable
    switch (found.to) {
      case 'nothing':
        return { next: [] }
      case 'file':
        if (one.form === 'resolve') return { next: [] }
        if (badData(found.path))
          return flaw(
            'syntax',
            soft ? 'warn' : 'fail',
            `, which is no JSON: ${excerpt(ctx.mask(library.refusesJson(found.path) ?? ''), 120)}`,
            'JSON that can be parsed',
            { missing: found.path },
          )
        return { next: next(found.path) }
      case 'inexact': {
        const real = basename(found.path)
        const rest = `, and Node finds no such file (there is ${real}; Node wants the whole name)`
        if (TYPED.test(file) || soft)
          return flaw('optional-missing', 'warn', rest, 'the whole name of the file, as Node wants it')
        return flaw('import-missing', 'fail', rest, 'the whole name of the file, as Node wants it')
      }
      case 'missing-file': {
        const why = disk.denied.get(found.path)
        if (why !== undefined)
          return flaw(
            'unreadable',
            'fail',
            `, which ${why.replace(`${found.path} `, '')}`,
            'a file that this user may read',
          )
        const rest = `, which does not exist${nearby(found.path)}`
        return soft
          ? flaw(
              'optional-missing',
              'warn',
              `${rest}${one.guarded ? '; a catch is there for that' : ''}`,
              'every file that it imports',
              { missing: found.path },
            )
          : flaw('import-missing', 'fail', rest, 'every file that a registered plugin or hook needs', {
              missing: found.path,
            })
      }
      case 'missing-package': {
        const need = needFor(disk, file, found.name)
        const rest = found.why === undefined ? ', which is not installed' : `, but ${found.why}`
        const expected = 'every package that a registered plugin or hook needs'
        const into = disk.packageAbove(dirname(file))?.folder ?? job.root
        const more =
          found.found !== undefined
            ? { missing: disk.dangles(found.found) ? found.found : `${found.found}/package.json` }
            : found.name.startsWith('#')
              ? {}
              : { install: { name: need === 'required' ? undefined : found.name, into } }
        // A guarded or late import of what its package.json does not promise is a feature that is not there.
        if (soft || (one.late && one.form !== 'import')) {
          if (need === 'optional' || (need === 'unnamed' && soft)) {
            without.add(found.name)
            return { next: [] }
          }
          if (soft || need === 'unnamed')
            return flaw(
              'optional-missing',
              'warn',
              `${rest}${one.guarded ? '; a catch is there for that' : ', in a function that may never run'}`,
              expected,
              more,
            )
        }
        return flaw('package-missing', 'fail', rest, expected, more)
      }
      default:
        return found satisfies never
    }
  }

  const beyond = (file: string, why: string): Flaw => ({
    what: 'unproved',
    level: 'warn',
    path: file,
    message: `was not read: there is ${why}`,
    expected: 'modules within the bounds of a check at start',
  })

  const refused = (file: string, message: string): Flaw => ({
    what: 'unreadable',
    level: 'fail',
    path: file,
    message: message.replace(`${file} `, ''),
    expected: 'a file that this user may read',
  })

  /** Reads one file with the parser. */
  const exactly = async (file: string): Promise<{ flaws: Flaw[]; next: string[] }> => {
    const module = library.look(file)
    if (module.state === 'cut') return { flaws: [beyond(file, module.why)], next: [] }
    if (module.state === 'refused') return { flaws: [refused(file, module.message)], next: [] }
    const exact = await library.read(file)
    if (exact.error) {
      const { error } = exact
      const place =
        error.line === undefined
          ? {}
          : { line: error.line, ...(error.column !== undefined && { column: error.column }) }
      const message = `cannot be parsed: ${excerpt(ctx.mask(error.message))}`
      return {
        flaws: [
          { what: 'syntax', level: 'fail', path: file, ...place, message, expected: 'a module that can be parsed' },
        ],
        next: [],
      }
    }
    const judged = exact.imports.map(one => judge(file, one))
    return { flaws: judged.flatMap(({ flaw }) => flaw ?? []), next: judged.flatMap(one => one.next) }
  }

  /** The fast look: the files met, and those with something that the parser must decide. */
  const fast = async (): Promise<{ met: string[]; doubts: string[] }> => {
    const met = new Set(job.entries)
    const doubts: string[] = []
    for (const file of met) {
      await breathe()
      const module = library.look(file)
      if (module.state !== 'read') {
        doubts.push(file)
        continue
      }
      let doubtful = module.doubtful
      for (const { specifier, form } of module.candidates) {
        if (isProvided(specifier)) continue
        if (form === 'named' && !specifier.startsWith('.')) continue
        const found = resolve(specifier, file, form)
        if (found.to === 'file' && form !== 'resolve' && badData(found.path)) doubtful = true
        else if (found.to === 'file') for (const path of next(found.path)) met.add(path)
        else if (found.to !== 'nothing') doubtful = true
      }
      if (doubtful) doubts.push(file)
    }
    return { met: [...met], doubts }
  }

  const done = (flaws: readonly Flaw[], modules: readonly string[]): Walked => ({
    flaws,
    modules,
    provided: [...provided].sort(),
    without: [...without].sort(),
  })

  const empty = job.entries.filter(file => {
    const module = library.look(file)
    return module.state === 'read' && module.empty
  })
  if (empty.length > 0)
    return done(
      empty.map(path => ({
        what: 'entry-missing',
        level: 'fail',
        path,
        message: 'is empty',
        expected: 'a module that registers something',
      })),
      job.entries,
    )

  const { met, doubts } = await fast()
  const confirmed: Flaw[] = []
  for (const file of doubts) {
    await breathe()
    confirmed.push(...(await exactly(file)).flaws)
  }
  if (confirmed.length === 0) return done([], met)

  // Something is wrong in a file that may have been reached through a comment only: walk once more, by real imports.
  provided.clear()
  without.clear()
  const reached = new Set(job.entries)
  const flaws: Flaw[] = []
  for (const file of reached) {
    await breathe()
    const { flaws: own, next: onward } = await exactly(file)
    flaws.push(...own)
    for (const path of onward) reached.add(path)
  }
  return done(flaws, [...reached])
}
