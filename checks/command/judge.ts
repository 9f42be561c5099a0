/** From how a command ended, and what it said, to a verdict. */
import type { Facts, Trouble, Verdict } from '../../core/check.ts'
import { matcherOf, seeking } from '../../core/safe-regex.ts'
import { excerpt, span } from '../../core/text.ts'
import type { Ended, Output } from './execute.ts'
import { type PluginOutput, parsePlugin, perfFacts } from './nagios.ts'

export interface Wanted {
  readonly exit: readonly number[]
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
  readonly nagios: boolean
}

export interface Asked {
  /** The command as a person would type it, secrets masked. */
  readonly shown: string
  /** The same with its folder, to be pasted. */
  readonly paste: string
  readonly mask: (text: string) => string
  /** The time that it had, in words. */
  readonly given: string
}

/** How much of an output is judged. */
export const CAP = 64 * 1024

const judged = ({ text }: Output): string => text.slice(0, CAP)
const isCut = ({ text, bytes }: Output): boolean => bytes > CAP || text.length > CAP

/** The first lines, masked while they are whole. */
const firstLines = (output: Output, mask: Asked['mask']): string => {
  const lines = mask(output.text)
    .slice(0, CAP)
    .split(/\r?\n|\r/)
    .map(line => line.trim())
    .filter(line => line !== '')
  return excerpt(lines.slice(0, 3).join(' / '), 300)
}

const quoted = (ended: Ended, { mask }: Asked): string => {
  const parts = (['stderr', 'stdout'] as const).flatMap(name => {
    const said = firstLines(ended[name], mask)
    const cut = isCut(ended[name]) ? `, cut after ${CAP / 1024} KiB` : ''
    return said === '' ? [] : [`${name}${cut}: ${said}`]
  })
  return parts.length > 0 ? parts.join('; ') : 'no output'
}

const endOf = ({ code, signal, late, ms }: Ended, { given }: Asked): string => {
  if (late) return `no end within ${given}`
  return signal === null ? `exit ${code} after ${span(ms)}` : `signal ${signal} after ${span(ms)}`
}

const factsOf = (ended: Ended, plugin: PluginOutput | undefined): Facts => ({
  exit: ended.code,
  ...(ended.signal === null ? {} : { signal: ended.signal }),
  ms: Math.round(ended.ms),
  stdoutBytes: ended.stdout.bytes,
  stderrBytes: ended.stderr.bytes,
  cut: isCut(ended.stdout) || isCut(ended.stderr),
  held: ended.held,
  ...(plugin ? perfFacts(plugin.perfdata) : {}),
})

/** What a plugin's exit code means. */
const MEANS: Readonly<Record<number, readonly ['warn' | 'fail', string]>> = {
  1: ['warn', 'nagios-warning'],
  2: ['fail', 'nagios-critical'],
  3: ['fail', 'nagios-unknown'],
}

const exits = (codes: readonly number[]): string => `exit ${codes.join(' or ')}`

const lacking = (name: 'stdout' | 'stderr', ended: Ended, wanted: Wanted): string | undefined =>
  wanted[name].find(text => {
    const pattern = matcherOf(text)
    const done = seeking([pattern], name)
    const at = pattern.find(judged(ended[name]))
    done()
    return at < 0
  })

const asPlugin = (ended: Ended, asked: Asked, plugin: PluginOutput, trouble: Say): Verdict | undefined => {
  const said = excerpt(plugin.summary, 300)
  if (ended.code === 0) {
    if (plugin.summary !== '') return undefined
    return trouble('nagios-silent', `${asked.shown} said nothing`, 'a line that says what was looked at')
  }
  const [status, what] = MEANS[ended.code ?? -1] ?? ['fail', 'nagios-exit']
  const summary = what === 'nagios-exit' ? `${asked.shown} ended with ${ended.code}, no plugin's code` : said
  return trouble(what, summary || `${asked.shown} ended with ${ended.code} and said nothing`, 'exit 0 (OK)', status)
}

type Say = (what: string, summary: string, expected: string, status?: 'warn' | 'fail') => Trouble

export const judge = (ended: Ended, wanted: Wanted, asked: Asked): Verdict => {
  const { shown, paste, mask, given } = asked
  const plugin = wanted.nagios ? parsePlugin(mask(ended.stdout.text).slice(0, CAP)) : undefined
  const facts = factsOf(ended, plugin)
  const trouble: Say = (what, summary, expected, status = 'fail') => ({
    status,
    code: `command/${what}`,
    summary,
    observed: `${endOf(ended, asked)}; ${quoted(ended, asked)}`,
    expected,
    next: paste,
    watched: [shown],
    facts,
  })
  const well = wanted.nagios ? 'exit 0 (OK)' : exits(wanted.exit)
  if (ended.late) return trouble('late', `${shown} did not end within ${given}, and was killed`, `${well} in time`)
  if (ended.signal !== null) return trouble('signal', `${shown} was ended by ${ended.signal}`, well)
  if (plugin) {
    const verdict = asPlugin(ended, asked, plugin, trouble)
    if (verdict) return verdict
  } else if (!wanted.exit.includes(ended.code ?? -1))
    return trouble('exit', `${shown} ended with ${ended.code}: ${quoted(ended, asked)}`, well)
  for (const name of ['stdout', 'stderr'] as const) {
    const missing = lacking(name, ended, wanted)
    if (missing === undefined) continue
    const where = isCut(ended[name]) ? `the first ${CAP / 1024} KiB of ${name}` : name
    const text = excerpt(mask(missing), 100)
    return trouble(name, `${shown} ended with ${ended.code}, and ${where} lacks ${text}`, `${text} in ${name}`)
  }
  const said = plugin?.summary || firstLines(ended.stdout, mask)
  const rest = ended.held ? '; something that it started still holds its output' : ''
  return {
    status: 'pass',
    code: 'command/ok',
    summary: `${plugin ? excerpt(said, 300) : `${shown} ended with ${ended.code}${said ? `: ${excerpt(said, 120)}` : ''}`}${rest}`,
    watched: [shown],
    facts,
  }
}
