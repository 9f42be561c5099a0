/** Reports as the runner makes them, one for each story that a format has to tell. */
import { countStatuses, effectOf, judge, type Problem, type Report, type ReportedCheck } from '../../core/report.ts'

type Told = Pick<ReportedCheck, 'id' | 'kind' | 'status' | 'code' | 'summary'> & Partial<ReportedCheck>

export const check = (told: Told): ReportedCheck => ({
  title: `The title of ${told.id}`,
  phase: 'before',
  severity: 'fail',
  effect: effectOf(told.status, told.severity ?? 'fail'),
  facts: {},
  findings: [],
  watched: [],
  attempts: 1,
  durationMs: 9,
  ...told,
})

interface Given {
  readonly checks?: readonly ReportedCheck[]
  readonly errors?: readonly Problem[]
  readonly warnings?: readonly Problem[]
  readonly strict?: boolean
  readonly signal?: number
}

export const report = (
  { checks = [], errors = [], warnings = [], strict = false, signal = 0 }: Given,
  more: Partial<Report> = {},
): Report => ({
  version: 1,
  tool: '0.1.0',
  manifest: 'BOOT.md',
  title: 'Boot checks of the home gateway',
  phase: 'before',
  user: { name: 'claw', uid: 501 },
  startedAt: '2026-11-22T02:14:07.120Z',
  durationMs: 5102,
  ...judge({ checks, errors: errors.length, warnings: warnings.length, strict, signal }),
  counts: countStatuses(checks),
  errors,
  warnings,
  checks,
  ...more,
})

const port = check({
  id: 'gateway-port',
  kind: 'port',
  line: 12,
  status: 'pass',
  code: 'port/free',
  summary: '18789 is free and accepts connections',
  watched: ['port 18789'],
  facts: { port: 18789, holder: null, addresses: ['127.0.0.1', '::1'], v6: true },
})
const workspace = check({
  id: 'workspace',
  kind: 'workspace',
  line: 22,
  status: 'pass',
  code: 'workspace/good',
  summary: '~/.openclaw/workspace is ours and writable, 41 GiB free',
  watched: ['~/.openclaw/workspace'],
})
const plugins = check({
  id: 'plugins',
  kind: 'plugin-hooks',
  line: 41,
  status: 'fail',
  code: 'plugin-hooks/import-missing',
  summary: 'security-guard cannot be loaded (3 of 4 are good)',
  observed: 'index.js:3 imports ./lib/policy.js, which does not exist',
  expected: 'every file that a registered hook needs',
  next: 'openclaw plugins install security-guard --force',
  findings: [
    {
      path: 'plugins/security-guard/index.js',
      line: 3,
      column: 1,
      message: 'imports ./lib/policy.js, which does not exist',
    },
  ],
})
const cron = check({
  id: 'cron',
  kind: 'cron',
  line: 55,
  status: 'pass',
  code: 'cron/good',
  summary: '12 jobs, next is "nightly" at 03:00',
  watched: Array.from({ length: 12 }, (_, at) => `job ${at}`),
})
const temporary = check({
  id: 'temp-files',
  kind: 'tmp-files',
  line: 66,
  status: 'warn',
  code: 'tmp-files/many',
  summary: '23 .tmp files in agents/main/sessions, one every 9 s',
  observed: '23 .tmp files',
  expected: 'at most 10: something restarts and does not clean up',
  next: 'ls -la agents/main/sessions',
  watched: ['agents/main/sessions'],
})
const telegram = check({
  id: 'telegram',
  kind: 'message',
  line: 80,
  status: 'timeout',
  code: 'run/timeout',
  summary: 'no answer after 5 s',
  observed: 'connected to api.telegram.org:443, then silence',
  expected: 'getMe answers within 5 s',
  next: 'curl -m 5 https://api.telegram.org',
  durationMs: 5003,
})
const greeting = check({
  id: 'greeting',
  kind: 'message',
  line: 92,
  status: 'blocked',
  code: 'run/blocked',
  summary: 'not run: needs telegram',
  observed: 'telegram did not pass',
  expected: 'telegram passes first',
  next: 'mend telegram',
  attempts: 0,
  durationMs: 0,
})
const skipped = check({
  id: 'launchd',
  kind: 'workspace',
  line: 99,
  status: 'skip',
  code: 'run/skip',
  summary: 'not run: only on darwin; this is linux',
  attempts: 0,
  durationMs: 0,
})

