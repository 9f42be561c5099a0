import type { Plan } from '../../core/plan.ts'

/** Maps whose keys are the user's own: a misspelt name there is a new name, so they are counted instead of named. */
const FREE = /\/(?:headers|env)$/

const keysOf = (value: unknown, path: string): string[] => {
  if (typeof value !== 'object' || value === null) return [path]
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner], index) =>
      keysOf(inner, `${path}/${FREE.test(path) ? index : key}`),
    ),
  ]
}

/**
 * Every key that the manifest had, as the plan shows it. A common key that has a default shows only by a value that is not the
 * default; the manifest of the mutations uses values that no single edit turns into it.
 */
export const signatureOf = (
  plan: Plan,
): { readonly head: readonly string[]; readonly checks: readonly (readonly string[])[] } => ({
  head: [
    ...(plan.deadlineMs === 60_000 ? [] : ['deadline']),
    ...(plan.user === undefined ? [] : ['user']),
    ...(plan.envFile === undefined ? [] : ['env-file']),
    ...(plan.checks.some(check => check.timeoutMs === 5000) ? [] : ['timeout']),
    ...Object.keys(plan.vars).map((_, index) => `vars/${index}`),
  ],
  checks: plan.checks.map(check => [
    'check',
    'id',
    ...check.needs.map((_, index) => `needs/${index}`),
    ...(check.severity === 'fail' ? [] : ['severity']),
    ...(check.phase === 'before' ? [] : ['phase']),
    ...(check.everyMs === undefined ? [] : ['every']),
    ...(check.timeoutMs === 5000 || check.timeoutMs === 7000 ? [] : ['timeout']),
    ...(check.retries === 0 ? [] : ['retries']),
    ...(check.retryDelayMs === 1000 ? [] : ['retry-delay']),
    ...(check.when ? keysOf(check.when, 'when') : []),
    ...check.skips.flatMap((skip, index) => [
      `skip/${index}`,
      ...(skip.finding === undefined ? [] : [`skip/${index}/finding`]),
    ]),
    ...keysOf(check.options, 'options'),
  ]),
})
