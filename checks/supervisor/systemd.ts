/** A systemd service: what its Restart= and the rest make of our codes. Rules: systemd.service(5), systemd.unit(5), systemd.kill(5). */
import { quote } from '../../core/shell.ts'
import { entriesOf, lastOf, splitWords, type Unit, type UnitEntry, unitSpan } from '../../core/systemd-unit.ts'
import { excerpt, span } from '../../core/text.ts'
import { readArgv, readShell, type Started, type Surroundings } from './command.ts'
import { codesSay, type Fate, type Judged, type Problem, problem, type Unjudged } from './problem.ts'
import { startProblems } from './start.ts'

/** In front of the program's path (`-`: its failure is ignored; `|`: a shell reads it). */
const PREFIX = /^[-@:+!|]*/

const prefixOf = ({ value }: UnitEntry): string => PREFIX.exec(value)?.[0] ?? ''

/** What one `Exec…=` starts. `@` puts another name behind the program. */
const readExec = (entry: UnitEntry, around: Surroundings): Started => {
  const prefix = prefixOf(entry)
  const value = entry.value.slice(prefix.length)
  if (prefix.includes('|')) return readShell(value, around)
  const words = (splitWords(value) ?? value.split(/\s+/)).map(word => word.replaceAll('$$', '$'))
  return readArgv(prefix.includes('@') ? words.filter((_, at) => at !== 1) : words, around)
}

const at = (entry: UnitEntry | undefined): Pick<Problem, 'line' | 'file'> =>
  entry ? { line: entry.line, file: entry.file } : {}

const wordsIn = (entries: readonly UnitEntry[]): ReadonlySet<string> =>
  new Set(entries.flatMap(({ value }) => value.split(/\s+/)))

interface Policy {
  readonly restart: string
  readonly entry: UnitEntry | undefined
  readonly restarts: (code: number) => boolean
  readonly success: ReadonlySet<string>
  /** 69 and 78 are named as codes that are not restarted. */
  readonly prepared: boolean
}

/** sysexits(3) by name, as systemd takes them, too. */
const NAMES: Readonly<Record<number, string>> = { 69: 'UNAVAILABLE', 75: 'TEMPFAIL', 78: 'CONFIG' }

/** systemd.service(5). Another word systemd passes over, with a line in the journal. */
const RESTARTS: ReadonlySet<string> = new Set([
  'no',
  'always',
  'on-success',
  'on-failure',
  'on-abnormal',
  'on-abort',
  'on-watchdog',
])

/** `ignored`: "-" stands in front of the command, so that each end counts as a success. */
const policyOf = (unit: Unit, ignored: boolean): Policy => {
  const entry = lastOf(unit, 'Service', 'Restart')
  const restart = RESTARTS.has(entry?.value ?? '') ? (entry?.value ?? 'no') : 'no'
  const prevent = wordsIn(entriesOf(unit, 'Service', 'RestartPreventExitStatus'))
  const force = wordsIn(entriesOf(unit, 'Service', 'RestartForceExitStatus'))
  const success = wordsIn(entriesOf(unit, 'Service', 'SuccessExitStatus'))
  const has = (set: ReadonlySet<string>, code: number): boolean => set.has(String(code)) || set.has(NAMES[code] ?? '')
  const restarts = (code: number): boolean => {
    if (has(prevent, code)) return false
    if (has(force, code) || restart === 'always') return true
    return ignored || has(success, code) ? restart === 'on-success' : restart === 'on-failure'
  }
  const prepared = restart !== 'no' && has(prevent, 69) && has(prevent, 78)
  return { restart, entry, restarts, success, prepared }
}

