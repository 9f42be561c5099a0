/** What a run has learned of the disk: each path is asked for once, and each package.json read once. */
import { dirname, join } from 'node:path'
import { FileError, lstat, readText, realpath, stat } from '../../core/files.ts'
import { isRecord } from '../../core/product-config.ts'

type PathKind = 'file' | 'folder' | 'other'

interface PackageJson {
  /** The folder that holds it. */
  readonly folder: string
  readonly content: Readonly<Record<string, unknown>>
}

export interface Disk {
  /** Undefined where nothing is there. A place that this user may not look at is noted in `denied`. */
  kind(path: string): PathKind | undefined
  /** With every link followed; the path itself where that is not possible. */
  real(path: string): string
  /** The package.json of a folder; undefined where there is none. One that cannot be read or parsed counts as empty here. */
  packageAt(folder: string): PackageJson | undefined
  /** The nearest package.json at or above a folder, not above a `node_modules`. */
  packageAbove(folder: string): PackageJson | undefined
  /** Whether a link is there, and nothing behind it. */
  dangles(path: string): boolean
  /** Paths that exist, as far as one can see, but may not be looked at, with the reason. */
  readonly denied: Map<string, string>
}

export const newDisk = (): Disk => {
  const kinds = new Map<string, PathKind | undefined>()
  const reals = new Map<string, string>()
  const packages = new Map<string, PackageJson | undefined>()
  const denied = new Map<string, string>()

  /** Undefined for what could not be looked at; NeedsChild passes. */
  const patient = <T>(path: string, action: () => T): T | undefined => {
    try {
      return action()
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      denied.set(path, error.message)
      return undefined
    }
  }

  const kind = (path: string): PathKind | undefined => {
    if (!kinds.has(path)) {
      const facts = patient(path, () => stat(path))
      kinds.set(path, facts && (facts.isFile() ? 'file' : facts.isDirectory() ? 'folder' : 'other'))
    }
    return kinds.get(path)
  }

  const packageAt = (folder: string): PackageJson | undefined => {
    if (!packages.has(folder)) {
      const path = join(folder, 'package.json')
      let found: PackageJson | undefined
      if (kind(path) === 'file') {
        const text = patient(path, () => readText(path))
        let content: unknown
        try {
          content = JSON.parse(text ?? '')
        } catch {
          content = {}
        }
        found = { folder, content: isRecord(content) ? content : {} }
      }
      packages.set(folder, found)
    }
    return packages.get(folder)
  }

  return {
    kind,
    dangles: path => kind(path) === undefined && (patient(path, () => lstat(path))?.isSymbolicLink() ?? false),
    denied,
    packageAt,
    real: path => {
      let found = reals.get(path)
      if (found === undefined) {
        found = patient(path, () => realpath(path)) ?? path
        reals.set(path, found)
      }
      return found
    },
    packageAbove: start => {
      for (let folder = start; ; folder = dirname(folder)) {
        if (folder.endsWith('/node_modules')) return undefined
        const found = packageAt(folder)
        if (found) return found
        if (folder === dirname(folder)) return undefined
      }
    },
  }
}
