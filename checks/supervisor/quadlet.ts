/** Podman's quadlets: a container that systemd restarts. The generator makes the service; its [Service] is handed on. Rules: podman-systemd.unit(5). */
import { entriesOf, lastOf, splitWords, type Unit, type UnitEntry } from '../../core/systemd-unit.ts'
import { span } from '../../core/text.ts'
import { readArgv } from './command.ts'
import { type Judged, type Problem, problem, type Unjudged } from './problem.ts'
import { judgeSystemd } from './systemd.ts'

const STOP_TIMEOUT_S = 10

/** What is the image's business, or the generator's own: the program's folder, KillMode=mixed, a home. */
const ELSEWHERE: ReadonlySet<string> = new Set(['bare-program', 'kill-mode', 'no-state-folder'])

export const judgeQuadlet = (unit: Unit, of: string): Judged | Unjudged => {
  const exec = lastOf(unit, 'Container', 'Exec') ?? lastOf(unit, 'Container', 'Entrypoint')
  if (!exec)
    return {
      what: 'nothing-here',
      observed: `${of} has no Exec=: the image decides what is started`,
      expected: 'Exec=, or the Dockerfile of the image as the file of this check',
      next: 'Exec=bootcheck guard --state-dir /state -- command',
    }
  const start: UnitEntry = { ...exec, section: 'Service', key: 'ExecStart' }
  const judged = judgeSystemd({ ...unit, entries: [...unit.entries, start] }, of, false, {})
  if ('what' in judged) return judged
  const problems: Problem[] = judged.problems.filter(({ what }) => !ELSEWHERE.has(what))
  const { guard: guarded, killAfterMs } = readArgv(splitWords(exec.value) ?? [])
  const stop = lastOf(unit, 'Container', 'StopTimeout')
  const stopMs = Number(stop?.value ?? STOP_TIMEOUT_S) * 1000
  if (guarded && stopMs <= killAfterMs)
    problems.push(
      problem(
        'warn',
        'stop-timeout',
        [
          `podman kills the guard after ${span(stopMs)}, before it may kill the gateway (--kill-after ${span(killAfterMs)})`,
          `StopTimeout=${stop?.value ?? `${STOP_TIMEOUT_S}, the default`}`,
          `more than ${span(killAfterMs)}`,
          `StopTimeout=${Math.ceil(killAfterMs / 1000) + 5}`,
        ],
        { line: (stop ?? exec).line, file: (stop ?? exec).file },
      ),
    )
  if (guarded && entriesOf(unit, 'Container', 'Volume').length === 0)
    problems.push(
      problem('warn', 'no-state-folder', [
        'what the guard remembers is gone with the container',
        'no Volume=',
        'a volume, named by --state-dir',
        'Volume=gateway-state:/state, and: bootcheck guard --state-dir /state -- command',
      ]),
    )
  return { ...judged, problems }
}
