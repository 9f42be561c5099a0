/** Paths as people read them. */
import type { CheckContext } from './check.ts'

/** Relative below the manifest's folder, with `~` below the home, else as it is. */
export const shownPath = (path: string, { cwd, home }: Pick<CheckContext, 'cwd' | 'home'>): string => {
  if (path === cwd) return '.'
  if (cwd !== '/' && path.startsWith(`${cwd}/`)) return path.slice(cwd.length + 1)
  if (home !== '/' && path.startsWith(`${home}/`)) return `~${path.slice(home.length)}`
  return path
}
