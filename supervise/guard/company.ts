/** Steps 6 to 9: with the gateway for as long as it lives, and to its end. */
import { excerpt, span } from '../../core/text.ts'
import { type End, type Running, shownEnd } from '../running.ts'
import { type Rules, recordFailure, recordSuccess } from './admission.ts'
import { askChecks, declares } from './gate.ts'
import type { Ground } from './ground.ts'
import { EXIT, type GuardEnd } from './host.ts'
import { accompany } from './life.ts'
import { parked } from './parked.ts'
import { recurringOf } from './recurring.ts'
import { sayReady } from './systemd.ts'

const READY_TIMEOUT_MS = 60_000
const HEALTHY_AFTER_MS = 5 * 60_000

/** Resolves when it has ended. */
const stayWith = async (
  ground: Ground,
  running: Running,
  rules: Rules,
): Promise<{ readonly end: End; readonly verified: boolean }> => {
  const { options, ledger, messenger, own, say, tell, name, world } = ground
  const { readyTimeoutMs = READY_TIMEOUT_MS, healthyAfterMs = HEALTHY_AFTER_MS, checks, supervisor } = options
  const asksAfter = declares(ground, 'after')
  if (!asksAfter && checks !== false)
    say(`${name} has no after checks: it counts as ready at once, and time alone decides whether it is good`)
  const over = new AbortController()
  let verified = false
  accompany({
    target: name,
    readyTimeoutMs,
    healthyAfterMs,
    ask: asksAfter ? only => askChecks(ground, 'after', over.signal, only) : undefined,
    recurring: recurringOf(checks === false ? [] : (ground.read?.plan?.checks ?? [])),
    async onReady() {
      ledger.append({ type: 'ready' })
      if (supervisor !== 'systemd') return
      const problem = await sayReady(world.cwd, world.env)
      if (problem !== undefined) say(`systemd could not be told that ${name} is ready: ${problem}`)
    },
    onLate(what) {
      const late = `not ready after ${span(readyTimeoutMs)}: ${what}; it runs on, unverified`
      say(`${name} is ${late}`)
      tell('late', late, ['ready', 'verified'])
    },
    onVerified() {
      const wasTroubled = messenger.troubled()
      ledger.append({ type: 'verified' })
      recordSuccess(ledger, rules)
      verified = true
      if (wasTroubled) tell('verified', `runs well again: it has lived ${span(healthyAfterMs)}`, ['verified'])
    },
    onChange({ id, outcome, text }) {
      ledger.append({ type: 'checked', check: id, effect: outcome.effect, what: excerpt(outcome.what, 300) })
      tell(`checked:${id}:${outcome.what}`, text, ['checked', 'start'])
    },
    onBeat: () =>
      void own('beating', () => {
        ledger.append({ type: 'beat' })
        messenger.flush()
      }),
    say,
    signal: over.signal,
  }).catch((error: unknown) => {
    say(
      `the guard itself broke while watching ${name}, which runs on unwatched: ${error instanceof Error ? error.stack : error}`,
    )
  })
  const end = await running.ended
  over.abort()
  return { end, verified }
}

/** Nobody asked for it, and it is not one of the ways to say "not now" or "mend first". */
const isCrash = ({ code }: End, requested: boolean, verified: boolean): boolean =>
  !requested && (verified ? code !== 0 : code !== EXIT.notNow && code !== EXIT.mendFirst)

interface Ended {
  readonly requested: boolean
  readonly crash: boolean
  readonly verified: boolean
  /** Its end is on record. */
  readonly kept: boolean
  readonly code: number | null
}

const afterwards = ({ requested, crash, kept, verified, code }: Ended): string => {
  if (requested) return ', as it was asked to'
  if (!crash) return ''
  const why = code === 0 && !verified ? '; nobody had asked for it, and a gateway has to stay in the foreground' : ''
  return kept ? `: counted as a crash${why}` : `: a crash, which could not be recorded${why}`
}

/** Resolves with what to end with: as the gateway did. */
export const keepCompany = async (ground: Ground, running: Running, rules: Rules): Promise<GuardEnd> => {
  const { desk, own, ledger, say, tell, name, killAfterMs } = ground
  const { end, verified } = await stayWith(ground, running, rules)
  const requested = desk.requested(end)
  const crash = isCrash(end, requested, verified)
  const { code, signal } = end
  const ended = { type: 'end', code, signal, requested, crash }
  const kept = await own('recording the end', () => ledger.append(ended))
  if (crash) await own('recording the failure', () => recordFailure(ledger, rules))
  say(`${name} ended (${shownEnd(end)})${afterwards({ requested, crash, kept: kept !== undefined, verified, code })}`)
  // What it left behind holds its port, and would run on beside the next one.
  await running.stop(killAfterMs)
  if (code !== EXIT.mendFirst || requested || verified) return signal ?? code ?? EXIT.broke
  tell(`ended:${code}`, `ended with ${code}, which says that something has to be mended first`, ['verified'])
  return parked(ground, code)
}
