/** Step 4: the gate. Nothing of this is ever passed over: what gave no good answer is closed. */
import { dirname } from 'node:path'
import { absolute } from '../../core/context.ts'
import { excerpt } from '../../core/text.ts'
import { type Answer, runChecks } from './checks.ts'
import type { Ground } from './ground.ts'
import { EXIT } from './host.ts'
import type { Fault } from './look.ts'
import { namedPaths, rememberPaths } from './watched.ts'

/** Beyond the deadline of a run: starting node, and a report that is printed late. */
const MARGIN_MS = 30_000
/** The limit of a run whose manifest could not be read here. */
const LIMIT_MS = 10 * 60_000

/** What says how things stand: the latest of them need not be written down twice. */
const STANDING = ['config', 'closed', 'start', 'end', 'reset']

/** The checks of one phase, in a process of their own. */
export const askChecks = (
  { host, world, options, read, target }: Ground,
  phase: 'before' | 'after',
  signal: AbortSignal,
  only?: readonly string[],
): Promise<Answer> =>
  runChecks({
    program: host.program,
    cwd: world.cwd,
    // A check of our own guards must not close the gate where the guard itself only waits.
    env: { ...world.env, BOOTCHECK_GUARD_TARGET: target },
    manifest: read?.file ?? options.manifest,
    phase,
    ...(only ? { only } : {}),
    stateDir: options.stateDir,
    limitMs: read?.plan ? read.plan.deadlineMs + MARGIN_MS : LIMIT_MS,
    signal,
  })

export const declares = ({ read }: Ground, phase: 'before' | 'after'): boolean =>
  read?.plan?.checks.some(check => check.phase === phase) ?? false

/** What keeps it closed, and the files that this may hang on. */
export interface Closed {
  /** What it ends with, unless it is held. */
  readonly code: typeof EXIT.refused | typeof EXIT.mendFirst
  readonly what: string
  readonly places: readonly string[]
}

const MAX_PLACE = 1500

/** For whoever wants to look later: the manifest that was meant. */
export const placeOf = ({ read, options, world }: Ground): { readonly manifest?: string; readonly cwd?: string } => {
  const file = read?.file ?? options.manifest
  const place = { ...(file === undefined ? {} : { manifest: absolute(file, world) }), cwd: world.cwd }
  // A record has room for 4 KB.
  return JSON.stringify(place).length <= MAX_PLACE ? place : {}
}

/** Says, records and tells that something has to be mended; `said` is what was said before. */
export const mendFirst = async (ground: Ground, fault: Fault, said: string): Promise<Closed> => {
  const { say, own, ledger, tell, name } = ground
  const { what, lines, places } = fault
  if (what !== said) {
    for (const line of lines) say(line)
    say(`${name} is not started: ${what}`)
  }
  const event = { type: 'config', code: EXIT.mendFirst, what: excerpt(what, 300), ...placeOf(ground) }
  await own('recording what has to be mended', () => ledger.note(event, STANDING))
  tell(`config:${what}`, `not started: ${what}`, ['start'])
  return { code: EXIT.mendFirst, what, places }
}

/** Undefined when it is open. */
export const gate = async (ground: Ground, said: string): Promise<Closed | undefined> => {
  const { options, host, world, own, say, tell, ledger, name, desk, stateDir, target, read } = ground
  if (options.checks === false) return undefined
  if (read?.plan && !declares(ground, 'before')) {
    say(`${read.file} declares no check before the start: only the guards were asked`)
    return undefined
  }
  const { ready, report, what } = await askChecks(ground, 'before', desk.stop)
  if (desk.stop.aborted) return { code: EXIT.mendFirst, what, places: [] }
  const place = { cwd: read ? dirname(absolute(read.file, world)) : world.cwd, home: world.home }
  const { checks = [], envFile } = read?.plan ?? {}
  const places = [
    ...namedPaths({ checks, report }, place),
    ...(envFile === undefined ? [] : [absolute(envFile, place)]),
  ]
  await own('remembering what the checks looked at', () => rememberPaths(stateDir, target, places))
  // While it holds, only what is new is said again.
  const text = report && (ready || what !== said) && (await own('showing the report', () => host.show(report)))
  if (text) host.err(text)
  if (ready) return undefined
  if (what !== said) say(`${name} is not started, the gate is closed: ${what}`)
  const event = { type: 'closed', what: excerpt(what, 300), ...placeOf(ground) }
  await own('recording that the gate is closed', () => ledger.note(event, STANDING))
  tell(`closed:${what}`, `not started, the gate is closed: ${what}`, ['start'])
  return { code: EXIT.mendFirst, what, places }
}
