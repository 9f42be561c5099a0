/** What every step of the guard stands on: the options, the memory, our signals, and how it speaks. */
import { hostname } from 'node:os'
import { absolute } from '../../core/context.ts'
import { localStore, stateFolder } from '../../core/local-store.ts'
import type { Store } from '../../core/store.ts'
import { excerpt, visible } from '../../core/text.ts'
import { world as realWorld, type World } from '../../core/world.ts'
import { ownPlace, underLaunchd } from '../terminal.ts'
import type { GuardHost, GuardOptions, ReadPlan } from './host.ts'
import { type Ledger, ledgerOf, type Trouble } from './ledger.ts'
import { type Messenger, messengerOf } from './messenger.ts'
import { type Desk, openDesk } from './signals.ts'

const KILL_AFTER_MS = 10_000

/** An error of the guard's own, where none is allowed to pass. */
export class FailClosed extends Error {}

export interface Ground {
  readonly options: GuardOptions
  readonly host: GuardHost
  readonly world: World
  readonly target: string
  /** The target for people. */
  readonly name: string
  readonly stateDir: string
  readonly store: Store
  readonly ledger: Ledger
  readonly desk: Desk
  readonly messenger: Messenger
  /** Whether the gateway gets a process group of its own. */
  readonly ownGroup: boolean
  readonly killAfterMs: number
  /** To type after the fault is mended. */
  readonly resetCommand: string
  /** The manifest as it was last read. */
  read: ReadPlan | undefined
  /** From now on nothing of ours may end it. */
  started: boolean
  /** Why the memory cannot be used. */
  trouble(): string
  /** One line for people. */
  say(line: string): void
  /** Tells whoever asked for it; see `Messenger`. */
  tell(key: string, text: string, since: readonly string[]): void
  /**
   * Does something of the guard's own, whose failure must not keep the gateway down: it is said loudly, and the answer is
   * undefined. Throws `FailClosed` where that was asked for.
   */
  own<T>(doing: string, action: () => T | Promise<T>): Promise<T | undefined>
}

const whole = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

export const groundOf = (options: GuardOptions, host: GuardHost): Ground => {
  const { target = 'gateway', failClosed = false, killAfterMs = KILL_AFTER_MS, supervisor } = options
  const { world = realWorld() } = host
  const name = visible(excerpt(target, 80))
  const say = (line: string): void => host.err(`bootcheck: ${visible(line)}\n`)
  const ownGroup = supervisor !== 'launchd' && !underLaunchd() && !ownPlace().terminal
  // First of all: whatever comes from now on is ours to pass on.
  const desk = openDesk({
    take: host.signals.take,
    killAfterMs,
    sharesGroup: !ownGroup,
    onStop: signal => {
      ledger.append({ type: 'stopping', signal })
      say(`${signal}: ${name} is asked to end`)
    },
  })
  const stateDir = options.stateDir === undefined ? stateFolder(world) : absolute(options.stateDir, world)
  const store = localStore({ dir: stateDir, now: world.now })

  let trouble: Trouble | undefined
  const mayFail = (): boolean => !failClosed || ground.started
  const ledger = ledgerOf(store, target, found => {
    if (found.problem !== trouble?.problem) {
      say(`the memory of ${name} cannot be used: ${found.problem}`)
      say(`next: ${found.next}`)
    }
    trouble = found
    if (!mayFail()) throw new FailClosed(found.problem)
  })
  const messenger = messengerOf({
    world,
    program: host.program,
    target,
    stateDir,
    ledger,
    channel: options.notify,
    plan: () => ground.read,
    say,
  })
  const ground: Ground = {
    options,
    host,
    world,
    target,
    name,
    stateDir,
    store,
    ledger,
    desk,
    messenger,
    ownGroup,
    killAfterMs,
    resetCommand: store.forgetCommand(target),
    read: undefined,
    started: false,
    trouble: () => trouble?.problem ?? 'the guard itself broke',
    say,
    tell(key, text, since) {
      try {
        messenger.tell(key, `${target} on ${hostname()}: ${text}`, since)
      } catch (error) {
        if (!(error instanceof FailClosed)) say(`nobody could be told: ${whole(error)}`)
      }
    },
    async own(doing, action) {
      try {
        return await action()
      } catch (error) {
        if (error instanceof FailClosed) throw error
        say(`the guard itself broke while ${doing}: ${whole(error)}`)
        if (!mayFail()) throw new FailClosed(whole(error))
        return undefined
      }
    },
  }
  return ground
}
