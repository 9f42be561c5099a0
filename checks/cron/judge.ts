/** From what was seen to the verdict: the gravest issue speaks, and all are listed. */
import type { CheckContext, Facts, Finding, Verdict } from '../../core/check.ts'
import { listed } from '../../core/skips.ts'
import { excerpt, listing, plural } from '../../core/text.ts'
import type { KnownJob } from './finding.ts'
import type { Everything } from './gather.ts'

const MAX_FINDINGS = 100

const two = (value: number): string => String(value).padStart(2, '0')

/** `at 03:00`, `tomorrow at 03:00`, `on 2026-11-24 at 03:00`: local time. */
export const whenNext = (time: number, now: number): string => {
  const then = new Date(time)
  const clock = `at ${two(then.getHours())}:${two(then.getMinutes())}`
  const today = new Date(now)
  const tomorrow = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1)
  if (then.toDateString() === today.toDateString()) return clock
  if (then.toDateString() === tomorrow.toDateString()) return `tomorrow ${clock}`
  return `on ${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ${clock}`
}

const nextOf = (jobs: readonly KnownJob[]): { label: string; time: number } | undefined => {
  let best: { label: string; time: number } | undefined
  for (const job of jobs)
    for (const result of job.enabled ? job.firings : [])
      if (result.fires && result.next !== undefined && (!best || result.next < best.time))
        best = { label: job.label, time: result.next }
  return best
}

const counted = (jobs: readonly KnownJob[]): string => {
  const disabled = jobs.filter(job => !job.enabled).length
  return `${plural(jobs.length, 'job')}${disabled > 0 ? ` (${disabled} disabled)` : ''}`
}

export const judge = (seen: Everything, ctx: CheckContext): Verdict => {
  const { jobs, watched } = seen
  const next = nextOf(jobs)
  const facts: Facts = {
    jobs: jobs.length,
    enabled: jobs.filter(job => job.enabled).length,
    files: seen.files,
    refs: seen.refs,
    uncheckedCommands: seen.unchecked,
    next: next ? new Date(next.time).toISOString() : null,
    nextJob: next ? ctx.mask(next.label) : null,
  }
  const issues = [
    ...seen.issues.filter(({ level }) => level === 'fail'),
    ...seen.issues.filter(({ level }) => level === 'warn'),
  ]
  const [worst] = issues
  if (worst) {
    const findings: Finding[] = issues.map(({ what, spot, message }, index) => ({
      code: `cron/${what}`,
      path: spot.path,
      // A place takes a walk through the file, and only the first ones are listed.
      ...(index >= MAX_FINDINGS || spot.line === undefined ? {} : { line: spot.line }),
      ...(index >= MAX_FINDINGS || spot.column === undefined ? {} : { column: spot.column }),
      message: ctx.mask(message),
    }))
    const more = issues.length - 1
    return {
      status: worst.level,
      code: `cron/${worst.what}`,
      summary: `${worst.spot.shown}: ${ctx.mask(worst.message)}${more > 0 ? `, and ${more} more` : ''}`,
      observed: worst.spot.frame
        ? `${worst.spot.shown}: ${worst.spot.frame}`
        : `${worst.spot.shown}: ${ctx.mask(worst.message)}`,
      expected: worst.expected,
      next: worst.next,
      watched,
      facts: { ...facts, issues: issues.length },
      findings: listed(findings, MAX_FINDINGS),
    }
  }
  const [first, ...rest] = watched
  if (first === undefined)
    return {
      status: 'fail',
      code: 'cron/no-match',
      summary: 'no job file was looked at',
      observed: 'nothing to read',
      expected: 'at least one job file or store',
      next: 'files: [the job files], or preset: openclaw',
    }
  const when = next
    ? `, next is "${excerpt(ctx.mask(next.label), 60)}" ${whenNext(next.time, ctx.now())}`
    : jobs.some(job => job.enabled)
      ? ', none of them waits for a clock'
      : ` in ${listing(watched, 2)}`
  return { status: 'pass', code: 'cron/good', summary: `${counted(jobs)}${when}`, watched: [first, ...rest], facts }
}
