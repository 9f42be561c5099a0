/** supervisord: what autorestart, exitcodes and startsecs make of our codes. Rules: supervisord.org/configuration.html and /subprocess.html. */
import { splitWords } from '../../core/systemd-unit.ts'
import { span } from '../../core/text.ts'
import { readArgv, type Surroundings } from './command.ts'
import { type IniSection, parseIni } from './ini.ts'
import { codesSay, type Fate, type Judged, type Problem, problem, type Unjudged } from './problem.ts'
import { startProblems } from './start.ts'

const DEFAULTS: Readonly<Record<string, string>> = {
  autostart: 'true',
  autorestart: 'unexpected',
  exitcodes: '0',
  startsecs: '1',
  startretries: '3',
  stopwaitsecs: '10',
  numprocs: '1',
}

const isTrue = (word: string | undefined): boolean => /^(?:true|yes|on|1)$/i.test(word ?? '')
const isFalse = (word: string): boolean => /^(?:false|no|off|0)$/i.test(word)

const judgeProgram = ({ name, line, entries }: IniSection, around: Surroundings): Judged => {
  const of = name.slice(name.indexOf(':') + 1)
  const given = (key: string): string | undefined => entries.get(key)?.value
  const value = (key: string): string => given(key) ?? DEFAULTS[key] ?? ''
  const place = (key: string): { line: number } => ({ line: entries.get(key)?.line ?? line })
  const command = value('command').replaceAll('%%', '%')
  const started = readArgv(splitWords(command) ?? command.split(/\s+/), around)
  const ours = started.guard || started.gate
  const autorestart = value('autorestart').toLowerCase()
  const codes = value('exitcodes').split(/[\s,]+/)
  const fate = (code: '69' | '75' | '78'): Fate => {
    if (started.hold && code !== '75') return 'does not occur'
    return isFalse(autorestart) || (!isTrue(autorestart) && codes.includes(code)) ? 'stays down' : 'restarted'
  }
  const fates = { '69': fate('69'), '75': fate('75'), '78': fate('78') }
  const prepared = !isTrue(autorestart) && !isFalse(autorestart) && codes.includes('69') && codes.includes('78')
  const guarded = started.guard || (!ours && prepared)
  const problems: Problem[] = []
  const add = (...[status, what, says, at]: Parameters<typeof problem>): number =>
    problems.push(problem(status, what, says, at ?? { line }))

  problems.push(...startProblems(started, `command=${command}`, { prepared, place: place('command') }))
  const refused = [
    ...(isTrue(autorestart) || isFalse(autorestart) || autorestart === 'unexpected' ? [] : ['autorestart']),
    ...(codes.every(code => /^\d+$/.test(code)) ? [] : ['exitcodes']),
    ...['startsecs', 'startretries', 'stopwaitsecs'].filter(key => !/^\d+$/.test(value(key))),
  ]
  for (const key of refused)
    add(
      'fail',
      'malformed',
      [
        `supervisord refuses the whole file: ${key}=${value(key)} is no value of it`,
        `${key}=${value(key)}`,
        key === 'autorestart' ? 'true, false or unexpected' : 'whole numbers',
        `${key}=${DEFAULTS[key]}`,
      ],
      place(key),
    )
  const looping = (['69', '78'] as const).filter(code => fates[code] === 'restarted')
  if (ours && looping.length > 0)
    add(
      'fail',
      'loops',
      [
        `${codesSay(looping)} ${looping.length > 1 ? 'are' : 'is'} restarted for ever: ${
          isTrue(autorestart) ? 'autorestart=true looks at no code' : 'exitcodes does not name them'
        }`,
        `autorestart=${autorestart}, exitcodes=${codes.join(',')}`,
        'EXITED, until somebody mends it: autorestart=unexpected, exitcodes=0,69,78',
        isTrue(autorestart) ? 'autorestart=unexpected' : 'exitcodes=0,69,78',
      ],
      place(isTrue(autorestart) ? 'autorestart' : 'exitcodes'),
    )
  const startsecs = Number(value('startsecs'))
  if (guarded && startsecs > 0 && !isFalse(autorestart))
    add(
      'warn',
      'failed-start',
      [
        `an end within ${span(startsecs * 1000)} is a failed start, whatever its code: 69, 75 and 78 are tried ${value('startretries')} times more, and then FATAL`,
        `startsecs=${value('startsecs')}${given('startsecs') === undefined ? ', the default' : ''}`,
        'startsecs=0: exitcodes is asked at each end',
        'startsecs=0',
      ],
      place('startsecs'),
    )
  if (guarded && isFalse(autorestart))
    add(
      'warn',
      'never-restarts',
      [
        'a gateway that crashes stays down: autorestart=false',
        'autorestart=false',
        'autorestart=unexpected, exitcodes=0,69,78',
        'autorestart=unexpected',
      ],
      place('autorestart'),
    )
  if (isFalse(value('autostart')))
    add(
      'warn',
      'not-started',
      [
        'supervisord does not start it by itself: autostart=false',
        'autostart=false',
        'autostart=true',
        'autostart=true',
      ],
      place('autostart'),
    )
  const wait = Number(value('stopwaitsecs')) * 1000
  if (guarded && wait <= started.killAfterMs)
    add(
      'warn',
      'stop-timeout',
      [
        `supervisord kills the guard after ${span(wait)}, before it may kill the gateway (--kill-after ${span(started.killAfterMs)})`,
        `stopwaitsecs=${value('stopwaitsecs')}${given('stopwaitsecs') === undefined ? ', the default' : ''}`,
        `more than ${span(started.killAfterMs)}`,
        `stopwaitsecs=${Math.ceil(started.killAfterMs / 1000) + 5}`,
      ],
      place('stopwaitsecs'),
    )
  if (guarded && isTrue(given('stopasgroup')))
    add(
      'warn',
      'kill-mode',
      [
        'supervisord sends its TERM to the gateway, too, past the guard',
        'stopasgroup=true',
        'stopasgroup=false, killasgroup=true',
        'stopasgroup=false',
      ],
      place('stopasgroup'),
    )
  else if (guarded && !isTrue(given('killasgroup')))
    add(
      'warn',
      'kill-mode',
      [
        'the gateway outlives a guard that is killed: killasgroup is off',
        'killasgroup=false',
        'killasgroup=true',
        'killasgroup=true',
      ],
      place('killasgroup'),
    )
  if (guarded && value('numprocs') !== '1')
    add(
      'fail',
      'cluster',
      [
        `${value('numprocs')} guards are started for one gateway: all but one answer 75 (it is running already)`,
        `numprocs=${value('numprocs')}`,
        'numprocs=1',
        'numprocs=1',
      ],
      place('numprocs'),
    )
  const home = /(?:^|[\s,])(?:HOME|XDG_STATE_HOME)=/.test(given('environment') ?? '')
  if (started.guard && given('user') !== undefined && !started.stateDir && !home)
    add(
      'warn',
      'no-state-folder',
      [
        `the guard runs as ${given('user')}, and HOME stays that of supervisord's own user: it may have no folder to remember in`,
        `user=${given('user')}, and neither --state-dir nor HOME`,
        '--state-dir, or environment=HOME=…',
        'bootcheck guard --state-dir /var/lib/gateway -- command',
      ],
      place('user'),
    )
  const logs = isTrue(given('redirect_stderr')) ? given('stdout_logfile') : given('stderr_logfile')
  if (/^(?:none|\/dev\/null)$/i.test(logs ?? ''))
    add(
      'warn',
      'no-log',
      [
        'nobody reads why it failed: what it says is thrown away',
        `stderr goes to ${logs}`,
        'a file',
        'redirect_stderr=true, and stdout_logfile=/var/log/gateway.log',
      ],
      place('stderr_logfile'),
    )
  return { of, problems, fates, ours }
}

/** Each of its programs. */
export const judgeSupervisord = (text: string, around: Surroundings): readonly Judged[] | Unjudged => {
  const { sections, odd } = parseIni(text)
  const programs = sections.filter(({ name }) => /^(?:program|fcgi-program|eventlistener):/.test(name))
  if (programs.length === 0) {
    const include = sections.find(({ name }) => name === 'include')?.entries.get('files')?.value
    return {
      what: 'nothing-here',
      observed:
        include === undefined ? 'it holds no [program:NAME]' : `it holds no [program:NAME], and includes ${include}`,
      expected: 'the file with the program that starts the gateway',
      next: include === undefined ? '[program:gateway]' : `ls -l ${include}`,
    }
  }
  // Each of them is lost by a line that supervisord refuses.
  const lines = odd.map(line =>
    problem(
      'fail',
      'malformed',
      [
        'supervisord refuses the whole file: a line is no key=value',
        `line ${line}`,
        'key=value',
        `delete line ${line}`,
      ],
      { line },
    ),
  )
  return programs.map(section => {
    const judged = judgeProgram(section, around)
    return { ...judged, problems: [...lines, ...judged.problems] }
  })
}
