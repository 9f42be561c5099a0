/**
 * `exec`: asks the guards, runs a command, tells them how it went. What can be seen to be wrong with the command is found before
 * the guards are asked, and all that may say no is asked before anything is committed: a refusal leaves no trace. Then the key
 * of `once` is committed, so that a crash costs one piece of work and never a loop of them. Then the command runs; where the
 * system does not start it after all, the key is given back.
 */
import { absolute } from '../core/context.ts'
import { findCommand, folderProblem } from '../core/find-command.ts'
import { RESET, sinceReset } from '../core/guard.ts'
import { clock } from '../core/process.ts'
import { quote } from '../core/shell.ts'
import type { Store, StoreRecord } from '../core/store.ts'
import { bytes, excerpt, visible } from '../core/text.ts'
import { world as realWorld, type World } from '../core/world.ts'
import { BEAT_MS } from './exec/beats.ts'
import { type Kept, makeKept, type Problem, unkeepable } from './exec/keep.ts'
import { judgeEnd, type Outcome } from './exec/outcome.ts'
import { type Done, runJob } from './exec/run.ts'
import { inTurn } from './exec/turn.ts'
import { type OpenStore, openStore, storeError } from './open-store.ts'
import { type AskOptions, ask, commitOnce, permitLine, recordOutcome } from './permits.ts'
import { notify } from './tell.ts'
import { explainStart } from './unstartable.ts'

export { RATE_LIMIT_DEFAULTS } from '../guards/rate-limit.ts'

/** Everything but the command may be left out. */
export interface ExecOptions {
  readonly command: readonly [string, ...string[]]
  /** The target whose permit is taken, and that is told how it went. The breaker is always asked. */
  readonly key?: string
  /** What is asked beside the breaker; with `key`. */
  readonly terms?: Pick<AskOptions, 'rate' | 'attempts'>
  /** Committed before the command runs: a later call with it runs nothing, and is fine. */
  readonly once?: string
  readonly deadlineMs?: number
  /** The target that beats while the command makes progress. */
  readonly beat?: string
  /** At most one beat in this time, ms; 30 s by default. */
  readonly beatMs?: number
  /** The result file: what the command writes on standard output. It must not be there yet. */
  readonly keep?: string
  /** For the shell: gets the message of a failure on its standard input. With `keep`. */
  readonly notify?: string
  /** Folder of the store; the platform's own by default. */
  readonly stateDir?: string
}

/** The process that it runs in. */
export interface ExecHost {
  /** Tells people one line. */
  tell(line: string): void
  /** Aborted by a signal that came before `take` was called, with its name as reason. */
  readonly stop: AbortSignal
  readonly signals: { take(handler: (signal: NodeJS.Signals) => void): void }
  readonly world?: World
  /** Whether the system tells how much a process reads and writes; by default as it is. */
  readonly seesIo?: boolean
}

/** An exit code, or the signal to die of as the command did. */
export type ExecEnd = number | NodeJS.Signals

const DONE = 0
const BROKE = 3
const NOT_NOW = 75
const MEND_FIRST = 78

const NOTIFY_MS = 10_000
/** How long a call waits for others with its key, each of which keeps a few records. */
const TURN_MS = 1000

/** What is wrong with the store, for people. Throws what is no matter of the store. */
const storeProblem = (error: unknown): Problem => {
  const { message, next } = storeError(error)
  return { problem: message, next }
}

const onceTarget = (key: string): string => `once:${key}`

/** One call: what was asked for, and where it happens. */
interface Call extends OpenStore {
  readonly options: ExecOptions
  readonly host: ExecHost
  readonly world: World
}

const forgetKey = ({ store }: Call, key: string): string => store.forgetCommand(onceTarget(key))

const say = ({ host }: Call, problem: string, next?: string): void =>
  host.tell(visible(next === undefined ? problem : `${problem}; next: ${next}`))

/** Says why it does not run, and answers with the exit code. */
const refuse = (call: Call, code: number, { problem, next }: Problem): number => {
  say(call, `not run: ${problem}`, next)
  return code
}

const alreadyDone = (call: Call, key: string, by: StoreRecord): number => {
  const at = clock(by.wallMs, call.world.now())
  say(call, `already done: ${excerpt(key, 200)}, at ${at}; ${forgetKey(call, key)} forgets it`)
  return DONE
}

/** Work whose key cannot be kept must not be done: nobody would know of it at the next call. Nothing is lost, so it is "not now". */
const keyNotKept = (call: Call, key: string, error: unknown): number => {
  const found = storeProblem(error)
  return refuse(call, NOT_NOW, { ...found, problem: `the key ${excerpt(key, 200)} cannot be kept: ${found.problem}` })
}

