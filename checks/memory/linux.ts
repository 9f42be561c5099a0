/** How much memory a new process can get on Linux: the host's, its cgroup's and those above, its own limits. */
import { dirname } from 'node:path'
import { FileError, readText } from '../../core/files.ts'
import { cgroupOf, type Hierarchy, parseMounts } from './cgroup.ts'

/** Something that bounds memory. All in bytes. */
export interface Source {
  /** `this host`, `/sys/fs/cgroup/app/memory.max`, `ulimit -v`. */
  readonly name: string
  /** What is left, what can be reclaimed included. */
  readonly available: number
  /** What there would be if nothing else ran. */
  readonly total: number
}

export interface Gathered {
  readonly sources: readonly Source[]
  /** What should have been read and could not: a bound that nobody knows. */
  readonly problems: readonly string[]
}

/** The text of a file; undefined where it is not there. Throws `FileError`. */
const textOf = (path: string): string | undefined => {
  try {
    return readText(path)
  } catch (error) {
    if (error instanceof FileError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw error
  }
}

/** A line of /proc/meminfo or of a memory.stat, in bytes. */
const amount = (text: string, name: string): number | undefined => {
  const match = new RegExp(`^${name}:?[ \\t]+(\\d+)( kB)?`, 'm').exec(text)
  return match?.[1] === undefined ? undefined : Number(match[1]) * (match[2] ? 1024 : 1)
}

/** Version 1 writes the largest number of pages for "none". */
const NO_LIMIT = 2 ** 60

/** A file with one number; `max`, and what is beyond every machine, is infinite; undefined where it is not there. Throws on another text. */
const limitIn = (path: string): number | undefined => {
  const text = textOf(path)?.trim()
  if (text === undefined) return undefined
  if (text === 'max') return Number.POSITIVE_INFINITY
  if (!/^-?\d+$/.test(text)) throw new FileError('NO-NUMBER', path, `${path} holds no number`)
  const value = Number(text)
  return value < 0 || value >= NO_LIMIT ? Number.POSITIVE_INFINITY : value
}

interface Swap {
  readonly free: number
  readonly total: number
}

const NO_SWAP: Swap = { free: 0, total: 0 }

interface Bound {
  readonly limit: string
  readonly usage: string
  /** Swap comes on top; otherwise it is in the number already. */
  readonly besideSwap: boolean
}

const BOUNDS: Readonly<Record<Hierarchy['version'], readonly Bound[]>> = {
  2: [
    { limit: 'memory.max', usage: 'memory.current', besideSwap: true },
    // Above it a group is slowed down to a crawl.
    { limit: 'memory.high', usage: 'memory.current', besideSwap: true },
  ],
  1: [
    { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes', besideSwap: true },
    { limit: 'memory.memsw.limit_in_bytes', usage: 'memory.memsw.usage_in_bytes', besideSwap: false },
  ],
}

/** In memory.stat: file pages that nobody has used lately. */
const CACHE = { 2: 'inactive_file', 1: 'total_inactive_file' } as const

/** The folders of a group and of those above it, the group's own first. */
const upwards = ({ at, group }: Hierarchy): string[] => {
  const folders: string[] = []
  for (let path = group; path !== '/'; path = dirname(path)) folders.push(`${at}${path}`)
  return [...folders, at]
}

/** Each limit that is set, with what is left below it. As kubelet counts, inactive file pages are not in use. */
const groupSources = (hierarchy: Hierarchy, root: string, swap: Swap): Source[] =>
  upwards(hierarchy).flatMap(folder =>
    BOUNDS[hierarchy.version].flatMap(bound => {
      const here = `${root}${folder}`
      const limit = limitIn(`${here}/${bound.limit}`) ?? Number.POSITIVE_INFINITY
      if (limit === Number.POSITIVE_INFINITY) return []
      const usage = limitIn(`${here}/${bound.usage}`)
      if (usage === undefined) throw new FileError('ENOENT', folder, `${folder}/${bound.usage} does not exist`)
      const cache = amount(textOf(`${here}/memory.stat`) ?? '', CACHE[hierarchy.version]) ?? 0
      const extra = bound.besideSwap ? swap : NO_SWAP
      return [
        {
          name: `${folder}/${bound.limit}`,
          available: Math.max(0, limit - Math.max(0, usage - cache)) + extra.free,
          total: limit + extra.total,
        },
      ]
    }),
  )

/** The swap that is left for us: the host's, or what a group may still take of it. */
const swapOf = (meminfo: string, hierarchy: Hierarchy | undefined, root: string): Swap => {
  let free = amount(meminfo, 'SwapFree') ?? 0
  let total = amount(meminfo, 'SwapTotal') ?? 0
  if (hierarchy?.version === 2)
    for (const folder of upwards(hierarchy)) {
      const limit = limitIn(`${root}${folder}/memory.swap.max`)
      if (limit === undefined) continue
      const used = limitIn(`${root}${folder}/memory.swap.current`) ?? 0
      free = Math.min(free, Math.max(0, limit - used))
      total = Math.min(total, limit)
    }
  return { free, total }
}

const RLIMITS = [
  ['ulimit -v', 'Max address space'],
  ['ulimit -d', 'Max data size'],
] as const

/** The soft limits in /proc/self/limits, which a child inherits. */
export const parseLimits = (text: string): Source[] =>
  RLIMITS.flatMap(([name, label]) => {
    const soft = new RegExp(`^${label}[ \\t]+(\\d+)`, 'm').exec(text)?.[1]
    return soft === undefined ? [] : [{ name, available: Number(soft), total: Number(soft) }]
  })

/** `root` stands before every path; it is empty but in tests. */
export const gatherLinux = (root: string, wantsSwap: boolean): Gathered => {
  const problems: string[] = []
  const attempt = <T>(action: () => T, otherwise: T): T => {
    try {
      return action()
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      problems.push(error.message)
      return otherwise
    }
  }
  /** Without control groups, say, their file is not there, and nothing is bounded by them. */
  const optional = (path: string): string => attempt(() => textOf(`${root}${path}`) ?? '', '')

  const meminfo = optional('/proc/meminfo')
  const hierarchies = cgroupOf(optional('/proc/self/cgroup'), parseMounts(optional('/proc/self/mountinfo')))
  const second = hierarchies.find(({ version }) => version === 2)
  const swap = wantsSwap ? attempt(() => swapOf(meminfo, second, root), NO_SWAP) : NO_SWAP
  const [free, total] = [amount(meminfo, 'MemAvailable'), amount(meminfo, 'MemTotal')]
  if (free === undefined || total === undefined) problems.push('/proc/meminfo does not say MemAvailable and MemTotal')
  const host =
    free === undefined || total === undefined
      ? []
      : [{ name: 'this host', available: free + swap.free, total: total + swap.total }]
  const groups = hierarchies.flatMap(each => attempt(() => groupSources(each, root, swap), []))
  return { sources: [...host, ...groups, ...parseLimits(optional('/proc/self/limits'))], problems }
}
