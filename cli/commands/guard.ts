/** `bootcheck guard -- command`: the gateway behind the gate and the guards. */
import { formatReport, readManifest } from '../../index.ts'
import { type GuardOptions, guardGateway } from '../../supervise/guard.ts'
import { UsageError } from '../io.ts'
import type { Action } from '../words.ts'

/** A record has room for 4 KB, and a name may take six times its length in JSON. */
const LONGEST = 400

type Supervisor = NonNullable<GuardOptions['supervisor']>

export const action: Action = async (_, values, io) => {
  const { flags, texts, numbers, command } = values
  const [word, ...args] = command
  if (word === undefined) throw new UsageError('guard needs a command')
  const manifest = texts.get('manifest')
  if (flags.has('no-checks') && manifest !== undefined)
    throw new UsageError('--manifest and --no-checks exclude each other')
  const { length } = texts.get('target') ?? ''
  if (length > LONGEST) throw new UsageError(`--target has at most ${LONGEST} characters, and this one has ${length}`)
  const given = {
    target: texts.get('target'),
    manifest,
    supervisor: texts.get('supervisor') as Supervisor | undefined,
    killAfterMs: numbers.get('kill-after'),
    readyTimeoutMs: numbers.get('ready-timeout'),
    healthyAfterMs: numbers.get('healthy-after'),
    notify: texts.get('notify'),
    stateDir: texts.get('state-dir'),
  }
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  const end = await guardGateway(
    {
      ...(said as Partial<GuardOptions>),
      command: [word, ...args],
      checks: !flags.has('no-checks'),
      wait: !flags.has('no-wait'),
      hold: flags.has('hold'),
      failClosed: flags.has('fail-closed'),
    },
    {
      err: io.err,
      program: [process.execPath, process.argv[1] ?? 'bootcheck'],
      signals: io.signals,
      readManifest: path => readManifest(path, { mode: 'run' }),
      show: report => {
        const { isTTY } = process.stderr
        return formatReport(report, isTTY ? 'pretty' : 'plain', {
          ...io.style,
          color: isTTY && io.style.color,
          quiet: true,
          cwd: io.cwd,
        })
      },
    },
  )
  return typeof end === 'number' ? end : io.signals.raise(end)
}
