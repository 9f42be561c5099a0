/** Is the worker behind a claim still at work, and may its item be tried again? Pure. */
import type { Guard } from '../../core/guard.ts'
import { emptyLedger, type Ledger, triesOf as ledgerTries, QUEUE, REQUEUE, stepLedger } from '../../core/permit.ts'
import { awakeMs, type Doubt, isSecondLook, type Sleep } from '../../core/sleep.ts'
import type { Stamp, StoreRecord } from '../../core/store.ts'
import { plural, span } from '../../core/text.ts'
import type { Claim } from './claim.ts'
import type { Evidence, ProcessLife } from './evidence.ts'

export interface Limits {
  /** For a worker of which nothing was ever seen, ms. */
  readonly unspawnedMs: number
  /** For one that was at work and has no process any more, ms. */
  readonly goneMs: number
  /** For any other, ms. */
  readonly quietMs: number
}

/** Why a claim is stale. */
export type Cause = 'unspawned' | 'gone' | 'quiet'

export interface Standing {
  readonly cause: Cause
  /** Since the last sign of life, ms. */
  readonly quietMs: number
  readonly limitMs: number
  readonly sign: 'claim' | 'beat' | 'log'
  readonly process: ProcessLife
  /** Names the evidence: the same for as long as nothing new is seen. */
  readonly evidence: string
}

/** Which limit holds, and how long ago the last sign of life was. */
export const standingOf = (claim: Claim, seen: Evidence, limits: Limits): Standing => {
  const { process, beat, log, state, claimAgeMs } = seen
  const signs = [
    { sign: 'claim' as const, ageMs: claimAgeMs, mark: String(claim.claimedAt) },
    ...(beat ? [{ sign: 'beat' as const, ageMs: beat.ageMs, mark: beat.id }] : []),
    ...(log ? [{ sign: 'log' as const, ageMs: log.ageMs, mark: String(log.mtimeMs) }] : []),
  ].sort((a, b) => a.ageMs - b.ageMs)
  const [{ sign, ageMs, mark } = { sign: 'claim' as const, ageMs: claimAgeMs, mark: '' }] = signs
  const heardOf = state || log !== undefined
  const cause: Cause =
    process === 'alive' || process === 'unseen'
      ? 'quiet'
      : heardOf
        ? process === 'gone'
          ? 'gone'
          : 'quiet'
        : 'unspawned'
  const { createHash } = globalThis.process.getBuiltinModule('node:crypto')
  const evidence = createHash('sha256')
    .update(JSON.stringify([claim.path, claim.content, cause, sign, mark]))
    .digest('hex')
    .slice(0, 16)
  return { cause, quietMs: ageMs, limitMs: limits[`${cause}Ms`], sign, process, evidence }
}

/** What is remembered of an item. */
export interface ItemMemory {
  /** Counts its tries, for `allow --attempts` too. */
  readonly ledger: Ledger
  /** Resets that were begun, by `resetKey`. */
  readonly resets: ReadonlyMap<string, StoreRecord>
  /** How they ended. */
  readonly ended: ReadonlyMap<string, boolean>
  readonly doubts: ReadonlyMap<string, Doubt>
  /** It went stale in its last try. */
  readonly spent: StoreRecord | undefined
}

export interface ItemOptions {
  /** How often an item may be tried in all. */
  readonly attempts: number
}

export const triesOf = ({ ledger }: ItemMemory): number => ledgerTries(ledger)

/** A reset answers one evidence, and a command that was changed is another one. */
export const resetKey = (evidence: string, command: string): string => `${evidence} ${command}`

/** May an item be tried once more? Fed by the resets of its claim. */
export const itemGuard: Guard<ItemMemory, ItemOptions> = {
  name: QUEUE,
  empty: { ledger: emptyLedger, resets: new Map(), ended: new Map(), doubts: new Map(), spent: undefined },
  step(before, record) {
    const { event } = record
    const of = String(event.of)
    const key = resetKey(of, String(event.command))
    const memory = { ...before, ledger: stepLedger(before.ledger, record) }
    switch (event.type) {
      case REQUEUE:
        return memory.resets.has(key) ? memory : { ...memory, resets: new Map(memory.resets).set(key, record) }
      case 'requeued':
        return { ...memory, ended: new Map(memory.ended).set(key, event.ok === true) }
      case 'stale':
        return memory.doubts.has(of)
          ? memory
          : { ...memory, doubts: new Map(memory.doubts).set(of, { at: record, asleepMs: Number(event.asleepMs) }) }
      case 'refused':
        return event.rule === QUEUE && !memory.spent ? { ...memory, spent: record } : memory
      default:
        return memory
    }
  },
  judge(memory, { attempts }, now) {
    const tries = triesOf(memory)
    const facts = { tries, attempts }
    return tries >= attempts
      ? {
          answer: 'refuse',
          reason: `${plural(tries, 'try', 'tries')}, and ${attempts} are allowed`,
          facts,
          since: memory.spent ?? now,
        }
      : { answer: 'go', reason: `try ${tries} of ${attempts}`, facts }
  },
}

export type Finding =
  | { readonly is: 'working' | 'asleep' | 'stale' | 'spent'; readonly standing: Standing }
  /** A reset for this very evidence was begun before. */
  | { readonly is: 'answered'; readonly standing: Standing; readonly by: StoreRecord; readonly ok: boolean | undefined }

/** What one claim comes to. */
export const judgeClaim = (
  standing: Standing,
  memory: ItemMemory,
  options: ItemOptions & { readonly command: string },
  { now, sleep }: { readonly now: Stamp; readonly sleep: Sleep },
): Finding => {
  const { quietMs, limitMs, evidence } = standing
  // It stays spent until reset, whoever claims it.
  if (memory.spent) return { is: 'spent', standing }
  if (quietMs < limitMs) return { is: 'working', standing }
  const doubt = memory.doubts.get(evidence)
  if (awakeMs(quietMs, now, sleep) < limitMs && !(doubt && isSecondLook(doubt, now, sleep)))
    return { is: 'asleep', standing }
  const key = resetKey(evidence, options.command)
  const by = memory.resets.get(key)
  if (by) return { is: 'answered', standing, by, ok: memory.ended.get(key) }
  // Another command was to give this claim back, and has not: it is the same try still.
  if (memory.ledger.takenBack.includes(evidence)) return { is: 'stale', standing }
  return { is: itemGuard.judge(memory, options, now).answer === 'refuse' ? 'spent' : 'stale', standing }
}

const SIGN = { claim: 'the claim', beat: 'the last beat', log: 'the last line of its log' }

/** `its process is gone, and the last beat is 17 min old (limit 15 min)` */
export const tell = ({ cause, quietMs, limitMs, sign, process }: Standing): string => {
  const age = `${SIGN[sign]} is ${span(quietMs)} old`
  const limit = `(limit ${span(limitMs)})`
  if (cause === 'unspawned') return `nothing was ever seen of its worker, and ${age} ${limit}`
  if (cause === 'gone') return `its process is gone, and ${age} ${limit}`
  return `${process === 'alive' ? 'its process runs, but ' : ''}${age} ${limit}`
}
