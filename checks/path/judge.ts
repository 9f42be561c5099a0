/** From what was seen at a path to what is wrong with it. Nothing here touches the disk. */
import type { User } from '../../core/check.ts'
import { excess, octal, removal } from '../../core/mode.ts'
import { type Break, wordsOfBreak } from '../../core/path-break.ts'
import { quote } from '../../core/shell.ts'
import { bytes, excerpt, span } from '../../core/text.ts'
import type { Found } from './search.ts'

export const TYPES = ['file', 'folder', 'link', 'socket', 'fifo'] as const
export type Type = (typeof TYPES)[number]

/** One thing that is wrong. `what` is the second half of the code. */
export interface Problem {
  readonly what: string
  /** Reads on from the path: `is missing`. */
  readonly says: string
  readonly observed: string
  readonly expected: string
  readonly next: string
  /** In the file, 1-based. */
  readonly line?: number
}

/** A path as the manifest names it (`shown`) and as the system does (`path`), and who asks. */
export interface Place {
  readonly shown: string
  readonly path: string
  readonly user: User
}

/** An owner or a group: as written, and its number, undefined where this host has none of that name. */
export interface Named {
  readonly written: string
  readonly id: number | undefined
}

export interface Wanted {
  readonly type?: Type
  /** What is asked can be asked of a regular file only. */
  readonly regular: boolean
  readonly ceiling?: number
  readonly owner?: Named
  readonly group?: Named
  readonly minSize?: number
  readonly maxSize?: number
  readonly minAgeMs?: number
  readonly maxAgeMs?: number
  readonly contains: readonly string[]
  readonly lacks: readonly string[]
}

/** What stands at the path, links followed. */
export interface Seen {
  readonly type: Type | 'device'
  /** The path itself is a link. */
  readonly link: boolean
  /** Bits below 07777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly ownerLabel: string
  readonly groupLabel: string
  readonly size: number
  /** How long ago it was changed; negative where its time lies ahead. */
  readonly ageMs: number
  /** Lines of `contains`, then of `lacks`; undefined where nothing was sought. */
  readonly found?: Found
}

const NAMES: Readonly<Record<Seen['type'], string>> = {
  file: 'a file',
  folder: 'a folder',
  link: 'a link',
  socket: 'a socket',
  fifo: 'a FIFO',
  device: 'a device',
}

/** Clocks of file servers differ by a little. */
const SKEW_MS = 2000

/** Why a path does not lead to anything. `wanted` is what should be there. */
export const judgeBreak = (broken: Break, place: Place, wanted: string): Problem => {
  const said = wordsOfBreak(broken, place, wanted)
  return /[*?]/.test(place.shown) && said.what === 'missing'
    ? { ...said, next: 'write the path itself: path is no glob' }
    : said
}

/** What is wrong where nothing should be; `folder` is the lowest folder above the path that is there. */
export const judgeAbsent = (
  broken: Break | undefined,
  { path, shown, user }: Place,
  parents: { readonly folder: string; readonly above: string },
): Problem | undefined => {
  const there = (what: string): Problem => ({
    what: 'present',
    says: `is there: ${what}`,
    observed: `${what} at ${path}`,
    expected: `nothing at ${path}`,
    next: `ls -ld ${quote(path)}`,
  })
  if (!broken) return there('something')
  if (broken.why === 'missing') {
    // As of a folder that the gateway makes at its first start. Further up the path is most likely wrong.
    if (broken.at === path || broken.at === parents.folder) return undefined
    return {
      what: 'no-folder',
      says: `was not looked for: ${broken.at} above it is missing`,
      observed: `nothing at ${broken.at}`,
      expected: `the folder ${parents.folder}, or at least ${parents.above}`,
      next: `ls -ld ${quote(broken.at)}`,
    }
  }
  if (broken.at === path && (broken.why === 'dangling' || broken.why === 'loop'))
    return there(broken.why === 'loop' ? 'a loop of links' : `a link to ${broken.to}, which is missing`)
  return judgeBreak(broken, { path, shown, user }, 'nothing')
}

