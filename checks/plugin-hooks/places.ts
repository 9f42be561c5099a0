/** The paths that a preset's places lead to. */
import { basename, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { entries, FileError, stat } from '../../core/files.ts'
import { fits } from '../../core/glob.ts'
import { configPath, isRecord } from '../../core/product-config.ts'
import type { Place, Preset } from '../../presets/shape.ts'
import type { Config } from './config.ts'
import type { Disk } from './disk.ts'
import type { Flaw } from './flaw.ts'

export interface Found {
  readonly place: Place
  readonly path: string
  /** Named by itself, and not met in a folder of such things: it must be one. */
  readonly named: boolean
  /** The name under which the product would install it again. */
  readonly package?: string
  /** An older copy of what another project holds. */
  readonly stale?: string
}

interface Where {
  readonly state: string
  readonly workspaces: readonly string[]
  readonly config: Config
  readonly preset: Preset
  readonly disk: Disk
}

const names = (folder: string, ignored: (name: string) => boolean, disk: Disk, flaws: Flaw[]): string[] => {
  if (disk.kind(folder) !== 'folder') return []
  try {
    return entries(folder)
      .filter(entry => !ignored(entry.name) && (entry.isDirectory() || entry.isSymbolicLink()))
      .filter(entry => {
        const path = join(folder, entry.name)
        if (entry.isDirectory() || disk.kind(path) === 'folder') return true
        // Its host passes it over without a word.
        if (disk.kind(path) === undefined)
          flaws.push({
            what: disk.denied.has(path) ? 'unreadable' : 'path-missing',
            level: 'fail',
            path,
            message: disk.denied.get(path)?.replace(`${path} `, '') ?? 'is a link to nothing',
            expected: 'a folder, or a link to one',
          })
        return false
      })
      .map(entry => entry.name)
      .sort()
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    flaws.push({
      what: 'unreadable',
      level: 'fail',
      path: folder,
      message: error.message.replace(`${folder} `, ''),
      expected: 'a folder that this user may list',
    })
    return []
  }
}

/** The folders that a pattern of names and `*` leads to. Links are followed, as the product does. */
const expand = (base: string, pattern: string, ignored: readonly string[], disk: Disk, flaws: Flaw[]): string[] => {
  let found = [base]
  for (const segment of pattern.split('/'))
    found = found.flatMap(folder =>
      segment.includes('*')
        ? names(
            folder,
            name => !fits(segment, name) || ignored.some(other => fits(other, name.toLowerCase())),
            disk,
            flaws,
          ).map(name => join(folder, name))
        : [join(folder, segment)].filter(path => disk.kind(path) === 'folder'),
    )
  return found
}

/** What a project's package.json depends on. */
const dependencies = (project: string, disk: Disk): string[] => {
  const table = disk.packageAt(project)?.content.dependencies
  return isRecord(table) ? Object.keys(table) : []
}

/** A folder, or what it holds where it is none itself. */
export type IsOne = (path: string) => boolean

export const search = (
  places: readonly Place[],
  where: Where,
  isOne: IsOne,
  ctx: Pick<CheckContext, 'path'>,
): { found: Found[]; flaws: Flaw[]; folders: string[] } => {
  const { state, workspaces, config, preset, disk } = where
  const { ignored } = preset.plugins
  const flaws: Flaw[] = []
  const found: Found[] = []
  const folders: string[] = []

  for (const place of places) {
    if ('list' in place) {
      for (const { pointer, value } of config.all(`${place.list}/*`)) {
        if (typeof value !== 'string' || value.trim() === '') continue
        const given = value.trim()
        const path = configPath(given, state, ctx)
        const kind = disk.kind(path)
        if (kind === undefined) {
          const unset = /\$\{([A-Z_][A-Z0-9_]*)\}/.exec(given)?.[1]
          const why =
            disk.denied.get(path)?.replace(`${path} `, '') ??
            (unset === undefined ? 'does not exist' : `needs the variable ${unset}, which is not set`)
          flaws.push({
            what: disk.denied.has(path) ? 'unreadable' : 'path-missing',
            level: 'fail',
            ...config.place(pointer),
            message: `names the path ${given}, which ${why}`,
            expected: 'a path that exists',
          })
          continue
        }
        if (kind === 'file' || isOne(path)) found.push({ place, path, named: true })
        else {
          const inside = expand(path, '*', ignored, disk, flaws).filter(isOne)
          if (inside.length === 0)
            flaws.push({
              what: 'nothing-here',
              level: 'fail',
              ...config.place(pointer),
              message: `names the path ${given}, where there is nothing to load`,
              expected: 'a plugin or hook, or a folder of them',
            })
          found.push(...inside.map(inner => ({ place, path: inner, named: true })))
        }
      }
      continue
    }
    for (const base of place.below === 'workspace' ? workspaces : [state]) {
      if ('folders' in place) {
        folders.push(join(base, place.folders.replace(/\/?\*.*$/, '')))
        found.push(...expand(base, place.folders, ignored, disk, flaws).map(path => ({ place, path, named: false })))
        continue
      }
      const projects =
        'projects' in place ? expand(join(base, place.projects), '*', ['.*'], disk, flaws) : [join(base, place.project)]
      folders.push(join(base, 'projects' in place ? place.projects : place.project))
      found.push(...newest(projects, disk).map(project => ({ place, named: true, ...project })))
    }
  }
  return { found, flaws, folders: [...new Set(folders)] }
}

/** Of several projects for the same package the one installed last is in use. */
const newest = (projects: readonly string[], disk: Disk): { path: string; package: string; stale?: string }[] => {
  const byName = new Map<string, { project: string; at: number }[]>()
  for (const project of projects)
    for (const name of dependencies(project, disk)) {
      const at = stat(join(project, 'package.json'))?.mtimeMs ?? 0
      byName.set(name, [...(byName.get(name) ?? []), { project, at }])
    }
  return [...byName].flatMap(([name, copies]) => {
    const sorted = copies.sort((a, b) => b.at - a.at)
    return sorted.map(({ project }, index) => ({
      path: join(project, 'node_modules', name),
      package: name,
      ...(index > 0 && { stale: `a later install of ${name} is in ${basename(sorted[0]?.project ?? '')}` }),
    }))
  })
}
