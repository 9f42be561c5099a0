import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CheckContext } from '../../core/check.ts'
import { enterChild } from '../../core/contain.ts'
import type { Store } from '../../core/store.ts'

// Tests call a check's run() directly, as the child process does: nothing is refused here.
enterChild()

/** An empty folder of this test's own, removed when it ends. */
export const scratch = (prefix = 'bootcheck-'): string => {
  const path = realpathSync(mkdtempSync(join(tmpdir(), prefix)))
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }))
  return path
}

const forgetful: Store = {
  append: () => {
    throw new Error('this test gave the check no store')
  },
  read: () => ({ records: [], bad: 0 }),
  targets: () => [],
  sweep: () => 0,
  stamp: () => ({ wallMs: Date.now(), boot: 'of the tests', uptimeMs: 0 }),
  showCommand: target => `show ${target}`,
  forgetCommand: target => `forget ${target}`,
}

/** What a check is given, with this process's real facts where nothing else is said. */
export const context = (given: Partial<CheckContext> & { cwd: string }): CheckContext => {
  const user = userInfo()
  return {
    id: 'under-test',
    manifest: null,
    home: homedir(),
    env: process.env,
    user: { uid: user.uid, gid: user.gid, name: user.username },
    phase: 'before',
    running: false,
    attempt: 1,
    outcomes: new Map(),
    signal: AbortSignal.timeout(30_000),
    timeoutMs: 5000,
    spentMs: 0,
    now: Date.now,
    path: text => {
      const expanded = text === '~' || text.startsWith('~/') ? join(given.home ?? homedir(), text.slice(1)) : text
      return isAbsolute(expanded) ? expanded : join(given.cwd, expanded)
    },
    mask: text => text,
    store: forgetful,
    ...given,
  }
}
