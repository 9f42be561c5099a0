/** The help texts, made from the words. Examples come first: most people look for a line to copy. */
import { COMMON, type Option, WORDS, type Word } from './words.ts'

const columns = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

const VALUE: Readonly<Record<string, string>> = {
  text: ' PATH',
  ids: ' ID,ID',
  duration: ' 30s',
  count: ' N',
  format: ' F[=FILE]',
}

const optionRow = ({ name, alias, type, about }: Option): readonly [string, string] => {
  const value = typeof type === 'string' ? (VALUE[type] ?? '') : ` ${type.join('|')}`
  return [`${alias ? `-${alias}, ` : ''}--${name}${value}`, about]
}

/** As people write arguments: `[BOOT.md]`, `KIND`. */
const shownArgs = (word: Word): string =>
  word.args
    .replace('[manifest]', '[BOOT.md]')
    .replace('[...manifests]', '[BOOT.md…]')
    .replace('<event>', 'ok|fail|beat')
    .replace(/<(\w+)>/, (_, name: string) => name.toUpperCase())
    .replace('[topic]', '[KIND|CODE|ID]')
    .replace('[...targets]', '[TARGET]')

const EXITS = columns([
  ['0', 'yes: ready, clean (warnings are printed; --strict makes them failures)'],
  ['1', 'no: a check failed, timed out, crashed or was blocked'],
  ['2', 'nothing was judged: wrong usage, invalid manifest, no check left to run, lint found errors'],
  ['3', 'bootcheck itself broke, or its output could not be written'],
  ['69', 'refused until state reset: a crash loop, a spent retry budget'],
  ['75', 'not now: cooling off, try later'],
  ['78', 'mend first: the gate is closed, the command is not there, the manifest is wrong'],
  ['124', 'exec --deadline ran out'],
  ['128+n', 'stopped by signal n'],
])

/** `bootcheck --help` */
export const help =
  (): string => `bootcheck: the gate in front of an AI gateway. Reads a BOOT.md, runs its checks, and exits non-zero before
the gateway starts if any of them fails.

Examples
${columns(WORDS.flatMap(word => word.examples.slice(0, word.name === 'run' ? 3 : 1)))}

Commands (bootcheck COMMAND --help says more)
${columns(WORDS.map(word => [`${word.name} ${word.command ? '-- COMMAND…' : shownArgs(word)}`, word.about] as const))}

Options of every command
${columns(COMMON.map(optionRow))}

Exit codes
${EXITS}
`

/** `bootcheck WORD --help` */
export const usage = (word: Word): string => `${word.about}.

Examples
${columns(word.examples)}

Usage
  ${['bootcheck', word.name, shownArgs(word), '[options]', word.command ? '-- COMMAND…' : ''].filter(Boolean).join(' ')}

Options
${columns([...word.options, ...COMMON].map(optionRow))}
${word.notes ? `\n${word.notes}\n` : ''}`
