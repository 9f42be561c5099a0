/** One claim: a file by which a worker says that it works on an item. */
import { basename, dirname, isAbsolute, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { lstat, readText, stat } from '../../core/files.ts'
import { resolvePointer } from '../../core/json-text.ts'
import { excerpt, visible } from '../../core/text.ts'

/** JSON pointers into a claim, by what they lead to; those that were declared must lead to something. */
export type Pointers = Readonly<Record<Field, { readonly at: readonly string[]; readonly declared: boolean }>>
type Field = 'item' | 'worker' | 'pid' | 'started' | 'boot' | 'host' | 'claimed-at' | 'log'

/** Where each is looked for unless said otherwise. */
export const USUAL: Readonly<Record<Field, readonly string[]>> = {
  item: ['/id', '/item', '/job'],
  worker: ['/worker', '/workerId', '/worker_id'],
  pid: ['/pid', '/process/pid'],
  started: ['/started', '/processStarted', '/process/started'],
  boot: ['/boot', '/bootId', '/boot_id'],
  host: ['/host', '/hostname'],
  'claimed-at': ['/claimedAt', '/claimed_at', '/claimed-at'],
  log: ['/log', '/logFile', '/log_file'],
}

export interface Claim {
  /** Absolute. */
  readonly path: string
  /** Changes with everything that the claim says. */
  readonly content: string
  /** The item's name, which is also its target in the store. */
  readonly id: string
  /** Wall clock, ms. */
  readonly claimedAt: number
  readonly worker?: string
  readonly pid?: number
  /** As the claim words it: clock ticks, a time, or what ps(1) says. */
  readonly started?: string
  readonly boot?: string
  readonly host?: string
  /** Absolute. */
  readonly log?: string
}

/** Why a file is no claim that can be judged. */
export interface Unfit {
  readonly path: string
  readonly unfit: string
}

/** A claim stamped further ahead than this is of no use: it would look young for as long as the clock is wrong. */
export const AHEAD_MS = 60_000

/** A file that is not whole may be being written. */
const YOUNG_MS = 5000

/** A date in ISO 8601, or seconds (since 2001) or milliseconds since the epoch; undefined for anything else. */
export const timeOf = (value: unknown): number | undefined => {
  const number = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
  if (typeof number === 'number') return number >= 1e11 ? number : number >= 1e9 ? number * 1000 : undefined
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(value)) return undefined
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : at
}

const plain = (value: unknown): string | undefined =>
  typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value)) ? String(value) : undefined

/** As an argument of a command a name must not be an option, and nothing in it may hide. */
const unusable = (id: string): string | undefined => {
  if (id === '' || id.length > 200) return 'is empty or longer than 200 characters'
  if (id.startsWith('-')) return 'begins with a "-", and a command would take it for an option'
  return visible(id) === id ? undefined : 'holds characters that cannot be seen'
}

/** The pid, or why it is none. */
const pidOf = (value: unknown): number | string | undefined => {
  if (value === undefined || value === null) return undefined
  const pid = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof pid === 'number' && Number.isInteger(pid) && pid > 0
    ? pid
    : `its pid is ${excerpt(JSON.stringify(value) ?? 'nothing', 40)}`
}

/** The claim in a text, or in one line why there is none. Pure. */
export const parseClaim = (
  text: string,
  file: { readonly path: string; readonly mtimeMs: number },
  pointers: Pointers,
  { nowMs, path }: { readonly nowMs: number; path(text: string): string },
): Claim | Unfit => {
  const unfit = (why: string): Unfit => ({ path: file.path, unfit: why })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return unfit(text.trim() === '' ? 'is empty' : 'is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return unfit('is no JSON object')
  const field = (name: Field): unknown =>
    pointers[name].at.flatMap(at => resolvePointer(value, at))[0]?.value ?? undefined
  const lost = (['item', 'worker', 'claimed-at'] as const).find(
    name => pointers[name].declared && plain(field(name)) === undefined,
  )
  if (lost !== undefined) return unfit(`has no ${lost} at ${pointers[lost].at[0]}`)

  const name = basename(file.path)
  const id = plain(field('item')) ?? name.replace(/(\.claim)?(\.json)?$/, '')
  const worker = plain(field('worker'))
  for (const [what, each] of [
    ['an item', id],
    ['a worker', worker],
  ] as const) {
    const flaw = each === undefined ? undefined : unusable(each)
    if (flaw !== undefined) return unfit(`names ${what}, "${excerpt(visible(each ?? ''), 40)}", that ${flaw}`)
  }

  const said = field('claimed-at')
  const written = timeOf(said)
  if (said !== undefined && written === undefined)
    return unfit(`was claimed at ${excerpt(JSON.stringify(said), 40)}, which is no time`)
  const claimedAt = [written, file.mtimeMs].find(at => at !== undefined && at <= nowMs + AHEAD_MS)
  if (claimedAt === undefined) return unfit('was claimed in the future: the clock was set, or the time is wrong')

  const pid = pidOf(field('pid'))
  if (typeof pid === 'string') return unfit(pid)
  const [started, boot, host, log] = (['started', 'boot', 'host', 'log'] as const).map(each => plain(field(each)))
  const logPath =
    log === undefined || isAbsolute(log) || log.startsWith('~/') ? log && path(log) : join(dirname(file.path), log)
  return {
    path: file.path,
    content: text,
    id,
    claimedAt: Math.min(claimedAt, nowMs),
    ...(worker === undefined ? {} : { worker }),
    ...(pid === undefined ? {} : { pid }),
    ...(started === undefined ? {} : { started }),
    ...(boot === undefined ? {} : { boot }),
    ...(host === undefined ? {} : { host }),
    ...(logPath === undefined ? {} : { log: logPath }),
  }
}

const MAX_CLAIM_BYTES = 256 * 1024

/**
 * Reads a claim. Undefined where it is gone since it was listed, and `'young'` where it may still be being written. Throws
 * `FileError` where it cannot be read.
 */
export const readClaim = (path: string, pointers: Pointers, ctx: CheckContext): Claim | Unfit | 'young' | undefined => {
  const facts = stat(path)
  if (!facts) return lstat(path) ? { path, unfit: 'is a link to nothing' } : undefined
  const nowMs = ctx.now()
  const read = parseClaim(readText(path, MAX_CLAIM_BYTES), { path, mtimeMs: facts.mtimeMs }, pointers, {
    nowMs,
    path: ctx.path,
  })
  return 'unfit' in read && Math.abs(nowMs - facts.mtimeMs) < YOUNG_MS ? 'young' : read
}
