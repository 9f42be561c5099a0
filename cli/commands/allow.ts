/** `bootcheck allow TARGET`: asks the guards of a target, and takes the permit. */
import { openStore } from '../../supervise/open-store.ts'
import { ask, missingIn, openLegacy, permitJson, permitLine, targetProblem } from '../../supervise/permits.ts'
import { UsageError } from '../io.ts'
import type { Action, Values } from '../words.ts'

const BREAKER = ['failures', 'window', 'block'] as const
const RATE = ['limit', 'per', 'cooldown'] as const

const given = (values: Values, names: readonly string[]): boolean => names.some(name => values.numbers.has(name))

const setOf = (values: Values, target: string): readonly string[] | undefined => {
  const set = values.ids.get('set')
  if (!set) return undefined
  if (!set.includes(target))
    throw new UsageError(`--set ${set.join(',')} does not name ${target}: it lists all that stand in for one another`)
  const twice = set.find((name, index) => set.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(`--set names ${twice} twice: nothing stands in for itself`)
  if (set.length < 2) throw new UsageError(`--set names ${target} alone: nothing stands in for it`)
  return set
}

export const action: Action = async ([target = ''], values, io) => {
  const { numbers, texts } = values
  const problem = targetProblem(target)
  if (problem !== undefined) throw new UsageError(problem)
  const tell = (line: string): void => io.err(`bootcheck: ${line}\n`)
  const set = setOf(values, target)
  const folder = texts.get('legacy')
  const opened = folder === undefined ? undefined : await openLegacy(folder, io.stop)
  if (opened && 'problem' in opened) throw new UsageError(`--legacy: ${opened.problem}`)
  const legacy = opened?.legacy
  const failures = numbers.get('failures')
  const windowMs = numbers.get('window')
  const blockMs = numbers.get('block')
  const breaker =
    given(values, BREAKER) || set || legacy
      ? {
          ...(failures === undefined ? {} : { failures }),
          ...(windowMs === undefined ? {} : { windowMs }),
          ...(blockMs === undefined ? {} : { blockMs }),
          ...(set ? { set } : {}),
          ...(legacy ? { legacy } : {}),
        }
      : undefined
  const limit = numbers.get('limit')
  const perMs = numbers.get('per')
  const cooldownMs = numbers.get('cooldown')
  const rate = given(values, RATE)
    ? {
        ...(limit === undefined ? {} : { limit }),
        ...(perMs === undefined ? {} : { perMs }),
        ...(cooldownMs === undefined ? {} : { cooldownMs }),
      }
    : undefined
  const attempts = numbers.get('attempts')
  const { store } = openStore(texts.get('state-dir'))
  const permit = ask(store, target, {
    ...(breaker ? { breaker } : {}),
    ...(rate ? { rate } : {}),
    ...(attempts === undefined ? {} : { attempts }),
  })
  const missing = legacy && missingIn(legacy, target)
  const warnings = [...(missing === undefined ? [] : [missing]), ...permit.warnings]
  for (const warning of warnings) tell(`warning: ${warning}`)
  const answer = { ...permit, warnings }
  const text = texts.get('format') === 'json' ? JSON.stringify(permitJson(answer)) : permitLine(answer, Date.now())
  // Nobody may take silence for a yes.
  return io.out(`${text}\n`) || permit.exitCode !== 0 ? permit.exitCode : 3
}
