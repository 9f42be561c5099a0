/** `bootcheck state [TARGET…]`, `state reset TARGET…`: what the guards remember, and how they forget it. */
import { constants } from 'node:os'
import {
  type Change,
  exitCodeOf,
  followState,
  readState,
  resetState,
  type State,
  stateJson,
  summarize,
  tell,
  type UnknownTarget,
  unknownTargets,
} from '../../supervise/state.ts'
import { type Io, UsageError } from '../io.ts'
import { problemText } from '../problem.ts'
import { showChange, showResets, showState } from '../reporters/state.ts'
import type { Action, Values } from '../words.ts'

const RESET = 'reset'

const unknown = ({ unknown: name, suggestion }: UnknownTarget): UsageError =>
  new UsageError(
    `nothing is remembered of "${name}"${suggestion === undefined ? '; bootcheck state lists what is' : `; did you mean "${suggestion}"?`}`,
  )

const isJson = (values: Values): boolean => values.texts.get('format') === 'json'

const print = (state: State, values: Values, io: Io): boolean => {
  if (isJson(values)) return io.out(`${JSON.stringify(stateJson(state))}\n`)
  const targets = state.targets.map(target => tell(target, state.at))
  return io.out(showState({ targets, summary: summarize(state), problem: state.problem }, io.style))
}

const printChange = (change: Change, state: State, values: Values, io: Io): boolean => {
  if (isJson(values)) return io.out(`${JSON.stringify(stateJson(state, change))}\n`)
  const { time, target, told } = change
  const { standing, tone } = tell(change.state, state.at)
  return io.out(showChange({ time, target, told, standing, tone }, io.style))
}

const show = (targets: readonly string[], values: Values, io: Io): number => {
  const stateDir = values.texts.get('state-dir')
  const state = readState({
    ...(targets.length > 0 ? { targets } : {}),
    ...(stateDir === undefined ? {} : { stateDir }),
  })
  if ('unknown' in state) throw unknown(state)
  return print(state, values, io) ? exitCodeOf(state) : 3
}

const follow = async (targets: readonly string[], values: Values, io: Io): Promise<number> => {
  const stateDir = values.texts.get('state-dir')
  const options = { ...(targets.length > 0 ? { targets } : {}), ...(stateDir === undefined ? {} : { stateDir }) }
  const unknowns = unknownTargets(options)
  const misspelt = unknowns.find(({ suggestion }) => suggestion !== undefined)
  if (misspelt) throw unknown(misspelt)
  for (const { unknown: name } of unknowns)
    io.err(problemText(`nothing is remembered of "${name}" yet: waiting for its first record`))
  let first = true
  for await (const { state, changes } of followState(options, io.stop)) {
    if ((first || state.problem) && !print(state, values, io)) return 3
    for (const change of changes) if (!printChange(change, state, values, io)) return 3
    if (state.problem) return exitCodeOf(state)
    first = false
  }
  return 128 + (constants.signals[io.stop.reason as NodeJS.Signals] ?? constants.signals.SIGINT)
}

const reset = (targets: readonly string[], values: Values, io: Io): number => {
  if (targets.length === 0) throw new UsageError('state reset needs a target; bootcheck state lists them')
  if (values.flags.has('follow')) throw new UsageError('state reset takes no --follow')
  const stateDir = values.texts.get('state-dir')
  const done = resetState(targets, stateDir)
  if ('unknown' in done) throw unknown(done)
  if ('problem' in done) {
    io.err(problemText(`not everything was reset: ${done.problem.message}`, done.problem.next))
    return 3
  }
  if (isJson(values)) return show([...new Set(targets)], values, io)
  return io.out(showResets(done.reset)) ? 0 : 3
}

export const action: Action = async (args, values, io) => {
  if (args.includes('')) throw new UsageError('a target has a name')
  if (args[0] === RESET) return reset(args.slice(1), values, io)
  return values.flags.has('follow') ? follow(args, values, io) : show(args, values, io)
}
