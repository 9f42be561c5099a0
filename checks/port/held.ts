/** What it means that somebody listens where the gateway wants to. */
import type { CheckContext, Facts, Verdict } from '../../core/check.ts'
import { fits } from '../../core/glob.ts'
import { excerpt, listing } from '../../core/text.ts'
import { withoutSecrets } from '../../core/tokens.ts'
import { type Holder, nameHolder, nameHolders, type Suspect } from './holders.ts'
import { holderFacts, lookAt } from './words.ts'

export interface Held {
  /** The port or the socket, as it is shown. */
  readonly label: string
  readonly watched: readonly [string, ...string[]]
  readonly facts: Facts
  /** Those who listen there. Empty where nobody can be seen. */
  readonly holders: readonly Holder[]
  readonly owner: string | undefined
  /** How to find out more with the rights of root. */
  readonly askRoot: string
}

/** Under `--running` the glob is held against the program's name and the whole command line. */
export const isOwner = ({ command, line }: Pick<Suspect, 'command' | 'line'>, owner: string): boolean =>
  fits(owner, command) || fits(owner, line)

const lines = (holders: readonly Holder[], mask: CheckContext['mask']): string =>
  listing(
    [
      ...new Set(
        holders.flatMap(({ processes }) => processes.map(({ line }) => excerpt(withoutSecrets(mask(line)), 160))),
      ),
    ],
    2,
  )

/** Holders that are not the owner: `unseen` ones show no process at all. */
const strangers = (holders: readonly Holder[], owner: string): { unseen: Holder[]; others: Holder[] } => {
  const not = holders.filter(({ processes }) => !processes.some(process => isOwner(process, owner)))
  return {
    unseen: not.filter(({ processes }) => processes.length === 0),
    others: not.filter(({ processes }) => processes.length > 0),
  }
}

/** Whether every one of them is the declared owner, and we are told to let it be. */
export const allOwned = (holders: readonly Holder[], owner: string | undefined, running: boolean): boolean => {
  if (!running || owner === undefined || holders.length === 0) return false
  const { unseen, others } = strangers(holders, owner)
  return unseen.length === 0 && others.length === 0
}

export const judgeHeld = (held: Held, ctx: Pick<CheckContext, 'running' | 'mask' | 'now'>): Verdict => {
  const { label, watched, holders, owner, askRoot } = held
  const now = ctx.now()
  const facts: Facts = { ...held.facts, ...holderFacts(holders) }
  const names = nameHolders(holders, now)
  const seenLines = lines(holders, ctx.mask)
  const where = [...new Set(holders.map(({ at }) => at))]
  const observed = `${names}${where.length > 0 ? ` listens on ${listing(where)}` : ' holds it'}${seenLines ? `: ${seenLines}` : ''}`
  const next = lookAt(holders, askRoot)

  if (allOwned(holders, owner, ctx.running))
    return {
      status: 'pass',
      code: 'port/held-by-owner',
      summary: `${label} is held by its owner, ${names}`,
      watched,
      facts,
    }
  if (ctx.running && owner !== undefined) {
    const { unseen, others } = strangers(holders, owner)
    if (others.length === 0)
      return {
        status: 'fail',
        code: 'port/owner-unseen',
        summary: `${label} is held, and whether by its owner "${owner}" cannot be seen`,
        observed: unseen[0] ? nameHolder(unseen[0], now) : names,
        expected: `free, or held by a command like "${owner}"`,
        next: `${askRoot} (or run bootcheck as the gateway's user)`,
        watched,
        facts,
      }
    return {
      status: 'fail',
      code: 'port/held',
      summary: `${label} is held by ${nameHolders(others, now)}, not by its owner "${owner}"`,
      observed,
      expected: `free, or held by a command like "${owner}"`,
      next: lookAt(others, askRoot),
      watched,
      facts,
    }
  }
  return {
    status: 'fail',
    code: 'port/held',
    summary: `${label} is held by ${names}`,
    observed,
    expected: ctx.running
      ? 'free, or held by the `owner` that the check declares (it declares none)'
      : 'nobody listens there',
    next: `${next}${ctx.running ? ' (if that is the gateway, add owner: with its command to the check)' : ''}`,
    watched,
    facts,
  }
}
