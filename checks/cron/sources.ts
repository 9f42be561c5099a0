/** From files and stores to jobs: what is read, how it is read, and what could not be. */
import type { CheckContext } from '../../core/check.ts'
import { FileError, readText, stat } from '../../core/files.ts'
import { frameOf, type JsonFormat, type Place, parseJson } from '../../core/json-text.ts'
import { shownPath } from '../../core/paths.ts'
import { quote } from '../../core/shell.ts'
import { plural } from '../../core/text.ts'
import type { CronPreset } from '../../presets/openclaw-cron.ts'
import type { Validate } from '../../schemas/compile.ts'
import { looksLikeCrontab } from './crontab.ts'
import { ignoredByCron, lookAtCrontab } from './crontab-jobs.ts'
import { type Issue, type KnownJob, lazySpot, type Spot } from './finding.ts'
import { lookAtJson } from './json-jobs.ts'
import type { Referring } from './refs.ts'
import { readStore } from './store.ts'

export type Format = 'auto' | JsonFormat | 'crontab' | 'system-crontab'
export type Settled = Exclude<Format, 'auto'>

export interface Gathered {
  readonly jobs: readonly KnownJob[]
  readonly issues: readonly Issue[]
  /** JSON values in which `refs` are followed. */
  readonly values: readonly Referring[]
  /** Commands that only a shell could work out. */
  readonly unchecked: number
}

const MAX_BYTES = 32 * 1024 * 1024

const nothing: Gathered = { jobs: [], issues: [], values: [], unchecked: 0 }

