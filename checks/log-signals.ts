/** Warning signs in logs, and what they mean together. */
import { type CheckContext, defineCheck, type Verdict } from '../core/check.ts'
import { breather } from '../core/clock.ts'
import { FileError } from '../core/files.ts'
import { shownPath } from '../core/paths.ts'
import { clock } from '../core/process.ts'
import { flawOfPattern, matcherOf } from '../core/safe-regex.ts'
import { span } from '../core/text.ts'
import { DURATION_PATTERN, duration } from '../core/units.ts'
import type { LogPreset } from '../presets/openclaw-logs.ts'
import type { SignalData } from '../presets/signals.ts'
import { BUILTIN } from './log-signals/builtin.ts'
import { findLogs, type Problem } from './log-signals/find.ts'
import { judge } from './log-signals/judge.ts'
import { splitter } from './log-signals/lines.ts'
import { readLog } from './log-signals/read.ts'
import { type Scanner, scanner } from './log-signals/scan.ts'
import type { Signal } from './log-signals/signal.ts'
import { readTime } from './log-signals/time.ts'

/** The deadline's timer runs this often while a log is read. */
const BREATH_MS = 10

const presets: Readonly<Record<'openclaw', () => Promise<LogPreset>>> = {
  openclaw: async () => (await import('../presets/openclaw-logs.ts')).openclawLogs,
}

interface Written {
  readonly pattern: string
  readonly means: string
  readonly next?: string
  readonly times?: number
  readonly within?: string
}

const signalOf = ({ name, patterns, means, next, times = 1, within = '', apart = '' }: SignalData): Signal => {
  const withinMs = duration(within)
  return {
    name,
    means,
    ...(next === undefined ? {} : { next }),
    patterns: patterns.map(row => row.map(matcherOf)),
    times,
    ...(withinMs === undefined ? {} : { withinMs }),
    apartMs: duration(apart) ?? 0,
  }
}

/** What is wrong with the patterns of `signals`; undefined if nothing is. */
const flawIn = (signals: Readonly<Record<string, Written>> = {}): { name: string; problem: string } | undefined => {
  for (const [name, { pattern, times, within }] of Object.entries(signals)) {
    const flaw = flawOfPattern(pattern)
    if (flaw !== undefined) return { name, problem: flaw }
    if (within !== undefined && (times ?? 1) === 1)
      return { name, problem: 'within says how soon several lines come, and times is 1' }
    if (within !== undefined && duration(within) === undefined)
      return { name, problem: `within: ${within} is longer than 24 days` }
  }
  return undefined
}

/** Later than all that can be written: the grammar of a manifest knows of no now. */
const ANY_MOMENT = Number.MAX_SAFE_INTEGER

const MOMENT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?$/

const NO_SINCE = 'is no duration of 1 ms to 24 days, nor boot, nor a moment of the past like 2026-11-22T09:00Z'

/** Where the window begins, ms since the epoch, and in words. A window without a length is none: nothing would be looked at. */
const windowOf = (
  since: string,
  now: number,
  uptimeMs: () => number,
): { readonly from: number; readonly words: string } | undefined => {
  if (since === 'boot') {
    const from = now - uptimeMs()
    return { from, words: `since the boot at ${clock(from, now)}` }
  }
  const ms = duration(since)
  if (ms !== undefined) return ms > 0 ? { from: now - ms, words: `in the last ${span(ms)}` } : undefined
  const from = MOMENT.test(since) ? readTime(since, now) : undefined
  return from === undefined || from > now ? undefined : { from, words: `since ${clock(from, now)}` }
}

const trouble = (what: string, summary: string, expected: string, next: string): Verdict => ({
  status: 'fail',
  code: `log-signals/${what}`,
  summary,
  observed: summary,
  expected,
  next,
})

