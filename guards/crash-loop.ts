/** A target that crashes again and again: each start comes later, and in the end it is refused until somebody looks. */
import { defineCheck, type Facts } from '../core/check.ts'
import type { Guard, Judgement } from '../core/guard.ts'
import { clock } from '../core/process.ts'
import { SPAN, TARGET } from '../core/remembered.ts'
import { elapsedMs, type Stamp, type StoreRecord } from '../core/store.ts'
import { plural, span } from '../core/text.ts'
import { duration } from '../core/units.ts'
import { type Unusable, unusable, VERDICTS, verdictOf } from '../core/verdict-of.ts'

export interface CrashLoopOptions {
  /** Crashes this long ago do not count any more. Waits that the guard demanded do not age them. */
  readonly windowMs: number
  /** From `after` crashes on, the next start comes so long after the last crash. Ascending. */
  readonly steps: readonly { readonly after: number; readonly waitMs: number }[]
  /** So many crashes are the last ones: refused until reset. */
  readonly refuse: number
  /** What would be started now: command, manifest, watched files. One that was not refused before earns one trial. */
  readonly fingerprint?: string
}

/** A crash on two time lines of the memory's own, in ms: `at` runs always, `aged` stands still in demanded waits. */
interface Crash {
  readonly order: number
  readonly at: number
  readonly aged: number
  readonly stamp: Stamp
  readonly fingerprint: string | null
}

interface Refusal {
  readonly order: number
  readonly stamp: Stamp
  readonly fingerprint: string | null
}

interface Started {
  readonly id: string
  readonly pid: number
  readonly fingerprint: string | null
}

export interface CrashLoopMemory {
  /** Of the last record. Time is summed up from each record to the next, so that a clock that is set falsifies one piece at most. */
  readonly now: Stamp | undefined
  readonly order: number
  readonly at: number
  readonly aged: number
  /** What is left of a demanded wait. */
  readonly waitMs: number
  /** Since the last verified start, like all below. */
  readonly crashes: readonly Crash[]
  readonly refusals: readonly Refusal[]
  /** The fingerprint of the latest trial. */
  readonly trial: string | null
  /** Starts whose end is not known. */
  readonly open: readonly Started[]
}

const EMPTY: CrashLoopMemory = {
  now: undefined,
  order: 0,
  at: 0,
  aged: 0,
  waitMs: 0,
  crashes: [],
  refusals: [],
  trial: null,
  open: [],
}

const NAME = 'crash-loop'

