/** The product itself on this machine: what it ships needs no folder of its own. */
import { accessSync, constants } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { entries, FileError, readText } from '../../core/files.ts'
import { mayTouch } from '../../core/mounts.ts'
import { isRecord } from '../../core/product-config.ts'
import type { Preset } from '../../presets/shape.ts'
import type { Disk } from './disk.ts'

export interface Host {
  /** The root of its package; absent where only its folder of plugins is known. */
  readonly root?: string
  /** Ids of the plugins that it ships. */
  readonly plugins: ReadonlySet<string>
  readonly hooks: ReadonlySet<string>
}

type Context = Pick<CheckContext, 'env' | 'path'>

/** The absolute path of a program; undefined where PATH has none. */
export const findProgram = (name: string, ctx: Context, disk: Disk): string | undefined => {
  const candidates = name.includes('/')
    ? [ctx.path(name)]
    : (ctx.env.PATH ?? '')
        .split(':')
        .filter(folder => isAbsolute(folder))
        .map(folder => join(folder, name))
  return candidates.find(path => {
    if (disk.kind(path) !== 'file') return false
    try {
      mayTouch(path)
      accessSync(path, constants.X_OK)
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error
      return false
    }
  })
}

const children = (folder: string): string[] => {
  try {
    return entries(folder)
      .filter(entry => entry.isDirectory() || entry.isSymbolicLink())
      .map(entry => entry.name)
  } catch (error) {
    if (error instanceof FileError) return []
    throw error
  }
}

const shippedPlugins = (folder: string, manifest: string): Set<string> => {
  const ids = new Set<string>()
  for (const name of children(folder)) {
    ids.add(name.toLowerCase())
    try {
      const value: unknown = JSON.parse(readText(join(folder, name, manifest)))
      if (!isRecord(value)) continue
      const legacy = Array.isArray(value.legacyPluginIds) ? (value.legacyPluginIds as unknown[]) : []
      for (const id of [value.id, ...legacy]) if (typeof id === 'string') ids.add(id.toLowerCase())
    } catch (error) {
      if (!(error instanceof FileError || error instanceof SyntaxError)) throw error
    }
  }
  return ids
}

/** Undefined if the product is not found: by its command, beside the interpreter, or linked into a plugin's node_modules. */
export const findHost = (
  preset: Preset,
  interpreter: string | undefined,
  pluginRoots: readonly string[],
  disk: Disk,
  ctx: Context,
): Host | undefined => {
  const { host, plugins } = preset
  const override = ctx.env[host.bundledVariable]?.trim()
  const isHost = (folder: string): boolean => disk.packageAt(folder)?.content.name === host.package
  const above = (path: string): string | undefined => {
    for (let at = dirname(disk.real(path)); ; at = dirname(at)) {
      if (isHost(at)) return at
      if (at === dirname(at)) return undefined
    }
  }
  const command = findProgram(host.command, ctx, disk)
  const beside =
    interpreter === undefined
      ? []
      : [join(dirname(interpreter), host.command), join(dirname(disk.real(interpreter)), host.command)]
  const programs = [command, ...beside].filter(
    (path): path is string => path !== undefined && disk.kind(path) === 'file',
  )
  const linked = pluginRoots.map(root => join(root, 'node_modules', host.package)).filter(isHost)
  const root = programs.map(above).find(found => found !== undefined) ?? linked.map(path => disk.real(path))[0]
  if (root === undefined && !override) return undefined
  const folder = override ? ctx.path(override) : join(root ?? '', host.plugins)
  return {
    ...(root !== undefined && { root }),
    plugins: shippedPlugins(folder, plugins.manifest.file),
    hooks: new Set(root === undefined ? host.knownHooks : [...children(join(root, host.hooks)), ...host.knownHooks]),
  }
}
