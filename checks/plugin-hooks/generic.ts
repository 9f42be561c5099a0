/** Plugins and hooks of any layout: what globs of folders and JSON pointers lead to. */
import { basename, dirname, extname, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { entries, FileError, readText, stat } from '../../core/files.ts'
import { glob } from '../../core/glob.ts'
import { parseJson, resolvePointer } from '../../core/json-text.ts'
import { shownPath } from '../../core/paths.ts'
import { configPath, isInside, isRecord } from '../../core/product-config.ts'
import { excerpt } from '../../core/text.ts'
import { parseYaml } from '../../core/yaml-text.ts'
import type { Disk } from './disk.ts'
import { brokenManifest, type Flaw } from './flaw.ts'
import { frontMatter } from './hook.ts'
import { packageEntries, resolveImport } from './resolve.ts'
import type { Entry, Unit } from './unit.ts'

export interface Pointed {
  readonly file: string
  readonly pointer: string
}

export interface Given {
  /** Folders or files, absolute. */
  readonly paths: readonly string[]
  readonly flaws: readonly Flaw[]
  readonly watched: readonly string[]
}

const CODE = new Set(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.jsx', '.tsx'])
const MANIFEST = /^(?:package|plugin|manifest|hooks?|.+\.plugin)\.json$/

/** Folders and files that are no plugins, whatever lies in them. */
const HIDDEN = /\/(?:\.[^/]*|node_modules)$/

/** `plugins/*` also meets the README beside them: a file is a plugin if it is code, can be run, or is asked for by its ending. */
const isLoadable = (path: string, pattern: string): boolean => {
  const end = extname(path)
  return CODE.has(end) || (end !== '' && pattern.endsWith(end)) || ((stat(path)?.mode ?? 0) & 0o111) !== 0
}

/** What `dirs` leads to. */
export const fromDirs = async (patterns: readonly string[], min: number, ctx: CheckContext): Promise<Given> => {
  const paths = new Set<string>()
  const flaws: Flaw[] = []
  for (const pattern of patterns) {
    const folders = await glob([pattern], ctx, { want: 'folder' })
    // A pattern may name the files themselves: hooks/*.mjs.
    const files = folders.matches.length === 0 && folders.missing.length === 0 ? await glob([pattern], ctx) : undefined
    const matches = [...folders.matches, ...(files?.matches ?? []).filter(path => isLoadable(path, pattern))].filter(
      path => !HIDDEN.test(path),
    )
    for (const path of matches) paths.add(path)
    for (const link of folders.links)
      flaws.push({
        what: 'unproved',
        level: 'warn',
        path: link,
        message: `is a link to a folder, which ${pattern} does not enter`,
        expected: 'folders, or the link named by itself',
      })
    // Both searches meet the same closed doors; a file is no problem where it is what was meant.
    const problems = new Map(
      [...folders.problems, ...(files?.problems ?? [])]
        .filter(({ code, path }) => (code === 'ENOENT' ? !HIDDEN.test(path) : !paths.has(path)))
        .map(problem => [problem.path, problem] as const),
    )
    for (const problem of problems.values())
      flaws.push({
        what: problem.code === 'PATTERN' ? 'nothing-here' : problem.code === 'ENOENT' ? 'path-missing' : 'unreadable',
        level: 'fail',
        path: problem.path,
        message: problem.message.replace(`${problem.path} `, ''),
      })
    if (folders.tooMany || files?.tooMany)
      flaws.push({
        what: 'unproved',
        level: 'warn',
        path: ctx.cwd,
        message: `has more matches of ${pattern} than are looked at`,
      })
    if (folders.missing.length > 0)
      flaws.push({
        what: 'nothing-here',
        level: 'fail',
        path: baseOf(pattern, ctx),
        message: `does not exist, and ${pattern} looks there`,
        expected: 'the folder that dirs names',
      })
    else if (matches.length === 0 && folders.links.length === 0 && problems.size === 0 && min > 0)
      flaws.push({
        what: 'nothing-here',
        level: 'fail',
        path: baseOf(pattern, ctx),
        message: `has nothing that ${pattern} fits`,
        expected: 'at least one plugin or hook',
      })
  }
  return { paths: [...paths].sort(), flaws, watched: [...patterns] }
}

/** The folder where a pattern's wildcards start. */
const baseOf = (pattern: string, ctx: Pick<CheckContext, 'path'>): string => {
  const parts = pattern.split('/')
  const wild = parts.findIndex(part => /[*?[{]/.test(part))
  if (wild < 0) return ctx.path(pattern)
  return ctx.path(parts.slice(0, wild).join('/') || (pattern.startsWith('/') ? '/' : '.'))
}

/** What `from` leads to. */
export const fromPointers = async (
  list: readonly Pointed[],
  min: number,
  disk: Disk,
  ctx: CheckContext,
): Promise<Given> => {
  const paths = new Set<string>()
  const flaws: Flaw[] = []
  for (const { file, pointer } of list) {
    const path = ctx.path(file)
    const read = await document(path, ctx, flaws)
    if (!read) continue
    const found = resolvePointer(read.value, pointer)
    if (found.length === 0 && min > 0)
      flaws.push({
        what: 'nothing-here',
        level: 'fail',
        path,
        message: `has nothing at ${pointer}`,
        expected: 'at least one path there',
      })
    for (const one of found) {
      const place = { path, ...read.locate?.(one.pointer) }
      if (typeof one.value !== 'string' || one.value.trim() === '') {
        flaws.push({
          what: 'config-invalid',
          level: 'fail',
          ...place,
          message: `holds no path at ${one.pointer}: ${excerpt(ctx.mask(JSON.stringify(one.value) ?? 'nothing'), 60)}`,
          expected: 'a path',
        })
        continue
      }
      const target = configPath(one.value, dirname(path), ctx)
      if (disk.kind(target) !== undefined) {
        paths.add(target)
        continue
      }
      // A name instead of a path: a package, as Node would find it from there.
      const bare = /^[./~#]/.test(one.value) ? undefined : resolveImport(disk, one.value, path, 'require', 'node', {})
      if (bare?.to === 'file') paths.add(bare.path)
      else
        flaws.push({
          what: disk.denied.has(target) ? 'unreadable' : 'path-missing',
          level: 'fail',
          ...place,
          message: `names ${excerpt(ctx.mask(one.value), 120)}, which ${disk.denied.get(target)?.replace(`${target} `, '') ?? 'does not exist'}`,
          expected: 'a path that exists',
        })
    }
  }
  return { paths: [...paths], flaws, watched: list.map(({ file, pointer }) => `${file}#${pointer}`) }
}

const document = async (
  path: string,
  ctx: CheckContext,
  flaws: Flaw[],
): Promise<{ value: unknown; locate?: (pointer: string) => { line: number; column: number } } | undefined> => {
  let text: string
  try {
    text = readText(path)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    flaws.push({
      what: error.code === 'ENOENT' ? 'config-missing' : 'unreadable',
      level: 'fail',
      path,
      message: error.message.replace(`${path} `, ''),
      expected: 'the file that from names',
    })
    return undefined
  }
  const parsed = /\.ya?ml$/.test(path) ? await parseYaml(text) : await parseJson(text, 'json5', ctx.mask)
  if (!parsed.error) return parsed
  const { line, column, message } = parsed.error
  flaws.push({
    what: 'config-broken',
    level: 'fail',
    path,
    line,
    column,
    message: `cannot be parsed: ${ctx.mask(message)}`,
    expected: 'a file that can be parsed',
  })
  return undefined
}

/** A folder or file as a unit: what package.json, a HOOK.md or the usual names say would be loaded. */
export const readUnit = async (path: string, disk: Disk, ctx: CheckContext): Promise<Unit> => {
  const flaws: Flaw[] = []
  const kind = disk.kind(path)
  const folder = kind === 'folder' ? path : dirname(path)
  const root = disk.real(folder)
  const loads: Entry[] = []
  const add = (file: string): void => {
    const real = disk.real(file)
    if (kind !== 'folder' || isInside(root, real)) loads.push({ path: real, role: 'main' })
    else
      flaws.push({
        what: 'entry-outside',
        level: 'fail',
        path: file,
        message: `leads to ${real}, outside ${shownPath(folder, ctx)}`,
        expected: 'an entry inside the package',
      })
  }
  const unit = (sort: Unit['sort']): Unit => ({
    sort,
    name: basename(path),
    path,
    root: kind === 'folder' ? root : disk.real(dirname(disk.real(path))),
    entries: loads,
    // Whoever loads TypeScript sources by their own names has a loader for them.
    loader: loads.some(entry => /\.[cm]?tsx?$/.test(entry.path)) ? 'typescript' : 'node',
    flaws,
  })

  if (kind === 'file') {
    if (extname(path) === '.json') await checkJson(path, flaws, ctx)
    else if (CODE.has(extname(path))) add(path)
    else if (readText(path).trim() === '')
      flaws.push({ what: 'entry-missing', level: 'fail', path, message: 'is empty' })
    return unit('plugin')
  }

  for (const manifest of manifests(folder)) if (disk.kind(manifest) === 'file') await checkJson(manifest, flaws, ctx)
  const isHook = disk.kind(join(folder, 'HOOK.md')) === 'file'
  if (isHook) {
    const read = await frontMatter(readText(join(folder, 'HOOK.md'), 1024 * 1024))
    if (read.error)
      flaws.push({
        what: 'manifest-broken',
        level: 'fail',
        path: join(folder, 'HOOK.md'),
        ...read.error,
        message: ctx.mask(read.error.message),
      })
    const handler = [
      'handler.ts',
      'handler.js',
      'handler.mjs',
      'handler.cjs',
      'index.ts',
      'index.js',
      'index.mjs',
      'index.cjs',
    ]
      .map(name => join(folder, name))
      .find(place => disk.kind(place) === 'file')
    if (handler !== undefined) add(handler)
    else
      flaws.push({
        what: 'handler-missing',
        level: 'fail',
        path: join(folder, 'HOOK.md'),
        message: 'has no handler beside it (handler or index, .ts or .js)',
        expected: 'a handler beside HOOK.md',
      })
    return unit('hook')
  }
  const found = packageEntries(disk, folder)
  for (const file of found.paths) add(file)
  if (found.paths.length === 0 && flaws.length === 0) {
    const pack = disk.packageAt(folder)
    const shut = ['HOOK.md', 'package.json', 'index.js'].some(name => disk.denied.has(join(folder, name)))
    flaws.push(
      shut
        ? {
            what: 'unreadable',
            level: 'fail',
            path: folder,
            message: 'may not be read by this user',
            expected: 'a folder that this user may read',
          }
        : pack
          ? {
              what: 'entry-missing',
              level: 'fail',
              path: join(folder, 'package.json'),
              message: `leads to nothing: ${found.why ?? 'there is no entry'}`,
              expected: 'the entry that package.json names',
            }
          : {
              what: 'nothing-here',
              level: 'fail',
              path: folder,
              message: 'holds nothing to load: no package.json, no index.js, no HOOK.md',
              expected: 'a plugin or a hook',
            },
    )
  }
  return unit('plugin')
}

/** JSON files of a folder that are manifests by their name. */
const manifests = (folder: string): string[] => {
  const inside = (path: string) => {
    try {
      return entries(path).map(entry => entry.name)
    } catch (error) {
      if (error instanceof FileError) return []
      throw error
    }
  }
  const names = inside(folder)
  const bundled = names.filter(name => /^\..+-plugin$/.test(name)).map(name => `${name}/plugin.json`)
  return [...names.filter(name => MANIFEST.test(name)), ...bundled].map(name => join(folder, name))
}

const checkJson = async (path: string, flaws: Flaw[], ctx: CheckContext): Promise<void> => {
  try {
    const json = await parseJson(readText(path), basename(path) === 'package.json' ? 'json' : 'json5', ctx.mask)
    if (json.error) {
      flaws.push(brokenManifest(path, json.error))
    } else if (!isRecord(json.value) && !Array.isArray(json.value))
      flaws.push({ what: 'manifest-invalid', level: 'fail', path, line: 1, message: 'is no object' })
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    flaws.push({ what: 'unreadable', level: 'fail', path, message: error.message.replace(`${path} `, '') })
  }
}
