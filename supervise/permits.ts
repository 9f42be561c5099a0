/**
 * Permits: whoever wants one appends an ask, reads back, and looks whether it came early enough. All that is asked decides
 * together, so what one guard refuses takes nothing from the others.
 */
import type { CheckContext, Facts } from '../core/check.ts'
import { NeedsChild } from '../core/contain.ts'
import { absolute } from '../core/context.ts'
import { FileError } from '../core/files.ts'
import { type Judgement, remember, sinceReset, strictest } from '../core/guard.ts'
import {
  askEvent,
  type BlockTerms,
  emptyLedger,
  type Ledger,
  markPresent,
  type RateTerms,
  readSettled,
  type Terms,
  termsOf,
  wellAgoMs,
} from '../core/permit.ts'
import { clock } from '../core/process.ts'
import { TARGET } from '../core/remembered.ts'
import { quote } from '../core/shell.ts'
import { type Reading, type Stamp, type Store, StoreError, type StoreRecord } from '../core/store.ts'
import { excerpt, listing, plural, span, visible } from '../core/text.ts'
import { world as realWorld, type World } from '../core/world.ts'
import { isOf, type Legacy, type PairState, pairState, readLegacy } from '../guards/breaker/legacy.ts'
import { BREAKER_DEFAULTS, breakerGuard, type Member, sparedOf } from '../guards/breaker.ts'
import { budgetGuard } from '../guards/budget.ts'
import { RATE_LIMIT_DEFAULTS, rateLimitGuard } from '../guards/rate-limit.ts'
import { answersOf, type Said } from './answers.ts'
import { storeError } from './open-store.ts'

/** The breaker is always asked. */
export interface AskOptions {
  /**
   * Given, it matters: without it, and with a rate limit, a store that cannot be read does not stop anybody. What is left out
   * has its default.
   */
  readonly breaker?: Partial<Pick<BlockTerms, 'failures' | 'windowMs' | 'blockMs'>> & {
    /** Targets that stand in for one another, this one among them. */
    readonly set?: readonly string[]
    /** Files of the older convention. */
    readonly legacy?: Legacy
  }
  /** What is left out has its default. */
  readonly rate?: Partial<RateTerms>
  /** The retry budget. */
  readonly attempts?: number
  /** The key that is committed if it is permitted; kept with the ask. */
  readonly once?: string
}

/** The answer to an ask. It has the fields of `--format json`; times in ms since the epoch. */
export interface Permit {
  readonly target: string
  readonly allowed: boolean
  readonly answer: Judgement['answer']
  /** 0, 75 or 69. */
  readonly exitCode: 0 | 75 | 69
  /** The guard that decided. */
  readonly guard: string
  /** One line, without a full stop. */
  readonly reason: string
  readonly retryAt: number | null
  readonly retryAfterMs: number | null
  /** Of a refusal that stays: since when. */
  readonly since: number | null
  /** A command to type; null where there is nothing to do. */
  readonly next: string | null
  /** By guard. */
  readonly facts: Readonly<Record<string, Facts>>
  /** What has to be said loudly: something that could not be read or kept. */
  readonly warnings: readonly string[]
}

/** Where nobody knows, the next ask is worth making after so long: the crash ladder's first step. */
const UNKNOWN_MS = 30_000

const EXIT = { go: 0, wait: 75, refuse: 69 } as const

interface Asker {
  readonly store: Store
  readonly target: string
}

/** Of several answers the strictest, with the name of who gave it. */
const decide = (answers: readonly Said[]): Said => {
  const [first, ...rest] = answers.map(({ judged }) => judged)
  const judged = first && strictest([first, ...rest])
  const said = answers.find(answer => answer.judged === judged)
  if (!said) throw new Error('an ask that asks nobody')
  return said
}

const ledgerOf = (reading: Reading): Ledger => remember(breakerGuard, reading)

/** Files of the older convention, as an answer of the breaker's. */
interface Files {
  readonly state: PairState
  /** What they say against it, if they do. */
  readonly said: Said | undefined
  /** They cannot be understood: nothing makes up for that. */
  readonly odd: boolean
}

