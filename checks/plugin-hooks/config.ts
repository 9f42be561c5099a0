/** A product's config: JSON5 with includes and `${VARIABLES}`, every value traceable to its file, line and column. */
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, readText, realpath } from '../../core/files.ts'
import { type JsonText, parseJson, resolvePointer } from '../../core/json-text.ts'
import { excerpt } from '../../core/text.ts'
import type { Preset } from '../../presets/shape.ts'
import { isInside, isRecord } from './disk.ts'
import type { Flaw } from './flaw.ts'
import { saidOf, schemaErrors } from './schema.ts'

type Context = Pick<CheckContext, 'path' | 'mask'>
type Vars = Readonly<Record<string, string | undefined>>

interface Source {
  readonly file: string
  readonly json: JsonText
  /** Where its value was put in the whole. */
  readonly at: string
}

export interface Config {
  readonly value: unknown
  /** The config's own file first. */
  readonly files: readonly string[]
  readonly flaws: readonly Flaw[]
  /** The first value at a pointer without `*`. */
  get(pointer: string): unknown
  all(pointer: string): { readonly pointer: string; readonly value: unknown }[]
  /** The file and place of a value, for a finding. */
  place(pointer: string): { readonly path: string; readonly line?: number; readonly column?: number }
}

/** `NAME=value` lines; quotes are taken off, `export` and comments passed over. */
export const parseEnv = (text: string): Record<string, string> => {
  const vars: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^#\r]*?))\s*(?:#.*)?$/.exec(line)
    if (match?.[1]) vars[match[1]] = match[2] ?? match[3] ?? match[4] ?? ''
  }
  return vars
}

/** One pass, upper-case names only; `$${X}` is a literal `${X}`, and an unset variable stays as it is written. */
const substitute = (text: string, vars: Vars): string =>
  text.replace(/\$(\$\{[A-Z_][A-Z0-9_]*\})|\$\{([A-Z_][A-Z0-9_]*)\}/g, (whole, literal?: string, name?: string) =>
    literal !== undefined ? literal : ((name === undefined ? undefined : vars[name]) ?? whole),
  )

const filled = (value: unknown, vars: Vars): unknown => {
  if (typeof value === 'string') return value.includes('${') ? substitute(value, vars) : value
  if (Array.isArray(value)) return value.map(item => filled(item, vars))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, vars)]))
}

const merged = (base: unknown, over: unknown): unknown => {
  if (Array.isArray(base) && Array.isArray(over)) return [...(base as unknown[]), ...(over as unknown[])]
  if (!isRecord(base) || !isRecord(over)) return over
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) result[key] = key in base ? merged(base[key], value) : value
  return result
}

const token = (key: string | number): string => String(key).replaceAll('~', '~0').replaceAll('/', '~1')

export const loadConfig = async (file: string, preset: Preset, vars: Vars, ctx: Context): Promise<Config> => {
  const flaws: Flaw[] = []
  const sources: Source[] = []
  const { key, depth, roots } = preset.config.include
  const allowed = [dirname(file), ...(vars[roots] ?? '').split(':').filter(root => isAbsolute(root))]

  const read = async (path: string, at: string, above: readonly string[], from: Flaw | undefined): Promise<unknown> => {
    let text: string
    try {
      const real = realpath(path)
      if (above.includes(real)) {
        flaws.push({ what: 'config-invalid', level: 'fail', path, message: 'includes itself' })
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
          what: 'config-invalid',
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
          : { what: error.code === 'ENOENT' ? 'config-missing' : 'unreadable', level: 'fail', path, message: said },
      )
      return undefined
    }
    const json = await parseJson(text, 'json5', ctx.mask)
    if (json.error) {
      const { line, column, message, frame } = json.error
      flaws.push({
        what: 'config-broken',
        level: 'fail',
        path,
        line,
        column,
        message: `is no JSON5: ${message}${frame === '' ? '' : ` in \`${excerpt(frame, 80)}\``}`,
        expected: 'a config that can be parsed',
      })
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
        own[name] = await include(item, path, json, `${pointer}/${token(name)}`, `${at}/${token(name)}`, above)
    const wanted = value[key]
    if (wanted === undefined) return own
    const here: Flaw = {
      what: 'config-missing',
      level: 'fail',
      path,
      ...json.locate(`${pointer}/${token(key)}`),
      message: '',
    }
    if (above.length > depth) {
      flaws.push({ ...here, what: 'config-invalid', message: `includes more than ${depth} files deep` })
      return own
    }
    let base: unknown
    for (const name of Array.isArray(wanted) ? (wanted as unknown[]) : [wanted]) {
      if (typeof name !== 'string') {
        flaws.push({ ...here, what: 'config-invalid', message: `has a ${key} that is no path` })
        continue
      }
      const part = await read(resolve(dirname(path), substitute(name, vars)), at, above, here)
      base = base === undefined ? part : merged(base, part)
    }
    return Object.keys(own).length === 0 ? base : merged(base ?? {}, own)
  }

  const value = filled(await read(file, '', [], undefined), vars)

  const place: Config['place'] = pointer => {
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
        one => filled(one.value, vars) === wanted,
      )
      if (same) return { path, ...json.locate(same.pointer) }
    }
    const first = sources[0]
    return first ? { path: first.file, ...first.json.locate(pointer) } : { path: file }
  }

  if (flaws.length === 0) {
    for (const error of await schemaErrors(preset.config.schema, value))
      flaws.push({
        what: 'config-invalid',
        level: 'fail',
        ...place(error.path),
        message: saidOf(error),
        expected: `what ${preset.product} takes there`,
      })
  }
  return {
    value,
    files: sources.length > 0 ? sources.map(source => source.file) : [file],
    flaws,
    all: pointer => resolvePointer(value, pointer),
    get: pointer => resolvePointer(value, pointer)[0]?.value,
    place,
  }
}

/** A path as the config writes it. Undefined for an unset variable. */
export const configPath = (text: string, base: string, ctx: Pick<CheckContext, 'path'>): string =>
  text === '~' || text.startsWith('~/') ? ctx.path(text) : isAbsolute(text) ? join(text) : resolve(base, text)
