/** A launchd job: what its KeepAlive makes of our codes. Rules: launchd.plist(5). */
import { type PlistValue, plistDict, plistStrings } from '../../core/plist.ts'
import { excerpt, span } from '../../core/text.ts'
import { bareProgram, readArgv, type Surroundings } from './command.ts'
import { type Fate, type Judged, type Problem, problem, type Unjudged } from './problem.ts'
import { startProblems } from './start.ts'

const EXIT_TIMEOUT_S = 20

/** What makes launchd start a job, beside KeepAlive. */
const TRIGGERS = [
  'RunAtLoad',
  'StartInterval',
  'StartCalendarInterval',
  'StartOnMount',
  'WatchPaths',
  'QueueDirectories',
  'Sockets',
  'MachServices',
  'LaunchEvents',
]

interface Alive {
  readonly restartsOnZero: boolean
  readonly restartsOnFailure: boolean
  /** Keys beside SuccessfulExit, each of which restarts it on its own. */
  readonly others: readonly string[]
}

const aliveOf = (value: PlistValue | undefined): Alive => {
  const dict = plistDict(value)
  if (!dict) return { restartsOnZero: value === true, restartsOnFailure: value === true, others: [] }
  const { SuccessfulExit: success, ...rest } = dict
  const others = Object.keys(rest)
  return {
    restartsOnZero: success === true,
    restartsOnFailure: success === false,
    others: success === undefined ? [] : others,
  }
}

/** `missingFolder`: which of the log folders is not there; undefined where this is another host than the job's. */
export const judgeLaunchd = (
  value: PlistValue,
  around: Surroundings,
  missingFolder: (path: string) => string | undefined,
): Judged | Unjudged => {
  const job = plistDict(value)
  const program = typeof job?.Program === 'string' ? job.Program : undefined
  const words = plistStrings(job?.ProgramArguments)
  if (!job || (program === undefined && words.length === 0))
    return {
      what: 'nothing-here',
      observed: 'it has neither Program nor ProgramArguments',
      expected: 'a job that starts something',
      next: '<key>ProgramArguments</key>',
    }
  const of = typeof job.Label === 'string' ? job.Label : 'the job'
  const command = words.join(' ')
  // With Program the first of the words is only the name that it is started under.
  const started = readArgv(program === undefined ? words : [program, ...words.slice(1)], around)
  const ours = started.guard || started.gate
  const alive = aliveOf(job.KeepAlive)
  const shown =
    job.KeepAlive === undefined
      ? 'no KeepAlive'
      : plistDict(job.KeepAlive)
        ? `KeepAlive with ${Object.keys(plistDict(job.KeepAlive) ?? {}).join(', ')}`
        : `KeepAlive ${job.KeepAlive}`
  const fate = (code: 69 | 75 | 78): Fate => {
    if (started.hold && code !== 75) return 'does not occur'
    const zero = started.parks && code !== 75
    return (zero ? alive.restartsOnZero : alive.restartsOnFailure) ? 'restarted' : 'stays down'
  }
  const fates = { '69': fate(69), '75': fate(75), '78': fate(78) }
  const problems: Problem[] = []
  const add = (...given: Parameters<typeof problem>): number => problems.push(problem(...given))

  problems.push(...startProblems(started, command === '' ? (program ?? '') : command))
  if (job.Disabled === true)
    add('fail', 'not-started', [
      'launchd does not load the job: it is marked as disabled',
      'Disabled true',
      'no key Disabled',
      'delete the key Disabled',
    ])
  if ((job.KeepAlive ?? false) === false && !TRIGGERS.some(key => job[key] !== undefined && job[key] !== false))
    add('fail', 'not-started', [
      'launchd starts the job never by itself: it has neither RunAtLoad nor KeepAlive, nor any other trigger',
      'neither RunAtLoad nor KeepAlive',
      'RunAtLoad true',
      '<key>RunAtLoad</key><true/>',
    ])
  if (ours && (fates['69'] === 'restarted' || fates['78'] === 'restarted'))
    add('fail', 'loops', [
      `69 and 78 (mend first) are restarted for ever: launchd looks at no code${job.KeepAlive === true ? ', KeepAlive is true' : ''}`,
      `${shown}, and ${started.guard ? `neither --hold nor${job.KeepAlive === true ? '' : ' --supervisor launchd'}` : 'the gate alone'}`.replace(
        / neither --hold nor$/,
        ' no --hold',
      ),
      job.KeepAlive === true ? 'bootcheck guard --hold' : 'bootcheck guard --supervisor launchd',
      job.KeepAlive === true ? 'bootcheck guard --hold -- command' : 'bootcheck guard --supervisor launchd -- command',
    ])
  if (alive.others.length > 0)
    add('fail', 'crashed-key', [
      `${alive.others.join(', ')} beside SuccessfulExit restarts the job all the same: the keys of KeepAlive are joined by "or"`,
      shown,
      'SuccessfulExit alone',
      `delete the key ${alive.others[0]}`,
    ])
  if (started.guard && !alive.restartsOnFailure && !alive.restartsOnZero && alive.others.length === 0)
    add('warn', 'never-restarts', [
      'a gateway that crashes stays down: launchd restarts nothing here',
      shown,
      'KeepAlive true with --hold, or SuccessfulExit false',
      '<key>KeepAlive</key><true/>, and: bootcheck guard --hold -- command',
    ])
  const first = program ?? words[0] ?? ''
  const hasPath = typeof plistDict(job.EnvironmentVariables)?.PATH === 'string'
  const bare = first.startsWith('/') ? (hasPath ? undefined : bareProgram(words.slice(1).join(' '))) : first
  if (bare !== undefined)
    add(first.startsWith('/') ? 'warn' : 'fail', 'bare-program', [
      `which ${bare} is started is up to launchd's PATH (/usr/bin:/bin:/usr/sbin:/sbin), not to a shell's`,
      excerpt(command, 160),
      'the absolute path of the program',
      `command -v ${bare}`,
    ])
  const timeout = typeof job.ExitTimeOut === 'number' ? job.ExitTimeOut : EXIT_TIMEOUT_S
  if (started.guard && timeout > 0 && timeout * 1000 <= started.killAfterMs)
    add('warn', 'stop-timeout', [
      `launchd kills the guard after ${timeout} s, before it may kill the gateway (--kill-after ${span(started.killAfterMs)})`,
      `ExitTimeOut ${timeout}`,
      `more than ${span(started.killAfterMs)}`,
      `<key>ExitTimeOut</key><integer>${Math.ceil(started.killAfterMs / 1000) + 10}</integer>`,
    ])
  const logs = [job.StandardOutPath, job.StandardErrorPath].filter((path): path is string => typeof path === 'string')
  if (typeof job.StandardErrorPath !== 'string')
    add('warn', 'no-log', [
      'nobody reads why it failed: without StandardErrorPath what it says is lost',
      logs.length > 0 ? 'StandardOutPath alone' : 'neither StandardOutPath nor StandardErrorPath',
      'a file for each',
      '<key>StandardErrorPath</key><string>/path/to/gateway.log</string>',
    ])
  const missing = logs.map(missingFolder).find(folder => folder !== undefined)
  if (missing !== undefined)
    add('fail', 'log-folder', [
      `launchd cannot start the job: ${missing}, the folder of its log, is not there`,
      `nothing at ${missing}`,
      'a folder that the job may write to; launchd makes the file, not the folder',
      `mkdir -p '${missing.replaceAll("'", `'\\''`)}'`,
    ])
  return { of, problems, fates }
}
