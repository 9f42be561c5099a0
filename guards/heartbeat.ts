/** Is whoever should beat still alive? A target that only looks stale because this host slept gets a second look. */
import { type CheckContext, defineCheck, type Facts, type Trouble, type Verdict } from '../core/check.ts'
import { fits } from '../core/glob.ts'
import { type Guard, remember } from '../core/guard.ts'
import { type Life, lifeOf } from '../core/identity.ts'
import { markPresent } from '../core/permit.ts'
import { damaged, SPAN, TARGET, tooLong, unreadable } from '../core/remembered.ts'
import { awakeMs, type Doubt, isSecondLook, observeSleep, type Sleep } from '../core/sleep.ts'
import { elapsedMs, type Reading, type Stamp, type Store, StoreError, type StoreRecord } from '../core/store.ts'
import { listing, plural, span } from '../core/text.ts'
import { duration } from '../core/units.ts'

/** The last beat, who gave it, and whether it was found stale before. */
export interface HeartbeatMemory {
  readonly last?: StoreRecord
  /** From that beat to `newest`, the last record of any sort: a beat stamped by a clock that was ahead grows older with each. */
  readonly agedMs: number
  readonly newest?: Stamp
  readonly doubt?: Doubt
}

export interface HeartbeatOptions {
  /** Stale after so long where the process that gave the last beat is gone, ms. */
  readonly goneMs: number
  /** Stale after so long in any case, ms. */
  readonly staleMs: number
  /** What has become of that process. */
  readonly life: Life
  readonly sleep: Sleep
}

/** `asleep`: it would be stale, had this host been awake all the time. */
export type Heartbeat =
  | { readonly is: 'never' }
  | { readonly is: 'fresh' | 'asleep' | 'stale'; readonly ageMs: number; readonly limitMs: number }

/** What the last beat says now. */
export const heartbeatOf = (
  { last, agedMs, newest, doubt }: HeartbeatMemory,
  { goneMs, staleMs, life, sleep }: HeartbeatOptions,
  now: Stamp,
): Heartbeat => {
  if (!last) return { is: 'never' }
  const ageMs = agedMs + elapsedMs(newest ?? last, now)
  const limitMs = life === 'gone' ? Math.min(goneMs, staleMs) : staleMs
  if (ageMs < limitMs) return { is: 'fresh', ageMs, limitMs }
  const sure = awakeMs(ageMs, now, sleep) >= limitMs || (doubt !== undefined && isSecondLook(doubt, now, sleep))
  return { is: sure ? 'stale' : 'asleep', ageMs, limitMs }
}

const SAID = {
  never: () => 'no beat was ever seen',
  fresh: (age: string) => `beat ${age} ago`,
  asleep: (age: string) => `no beat for ${age}, in which this host slept or was off`,
  stale: (age: string, limit: string) => `no beat for ${age}, and ${limit} is the limit`,
} satisfies Record<Heartbeat['is'], (age: string, limit: string) => string>

const told = (seen: Heartbeat): string =>
  seen.is === 'never' ? SAID.never() : SAID[seen.is](span(seen.ageMs), span(seen.limitMs))

/** Nobody is held back by it: what is stale has to be started again. */
export const heartbeatGuard: Guard<HeartbeatMemory, HeartbeatOptions> = {
  name: 'heartbeat',
  empty: { agedMs: 0 },
  step(memory, record) {
    const { event } = record
    if (event.type === 'beat') return { last: record, agedMs: 0, newest: record }
    if (!memory.last) return memory
    const agedMs = memory.agedMs + elapsedMs(memory.newest ?? memory.last, record)
    const aged = { ...memory, agedMs, newest: record }
    return event.type === 'stale' && memory.last.id === event.of && !memory.doubt
      ? { ...aged, doubt: { at: record, asleepMs: Number(event.asleepMs) } }
      : aged
  },
  judge(memory, options, now) {
    const seen = heartbeatOf(memory, options, now)
    const ages: Facts = seen.is === 'never' ? {} : { ageMs: seen.ageMs, limitMs: seen.limitMs }
    return { answer: 'go', reason: told(seen), facts: { heartbeat: seen.is, ...ages } }
  },
}

interface Looked {
  readonly target: string
  readonly seen: Heartbeat
  readonly reading: Reading
  readonly life: Life
}

