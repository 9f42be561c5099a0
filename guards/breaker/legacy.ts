/**
 * The older file convention: `NAME-crash-counter.txt` and `NAME-crash-loop-until.txt`, NAME being backend and model joined by a
 * hyphen. Names are found, never listed, so that a backend that comes later is watched too. What is in neither of the
 * accepted forms is not guessed at: it blocks.
 */
import { basename, dirname, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { entries, FileError, lstat, readText, stat } from '../../core/files.ts'
import { glob } from '../../core/glob.ts'
import { excerpt, visible } from '../../core/text.ts'

const COUNTER = '-crash-counter.txt'
const UNTIL = '-crash-loop-until.txt'

/** Both files are a number and a newline. */
const MAX_BYTES = 4096

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
  readonly problems: readonly { readonly path: string; readonly message: string }[]
}

export interface Legacy {
  readonly pairs: readonly Pair[]
  /** Where it was looked. */
  readonly places: readonly string[]
  /** Places that could not be looked at. */
  readonly problems: readonly { readonly path: string; readonly message: string }[]
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

/** Ms since the epoch: from epoch seconds, with a fraction or without, epoch ms, or an ISO time (local without a zone). `none` for an empty text. */
export const parseUntil = (text: string): number | 'none' | undefined => {
  const word = text.trim()
  if (word === '') return 'none'
  if (/^[0-9]+(\.[0-9]+)?$/.test(word)) {
    const value = Number(word)
    const ms = value < LEAST_MS ? value * 1000 : value
    return ms <= 8.64e15 ? ms : undefined // the last moment that a Date can tell
  }
  const date = ISO.exec(word)
  if (!date) return undefined
  const daysOfMonth = new Date(Date.UTC(Number(date[1]), Number(date[2]), 0)).getUTCDate()
  const at = Number(date[3]) <= daysOfMonth ? Date.parse(word.replace(' ', 'T')) : Number.NaN
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

const readPair = (folder: string, name: string): Pair => {
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
  const until = read(UNTIL, parseUntil, 'a time: epoch seconds or ms, or ISO')
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

/**
 * Every pair in a folder, or in what a glob leads to: folders, or the files themselves. One of the two files is enough for a
 * pair. `places` is empty where there is no such folder and nothing fits.
 */
export const readLegacy = async (given: string, ctx: Pick<CheckContext, 'path' | 'signal'>): Promise<Legacy> => {
  const names = new Map<string, Set<string>>()
  const problems: { path: string; message: string }[] = []
  const places: string[] = []
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
      problems.push({ path: folder, message: error.message })
    }
  }
  const itself = ctx.path(given)
  if (stat(itself)?.isDirectory()) enter(itself)
  else {
    const folders = await glob([given], ctx, { want: 'folder' })
    for (const folder of folders.matches) enter(folder)
    const files = await glob([given], ctx)
    for (const path of files.matches) {
      if (nameOf(basename(path)) === undefined) continue
      if (!places.includes(dirname(path))) places.push(dirname(path))
      note(dirname(path), basename(path))
    }
    // A file is no folder, and a folder no file: each of the two walks says so of what the other one finds.
    for (const { path, code, message } of [...folders.problems, ...files.problems])
      if (code !== 'ENOTDIR' && code !== 'EISDIR' && !problems.some(known => known.path === path))
        problems.push({ path, message })
  }
  const pairs = [...names].flatMap(([folder, found]) => [...found].map(name => readPair(folder, name)))
  return { places, problems, pairs: pairs.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)) }
}

/** `codex/grok-4.20` and the files of `codex-grok-4.20`: the convention joins by hyphens what a target may join otherwise. */
export const isOf = (target: string, { name }: Pair): boolean => joined(target) === joined(name)

const joined = (text: string): string => text.replace(/[^A-Za-z0-9._]+/g, '-')

/** What a pair says now. */
export interface PairState {
  /** Its crashes have reached the limit. */
  readonly tripped: boolean
  /** How long it still blocks, ms; 0 where the block is over. */
  readonly waitMs: number
  /** How long ago the block began, ms. */
  readonly agoMs: number
}

export const pairState = (
  { counter = 0, countedAt = 0, until = 0 }: Pair,
  { failures, blockMs }: { readonly failures: number; readonly blockMs: number },
  now: number,
): PairState => {
  const tripped = counter >= failures
  // Without a time of its own a full counter blocks from when it was written, which may be stamped ahead of our clock.
  const end = tripped && countedAt >= until ? Math.min(countedAt, now) + blockMs : until
  return { tripped, waitMs: Math.max(0, end - now), agoMs: Math.max(0, now - (end - blockMs)) }
}
