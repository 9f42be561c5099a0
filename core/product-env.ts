/** The files of variables that a product reads for itself. */
import { dirname, join } from 'node:path'
import type { CheckContext, Env } from './check.ts'
import { FileError, readText } from './files.ts'
import { fits } from './glob.ts'
import type { ProductConfig, ProductPlaces } from './product-config.ts'
import { type EnvFile, parseEnvFile } from './variables.ts'

export interface ProductEnvFile {
  readonly path: string
  /** Without those that it may not set. */
  readonly values: EnvFile['values']
  readonly problems: EnvFile['problems']
  /** Names that it sets and that the product passes over there. */
  readonly passedOver: readonly string[]
  /** It is there and cannot be read, which the product passes over without a word. */
  readonly error?: FileError
}

/** Those that are there, in the order in which they count. `service` is the folder in which the product is started. */
export const productEnvFiles = (
  spec: ProductConfig,
  { own, config }: ProductPlaces,
  service: string,
  ctx: Pick<CheckContext, 'path' | 'env'>,
): readonly ProductEnvFile[] => {
  const home = ctx.path(ctx.env[spec.state.homeEnv]?.trim() || '~')
  const folders = { service, state: own, config: dirname(config), home }
  const seen = new Set<string>()
  return spec.envFiles.flatMap(({ below, file, usualState, passedOver = [] }): readonly ProductEnvFile[] => {
    const path = join(folders[below], file)
    // Without this, the file that a product trusts would be read as the one that it does not.
    const trusted =
      passedOver.length > 0 && spec.envFiles.some(one => !one.passedOver && join(folders[one.below], one.file) === path)
    if (seen.has(path) || trusted || (usualState && own !== join(home, spec.state.name))) return []
    seen.add(path)
    try {
      const { values, problems } = parseEnvFile(readText(path))
      const refused = Object.keys(values).filter(name => passedOver.some(glob => fits(glob, name)))
      return [
        {
          path,
          values: Object.fromEntries(Object.entries(values).filter(([name]) => !refused.includes(name))),
          problems,
          passedOver: refused,
        },
      ]
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      return error.code === 'ENOENT' || error.code === 'ENOTDIR'
        ? []
        : [{ path, values: {}, problems: [], passedOver: [], error }]
    }
  })
}

/** What the product finds set: its environment, and then its files. */
export const productVariables = (env: Env, files: readonly ProductEnvFile[]): Env =>
  Object.assign({}, ...files.map(({ values }) => values).toReversed(), env)
