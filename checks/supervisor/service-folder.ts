/** The service folders of runit and s6: `run` is started again after each end, unless `finish` says otherwise. Rules: runsv(8), s6-supervise and s6-rc of skarnet.org. */
import { span } from '../../core/text.ts'
import { readShell, type Surroundings } from './command.ts'
import { codesSay, type Fate, type Judged, type Problem, problem, type Unjudged } from './problem.ts'
import { commandsIn } from './shell.ts'
import { startProblems } from './start.ts'

export interface Script {
  readonly path: string
  readonly text: string
  readonly executable: boolean
}

export interface ServiceFolder {
  /** The folder's own name. */
  readonly name: string
  readonly kind: 'runit' | 's6'
  readonly run: Script
  readonly finish: Script | undefined
  /** A file `down` stands in it. */
  readonly down: boolean
  /** `timeout-kill` of s6, in ms; undefined where there is none. */
  readonly timeoutKillMs: number | undefined
}

const withoutComments = (text: string): string => text.replaceAll(/(?:^|\s)#[^\n]*/g, '')

/** Whether a `finish` puts its service down: `exit 125` for s6; for runit `d` in the control pipe, or sv. */
const putsDown = (kind: ServiceFolder['kind'], text: string): boolean =>
  kind === 's6'
    ? /\bexit\s+125\b|\bs6-permafailon\b|\bs6-svc\s+(?:-\S*[dO])/.test(text)
    : />>?\s*\S*supervise\/control\b/.test(text) || /\bsv\s+(?:-\S+\s+)*(?:d|down|stop|o|once|exit|x)\b/.test(text)

/** What a `finish` makes of a code: told by the codes that stand in it. Undefined where it compares them in another way. */
const staysDown = (kind: ServiceFolder['kind'], finish: string, code: string): boolean | undefined => {
  const text = withoutComments(finish)
  if (!putsDown(kind, text)) return false
  const names = new RegExp(`(?<![\\w.])${code}(?![\\w.])`).test(text.replaceAll(/\bexit\s+125\b/g, ''))
  if (names) return true
  // No word of a condition: for whatever code.
  if (!/\b(?:case|if|test|eltest|ifelse|ifte)\b|\[|&&|\|\|/.test(text)) return true
  return /-(?:ge|gt|le|lt)\b|\d-\d|\[\d/.test(text) ? undefined : false
}

const notExecutable = ({ path }: Script, name: string, kind: string): Problem =>
  problem(
    'fail',
    'not-executable',
    [
      name === 'run'
        ? `${kind} cannot start it: run is not executable`
        : `${kind} passes over finish, which is not executable`,
      `${path} without x`,
      `an executable ${name}`,
      `chmod +x ${path}`,
    ],
    { file: path },
  )

export const judgeServiceFolder = (
  { name, kind, run, finish, down, timeoutKillMs }: ServiceFolder,
  around: Surroundings,
): Judged | Unjudged => {
  if (commandsIn(run.text).length === 0)
    return {
      what: 'nothing-here',
      observed: 'run starts nothing',
      expected: 'a script',
      next: 'exec bootcheck guard -- command',
    }
  const started = readShell(run.text, around)
  const ours = started.guard || started.gate
  const heard = finish?.executable ? finish : undefined
  const answers = (['69', '75', '78'] as const).map(code => staysDown(kind, heard?.text ?? '', code))
  const fate = (index: number): Fate =>
    started.hold && index !== 1 ? 'does not occur' : answers[index] === true ? 'stays down' : 'restarted'
  const fates = { '69': fate(0), '75': fate(1), '78': fate(2) }
  const open = answers[0] === undefined || answers[2] === undefined
  const prepared = answers[0] === true && answers[2] === true
  const problems: Problem[] = []
  const add = (...given: Parameters<typeof problem>): number => problems.push(problem(...given))
  if (!run.executable) problems.push(notExecutable(run, 'run', kind))
  if (finish && !finish.executable) problems.push(notExecutable(finish, 'finish', kind))
  const exec = commandsIn(run.text).findLast(({ words }) => words[0] === 'exec') ?? commandsIn(run.text).at(-1)
  problems.push(...startProblems(started, exec?.words.join(' ') ?? '', { prepared, place: { file: run.path } }))
  const looping = (['69', '78'] as const).filter(code => fates[code] === 'restarted')
  if (ours && looping.length > 0 && !open)
    add(
      'fail',
      'loops',
      [
        `${codesSay(looping)} ${looping.length > 1 ? 'are' : 'is'} restarted for ever: ${kind} looks at no code, and ${
          heard ? 'finish does not put it down for them' : 'there is no finish that does'
        }`,
        heard ? `${heard.path} puts nothing down for ${looping.join(' and ')}` : 'no finish',
        kind === 's6' ? 'finish answers 125 for 69 and 78' : 'finish puts it down for 69 and 78',
        kind === 's6'
          ? 'case $1 in 69 | 78) exit 125 ;; esac'
          : 'case $1 in 69 | 78) printf d >supervise/control ;; esac',
      ],
      { file: heard?.path ?? run.path },
    )
  if (ours && open && !started.hold)
    add(
      'warn',
      'unread',
      [
        'whether finish puts it down for 69 and 78 could not be read: it compares codes by more than their names',
        `${heard?.path} neither names 69 and 78, nor puts down whatever the code`,
        'case $1 in 69 | 78) … ;; esac',
        `sh ${heard?.path ?? ''} 78 0; echo $?`,
      ],
      { file: heard?.path ?? run.path },
    )
  if (started.guard && fates['75'] === 'stays down' && !started.hold)
    add(
      'warn',
      'never-restarts',
      [
        '75 (not now) stays down, too: what would be well later is not tried again',
        `${heard?.path} puts it down for 75`,
        'finish puts it down for 69 and 78 alone',
        'case $1 in 69 | 78) … ;; esac',
      ],
      { file: heard?.path ?? run.path },
    )
  if (down)
    add('warn', 'not-started', [
      `${kind} does not start it by itself: a file "down" stands in its folder`,
      'a file "down"',
      'no such file',
      `rm ${run.path.replace(/run$/, 'down')}`,
    ])
  if (started.guard && timeoutKillMs !== undefined && timeoutKillMs > 0 && timeoutKillMs <= started.killAfterMs)
    add('warn', 'stop-timeout', [
      `s6 kills the guard after ${span(timeoutKillMs)}, before it may kill the gateway (--kill-after ${span(started.killAfterMs)})`,
      `timeout-kill ${timeoutKillMs}`,
      `more than ${started.killAfterMs} (ms), or 0`,
      `echo ${started.killAfterMs + 5000} >${run.path.replace(/run$/, 'timeout-kill')}`,
    ])
  return { of: name, problems, fates }
}
