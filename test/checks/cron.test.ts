import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseCrontab } from '../../checks/cron/crontab.ts'
import { ignoredByCron } from '../../checks/cron/crontab-jobs.ts'
import { layoutOf } from '../../checks/cron/job.ts'
import { whenNext } from '../../checks/cron/judge.ts'
import { commandLabel, startsWith } from '../../checks/cron/programs.ts'
import { meansCommand } from '../../checks/cron/refs.ts'
import { firing } from '../../checks/cron/schedule.ts'
import { formatOf } from '../../checks/cron/sources.ts'
import { cron } from '../../checks/cron.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { asNobody } from '../support/as-nobody.ts'
import { context, scratch } from '../support/context.ts'

// Local noon, so that "today" and "tomorrow" do not depend on the zone of the machine.
const NOW = new Date(2026, 10, 22, 12, 0).getTime()

const lay = (cwd: string, files: Readonly<Record<string, string | object>>): void => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true })
    writeFileSync(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content, null, 2))
  }
}

type Options = Parameters<typeof cron.run>[0]

const run = async (cwd: string, options: Partial<Options>, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  cron.run({ format: 'auto', 'min-jobs': 0, ...options } as Options, context({ cwd, now: () => NOW, ...given }))

/** Lays out one file and checks it. */
const one = async (name: string, content: string | object, options: Partial<Options> = {}): Promise<Verdict> => {
  const cwd = scratch()
  lay(cwd, { [name]: content })
  return run(cwd, { files: [name], ...options })
}

const codes = (verdict: Verdict): string[] =>
  'findings' in verdict ? (verdict.findings ?? []).map(({ message }) => message) : []

describe('a schema that answers later', () => {
  it('is refused: it would take every file', async () => {
    const cwd = scratch()
    lay(cwd, { 'jobs.json': [{ id: 'a', schedule: '0 3 * * *' }], 's.json': { $async: true, type: 'string' } })
    expect(await run(cwd, { files: ['jobs.json'], schema: 's.json' })).toMatchObject({
      status: 'fail',
      code: 'cron/schema-file',
    })
  })
})

describe('many jobs', () => {
  const jobs = Array.from({ length: 20_000 }, (_, i) => ({ id: `j${i}`, schedule: `${i % 60} ${i % 24} * * *` }))

  it('costs no more for each job when there are more of them, whether they are good or bad', async () => {
    expect(await one('jobs.json', JSON.stringify({ jobs }))).toMatchObject({ status: 'pass', facts: { jobs: 20_000 } })
    const bad = jobs.map(job => ({ ...job, schedule: '99 3 * * *' }))
    expect(await one('jobs.json', JSON.stringify({ jobs: bad }))).toMatchObject({ facts: { issues: 20_000 } })
  }, 15_000)
})

describe('good jobs', () => {
  it('counts them and says which is next', async () => {
    const verdict = await one('jobs.json', {
      version: 1,
      jobs: [
        { id: 'a', name: 'nightly', schedule: { kind: 'cron', expr: '0 3 * * *' } },
        { id: 'b', schedule: { kind: 'at', at: new Date(NOW + 60_000 * 90).toISOString() } },
        { id: 'c', enabled: false, schedule: { kind: 'every', everyMs: 1000, anchorMs: 0 } },
      ],
    })
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'cron/good',
      summary: '3 jobs (1 disabled), next is "b" at 13:30',
      watched: ['jobs.json'],
      facts: { jobs: 3, enabled: 2, next: new Date(NOW + 60_000 * 90).toISOString() },
    })
  })

  it.each<[number, string]>([
    [NOW + 3_600_000, 'at 13:00'],
    [NOW + 15 * 3_600_000, 'tomorrow at 03:00'],
    [new Date(2026, 11, 1, 3).getTime(), 'on 2026-12-01 at 03:00'],
  ])('names the day where it is not today', (time, words) => {
    expect(whenNext(time, NOW)).toBe(words)
  })

  it.each<[string, unknown, number]>([
    ['an array', [{ id: 'a', cron: '0 3 * * *' }], 1],
    ['an object of jobs', { jobs: { a: { schedule: '@daily' }, b: '*/5 * * * *' } }, 2],
    ['one job in a file', { schedule: { expr: '0 3 * * *', tz: 'Europe/Berlin' } }, 1],
    ['several schedules', [{ id: 'a', schedule: [{ cron: '0 3 * * *' }, '0 4 * * *'] }], 1],
    [
      'no clock',
      [
        { id: 'a', schedule: { kind: 'on-exit', command: 'x' } },
        { id: 'b', schedule: '@reboot' },
      ],
      2,
    ],
    [
      'words',
      [
        { id: 'a', schedule: 'every 5m' },
        { id: 'b', schedule: '2027-01-01T00:00:00Z' },
      ],
      2,
    ],
    ['seconds', [{ id: 'a', expression: '*/10 * * * * *' }], 1],
    ['nothing in it', { jobs: [] }, 0],
  ])('reads %s', async (_, value, jobs) => {
    expect(await one('jobs.json', value as object)).toMatchObject({ status: 'pass', facts: { jobs } })
  })

  it('reads JSON5, JSON lines, and files that do not say what they are', async () => {
    expect(await one('jobs.json5', "[{id: 'a', cron: '0 3 * * *',}] // x")).toMatchObject({ status: 'pass' })
    expect(await one('jobs.jsonl', '{"id":"a","cron":"0 3 * * *"}\n{"id":"b","cron":"0 4 * * *"}\n')).toMatchObject({
      facts: { jobs: 2 },
    })
    expect(await one('jobs', '[{"id":"a","cron":"0 3 * * *"}]')).toMatchObject({ facts: { jobs: 1 } })
    expect(await one('jobs', '# comment\n0 3 * * * /bin/ls\n')).toMatchObject({ facts: { jobs: 1 } })
    expect(await one('jobs.txt', "[{id: 'a', cron: '0 3 * * *'}]", { format: 'json5' })).toMatchObject({
      facts: { jobs: 1 },
    })
  })
})

