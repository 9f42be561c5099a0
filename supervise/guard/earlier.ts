/** Step 2: what became of an earlier start? */
import { plural } from '../../core/text.ts'
import { type Rules, recordFailure } from './admission.ts'
import type { Ground } from './ground.ts'
import { EXIT } from './host.ts'
import { closingOf, openStarts, runningOf } from './starts.ts'
import { timeOfDay } from './words.ts'

/** Closes every start whose process is gone, and answers the pid of one that lives. */
export const reconcile = ({ ledger, store, say }: Ground, rules: Rules): number | undefined => {
  const now = store.stamp()
  const reading = ledger.read()
  if (reading && reading.bad > 0)
    say(
      `${plural(reading.bad, 'line')} of what is remembered cannot be read, and counts for nothing: ${reading.firstBad ?? ''}`,
    )
  for (const open of openStarts(reading?.records ?? [])) {
    const pid = runningOf(open, now)
    if (pid !== undefined) return pid
    const closing = closingOf(open, now)
    ledger.append(closing)
    if (closing.type === 'unclean') recordFailure(ledger, rules)
    const when = `the start of ${timeOfDay(open.record.wallMs, now.wallMs)}`
    const how = {
      unclean: 'ended without a word: counted as a crash',
      rebooted: "ended with its host's boot: no crash",
      end: 'was asked to end, and did so unseen: no crash',
    }[closing.type]
    say(`${when} ${how}`)
  }
  return undefined
}

export const alreadyRunning = ({ name, options, say }: Ground, pid: number): number => {
  const other = options.target === undefined ? '; another gateway needs a --target of its own' : ''
  say(`${name} is already running, pid ${pid}${other}`)
  return EXIT.notNow
}
