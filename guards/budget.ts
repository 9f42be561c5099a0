/** How often one piece of work may be tried at all. */
import { defineCheck, type Verdict } from '../core/check.ts'
import { type Guard, remember } from '../core/guard.ts'
import { emptyLedger, type Ledger, spentBy, stepLedger } from '../core/permit.ts'
import { damaged, misspelt, TARGET, unreadable } from '../core/remembered.ts'
import { quote } from '../core/shell.ts'
import { StoreError } from '../core/store.ts'

interface BudgetTerms {
  readonly attempts: number
}

export const budgetGuard: Guard<Ledger, BudgetTerms> = {
  name: 'budget',
  empty: emptyLedger,
  step: stepLedger,
  judge: (ledger, { attempts }) => {
    const taken = ledger.permits?.nth ?? 0
    const facts = { taken, attempts }
    const reason = `${taken} of ${attempts} attempts taken`
    const spent = spentBy(ledger, attempts)
    return spent
      ? { answer: 'refuse', since: spent.stamp, reason: `the retry budget is spent, ${reason}`, facts }
      : { answer: 'go', reason, facts }
  },
}

const SETTINGS = {
  attempts: { type: 'integer', minimum: 1, maximum: 1000, default: 3, description: 'Permits in all, until reset' },
} as const

export const budget = defineCheck({
  kind: 'budget',
  title: 'A piece of work has attempts left',
  docs: `Each permit of \`bootcheck allow ITEM --attempts 3\` (or of \`bootcheck exec --key ITEM --attempts 3\`) counts, whatever became of it.
When all are taken, every ask is refused with 69 until \`bootcheck state reset ITEM\`; that outranks a 75. This check takes no permit: it
fails when an ask would be refused.

**Why it matters.** One job was retried 319 times. What failed three times in the same way needs a look, not a fourth try.

**When its memory fails.** A budget that cannot be read is not a full one: this check fails, and \`allow\` answers 75.

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
    'store-damaged': 'attempts are left, and some lines of what is remembered cannot be read',
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
      const reading = store.read(target)
      const other = reading.records.length === 0 && reading.bad === 0 && misspelt('budget', target, store.targets())
      if (other) return other
      const judged = budgetGuard.judge(remember(budgetGuard, reading), { attempts }, store.stamp())
      if (judged.answer === 'refuse')
        return {
          status: 'fail',
          code: 'budget/spent',
          summary: `${target}: ${judged.reason}`,
          observed: judged.reason,
          expected: 'at least one attempt left',
          next: `look why it fails, then bootcheck state reset ${quote(target)}`,
          watched: [target],
          facts: judged.facts,
        }
      if (reading.bad > 0) return damaged('budget', target, reading)
      return {
        status: 'pass',
        code: 'budget/left',
        summary: `${target}: ${judged.reason}`,
        watched: [target],
        facts: judged.facts,
      }
    } catch (error) {
      if (error instanceof StoreError) return unreadable('budget', 'fail', target, error)
      throw error
    }
  },
})
