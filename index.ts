/**
 * The library, and the only place where the parts are put together: read a manifest, run it, print its report, define a kind.
 *
 * @example
 * import { formatReport, parseManifest, runManifest } from 'bootcheck'
 * const { plan, errors } = await parseManifest(text, { file: 'BOOT.md' })
 * if (!plan) throw new Error(errors[0]?.message)
 * const report = await runManifest(plan)
 * console.log(await formatReport(report, 'pretty'))
 */

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { kinds } from './checks/index.ts'
import type { Env, Phase, Registry } from './core/check.ts'
import { elapsed } from './core/clock.ts'
import { NeedsChild } from './core/contain.ts'
import { absolute } from './core/context.ts'
import { FileError, MEGABYTE, readBytes, replaceFile } from './core/files.ts'
import { finish, runOf } from './core/finish.ts'
import { localStore, stateFolder } from './core/local-store.ts'
import type { Parsed } from './core/manifest.ts'
import type { Plan } from './core/plan.ts'
import { readAnywhere } from './core/read-anywhere.ts'
import { countStatuses, effectOf, judge, type Problem, type Report, type ReportedCheck } from './core/report.ts'
import { type RunnerEvent, runChecks } from './core/runner.ts'
import { select } from './core/select.ts'
import { quote } from './core/shell.ts'
import { suggest } from './core/suggest.ts'
import { plural } from './core/text.ts'
import { parseEnvFile, secretsIn } from './core/variables.ts'
import { world as realWorld, type World } from './core/world.ts'
import { version } from './package.json'

export { FORMATS, type Format, formatReport } from './cli/reporters/index.ts'
export type {
  Check,
  CheckContext,
  Env,
  Example,
  Facts,
  Finding,
  Infer,
  ObjectSchema,
  OptionSchema,
  Outcome,
  Phase,
  Registry,
  Severity,
  Status,
  Trouble,
  User,
  Verdict,
} from './core/check.ts'
export { defineCheck } from './core/check.ts'
export type { Parsed } from './core/manifest.ts'
export type { Plan, PlannedCheck, Skip } from './core/plan.ts'
export type { Effect, Problem, Report, ReportedCheck } from './core/report.ts'
export type { RunnerEvent } from './core/runner.ts'
export type { Store, StoreEvent, StoreRecord } from './core/store.ts'
export type { World } from './core/world.ts'
export { kinds, version }

/** Everything has its default: a plain `runManifest(plan)` is the gate before a start. */
export interface RunManifestOptions {
  /** `before` by default. */
  readonly phase?: Phase | 'all'
  /** Ids to run, with what they need; all by default. */
  readonly only?: readonly string[]
  /** Ids to pass over in this run; each is reported as `skip`. */
  readonly skipIds?: readonly string[]
  /** List what would run. Nothing is judged, so the exit code is 2. */
  readonly dryRun?: boolean
  /** Run beside a live gateway: a port that its declared owner holds is fine. */
  readonly running?: boolean
  /** Warnings make the run not ready. */
  readonly strict?: boolean
  /** How long the whole run may take, in ms; the manifest's own by default. */
  readonly deadlineMs?: number
  /** How many checks may wait side by side; 32 by default. */
  readonly concurrency?: number
  /** Folder of the store; the platform's own by default. */
  readonly stateDir?: string
  /** The kinds; ours by default. Kinds of your own run in this process. */
  readonly registry?: Registry
  readonly world?: World
  /** Stops the run when aborted; give the signal's name (`SIGINT`) as reason. */
  readonly signal?: AbortSignal
  readonly onEvent?: (event: RunnerEvent) => void
}

export type RunManifest = (plan: Plan, options?: RunManifestOptions) => Promise<Report>

