/** Folds the records of one target with every guard that knows it. Takes nothing and changes nothing. */
import { type Judgement, remember, sinceReset, strictest } from '../../core/guard.ts'
import { lifeOf } from '../../core/identity.ts'
import { quote } from '../../core/shell.ts'
import { observeSleep, type Sleep } from '../../core/sleep.ts'
import { elapsedMs, RESET, type Reading, type Stamp, type StoreRecord } from '../../core/store.ts'
import { listing } from '../../core/text.ts'
import { crashLoopGuard } from '../../guards/crash-loop.ts'
import { heartbeatGuard, heartbeatOf } from '../../guards/heartbeat.ts'
import { type ItemMemory, itemGuard, resetKey, triesOf } from '../../guards/queue/judge.ts'
import { restartGuard } from '../../guards/restart.ts'
import { type Rules, rulesOf } from '../guard/admission.ts'
import { EXIT } from '../guard/host.ts'
import { closingOf, type OpenStart, openStarts, runningOf } from '../guard/starts.ts'
import { standingOf } from '../permits.ts'
import { messageOf } from './message.ts'
import { STANDINGS, type TargetState } from './model.ts'
import { momentAgo, untilOf } from './moment.ts'

/** What is asked of the system; its own by default. */
export interface Sight {
  readonly lifeOf: typeof lifeOf
  readonly sleep: (now: Stamp) => Sleep
}

const SYSTEM: Sight = { lifeOf, sleep: observeSleep }

/** How one side of a target stands. Of several the worst is shown. */
type Aspect = Pick<TargetState, 'standing'> &
  Partial<Pick<TargetState, 'since' | 'until' | 'leftMs' | 'guard' | 'reason' | 'next' | 'delivered'>>

const MINUTE = 60_000
/** As the kind `heartbeat` has them by default. */
const BEAT_LIMITS = { goneMs: 15 * MINUTE, staleMs: 60 * MINUTE }

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null)
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const wall = (value: unknown): number | null => {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? null : at
}

const waiting = (standing: 'blocked' | 'cooling-off', guard: string, leftMs: number, now: Stamp): Aspect => ({
  standing,
  guard,
  ...untilOf(Math.ceil(leftMs), now),
})

const areNumbers = (of: unknown, keys: readonly string[]): boolean =>
  typeof of === 'object' && of !== null && keys.every(key => typeof (of as Record<string, unknown>)[key] === 'number')

/** What another version wrote may have other fields. */
const isRules = (value: unknown): value is Rules => {
  if (typeof value !== 'object' || value === null) return false
  const { crashLoop, restart } = value as Partial<Rules>
  return (
    areNumbers(crashLoop, ['windowMs', 'refuse']) &&
    Array.isArray(crashLoop?.steps) &&
    crashLoop.steps.every(step => areNumbers(step, ['after', 'waitMs'])) &&
    (restart === undefined || areNumbers(restart, ['starts', 'withinMs', 'cooldownMs']))
  )
}

/** The rules that the guard last went by, where it wrote them down; otherwise its defaults. */
const rulesIn = (records: readonly StoreRecord[]): Rules => {
  const written = text(records.findLast(({ event }) => typeof event.rules === 'string')?.event.rules)
  try {
    const rules: unknown = written === null ? undefined : JSON.parse(written)
    if (isRules(rules)) return rules
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error // written by another version
  }
  const usual = rulesOf()
  if ('problem' in usual) throw new Error(usual.problem)
  return usual
}

// --- a process that the guard starts ---

interface Life {
  readonly aspect: Aspect
  readonly crashes: TargetState['crashes']
  readonly ladder: TargetState['ladder']
  readonly lastGood: number | null
  readonly process: TargetState['process']
}

const LIFE: ReadonlySet<string> = new Set([
  'start',
  'end',
  'unclean',
  'rebooted',
  'config',
  'closed',
  'wait',
  'verified',
])

const isOfLife = ({ event }: StoreRecord): boolean =>
  LIFE.has(event.type) || (event.type === 'refused' && event.rule === crashLoopGuard.name)

/** A wait that was written down holds, whatever the rules are by now. */
const writtenWait = (records: readonly StoreRecord[], now: Stamp): Judgement | undefined => {
  const at = records.findLastIndex(({ event }) => event.type === 'wait')
  const wait = records[at]
  if (!wait || records.slice(at).some(({ event }) => event.type === 'start')) return undefined
  const waitMs = (number(wait.event.ms) ?? 0) - elapsedMs(wait, now)
  const rule = text(wait.event.rule) ?? crashLoopGuard.name
  return waitMs > 0 ? { answer: 'wait', waitMs, reason: rule, facts: { rule } } : undefined
}

