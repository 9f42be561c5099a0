/** launchd starts again whatever fails, at once and for ever: where a restart cannot help it gets an end that looks well, and a word. */
import type { Ground } from './ground.ts'

export const parked = ({ options, say, ledger }: Ground, code: number): number => {
  if (options.supervisor !== 'launchd') return code
  ledger.note({ type: 'parked', code }, ['parked', 'start', 'reset'])
  say(`parked: ends with 0 in place of ${code}, so that launchd does not start it again; launchctl kickstart does`)
  return 0
}
