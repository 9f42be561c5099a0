/**
 * Where Node would find what a module asks for: its resolution algorithms for `import` and `require`
 * (nodejs.org/api/esm.html#resolution-algorithm, nodejs.org/api/modules.html#all-together), and the wider one of
 * TypeScript loaders such as jiti, which try other endings.
 */
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isRecord } from '../../core/product-config.ts'
import type { Disk } from './disk.ts'
import type { Form } from './sketch.ts'

/** `node`: Node's own rules. `typescript`: a loader that also finds `x.ts`, `x/index.ts` and `x.ts` for `x.js`. */
export type Loader = 'node' | 'typescript'

export type Resolution =
  | { readonly to: 'file'; readonly path: string }
  /** Built in, a data URL, or another thing that is on no disk. */
  | { readonly to: 'nothing' }
  /** Only a TypeScript loader would find it there. */
  | { readonly to: 'inexact'; readonly path: string }
  | { readonly to: 'missing-file'; readonly path: string }
  /** `found`: the package is there, but not what is asked of it. */
  | { readonly to: 'missing-package'; readonly name: string; readonly found?: string; readonly why?: string }

let builtins: ReadonlySet<string> | undefined

/** Loaded with the first package that is asked for: node:module costs 3 ms. */
const isBuiltin = (name: string): boolean => {
  builtins ??= new Set(process.getBuiltinModule('node:module').builtinModules)
  return builtins.has(name)
}
const EXTENSIONS = ['.js', '.json', '.node']
const WIDE = ['.ts', '.tsx', '.mts', '.cts', '.js', '.mjs', '.cjs', '.jsx', '.json', '.node']
/** TypeScript sources import their neighbours by the name that they will have when built. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx', '.jsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
  '.jsx': ['.tsx'],
}

const CONDITIONS = {
  import: new Set(['node', 'import', 'module-sync', 'node-addons', 'default']),
  require: new Set(['node', 'require', 'module-sync', 'node-addons', 'default']),
}

type Conditions = ReadonlySet<string>

export const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

const endings = (disk: Disk, path: string, list: readonly string[]): string | undefined =>
  list.map(ending => path + ending).find(candidate => disk.kind(candidate) === 'file')

/** LOAD_AS_FILE and LOAD_AS_DIRECTORY. */
const asCommon = (disk: Disk, path: string, list: readonly string[]): string | undefined => {
  if (disk.kind(path) === 'file') return path
  const near = endings(disk, path, list)
  if (near) return near
  if (disk.kind(path) !== 'folder') return undefined
  const main = disk.packageAt(path)?.content.main
  if (typeof main === 'string' && main !== '') {
    const target = join(path, main)
    const found =
      (disk.kind(target) === 'file' ? target : undefined) ??
      endings(disk, target, list) ??
      endings(disk, join(target, 'index'), list)
    if (found) return found
  }
  return endings(disk, join(path, 'index'), list)
}

const asTypescript = (disk: Disk, path: string): string | undefined => {
  const plain = asCommon(disk, path, WIDE)
  if (plain) return plain
  const ending = extname(path)
  return endings(disk, path.slice(0, path.length - ending.length), SOURCES[ending] ?? [])
}

/** Whether `import` from this file may leave out endings: never in ES modules. `require` always may. */
const isLax = (form: Form): boolean => form === 'require' || form === 'resolve'

/** A path on disk. */
const atPath = (disk: Disk, path: string, form: Form, loader: Loader): Resolution => {
  const exact = isLax(form) ? asCommon(disk, path, EXTENSIONS) : disk.kind(path) === 'file' ? path : undefined
  if (exact) return { to: 'file', path: exact }
  const wide = asTypescript(disk, path)
  if (!wide) return { to: 'missing-file', path }
  return loader === 'typescript' ? { to: 'file', path: wide } : { to: 'inexact', path: wide }
}