const look = (
  target: string,
  limits: Pick<HeartbeatOptions, 'goneMs' | 'staleMs'>,
  { store }: Pick<CheckContext, 'store'>,
): Looked => {
  const reading = store.read(target)
  if (markPresent(store, target, reading.records)) return look(target, limits, { store })
  const now = store.stamp()
  const memory = remember(heartbeatGuard, reading)
  const life = memory.last ? lifeOf(memory.last, now) : 'unknown'
  const sleep = observeSleep(now)
  const seen = heartbeatOf(memory, { ...limits, life, sleep }, now)
  if (seen.is === 'asleep' && !memory.doubt)
    store.append(target, { type: 'stale', of: memory.last?.id ?? null, asleepMs: Math.round(sleep.totalMs) })
  return { target, seen, reading, life }
}

const isPattern = (text: string): boolean => /[*?]/.test(text)

/** The names themselves, and for a pattern whoever beat since the last reset. */
const named = (given: readonly string[], ctx: CheckContext): { targets: string[]; unmet: string[] } => {
  const targets = new Set<string>()
  const unmet: string[] = []
  for (const text of given) {
    if (!isPattern(text)) targets.add(text)
    else {
      const met = ctx.store
        .targets()
        .filter(target => fits(text, target) && remember(heartbeatGuard, ctx.store.read(target)).last !== undefined)
      for (const target of met) targets.add(target)
      if (met.length === 0) unmet.push(text)
    }
  }
  return { targets: [...targets], unmet }
}

const RANK = { fresh: 0, damaged: 1, asleep: 2, never: 3, stale: 4 } as const

const standing = ({ seen, reading }: Looked): keyof typeof RANK =>
  seen.is === 'fresh' && reading.bad > 0 ? 'damaged' : seen.is

const EXPECTED = {
  asleep: 'a beat now that it is awake again',
  never: 'a beat every 30 s',
  stale: 'a beat every 30 s',
}

/** The verdict on several targets: the worst of them leads, each other that is not well is a finding. */
const judge = (looked: readonly Looked[], unmet: readonly string[], store: Store): Verdict => {
  const watched = [...looked.map(({ target }) => target), ...unmet]
  const ranked = looked.toSorted((a, b) => RANK[standing(b)] - RANK[standing(a)])
  const facts: Facts = {
    targets: looked.map(({ target, seen }) => `${target}: ${seen.is}`),
    oldestMs: Math.max(-1, ...looked.map(({ seen }) => (seen.is === 'never' ? -1 : Math.round(seen.ageMs)))),
  }
  const [worst] = ranked
  const worstIs = worst ? standing(worst) : 'fresh'
  const [pattern] = unmet
  if (pattern !== undefined && worstIs !== 'stale')
    return {
      status: 'fail',
      code: 'heartbeat/never',
      summary: `no target that fits ${pattern} ever beat`,
      observed: 'no beat since the last reset',
      expected: 'a beat every 30 s',
      next: 'look whether any of them runs, and under which name it beats',
      watched,
      facts,
    }
  if (!worst || worstIs === 'fresh') {
    const quietest = looked.toSorted((a, b) => age(b) - age(a))[0] as Looked
    const [first = '', ...rest] = watched
    return {
      status: 'pass',
      code: 'heartbeat/fresh',
      summary:
        looked.length === 1
          ? told(quietest.seen)
          : `${plural(looked.length, 'target')}, the last ${told(quietest.seen)}`,
      watched: [first, ...rest],
      facts,
    }
  }
  const ill = ranked.filter(each => standing(each) !== 'fresh')
  if (worstIs === 'damaged') return { ...damaged('heartbeat', worst.target, worst.reading), watched, facts }
  const others =
    ill.length > 1
      ? ` (and ${plural(ill.length - 1, 'other')}: ${listing(ill.slice(1).map(({ target }) => target))})`
      : ''
  const trouble: Trouble = {
    status: worstIs === 'asleep' ? 'warn' : 'fail',
    code: `heartbeat/${worstIs}`,
    summary: `${worst.target}: ${told(worst.seen)}${others}`,
    observed:
      worst.seen.is === 'never'
        ? beatless(worst)
        : `its last beat was ${span(worst.seen.ageMs)} ago${LIFE[worst.life]}`,
    expected: EXPECTED[worstIs],
    next: NEXT[worstIs](worst, store),
    watched,
    facts,
    findings: ill.map(each => ({
      code: CODE[standing(each)],
      path: '',
      message: `${each.target}: ${told(each.seen)}`,
    })),
  }
  return trouble
}

const beatless = ({ reading }: Looked): string =>
  reading.records.length > 0 ? 'other records of it, and no beat since the last reset' : 'no record of it'

const age = ({ seen }: Looked): number => (seen.is === 'never' ? Number.POSITIVE_INFINITY : seen.ageMs)

