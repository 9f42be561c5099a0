/** Counts the members of a group that passed. */
import type { CheckContext, Outcome, Verdict } from '../../core/check.ts'
import { outcomeNext, outcomeWords } from '../../core/outcome-words.ts'
import { listing } from '../../core/text.ts'

const LISTED = 20

/** A member that warns does its work. */
const works = (outcome: Outcome | undefined): boolean => outcome?.status === 'pass' || outcome?.status === 'warn'

/** Nothing is known of it: it was passed over, or belongs to another phase. */
const unseen = (outcome: Outcome | undefined): boolean => outcome === undefined || outcome.status === 'skip'

const said = (id: string, outcome: Outcome | undefined): string => `${id} (${outcomeWords(outcome)})`

export const judge = (
  named: readonly string[],
  atLeast: number,
  { outcomes, mask, ...ctx }: Pick<CheckContext, 'outcomes' | 'manifest' | 'phase' | 'mask'>,
): Verdict => {
  const members = [...new Set(named)].map(id => [id, outcomes.get(id)] as const)
  const working = members.filter(([, outcome]) => works(outcome)).map(([id]) => id)
  const others = members.filter(([, outcome]) => !works(outcome))
  const words = others.map(([id, outcome]) => mask(said(id, outcome)))
  const facts = {
    members: members.length,
    passed: working,
    failed: others.filter(([, outcome]) => !unseen(outcome)).map(([id]) => id),
    notSeen: others.filter(([, outcome]) => unseen(outcome)).map(([id]) => id),
    atLeast,
  }
  const [first, ...rest] = working
  if (first !== undefined && working.length >= atLeast)
    return {
      status: 'pass',
      code: others.length === 0 ? 'group/all' : 'group/enough',
      summary: `${working.length} of ${members.length} passed: ${listing(working, 5)}${words.length > 0 ? `; not ${listing(words, 5)}` : ''}`,
      watched: [first, ...rest, ...facts.failed],
      facts,
    }
  // What failed is mended; what was only not seen is run.
  const [id = '', outcome] = others.find(([, one]) => !unseen(one)) ?? others[0] ?? []
  const blind = facts.failed.length === 0
  // By the manifest's own word. It is not proved that enough of them work, nor that any does not.
  const switchedOff = others.length > 0 && others.every(([, one]) => one?.status === 'skip')
  return {
    status: switchedOff ? 'warn' : 'fail',
    code: blind ? 'group/unseen' : 'group/too-few',
    summary: blind
      ? `of ${members.length === 1 ? 'the one member' : `${members.length} members`} ${working.length} passed, and the others were not run: ${listing(words, 5)}`
      : `${working.length} of ${members.length} passed, ${atLeast} needed: ${listing(words, 5)}`,
    observed: [...working.map(one => mask(said(one, outcomes.get(one)))), ...words].slice(0, LISTED).join('; '),
    expected: `at least ${atLeast} of ${listing(
      members.map(([one]) => one),
      5,
    )} to pass`,
    next: outcomeNext(id, outcome, ctx),
    watched: members.map(([one]) => one),
    facts,
  }
}
