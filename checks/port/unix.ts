/** `socket: PATH`: a unix socket, free or open. */
import { dirname } from 'node:path'
import type { CheckContext, Facts, Trouble, Verdict } from '../../core/check.ts'
import { FileError, lstat, realpath, stat } from '../../core/files.ts'
import { quote } from '../../core/shell.ts'
import { span } from '../../core/text.ts'
import { judgeHeld } from './held.ts'
import { type Holder, unixListeners } from './holders.ts'
import type { Limits } from './limits.ts'
import { tryPlace, unconnected } from './open.ts'
import { connect, listen } from './probe.ts'
import type { HttpWanted } from './replies.ts'
import { askUnix } from './words.ts'

export interface AskedSocket {
  /** As written. */
  readonly shown: string
  /** Absolute. */
  readonly path: string
  readonly owner: string | undefined
  readonly http: HttpWanted | undefined
  readonly watched: readonly [string, ...string[]]
}

/** sun_path holds 108 bytes on Linux and 104 on macOS, with a zero at the end. Node cuts longer ones without a word. */
const LONGEST = process.platform === 'linux' ? 107 : 103

type Place = 'nothing' | 'socket' | 'dangling link' | 'folder' | 'file' | 'FIFO' | 'device'

const placeAt = (path: string): Place => {
  const own = lstat(path)
  if (!own) return 'nothing'
  const seen = own.isSymbolicLink() ? stat(path) : own
  if (!seen) return 'dangling link'
  if (seen.isSocket()) return 'socket'
  if (seen.isDirectory()) return 'folder'
  if (seen.isFIFO()) return 'FIFO'
  return seen.isFile() ? 'file' : 'device'
}

const trouble = (
  { watched, path }: AskedSocket,
  what: string,
  rest: Pick<Trouble, 'summary' | 'observed' | 'expected' | 'next'>,
  status: 'warn' | 'fail' = 'fail',
): Trouble => ({ status, code: `port/${what}`, ...rest, watched, facts: { socket: path } })

const tooLong = (asked: AskedSocket): Trouble | undefined => {
  const length = Buffer.byteLength(asked.path)
  if (length <= LONGEST) return undefined
  return trouble(asked, 'path-too-long', {
    summary: `${asked.shown} is too long for a unix socket: ${length} bytes, at most ${LONGEST}`,
    observed: `${asked.path} has ${length} bytes`,
    expected: `at most ${LONGEST} bytes; a longer path is refused, or cut without a word`,
    next: `choose a shorter path, below ${process.platform === 'linux' ? '/run or ' : ''}/tmp for instance`,
  })
}

const unusable = (asked: AskedSocket, error: FileError): Trouble => {
  const denied = error.code === 'EACCES'
  return trouble(asked, denied ? 'denied' : 'cannot-bind', {
    summary: `${asked.shown} cannot be looked at (${error.code})`,
    observed: error.message,
    expected: 'a path whose folders this user may search',
    next: `ls -ld ${quote(dirname(asked.path))}`,
  })
}

const inTheWay = (asked: AskedSocket, place: Place): Trouble =>
  trouble(asked, 'in-the-way', {
    summary: `${asked.shown} is a ${place}, not a socket`,
    observed: `a ${place} at ${asked.path}`,
    expected: 'a socket, or nothing',
    next: `ls -ld ${quote(asked.path)}`,
  })

const listenersAt = (path: string, limits: Limits): Holder[] => {
  let real = path
  try {
    real = realpath(path)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
  }
  return [...new Set([path, real])].flatMap(name => unixListeners(name, limits))
}

/** Somebody accepted, or is there without accepting now: a full backlog, or a socket of another type. */
const LIVE = new Set(['EAGAIN', 'EPROTOTYPE'])

const judgeSocketFile = async (asked: AskedSocket, ctx: CheckContext, limits: Limits): Promise<Verdict> => {
  const { path, shown, watched, owner } = asked
  const result = await connect({ path }, limits)
  const listeners = result !== 'open' && result.code === 'ECONNREFUSED' ? [] : listenersAt(path, limits)
  const facts: Facts = { socket: path }
  if (result === 'open' || LIVE.has(result.code) || listeners.length > 0)
    return judgeHeld({ label: shown, watched, facts, holders: listeners, owner, askRoot: askUnix(path) }, ctx)
  if (result.code === 'ECONNREFUSED')
    return trouble(
      asked,
      'stale-socket',
      {
        summary: `${shown} is a stale socket: nobody listens on it`,
        observed: `a socket file at ${path} that refuses connections, left by a process that is gone`,
        expected: 'no file there: a gateway that does not remove it first gets EADDRINUSE',
        next: `rm ${quote(path)}`,
      },
      'warn',
    )
  const { what, says } = unconnected(result.code, limits.ms)
  return trouble(asked, what, {
    summary: `${shown} ${says}, so whether it is free cannot be told`,
    observed: `a socket at ${path}; connecting gives ${result.code}`,
    expected: 'no socket there, or one that this user may connect to',
    next: askUnix(path),
  })
}