/** PACKAGE_TARGET_RESOLVE. Undefined: no condition fits. `null`: forbidden. */
const target = (value: unknown, star: string | undefined, conditions: Conditions): string | null | undefined => {
  if (typeof value === 'string') return star === undefined ? value : value.replaceAll('*', star)
  if (value === null) return null
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) {
      const found = target(item, star, conditions)
      if (found) return found
    }
    return undefined
  }
  if (isRecord(value))
    for (const [condition, inner] of Object.entries(value)) {
      if (!conditions.has(condition)) continue
      const found = target(inner, star, conditions)
      if (found !== undefined) return found
    }
  return undefined
}

/** PACKAGE_IMPORTS_EXPORTS_RESOLVE: the most specific pattern wins. */
const mapped = (
  map: Readonly<Record<string, unknown>>,
  key: string,
  conditions: Conditions,
): string | null | undefined => {
  if (Object.hasOwn(map, key) && !key.includes('*')) return target(map[key], undefined, conditions)
  const patterns = Object.keys(map)
    .filter(pattern => pattern.split('*').length === 2)
    .sort((a, b) => b.indexOf('*') - a.indexOf('*') || b.length - a.length)
  for (const pattern of patterns) {
    const [before = '', after = ''] = pattern.split('*')
    if (key !== before && key.startsWith(before) && key.endsWith(after) && key.length >= pattern.length)
      return target(map[pattern], key.slice(before.length, key.length - after.length), conditions)
  }
  return undefined
}

const exportsMap = (value: unknown): Readonly<Record<string, unknown>> =>
  isRecord(value) && Object.keys(value).some(key => key.startsWith('.')) ? value : { '.': value }

/** What a package gives for a subpath (`.` or `./x`). */
const fromPackage = (
  disk: Disk,
  folder: string,
  subpath: string,
  form: Form,
  loader: Loader,
): { path: string } | { why: string } => {
  const content = disk.packageAt(folder)?.content ?? {}
  const given = content.exports
  const wide = loader === 'typescript'
  if (given !== undefined && given !== null) {
    // A TypeScript loader tries both sets; Node the one of the form.
    const sets = wide
      ? [CONDITIONS.import, CONDITIONS.require]
      : [isLax(form) && form !== 'resolve' ? CONDITIONS.require : CONDITIONS.import]
    if (form === 'resolve' && !wide) sets.push(CONDITIONS.require)
    let why =
      subpath === '.' ? 'its package.json exports nothing for this use' : `its package.json does not export ${subpath}`
    for (const conditions of sets) {
      const path = mapped(exportsMap(given), subpath, conditions)
      if (!path) continue
      const full = join(folder, path)
      if (disk.kind(full) === 'file') return { path: full }
      why = `its package.json points to ${path}, which is not there`
    }
    if (wide && subpath !== '.') {
      const path = asTypescript(disk, join(folder, subpath))
      if (path) return { path }
    }
    return { why }
  }
  const place = join(folder, subpath)
  // A package's own main may lack its ending, also for `import`; a subpath may not.
  const path = wide
    ? asTypescript(disk, place)
    : subpath === '.' || isLax(form)
      ? asCommon(disk, place, EXTENSIONS)
      : disk.kind(place) === 'file'
        ? place
        : undefined
  if (path) return { path }
  const main = content.main
  return {
    why:
      subpath !== '.'
        ? `there is no ${subpath} in it`
        : typeof main === 'string'
          ? `its main ${main} is not there`
          : 'it has no index.js',
  }
}

/** Folders of NODE_PATH, for `require` alone. */
const nodePath = (env: string | undefined): string[] => (env ?? '').split(':').filter(folder => folder.startsWith('/'))

