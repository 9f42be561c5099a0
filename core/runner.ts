/** Runs a plan: order, side by side where independent, deadlines that hold, and an outcome for everything. */

import type { Check, CheckContext, Env, Outcome, Phase, Registry, Verdict } from './check.ts'
import { type Children, children } from './child.ts'
import { elapsed } from './clock.ts'
import { type Doing, NeedsChild } from './contain.ts'
import { absolute, contextOf } from './context.ts'
import { forgetMounts } from './mounts.ts'
import type { PlannedCheck, Skip } from './plan.ts'
import type { Problem } from './report.ts'
import { withoutSkipped } from './skips.ts'
import { crashed, sound } from './sound.ts'
import type { Store } from './store.ts'
import { excerpt } from './text.ts'
import { resolveOptions } from './variables.ts'
import type { World } from './world.ts'

/** What the runner tells while it runs; reporters of progress draw from it. `at` is wall clock in ms. */
export type RunnerEvent =
  | { readonly type: 'start'; readonly id: string; readonly title: string; readonly at: number }
  | { readonly type: 'finish'; readonly id: string; readonly status: Outcome['status']; readonly durationMs: number }

/** One check that has an outcome. */
export interface Ran {
  readonly check: PlannedCheck
  readonly outcome: Outcome
  readonly attempts: number
  readonly durationMs: number
  /** Needs that were not run here and count as met: they belong to another phase. */
  readonly assumed: readonly string[]
  /** Skips of a finding that did not come up. */
  readonly unusedSkips: readonly Skip[]
}

export interface RunnerOptions {
  readonly registry: Registry
  readonly world: World
  /** Where variables come from: the environment and the manifest's `env-file`. */
  readonly variables: Env
  readonly vars: Readonly<Record<string, string>>
  readonly phase: Phase | 'all'
  /** The manifest's name; null without one. */
  readonly file: string | null
  /** Values to mask beside those of the checks that run. */
  readonly secrets: readonly string[]
  /** The manifest's folder. */
  readonly cwd: string
  readonly store: Store
  readonly stateDir: string
  readonly running: boolean
  readonly concurrency: number
  readonly deadlineMs: number
  /** The built program that runs one check in a process of its own. */
  readonly childEntry: string
  /** Aborted with a signal's name as reason when the user stops the run. */
  readonly stop: AbortSignal
  readonly onEvent?: (event: RunnerEvent) => void
}

export interface RunResult {
  /** In the plan's order. */
  readonly ran: readonly Ran[]
  /** Every value that must not be shown. */
  readonly secrets: readonly string[]
}

interface Prepared {
  readonly kind: Check
  readonly options: unknown
}

const unresolved = (problem: Problem, check: PlannedCheck, file: string | null): Verdict => ({
  status: 'fail',
  code: problem.code,
  summary: problem.message,
  observed: problem.message,
  expected: 'options that can be read',
  next: problem.hint ?? `bootcheck explain ${problem.code}`,
  findings:
    check.line === undefined ? [] : [{ path: file ?? '', line: problem.line ?? check.line, message: problem.message }],
})

/** What a check that never ran was blocked by, where it is no other check. No id looks like these. */
export const STOPPED = 'STOPPED'
export const DEADLINE = 'DEADLINE'

const MET: ReadonlySet<Outcome['status']> = new Set(['pass', 'warn', 'skip'])

/** What has to be known before it runs. */
const before = ({ needs, reads = [] }: PlannedCheck): readonly string[] => [...needs, ...reads]

/**
 * Runs the given checks in order. `decided` holds outcomes that are known beforehand (skips). Resolves when every check has
 * an outcome, at the latest a moment after the deadline or the stop, whatever hangs; it never rejects for a check's sake.
 */
