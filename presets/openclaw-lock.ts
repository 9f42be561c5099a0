/**
 * What must be free before an OpenClaw gateway takes a state folder: its lock, its owner lease, and the folders that these stand in.
 * Read from OpenClaw 2026.9.6, and each state tried with it.
 */
import type { StateFolder } from '../core/state-folder.ts'
import { openclawState } from './openclaw-state.ts'

export interface LockPreset {
  readonly product: string
  readonly state: StateFolder
  /** `{uid}` stands for the user's number; relative paths start at the state folder. */
  readonly lock: {
    readonly file: string
    /** Member of the lock that holds its writer's start in clock ticks after boot (on Linux). */
    readonly ticks: string
    /** Globs over a command line: without `ticks`, a process with such a one is taken for the owner. */
    readonly commands: readonly string[]
    /** A lock that cannot be parsed is taken away once it is so old. */
    readonly brokenMs: number
  }
  /** A row of SQLite that its owner renews; it holds until it expires, unless its owner is known to be gone. */
  readonly lease: {
    readonly file: string
    readonly query: string
    /** Columns. */
    readonly payload: string
    readonly expires: string
  }
  /** `own`: it must be a real folder of this user's. Otherwise a folder that this user may write to. */
  readonly folders: readonly { readonly path: string; readonly own: boolean }[]
}

export const openclawLock: LockPreset = {
  product: 'OpenClaw',
  state: openclawState,
  lock: {
    file: 'tmp/openclaw-{uid}/gateway.state.lock',
    ticks: 'startTime',
    commands: [
      '*/dist/index.js *gateway*',
      '*/dist/entry.js *gateway*',
      '*openclaw.mjs *gateway*',
      '*openclaw gateway*',
      '*openclaw-gateway*',
    ],
    brokenMs: 30_000,
  },
  lease: {
    file: 'state/openclaw.sqlite',
    query: "SELECT payload_json, expires_at FROM state_leases WHERE scope = 'gateway-owner' AND lease_key = 'global'",
    payload: 'payload_json',
    expires: 'expires_at',
  },
  folders: [
    { path: 'tmp/openclaw-{uid}', own: false },
    { path: '/tmp/openclaw-state-locks-{uid}', own: true },
  ],
}
