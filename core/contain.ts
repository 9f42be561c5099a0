/**
 * What may block for ever must not run in the gate's own process: a thread stuck in a system call holds `process.exit`.
 * Code that is about to touch such a thing calls `contain`; in the gate's own process that throws, and the runner runs the
 * whole check again in a child process that can be killed.
 */

/** `mount`: a path on a file system that is not known to be local. `name`: a host name to resolve. `code`: somebody else's code, or a user's regex. */
export type Reason = 'mount' | 'name' | 'code'

export class NeedsChild extends Error {
  override readonly name = 'NeedsChild'
  constructor(
    readonly reason: Reason,
    readonly what: string,
  ) {
    super(`${what} may block and must run in a child process (${reason})`)
  }
}

/** What a check is doing that may take for ever. */
export interface Doing {
  /** Reads on from `it was still`. */
  readonly what: string
  /** What to do where no answer came. */
  readonly next: string
}

let contained = false
let tell: (doing: Doing | null) => void = () => {}

/** Says that this process is such a child: from here on nothing is refused. `told` hears what it is doing. */
export const enterChild = (told: typeof tell = () => {}): void => {
  contained = true
  tell = told
}

/** In a child, leaves word of what begins now, so that the gate can name it if no answer comes; the function that is returned takes it back. */
export const doing = (word: Doing): (() => void) => {
  tell(word)
  return () => tell(null)
}

export const contain = (reason: Reason, what: string): void => {
  if (!contained) throw new NeedsChild(reason, what)
}
