/** Which checks of a plan run now, and what is known of the others beforehand. */
import type { Env, Outcome, Phase } from './check.ts'
import type { Plan, PlannedCheck } from './plan.ts'
import type { Problem } from './report.ts'
import { expired } from './skips.ts'
import { suggest } from './suggest.ts'

export interface Selection {
  readonly phase: Phase | 'all'
  /** Ids to run, with what they need; empty for all. */
  readonly only: readonly string[]
  /** Ids that are passed over in this run. */
  readonly skipIds: readonly string[]
  /** List what would run, and run nothing. */
  readonly dryRun: boolean
}

export interface Selected {
  readonly checks: readonly PlannedCheck[]
  readonly decided: ReadonlyMap<string, Outcome>
  readonly warnings: readonly Problem[]
  /** Ids asked for that the manifest does not have. */
  readonly errors: readonly Problem[]
}

const conditionMissed = (check: PlannedCheck, platform: string, env: Env): string | undefined => {
  const { os, env: wanted } = check.when ?? {}
  if (os && !os.includes(platform)) return `only on ${os.join(', ')}; this is ${platform}`
  for (const [name, value] of Object.entries(wanted ?? {}))
    if (env[name] !== value) return `only where the environment has ${name}=${value}`
  return undefined
}

const unknownIds = (plan: Plan, option: string, wanted: readonly string[]): Problem[] => {
  const known = plan.checks.map(check => check.id)
  return wanted
    .filter(id => !known.includes(id))
    .map(id => {
      const near = suggest(id, known)
      return {
        code: 'run/unknown-id',
        message: `--${option}: the manifest has no check "${id}"`,
        hint: near ? `did you mean "${near}"?` : `its checks: ${known.join(', ')}`,
      }
    })
}

/** The ids with everything that they need or look at, directly or not. */
const withNeeds = (plan: Plan, only: readonly string[]): ReadonlySet<string> => {
  const wanted = new Set(only)
  // Needs point backwards only, so one walk from the end finds them all.
  for (const check of [...plan.checks].reverse())
    if (wanted.has(check.id)) for (const id of [...check.needs, ...(check.reads ?? [])]) wanted.add(id)
  return wanted
}

export const select = (
  plan: Plan,
  selection: Selection,
  world: { readonly platform: string; readonly env: Env; readonly now: number },
): Selected => {
  const errors = [...unknownIds(plan, 'only', selection.only), ...unknownIds(plan, 'skip-ids', selection.skipIds)]
  const wanted = selection.only.length > 0 ? withNeeds(plan, selection.only) : undefined
  const checks = plan.checks.filter(
    check => (selection.phase === 'all' || check.phase === selection.phase) && (wanted?.has(check.id) ?? true),
  )
  const decided = new Map<string, Outcome>()
  const warnings: Problem[] = []
  const skip = (check: PlannedCheck, reason: string): void => {
    decided.set(check.id, { status: 'skip', reason })
  }
  for (const check of checks) {
    const whole = check.skips.find(entry => entry.finding === undefined)
    const missed = conditionMissed(check, world.platform, world.env)
    for (const entry of check.skips)
      if (expired(entry, world.now))
        warnings.push({
          ...(plan.file === null ? {} : { file: plan.file }),
          line: entry.line,
          column: entry.column,
          code: 'E305',
          message: `the skip of "${check.id}" expired on ${entry.until}, so it is checked again`,
          hint: 'mend what was skipped and delete the skip, or renew its date',
        })
    if (selection.skipIds.includes(check.id)) skip(check, 'switched off by --skip-ids')
    else if (missed !== undefined) skip(check, missed)
    else if (whole && !expired(whole, world.now)) skip(check, `${whole.reason} (until ${whole.until})`)
    else if (selection.dryRun) skip(check, 'would run')
  }
  return { checks, decided, warnings, errors }
}
