/**
 * One after the other, of calls that come at once: a courtesy, which nothing but the waste depends on. The place is an abstract
 * socket that nobody connects to: the kernel frees it when its holder dies, and nothing is left on the disk. Only Linux has them;
 * elsewhere nobody waits.
 */
import type { Server } from 'node:net'
import { elapsed } from '../../core/clock.ts'

const LOOK_MS = 5

const take = (name: string): Promise<Server | 'taken' | undefined> =>
  new Promise(resolve => {
    const server = process.getBuiltinModule('node:net').createServer(socket => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE' ? 'taken' : undefined))
    server.listen(`\0${name}`, () => resolve(server))
  })

/** Does it when the place is free, or at the latest after `patienceMs`, since its holder may have been stopped. */
export const inTurn = async <T>(name: string, patienceMs: number, action: () => T): Promise<T> => {
  if (process.platform !== 'linux') return action()
  const from = elapsed()
  let place = await take(name)
  while (place === 'taken' && elapsed() - from < patienceMs) {
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    place = await take(name)
  }
  try {
    return action()
  } finally {
    if (typeof place === 'object') place.close()
  }
}
