/** From how many run to a verdict. */
import type { Facts, Verdict } from '../../core/check.ts'
import { plural } from '../../core/text.ts'

export interface Range {
  readonly min: number
  readonly max: number
}

export interface Counted {
  /** How they are called: `command "*bot.js*"`, `gateway.pid`. */
  readonly label: string
  /** The first `LISTED` of them with pid, user and start; masked. */
  readonly shown: readonly string[]
  readonly pids: readonly number[]
  /** Some of this host's processes cannot be seen. */
  readonly hidden: boolean
  /** What else there is to say, where nothing runs. */
  readonly note?: string
  /** What fits and does not count, where too few do. */
  readonly uncounted?: string
}

/** `none`, `exactly 1`, `at most 2`, `at least 1`, `1 to 3`. */
export const rangeWords = ({ min, max }: Range): string => {
  if (max === 0) return 'none'
  if (min === max) return `exactly ${min}`
  if (max === Number.POSITIVE_INFINITY) return `at least ${min}`
  return min === 0 ? `at most ${max}` : `${min} to ${max}`
}

/** How many are introduced; the others are counted. */
export const LISTED = 8

const everyone = ({ shown, pids }: Counted): string =>
  pids.length <= LISTED ? shown.join('; ') : `${shown.slice(0, LISTED).join('; ')}; and ${pids.length - LISTED} more`

export const judge = (seen: Counted, range: Range, user: string): Verdict => {
  const { label, pids, hidden, note, uncounted } = seen
  const count = pids.length
  const blind = `processes of others are hidden from ${user}`
  const facts: Facts = { count, pids: pids.map(String), hidden }
  const amount = `${plural(count, 'process', 'processes')} of ${label}`
  const expected = `${rangeWords(range)}${range.max === 0 ? '' : ' of them'}`
  const base = { watched: [label], facts } as const
  if (count > range.max)
    return {
      ...base,
      status: 'fail',
      code: 'process/too-many',
      summary: `${amount}: ${everyone(seen)}`,
      observed: everyone(seen),
      expected,
      next: `ps -o pid,ppid,user,lstart,args -p ${pids.join(',')}`,
    }
  if (count < range.min) {
    const observed = [
      count === 0 ? (note ?? 'none runs') : everyone(seen),
      ...(uncounted === undefined ? [] : [uncounted]),
      ...(hidden ? [blind] : []),
    ].join('; ')
    return {
      ...base,
      status: 'fail',
      code: 'process/too-few',
      summary: `${amount}${count === 0 && note ? `: ${note}` : ''}`,
      observed,
      expected,
      next: 'ps -axww -o pid,user,args',
    }
  }
  // Fewer are seen than may run, and there might be more than may.
  if (hidden && range.max !== Number.POSITIVE_INFINITY)
    return {
      ...base,
      status: 'warn',
      code: 'process/hidden',
      summary: `${amount}, but ${blind}`,
      observed: `${count === 0 ? 'none' : everyone(seen)}; ${blind}`,
      expected: `${expected}, and all of them to be seen`,
      next: 'grep " /proc " /proc/self/mountinfo',
    }
  return {
    ...base,
    status: 'pass',
    code: 'process/as-wanted',
    summary: count === 0 ? `no process of ${label}${note ? ` (${note})` : ''}` : `${amount}: ${everyone(seen)}`,
    watched: [label],
  }
}
