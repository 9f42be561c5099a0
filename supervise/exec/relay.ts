/**
 * Writing on to our own standard output or error, by a `cat` that has it open. A reader that does not read blocks that
 * process and never this one, whose deadline must go off; and a pipe that others share is not made non-blocking for them.
 */
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { elapsed } from '../../core/clock.ts'

export interface Relay {
  /** False where the reader is behind: wait for `ready` before more. Nothing happens once it is `broken`. */
  write(bytes: Buffer): boolean
  ready(): Promise<void>
  /** Resolves when all of it is written, or nobody can be written to any more. */
  end(): Promise<void>
  /** Gives up what is not yet written. */
  drop(): void
  /** Why what was written did not arrive. */
  readonly broken: string | undefined
}

/** Not the user's PATH: what stands there under this name is not known. */
const PATH = '/usr/bin:/bin:/run/current-system/sw/bin'

export const relayTo = (fd: 1 | 2): Relay => {
  const { spawn } = process.getBuiltinModule('node:child_process')
  const stdio = fd === 1 ? (['pipe', 'inherit', 'ignore'] as const) : (['pipe', 2, 'ignore'] as const)
  let broken: string | undefined
  let dropped = false
  let wake = (): void => {}
  let finish = (): void => {}
  const finished = new Promise<void>(resolve => {
    finish = resolve
  })
  const over = (why: string | undefined): void => {
    broken ??= why
    wake()
    finish()
  }
  let cat: ChildProcess | undefined
  try {
    // A session of its own: Ctrl-C is for the command, which may have a last word to say.
    cat = spawn('cat', [], { env: { PATH }, detached: true, stdio: [...stdio] })
  } catch (error) {
    over(`cat: ${(error as Error).message}`) // no memory: the command runs already
  }
  cat?.on('error', error => over(`cat: ${error.message}`))
  cat?.on('exit', code =>
    over(code === 0 ? undefined : dropped ? 'it was not read in time' : 'nobody reads it any more'),
  )
  const pipe = cat?.stdin
  pipe?.on('error', () => {}) // its exit says why
  pipe?.on('drain', () => wake())
  return {
    get broken() {
      return broken
    },
    write: bytes => broken !== undefined || pipe?.write(bytes) !== false,
    ready: () =>
      new Promise(resolve => {
        wake = resolve
        if (broken !== undefined || !pipe?.writableNeedDrain) resolve()
      }),
    end: () => {
      pipe?.end()
      return finished
    },
    drop: () => {
      dropped = true
      cat?.kill('SIGKILL')
    },
  }
}

export interface Passing {
  /** Bytes so far. */
  count(): number
  /** Resolves when all that the command itself has written is passed on; what it left running may hold its pipe for ever. */
  finish(): Promise<void>
}

/** More than a pipe holds: what comes after so much was written by somebody whom the command has left running. */
const REST_BYTES = 1024 * 1024
/** How long a pipe is silent before it counts as empty, once whoever was to write to it has ended. */
const SILENCE_MS = 100

const pauseOf = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Passes on what comes out of a pipe, at the reader's pace. */
export const passOn = (source: Readable, relay: Relay): Passing => {
  let count = 0
  /** When something came last, or could come again. */
  let active = elapsed()
  source.on('data', (piece: Buffer) => {
    count += piece.length
    active = elapsed()
    if (relay.write(piece)) return
    source.pause()
    relay.ready().then(() => {
      active = elapsed()
      source.resume()
    })
  })
  const closed = new Promise<void>(resolve => source.once('close', resolve))
  source.on('error', () => {}) // `close` follows
  return {
    count: () => count,
    async finish() {
      const atEnd = count
      for (;;) {
        await Promise.race([closed, pauseOf(SILENCE_MS)])
        // On a busy machine the pause may be over before anybody has looked at the pipe: a whole round of the event loop looks.
        for (let round = 0; round < 2; round++) await new Promise(resolve => setImmediate(resolve))
        const silent = !source.isPaused() && elapsed() - active >= SILENCE_MS
        if (source.closed || silent || count - atEnd > REST_BYTES) break
      }
      source.destroy()
      await relay.end()
    },
  }
}
