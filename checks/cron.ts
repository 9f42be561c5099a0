/** Job files and stores: can every job be read, and can it ever fire? */
import { defineCheck } from '../core/check.ts'
import { FileError } from '../core/files.ts'
import { quote } from '../core/shell.ts'
import { type CronPreset, openclawCron } from '../presets/openclaw-cron.ts'
import { gather, issue } from './cron/gather.ts'
import { judge } from './cron/judge.ts'

const PRESETS: Readonly<Record<string, CronPreset>> = { [openclawCron.name]: openclawCron }

export const cron = defineCheck({
  kind: 'cron',
  title: 'Every scheduled job can be read and can fire',
  docs: `Reads job files (JSON, JSON5, JSON lines, crontabs) and stores, and judges each job: its place in the file, its schema, whether its
expression and time zone are valid and ever fire, whether its id is its own, and whether the files and programs that it needs are there.
It says which job is next.

**Why it matters.** A scheduler that cannot read its file starts with no jobs at all, and one that cannot read an expression drops
that job: both without an error. What should have run at three in the morning is missed when somebody asks for it.

**Layouts of JSON.** An array of jobs, \`{"jobs": […]}\`, \`{"jobs": {"name": …}}\`, one job for each line of JSON lines, or one job for each
file. A schedule is an expression, or an object with \`expr\` (or \`cron\`, \`expression\`) and \`tz\`, with \`at\`, or with \`everyMs\` (or \`every\`).
A job of which the schedule is not understood is a warning by name. Disabled jobs are checked too; what is wrong with them is a warning.

**Crontabs.** Five fields or \`@daily\` and its like, variables, \`%\`; in a system crontab a user. The program of each command must be
executable; it is looked up in the crontab's own \`PATH\`, or in cron's \`/usr/bin:/bin\`. A last line without a newline fails, since cron
ignores it. With \`format: auto\` a file in \`/etc/cron.d\` is a system crontab; elsewhere say \`system-crontab\`.

**refs.** JSON pointers to paths in the files, \`*\` for every key or element: \`/jobs/*/script\`. Relative paths start at the folder of the
file. Where the last name of the pointer is \`command\`, \`cmd\`, \`exec\`, \`program\`, \`argv\` or \`run\` it is a command, which must be executable.

**preset: openclaw.** The store \`state/openclaw.sqlite\`, and \`cron/jobs.json\` of older releases where it is still there. A store is read
without leaving a trace, by a Node that has SQLite (22.13 and later); where it cannot be read, that is the warning \`cron/store-unread\`. A
state folder with neither fails: before the first start there is nothing to watch.

**What it cannot see.** Whether the scheduler itself runs. What a job does once it has started. A command that only a shell could work
out (\`$(…)\`, \`if …\`) is counted in \`uncheckedCommands\`, and not judged. \`min-jobs\` counts enabled jobs.`,
  options: {
    type: 'object',
    additionalProperties: false,
    anyOf: [{ required: ['files'] }, { required: ['preset'] }],
    properties: {
      files: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1, format: 'glob' },
        description: 'Globs of job files',
      },
      preset: { enum: ['openclaw'], description: 'A product of which the job files and stores are known' },
      state: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: 'The state folder of the preset (default: as the product finds it)',
      },
      format: {
        enum: ['auto', 'json', 'json5', 'jsonl', 'crontab', 'system-crontab'],
        default: 'auto',
        description: 'How the files are written; auto goes by the name, and then by the text',
      },
      schema: { type: 'string', minLength: 1, format: 'path', description: 'A JSON Schema for each whole file' },
      refs: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', format: 'pointer', pattern: '^/' },
        description: 'JSON pointers to files that must exist, * for every key or element',
      },
      'min-jobs': { type: 'integer', minimum: 0, default: 0, description: 'At least so many enabled jobs' },
    },
    dependentRequired: { state: ['preset'], schema: ['files'] },
  },
  codes: {
    good: 'every job can be read and can fire',
    missing: 'a file or the folder of a glob does not exist',
    'no-match': 'a glob matches nothing',
    'too-many': 'the globs match more files than anybody means',
    unreadable: 'a file or folder cannot be read',
    link: 'a link to a folder stands where a glob expects a folder, and was not entered',
    syntax: 'a file is not JSON, JSON5 or JSON lines',
    layout: 'no list of jobs in the file, or something in it that is no job',
    'repeated-key': 'a key stands twice in one object',
    schema: 'a job or a file does not fit its schema',
    'schema-file': 'the schema cannot be used',
    schedule: 'an expression, date or time zone is invalid',
    never: 'an expression that no date ever fits',
    past: 'a date that has passed',
    'schedule-unknown': 'a schedule in a form that is not known',
    'duplicate-id': 'two jobs have one id',
    'ref-missing': 'a file that a job refers to does not exist',
    'ref-not-executable': 'a command that a job refers to is not executable',
    'ref-nowhere': 'a pointer of refs leads to nothing',
    'too-few': 'fewer enabled jobs than `min-jobs`',
    'crontab-line': 'a line that cron does not understand',
    newline: 'a crontab without a newline at its end',
    crlf: 'a crontab with lines that end in CR LF',
    percent: 'an unescaped % in a command',
    user: 'a user in a system crontab who does not exist',
    command: 'a program of a crontab that does not exist or is not executable',
    'command-unseen': 'a program of a crontab that this user may not look at',
    ignored: 'a system crontab that cron ignores because of its owner, mode or name',
    'store-unread': 'a store that could not be read',
    nothing: 'neither a job file nor a store in the state folder, nor a config by which it is known to be one',
    'not-yet': 'the state folder has a config and no store yet: a gateway before its first start (a warning)',
  },
  schemas: [openclawCron.job],
  examples: [
    {
      title: 'Two jobs that fire',
      files: {
        'jobs.json':
          '{"jobs": [{"id": "nightly", "schedule": "0 3 * * *"}, {"id": "poll", "schedule": {"expr": "*/5 * * * *", "tz": "Europe/Berlin"}}]}\n',
      },
      options: { files: ['jobs.json'], 'min-jobs': 2 },
      expect: { status: 'pass', code: 'cron/good' },
    },
    {
      title: 'An expression that cannot be',
      files: { 'jobs.json': '[\n  {"id": "nightly", "schedule": "99 99 * * *"}\n]\n' },
      options: { files: ['*.json'] },
      expect: { status: 'fail', code: 'cron/schedule' },
    },
    {
      title: 'A date that never comes',
      files: { 'jobs.json5': "[{id: 'leap', cron: '0 0 30 2 *'}] // February\n" },
      options: { files: ['jobs.json5'] },
      expect: { status: 'fail', code: 'cron/never' },
    },
    {
      title: 'A file that was cut off',
      files: { 'state/cron/jobs.json': '{"version": 1, "jobs": [\n  {"id": "nightly", "sched' },
      options: { preset: 'openclaw', state: 'state' },
      expect: { status: 'fail', code: 'cron/syntax' },
    },
    {
      title: 'A crontab whose last line cron ignores',
      files: { crontab: '0 3 * * * /bin/ls' },
      options: { files: ['crontab'] },
      expect: { status: 'fail', code: 'cron/newline' },
    },
  ],
  async run(options, ctx) {
    const { files, state, schema, refs } = options
    const preset = options.preset === undefined ? undefined : PRESETS[options.preset]
    try {
      const seen = await gather(
        {
          format: options.format,
          minJobs: options['min-jobs'],
          ...(files ? { files } : {}),
          ...(preset ? { preset } : {}),
          ...(state === undefined ? {} : { state }),
          ...(schema === undefined ? {} : { schema }),
          ...(refs ? { refs } : {}),
        },
        ctx,
      )
      return judge(seen, ctx)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      const seen = { jobs: [], watched: [], files: 0, refs: 0, unchecked: 0 }
      return judge(
        {
          ...seen,
          issues: [
            issue(
              'unreadable',
              error.path,
              `${error.message.replace(`${error.path} `, '')} (${error.code})`,
              'a path that can be read',
              `ls -ld ${quote(error.path)}`,
              ctx,
            ),
          ],
        },
        ctx,
      )
    }
  },
})
