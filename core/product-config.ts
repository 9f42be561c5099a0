/** A product's config: JSON5 with includes and `${VARIABLES}`, every value traceable to its file, line and column. */
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { CheckContext, Env } from './check.ts'
import { FileError, readText, realpath, stat } from './files.ts'
import { type JsonText, parseJson, pointerToken, type RepeatedKey, resolvePointer } from './json-text.ts'
import { type StateFolder, stateFolder } from './state-folder.ts'

/** Data of a preset. Pointers are JSON pointers into the config. */
export interface ProductConfig {
  readonly product: string
  readonly state: StateFolder
  readonly config: {
    /** Names the file itself. */
    readonly variable: string
    /** In the state folder; the later names are those of older releases. */
    readonly files: readonly [string, ...string[]]
    readonly include: { readonly key: string; readonly depth: number; readonly roots: string }
    /** Objects that name a variable: all of `where` holds, and `name` is its name. */
    readonly references: { readonly where: Readonly<Record<string, string>>; readonly name: string }
    /** A switch that, set to false, puts everything beside it out of use. */
    readonly off: string
    /** Objects of names and texts, which become variables where nothing else sets them. */
    readonly sets: readonly string[]
    /** A switch in the config, and a variable, by which it asks a login shell for what is still missing. */
    readonly shell: { readonly pointer: string; readonly variable: string }
  }
  /** Files of variables: after the environment itself, the first that has one decides. */
  readonly envFiles: readonly EnvFilePlace[]
}

export interface EnvFilePlace {
  /** `service`: the folder in which the product is started. */
  readonly below: 'service' | 'state' | 'config' | 'home'
  readonly file: string
  /** It is read only where the state is in its usual place. */
  readonly usualState?: true
  /** Globs of the names that it may not set. */
  readonly passedOver?: readonly string[]
}

export interface ConfigFlaw {
  readonly what: 'missing' | 'unreadable' | 'broken' | 'invalid'
  readonly path: string
  readonly line?: number
  readonly column?: number
  /** Follows the place: `includes ./a.json5, which does not exist`. */
  readonly message: string
  /** Of a broken file: the line, cut around the column. */
  readonly frame?: string
}

/** A variable that the config names. */
export interface Reference {
  readonly name: string
  readonly pointer: string
  /** Something above it is switched off. */
  readonly off: boolean
}

interface Source {
  readonly file: string
  readonly json: JsonText
  /** Where its value was put in the whole. */
  readonly at: string
}

export interface ConfigPlace {
  readonly path: string
  readonly line?: number
  readonly column?: number
}

