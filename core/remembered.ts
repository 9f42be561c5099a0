/** What the kinds with a memory share: how they say that the memory itself is at fault, and how their times are written. */
import type { Trouble } from './check.ts'
import { sinceReset } from './guard.ts'
import { quote } from './shell.ts'
import type { Reading, StoreError } from './store.ts'
import { suggest } from './suggest.ts'
import { plural } from './text.ts'
import { LONGEST_DURATION } from './units.ts'

/** A span of more than nothing. */
export const SPAN = { type: 'string', format: 'duration', pattern: '^0*[1-9][0-9]*(ms|s|m|h|d)$' } as const

/** The name of whatever a guard counts for: any text that a record has room for. */
export const TARGET = {
  type: 'string',
  minLength: 1,
  maxLength: 400,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$',
} as const

/** `KIND/store`: never the same as "nothing is remembered". */
export const unreadable = (
  kind: string,
  status: Trouble['status'],
  target: string,
  error: Pick<StoreError, 'message' | 'next'>,
): Trouble => ({
  status,
  code: `${kind}/store`,
  summary: `nobody knows how ${target} stands: what is remembered of it cannot be read`,
  observed: error.message,
  expected: 'a state folder that can be read',
  next: error.next,
  watched: [target],
})

/** `KIND/store-damaged`: what can be read says that all is well, and something cannot be read. */
export const damaged = (kind: string, target: string, { records, bad, firstBad = '' }: Reading): Trouble => ({
  status: 'warn',
  code: `${kind}/store-damaged`,
  summary: `${plural(bad, 'line')} of what is remembered of ${target} cannot be read${sinceReset(records).length > 0 ? '; the others say that all is well' : ', and there is no other since its reset'}`,
  observed: firstBad,
  expected: 'whole lines',
  next: `bootcheck state ${quote(target)}`,
  watched: [target],
})

/** A duration that Node's timers cannot wait for. */
export const tooLong = (kind: string, key: string, value: string): Trouble => ({
  status: 'fail',
  code: `${kind}/limits`,
  summary: `${key} is ${value}, which is too long`,
  observed: `${key}: ${value}`,
  expected: `at most ${LONGEST_DURATION}`,
  next: `write \`${key}: ${LONGEST_DURATION}\``,
})

/** `KIND/misspelt`: nothing was ever kept of it, and of one that is called nearly the same there was. */
export const misspelt = (
  kind: string,
  target: string,
  targets: readonly string[],
  expected = 'the name under which it is asked for and recorded',
): Trouble | undefined => {
  // job-320 is the next one after job-319.
  const shape = (name: string): string => name.replace(/\d+/g, '0')
  const near = suggest(
    target,
    targets.filter(each => shape(each) !== shape(target)),
  )
  if (near === undefined) return undefined
  return {
    status: 'warn',
    code: `${kind}/misspelt`,
    summary: `nothing was ever recorded of ${target}: is ${near} meant?`,
    observed: `records of ${near}, of ${plural(targets.length, 'target')} in all`,
    expected,
    next: `write \`target: ${near}\`, if that is meant`,
    watched: [target],
  }
}
