/**
 * May a message be sent now? A pure function over what was remembered of one target, so that a crash loop cannot become spam,
 * and so that the next restart cannot go green by not trying.
 */
import { sinceReset } from '../../core/guard.ts'
import { elapsedMs, type Stamp, type StoreEvent, type StoreRecord } from '../../core/store.ts'

/** A credential as it is remembered: never its value. */
export type Fingerprint = {
  readonly salt: string
  readonly hash: string
}

/** What a refusal or an unknown outcome looked like, so that it can be said again without asking again. */
export type Kept = {
  readonly what: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

/** The events of one target's memory. `of` is the id of the `sending` record that the outcome belongs to. */
export type Memo =
  /** Appended before a message leaves. `waitMs`: how long its writer waits for the answer. `replaces`: an earlier one that does not hold any more. */
  | ({
      readonly type: 'sending'
      readonly everyMs: number
      readonly waitMs: number
      readonly replaces: string | null
    } & Fingerprint)
  | { readonly type: 'delivered'; readonly of: string; readonly receipt: string | null }
  | ({ readonly type: 'refused' | 'unknown'; readonly of: string } & Kept)
  /** It failed before it left this host: as though it had never been tried. */
  | { readonly type: 'unsent'; readonly of: string }
  /** The probe found the credential refused. */
  | ({ readonly type: 'unauthorized' } & Kept & Fingerprint)
  /** The service's own word: nothing for so long. */
  | ({ readonly type: 'not-before'; readonly holdMs: number } & Kept & Fingerprint)
  /** Marks the present for records that a wrong clock stamped in the future. */
  | { readonly type: 'seen' }

export type Decision =
  | { readonly do: 'send'; readonly replaces: string | null }
  /** A delivery inside the interval was confirmed. */
  | {
      readonly do: 'probe'
      readonly confirmedAt: number
      readonly agoMs: number
      readonly sameCredential: boolean
      readonly dueInMs: number
    }
  /** Say it again. It is tried anew in `forMs`, or only with another credential. */
  | { readonly do: 'keep'; readonly kept: Kept; readonly agoMs: number; readonly forMs: number | 'credential' }
  /** Deliveries stand, of other credentials, and one more message is too many to prove this one by. */
  | { readonly do: 'unproven'; readonly messages: number; readonly confirmedAt: number; readonly forMs: number }
  /** Another run is sending at this moment. */
  | { readonly do: 'wait'; readonly forMs: number }

export interface Ask {
  readonly now: Stamp
  readonly everyMs: number
  /** Whether a remembered credential is the one in use. */
  isCurrent(remembered: Fingerprint): boolean
  /** Whether the process that wrote a record is known to have ended. */
  isGone(writer: Writer): boolean
  /** Whether a credential can be asked about without a message being sent. */
  readonly asks: boolean
}

export type Writer = Pick<StoreRecord, 'boot' | 'host' | 'pid'>

type At<E> = { readonly id: string; readonly at: Stamp; readonly by: Writer; readonly memo: E }
type Of<T extends Memo['type']> = Extract<Memo, { type: T }>

interface Claim extends At<Of<'sending'>> {
  readonly outcome?: At<Of<'delivered' | 'refused' | 'unknown'>>
  /** What stood before: it does again if this one turns out never to have left, and for its own credential it always does. */
  readonly before: Claim | undefined
}

interface Memory {
  readonly claim?: Claim | undefined
  readonly unauthorized?: At<Kept & Fingerprint>
  readonly notBefore?: At<Of<'not-before'>>
}

/** Whether one may claim the place of `standing`: decided alike by whoever claims and by whoever reads it later. */
const mayClaim = (standing: Claim | undefined, { at, memo }: Pick<At<Of<'sending'>>, 'at' | 'memo'>): boolean =>
  standing === undefined || elapsedMs(standing.at, at) >= memo.everyMs || memo.replaces === standing.id

const step = (memory: Memory, { memo, ...record }: At<Memo>): Memory => {
  const { claim } = memory
  const { at } = record
  switch (memo.type) {
    case 'sending':
      // Who came second lost the race and sent nothing.
      return mayClaim(claim, { at, memo }) ? { ...memory, claim: { ...record, memo, before: claim } } : memory
    case 'delivered':
    case 'refused':
    case 'unknown': {
      if (claim?.id !== memo.of) return memory
      const refused = memo.type === 'refused' && memo.what === 'unauthorized'
      return {
        ...memory,
        claim: { ...claim, outcome: { ...record, memo } },
        ...(refused
          ? { unauthorized: { ...record, memo: { ...memo, salt: claim.memo.salt, hash: claim.memo.hash } } }
          : {}),
      }
    }
    case 'unsent':
      return claim?.id === memo.of ? { ...memory, claim: claim.before } : memory
    case 'unauthorized':
      return { ...memory, unauthorized: { ...record, memo } }
    case 'not-before':
      return { ...memory, notBefore: { ...record, memo } }
    case 'seen':
      return memory
    default:
      return memory // written by a later version
  }
}

/**
 * Records in the order in which they were written, each stamped no later than any that follows it: a clock that ran ahead for
 * a while would otherwise hold an interval open until that time comes.
 */
const placed = (records: readonly StoreRecord[]): At<Memo>[] => {
  let latest = Number.POSITIVE_INFINITY
  return records
    .toReversed()
    .map(({ id, event, wallMs, boot, uptimeMs, host, pid }) => {
      latest = Math.min(latest, wallMs)
      return { id, at: { wallMs: latest, boot, uptimeMs }, by: { boot, host, pid }, memo: event as StoreEvent & Memo }
    })
    .toReversed()
}

const fold = (records: readonly StoreRecord[]): Memory => placed(sinceReset(records)).reduce(step, {})

/** Whether the records up to and including this one give it the place: it and no other may send. */
export const holdsPlace = (records: readonly StoreRecord[], id: string): boolean => {
  const index = records.findIndex(record => record.id === id)
  return index >= 0 && fold(records.slice(0, index + 1)).claim?.id === id
}

/** Whether what stands was stamped by a clock ahead of ours on another boot, so that the present has to be marked once (`seen`). */
export const isAhead = (records: readonly StoreRecord[], now: Stamp): boolean => {
  const { claim, notBefore } = fold(records)
  return [claim, notBefore].some(one => one !== undefined && one.at.boot !== now.boot && one.at.wallMs > now.wallMs)
}

/** From when the answer is due until its outcome is written down, ms: a busy host takes its time. */
const TELLING_MS = 2000

/** What people are sent within one interval at most, in proof of one credential after another. One that changes at each start would be spam. */
const MOST_MESSAGES = 3

const notHeardOf = (gone: boolean): Kept => ({
  what: 'unknown',
  observed: `a run began to send and ${gone ? 'did not live to tell' : 'has not told'} the outcome`,
  expected: 'a confirmed delivery',
  next: 'look into the chat whether a message came',
})

/** The claims of the interval, the newest first. */
const recent = (claim: Claim | undefined, { now, everyMs }: Ask): readonly Claim[] => {
  const found: Claim[] = []
  for (let one = claim; one !== undefined && elapsedMs(one.at, now) < everyMs; one = one.before) found.push(one)
  return found
}

/** What to do about a credential of which nothing is known, where others sent within the interval. */
const ofOthers = (claims: readonly Claim[], latest: Claim, { now, everyMs, asks }: Ask): Decision => {
  const { outcome } = latest
  if (outcome?.memo.type !== 'delivered') return { do: 'send', replaces: latest.id }
  const confirmedAt = outcome.at.wallMs
  if (asks)
    return {
      do: 'probe',
      confirmedAt,
      agoMs: elapsedMs(outcome.at, now),
      sameCredential: false,
      dueInMs: everyMs - elapsedMs(latest.at, now),
    }
  const messages = claims.filter(one => one.outcome?.memo.type === 'delivered')
  const oldest = messages.at(-1) ?? latest
  return messages.length < MOST_MESSAGES
    ? { do: 'send', replaces: latest.id }
    : { do: 'unproven', messages: messages.length, confirmedAt, forMs: everyMs - elapsedMs(oldest.at, now) }
}

/** What the service asked for, as far as it still holds. */
const held = (
  { notBefore }: Memory,
  { now, isCurrent }: Ask,
): { forMs: number; kept: Kept; agoMs: number } | undefined => {
  if (!notBefore || !isCurrent(notBefore.memo)) return undefined
  const agoMs = elapsedMs(notBefore.at, now)
  const forMs = notBefore.memo.holdMs - agoMs
  return forMs > 0 ? { forMs, kept: notBefore.memo, agoMs } : undefined
}

/** What forbids to ask the service anything at all, deliveries aside. */
export const decideProbe = (records: readonly StoreRecord[], ask: Ask): Decision | undefined => {
  const memory = fold(records)
  const { unauthorized } = memory
  if (unauthorized && ask.isCurrent(unauthorized.memo))
    return { do: 'keep', kept: unauthorized.memo, agoMs: elapsedMs(unauthorized.at, ask.now), forMs: 'credential' }
  const hold = held(memory, ask)
  return hold && { do: 'keep', ...hold }
}

/** What to do about a delivery. */
export const decide = (records: readonly StoreRecord[], ask: Ask): Decision => {
  const { now, everyMs, isCurrent, isGone } = ask
  const memory = fold(records)
  const forbidden = decideProbe(records, ask)
  if (forbidden?.do === 'keep' && forbidden.forMs === 'credential') return forbidden
  const claims = recent(memory.claim, ask)
  const [latest] = claims
  if (!latest) return forbidden ?? { do: 'send', replaces: null }

  // Whatever others did since, a credential keeps the outcome that it had.
  const own = claims.find(({ memo }) => isCurrent(memo))
  const claim = own ?? latest
  const { outcome } = claim
  const ageMs = elapsedMs(claim.at, now)
  const gone = isGone(claim.by)
  const waitMs = claim.memo.waitMs + TELLING_MS
  if (!outcome && ageMs < waitMs && !gone) return { do: 'wait', forMs: waitMs - ageMs }
  if (!own) return forbidden ?? ofOthers(claims, latest, ask)
  if (outcome?.memo.type === 'delivered')
    return (
      forbidden ?? {
        do: 'probe',
        confirmedAt: outcome.at.wallMs,
        agoMs: elapsedMs(outcome.at, now),
        sameCredential: true,
        dueInMs: everyMs - ageMs,
      }
    )
  return {
    do: 'keep',
    kept: outcome?.memo.type === 'refused' || outcome?.memo.type === 'unknown' ? outcome.memo : notHeardOf(gone),
    agoMs: elapsedMs((outcome ?? claim).at, now),
    // The service's word may outlast the interval, and never shortens it.
    forMs: Math.max(everyMs - ageMs, held(memory, ask)?.forMs ?? 0),
  }
}
