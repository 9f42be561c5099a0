/** Every plugin and hook of a product that its preset describes, with what is already known to be wrong. */
import { basename, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { shownPath } from '../../core/paths.ts'
import { configPath, isRecord, productPlaces } from '../../core/product-config.ts'
import { productEnvFiles, productVariables } from '../../core/product-env.ts'
import { quote } from '../../core/shell.ts'
import { suggest } from '../../core/suggest.ts'
import { listing } from '../../core/text.ts'
import type { Preset } from '../../presets/shape.ts'
import { type Config, loadConfig } from './config.ts'
import type { Disk } from './disk.ts'
import type { Flaw } from './flaw.ts'
import { type HookFolder, readHook } from './hook.ts'
import { findHost, findProgram, type Host } from './host.ts'
import { type Found, search } from './places.ts'
import { readPlugin } from './plugin.ts'
import { type HookPolicy, hookPolicy, type Named, pluginPolicy } from './policy.ts'
import type { Off, Unit } from './unit.ts'

export interface Discovery {
  readonly units: readonly Unit[]
  /** What is wrong beside the units. */
  readonly flaws: readonly Flaw[]
  /** What was looked at beside the units. */
  readonly watched: readonly string[]
  /** Names in the config that the product ships. */
  readonly shipped: readonly string[]
  readonly host?: Host
}

export interface Scope {
  readonly preset: Preset
  readonly state: string | undefined
  readonly node: string | undefined
  readonly disk: Disk
}

/** Requirements of a hook that this host does not meet. */
const unmet = (
  hook: HookFolder,
  config: Config,
  scope: Scope,
  vars: CheckContext['env'],
  ctx: CheckContext,
): string[] => {
  const { requires } = hook
  const has = (name: string) => findProgram(name, { ...ctx, env: vars }, scope.disk) !== undefined
  const own = config.get(
    `${scope.preset.hooks.policy.entries}/${hook.key.replaceAll('~', '~0').replaceAll('/', '~1')}/env`,
  )
  const isSet = (name: string) => {
    const given = isRecord(own) ? own[name] : undefined
    return (vars[name]?.trim() ?? '') !== '' || (typeof given === 'string' && given.trim() !== '')
  }
  const holds = (path: string): boolean => {
    const value = config.get(`/${path.split('.').join('/')}`)
    return value === undefined ? scope.preset.hooks.trueByDefault.includes(path) : Boolean(value)
  }
  return [
    ...requires.bins.filter(name => !has(name)).map(name => `the program ${name}`),
    ...(requires.anyBins.length > 0 && !requires.anyBins.some(has)
      ? [`one of the programs ${requires.anyBins.join(', ')}`]
      : []),
    ...requires.env.filter(name => !isSet(name)).map(name => `the variable ${name}`),
    ...requires.config.filter(path => !holds(path)).map(path => `the setting ${path}`),
  ]
}

const asUnit = (hook: HookFolder, off: Off | undefined, flaws: readonly Flaw[]): Unit => ({
  sort: 'hook',
  name: hook.name,
  path: hook.path,
  root: hook.root,
  entries: hook.entries,
  loader: 'node',
  exported: hook.exported,
  ...(off && { off }),
  flaws,
})

export const discover = async (scope: Scope, ctx: CheckContext): Promise<Discovery> => {
  const { preset, disk } = scope
  const at = productPlaces(preset, scope.state, ctx)
  const { state } = at
  const vars = productVariables(ctx.env, productEnvFiles(preset, at, ctx.cwd, ctx))
  const config = await loadConfig(at.config, preset, vars, ctx)
  const watched = config.files.map(file => shownPath(file, ctx))
  if (config.flaws.length > 0) return { units: [], flaws: config.flaws, watched, shipped: [] }

  const workspaces = [
    ...new Set(
      [
        ...preset.workspaces.pointers.flatMap(pointer => config.all(pointer).map(({ value }) => value)),
        vars[preset.workspaces.variable],
      ].filter((value): value is string => typeof value === 'string' && value.trim() !== ''),
    ),
  ].map(path => configPath(path.trim(), state, ctx))
  if (workspaces.length === 0) workspaces.push(join(state, preset.workspaces.folder))
  const where = { state, workspaces, config, preset, disk }
  const flaws: Flaw[] = []
  const units: Unit[] = []

  // Plugins.
  const policy = pluginPolicy(config, preset)
  const isPlugin = (path: string): boolean => {
    const { plugins } = preset
    const said = disk.packageAt(path)?.content[plugins.package.key]
    return (
      [plugins.manifest.file, ...plugins.bundles, ...plugins.entries].some(
        name => disk.kind(join(path, name)) === 'file',
      ) ||
      (isRecord(said) && said[plugins.package.entries] !== undefined)
    )
  }
  const places = search(preset.plugins.places, where, isPlugin, ctx)
  flaws.push(...places.flaws)
  const folders = await Promise.all(
    places.found.map(async found => ({
      found,
      plugin: await readPlugin(
        found.path,
        { disk, preset, origin: found.place.origin, built: found.place.origin === 'managed' },
        ctx,
      ),
    })),
  )
  const roots = new Set<string>()
  const owner = new Map<string, string>()
  const present = new Set<string>()
  for (const { found, plugin } of folders) {
    const key = plugin.id.toLowerCase()
    if (roots.has(plugin.root) && disk.kind(found.path) !== 'file') continue
    if (!plugin.isPlugin || disk.kind(found.path) === undefined) {
      const missing = missingPlugin(found, plugin.id, policy.named, disk)
      if (missing && policy.off(plugin)?.chosen !== true)
        units.push({ ...unitOf(found, plugin.id, preset), flaws: [missing], ...offOf(policy.off(plugin)) })
      if (missing) present.add(key)
      continue
    }
    roots.add(plugin.root)
    present.add(key).add(basename(found.path).toLowerCase())
    const first = owner.get(key)
    const off: Off | undefined =
      found.stale !== undefined
        ? { why: found.stale, chosen: true }
        : first !== undefined
          ? { why: `${shownPath(first, ctx)} comes before it`, chosen: true }
          : policy.off(plugin)
    if (found.stale === undefined && first === undefined) owner.set(key, found.path)
    units.push({
      ...unitOf(found, plugin.id, preset),
      root: plugin.root,
      entries: plugin.entries,
      flaws: plugin.flaws,
      ...offOf(off),
    })
  }

  // Hooks.
  const hooks = hookPolicy(config, preset)
  const isHook = (path: string) =>
    disk.kind(join(path, preset.hooks.document)) === 'file' || packHooks(path, preset, disk).length > 0
  const hookPlaces = search(preset.hooks.places, where, isHook, ctx)
  flaws.push(...hookPlaces.flaws)
  const hookNames = new Set<string>()
  for (const found of hookPlaces.found) {
    const listed = packHooks(found.path, preset, disk)
    for (const path of listed.length > 0 ? listed.map(name => join(found.path, name)) : [found.path]) {
      const unit = await hookUnit(path, found, hooks, config, scope, vars, ctx)
      if (!unit) continue
      const replaced = hookNames.has(unit.name)
      hookNames.add(unit.name).add(basename(path))
      units.push(replaced ? { ...unit, off: { why: 'another hook of its name comes before it', chosen: true } } : unit)
    }
  }

  // What the config names and nobody has.
  const missing = policy.named.filter(({ name }) => !present.has(name.toLowerCase()))
  const missingHooks = hooks.named.filter(
    ({ name }) => !hookNames.has(name) && !units.some(unit => unit.sort === 'hook' && unit.name === name),
  )
  const keys = new Set(units.filter(unit => unit.sort === 'hook').map(unit => unit.name))
  const interpreter = scope.node === undefined ? undefined : findProgram(scope.node, ctx, disk)
  const host =
    missing.length + missingHooks.length > 0
      ? findHost(
          preset,
          interpreter,
          units.map(unit => unit.root),
          disk,
          ctx,
        )
      : undefined
  const shipped: string[] = []
  const known = {
    plugins: host?.plugins ?? new Set(preset.host.known),
    hooks: host?.hooks ?? new Set(preset.host.knownHooks),
  }
  for (const one of missing)
    if (known.plugins.has(one.name.toLowerCase())) shipped.push(one.name)
    else flaws.push(notInstalled('plugin', one, host, [...present], config, preset))
  for (const one of missingHooks)
    if (known.hooks.has(one.name)) shipped.push(one.name)
    else flaws.push(notInstalled('hook', one, host, [...keys], config, preset))

  return {
    units,
    flaws,
    watched: [
      ...watched,
      ...[...places.folders, ...hookPlaces.folders]
        .filter(folder => disk.kind(folder) === 'folder')
        .map(folder => shownPath(folder, ctx)),
    ],
    shipped: [...new Set(shipped)],
    ...(host && { host }),
  }
}

const offOf = (off: Off | undefined) => (off ? { off } : {})

const unitOf = (found: Found, id: string, preset: Preset): Unit => ({
  sort: 'plugin',
  name: id,
  path: found.path,
  root: found.path,
  entries: [],
  loader: 'typescript',
  flaws: [],
  ...(found.place.origin !== 'config' &&
    found.place.origin !== 'workspace' && {
      next: preset.plugins.install.replace('{name}', quote(found.package ?? id)),
    }),
})

/** A place that should hold a plugin and does not. Undefined for a folder that may hold anything. */
const missingPlugin = (found: Found, id: string, named: readonly Named[], disk: Disk): Flaw | undefined => {
  if (disk.kind(found.path) === undefined)
    return {
      what: 'not-installed',
      level: 'fail',
      path: found.path,
      message:
        disk.denied.get(found.path)?.replace(`${found.path} `, '') ??
        'does not exist, although the project around it depends on it',
      expected: 'an installed package',
    }
  // A project may depend on packages that are no plugins.
  if (found.package !== undefined && !named.some(({ name }) => name.toLowerCase() === id.toLowerCase()))
    return undefined
  const wanted = named.some(({ name }) =>
    [id, basename(found.path)].some(known => known.toLowerCase() === name.toLowerCase()),
  )
  return {
    what: 'entry-missing',
    level: wanted ? 'fail' : 'warn',
    path: found.path,
    message: 'holds no plugin: neither manifest nor entry',
    expected: wanted ? 'the plugin that the config names' : 'a plugin, or no folder',
  }
}

const packHooks = (path: string, preset: Preset, disk: Disk): string[] => {
  const { key, list } = preset.hooks.package
  const said = disk.packageAt(path)?.content[key]
  const hooks = isRecord(said) ? said[list] : undefined
  return Array.isArray(hooks)
    ? hooks.filter((name): name is string => typeof name === 'string' && name.trim() !== '')
    : []
}

const hookUnit = async (
  path: string,
  found: Found,
  policy: HookPolicy,
  config: Config,
  scope: Scope,
  vars: CheckContext['env'],
  ctx: CheckContext,
): Promise<Unit | undefined> => {
  const { preset, disk } = scope
  const document = join(path, preset.hooks.document)
  const listed = path !== found.path
  if (disk.kind(document) === undefined && !disk.denied.has(document)) {
    const handler = preset.hooks.handlers
      .filter(name => name.startsWith('handler.'))
      .find(name => disk.kind(join(path, name)) === 'file')
    if (!listed && handler === undefined) return undefined
    const name = basename(path)
    const flaw: Flaw = {
      what: 'manifest-missing',
      level: listed || policy.wanted({ name, key: name }) ? 'fail' : 'warn',
      path: listed ? join(found.path, 'package.json') : path,
      message: listed
        ? `names the hook ${path.slice(found.path.length + 1)}, which has no ${preset.hooks.document}`
        : `has a ${handler} and no ${preset.hooks.document}, so it is no hook`,
      expected: `a ${preset.hooks.document} beside the handler`,
    }
    return {
      sort: 'hook',
      name,
      path,
      root: path,
      entries: [],
      loader: 'node',
      flaws: [flaw],
      ...offOf(policy.off({ name, key: name, origin: found.place.origin })),
    }
  }
  const hook = await readHook(path, disk, preset, found.place.origin, ctx)
  const { os } = hook.requires
  if (os.length > 0 && !os.includes(process.platform))
    return asUnit(hook, { why: `it is for ${os.join(', ')}`, chosen: true }, hook.flaws)
  const off = policy.off(hook)
  if (off) return asUnit(hook, off, hook.flaws)
  const lacking = unmet(hook, config, scope, vars, ctx)
  if (lacking.length === 0) return asUnit(hook, undefined, hook.flaws)
  const flaw: Flaw = {
    what: 'requirement-missing',
    level: 'warn',
    path: document,
    line: 1,
    message: `requires ${listing(lacking)}, so it is not loaded`,
    expected: 'what the hook requires, or the hook switched off',
  }
  const why = { why: `it requires ${listing(lacking)}`, chosen: true }
  return policy.wanted(hook) ? asUnit(hook, undefined, [...hook.flaws, flaw]) : asUnit(hook, why, hook.flaws)
}

const notInstalled = (
  sort: Unit['sort'],
  { name, pointer, as }: Named,
  host: Host | undefined,
  present: readonly string[],
  config: Config,
  preset: Preset,
): Flaw => {
  const meant = suggest(name, present)
  const seen = host
    ? `neither installed nor shipped with ${preset.product}`
    : `not installed (${preset.product} itself was not found on this machine, so whether it ships it cannot be told)`
  return {
    what: 'not-installed',
    // Without the host's own list a name of a later release would be a false alarm; an allow list alone loads nothing.
    level: (as === 'entry' || as === 'slot') && host !== undefined ? 'fail' : 'warn',
    ...config.place(pointer),
    message: `names the ${sort} ${name}, which is ${seen}${meant === undefined ? '' : ` (there is ${meant})`}`,
    expected: `every ${sort} that the config names`,
    ...(sort === 'plugin' && { next: preset.plugins.install.replace('{name}', quote(name)) }),
  }
}