const firstCommit = (store: Store, once: string): StoreRecord | undefined =>
  sinceReset(store.read(onceTarget(once)).records).find(({ event }) => event.type === 'once')

/** Those that were done need no permit: looked up before anything is asked. */
const doneBefore = (call: Call): number | undefined => {
  const { once } = call.options
  if (once === undefined) return undefined
  try {
    const by = firstCommit(call.store, once)
    return by && alreadyDone(call, once, by)
  } catch (error) {
    return keyNotKept(call, once, error)
  }
}

const askFirst = (call: Call): number | undefined => {
  const { key, terms, once } = call.options
  if (key === undefined) return undefined
  const permit = ask(call.store, key, { ...terms, ...(once === undefined ? {} : { once }) })
  for (const warning of permit.warnings) say(call, warning)
  if (permit.allowed) return undefined
  say(call, permitLine(permit, call.world.now()))
  if (permit.retryAt !== null) say(call, `retryAt ${new Date(permit.retryAt).toISOString()}`)
  return permit.exitCode
}

/** The record of our commit, or the code to end with. */
const commit = (call: Call, once: string): StoreRecord | number => {
  try {
    const { first, by } = commitOnce(call.store, once)
    return first ? by : alreadyDone(call, once, by)
  } catch (error) {
    return keyNotKept(call, once, error)
  }
}

/** The command has not run: its key is free again, unless it was reset meanwhile and is somebody else's. Says how it stands. */
const giveBack = (call: Call, committed: StoreRecord): string => {
  const { once = '' } = call.options
  const target = onceTarget(once)
  try {
    if (firstCommit(call.store, once)?.id !== committed.id) return ''
    call.store.append(target, { type: RESET })
    return `; the key ${excerpt(once, 200)} is free again`
  } catch (error) {
    return `; the key ${excerpt(once, 200)} stays committed, since ${storeProblem(error).problem}: ${forgetKey(call, once)}`
  }
}

/** What was taken, and what becomes of it now that the command has not run. */
const costOf = (call: Call, committed: StoreRecord | undefined): string => {
  const { key, terms } = call.options
  const permit = key !== undefined && (terms?.rate ?? terms?.attempts) !== undefined
  return `${permit ? `; the permit of ${excerpt(key, 200)} is taken` : ''}${committed ? giveBack(call, committed) : ''}`
}

/** The place in which those with one key take turns. */
const placeOf = (call: Call, once: string): string => {
  const { createHash } = process.getBuiltinModule('node:crypto')
  const whose = `${call.world.user.uid} ${forgetKey(call, once)}`
  return `bootcheck-${createHash('sha256').update(whose).digest('hex')}`
}

const askAndCommit = (call: Call, once: string): StoreRecord | ExecEnd => {
  const { stop } = call.host
  if (stop.aborted) return stop.reason as NodeJS.Signals
  return doneBefore(call) ?? askFirst(call) ?? commit(call, once)
}

interface Prepared {
  readonly kept?: Kept
  readonly committed?: StoreRecord
}

/** Everything that keeps the command from running, in the order in which it is asked. */
const prepare = async (call: Call, path: string | undefined): Promise<ExecEnd | Prepared> => {
  const { once } = call.options
  const { world } = call
  const early = doneBefore(call)
  if (early !== undefined) return early
  const odd = path === undefined ? undefined : unkeepable(path, world.now())
  // Whoever made the file for this key has committed the key before.
  if (odd) return doneBefore(call) ?? refuse(call, MEND_FIRST, odd)
  // Of several that come at once with one key one does the work: a permit for each of the others would be wasted.
  const committed =
    once === undefined ? askFirst(call) : await inTurn(placeOf(call, once), TURN_MS, () => askAndCommit(call, once))
  if (typeof committed === 'number' || typeof committed === 'string') return committed
  const kept = path === undefined ? undefined : makeKept(path, world.now())
  if (kept && 'problem' in kept)
    return refuse(call, MEND_FIRST, { ...kept, problem: `${kept.problem}${costOf(call, committed)}` })
  return { ...(kept ? { kept } : {}), ...(committed ? { committed } : {}) }
}

/** What must not keep the command from running, or its end from being passed on: said where it cannot be written. */
const remembering = (call: Call, what: string, action: () => unknown): void => {
  try {
    action()
  } catch (error) {
    const { problem, next } = storeProblem(error)
    say(call, `${what} could not be recorded: ${problem}`, next)
  }
}