/** By the path where it says it, else by the text. */
export const formatOf = (path: string, text: string): Settled => {
  if (/^\/etc\/(?:crontab$|cron\.d\/)/.test(path)) return 'system-crontab'
  if (/^\/(?:private\/)?(?:var\/(?:spool\/)?cron|var\/at|usr\/lib\/cron)\//.test(path)) return 'crontab'
  if (/\.json$/i.test(path)) return 'json'
  if (/\.(?:json5|jsonc)$/i.test(path)) return 'json5'
  if (/\.(?:jsonl|ndjson)$/i.test(path)) return 'jsonl'
  if (/(?:^|[./])(?:crontab|cron)$/i.test(path)) return 'crontab'
  return looksLikeCrontab(text) ? 'crontab' : 'json5'
}

const spotter = (path: string, text: string, ctx: CheckContext) => {
  const shown = shownPath(path, ctx)
  return (place: Place): Spot => ({
    path,
    shown: `${shown}:${place.line}`,
    line: place.line,
    column: place.column,
    frame: frameOf(text, place, ctx.mask),
  })
}

/** Other forms of JSON that the text would be good in. */
const hint = async (text: string, format: JsonFormat): Promise<string> => {
  for (const other of ['jsonl', 'json5'] as const)
    if (other !== format && text.trim() !== '' && !(await parseJson(text, other)).error) return `format: ${other}`
  return ''
}

export interface Judges {
  readonly job?: Validate
  readonly whole?: Validate
}

const unreadable = (path: string, error: FileError, ctx: CheckContext): Issue => ({
  what: 'unreadable',
  level: 'fail',
  spot: { path, shown: shownPath(path, ctx) },
  message: `${error.message.replace(`${path} `, '')} (${error.code})`,
  expected: `a file that ${ctx.user.name} may read`,
  next: `ls -lL ${quote(path)}`,
})

export const readJsonFile = async (
  path: string,
  text: string,
  format: JsonFormat,
  judges: Judges,
  ctx: CheckContext,
): Promise<Gathered> => {
  const spot = spotter(path, text, ctx)
  const parsed = await parseJson(text, format, ctx.mask)
  if (parsed.error) {
    const { line, column, message, frame } = parsed.error
    const at: Spot = { path, shown: `${shownPath(path, ctx)}:${line}`, line, column, frame }
    const other = await hint(text, format)
    return {
      ...nothing,
      issues: [
        {
          what: 'syntax',
          level: 'fail',
          spot: at,
          message: `${message} (column ${column})`,
          expected: `${format === 'jsonl' ? 'one JSON value on each line' : format === 'json5' ? 'JSON or JSON5' : 'JSON'}${other === '' ? '' : `; it would be good as ${other.slice(8)}`}`,
          next: other === '' ? `mend ${at.shown}, or restore the file from a backup` : other,
        },
      ],
    }
  }
  const located = (pointer: string): Spot => lazySpot(path, () => spot(parsed.locate(pointer)))
  const scope = 'files'
  const looked = await lookAtJson(
    {
      value: parsed.value,
      spot: located,
      scope: () => scope,
      repeated: parsed.repeated().map(({ key, line, column }) => ({ key, spot: spot({ line, column }) })),
      ...judges,
      mend: at => `mend ${at.shown}`,
    },
    ctx.now(),
    ctx.signal,
  )
  return { ...looked, values: [{ path, value: parsed.value, spot: located }], unchecked: 0 }
}

const readCrontabFile = async (path: string, text: string, system: boolean, ctx: CheckContext): Promise<Gathered> => {
  const spot = spotter(path, text, ctx)
  const looked = await lookAtCrontab(
    { path, text, system, spot: (line, column) => lazySpot(path, () => spot({ line, column })) },
    ctx,
  )
  const facts = system ? stat(path) : undefined
  const held = facts && ignoredByCron(path, facts)
  const ignored: Issue[] = held
    ? [
        {
          what: 'ignored',
          level: held.level,
          spot: spot({ line: 1, column: 1 }),
          message: held.message,
          expected: 'a file that cron reads',
          next: held.next,
        },
      ]
    : []
  return { ...looked, issues: [...ignored, ...looked.issues], values: [] }
}

/** Reads one job file. `schemaFor` is asked for the validator of the whole file when the file is JSON. */
export const readJobFile = async (
  path: string,
  format: Format,
  judges: Judges,
  ctx: CheckContext,
): Promise<Gathered> => {
  try {
    const text = readText(path, MAX_BYTES)
    const settled = format === 'auto' ? formatOf(path, text) : format
    return settled === 'crontab' || settled === 'system-crontab'
      ? await readCrontabFile(path, text, settled === 'system-crontab', ctx)
      : await readJsonFile(path, text, settled, judges, ctx)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return { ...nothing, issues: [unreadable(path, error, ctx)] }
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Reads a preset's store; undefined where there is none. */
export const readJobStore = async (
  path: string,
  preset: CronPreset,
  job: Validate,
  ctx: CheckContext,
): Promise<Gathered | undefined> => {
  const stored = readStore(path, preset.store.table)
  if (!stored) return undefined
  const shown = shownPath(path, ctx)
  if ('unread' in stored)
    return {
      ...nothing,
      issues: [
        {
          what: 'store-unread',
          level: 'warn',
          spot: { path, shown },
          message: `the jobs in it were not looked at: ${ctx.mask(stored.unread)}`,
          expected: `a database with the table ${preset.store.table}, and Node 22.13 or later to read it`,
          next: `run bootcheck with the Node of the gateway, or look: sqlite3 -readonly ${quote(path)} 'select count(*) from ${preset.store.table}'`,
        },
      ],
    }
  const issues: Issue[] = []
  const rows: { readonly scope: string; readonly id: string; readonly value: Record<string, unknown> }[] = []
  for (const row of stored.jobs) {
    const value = parsed(row.job)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const state = parsed(row.state)
      rows.push({
        scope: row.scope,
        id: row.id,
        value: {
          ...value,
          id: row.id,
          enabled: row.enabled,
          ...(typeof state === 'object' && state !== null ? { state } : {}),
        },
      })
    } else
      issues.push({
        what: 'syntax',
        level: 'fail',
        spot: { path, shown: `${shown}, job ${row.id}` },
        message: 'its job_json is no JSON object',
        expected: 'a job as JSON',
        next: `${preset.mend} ${quote(row.id)}`,
      })
  }
  const spot = (pointer: string): Spot => {
    const id = rows[Number(/^\/jobs\/(\d+)/.exec(pointer)?.[1] ?? Number.NaN)]?.id
    return { path, shown: id === undefined ? shown : `${shown}, job ${id}` }
  }
  const value = { jobs: rows.map(row => row.value) }
  const looked = await lookAtJson(
    {
      value,
      spot,
      scope: index => `${path} ${rows[index]?.scope ?? ''}`,
      repeated: [],
      job,
      mend: (_, found) =>
        `${preset.mend} ${quote(found?.id ?? 'ID')} (${plural(stored.jobs.length, 'job')} in the store; the gateway must run)`,
    },
    ctx.now(),
    ctx.signal,
  )
  return { jobs: looked.jobs, issues: [...issues, ...looked.issues], values: [{ path, value, spot }], unchecked: 0 }
}
