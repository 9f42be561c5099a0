/** Reads values that every manifest has: words, durations, numbers, dates. Each reports what it cannot read and answers undefined. */
import { suggest } from '../suggest.ts'
import { span } from '../text.ts'
import { duration, isTooLong, LONGEST_DURATION } from '../units.ts'
import type { YamlEntry, YamlNode, YamlScalar } from './block-yaml.ts'
import type { Problems } from './problems.ts'
import { type Region, shownNode } from './region.ts'

export interface Reader {
  readonly region: Region
  readonly problems: Problems
}

/** Reports a value that is not there: `key:`, `key: #x`, `key: ~`. */
export const isEmpty = ({ region, problems }: Reader, name: string, node: YamlNode, keyOffset: number): boolean => {
  if (node.type !== 'scalar' || node.value !== null) return false
  if (node.text !== '') {
    const tilde = node.text === '~'
    problems.error(
      'E212',
      region.place(node.offset),
      `"${name}" has no value: ${node.text} is nothing in YAML`,
      tilde ? 'write ~/ for the home folder' : `quote it: "${node.text}"`,
    )
    return true
  }
  const lineEnd = region.text.indexOf('\n', keyOffset)
  const rest = region.text.slice(node.offset, lineEnd < 0 ? undefined : lineEnd)
  const comment = /^[ \t]*(#.*)$/.exec(rest)?.[1]
  if (comment !== undefined)
    problems.error(
      'E212',
      region.place(node.offset + rest.indexOf('#')),
      `"${name}" has no value: "#" starts a comment`,
      `quote it: "${comment.trim()}"`,
    )
  else problems.error('E212', region.place(keyOffset), `"${name}" has no value`, 'give it one, or delete the line')
  return true
}

/** A value as its text, whatever YAML makes of it. */
export const readScalar = (reader: Reader, entry: YamlEntry, expected: string): YamlScalar | undefined => {
  const { key, keyOffset, node } = entry
  if (isEmpty(reader, key, node, keyOffset)) return undefined
  if (node.type === 'scalar') {
    if (!node.text.includes('${')) return node
    reader.problems.error(
      'E401',
      reader.region.place(node.offset + Math.max(0, reader.region.text.slice(node.offset, node.end).indexOf('${'))),
      `"${key}" takes no variable`,
      'variables stand in the options of a kind only',
    )
    return undefined
  }
  reader.problems.error(
    'E306',
    reader.region.place(node.offset),
    `"${key}" must be ${expected}, not ${shownNode(node)}`,
    expected,
  )
  return undefined
}

export const readDuration = (reader: Reader, entry: YamlEntry, leastMs = 1): number | undefined => {
  const scalar = readScalar(reader, entry, 'a duration')
  if (!scalar) return undefined
  const ms = duration(scalar.text)
  if (ms !== undefined && ms >= leastMs) return ms
  reader.problems.error(
    'E306',
    reader.region.place(scalar.offset),
    `"${entry.key}" must be a duration, not ${shownNode(scalar)}`,
    ms !== undefined && leastMs > 1
      ? `${span(leastMs)} or more: 30s, 5m, 1h`
      : ms === 0
        ? 'longer than nothing: 500ms, 5s, 2m'
        : isTooLong(scalar.text)
          ? `at most ${LONGEST_DURATION}`
          : '500ms, 5s, 2m',
  )
  return undefined
}

export const readInteger = (reader: Reader, entry: YamlEntry, least: number, most: number): number | undefined => {
  const scalar = readScalar(reader, entry, 'a whole number')
  if (!scalar) return undefined
  const { value } = scalar
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  reader.problems.error(
    'E306',
    reader.region.place(scalar.offset),
    `"${entry.key}" must be a whole number from ${least} to ${most}, not ${shownNode(scalar)}`,
    `${least} to ${most}, without quotes`,
  )
  return undefined
}

export const readWord = <T extends string>(reader: Reader, entry: YamlEntry, words: readonly T[]): T | undefined => {
  const scalar = readScalar(reader, entry, words.join(' or '))
  return scalar ? wordOf(reader, entry.key, scalar, words) : undefined
}

export const wordOf = <T extends string>(
  { region, problems }: Reader,
  name: string,
  scalar: YamlScalar,
  words: readonly T[],
): T | undefined => {
  const found = words.find(word => word === scalar.text)
  if (found !== undefined) return found
  const meant = suggest(scalar.text, words)
  problems.error(
    'E306',
    region.place(scalar.offset),
    `"${name}" must be ${words.join(' or ')}, not ${shownNode(scalar)}`,
    meant === undefined ? words.join(', ') : `did you mean "${meant}"?`,
  )
  return undefined
}

export const unknownKey = (
  { region, problems }: Reader,
  entry: YamlEntry,
  known: readonly string[],
  within = '',
): void => {
  const meant = suggest(entry.key, known)
  problems.error(
    'E204',
    region.place(entry.keyOffset),
    `unknown key "${within}${entry.key}"`,
    meant === undefined ? `known here: ${known.join(', ')}` : `did you mean "${meant}"?`,
  )
}