const gateProblems = (unit: Unit, { restart }: Policy, around: Surroundings): Problem[] => {
  const problems: Problem[] = []
  for (const entry of entriesOf(unit, 'Service', 'ExecStartPre')) {
    const started = readExec(entry, around)
    if (!started.gate && !started.guard) continue
    const own = startProblems(started, `ExecStartPre=${entry.value}`, { place: at(entry) })
    problems.push(...own)
    if (prefixOf(entry).includes('-'))
      problems.push(
        problem(
          'fail',
          'gate-ignored',
          [
            'the gate is asked and not listened to: "-" in front of ExecStartPre ignores its answer',
            `ExecStartPre=${excerpt(entry.value, 120)}`,
            'bootcheck guard in ExecStart=',
            `delete the "-" in ${entry.file}:${entry.line}`,
          ],
          at(entry),
        ),
      )
    else if (restart !== 'no' && own.length === 0)
      problems.push(
        problem(
          'fail',
          'gate-loops',
          [
            `a closed gate is asked again and again: ExecStartPre fails the unit, and Restart=${restart} starts it anew`,
            'RestartPreventExitStatus= looks at the main process alone',
            'bootcheck guard in ExecStart=, with RestartPreventExitStatus=69 78',
            `move it from ${entry.file}:${entry.line} into ExecStart=: bootcheck guard --supervisor systemd -- command`,
          ],
          at(entry),
        ),
      )
  }
  for (const entry of entriesOf(unit, 'Service', 'ExecCondition')) {
    const started = readExec(entry, around)
    if (started.gate || started.guard)
      problems.push(
        ...startProblems(started, `ExecCondition=${entry.value}`, { place: at(entry) }),
        problem(
          'warn',
          'silent',
          [
            'a closed gate is told to nobody: with ExecCondition= the unit is skipped, not failed, and OnFailure= does not act',
            `ExecCondition=${excerpt(entry.value, 120)}`,
            'bootcheck guard in ExecStart=',
            `move it from ${entry.file}:${entry.line} into ExecStart=`,
          ],
          at(entry),
        ),
      )
  }
  return problems
}

const codeProblems = (policy: Policy, started: Started, fates: Judged['fates'], command: string): Problem[] => {
  const { restart, entry, success } = policy
  const problems: Problem[] = []
  // The gate alone says no with 1, as a crash does.
  const translated = /\bexit\s+(?:69|78)\b/.test(command)
  if (!started.guard && started.gate && started.unheeded === undefined && !translated && policy.restarts(1))
    problems.push(
      problem(
        'fail',
        'gate-loops',
        [
          `a closed gate ends with 1, and Restart=${restart} asks it again and again`,
          'bootcheck run in ExecStart=, whose 1 is no other than that of a crash',
          'bootcheck guard in ExecStart=, which ends with 78',
          'write: bootcheck guard --supervisor systemd -- command',
        ],
        at(entry),
      ),
    )
  const looping = (['69', '78'] as const).filter(code => fates[code] === 'restarted')
  if (looping.length > 0)
    problems.push(
      problem(
        'fail',
        'loops',
        [
          `${codesSay(looping)} ${looping.length > 1 ? 'are' : 'is'} restarted for ever: Restart=${restart}`,
          `Restart=${restart}, and no RestartPreventExitStatus= with ${looping.join(' ')}`,
          'the unit stays failed until somebody mends it',
          'RestartPreventExitStatus=69 78',
        ],
        at(entry),
      ),
    )
  const hushed = ['69', '78'].filter(code => success.has(code))
  if (hushed.length > 0)
    problems.push(
      problem('warn', 'silent', [
        `${hushed.join(' and ')} counts as success: the unit is not failed, and OnFailure= tells nobody`,
        `SuccessExitStatus=${[...success].join(' ')}`,
        'SuccessExitStatus=143 alone',
        'SuccessExitStatus=143',
      ]),
    )
  if (started.guard && restart !== 'always' && restart !== 'on-failure')
    problems.push(
      problem(
        'warn',
        'never-restarts',
        [
          entry && entry.value !== restart
            ? `a gateway that crashes stays down: Restart=${entry.value} is no word that systemd knows`
            : `a gateway that ends with an exit code stays down: Restart=${restart}`,
          entry ? `Restart=${entry.value}` : 'no Restart=',
          'Restart=on-failure',
          'Restart=on-failure',
        ],
        at(entry),
      ),
    )
  return problems
}

const BURST = 5
const INTERVAL_MS = 10_000
const RESTART_SEC_MS = 100

