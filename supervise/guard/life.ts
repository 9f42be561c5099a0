/**
 * From the spawn to the end: is it ready, is it good, does it still beat? What comes up at 0.9 s and dies at 1 s must not count
 * as healthy, so ready clears nothing; only a start that has lived does.
 */
import { elapsed, pause } from '../../core/clock.ts'
import { span } from '../../core/text.ts'
import type { Answer } from './checks.ts'
import { type Change, changesOf, type Outcomes, outcomesOf, type Recurring } from './recurring.ts'

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
  readonly ask: ((only?: readonly string[]) => Promise<Answer>) | undefined
  /** Those of them that are asked again for as long as it lives. */
  readonly recurring: readonly Recurring[]
  /** Ready for the first time. */
  onReady(): Promise<void>
  onLate(what: string): void
  onVerified(): void
  onChange(change: Change): void
  onBeat(): void
  say(line: string): void
  /** Aborted when it has ended, or is being stopped. */
  readonly signal: AbortSignal
}

/** Resolves with the outcomes once it is ready, undefined when aborted. */
const untilReady = async (life: Life, ask: () => Promise<Answer>): Promise<Outcomes | undefined> => {
  const { target, readyTimeoutMs, signal, say } = life
  const began = elapsed()
  let pauseMs = FIRST_RETRY_MS
  let late = false
  let said = ''
  while (!signal.aborted) {
    const answer = await ask()
    if (signal.aborted) return undefined
    if (answer.ready) {
      say(`${target} is ready after ${span(elapsed() - began)}: its after checks pass`)
      return outcomesOf(answer)
    }
    const leftMs = readyTimeoutMs - (elapsed() - began)
    if (!late && leftMs <= 0) {
      late = true
      life.onLate(answer.what)
    } else if (!late && answer.what !== said) say(`${target} is not ready yet: ${answer.what}`)
    said = answer.what
    pauseMs = Math.min(2 * pauseMs, late ? LATE_RETRY_MS : RETRY_MS)
    // The last look is when the time is over.
    await pause(late ? pauseMs : Math.max(1, Math.min(pauseMs, leftMs)), signal)
  }
  return undefined
}

/** Of those that are asked every `everyMs`. An answer that is late does not make the next one come sooner. */
const askAgain = async (life: Life, { everyMs, ids }: Recurring, first: Outcomes): Promise<void> => {
  const { target, ask, signal, say } = life
  let known = first
  while (ask) {
    await pause(everyMs, signal)
    if (signal.aborted) return
    const answer = await ask(ids)
    if (signal.aborted) return
    const { changes, outcomes } = changesOf(ids, known, answer)
    known = outcomes
    for (const change of changes) {
      say(`${target} ${change.text}`)
      life.onChange(change)
    }
  }
}

const untilVerified = async (life: Life): Promise<void> => {
  const { target, healthyAfterMs, ask, signal, say } = life
  while (!signal.aborted) {
    await pause(healthyAfterMs, signal)
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
  const outcomes = ask ? await untilReady(life, ask) : undefined
  if (signal.aborted) return
  await life.onReady()
  await Promise.all([untilVerified(life), ...life.recurring.map(each => askAgain(life, each, outcomes ?? new Map()))])
}
