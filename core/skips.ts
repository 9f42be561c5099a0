/** Switching off a check, or one finding of it, for a while. */
import type { Finding, Outcome, Trouble } from './check.ts'
import type { Skip } from './plan.ts'

/** A skip holds to the end of its last day, UTC. */
export const expired = (skip: Pick<Skip, 'until'>, now: number): boolean =>
  now >= Date.parse(`${skip.until}T00:00:00Z`) + 86_400_000

/** The code of a finding that stands for others which are not listed: no skip reaches it. */
const UNLISTED = 'run/unlisted'

/** At most `most` findings, and one that says how many more there are. */
export const listed = (findings: readonly Finding[], most: number): readonly Finding[] =>
  findings.length <= most
    ? findings
    : [
        ...findings.slice(0, most),
        { code: UNLISTED, path: findings[most]?.path ?? '', message: `${findings.length - most} more, not listed` },
      ]

const matches = (skip: Skip, verdict: Trouble, finding: Finding, alone: boolean): boolean => {
  const wanted = skip.finding ?? ''
  if (finding.code === UNLISTED) return false
  // The verdict's code is that of its worst finding, and says nothing of the others.
  const code = finding.code ?? (alone ? verdict.code : undefined)
  return code === wanted || finding.message.includes(wanted) || finding.path.includes(wanted)
}

/** Takes the findings that a skip names out of a verdict. What is left keeps its status; nothing left is a skip. */
export const withoutSkipped = (
  outcome: Outcome,
  skips: readonly Skip[],
  now: number,
): { outcome: Outcome; unused: readonly Skip[] } => {
  const named = skips.filter(skip => skip.finding !== undefined && !expired(skip, now))
  if (named.length === 0) return { outcome, unused: [] }
  if (outcome.status !== 'warn' && outcome.status !== 'fail') return { outcome, unused: named }
  const findings: readonly Finding[] = outcome.findings?.length
    ? outcome.findings
    : [{ path: '', message: outcome.observed, code: outcome.code }]
  const used = new Set<Skip>()
  const left = findings.filter(finding => {
    const skip = named.find(entry => matches(entry, outcome, finding, findings.length === 1))
    if (skip) used.add(skip)
    return !skip
  })
  const unused = named.filter(skip => !used.has(skip))
  const first = left[0]
  if (used.size === 0) return { outcome, unused }
  const reasons = [...used].map(skip => `${skip.reason} (until ${skip.until})`).join('; ')
  if (!first) return { outcome: { status: 'skip', reason: reasons }, unused }
  if (first === findings[0]) return { outcome: { ...outcome, findings: left }, unused }
  // The summary, the code and the next step were those of the worst finding, which is skipped.
  const place = `${first.path}${first.line === undefined ? '' : `:${first.line}`}`
  return {
    outcome: {
      ...outcome,
      code: first.code ?? outcome.code,
      summary: `${first.message} (${findings.length - left.length} of ${findings.length} findings skipped: ${reasons})`,
      observed: first.message,
      next: place === '' ? `bootcheck explain ${first.code ?? outcome.code}` : `mend ${place}`,
      findings: left,
    },
    unused,
  }
}