describe('files that cannot be read as jobs', () => {
  it('names file, line and column of a truncated file, and shows the line', async () => {
    const verdict = await one('cron/jobs.json', '{"version": 1, "jobs": [\n  {"id": "nightly", "sched')
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'cron/syntax',
      summary: expect.stringMatching(
        /^cron\/jobs\.json:2: the text ends inside the string opened at 2:21 \(column 27\)$/,
      ),
      observed: 'cron/jobs.json:2: {"id": "nightly", "sched',
      findings: [{ line: 2, column: 27 }],
    })
  })

  it.each<[string, string, string, Partial<Options>]>([
    ['an empty file', '', 'syntax', {}],
    ['zeroes after a crash', '\0'.repeat(64), 'syntax', {}],
    ['no list', '{"tasks": []}', 'layout', {}],
    ['a string', '"jobs"', 'layout', {}],
    ['null', 'null', 'layout', {}],
    ['a job that is none', '{"jobs": [null]}', 'layout', {}],
    ['a form of JSON that it is not said to be', '{"a":1}\n{"a":2}', 'syntax', {}],
    ['too few', '[]', 'too-few', { 'min-jobs': 1 }],
    ['all disabled', '[{"id":"a","enabled":false,"cron":"0 3 * * *"}]', 'too-few', { 'min-jobs': 1 }],
  ])('%s', async (_, text, what, options) => {
    expect(await one('jobs.json', text, options)).toMatchObject({ status: 'fail', code: `cron/${what}` })
  })

  it('suggests the form in which the file would be good', async () => {
    expect(await one('jobs.json', '[{"id":"a","cron":"0 3 * * *"},]')).toMatchObject({
      next: 'format: json5',
      summary: expect.stringContaining('JSON5'),
    })
    expect(await one('jobs.json', '{"cron":"0 3 * * *"}\n{"cron":"0 4 * * *"}')).toMatchObject({
      next: 'format: jsonl',
    })
  })

  it('fails on whatever a glob led to less than meant', async () => {
    const cwd = scratch()
    lay(cwd, { 'a.json': '[]', 'jobs/x/readme.md': '' })
    mkdirSync(join(cwd, 'd.json'))
    symlinkSync('nowhere', join(cwd, 'e.json'))
    expect(await run(cwd, { files: ['a.json', 'gone.json'] })).toMatchObject({ status: 'fail', code: 'cron/missing' })
    expect(await run(cwd, { files: ['gone/*.json'] })).toMatchObject({ code: 'cron/missing' })
    expect(await run(cwd, { files: ['a.json', 'jobs/*.json'] })).toMatchObject({ code: 'cron/no-match' })
    expect(await run(cwd, { files: ['d.json'] })).toMatchObject({ code: 'cron/unreadable' })
    expect(await run(cwd, { files: ['e.json'] })).toMatchObject({ code: 'cron/unreadable' })
    expect(await run(cwd, { files: ['!a.json'] })).toMatchObject({ code: 'cron/no-match' })
    symlinkSync(join(cwd, 'jobs'), join(cwd, 'jobs/linked'))
    lay(cwd, { 'jobs/x/j.json': '[]' })
    expect(await run(cwd, { files: ['jobs/*/*.json'] })).toMatchObject({ status: 'warn', code: 'cron/link' })
  })

  it('fails on a file that may not be read', () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    lay(cwd, { 'a.json': '[]', 'b.json': '[]' })
    chmodSync(join(cwd, 'b.json'), 0o000)
    expect(
      asNobody(`
        const { cron } = await load('checks/cron.ts')
        return cron.run({ files: ['*.json'], format: 'auto', 'min-jobs': 0 }, context(${JSON.stringify(cwd)}))`),
    ).toMatchObject({
      status: 'fail',
      code: 'cron/unreadable',
      watched: ['a.json', 'b.json'],
      findings: [{ path: join(cwd, 'b.json') }],
    })
  })

  it('counts the jobs of one file once, whatever number of names it has', async () => {
    const cwd = scratch()
    lay(cwd, { 'data/jobs.json': '[{"id":"a","cron":"0 3 * * *"}]' })
    symlinkSync('data/jobs.json', join(cwd, 'jobs.json'))
    expect(await run(cwd, { files: ['**/*.json'] })).toMatchObject({ status: 'pass', facts: { jobs: 1, files: 1 } })
  })
})