const judgeBind = (asked: AskedSocket, code: string, { uid }: CheckContext['user']): Trouble => {
  const folder = dirname(asked.path)
  if (code === 'EACCES' || code === 'EPERM')
    return trouble(asked, 'denied', {
      summary: `${asked.shown} cannot be created by this user (${code})`,
      observed: `binding gives ${code} for uid ${uid}`,
      expected: `a folder that uid ${uid} may write to`,
      next: `ls -ld ${quote(folder)}`,
    })
  return trouble(asked, 'cannot-bind', {
    summary: `${asked.shown} cannot be bound (${code})`,
    observed: `binding gives ${code}`,
    expected: 'a socket that can be created',
    next: `df -h ${quote(folder)}; ls -ld ${quote(folder)}`,
  })
}

export const expectFreeSocket = async (asked: AskedSocket, ctx: CheckContext, limits: Limits): Promise<Verdict> => {
  const { path, shown, watched } = asked
  const long = tooLong(asked)
  if (long) return long
  try {
    const place = placeAt(path)
    if (place === 'socket') return await judgeSocketFile(asked, ctx, limits)
    if (place !== 'nothing') return inTheWay(asked, place)
    const folder = dirname(path)
    if (!stat(folder)?.isDirectory())
      return trouble(asked, 'no-folder', {
        summary: `${shown} cannot be created: ${folder} is no folder`,
        observed: `${stat(folder) ? 'something else' : 'nothing'} at ${folder}`,
        expected: `a folder at ${folder}`,
        next: `${lstat(folder) ? 'ls -ld' : 'mkdir -p'} ${quote(folder)}`,
      })
  } catch (error) {
    if (error instanceof FileError) return unusable(asked, error)
    throw error
  }
  const code = await listen({ path }, limits)
  if (code !== undefined) return judgeBind(asked, code, ctx.user)
  return {
    status: 'pass',
    code: 'port/free',
    summary: `${shown} is free and accepts connections`,
    watched,
    facts: { socket: path },
  }
}

export const expectOpenSocket = async (asked: AskedSocket, ctx: CheckContext, limits: Limits): Promise<Verdict> => {
  const { path, shown, watched, http } = asked
  const long = tooLong(asked)
  if (long) return long
  try {
    const place = placeAt(path)
    if (place === 'nothing')
      return trouble(asked, 'missing', {
        summary: `${shown} is not there`,
        observed: `nothing at ${path}`,
        expected: 'a socket on which somebody listens',
        next: `ls -la ${quote(dirname(path))}`,
      })
    if (place !== 'socket') return inTheWay(asked, place)
  } catch (error) {
    if (error instanceof FileError) return unusable(asked, error)
    throw error
  }
  const { result } = await tryPlace(shown, { path }, 'localhost', http, ctx, limits)
  if (result === 'open') {
    const does = http ? `answers GET ${http.path} as expected` : 'accepts connections'
    return { status: 'pass', code: 'port/open', summary: `${shown} ${does}`, watched, facts: { socket: path } }
  }
  if ('what' in result)
    return trouble(asked, result.what, {
      summary: `${shown} ${result.says}`,
      observed: result.observed,
      expected: result.expected,
      next: `curl -sS -i -m 5 --unix-socket ${quote(path)} ${quote(`http://localhost${http?.path ?? '/'}`)}`,
    })
  if (result.code === 'ECONNREFUSED')
    return trouble(asked, 'stale-socket', {
      summary: `${shown} is a stale socket: nobody listens on it`,
      observed: `a socket file at ${path} that refuses connections`,
      expected: 'a socket on which somebody listens',
      next: askUnix(path),
    })
  const { what, says } = unconnected(result.code, limits.ms)
  return trouble(asked, what, {
    summary: what === 'timed-out' ? `timed out connecting to ${shown} after ${span(limits.ms)}` : `${shown} ${says}`,
    observed: `connecting gives ${result.code}`,
    expected: 'a socket that accepts connections',
    next: `ls -la ${quote(path)}`,
  })
}
