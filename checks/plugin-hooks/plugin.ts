/** Reads one plugin's folder: its manifest, its package.json, and the files that would be loaded. */
import { basename, extname, join, resolve } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, readText } from '../../core/files.ts'
import { type JsonText, parseJson, resolvePointer } from '../../core/json-text.ts'
import { isInside, isRecord } from '../../core/product-config.ts'
import type { Origin, Preset } from '../../presets/shape.ts'
import type { Disk } from './disk.ts'
import { brokenManifest, type Flaw } from './flaw.ts'
import { saidOf, schemaErrors } from './schema.ts'
import type { Entry } from './unit.ts'

export interface PluginFolder {
  /** The manifest's id, else what can be told from package.json and the folder's name. */
  readonly id: string
  readonly path: string
  readonly root: string
  readonly origin: Origin
  readonly entries: readonly Entry[]
  readonly kinds: readonly string[]
  readonly channels: readonly string[]
  /** Manifest, package.json or entries are there. Otherwise the folder holds no plugin at all. */
  readonly isPlugin: boolean
  readonly flaws: readonly Flaw[]
}

type Context = Pick<CheckContext, 'mask'>

const TYPESCRIPT = new Set(['.ts', '.tsx', '.mts', '.cts'])

/** The endings that the built form of a source may have, the likeliest first. */
const OUTPUTS: Readonly<Record<string, readonly string[]>> = {
  '.mts': ['.mjs', '.js', '.cjs'],
  '.cts': ['.cjs', '.js', '.mjs'],
}