describe('jobs that would not run', () => {
  it('names file and line of an expression that cannot be', async () => {
    const verdict = await one(
      'jobs.json',
      '{\n "jobs": [\n  {"id": "n", "name": "nightly",\n   "schedule": {"kind": "cron", "expr": "99 99 * * *"}}\n ]\n}',
    )
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'cron/schedule',
      summary: 'jobs.json:4: "nightly" cannot run: "99 99 * * *": invalid value for minute: 99',
      next: 'mend jobs.json:4',
      findings: [{ path: expect.stringMatching(/jobs\.json$/), line: 4, column: 41 }],
    })
  })

  it.each<[string, object, 'fail' | 'warn', string]>([
    ['never', { cron: '0 0 30 2 *' }, 'fail', 'never'],
    ['a year that has passed', { cron: '0 0 0 1 1 * 2020' }, 'fail', 'never'],
    ['a zone that is none', { schedule: { expr: '0 3 * * *', tz: 'Mars/Phobos' } }, 'fail', 'schedule'],
    ['a zone beside the schedule', { schedule: '0 3 * * *', timezone: 'Europe/Berlyn' }, 'fail', 'schedule'],
    ['four fields', { cron: '0 3 * *' }, 'fail', 'schedule'],
    ['an empty expression', { cron: '' }, 'fail', 'schedule'],
    ['a date that is none', { schedule: { at: 'next tuesday' } }, 'fail', 'schedule'],
    ['a day that its month does not have', { schedule: { at: '2099-02-30T00:00:00Z' } }, 'fail', 'schedule'],
    ['seconds for milliseconds', { schedule: { kind: 'at', at: 1_900_000_000 } }, 'fail', 'schedule'],
    ['an interval of nothing', { schedule: { kind: 'every', everyMs: 0 } }, 'fail', 'schedule'],
    ['a date that has passed', { schedule: { at: '2020-01-01T00:00:00Z' } }, 'warn', 'past'],
    ['the second of two', { schedule: ['0 3 * * *', '0 25 * * *'] }, 'fail', 'schedule'],
    ['disabled', { enabled: false, cron: '99 * * * *' }, 'warn', 'schedule'],
    ['a kind nobody knows', { schedule: { kind: 'sunrise', expr: 'x' } }, 'warn', 'schedule-unknown'],
    ['no schedule', { command: 'x' }, 'warn', 'schedule-unknown'],
  ])('%s', async (_, job, status, what) => {
    const verdict = await one('jobs.json', [
      { id: 'good', cron: '0 3 * * *' },
      { id: 'bad-one', ...job },
    ])
    expect(verdict).toMatchObject({ status, code: `cron/${what}`, summary: expect.stringContaining('bad-one') })
    if (!('enabled' in job)) return
    expect(verdict).toMatchObject({ summary: expect.stringContaining('(disabled)') })
  })

  it('lets a date that has passed be where the job has run, or is disabled', async () => {
    const at = { kind: 'at', at: '2020-01-01T00:00:00Z' }
    const jobs = [
      { id: 'a', schedule: at, state: { lastRunAtMs: 1 } },
      { id: 'b', enabled: false, schedule: at },
    ]
    expect(await one('jobs.json', jobs)).toMatchObject({ status: 'pass' })
  })

  it('lists all that is wrong, failures first', async () => {
    const verdict = await one('jobs.json', [{ id: 'a' }, { id: 'a', cron: 'x' }, { id: 'b', cron: '0 0 31 2 *' }])
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'cron/schedule',
      summary: expect.stringMatching(/, and 3 more$/),
      facts: { issues: 4 },
    })
    expect(codes(verdict)).toHaveLength(4)
  })

  it('finds an id twice, also across files', async () => {
    const cwd = scratch()
    lay(cwd, { 'a.json': '[{"id":"x","cron":"0 3 * * *"}]', 'b.json': '[\n{"id":"x","cron":"0 3 * * *"}]' })
    expect(await run(cwd, { files: ['*.json'] })).toMatchObject({
      status: 'fail',
      code: 'cron/duplicate-id',
      summary: 'b.json:2: the id "x" is already used at a.json:1',
    })
  })

  it('warns of a key that hides another', async () => {
    expect(await one('jobs.json', '[{"id":"a",\n"cron":"0 3 * * *", "cron":"0 4 * * *"}]')).toMatchObject({
      status: 'warn',
      code: 'cron/repeated-key',
      findings: [{ line: 2, column: 21 }],
    })
  })
})