export interface Config {
  readonly value: unknown
  /** As it is written, with includes and without the values of variables. */
  readonly written: unknown
  /** The config's own file first. */
  readonly files: readonly [string, ...string[]]
  readonly flaws: readonly ConfigFlaw[]
  /** The variables that it sets where nothing else does. */
  readonly sets: Readonly<Record<string, string>>
  readonly references: readonly Reference[]
  /** Keys that stand twice in one object of one file. */
  readonly repeated: readonly (RepeatedKey & { readonly path: string })[]
  /** The first value at a pointer without `*`. */
  get(pointer: string): unknown
  all(pointer: string): { readonly pointer: string; readonly value: unknown }[]
  /** The file and place of a value, for a finding. */
  place(pointer: string): ConfigPlace
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a path is the folder or lies below it; both absolute, links followed. */
export const isInside = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`)

type Finding = Pick<CheckContext, 'path'> & { readonly env: Env }

/** `~` is the home that the product goes by. */
const expanded = (text: string, spec: ProductConfig, ctx: Finding): string =>
  text === '~' || text.startsWith('~/')
    ? join(ctx.path(ctx.env[spec.state.homeEnv]?.trim() || '~'), text.slice(1))
    : ctx.path(text)

/** Whether they exist or not. */
export interface ProductPlaces {
  /** The folder that goes with the config, where only that is named. */
  readonly state: string
  readonly config: string
  /** The folder of what the product itself keeps. */
  readonly own: string
}

/** What cannot be looked at is taken to be there: reading it says why not. */
const mayBeThere = (path: string): boolean => {
  try {
    return stat(path) !== undefined
  } catch (error) {
    if (error instanceof FileError) return true
    throw error
  }
}

/** Where the product looks for its state and its config; `given` names the state folder. Throws `FileError`. */
export const productPlaces = (spec: ProductConfig, given: string | undefined, ctx: Finding): ProductPlaces => {
  const { variable, files } = spec.config
  const named = ctx.env[variable]?.trim()
  const config = named ? expanded(named, spec, ctx) : undefined
  const own = stateFolder(spec.state, given, ctx)
  const state = config !== undefined && given === undefined && !ctx.env[spec.state.env]?.trim() ? dirname(config) : own
  const [usual, ...older] = files.map(file => join(state, file)) as [string, ...string[]]
  return { state, own, config: config ?? [usual, ...older].find(mayBeThere) ?? usual }
}

const VARIABLE = /\$(\$\{[A-Z_][A-Z0-9_]*\})|\$\{([A-Z_][A-Z0-9_]*)\}/g

/** One pass, upper-case names only; `$${X}` is a literal `${X}`, and an unset or empty variable stays as it is written. */
const substitute = (text: string, vars: Env): string =>
  text.replace(VARIABLE, (whole, literal?: string, name?: string) =>
    literal !== undefined ? literal : (name === undefined ? undefined : vars[name]) || whole,
  )

const filled = (value: unknown, vars: Env): unknown => {
  if (typeof value === 'string') return value.includes('${') ? substitute(value, vars) : value
  if (Array.isArray(value)) return value.map(item => filled(item, vars))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, vars)]))
}

/** What names a variable itself cannot set one. */
const variablesSet = (written: unknown, { config }: ProductConfig): Record<string, string> => {
  const found: Record<string, string> = {}
  for (const pointer of config.sets)
    for (const { value } of resolvePointer(written, pointer))
      for (const [name, text] of Object.entries(isRecord(value) ? value : {}))
        if (typeof text === 'string' && text.trim() !== '' && text.search(VARIABLE) < 0) found[name] ??= text
  return found
}

const referencesIn = (written: unknown, { references, off: word }: ProductConfig['config']): Reference[] => {
  const found: Reference[] = []
  const look = (value: unknown, pointer: string, off: boolean): void => {
    if (typeof value === 'string') {
      for (const [, , name] of value.matchAll(VARIABLE)) if (name !== undefined) found.push({ name, pointer, off })
      return
    }
    if (typeof value !== 'object' || value === null) return
    const under = off || (isRecord(value) && value[word] === false)
    if (isRecord(value) && Object.entries(references.where).every(([key, wanted]) => value[key] === wanted)) {
      const name = value[references.name]
      if (typeof name === 'string') found.push({ name, pointer, off: under })
    }
    for (const [key, item] of Object.entries(value)) look(item, `${pointer}/${pointerToken(key)}`, under)
  }
  look(written, '', false)
  return found
}

const merged = (base: unknown, over: unknown): unknown => {
  if (Array.isArray(base) && Array.isArray(over)) return [...(base as unknown[]), ...(over as unknown[])]
  if (!isRecord(base) || !isRecord(over)) return over
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) result[key] = key in base ? merged(base[key], value) : value
  return result
}

/** Reads a config with all that it includes. `vars` fill it in. Flaws are part of the answer. */
export const loadProductConfig = async (
  file: string,
  spec: ProductConfig,
  vars: Env,
  ctx: Pick<CheckContext, 'mask'>,
): Promise<Config> => {
  const flaws: ConfigFlaw[] = []
  const sources: Source[] = []
  const { key, depth, roots } = spec.config.include
  const allowed = [dirname(file), ...(vars[roots] ?? '').split(':').filter(root => isAbsolute(root))]

  const read = async (
    path: string,
    at: string,
    above: readonly string[],
    from: ConfigFlaw | undefined,
  ): Promise<unknown> => {
    let text: string
    try {
      const real = realpath(path)
      if (above.includes(real)) {
        flaws.push({ what: 'invalid', path, message: 'includes itself' })
        return undefined
      }
      const realRoots = allowed.map(root => {
        try {
          return realpath(root)
        } catch (error) {
          if (error instanceof FileError) return root
          throw error
        }
      })
      if (from && !realRoots.some(root => isInside(root, real))) {
        flaws.push({
          ...from,
          what: 'invalid',
          message: `includes ${path}, which lies outside ${dirname(file)}`,
        })
        return undefined
      }
      text = readText(path)
      above = [...above, real]
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      const said = error.message.replace(`${path} `, '')
      flaws.push(
        from
          ? { ...from, message: `includes ${path}, which ${said}` }
          : { what: error.code === 'ENOENT' ? 'missing' : 'unreadable', path, message: said },
      )
      return undefined
    }
    const json = await parseJson(text, 'json5', ctx.mask)
    if (json.error) {
      const { line, column, message, frame } = json.error
      flaws.push({ what: 'broken', path, line, column, message, frame })
      return undefined
    }
    sources.push({ file: path, json, at })
    return include(json.value, path, json, '', at, above)
  }

  const include = async (
    value: unknown,
    path: string,
    json: JsonText,
    pointer: string,
    at: string,
    above: readonly string[],
  ): Promise<unknown> => {
    if (Array.isArray(value)) {
      const list: unknown[] = []
      for (const [index, item] of value.entries())
        list.push(await include(item, path, json, `${pointer}/${index}`, `${at}/${index}`, above))
      return list
    }
    if (!isRecord(value)) return value
    const own: Record<string, unknown> = {}
    for (const [name, item] of Object.entries(value))
      if (name !== key)
        own[name] = await include(
          item,
          path,
          json,
          `${pointer}/${pointerToken(name)}`,
          `${at}/${pointerToken(name)}`,
          above,
        )
    const wanted = value[key]
    if (wanted === undefined) return own
    const here: ConfigFlaw = {
      what: 'missing',
      path,
      ...json.locate(`${pointer}/${pointerToken(key)}`),
      message: '',
    }
    if (above.length > depth) {
      flaws.push({ ...here, what: 'invalid', message: `includes more than ${depth} files deep` })
      return own
    }
    let base: unknown
    for (const name of Array.isArray(wanted) ? (wanted as unknown[]) : [wanted]) {
      if (typeof name !== 'string') {
        flaws.push({ ...here, what: 'invalid', message: `has a ${key} that is no path` })
        continue
      }
      const part = await read(resolve(dirname(path), substitute(name, vars)), at, above, here)
      base = base === undefined ? part : merged(base, part)
    }
    return Object.keys(own).length === 0 ? base : merged(base ?? {}, own)
  }

  const written = await read(file, '', [], undefined)
  const own = variablesSet(written, spec)
  const all: Env = { ...vars, ...Object.fromEntries(Object.entries(own).filter(([name]) => !vars[name]?.trim())) }
  const value = filled(written, all)

  const place = (pointer: string): ConfigPlace => {
    for (const { file: path, json, at } of sources) {
      if (!pointer.startsWith(at)) continue
      const rest = pointer.slice(at.length)
      if (resolvePointer(json.value, rest).length > 0) return { path, ...json.locate(rest) }
    }
    // Lists of several files follow each other in the whole: an element is found by its value.
    const wanted = resolvePointer(value, pointer)[0]?.value
    const list = pointer.slice(0, pointer.lastIndexOf('/'))
    for (const { file: path, json, at } of wanted === undefined ? [] : sources) {
      if (!list.startsWith(at)) continue
      const same = resolvePointer(json.value, `${list.slice(at.length)}/*`).find(
        one => filled(one.value, all) === wanted,
      )
      if (same) return { path, ...json.locate(same.pointer) }
    }
    const first = sources[0]
    return first ? { path: first.file, ...first.json.locate(pointer) } : { path: file }
  }

  return {
    value,
    written,
    files: [file, ...sources.slice(1).map(source => source.file)],
    flaws,
    sets: own,
    references: referencesIn(written, spec.config),
    repeated: sources.flatMap(({ file: path, json }) => json.repeated().map(twice => ({ ...twice, path }))),
    all: pointer => resolvePointer(value, pointer),
    get: pointer => resolvePointer(value, pointer)[0]?.value,
    place,
  }
}

/** A path as the config writes it, absolute; relative ones start at `base`. */
export const configPath = (text: string, base: string, ctx: Pick<CheckContext, 'path'>): string =>
  text === '~' || text.startsWith('~/') ? ctx.path(text) : isAbsolute(text) ? join(text) : resolve(base, text)
