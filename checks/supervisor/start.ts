/** What is wrong with a command itself, whatever supervisor runs it: it does not start us, or nobody heeds what we answer. */
import { quote } from '../../core/shell.ts'
import { excerpt } from '../../core/text.ts'
import type { Started } from './command.ts'
import { notStarted, type Problem, problem } from './problem.ts'

type Place = Pick<Problem, 'line' | 'file'>

/**
 * `command`: as it stands in the file. `prepared`: 69 and 78 are named in it as codes to stop at, so that a program which cannot be looked into may
 * well start us: then that is said, and not that nothing starts us. `ownShell`: what a shell in front of us does there is judged by the caller.
 */
export const startProblems = (
  started: Started,
  command: string,
  {
    prepared = false,
    place = {},
    ownShell = false,
  }: { readonly prepared?: boolean; readonly place?: Place; readonly ownShell?: boolean } = {},
): readonly Problem[] => {
  const { guard, gate, command: given, other, unseen, unheeded, shell, shellWord } = started
  const shown = excerpt(command, 120)
  if (!guard && !gate) {
    if (other)
      return [
        problem(
          'fail',
          'another-supervisor',
          [
            `${other.name} is started here, a supervisor of its own: what becomes of our codes is written in its file`,
            `it starts ${shown}`,
            `the file of ${other.name}, as the file of this check`,
            `bootcheck check supervisor --file ${other.file}`,
          ],
          place,
        ),
      ]
    if (prepared && unseen !== undefined)
      return [
        problem(
          'warn',
          'unread',
          [
            `whether ${excerpt(unseen, 120)} starts bootcheck is not known: it is no shell script that can be read here`,
            `it starts ${shown}`,
            'a shell script on this host, or bootcheck guard in the command itself',
            `grep -n bootcheck ${quote(unseen)}`,
          ],
          place,
        ),
      ]
    return [notStarted(shown, place)]
  }
  const problems: Problem[] = []
  if (guard && !given)
    problems.push(
      problem(
        'fail',
        'no-command',
        [
          'the guard is given no command behind "--", and ends at once with 78',
          shown,
          'the command of the gateway behind "--"',
          'bootcheck guard -- the command of the gateway',
        ],
        place,
      ),
    )
  if (unheeded !== undefined)
    problems.push(
      problem(
        'fail',
        'gate-ignored',
        [
          `nobody heeds what ${guard ? 'the guard' : 'the gate'} answers: ${excerpt(unheeded, 160)}`,
          shown,
          guard ? 'exec bootcheck guard as the last command' : 'bootcheck guard, which starts the gateway itself',
          'exec bootcheck guard -- the command of the gateway',
        ],
        place,
      ),
    )
  else if (guard && shell && !ownShell)
    problems.push(
      problem(
        'warn',
        'shell-form',
        [
          'a shell stays in front of the guard and passes no signal on: the TERM that is to stop the gateway ends the shell',
          shown,
          'exec in front of bootcheck guard',
          'exec bootcheck guard -- the command of the gateway',
        ],
        place,
      ),
    )
  if (shellWord !== undefined)
    problems.push(
      problem(
        'fail',
        'no-shell',
        [
          `no shell reads this command: "${shellWord}" and what stands behind it are words for the program`,
          shown,
          'bootcheck guard, which starts the gateway itself; or a shell, by name',
          'bootcheck guard -- the command of the gateway',
        ],
        place,
      ),
    )
  return problems
}
