/** Looks at temporary files: how many there are, and, of the first of them, how old and by whom. Bounded, whatever their number. */
import { lstatSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { stat } from '../../core/files.ts'
import { type GlobProblem, newNotes, scan } from '../../core/glob.ts'
import { alive, describe, type ProcessFacts } from '../../core/process.ts'
import { writerPid } from './names.ts'

/** Of so many the ages are read; counting alone goes on for as long as the verdict is open. */
const LOOK = 1000
/** Of so many writers, those of the newest files first, it is asked whether they live. */
export const ASKED = 100
/** A process is described only if it lives, and each costs a `ps` on macOS. */
const DESCRIBED = 3

export interface Survey {
  readonly count: number
  /** There are more than `count`: the counting stopped because the verdict was certain. */
  readonly stopped: boolean
  /** Times of change, ms since the epoch, of the files that were looked at. */
  readonly times: readonly number[]
  /** Names of those files. */
  readonly names: readonly string[]
  /** Folders that hold them, by number of files, the fullest first. */
  readonly folders: readonly (readonly [folder: string, files: number])[]
  /** Bytes of those files. */
  readonly size: number
  /** Distinct process ids in those names. */
  readonly writers: number
  /** Writers among the newest that live, and started before their file was written. */
  readonly living: readonly ProcessFacts[]
  /** Folders where the search began. */
  readonly bases: readonly string[]
  readonly missing: readonly { readonly path: string; readonly folder: string }[]
  readonly problems: readonly GlobProblem[]
  readonly links: readonly string[]
}

/** Process start times are exact to about a second (clock ticks, and seconds since boot). */
const START_SLACK_MS = 2000

const livingWriters = (newest: ReadonlyMap<number, number>): ProcessFacts[] => {
  const living: ProcessFacts[] = []
  for (const [pid, time] of [...newest].sort((a, b) => b[1] - a[1]).slice(0, ASKED)) {
    if (living.length === DESCRIBED) break
    if (!alive(pid)) continue
    const facts = describe(pid)
    // A process younger than the file has only inherited the number.
    if (facts && (facts.startedAt === undefined || facts.startedAt <= time + START_SLACK_MS)) living.push(facts)
  }
  return living
}

/** Counts until there are more than `enough` files, or all are counted. */
export const survey = async (patterns: readonly string[], enough: number, ctx: CheckContext): Promise<Survey> => {
  const notes = newNotes()
  const stopAbove = Math.max(enough, LOOK)
  const several = patterns.length > 1 || patterns.some(pattern => pattern.includes('{'))
  const known = new Set<string>()
  const folders = new Map<string, number>()
  const newest = new Map<number, number>()
  const times: number[] = []
  const names: string[] = []
  let size = 0
  let count = 0

  // The walk has asked for the folder, and lstat follows nothing beyond it.
  const look = (path: string): void => {
    const facts = lstatSync(path, { throwIfNoEntry: false })
    if (!facts) return
    const name = basename(path)
    const folder = dirname(path)
    times.push(facts.mtimeMs)
    names.push(name)
    size += facts.size
    folders.set(folder, (folders.get(folder) ?? 0) + 1)
    const pid = writerPid(name)
    if (pid !== undefined) newest.set(pid, Math.max(newest.get(pid) ?? 0, facts.mtimeMs))
  }

  let stopped = false
  search: for (const pattern of patterns)
    for await (const batch of scan(pattern, ctx, notes))
      for (const path of batch) {
        if (several) {
          if (known.has(path)) continue
          known.add(path)
        }
        if (count === stopAbove) {
          stopped = true
          break search
        }
        count++
        if (count <= LOOK) look(path)
      }

  // A single file that is not there, in a folder that is: the folder was looked at.
  const looked = new Set(notes.missing.filter(({ folder }) => stat(folder)?.isDirectory()))
  return {
    count,
    stopped,
    times,
    names,
    folders: [...folders].sort((a, b) => b[1] - a[1]),
    size,
    writers: newest.size,
    living: livingWriters(newest),
    bases: [...new Set([...notes.bases, ...[...looked].map(({ folder }) => folder)])],
    missing: notes.missing.filter(one => !looked.has(one)),
    problems: notes.problems,
    links: notes.links,
  }
}