const advance = (memory: CrashLoopMemory, now: Stamp): CrashLoopMemory => {
  const passed = memory.now === undefined ? 0 : elapsedMs(memory.now, now)
  const waited = Math.min(memory.waitMs, passed)
  return {
    ...memory,
    now,
    order: memory.order + 1,
    at: memory.at + passed,
    aged: memory.aged + passed - waited,
    waitMs: memory.waitMs - waited,
  }
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** Crashes that are remembered: twice as many as `refuse` can be. */
const MOST = 2000

/** What ended, taken off the open ones; and whether it crashed. The line of its start may be lost: of an end that is no matter. */
const ended = (
  memory: CrashLoopMemory,
  stamp: Stamp,
  started: Started | undefined,
  crash: boolean,
): CrashLoopMemory => {
  const { order, at, aged, trial } = memory
  const open = started ? memory.open.filter(each => each !== started) : memory.open
  if (!crash) return { ...memory, open }
  const fingerprint = started ? started.fingerprint : trial
  return { ...memory, open, crashes: [...memory.crashes.slice(-MOST), { order, at, aged, stamp, fingerprint }] }
}

const step = (before: CrashLoopMemory, record: StoreRecord): CrashLoopMemory => {
  const memory = advance(before, record)
  const { event, id, pid } = record
  const { wallMs, boot, uptimeMs } = record
  const stamp = { wallMs, boot, uptimeMs }
  switch (event.type) {
    case 'start': {
      const started = { id, pid, fingerprint: text(event.fingerprint) }
      return { ...memory, waitMs: 0, open: [...memory.open, started] }
    }
    case 'end':
      return ended(
        memory,
        stamp,
        memory.open.findLast(each => each.pid === pid),
        event.crash === true,
      )
    case 'unclean':
    case 'rebooted': {
      const started = memory.open.find(each => each.id === event.of)
      // One that is not open any more was told of before: two that reconcile at once count one crash.
      return started ? ended(memory, stamp, started, event.type === 'unclean') : memory
    }
    case 'verified':
      return { ...memory, crashes: [], refusals: [], trial: null }
    case 'wait':
      return typeof event.ms === 'number' ? { ...memory, waitMs: Math.max(memory.waitMs, event.ms) } : memory
    case 'refused': {
      if (event.rule !== NAME) return memory
      const refusal = { order: memory.order, stamp, fingerprint: text(event.fingerprint) }
      return { ...memory, refusals: [...memory.refusals, refusal] }
    }
    case 'trial':
      return { ...memory, trial: text(event.fingerprint) ?? memory.trial }
    default:
      return memory
  }
}

/** The crash that was one too many, if there was: the refusal holds from there, whether or not anybody has asked since. */
const lastStraw = ({ crashes }: CrashLoopMemory, { windowMs, refuse }: CrashLoopOptions): Crash | undefined =>
  crashes.find((crash, index) => {
    const earliest = crashes[index - refuse + 1]
    return earliest !== undefined && crash.aged - earliest.aged < windowMs
  })

const iso = (stamp: Stamp | undefined): string | null => (stamp ? new Date(stamp.wallMs).toISOString() : null)

const judge = (memory: CrashLoopMemory, options: CrashLoopOptions, now: Stamp): Judgement => {
  const { windowMs, steps, refuse } = options
  const present = advance(memory, now)
  const { crashes } = memory
  const recent = crashes.filter(crash => present.aged - crash.aged < windowMs)
  const straw = lastStraw(memory, options)
  const [spoken] = memory.refusals
  const refusal = straw && (!spoken || straw.order < spoken.order) ? straw : spoken
  const counted = refusal ? crashes : recent
  const last = crashes.at(-1)
  const sinceLastMs = last ? present.at - last.at : Number.POSITIVE_INFINITY
  const facts: Facts = {
    rule: NAME,
    crashes: counted.length,
    firstCrash: iso(counted[0]?.stamp),
    lastCrash: iso(counted.at(-1)?.stamp),
    windowMs,
    rung: refusal ? steps.length + 1 : steps.filter(({ after }) => recent.length >= after).length,
    ...(refusal ? { refusedSince: iso(refusal.stamp) } : {}),
  }
  const many = `${plural(counted.length, 'crash', 'crashes')}`
  const within = `${many} in ${span(windowMs)}`
  const waitOf = (count: number): number => steps.findLast(({ after }) => count >= after)?.waitMs ?? 0

  if (refusal) {
    const since = `refused since ${clock(refusal.stamp.wallMs, now.wallMs)}`
    const why = counted.length > 0 ? `${many}, ` : ''
    const inVain = new Set([
      ...memory.refusals.map(({ fingerprint }) => fingerprint),
      ...crashes.filter(({ order }) => order >= refusal.order).map(({ fingerprint }) => fingerprint),
    ])
    // Who does not know what would be started (a check, a list of states) hears of the trial that was granted.
    const wanted = options.fingerprint ?? memory.trial
    if (wanted === null || inVain.has(wanted))
      return { answer: 'refuse', since: refusal.stamp, reason: `${why}${since}`, facts }
    const trial = { ...facts, trial: true }
    const reason = `${why}${since}; something was changed, so one trial`
    // What changes at every start by itself must not turn trials into the storm again.
    const failedBefore = crashes.some(({ order }) => order > refusal.order)
    const waitMs = failedBefore ? waitOf(refuse) - sinceLastMs : 0
    return waitMs > 0
      ? { answer: 'wait', waitMs, reason: `${reason}, later than the last`, facts: trial }
      : { answer: 'go', reason, facts: trial }
  }
  const demandMs = waitOf(recent.length)
  const waitMs = demandMs - sinceLastMs
  if (waitMs > 0)
    return { answer: 'wait', waitMs, reason: `${within}, so ${span(demandMs)} from the last to the next start`, facts }
  return { answer: 'go', reason: recent.length > 0 ? within : `no crash in ${span(windowMs)}`, facts }
}

/** Counts the crashes of one target: `end` and `unclean` records between its `start`s, until one is `verified`. */
export const crashLoopGuard: Guard<CrashLoopMemory, CrashLoopOptions> = { name: NAME, empty: EMPTY, step, judge }

/** Where no step says for how long. */
const UNREADABLE_WAIT_MS = 30_000

/** What to do where the memory cannot be read: the first step of the ladder, for "cannot be read" is not "never crashed". */
export const judgeUnreadable = ({ steps }: Pick<CrashLoopOptions, 'steps'>, why: string): Judgement => ({
  answer: 'wait',
  waitMs: steps[0]?.waitMs ?? UNREADABLE_WAIT_MS,
  reason: `how often it crashed cannot be known: ${why}`,
  facts: { rule: NAME, unreadable: true },
})

/** Options as they are written, in a check or under `guard:`. */
export interface CrashLoopWritten {
  readonly window: string
  readonly steps: readonly { readonly after: number; readonly wait: string }[]
  readonly refuse: number
}

export const CRASH_LOOP_DEFAULTS: CrashLoopWritten = {
  window: '15m',
  steps: [
    { after: 4, wait: '30s' },
    { after: 7, wait: '5m' },
  ],
  refuse: 10,
}

const LONGEST = 'a duration of at most 24d'

const LEAST_WINDOW_MS = 1000

/** The options in numbers, or what is wrong with them. */
export const crashLoopOptions = (written: Partial<CrashLoopWritten>): CrashLoopOptions | Unusable => {
  const { window, steps: rungs, refuse } = { ...CRASH_LOOP_DEFAULTS, ...written }
  const windowMs = duration(window)
  if (!windowMs) return { problem: `window ${window} is not ${LONGEST}`, next: 'write `window: 24d` or less' }
  // Shorter than a wait it may be, for waits do not age a crash; but no two crashes of a process lie so close together.
  if (windowMs < LEAST_WINDOW_MS)
    return { problem: `window ${window} forgets each crash before the next one can come`, next: 'write `window: 15m`' }
  const steps: { after: number; waitMs: number }[] = []
  for (const { after, wait } of rungs) {
    const waitMs = duration(wait)
    if (waitMs === undefined)
      return { problem: `wait ${wait} of steps is not ${LONGEST}`, next: 'write `wait: 24d` or less' }
    if (after <= (steps.at(-1)?.after ?? 0))
      return { problem: `after ${after} of steps does not ascend`, next: 'write the steps in ascending order' }
    // The default steps stand for whoever lowers `refuse` alone: what lies above it is never reached.
    if (after < refuse) steps.push({ after, waitMs })
    else if (written.steps)
      return {
        problem: `after ${after} of steps is never reached with refuse ${refuse}`,
        next: `write a \`refuse\` above ${after}, or leave that step out`,
      }
  }
  return { windowMs, steps, refuse }
}

const crash = (fingerprint: string) => [
  { type: 'start', fingerprint, command: 'openclaw gateway' },
  { type: 'end', code: 1, signal: null, requested: false, crash: true },
]

const SETTINGS = {
  window: { ...SPAN, default: '15m', description: 'How long a crash counts' },
  steps: {
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['after', 'wait'],
      properties: {
        after: { type: 'integer', minimum: 1, maximum: 1000, description: 'From so many crashes on' },
        wait: { ...SPAN, description: 'the next start comes so long after the last crash' },
      },
    },
    description: 'The ladder (`[{after: 4, wait: 30s}, {after: 7, wait: 5m}]`)',
  },
  refuse: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    default: 10,
    description: 'From so many crashes on there is no start until reset',
  },
} as const