describe('a schema of the user’s', () => {
  const schema = {
    type: 'array',
    items: { type: 'object', required: ['owner'], properties: { cron: { pattern: '^0 ' } } },
  }
  it('judges each file, and points at the line', async () => {
    const cwd = scratch()
    lay(cwd, {
      'schema.json': schema,
      'jobs.json': '[\n{"id":"a","owner":"me","cron":"0 3 * * *"},\n{"id":"b","cron":"5 3 * * *"}]',
    })
    expect(await run(cwd, { files: ['jobs.json'], schema: 'schema.json' })).toMatchObject({
      status: 'fail',
      code: 'cron/schema',
      findings: [
        { line: 3, message: expect.stringContaining("required property 'owner'") },
        { line: 3, column: 18, message: expect.stringContaining('pattern') },
      ],
    })
  })
  it.each<[string, string | undefined]>([
    ['missing', undefined],
    ['cut off', '{"type": "arr'],
    ['no schema', '[1]'],
    ['of a type that is none', '{"type": "lots"}'],
  ])('%s fails', async (_, text) => {
    const cwd = scratch()
    lay(cwd, { 'jobs.json': '[]', ...(text === undefined ? {} : { 'schema.json': text }) })
    expect(await run(cwd, { files: ['jobs.json'], schema: 'schema.json' })).toMatchObject({
      status: 'fail',
      code: 'cron/schema-file',
    })
  })
  it('fails where it judged nothing', async () => {
    const cwd = scratch()
    lay(cwd, { crontab: '0 3 * * * /bin/ls\n', 'schema.json': schema })
    expect(await run(cwd, { files: ['crontab'], schema: 'schema.json' })).toMatchObject({
      status: 'fail',
      code: 'cron/schema-file',
    })
  })
})

describe('refs', () => {
  const jobs = (entry: object) => ({ jobs: [{ id: 'a', cron: '0 3 * * *', ...entry }] })
  it.each<[string, object, string, string]>([
    ['a file that exists', { script: 'scripts/run.js' }, '/jobs/*/script', 'good'],
    ['a file that does not', { script: 'scripts/gone.js' }, '/jobs/*/script', 'ref-missing'],
    ['no path at all', { script: 7 }, '/jobs/*/script', 'ref-missing'],
    ['a command', { command: 'scripts/tool --all' }, '/jobs/*/command', 'good'],
    ['a command by name', { command: 'node x.js' }, '/jobs/*/command', 'good'],
    ['an unknown name', { command: 'no-such-program-here' }, '/jobs/*/command', 'ref-missing'],
    ['arguments', { argv: ['scripts/tool', '-x'] }, '/jobs/*/argv', 'good'],
    ['a command that is not executable', { command: './scripts/run.js' }, '/jobs/*/command', 'ref-not-executable'],
    ['a folder as a command', { command: './scripts' }, '/jobs/*/command', 'ref-not-executable'],
    ['a pointer to nothing', { command: 'node' }, '/jobs/*/comand', 'ref-nowhere'],
  ])('%s', async (_, entry, pointer, what) => {
    const cwd = scratch()
    lay(cwd, { 'cron/jobs.json': jobs(entry), 'cron/scripts/run.js': '', 'cron/scripts/tool': '' })
    chmodSync(join(cwd, 'cron/scripts/tool'), 0o755)
    const env = { PATH: dirname(process.execPath) }
    expect(await run(cwd, { files: ['cron/*.json'], refs: [pointer] }, { env })).toMatchObject({ code: `cron/${what}` })
  })
  it('tells commands from files by the name', () => {
    expect(['/a/command', '/a/argv/0', '/x/*/cmd', '/run/*'].map(meansCommand)).toEqual([true, true, true, true])
    expect(['/a/script', '/a/path', '/commandFile'].map(meansCommand)).toEqual([false, false, false])
  })
})

