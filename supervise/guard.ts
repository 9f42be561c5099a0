/**
 * `guard`: starts a gateway behind the gate and the guards, and stays with it. An error of its own never keeps the gateway
 * down, unless that was asked for; a closed gate always does. The steps stand in `guard/`, one file each.
 */
import { keepCompany } from './guard/company.ts'
import { FailClosed, groundOf } from './guard/ground.ts'
import { EXIT, type GuardEnd, type GuardHost, type GuardOptions } from './guard/host.ts'
import { opening } from './guard/opening.ts'

export type { GuardEnd, GuardHost, GuardOptions } from './guard/host.ts'

/**
 * Starts the command once everything lets it, and resolves with how it ended, or with the code that says why it was not
 * started. Takes this process's signals. Rejects only where it broke before the start.
 */
export const guardGateway = async (options: GuardOptions, host: GuardHost): Promise<GuardEnd> => {
  const ground = groundOf(options, host)
  try {
    const open = await opening(ground)
    return 'running' in open ? await keepCompany(ground, open.running, open.rules) : open.end
  } catch (error) {
    if (!(error instanceof FailClosed)) throw error
    ground.say(`${ground.name} is not started: the guard itself broke, and --fail-closed was asked for`)
    return EXIT.broke
  } finally {
    await ground.messenger.settle()
  }
}
