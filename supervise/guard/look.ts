/** Step 1: what would be run? The manifest is read and judged, and the command looked for under the PATH that we really have. */
import { join, resolve } from 'node:path'
import { findCommand } from '../../core/find-command.ts'
import { gatewayEnv } from '../../core/gateway-env.ts'
import type { Problem } from '../../core/report.ts'
import { plural } from '../../core/text.ts'
import { type Rules, rulesOf } from './admission.ts'
import type { Ground } from './ground.ts'

/** Something has to be mended before anything else. */
export interface Fault {
  /** In one line. */
  readonly what: string
  /** Said before it. */
  readonly lines: readonly string[]
  /** Where it may be mended, absolute. */
  readonly places: readonly string[]
}

export type Looked = { readonly path: string; readonly rules: Rules } | Fault

const lineOf = ({ file, line, column, code, message, hint }: Problem): string => {
  const place = [file, line, column].filter(part => part !== undefined).join(':')
  return `${place}${place === '' ? '' : ' '}${code} ${message}${hint === undefined ? '' : `; ${hint}`}`
}

/** Where a command that was not found may appear. */
const placesOf = (word: string, cwd: string, path: string): string[] =>
  word.includes('/') ? [resolve(cwd, word)] : path.split(':').map(part => join(resolve(cwd, part || '.'), word))

export const look = async (ground: Ground): Promise<Looked> => {
  const { options, host, world } = ground
  if (options.checks !== false) {
    // Where reading broke for a fault of ours the gate, which reads it again in its own process, decides.
    ground.read = await ground.own('reading the manifest', () => host.readManifest(options.manifest))
    const { file, plan, errors = [] } = ground.read ?? {}
    if (ground.read && !plan)
      return { what: `${file}: ${plural(errors.length, 'error')}`, lines: errors.map(lineOf), places: [] }
  }
  const rules = rulesOf(ground.read?.plan?.guard)
  if ('problem' in rules) return { what: rules.problem, lines: [], places: [] }
  const [word] = options.command
  const env = gatewayEnv(world.env)
  const found = findCommand(word, { cwd: world.cwd, env })
  if ('problem' in found) {
    const { problem, next } = found
    const lines = next === undefined ? [] : [`next: ${next}`]
    return { what: problem, lines, places: placesOf(word, world.cwd, env.PATH ?? '') }
  }
  return { path: found.path, rules }
}
