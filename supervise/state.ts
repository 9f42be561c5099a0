/** `state`: what the guards remember, how it changes, and how it is forgotten. */
import { elapsed, pause } from '../core/clock.ts'
import { sinceReset } from '../core/guard.ts'
import { RESET, type Reading, type Stamp, type Store, type StoreRecord } from '../core/store.ts'
import { suggest } from '../core/suggest.ts'
import { version } from '../package.json'
import { type OpenStore, openStore, storeError } from './open-store.ts'
import { tellRecord, timeOf } from './state/change.ts'
import { stateOf, unreadableState } from './state/fold.ts'
import { badLines, exitCodeOf, STANDINGS, type Standing, type State, type TargetState } from './state/model.ts'
import { nameOf } from './state/words.ts'

export type { State, TargetState } from './state/model.ts'
export { exitCodeOf } from './state/model.ts'
export { summarize, type Told, type Tone, tell } from './state/words.ts'

interface Problem {
  readonly code: string
  readonly message: string
  readonly next: string
}

const attempt = <T>(action: () => T): { readonly value: T } | { readonly problem: Problem } => {
  try {
    return { value: action() }
  } catch (error) {
    const { code, message, next } = storeError(error)
    return { problem: { code, message, next } }
  }
}

type Readings = ReadonlyMap<string, Reading | Problem>

/** Of these targets, or of all. What cannot say which target it is goes by its path. */
const readAll = (store: Store, names: readonly string[] | undefined): Readings | Problem => {
  const nameless: [string, Problem][] = []
  const listed = attempt(() =>
    names
      ? [...names]
      : store.targets(({ code, path, message, next }) => nameless.push([path, { code, message, next }])),
  )
  if ('problem' in listed) return listed.problem
  return new Map<string, Reading | Problem>([
    ...nameless,
    ...listed.value.map((target): [string, Reading | Problem] => {
      const read = attempt(() => store.read(target))
      return [target, 'value' in read ? read.value : read.problem]
    }),
  ])
}

const isProblem = (each: Readings | Reading | Problem): each is Problem => 'message' in each

const fold = (readings: Readings | Problem, now: Stamp, { store, dir }: OpenStore): State => {
  if (isProblem(readings)) return { at: now.wallMs, dir, targets: [], problem: readings }
  const targets = [...readings].flatMap(([target, reading]) => {
    // An empty folder, or one that is only waited for.
    if (!isProblem(reading) && reading.records.length === 0) return []
    return [
      isProblem(reading)
        ? unreadableState(target, reading)
        : stateOf(target, reading, now, store.forgetCommand(target)),
    ]
  })
  return { at: now.wallMs, dir, targets: sorted(targets), problem: null }
}

const sorted = (targets: readonly TargetState[]): TargetState[] => {
  const byName = (a: TargetState, b: TargetState): number => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0)
  return targets.toSorted((a, b) => STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing) || byName(a, b))
}

export interface StateOptions {
  /** These alone; all by default. */
  readonly targets?: readonly string[]
  readonly stateDir?: string
}

/** A name that nothing is remembered under, and the one that was probably meant. */
export interface UnknownTarget {
  readonly unknown: string
  readonly suggestion: string | undefined
}

const unknownIn = (names: readonly string[], known: readonly string[]): UnknownTarget[] =>
  names.filter(name => !known.includes(name)).map(unknown => ({ unknown, suggestion: suggest(unknown, known) }))

/** Those of the targets that nothing is remembered of yet. None where that cannot be read. */
export const unknownTargets = ({ targets = [], stateDir }: StateOptions): readonly UnknownTarget[] => {
  const { store } = openStore(stateDir)
  const known = attempt(() => store.targets(() => {}))
  return 'value' in known ? unknownIn(targets, known.value) : []
}

/** Everything that is remembered now. Never throws because of the store: what could not be read is in it. */
export const readState = ({ targets, stateDir }: StateOptions = {}): State | UnknownTarget => {
  const opened = openStore(stateDir)
  const { store } = opened
  if (targets) {
    const known = attempt(() => store.targets(() => {}))
    if ('problem' in known) return fold(known.problem, store.stamp(), opened)
    const [unknown] = unknownIn(targets, known.value)
    if (unknown) return unknown
  }
  return fold(readAll(store, targets), store.stamp(), opened)
}

/** What was reset, and how many records of each were forgotten: null where they could not be read. */
export interface Reset {
  readonly target: string
  readonly records: number | null
}

/** Or why not all was reset. */
export type Resetting = UnknownTarget | { readonly reset: readonly Reset[] } | { readonly problem: Problem }

