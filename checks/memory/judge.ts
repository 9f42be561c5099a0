/** From what bounds memory, and what is needed, to a verdict. The smallest decides. */
import type { Facts, Verdict } from '../../core/check.ts'
import type { ListedProcess } from '../../core/process-list.ts'
import { quote } from '../../core/shell.ts'
import { bytes, listing } from '../../core/text.ts'
import type { Gathered, Source } from './linux.ts'

export interface Need {
  readonly free: number
  readonly headroom: number
}

const MOST = 5

/** Those that use most, the largest first. */
export const heaviest = (processes: readonly ListedProcess[]): ListedProcess[] =>
  processes.toSorted((a, b) => b.rssBytes - a.rssBytes).slice(0, MOST)

const needed = ({ free, headroom }: Need): string =>
  headroom === 0 ? bytes(free) : `${bytes(free)} and ${bytes(headroom)} of headroom`

const smallest = (sources: readonly Source[], by: 'available' | 'total'): Source | undefined =>
  sources.toSorted((a, b) => a[by] - b[by])[0]

/** The command that shows the bound. */
const whereSaid = ({ name }: Source): string => {
  if (name.startsWith('/')) return `cat ${quote(name)}`
  if (name.startsWith('ulimit')) return name
  return process.platform === 'darwin' ? 'sysctl hw.memsize' : 'cat /proc/meminfo'
}

/** `users` are those that use most, as they are to be shown. */
export const judge = ({ sources, problems }: Gathered, need: Need, users: readonly string[]): Verdict => {
  const wanted = need.free + need.headroom
  const [least, tightest] = [smallest(sources, 'available'), smallest(sources, 'total')]
  const watched = sources.map(({ name }) => name)
  const top = users.length > 0 ? `; most is used by ${users.join(', ')}` : ''
  const facts: Facts = {
    availableBytes: least?.available ?? null,
    totalBytes: least?.total ?? null,
    neededBytes: wanted,
    decidedBy: least?.name ?? null,
    sources: sources.map(({ name, available }) => `${name}: ${available}`),
    ...(users.length > 0 ? { top: users } : {}),
  }
  if (tightest && tightest.total < wanted)
    return {
      status: 'fail',
      code: 'memory/too-small',
      summary: `${tightest.name} has ${bytes(tightest.total)} in all, and ${needed(need)} are needed`,
      observed: `${bytes(tightest.total)} in all, ${bytes(tightest.available)} of it left (${tightest.name})${top}`,
      expected: `room for ${needed(need)}`,
      next: whereSaid(tightest),
      watched,
      facts,
    }
  if (least && least.available < wanted)
    return {
      status: 'fail',
      code: 'memory/low',
      summary: `${bytes(least.available)} are available (${least.name}), and ${needed(need)} are needed${top}`,
      observed: `${bytes(least.available)} of ${bytes(least.total)} (${least.name})${top}`,
      expected: `at least ${needed(need)}`,
      next: 'ps -axww -o pid,user,rss,args | sort -rnk3 | head -n 6',
      watched,
      facts,
    }
  const [first] = watched
  if (problems.length > 0 || !least || first === undefined)
    return {
      status: 'fail',
      code: 'memory/unknown',
      summary: `nobody knows how much memory there is: ${problems[0] ?? 'this system does not say'}`,
      observed: problems.length > 0 ? listing(problems) : 'nothing that bounds memory could be read',
      expected: 'the memory of this host and the limits of this process',
      next: process.platform === 'darwin' ? 'vm_stat' : 'cat /proc/meminfo /proc/self/cgroup',
      watched,
      facts,
    }
  return {
    status: 'pass',
    code: 'memory/enough',
    summary: `${bytes(least.available)} are available (${least.name}), ${needed(need)} needed`,
    watched: [first, ...watched.slice(1)],
    facts,
  }
}
