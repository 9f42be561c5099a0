/**
 * Some tests run the project as another user, so as root the way to it must be open: a clone in a folder of mktemp's (0700) is
 * closed to everybody else. The folders above get their search bit for as long as the suite runs.
 */
import { chmodSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

export default (): (() => void) => {
  const opened: (readonly [path: string, mode: number])[] = []
  if (process.geteuid?.() === 0)
    for (let path = join(import.meta.dirname, '../..'); path !== '/'; path = dirname(path)) {
      const mode = statSync(path).mode & 0o7777
      if (mode & 0o001) continue
      chmodSync(path, mode | 0o011)
      opened.push([path, mode])
    }
  return () => {
    for (const [path, mode] of opened) chmodSync(path, mode)
  }
}
