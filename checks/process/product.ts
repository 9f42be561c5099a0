/** What keeps a product's next instance from starting: a lock, a lease, and the folders that these stand in. */
import { accessSync, constants } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, lstat, readText, stat } from '../../core/files.ts'
import { gatewayEnv } from '../../core/gateway-env.ts'
import { fits } from '../../core/glob.ts'
import { shownPath } from '../../core/paths.ts'
import { alive, clock, commandLine, describe, startTicks } from '../../core/process.ts'
import { quote } from '../../core/shell.ts'
import { withDatabase } from '../../core/sqlite-engine.ts'
import { stateFolder } from '../../core/state-folder.ts'
import { excerpt, span } from '../../core/text.ts'
import { userLabel } from '../../core/users.ts'
import type { LockPreset } from '../../presets/openclaw-lock.ts'

export interface Hindrance {
  readonly status: 'warn' | 'fail'
  readonly what: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

export interface Claim {
  /** What was looked at, the lock first. */
  readonly watched: readonly [string, ...string[]]
  /** The process that the product takes for the owner; `sure` is false where it cannot be seen. */
  readonly owner?: { readonly pid: number; readonly sure: boolean }
  /** What keeps it from starting, beside a live owner. */
  readonly hindrances: readonly Hindrance[]
  /** What was left behind, and the product clears away by itself. */
  readonly left?: string
}

const at = (path: string, state: string, uid: number): string => {
  const named = path.replace('{uid}', String(uid))
  return isAbsolute(named) ? named : join(state, named)
}

const mayWrite = (folder: string): boolean => {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The product makes a folder that is missing, and closes one of its own that is too open. */
const judgeFolder = (path: string, own: boolean, product: string, ctx: CheckContext): Hindrance | undefined => {
  const { uid, name } = ctx.user
  const wrong = (observed: string, expected: string, next = `ls -ld ${quote(path)}`): Hindrance => ({
    status: 'fail',
    what: 'lock-folder',
    observed: `${observed}, and ${product} keeps its locks there`,
    expected,
    next,
  })
  const wanted = `a folder that ${name} may write to`
  const seen = own ? lstat(path) : stat(path)
  if (seen === undefined) {
    let above = dirname(path)
    while (above !== '/' && !stat(above)) above = dirname(above)
    return stat(above)?.isDirectory() && mayWrite(above)
      ? undefined
      : wrong(`${path} is missing, and ${name} cannot make it in ${above}`, wanted, `ls -ld ${quote(above)}`)
  }
  if (!seen.isDirectory()) return wrong(`${path} is ${seen.isSymbolicLink() ? 'a link' : 'no folder'}`, 'a real folder')
  if (own && seen.uid !== uid)
    return wrong(
      `${path} belongs to ${userLabel(seen.uid)}`,
      `a folder of ${name}'s own`,
      `sudo chown ${quote(name)} ${quote(path)}`,
    )
  return own || mayWrite(path) ? undefined : wrong(`${path} cannot be written to by ${name}`, wanted)
}

interface Held extends Pick<Claim, 'owner' | 'left'> {
  readonly hindrance?: Hindrance
}

const record = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

const isPid = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0

const readLock = (path: string, { lock, product }: LockPreset, ctx: CheckContext): Held => {
  const facts = lstat(path)
  if (!facts) return {}
  const shown = shownPath(path, ctx)
  const held = record(readText(path, 64 * 1024))
  const pid = held?.pid
  const since = clock(facts.mtimeMs, ctx.now())
  if (!isPid(pid)) {
    const age = ctx.now() - facts.mtimeMs
    if (age > lock.brokenMs) return { left: `${shown} names no process, and is older than ${span(lock.brokenMs)}` }
    return {
      hindrance: {
        status: 'fail',
        what: 'no-pid',
        observed: `${shown}, written ${since}, names no process`,
        expected: `no lock, or one that ${product} can read; it takes this one away once it is older than ${span(lock.brokenMs)}`,
        next: `sleep ${Math.ceil((lock.brokenMs - age) / 1000) + 1}`,
      },
    }
  }
  const gone = (why: string): Held => ({ left: `${shown}, written ${since}, names pid ${pid}: ${why}` })
  if (!alive(pid)) return gone('no such process runs')
  const [wrote, began] = [held?.[lock.ticks], startTicks(pid)]
  if (typeof wrote === 'number' && began !== undefined)
    return wrote === began ? { owner: { pid, sure: true } } : gone('the pid belongs to another process now')
  const line = commandLine(pid)
  if (line === undefined) return { owner: { pid, sure: false } }
  if (!lock.commands.some(glob => fits(glob, line))) return gone('the pid belongs to another program now')
  const startedAt = describe(pid)?.startedAt
  if (startedAt === undefined || startedAt <= facts.mtimeMs + 2000)
    return { owner: { pid, sure: startedAt !== undefined } }
  const now = `${excerpt(ctx.mask(line), 80)}, since ${clock(startedAt, ctx.now())}`
  return {
    hindrance: {
      status: 'fail',
      what: 'stale-lock',
      observed: `${shown}, written ${since}, names pid ${pid}, which belongs to another process now (${now}), and ${product} takes it for the owner`,
      expected: 'no lock of a process that is gone',
      next: `rm ${quote(path)}`,
    },
  }
}

const readLease = async (
  path: string,
  { lease, product }: LockPreset,
  ctx: CheckContext,
): Promise<Hindrance | undefined> => {
  if (!stat(path)?.size) return undefined
  const shown = shownPath(path, ctx)
  const rows = await withDatabase(path, (stat(`${path}-wal`)?.size ?? 0) > 0, database =>
    database.all("SELECT name FROM sqlite_master WHERE name = 'state_leases'").length === 0
      ? []
      : database.all(lease.query),
  ).catch((error: unknown) => {
    if (error instanceof FileError || (error as Error).name === 'NeedsChild') throw error
    return (error as Error).message
  })
  if (typeof rows === 'string')
    return {
      status: 'warn',
      what: 'lease-unread',
      observed: `the owner's lease in ${shown} could not be read: ${excerpt(ctx.mask(rows), 120)}`,
      expected: 'a database that can be read',
      next: `bootcheck check sqlite --path ${quote(path)}`,
    }
  for (const row of rows) {
    const expires =
      typeof row[lease.expires] === 'number' || typeof row[lease.expires] === 'bigint'
        ? Number(row[lease.expires])
        : undefined
    const left = expires === undefined ? undefined : expires - ctx.now()
    if (left !== undefined && left <= 0) continue
    const payload = record(String(row[lease.payload] ?? ''))?.owner as Readonly<Record<string, unknown>> | undefined
    const { pid, host, startedAt } = payload ?? {}
    const here = host === hostname()
    if (here && isPid(pid)) {
      if (!alive(pid)) continue
      const began = startTicks(pid)
      if (typeof startedAt === 'number' && began !== undefined && startedAt !== began) continue
    }
    const owner =
      isPid(pid) && typeof host === 'string'
        ? `pid ${pid} of ${here ? 'this host' : `the host ${excerpt(ctx.mask(host), 60)}`}`
        : 'an owner that cannot be made out'
    const long = left === undefined ? 'for good' : `for another ${span(left)}`
    return {
      status: 'fail',
      what: 'lease-held',
      observed: `${owner} holds the owner's lease in ${shown} ${long}${here || !isPid(pid) ? '' : ', and whether it runs cannot be seen from here'}`,
      expected: `no lease; ${product} refuses to start until it has expired`,
      next:
        left === undefined || (here && isPid(pid))
          ? 'openclaw gateway status --deep'
          : `sleep ${Math.ceil(left / 1000)}`,
    }
  }
  return undefined
}

/** `lease` is asked for only where no owner is seen: a live one renews it. Throws `FileError` where the way there is closed. */
export const readClaim = async (
  preset: LockPreset,
  { state: given, lease: wantLease }: { readonly state?: string | undefined; readonly lease: boolean },
  ctx: CheckContext,
): Promise<Claim> => {
  const state = stateFolder(preset.state, given, { path: ctx.path, env: gatewayEnv(ctx.env) })
  const lock = at(preset.lock.file, state, ctx.user.uid)
  const base = join(state, preset.lease.file)
  const folders = preset.folders.map(({ path, own }) => ({ path: at(path, state, ctx.user.uid), own }))
  if (!stat(state)?.isDirectory())
    return {
      watched: [shownPath(lock, ctx)],
      hindrances: [
        {
          status: 'fail',
          what: 'missing',
          observed: `the state folder ${shownPath(state, ctx)} does not exist`,
          expected: `the folder in which ${preset.product} keeps its state`,
          next: `ls -ld ${quote(state)}`,
        },
      ],
    }
  const closed = folders.flatMap(({ path, own }) => judgeFolder(path, own, preset.product, ctx) ?? [])
  const { hindrance, owner, left } = readLock(lock, preset, ctx)
  const asked = owner === undefined && wantLease
  const lease = asked ? await readLease(base, preset, ctx) : undefined
  return {
    watched: [lock, ...(asked ? [base] : []), ...folders.map(({ path }) => path)].map(path => shownPath(path, ctx)) as [
      string,
      ...string[],
    ],
    hindrances: [...closed, ...(hindrance ? [hindrance] : []), ...(lease ? [lease] : [])],
    ...(owner ? { owner } : {}),
    ...(left === undefined ? {} : { left }),
  }
}
