/** One plugin or hook as it was found. */
import type { Flaw } from './flaw.ts'
import type { Loader } from './resolve.ts'

export interface Entry {
  /** Absolute, links followed. */
  readonly path: string
  /** `setup`: loaded only while the plugin is set up; `exists` and `imports` hold for it, `load` does not. */
  readonly role: 'main' | 'setup'
}

/** Why its host does not load it. `chosen`: somebody said so; otherwise nobody said anything. */
export interface Off {
  readonly why: string
  readonly chosen: boolean
}

export interface Unit {
  readonly sort: 'plugin' | 'hook'
  /** Plugin id, hook name, or the name of the folder or file. */
  readonly name: string
  /** Where it was found, absolute. */
  readonly path: string
  /** Its folder, links followed. */
  readonly root: string
  readonly entries: readonly Entry[]
  readonly loader: Loader
  /** Export that must be a function (hooks); any export does without it. */
  readonly exported?: string
  readonly off?: Off
  readonly flaws: readonly Flaw[]
  /** Puts it in order; a command that shows the gap without it. */
  readonly next?: string
}
