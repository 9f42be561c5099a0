/** One stretch of YAML in a manifest (the front matter or a check's body), its characters checked, its offsets turned into places. */
import { distance } from '../suggest.ts'
import { excerpt } from '../text.ts'
import { TOKENS } from '../tokens.ts'
import type { ReadYaml, YamlBlock, YamlMap, YamlNode } from './block-yaml.ts'
import type { Place, Problems } from './problems.ts'
import { invisibles, isPlain, oddSpaces, plainSpaces } from './text.ts'

export interface Region extends YamlBlock {
  /** The text as it was read, odd spaces made plain. */
  readonly text: string
  /** The place of an offset in `text`. */
  place(offset: number): Place
}

const MAX_REGION = 16 * 1024

/** Between quotes such a character may be part of a name that is meant: it is told, and left to people. */
const quotedAt = (line: string, column: number): boolean => /["']/.test(line.slice(0, column))

export interface RegionInput {
  readonly lines: readonly string[]
  /** First line of the YAML, 0-based, and the line after its last. */
  readonly from: number
  readonly to: number
  /** "the front matter", "this check" */
  readonly called: string
  readonly readYaml: ReadYaml
  readonly problems: Problems
}

/** Undefined if its characters or its size keep it from being read; that has been reported then. */
export const readRegion = ({ lines, from, to, called, readYaml, problems }: RegionInput): Region | undefined => {
  const own = lines.slice(from, to)
  const joined = own.join('\n')
  const bytes = Buffer.byteLength(joined)
  if (bytes > MAX_REGION) {
    problems.error(
      'E107',
      { line: from, column: 1 },
      `${called} is ${bytes} bytes long, over the limit of ${MAX_REGION}`,
      'shorten it, or split it',
    )
    return undefined
  }
  let hidden = joined.includes('\ufffd') && problems.has(/^E101$/)
  if (!isPlain(joined))
    own.forEach((line, index) => {
      for (const { index: column, length, name } of invisibles(line)) {
        const at = { line: from + index + 1, column: column + 1 }
        problems.error(
          'E101',
          at,
          `forbidden invisible character ${name}`,
          `delete it; in double quotes it can be written as an escape`,
          quotedAt(line, column) ? undefined : { ...at, remove: length, insert: '', what: `${name} deleted` },
        )
        hidden = true
      }
      for (const { index: column, name } of oddSpaces(line)) {
        const at = { line: from + index + 1, column: column + 1 }
        problems.error(
          'E210',
          at,
          `${name} looks like a space and is none`,
          'write a normal space',
          quotedAt(line, column) ? undefined : { ...at, remove: 1, insert: ' ', what: `${name} made a normal space` },
        )
      }
    })
  if (hidden) return undefined
  const text = plainSpaces(joined)
  const starts = [0]
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
  const place = (offset: number): Place => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: from + low + 1, column: offset - (starts[low] ?? 0) + 1 }
  }
  for (const [name, pattern] of TOKENS)
    for (const match of text.matchAll(pattern))
      problems.error(
        'E405',
        place(match.index),
        `this looks like ${name}`,
        'put it in the environment and write ${secret:NAME}',
      )
  const yaml = readYaml(text)
  for (const { code, offset, message, hint } of yaml.faults) problems.error(code, place(offset), message, hint)
  return { ...yaml, text, place }
}

const keysIn = (node: YamlNode, into: Set<string>): Set<string> => {
  if (node.type === 'list') for (const item of node.items) keysIn(item, into)
  if (node.type === 'map')
    for (const { key, node: inner } of node.entries) {
      into.add(key)
      keysIn(inner, into)
    }
  return into
}

const scalarsIn = function* (node: YamlNode): Generator<Extract<YamlNode, { type: 'scalar' }>> {
  if (node.type === 'scalar') yield node
  else if (node.type === 'list') for (const item of node.items) yield* scalarsIn(item)
  else for (const entry of node.entries) yield* scalarsIn(entry.node)
}

