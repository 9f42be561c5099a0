/** `bootcheck exec -- command`: asks the guards, runs a command, tells them how it went. */

import { type ExecOptions, exec, RATE_LIMIT_DEFAULTS } from '../../supervise/exec.ts'
import { UsageError } from '../io.ts'
import type { Action, Values } from '../words.ts'

/** A record has room for 4 KB, and a name may take six times its length in JSON. */
const LONGEST = 400

const RATE = ['limit', 'per', 'cooldown'] as const

const termsOf = ({ numbers }: Values): NonNullable<ExecOptions['terms']> => {
  const attempts = numbers.get('attempts')
  const rate = {
    limit: numbers.get('limit') ?? RATE_LIMIT_DEFAULTS.limit,
    perMs: numbers.get('per') ?? RATE_LIMIT_DEFAULTS.perMs,
    cooldownMs: numbers.get('cooldown') ?? RATE_LIMIT_DEFAULTS.cooldownMs,
  }
  return {
    ...(RATE.some(name => numbers.has(name)) ? { rate } : {}),
    ...(attempts === undefined ? {} : { attempts }),
  }
}

/** What does not go together, before anything is asked. */
const demandUsable = ({ numbers, texts }: Values): void => {
  const asked = [...RATE, 'attempts' as const].find(name => numbers.has(name))
  if (asked !== undefined && !texts.has('key'))
    throw new UsageError(`--${asked} needs --key, the target that is asked for`)
  if (texts.has('notify') && !texts.has('keep'))
    throw new UsageError('--notify needs --keep, the file that a failure names')
  for (const name of ['key', 'once', 'beat']) {
    const { length } = texts.get(name) ?? ''
    if (length > LONGEST)
      throw new UsageError(`--${name} has at most ${LONGEST} characters, and this one has ${length}`)
  }
}

export const action: Action = async (_, values, io) => {
  demandUsable(values)
  const { texts, numbers } = values
  const [program, ...words] = values.command
  if (program === undefined) throw new UsageError('exec needs a command')
  const given = (name: 'key' | 'once' | 'beat' | 'keep' | 'notify'): { readonly [key: string]: string } => {
    const text = texts.get(name)
    return text === undefined ? {} : { [name]: text }
  }
  const deadlineMs = numbers.get('deadline')
  const stateDir = texts.get('state-dir')
  const end = await exec(
    {
      command: [program, ...words],
      ...given('key'),
      ...given('once'),
      ...given('beat'),
      ...given('keep'),
      ...given('notify'),
      terms: termsOf(values),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(stateDir === undefined ? {} : { stateDir }),
    },
    { tell: line => io.err(`bootcheck: ${line}\n`), stop: io.stop, signals: io.signals },
  )
  return typeof end === 'number' ? end : io.signals.raise(end)
}
