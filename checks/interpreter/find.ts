/** Where a name leads under a PATH, and what was passed over on the way. */
import { accessSync, constants } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { FileError, lstat, realpath, stat } from '../../core/files.ts'
import { isManaged } from './programs.ts'

export interface PassedOver {
  readonly path: string
  readonly why: 'a link to nothing' | 'not executable by this user' | 'a folder' | 'in a folder closed to this user'
}

export interface Search {
  /** The file that would be executed. */
  readonly path?: string
  readonly passedOver: readonly PassedOver[]
  /** Folders of a version manager that stood before it in PATH and are not there. */
  readonly gone: readonly string[]
  /** Words of PATH that are no absolute folder: what they mean depends on where the service starts. */
  readonly relative: readonly string[]
}

type Look = 'runs' | 'missing' | PassedOver['why']

const lookAt = (path: string): Look => {
  try {
    const facts = stat(path)
    if (!facts) return lstat(path)?.isSymbolicLink() ? 'a link to nothing' : 'missing'
    if (facts.isDirectory()) return 'a folder'
    // root may "execute" whatever carries one x bit, like the kernel says
    accessSync(path, constants.X_OK)
    return facts.isFile() ? 'runs' : 'not executable by this user'
  } catch (error) {
    if (error instanceof FileError)
      return error.code === 'ELOOP' ? 'a link to nothing' : 'in a folder closed to this user'
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    return 'not executable by this user'
  }
}

const thereOrShut = (folder: string): boolean => {
  try {
    return stat(folder) !== undefined
  } catch (error) {
    if (error instanceof FileError) return error.code !== 'ELOOP'
    throw error
  }
}

const over = (paths: readonly string[]): { path?: string; passedOver: readonly PassedOver[]; tried: number } => {
  const passedOver: PassedOver[] = []
  for (const [index, path] of paths.entries()) {
    const look = lookAt(path)
    if (look === 'runs') return { path, passedOver, tried: index + 1 }
    if (look !== 'missing') passedOver.push({ path, why: look })
  }
  return { passedOver, tried: paths.length }
}

/** One file, by its absolute path. */
export const lookUp = (path: string): Search => {
  const { tried: _, ...found } = over([path])
  return { ...found, gone: [], relative: [] }
}

/** As execvp(3) does it: what cannot be executed is passed over. An empty word of PATH is the present folder. */
export const searchPath = (name: string, path: string): Search => {
  const words = path.split(':')
  const folders = words.filter(word => isAbsolute(word))
  const { tried, ...found } = over(folders.map(folder => join(folder, name)))
  return {
    ...found,
    gone: folders.slice(0, tried).filter(folder => isManaged(folder) && !thereOrShut(folder)),
    relative: words.filter(word => !isAbsolute(word)),
  }
}

/** With every link followed; the path itself where that cannot be done. */
export const behind = (path: string): string => {
  try {
    return realpath(path)
  } catch (error) {
    if (error instanceof FileError) return path
    throw error
  }
}
