/** The real terminal behind `Io`. */
import { world } from '../core/world.ts'
import { mayAnimate, styleFor, terminalAt } from './color.ts'
import type { Io, Signals } from './io.ts'
import { writeOut } from './output.ts'

/** How long a reader that does not read may hold us. */
const PATIENCE_MS = 2000

export const terminal = (color: boolean | undefined, stop: AbortSignal, signals: Signals): Io => {
  const { env, cwd } = world()
  const out = terminalAt(1)
  return {
    env,
    cwd,
    style: styleFor({ flag: color, env, ...out }),
    watch: async () => {
      if (!out.isTTY || !mayAnimate({ env, isTTY: terminalAt(2).isTTY })) return undefined
      const { liveProgress } = await import('./reporters/live.ts')
      const live = liveProgress(process.stderr, styleFor({ flag: color, env, ...terminalAt(2) }))
      // A stopped run reports at once: what was drawn is gone before it.
      stop.addEventListener('abort', () => live.stop(), { once: true })
      return live
    },
    out: text => writeOut(1, text, { timeoutMs: PATIENCE_MS }).complete,
    err: text => void writeOut(2, text, { timeoutMs: PATIENCE_MS }),
    stop,
    signals,
  }
}
