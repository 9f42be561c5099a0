/** What the guards that give permits say to the same terms. */
import type { Judgement } from '../core/guard.ts'
import type { Ledger, Terms } from '../core/permit.ts'
import type { Stamp } from '../core/store.ts'
import { breakerGuard } from '../guards/breaker.ts'
import { budgetGuard } from '../guards/budget.ts'
import { rateLimitGuard } from '../guards/rate-limit.ts'

export interface Said {
  readonly guard: string
  readonly judged: Judgement
  /** What to type, where it is no matter of the store. */
  readonly next?: string
}

/** `unread`: how many lines of the records could not be read. */
export const answersOf = (ledger: Ledger, { rate, attempts, block }: Terms, now: Stamp, unread = 0): Said[] => [
  ...(attempts === undefined
    ? []
    : [{ guard: budgetGuard.name, judged: budgetGuard.judge(ledger, { attempts, unread }, now) }]),
  ...(block === undefined ? [] : [{ guard: breakerGuard.name, judged: breakerGuard.judge(ledger, block, now) }]),
  ...(rate === undefined ? [] : [{ guard: rateLimitGuard.name, judged: rateLimitGuard.judge(ledger, rate, now) }]),
]