/** The command that shows what was wrong with the manifest that was meant, where it is on record. */
const onManifest = (word: 'run' | 'run --phase after' | 'lint', { event }: StoreRecord): string => {
  const { manifest, cwd } = event
  if (typeof manifest !== 'string') return `bootcheck ${word}`
  return `${typeof cwd === 'string' ? `cd ${quote(cwd)} && ` : ''}bootcheck ${word} ${quote(manifest)}`
}

const WITH_HOST = 'it ended with the host'

/** The last thing that happened to it, where nothing holds it back. */
const lastEvent = (records: readonly StoreRecord[], opened: readonly OpenStart[], now: Stamp): Aspect => {
  const last = records.findLast(({ event }) =>
    ['end', 'unclean', 'rebooted', 'config', 'closed', 'start'].includes(event.type),
  )
  const since = last?.wallMs ?? null
  switch (last?.event.type) {
    case 'closed':
      return { standing: 'closed', since, reason: text(last.event.what), next: onManifest('run', last) }
    case 'config':
      return { standing: 'closed', since, reason: text(last.event.what), next: onManifest('lint', last) }
    case 'start': {
      const open = opened.find(({ record }) => record.id === last.id)
      // As the next start will have it.
      const closing = open && closingOf(open, now).type
      if (closing === 'rebooted') return { standing: 'ended', since, reason: WITH_HOST }
      if (closing === 'end') return { standing: 'stopped', since, reason: 'it was asked to end, and nobody saw it' }
      return {
        standing: 'gone',
        since,
        reason: 'its process is gone, and nobody saw its end: its next start counts it as a crash',
      }
    }
    case 'unclean':
      return { standing: 'crashed', since }
    case 'end':
      if (last.event.code === EXIT.mendFirst && last.event.crash === false && last.event.requested !== true)
        return {
          standing: 'closed',
          since,
          reason: `it ended with ${EXIT.mendFirst}: something has to be mended first`,
        }
      return {
        standing: last.event.requested === true ? 'stopped' : last.event.crash === true ? 'crashed' : 'ended',
        since,
      }
    case 'rebooted':
      return { standing: 'ended', since, reason: WITH_HOST }
    default:
      return { standing: 'known' }
  }
}

/** Of one that runs: after checks that failed when they were asked again. */
const failingIn = (start: StoreRecord, records: readonly StoreRecord[]): Aspect | undefined => {
  const checked = records.filter(({ event }) => event.type === 'checked')
  const last = new Map(checked.map(record => [record.event.check, record]))
  const failing = [...last.values()].filter(({ event }) => event.effect === 'failure')
  const [first] = failing
  if (!first) return undefined
  const names = failing.map(({ event }) => `${text(event.check)} (${text(event.what)})`)
  return {
    standing: 'failing',
    since: first.wallMs,
    reason: `it runs, but its after checks fail: ${listing(names)}`,
    next: onManifest('run --phase after', start),
  }
}

/** It runs, and its guard does not: no signal, no beat and no check reaches it. */
const unguardedIn = ({ record, last }: OpenStart, pid: number, now: Stamp, sight: Sight): Aspect | undefined =>
  pid !== record.pid && sight.lifeOf(record, now) === 'gone'
    ? {
        standing: 'unguarded',
        since: last.wallMs,
        reason: 'it runs, but its guard is gone: nobody watches it, and a new guard does not start beside it',
        next: `kill ${pid}, and let its supervisor start it anew`,
      }
    : undefined

