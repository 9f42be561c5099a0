/** Where a path breaks: the component that is missing, in the way, or closed to this user. */
import { readlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import { FileError, lstat, stat } from './files.ts'
import { mayTouch } from './mounts.ts'

export type Break =
  | { readonly at: string; readonly why: 'missing' | 'not-a-folder' | 'closed' }
  | { readonly at: string; readonly why: 'dangling' | 'loop'; readonly to: string }
  /** `code` is an errno. */
  | { readonly at: string; readonly why: 'other'; readonly code: string }

const target = (path: string): string => {
  mayTouch(path)
  try {
    return readlinkSync(path)
  } catch {
    return 'a target that cannot be read'
  }
}

const parents = (path: string): string[] => {
  const names = path.split('/').filter(name => name !== '')
  return ['/', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)]
}

const isLink = (path: string): boolean => {
  try {
    return lstat(path)?.isSymbolicLink() ?? false
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40

/** The first component of an absolute path that cannot be passed; undefined if all can. */
export const findBreak = (path: string, links = 0): Break | undefined => {
  let parent = '/'
  for (const at of parents(path)) {
    try {
      const own = lstat(at)
      if (!own) return { at, why: 'missing' }
      const seen = own.isSymbolicLink() ? stat(at) : own
      if (!seen) return { at, why: 'dangling', to: target(at) }
      if (at !== path && !seen.isDirectory()) return { at, why: 'not-a-folder' }
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      if (error.code === 'ELOOP') return { at, why: 'loop', to: target(at) }
      if (error.code !== 'EACCES') return { at, why: 'other', code: error.code }
      // Looking at a name takes the right to search the folder that holds it; behind a link that is another folder.
      const behind = links < MAX_LINKS && isLink(at) ? findBreak(resolve(parent, target(at)), links + 1) : undefined
      return behind ?? { at: parent, why: 'closed' }
    }
    parent = at
  }
  return undefined
}
