/** Waiting in a way that can be ended, that tells a person at a terminal how long it still takes, and that costs next to nothing. */
import { isatty } from 'node:tty'
import { countdown } from './words.ts'

/** Resolves after `ms`, or when aborted. */
export const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })

/** A line at a terminal that is written again each second; elsewhere nothing. Ended by calling what it returns. */
export const drawCountdown = (text: string, leftMs: () => number, err: (text: string) => void): (() => void) => {
  if (!isatty(2)) return () => {}
  const draw = (): void => err(`\r${text} ${countdown(leftMs())}\u001b[K`)
  draw()
  const timer = setInterval(draw, 1000)
  return () => {
    clearInterval(timer)
    err('\r\u001b[K')
  }
}
