/** One check's block to a planned check: the keys that every kind has, and the kind's own options. */
import type { Check, Env, OptionSchema, Phase, Severity } from '../check.ts'
import { type Fault, fitOptions, pointer, pointerParts, schemasAt } from '../options.ts'
import type { PlannedCheck, Skip } from '../plan.ts'
import { suggest } from '../suggest.ts'
import { namesSecret } from '../tokens.ts'
import { duration } from '../units.ts'
import { lookUp, mapTexts, type Scan, scan, variablesIn } from '../variables.ts'
import { entryOf, plainOf, type YamlEntry, type YamlMap, type YamlNode, type YamlScalar } from './block-yaml.ts'
import type { Place } from './problems.ts'
import { isEmpty, type Reader, readDuration, readInteger, readScalar, readWord, unknownKey, wordOf } from './readers.ts'
import { findLostKeys, type Region, shownNode } from './region.ts'

export const COMMON_KEYS: readonly string[] = [
  'check',
  'id',
  'needs',
  'severity',
  'phase',
  'every',
  'timeout',
  'retries',
  'retry-delay',
  'when',
  'skip',
]
/** A kind may have an option of its own by the name of a common key: then it is the kind that reads it. */
const commonKeysOf = (kind: Check | undefined): readonly string[] =>
  COMMON_KEYS.filter(key => !Object.hasOwn(kind?.options.properties ?? {}, key))

const SKIP_KEYS = ['finding', 'reason', 'until']
const WHEN_KEYS = ['os', 'env']
/** What `process.platform` may say. */
export const PLATFORMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openbsd', 'sunos', 'win32'] as const

const ID = /^[a-z][a-z0-9-]{0,62}$/
const MAX_RETRIES = 100
const RETRY_DELAY_MS = 1000
/** Each time costs a start of Node. */
const LEAST_EVERY_MS = 1000

interface Need {
  readonly id: string
  readonly at: Place
}

export interface CheckInput extends Reader {
  readonly region: Region
  /** Line of the block's opener, 1-based. */
  readonly line: number
  readonly kind: Check | undefined
  readonly kinds: readonly string[]
  readonly heading: string | undefined
  readonly why: string
  readonly timeoutMs: number
  readonly vars: Readonly<Record<string, string>>
  /** False where the front matter could not be read: its variables are then not missed. */
  readonly varsKnown: boolean
  readonly usedVars: Set<string>
  /** The environment to look variables up in; undefined: not judged here. */
  readonly env: Env | undefined
  /** What was read of the checks above it. */
  readonly above: ReadonlyMap<string, PlannedCheck>
}

export interface ReadCheck {
  readonly id?: string
  /** Of a check whose id is not valid: what it may be needed as. */
  readonly meantId?: string
  readonly idAt?: Place
  readonly needs: readonly Need[]
  /** Ids that its options name. */
  readonly reads: readonly Need[]
  readonly skips: readonly Skip[]
  /** Absent if anything is wrong with it that keeps it from being planned. */
  readonly planned?: PlannedCheck
}

/** The kind that a block names, before the kind itself is loaded. */
export const kindOf = (region: Region): string | undefined => {
  const node = region.root && entryOf(region.root, 'check')?.node
  return node?.type === 'scalar' && node.text !== '' ? node.text : undefined
}