const LIFE: Readonly<Record<Life, string>> = {
  alive: '; the process that gave the last one runs',
  gone: '; the process that gave the last one is gone',
  unknown: '',
}

const CODE = {
  fresh: 'heartbeat/fresh',
  damaged: 'heartbeat/store-damaged',
  asleep: 'heartbeat/asleep',
  never: 'heartbeat/never',
  stale: 'heartbeat/stale',
} as const

const NEXT = {
  asleep: () => 'run this again in a minute',
  // To give a beat by hand would be a sign of life of nobody.
  never: ({ target, reading }: Looked, store: Store) =>
    reading.records.length > 0
      ? store.showCommand(target)
      : `look whether ${target} runs, and under which name it beats: its log tells`,
  stale: ({ target }: Looked, store: Store) => store.showCommand(target),
}

const SETTINGS = {
  gone: {
    ...SPAN,
    default: '15m',
    description: 'Stale after so long where the process that gave the last beat is gone',
  },
  stale: { ...SPAN, default: '60m', description: 'Stale after so long in any case' },
} as const

export const heartbeat = defineCheck({
  kind: 'heartbeat',
  title: 'Whoever should beat still does',
  docs: `Looks at the last beat of each target and fails when it is too old. A beat is given by \`bootcheck record NAME beat\`, by
\`bootcheck exec --beat NAME\`, and by \`bootcheck guard\` every 30 s.

**Why it matters.** A process that is up is not one that works: a worker that hangs keeps its pid, its port and its green light. And
one that died without a word is missed only when somebody asks for its work.

**When it is stale.** After \`gone\` (15 min) where the process that gave the last beat has ended; it is known by its pid, its start and
the boot, so that a stranger with the same pid does not count. After \`stale\` (60 min) in any case. A shell loop that calls
\`bootcheck record\` gives each beat from a process that ends at once: there \`gone\` is what counts. So it does for a job that ended well: give it a
\`gone\` that is longer than the pause between two runs.

**After a suspend or a reboot** everybody has slept, and everybody looks stale: then the first such look is a warning
(\`heartbeat/asleep\`) that is remembered, and a second one, at least a minute later, is the failure.

**targets.** Names, or patterns of \`*\` and \`?\`: \`worker-*\` is every worker that ever beat, also one that comes later. A worker that
was retired is forgotten by \`bootcheck state reset NAME\`.

**What it cannot see.** Whether the work is any good: whoever beats on a bare timer beats for ever. How often it beats between two looks.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['targets'],
    properties: {
      targets: {
        type: 'array',
        minItems: 1,
        items: TARGET,
        description: 'Who should beat: names, or patterns of * and ?',
      },
      ...SETTINGS,
    },
  },
  settings: { type: 'object', additionalProperties: false, properties: SETTINGS },
  codes: {
    fresh: 'the last beat is young enough',
    stale: 'the last beat is too old',
    never: 'no beat was ever seen, or none since the last reset',
    asleep: 'the last beat is too old, and this host slept or was off meanwhile: it is looked at once more',
    'store-damaged': 'it beats, and some lines of what is remembered of it cannot be read',
    store: 'what is remembered cannot be read or written',
    limits: 'a time that is too long to be kept',
  },
  examples: [
    {
      title: 'A worker that beats',
      remembered: { 'worker-3': [{ type: 'beat' }] },
      options: { targets: ['worker-3'] },
      expect: { status: 'pass', code: 'heartbeat/fresh' },
    },
    {
      title: 'Every worker there is, with a limit of its own',
      remembered: { 'worker-1': [{ type: 'beat' }], 'worker-2': [{ type: 'beat' }] },
      options: { targets: ['worker-*'], stale: '5m' },
      expect: { status: 'pass', code: 'heartbeat/fresh' },
    },
    {
      title: 'A worker that was never heard of',
      options: { targets: ['worker-3'] },
      expect: { status: 'fail', code: 'heartbeat/never' },
    },
  ],
  run({ targets: given, gone, stale }, ctx) {
    const [goneMs, staleMs] = [duration(gone), duration(stale)]
    if (goneMs === undefined) return tooLong('heartbeat', 'gone', gone)
    if (staleMs === undefined) return tooLong('heartbeat', 'stale', stale)
    const limits = { goneMs, staleMs }
    try {
      const { targets, unmet } = named(given, ctx)
      return judge(
        targets.map(target => look(target, limits, ctx)),
        unmet,
        ctx.store,
      )
    } catch (error) {
      if (error instanceof StoreError)
        return { ...unreadable('heartbeat', 'fail', listing(given), error), watched: given }
      throw error
    }
  },
})
