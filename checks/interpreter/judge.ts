/** From what was found and what it answered to what is wrong: pure. */
import { basename } from 'node:path'
import { type BoundedEnd, firstLine } from '../../core/bounded.ts'
import { quote } from '../../core/shell.ts'
import { excerpt, listing, span } from '../../core/text.ts'
import type { Search } from './find.ts'
import type { Program } from './programs.ts'
import { inRange, versionIn } from './version.ts'

export interface Asked {
  readonly path: string
  /** With every link followed. */
  readonly real: string
  readonly shim: boolean
  /** By its header; none of a script. */
  readonly built: readonly string[]
  /** To its version, without the variables that may keep it from starting. */
  readonly told: BoundedEnd
}

export interface Seen {
  readonly name: string
  /** Whose PATH, for people. */
  readonly label: string
  readonly searched: string
  readonly search: Search
  /** The program; absent where the search led nowhere. */
  readonly used?: Asked
  readonly program: Program
  /** Doing nothing, with the variables that are set; absent where none is. */
  readonly trial?: { readonly variables: Readonly<Record<string, string>>; readonly idle: BoundedEnd }
  /** What the login shell makes of the name, where that was asked. */
  readonly shell?: { readonly program: string; readonly end: BoundedEnd; readonly asked?: Asked }
}

export interface Wanted {
  readonly version?: string
  readonly arch?: string
}

