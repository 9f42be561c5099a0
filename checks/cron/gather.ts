/** Looks at everything that a check names, and at nothing less: what led nowhere is an issue. */
import type { CheckContext } from '../../core/check.ts'
import { contain } from '../../core/contain.ts'
import { FileError, lstat, readText, realpath, stat } from '../../core/files.ts'
import { glob } from '../../core/glob.ts'
import { parseJson } from '../../core/json-text.ts'
import { shownPath } from '../../core/paths.ts'
import { quote } from '../../core/shell.ts'
import { stateFolder } from '../../core/state-folder.ts'
import { excerpt, listing, plural } from '../../core/text.ts'
import type { CronPreset } from '../../presets/openclaw-cron.ts'
import { ownValidator, userValidator, type Validate } from '../../schemas/compile.ts'
import type { Issue, KnownJob } from './finding.ts'
import { lookAtRefs } from './refs.ts'
import { type Format, type Gathered, readJobFile, readJobStore } from './sources.ts'

const MAX_FILES = 2000

/** Ids that stand twice in one store, or in the files of this check. */
const duplicates = (jobs: readonly KnownJob[]): Issue[] => {
  const first = new Map<string, KnownJob>()
  const issues: Issue[] = []
  for (const job of jobs) {
    if (!job.id) continue
    const key = `${job.id.scope}\n${job.id.text}`
    const other = first.get(key)
    if (!other) first.set(key, job)
    else
      issues.push({
        what: 'duplicate-id',
        level: 'fail',
        spot: job.spot,
        message: `the id ${JSON.stringify(excerpt(job.id.text, 60))} is already used at ${other.spot.shown}`,
        expected: 'an id for each job',
        get next() {
          return `mend ${job.spot.shown}`
        },
      })
  }
  return issues
}

export interface Wanted {
  readonly files?: readonly string[]
  readonly preset?: CronPreset
  readonly state?: string
  readonly format: Format
  readonly schema?: string
  readonly refs?: readonly string[]
  readonly minJobs: number
}

export interface Everything {
  readonly jobs: readonly KnownJob[]
  readonly issues: readonly Issue[]
  readonly watched: readonly string[]
  readonly files: number
  readonly refs: number
  readonly unchecked: number
}

export const issue = (
  what: string,
  path: string,
  message: string,
  expected: string,
  next: string,
  ctx: CheckContext,
  level: Issue['level'] = 'fail',
): Issue => ({
  what,
  level,
  spot: { path, shown: shownPath(path, ctx) },
  message,
  expected,
  next,
})