const lifeIn = (
  forget: string,
  all: readonly StoreRecord[],
  records: readonly StoreRecord[],
  now: Stamp,
  sight: Sight,
): Life | undefined => {
  // A reset clears what is counted, and no process.
  const opened = openStarts(all)
  const open = opened.findLast(start => runningOf(start, now, sight.lifeOf) !== undefined)
  if (!open && !records.some(isOfLife)) return undefined
  const rules = rulesIn(all)
  const reading = { records, bad: 0 }
  const ladder = crashLoopGuard.judge(remember(crashLoopGuard, reading), rules.crashLoop, now)
  const { facts } = ladder
  const first = wall(facts.firstCrash)
  const last = wall(facts.lastCrash)
  const end = records.findLast(
    ({ event }) => (event.type === 'end' && event.crash === true) || event.type === 'unclean',
  )?.event
  const waitsMs = [0, ...rules.crashLoop.steps.map(({ waitMs }) => waitMs)]
  const known = {
    crashes:
      first === null || last === null
        ? null
        : { count: Number(facts.crashes), first, last, code: number(end?.code), signal: text(end?.signal) },
    ladder: Number(facts.crashes) > 0 || facts.refusedSince ? { waitsMs, at: Number(facts.rung) } : null,
    lastGood: all.findLast(({ event }) => event.type === 'verified')?.wallMs ?? null,
  }
  const pid = open && runningOf(open, now, sight.lifeOf)
  if (open && pid !== undefined) {
    const since = all.slice(all.indexOf(open.record))
    const said = since.findLast(({ event }) => event.type === 'verified' || event.type === 'ready')
    const standing = said?.event.type === 'verified' ? 'verified' : said ? 'ready' : 'running'
    const failing = failingIn(open.record, since)
    return {
      ...known,
      process: { pid, since: open.record.wallMs },
      aspect: unguardedIn(open, pid, now, sight) ?? failing ?? { standing, since: (said ?? open.record).wallMs },
    }
  }
  const restart = rules.restart && restartGuard.judge(remember(restartGuard, reading), rules.restart, now)
  const written = writtenWait(records, now)
  const strict = strictest([ladder, ...(restart ? [restart] : []), ...(written ? [written] : [])])
  const guard = String(strict.facts.rule)
  const aspect: Aspect =
    strict.answer === 'refuse'
      ? { standing: 'refused', guard, since: strict.since.wallMs, next: `mend what crashes, then ${forget}` }
      : strict.answer === 'wait'
        ? waiting('cooling-off', guard, strict.waitMs, now)
        : facts.refusedSince
          ? { standing: 'trial', guard, since: wall(facts.refusedSince), reason: 'something was changed: one trial' }
          : lastEvent(records, opened, now)
  return { ...known, process: null, aspect }
}

// --- the others ---

const PERMIT_STANDING = { breaker: 'blocked', 'rate-limit': 'cooling-off', budget: 'cooling-off' } as const

interface Permits {
  readonly aspects: readonly Aspect[]
  readonly permits: TargetState['permits']
  readonly attempts: TargetState['attempts']
  readonly failures: number | null
}

const permitsIn = (forget: string, reading: Reading, now: Stamp): Permits => {
  const answers = standingOf(reading, now)
  const factsOf = (guard: string) => answers.find(each => each.guard === guard)?.judged.facts
  const [rate, budget, breaker] = [factsOf('rate-limit'), factsOf('budget'), factsOf('breaker')]
  // What filled the window may have left it, and still be what it cools off from.
  const cooling = answers.some(({ guard, judged }) => guard === 'rate-limit' && judged.answer === 'wait')
  const failures = Number(breaker?.failures ?? 0)
  const asked = reading.records.some(({ event }) => event.type === 'ask' || event.type === 'ok')
  const aspects = answers.flatMap(({ guard, judged }): Aspect[] => {
    if (judged.answer === 'refuse')
      return [
        {
          standing: 'refused',
          guard,
          since: judged.since.wallMs,
          next: `look why it fails, then ${forget}`,
        },
      ]
    if (judged.answer === 'wait')
      return [
        waiting(PERMIT_STANDING[guard as keyof typeof PERMIT_STANDING] ?? 'cooling-off', guard, judged.waitMs, now),
      ]
    return guard === 'breaker' && judged.facts.trial === true
      ? [{ standing: 'trial', guard, reason: 'the next permit is its one trial' }]
      : []
  })
  return {
    aspects: [
      ...aspects,
      ...(failures > 0 ? [{ standing: 'failing' as const }] : []),
      ...(asked ? [{ standing: 'free' as const }] : []),
    ],
    permits: rate
      ? { taken: Number(cooling ? rate.limit : rate.taken), limit: Number(rate.limit), perMs: Number(rate.perMs) }
      : null,
    attempts: budget ? { taken: Number(budget.taken), limit: Number(budget.attempts) } : null,
    failures: failures > 0 ? failures : null,
  }
}

/** How the latest reset of a claim went. */
const givenBack = (
  forget: string,
  { ended }: ItemMemory,
  last: StoreRecord | undefined,
  now: Stamp,
  sight: Sight,
): Aspect => {
  const known = { guard: itemGuard.name, since: last?.wallMs ?? null }
  const ok = last && ended.get(resetKey(String(last.event.of), String(last.event.command)))
  if (ok === true || !last || (ok === undefined && sight.lifeOf(last, now) !== 'gone'))
    return { ...known, standing: 'retried' }
  return {
    ...known,
    standing: 'stuck',
    reason: ok === false ? 'its reset failed' : 'its reset was begun, and its outcome is not on record',
    next: `look why its reset fails, give it back by hand, then ${forget}`,
  }
}