describe('crontabs', () => {
  it('reads a sound one', async () => {
    const text = `# nightly\nPATH=/usr/local/bin:/usr/bin:/bin\nMAILTO="me"\n\n0 3 * * mon-fri  X=1 /bin/sh -c 'echo \\%'\n@daily true\n@reboot cd / && /bin/ls\n*/5 * * * * test -x /none && /none\n`
    expect(await one('crontab', text)).toMatchObject({
      status: 'pass',
      summary: expect.stringMatching(/^4 jobs, next is "test" at 12:05$/),
      facts: { jobs: 4, uncheckedCommands: 2 },
    })
  })

  it.each<[string, string, 'fail' | 'warn', string, number]>([
    ['no newline at the end', '@daily /bin/ls\n@daily /bin/ls', 'fail', 'newline', 2],
    ['CR LF', '@daily /bin/ls\r\n', 'fail', 'crlf', 1],
    ['a minute that is none', '\n61 * * * * /bin/ls\n', 'fail', 'schedule', 2],
    ['never', '0 0 31 2 * /bin/ls\n', 'fail', 'never', 1],
    ['four fields', '* * * * /bin/ls\n', 'fail', 'crontab-line', 1],
    ['no command', '* * * * *\n', 'fail', 'crontab-line', 1],
    ['what only croner reads', '0 0 L * * /bin/ls\n', 'fail', 'crontab-line', 1],
    ['an unknown nickname', '@dayly /bin/ls\n', 'fail', 'crontab-line', 1],
    ['prose', 'hello\n', 'fail', 'crontab-line', 1],
    ['a percent sign', '@daily /bin/date +%F\n', 'warn', 'percent', 1],
    ['a program that is not there', '@daily /no/such/program\n', 'fail', 'command', 1],
    ['a file that is not executable', '@daily /etc/passwd\n', 'fail', 'command', 1],
    ['a program outside of PATH', 'PATH=/nowhere\n@daily env\n', 'fail', 'command', 2],
    ['a shell that is not there', 'SHELL=/bin/nosh\n@daily /bin/ls\n', 'fail', 'command', 2],
    ['a folder to change to', '@daily cd /no/folder && ./x\n', 'fail', 'command', 1],
    ['a zone that is none', 'CRON_TZ=Mars/X\n@daily /bin/ls\n', 'fail', 'schedule', 2],
  ])('%s', async (_, text, status, what, line) => {
    expect(await one('crontab', text)).toMatchObject({ status, code: `cron/${what}`, findings: [{ line }] })
  })

  it('says where a program is that cron’s PATH does not reach', async () => {
    const cwd = scratch()
    lay(cwd, { 'tools/mytool': '', crontab: '@daily mytool --x\n' })
    chmodSync(join(cwd, 'tools/mytool'), 0o755)
    expect(await run(cwd, { files: ['crontab'] }, { env: { PATH: join(cwd, 'tools') } })).toMatchObject({
      code: 'cron/command',
      summary: `crontab:1: "mytool" cannot start: mytool is not in PATH (/usr/bin:/bin); it is in ${join(cwd, 'tools')}`,
    })
  })

  it('wants a user in a system crontab', async () => {
    const system = { format: 'system-crontab' } as const
    expect(await one('tab', '@daily root /bin/ls\n', system)).toMatchObject({ status: 'pass' })
    expect(await one('tab', '@daily no-such-user-x /bin/ls\n', system)).toMatchObject({
      status: 'fail',
      code: 'cron/user',
    })
    expect(await one('tab', '0 3 * * * /bin/ls\n', system)).toMatchObject({
      status: 'fail',
      code: 'cron/crontab-line',
    })
  })

  it('reads relative programs from the home', async () => {
    const cwd = scratch()
    lay(cwd, {
      'home/bin/x': '',
      crontab: '@daily bin/x\n@daily ~/bin/x\n@daily $HOME/bin/x\n@daily cd bin && ./x\n@daily bin/y\n',
    })
    chmodSync(join(cwd, 'home/bin/x'), 0o755)
    expect(await run(cwd, { files: ['crontab'] }, { home: join(cwd, 'home') })).toMatchObject({
      facts: { issues: 1 },
      findings: [{ line: 5 }],
    })
  })

  it('keeps arguments, which may be secret, out of its words', async () => {
    expect(commandLabel('TOKEN=abc /usr/bin/curl -H secret')).toBe('curl')
    expect(JSON.stringify(await one('crontab', '99 * * * * TOKEN=abc /bin/ls hush\n'))).not.toMatch(
      /"summary":"[^"]*(abc|hush)/,
    )
  })

  it.each<[string, string]>([
    ['/etc/crontab', 'system-crontab'],
    ['/etc/cron.d/backup', 'system-crontab'],
    ['/var/spool/cron/crontabs/claw', 'crontab'],
    ['/var/at/tabs/claw', 'crontab'],
    ['/x/jobs.json', 'json'],
    ['/x/jobs.json5', 'json5'],
    ['/x/jobs.ndjson', 'jsonl'],
    ['/x/my.crontab', 'crontab'],
  ])('%s is %s', (path, format) => {
    expect(formatOf(path, '')).toBe(format)
  })

  it('knows which files cron passes over', () => {
    expect(ignoredByCron('/etc/cron.d/backup', { mode: 0o100644, uid: 0 })).toBeUndefined()
    expect(ignoredByCron('/etc/cron.d/backup', { mode: 0o100664, uid: 0 })).toMatchObject({ level: 'fail' })
    expect(ignoredByCron('/etc/crontab', { mode: 0o100644, uid: 1000 })).toMatchObject({ level: 'fail' })
    expect(ignoredByCron('/etc/cron.d/backup.sh', { mode: 0o100644, uid: 0 })).toMatchObject({ level: 'warn' })
  })

  it('keeps variables in the order of the lines', () => {
    const { entries } = parseCrontab('A=1\n@daily x\nA="2 3"\nB = 4 \n@daily y\n', false)
    expect(entries.map(({ env }) => env)).toEqual([{ A: '1' }, { A: '2 3', B: '4' }])
  })

  it('leaves to the shell what only a shell can work out', () => {
    const around = { env: { PATH: '/bin' }, folder: undefined }
    for (const command of [
      '$(which x)',
      '[ -f x ] && y',
      '"$X/y"',
      '`x`',
      'if true; then x; fi',
      './x',
      '(cd /; x)',
      '',
    ])
      expect(startsWith(command, around), command).toEqual({ found: 'unchecked' })
  })
})

