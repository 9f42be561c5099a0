/** What root may do, a gateway may not: programs and folders of a user without rights, so that closed doors are closed. */
import { chownSync, lchownSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const ID = 65534
const isRoot = process.getuid?.() === 0

/** Words before a program: it runs without root's rights. None where the suite has no such rights itself. */
export const UNPRIVILEGED: readonly string[] = isRoot
  ? ['setpriv', `--reuid=${ID}`, `--regid=${ID}`, '--clear-groups', '--']
  : []

/** Makes a folder, with all that is in it, the property of the user that `UNPRIVILEGED` stands for. */
export const give = (folder: string): void => {
  if (!isRoot) return
  chownSync(folder, ID, ID)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) give(path)
    else lchownSync(path, ID, ID)
  }
}
