/** Puts together what a check is given, in the gate's process and in a child alike. */
import { isAbsolute, join } from 'node:path'
import type { CheckContext } from './check.ts'
import { masker } from './mask.ts'

/** The part of a context that is plain data and travels to a child as JSON. */
export type ContextFacts = Pick<
  CheckContext,
  'id' | 'cwd' | 'manifest' | 'home' | 'env' | 'user' | 'phase' | 'running' | 'attempt' | 'timeoutMs'
>

/** `~` is the home of the user that runs; relative paths start at the manifest's folder. */
export const absolute = (text: string, { cwd, home }: Pick<ContextFacts, 'cwd' | 'home'>): string => {
  const expanded = text === '~' || text.startsWith('~/') ? join(home, text.slice(1)) : text
  return isAbsolute(expanded) ? expanded : join(cwd, expanded)
}

export const contextOf = (
  facts: ContextFacts,
  secrets: readonly string[],
  live: Pick<CheckContext, 'spentMs' | 'outcomes' | 'signal' | 'store' | 'now'>,
): CheckContext => ({
  ...facts,
  ...live,
  path: text => absolute(text, facts),
  mask: masker(secrets),
})
