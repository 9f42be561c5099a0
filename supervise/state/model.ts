/** What is known of a target, as data: what `--format json` prints and what the words for people are made of. */

/** Those of which nothing is to be done. */
export const WELL = [
  'running',
  'ready',
  'verified',
  'alive',
  'stopped',
  'ended',
  'delivered',
  'done',
  'free',
  'known',
  'clear',
] as const

/** How a target stands; the worst first. */
export const STANDINGS = [
  'unreadable',
  'refused',
  'blocked',
  'cooling-off',
  'closed',
  'stale',
  'gone',
  'unguarded',
  'crashed',
  'undelivered',
  'stuck',
  'trial',
  'failing',
  'asleep',
  'retried',
  ...WELL,
] as const

export type Standing = (typeof STANDINGS)[number]

/** Times are ms since the epoch. */
export interface TargetState {
  readonly target: string
  readonly standing: Standing
  /** Since when it stands so; null where that is not known. */
  readonly since: number | null
  /** When it ends by itself, and how long that is from now, ms; null where it does not. */
  readonly until: number | null
  readonly leftMs: number | null
  /** The guard that holds it back. */
  readonly guard: string | null
  /** One line: why it stands so; null where there is nothing to add. */
  readonly reason: string | null
  /** Since the last verified start or reset. */
  readonly crashes: {
    readonly count: number
    readonly first: number
    readonly last: number
    /** The last one's end: both are null where nobody saw it. */
    readonly code: number | null
    readonly signal: string | null
  } | null
  /** The waits before a start in ms, by step, and where it stands on them: behind the last it is refused. */
  readonly ladder: { readonly waitsMs: readonly number[]; readonly at: number } | null
  /** The last start that was verified. */
  readonly lastGood: number | null
  readonly process: { readonly pid: number; readonly since: number } | null
  readonly permits: { readonly taken: number; readonly limit: number; readonly perMs: number } | null
  readonly attempts: { readonly taken: number; readonly limit: number | null } | null
  /** In a row. */
  readonly failures: number | null
  readonly beat: { readonly at: number; readonly agoMs: number } | null
  /** A message channel's last delivery. */
  readonly delivered: number | null
  /** When it was reset last. */
  readonly reset: number | null
  /** A command to type, or what comes next by itself. */
  readonly next: string | null
  /** Records since the last reset, and lines that cannot be read, with the first of them. */
  readonly records: number
  readonly bad: number
  readonly firstBad: string | null
}

/** Everything that the store holds. */
export interface State {
  readonly at: number
  /** The state folder. */
  readonly dir: string
  /** The worst first. */
  readonly targets: readonly TargetState[]
  /** Why the store itself cannot be read. */
  readonly problem: { readonly code: string; readonly message: string; readonly next: string } | null
}

export const badLines = ({ targets }: State): { readonly count: number; readonly first: string | null } => ({
  count: targets.reduce((sum, { bad }) => sum + bad, 0),
  first: targets.find(({ firstBad }) => firstBad !== null)?.firstBad ?? null,
})

/**
 * 0: all was read, whatever it says. 1: of some target nothing can be read. 2: nothing can be read. Bad lines among good ones are
 * told, and are no error of this command.
 */
export const exitCodeOf = ({ targets, problem }: State): 0 | 1 | 2 => {
  if (problem) return 2
  return targets.some(({ standing }) => standing === 'unreadable') ? 1 : 0
}
