/** How often a thing may be tried: the answer comes before the attempt. */
import { defineCheck, type Verdict } from '../core/check.ts'
import { type Guard, remember } from '../core/guard.ts'
import { emptyLedger, type Ledger, markPresent, momentOf, type RateTerms, rateAt, stepLedger } from '../core/permit.ts'
import { damaged, misspelt, SPAN, TARGET, tooLong, unreadable } from '../core/remembered.ts'
import { StoreError } from '../core/store.ts'
import { span } from '../core/text.ts'
import { duration } from '../core/units.ts'

export const RATE_LIMIT_DEFAULTS: RateTerms = { limit: 2, perMs: 15 * 60_000, cooldownMs: 30 * 60_000 }

export const rateLimitGuard: Guard<Ledger, RateTerms> = {
  name: 'rate-limit',
  empty: emptyLedger,
  step: stepLedger,
  judge: (ledger, terms, now) => {
    const { taken, waitMs } = rateAt(ledger, terms, momentOf(ledger, now))
    const { limit, perMs, cooldownMs } = terms
    const facts = { taken, limit, perMs, cooldownMs }
    const counted = `${taken} of ${limit} permits taken in ${span(perMs)}`
    return waitMs > 0
      ? { answer: 'wait', waitMs, reason: `cooling off, ${counted}`, facts }
      : { answer: 'go', reason: counted, facts }
  },
}

const SETTINGS = {
  limit: { type: 'integer', minimum: 1, maximum: 1000, default: 2, description: 'Permits in a window' },
  per: { ...SPAN, default: '15m', description: 'The window' },
  cooldown: { ...SPAN, default: '30m', description: 'From the last permit of a full window to the next one' },
} as const

export const rateLimit = defineCheck({
  kind: 'rate-limit',
  title: 'There is room for another attempt',
  docs: `At most \`limit\` permits in \`per\`; the permit that fills the window begins a cool-down of \`cooldown\`, during which there is none.
Permits are taken by \`bootcheck allow KEY --limit 2 --per 15m --cooldown 30m\` and by \`bootcheck exec --key KEY --limit 2\`, before the
attempt. This check takes none: it fails while an ask would be refused.

**Why it matters.** Four quick login retries got an account blocked. The service counts whether we do or not.

**When its memory fails.** The rate limit fails open: a state folder that cannot be read is a warning here, and \`allow\` says so on standard
error and permits.

**What it cannot see.** Attempts that nobody asked for, and those of other hosts.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['target'],
    properties: {
      target: { ...TARGET, description: 'The key that permits are taken for' },
      ...SETTINGS,
    },
  },
  settings: { type: 'object', additionalProperties: false, properties: SETTINGS },
  codes: {
    free: 'an ask would be permitted now',
    cooling: 'an ask would be refused now',
    misspelt: 'nothing has been kept of this target, and of one that is called nearly the same there has',
    store: 'what is remembered cannot be read, so an ask would be permitted on trust',
    'store-damaged': 'an ask would be permitted, and some lines of what is remembered cannot be read',
    limits: 'a time that is too long to be kept',
  },
  examples: [
    {
      title: 'One login of two',
      remembered: { 'login:naver': [{ type: 'ask', limit: 2, perMs: 900_000, cooldownMs: 1_800_000 }] },
      options: { target: 'login:naver' },
      expect: { status: 'pass', code: 'rate-limit/free' },
    },
    {
      title: 'Two logins of two',
      remembered: {
        'login:naver': [
          { type: 'ask', limit: 2, perMs: 900_000, cooldownMs: 1_800_000 },
          { type: 'ask', limit: 2, perMs: 900_000, cooldownMs: 1_800_000 },
        ],
      },
      options: { target: 'login:naver' },
      expect: { status: 'fail', code: 'rate-limit/cooling' },
    },
  ],
  run({ target, limit, per, cooldown }, { store }): Verdict {
    const perMs = duration(per)
    const cooldownMs = duration(cooldown)
    if (perMs === undefined) return tooLong('rate-limit', 'per', per)
    if (cooldownMs === undefined) return tooLong('rate-limit', 'cooldown', cooldown)
    try {
      const reading = store.read(target)
      const other = reading.records.length === 0 && reading.bad === 0 && misspelt('rate-limit', target, store.targets())
      if (other) return other
      markPresent(store, target, reading.records)
      const judged = rateLimitGuard.judge(
        remember(rateLimitGuard, reading),
        { limit, perMs, cooldownMs },
        store.stamp(),
      )
      if (judged.answer === 'wait')
        return {
          status: 'fail',
          code: 'rate-limit/cooling',
          summary: `${target} is ${judged.reason}; the next permit in ${span(judged.waitMs)}`,
          observed: judged.reason,
          expected: `fewer than ${limit} permits in ${span(perMs)}, or ${span(cooldownMs)} since the last one`,
          next: `wait ${span(judged.waitMs)}, or ${store.forgetCommand(target)}`,
          watched: [target],
          facts: { ...judged.facts, waitMs: Math.round(judged.waitMs) },
        }
      if (reading.bad > 0) return damaged('rate-limit', target, reading)
      return {
        status: 'pass',
        code: 'rate-limit/free',
        summary: `${target}: ${reading.records.length === 0 ? 'nothing was ever recorded of it' : judged.reason}`,
        watched: [target],
        facts: judged.facts,
      }
    } catch (error) {
      if (error instanceof StoreError) return unreadable('rate-limit', 'warn', target, error)
      throw error
    }
  },
})