const judgeType = ({ type, regular }: Wanted, seen: Seen, { path }: Place): Problem | undefined => {
  const wrong = (is: string, wanted: string): Problem => ({
    what: 'wrong-type',
    says: `is ${is}, not ${wanted}`,
    observed: `${is} at ${path}`,
    expected: `${wanted} at ${path}`,
    next: `ls -ld ${quote(path)}`,
  })
  const is = NAMES[seen.type]
  if (type === 'link' && !seen.link) return wrong(is, NAMES.link)
  if (type !== undefined && type !== 'link' && seen.type !== type)
    return wrong(seen.link ? `a link to ${is}` : is, NAMES[type])
  if (regular && seen.type !== 'file') return wrong(is, 'a file, which alone has a size and content')
  return undefined
}

const judgeNamed = (
  word: 'owner' | 'group',
  wanted: Named,
  actual: { readonly id: number; readonly label: string },
  path: string,
): Problem | undefined => {
  const [letter, number, ask, tool] =
    word === 'owner' ? ['user', 'uid', 'id', 'chown'] : ['group', 'gid', 'getent group', 'chgrp']
  if (wanted.id === undefined)
    return {
      what: `unknown-${word}`,
      says: `cannot belong to the ${letter} ${wanted.written}: this host has none of that name`,
      observed: `no ${letter} ${wanted.written}; ${word} is ${actual.label} (${number} ${actual.id})`,
      expected: `${word} ${wanted.written}`,
      next: `${ask} ${quote(wanted.written)}`,
    }
  if (wanted.id === actual.id) return undefined
  return {
    what: `wrong-${word}`,
    says: `has ${word} ${actual.label}, not ${wanted.written}`,
    observed: `${word} ${actual.label} (${number} ${actual.id})`,
    expected: `${word} ${wanted.written} (${number} ${wanted.id})`,
    next: `sudo ${tool} ${quote(wanted.written)} ${quote(path)}`,
  }
}

const judgeMode = (ceiling: number, { mode }: Seen, { path }: Place): Problem | undefined => {
  const above = excess(mode, ceiling)
  if (above === 0) return undefined
  return {
    what: 'mode-too-open',
    says: `has mode ${octal(mode)}, more than ${octal(ceiling)}`,
    observed: `mode ${octal(mode)}`,
    expected: `no bit above ${octal(ceiling)}`,
    next: `chmod ${removal(above)} ${quote(path)}`,
  }
}

const judgeSize = ({ minSize, maxSize }: Wanted, { size }: Seen, { path }: Place): Problem[] => {
  const observed = `${bytes(size)} (${size} bytes)`
  const next = `ls -lL ${quote(path)}`
  if (minSize !== undefined && size < minSize)
    return [
      {
        what: 'too-small',
        says: size === 0 ? 'is empty' : `has ${bytes(size)}, less than ${bytes(minSize)}`,
        observed,
        expected: `at least ${bytes(minSize)} (${minSize} bytes)`,
        next,
      },
    ]
  if (maxSize !== undefined && size > maxSize)
    return [
      {
        what: 'too-large',
        says: `has ${bytes(size)}, more than ${bytes(maxSize)}`,
        observed,
        expected: `at most ${bytes(maxSize)} (${maxSize} bytes)`,
        next,
      },
    ]
  return []
}

const judgeAge = ({ minAgeMs, maxAgeMs }: Wanted, { ageMs }: Seen, { path }: Place): Problem[] => {
  if (minAgeMs === undefined && maxAgeMs === undefined) return []
  const next = `ls -ldL ${quote(path)}`
  if (ageMs < -SKEW_MS)
    return [
      {
        what: 'future',
        says: `was changed ${span(-ageMs)} in the future: its age is not known`,
        observed: `the time of change lies ${span(-ageMs)} ahead of this host's clock`,
        expected: 'a time of change that has passed, and a clock that is right',
        next: `date; ${next}`,
      },
    ]
  const age = Math.max(0, ageMs)
  const observed = `changed ${span(age)} ago`
  if (maxAgeMs !== undefined && age > maxAgeMs)
    return [
      {
        what: 'too-old',
        says: `was changed ${span(age)} ago, more than ${span(maxAgeMs)}`,
        observed,
        expected: `changed within ${span(maxAgeMs)}`,
        next,
      },
    ]
  if (minAgeMs !== undefined && age < minAgeMs)
    return [
      {
        what: 'too-young',
        says: `was changed ${span(age)} ago, less than ${span(minAgeMs)}`,
        observed,
        expected: `not changed for ${span(minAgeMs)}`,
        next,
      },
    ]
  return []
}

