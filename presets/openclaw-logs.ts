/** Where OpenClaw writes its logs, and which of its lines are warning signs. Facts of OpenClaw 2026.9. */
import type { StateFolder } from '../core/state-folder.ts'
import { openclawState } from './openclaw-state.ts'
import type { SignalData } from './signals.ts'

export interface LogPreset {
  readonly name: string
  readonly state: StateFolder
  /** Below the state folder. */
  readonly files: readonly string[]
  /** Globs elsewhere, of which the folder must belong to this user; `{tmp}` is the system's folder for temporary files, `{uid}` the user's number. */
  readonly places: readonly string[]
  readonly signals: readonly SignalData[]
}

export const openclawLogs: LogPreset = {
  name: 'openclaw',
  state: openclawState,
  files: ['logs/gateway.log', 'logs/gateway.err.log'],
  // It takes the second where the first belongs to somebody else. The third is where a LaunchAgent of macOS writes.
  places: ['/tmp/openclaw/openclaw-*.log', '{tmp}/openclaw-{uid}/openclaw-*.log', '~/Library/Logs/openclaw/*.log'],
  signals: [
    {
      name: 'restart-loop',
      patterns: [['restart-loop breaker tripped'], ['giving up after 10 restart attempts']],
      means: 'it ended uncleanly so often that it gave up by itself',
    },
    {
      name: 'degraded',
      patterns: [['continuing with degraded state']],
      means: 'it runs without a part of its state',
      next: 'openclaw doctor --lint',
    },
    {
      name: 'plugin-missing',
      patterns: [['failed during load from'], ['extension entry not found'], ['load path is unavailable']],
      means: 'a plugin was not loaded, and it started without it',
      next: 'bootcheck check plugin-hooks --preset openclaw',
    },
    {
      name: 'random-token',
      patterns: [['Generated a runtime token']],
      means: 'the token of the config was not there, so it made up one that no client knows',
      next: 'openclaw doctor --lint',
    },
    {
      name: 'start-refused',
      patterns: [['Gateway failed to start:'], ['Gateway start blocked:']],
      means: 'it did not start',
      next: 'openclaw config validate',
    },
    {
      name: 'memory-pressure',
      patterns: [['memory pressure: level=critical']],
      means: 'the host had hardly any memory left',
    },
  ],
}
