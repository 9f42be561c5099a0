/** systemd-logind and the user's own manager: what they print, and what it means. */

export interface LoginSession {
  readonly id: string
  /** `x11`, `wayland`, `mir`, `tty`, `unspecified`. */
  readonly type: string
  readonly state: string
  readonly remote: boolean
}

export interface LinuxFacts {
  readonly system: 'linux'
  readonly user: string
  readonly uid: number
  /** What kept logind from answering, in one line. */
  readonly noLogind?: string
  readonly linger?: boolean
  readonly sessions: readonly LoginSession[]
  readonly runtimeDir: {
    readonly path: string
    readonly seen: 'usable' | 'missing' | "somebody else's"
    /** XDG_RUNTIME_DIR of this run, where it is ours to know. */
    readonly variable?: string
  }
  /** `running`, `degraded`, …; absent where it was not asked, because the user is another one. */
  readonly manager?: { readonly state: string; readonly error: string }
}

/** `KEY=value` lines of `loginctl show-user` and `show-session`; blocks are parted by an empty line. */
export const parseProperties = (text: string): readonly Readonly<Record<string, string>>[] =>
  text
    .split(/\n[ \t\r]*\n/)
    .map(block =>
      Object.fromEntries(
        block.split('\n').flatMap(line => {
          const match = /^([A-Za-z]+)=(.*?)\r?$/.exec(line)
          return match?.[1] === undefined ? [] : [[match[1], match[2] ?? '']]
        }),
      ),
    )
    .filter(block => Object.keys(block).length > 0)

export const sessionOf = (properties: Readonly<Record<string, string>>): LoginSession => ({
  id: properties.Id ?? '?',
  type: properties.Type ?? 'unspecified',
  state: properties.State ?? 'unknown',
  remote: properties.Remote === 'yes',
})

/** A closing session is one of which the user has logged out. */
export const isGraphical = ({ type, state }: LoginSession): boolean =>
  ['x11', 'wayland', 'mir'].includes(type) && state !== 'closing'

/** What loginctl says of a user who has neither a session nor lingering. */
export const isNobody = (text: string): boolean => /is not logged in or lingering|No user '.*' known/i.test(text)
