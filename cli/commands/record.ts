/** `bootcheck record TARGET ok|fail|beat`: tells the guards how it went. */
import { openStore, StoreError } from '../../supervise/open-store.ts'
import { recordOutcome, targetProblem } from '../../supervise/permits.ts'
import { UsageError } from '../io.ts'
import { problemText } from '../problem.ts'
import { type Action, meant } from '../words.ts'

const OUTCOMES = ['ok', 'fail', 'beat'] as const

export const action: Action = async ([target = '', event = ''], values, io) => {
  const outcome = OUTCOMES.find(each => each === event)
  const problem = targetProblem(target)
  if (problem !== undefined) throw new UsageError(problem)
  if (!outcome) throw new UsageError(`"${event}" is not one of ${OUTCOMES.join(', ')}${meant(event, OUTCOMES)}`)
  const retryAfterMs = values.numbers.get('retry-after')
  if (retryAfterMs !== undefined && outcome !== 'fail')
    throw new UsageError(`--retry-after belongs to a failure: bootcheck record ${target} fail --retry-after 90s`)
  const { store } = openStore(values.texts.get('state-dir'))
  try {
    recordOutcome(store, target, outcome, retryAfterMs)
    return 0
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    io.err(problemText(`${outcome} of ${target} was not recorded: ${error.message}`, error.next))
    return 3
  }
}