export interface Problem {
  readonly status: 'warn' | 'fail'
  readonly what: string
  readonly says: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

export type Mask = (text: string) => string

/** What a program said of itself; undefined where it did not. */
export const answerOf = ({ told, built }: Asked): { version: string; arch: string | undefined } | undefined => {
  if (told.end.how !== 'exit' || told.end.code !== 0) return undefined
  const version = versionIn(firstLine(told.stdout) || firstLine(told.stderr))
  if (version === undefined) return undefined
  const own = told.stdout.trim().split('\n')[1]?.trim()
  return { version, arch: own !== undefined && /^[a-z0-9]{2,12}$/.test(own) ? own : built[0] }
}

/** Errors of an interpreter stand below the source line that they point at: the line that names one says most. */
const errorLine = (text: string): string =>
  text
    .split('\n')
    .map(line => line.trim())
    .find(line => /error|cannot|not allowed|invalid|no such|unknown|bad option|fatal/i.test(line)) ?? firstLine(text)

/** How it ended, and the line in which it says why. */
export const ending = ({ end, stdout, stderr }: BoundedEnd, mask: Mask): string => {
  const line = excerpt(mask(errorLine(stderr) || errorLine(stdout)), 200)
  const said = line === '' ? 'without a word' : `saying "${line}"`
  switch (end.how) {
    case 'exit':
      return `it ended with ${end.code}, ${said}`
    case 'signal':
      return `it was ended by ${end.signal}, ${said}`
    case 'unstarted':
      return `it could not be started (${end.code})`
    case 'silent':
      return `it had not ended after ${span(end.afterMs)}`
    default:
      return end satisfies never
  }
}

const notFound = ({ name, label, searched, search }: Seen): Problem => {
  const next = name.includes('/')
    ? `ls -l ${quote(name)}`
    : `env -i PATH=${quote(searched)} /bin/sh -c ${quote(`command -v ${quote(name)}`)}`
  const where = name.includes('/') ? '' : ` under ${label} (${excerpt(searched, 400)})`
  const [odd] = search.passedOver
  const removed = search.passedOver.find(({ why }) => why === 'a link to nothing')
  const [gone] = search.gone
  if (removed || gone !== undefined)
    return {
      status: 'fail',
      what: 'dangling',
      says: removed ? `${name} is a link to nothing` : `${name} is not there: ${gone} was removed`,
      observed: removed
        ? `${removed.path} leads to nothing`
        : `${gone}, a version manager's folder in PATH, is gone, and no other folder of PATH holds it`,
      expected: `a file that can be executed${where}`,
      next: removed ? `ls -l ${quote(removed.path)}` : next,
    }
  if (odd)
    return {
      status: 'fail',
      what: 'not-executable',
      says: `${odd.path} cannot be executed`,
      observed: listing(search.passedOver.map(({ path, why }) => `${path} is ${why}`)),
      expected: `a file that this user may execute${where}`,
      next: `ls -ld ${quote(odd.path)}`,
    }
  return {
    status: 'fail',
    what: 'missing',
    says: name.includes('/') ? `${name} does not exist` : `${name} is not found under ${label}`,
    observed: name.includes('/') ? `nothing at ${name}` : `no ${name} in ${excerpt(searched, 400) || 'an empty PATH'}`,
    expected: `a file called ${name} that can be executed`,
    next,
  }
}

const unusable = ({ name, program }: Seen, used: Asked, wanted: Wanted, mask: Mask): Problem => {
  const ask = [used.path, ...program.tell].map(quote).join(' ')
  const { end } = used.told
  const common = { status: 'fail', observed: `${used.path}: ${ending(used.told, mask)}`, next: ask } as const
  if (used.shim)
    return {
      ...common,
      what: 'shim',
      says: `${used.path} is a version manager's shim, and finds no ${name} without the environment of a shell`,
      expected: 'the path of the program itself in the PATH of the service',
    }
  // Whatever the error is called: where the kernel refuses a program, execvp(3) gives it to a shell.
  if (end.how !== 'silent' && used.built.length > 0 && !used.built.includes(process.arch))
    return {
      ...common,
      what: 'wrong-arch',
      says: `${used.path} is built for ${listing(used.built)}, which this host cannot execute`,
      expected: wanted.arch ? `a program for ${wanted.arch}` : `a program for ${process.arch}`,
      next: `file ${quote(used.real)}`,
    }
  if (end.how === 'unstarted' && end.code === 'EACCES')
    return {
      ...common,
      what: 'not-executable',
      says: `${used.path} may not be executed`,
      expected: 'a file that this user may execute',
      next: `ls -l ${quote(used.real)}`,
    }
  if (end.how === 'silent')
    return {
      ...common,
      what: 'silent',
      says: `${used.path} does not answer when asked for its version`,
      expected: 'its version at once',
    }
  return {
    ...common,
    what: 'broken',
    // Not each program knows the option: dash ends with 2, and starts well.
    says:
      end.how === 'exit' && (end.code === 0 || (program.tell[0] === '--version' && (end.code ?? 0) < 126))
        ? `${used.path} tells no version`
        : `${used.path} does not start`,
    observed:
      end.how === 'exit' && end.code === 0
        ? `${used.path} printed "${excerpt(mask(firstLine(used.told.stdout)), 100)}"`
        : common.observed,
    expected: 'a program that starts and tells its version',
  }
}

const notAsWanted = (used: Asked, wanted: Wanted, { program }: Seen): Problem[] => {
  const answer = answerOf(used)
  if (!answer) return []
  const problems: Problem[] = []
  if (wanted.version !== undefined && !inRange(answer.version, wanted.version))
    problems.push({
      status: 'fail',
      what: 'wrong-version',
      says: `${used.path} is ${answer.version}, not ${wanted.version}`,
      observed: `version ${answer.version}${used.real === used.path ? '' : ` (${used.real})`}`,
      expected: `a version in ${wanted.version}`,
      next: [used.path, ...program.tell].map(quote).join(' '),
    })
  if (
    wanted.arch !== undefined &&
    answer.arch !== wanted.arch &&
    !(answer.arch === used.built[0] && used.built.includes(wanted.arch))
  )
    problems.push({
      status: 'fail',
      what: 'wrong-arch',
      says:
        answer.arch === undefined
          ? `${used.path} does not tell for which processor it is`
          : `${used.path} runs as ${answer.arch}, not ${wanted.arch}`,
      observed:
        answer.arch === undefined ? 'a script, or a format that is not known here' : `architecture ${answer.arch}`,
      expected: wanted.arch,
      next: `file ${quote(used.real)}`,
    })
  return problems
}

const killedByOptions = ({ trial, program, name }: Seen, used: Asked, mask: Mask): Problem[] => {
  if (!trial || (trial.idle.end.how === 'exit' && trial.idle.end.code === 0)) return []
  const names = Object.keys(trial.variables)
  const set = Object.entries(trial.variables).map(([key, value]) => `${key}=${quote(value)}`)
  return [
    {
      status: 'fail',
      what: 'options-kill-it',
      says: `${name} does not start with the ${listing(names)} of its environment`,
      observed: `${ending(trial.idle, mask)}; ${excerpt(mask(set.join(' ')), 300)}`,
      expected: `${names.length === 1 ? 'a value' : 'values'} with which ${used.path} starts`,
      next: mask([...set, ...[used.path, ...program.idle].map(quote)].join(' ')),
    },
  ]
}

const fellThrough = ({ search, name }: Seen, used: Asked): Problem[] => {
  const removed = search.passedOver.find(({ why }) => why === 'a link to nothing')?.path ?? search.gone[0]
  if (removed === undefined) return []
  return [
    {
      status: 'warn',
      what: 'dangling',
      says: `${name} is ${used.path} only because ${removed} is gone`,
      observed: `${removed} leads to nothing; PATH falls through to ${used.path} (${answerOf(used)?.version})`,
      expected: 'each folder in front of it in PATH to be there',
      next: `ls -ld ${quote(removed)}`,
    },
  ]
}

const unlikeShell = ({ shell, name, label }: Seen, used: Asked, mask: Mask): Problem[] => {
  if (!shell) return []
  const next = `${quote(shell.program)} -lc ${quote(`command -v ${quote(basename(name))}`)}`
  const { end } = shell.end
  if (end.how === 'silent' || end.how === 'unstarted')
    return [
      {
        status: 'warn',
        what: 'shell-silent',
        says: `the login shell ${shell.program} could not be asked for ${name}`,
        observed: ending(shell.end, mask),
        expected: 'an answer, to compare with',
        next,
      },
    ]
  if (shell.asked?.real === used.real) return []
  const theirs = shell.asked
    ? `${shell.asked.path} (${answerOf(shell.asked)?.version ?? 'of unknown version'})`
    : 'none'
  return [
    {
      status: 'warn',
      what: 'differs',
      says: `${name} is ${used.path} (${answerOf(used)?.version}) under ${label}, and ${theirs} in a login shell`,
      observed: `service: ${used.path}; ${shell.program} -l: ${theirs}`,
      expected: `the same ${name} for both`,
      next,
    },
  ]
}

/** Everything that is wrong, failures first; nothing if all is as wanted. */
export const judge = (seen: Seen, wanted: Wanted, mask: Mask): readonly Problem[] => {
  const { used } = seen
  if (!used) return [notFound(seen)]
  if (!answerOf(used)) return [unusable(seen, used, wanted, mask)]
  return [
    ...notAsWanted(used, wanted, seen),
    ...killedByOptions(seen, used, mask),
    ...fellThrough(seen, used),
    ...unlikeShell(seen, used, mask),
  ]
}
