/** Whoever can write a manifest can run commands as the user who reads it: who that is, by owner and mode, as sshd(8) asks it of its files. */
import type { User } from '../../core/check.ts'
import { FileError, lstat, readText, realpath, stat } from '../../core/files.ts'
import { followed } from '../../core/mounts.ts'
import { userLabel } from '../../core/users.ts'

/** The manifest, or a folder or a link that leads to it. */
export interface Place {
  readonly path: string
  readonly folder: boolean
  /** Only its owner matters: whoever owns a link can put another in its place, also in a sticky folder. */
  readonly link?: true
  readonly uid: number
  readonly gid: number
  readonly mode: number
}

export interface Distrust {
  readonly path: string
  /** Who else can write there. */
  readonly who: string
  /** The command that ends it. */
  readonly mend: 'chmod go-w' | 'chown' | 'chown -h'
}

const GROUP_WRITE = 0o020
const OTHER_WRITE = 0o002
const STICKY = 0o1000

/** Members by name (/etc/group) and by login group (/etc/passwd): nobody but the owner is in it. A group that is not listed is not known to be private. */
export const isPrivate = (gid: number, owner: number, groups: string, passwd: string): boolean => {
  const users = passwd.split('\n').flatMap(line => {
    const [name, , uid, group] = line.split(':')
    return name && uid && group ? [{ name, uid: Number(uid), gid: Number(group) }] : []
  })
  const line = groups.split('\n').find(each => each.split(':')[2] === String(gid))
  if (line === undefined) return false
  const named = (line.split(':')[3] ?? '').split(',').filter(name => name !== '')
  const owns = (name: string): boolean => users.some(user => user.name === name && user.uid === owner)
  return named.every(owns) && users.every(user => user.gid !== gid || user.uid === owner)
}

/** The first place where somebody else than root, the manifest's owner and this user can write; `places` begins with the manifest. */
export const judgeTrust = (
  places: readonly Place[],
  user: Pick<User, 'uid'>,
  privately: (place: Place) => boolean,
): Distrust | undefined => {
  const owner = places[0]?.uid
  for (const place of places) {
    const { path, folder, link, uid, gid, mode } = place
    if (uid !== 0 && uid !== owner && uid !== user.uid)
      return { path, who: userLabel(uid), mend: link ? 'chown -h' : 'chown' }
    if (link) continue // its mode means nothing
    // In a folder like /tmp nobody renames what is another's.
    if (folder && mode & STICKY) continue
    if (mode & OTHER_WRITE) return { path, who: 'everybody', mend: 'chmod go-w' }
    // Where every user has a group of his own, files that the group may write are the rule.
    if (mode & GROUP_WRITE && gid !== 0 && !privately(place)) return { path, who: `group ${gid}`, mend: 'chmod go-w' }
  }
  return undefined
}

const place = (path: string, folder: boolean): Place | undefined => {
  const facts = stat(path)
  return facts && { path, folder, uid: facts.uid, gid: facts.gid, mode: facts.mode }
}

const linkAt = (path: string): Place | undefined => {
  const facts = lstat(path)
  return facts?.isSymbolicLink()
    ? { path, folder: false, link: true, uid: facts.uid, gid: facts.gid, mode: facts.mode }
    : undefined
}

const textOf = (path: string): string => {
  try {
    return readText(path)
  } catch (error) {
    if (error instanceof FileError) return '' // then no group is known to be private
    throw error
  }
}

/** The manifest, and every folder and link that leads to it. Throws `FileError`. */
export const distrust = (manifest: string, user: Pick<User, 'uid'>): Distrust | undefined => {
  const real = realpath(manifest)
  const { folders, links } = followed(manifest)
  const places = [place(real, false), ...folders.map(path => place(path, true)), ...links.map(linkAt)].filter(
    each => each !== undefined,
  )
  let texts: { readonly groups: string; readonly passwd: string } | undefined
  return judgeTrust(places, user, ({ gid, uid }) => {
    texts ??= { groups: textOf('/etc/group'), passwd: textOf('/etc/passwd') }
    return isPrivate(gid, uid, texts.groups, texts.passwd)
  })
}
