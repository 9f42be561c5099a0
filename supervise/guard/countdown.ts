/** Tells a person at a terminal how long a wait still takes. */
import { isatty } from 'node:tty'
import { countdown } from './words.ts'

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
