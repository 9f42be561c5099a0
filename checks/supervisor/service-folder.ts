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

const SV_DOWN = /^(?:d|down|stop|o|once|e|exit|x|shutdown|force-(?:stop|shutdown))$/

/** Whether a `finish`, or a branch of it, puts its service down: `exit 125` for s6; for runit `d` (or `o`, `x`) in the control pipe, or sv. */
const putsDown = (kind: ServiceFolder['kind'], text: string): boolean =>
  kind === 's6'
    ? /\bexit\s+125\b|\bs6-permafailon\b|\bs6-svc\s+(?:-\S*[dO])/.test(text)
    : /\b(?:printf|echo)\s+(?:-\w+\s+)?["']?[dox]["']?\s*>>?\s*\S*supervise\/control\b/.test(text) ||
      commandsIn(text).some(
        ({ words: [program, ...rest] }) =>
          /^(?:.*\/)?sv$/.test(program ?? '') && SV_DOWN.test(rest.find(word => !/^-|^\d+$/.test(word)) ?? ''),
      )

/** The branches of `case $1 in`, by the words in front of them; undefined where there is no such case. */
const branchesOf = (text: string): readonly { readonly of: readonly string[]; readonly body: string }[] | undefined =>
  /\bcase\s+["']?\$\{?1\}?["']?\s+in\b([\s\S]*?)\besac\b/
    .exec(text)?.[1]
    ?.split(/;;&?|;&/)
    .flatMap(branch => {
      const [, words, body] = /^\s*\(?([^)]*)\)([\s\S]*)$/.exec(branch) ?? []
      return words === undefined ? [] : [{ of: words.split('|').map(word => word.trim()), body: body ?? '' }]
    })

/** What a `finish` makes of a code. Undefined where it compares codes in a way that is not read here. */
const staysDown = (kind: ServiceFolder['kind'], finish: string, code: string): boolean | undefined => {
  const text = withoutComments(finish)
  if (!putsDown(kind, text)) return false
  const branches = branchesOf(text)
  if (branches) {
    const branch = branches.find(({ of }) => of.includes(code) || of.includes('*'))
    const around = text.replace(/\bcase\b[\s\S]*?\besac\b/, '')
    return putsDown(kind, around) ? undefined : branch !== undefined && putsDown(kind, branch.body)
  }
  // No word of a condition: for whatever code.
  if (!/\b(?:case|if|test|eltest|ifelse|ifte)\b|\[|&&|\|\|/.test(text)) return true
  const names = new RegExp(`(?<![\\w.])${code}(?![\\w.])`).test(text.replaceAll(/\bexit\s+125\b/g, ''))
  const otherwise = /!=|(?:^|\s)!\s|-(?:ne|ge|gt|le|lt)\b|\d-\d|\[\d|\$\{?[2-9]|\bcase\b|\belse\b/.test(text)
  return otherwise ? undefined : names
}

/** Why the system starts no such script; undefined where it does. Both supervisors give it to execve(2), without a shell. */
const unstartable = ({ text }: Script): string | undefined => {
  const [first = ''] = text.split('\n')
  if (!first.startsWith('#!')) return 'it has no first line with an interpreter'
  return first.endsWith('\r')
    ? 'its first line ends with a carriage return, which becomes part of the interpreter'
    : undefined
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
  const heard = finish?.executable && unstartable(finish) === undefined ? finish : undefined
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
  for (const [script, file] of [
    [run, 'run'],
    [finish, 'finish'],
  ] as const) {
    const why = script && unstartable(script)
    if (script && why !== undefined)
      add(
        'fail',
        'not-executable',
        [
          `${kind} cannot start ${file}: ${why}`,
          `${script.path}: ${why}`,
          '#!/bin/sh',
          `head -n 1 ${script.path} | cat -A`,
        ],
        { file: script.path },
      )
  }
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