/** Where the built form of a TypeScript entry may lie: `src/x.ts` in dist/x, dist/src/x, src/x. */
const builtForms = (entry: string): string[] => {
  const extension = extname(entry)
  if (!TYPESCRIPT.has(extension)) return []
  const bare = entry.slice(0, -extension.length).replace(/^\.\//, '')
  const places = [...new Set([`dist/${bare.replace(/^src\//, '')}`, `dist/${bare}`, bare])]
  return places.flatMap(place => (OUTPUTS[extension] ?? ['.js', '.mjs', '.cjs']).map(ending => place + ending))
}

interface Document {
  readonly value: Readonly<Record<string, unknown>>
  readonly json?: JsonText
  readonly there: boolean
}

const strings = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.filter((item): item is string => typeof item === 'string' && item.trim() !== '')
    : typeof value === 'string' && value.trim() !== ''
      ? [value]
      : []

/** Reads a JSON file of the folder and holds it to its schema. */
const document = async (
  disk: Disk,
  path: string,
  format: 'json' | 'json5',
  schema: object | undefined,
  flaws: Flaw[],
  ctx: Context,
): Promise<Document> => {
  if (disk.kind(path) === undefined && !disk.denied.has(path)) return { value: {}, there: false }
  try {
    const json = await parseJson(readText(path), format, ctx.mask)
    if (json.error) {
      flaws.push(brokenManifest(path, json.error))
      return { value: {}, there: true }
    }
    for (const error of schema ? await schemaErrors(schema, json.value) : [])
      flaws.push({
        what: 'manifest-invalid',
        level: 'fail',
        path,
        ...json.locate(error.path),
        message: saidOf(error),
        expected: 'a manifest that its host accepts',
      })
    return { value: isRecord(json.value) ? json.value : {}, json, there: true }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    flaws.push({ what: 'unreadable', level: 'fail', path, message: error.message.replace(`${path} `, '') })
    return { value: {}, there: true }
  }
}

/** A name of the package as an id: without scope, and without the endings that the host takes off. */
const idFromPackage = (name: unknown): string | undefined =>
  typeof name === 'string' && name !== ''
    ? (name.split('/').at(-1) ?? name).replace(/(?<=.)-(?:provider|plugin)$/, '')
    : undefined

export interface Reading {
  readonly disk: Disk
  readonly preset: Preset
  readonly origin: Origin
  /** Put there by an installer, which takes built JavaScript only. */
  readonly built: boolean
}

export const readPlugin = async (path: string, reading: Reading, ctx: Context): Promise<PluginFolder> => {
  const { disk, preset, origin, built } = reading
  const { plugins } = preset
  const flaws: Flaw[] = []
  const entries: Entry[] = []
  const file = disk.kind(path) === 'file' ? path : undefined
  const folder = file === undefined ? path : join(path, '..')
  const root = disk.real(folder)

  const manifestPath = join(folder, plugins.manifest.file)
  const manifest = await document(disk, manifestPath, 'json5', plugins.manifest.schema, flaws, ctx)
  const packagePath = join(folder, 'package.json')
  const pack = await document(disk, packagePath, 'json', plugins.package.schema, flaws, ctx)
  const said = isRecord(pack.value[plugins.package.key])
    ? (pack.value[plugins.package.key] as Record<string, unknown>)
    : {}

  const add = (relative: string, role: Entry['role'], source: string, place: object): boolean => {
    const full = resolve(folder, relative)
    const kind = disk.kind(full)
    if (kind === undefined) {
      const why = disk.denied.get(full)
      if (why !== undefined)
        flaws.push({ what: 'unreadable', level: 'fail', path: full, message: why.replace(`${full} `, '') })
      return why !== undefined
    }
    const real = disk.real(full)
    if (!isInside(root, real)) {
      flaws.push({
        what: 'entry-outside',
        level: 'fail',
        path: source,
        ...place,
        message: `names ${relative}, which leads to ${real}, outside the package`,
        expected: `an entry inside ${root}`,
      })
      return true
    }
    if (kind !== 'file') {
      flaws.push({
        what: 'entry-missing',
        level: 'fail',
        path: source,
        ...place,
        message: `names ${relative}, which is no file`,
      })
      return true
    }
    entries.push({ path: real, role })
    return true
  }

  /** One declared entry: its built form where one is declared or can be told, else itself. */
  const declare = (declared: string, runtime: string | undefined, role: Entry['role'], pointer: string): void => {
    const place = pack.json?.locate(pointer) ?? {}
    const missing = (what: string, expected: string): void => {
      flaws.push({
        what: 'entry-missing',
        level: 'fail',
        path: packagePath,
        ...place,
        message: `names ${what}, which does not exist`,
        expected,
      })
    }
    if (!isInside(folder, resolve(folder, declared))) {
      flaws.push({
        what: 'entry-outside',
        level: 'fail',
        path: packagePath,
        ...place,
        message: `names ${declared}, outside the package`,
        expected: 'an entry inside the package',
      })
      return
    }
    if (runtime !== undefined) {
      if (!add(runtime, role, packagePath, place)) missing(runtime, 'the built entry that package.json names')
      return
    }
    const forms = origin === 'workspace' ? [] : builtForms(declared)
    for (const form of forms)
      if (disk.kind(resolve(folder, form)) !== undefined && add(form, role, packagePath, place)) return
    if (built && forms.length > 0)
      missing(
        `${declared} without a built form of it (${forms.slice(0, 3).join(', ')})`,
        'built JavaScript: an installed package is not compiled by its host',
      )
    else if (!add(declared, role, packagePath, place)) missing(declared, 'the entry that package.json names')
  }

  const extensions = strings(said[plugins.package.entries])
  const runtime = strings(said[plugins.package.built])
  if (file !== undefined) add(file, 'main', manifestPath, {})
  else if (extensions.length > 0) {
    const at = `/${plugins.package.key}/${plugins.package.entries}`
    if (runtime.length > 0 && runtime.length !== extensions.length)
      flaws.push({
        what: 'manifest-invalid',
        level: 'fail',
        path: packagePath,
        ...pack.json?.locate(`/${plugins.package.key}/${plugins.package.built}`),
        message: `has ${runtime.length} ${plugins.package.built} for ${extensions.length} ${plugins.package.entries}`,
        expected: 'lists of equal length, side by side',
      })
    else for (const [index, entry] of extensions.entries()) declare(entry, runtime[index], 'main', `${at}/${index}`)
  } else if (Array.isArray(said[plugins.package.entries]))
    flaws.push({
      what: 'manifest-invalid',
      level: 'fail',
      path: packagePath,
      ...pack.json?.locate(`/${plugins.package.key}/${plugins.package.entries}`),
      message: `has an empty list of ${plugins.package.entries}`,
    })
  const bundle =
    manifest.there || extensions.length > 0
      ? undefined
      : plugins.bundles.map(name => join(folder, name)).find(place => disk.kind(place) === 'file')
  if (bundle !== undefined) await document(disk, bundle, 'json', { type: 'object' }, flaws, ctx)
  if (extensions.length === 0 && file === undefined && bundle === undefined) {
    const fallback = plugins.entries.find(name => disk.kind(join(folder, name)) === 'file')
    if (fallback !== undefined) add(fallback, 'main', folder, {})
    else if (manifest.there && flaws.length === 0)
      flaws.push({
        what: 'entry-missing',
        level: 'fail',
        path: folder,
        message: `has a manifest and nothing to load: neither ${plugins.package.key}.${plugins.package.entries} in package.json nor ${plugins.entries.join(', ')}`,
        expected: 'an entry to load',
      })
  }

  const setup = strings(said[plugins.package.setup])[0]
  const builtSetup = strings(said[plugins.package.builtSetup])[0]
  if (setup !== undefined) declare(setup, builtSetup, 'setup', `/${plugins.package.key}/${plugins.package.setup}`)

  for (const { pointer, value } of plugins.files.flatMap(pointer => resolvePointer(manifest.value, pointer))) {
    if (typeof value !== 'string' || value.trim() === '') continue
    const full = resolve(folder, value)
    const place = manifest.json?.locate(pointer) ?? {}
    if (disk.kind(full) === undefined)
      flaws.push({
        what: 'file-missing',
        level: 'warn',
        path: manifestPath,
        ...place,
        message: `names ${value}, which does not exist`,
        expected: 'every file that a manifest names',
      })
    else if (!isInside(root, disk.real(full)))
      flaws.push({
        what: 'entry-outside',
        level: 'warn',
        path: manifestPath,
        ...place,
        message: `names ${value}, which lies outside the package`,
        expected: 'every file that a manifest names, inside the package',
      })
  }

  const isPlugin =
    manifest.there || bundle !== undefined || extensions.length > 0 || entries.length > 0 || flaws.length > 0
  if (isPlugin && !manifest.there && bundle === undefined)
    flaws.push({
      what: 'manifest-missing',
      level: 'fail',
      path: folder,
      message: `has no ${plugins.manifest.file}`,
      expected: `a ${plugins.manifest.file} with "id" and "configSchema"`,
    })

  const id = [
    manifest.value.id,
    isRecord(said.plugin) ? said.plugin.id : undefined,
    isRecord(said.channel) ? said.channel.id : undefined,
  ]
    .map(value => (typeof value === 'string' ? value.trim() : ''))
    .find(value => value !== '')
  return {
    id: id ?? idFromPackage(pack.value.name) ?? basename(folder),
    path,
    root,
    origin,
    entries,
    kinds: strings(manifest.value.kind),
    channels: strings(manifest.value.channels),
    isPlugin,
    flaws,
  }
}