const filesOf = (
  legacy: Legacy | undefined,
  target: string,
  terms: BlockTerms,
  now: number,
  okAgoMs?: number,
): Files | undefined => {
  if (!legacy) return undefined
  const pairs = legacy.pairs
    .filter(pair => isOf(target, pair))
    .map(pair => ({ pair, state: pairState(pair, terms, now, okAgoMs) }))
    .toSorted((a, b) => b.state.waitMs - a.state.waitMs)
  const [worst] = pairs
  const [problem] = [...legacy.problems, ...pairs.flatMap(({ pair }) => pair.problems)]
  const state: PairState = {
    tripped: pairs.some(each => each.state.tripped),
    waitMs: Math.max(problem ? UNKNOWN_MS : 0, worst?.state.waitMs ?? 0),
    agoMs: Math.min(Number.POSITIVE_INFINITY, ...pairs.map(each => each.state.agoMs)),
  }
  const stem = worst ? `${worst.pair.folder}/${worst.pair.name}` : ''
  const against = (reason: string, next: string): Said => ({
    guard: breakerGuard.name,
    next,
    judged: {
      answer: 'wait',
      waitMs: state.waitMs,
      reason,
      facts: { files: pairs.map(({ pair }) => `${pair.folder}/${pair.name}`) },
    },
  })
  if (problem)
    return { state, odd: true, said: against(problem.message, problem.next ?? `ls -l ${quote(problem.path)}`) }
  if (state.waitMs === 0) return { state, odd: false, said: undefined }
  const reason = worst?.state.tripped
    ? `${plural(worst.pair.counter ?? 0, 'crash', 'crashes')} counted in ${stem}-crash-counter.txt`
    : `blocked by ${stem}-crash-loop-until.txt`
  return { state, odd: false, said: against(reason, `cat ${quote(stem)}-crash-*.txt`) }
}

/** The member of the set that is spared, and what could not be found out about the others. */
const spare = (
  store: Store,
  target: string,
  ledger: Ledger,
  options: AskOptions,
  terms: BlockTerms,
): { readonly spared: boolean; readonly warnings: readonly string[] } => {
  const { set, legacy } = options.breaker ?? {}
  if (!set) return { spared: false, warnings: [] }
  const now = store.stamp()
  const warnings: string[] = []
  const members = set.map((name): Member & { odd: boolean } => {
    const known = (of: Ledger): Member & { odd: boolean } => {
      const files = filesOf(legacy, name, terms, now.wallMs, wellAgoMs(of, now))
      return { target: name, now, ledger: of, legacy: files?.state, odd: files?.odd ?? false }
    }
    if (name === target) return known(ledger)
    try {
      return known(ledgerOf(store.read(name)))
    } catch (error) {
      warnings.push(`${name} of the set is taken for healthy: ${storeError(error).message}`)
      return known(emptyLedger)
    }
  })
  const mine = members.find(member => member.target === target)
  return { spared: mine?.odd !== true && sparedOf(members, terms) === target, warnings }
}

const nextOf = ({ judged, next }: Said, store: Store, target: string): string | null => {
  if (judged.answer === 'go') return null
  if (next !== undefined) return next
  // Lines that cannot be read stay unread until they are forgotten.
  return judged.answer === 'refuse' || judged.facts.unread !== undefined
    ? `look why it fails, then ${store.forgetCommand(target)}`
    : store.showCommand(target)
}

/** What a permit rests on, this one counted. */
const granted = ({ guard, judged }: Said): Said => {
  const { taken } = judged.facts
  if (typeof taken !== 'number') return { guard, judged }
  const facts: Facts = { ...judged.facts, taken: taken + 1 }
  const reason =
    guard === budgetGuard.name
      ? `attempt ${facts.taken} of ${facts.attempts}`
      : `permit ${facts.taken} of ${facts.limit} in ${span(Number(facts.perMs))}`
  return { guard, judged: { ...judged, reason, facts } }
}

const permit = ({ store, target }: Asker, given: readonly Said[], now: Stamp, warnings: readonly string[]): Permit => {
  const said = decide(given)
  const { judged } = said
  const answers = judged.answer === 'go' ? given.map(granted) : given
  const waitMs = judged.answer === 'wait' ? Math.ceil(judged.waitMs) : null
  return {
    target,
    allowed: judged.answer === 'go',
    answer: judged.answer,
    exitCode: EXIT[judged.answer],
    guard: said.guard,
    // What a go rests on is said by all of them.
    reason:
      judged.answer === 'go'
        ? listing([...new Set(answers.map(each => each.judged.reason))], answers.length)
        : judged.reason,
    retryAt: waitMs === null ? null : now.wallMs + waitMs,
    retryAfterMs: waitMs,
    since: judged.answer === 'refuse' ? judged.since.wallMs : null,
    next: nextOf(said, store, target),
    facts: Object.fromEntries(answers.map(each => [each.guard, each.judged.facts])),
    warnings: warnings.map(visible),
  }
}

