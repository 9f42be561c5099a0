/** Jobs out of a JSON value, whatever the layout: pure, and with a pointer to each so that a message can name its line. */
import type { Schedule } from './schedule.ts'

export interface Job {
  /** JSON pointer to the job. */
  readonly pointer: string
  /** Absent where the file gives none. */
  readonly id?: string
  /** What people call it: its name, its id, or its number. */
  readonly label: string
  readonly enabled: boolean
  /** It has run and says so: a date in the past is then no surprise. */
  readonly ran: boolean
  /** With a pointer to each. Empty where none was recognised. */
  readonly schedules: readonly { readonly pointer: string; readonly schedule: Schedule }[]
}

export interface Layout {
  readonly jobs: readonly Job[]
  /** Pointers to what should be a job and is none. */
  readonly strange: readonly string[]
}

type Bag = Readonly<Record<string, unknown>>

const bag = (value: unknown): Bag | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Bag) : undefined

/** The first of the keys that holds a string. */
const textAt = (holder: Bag, keys: readonly string[]): { key: string; text: string } | undefined => {
  for (const key of keys) {
    const value = holder[key]
    if (typeof value === 'string') return { key, text: value }
  }
  return undefined
}

const EXPRESSION = ['expr', 'cron', 'expression', 'cronExpression', 'cron_expression'] as const
const ZONE = ['tz', 'timezone', 'timeZone', 'time_zone'] as const
const CLOCKLESS = new Set(['on-exit', 'stream', 'event', 'webhook', 'manual'])

const zone = (...holders: readonly Bag[]): { tz?: string } => {
  for (const holder of holders) {
    const found = textAt(holder, ZONE)
    if (found) return { tz: found.text }
  }
  return {}
}

const scalar = (value: unknown): string | number | undefined =>
  typeof value === 'string' || typeof value === 'number' ? value : undefined

const fromText = (text: string, holder: Bag): Schedule => {
  if (text.trim() === '@reboot') return { kind: 'event', name: text.trim() }
  const every = /^(?:every |@every )\s*(\S+)$/.exec(text.trim())?.[1]
  if (every !== undefined) return { kind: 'every', every }
  if (/^\d{4}-\d\d-\d\d/.test(text)) return { kind: 'at', at: text }
  return { kind: 'cron', expr: text, ...zone(holder) }
}

/** A schedule in an object that may be the job itself; `key` is what follows its pointer. */
const fromBag = (holder: Bag, job: Bag): { key: string; schedule: Schedule } | undefined => {
  const kind = textAt(holder, ['kind', 'type'])?.text
  const expression = textAt(holder, EXPRESSION)
  if (kind !== undefined && CLOCKLESS.has(kind)) return { key: '', schedule: { kind: 'event', name: kind } }
  const is = (...kinds: readonly string[]): boolean => kind === undefined || holder === job || kinds.includes(kind)
  if (expression && is('cron'))
    return {
      key: `/${expression.key}`,
      schedule: fromText(expression.text, holder),
    }
  for (const key of ['at', 'atMs', 'runAt']) {
    const at = scalar(holder[key])
    if (at !== undefined && is('at', 'once', 'date')) return { key: `/${key}`, schedule: { kind: 'at', at } }
  }
  for (const key of ['everyMs', 'every', 'intervalMs']) {
    const every = scalar(holder[key])
    const anchor = holder.anchorMs ?? job.createdAtMs
    if (every !== undefined && is('every', 'interval'))
      return {
        key: `/${key}`,
        schedule: { kind: 'every', every, ...(typeof anchor === 'number' ? { anchorMs: anchor } : {}) },
      }
  }
  return undefined
}

const withZone = (schedule: Schedule, job: Bag): Schedule =>
  schedule.kind === 'cron' && schedule.tz === undefined ? { ...schedule, ...zone(job) } : schedule

const schedulesOf = (job: Bag, pointer: string): Job['schedules'] => {
  const found: { pointer: string; schedule: Schedule }[] = []
  const take = (value: unknown, at: string): void => {
    const holder = bag(value)
    if (typeof value === 'string') found.push({ pointer: at, schedule: withZone(fromText(value, job), job) })
    else if (Array.isArray(value)) for (const [index, item] of value.entries()) take(item, `${at}/${index}`)
    else if (holder) {
      const inner = fromBag(holder, job)
      if (inner) found.push({ pointer: at + inner.key, schedule: withZone(inner.schedule, job) })
    }
  }
  for (const key of ['schedule', 'schedules', 'cron', 'trigger']) take(job[key], `${pointer}/${key}`)
  if (found.length > 0) return found
  const own = fromBag(job, job)
  return own ? [{ pointer: pointer + own.key, schedule: own.schedule }] : []
}

const identity = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined

const toJob = (holder: Bag, pointer: string, key: string): Job => {
  const id = identity(holder.id) ?? identity(holder.jobId)
  const state = bag(holder.state)
  return {
    pointer,
    ...(id === undefined ? {} : { id }),
    label: identity(holder.name) ?? id ?? identity(holder.title) ?? key,
    enabled: holder.enabled !== false && holder.disabled !== true && holder.paused !== true && holder.active !== false,
    ran: state?.lastRunAtMs !== undefined || holder.lastRunAtMs !== undefined || holder.lastRunAt !== undefined,
    schedules: schedulesOf(holder, pointer),
  }
}

const escape_ = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')

const fromList = (list: readonly unknown[], at: string): Layout => {
  const jobs: Job[] = []
  const strange: string[] = []
  for (const [index, item] of list.entries()) {
    const holder = bag(item)
    if (holder) jobs.push(toJob(holder, `${at}/${index}`, `job ${index + 1}`))
    else strange.push(`${at}/${index}`)
  }
  return { jobs, strange }
}

const SCHEDULED = ['schedule', 'schedules', 'trigger', ...EXPRESSION]

/** An array of jobs, `{jobs: […]}`, `{jobs: {id: …}}`, or one job. Undefined where the value is none of these. */
export const layoutOf = (value: unknown): Layout | undefined => {
  if (Array.isArray(value)) return fromList(value, '')
  const root = bag(value)
  if (!root) return undefined
  if (Array.isArray(root.jobs)) return fromList(root.jobs, '/jobs')
  const named = bag(root.jobs)
  if (named) {
    const jobs: Job[] = []
    const strange: string[] = []
    for (const [key, item] of Object.entries(named)) {
      const holder = bag(item)
      if (holder) jobs.push(toJob(holder, `/jobs/${escape_(key)}`, key))
      else if (typeof item === 'string') jobs.push(toJob({ schedule: item }, `/jobs/${escape_(key)}`, key))
      else strange.push(`/jobs/${escape_(key)}`)
    }
    return { jobs, strange }
  }
  return SCHEDULED.some(key => key in root) ? { jobs: [toJob(root, '', 'the job')], strange: [] } : undefined
}
