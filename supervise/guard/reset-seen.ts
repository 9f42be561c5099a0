/** Whoever waits or holds looks whether somebody has reset the target. */
import { elapsed } from '../../core/clock.ts'
import type { Ledger } from './ledger.ts'

/** How often it is looked, ms. A long history takes time to read, and is read less often. */
export const LOOK_MS = 500
const LOOK_SHARE = 100

/**
 * Answers whether there has been a reset since `known` was read. That is to be what the wait was decided by: whoever resets right after the wait was
 * told would be waited past.
 */
export const resetSeen = (ledger: Pick<Ledger, 'read'>, known = ledger.read()): (() => boolean) => {
  const lastOf = (reading: typeof known): string | undefined =>
    reading?.records.findLast(({ event }) => event.type === 'reset')?.id
  const before = lastOf(known)
  let notBefore = 0
  let seen = false
  return () => {
    const began = elapsed()
    if (seen || began < notBefore) return seen
    seen = lastOf(ledger.read()) !== before
    notBefore = began + Math.max(LOOK_MS, LOOK_SHARE * (elapsed() - began))
    return seen
  }
}