/**
 * What is answered where the store failed. A rate limit is a courtesy and fails open. What a breaker or a budget has counted must
 * not be taken for nothing: not now. Where it could be read (`before`), and only the permit could not be kept, a breaker
 * that is closed stays open to everybody.
 */
const withoutStore = (
  asker: Asker,
  options: AskOptions,
  error: StoreError,
  known: { readonly now: Stamp; readonly before?: readonly Said[]; readonly files: Files | undefined },
  earlier: readonly string[],
): Permit => {
  const { before } = known
  const what = before ? 'the permit could not be kept' : 'what is remembered cannot be read'
  const unknown = (guard: string): Said => ({
    guard,
    next: error.next,
    judged: { answer: 'wait', waitMs: UNKNOWN_MS, reason: `${what}: ${error.message}`, facts: {} },
  })
  const trust = (guard: string): Said => ({
    guard,
    judged: { answer: 'go', reason: `permitted on trust: ${what}`, facts: {} },
  })
  const was = (guard: string): Said | undefined => before?.find(said => said.guard === guard)
  const breakerBefore = was(breakerGuard.name)
  const breakerMatters = options.breaker !== undefined || options.rate === undefined
  const answers: Said[] = []
  if (options.attempts !== undefined) answers.push(unknown(budgetGuard.name))
  if (breakerBefore)
    answers.push(breakerBefore.judged.facts.trial === true ? unknown(breakerGuard.name) : breakerBefore)
  else if (breakerMatters) answers.push(unknown(breakerGuard.name))
  if (known.files?.said) answers.push(known.files.said)
  if (options.rate !== undefined) answers.push(trust(rateLimitGuard.name))
  const warning = `${what}: ${error.message}; next: ${error.next}`
  return permit(asker, answers, known.now, [...earlier, warning])
}

/** Asks for a permit, and takes it. Never throws because of the store: what could not be known or kept is in `warnings`. */
export const ask = (store: Store, target: string, options: AskOptions = {}): Permit => {
  const { breaker = {}, attempts, once } = options
  const rate = options.rate && { ...RATE_LIMIT_DEFAULTS, ...options.rate }
  const { failures, windowMs, blockMs } = { ...BREAKER_DEFAULTS, ...breaker }
  const plain: BlockTerms = { failures, windowMs, blockMs, spared: false, tripped: false }
  const warnings: string[] = []
  let files = filesOf(breaker.legacy, target, plain, store.stamp().wallMs)
  let before: readonly Said[] | undefined
  try {
    let reading = readSettled(store, target)
    if (markPresent(store, target, reading.records)) reading = readSettled(store, target)
    if (reading.bad > 0)
      warnings.push(
        `${plural(reading.bad, 'line')} of what is remembered of ${target} cannot be read, and was passed over: ${reading.firstBad ?? ''}`,
      )
    const ledger = ledgerOf(reading)
    files = filesOf(breaker.legacy, target, plain, store.stamp().wallMs, wellAgoMs(ledger, store.stamp()))
    const { spared, warnings: doubts } = spare(store, target, ledger, options, plain)
    warnings.push(...doubts)
    if (spared && files && !files.odd) files = { ...files, said: undefined }
    const block = { ...plain, spared, tripped: files?.state.tripped ?? false }
    const terms: Terms = { rate, attempts, block }
    const now = store.stamp()
    const elsewhere = files?.said ? [files.said] : []
    const looked = [...answersOf(ledger, terms, now, reading.bad), ...elsewhere]
    // What is refused anyway is not written down: somebody who asks every second would fill the disk with it.
    if (decide(looked).judged.answer !== 'go') return permit({ store, target }, looked, now, warnings)
    before = looked

    const mine = store.append(target, askEvent(terms, once))
    const { records, bad } = readSettled(store, target)
    const place = records.findIndex(({ id }) => id === mine.id)
    if (place < 0)
      throw new StoreError('LOST', target, `the ask of ${target} is not to be found`, store.showCommand(target))
    const ahead = sinceReset(records.slice(0, place)).reduce(breakerGuard.step, breakerGuard.empty)
    const answers = answersOf(ahead, termsOf(mine.event), mine, bad)
    return permit({ store, target }, [...answers, ...elsewhere], mine, warnings)
  } catch (error) {
    const known = { now: store.stamp(), files, ...(before ? { before } : {}) }
    return withoutStore({ store, target }, options, storeError(error), known, warnings)
  }
}

/** What is wrong with a name that nothing can be kept under, in one line. */
export const targetProblem = (target: string): string | undefined =>
  target.length < TARGET.minLength || target.length > TARGET.maxLength
    ? `a target has ${TARGET.minLength} to ${TARGET.maxLength} characters, and this one has ${target.length}`
    : undefined