/** A text that tries every format's own escapes. */
export const HOSTILE =
  'a\u0000b\u001b[31m <b attr="x\'y"> ]]> & # TODO \\ | 50% \r\n::error::x %0A "q" \u202e\u0085\ufffe\ud800 \u{1f600} 한글 \t{}$(x)`y`'

const hostile = check({
  id: 'hostile',
  kind: 'port',
  title: HOSTILE,
  line: 7,
  status: 'fail',
  code: 'port/held',
  summary: HOSTILE,
  observed: `observed ${HOSTILE}`,
  expected: HOSTILE,
  next: HOSTILE,
  findings: [
    { path: HOSTILE, line: 1, message: HOSTILE },
    { path: 'a:b,c.ts', line: 2, column: 3, message: HOSTILE, code: 'port/other' },
  ],
  watched: [HOSTILE],
  facts: { [HOSTILE]: HOSTILE },
})

export const STORIES = {
  trouble: report({ checks: [port, workspace, plugins, cron, temporary, telegram, greeting] }),
  green: report(
    { checks: [port, workspace, cron, { ...temporary, status: 'pass', effect: 'none' }] },
    { durationMs: 207 },
  ),
  'green-with-skip': report({ checks: [port, skipped, cron] }, { durationMs: 207 }),
  warned: report({
    checks: [port, temporary, { ...plugins, severity: 'warn', effect: 'warning' }],
    warnings: [
      {
        file: 'BOOT.md',
        code: 'run/other-user',
        message:
          'the manifest is written for user claw, and this run is root: permissions were judged for the wrong one',
        hint: 'sudo -u claw bootcheck run',
      },
      {
        file: 'BOOT.md',
        line: 14,
        column: 3,
        code: 'E305',
        message: 'skip expired on 2026-01-01',
        hint: 'mend the check or renew the date',
      },
    ],
  }),
  strict: report({ checks: [port, temporary], strict: true }),
  invalid: report({
    errors: [
      {
        file: 'BOOT.md',
        line: 14,
        column: 4,
        code: 'E112',
        message: 'almost a check marker: `yaml bot`',
        hint: 'write ```yaml boot',
      },
      {
        file: 'BOOT.md',
        line: 27,
        column: 1,
        code: 'E204',
        message: 'unknown key "prot"',
        hint: 'did you mean "port"?',
      },
    ],
  }),
  empty: report({}),
  skipped: report({ checks: [skipped] }),
  stopped: report({
    checks: [
      port,
      { ...telegram, status: 'blocked', code: 'run/stopped', summary: 'not finished: stopped by SIGTERM' },
    ],
    signal: 15,
  }),
  after: report({ checks: [{ ...telegram, phase: 'after' }] }, { phase: 'after' }),
  alone: report({ checks: [check({ ...plugins, line: undefined } as never)] }, { manifest: null, title: null }),
  findings: report({
    checks: [
      check({
        ...plugins,
        findings: Array.from({ length: 14 }, (_, at) => ({
          path: `plugins/p${at}/index.js`,
          line: at + 1,
          message: `imports ./lib/${at}.js, which does not exist`,
        })),
      }),
    ],
  }),
  hostile: report(
    { checks: [hostile], warnings: [{ file: HOSTILE, line: 1, code: 'run/x', message: HOSTILE, hint: HOSTILE }] },
    { title: HOSTILE, manifest: HOSTILE },
  ),
} as const satisfies Record<string, Report>

export type Story = keyof typeof STORIES
export const storyNames = Object.keys(STORIES) as Story[]
