/** Tells systemd that the gateway is ready. Node has no datagram sockets of that sort, so systemd's own tool does it. */

import type { Env } from '../../core/check.ts'
import { pause } from '../../core/clock.ts'
import { findCommand } from '../../core/find-command.ts'
import { shownEnd, start } from '../running.ts'

const LIMIT_MS = 5000

/** Undefined where it was told, or nobody wants to hear (Type=exec); else why not, in one line. Never rejects. */
export const sayReady = async (cwd: string, env: Env): Promise<string | undefined> => {
  if (!env.NOTIFY_SOCKET) return undefined
  const tool = findCommand('systemd-notify', { cwd, env })
  if ('problem' in tool) return tool.problem
  const began = await start({
    path: tool.path,
    args: ['--ready'],
    cwd,
    env,
    ownGroup: true,
    stdio: ['ignore', 'ignore', 2],
  })
  if ('error' in began) return began.error.message
  const over = new AbortController()
  const ended = await Promise.race([began.ended, pause(LIMIT_MS, over.signal)])
  over.abort()
  if (ended?.code === 0) return undefined
  await began.stop(0)
  return ended ? `systemd-notify: ${shownEnd(ended)}` : 'systemd-notify gave no answer'
}