const limitProblem = (unit: Unit, restart: string): Problem[] => {
  if (restart === 'no') return []
  const interval =
    lastOf(unit, 'Unit', 'StartLimitIntervalSec') ??
    lastOf(unit, 'Unit', 'StartLimitInterval') ??
    lastOf(unit, 'Service', 'StartLimitInterval')
  const burst = lastOf(unit, 'Unit', 'StartLimitBurst') ?? lastOf(unit, 'Service', 'StartLimitBurst')
  const intervalMs = interval ? unitSpan(interval.value) : INTERVAL_MS
  const count = burst ? Number(burst.value) : BURST
  const delayMs = unitSpan(lastOf(unit, 'Service', 'RestartSec')?.value ?? '') ?? RESTART_SEC_MS
  if (intervalMs === undefined || !(intervalMs <= count * delayMs)) return []
  return [
    problem(
      'warn',
      'start-limit',
      [
        intervalMs === 0
          ? 'there is no start limit: StartLimitIntervalSec=0'
          : `the start limit never trips: ${count} starts, ${span(delayMs)} apart, do not fit into ${span(intervalMs)}`,
        `StartLimitIntervalSec ${span(intervalMs)}, StartLimitBurst ${count}, RestartSec ${span(delayMs)}`,
        `an interval above ${span(count * delayMs)} and the time that ${count} starts take to fail`,
        `StartLimitIntervalSec=${Math.max(300, Math.ceil((count * delayMs * 2) / 1000))}`,
      ],
      at(interval),
    ),
  ]
}

const guardProblems = (unit: Unit, started: Started, isUser: boolean): Problem[] => {
  if (!started.guard) return []
  const problems: Problem[] = []
  const value = (key: string): string | undefined => lastOf(unit, 'Service', key)?.value
  const stop = lastOf(unit, 'Service', 'TimeoutStopSec') ?? lastOf(unit, 'Service', 'TimeoutSec')
  const stopMs = stop && unitSpan(stop.value)
  if (stopMs !== undefined && stopMs > 0 && stopMs <= started.killAfterMs)
    problems.push(
      problem(
        'warn',
        'stop-timeout',
        [
          `systemd kills the guard after ${span(stopMs)}, before it may kill the gateway (--kill-after ${span(started.killAfterMs)})`,
          `${stop?.key}=${stop?.value}`,
          `more than ${span(started.killAfterMs)}`,
          `TimeoutStopSec=${Math.ceil(started.killAfterMs / 1000) + 5}s`,
        ],
        at(stop),
      ),
    )
  const mode = value('KillMode') ?? 'control-group'
  if (mode !== 'mixed')
    problems.push(
      problem(
        mode === 'control-group' ? 'warn' : 'fail',
        'kill-mode',
        [
          mode === 'control-group'
            ? 'TERM goes to the guard and to the gateway at once (KillMode=control-group)'
            : `KillMode=${mode} leaves the gateway alive when the guard is killed`,
          `KillMode=${mode}${value('KillMode') === undefined ? ', the default' : ''}`,
          'KillMode=mixed: TERM for the guard, KILL for what is left',
          'KillMode=mixed',
        ],
        at(lastOf(unit, 'Service', 'KillMode')),
      ),
    )
  const variables = entriesOf(unit, 'Service', 'Environment').some(entry =>
    /\b(?:HOME|XDG_STATE_HOME)=/.test(entry.value),
  )
  if (!started.stateDir && !isUser && !variables)
    problems.push(
      problem('warn', 'no-state-folder', [
        'the guard has no folder of its own to remember in: a service user often has no home',
        'neither --state-dir nor HOME',
        'StateDirectory=, and its folder as --state-dir',
        'StateDirectory=bootcheck-gateway, and: bootcheck guard --state-dir /var/lib/bootcheck-gateway',
      ]),
    )
  const type = value('Type')
  if (type === 'notify' && value('NotifyAccess') !== 'all')
    problems.push(
      problem('fail', 'notify', [
        'the unit never gets ready: the guard tells systemd by systemd-notify, a child, and only the main process is heard',
        `Type=notify, NotifyAccess=${value('NotifyAccess') ?? 'main'}`,
        'NotifyAccess=all',
        'NotifyAccess=all',
      ]),
    )
  const startMs = unitSpan(value('TimeoutStartSec') ?? value('TimeoutSec') ?? '90s')
  if (type === 'notify' && startMs !== undefined && startMs !== 0 && startMs !== Number.POSITIVE_INFINITY)
    problems.push(
      problem('warn', 'start-timeout', [
        `a guard that waits is killed after ${span(startMs)}, and its wait with it`,
        `Type=notify, TimeoutStartSec ${span(startMs)}`,
        'TimeoutStartSec=infinity',
        'TimeoutStartSec=infinity',
      ]),
    )
  return problems
}