export interface KnownKeys {
  /** Every key that means something here, at any depth. */
  readonly all: readonly string[]
  /** Those that could be missed: the map to hold them is there. */
  readonly missable: readonly string[]
  /** Maps of free keys (`vars`, headers), by the entry that holds them. */
  readonly free: readonly YamlMap[]
  /** The list of ids: one word beside its items is an id. */
  readonly needs?: YamlNode | undefined
}

/**
 * Keys that were meant and are not read: commented out, or swallowed by a comment or a text of several lines when a line break
 * or an indentation went wrong. A swallowed key is one that the block lacks.
 */
export const findLostKeys = (region: Region, root: YamlMap, known: KnownKeys, problems: Problems): void => {
  const present = keysIn(root, new Set())
  const missing = known.missable.filter(key => !present.has(key) && !region.unread.has(key))
  const literal = (key: string): string => key.replace(/[^\w-]/g, '\\$&')
  const swallowed =
    missing.length === 0
      ? undefined
      : new RegExp(
          `(${missing
            .map(literal)
            .sort((a, b) => b.length - a.length)
            .join('|')})["']?\\s*:(?=\\s|$)`,
          'm',
        )
  const lines = region.text.split('\n')
  for (const { offset, text } of region.comments) {
    const words = /^#+\s*(?:-\s+)?["']?([\w.-]+)["']?\s*[:=]/.exec(text)?.[1]
    const { line, column } = region.place(offset)
    const index = line - region.place(0).line
    const alone = (lines[index] ?? '').slice(0, column - 1).trim() === ''
    const inFree = known.free.some(map => {
      const first = region.place(map.offset).line - 1
      const last = region.place(map.end).line + 1
      return alone && line >= first && line <= last
    })
    const damaged = words !== undefined && missing.some(key => distance(key, words) <= 1)
    if (words !== undefined && (damaged || known.all.includes(words) || (inFree && /[:=](?:\s|$)/.test(text)))) {
      problems.error('E213', { line, column }, `commented-out key "${words}"`, 'delete the line, or use it')
      continue
    }
    const neighbours = [lines[index - 1] ?? '', lines[index + 1] ?? '']
    const needed =
      known.needs !== undefined && offset > known.needs.offset && line <= region.place(known.needs.end).line + 1
    const item =
      /^#+\s*-\s+\S/.test(text) ||
      /^#+\s*["']?[^\s]*[/*$][^\s]*["']?\s*$/.test(text) ||
      (needed && /^#+\s*["']?[a-z0-9-]+["']?\s*$/.test(text))
    if (alone && item && neighbours.some(neighbour => /^\s*-\s/.test(neighbour))) {
      problems.error('E213', { line, column }, 'commented-out item of a list', 'delete the line, or use it')
      continue
    }
    const lost = swallowed?.exec(text)
    if (lost?.[1])
      problems.error(
        'E213',
        { line, column: column + lost.index },
        `the key "${lost[1]}" is part of a comment and is not read`,
        'put it on a line of its own; or reword the comment',
      )
  }
  if (!swallowed) return
  for (const scalar of scalarsIn(root)) {
    if (scalar.style !== 'block') continue
    const lost = swallowed.exec(region.text.slice(scalar.offset, scalar.end))
    if (lost?.[1])
      problems.error(
        'E201',
        region.place(scalar.offset + lost.index),
        `the key "${lost[1]}" is part of the text that begins on line ${region.place(scalar.offset).line}, and is not read`,
        'indent it like the other keys; if it belongs to the text, write the text in quotes on one line',
      )
  }
}

/** How a value is shown in a message. */
export const shownNode = (node: YamlNode): string =>
  node.type === 'scalar'
    ? node.text === ''
      ? 'nothing'
      : typeof node.value === 'string'
        ? `"${excerpt(node.text, 40)}"`
        : excerpt(node.text, 40)
    : node.type === 'list'
      ? 'a list'
      : 'a map'
