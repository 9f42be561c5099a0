/** Steps 1 to 5, once; or, where it holds, again and again until it has started. */
import { absolute } from '../../core/context.ts'
import { span } from '../../core/text.ts'
import { alreadyRunning, reconcile } from './earlier.ts'
import { fingerprintOf } from './fingerprint.ts'
import { type Closed, gate, mendFirst } from './gate.ts'
import type { Ground } from './ground.ts'
import { holdOn } from './hold.ts'
import { look } from './look.ts'
import { parked } from './parked.ts'
import { permission } from './permission.ts'
import { resetSeen } from './reset-seen.ts'
import { type Spawned, spawn } from './spawn.ts'
import { rememberedPaths } from './watched.ts'
import { shownCommand } from './words.ts'

/** How soon, and how late at most, it is tried again though no file has changed. */
const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 5 * 60_000

const fingerprintNow = ({ read, world, options, stateDir, target }: Ground, path: string): string =>
  fingerprintOf({
    path,
    args: options.command.slice(1),
    cwd: world.cwd,
    files: [...(read ? [absolute(read.file, world)] : []), ...rememberedPaths(stateDir, target)],
  })

/** Says once what is about to be run. */
const introducer = ({ say, name, options }: Ground): ((path: string) => void) => {
  let before = ''
  return path => {
    if (path !== before) say(`${name} is to run ${shownCommand(path, options.command.slice(1))}`)
    before = path
  }
}

const attempt = async (ground: Ground, said: string, introduce: (path: string) => void): Promise<Spawned> => {
  const { own, desk, messenger } = ground
  const looked = await look(ground)
  // Whom to tell may stand in the manifest.
  await own('beginning to tell people', () => messenger.begin())
  if (!('path' in looked)) return { closed: await mendFirst(ground, looked, said) }
  const { path, rules } = looked
  introduce(path)
  const pid = await own('looking for an earlier start', () => reconcile(ground, rules))
  if (pid !== undefined) return { end: alreadyRunning(ground, pid) }
  const fingerprint = (await own('looking at what would be started', () => fingerprintNow(ground, path))) ?? 'unknown'
  const refusal = (await permission(ground, { path, rules, fingerprint, said })) ?? desk.stoppedBy()
  if (typeof refusal === 'object') return { closed: refusal }
  if (refusal !== undefined) return { end: refusal }
  const closed = await gate(ground, said)
  const stopped = desk.stoppedBy()
  if (stopped !== undefined) return { end: stopped }
  if (closed) return { closed }
  // The report may have named files that were not known before.
  const known = await own('looking at what is started', () => fingerprintNow(ground, path))
  return spawn(ground, { path, rules, fingerprint: known ?? fingerprint }, said)
}

/** Resolves with the gateway and the rules it runs under, or with what to end with. */
export const opening = async (ground: Ground): Promise<Exclude<Spawned, 'again' | { readonly closed: Closed }>> => {
  const { options, world, desk, say, name, messenger, ledger } = ground
  const { manifest, checks, hold: holds } = options
  const manifests = (manifest === undefined ? ['BOOT.md', 'bootcheck.md'] : [manifest]).map(each =>
    absolute(each, world),
  )
  const hold = holdOn(checks === false ? [] : manifests)
  let retryMs = FIRST_RETRY_MS
  let said = ''
  const introduce = introducer(ground)
  for (;;) {
    const before = holds ? ledger.read() : undefined
    const result = await attempt(ground, said, introduce)
    if (result === 'again') continue
    if (!('closed' in result)) return result
    const { code, what, places } = result.closed
    if (!holds) return { end: parked(ground, code) }
    if (what !== said) {
      retryMs = FIRST_RETRY_MS
      say(
        `${name} is held until that is mended: a change of the files it hangs on or a reset starts it, and it is tried again at least every ${span(LAST_RETRY_MS)}`,
      )
    }
    said = what
    const woken = await hold.change(places, retryMs, desk.stop, resetSeen(ledger, before))
    const stopped = desk.stoppedBy()
    if (stopped !== undefined) return { end: stopped }
    retryMs = woken === 'changed' ? FIRST_RETRY_MS : Math.min(2 * retryMs, LAST_RETRY_MS)
    messenger.flush()
  }
}