const unstartable = (call: Call, path: string, error: NodeJS.ErrnoException, committed?: StoreRecord): number => {
  const { why, passing, next = `ls -l ${quote(path)}` } = explainStart(error)
  const problem = `${path} cannot be started: ${why}${costOf(call, committed)}`
  return refuse(call, passing ? NOT_NOW : MEND_FIRST, { problem, next })
}

const standsOf = (kept: Kept): string =>
  kept.stands()
    ? `what it wrote is kept in ${kept.path} (${bytes(kept.size())})`
    : `what it wrote (${bytes(kept.size())}) is not in ${kept.path} any more: that was moved or removed meanwhile`

/** Tells the guards, and people where it failed. */
const report = async (call: Call, { told, what, outOfTime }: Outcome, kept: Kept | undefined): Promise<void> => {
  const { key, command } = call.options
  const { world } = call
  if (key !== undefined && told !== undefined)
    remembering(call, `the outcome (${told}) of ${excerpt(key, 200)}`, () => recordOutcome(call.store, key, told))
  // Its arguments may hold secrets.
  const name = excerpt(command[0], 200)
  const size = kept ? `; ${standsOf(kept)}` : ''
  if (told === 'fail' && (kept || outOfTime)) say(call, `${name} failed: ${what}${size}`)
  else if (told === undefined && kept) say(call, `${name} was called off: ${what}${size}`)
  else if (kept && !kept.stands()) say(call, standsOf(kept))
  if (told !== 'fail' || call.options.notify === undefined) return
  const message = visible(`bootcheck exec: ${name} failed: ${what}${size}`)
  const problem = await notify({
    command: call.options.notify,
    message,
    cwd: world.cwd,
    env: { ...world.env, BOOTCHECK_MESSAGE: message },
    timeoutMs: NOTIFY_MS,
  })
  if (problem !== undefined) say(call, `nobody was notified: ${problem}`)
}

/** A beat that cannot be kept is said once: a beat is not worth a line every half minute. */
const beatOf = (call: Call): { readonly everyMs: number; beat(): void } | undefined => {
  const { beat: target, beatMs = BEAT_MS } = call.options
  if (target === undefined) return undefined
  let said = false
  const beat = (): void => {
    try {
      recordOutcome(call.store, target, 'beat')
    } catch (error) {
      const { problem, next } = storeProblem(error)
      if (!said) say(call, `no heartbeat of ${excerpt(target, 200)}: ${problem}`, next)
      said = true
    }
  }
  return { everyMs: beatMs, beat }
}

const runPrepared = async (call: Call, path: string, { kept, committed }: Prepared): Promise<ExecEnd> => {
  const { options, host, world } = call
  const beat = beatOf(call)
  const done: Done | { readonly error: NodeJS.ErrnoException } = await runJob({
    path,
    words: options.command,
    cwd: world.cwd,
    env: world.env,
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    ...(kept ? { kept } : {}),
    ...(beat ? { beat } : {}),
    ...(host.seesIo === undefined ? {} : { seesIo: host.seesIo }),
    tell: line => say(call, line),
    take: host.signals.take,
  })
  if ('error' in done) {
    kept?.remove()
    return unstartable(call, path, done.error, committed)
  }
  const outcome = judgeEnd(done.ended)
  await report(call, outcome, kept)
  if (await done.finish()) return outcome.exit
  say(call, `${kept?.path} may not be whole on the disk`, 'df -h')
  return outcome.exit === DONE ? BROKE : outcome.exit
}

/**
 * Asks, runs, tells. Resolves with an exit code (75 and 69 as the guards answered, 78 for what has to be mended first, 124 for
 * the deadline, else the command's own), or with the signal that the command died of.
 */
export const exec = async (options: ExecOptions, host: ExecHost): Promise<ExecEnd> => {
  const world = host.world ?? realWorld()
  const call: Call = { options, host, world, ...openStore(options.stateDir, world) }
  if (host.stop.aborted) return host.stop.reason as NodeJS.Signals
  const nowhere = folderProblem(world.cwd)
  if (nowhere !== undefined) return refuse(call, MEND_FIRST, { problem: nowhere })
  const found = findCommand(options.command[0], world)
  if ('problem' in found) return refuse(call, MEND_FIRST, found)
  const path = options.keep === undefined ? undefined : absolute(options.keep, world)
  const prepared = await prepare(call, path)
  return typeof prepared === 'object' ? runPrepared(call, found.path, prepared) : prepared
}
