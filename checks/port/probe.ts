/** Connecting and listening, each once and with an end. Neither leaves a socket, a file or a TIME_WAIT on the gateway's side. */
import { createServer, connect as open, type Socket } from 'node:net'
import type { Limits } from './limits.ts'

/** A TCP address or a unix socket. */
export type Where = { readonly address: string; readonly port: number } | { readonly path: string }

/** A TCP port on every address: IPv6's wildcard, which takes IPv4 too, or IPv4's on a host without IPv6. */
export type Everywhere = { readonly port: number }

/** `open`, or why not: an errno, or `TIMEOUT`. */
export type Connected = 'open' | { readonly code: string }

const target = (where: Where | Everywhere) => {
  if ('path' in where) return { path: where.path }
  return 'address' in where ? { host: where.address, port: where.port } : { port: where.port }
}

/**
 * A port in the ephemeral range can be reached by its own connection: the kernel gives that very port to our end, and both
 * ends meet (RFC 9293, simultaneous open). Nobody listens then.
 */
export const metItself = (socket: Socket): boolean =>
  socket.localPort !== undefined &&
  socket.localPort === socket.remotePort &&
  socket.localAddress === socket.remoteAddress

export const connect = async (where: Where, limits: Limits, ms?: number): Promise<Connected> => {
  const socket = open(target(where))
  const answer = new Promise<Connected>(resolve => {
    socket.once('connect', () => {
      if (!metItself(socket)) return resolve('open')
      socket.resetAndDestroy() // a plain close would hold the port in TIME_WAIT
      resolve({ code: 'ECONNREFUSED' })
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? 'UNKNOWN' }))
  })
  const result = await limits.within(answer, ms)
  socket.destroy()
  return result ?? { code: 'TIMEOUT' }
}

/** Binds and listens, then lets go at once. Undefined if that works, else the errno. */
export const listen = async (where: Where | Everywhere, limits: Limits): Promise<string | undefined> => {
  // Whoever connects in this instant is reset: a plain close on our side would leave TIME_WAIT on the gateway's port.
  const server = createServer(socket => {
    socket.on('error', () => {})
    if ('path' in where) socket.destroy()
    else socket.resetAndDestroy()
  })
  const answer = new Promise<string | undefined>(resolve => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'UNKNOWN'))
    server.listen({ ...target(where), exclusive: true, backlog: 1 }, () => server.close(() => resolve(undefined)))
  })
  // close() calls back only after the last connection has ended; the reset above sees to that.
  const result = await limits.within(answer.then(code => ({ code })))
  server.close()
  return result ? result.code : 'TIMEOUT'
}
