/** Whoever waits or holds looks whether somebody has reset the target. */
import { elapsed } from '../../core/clock.ts'
import type { Ledger } from './ledger.ts'

/** How often it is looked, ms. A long history takes time to read, and is read less often. */
export const LOOK_MS = 500
const LOOK_SHARE = 100

/** Answers whether there has been a reset since this call. */
export const resetSeen = (ledger: Pick<Ledger, 'read'>): (() => boolean) => {
  const last = (): string | undefined => ledger.read()?.records.findLast(({ event }) => event.type === 'reset')?.id
  const before = last()
  let notBefore = 0
  let seen = false
  return () => {
    const began = elapsed()
    if (seen || began < notBefore) return seen
    seen = last() !== before
    notBefore = began + Math.max(LOOK_MS, LOOK_SHARE * (elapsed() - began))
    return seen
  }
}