export const logSignals = defineCheck({
  kind: 'log-signals',
  title: 'No warning signs in the logs, and not several at once',
  docs: `Looks for named signals in logs and in the outcomes of earlier checks (\`with\`), and weighs them together: one sign is a warning,
two fail, and three or more are an incident with a headline that names them all. Each sign is said with what it means, how often and
when it came, and the latest line, from which secrets are left out.

**Why it matters.** The night a gateway with an expired key, a missing hook, hundreds of temporary files and no session to start in
crashed 3,751 times, each of these had been a line somewhere. Each alone looked like a nuisance.

**Signals.** \`builtin\` knows what the runtime and the system say: SQLite that cannot open or is damaged, launchd's error 125, a hook with a
reference to nothing, EADDRINUSE, ENOSPC, a refused API key, a full heap, and five starts within ten minutes. \`preset: openclaw\` adds
OpenClaw's logs and lines. \`signals\` are your own, by name: \`{pattern, means, next, times, within}\`. A \`pattern\` is plain text, or a regular
expression as \`/…/i\`; \`next\` is what to type; with \`times: 3\` and \`within: 10m\` only so many lines make the sign. A signal of yours takes
the place of a known one of the same name.

**Logs.** Each glob of \`files\` must lead to a file, unless \`min\` is 0. Rotated files beside a log (\`.1\`, \`-20261121\`, \`.2.gz\`) are read
too. gzip is recognised by its content. A line that is a JSON object is searched in its strings, and then as it stands. Of a line longer than
64 KiB the beginning is looked at. A file that was not written in the window is passed over, which is said.

**Time.** \`since\` is a duration, \`boot\`, or a moment (\`2026-11-22T09:00Z\`), which passes over what was mended before. Read are RFC 3339 and
its like at the start of a line or behind a bracket, syslog, \`date\`, Apache's, and seconds or milliseconds since 1970; in JSON the keys
time, timestamp, ts, @timestamp, date and datetime. A time without a zone is this host's. A line without a time belongs to the one before; behind
the last time of a file it counts all the same, if the file was written in the window. No times are: what lies a day or more before the
lines above it, or after now (a date that is quoted), and a bare number of more than a year ago (an id). A file that was written in the window and has
only older lines is told.

**What it cannot see.** The journal, unless it is written to a file. A cause that nobody logged. When a line without any time in its file was
written: it counts, as the file is new, but not towards \`times\` with \`within\`. Some 50 MB are read in a second, so a log beyond 200 MB
needs a \`timeout\` of its own. A regular expression that never ends is ended by that timeout, too.`,
  options: {
    type: 'object',
    additionalProperties: false,
    anyOf: [{ required: ['files'] }, { required: ['preset'] }, { required: ['with'] }],
    dependentRequired: { state: ['preset'] },
    properties: {
      files: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1, format: 'glob' },
        description: 'Globs of the logs',
      },
      preset: { enum: ['openclaw'], description: 'A product of which the logs and their lines are known' },
      state: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: 'The state folder of the preset (default: as the product finds it)',
      },
      signals: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          additionalProperties: false,
          required: ['pattern', 'means'],
          properties: {
            pattern: { type: 'string', minLength: 1, description: 'Plain text, or `/regex/flags`' },
            means: { type: 'string', minLength: 1, description: 'What it means for the gateway' },
            next: { type: 'string', minLength: 1, description: 'What to type then' },
            times: { type: 'integer', minimum: 1, maximum: 1000, description: 'So many lines make the sign' },
            within: {
              type: 'string',
              format: 'duration',
              pattern: DURATION_PATTERN,
              description: 'How soon these lines come',
            },
          },
        },
        description: 'Signals of your own, by name: pattern, means, next, times, within',
      },
      builtin: { type: 'boolean', default: true, description: 'Look for the signals that are known for any gateway' },
      since: {
        type: 'string',
        minLength: 1,
        default: '24h',
        description: 'How far back: a duration, `boot`, or a moment',
      },
      min: { type: 'integer', minimum: 0, default: 1, description: 'So many log files must be there' },
      with: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1, format: 'check-id' },
        description: 'Ids of earlier checks: each that warns or fails is a sign',
      },
    },
  },
  codes: {
    quiet: 'no warning sign',
    signal: 'one warning sign',
    several: 'two warning signs at once',
    incident: 'three or more warning signs at once',
    missing: 'a glob leads to no log, a link to nothing, or there are fewer logs than `min`',
    unreadable: 'a log could not be read, so nobody knows what is in it',
    link: 'a link to a folder stands where the pattern expects a folder, and was not entered',
    'too-many': 'a glob fits more than 1,000 files',
    pattern: 'a pattern of `signals` or a glob that cannot be used',
    window: '`since` is no duration of at most 24 days, nor `boot`, nor a moment of the past',
    unseen:
      'none of the earlier checks was run, and there is no log to look at (a warning where all of them are skipped)',
    nothing: 'there is a log and nothing to look for in it',
  },
  examples: [
    {
      title: 'A quiet log',
      files: { 'logs/gateway.log': '2026-11-22T02:14:00Z [gateway] session main answered in 812 ms\n' },
      options: { files: ['logs/*.log'], since: 'boot' },
      expect: { status: 'pass', code: 'log-signals/quiet' },
    },
    {
      title: 'One sign of your own',
      files: { 'gateway.err.log': 'upstream: quota exhausted for model large\n' },
      options: {
        files: ['gateway.err.log'],
        signals: { quota: { pattern: '/quota (exhausted|exceeded)/i', means: 'the plan is used up' } },
      },
      expect: { status: 'warn', code: 'log-signals/signal' },
    },
    {
      title: 'A log and two earlier checks: an incident',
      files: {
        'gateway.err.log': 'Error: SQLITE_CANTOPEN: unable to open database file\n',
        'sessions/a.101.tmp': '',
        'sessions/a.102.tmp': '',
      },
      above: {
        'temp-files': { check: 'tmp-files', severity: 'warn', paths: ['sessions/*.tmp'], warn: 0, fail: 1 },
        workspace: { check: 'workspace', severity: 'warn', path: 'workspace' },
      },
      options: { files: ['gateway.err.log'], with: ['temp-files', 'workspace'] },
      expect: { status: 'fail', code: 'log-signals/incident' },
    },
    {
      title: 'A log that is not there',
      options: { files: ['logs/gatway.log'] },
      expect: { status: 'fail', code: 'log-signals/missing' },
    },
  ],
  conflict(given) {
    const flaw = flawIn(given.signals as Readonly<Record<string, Written>> | undefined)
    if (flaw) return `signals.${flaw.name}: ${flaw.problem}`
    if (typeof given.since === 'string' && !windowOf(given.since, ANY_MOMENT, () => 0))
      return `since: ${given.since} ${NO_SINCE}`
    if (given.builtin === false && !given.preset && !given.signals && given.files)
      return 'builtin is false and there are no signals, so nothing would be looked for in files'
    return undefined
  },
  async run(options, ctx) {
    const now = ctx.now()
    const window = windowOf(options.since, now, () => ctx.store.stamp().uptimeMs)
    if (!window)
      return trouble('window', `since: ${options.since} ${NO_SINCE}`, 'boot, 24h, 2026-11-22T09:00Z', 'mend since')
    const own = (options.signals ?? {}) as Readonly<Record<string, Written>>
    const flaw = flawIn(own)
    if (flaw)
      return trouble(
        'pattern',
        `signals.${flaw.name}: ${flaw.problem}`,
        'plain text, or a regular expression as /…/i',
        `mend signals.${flaw.name}`,
      )

    const preset = options.preset === undefined ? undefined : await presets[options.preset]()
    const data: SignalData[] = [
      ...(options.builtin ? BUILTIN : []),
      ...(preset?.signals ?? []),
      ...Object.entries(own).map(([name, { pattern, ...rest }]) => ({ name, patterns: [[pattern]], ...rest })),
    ]
    const signals = [...new Map(data.map(one => [one.name, one])).values()].map(signalOf)
    if ((options.files || preset) && signals.length === 0)
      return trouble(
        'nothing',
        'builtin is false and there are no signals, so nothing would be looked for',
        'signals to look for',
        'add signals, or delete the line builtin',
      )

    const scan = scanner(signals, window.from, now)
    const found = await findLogs(
      {
        files: options.files ?? [],
        min: options.files || preset ? options.min : 0,
        ...(preset ? { preset } : {}),
        ...(options.state === undefined ? {} : { state: options.state }),
      },
      ctx,
    )
    const old = found.logs.filter(({ mtimeMs }) => mtimeMs < window.from).map(({ path }) => path)
    const fresh = found.logs.filter(({ mtimeMs }) => mtimeMs >= window.from).map(({ path }) => path)
    const { read, behind, problems } = await readAll(fresh, scan, ctx)
    const shown = (paths: readonly string[]): string[] => paths.map(path => shownPath(path, ctx))
    return judge(
      scan.hits(),
      {
        window: window.words,
        read: shown(read),
        old: shown(old),
        behind: behind.map(({ path, last }) => ({ path: shownPath(path, ctx), last })),
        absent: shown(found.absent),
        problems: [...found.problems, ...problems],
        ...scan.totals,
        earlier: [...new Set(options.with ?? [])].map(id => [id, ctx.outcomes.get(id)] as const),
      },
      ctx,
    )
  },
})

const readAll = async (
  paths: readonly string[],
  scan: Scanner,
  ctx: CheckContext,
): Promise<{ read: string[]; behind: { path: string; last: number }[]; problems: Problem[] }> => {
  const breathe = breather(BREATH_MS, ctx.signal)
  const read: string[] = []
  const behind: { path: string; last: number }[] = []
  const problems: Problem[] = []
  for (const path of paths) {
    const lines = splitter(scan.line)
    scan.open(path)
    try {
      const take = (bytes: Buffer): void => {
        scan.ahead(bytes)
        lines.take(bytes)
      }
      await readLog(path, take, breathe)
      read.push(path)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      problems.push({
        what: error.code === 'ENOENT' ? 'missing' : 'unreadable',
        path,
        message: error.code === 'ENOENT' ? `${path} vanished while the logs were read` : error.message,
      })
    }
    lines.end()
    const last = scan.close()
    if (last !== undefined) behind.push({ path, last })
  }
  return { read, behind, problems }
}
