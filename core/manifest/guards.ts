/** The front matter's `guard:`: each key a guard, each value what that guard's own schema admits. */
import type { Check, ObjectSchema, Registry } from '../check.ts'
import { fitOptions, pointerParts } from '../options.ts'
import type { GuardSettings, PlannedCheck } from '../plan.ts'
import { mapTexts } from '../variables.ts'
import { plainOf, type YamlEntry, type YamlMap } from './block-yaml.ts'
import { nodeAt } from './check-block.ts'
import { isEmpty, type Reader, unknownKey } from './readers.ts'
import { shownNode } from './region.ts'

type Settings = Pick<Check, 'conflict'> & { readonly schema: ObjectSchema }

const settingsOf = async (load: (() => Promise<Check>) | undefined): Promise<Settings | undefined> => {
  const { settings: schema, conflict } = (await load?.()) ?? {}
  return schema && { schema, ...(conflict ? { conflict } : {}) }
}

/** All guards there are: asked only to say what was meant. */
const guardNames = async (registry: Registry): Promise<string[]> => {
  const names: string[] = []
  for (const [name, load] of Object.entries(registry)) if (await settingsOf(load)) names.push(name)
  return names
}

const readOne = async (
  reader: Reader,
  { key, node }: YamlEntry,
  map: YamlMap,
  { schema, conflict }: Settings,
): Promise<Record<string, unknown>> => {
  const { region, problems } = reader
  const value = plainOf(node) as Record<string, unknown>
  const unknown = new Set<string>()
  mapTexts(value, (text, path) => {
    if (!text.includes('${')) return text
    unknown.add(path)
    const found = nodeAt(map, `/${key}${path}`)
    problems.error(
      'E401',
      region.place(found?.node.offset ?? node.offset),
      `"guard.${key}.${pointerParts(path).join('.')}" takes no variable`,
      'variables stand in the options of a kind only',
    )
    return text
  })
  const { options, faults } = await fitOptions({
    schema,
    value,
    unknown,
    name: path => `"guard.${key}.${pointerParts(path).join('.')}"`,
  })
  for (const { path, atKey, code, message, hint } of faults) {
    const found = nodeAt(map, `/${key}${path}`)
    if (
      code === 'E212' &&
      found &&
      isEmpty(reader, `guard.${key}${path.replaceAll('/', '.')}`, found.node, found.keyOffset ?? found.node.offset)
    )
      continue
    const offset = atKey ? found?.keyOffset : undefined
    problems.error(code, region.place(offset ?? found?.node.offset ?? node.offset), message, hint)
  }
  const wrong =
    faults.length === 0 && unknown.size === 0
      ? conflict?.(options, { phase: 'before', above: new Map(), open: new Set() })
      : undefined
  if (wrong !== undefined)
    problems.error('E306', region.place(node.offset), `"guard.${key}": ${wrong}`, `bootcheck explain ${key}`)
  return options
}

/** What `guard:` declares, every fault reported. Which guards there are is the registry's to say. */
export const readGuards = async (
  { map, ...reader }: Reader & { readonly map: YamlMap },
  registry: Registry,
): Promise<GuardSettings> => {
  const { region, problems } = reader
  const guards: Record<string, Readonly<Record<string, unknown>>> = {}
  for (const entry of map.entries) {
    const { key, keyOffset, node } = entry
    const settings = await settingsOf(Object.hasOwn(registry, key) ? registry[key] : undefined)
    if (!settings) unknownKey(reader, entry, await guardNames(registry), 'guard.')
    else if (isEmpty(reader, `guard.${key}`, node, keyOffset)) continue
    else if (node.type === 'map') guards[key] = await readOne(reader, entry, map, settings)
    else
      problems.error(
        'E306',
        region.place(node.offset),
        `"guard.${key}" must be a map, not ${shownNode(node)}`,
        `${key}: {}, or its parameters as "name: value" lines below it, indented`,
      )
  }
  return guards
}

/** What a check does not say itself is as `guard:` has it for its kind. */
export const inherit = (check: PlannedCheck, guards: GuardSettings | undefined): PlannedCheck => {
  const settings = guards?.[check.kind]
  return settings ? { ...check, options: { ...settings, ...check.options } } : check
}
