/** Looks for signals in one log after the other. */
import type { Matcher } from '../../core/safe-regex.ts'
import type { Line } from './lines.ts'
import type { Hit, Place, Signal } from './signal.ts'
import { timeOfJson, timeOfText } from './time.ts'

/** A stack trace comes right below its message. */
const BELOW = 6
/** Of a file that begins without a time: so many lines are remembered until one tells it. */
const HEAD = 10_000
/** Starts and the like that are counted; more than any limit. */
const EVENTS = 100_000
const DEPTH = 4
/** Lines of one event, written to several logs or by several listeners. */
const SAME_MS = 1000

interface Found {
  count: number
  first?: number
  last?: number
  at?: Place
  /** For a signal of several lines: when each came, for each row of patterns. */
  readonly events: number[][]
}

export interface Scanner {
  /** A new file begins. */
  open(path: string): void
  line(line: Line): void
  close(): void
  hits(): readonly Hit[]
  readonly totals: { lines: number; within: number; cut: number }
}

/** Every string in a value, near the surface. */
const strings = (value: unknown, depth: number, into: string[]): void => {
  if (typeof value === 'string') into.push(value)
  else if (typeof value === 'object' && value !== null && depth > 0)
    for (const inner of Object.values(value)) strings(inner, depth - 1, into)
}

const objectIn = (text: string): Readonly<Record<string, unknown>> | undefined => {
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined // a line that only begins like one
  }
}

/** The most that came within the time: how many, and from when to when. `times` are sorted here, and doubles left out. */
export const densest = (times: readonly number[], withinMs: number): { count: number; first: number; last: number } => {
  const apart: number[] = []
  for (const time of [...times].sort((a, b) => a - b))
    if (apart.length === 0 || time - (apart.at(-1) as number) >= SAME_MS) apart.push(time)
  let best = { count: 0, first: 0, last: 0 }
  let from = 0
  for (const [to, last] of apart.entries()) {
    while (last - (apart[from] as number) > withinMs) from++
    if (to - from + 1 > best.count) best = { count: to - from + 1, first: apart[from] as number, last }
  }
  return best
}

export const scanner = (signals: readonly Signal[], since: number, now: number): Scanner => {
  const found = new Map<Signal, Found>(
    signals.map(signal => [signal, { count: 0, events: signal.patterns.map(() => []) }]),
  )
  const totals = { lines: 0, within: 0, cut: 0 }
  let path = ''
  let time: number | undefined
  let head: (() => void)[] = []
  let above: string[] = []

  const note = (signal: Signal, row: number, place: Place, at: number | undefined): void => {
    const one = found.get(signal) as Found
    one.count++
    if (at !== undefined) {
      one.first = Math.min(one.first ?? at, at)
      const events = one.events[row] as number[]
      if (signal.times > 1 && events.length < EVENTS) events.push(at)
    }
    if (at === undefined || one.last === undefined || at >= one.last) one.at = place
    if (at !== undefined) one.last = Math.max(one.last ?? at, at)
  }

  /** The last pattern of a row stands in this line, the ones before it in this line or above. */
  const stands = (patterns: readonly Matcher[], text: string): boolean => {
    const last = patterns.at(-1)
    if (!last || last.find(text) < 0) return false
    return patterns.slice(0, -1).every(({ find }) => find(text) >= 0 || above.some(line => find(line) >= 0))
  }

  const settleHead = (keep: boolean): void => {
    if (keep) for (const commit of head) commit()
    head = []
  }

  return {
    totals,
    open(file) {
      path = file
      time = undefined
      head = []
      above = []
    },
    line({ text, number, cut }) {
      totals.lines++
      if (cut) totals.cut++
      const object = cut ? undefined : objectIn(text)
      const own = object ? timeOfJson(object, now) : timeOfText(text, now)
      if (own !== undefined) {
        // What stood before the first time belongs to something older than it.
        if (time === undefined) settleHead(own >= since)
        time = own
        above = []
      }
      if (time !== undefined && time < since) return
      totals.within++
      const said: string[] = []
      if (object) strings(object, DEPTH, said)
      const searched = object ? said.join(' ') : text
      for (const signal of signals) {
        const row = signal.patterns.findIndex(
          patterns => stands(patterns, searched) || (object !== undefined && stands(patterns, text)),
        )
        if (row < 0) continue
        const place = { path, line: number, text: searched }
        const at = time
        if (at !== undefined) note(signal, row, place, at)
        else if (head.length < HEAD) head.push(() => note(signal, row, place, undefined))
        // One stack trace is one event, however many of its lines fit.
        if ((signal.patterns[row] as readonly Matcher[]).length > 1) above = []
      }
      above.push(searched)
      if (above.length > BELOW) above.shift()
    },
    close: () => settleHead(true),
    hits: () =>
      [...found].flatMap(([signal, { count, first, last, at, events }]): Hit[] => {
        if (!at) return []
        if (signal.times === 1)
          return [{ signal, count, at, ...(first === undefined || last === undefined ? {} : { first, last }) }]
        const [most] = events.map(times => densest(times, signal.withinMs)).sort((a, b) => b.count - a.count)
        return most && most.count >= signal.times ? [{ signal, at, ...most }] : []
      }),
  }
}
