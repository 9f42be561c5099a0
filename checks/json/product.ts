/** The config of a product: found, put together and filled in as the product does it. */
import { join } from 'node:path'
import type { CheckContext } from '../../core/check.ts'
import { FileError, realpath, stat } from '../../core/files.ts'
import { gatewayEnv } from '../../core/gateway-env.ts'
import { shownPath } from '../../core/paths.ts'
import {
  type Config,
  type ConfigFlaw,
  loadProductConfig,
  type ProductConfig,
  productPlaces,
} from '../../core/product-config.ts'
import { productEnvFiles, productVariables } from '../../core/product-env.ts'
import { quote } from '../../core/shell.ts'
import { plural } from '../../core/text.ts'
import type { ConfigRules } from '../../presets/rules.ts'
import { mayBeSecret, twice } from './document.ts'
import type { Issue } from './issue.ts'
import type { Reading } from './read.ts'

export interface ProductPreset {
  readonly config: ProductConfig
  readonly rules: ConfigRules
}

export interface ProductReading extends Reading {
  /** The schema to hold it to; undefined where nobody has put one there. */
  readonly schema?: string
  /** Where it is to be put, with the command that prints it. */
  readonly schemaHint: string
}

const WHAT: Readonly<Record<ConfigFlaw['what'], string>> = {
  missing: 'missing-file',
  unreadable: 'unreadable',
  broken: 'syntax',
  invalid: 'include',
}

const issueOf = (
  { what, message, frame = '', ...place }: ConfigFlaw,
  own: string,
  { config }: ProductPreset,
): Issue => ({
  what: what === 'missing' && place.path !== own ? 'include' : message.startsWith('includes ') ? 'include' : WHAT[what],
  path: place.path,
  place,
  message:
    what === 'broken' && mayBeSecret(frame)
      ? 'it cannot be read here (the line may hold a secret, so no more is shown)'
      : `${what === 'broken' ? '' : 'it '}${message}`,
  expected: what === 'broken' ? 'JSON or JSON5' : `a config that ${config.product} can read`,
  ...(place.line === undefined ? { next: `ls -ldL ${quote(place.path)}` } : {}),
})

const unset = ({ name, pointer }: Config['references'][number], config: Config, product: string, id: string): Issue => {
  const { path, ...place } = config.place(pointer)
  return {
    what: 'variable-unset',
    warn: true,
    path,
    place,
    message: `${pointer} needs the variable ${name}, which is not set`,
    expected: `${name} in the environment, or in a .env that ${product} reads`,
    next: `bootcheck check env --preset ${id}`,
  }
}

/** Whether the program that reads the config was installed after the schema was written. */
export const isOlder = (schema: string, command: string, ctx: CheckContext): boolean => {
  for (const folder of (ctx.env.PATH ?? '').split(':').filter(one => one.startsWith('/')))
    try {
      const program = join(folder, command)
      const found = stat(program)
      if (found) return (stat(realpath(program))?.ctimeMs ?? 0) > (stat(schema)?.mtimeMs ?? 0)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
    }
  return false
}

/** Throws `FileError` where not even the way to the config can be looked at. */
export const readProduct = async (
  id: string,
  preset: ProductPreset,
  { file, state }: { readonly file: string | undefined; readonly state: string | undefined },
  ctx: CheckContext,
): Promise<ProductReading> => {
  const { config: spec, rules } = preset
  const around = { path: ctx.path, env: gatewayEnv(ctx.env) }
  const found = productPlaces(spec, state, around)
  const places = file === undefined ? found : { ...found, config: ctx.path(file) }
  const envFiles = productEnvFiles(spec, places, ctx.cwd, around)
  const vars = productVariables(around.env, envFiles)
  const config = await loadProductConfig(places.config, spec, vars, ctx)
  const schema = join(places.state, rules.schema.file)
  const shown = shownPath(places.config, ctx)
  const asksShell = config.get(spec.config.shell.pointer) === true || vars[spec.config.shell.variable] === '1'
  const missing = config.references.filter(({ name, off }) => !off && !vars[name] && !config.sets[name])
  const base = {
    shown: config.files.length === 1 ? shown : `${shown} with ${plural(config.files.length - 1, 'included file')}`,
    watched: [shown, ...config.files.slice(1).map(path => shownPath(path, ctx))] as const,
    good: 'good JSON5',
    facts: {
      format: 'json5',
      files: config.files.length,
      variables: [...new Set(config.references.map(({ name }) => name))],
    },
    schemaHint: `${rules.schema.print} > ${quote(schema)}`,
  }
  if (config.flaws.length > 0)
    return { ...base, issues: config.flaws.map(flaw => issueOf(flaw, places.config, preset)) }
  return {
    ...base,
    ...(stat(schema) ? { schema } : {}),
    // A login shell may still have them.
    issues: asksShell ? [] : missing.map(reference => unset(reference, config, spec.product, id)),
    document: {
      value: config.value,
      written: config.written,
      locate: pointer => config.place(pointer),
      repeated: config.repeated.map(({ path, ...one }) => ({ ...twice(one), path })),
    },
  }
}
