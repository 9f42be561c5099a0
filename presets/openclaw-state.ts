import type { StateFolder } from '../core/state-folder.ts'

/** Where OpenClaw keeps its state. Facts of OpenClaw 2026.9. */
export const openclawState: StateFolder = {
  env: 'OPENCLAW_STATE_DIR',
  homeEnv: 'OPENCLAW_HOME',
  name: '.openclaw',
  profileEnv: 'OPENCLAW_PROFILE',
}
