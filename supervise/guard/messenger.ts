/** How the guard reaches people: a check of kind `message`, or a command. Each change of state is told once. */

import { findCommand } from '../../core/find-command.ts'
import { gatewayEnv } from '../../core/gateway-env.ts'
import type { StoreRecord } from '../../core/store.ts'
import { excerpt } from '../../core/text.ts'
import type { World } from '../../core/world.ts'
import { notifierOf, type Unsent } from '../notify.ts'
import { notify } from '../tell.ts'
import { runChecks } from './checks.ts'
import type { GuardHost, ReadPlan } from './host.ts'
import type { Ledger } from './ledger.ts'

/** How long a command may take. */
const COMMAND_MS = 20_000
/** How long the end of the guard waits for a message to leave. */
const LAST_CHANCE_MS = 10_000

export interface Messenger {
  /** Once the manifest is read: says if nobody can be told, and sends what is left of an earlier start. */
  begin(): void
  /**
   * Tells people, unless they were told of the same `key` since the last of the records `since`, which are what a change of
   * state looks like.
   */
  tell(key: string, text: string, since: readonly string[]): void
  /** Whether anybody was told of trouble since the last good start. */
  troubled(): boolean
  flush(): void
  settle(): Promise<void>
}

export interface MessengerOptions {
  readonly world: World
  readonly program: GuardHost['program']
  readonly target: string
  readonly stateDir: string
  readonly ledger: Ledger
  /** The id of a check, or a command for the shell. */
  readonly channel: string | undefined
  /** The manifest as it was last read. */
  plan(): ReadPlan | undefined
  say(line: string): void
}

const SILENT: Messenger = { begin() {}, tell() {}, troubled: () => false, flush() {}, settle: async () => {} }

const lastOf = (records: readonly StoreRecord[], types: readonly string[]): number =>
  records.findLastIndex(({ event }) => types.includes(event.type))

/** A word that may be the id of a check, and is the name of no command. */
const isLost = (channel: string, { cwd, env }: World): boolean =>
  /^[\w-]+$/.test(channel) && 'problem' in findCommand(channel, { cwd, env })

export const messengerOf = (options: MessengerOptions): Messenger => {
  const { world, program, target, stateDir, ledger, channel, plan, say } = options
  if (channel === undefined) return SILENT

  const checkOf = (): boolean => plan()?.plan?.checks.some(({ id }) => id === channel) ?? false
  const lost = `--notify ${channel} is neither a check of the manifest nor a command`

  const byCheck = async (text: string): Promise<Unsent | undefined> => {
    const { file, plan: known } = plan() ?? {}
    const { ready, report, what } = await runChecks({
      program,
      cwd: world.cwd,
      env: { ...world.env, BOOTCHECK_MESSAGE: text, BOOTCHECK_TARGET: target },
      manifest: file,
      phase: 'all',
      only: [channel],
      stateDir,
      limitMs: (known?.deadlineMs ?? 0) + COMMAND_MS,
      signal: new AbortController().signal,
    })
    const own = report?.checks.find(({ id }) => id === channel)
    // Inside its `every` it passes without a message.
    if (ready && own && /\/(?:delivered|left-behind)$/.test(own.code)) return undefined
    // Of one that was blocked, what blocked it.
    const cause = report?.checks.find(({ effect, status }) => effect === 'failure' && status !== 'blocked') ?? own
    const why = ready
      ? `the check ${channel} sent nothing (${own?.code ?? ''})`
      : `the check ${channel} failed: ${what}`
    return {
      why: cause ? `${why}: ${excerpt(cause.summary, 300)}` : why,
      ...(cause?.next === undefined ? {} : { next: cause.next }),
    }
  }

  const byCommand = async (text: string): Promise<Unsent | undefined> => {
    const env = gatewayEnv({ ...world.env, BOOTCHECK_MESSAGE: text, BOOTCHECK_TARGET: target })
    const why = await notify({ command: channel, message: text, cwd: world.cwd, env, timeoutMs: COMMAND_MS })
    return why === undefined ? undefined : { why }
  }

  const send = async (text: string): Promise<Unsent | undefined> => {
    if (checkOf()) return byCheck(text)
    return isLost(channel, world) ? { why: lost } : byCommand(text)
  }

  const notifier = notifierOf({ stateDir, target, send, say, now: world.now })
  const toldNow = new Set<string>()
  let begun = false
  return {
    begin() {
      if (begun) return
      begun = true
      if (!checkOf() && isLost(channel, world)) say(`${lost}: nobody would be told`)
      notifier.flush()
    },
    tell(given, text, since) {
      const key = excerpt(given, 300)
      const reading = ledger.read()
      // What cannot be remembered would be said again at every start.
      if (!reading) {
        say('nobody is told: what was told before cannot be read')
        return
      }
      const { records } = reading
      const told = records.findLastIndex(({ event }) => event.type === 'notified' && event.key === key)
      const state = `${key} ${lastOf(records, since)}`
      if (told > lastOf(records, [...since, 'reset']) || toldNow.has(state)) return
      toldNow.add(state)
      if (ledger.append({ type: 'notified', key })) notifier.tell(text)
      else say('nobody is told: it could not be remembered, and would be told again at every start')
    },
    troubled() {
      const records = ledger.read()?.records ?? []
      return lastOf(records, ['notified']) > lastOf(records, ['verified', 'reset'])
    },
    flush: () => notifier.flush(),
    settle: () => notifier.settle(LAST_CHANCE_MS),
  }
}