/** The part of a pattern before its wildcards. */
const baseOf = (pattern: string): string => pattern.replace(/(?<=.)\/?[^/]*[*?[{].*$/s, '')

/** The files that the globs of `files` lead to, and every way in which they led to less. */
const find = async (patterns: readonly string[], ctx: CheckContext): Promise<{ paths: string[]; issues: Issue[] }> => {
  const found = await glob(patterns, ctx, { limit: MAX_FILES })
  const issues = [
    ...found.missing.map(pattern =>
      issue(
        'missing',
        ctx.path(pattern),
        baseOf(pattern) === pattern ? 'it does not exist' : `the folder ${baseOf(pattern)} does not exist`,
        'a job file, or a folder with job files',
        `ls -ld ${quote(ctx.path(baseOf(pattern)))}`,
        ctx,
      ),
    ),
    ...found.empty.map(pattern =>
      issue(
        'no-match',
        ctx.path(pattern),
        'no file matches it',
        'at least one job file',
        `mend ${pattern} under files`,
        ctx,
      ),
    ),
    ...found.problems.map(({ path, message, code }) =>
      issue(
        code === 'PATTERN' ? 'no-match' : code === 'ENOENT' ? 'missing' : 'unreadable',
        path,
        `${message.replace(`${path} `, '')} (${code})`,
        'a file or folder that can be read',
        `ls -ld ${quote(path)}`,
        ctx,
      ),
    ),
    ...found.links.map(path =>
      issue(
        'link',
        path,
        'it is a link to a folder, and links are not followed',
        'a real folder',
        `add the folder behind it to files: readlink -f ${quote(path)}`,
        ctx,
        'warn',
      ),
    ),
  ]
  if (found.tooMany)
    issues.push(
      issue(
        'too-many',
        ctx.cwd,
        `more than ${MAX_FILES} files match`,
        `at most ${MAX_FILES} job files`,
        'narrow the globs under files',
        ctx,
      ),
    )
  return { paths: found.matches, issues }
}

/** The same file may be met under two names (a Kubernetes volume is full of links): its jobs count once. */
const once = (paths: readonly string[]): string[] => {
  const seen = new Map<string, string>()
  for (const path of paths) {
    let real = path
    try {
      real = realpath(path)
    } catch (error) {
      if (!(error instanceof FileError)) throw error // a dangling link: reading it says so
    }
    if (!seen.has(real)) seen.set(real, path)
  }
  return [...seen.values()]
}

/** The validator of a user's schema file, or why there is none. */
const userSchema = async (path: string, ctx: CheckContext): Promise<Validate | Issue> => {
  const bad = (message: string): Issue =>
    issue('schema-file', ctx.path(path), message, 'a JSON Schema', `mend ${path}`, ctx)
  try {
    const text = readText(ctx.path(path))
    const parsed = await parseJson(text, 'json5', ctx.mask)
    if (parsed.error) return bad(`line ${parsed.error.line}, column ${parsed.error.column}: ${parsed.error.message}`)
    // ajv's validator then answers a promise, which no file ever fails.
    if (typeof parsed.value === 'object' && parsed.value !== null && '$async' in parsed.value)
      return bad('$async is no keyword of JSON Schema')
    // A regular expression of somebody else's can take for ever on the wrong text.
    if (/"?(?:pattern|patternProperties|format)"?\s*:/.test(text)) contain('code', path)
    return await userValidator(parsed.value)
  } catch (error) {
    if ((error as Error).name === 'NeedsChild') throw error
    return bad((error as Error).message)
  }
}

/** Whatever a preset keeps: an old job file, a store. One of them must be there, or nothing is watched. */
const readPreset = async (
  preset: CronPreset,
  wanted: Wanted,
  ctx: CheckContext,
): Promise<{ gathered: Gathered[]; issues: Issue[]; watched: string[] }> => {
  const folder = stateFolder(preset.state, wanted.state, ctx)
  const legacy = `${folder}/${preset.legacy.file}`
  const store = `${folder}/${preset.store.file}`
  const job = await ownValidator(preset.job)
  const gathered: Gathered[] = []
  const watched: string[] = []
  // A link to nothing is there too: reading it says so.
  if (stat(legacy) ?? lstat(legacy)) {
    gathered.push(await readJobFile(legacy, preset.legacy.format, { job }, ctx))
    watched.push(shownPath(legacy, ctx))
  }
  const stored = await readJobStore(store, preset, job, ctx)
  if (stored) {
    gathered.push(stored)
    watched.push(shownPath(store, ctx))
  }
  if (gathered.length > 0) return { gathered, issues: [], watched }
  const there = stat(folder)?.isDirectory() ?? false
  const renamed = there && stat(`${folder}/${preset.legacy.renamed}`) !== undefined
  if (there && !renamed && stat(`${folder}/${preset.config}`))
    return {
      gathered,
      watched: [shownPath(folder, ctx)],
      issues: [
        issue(
          'not-yet',
          folder,
          `there is ${preset.config}, and neither ${preset.store.file} nor ${preset.legacy.file} yet`,
          `a store, which ${preset.name} makes at its first start`,
          `start ${preset.name}, then check again`,
          ctx,
          'warn',
        ),
      ],
    }
  return {
    gathered,
    watched,
    issues: [
      issue(
        'nothing',
        folder,
        there
          ? `neither ${preset.store.file} nor ${preset.legacy.file} is in it${renamed ? `, although ${preset.legacy.renamed} says that jobs were moved to the store` : ''}`
          : 'the folder does not exist',
        `the state folder of ${preset.name}; it has a store after the first start`,
        `state: the folder, or set ${preset.state.env}`,
        ctx,
      ),
    ],
  }
}

export const gather = async (wanted: Wanted, ctx: CheckContext): Promise<Everything> => {
  const issues: Issue[] = []
  const gathered: Gathered[] = []
  const watched: string[] = []
  let files = 0
  const whole = wanted.schema === undefined ? undefined : await userSchema(wanted.schema, ctx)
  let judged = 0
  const validate: Validate | undefined =
    typeof whole === 'function'
      ? value => {
          judged++
          return whole(value)
        }
      : undefined
  if (whole && typeof whole !== 'function') issues.push(whole)

  if (wanted.files) {
    const found = await find(wanted.files, ctx)
    issues.push(...found.issues)
    const paths = once(found.paths)
    files = paths.length
    for (const path of paths) {
      ctx.signal.throwIfAborted()
      gathered.push(await readJobFile(path, wanted.format, validate ? { whole: validate } : {}, ctx))
      watched.push(shownPath(path, ctx))
    }
    const broken = gathered.some(part => part.issues.some(({ what }) => what === 'syntax' || what === 'unreadable'))
    if (validate && judged === 0 && files > 0 && !broken)
      issues.push(
        issue(
          'schema-file',
          ctx.path(wanted.schema ?? ''),
          'the schema judged nothing: no file is JSON',
          'a JSON file for it, or no schema',
          'delete the line schema',
          ctx,
        ),
      )
  }
  if (wanted.preset) {
    const kept = await readPreset(wanted.preset, wanted, ctx)
    gathered.push(...kept.gathered)
    issues.push(...kept.issues)
    watched.push(...kept.watched)
  }

  const jobs = gathered.flatMap(part => part.jobs)
  const values = gathered.flatMap(part => part.values)
  const refs = wanted.refs && values.length > 0 ? lookAtRefs(wanted.refs, values, ctx) : { issues: [], followed: 0 }
  issues.push(...gathered.flatMap(part => part.issues), ...duplicates(jobs), ...refs.issues)
  const [first] = watched
  if (wanted.refs && values.length === 0 && issues.length === 0)
    issues.push(
      issue(
        'ref-nowhere',
        first ?? ctx.cwd,
        'refs were followed in nothing: no file is JSON',
        'a JSON file for them, or no refs',
        'delete the line refs',
        ctx,
      ),
    )
  const enabled = jobs.filter(job => job.enabled).length
  if (enabled < wanted.minJobs)
    issues.push(
      issue(
        'too-few',
        ctx.path(first ?? '.'),
        `${plural(enabled, 'enabled job')} of ${jobs.length} in ${listing(watched)}`,
        `at least ${wanted.minJobs} (min-jobs)`,
        `restore the jobs, or set min-jobs to ${enabled}`,
        ctx,
      ),
    )
  return {
    jobs,
    issues,
    watched,
    files,
    refs: refs.followed,
    unchecked: gathered.reduce((sum, part) => sum + part.unchecked, 0),
  }
}
