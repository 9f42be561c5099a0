/** Where a product keeps its state: the folder that its preset and the environment name. */
import type { CheckContext } from './check.ts'
import { stat } from './files.ts'

/** Data of a preset. */
export interface StateFolder {
  /** Variable that names the folder itself. */
  readonly env: string
  /** Variable that stands in for the home. */
  readonly homeEnv: string
  /** Folder below the home. */
  readonly name: string
  /** Variable that names a profile; its folder is `name-profile`, where that exists. */
  readonly profileEnv: string
}

/** The absolute path of the state folder, whether it exists or not; `given` is the option of the manifest. Throws `FileError`. */
export const stateFolder = (
  spec: StateFolder,
  given: string | undefined,
  ctx: Pick<CheckContext, 'env' | 'path'>,
): string => {
  if (given !== undefined) return ctx.path(given)
  const set = ctx.env[spec.env]?.trim()
  if (set) return ctx.path(set)
  const home = ctx.path(ctx.env[spec.homeEnv]?.trim() || '~')
  const profile = ctx.env[spec.profileEnv]?.trim()
  const usual = `${home}/${spec.name}`
  return profile && stat(`${usual}-${profile}`) ? `${usual}-${profile}` : usual
}
