/** What a check hands back, which may be anybody's code: anything but a verdict is a crash, never taken for a pass. */
import type { Outcome } from './check.ts'

const isText = (value: unknown): value is string => typeof value === 'string'
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every(isText)

const isFinding = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  isText((value as { path?: unknown }).path) &&
  isText((value as { message?: unknown }).message)

const flawOf = (value: unknown): string | undefined => {
  if (typeof value !== 'object' || value === null)
    return `${value === null ? 'null' : typeof value} instead of a verdict`
  const verdict = value as Readonly<Record<string, unknown>>
  const lacking = (keys: readonly string[]): string | undefined => {
    const key = keys.find(each => !isText(verdict[each]))
    return key === undefined ? undefined : `a verdict whose "${key}" is no text`
  }
  if (verdict.facts !== undefined && (typeof verdict.facts !== 'object' || verdict.facts === null))
    return 'a verdict whose "facts" are no map'
  switch (verdict.status) {
    case 'skip':
      return lacking(['reason'])
    case 'pass':
      return (
        lacking(['code', 'summary']) ??
        (isTextList(verdict.watched) ? undefined : 'a pass without a list of what it watched')
      )
    case 'warn':
    case 'fail':
      if (verdict.findings !== undefined && !(Array.isArray(verdict.findings) && verdict.findings.every(isFinding)))
        return 'findings without path or message'
      if (verdict.watched !== undefined && !isTextList(verdict.watched)) return 'a "watched" that is no list of texts'
      return lacking(['code', 'summary', 'observed', 'expected', 'next'])
    case 'timeout':
    case 'crash':
    case 'blocked':
      // From our own child, or from the runner itself.
      return undefined
    default:
      return `the status ${JSON.stringify(verdict.status) ?? 'undefined'}`
  }
}

export const crashed = (error: unknown): Outcome => {
  let name = 'NonError'
  let message = 'something that cannot be shown was thrown'
  try {
    if (error instanceof Error) ({ name, message } = { name: String(error.name), message: String(error.message) })
    else message = String(error)
  } catch {
    // a thing without a text
  }
  return { status: 'crash', error: { name, message } }
}

/** The outcome itself as plain data if it is sound; a crash that says what is wrong with it; a failure if it passed and watched nothing. */
export const sound = (given: unknown, kind: string): Outcome => {
  try {
    // Data alone goes on from here: no getters, no cycles, nothing that changes later.
    const value: unknown = given === undefined ? undefined : JSON.parse(JSON.stringify(given) ?? 'null')
    const flaw = flawOf(value)
    if (flaw !== undefined) return crashed(new TypeError(`${kind} answered with ${flaw}`))
    const outcome = value as Outcome
    if (outcome.status !== 'pass' || outcome.watched.some(what => what.trim() !== '')) return outcome
  } catch (error) {
    return crashed(error)
  }
  return {
    status: 'fail',
    code: 'run/nothing-watched',
    summary: `${kind} passed without looking at anything`,
    observed: 'a pass with an empty list of what was watched',
    expected: 'at least one thing watched',
    next: `bootcheck explain ${kind}`,
  }
}
