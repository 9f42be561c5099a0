/** Jobs in a crontab: what cron would ignore, and which programs are not there. */
import { basename } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, readText } from '../../core/files.ts'
import { quote } from '../../core/shell.ts'
import { userId } from '../../core/users.ts'
import { type CrontabEntry, type CrontabProblem, parseCrontab } from './crontab.ts'
import type { Issue, KnownJob, Looked, Spot } from './finding.ts'
import { scheduleIssue } from './json-jobs.ts'
import { commandLabel, findProgram, type Program, startsWith } from './programs.ts'
import { firing } from './schedule.ts'

/** cron's own, where the crontab sets none. */
const DEFAULT_PATH = '/usr/bin:/bin'

const WHAT: Readonly<Record<CrontabProblem['what'], { what: string; level: Issue['level']; expected: string }>> = {
  line: {
    what: 'crontab-line',
    level: 'fail',
    expected: 'five fields or @daily and the like, a user in a system crontab, and a command',
  },
  newline: { what: 'newline', level: 'fail', expected: 'a newline at the end of the file' },
  crlf: { what: 'crlf', level: 'fail', expected: 'lines that end in LF' },
  percent: { what: 'percent', level: 'warn', expected: 'each % of the command escaped' },
}

/** The home of a user of this host; undefined where /etc/passwd does not list it. */
const homeOf = (user: string, ctx: CheckContext): string | undefined => {
  if (user === ctx.user.name) return ctx.home
  try {
    const line = readText('/etc/passwd')
      .split('\n')
      .find(text => text.startsWith(`${user}:`))
    return line?.split(':')[5] || undefined
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

const PROGRAM: Readonly<Record<'no' | 'not-executable' | 'unseen', { what: string; level: Issue['level'] }>> = {
  no: { what: 'command', level: 'fail' },
  'not-executable': { what: 'command', level: 'fail' },
  unseen: { what: 'command-unseen', level: 'warn' },
}

const programIssue = (program: Program, label: string, spot: Spot, mend: (spot: Spot) => string): Issue | undefined => {
  if (program.found === 'yes' || program.found === 'unchecked') return undefined
  return {
    ...PROGRAM[program.found],
    spot,
    message: `"${label}" cannot start: ${program.message}`,
    expected:
      program.found === 'unseen' ? 'a program that this user may look at' : 'a program that exists and is executable',
    get next() {
      return mend(spot)
    },
  }
}

export interface CrontabSource {
  readonly path: string
  readonly text: string
  readonly system: boolean
  spot(line: number, column: number): Spot
}

/** A user's crontab in cron's spool is named after the user. */
const ownerOf = (path: string, ctx: CheckContext): string =>
  /^\/(?:var|private\/var|usr\/lib)\//.test(path) ? basename(path) : ctx.user.name

export const lookAtCrontab = async (
  source: CrontabSource,
  ctx: CheckContext,
): Promise<Looked & { unchecked: number }> => {
  const { entries, problems } = parseCrontab(source.text, source.system)
  const mend = (spot: Spot): string =>
    source.system || source.path.startsWith(ctx.cwd) ? `mend ${spot.shown}` : `crontab -e (line ${spot.line})`
  const issues: Issue[] = problems.map(({ what, line, column, message }) => {
    const spot = source.spot(line, column)
    const next =
      what === 'newline'
        ? `echo >> ${quote(source.path)}`
        : what === 'crlf'
          ? `sed -i 's/\\r$//' ${quote(source.path)}`
          : mend(spot)
    return { ...WHAT[what], spot, message, next }
  })
  const jobs: KnownJob[] = []
  const shells = new Set<string>()
  let unchecked = 0
  for (const entry of entries) {
    const user = entry.user ?? ownerOf(source.path, ctx)
    const label = commandLabel(entry.command)
    const spot = source.spot(entry.line, entry.column)
    const commandSpot = source.spot(entry.line, entry.commandColumn)
    if (entry.user !== undefined && userId(entry.user) === undefined)
      issues.push({
        what: 'user',
        level: 'fail',
        spot,
        message: `"${label}" is to run as ${entry.user}, and there is no such user`,
        expected: 'a user of this host in the sixth field',
        next: mend(spot),
      })
    const result = await firing(entry.schedule, ctx.now())
    const job = { label, enabled: true, ran: false }
    const wrong = scheduleIssue(entry.schedule, result, job, spot, mend)
    if (wrong) issues.push(wrong)
    const surroundings = around(entry, user, ctx)
    const shell = entry.env.SHELL
    if (shell !== undefined && !shells.has(shell)) {
      shells.add(shell)
      const issue = programIssue(findProgram(shell, surroundings), 'SHELL', spot, mend)
      if (issue) issues.push(issue)
    }
    const program = startsWith(entry.command, surroundings)
    if (program.found === 'unchecked') unchecked++
    const missing = programIssue(program, label, commandSpot, mend)
    if (missing) issues.push(missing)
    jobs.push({ label, enabled: true, spot, firings: [result] })
  }
  return { jobs, issues, unchecked }
}

const around = (entry: CrontabEntry, user: string, ctx: CheckContext) => {
  const home = entry.env.HOME ?? homeOf(user, ctx)
  return {
    env: { PATH: DEFAULT_PATH, SHELL: '/bin/sh', LOGNAME: user, USER: user, HOME: home, ...entry.env },
    folder: home,
    otherPath: ctx.env.PATH,
  }
}

/** What cron holds against a file itself; `mode` and `uid` as stat gives them. Undefined if nothing. */
export const ignoredByCron = (
  path: string,
  { mode, uid }: { readonly mode: number; readonly uid: number },
): { level: Issue['level']; message: string; next: string } | undefined => {
  if (!path.startsWith('/etc/')) return undefined
  if (uid !== 0)
    return {
      level: 'fail',
      message: `it belongs to uid ${uid}, and cron reads only those of root`,
      next: `chown root ${path}`,
    }
  if ((mode & 0o022) !== 0)
    return {
      level: 'fail',
      message: `its mode ${(mode & 0o777).toString(8)} lets others write, and cron then ignores it`,
      next: `chmod go-w ${path}`,
    }
  if (path.startsWith('/etc/cron.d/') && !/^[A-Za-z0-9_-]+$/.test(basename(path)))
    return {
      level: 'warn',
      message: 'its name has a character that makes cron on Debian ignore the file',
      next: `rename ${path}: letters, digits, _ and - only`,
    }
  return undefined
}
