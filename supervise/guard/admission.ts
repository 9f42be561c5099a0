/** May it start now? The guards' answers, folded into one. */
import { type Judgement, remember, strictest } from '../../core/guard.ts'
import { allows, askEvent, momentOf, type Terms } from '../../core/permit.ts'
import type { GuardSettings } from '../../core/plan.ts'
import { elapsedMs, type Reading, type Stamp, type StoreEvent, type StoreRecord } from '../../core/store.ts'
import { duration } from '../../core/units.ts'
import { BREAKER_DEFAULTS, breakerGuard } from '../../guards/breaker.ts'
import { type CrashLoopOptions, crashLoopGuard, crashLoopOptions, judgeUnreadable } from '../../guards/crash-loop.ts'
import { type RestartOptions, restartGuard, restartOptions } from '../../guards/restart.ts'
import { answersOf } from '../answers.ts'
import type { Ledger } from './ledger.ts'

export interface Rules {
  readonly crashLoop: CrashLoopOptions
  /** Only where it is declared. */
  readonly restart?: RestartOptions
  /** The permit that each start takes, where one is declared. */
  readonly permit?: Terms
}

/** The terms under `guard:`, of which each time has been judged where it was read. */
const permitIn = (settings: GuardSettings): Terms | undefined => {
  const { 'rate-limit': rate, budget, breaker } = settings
  if (!rate && !budget && !breaker) return undefined
  const ms = (text: unknown): number => duration(String(text)) ?? Number.NaN
  return {
    ...(rate && {
      rate: { limit: Number(rate.limit), perMs: ms(rate.per), cooldownMs: ms(rate.cooldown) },
    }),
    ...(budget && { attempts: Number(budget.attempts) }),
    ...(breaker && {
      block: {
        ...BREAKER_DEFAULTS,
        failures: Number(breaker.failures),
        windowMs: ms(breaker.window),
        blockMs: ms(breaker.block),
      },
    }),
  }
}

/** The rules as the front matter has them, or what is wrong with them in one line. */
export const rulesOf = (settings: GuardSettings = {}): Rules | { readonly problem: string } => {
  const crashLoop = crashLoopOptions(settings['crash-loop'] ?? {})
  if ('problem' in crashLoop) return { problem: `guard.crash-loop: ${crashLoop.problem}` }
  const permit = permitIn(settings)
  const rules = { crashLoop, ...(permit ? { permit } : {}) }
  if (!settings.restart) return rules
  const restart = restartOptions(settings.restart)
  return 'problem' in restart ? { problem: `guard.restart: ${restart.problem}` } : { ...rules, restart }
}

/** The rules as a record carries them, for `state` to draw the ladder that was in force. */
export const written = (rules: Rules): { readonly rules: string } => ({ rules: JSON.stringify(rules) })

const ruleOf = ({ facts }: Judgement): string => String(facts.rule ?? 'crash-loop')

export type Admission = Judgement & {
  readonly rule: string
  /** Refused before, and something has changed since: this start is the one trial. */
  readonly trial: boolean
  /** It is refused, and nobody has said so yet with what would be started now. */
  readonly unspoken: boolean
}

/** Since when a refusal may have been spoken: what came before is over. */
const FRESH_FROM = ['verified', 'reset', 'end', 'unclean']

const spokenOf = (records: readonly StoreRecord[]): readonly StoreRecord[] =>
  records
    .slice(records.findLastIndex(({ event }) => FRESH_FROM.includes(event.type)) + 1)
    .filter(({ event }) => event.type === 'refused')

export const admit = (rules: Rules, fingerprint: string, reading: Reading, now: Stamp): Admission => {
  const crashLoop = crashLoopGuard.judge(remember(crashLoopGuard, reading), { ...rules.crashLoop, fingerprint }, now)
  const spoken = spokenOf(reading.records)
  const trial = crashLoop.facts.trial === true
  // A refusal is said at least once before anything earns a trial: a file that changes at every start by itself earns none.
  const first = trial && spoken.length === 0
  const answer: Judgement = first
    ? {
        answer: 'refuse',
        since: now,
        reason: crashLoop.reason.replace(/; something was changed.*$/, ''),
        facts: crashLoop.facts,
      }
    : crashLoop
  const restart = rules.restart && restartGuard.judge(remember(restartGuard, reading), rules.restart, now)
  const permits = answersOf(remember(breakerGuard, reading), rules.permit ?? {}, now).map(({ guard, judged }) => ({
    ...judged,
    facts: { ...judged.facts, rule: guard },
  }))
  const strict = strictest([answer, ...(restart ? [restart] : []), ...permits])
  return {
    ...strict,
    rule: ruleOf(strict),
    trial: trial && !first,
    unspoken: strict.answer === 'refuse' && !spoken.some(({ event }) => event.fingerprint === fingerprint),
  }
}

/** What is appended to take the permit, before a start; undefined where none is declared. */
export const permitEvent = ({ permit }: Rules): StoreEvent | undefined => permit && askEvent(permit)

/** Whether the ask with this id was permitted, by those that stand before it. */
export const isPermitted = ({ permit = {} }: Rules, reading: Reading, id: string): boolean => {
  const place = reading.records.findIndex(record => record.id === id)
  const ask = reading.records[place]
  if (!ask) return false
  const before = remember(breakerGuard, { ...reading, records: reading.records.slice(0, place) })
  return allows(before, permit, momentOf(before, ask))
}

/** A declared breaker is told how each start went. */
export const recordFailure = (ledger: Pick<Ledger, 'append'>, { permit }: Rules): void => {
  if (permit?.block) ledger.append({ type: 'fail', retryAfterMs: null })
}

export const recordSuccess = (ledger: Pick<Ledger, 'append'>, { permit }: Rules): void => {
  if (permit?.block) ledger.append({ type: 'ok' })
}

/** Where the memory cannot be used: the first step of the ladder. */
export const admitBlind = (rules: Rules, why: string): Judgement & { readonly waitMs: number } => {
  const judged = judgeUnreadable(rules.crashLoop, why)
  return { ...judged, answer: 'wait', waitMs: judged.answer === 'wait' ? judged.waitMs : 0 }
}

/** Whether a wait that was begun before covers this one: a wait that was killed is resumed, not written down again. */
export const covered = ({ records }: Reading, waitMs: number, now: Stamp): boolean => {
  const at = records.findLastIndex(({ event }) => event.type === 'wait')
  const wait = records[at]
  if (!wait || records.slice(at).some(({ event }) => ['start', 'reset'].includes(event.type))) return false
  const leftMs = Number(wait.event.ms) - elapsedMs(wait, now)
  return Math.abs(leftMs - waitMs) < 1000 || leftMs > waitMs
}
