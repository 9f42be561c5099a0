/** The config of a product, as far as it says which plugins and hooks there are. */
import type { CheckContext, Env } from '../../core/check.ts'
import { type Config as Loaded, loadProductConfig } from '../../core/product-config.ts'
import { excerpt } from '../../core/text.ts'
import type { Preset } from '../../presets/shape.ts'
import type { Flaw } from './flaw.ts'
import { saidOf, schemaErrors } from './schema.ts'

export interface Config extends Omit<Loaded, 'flaws'> {
  readonly flaws: readonly Flaw[]
}

export const loadConfig = async (
  file: string,
  preset: Preset,
  vars: Env,
  ctx: Pick<CheckContext, 'mask'>,
): Promise<Config> => {
  const config = await loadProductConfig(file, preset, vars, ctx)
  const flaws = config.flaws.map(
    ({ what, message, frame = '', ...place }): Flaw => ({
      ...place,
      what: what === 'unreadable' ? what : `config-${what}`,
      level: 'fail',
      message:
        what === 'broken' ? `is no JSON5: ${message}${frame === '' ? '' : ` in \`${excerpt(frame, 80)}\``}` : message,
      ...(what === 'broken' ? { expected: 'a config that can be parsed' } : {}),
    }),
  )
  if (flaws.length === 0)
    for (const error of await schemaErrors(preset.schema, config.value))
      flaws.push({
        what: 'config-invalid',
        level: 'fail',
        ...config.place(error.path),
        message: saidOf(error),
        expected: `what ${preset.product} takes there`,
      })
  return { ...config, flaws }
}
