/** The command line as data: the words, their options, their examples. `main.ts` parses by it, and the help is made from it. */
import { suggest } from '../core/suggest.ts'
import type { Io } from './io.ts'

/**
 * How a value is read: `name` is text that can be pasted from what is shown, `ids` is a comma-separated list of such that may be repeated,
 * `format` is `F` or `F=FILE`, `delay` is a duration that may be nothing, and is cut to the longest one.
 */
export type ValueType = 'flag' | 'text' | 'name' | 'ids' | 'duration' | 'delay' | 'count' | 'format' | readonly string[]

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
  /** Milliseconds for a duration or a delay. */
  readonly numbers: ReadonlyMap<string, number>
  /** What was read otherwise than it was written, in a line each, for standard error. */
  readonly notes: readonly string[]
  readonly formats: readonly { readonly format: string; readonly file?: string }[]
  /** Options that the word leaves open (`check KIND --option value`), as written. */
  readonly open: Readonly<Record<string, string | true | readonly string[]>>
  /** The words behind `--`, where the word takes a command. */
  readonly command: readonly string[]
}

export type Action = (args: readonly string[], values: Values, io: Io) => Promise<number>

export interface Word {
  readonly name: string
  /** As cac writes arguments: `[manifest]`, `<kind>`, `[...manifests]`. */
  readonly args: string
  readonly about: string
  readonly examples: readonly (readonly [command: string, what: string])[]
  readonly options: readonly Option[]
  /** What the help says below the options. */
  readonly notes?: string
  /** Takes options that are not listed here. */
  readonly open?: true
  /** Takes a command behind `--`. */
  readonly command?: true
  /** The exit code of wrong usage, where it is not 2. */
  readonly misuse?: number
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
/** What a permit is asked for by. */
const PERMITS: readonly Option[] = [
  { name: 'limit', type: 'count', about: 'Permits in a window (2)' },
  { name: 'per', type: 'duration', about: 'The window (15m)' },
  { name: 'cooldown', type: 'duration', about: 'From the last permit of a full window to the next one (30m)' },
  { name: 'attempts', type: 'count', about: 'Permits in all, until state reset' },
]
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
    notes: `The kind's own keys (bootcheck explain KIND lists them)
  A list: repeat the option (--run echo --run 'a, b'), or give JSON (--lacks '["password", "secret"]'). Commas part
  names, numbers and paths (--vars PATH,HOME), and stay in free text: words of a command, texts and patterns.
  A map: its keys with a dot (--http.path /healthz), or JSON (--values '{"/gateway/port": 18789}').
  A key that is also an option above: --KIND.KEY (--json.format json5; --format is how to print).`,
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
  {
    name: 'guard',
    args: '',
    about: 'Starts the gateway behind the gate and the guards: what a supervisor should start',
    examples: [
      ['bootcheck guard -- openclaw gateway', 'what systemd, launchd or runit starts'],
      ['bootcheck guard --hold -- openclaw gateway', 'waits until the fault is mended'],
      ['bootcheck guard --no-checks --target worker-3 -- node worker.js', 'crash loops alone, without a manifest'],
    ],
    options: [
      { name: 'target', type: 'name', about: 'What its crashes are counted under (gateway)' },
      { name: 'manifest', type: 'text', about: 'Its checks, instead of ./BOOT.md' },
      { name: 'no-checks', type: 'flag', about: 'No manifest: only the guards' },
      { name: 'no-wait', type: 'flag', about: 'Exit 75 instead of waiting until a cool-down ends' },
      { name: 'hold', type: 'flag', about: 'With a closed gate stay, and start as soon as it opens' },
      {
        name: 'supervisor',
        type: ['systemd', 'launchd', 'none'],
        about: 'Who starts us: launchd gets 0 for 69 and 78, systemd is told when it is ready',
      },
      { name: 'kill-after', type: 'duration', about: 'From TERM to KILL when it is stopped (10s)' },
      { name: 'ready-timeout', type: 'duration', about: 'How long the checks of phase after may take to pass (1m)' },
      { name: 'healthy-after', type: 'duration', about: 'How long it must live before its start counts as good (5m)' },
      { name: 'fail-closed', type: 'flag', about: 'Do not start the gateway when the guard itself breaks' },
      { name: 'notify', type: 'text', about: 'Whom to tell of a change: a check of kind message, or a command' },
      STATE,
    ],
    command: true,
    misuse: 78,
    load: () => import('./commands/guard.ts'),
  },
  {
    name: 'allow',
    args: '<target>',
    about: 'Asks whether to go on, and takes the permit: 0 yes, 75 not now, 69 refused',
    examples: [
      ['bootcheck allow codex/grok-4.20', 'after three failures in a row: not for half an hour'],
      ['bootcheck allow login:naver --limit 2 --per 15m --cooldown 30m', 'before a login'],
      ['bootcheck allow job-319 --attempts 3', 'a retry budget'],
    ],
    options: [
      ...PERMITS,
      { name: 'failures', type: 'count', about: 'Failures in a row that block it (3)' },
      { name: 'window', type: 'duration', about: 'How far apart the first and the last of them may be (15m)' },
      { name: 'block', type: 'duration', about: 'For how long, from the last failure (30m)' },
      {
        name: 'set',
        type: 'ids',
        about: 'Targets that stand in for one another: the last healthy one is never blocked',
      },
      { name: 'legacy', type: 'text', about: 'A folder of *-crash-counter.txt and *-crash-loop-until.txt to honour' },
      { name: 'format', type: ['pretty', 'json'], about: 'How to print (pretty)' },
      STATE,
    ],
    load: () => import('./commands/allow.ts'),
  },
  {
    name: 'record',
    args: '<target> <event>',
    about: 'Tells the guards how it went: ok, fail or beat',
    examples: [
      ['bootcheck record codex/grok-4.20 fail --retry-after 90s', 'it failed, and said for how long'],
      ['bootcheck record codex/grok-4.20 ok', 'a success clears its failures'],
      ['bootcheck record worker-3 beat', 'a worker that is alive'],
    ],
    options: [{ name: 'retry-after', type: 'delay', about: 'Blocked at least for this long; with fail' }, STATE],
    load: () => import('./commands/record.ts'),
  },
  {
    name: 'exec',
    args: '',
    about: 'Asks the guards, runs a command, tells them how it went',
    examples: [
      ['bootcheck exec --once update-4711 -- ./handle 4711', 'never twice, even when it crashes'],
      ['bootcheck exec --deadline 1h -- ./agent run', 'ended after an hour, with all that it started'],
      ['bootcheck exec --key login:naver --limit 2 --per 15m -- ./login', 'no more logins than the service bears'],
    ],
    options: [
      { name: 'key', type: 'name', about: 'The target of --limit and --attempts; its outcome is recorded' },
      { name: 'once', type: 'name', about: 'A key that is committed before the command runs; later calls exit 0' },
      { name: 'deadline', type: 'duration', about: 'TERM to all that it started then, KILL 2 s later; exit 124' },
      ...PERMITS,
      { name: 'beat', type: 'name', about: 'A target whose heartbeat it gives while it makes progress' },
      {
        name: 'keep',
        type: 'text',
        about: 'A new file that gets its standard output, too: run once, and a failure names it',
      },
      {
        name: 'notify',
        type: 'text',
        about: 'A shell command that gets the message of a failure on its standard input; with --keep',
      },
      STATE,
    ],
    command: true,
    load: () => import('./commands/exec.ts'),
  },
  {
    name: 'state',
    args: '[...targets]',
    about: 'What the guards remember, and the next thing to type; state reset TARGET forgets it',
    examples: [
      ['bootcheck state', 'every target'],
      ['bootcheck state gateway --follow', 'one, as it changes'],
      ['bootcheck state reset gateway', 'after the fault is mended'],
    ],
    options: [
      { name: 'follow', type: 'flag', about: 'Print each change, until Ctrl-C' },
      { name: 'format', type: ['pretty', 'json'], about: 'How to print (pretty)' },
      STATE,
    ],
    load: () => import('./commands/state.ts'),
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

/** C0, DEL and C1: a name with one of them cannot be typed from what is shown of it. */
export const hasControls = (text: string): boolean => /[\u0000-\u001f\u007f-\u009f]/.test(text)

/** `; did you mean "run"?` */
export const meant = (word: string, known: readonly string[]): string => {
  const near = suggest(word, known)
  return near ? `; did you mean "${near}"?` : ''
}
