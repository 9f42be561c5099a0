/** A target that is started too often, whatever its ends were called: a pause before the next start. */
import { defineCheck, type Facts } from '../core/check.ts'
import type { Guard } from '../core/guard.ts'
import { SPAN, TARGET } from '../core/remembered.ts'
import { elapsedMs, type Stamp } from '../core/store.ts'
import { plural, span } from '../core/text.ts'
import { duration } from '../core/units.ts'
import { type Unusable, unusable, VERDICTS, verdictOf } from '../core/verdict-of.ts'

export interface RestartOptions {
  /** So many starts … */
  readonly starts: number
  /** … that lie no further apart … */
  readonly withinMs: number
  /** … and the next one comes so long after the last of them. */
  readonly cooldownMs: number
}

export interface RestartMemory {
  /** Of the last record. Time is summed up from each record to the next, so that a clock that is set falsifies one piece at most. */
  readonly now: Stamp | undefined
  /** A time line of the memory's own, ms. */
  readonly at: number
  readonly starts: readonly { readonly at: number; readonly wallMs: number; readonly by: string }[]
}

const NAME = 'restart'

const advance = (memory: RestartMemory, now: Stamp): RestartMemory => ({
  ...memory,
  now,
  at: memory.at + (memory.now === undefined ? 0 : elapsedMs(memory.now, now)),
})

/** Starts that are remembered: twice as many as `starts` can be. */
const MOST = 2000

/** Counts the starts that were made. */
export const restartGuard: Guard<RestartMemory, RestartOptions> = {
  name: NAME,
  empty: { now: undefined, at: 0, starts: [] },
  step(before, record) {
    const memory = advance(before, record)
    const { event, wallMs, pid, started } = record
    // Somebody else was quicker, or the system could not start it.
    if (event.type === 'end' && event.ran === false)
      return { ...memory, starts: memory.starts.filter(start => start.by !== `${pid} ${started}`) }
    if (event.type !== 'start') return memory
    return { ...memory, starts: [...memory.starts.slice(-MOST), { at: memory.at, wallMs, by: `${pid} ${started}` }] }
  },
  judge(memory, { starts: limit, withinMs, cooldownMs }, now) {
    const { at } = advance(memory, now)
    const { starts } = memory
    const full = starts.findLast(({ at: last }, index) => {
      const first = starts[index - limit + 1]
      return first !== undefined && last - first.at <= withinMs
    })
    const recent = starts.filter(start => at - start.at <= withinMs).length
    const facts: Facts = { rule: NAME, starts: recent, limit, withinMs, cooldownMs }
    const waitMs = full ? full.at + cooldownMs - at : 0
    if (waitMs > 0)
      return { answer: 'wait', waitMs, reason: `${plural(limit, 'start')} within ${span(withinMs)}`, facts }
    return { answer: 'go', reason: `${plural(recent, 'start')} in ${span(withinMs)}`, facts }
  },
}

/** Options as they are written, in a check or under `guard:`. */
export interface RestartWritten {
  readonly starts: number
  readonly within: string
  readonly cooldown: string
}

export const RESTART_DEFAULTS: RestartWritten = { starts: 4, within: '60s', cooldown: '1h' }

/** The options in numbers, or what is wrong with them. */
export const restartOptions = (written: Partial<RestartWritten>): RestartOptions | Unusable => {
  const { starts, within, cooldown } = { ...RESTART_DEFAULTS, ...written }
  const withinMs = duration(within)
  const cooldownMs = duration(cooldown)
  if (!withinMs)
    return { problem: `within ${within} is not a duration of at most 24d`, next: 'write `within: 24d` or less' }
  if (!cooldownMs)
    return { problem: `cooldown ${cooldown} is not a duration of at most 24d`, next: 'write `cooldown: 24d` or less' }
  return { starts, withinMs, cooldownMs }
}

const START = { type: 'start', fingerprint: 'a', command: 'openclaw gateway' }

const SETTINGS = {
  starts: { type: 'integer', minimum: 1, maximum: 1000, default: 4, description: 'So many starts' },
  within: { ...SPAN, default: '60s', description: 'in this time' },
  cooldown: { ...SPAN, default: '1h', description: 'and the next one comes so long after the last' },
} as const

export const restart = defineCheck({
  kind: NAME,
  title: 'A target is not started over and over',
  docs: `Counts the starts of one target by \`bootcheck guard\`, however they ended: after 4 of them within 60 s the next one comes an hour
later. Under \`guard:\` in the front matter \`bootcheck guard\` waits until then; with \`crash-loop\` beside it the longer wait wins. As a check it
closes the gate, for a deploy or another program that asks; run by the guard of the very target it passes, for that one waits itself
(\`restart/guarded\`).

**Why it matters.** Something that stops its gateway by the book and starts it again, over and over, never crashes it; a service that counts
logins or connections sees a storm all the same.

**What it cannot see.** Starts that were not made by \`bootcheck guard\`; a target under another name.`,
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
    const options = restartOptions(given)
    return 'problem' in options ? options.problem : undefined
  },
  codes: VERDICTS,
  examples: [
    {
      title: 'Three starts in a minute',
      remembered: { gateway: [START, START, START] },
      options: { target: 'gateway' },
      expect: { status: 'pass', code: 'restart/go' },
    },
    {
      title: 'Four starts in a minute',
      remembered: { gateway: [START, START, START, START] },
      options: { target: 'gateway' },
      expect: { status: 'fail', code: 'restart/waiting' },
    },
  ],
  run({ target, ...written }, ctx) {
    const options = restartOptions(written)
    if ('problem' in options) return unusable(NAME, options)
    const expected = `fewer than ${plural(options.starts, 'start')} within ${span(options.withinMs)}`
    return verdictOf({ kind: NAME, target, guard: restartGuard, options, expected }, ctx)
  },
})
