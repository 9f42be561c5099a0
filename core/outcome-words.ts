/** What became of another check, in words. */
import type { Outcome, Phase } from './check.ts'
import { span } from './text.ts'

/** `fail port/held: 127.0.0.1:18789 is held by node`; of a check that was not run here, that. */
export const outcomeWords = (outcome: Outcome | undefined): string => {
  if (!outcome) return 'not run here'
  switch (outcome.status) {
    case 'skip':
      return `skipped: ${outcome.reason}`
    case 'timeout':
      return `no answer within ${span(outcome.afterMs)}`
    case 'crash':
      return `crashed: ${outcome.error.name}: ${outcome.error.message}`
    case 'blocked':
      return `blocked by ${outcome.by}`
    default:
      return `${outcome.status} ${outcome.code}: ${outcome.summary}`
  }
}

/** What to do about it: its own advice, or a command that runs it alone. */
export const outcomeNext = (id: string, outcome: Outcome | undefined, phase: Phase): string => {
  if (outcome && 'next' in outcome) return outcome.next
  return `bootcheck run${phase === 'after' ? ' --phase after' : ''} --only ${id}`
}
