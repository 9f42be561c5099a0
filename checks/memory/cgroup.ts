/** Which control groups a process is in, and where their files are. (cgroups(7), proc_pid_mountinfo(5)) */

export interface Mount {
  readonly at: string
  /** The group that is shown at `at`: not `/` in a container. */
  readonly root: string
  readonly version: 1 | 2
}

export interface Hierarchy {
  readonly version: 1 | 2
  /** Where it is mounted. */
  readonly at: string
  /** The group below that, `/` for the mount's own. */
  readonly group: string
}

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** The mounts of version 2, and those of version 1 that have the memory controller. */
export const parseMounts = (mountinfo: string): Mount[] =>
  mountinfo.split('\n').flatMap(line => {
    const [left = '', right = ''] = line.split(' - ', 2)
    const [, , , root, at] = left.split(' ')
    const [type, , options = ''] = right.split(' ')
    if (root === undefined || at === undefined) return []
    const first = type === 'cgroup' && options.split(',').includes('memory')
    if (type !== 'cgroup2' && !first) return []
    return [{ at: unescaped(at), root: unescaped(root), version: first ? 1 : 2 } as const]
  })

/** A group's path as the mount shows it. Where the mount does not reach it, the mount's own group is the nearest that can be seen. */
const below = (path: string, root: string): string => {
  if (path.split('/').includes('..')) return '/'
  if (root === '/' || path === root) return path === root ? '/' : path
  return path.startsWith(`${root}/`) ? path.slice(root.length) : '/'
}

/** From /proc/self/cgroup: `0::/user.slice/x` (version 2), `5:memory:/docker/1f` (version 1). */
export const cgroupOf = (text: string, mounts: readonly Mount[]): Hierarchy[] =>
  text.split('\n').flatMap(line => {
    const [number, controllers, ...rest] = line.split(':')
    const path = rest.join(':')
    if (!path.startsWith('/')) return []
    const version =
      number === '0' && controllers === '' ? 2 : controllers?.split(',').includes('memory') ? 1 : undefined
    const mount = mounts.find(each => each.version === version)
    return mount && version ? [{ version, at: mount.at, group: below(path, mount.root) } as const] : []
  })