/** How it went, for the guards. `retryAfterMs`: what a failure asked for. Throws a `StoreError`. */
export const recordOutcome = (
  store: Store,
  target: string,
  outcome: 'ok' | 'fail' | 'beat',
  retryAfterMs: number | null = null,
): StoreRecord => {
  try {
    return store.append(target, outcome === 'fail' ? { type: outcome, retryAfterMs } : { type: outcome })
  } catch (error) {
    throw storeError(error)
  }
}

const ONCE = 'once'

/** Whether this call is the first with this key, and the record that was. Throws a `StoreError`: then nothing may be done. */
export const commitOnce = (store: Store, key: string): { readonly first: boolean; readonly by: StoreRecord } => {
  const target = `${ONCE}:${key}`
  const winner = (): StoreRecord | undefined =>
    sinceReset(store.read(target).records).find(({ event }) => event.type === ONCE)
  try {
    const known = winner()
    if (known) return { first: false, by: known }
    const mine = store.append(target, { type: ONCE })
    const by = winner()
    if (!by) throw new StoreError('LOST', target, `the key ${key} is not to be found`, store.showCommand(target))
    return { first: by.id === mine.id, by }
  } catch (error) {
    throw storeError(error)
  }
}

/** How a target stands with the guards that anybody asked for it, under the terms of the latest ask. Takes nothing. */
export const standingOf = (
  reading: Reading,
  now: Stamp,
): readonly { readonly guard: string; readonly judged: Judgement }[] => {
  const ledger = ledgerOf(reading)
  const asked = sinceReset(reading.records)
    .filter(({ event }) => event.type === 'ask')
    .map(({ event }) => termsOf(event))
  const rate = asked.findLast(terms => terms.rate)?.rate
  const attempts = asked.findLast(terms => terms.attempts !== undefined)?.attempts
  const block = asked.findLast(terms => terms.block)?.block ?? (ledger.told ? BREAKER_DEFAULTS : undefined)
  const terms = { rate, attempts, block: block && { ...block, spared: false, tripped: false } }
  return answersOf(ledger, terms, now, reading.bad)
}

/** The answer in one line for people, in local time. */
export const permitLine = (
  { target, answer, reason, retryAt, retryAfterMs, since, next }: Permit,
  now: number,
): string => {
  const words = {
    go: 'go',
    wait: 'not now',
    refuse: `refused${since === null ? '' : ` since ${clock(since, now)}`}`,
  }[answer]
  const when =
    retryAt === null || retryAfterMs === null ? '' : `; again at ${clock(retryAt, now)}, in ${span(retryAfterMs)}`
  return visible(`${excerpt(target, 200)}: ${words}, ${reason}${when}${next === null ? '' : `; next: ${next}`}`)
}

/** The answer as `--format json` prints it: times in ISO UTC. */
export const permitJson = ({ target, allowed, answer, reason, retryAt, since, ...permit }: Permit): object => {
  const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())
  return { target, allowed, answer, reason, retryAt: iso(retryAt), since: iso(since), ...permit }
}

/** Reads the folder or glob of `--legacy`, or says in a line why it cannot be used. */
export const openLegacy = async (
  given: string,
  signal: AbortSignal,
  { cwd, home }: Pick<World, 'cwd' | 'home'> = realWorld(),
): Promise<{ readonly legacy: Legacy } | { readonly problem: string }> => {
  const ctx: Pick<CheckContext, 'path' | 'signal' | 'now'> = {
    path: text => absolute(text, { cwd, home }),
    signal,
    now: Date.now,
  }
  try {
    const legacy = await readLegacy(given, ctx)
    const [missing] = legacy.missing
    if (missing !== undefined) return { problem: `there is no folder ${missing === ctx.path(given) ? given : missing}` }
    if (legacy.places.length === 0 && legacy.problems.length === 0) return { problem: `nothing fits ${given}` }
    return { legacy }
  } catch (error) {
    if (error instanceof NeedsChild) return { problem: `${error.what} lies on a file system that may hang` }
    if (error instanceof FileError) return { problem: error.message }
    throw error
  }
}

/** What has to be said where the older convention knows nothing of a target: its name may be misspelt. */
export const missingIn = (legacy: Legacy, target: string): string | undefined => {
  if (legacy.problems.length > 0 || legacy.pairs.some(pair => isOf(target, pair))) return undefined
  const names = legacy.pairs.map(({ name }) => name)
  const said = `no counter of ${target} in ${listing(legacy.places)}: ${names.length > 0 ? `there are ${listing(names, 6)}` : 'there is none at all'}`
  return visible(said)
}
