/** Reads a crontab as cron does (crontab(5) of Vixie cron, Debian's and cronie): pure, line by line. */
import type { Schedule } from './schedule.ts'

export interface CrontabEntry {
  readonly line: number
  /** Columns of the schedule and of the command, 1-based. */
  readonly column: number
  readonly commandColumn: number
  readonly schedule: Schedule
  /** Only in a system crontab. */
  readonly user?: string
  readonly command: string
  /** The crontab's own variables at this line. */
  readonly env: Readonly<Record<string, string>>
}

export type CrontabProblem = {
  readonly line: number
  readonly column: number
  readonly what: 'line' | 'newline' | 'crlf' | 'percent'
  readonly message: string
}

export interface Crontab {
  readonly entries: readonly CrontabEntry[]
  readonly problems: readonly CrontabProblem[]
}

const MACROS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

const VARIABLE = /^\s*(?:"([^"=]+)"|'([^'=]+)'|([A-Za-z_][A-Za-z0-9_]*))\s*=\s*(.*?)\s*$/
const FIELDS = /^(\s*)((?:\S+[ \t]+){5})(.*)$/s
const MACRO = /^(\s*)(@\S*)(?:[ \t]+(.*))?$/s
const USER = /^(\S+)(?:[ \t]+(.*))?$/s
const NAMES = /jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat/gi

const unquoted = (value: string): string => /^(["'])(.*)\1$/s.exec(value)?.[2] ?? value

/** cron's own fields, in croner's words: a random minute (cronie's `5~20`) is somewhere in its range. Undefined where cron would refuse it. */
const asExpression = (fields: string): string | undefined => {
  const text = fields.trim().replace(/[ \t]+/g, ' ')
  if (/[^0-9*,/~ -]/.test(text.replace(NAMES, ''))) return undefined
  return text.replace(/(\d+)~(\d+)/g, '$1-$2').replace(/(^|[ ,])\d*~\d*/g, '$1*')
}

/** A `%` that is not escaped ends the command; what follows is its standard input. */
const commandOf = (text: string): { command: string; percent: number } => {
  const percent = /(?<!\\)%/.exec(text)?.index ?? -1
  return { command: (percent < 0 ? text : text.slice(0, percent)).replaceAll('\\%', '%').trim(), percent }
}

export const parseCrontab = (text: string, system: boolean): Crontab => {
  const entries: CrontabEntry[] = []
  const problems: CrontabProblem[] = []
  let env: Record<string, string> = {}
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  else if (text !== '')
    problems.push({
      line: lines.length,
      column: (lines.at(-1) ?? '').length + 1,
      what: 'newline',
      message: 'the last line has no newline at its end: cron ignores it, and on Debian the whole file',
    })
  const carriage = lines.findIndex(line => line.endsWith('\r'))
  if (carriage >= 0)
    problems.push({
      line: carriage + 1,
      column: (lines[carriage] ?? '').length,
      what: 'crlf',
      message: 'lines end in CR LF: the CR becomes part of the command or the value',
    })

  for (const [index, raw] of lines.entries()) {
    const line = index + 1
    const content = raw.replace(/\r$/, '')
    if (/^\s*(#|$)/.test(content)) continue
    const variable = VARIABLE.exec(content)
    if (variable) {
      env = { ...env, [variable[1] ?? variable[2] ?? variable[3] ?? '']: unquoted(variable[4] ?? '') }
      continue
    }
    const bad = (column: number, message: string): void => {
      problems.push({ line, column, what: 'line', message })
    }
    const macro = MACRO.exec(content)
    const fields = macro ? undefined : FIELDS.exec(content)
    const column = (macro?.[1] ?? fields?.[1] ?? '').length + 1
    const head = macro?.[2] ?? fields?.[2]
    if (head === undefined) {
      bad(1, 'neither a job (five fields and a command) nor a variable')
      continue
    }
    const rest = (macro ? macro[3] : fields?.[3]) ?? ''
    const owner = system ? USER.exec(rest) : undefined
    const tail = system ? (owner?.[2] ?? '') : rest
    const { command, percent } = commandOf(tail)
    const commandColumn = content.length - tail.length + 1
    const zone = env.CRON_TZ ? { tz: env.CRON_TZ } : {}
    let schedule: Schedule
    if (macro) {
      const expr = MACROS[head.toLowerCase()]
      if (head.toLowerCase() === '@reboot') schedule = { kind: 'event', name: head }
      else if (expr) schedule = { kind: 'cron', expr, ...zone }
      else {
        bad(column, `${head} is no name of a schedule`)
        continue
      }
    } else {
      const expr = asExpression(head)
      if (expr === undefined) {
        bad(column, `"${head.trim()}" holds a character that cron does not read`)
        continue
      }
      schedule = { kind: 'cron', expr, ...zone }
    }
    if (system && !owner) bad(commandColumn, 'the user and the command are missing')
    else if (command === '')
      bad(
        commandColumn,
        system && owner
          ? `a command is missing after "${owner[1]}": a system crontab names the user first`
          : 'the command is missing',
      )
    else {
      if (percent >= 0)
        problems.push({
          line,
          column: commandColumn + percent,
          what: 'percent',
          message: 'an unescaped % ends the command, and the rest becomes its input: write \\%',
        })
      entries.push({ line, column, commandColumn, schedule, ...(owner?.[1] ? { user: owner[1] } : {}), command, env })
    }
  }
  return { entries, problems }
}

/** Whether a text that names no format looks like a crontab: its first line that says anything is a job or a variable. */
export const looksLikeCrontab = (text: string): boolean => {
  const first = text.split('\n').find(line => !/^\s*(#|$)/.test(line)) ?? ''
  return /^\s*([\d*][\d*,/~-]*[ \t]+\S|@[a-z]+[ \t]|[A-Za-z_][A-Za-z0-9_]*\s*=)/.test(first)
}
