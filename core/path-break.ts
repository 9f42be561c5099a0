/** Where a path breaks: the component that is missing, in the way, or closed to this user. */
import { readlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import type { User } from './check.ts'
import { FileError, lstat, stat } from './files.ts'
import { mayTouch } from './mounts.ts'
import { quote } from './shell.ts'

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

/** The path whose way breaks: absolute, as the manifest names it, and who wants to go there. */
export interface BrokenPlace {
  readonly path: string
  readonly shown: string
  readonly user: User
}

export interface BreakWords {
  /** The second half of a code. */
  readonly what: string
  readonly says: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

/** In words that follow the path. `wanted` is what should be there: `a folder`. */
export const wordsOfBreak = (broken: Break, { path, shown, user }: BrokenPlace, wanted: string): BreakWords => {
  const { at } = broken
  const itself = at === path
  const expected = `${wanted} at ${path}`
  const look = `ls -ld ${quote(at)}`
  switch (broken.why) {
    case 'missing':
      return {
        what: 'missing',
        says: itself ? 'is missing' : `is missing, and so is ${at} above it`,
        observed: `nothing at ${at}`,
        expected,
        next: `ls -la ${quote(at.slice(0, at.lastIndexOf('/')) || '/')}`,
      }
    case 'dangling':
      return {
        what: 'dangling-link',
        says: itself
          ? `is a link to ${broken.to}, which is missing`
          : `lies behind ${at}, a link to ${broken.to}, which is missing`,
        observed: `${at} -> ${broken.to}, and nothing there`,
        expected,
        next: look,
      }
    case 'loop':
      return {
        what: 'link-loop',
        says: itself ? 'is a loop of links' : `lies behind ${at}, a loop of links`,
        observed: `${at} -> ${broken.to}, and so on in a circle (ELOOP)`,
        expected,
        next: look,
      }
    case 'not-a-folder':
      return {
        what: 'not-a-folder',
        says: `cannot be there: ${at} above it is not a folder`,
        observed: `${at} is not a folder`,
        expected,
        next: look,
      }
    case 'closed':
      return {
        what: 'parent-closed',
        says: `cannot be reached: ${user.name} may not search ${at}`,
        observed: `no search permission (x) on ${at} for ${user.name} (uid ${user.uid})`,
        expected: `${user.name} may pass through every folder above ${shown}`,
        next: look,
      }
    case 'other':
      return {
        what: 'unusable',
        says: `cannot be looked at (${broken.code})`,
        observed: `${broken.code} at ${at}`,
        expected,
        next: look,
      }
  }
}
