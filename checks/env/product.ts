/** The variables that a product's config names, and the files in which the product looks for them. */
import { join } from 'node:path'
import type { CheckContext, Env } from '../../core/check.ts'
import { shownPath } from '../../core/paths.ts'
import { loadProductConfig, type ProductConfig, productPlaces } from '../../core/product-config.ts'
import { productEnvFiles, productVariables } from '../../core/product-env.ts'
import { quote } from '../../core/shell.ts'
import type { Problem, Source } from './judge.ts'

export interface ProductFacts {
  /** By name: the place in the config that needs it. */
  readonly needed: ReadonlyMap<string, string>
  /** Its files, and at last what the config sets itself. */
  readonly sources: readonly Source[]
  /** By name: the file in which it stands in vain. */
  readonly refused: ReadonlyMap<string, string>
  /** What the config sets where others set nothing, or a blank. */
  readonly sets: Readonly<Record<string, string>>
  readonly asksShell: boolean
  readonly product: string
  /** Of its files. */
  readonly problems: readonly Problem[]
}

/** `env` and `folder` are those in which the product is started. Throws `FileError` where the way to the config is closed. */
export const readProduct = async (
  id: string,
  spec: ProductConfig,
  { env, folder, state }: { readonly env: Env; readonly folder: string; readonly state: string | undefined },
  ctx: CheckContext,
): Promise<ProductFacts> => {
  const around = { path: ctx.path, env }
  const places = productPlaces(spec, state, around)
  const files = productEnvFiles(spec, places, folder, around)
  const vars = productVariables(env, files)
  const config = await loadProductConfig(places.config, spec, vars, ctx)
  const usual = shownPath(join(places.own, spec.envFiles.find(({ below }) => below === 'state')?.file ?? '.env'), ctx)
  const shownConfig = shownPath(places.config, ctx)
  const needed = new Map<string, string>()
  for (const { name, pointer, off } of config.references) {
    const { path, line } = config.place(pointer)
    if (!off && !needed.has(name)) needed.set(name, `${shownPath(path, ctx)}${line === undefined ? '' : `:${line}`}`)
  }
  const ofFiles = files.flatMap(({ path, error, problems }): readonly Problem[] => {
    const shown = shownPath(path, ctx)
    const common = { status: 'warn', path } as const
    if (error)
      return [
        {
          ...common,
          what: 'file-unreadable',
          name: shown,
          says: `cannot be read, and ${spec.product} starts without it (${error.code})`,
          expected: `a file of NAME=value lines that ${ctx.user.name} may read`,
          next: `ls -ld ${quote(path)}`,
        },
      ]
    return problems.map(({ line, message }) => ({
      ...common,
      line,
      what: 'file-syntax',
      name: `${shown}:${line}:`,
      says: message,
      expected: 'NAME=value on each line, each name once',
      next: `correct line ${line} of ${shown}`,
    }))
  })
  const ofConfig = config.flaws.map(
    ({ path, line, message }): Problem => ({
      status: 'fail',
      what: 'config-unreadable',
      path,
      ...(line === undefined ? {} : { line }),
      name: shownPath(path, ctx),
      says: `cannot be read, so what it needs is not known: it ${message.startsWith('includes ') ? message : 'is missing or broken'}`,
      expected: `a config that ${spec.product} can read`,
      next: `bootcheck check json --preset ${id}`,
    }),
  )
  const add = (name: string): string => `add a line ${name}=… to ${usual}`
  return {
    needed,
    sets: config.sets,
    refused: new Map(
      files.flatMap(({ path, passedOver }) => passedOver.map(name => [name, shownPath(path, ctx)] as const)),
    ),
    asksShell: config.get(spec.config.shell.pointer) === true || vars[spec.config.shell.variable] === '1',
    product: spec.product,
    problems: [...ofConfig, ...ofFiles],
    sources: [
      ...files
        .filter(({ error }) => !error)
        .map(({ path, values }) => ({ label: shownPath(path, ctx), path, values, add })),
      { label: shownConfig, path: places.config, values: config.sets, add },
    ],
  }
}
