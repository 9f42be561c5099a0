/** Whether systemd takes a unit at all: another file of its name, and the links by which it is started with a target. */
import { quote } from '../../core/shell.ts'
import { isUserUnit, shadowOf, wantedBy } from '../../core/systemd-files.ts'
import { entriesOf, type Unit } from '../../core/systemd-unit.ts'
import { type Problem, problem } from './problem.ts'

/** Throws nothing: what cannot be looked at is left out. */
export const standingProblems = (unit: Unit, path: string, home: string): readonly Problem[] => {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const systemctl = isUserUnit(path) ? 'systemctl --user' : 'systemctl'
  const other = shadowOf(path, home)
  if (other !== undefined)
    return [
      problem('fail', 'not-started', [
        `systemd does not take this file: ${other} stands in a stronger folder`,
        `a ${name} at both places`,
        'one file of this name, or the stronger one as the file of this check',
        `${systemctl} cat ${quote(name)}`,
      ]),
    ]
  const installed = ['WantedBy', 'RequiredBy', 'UpheldBy'].some(key => entriesOf(unit, 'Install', key).length > 0)
  const links = wantedBy(path, home)
  if (!installed || links === undefined || links.length > 0) return []
  return [
    problem('warn', 'not-started', [
      'systemd does not start it by itself: it is not enabled',
      `no link to it in the .wants and .requires folders of ${isUserUnit(path) ? "the user's manager" : 'the system'}`,
      'an enabled unit',
      `${systemctl} enable ${quote(name)}`,
    ]),
  ]
}