describe('the openclaw preset', () => {
  const job = {
    id: 'a',
    name: 'nightly',
    schedule: { kind: 'cron', expr: '0 3 * * *' },
    payload: { kind: 'agentTurn', message: 'hi' },
  }
  const preset = { preset: 'openclaw' } as const

  it('finds the state folder as OpenClaw does', async () => {
    const cwd = scratch()
    const bad = (id: string) => ({ jobs: [{ ...job, id, schedule: { kind: 'cron', expr: 'x' } }] })
    lay(cwd, {
      's/cron/jobs.json': bad('S'),
      'h/.openclaw/cron/jobs.json': bad('H'),
      'u/.openclaw/cron/jobs.json': bad('U'),
      'u/.openclaw-p/cron/jobs.json': bad('P'),
      'o/cron/jobs.json': bad('O'),
    })
    const home = join(cwd, 'u')
    const at = async (env: Record<string, string>, state?: string) => {
      const verdict = await run(cwd, { ...preset, ...(state ? { state } : {}) }, { env, home })
      return 'findings' in verdict ? verdict.findings?.[0]?.path.slice(cwd.length + 1) : verdict
    }
    expect(await at({})).toBe('u/.openclaw/cron/jobs.json')
    expect(await at({ OPENCLAW_HOME: join(cwd, 'h') })).toBe('h/.openclaw/cron/jobs.json')
    expect(await at({ OPENCLAW_PROFILE: 'p' })).toBe('u/.openclaw-p/cron/jobs.json')
    expect(await at({ OPENCLAW_PROFILE: 'default' })).toBe('u/.openclaw/cron/jobs.json')
    expect(await at({ OPENCLAW_STATE_DIR: join(cwd, 's'), OPENCLAW_HOME: join(cwd, 'h') })).toBe('s/cron/jobs.json')
    expect(await at({ OPENCLAW_STATE_DIR: join(cwd, 's') }, 'o')).toBe('o/cron/jobs.json')
  })

  it.each<[string, object, RegExp]>([
    ['no id', { ...job, id: undefined }, /id/],
    ['no payload', { ...job, payload: undefined }, /payload/],
    [
      'an expression that is a number',
      { ...job, schedule: { kind: 'cron', expr: 5 } },
      /schedule\.expr must be string/,
    ],
    ['no interval', { ...job, schedule: { kind: 'every' } }, /everyMs/],
    ['no message', { ...job, payload: { kind: 'agentTurn' } }, /message/],
    ['a word for a switch', { ...job, enabled: 'yes' }, /enabled must be boolean/],
  ])('judges a job: %s', async (_, wrong, words) => {
    const cwd = scratch()
    lay(cwd, { 's/cron/jobs.json': { version: 1, jobs: [wrong] } })
    const verdict = await run(cwd, { ...preset, state: 's' })
    expect(verdict).toMatchObject({ status: 'fail', code: 'cron/schema', watched: ['s/cron/jobs.json'] })
    expect(codes(verdict).join('\n')).toMatch(words)
  })

  it('takes what a later release adds', async () => {
    const cwd = scratch()
    lay(cwd, { 's/cron/jobs.json': { version: 2, jobs: [{ ...job, mood: 'good', payload: { kind: 'dream' } }] } })
    expect(await run(cwd, { ...preset, state: 's' })).toMatchObject({ status: 'pass' })
  })

  it('fails where there is neither a file nor a store, and says why', async () => {
    const cwd = scratch()
    expect(await run(cwd, { ...preset, state: 'gone' })).toMatchObject({
      status: 'fail',
      code: 'cron/nothing',
      summary: 'gone: the folder does not exist',
    })
    mkdirSync(join(cwd, 's/cron'), { recursive: true })
    expect(await run(cwd, { ...preset, state: 's' })).toMatchObject({
      status: 'fail',
      code: 'cron/nothing',
      next: expect.stringContaining('OPENCLAW_STATE_DIR'),
    })
    writeFileSync(join(cwd, 's/openclaw.json'), '{}')
    expect(await run(cwd, { ...preset, state: 's' })).toMatchObject({ status: 'warn', code: 'cron/not-yet' })
    expect(await run(cwd, { ...preset, state: 's', 'min-jobs': 1 })).toMatchObject({
      status: 'fail',
      code: 'cron/too-few',
    })
    writeFileSync(join(cwd, 's/cron/jobs.json.migrated'), '{broken')
    expect(await run(cwd, { ...preset, state: 's' })).toMatchObject({
      code: 'cron/nothing',
      summary: expect.stringContaining('migrated'),
    })
  })

  it('warns where this Node cannot read the store, and still judges the file', async () => {
    const cwd = scratch()
    lay(cwd, { 's/cron/jobs.json': { jobs: [job] }, 's/state/openclaw.sqlite': 'not read' })
    expect(await run(cwd, { ...preset, state: 's' })).toMatchObject({
      status: 'warn',
      code: 'cron/store-unread',
      watched: ['s/cron/jobs.json', 's/state/openclaw.sqlite'],
    })
  })

  describe('the store', () => {
    /** Makes a store in a folder, runs `then`, and checks it: all in a Node that has SQLite. */
    const inStore = (
      cwd: string,
      sql: string,
      then = '',
    ): { verdict: Verdict; before: string[]; after: string[]; temp: string[] } =>
      asNobody(`
        const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
        const fs = process.getBuiltinModule('node:fs')
        const { tmpdir } = process.getBuiltinModule('node:os')
        const state = ${JSON.stringify(join(cwd, 's/state'))}
        fs.mkdirSync(state, { recursive: true })
        const path = state + '/openclaw.sqlite'
        const db = new DatabaseSync(path)
        const table = () => db.exec('CREATE TABLE cron_jobs (store_key TEXT, job_id TEXT, name TEXT, enabled INTEGER, payload_kind TEXT, job_json TEXT, state_json TEXT, PRIMARY KEY (store_key, job_id))')
        const add = (id, job, enabled = 1, key = 'main', state = {}) => db.prepare('INSERT INTO cron_jobs VALUES (?, ?, ?, ?, ?, ?, ?)')
          .run(key, id, id, enabled, 'agentTurn', typeof job === 'string' ? job : JSON.stringify({ ...${JSON.stringify(job)}, name: id, ...job }), JSON.stringify(state))
        ${sql}
        if (db.isOpen) db.close()
        ${then}
        const { cron } = await load('checks/cron.ts')
        const before = fs.readdirSync(state)
        const verdict = await cron.run({ preset: 'openclaw', state: 's', format: 'auto', 'min-jobs': 0 }, { ...context(${JSON.stringify(cwd)}), now: () => ${NOW} })
        const after = fs.readdirSync(state)
        const temp = fs.readdirSync(tmpdir()).filter(name => name.startsWith('bootcheck-store-'))
        if (typeof release === 'function') release()
        return { verdict, before, after, temp }
      `) as ReturnType<typeof inStore>

    const shared = (): string => {
      const cwd = scratch()
      chmodSync(cwd, 0o777)
      return cwd
    }

    it('counts jobs, says which is next, and leaves no trace', () => {
      const cwd = shared()
      const { verdict, before, after } = inStore(
        cwd,
        `db.exec('PRAGMA journal_mode=WAL'); table(); add('one', {}); add('two', {}, 0); add('one', {}, 1, 'other')`,
      )
      expect(verdict).toMatchObject({
        status: 'pass',
        summary: '3 jobs (1 disabled), next is "one" tomorrow at 03:00',
        watched: ['s/state/openclaw.sqlite'],
      })
      expect(before).toEqual(['openclaw.sqlite'])
      expect(after).toEqual(before)
    })

    it('sees what another process has written and not yet moved into the database', () => {
      const cwd = shared()
      const { verdict, before, after, temp } = inStore(
        cwd,
        `db.exec('PRAGMA journal_mode=WAL'); table(); db.close()
         var writer = new DatabaseSync(path); writer.exec("INSERT INTO cron_jobs VALUES ('m', 'late', 'late', 1, 'x', '{\\"schedule\\":{\\"kind\\":\\"cron\\",\\"expr\\":\\"99 99 * * *\\"},\\"payload\\":{\\"kind\\":\\"x\\"}}', '{}')")
         var release = () => writer.close()`,
      )
      expect(verdict).toMatchObject({
        status: 'fail',
        code: 'cron/schedule',
        summary: expect.stringContaining('s/state/openclaw.sqlite, job late: "late" cannot run'),
      })
      expect(before).toContain('openclaw.sqlite-wal')
      expect(after).toEqual(before)
      expect(temp).toEqual([])
    })

    it.each<[string, string, string, 'fail' | 'warn', string]>([
      [
        'an expression that cannot be',
        "table(); add('a', { schedule: { kind: 'cron', expr: '99 99 * * *' } })",
        '',
        'fail',
        'schedule',
      ],
      [
        'the same, disabled',
        "table(); add('a', { schedule: { kind: 'cron', expr: '99 99 * * *' } }, 0)",
        '',
        'warn',
        'schedule',
      ],
      ['a job that is no JSON', "table(); add('a', '{\"id\":')", '', 'fail', 'syntax'],
      ['a job that does not fit', "table(); add('a', { payload: 7 })", '', 'fail', 'schema'],
      ['no such table', "db.exec('CREATE TABLE other (x)')", '', 'warn', 'store-unread'],
      ['other columns', "db.exec('CREATE TABLE cron_jobs (x)')", '', 'warn', 'store-unread'],
      [
        'no database',
        '',
        "fs.writeFileSync(path, 'this is text and no database at all, whatever its name may say')",
        'warn',
        'store-unread',
      ],
      ['an empty file', '', "fs.writeFileSync(path, '')", 'warn', 'store-unread'],
      [
        'cut in half',
        "table(); for (let i = 0; i < 200; i++) add('j' + i, {})",
        'fs.truncateSync(path, 5000)',
        'warn',
        'store-unread',
      ],
      ['not ours to read', 'table()', 'fs.chmodSync(path, 0)', 'warn', 'store-unread'],
      ['a folder', '', 'fs.rmSync(path); fs.mkdirSync(path)', 'warn', 'store-unread'],
    ])('%s', (_, sql, then, status, what) => {
      const cwd = shared()
      expect(inStore(cwd, sql, then).verdict).toMatchObject({ status, code: `cron/${what}` })
      rmSync(join(cwd, 's'), { recursive: true, force: true })
    })

    it('takes the state column for the state of the job', () => {
      const at = "{ schedule: { kind: 'at', at: '2020-01-01T00:00:00Z' } }"
      expect(inStore(shared(), `table(); add('a', ${at}, 1, 'm', { lastRunAtMs: 5 })`).verdict).toMatchObject({
        status: 'pass',
      })
      expect(inStore(shared(), `table(); add('a', ${at})`).verdict).toMatchObject({ status: 'warn', code: 'cron/past' })
    })
  })
})

