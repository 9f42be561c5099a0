/** Names and numbers of this host's groups. */
import { FileError, readText } from './files.ts'
import { ask } from './system.ts'

/** Reads lines of `name:x:gid:…`; the first of a repeated name or gid counts, as it does for getgrnam(3). */
export const parseGroups = (text: string): { readonly name: string; readonly gid: number }[] =>
  text.split('\n').flatMap(line => {
    const [name, , gid] = line.split(':')
    return name && !name.startsWith('#') && gid && /^\d+$/.test(gid) ? [{ name, gid: Number(gid) }] : []
  })

/** Reads what macOS's `dscacheutil -q group` prints: `name: staff`, then `gid: 20`. */
export const parseDirectoryGroups = (text: string): ReturnType<typeof parseGroups> => {
  const name = /^name: (.+)$/m.exec(text)?.[1]
  const gid = /^gid: (\d+)$/m.exec(text)?.[1]
  return name !== undefined && gid !== undefined ? [{ name, gid: Number(gid) }] : []
}

const listed = (): ReturnType<typeof parseGroups> => {
  try {
    return parseGroups(readText('/etc/group'))
  } catch (error) {
    if (error instanceof FileError) return []
    throw error
  }
}

/** Directory services (macOS, LDAP, sssd) keep groups that /etc/group does not list. A silent one costs a second. */
const asked = (key: 'name' | 'gid', word: string): ReturnType<typeof parseGroups> =>
  process.platform === 'darwin'
    ? parseDirectoryGroups(ask('dscacheutil', ['-q', 'group', '-a', key, word]) ?? '')
    : parseGroups(ask('getent', ['--', 'group', word]) ?? '')

/** The gid of a name, or undefined where there is no such group. */
export const groupId = (name: string): number | undefined =>
  (listed().find(group => group.name === name) ?? asked('name', name).find(group => group.name === name))?.gid

/** `staff`, or `gid 20` where it has no name. */
export const groupLabel = (gid: number): string =>
  (listed().find(group => group.gid === gid) ?? asked('gid', String(gid)).find(group => group.gid === gid))?.name ??
  `gid ${gid}`