/** The program that runs one check in a process of its own: beside the command line's chunks, below the library, or in the build. */
const childEntry = (): string => {
  const here = import.meta.dirname
  const places = ['child.cjs', 'cli/child.cjs', 'dist/cli/child.cjs'].map(place => join(here, place))
  return places.find(place => existsSync(place)) ?? join(here, 'child.cjs')
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

export interface ReadManifest extends Parsed {
  /** The manifest's name as given, or as found. */
  readonly file: string
}

/** Reads and parses the manifest at `path`; without one, the folder's `BOOT.md` or `bootcheck.md` that has front matter of ours. */
export const readManifest = async (
  path: string | undefined,
  options: { readonly mode: 'lint' | 'run'; readonly registry?: Registry; readonly world?: World },
): Promise<ReadManifest> => {
  const { loadManifest, findManifest } = await import('./core/manifest/load.ts')
  const world = options.world ?? realWorld()
  const { cwd, home, env } = world
  const found = path === undefined ? await findManifest(cwd) : { path }
  if ('problem' in found) return { file: 'BOOT.md', errors: [found.problem], warnings: [], notes: [] }
  const registry = options.registry ?? kinds
  const parsed = await loadManifest(found.path, { registry, mode: options.mode, cwd, home, env, now: world.now() })
  return { ...parsed, file: found.path }
}

/** All errors of a manifest's text at once, or its plan. Looks at the text alone; runs nothing. */
export const parseManifest = async (
  text: string | Uint8Array,
  options: { readonly file?: string; readonly mode?: 'lint' | 'run'; readonly registry?: Registry } = {},
): Promise<Parsed> => {
  const manifest = await import('./core/manifest.ts')
  const { file = 'BOOT.md', mode = 'run', registry = kinds } = options
  return manifest.parseManifest(text, { file, mode, registry, env: realWorld().env })
}

const envelope = (
  given: Pick<Report, 'manifest' | 'phase' | 'errors' | 'warnings' | 'checks'>,
): Omit<Report, 'ready' | 'exitCode'> => {
  const { name, uid } = realWorld().user
  return {
    version: 1,
    tool: version,
    title: null,
    user: { name, uid },
    startedAt: new Date().toISOString(),
    durationMs: 0,
    counts: countStatuses(given.checks),
    ...given,
  }
}

/** The report of a manifest that cannot be run. */
export const invalidReport = (
  given: Pick<Report, 'phase' | 'errors' | 'warnings'> & { readonly file: string },
): Report => {
  const { file, phase, errors, warnings } = given
  const evidence = { checks: [], errors: errors.length, warnings: warnings.length, strict: false, signal: 0 }
  return { ...envelope({ manifest: file, phase, errors, warnings, checks: [] }), ...judge(evidence) }
}

/**
 * The report of `lint`: each manifest stands in it as one check, so that every format can tell of it. `ready`
 * says here that all of them are clean.
 */
export const lintReport = (read: readonly ReadManifest[], strict: boolean): Report => {
  const errors = read.flatMap(each => each.errors)
  const warnings = read.flatMap(each => [...each.warnings, ...each.notes])
  const checks = read.map(({ file, plan, errors: wrong, warnings: doubts }): ReportedCheck => {
    const status = wrong.length > 0 ? 'fail' : doubts.length > 0 ? 'warn' : 'pass'
    const problems = [...wrong, ...doubts]
    return {
      id: file,
      kind: 'lint',
      title: plan?.title ?? file,
      phase: 'before',
      severity: 'fail',
      status,
      effect: effectOf(status, 'fail'),
      code: problems[0]?.code ?? 'lint/clean',
      summary:
        wrong.length > 0 ? plural(wrong.length, 'error') : `${plural(plan?.checks.length ?? 0, 'check')}, no errors`,
      facts: {},
      findings: problems.map(({ line, column, code, message }) => ({
        path: file,
        ...(line === undefined ? {} : { line }),
        ...(column === undefined ? {} : { column }),
        code,
        message,
      })),
      watched: [file],
      attempts: 1,
      durationMs: 0,
    }
  })
  const doubted = read.some(each => each.warnings.length > 0)
  const exitCode = errors.length > 0 || (strict && doubted) ? 2 : 0
  const manifest = read.length === 1 ? (read[0]?.file ?? null) : null
  return { ...envelope({ manifest, phase: 'all', errors, warnings, checks }), ready: exitCode === 0, exitCode }
}

/** Mends in the file what is safe to mend, and says what it did, one line each. The file is written by rename, and only if it changed. */
export const fixManifestFile = async (path: string | undefined): Promise<readonly string[]> => {
  const { fixManifest } = await import('./core/manifest/fix.ts')
  const { findManifest } = await import('./core/manifest/load.ts')
  const world = realWorld()
  const found = path === undefined ? await findManifest(world.cwd) : { path }
  if ('problem' in found) return []
  const full = absolute(found.path, world)
  let text: string
  try {
    // Bytes that are not UTF-8 must survive: what is wrong with them is lint's to say.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readBytes(full))
  } catch (error) {
    if (error instanceof FileError || error instanceof TypeError) return [] // reading it again says why it cannot be read
    if (error instanceof NeedsChild) return [`nothing: ${found.path} lies on a file system that may hang`]
    throw error
  }
  const mended = await fixManifest(text, { file: found.path, registry: kinds })
  if (mended.fixed.length > 0) replaceFile(full, mended.text)
  return mended.fixed
}

/** A plan of one check from words as they stand on a command line, or what is wrong with them in one line. */
export const planOfWords = async (
  kind: string,
  words: Readonly<Record<string, string | true | readonly string[]>>,
  given: { readonly phase: Phase; readonly timeoutMs?: number },
): Promise<{ readonly plan: Plan } | { readonly problem: string }> => {
  const load = Object.hasOwn(kinds, kind) ? (kinds as Registry)[kind] : undefined
  if (!load) {
    const near = suggest(kind, Object.keys(kinds))
    return {
      problem: `unknown kind "${kind}"; ${near ? `did you mean "${near}"?` : `the kinds are ${Object.keys(kinds).join(', ')}`}`,
    }
  }
  const check = await load()
  const { optionsFromWords } = await import('./core/words.ts')
  const { openIn } = await import('./core/variables.ts')
  const read = await optionsFromWords(check.options, words)
  if ('problems' in read) {
    const said = read.problems.map(({ message, hint }) => (hint ? `${message}; ${hint}` : message))
    return { problem: `${kind}: ${said.join(', and ')}` }
  }
  const open = openIn(read.options)
  const judged = open.size === 0 || check.judgesOpen
  const wrong = judged ? check.conflict?.(read.options, { phase: given.phase, above: new Map(), open }) : undefined
  if (wrong !== undefined) return { problem: `${kind}: ${wrong}; bootcheck explain ${kind}` }
  const { phase, timeoutMs = 5000 } = given
  return {
    plan: {
      file: null,
      title: null,
      deadlineMs: Math.max(60_000, timeoutMs + (check.lingerMs ?? 0) + 1000),
      vars: {},
      warnings: [],
      checks: [
        {
          id: kind,
          kind,
          title: check.title,
          why: '',
          needs: [],
          severity: 'fail',
          phase,
          timeoutMs,
          retries: 0,
          retryDelayMs: 0,
          skips: [],
          options: read.options,
          positions: {},
        },
      ],
    },
  }
}

/** What `bootcheck explain` says of a kind, a code, or the id of a check of the folder's manifest. */
export const explainTopic = async (topic: string | undefined) => {
  const { explain } = await import('./core/explain.ts')
  return explain(topic, kinds, async () => (await readManifest(undefined, { mode: 'run' })).plan)
}

/** The JSON Schema of a kind's keys; without a kind that of a whole check block, for editors. Undefined for an unknown kind. */
export const schemaOf = async (kind?: string): Promise<object | undefined> => {
  const { checkSchema, blockSchema } = await import('./core/schema.ts')
  if (kind === undefined) return blockSchema(await Promise.all(Object.values(kinds as Registry).map(load => load())))
  const load = Object.hasOwn(kinds, kind) ? (kinds as Registry)[kind] : undefined
  return load && checkSchema(await load())
}

/** The variables of `env-file`, below those of the environment; or why the file cannot be used. */
const variablesOf = async (
  plan: Plan,
  cwd: string,
  world: World,
): Promise<{ variables: Env; errors: readonly Problem[] }> => {
  if (plan.envFile === undefined) return { variables: world.env, errors: [] }
  const path = absolute(plan.envFile, { cwd, home: world.home })
  const at = plan.file === null ? {} : { file: plan.file }
  try {
    const { values, problems } = parseEnvFile((await readAnywhere(path, MEGABYTE)).toString('utf8'))
    return {
      variables: { ...values, ...world.env },
      errors: problems.map(({ line, message }) => ({ file: path, line, code: 'run/env-file', message })),
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    const hint = 'mend the path in `env-file`, or create the file'
    return { variables: world.env, errors: [{ ...at, code: 'run/env-file', message: error.message, hint }] }
  }
}

/**
 * Runs the checks of a plan and reports every outcome. It rejects only where bootcheck itself broke: whatever a check does is
 * in the report. Checks that may block for ever run in child processes, which are gone when it resolves.
 */
export const runManifest: RunManifest = async (plan, options = {}) => {
  const { concurrency = 32, deadlineMs = plan.deadlineMs } = options
  if (!Number.isInteger(concurrency) || concurrency < 1)
    throw new RangeError(`concurrency ${concurrency} is not a count of at least 1`)
  if (!(deadlineMs > 0 && deadlineMs <= 0x7fffffff))
    throw new RangeError(`deadlineMs ${deadlineMs} is not from 1 to 2147483647`)
  const startedMs = Date.now()
  const began = elapsed()
  const world = options.world ?? realWorld()
  const cwd = plan.file === null ? world.cwd : dirname(absolute(plan.file, world))
  const phase = options.phase ?? 'before'
  const selection = {
    phase,
    only: options.only ?? [],
    skipIds: options.skipIds ?? [],
    dryRun: options.dryRun ?? false,
  }
  const now = world.now()
  const selected = select(plan, selection, { platform: world.platform, env: world.env, now })
  const { variables, errors: variableErrors } = await variablesOf(plan, cwd, world)
  const errors = [...selected.errors, ...variableErrors]
  const warnings = [...plan.warnings, ...selected.warnings, ...otherUser(plan, world)]
  const stateDir = options.stateDir === undefined ? stateFolder(world) : absolute(options.stateDir, world)
  const stop = options.signal ?? new AbortController().signal
  const { ran, secrets } =
    errors.length > 0
      ? { ran: [], secrets: [] }
      : await runChecks(selected.checks, selected.decided, {
          registry: options.registry ?? kinds,
          world,
          variables,
          vars: plan.vars,
          file: plan.file,
          secrets: secretsIn(
            plan.checks.map(check => check.options),
            variables,
          ),
          phase,
          cwd,
          store: localStore({ dir: stateDir, now: world.now }),
          stateDir,
          running: options.running ?? false,
          concurrency,
          deadlineMs,
          childEntry: childEntry(),
          stop,
          ...(options.onEvent ? { onEvent: options.onEvent } : {}),
        })
  return finish({
    tool: version,
    plan,
    phase,
    user: world.user,
    startedMs,
    durationMs: Math.round(elapsed() - began),
    strict: options.strict ?? false,
    signal: stop.aborted ? (SIGNALS[String(stop.reason)] ?? 15) : 0,
    ran,
    secrets,
    warnings,
    errors,
  })
}

/** `sudo bootcheck` would pass every permission check of a service that runs as somebody else. */
const otherUser = (plan: Plan, world: World): Problem[] => {
  if (plan.user === undefined || plan.user === world.user.name) return []
  return [
    {
      ...(plan.file === null ? {} : { file: plan.file }),
      code: 'run/other-user',
      message: `the manifest is written for user ${plan.user}, and this run is ${world.user.name}: permissions were judged for the wrong one`,
      hint: `sudo -u ${quote(plan.user)} ${plan.file === null ? 'bootcheck run' : runOf(plan.file)}`,
    },
  ]
}
