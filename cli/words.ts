/** The command line as data: the words, their options, their examples. `main.ts` parses by it, and the help is made from it. */
import { suggest } from '../core/suggest.ts'
import type { Io } from './io.ts'

/** How a value is read: `ids` is a comma-separated list that may be repeated, `format` is `F` or `F=FILE`. */
export type ValueType = 'flag' | 'text' | 'ids' | 'duration' | 'count' | 'format' | readonly string[]

export interface Option {
  /** Without the dashes. */
  readonly name: string
  readonly alias?: string
  readonly type: ValueType
  readonly about: string
}

/** Parsed and checked, by option name; absent where not given. */
export interface Values {
  readonly flags: ReadonlySet<string>
  readonly texts: ReadonlyMap<string, string>
  readonly ids: ReadonlyMap<string, readonly string[]>
  /** Milliseconds for a duration. */
  readonly numbers: ReadonlyMap<string, number>
  readonly formats: readonly { readonly format: string; readonly file?: string }[]
  /** Options that the word leaves open (`check KIND --option value`), as written. */
  readonly open: Readonly<Record<string, string | true | readonly string[]>>
}

export type Action = (args: readonly string[], values: Values, io: Io) => Promise<number>

export interface Word {
  readonly name: string
  /** As cac writes arguments: `[manifest]`, `<kind>`, `[...manifests]`. */
  readonly args: string
  readonly about: string
  readonly examples: readonly (readonly [command: string, what: string])[]
  readonly options: readonly Option[]
  /** Takes options that are not listed here. */
  readonly open?: true
  load(): Promise<{ readonly action: Action }>
}

const FORMAT: Option = {
  name: 'format',
  type: 'format',
  about: 'How to print: F, or F=FILE to write a file; repeatable',
}
const STRICT: Option = { name: 'strict', type: 'flag', about: 'Warnings make it not ready' }
const QUIET: Option = { name: 'quiet', alias: 'q', type: 'flag', about: 'Only what is not fine, and the last line' }
const STATE: Option = {
  name: 'state-dir',
  type: 'text',
  about: "Where checks remember, instead of the platform's own folder",
}
const RUNNING: Option = {
  name: 'running',
  type: 'flag',
  about: 'Before a deploy, beside a live gateway: a port that its declared owner holds is fine',
}

/** Taken by every word. */
export const COMMON: readonly Option[] = [
  { name: 'color', type: 'flag', about: 'Colour even where this is no terminal; --no-color for never' },
  { name: 'version', alias: 'v', type: 'flag', about: 'Print the version' },
  { name: 'help', alias: 'h', type: 'flag', about: 'This' },
]

export const WORDS: readonly Word[] = [
  {
    name: 'run',
    args: '[manifest]',
    about: 'The gate, and the default: exits 0 only if the gateway may start',
    examples: [
      ['bootcheck', 'the checks of ./BOOT.md, before the gateway starts'],
      ['bootcheck run --phase after', 'is it really up?'],
      ['bootcheck run --running', 'before a deploy, beside the live gateway'],
      ['bootcheck run --format json=report.json --format pretty', 'for people and for machines'],
    ],
    options: [
      {
        name: 'phase',
        type: ['before', 'after', 'all'],
        about: 'Which checks: before the start (default), after it, or all',
      },
      { name: 'only', type: 'ids', about: 'These checks, with what they need' },
      { name: 'skip-ids', type: 'ids', about: 'Not these, in this run; reported as skipped' },
      { name: 'dry-run', type: 'flag', about: 'List what would run; nothing is judged, so it exits 2' },
      RUNNING,
      FORMAT,
      STRICT,
      QUIET,
      { name: 'deadline', type: 'duration', about: "The whole run, e.g. 30s, instead of the manifest's" },
      { name: 'concurrency', type: 'count', about: 'How many checks may wait side by side (32)' },
      STATE,
    ],
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'check',
    args: '<kind>',
    about: "One kind without a manifest; the kind's own keys are options",
    examples: [
      ['bootcheck check port --port 18789', 'is the port free?'],
      ['bootcheck check plugin-hooks --preset openclaw', 'right after an install'],
      ["bootcheck check tmp-files --paths '~/.openclaw/**/*.tmp'", 'how much is left behind'],
      [
        'bootcheck check cron --cron.format crontab --files /etc/crontab',
        'KIND.KEY where a key is also an option of ours',
      ],
    ],
    options: [
      { name: 'phase', type: ['before', 'after'], about: 'As which phase it is judged (before)' },
      { name: 'timeout', type: 'duration', about: 'How long it may take (5s)' },
      RUNNING,
      FORMAT,
      STRICT,
      QUIET,
      STATE,
    ],
    open: true,
    load: () => import('./commands/check.ts'),
  },
  {
    name: 'lint',
    args: '[...manifests]',
    about: 'All errors of the grammar at once; nothing is run',
    examples: [
      ['bootcheck lint', './BOOT.md or ./bootcheck.md'],
      ['bootcheck lint fleet/*/BOOT.md', 'several'],
      ['bootcheck lint --fix', 'mends what is safe to mend'],
    ],
    options: [
      {
        name: 'fix',
        type: 'flag',
        about: 'Write what is safe: the count of checks, quoted modes, invisible characters',
      },
      FORMAT,
      STRICT,
      QUIET,
    ],
    load: () => import('./commands/lint.ts'),
  },
  {
    name: 'explain',
    args: '[topic]',
    about: 'A kind, a code, or a check of ./BOOT.md; alone, the list of kinds',
    examples: [
      ['bootcheck explain', 'the kinds'],
      ['bootcheck explain port', 'what a kind proves, its keys, its codes'],
      ['bootcheck explain E112', 'what an error of the grammar means'],
      ['bootcheck explain port --schema', "the keys as JSON Schema; without a kind, the whole manifest's"],
    ],
    options: [
      { name: 'schema', type: 'flag', about: 'JSON Schema instead of prose' },
      { name: 'format', type: ['pretty', 'json'], about: 'How to print (pretty)' },
    ],
    load: () => import('./commands/explain.ts'),
  },
]

/** A command line as it was understood. */
export interface Command {
  readonly word: Word
  /** False when `run` is meant because no word was said. */
  readonly named: boolean
  readonly args: readonly string[]
  readonly values: Values
}

/** `; did you mean "run"?` */
export const meant = (word: string, known: readonly string[]): string => {
  const near = suggest(word, known)
  return near ? `; did you mean "${near}"?` : ''
}
