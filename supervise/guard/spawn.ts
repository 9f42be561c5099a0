/** Step 5: the start is on the disk before anything is started, and our signals have been taken long before. */

import { gatewayEnv } from '../../core/gateway-env.ts'
import { startOf } from '../../core/identity.ts'
import { excerpt } from '../../core/text.ts'
import { type Running, start } from '../running.ts'
import { explainStart } from '../unstartable.ts'
import { isPermitted, permitEvent, type Rules, written } from './admission.ts'
import { alreadyRunning } from './earlier.ts'
import { type Closed, mendFirst, placeOf } from './gate.ts'
import type { Ground } from './ground.ts'
import { EXIT, type GuardEnd } from './host.ts'
import { waitBlind } from './permission.ts'
import { openStarts, runningOf } from './starts.ts'

/** Of several guards that come at once, the one whose start stands first on record goes on. */
const whoWasFirst = ({ ledger, store }: Ground, id: string): number | undefined => {
  const records = ledger.read()?.records ?? []
  const now = store.stamp()
  return openStarts(
    records.slice(
      0,
      Math.max(
        0,
        records.findIndex(record => record.id === id),
      ),
    ),
  )
    .map(each => runningOf(each, now))
    .find(pid => pid !== undefined)
}

const NOT_STARTED = { type: 'end', ran: false, code: null, signal: null, crash: false } as const

/** False where somebody else was quicker to take the permit that the start needs. A memory that failed stops nobody. */
const takePermit = ({ ledger }: Ground, rules: Rules): boolean => {
  const event = permitEvent(rules)
  const ask = event && ledger.append(event)
  const reading = ask && ledger.read()
  return !ask || !reading || isPermitted(rules, reading, ask.id)
}

/** What is to be started. */
export interface Opening {
  readonly path: string
  readonly rules: Rules
  readonly fingerprint: string
}

export type Spawned =
  | { readonly running: Running; readonly rules: Rules }
  | { readonly end: GuardEnd }
  | { readonly closed: Closed }
  | 'again'

/** Resolves with `again` where it may not start after all. `said` is what was said before. */
export const spawn = async (ground: Ground, { path, rules, fingerprint }: Opening, said: string): Promise<Spawned> => {
  const { own, ledger, desk, options, world, ownGroup, say } = ground
  const { command } = options
  const record = await own('recording the start', () =>
    ledger.append({ type: 'start', fingerprint, command: excerpt(path, 300), ...placeOf(ground), ...written(rules) }),
  )
  if (record) {
    const pid = await own('looking who was first', () => whoWasFirst(ground, record.id))
    if (pid !== undefined) {
      ledger.append({ ...NOT_STARTED, requested: true })
      return { end: alreadyRunning(ground, pid) }
    }
    if ((await own('taking the permit', () => takePermit(ground, rules))) === false) {
      ledger.append({ ...NOT_STARTED, requested: true })
      return 'again'
    }
  } else {
    const end = await waitBlind(ground, rules)
    if (end !== undefined) return { end }
  }
  const stopped = desk.stoppedBy()
  if (stopped !== undefined) {
    ledger.append({ ...NOT_STARTED, requested: true })
    return { end: stopped }
  }
  const running = await start({
    path,
    args: command.slice(1),
    argv0: command[0],
    cwd: world.cwd,
    env: gatewayEnv(world.env),
    ownGroup,
    stdio: 'inherit',
  })
  if ('error' in running) {
    ledger.append({ ...NOT_STARTED, requested: false })
    const { why, passing, next } = explainStart(running.error)
    const what = `${path} could not be started: ${why}`
    if (passing) {
      say(`${what}; it is worth another try`)
      return { end: EXIT.notNow }
    }
    const lines = next === undefined ? [] : [`next: ${next}`]
    return { closed: await mendFirst(ground, { what, lines, places: [path] }, said) }
  }
  ground.started = true
  desk.attach(running)
  await own('recording the process', () =>
    ledger.append({ type: 'spawned', child: running.pid, childStarted: startOf(running.pid) ?? 'unknown' }),
  )
  return { running, rules }
}