const programProblem = (entry: UnitEntry): Problem[] => {
  if (prefixOf(entry).includes('|')) return []
  const word = /^["']?([^\s"']+)/.exec(entry.value.replace(PREFIX, ''))?.[1] ?? ''
  if (word === '' || word.startsWith('/') || word.startsWith('%') || word.startsWith('$')) return []
  return [
    problem(
      word.includes('/') ? 'fail' : 'warn',
      'bare-program',
      [
        word.includes('/')
          ? `systemd refuses ${word}: a path has to be absolute`
          : `which ${word} is started is up to systemd's own folders, not to PATH of a shell`,
        `ExecStart=${excerpt(entry.value, 120)}`,
        'the absolute path of the program',
        `command -v ${quote(word)}`,
      ],
      at(entry),
    ),
  ]
}

/** `-` in front of `ExecStart=`: what ends it is no failure, whatever it is. */
const ignoredProblem = (entry: UnitEntry, restart: string): Problem =>
  problem(
    'fail',
    'gate-ignored',
    [
      `each end counts as a success, by the "-" in front of ExecStart=: ${
        restart === 'always' || restart === 'on-success'
          ? 'a closed gate is told to nobody'
          : 'a gateway that crashes stays down, and a closed gate is told to nobody'
      }`,
      `ExecStart=${excerpt(entry.value, 120)}`,
      'ExecStart= without "-"',
      `delete the "-" in ${entry.file}:${entry.line}`,
    ],
    at(entry),
  )

/** A service that systemd takes for started only when its first process ends: the guard never does. */
const typeProblem = (unit: Unit): Problem[] => {
  const type = lastOf(unit, 'Service', 'Type')
  if (type?.value !== 'forking' && type?.value !== 'oneshot') return []
  const limit = lastOf(unit, 'Service', 'TimeoutStartSec') ?? lastOf(unit, 'Service', 'TimeoutSec')
  const startMs = unitSpan(limit?.value ?? '90s') ?? 90_000
  return [
    problem(
      'fail',
      'start-timeout',
      [
        type.value === 'oneshot'
          ? 'the unit never gets active: Type=oneshot waits for its command to end, and the guard stays'
          : `the unit never gets active${startMs > 0 && startMs < Number.POSITIVE_INFINITY ? `, and the guard is killed after ${span(startMs)}` : ''}: Type=forking waits for its first process to end`,
        `Type=${type.value}`,
        'Type=exec, and a gateway that stays in the foreground',
        'Type=exec',
      ],
      at(type),
    ),
  ]
}

/** `around`: the scripts that can be looked into. */
export const judgeSystemd = (unit: Unit, of: string, isUser: boolean, around: Surroundings): Judged | Unjudged => {
  const starts = entriesOf(unit, 'Service', 'ExecStart')
  const [first] = starts
  if (!first)
    return {
      what: 'nothing-here',
      observed: `${of} has no ExecStart=`,
      expected: 'a service that starts something',
      next: `systemctl cat ${quote(of)}`,
    }
  const read = starts.map(entry => ({ entry, started: readExec(entry, around) }))
  const { entry, started } = read.find(each => each.started.guard) ??
    read.find(each => each.started.gate) ??
    read.find(each => each.started.other) ?? { entry: first, started: readExec(first, around) }
  const ours = started.guard || started.gate
  const ignored = prefixOf(entry).includes('-')
  const policy = policyOf(unit, ignored)
  const fate = (code: 69 | 75 | 78): Fate => {
    if (started.hold && code !== 75) return 'does not occur'
    return policy.restarts(code) ? 'restarted' : 'stays down'
  }
  const fates = { '69': fate(69), '75': fate(75), '78': fate(78) }
  const gates = gateProblems(unit, policy, around)
  const asked = entriesOf(unit, 'Service', 'ExecStartPre').some(each => readExec(each, around).gate)
  const ofStart =
    !ours && (asked || gates.length > 0)
      ? []
      : startProblems(started, entry.value, { prepared: policy.prepared, place: at(entry) })
  const problems = [
    ...gates,
    ...ofStart,
    ...(ours && ignored ? [ignoredProblem(entry, policy.restart)] : []),
    ...(ours ? codeProblems(policy, started, fates, entry.value) : []),
    ...(started.guard ? typeProblem(unit) : []),
    ...guardProblems(unit, started, isUser),
    ...starts.flatMap(programProblem),
    ...limitProblem(unit, policy.restart),
    ...unit.flaws.map(({ file, line, message }) =>
      problem(
        'warn',
        'ignored-line',
        [`systemd ignores line ${line}: ${message}`, message, 'KEY=VALUE', `sed -n ${line}p ${quote(file)}`],
        { file, line },
      ),
    ),
  ]
  return { of, problems, fates }
}
