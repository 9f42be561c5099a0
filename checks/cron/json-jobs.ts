/** Jobs in JSON: what is wrong with each, by line where the text has lines. */
import { excerpt } from '../../core/text.ts'
import type { SchemaError, Validate } from '../../schemas/compile.ts'
import type { Issue, KnownJob, Looked, Spot } from './finding.ts'
import { type Job, layoutOf } from './job.ts'
import { type Firing, firing, type Schedule } from './schedule.ts'

export interface JsonSource {
  readonly value: unknown
  /** Where a pointer stands. */
  spot(pointer: string): Spot
  /** Ids are unique within a scope. */
  scope(index: number): string
  /** Keys that stand twice in one object. */
  readonly repeated: readonly { readonly key: string; readonly spot: Spot }[]
  /** Judges one job. */
  readonly job?: Validate
  /** Judges the whole value. */
  readonly whole?: Validate
  /** The command or the line to change. */
  mend(spot: Spot, job: Job | undefined): string
}

const MAX_SCHEMA_ERRORS = 20

const inWords = (error: SchemaError): string => {
  const at = error.path.replace(/^\//, '').replaceAll('/', '.')
  const extra =
    error.keyword === 'additionalProperties'
      ? ` (${JSON.stringify(error.params.additionalProperty)})`
      : error.keyword === 'enum' || error.keyword === 'const'
        ? ` (${JSON.stringify(error.params.allowedValues ?? error.params.allowedValue)})`
        : ''
  return `${at === '' ? '' : `${at} `}${error.message}${extra}`
}

/** ajv says of each `if` and each branch of `anyOf` that it failed, beside the reason. */
const reasons = (errors: readonly SchemaError[]): SchemaError[] => {
  const plain = errors.filter(error => error.keyword !== 'if')
  return (plain.length > 0 ? plain : [...errors]).slice(0, MAX_SCHEMA_ERRORS)
}

const written = (schedule: Schedule): string => {
  switch (schedule.kind) {
    case 'cron':
      return JSON.stringify(schedule.expr)
    case 'at':
      return `at ${JSON.stringify(schedule.at)}`
    case 'every':
      return `every ${JSON.stringify(schedule.every)}`
    case 'event':
      return schedule.name
    default:
      return schedule satisfies never
  }
}

const EXPECTED: Readonly<Record<'invalid' | 'never' | 'past', string>> = {
  invalid:
    'a schedule that can be read: minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7, and a zone like Europe/Berlin',
  never: 'a schedule that fires on some date',
  past: 'a date to come, or no job',
}

const WHAT = { invalid: 'schedule', never: 'never', past: 'past' } as const

/** What a schedule that cannot fire means for its job; undefined where it can. */
export const scheduleIssue = (
  schedule: Schedule,
  result: Firing,
  job: { readonly label: string; readonly enabled: boolean; readonly ran: boolean },
  spot: Spot,
  mend: (spot: Spot) => string,
): Issue | undefined => {
  if (result.fires || (result.why === 'past' && (job.ran || !job.enabled))) return undefined
  const never = result.why === 'invalid' ? 'cannot run' : result.why === 'never' ? 'never fires' : 'is never run'
  return {
    what: WHAT[result.why],
    level: result.why === 'past' || !job.enabled ? 'warn' : 'fail',
    spot,
    message: `"${excerpt(job.label, 60)}"${job.enabled ? '' : ' (disabled)'} ${never}: ${excerpt(written(schedule), 80)}: ${result.message}`,
    expected: EXPECTED[result.why],
    get next() {
      return mend(spot)
    },
  }
}

export const lookAtJson = async (source: JsonSource, now: number, signal: AbortSignal): Promise<Looked> => {
  const issues: Issue[] = []
  const jobs: KnownJob[] = []
  const add = (
    what: string,
    level: Issue['level'],
    pointer: string,
    message: string,
    expected: string,
    job?: Job,
  ): void => {
    const spot = source.spot(pointer)
    issues.push({
      what,
      level,
      spot,
      message,
      expected,
      get next() {
        return source.mend(spot, job)
      },
    })
  }
  for (const { key, spot } of source.repeated.slice(0, MAX_SCHEMA_ERRORS))
    issues.push({
      what: 'repeated-key',
      level: 'warn',
      spot,
      message: `the key ${JSON.stringify(excerpt(key, 60))} stands twice in one object, and only the last counts`,
      expected: 'each key once',
      next: source.mend(spot, undefined),
    })
  for (const error of reasons(source.whole?.(source.value) ?? []))
    add('schema', 'fail', error.path, inWords(error), 'what the schema asks for')

  const layout = layoutOf(source.value)
  if (!layout) {
    add('layout', 'fail', '', 'no list of jobs in it', 'an array of jobs, {"jobs": […]}, or one job with a schedule')
    return { jobs, issues }
  }
  for (const pointer of layout.strange)
    add('layout', 'fail', pointer, 'it stands in the list of jobs and is no object', 'an object for each job')

  for (const [index, job] of layout.jobs.entries()) {
    if (index % 32 === 31) {
      await new Promise(resolve => setImmediate(resolve))
      signal.throwIfAborted()
    }
    const label = excerpt(job.label, 60)
    const value = at(source.value, job.pointer)
    for (const error of reasons(source.job?.(value) ?? []))
      add(
        'schema',
        job.enabled ? 'fail' : 'warn',
        job.pointer + error.path,
        `"${label}"${job.enabled ? '' : ' (disabled)'}: ${inWords(error)}`,
        'a job as this release writes it',
        job,
      )
    if (job.schedules.length === 0)
      add(
        'schedule-unknown',
        'warn',
        job.pointer,
        `the schedule of "${label}" was not understood`,
        'a cron expression, {kind: "cron", expr, tz}, {kind: "at", at} or {kind: "every", everyMs}',
        job,
      )
    const firings: Firing[] = []
    for (const { pointer, schedule } of job.schedules) {
      const result = await firing(schedule, now)
      firings.push(result)
      const spot = source.spot(pointer)
      const issue = scheduleIssue(schedule, result, job, spot, place => source.mend(place, job))
      if (issue) issues.push(issue)
    }
    jobs.push({
      label: job.label,
      enabled: job.enabled,
      ...(job.id === undefined ? {} : { id: { scope: source.scope(index), text: job.id } }),
      spot: source.spot(job.id === undefined ? job.pointer : `${job.pointer}/id`),
      firings,
    })
  }
  return { jobs, issues }
}

const at = (value: unknown, pointer: string): unknown => {
  let found = value
  for (const part of pointer.split('/').slice(1))
    found = (found as Record<string, unknown> | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  return found
}
