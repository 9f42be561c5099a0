/** One GET, bounded in time and bytes. No redirect is followed, nothing is sent twice. */
import { request } from 'node:http'
import type { Limits } from './limits.ts'
import { metItself, type Where } from './probe.ts'

export interface Reply {
  readonly status: number
  readonly body: Buffer
  readonly location: string | undefined
}

export type Answer =
  | { readonly sort: 'reply'; readonly reply: Reply }
  /** No connection: an errno, or `TIMEOUT`. */
  | { readonly sort: 'unconnected'; readonly code: string }
  /** Connected, and not one byte came before the time was up. */
  | { readonly sort: 'silent' }
  /** The reply ended, or stopped, in the middle. `expected`: what its header promised. */
  | {
      readonly sort: 'cut'
      readonly status?: number
      readonly received: number
      readonly expected?: number
      readonly closed: boolean
    }
  /** More than `MOST_BYTES`, or still coming when the time was up. */
  | { readonly sort: 'endless'; readonly status: number; readonly received: number }
  /** Bytes that are not HTTP. */
  | { readonly sort: 'other'; readonly code: string }

/** A health page is short. */
export const MOST_BYTES = 1024 * 1024

/** Percent-encodes what may not stand in a request line, and leaves the rest as it is. */
const encoded = (path: string): string =>
  path.replace(/[^\x21-\x7e]+/g, text =>
    Buffer.from(text).reduce((all, byte) => `${all}%${byte.toString(16).toUpperCase().padStart(2, '0')}`, ''),
  )

export const ask = (where: Where, host: string, path: string, limits: Limits): Promise<Answer> => {
  let connected = false
  let status: number | undefined
  let location: string | undefined
  let promised: number | undefined
  let received = 0
  const chunks: Buffer[] = []

  const sent = request({
    ...('path' in where ? { socketPath: where.path } : { host: where.address, port: where.port }),
    path: encoded(path),
    agent: false,
    // Kept alive, so that we close first: the side that does is left with TIME_WAIT, and that must not be the gateway's port.
    headers: { host, 'user-agent': 'bootcheck', accept: '*/*', connection: 'keep-alive' },
  })
  const bytesIn = (): number => sent.socket?.bytesRead ?? 0
  const unfinished = (closed: boolean): Answer => {
    if (!connected) return { sort: 'unconnected', code: closed ? 'ECONNRESET' : 'TIMEOUT' }
    if (status === undefined)
      return bytesIn() === 0 && !closed ? { sort: 'silent' } : { sort: 'cut', received: bytesIn(), closed }
    if (promised !== undefined || closed)
      return { sort: 'cut', status, received, closed, ...(promised === undefined ? {} : { expected: promised }) }
    return { sort: 'endless', status, received }
  }
  const answer = new Promise<Answer>(resolve => {
    sent.on('socket', socket => {
      socket.once('connect', () => {
        if (!metItself(socket)) connected = true
        else {
          socket.resetAndDestroy()
          resolve({ sort: 'unconnected', code: 'ECONNREFUSED' })
        }
      })
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? 'UNKNOWN'
      if (!connected) resolve({ sort: 'unconnected', code })
      else if (code.startsWith('HPE_')) resolve({ sort: 'other', code })
      else resolve(unfinished(true))
    })
    // A server that answers an upgrade nobody asked for: its status is all that there is.
    sent.on('upgrade', reply =>
      resolve({ sort: 'reply', reply: { status: reply.statusCode ?? 0, body: Buffer.alloc(0), location: undefined } }),
    )
    sent.on('response', reply => {
      status = reply.statusCode ?? 0
      location = reply.headers.location
      const length = Number(reply.headers['content-length'])
      promised =
        Number.isFinite(length) && length >= 0 && reply.headers['content-length'] !== undefined ? length : undefined
      reply.on('data', (chunk: Buffer) => {
        received += chunk.length
        chunks.push(chunk)
        if (received > MOST_BYTES) resolve({ sort: 'endless', status: status ?? 0, received })
      })
      reply.on('end', () =>
        resolve({ sort: 'reply', reply: { status: status ?? 0, body: Buffer.concat(chunks), location } }),
      )
      reply.on('error', () => resolve(unfinished(true)))
      reply.on('close', () => resolve(unfinished(true)))
    })
    sent.end()
  })
  return limits.within(answer).then(result => {
    const final = result ?? unfinished(false)
    sent.destroy()
    return final
  })
}