/** From a block that is no valid YAML: good enough to know the check's name. */
const idInBroken = (text: string): string | undefined =>
  /(?:^|[\s{,"'])id["']?[ \t]*:?[ \t]*["']?([a-z][a-z0-9-]*)/m.exec(text)?.[1]

/** Every name of a property at any depth. */
const namesIn = (schema: OptionSchema, into: Set<string>): Set<string> => {
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    into.add(name)
    namesIn(inner, into)
  }
  if (schema.items) namesIn(schema.items, into)
  for (const one of schema.anyOf ?? []) if (typeof one === 'object') namesIn(one, into)
  if (typeof schema.additionalProperties === 'object') namesIn(schema.additionalProperties, into)
  return into
}

/** What stands at a JSON pointer below a map. */
export const nodeAt = (root: YamlMap, path: string): { node: YamlNode; keyOffset?: number } | undefined => {
  let found: { node: YamlNode; keyOffset?: number } = { node: root }
  for (const part of path.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (found.node.type === 'map') {
      const entry: YamlEntry | undefined = entryOf(found.node, key)
      if (!entry) return undefined
      found = entry
    } else if (found.node.type === 'list') {
      const item = found.node.items[Number(key)]
      if (!item) return undefined
      found = { node: item }
    } else return undefined
  }
  return found
}

const readNeeds = (input: CheckInput, entry: YamlEntry): Need[] => {
  const { region, problems } = input
  if (isEmpty(input, 'needs', entry.node, entry.keyOffset)) return []
  if (entry.node.type !== 'list') {
    problems.error(
      'E306',
      region.place(entry.node.offset),
      `"needs" must be a list of ids, not ${shownNode(entry.node)}`,
      entry.node.type === 'scalar' ? `needs: [${entry.node.text}]` : 'needs: [id]',
    )
    return []
  }
  const needs: Need[] = []
  for (const item of entry.node.items) {
    const at = region.place(item.offset)
    if (item.type !== 'scalar' || !ID.test(item.text))
      problems.error(
        'E306',
        at,
        `"needs" must hold ids, not ${shownNode(item)}`,
        'an id: lower-case letters, digits and hyphens',
      )
    else if (needs.some(need => need.id === item.text))
      problems.error('E306', at, `"needs" names "${item.text}" twice`, 'keep one')
    else needs.push({ id: item.text, at })
  }
  return needs
}

const readWhen = (input: CheckInput, entry: YamlEntry): PlannedCheck['when'] => {
  const { region, problems } = input
  const { node } = entry
  if (isEmpty(input, 'when', node, entry.keyOffset)) return undefined
  if (node.type !== 'map' || node.entries.length === 0) {
    problems.error(
      'E306',
      region.place(node.offset),
      '"when" must be a map of "os" or "env"',
      'when: {os: [linux, darwin]}',
    )
    return undefined
  }
  let os: string[] | undefined
  let env: Record<string, string> | undefined
  for (const part of node.entries) {
    const at = region.place(part.node.offset)
    if (!WHEN_KEYS.includes(part.key)) unknownKey(input, part, WHEN_KEYS, 'when.')
    else if (isEmpty(input, `when.${part.key}`, part.node, part.keyOffset)) continue
    else if (part.key === 'os') {
      if (part.node.type !== 'list' || part.node.items.length === 0) {
        problems.error(
          'E306',
          at,
          '"when.os" must be a list of systems',
          `os: [${part.node.type === 'scalar' ? part.node.text : 'linux, darwin'}]`,
        )
        continue
      }
      os = []
      for (const item of part.node.items) {
        if (item.type !== 'scalar')
          problems.error(
            'E306',
            region.place(item.offset),
            '"when.os" must hold names of systems',
            PLATFORMS.join(', '),
          )
        else if (/^mac|^osx/i.test(item.text))
          problems.error(
            'E306',
            region.place(item.offset),
            `"when.os" must hold names of systems, not ${shownNode(item)}`,
            'did you mean "darwin"?',
          )
        else {
          const word = wordOf(input, 'when.os', item, PLATFORMS)
          if (word) os.push(word)
        }
      }
    } else {
      if (part.node.type !== 'map' || part.node.entries.length === 0) {
        problems.error('E306', at, '"when.env" must be a map of variables to values', 'env: {NAME: value}')
        continue
      }
      env = {}
      for (const one of part.node.entries) {
        const value = readScalar(input, one, 'text')
        if (value) env[one.key] = value.text
      }
    }
  }
  return { ...(os ? { os } : {}), ...(env ? { env } : {}) }
}

/** Is this a day of the calendar, written `YYYY-MM-DD`? */
const isDay = (text: string): boolean => {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? []
  if (year === undefined) return false
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
}

const readSkip = (input: CheckInput, node: YamlNode, keyOffset: number): Skip | undefined => {
  const { region, problems } = input
  if (node.type !== 'map') {
    problems.error(
      'E305',
      region.place(node.type === 'scalar' && node.value === null ? keyOffset : node.offset),
      'a skip needs a reason and a last day',
      'skip: {reason: …, until: YYYY-MM-DD}',
    )
    return undefined
  }
  const parts: Partial<Record<string, YamlScalar>> = {}
  let whole = true
  for (const part of node.entries) {
    if (!SKIP_KEYS.includes(part.key)) {
      unknownKey(input, part, SKIP_KEYS, 'skip.')
      whole = false
      continue
    }
    const value = readScalar(input, part, 'text')
    if (!value) whole = false
    else parts[part.key] = value
  }
  if (!whole) return undefined
  const { finding, reason, until } = parts
  const missing = [...(reason?.text.trim() ? [] : ['reason']), ...(until ? [] : ['until'])]
  if (!reason || !until || missing.length > 0) {
    problems.error(
      'E305',
      region.place(keyOffset),
      `skip lacks ${missing.map(key => `"${key}"`).join(' and ')}`,
      'skip: {reason: …, until: YYYY-MM-DD}',
    )
    return undefined
  }
  if (!isDay(until.text)) {
    problems.error('E305', region.place(until.offset), `${shownNode(until)} is not a day`, 'until: YYYY-MM-DD')
    return undefined
  }
  if (finding && finding.text.trim() === '') {
    problems.error(
      'E305',
      region.place(finding.offset),
      '"skip.finding" is empty',
      'a code or a text of the finding; without it the whole check is skipped',
    )
    return undefined
  }
  const { line, column } = region.place(until.offset)
  return { ...(finding ? { finding: finding.text } : {}), reason: reason.text, until: until.text, line, column }
}

/** What is wrong with the variables of one text. Answers whether it may be put in. */
const judgeVariables = (input: CheckInput, scalar: YamlScalar, scanned: Scan, secret: boolean): boolean => {
  const { region, problems, vars } = input
  const raw = region.text.slice(scalar.offset, scalar.end)
  // Escapes in double quotes shift offsets: count the markers instead.
  const placeOf = (offset: number): Place => {
    const nth = scalar.text.slice(0, offset).split('$').length
    let found = -1
    for (let i = 0; i < nth; i++) found = raw.indexOf('$', found + 1)
    return region.place(
      scalar.offset +
        (scalar.text[offset] === '$' && found >= 0
          ? found
          : Math.max(0, raw.indexOf(scalar.text.slice(offset, offset + 5)))),
    )
  }
  for (const { code, offset, message, hint } of scanned.faults) {
    const word = /^"\$\{(\w+)\}"/.exec(message)?.[1]
    problems.error(
      code,
      placeOf(offset),
      message,
      word !== undefined && Object.hasOwn(vars, word) ? `\${var:${word}}` : hint,
    )
  }
  let fine = scanned.faults.length === 0
  for (const variable of variablesIn(scanned)) {
    const at = placeOf(variable.offset)
    const { source, name } = variable
    if (source === 'env' && (namesSecret(name) || secret)) {
      problems.error('E406', at, `${variable.text} would be shown in reports`, `\${secret:${name}}`)
      fine = false
    } else if (source === 'var') {
      input.usedVars.add(name)
      if (!input.varsKnown) continue
      const found = lookUp(variable, { env: {}, vars })
      if ('code' in found) {
        problems.error(found.code, at, found.message, found.hint)
        fine = false
      }
    } else if (input.env) {
      const found = lookUp(variable, { env: input.env, vars })
      if ('code' in found) problems.warn(found.code, at, found.message, found.hint)
    }
  }
  for (const match of scanned.pieces
    .filter(piece => typeof piece === 'string')
    .join(' ')
    .matchAll(/(?<![\w$\\])\$([A-Z_][A-Z0-9_]+)\b/g))
    problems.warn(
      'W401',
      region.place(scalar.offset),
      `"${match[0]}" is taken as it stands: no shell reads it`,
      `\${${namesSecret(match[1] ?? '') ? 'secret' : 'env'}:${match[1] ?? ''}}`,
    )
  return fine
}

const readOptions = async (
  input: CheckInput,
  root: YamlMap,
  kind: Check,
  checkAt: Place,
  phase: Phase,
): Promise<
  Pick<PlannedCheck, 'options' | 'positions'> & { readonly every: unknown; readonly reads: readonly Need[] }
> => {
  const { region, problems } = input
  const common = commonKeysOf(kind)
  const own = root.entries.filter(entry => !common.includes(entry.key))
  const options = Object.fromEntries(own.map(entry => [entry.key, plainOf(entry.node)]))
  const positions: Record<string, readonly [number, number]> = {}
  const unknown = new Set<string>()
  const convertible = new Set<string>()
  const reads: Need[] = []
  const schema = kind.options as OptionSchema

  const walk = (node: YamlNode, path: string): void => {
    const { line, column } = region.place(node.offset)
    positions[path] = [line, column]
    if (node.type === 'list') for (const [index, item] of node.items.entries()) walk(item, pointer(path, index))
    else if (node.type === 'map') {
      // A key of the map around it, one level too deep, would be a free key here and be lost.
      const free = schemasAt(schema, path).some(
        one => one.additionalProperties !== undefined && one.additionalProperties !== false,
      )
      const outer = free
        ? Object.keys(schemasAt(schema, path.slice(0, path.lastIndexOf('/')))[0]?.properties ?? {})
        : []
      for (const entry of node.entries) {
        const lost = free && (outer.includes(entry.key) || common.includes(entry.key)) && !entryOf(root, entry.key)
        if (lost)
          problems.error(
            'E204',
            region.place(entry.keyOffset),
            `the key "${entry.key}" stands inside "${path.slice(1).replaceAll('/', '.')}"`,
            'indent it like the keys of the map it belongs to',
          )
        if (entry.key.includes('${'))
          problems.error(
            'E401',
            region.place(entry.keyOffset),
            'a key takes no variable',
            'variables stand in values only',
          )
        walk(entry.node, pointer(path, entry.key))
      }
    } else if (typeof node.value === 'string') {
      if (schemasAt(schema, path).some(one => one.format === 'check-id'))
        reads.push({ id: node.text, at: region.place(node.offset) })
      const secret = schemasAt(schema, path).some(one => one.format === 'secret')
      const scanned = scan(node.text)
      const variables = variablesIn(scanned)
      const fine = judgeVariables(input, node, scanned, secret)
      if (secret && fine && !variables.some(variable => variable.source === 'secret') && node.text !== '')
        if (!problems.errors.some(({ problem }) => problem.code === 'E405' && problem.line === line))
          problems.error(
            'E405',
            region.place(node.offset),
            `"${path.slice(1).replaceAll('/', '.')}" is a secret and stands in the file`,
            'put it in the environment and write ${secret:NAME}',
          )
      if (!fine || variables.some(variable => variable.source !== 'var' || !input.varsKnown)) unknown.add(path)
      else if (variables.length > 0) convertible.add(path)
    } else if (typeof node.value === 'number' && Number.isInteger(node.value) && !Number.isSafeInteger(node.value)) {
      problems.error(
        'E306',
        region.place(node.offset),
        `${node.text} is too large for a number`,
        `quote it: "${node.text}"`,
      )
      unknown.add(path)
    }
  }
  for (const entry of own) walk(entry.node, pointer('', entry.key))

  const value = mapTexts(options, (text, path) => {
    if (unknown.has(path)) return text
    return scan(text)
      .pieces.map(piece => (typeof piece === 'string' ? piece : (input.vars[piece.name] ?? '')))
      .join('')
  }) as Record<string, unknown>
  const { faults } = await fitOptions({ schema: kind.options, value, unknown, convertible, alsoKnown: common })
  for (const fault of faults) report(input, root, fault, checkAt)
  const open = new Set([...unknown].map(path => pointerParts(path)[0] ?? ''))
  // What stands in a line that was not read may be what is missing.
  const judged = faults.length === 0 && region.unread.size === 0 && (open.size === 0 || kind.judgesOpen)
  const wrong = judged ? kind.conflict?.(value, { phase, above: input.above, open }) : undefined
  if (wrong !== undefined) problems.error('E306', checkAt, wrong, `bootcheck explain ${kind.kind}`)
  return { options, positions, every: value.every, reads }
}

const report = (input: CheckInput, root: YamlMap, fault: Fault, checkAt: Place): void => {
  const { region, problems } = input
  const found = nodeAt(root, fault.path)
  if (fault.code === 'E205') {
    if (fault.missing?.some(key => region.unread.has(key))) return
    problems.error(
      'E205',
      fault.path === '' || !found ? checkAt : region.place(found.node.offset),
      fault.message,
      fault.hint,
    )
    return
  }
  if (!found) return void problems.error(fault.code, checkAt, fault.message, fault.hint)
  const { node, keyOffset } = found
  if (fault.code === 'E212' && isEmpty(input, fault.path.slice(1).replaceAll('/', '.'), node, keyOffset ?? node.offset))
    return
  const at = region.place(fault.atKey && keyOffset !== undefined ? keyOffset : node.offset)
  // A number keeps its text here: 0755 is what was written, 755 what YAML made of it.
  if (fault.code === 'E209' && node.type === 'scalar' && typeof node.value === 'number') {
    const digits = node.text.replace(/^0o/, '')
    const octal = /^[0-7]{3,4}$/.test(digits) ? digits.padStart(4, '0') : undefined
    problems.error(
      'E209',
      at,
      fault.message.replace(/not .*$/, `not ${node.text}`),
      octal === undefined ? 'such as "0700"' : `"${octal}"`,
      /^0[0-7]{3}$/.test(node.text)
        ? { ...at, remove: node.text.length, insert: `"${node.text}"`, what: `${node.text} quoted` }
        : undefined,
    )
    return
  }
  const hint = fault.hint?.startsWith('quote it') && node.type === 'scalar' ? `quote it: "${node.text}"` : fault.hint
  problems.error(fault.code, at, fault.message, hint)
}

export const readCheck = async (input: CheckInput): Promise<ReadCheck> => {
  const { region, problems, kind } = input
  const { root } = region
  const errorsBefore = problems.errors.length
  if (!root || region.broken) {
    const id = idInBroken(region.text)
    return {
      needs: [],
      reads: [],
      skips: [],
      ...(id === undefined ? {} : { id, idAt: { line: input.line, column: 1 } }),
    }
  }
  const opener: Place = { line: input.line, column: 1 }
  const checkEntry = entryOf(root, 'check')
  const checkAt: Place = checkEntry ? region.place(checkEntry.keyOffset) : opener

  let id: string | undefined
  let idAt: Place | undefined
  let meantId: string | undefined
  let needs: Need[] = []
  let severity: Severity = 'fail'
  let phase: Phase = 'before'
  let everyMs: number | undefined
  let timeoutMs = input.timeoutMs
  let retries = 0
  let retryDelayMs = RETRY_DELAY_MS
  let when: PlannedCheck['when']
  const skips: Skip[] = []

  const idEntry = entryOf(root, 'id')
  if (idEntry) {
    const scalar = readScalar(input, idEntry, 'a name')
    if (scalar && ID.test(scalar.text)) id = scalar.text
    else if (scalar) {
      const mended = scalar.text
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^[^a-z]+|-+$/g, '')
        .slice(0, 63)
      problems.error(
        'E306',
        region.place(scalar.offset),
        `"id" must be lower-case letters, digits and hyphens, not ${shownNode(scalar)}`,
        mended ? `id: ${mended}` : 'it begins with a letter and has at most 63 characters',
      )
    }
    if (scalar) idAt = region.place(scalar.offset)
    // What needs it is not to blame.
    if (scalar) meantId = scalar.text.replace(/\s/g, '')
  }

  if (region.unread.has('id')) meantId = idInBroken(region.text)

  const common = commonKeysOf(kind)
  for (const entry of root.entries)
    switch (common.includes(entry.key) ? entry.key : '') {
      case 'check': {
        const scalar = readScalar(input, entry, 'a kind')
        if (scalar && !kind) {
          const meant = suggest(scalar.text, input.kinds)
          problems.error(
            'E301',
            region.place(scalar.offset),
            `unknown kind ${shownNode(scalar)}`,
            meant === undefined ? `known kinds: ${input.kinds.join(', ')}` : `did you mean "${meant}"?`,
          )
        }
        break
      }
      case 'needs':
        needs = readNeeds(input, entry)
        break
      case 'severity':
        severity = readWord(input, entry, ['fail', 'warn'] as const) ?? severity
        break
      case 'phase':
        phase = readWord(input, entry, ['before', 'after'] as const) ?? phase
        break
      case 'every':
        everyMs = readDuration(input, entry, LEAST_EVERY_MS)
        break
      case 'timeout':
        timeoutMs = readDuration(input, entry) ?? timeoutMs
        break
      case 'retries':
        retries = readInteger(input, entry, 0, MAX_RETRIES) ?? 0
        if (retries > 0 && kind?.sends)
          problems.error(
            'E307',
            region.place(entry.keyOffset),
            `"${kind.kind}" sends: a send is never retried`,
            'delete the line',
          )
        break
      case 'retry-delay':
        retryDelayMs = readDuration(input, entry) ?? retryDelayMs
        break
      case 'when':
        when = readWhen(input, entry)
        break
      case 'skip': {
        const list = entry.node.type === 'list' && entry.node.items.length > 0 ? entry.node.items : [entry.node]
        for (const one of list) {
          const skip = readSkip(input, one, one === entry.node ? entry.keyOffset : one.offset)
          if (skip) skips.push(skip)
        }
        break
      }
    }

  const known = [...Object.keys(kind?.options.properties ?? {}), ...COMMON_KEYS]
  const missing = (key: string, hint: string): void => {
    const misspelt = root.entries.some(entry => !known.includes(entry.key) && suggest(entry.key, known) === key)
    if (!entryOf(root, key) && !region.unread.has(key) && !misspelt)
      problems.error('E205', checkAt, `"${key}" is missing`, hint)
  }
  missing('check', `add the kind: check: ${input.kinds[0] ?? 'KIND'}`)
  missing('id', 'add a name of its own: id: NAME')

  // Without its kind nothing else looks at the other keys.
  if (!kind)
    for (const entry of root.entries)
      if (!COMMON_KEYS.includes(entry.key) && suggest(entry.key, COMMON_KEYS)) unknownKey(input, entry, COMMON_KEYS)

  const everyEntry = common.includes('every') ? entryOf(root, 'every') : undefined
  if (everyEntry && phase === 'before')
    problems.error(
      'E306',
      region.place(everyEntry.keyOffset),
      '"every" belongs to a check that runs once the gateway does',
      'add the line: phase: after',
    )

  let own: Pick<PlannedCheck, 'options' | 'positions'> = { options: {}, positions: {} }
  let reads: readonly Need[] = []
  const names = new Set([...COMMON_KEYS, ...SKIP_KEYS, ...WHEN_KEYS])
  const missable = new Set(COMMON_KEYS)
  const free: YamlMap[] = []
  const whenNode = entryOf(root, 'when')?.node
  if (whenNode?.type === 'map') {
    for (const key of WHEN_KEYS) missable.add(key)
    const env = entryOf(whenNode, 'env')?.node
    if (env?.type === 'map') {
      free.push(env)
      for (const { key, keyOffset } of env.entries)
        if ((key === 'os' || COMMON_KEYS.includes(key)) && !entryOf(whenNode, key) && !entryOf(root, key))
          problems.error(
            'E204',
            region.place(keyOffset),
            `the key "${key}" stands inside "when.env"`,
            'indent it like the keys of the map it belongs to',
          )
    }
  }
  if (entryOf(root, 'skip')?.node.type === 'map') for (const key of ['finding']) missable.add(key)
  if (kind) {
    for (const name of namesIn(kind.options as OptionSchema, names)) names.add(name)
    for (const name of Object.keys(kind.options.properties)) missable.add(name)
    const visit = (node: YamlNode, path: string): void => {
      if (node.type === 'list') for (const [index, item] of node.items.entries()) visit(item, pointer(path, index))
      if (node.type !== 'map') return
      for (const one of schemasAt(kind.options as OptionSchema, path)) {
        if (one.additionalProperties !== undefined && one.additionalProperties !== false) free.push(node)
        for (const name of Object.keys(one.properties ?? {})) missable.add(name)
      }
      for (const entry of node.entries) visit(entry.node, pointer(path, entry.key))
    }
    for (const entry of root.entries) if (!common.includes(entry.key)) visit(entry.node, pointer('', entry.key))
    const { every, reads: named, ...rest } = await readOptions(input, root, kind, checkAt, phase)
    own = rest
    reads = named
    if (typeof every === 'string' && phase === 'after') everyMs = duration(every)
  }
  findLostKeys(
    region,
    root,
    { all: [...names], missable: [...missable], free, needs: entryOf(root, 'needs')?.node },
    problems,
  )

  const read = {
    needs,
    reads,
    skips,
    ...(id === undefined ? (meantId === undefined ? {} : { meantId }) : { id }),
    ...(idAt === undefined ? {} : { idAt }),
  }
  if (id === undefined || !kind || problems.errors.length > errorsBefore || region.faults.length > 0) return read
  return {
    ...read,
    planned: {
      id,
      kind: kind.kind,
      title: input.heading ?? kind.title,
      why: input.why,
      line: input.line,
      needs: needs.map(need => need.id),
      ...(reads.length > 0 ? { reads: reads.map(({ id }) => id) } : {}),
      severity,
      phase,
      ...(everyMs === undefined ? {} : { everyMs }),
      timeoutMs,
      retries,
      retryDelayMs,
      ...(when ? { when } : {}),
      skips,
      ...own,
    },
  }
}
