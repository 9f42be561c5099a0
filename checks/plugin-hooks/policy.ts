/** What a config says of plugins and hooks: pure. */

import { isRecord } from '../../core/product-config.ts'
import type { Preset } from '../../presets/shape.ts'
import type { Config } from './config.ts'
import type { HookFolder } from './hook.ts'
import type { PluginFolder } from './plugin.ts'
import type { Off } from './unit.ts'

const key = (id: string): string => id.trim().toLowerCase()

const list = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string' && item.trim() !== '') : []

/** A name in the config, and where it stands. */
export interface Named {
  readonly name: string
  readonly pointer: string
  /** `entry`: configured; `settings`: without a word whether it is on; `allow`: merely allowed; `slot`: chosen for a role without which its host does not start. */
  readonly as: 'entry' | 'settings' | 'allow' | 'slot'
}

export interface PluginPolicy {
  off(plugin: Pick<PluginFolder, 'id' | 'kinds' | 'channels' | 'origin'>): Off | undefined
  /** Those that must be there. */
  readonly named: readonly Named[]
}

const token = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

export const pluginPolicy = (config: Config, preset: Preset): PluginPolicy => {
  const { policy, retired } = preset.plugins
  const enabled = config.get(policy.enabled) !== false
  const allow = list(config.get(policy.allow))
  const allowed = new Set(allow.map(key))
  const denied = new Set(list(config.get(policy.deny)).map(key))
  const given = config.get(policy.entries)
  const entries = new Map(isRecord(given) ? Object.entries(given).map(([id, entry]) => [key(id), { id, entry }]) : [])
  const isOn = (id: string): unknown => {
    const entry = entries.get(key(id))?.entry
    return isRecord(entry) ? entry.enabled : undefined
  }
  const slots = Object.entries(policy.slots).map(([kind, pointer]) => {
    const value = config.get(pointer)
    const set = typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
    return { kind, pointer, set, id: set ?? policy.slotDefaults[kind] ?? '' }
  })
  const channels = config.get(policy.channels)

  const off: PluginPolicy['off'] = ({ id, kinds, channels: own, origin }) => {
    const chosen = (why: string): Off => ({ why, chosen: true })
    if (!enabled) return chosen('plugins.enabled is false')
    if (denied.has(key(id))) return chosen('plugins.deny names it')
    if (isOn(id) === false) return chosen(`plugins.entries.${id}.enabled is false`)
    const states = (own.length > 0 ? own : [id]).map(channel => {
      const entry = isRecord(channels) ? channels[channel] : undefined
      return isRecord(entry) ? entry.enabled : undefined
    })
    if (states.every(state => state === false)) return chosen(`channels.${own[0] ?? id}.enabled is false`)
    const hasSlot = slots.some(slot => slot.set !== undefined && key(slot.set) === key(id))
    if (origin === 'workspace' && !allowed.has(key(id)) && isOn(id) !== true && !hasSlot)
      return { why: `a plugin in a workspace is off until plugins.entries.${id}.enabled is true`, chosen: false }
    const exclusive = slots.find(slot => slot.kind === policy.exclusive)
    if (exclusive && kinds.length === 1 && kinds[0] === policy.exclusive && key(exclusive.id) !== key(id))
      return chosen(
        `the ${exclusive.kind} slot is ${exclusive.set === undefined ? `${exclusive.id} unless plugins.slots.${exclusive.kind} says otherwise` : exclusive.id}`,
      )
    if (allowed.size > 0 && !allowed.has(key(id)) && !hasSlot) return chosen('plugins.allow does not name it')
    return undefined
  }

  const named: Named[] = []
  if (enabled) {
    for (const { id, entry } of entries.values())
      if (!(isRecord(entry) && entry.enabled === false))
        named.push({
          name: id,
          pointer: `${policy.entries}/${token(id)}`,
          as: isSettings(entry) ? 'settings' : 'entry',
        })
    for (const [index, id] of allow.entries())
      if (isOn(id) !== false && !entries.has(key(id)))
        named.push({ name: id, pointer: `${policy.allow}/${index}`, as: 'allow' })
    for (const slot of slots)
      if (slot.set !== undefined && key(slot.set) !== 'none' && key(slot.set) !== policy.slotDefaults[slot.kind])
        named.push({ name: slot.set, pointer: slot.pointer, as: 'slot' })
  }
  return { off, named: named.filter(({ name }) => !retired.includes(key(name)) && !denied.has(key(name))) }
}

/** Settings for a plugin, which ask for none: OpenClaw's own `config set` writes some for a plugin that it does not ship. */
const isSettings = (entry: unknown): boolean => isRecord(entry) && isRecord(entry.config) && entry.enabled === undefined

export interface HookPolicy {
  off(hook: Pick<HookFolder, 'name' | 'key' | 'origin'>): Off | undefined
  /** Whether the config names it, so that somebody counts on it. */
  wanted(hook: Pick<HookFolder, 'name' | 'key'>): boolean
  readonly named: readonly Named[]
}

export const hookPolicy = (config: Config, preset: Preset): HookPolicy => {
  const { policy } = preset.hooks
  const master = config.get(policy.enabled)
  const given = config.get(policy.entries)
  const entries = Object.entries(isRecord(given) ? given : {})
  const enabledOf = (entry: unknown): unknown => (isRecord(entry) ? entry.enabled : undefined)
  const selected = new Set(entries.filter(([, entry]) => enabledOf(entry) !== false).map(([name]) => name.trim()))
  const open = list(config.get(policy.extra)).length > 0 || (entries.length === 0 && master === true)
  const configured = open || master === true || selected.size > 0

  return {
    off: ({ name, key: hookKey, origin }) => {
      if (master === false) return { why: 'hooks.internal.enabled is false', chosen: true }
      const entry = entries.find(([known]) => known === hookKey)?.[1]
      if (enabledOf(entry) === false) return { why: `hooks.internal.entries.${hookKey}.enabled is false`, chosen: true }
      if (!configured) return { why: 'the config switches no hooks on (hooks.internal.enabled)', chosen: false }
      if (!open && !selected.has(name) && !selected.has(hookKey))
        return { why: 'hooks.internal.entries names others, not this one', chosen: false }
      if (origin === 'workspace' && enabledOf(entry) !== true)
        return {
          why: `a hook in a workspace is off until hooks.internal.entries.${hookKey}.enabled is true`,
          chosen: false,
        }
      return undefined
    },
    wanted: hook => selected.has(hook.name) || selected.has(hook.key),
    named:
      master === false
        ? []
        : [...selected].map(name => ({ name, pointer: `${policy.entries}/${token(name)}`, as: 'entry' as const })),
  }
}
