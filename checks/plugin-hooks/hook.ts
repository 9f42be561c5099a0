/** Reads one hook's folder: the front matter of its document, and its handler. */
import { basename, join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, readText } from '../../core/files.ts'
import { parseJson } from '../../core/json-text.ts'
import { isInside, isRecord } from '../../core/product-config.ts'
import { parseYaml } from '../../core/yaml-text.ts'
import type { Origin, Preset } from '../../presets/shape.ts'
import type { Disk } from './disk.ts'
import type { Flaw } from './flaw.ts'
import { saidOf, schemaErrors } from './schema.ts'
import type { Entry } from './unit.ts'

interface Requirements {
  readonly os: readonly string[]
  readonly bins: readonly string[]
  readonly anyBins: readonly string[]
  readonly env: readonly string[]
  readonly config: readonly string[]
}

export interface HookFolder {
  readonly name: string
  /** Its key in the config. */
  readonly key: string
  readonly path: string
  readonly root: string
  readonly origin: Origin
  readonly entries: readonly Entry[]
  readonly exported: string
  readonly requires: Requirements
  readonly flaws: readonly Flaw[]
}

type FrontMatter =
  | { readonly value: Readonly<Record<string, unknown>>; readonly error?: undefined }
  | { readonly error: { readonly line: number; readonly column: number; readonly message: string } }

/**
 * The block between the dashes on the first lines. Most are `key: text` lines and a `metadata` in JSON: they are read
 * without the YAML parser, which costs more than the rest of a start.
 */
export const frontMatter = async (text: string): Promise<FrontMatter> => {
  const lines = text.split(/\r?\n/)
  if (lines[0]?.trimEnd() !== '---')
    return { error: { line: 1, column: 1, message: 'has no front matter (--- on the first line)' } }
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === '---')
  if (end < 0) return { error: { line: 1, column: 1, message: 'has a front matter that is never closed (---)' } }
  const plain = await plainFrontMatter(lines.slice(1, end))
  if (plain) return { value: plain }
  const yaml = await parseYaml(lines.slice(1, end).join('\n'))
  if (yaml.error)
    return {
      error: {
        ...yaml.error,
        line: yaml.error.line + 1,
        message: `has a front matter that is no YAML: ${yaml.error.message}`,
      },
    }
  if (yaml.value === null) return { value: {} }
  return isRecord(yaml.value)
    ? { value: yaml.value }
    : { error: { line: 2, column: 1, message: 'has a front matter that is no map' } }
}

const plainFrontMatter = async (lines: readonly string[]): Promise<Record<string, unknown> | undefined> => {
  const result: Record<string, unknown> = {}
  for (let at = 0; at < lines.length; ) {
    const [, key, rest = ''] = /^([A-Za-z][\w-]*):(?: +(.*))?$/.exec(lines[at] ?? '') ?? []
    if (key === undefined || key in result) return undefined
    const block = [rest]
    for (at++; at < lines.length && /^\s|^$/.test(lines[at] ?? ''); at++) block.push(lines[at] ?? '')
    const text = block.join('\n').trim()
    if (text.startsWith('{')) {
      // Trailing commas are usual here, and fine in both.
      const json = await parseJson(text, 'json5')
      if (json.error) return undefined
      result[key] = json.value
    } else if (/^"[^"\\\n]*"$|^'[^'\n]*'$/.test(text)) result[key] = text.slice(1, -1)
    // What YAML takes for text: one line that starts with a letter and has nothing that means something to it.
    else if (
      /^[A-Za-z][^\n]*$/.test(text) &&
      !/\s#|:(?:\s|$)/.test(text) &&
      !/^(?:true|false|null|yes|no|on|off)$/i.test(text)
    )
      result[key] = text
    else return undefined
  }
  return result
}

const strings = (value: unknown): string[] =>
  typeof value === 'string'
    ? value
        .split(',')
        .map(part => part.trim())
        .filter(part => part !== '')
    : Array.isArray(value)
      ? value.filter((item): item is string => typeof item === 'string' && item.trim() !== '')
      : []

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined

/** The metadata block as the host has it: an object, or its JSON in a string. */
const metadataOf = async (value: unknown, key: string): Promise<unknown> => {
  let metadata = value
  if (typeof metadata === 'string') {
    const json = await parseJson(metadata, 'json5')
    metadata = json.error ? undefined : json.value
  }
  return isRecord(metadata) ? metadata[key] : undefined
}

export const readHook = async (
  path: string,
  disk: Disk,
  preset: Preset,
  origin: Origin,
  ctx: Pick<CheckContext, 'mask'>,
): Promise<HookFolder> => {
  const { hooks } = preset
  const flaws: Flaw[] = []
  const root = disk.real(path)
  const file = join(path, hooks.document)
  let value: Readonly<Record<string, unknown>> = {}
  try {
    const read = await frontMatter(readText(file, 1024 * 1024))
    if (read.error)
      flaws.push({
        what: 'manifest-broken',
        level: 'fail',
        path: file,
        ...read.error,
        message: ctx.mask(read.error.message),
        expected: 'front matter that its host can read',
      })
    else value = read.value
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    flaws.push({ what: 'unreadable', level: 'fail', path: file, message: error.message.replace(`${file} `, '') })
  }

  const said = await metadataOf(value.metadata, hooks.metadata.key)
  if (flaws.length === 0)
    for (const error of said === undefined
      ? [{ path: '', keyword: 'required', params: { missingProperty: `metadata.${hooks.metadata.key}` }, message: '' }]
      : await schemaErrors(hooks.metadata.schema, said))
      if (error.keyword !== 'anyOf')
        flaws.push({
          what: 'manifest-invalid',
          level: 'fail',
          path: file,
          line: 1,
          message: saidOf(error),
          expected: `metadata.${hooks.metadata.key} with at least one of "events"`,
        })
  const metadata = isRecord(said) ? said : {}
  const requires = isRecord(metadata.requires) ? metadata.requires : {}

  const entries: Entry[] = []
  const handler = hooks.handlers.find(name => disk.kind(join(path, name)) === 'file')
  const refused = hooks.handlers.map(name => join(path, name)).find(place => disk.denied.has(place))
  if (handler !== undefined) {
    const real = disk.real(join(path, handler))
    if (isInside(root, real)) entries.push({ path: real, role: 'main' })
    else
      flaws.push({
        what: 'entry-outside',
        level: 'fail',
        path: join(path, handler),
        message: `leads to ${real}, outside the hook's folder`,
        expected: 'a handler inside the folder of the hook',
      })
  } else if (refused !== undefined)
    flaws.push({ what: 'unreadable', level: 'fail', path: refused, message: 'may not be read by this user' })
  else
    flaws.push({
      what: 'handler-missing',
      level: 'fail',
      path: file,
      message: `has no handler beside it (${hooks.handlers.join(', ')})`,
      expected: `one of ${hooks.handlers.join(', ')} beside ${hooks.document}`,
    })

  const name = textOf(value.name) ?? basename(path)
  const always = metadata.always === true
  return {
    name,
    key: textOf(metadata.hookKey) ?? name,
    path,
    root,
    origin,
    entries,
    exported: textOf(metadata.export) ?? 'default',
    requires: {
      os: strings(metadata.os),
      bins: always ? [] : strings(requires.bins),
      anyBins: always ? [] : strings(requires.anyBins),
      env: always ? [] : strings(requires.env),
      config: always ? [] : strings(requires.config),
    },
    flaws,
  }
}
