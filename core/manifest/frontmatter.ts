/** The front matter: where it is, whose it is, and what it says. */
import { distance } from '../suggest.ts'
import { entryOf, type ReadYaml, type YamlMap } from './block-yaml.ts'
import type { Place, Problems } from './problems.ts'
import { isEmpty, type Reader, readDuration, readInteger, readScalar, unknownKey } from './readers.ts'
import { findLostKeys, type Region, readRegion } from './region.ts'
import { asSeen, invisibles } from './text.ts'

const KEYS = [
  'bootcheck',
  'checks',
  'timeout',
  'deadline',
  'vars',
  'user',
  'env-file',
  'guard',
  'snapshot',
  'title',
  'summary',
  'read_when',
  'tags',
]

/** The one version of the grammar so far. */
const VERSION = 1

export const MAX_CHECKS = 1000

export interface FrontMatter {
  /** It has the key `bootcheck`, or one that was meant as it. */
  readonly ours: boolean
  /** First line of the document's body, 0-based. */
  readonly bodyFrom: number
  /** False where what it declares is not known: its variables and count are then not held against the rest. */
  readonly trusted: boolean
  readonly title?: string
  readonly timeoutMs?: number
  readonly deadlineMs?: number
  readonly user?: string
  readonly envFile?: string
  readonly envFileAt?: Place
  readonly vars: Readonly<Record<string, string>>
  readonly varPlaces: Readonly<Record<string, Place>>
  /** The promised number of checks, and where it stands. */
  readonly count?: { readonly value: number; readonly at: Place; readonly column: number; readonly text: string }
  /** The key `checks` stands there, whatever its value. */
  readonly hasCount?: boolean
  /** The entry `guard`, a map, not looked into yet: the guards themselves say what it may hold. */
  readonly guard?: { readonly region: Region; readonly map: YamlMap }
  /** Line of the key `bootcheck`, 1-based. */
  readonly versionLine?: number
}

const isMark = (line: string | undefined): boolean => /^---[ \t]*$/.test(asSeen(line ?? ''))

