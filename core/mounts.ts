/**
 * Which paths may be touched in the gate's own process. A stat on a hung NFS or FUSE mount never returns and cannot be
 * cancelled, so the mount table is read first and links are followed by hand, one component at a time: no component is
 * touched before its mount is known to be local.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { elapsed } from './clock.ts'
import { contain } from './contain.ts'
import { ask } from './system.ts'

/** Types served by this host's own kernel and disks. An allow-list: a type that nobody thought of goes to the child. */
const LOCAL = new Set(
  `apfs bcachefs bpf btrfs cgroup cgroup2 configfs debugfs devfs devpts devtmpfs efivarfs erofs exfat ext2 ext3
  ext4 f2fs hfs hugetlbfs iso9660 jfs mqueue msdos nilfs2 nsfs ntfs3 overlay proc pstore ramfs reiserfs rootfs securityfs
  squashfs sysfs tmpfs tracefs udf vfat xfs zfs`.split(/\s+/),
)

export interface Mount {
  readonly at: string
  readonly type: string
}

/** Reads Linux's /proc/self/mountinfo. Later lines cover earlier ones at the same place. */
export const parseMountinfo = (text: string): Mount[] =>
  text
    .split('\n')
    .filter(line => line.includes(' - '))
    .map(line => {
      const [left = '', right = ''] = line.split(' - ', 2)
      const at = (left.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      )
      return { at: Buffer.from(at, 'latin1').toString('utf8'), type: right.split(' ')[0] ?? '' }
    })

/** Reads what macOS's `mount` prints: `//x@nas/y on /Volumes/y (smbfs, nodev)`. */
export const parseMountCommand = (text: string): Mount[] =>
  text.split('\n').flatMap(line => {
    const match = /^.* on (\/.*) \(([a-z0-9_]+)/.exec(line)
    return match?.[1] && match[2] ? [{ at: match[1], type: match[2] }] : []
  })

let table: ReadonlyMap<string, string> | undefined
let readAt = Number.NEGATIVE_INFINITY
let directories = new Map<string, string>()

/** A program reads its manifest and then runs it: the table that it just read is not read again. */
const FRESH_MS = 1000

/** Forgets the mount table and the followed links, unless they are fresh: call at the start of each run. */
export const forgetMounts = (): void => {
  if (elapsed() - readAt < FRESH_MS) return
  table = undefined
  directories = new Map()
}

const mounts = (): ReadonlyMap<string, string> => {
  if (table) return table
  let list: Mount[] = []
  if (process.platform === 'linux') {
    try {
      list = parseMountinfo(readFileSync('/proc/self/mountinfo', 'latin1'))
    } catch {
      list = [] // no /proc: nothing is known to be local, so everything goes to the child
    }
  } else {
    // mount(8) asks the kernel with MNT_NOWAIT, so it answers even when a server is gone.
    list = parseMountCommand(ask('/sbin/mount', []) ?? '')
  }
  readAt = elapsed()
  table = new Map(list.map(mount => [folded(mount.at), mount.type]))
  return table
}

/** How a file system compares names: macOS finds /Volumes/NAS under /volumes/nas, too. Elsewhere names are bytes. */
export const folded = (path: string, platform: NodeJS.Platform = process.platform): string =>
  platform === 'darwin' ? path.normalize('NFC').toLowerCase() : path

/** The type of the file system at an absolute path without links; empty if unknown. Touches nothing but the mount table. */
export const fileSystemAt = (path: string): string => {
  const known = mounts()
  for (let at = folded(path); ; at = at.slice(0, Math.max(1, at.lastIndexOf('/')))) {
    const type = known.get(at)
    if (type !== undefined) return type
    if (at === '/') return ''
  }
}

const MAX_LINKS = 40

/** More links than the system follows. Nothing on the way may be remembered: from nearer by, the same link may lead somewhere. */
class TooManyLinks extends Error {}

const refuseRemote = (path: string): void => {
  if (!LOCAL.has(fileSystemAt(path))) contain('mount', path)
}

/** Follows the links of a folder, component by component. */
const follow = (directory: string, links: number): string => {
  if (directory === '/') {
    refuseRemote('/')
    return '/'
  }
  const cached = directories.get(directory)
  if (cached !== undefined) return cached
  const slash = directory.lastIndexOf('/')
  const real = step(follow(directory.slice(0, slash) || '/', links), directory.slice(slash + 1), links)
  directories.set(directory, real)
  return real
}

const step = (parent: string, name: string, links: number): string => {
  if (name === '' || name === '.') return parent
  if (name === '..') return parent.slice(0, parent.lastIndexOf('/')) || '/'
  const path = parent === '/' ? `/${name}` : `${parent}/${name}`
  refuseRemote(path)
  let target: string
  try {
    target = readlinkSync(path)
  } catch {
    return path // no link, or not there: the caller's own call says which
  }
  if (links >= MAX_LINKS) throw new TooManyLinks()
  return follow(target.startsWith('/') ? target : `${parent}/${target}`, links + 1)
}

/** The real folders in which the components of an absolute path are looked up, and the links that it leads through, those inside of links too. */
export const followed = (path: string): { readonly folders: readonly string[]; readonly links: readonly string[] } => {
  const folders = new Set(['/'])
  const links = new Set<string>()
  const names = path.split('/')
  let at = '/'
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '' || name === '.') continue
    if (name === '..') {
      at = dirname(at)
      continue
    }
    folders.add(at)
    const next = join(at, name)
    refuseRemote(next)
    let target: string
    try {
      target = readlinkSync(next)
    } catch {
      at = next // no link, or not there
      continue
    }
    if (links.size >= MAX_LINKS) break
    links.add(next)
    names.unshift(...target.split('/'))
    if (target.startsWith('/')) at = '/'
  }
  return { folders: [...folders], links: [...links] }
}

/**
 * Throws `NeedsChild` unless every component of the absolute path lies on a file system that is known to be local.
 * In the child itself everything may be touched.
 */
export const mayTouch = (path: string): void => {
  try {
    follow(path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path, 0)
  } catch (error) {
    if (!(error instanceof TooManyLinks)) throw error // else the caller's own call says ELOOP
  }
}