describe('schedules', () => {
  it('computes from the given time, in the given zone', async () => {
    const now = Date.UTC(2026, 10, 22, 2, 14)
    expect(await firing({ kind: 'cron', expr: '0 3 * * *', tz: 'Asia/Seoul' }, now)).toEqual({
      fires: true,
      next: Date.UTC(2026, 10, 22, 18),
    })
    expect(await firing({ kind: 'cron', expr: '0 0 29 2 *', tz: 'UTC' }, now)).toEqual({
      fires: true,
      next: Date.UTC(2028, 1, 29),
    })
    expect(await firing({ kind: 'every', every: 1000, anchorMs: now - 2500 }, now)).toEqual({
      fires: true,
      next: now + 500,
    })
    expect(await firing({ kind: 'every', every: '5m' }, now)).toEqual({ fires: true })
    expect(await firing({ kind: 'cron', expr: '2030-01-01T00:00:00' }, now)).toMatchObject({
      fires: false,
      why: 'invalid',
    })
  })
  it('takes nothing for a schedule that is none', () => {
    expect(layoutOf({ jobs: [{ id: 'a', schedule: { kind: 'cron' } }] })?.jobs[0]?.schedules).toEqual([])
    expect(layoutOf({})).toBeUndefined()
    expect(layoutOf('x')).toBeUndefined()
  })
})