/** The lines of the front matter, marks included; undefined without one. `end` is absent when it is never closed. */
const frontMatterLines = (lines: readonly string[]): { end?: number } | undefined => {
  if (!isMark(lines[0])) return undefined
  for (let i = 1; i < lines.length; i++) {
    if (isMark(lines[i])) return { end: i }
    if (/^(?:`{3}|~{3})/.test(lines[i] ?? '')) return {}
  }
  return {}
}

/** A cheap look: is this file a manifest of ours, or an agent's own? */
export const looksOurs = (text: string): boolean => {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const found = frontMatterLines(lines)
  return (
    lines
      .slice(1, found ? (found.end ?? lines.length) : 1)
      .some(line => isOurKey(/^["']?([\w-]+)["']?[ \t]*[:=]/.exec(asSeen(line))?.[1] ?? '')) ||
    lines.some(line => /^`{3,}yaml boot[ \t]*$/.test(line))
  )
}

const isOurKey = (key: string): boolean =>
  key === 'bootcheck' || (key.length > 5 && key.length < 14 && distance(key.toLowerCase(), 'bootcheck') <= 2)

const NOTHING = { vars: {}, varPlaces: {} } as const

export const readFrontMatter = (
  lines: readonly string[],
  readYaml: ReadYaml,
  problems: Problems,
): FrontMatter | undefined => {
  const found = frontMatterLines(lines)
  if (!found) return undefined
  const blame = (line: number): void => {
    for (const { index, length, name } of invisibles(lines[line] ?? '')) {
      const at = { line: line + 1, column: index + 1 }
      problems.error(
        'E101',
        at,
        `forbidden invisible character ${name} in the line of a front matter mark`,
        'delete it',
        { ...at, remove: length, insert: '', what: `${name} deleted` },
      )
    }
  }
  blame(0)
  const { end } = found
  if (end === undefined) {
    problems.error('E104', { line: 1, column: 1 }, 'front matter never closed', 'add a line --- after its last key')
    const body = lines.findIndex((line, index) => index > 0 && (line.trim() === '' || /^(?:#|`{3}|~{3})/.test(line)))
    return { ours: true, bodyFrom: body < 0 ? lines.length : body, trusted: false, ...NOTHING }
  }
  blame(end)
  const bodyFrom = end + 1
  const region = readRegion({ lines, from: 1, to: end, called: 'the front matter', readYaml, problems })
  if (!region)
    return {
      ours: lines.slice(1, end).some(line => isOurKey(/^[ \t]*([\w-]+)/.exec(asSeen(line))?.[1] ?? '')),
      bodyFrom,
      trusted: false,
      ...NOTHING,
    }
  const { root } = region
  const keys = [...(root?.entries.map(entry => entry.key) ?? []), ...region.unread]
  const ours = keys.some(isOurKey) || (region.broken && /boot-?check/i.test(region.text))
  if (!root || region.broken || !ours) return { ours, bodyFrom, trusted: false, ...NOTHING }
  return { ours, bodyFrom, trusted: region.unread.size === 0, ...interpret(region, root, problems) }
}

const interpret = (
  region: Region,
  root: YamlMap,
  problems: Problems,
): Omit<FrontMatter, 'ours' | 'bodyFrom' | 'trusted'> => {
  const reader: Reader = { region, problems }
  const result: { -readonly [K in keyof FrontMatter]?: FrontMatter[K] } = {}
  const vars: Record<string, string> = {}
  const varPlaces: Record<string, Place> = {}
  let free: YamlMap | undefined
  for (const entry of root.entries) {
    const { key, keyOffset, node } = entry
    const at = region.place(node.offset)
    switch (key) {
      case 'bootcheck':
        result.versionLine = region.place(keyOffset).line
        if (
          !isEmpty(reader, key, node, keyOffset) &&
          !(node.type === 'scalar' && node.style === 'plain' && node.value === VERSION)
        )
          problems.error(
            'E104',
            at,
            `unsupported version ${node.type === 'scalar' ? node.text : 'of the grammar'}`,
            `bootcheck: ${VERSION}`,
          )
        break
      case 'checks': {
        const value = readInteger(reader, entry, 1, MAX_CHECKS)
        result.hasCount = true
        if (value !== undefined)
          result.count = {
            value,
            at: { line: at.line, column: 1 },
            column: at.column,
            text: region.text.slice(node.offset, node.end),
          }
        break
      }
      case 'timeout': {
        const ms = readDuration(reader, entry)
        if (ms !== undefined) result.timeoutMs = ms
        break
      }
      case 'deadline': {
        const ms = readDuration(reader, entry)
        if (ms !== undefined) result.deadlineMs = ms
        break
      }
      case 'title': {
        if (isEmpty(reader, key, node, keyOffset)) break
        if (node.type === 'scalar') result.title = node.text.trim()
        else problems.error('E306', at, '"title" must be text', 'put it in quotes on one line')
        break
      }
      case 'user': {
        const scalar = readScalar(reader, entry, 'the name of a user')
        if (scalar && !/^[^\s:/]+$/.test(scalar.text))
          problems.error('E306', at, '"user" must be the name of a user', 'a login name, such as claw')
        else if (scalar) result.user = scalar.text
        break
      }
      case 'env-file': {
        const scalar = readScalar(reader, entry, 'a path')
        if (scalar) {
          result.envFile = scalar.text
          result.envFileAt = at
        }
        break
      }
      case 'vars':
        if (isEmpty(reader, key, node, keyOffset)) break
        if (node.type !== 'map') {
          problems.error(
            'E306',
            at,
            '"vars" must be a map of names to values',
            'write "name: value" lines below it, indented',
          )
          break
        }
        free = node
        for (const one of node.entries) {
          const place = region.place(one.keyOffset)
          if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(one.key)) {
            problems.error('E306', place, `"${one.key}" is not a name for a variable`, 'letters, digits, _ and -')
            continue
          }
          if (isEmpty(reader, `vars.${one.key}`, one.node, one.keyOffset)) continue
          if (one.node.type !== 'scalar')
            problems.error(
              'E306',
              region.place(one.node.offset),
              `"vars.${one.key}" must be one value`,
              'write the list or map where it is used',
            )
          else if (one.node.text.includes('${'))
            problems.error(
              'E401',
              region.place(one.node.offset),
              `"vars.${one.key}" holds a variable: values are put in once, so it would stay as it is`,
              'write it where the value is used',
            )
          else {
            vars[one.key] = one.node.text
            varPlaces[one.key] = place
          }
        }
        break
      case 'guard':
      case 'snapshot':
        if (isEmpty(reader, key, node, keyOffset)) break
        if (node.type !== 'map')
          problems.error('E306', at, `"${key}" must be a map`, 'write "name: value" lines below it, indented')
        else if (key === 'guard') result.guard = { region, map: node }
        break
      default:
        if (!KEYS.includes(key) && !key.startsWith('x-')) unknownKey(reader, entry, KEYS)
    }
  }
  if (
    entryOf(root, 'bootcheck') === undefined &&
    !region.unread.has('bootcheck') &&
    !root.entries.some(entry => isOurKey(entry.key))
  )
    problems.error(
      'E102',
      { line: 1, column: 1 },
      'front matter without "bootcheck"',
      `add a line: bootcheck: ${VERSION}`,
    )
  findLostKeys(region, root, { all: KEYS, missable: KEYS, free: free ? [free] : [] }, problems)
  return { ...result, vars, varPlaces }
}

export const FRONT_MATTER_KEYS: readonly string[] = KEYS