/** Makes the guards forget these targets. All of them are known, or none is reset. */
export const resetState = (targets: readonly string[], stateDir?: string): Resetting => {
  const { store } = openStore(stateDir)
  const done = attempt(() => {
    const [unknown] = unknownIn(
      targets,
      store.targets(() => {}),
    )
    if (unknown) return unknown
    const reset = [...new Set(targets)].map(target => {
      // What cannot be read can be forgotten all the same.
      const read = attempt(() => sinceReset(store.read(target).records).length)
      store.append(target, { type: RESET })
      // What is still unreadable is still held against it.
      store.read(target)
      return { target, records: 'value' in read ? read.value : null }
    })
    return { reset }
  })
  return 'value' in done ? done.value : { problem: done.problem }
}

/** What came about while somebody looked on. */
export interface Change {
  /** The one that was appended; null where the target came to stand otherwise without one: its process died, or a wait is over. */
  readonly record: StoreRecord | null
  readonly target: string
  /** By the record's clock, or when it was seen; ms since the epoch. */
  readonly at: number
  /** Local time to the second. */
  readonly time: string
  /** In a line; not safe for a terminal yet. */
  readonly told: string
  /** How the target stands after all that came with it. */
  readonly state: TargetState
}

/** How often it is looked, ms. A folder with much in it takes longer to read, and is looked at less often. */
const LOOK_MS = 250
const SHARE = 10

/**
 * The state as it is, then every change of it, until the signal is aborted. A target that has no records yet is waited for. Ends by itself only where the store cannot be read any more.
 */
export async function* followState(
  { targets, stateDir }: StateOptions,
  signal: AbortSignal,
): AsyncGenerator<{ readonly state: State; readonly changes: readonly Change[] }, void> {
  const opened = openStore(stateDir)
  const { store } = opened
  const seen = new Map<string, Set<string>>()
  const stood = new Map<string, Standing>()
  for (let first = true; !signal.aborted; first = false) {
    const began = elapsed()
    const readings = readAll(store, targets)
    const state = fold(readings, store.stamp(), opened)
    const changes: Change[] = []
    for (const after of state.targets) {
      const { target, standing } = after
      const reading = isProblem(readings) ? undefined : readings.get(target)
      const records = reading && !isProblem(reading) ? reading.records : []
      const known = seen.get(target) ?? new Set()
      seen.set(target, known)
      const added = records.filter(({ id }) => !known.has(id))
      for (const { id } of added) known.add(id)
      const before = stood.get(target)
      stood.set(target, standing)
      if (first) continue
      for (const record of added)
        changes.push({
          record,
          target,
          at: record.wallMs,
          time: timeOf(record),
          told: tellRecord(record, records),
          state: after,
        })
      if (added.length === 0 && before !== standing)
        changes.push({
          record: null,
          target,
          at: state.at,
          time: timeOf({ wallMs: state.at }),
          told: before === undefined ? 'is there' : `was ${nameOf(before)}`,
          state: after,
        })
    }
    if (first || changes.length > 0 || state.problem) yield { state, changes }
    if (state.problem) return
    await pause(Math.max(LOOK_MS, SHARE * (elapsed() - began)), signal)
  }
}

// --- JSON ---

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

const targetJson = ({ crashes, process, beat, ladder, ...state }: TargetState): object => ({
  ...state,
  since: iso(state.since),
  until: iso(state.until),
  lastGood: iso(state.lastGood),
  delivered: iso(state.delivered),
  reset: iso(state.reset),
  crashes: crashes && { ...crashes, first: iso(crashes.first), last: iso(crashes.last) },
  ladder: ladder && { ...ladder, refused: ladder.at >= ladder.waitsMs.length },
  process: process && { ...process, since: iso(process.since) },
  beat: beat && { ...beat, at: iso(beat.at) },
})

/** As `--format json` prints it: schemas/state.schema.json. With `change` it is one line of `--follow`. */
export const stateJson = (state: State, change?: Change): object => {
  const { count, first } = badLines(state)
  const counts: Partial<Record<Standing, number>> = {}
  for (const { standing } of state.targets) counts[standing] = (counts[standing] ?? 0) + 1
  return {
    version: 1,
    tool: version,
    at: iso(state.at),
    exitCode: exitCodeOf(state),
    store: { engine: 'local', dir: state.dir, bad: count, firstBad: first, problem: state.problem },
    counts,
    targets: state.targets.map(targetJson),
    ...(change
      ? {
          change: {
            at: iso(change.at),
            target: change.target,
            id: change.record?.id ?? null,
            told: change.told,
            event: change.record?.event ?? null,
          },
        }
      : {}),
  }
}