export const crashLoop = defineCheck({
  kind: NAME,
  title: 'A target does not crash again and again',
  docs: `Counts the crashes of one target that \`bootcheck guard\` has seen: an end that nobody asked for before the start was verified, exit
0 included, and afterwards a non-zero end or a signal. A gate that stays closed, a wrong manifest, a command that is not there are no
crashes.

In a window of 15 minutes the first three crashes cost nothing; after four each start comes 30 s after the last crash, after seven 5 min
after it, and after ten there is no start any more until \`bootcheck state reset TARGET\`. Time that is spent in these waits does not age a
crash: with a plain sliding window the ladder would never reach its end. A refusal outlasts the window and a reboot. A changed
command, manifest or watched file earns one trial. A start that is verified clears the history.

\`bootcheck guard\` asks this by itself, for every target. As a check it lets a deploy or another program ask; run by the guard of the very
target it passes, for that one waits and refuses itself (\`crash-loop/guarded\`).

**Why it matters.** A supervisor restarts what is broken for ever: 3,751 times in one night, each start with its side effects. And a guard
that watched one backend by name let another one crash 24 times.

**What it cannot see.** Crashes of what was not started by \`bootcheck guard\`; a target under another name.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['target'],
    properties: {
      target: { ...TARGET, description: 'The name under which it is started' },
      ...SETTINGS,
    },
  },
  settings: { type: 'object', additionalProperties: false, properties: SETTINGS },
  conflict(given) {
    const options = crashLoopOptions(given)
    return 'problem' in options ? options.problem : undefined
  },
  codes: { ...VERDICTS, refused: 'it crashed too often: no start until reset' },
  examples: [
    {
      title: 'One crash so far',
      remembered: { gateway: crash('a') },
      options: { target: 'gateway' },
      expect: { status: 'pass', code: 'crash-loop/go' },
    },
    {
      title: 'Four crashes in a row',
      remembered: { gateway: ['a', 'a', 'a', 'a'].flatMap(crash) },
      options: { target: 'gateway' },
      expect: { status: 'fail', code: 'crash-loop/waiting' },
    },
    {
      title: 'As many crashes as are allowed',
      remembered: { 'worker-3': ['a', 'a', 'a'].flatMap(crash) },
      options: { target: 'worker-3', refuse: 3 },
      expect: { status: 'fail', code: 'crash-loop/refused' },
    },
  ],
  run({ target, ...written }, ctx) {
    const options = crashLoopOptions(written)
    if ('problem' in options) return unusable(NAME, options)
    const expected = `fewer than ${options.steps[0]?.after ?? options.refuse} crashes in ${span(options.windowMs)}`
    return verdictOf({ kind: NAME, target, guard: crashLoopGuard, options, expected }, ctx)
  },
})
