/**
 * The older file convention: `NAME-crash-counter.txt` and `NAME-crash-loop-until.txt`, NAME being backend and model joined by a
 * hyphen. Names are found, never listed, so that a backend that comes later is watched too. What is in neither of the
 * accepted forms is not guessed at: it blocks.
 */
import { basename, dirname, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { entries, FileError, lstat, readText, stat } from '../../core/files.ts'
import { newNotes, scan, type Want } from '../../core/glob.ts'
import { quote } from '../../core/shell.ts'
import { excerpt, visible } from '../../core/text.ts'

const COUNTER = '-crash-counter.txt'
const UNTIL = '-crash-loop-until.txt'

/** Both files are a number and a newline. */
const MAX_BYTES = 4096

/** Of places and of files. */
export interface LegacyProblem {
  readonly path: string
  readonly message: string
  /** What to do about it, where it is nothing inside a counter. */
  readonly next?: string
}

/** What two files say of one backend and model. */
export interface Pair {
  readonly name: string
  readonly folder: string
  readonly counter?: number
  /** When the counter was last written, ms since the epoch. */
  readonly countedAt?: number
  /** Ms since the epoch. */
  readonly until?: number
  /** What cannot be read or understood. */
  readonly problems: readonly LegacyProblem[]
}

export interface Legacy {
  readonly pairs: readonly Pair[]
  /** Where it was looked. */
  readonly places: readonly string[]
  /** Places that were asked for by name and are not there. */
  readonly missing: readonly string[]
  /** Places that could not be looked at. */
  readonly problems: readonly LegacyProblem[]
}

/** A non-negative integer. */
export const parseCounter = (text: string): number | undefined => {
  const digits = text.trim()
  const value = Number(digits)
  return /^[0-9]+$/.test(digits) && Number.isSafeInteger(value) ? value : undefined
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/

/** As seconds it is the year 5138, as ms 1973: no such file is that old, and none looks that far ahead. */
const LEAST_MS = 1e11

/** A number further ahead than this counts something else, such as microseconds. An ISO time says itself what it means. */
const AHEAD_MS = 366 * 86_400_000

/**
 * Ms since the epoch: from epoch seconds, with a fraction or without, epoch ms, or an ISO time (local without a zone, a day
 * from its local midnight). `none` for an empty text.
 */
export const parseUntil = (text: string, now: number): number | 'none' | undefined => {
  const word = text.trim()
  if (word === '') return 'none'
  if (/^[0-9]+(\.[0-9]+)?$/.test(word)) {
    const value = Number(word)
    const ms = value < LEAST_MS ? value * 1000 : value
    return ms <= now + AHEAD_MS ? ms : undefined
  }
  const date = ISO.exec(word)
  if (!date) return undefined
  const daysOfMonth = new Date(Date.UTC(Number(date[1]), Number(date[2]), 0)).getUTCDate()
  // Without a time of day ECMAScript reads UTC, unlike every other time without a zone.
  const told = word.length === 10 ? `${word}T00:00` : word.replace(' ', 'T')
  const at = Number(date[3]) <= daysOfMonth ? Date.parse(told) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

const pauseMs = 20
const patience = new Int32Array(new SharedArrayBuffer(4))

/** A shell's `echo 3 > file` empties it first: what is empty is looked at twice. Undefined where nothing is there. */
const content = (path: string): string | undefined => {
  const look = (): string | undefined => {
    try {
      return readText(path, MAX_BYTES)
    } catch (error) {
      if (error instanceof FileError && error.code === 'ENOENT' && !lstat(path)) return undefined // a link to nothing is something
      throw error
    }
  }
  const first = look()
  if (first?.trim() !== '') return first
  Atomics.wait(patience, 0, 0, pauseMs)
  return look()
}

const readPair = (folder: string, name: string, now: number): Pair => {
  const problems: { path: string; message: string }[] = []
  const read = <T>(suffix: string, parse: (text: string) => T | undefined, expected: string): T | undefined => {
    const path = join(folder, name + suffix)
    try {
      const text = content(path)
      if (text === undefined) return undefined
      const value = parse(text)
      if (value === undefined)
        problems.push({ path, message: `${path} holds "${excerpt(visible(text.trim()), 40)}", not ${expected}` })
      return value
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      problems.push({ path, message: error.message })
      return undefined
    }
  }
  const counter = read(COUNTER, parseCounter, 'a number of crashes')
  const until = read(UNTIL, text => parseUntil(text, now), 'a time: epoch seconds or ms at most a year ahead, or ISO')
  const countedAt = counter === undefined ? undefined : stat(join(folder, name + COUNTER))?.mtimeMs
  return {
    name,
    folder,
    problems,
    ...(counter === undefined ? {} : { counter }),
    ...(countedAt === undefined ? {} : { countedAt }),
    ...(typeof until === 'number' ? { until } : {}),
  }
}

const nameOf = (file: string): string | undefined => {
  for (const suffix of [COUNTER, UNTIL])
    if (file.endsWith(suffix) && file.length > suffix.length) return file.slice(0, -suffix.length)
  return undefined
}

type LegacyContext = Pick<CheckContext, 'path' | 'signal' | 'now'>

/** More places than anybody keeps counters in. */
const MAX_PLACES = 10_000

/** One walk along the pattern: what it found, and what kept it from being complete. */
const walk = async (given: string, want: Want, ctx: LegacyContext, of: (path: string) => boolean) => {
  const notes = newNotes()
  const found = new Set<string>()
  for await (const batch of scan(given, ctx, notes, want)) {
    for (const path of batch) if (of(path)) found.add(path)
    if (found.size > MAX_PLACES) break
  }
  return { notes, found }
}

/**
 * Every pair in a folder, or in what a glob leads to: folders, or the files themselves. One of the two files is enough for a
 * pair. `places` is empty where there is no such folder and nothing fits.
 */
export const readLegacy = async (given: string, ctx: LegacyContext): Promise<Legacy> => {
  const names = new Map<string, Set<string>>()
  const problems: LegacyProblem[] = []
  const places: string[] = []
  const missing: string[] = []
  const note = (folder: string, file: string): void => {
    const name = nameOf(file)
    if (name !== undefined) names.set(folder, (names.get(folder) ?? new Set()).add(name))
  }
  const enter = (folder: string): void => {
    places.push(folder)
    try {
      for (const entry of entries(folder)) note(folder, entry.name)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      problems.push({ path: folder, message: error.message, next: `ls -la ${quote(folder)}` })
    }
  }
  const itself = ctx.path(given)
  if (stat(itself)?.isDirectory()) enter(itself)
  else {
    const folders = await walk(given, 'folder', ctx, () => true)
    for (const folder of [...folders.found].sort()) enter(folder)
    const files = await walk(given, 'file', ctx, path => nameOf(basename(path)) !== undefined)
    for (const path of files.found) {
      if (!places.includes(dirname(path))) places.push(dirname(path))
      note(dirname(path), basename(path))
    }
    const add = (problem: LegacyProblem): void => {
      if (!problems.some(({ path }) => path === problem.path)) problems.push(problem)
    }
    const seen = [...folders.notes.problems, ...files.notes.problems]
    for (const { path, code, message } of seen) {
      // A file is no folder, and a folder no file: each of the two walks says so of what the other one finds.
      if ((code === 'ENOTDIR' && files.found.has(path)) || (code === 'EISDIR' && folders.found.has(path))) continue
      add({
        path,
        message: code === 'ENOTDIR' ? `${path} is a file, and not called NAME${COUNTER} or NAME${UNTIL}` : message,
        next: `mend \`legacy\`: ls -ld ${quote(path)}`,
      })
    }
    for (const path of [...folders.notes.links, ...files.notes.links])
      add({
        path,
        message: `${path} is a link to a folder, and was not entered`,
        next: 'name the folder that it leads to under `legacy`',
      })
    if (folders.found.size > MAX_PLACES || files.found.size > MAX_PLACES)
      add({
        path: itself,
        message: `${given} leads to more than ${MAX_PLACES} places, and not all were looked at`,
        next: 'narrow the pattern under `legacy`',
      })
    missing.push(...new Set([...folders.notes.missing, ...files.notes.missing].map(({ path }) => path)))
  }
  const now = ctx.now()
  const pairs = [...names].flatMap(([folder, found]) => [...found].map(name => readPair(folder, name, now)))
  return { places, missing, problems, pairs: pairs.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)) }
}

/** `codex/grok-4.20` and the files of `codex-grok-4.20`: the convention joins by hyphens what a target may join otherwise. */
export const isOf = (target: string, { name }: Pick<Pair, 'name'>): boolean => joined(target) === joined(name)

/** What is no ASCII is no separator, in whatever script; a file's name may hold an accent as a character of its own. */
const joined = (text: string): string => text.normalize('NFC').replace(/[^A-Za-z0-9._\u{80}-\u{10ffff}]+/gu, '-')

/** What a pair says now. */
export interface PairState {
  /** Its crashes have reached the limit. */
  readonly tripped: boolean
  /** How long it still blocks, ms; 0 where the block is over. */
  readonly waitMs: number
  /** How long ago the block began, ms. */
  readonly agoMs: number
}

/** `okAgoMs`: how long ago the target's last success was recorded. It outweighs a counter that was written before. */
export const pairState = (
  { counter = 0, countedAt = 0, until = 0 }: Pair,
  { failures, blockMs }: { readonly failures: number; readonly blockMs: number },
  now: number,
  okAgoMs = Number.POSITIVE_INFINITY,
): PairState => {
  const tripped = counter >= failures && now - countedAt <= okAgoMs
  // Without a time of its own a full counter blocks from when it was written, which may be stamped ahead of our clock.
  const end = tripped && countedAt >= until ? Math.min(countedAt, now) + blockMs : until
  return { tripped, waitMs: Math.max(0, end - now), agoMs: Math.max(0, now - (end - blockMs)) }
}