const bare = (
  disk: Disk,
  specifier: string,
  from: string,
  form: Form,
  loader: Loader,
  extra: readonly string[],
): Resolution => {
  const name = packageName(specifier)
  const subpath = `.${specifier.slice(name.length)}`
  const own = disk.packageAbove(from)
  if (own && own.content.name === name && own.content.exports !== undefined) {
    const found = fromPackage(disk, own.folder, subpath, form, loader)
    if ('path' in found) return { to: 'file', path: found.path }
  }
  const folders: string[] = []
  for (let at = from; ; at = dirname(at)) {
    if (!at.endsWith('/node_modules')) folders.push(join(at, 'node_modules'))
    if (at === dirname(at)) break
  }
  if (isLax(form) || loader === 'typescript') folders.push(...extra)
  let half: Resolution | undefined
  for (const folder of folders) {
    const place = join(folder, name)
    if (disk.kind(place) === 'folder') {
      const found = fromPackage(disk, place, subpath, form, loader)
      if ('path' in found) return { to: 'file', path: found.path }
      half ??= { to: 'missing-package', name, found: place, why: found.why }
      // import stops at the first package of the name; require goes on looking unless it has exports.
      if (!isLax(form)) break
    } else {
      const file = isLax(form) && subpath === '.' ? endings(disk, place, EXTENSIONS) : undefined
      if (file) return { to: 'file', path: file }
      if (disk.dangles(place)) half ??= { to: 'missing-package', name, found: place, why: 'it is a link to nothing' }
    }
  }
  return half ?? { to: 'missing-package', name }
}

/** Resolves a specifier of a module. `file` is the module's path with its links followed, as Node has it. */
export const resolveImport = (
  disk: Disk,
  specifier: string,
  file: string,
  form: Form,
  loader: Loader,
  env: { readonly NODE_PATH?: string | undefined },
): Resolution => {
  const from = dirname(file)
  if (specifier.startsWith('file:')) {
    try {
      return atPath(disk, fileURLToPath(specifier), form, loader)
    } catch {
      return { to: 'missing-file', path: specifier }
    }
  }
  // `node:` names that this Node does not know may be known to the gateway's.
  if (/^(?:node|data|https?):/.test(specifier) || isBuiltin(specifier)) return { to: 'nothing' }
  if (/^\.{0,2}(?:\/|$)|^\.\.?$/.test(specifier)) {
    const path = specifier.replace(/[?#].*$/s, '')
    const plain = form === 'import' || form === 'dynamic' ? decoded(path) : specifier
    return atPath(
      disk,
      resolve(from, plain),
      form === 'named' ? 'require' : form,
      form === 'named' ? 'typescript' : loader,
    )
  }
  if (specifier.startsWith('#')) {
    const own = disk.packageAbove(from)
    const map = own?.content.imports
    const sets =
      loader === 'typescript'
        ? [CONDITIONS.import, CONDITIONS.require]
        : [isLax(form) ? CONDITIONS.require : CONDITIONS.import]
    for (const conditions of own && isRecord(map) ? sets : []) {
      const path = mapped(map as Readonly<Record<string, unknown>>, specifier, conditions)
      if (!path || !own) continue
      if (path.startsWith('./')) return atPath(disk, join(own.folder, path), form, loader)
      return resolveImport(disk, path, join(own.folder, 'package.json'), form, loader, env)
    }
    return {
      to: 'missing-package',
      name: specifier,
      why: own
        ? `the "imports" of ${own.folder}/package.json have no such key`
        : 'there is no package.json with "imports"',
    }
  }
  return bare(disk, specifier.replace(/[?#].*$/s, ''), from, form, loader, nodePath(env.NODE_PATH))
}

/**
 * What a folder gives to whoever loads it as a package: by `exports` both what `import` and what `require` get, else its main
 * or its index. `why` where package.json names something that is not there.
 */
export const packageEntries = (disk: Disk, folder: string): { readonly paths: string[]; readonly why?: string } => {
  const results = (['import', 'require'] as const).map(form => fromPackage(disk, folder, '.', form, 'node'))
  const paths = [...new Set(results.flatMap(result => ('path' in result ? [result.path] : [])))]
  if (paths.length > 0) return { paths }
  const wide = disk.packageAt(folder)?.content.exports === undefined ? asTypescript(disk, folder) : undefined
  if (wide !== undefined) return { paths: [wide] }
  const first = results.find(result => 'why' in result)
  return { paths: [], ...(first && 'why' in first && { why: first.why }) }
}

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