/** An item of a queue whose claim was given back. */
const itemIn = (
  forget: string,
  reading: Reading,
  now: Stamp,
  sight: Sight,
): { readonly aspect: Aspect; readonly attempts: NonNullable<TargetState['attempts']> } | undefined => {
  const memory = remember(itemGuard, reading)
  const resets = [...memory.resets.values()]
  const last = resets.at(-1)
  if (!last && !memory.spent) return undefined
  const attempts = { taken: triesOf(memory), limit: number(last?.event.attempts) }
  const { spent } = memory
  return spent
    ? {
        attempts,
        aspect: {
          standing: 'refused',
          guard: itemGuard.name,
          since: spent.wallMs,
          reason: 'it went stale in its last try',
          next: `look why it fails, then ${forget}`,
        },
      }
    : { attempts, aspect: givenBack(forget, memory, last, now, sight) }
}

const beatIn = (
  forget: string,
  reading: Reading,
  now: Stamp,
  sight: Sight,
): { readonly aspect: Aspect; readonly beat: NonNullable<TargetState['beat']> } | undefined => {
  const memory = remember(heartbeatGuard, reading)
  const { last } = memory
  if (!last) return undefined
  const seen = heartbeatOf(memory, { ...BEAT_LIMITS, life: sight.lifeOf(last, now), sleep: sight.sleep(now) }, now)
  if (seen.is === 'never') return undefined
  const agoMs = Math.round(seen.ageMs)
  const beat = { at: momentAgo(agoMs, now), agoMs }
  const since = beat.at
  if (seen.is === 'stale')
    return {
      beat,
      aspect: { standing: 'stale', since, guard: 'heartbeat', next: `if it was retired: ${forget}` },
    }
  return { beat, aspect: { standing: seen.is === 'fresh' ? 'alive' : 'asleep', since } }
}

const onceIn = (records: readonly StoreRecord[]): Aspect[] => {
  const once = records.find(({ event }) => event.type === 'once')
  return once ? [{ standing: 'done', since: once.wallMs }] : []
}

const rank = ({ standing }: Aspect): number => STANDINGS.indexOf(standing)

/** How a target stands; `forget` is the command that resets it. Pure but for what `sight` sees. */
export const stateOf = (
  target: string,
  reading: Reading,
  now: Stamp,
  forget: string,
  sight: Sight = SYSTEM,
): TargetState => {
  const { records: all, bad, firstBad = null } = reading
  const records = sinceReset(all)
  const current = { ...reading, records }
  const life = lifeIn(forget, all, records, now, sight)
  const permits = permitsIn(forget, current, now)
  const item = itemIn(forget, current, now, sight)
  const beat = beatIn(forget, current, now, sight)
  const message = messageOf(records, now)
  const cleared = all.findLast(({ event }) => event.type === RESET)
  const aspects: Aspect[] = [
    ...(life ? [life.aspect] : []),
    ...permits.aspects,
    ...(item ? [item.aspect] : []),
    // Of what the guard starts it is known whether it runs.
    ...(beat && !life ? [beat.aspect] : []),
    ...(message ? [message] : []),
    ...onceIn(records),
  ]
  const [worst] = aspects.toSorted((a, b) => rank(a) - rank(b))
  const nothing: Aspect = cleared ? { standing: 'clear', since: cleared.wallMs } : { standing: 'known' }
  return {
    since: null,
    until: null,
    leftMs: null,
    guard: null,
    reason: null,
    next: null,
    delivered: null,
    crashes: life?.crashes ?? null,
    ladder: life?.ladder ?? null,
    lastGood: life?.lastGood ?? null,
    process: life?.process ?? null,
    permits: permits.permits,
    attempts: item?.attempts ?? permits.attempts,
    failures: permits.failures,
    beat: beat?.beat ?? null,
    reset: cleared?.wallMs ?? null,
    ...(worst ?? (records.length > 0 ? { standing: 'known' as const } : nothing)),
    target,
    records: records.length,
    bad,
    firstBad,
  }
}

/** One of which nothing can be read. */
export const unreadableState = (
  target: string,
  { message, next }: { readonly message: string; readonly next: string },
): TargetState => ({
  target,
  standing: 'unreadable',
  since: null,
  until: null,
  leftMs: null,
  guard: null,
  reason: message,
  crashes: null,
  ladder: null,
  lastGood: null,
  process: null,
  permits: null,
  attempts: null,
  failures: null,
  beat: null,
  delivered: null,
  reset: null,
  next,
  records: 0,
  bad: 0,
  firstBad: null,
})
