/** What every reader of a supervisor's file answers with. */

export interface Problem {
  readonly status: 'warn' | 'fail'
  readonly what: string
  readonly says: string
  readonly observed: string
  readonly expected: string
  /** The line to change, or a command. */
  readonly next: string
  readonly line?: number
  /** Where it stands, if in another file than the one that was named. */
  readonly file?: string
}

/** What becomes of an end of ours. */
export type Fate = 'restarted' | 'stays down' | 'does not occur'

export interface Judged {
  /** The service, app or script, for people. */
  readonly of: string
  readonly problems: readonly Problem[]
  /** It starts us. Given where a file usually holds more than the gateway: then the others count only by their names. */
  readonly ours?: boolean
  /** Of each code that says that a restart does not help, or not yet. */
  readonly fates: Readonly<Record<'69' | '75' | '78', Fate>>
}

/** A file that says nothing of a service. */
export interface Unjudged {
  readonly what: 'malformed' | 'nothing-here'
  readonly observed: string
  readonly expected: string
  readonly next: string
  readonly line?: number
}

export const problem = (
  status: Problem['status'],
  what: string,
  [says, observed, expected, next]: readonly [string, string, string, string],
  place: Pick<Problem, 'line' | 'file'> = {},
): Problem => ({ status, what, says, observed, expected, next, ...place })

/** Nothing that is visible here starts us, and nothing is prepared for our codes. */
export const notStarted = (command: string, place: Pick<Problem, 'line' | 'file'> = {}): Problem =>
  problem(
    'fail',
    'no-bootcheck',
    [
      'nothing here starts bootcheck: the gateway is started past the gate',
      command === '' ? 'no command' : `it starts ${command}`,
      'bootcheck guard -- the command of the gateway',
      'put in front of the command: bootcheck guard --',
    ],
    place,
  )

/** For people: the codes that a restart does not help, with what they mean. */
export const codesSay = (codes: readonly ('69' | '78')[]): string =>
  codes.length > 1 ? '69 and 78 (mend first)' : codes[0] === '69' ? '69 (refused until state reset)' : '78 (mend first)'
