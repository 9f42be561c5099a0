/** What became of another check, in words. */
import type { CheckContext, Outcome } from './check.ts'
import { quote } from './shell.ts'
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

/** What to do about it: its own advice, or a command that runs it alone. What is switched off stays off, whoever runs it. */
export const outcomeNext = (
  id: string,
  outcome: Outcome | undefined,
  { manifest, phase }: Pick<CheckContext, 'manifest' | 'phase'>,
): string => {
  if (outcome && 'next' in outcome) return outcome.next
  if (outcome?.status === 'skip') return `end the skip of ${id}, or name a check that runs here in its place`
  if (manifest === null) return `write ${id} into a manifest and this check below it, then: bootcheck run`
  return `bootcheck run ${quote(manifest)}${phase === 'after' ? ' --phase after' : ''} --only ${id}`
}
