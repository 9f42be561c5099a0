/** Step 2: what became of an earlier start? */
import { type Rules, recordFailure } from './admission.ts'
import type { Ground } from './ground.ts'
import { EXIT } from './host.ts'
import { closingOf, openStarts, runningOf } from './starts.ts'
import { timeOfDay } from './words.ts'

/** Closes every start whose process is gone, and answers the pid of one that lives. */
export const reconcile = ({ ledger, store, say }: Ground, rules: Rules): number | undefined => {
  const now = store.stamp()
  for (const open of openStarts(ledger.read()?.records ?? [])) {
    const pid = runningOf(open, now)
    if (pid !== undefined) return pid
    const closing = closingOf(open, now)
    ledger.append(closing)
    if (closing.type === 'unclean') recordFailure(ledger, rules)
    const when = `the start of ${timeOfDay(open.record.wallMs, now.wallMs)}`
    say(
      closing.type === 'unclean'
        ? `${when} ended without a word: counted as a crash`
        : `${when} ended with its host's boot: no crash`,
    )
  }
  return undefined
}

export const alreadyRunning = ({ name, say }: Ground, pid: number): number => {
  say(`${name} is already running, pid ${pid}`)
  return EXIT.notNow
}