export const runChecks = async (
  planned: readonly PlannedCheck[],
  decided: ReadonlyMap<string, Outcome>,
  options: RunnerOptions,
): Promise<RunResult> => {
  forgetMounts()
  const { world, onEvent } = options
  const began = elapsed()
  const outcomes = new Map<string, Outcome>()
  const ran = new Map<string, Ran>()
  const prepared = new Map<string, Prepared>()
  const secrets = new Set(options.secrets)

  // Every secret is known before any check speaks, so that one check's error cannot show another's.
  for (const check of planned) {
    if (decided.has(check.id)) continue
    const load = options.registry[check.kind]
    if (!load) throw new Error(`kind ${check.kind} is not in the registry`)
    const kind = await load()
    const result = await resolveOptions(check, kind.options, { env: options.variables, vars: options.vars })
    for (const secret of result.secrets) secrets.add(secret)
    if ('problem' in result) outcomes.set(check.id, unresolved(result.problem, check, options.file))
    else prepared.set(check.id, { kind, options: result.options })
  }
  const hidden = [...secrets]
  const pool: Children = children(options.childEntry, planned.length)

  const inChild = (
    reason: NeedsChild['reason'],
    check: PlannedCheck,
    ctx: CheckContext,
    opts: unknown,
    onWord: (doing: Doing | null) => void,
  ): Promise<Outcome> => {
    const { id, cwd, manifest, home, env, user, phase, running, attempt, timeoutMs } = ctx
    const facts = { id, cwd, manifest, home, env, user, phase, running, attempt, timeoutMs }
    const job = {
      kind: check.kind,
      options: opts,
      facts,
      secrets: hidden,
      outcomes: [...ctx.outcomes],
      stateDir: options.stateDir,
    }
    return pool.run(reason, job, ctx.signal, onWord)
  }

  const tryOnce = async (check: PlannedCheck, { kind, options: opts }: Prepared, attempt: number): Promise<Outcome> => {
    const controller = new AbortController()
    const { timeoutMs } = check
    const waitMs = timeoutMs + (kind.lingerMs ?? 0)
    const ctx = contextOf(
      {
        id: check.id,
        cwd: options.cwd,
        manifest: options.file === null ? null : absolute(options.file, world),
        home: world.home,
        env: world.env,
        user: world.user,
        phase: check.phase,
        running: options.running,
        attempt,
        timeoutMs,
      },
      hidden,
      {
        spentMs: 0,
        outcomes: new Map(before(check).flatMap(id => (outcomes.has(id) ? [[id, outcomes.get(id) as Outcome]] : []))),
        signal: controller.signal,
        store: options.store,
        now: world.now,
      },
    )
    let word: Doing | null = null
    const during = (): { during?: Doing } =>
      word === null ? {} : { during: { ...word, what: excerpt(ctx.mask(word.what), 300) } }
    let timer: NodeJS.Timeout | undefined
    // A timer of our own: AbortSignal.timeout() would not keep the process alive, and a hung check would end as silence.
    const late = new Promise<Outcome>(resolve => {
      timer = setTimeout(() => {
        resolve({ status: 'timeout', afterMs: waitMs, ...during() })
        controller.abort(new Error(`no answer within ${waitMs} ms`))
      }, waitMs)
    })
    let onEnd = (): void => {}
    const ended = new Promise<Outcome>(resolve => {
      onEnd = () => {
        const outcome = cutOff(check)
        resolve(outcome.status === 'timeout' ? { ...outcome, ...during() } : outcome)
        controller.abort(over)
      }
      waiting.add(onEnd)
    })
    const answer = (async () => {
      try {
        return await kind.run(opts as never, ctx)
      } catch (error) {
        if (error instanceof NeedsChild)
          return inChild(error.reason, check, ctx, opts, heard => {
            word = heard
          })
        throw error
      }
    })().catch(crashed)
    try {
      return sound(await Promise.race([answer, late, ended]), check.kind)
    } finally {
      clearTimeout(timer)
      waiting.delete(onEnd)
      controller.abort(new Error('the check has answered'))
    }
  }

  /** Why the run ends before its time: the deadline or the stop. Whoever waits is told once. */
  let over: unknown
  const waiting = new Set<() => void>()
  const end = (reason: unknown): void => {
    over ??= reason
    for (const tell of waiting) tell()
  }
  const cutOff = (check: PlannedCheck): Outcome => {
    if (options.stop.aborted) return { status: 'blocked', by: STOPPED }
    const since = started.get(check.id)
    return since === undefined
      ? { status: 'blocked', by: DEADLINE }
      : { status: 'timeout', afterMs: Math.round(elapsed() - since) }
  }

  const started = new Map<string, number>()
  const runOne = async (
    check: PlannedCheck,
    ready: Prepared,
  ): Promise<Pick<Ran, 'outcome' | 'attempts' | 'unusedSkips'>> => {
    for (let attempt = 1; ; attempt++) {
      const { outcome, unused } = withoutSkipped(await tryOnce(check, ready, attempt), check.skips, world.now())
      const again = attempt <= check.retries && !MET.has(outcome.status) && over === undefined
      if (!again) return { outcome, attempts: attempt, unusedSkips: unused }
      await new Promise<void>(resolve => {
        const go = (): void => {
          clearTimeout(timer)
          waiting.delete(go)
          resolve()
        }
        const timer = setTimeout(go, check.retryDelayMs)
        waiting.add(go)
      })
      if (over !== undefined) return { outcome, attempts: attempt, unusedSkips: unused }
    }
  }

  const finish = (check: PlannedCheck, outcome: Outcome, attempts = 0, unusedSkips: readonly Skip[] = []): void => {
    const since = started.get(check.id)
    const durationMs = since === undefined ? 0 : Math.round(elapsed() - since)
    outcomes.set(check.id, outcome)
    const assumed = check.needs.filter(id => !ids.has(id))
    ran.set(check.id, { check, outcome, attempts, durationMs, assumed, unusedSkips })
    onEvent?.({ type: 'finish', id: check.id, status: outcome.status, durationMs })
  }

  const ids = new Set(planned.map(check => check.id))
  for (const [id, outcome] of decided) outcomes.set(id, outcome)
  const queue = planned.filter(check => {
    const known = outcomes.get(check.id)
    if (known) finish(check, known)
    return !known
  })

  const deadline = setTimeout(
    () => end(new Error('the deadline of the run')),
    Math.max(0, options.deadlineMs - (elapsed() - began)),
  )
  const onStop = (): void => end(options.stop.reason)
  if (options.stop.aborted) onStop()
  else options.stop.addEventListener('abort', onStop, { once: true })

  await new Promise<void>(resolve => {
    let active = 0
    const schedule = (): void => {
      for (let at = 0; at < queue.length && active < options.concurrency; ) {
        const check = queue[at] as PlannedCheck
        const waits = before(check).some(id => ids.has(id) && !outcomes.has(id))
        if (waits && over === undefined) {
          at++
          continue
        }
        queue.splice(at, 1)
        const blocker = check.needs.find(id => ids.has(id) && !MET.has(outcomes.get(id)?.status ?? 'blocked'))
        if (options.stop.aborted) finish(check, cutOff(check))
        else if (blocker !== undefined) finish(check, { status: 'blocked', by: blocker })
        else if (over !== undefined) finish(check, cutOff(check))
        else {
          active++
          started.set(check.id, elapsed())
          onEvent?.({ type: 'start', id: check.id, title: check.title, at: world.now() })
          runOne(check, prepared.get(check.id) as Prepared).then(({ outcome, attempts, unusedSkips }) => {
            active--
            finish(check, outcome, attempts, unusedSkips)
            schedule()
          })
        }
        at = 0 // a finished or blocked check may have freed an earlier one
      }
      if (active === 0 && queue.length === 0) resolve()
    }
    waiting.add(schedule)
    schedule()
  })

  clearTimeout(deadline)
  options.stop.removeEventListener('abort', onStop)
  pool.killAll()
  return { ran: planned.flatMap(check => ran.get(check.id) ?? []), secrets: hidden }
}
