/** Step 3: may it start now? A refusal ends here; a cool-down is waited for. */
import { elapsed, pause } from '../../core/clock.ts'
import { span } from '../../core/text.ts'
import { type Admission, admit, admitBlind, covered, type Rules, written } from './admission.ts'
import { drawCountdown } from './countdown.ts'
import type { Closed } from './gate.ts'
import type { Ground } from './ground.ts'
import { EXIT, type GuardEnd } from './host.ts'
import { LOOK_MS, resetSeen } from './reset-seen.ts'
import { rememberedPaths } from './watched.ts'
import { timeOfDay } from './words.ts'

/** Until the time is over, it is stopped, or somebody has `cleared` it. */
const waitHere = async ({ name, host, desk }: Ground, ms: number, cleared: () => boolean): Promise<void> => {
  const until = elapsed() + ms
  const erase = drawCountdown(`bootcheck: ${name} starts in`, () => until - elapsed(), host.err)
  for (let left = ms; left > 0 && !desk.stop.aborted && !cleared(); left = until - elapsed())
    await pause(Math.min(left, LOOK_MS), desk.stop)
  erase()
}

/** Without a memory each start comes late, by the first step of the ladder: "cannot be read" is not "never crashed". */
export const waitBlind = async (ground: Ground, rules: Rules): Promise<GuardEnd | undefined> => {
  const { waitMs, reason } = admitBlind(rules, ground.trouble())
  ground.say(`${ground.name} is started in ${span(waitMs)}: ${reason}`)
  if (ground.options.wait === false) return EXIT.notNow
  await waitHere(ground, waitMs, () => false)
  return ground.desk.stoppedBy()
}

const refuse = (ground: Ground, admission: Admission, { path, fingerprint, rules, said }: Request): Closed => {
  const { ledger, say, tell, name, resetCommand } = ground
  const { rule, reason, unspoken } = admission
  if (unspoken) ledger.append({ type: 'refused', rule, fingerprint, ...written(rules) })
  const places = [path, ...rememberedPaths(ground.stateDir, ground.target)]
  if (reason === said) return { code: EXIT.refused, what: reason, places }
  say(`${name} is refused: ${reason}`)
  const trial = rule === 'crash-loop' ? '; a changed command, manifest or watched file earns one trial' : ''
  say(`next: mend it, then ${resetCommand}${trial}`)
  tell(`refused:${rule}`, `refused: ${reason}. Next: ${resetCommand}`, ['start', 'verified'])
  return { code: EXIT.refused, what: reason, places }
}

const cool = async (
  ground: Ground,
  { waitMs, reason, rule, facts }: Admission & { readonly answer: 'wait' },
  rules: Rules,
  cleared: () => boolean,
): Promise<GuardEnd | undefined> => {
  const { store, ledger, say, tell, name, resetCommand } = ground
  const now = store.stamp()
  const until = timeOfDay(now.wallMs + waitMs, now.wallMs)
  // Also where somebody else waits for us: what is not written down would age the crashes.
  const reading = ledger.read()
  if (!reading || !covered(reading, waitMs, now))
    ledger.append({ type: 'wait', ms: Math.ceil(waitMs), rule, ...written(rules) })
  if (ground.options.wait === false) {
    say(`${name} is cooling off until ${until}: ${reason}`)
    say(`next: try again then, or ${resetCommand}`)
    return EXIT.notNow
  }
  say(`${name} waits until ${until} (${span(waitMs)}): ${reason}; ${resetCommand} ends the wait`)
  tell(`wait:${rule}:${facts.rung ?? ''}`, `cooling off until ${until}: ${reason}`, ['verified'])
  await waitHere(ground, waitMs, cleared)
  return ground.desk.stoppedBy()
}

export interface Request {
  /** The command. */
  readonly path: string
  readonly rules: Rules
  readonly fingerprint: string
  /** What kept it closed before, and was said. */
  readonly said: string
}

/** Undefined when it may start. */
export const permission = async (ground: Ground, request: Request): Promise<GuardEnd | Closed | undefined> => {
  const { rules, fingerprint } = request
  const { ledger, store, own, say, name } = ground
  for (;;) {
    let reading: ReturnType<typeof ledger.read>
    const admission = await own('asking the guards', () => {
      reading = ledger.read()
      return reading && admit(rules, fingerprint, reading, store.stamp())
    })
    if (!admission) return waitBlind(ground, rules)
    if (admission.answer === 'refuse') return refuse(ground, admission, request)
    if (admission.answer === 'go') {
      if (!admission.trial) return undefined
      say(`${name} gets one trial: ${admission.reason}`)
      await own('recording the trial', () => ledger.append({ type: 'trial', fingerprint }))
      return undefined
    }
    const end = await cool(ground, admission, rules, resetSeen(ledger, reading))
    if (end !== undefined) return end
  }
}
