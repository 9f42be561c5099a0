/**
 * From the spawn to the end: is it ready, is it good, does it still beat? What comes up at 0.9 s and dies at 1 s must not count
 * as healthy, so ready clears nothing; only a start that has lived does.
 */
import { elapsed } from '../../core/clock.ts'
import { span } from '../../core/text.ts'
import type { Answer } from './checks.ts'
import { sleep } from './pause.ts'

const BEAT_MS = 30_000
/** How soon a service that is not ready yet is asked again, and how late at most: while it may still be starting, and afterwards. */
const FIRST_RETRY_MS = 200
const RETRY_MS = 2000
const LATE_RETRY_MS = 5 * 60_000

export interface Life {
  readonly target: string
  readonly readyTimeoutMs: number
  readonly healthyAfterMs: number
  /** The checks of phase `after`; undefined where none are declared. */
  readonly ask: (() => Promise<Answer>) | undefined
  /** Ready for the first time. */
  onReady(): Promise<void>
  onLate(what: string): void
  onVerified(): void
  onBeat(): void
  say(line: string): void
  /** Aborted when it has ended, or is being stopped. */
  readonly signal: AbortSignal
}

/** Resolves with true once it is ready, false when aborted. */
const untilReady = async (life: Life, ask: () => Promise<Answer>): Promise<boolean> => {
  const { target, readyTimeoutMs, signal, say } = life
  const began = elapsed()
  let pauseMs = FIRST_RETRY_MS
  let late = false
  let said = ''
  while (!signal.aborted) {
    const answer = await ask()
    if (signal.aborted) return false
    if (answer.ready) {
      say(`${target} is ready after ${span(elapsed() - began)}: its after checks pass`)
      return true
    }
    const leftMs = readyTimeoutMs - (elapsed() - began)
    if (!late && leftMs <= 0) {
      late = true
      life.onLate(answer.what)
    } else if (!late && answer.what !== said) say(`${target} is not ready yet: ${answer.what}`)
    said = answer.what
    pauseMs = Math.min(2 * pauseMs, late ? LATE_RETRY_MS : RETRY_MS)
    // The last look is when the time is over.
    await sleep(late ? pauseMs : Math.max(1, Math.min(pauseMs, leftMs)), signal)
  }
  return false
}

const untilVerified = async (life: Life): Promise<void> => {
  const { target, healthyAfterMs, ask, signal, say } = life
  while (!signal.aborted) {
    await sleep(healthyAfterMs, signal)
    if (signal.aborted) return
    const answer = await ask?.()
    if (signal.aborted) return
    if (!answer || answer.ready) {
      life.onVerified()
      say(
        `${target} is verified: it has lived ${span(healthyAfterMs)}${ask ? ', and its after checks pass again' : '; there are no after checks, so time alone decides'}`,
      )
      return
    }
    say(`${target} has lived ${span(healthyAfterMs)}, but is not verified: ${answer.what}`)
  }
}

/** Goes along with the gateway until aborted. Rejects only where the guard itself breaks. */
export const accompany = async (life: Life): Promise<void> => {
  const { ask, signal } = life
  const beats = setInterval(() => {
    life.onBeat()
  }, BEAT_MS)
  signal.addEventListener('abort', () => clearInterval(beats), { once: true })
  if (ask && !(await untilReady(life, ask))) return
  if (signal.aborted) return
  await life.onReady()
  await untilVerified(life)
}
