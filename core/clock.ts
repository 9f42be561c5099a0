/** The monotonic clock, and waiting by it. `performance.now()` is the same, and costs 4 ms to load at its first use on Node 20. */

/** Milliseconds since an arbitrary moment; only differences mean anything. */
export const elapsed = (): number => Number(process.hrtime.bigint()) / 1e6

/** Lets timers run every `everyMs`: reading is synchronous, and the deadline must be able to end it. Rejects once the signal is aborted. */
export const breather = (everyMs: number, signal: AbortSignal): (() => Promise<void>) => {
  let rested = elapsed()
  return async () => {
    if (elapsed() - rested < everyMs) return
    await new Promise(resolve => setImmediate(resolve))
    rested = elapsed()
    signal.throwIfAborted()
  }
}

/** Resolves after `ms`, or when aborted. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
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
