/** Looks for signals in one log after the other. */
import { type Matcher, seeking } from '../../core/safe-regex.ts'
import type { Line } from './lines.ts'
import type { Hit, Place, Signal } from './signal.ts'
import { DAY_MS, timeOfJson, timeOfText } from './time.ts'

/** A stack trace comes right below its message. */
const BELOW = 6
/** Starts and the like that are counted; more than any limit. */
const EVENTS = 100_000
const DEPTH = 4
/** Times without a zone, of several programs that write to one file, are at most so far apart. */
const APART_MS = DAY_MS

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
  /** The bytes of the lines that come next. */
  ahead(bytes: Buffer): void
  line(line: Line): void
  /** The time of the last line, if no line of the file is of the window. */
  close(): number | undefined
  hits(): readonly Hit[]
  readonly totals: { lines: number; within: number; cut: number }
}

/** What plain text is when a JSON line may hold it too: the same. */
const SAME_IN_JSON = /^[\x20-\x7e]{1,256}$/
const ESCAPED_IN_JSON = /["\\/]/
const OVERLAP = 256

/** Texts of which one must be in the bytes of a log where the signal is; undefined where nothing can be said. */
const hintsOf = ({ patterns }: Signal): readonly string[] | undefined => {
  const hints = patterns.map(row => row[0])
  return hints.every(one => one?.plain && SAME_IN_JSON.test(one.source) && !ESCAPED_IN_JSON.test(one.source))
    ? hints.map(one => (one as Matcher).source)
    : undefined
}

/** The time of a line of JSON without reading all of it; undefined where that needs a closer look. */
const quickTime = (text: string, now: number): number | undefined => {
  const at = /"time":"([^"\\]{10,40})"/.exec(text)?.[1]
  return at === undefined ? undefined : timeOfText(at, now)
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

/** The most that came within the time: how many, and from when to when. `times` are sorted here; those less than `apartMs` apart are one. */
export const densest = (
  times: readonly number[],
  withinMs: number,
  apartMs: number,
): { count: number; first: number; last: number } => {
  const apart: number[] = []
  for (const time of [...times].sort((a, b) => a - b))
    if (apart.length === 0 || time - (apart.at(-1) as number) >= apartMs) apart.push(time)
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
  /**
   * What was found in lines without a time, and in how many of them, until the next time tells whether they count: those before the first
   * time of a file, and those behind one that is older than the window.
   */
  let pending = new Map<Signal, { count: number; place: Place }>()
  let pendingLines = 0
  let earlierFiles = 0
  let above: string[] = []
  const hints = new Map(signals.map(signal => [signal, hintsOf(signal)]))
  /** What may be in the lines that come. */
  let possible: readonly Signal[] = signals
  /** Found in bytes of which the line has not ended, or just before. */
  let before: ReadonlySet<Signal> = new Set()
  let overlap = ''

  const note = (signal: Signal, row: number, place: Place, at: number): void => {
    const one = found.get(signal) as Found
    const events = one.events[row] as number[]
    one.count++
    one.first = Math.min(one.first ?? at, at)
    if (signal.withinMs !== undefined && events.length < EVENTS) events.push(at)
    if (at >= (one.last ?? at)) {
      one.at = place
      one.last = at
    }
  }

  /** The last pattern of a row stands in this line, the ones before it in this line or above. */
  const stands = (patterns: readonly Matcher[], text: string): boolean => {
    const last = patterns.at(-1)
    if (!last || last.find(text) < 0) return false
    return patterns.slice(0, -1).every(({ find }) => find(text) >= 0 || above.some(line => find(line) >= 0))
  }

  const settle = (keep: boolean): void => {
    if (!keep) totals.within -= pendingLines
    else
      for (const [signal, { count, place }] of pending) {
        const one = found.get(signal) as Found
        one.count += count
        one.at = place
      }
    pending = new Map()
    pendingLines = 0
  }

  const patterns = signals.flatMap(signal => signal.patterns.flat())
  let sought = (): void => {}

  return {
    totals,
    open(file) {
      path = file
      sought()
      sought = seeking(patterns, file)
      before = new Set()
      overlap = ''
      time = undefined
      above = []
      earlierFiles = totals.within
    },
    ahead(bytes) {
      const text = overlap + bytes.toString('latin1')
      const here = signals.filter(signal => hints.get(signal)?.some(hint => text.includes(hint)))
      possible = signals.filter(signal => !hints.get(signal) || before.has(signal) || here.includes(signal))
      before = new Set(bytes.includes(0x0a) ? here : [...before, ...here])
      overlap = text.slice(-OVERLAP)
    },
    line({ text, number, cut }) {
      totals.lines++
      if (cut) totals.cut++
      const quick = possible.length === 0 && text.startsWith('{') ? quickTime(text, now) : undefined
      const object = cut || quick !== undefined ? undefined : objectIn(text)
      const own = quick ?? (object ? timeOfJson(object, now) : timeOfText(text, now))
      // A log is written in order and by now: any other time is one that the line is about, or of a clock that was not set yet.
      const timed = own !== undefined && own <= now + APART_MS && (time === undefined || own >= time - APART_MS)
      if (timed) {
        // What stood before the first time belongs to something older than it; what stands behind another, to that one.
        settle(time === undefined && own >= since)
        time = own
        above = []
      }
      const old = time !== undefined && time < since
      if (old && timed) return
      totals.within++
      if (time === undefined || old) pendingLines++
      if (possible.length === 0) return
      const said: string[] = []
      if (object) strings(object, DEPTH, said)
      const searched = object ? said.join(' ') : text
      for (const signal of possible) {
        const row = signal.patterns.findIndex(
          patterns => stands(patterns, searched) || (object !== undefined && stands(patterns, text)),
        )
        if (row < 0) continue
        const place = { path, line: number, text: searched }
        if (time === undefined || old) pending.set(signal, { count: (pending.get(signal)?.count ?? 0) + 1, place })
        else note(signal, row, place, time)
        // One stack trace is one event, however many of its lines fit.
        if ((signal.patterns[row] as readonly Matcher[]).length > 1) above = []
      }
      above.push(searched)
      if (above.length > BELOW) above.shift()
    },
    // What stands behind the last time was written when the file was, and that is in the window.
    close() {
      sought()
      settle(true)
      return totals.within === earlierFiles ? time : undefined
    },
    hits: () =>
      [...found].flatMap(([signal, { count, first, last, at, events }]): Hit[] => {
        if (!at) return []
        if (signal.withinMs === undefined)
          return count < signal.times
            ? []
            : [{ signal, count, at, ...(first === undefined || last === undefined ? {} : { first, last }) }]
        const { withinMs, apartMs } = signal
        const [most] = events.map(times => densest(times, withinMs, apartMs)).sort((a, b) => b.count - a.count)
        return most && most.count >= signal.times ? [{ signal, at, ...most }] : []
      }),
  }
}
