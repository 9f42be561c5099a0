/** How long this check may wait: a little less than the runner allows, so that it can say itself what did not answer. */
import { elapsed } from '../../core/clock.ts'

export interface Limits {
  /** For the whole check, in ms. */
  readonly ms: number
  /** What is left, in ms; at least 1. */
  left(): number
  /** The value, or undefined when the time is up first or the wait is given up. The promise must not reject. */
  within<T>(promise: Promise<T>, most?: number): Promise<T | undefined>
  /** The same time, which this signal ends too. */
  until(signal: AbortSignal): Limits
}

const make = (ms: number, end: number, signals: readonly AbortSignal[]): Limits => {
  const left = (): number => Math.max(1, end - elapsed())
  return {
    ms,
    left,
    within: <T>(promise: Promise<T>, most = Number.POSITIVE_INFINITY) =>
      new Promise<T | undefined>(resolve => {
        const finish = (value?: T): void => {
          clearTimeout(timer)
          for (const signal of signals) signal.removeEventListener('abort', give)
          resolve(value)
        }
        const give = (): void => finish()
        const timer = setTimeout(give, Math.min(most, left()))
        for (const signal of signals) signal.addEventListener('abort', give, { once: true })
        promise.then(finish, give)
        if (signals.some(signal => signal.aborted)) give()
      }),
    until: signal => make(ms, end, [...signals, signal]),
  }
}

/** Started now. A tenth of the time, at most half a second, is kept for finding out more and for the report. */
export const limitsOf = ({ timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }): Limits => {
  const ms = Math.max(1, Math.floor(timeoutMs - Math.min(500, timeoutMs / 10)))
  return make(ms, elapsed() + ms, [signal])
}