const judgeContent = ({ contains, lacks, minSize }: Wanted, { found, size }: Seen, { path }: Place): Problem[] => {
  if (!found) return []
  // Of an empty file it is true that it lacks everything; that it is empty was not asked for, and is no proof.
  if (found.empty && lacks.length > 0 && minSize === undefined)
    return [
      {
        what: 'empty',
        says: 'is empty: there is nothing in which a pattern could be missed',
        observed: '0 bytes',
        expected: 'a file with content, or min-size: 0B where an empty one is fine',
        next: `ls -lL ${quote(path)}`,
      },
    ]
  const name = (pattern: string): string => JSON.stringify(excerpt(pattern, 60))
  const problems: Problem[] = []
  for (const [index, pattern] of [...contains, ...lacks].entries()) {
    const line = found.lines[index]
    const forbidden = index >= contains.length
    if (forbidden && line !== undefined)
      problems.push({
        what: 'pattern-found',
        says: `has ${name(pattern)} in line ${line}`,
        observed: `${name(pattern)} in line ${line}`,
        expected: `no line with ${name(pattern)}`,
        next: `sed -n ${line}p ${quote(path)}`,
        line,
      })
    else if (line === undefined && found.unseen !== undefined)
      problems.push({
        what: 'undecided',
        says: `was not searched to the end for ${name(pattern)}: ${found.unseen}`,
        observed: found.unseen,
        expected: `a text file that can be searched for ${name(pattern)}`,
        next: `ls -lL ${quote(path)}`,
      })
    else if (!forbidden && line === undefined)
      problems.push({
        what: 'pattern-missing',
        says: `has no line with ${name(pattern)}`,
        observed: `no line with ${name(pattern)} in ${bytes(size)}`,
        expected: `a line with ${name(pattern)}`,
        next: `tail -n 20 ${quote(path)}`,
      })
  }
  return problems
}

/** Where the real path lies, against the root that it must not leave. Both are real paths, in the form in which they are compared. */
export const judgeInside = (
  root: { readonly shown: string; readonly real: string },
  real: string,
  { path }: Place,
): Problem | undefined => {
  if (real === root.real || real.startsWith(root.real === '/' ? '/' : `${root.real}/`)) return undefined
  return {
    what: 'outside',
    says: `leads to ${real}, outside ${root.shown}`,
    observed: `${path} is really ${real}`,
    expected: `a place below ${root.real}`,
    next: `realpath ${quote(path)}`,
  }
}

/** Everything that is wrong with what is there. Of the wrong type nothing else is said. */
export const judge = (wanted: Wanted, seen: Seen, place: Place): Problem[] => {
  const type = judgeType(wanted, seen, place)
  if (type) return [type]
  return [
    wanted.owner && judgeNamed('owner', wanted.owner, { id: seen.uid, label: seen.ownerLabel }, place.path),
    wanted.group && judgeNamed('group', wanted.group, { id: seen.gid, label: seen.groupLabel }, place.path),
    wanted.ceiling === undefined ? undefined : judgeMode(wanted.ceiling, seen, place),
    ...judgeSize(wanted, seen, place),
    ...judgeAge(wanted, seen, place),
    ...judgeContent(wanted, seen, place),
  ].filter(problem => problem !== undefined)
}

/** `a file, mode 0600, 12 KiB, changed 3 h ago`. */
export const describe = (seen: Seen): string =>
  [
    `${seen.link ? 'a link to ' : ''}${NAMES[seen.type]}`,
    `mode ${octal(seen.mode)}`,
    ...(seen.type === 'file' ? [bytes(seen.size)] : []),
    seen.ageMs < -SKEW_MS
      ? `changed ${span(-seen.ageMs)} in the future`
      : `changed ${span(Math.max(0, seen.ageMs))} ago`,
  ].join(', ')
