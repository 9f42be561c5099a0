/** `bootcheck check KIND --option value…`: one kind without a manifest. */
import { planOfWords, runManifest } from '../../index.ts'
import { deliver } from '../deliver.ts'
import { UsageError } from '../io.ts'
import type { Action } from '../words.ts'

export const action: Action = async ([kind = ''], values, io) => {
  const given: Record<string, string | true | readonly string[]> = {}
  for (const [name, value] of Object.entries(values.open)) {
    // `--cron.format` is the kind's key where `--format` is ours.
    given[name.startsWith(`${kind}.`) ? name.slice(kind.length + 1) : name] = value
  }
  const phase = (values.texts.get('phase') ?? 'before') as 'before' | 'after'
  const timeoutMs = values.numbers.get('timeout')
  const planned = await planOfWords(kind, given, { phase, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  if ('problem' in planned) throw new UsageError(planned.problem)
  const stateDir = values.texts.get('state-dir')
  const report = await runManifest(planned.plan, {
    phase,
    running: values.flags.has('running'),
    strict: values.flags.has('strict'),
    ...(stateDir === undefined ? {} : { stateDir }),
    signal: io.stop,
  })
  return deliver(report, values, io)
}
