/** Asking the system's own tools as `ask` does, where the error matters as much as the answer. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { type BoundedEnd, runBounded } from './bounded.ts'

/** Where system tools stand; not the user's PATH, which a service does not have. */
export const TOOL_FOLDERS: readonly string[] = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/run/current-system/sw/bin']

export interface ToolQuestion {
  readonly tool: string
  readonly words: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly folders?: readonly string[]
}

/** Undefined where the host has no such tool. Messages are in English. */
export const askTool = async ({
  tool,
  words,
  env = {},
  timeoutMs,
  signal,
  folders = TOOL_FOLDERS,
}: ToolQuestion): Promise<BoundedEnd | undefined> => {
  const file = folders
    .map(folder => join(folder, tool))
    .find(path => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
  if (file === undefined) return undefined
  return runBounded({
    file,
    words,
    env: { PATH: TOOL_FOLDERS.join(':'), LC_ALL: 'C', ...env },
    cwd: '/',
    timeoutMs,
    signal,
  })
}
