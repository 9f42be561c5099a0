/** How often one piece of work may be tried at all. */
import { defineCheck, type Verdict } from '../core/check.ts'
import { type Guard, remember } from '../core/guard.ts'
import { emptyLedger, type Ledger, readSettled, spentSince, stepLedger } from '../core/permit.ts'
import { damaged, misspelt, TARGET, unreadable } from '../core/remembered.ts'
import { StoreError } from '../core/store.ts'
import { plural } from '../core/text.ts'

interface BudgetTerms {
  readonly attempts: number
  /** Lines that cannot be read: each may be a try. */
  readonly unread?: number
}

/** Nobody knows: the next ask is worth making after so long. */
const UNKNOWN_MS = 30_000

export const budgetGuard: Guard<Ledger, BudgetTerms> = {
  name: 'budget',
  empty: emptyLedger,
  step: stepLedger,
  judge: (ledger, { attempts, unread = 0 }) => {
    const taken = ledger.tries?.nth ?? 0
    const facts = { taken, attempts, ...(unread > 0 ? { unread } : {}) }
    const reason = `${taken} of ${attempts} attempts taken`
    const since = spentSince(ledger, attempts)
    if (since) {
      const spent = ledger.gaveUp ? 'its queue gave it up after its last try' : reason
      return { answer: 'refuse', since, reason: `the retry budget is spent, ${spent}`, facts }
    }
    if (unread > 0 && taken + unread >= attempts) {
      const lost = `${plural(unread, 'line')} that cannot be read may be the rest`
      return { answer: 'wait', waitMs: UNKNOWN_MS, reason: `${reason}, and ${lost}`, facts }
    }
    return { answer: 'go', reason, facts }
  },
}

const SETTINGS = {
  attempts: { type: 'integer', minimum: 1, maximum: 1000, default: 3, description: 'Tries in all, until reset' },
} as const

export const budget = defineCheck({
  kind: 'budget',
  title: 'A piece of work has attempts left',
  docs: `Each permit of \`bootcheck allow ITEM --attempts 3\` (or of \`bootcheck exec --key ITEM --attempts 3\`) counts, whatever became of it;
one that was asked for without \`--attempts\` does not. A claim that a check of kind \`queue\` gave back counts as the try that it was, and an item
whose queue gave it up has none left. When all are taken, every ask is refused with 69 until \`bootcheck state reset ITEM\`; that outranks a 75. This check takes no permit: it
fails when an ask would be refused.

**Why it matters.** One job was retried 319 times. What failed three times in the same way needs a look, not a fourth try.

**When its memory fails.** A budget that cannot be read is not a full one: this check fails, and \`allow\` answers 75. So it is where single
lines cannot be read that may be all the attempts that seem to be left.

**What it cannot see.** Attempts that nobody asked for. Put it around one retry loop only: nested budgets multiply.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['target'],
    properties: {
      target: { ...TARGET, description: 'The piece of work' },
      ...SETTINGS,
    },
  },
  settings: { type: 'object', additionalProperties: false, properties: SETTINGS },
  codes: {
    left: 'an ask would be permitted',
    spent: 'all attempts are taken: refused until reset',
    misspelt: 'nothing has been kept of this target, and of one that is called nearly the same there has',
    store: 'what is remembered cannot be read, so nobody knows how many are left',
    'store-damaged':
      'some lines of what is remembered cannot be read: a warning where attempts are left all the same, a failure where they may be the last ones',
  },
  examples: [
    {
      title: 'A job that was tried once',
      remembered: { 'job-319': [{ type: 'ask', attempts: 3 }, { type: 'fail' }] },
      options: { target: 'job-319', attempts: 3 },
      expect: { status: 'pass', code: 'budget/left' },
    },
    {
      title: 'A job that was tried as often as it may be',
      remembered: {
        'job-319': [
          { type: 'ask', attempts: 2 },
          { type: 'ask', attempts: 2 },
        ],
      },
      options: { target: 'job-319', attempts: 2 },
      expect: { status: 'fail', code: 'budget/spent' },
    },
  ],
  run({ target, attempts }, { store }): Verdict {
    try {
      const reading = readSettled(store, target)
      const other = reading.records.length === 0 && reading.bad === 0 && misspelt('budget', target, store.targets())
      if (other) return other
      const terms = { attempts, unread: reading.bad }
      const judged = budgetGuard.judge(remember(budgetGuard, reading), terms, store.stamp())
      if (judged.answer !== 'go')
        return {
          status: 'fail',
          code: judged.answer === 'refuse' ? 'budget/spent' : 'budget/store-damaged',
          summary: `${target}: ${judged.reason}`,
          observed: judged.answer === 'refuse' ? judged.reason : (reading.firstBad ?? judged.reason),
          expected: 'at least one attempt left',
          next: `look why it fails, then ${store.forgetCommand(target)}`,
          watched: [target],
          facts: judged.facts,
        }
      if (reading.bad > 0) return damaged('budget', target, reading)
      return {
        status: 'pass',
        code: 'budget/left',
        summary: `${target}: ${reading.records.length === 0 ? 'nothing was ever recorded of it' : judged.reason}`,
        watched: [target],
        facts: judged.facts,
      }
    } catch (error) {
      if (error instanceof StoreError) return unreadable('budget', 'fail', target, error)
      throw error
    }
  },
})
