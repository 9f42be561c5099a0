/** A command of the user's own: how it ends and what it says. */
import { accessSync, constants } from 'node:fs'
import { resolve } from 'node:path'
import { type CheckContext, defineCheck, type Trouble, type Verdict } from '../core/check.ts'
import { contain } from '../core/contain.ts'
import { contradictory } from '../core/contradiction.ts'
import { FileError, stat } from '../core/files.ts'
import { type CommandFlaw, findCommand } from '../core/find-command.ts'
import { findBreak } from '../core/path-break.ts'
import { shownPath } from '../core/paths.ts'
import { flawOfPattern } from '../core/safe-regex.ts'
import { quote } from '../core/shell.ts'
import { excerpt } from '../core/text.ts'
import { allowance, LINGER_MS } from './command/allowance.ts'
import { execute } from './command/execute.ts'
import { type Asked, judge, type Wanted } from './command/judge.ts'
import { whyNotStarted } from './command/start.ts'
import { distrust } from './command/trust.ts'

const SHELL = '/bin/sh'

const OUTPUT = {
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'array', minItems: 1, items: { type: 'string', minLength: 1, format: 'text' } },
  ],
} as const

const list = <T extends string | number>(given: T | readonly T[] | undefined): readonly T[] =>
  given === undefined ? [] : ([] as T[]).concat(given as T | T[])

interface Given {
  readonly env?: Readonly<Record<string, unknown>>
  readonly nagios?: boolean
  readonly expect?: {
    readonly exit?: number | readonly number[]
    readonly stdout?: string | readonly string[]
    readonly stderr?: string | readonly string[]
  }
}

const wantedOf = ({ expect = {}, nagios = false }: Given): Wanted => ({
  exit: expect.exit === undefined ? [0] : list(expect.exit),
  stdout: list(expect.stdout),
  stderr: list(expect.stderr),
  nagios,
})

/** What is wrong with options that fit their schema. A variable may still stand in them. */
const contradiction = ({ env = {}, expect, nagios }: Given): string | undefined => {
  for (const [name, value] of Object.entries(env)) {
    // Nothing else is forbidden: environ(7).
    if (name === '' || /[=\0]/.test(name)) return `env: ${JSON.stringify(name)} is no name of a variable`
    if (String(value).includes('\0')) return `env: ${name} holds a NUL, which ends a variable`
  }
  if (nagios && expect?.exit !== undefined)
    return 'with nagios: true the exit code is read as a plugin means it: leave expect.exit out'
  for (const text of [...list(expect?.stdout), ...list(expect?.stderr)]) {
    const flaw = text.includes('${') ? undefined : flawOfPattern(text)
    if (flaw !== undefined) return excerpt(flaw, 200)
  }
  return undefined
}

const FLAW: Readonly<Record<CommandFlaw, string>> = {
  missing: 'not-found',
  folder: 'folder',
  'not-executable': 'not-executable',
  unusable: 'not-started',
  interpreter: 'no-interpreter',
}

/** Why nothing can be started in a folder, and where to look. */
const oddFolder = (path: string): { readonly observed: string; readonly at: string } | undefined => {
  const broken = findBreak(path)
  if (broken?.why === 'closed')
    return { observed: `${path} is below ${broken.at}, which this user may not search (EACCES)`, at: broken.at }
  if (broken)
    return {
      observed: `${path} ${broken.why === 'other' ? `cannot be used (${broken.code})` : 'does not exist'}`,
      at: broken.at,
    }
  if (!stat(path)?.isDirectory()) return { observed: `${path} is no folder`, at: path }
  try {
    accessSync(path, constants.X_OK)
    return undefined
  } catch {
    return { observed: `${path} may not be entered by this user (EACCES)`, at: path }
  }
}

/** Nobody but its owner, root and this user may be able to write what is run here. */
const untrusted = (ctx: CheckContext): Trouble | undefined => {
  if (ctx.manifest === null) return undefined
  const expected = 'a manifest that only its owner and root can write, in folders of which the same holds'
  const refused = { status: 'fail', code: 'command/manifest-writable', expected } as const
  try {
    const found = distrust(ctx.manifest, ctx.user)
    if (!found) return undefined
    const path = shownPath(found.path, ctx)
    return {
      ...refused,
      summary: `not run: ${found.who} can write ${path}, and with it what is run here`,
      observed: `${found.path} can be written by ${found.who}`,
      next: `${found.mend}${found.mend === 'chmod go-w' ? '' : ` ${ctx.user.name}`} ${quote(found.path)}`,
      watched: [path],
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return {
      ...refused,
      summary: 'not run: nobody can say who may write the manifest',
      observed: error.message,
      next: `ls -ld ${quote(ctx.manifest)}`,
    }
  }
}

export const command = defineCheck({
  kind: 'command',
  title: 'A command, or any Nagios plugin, ends and says as it should',
  docs: `Runs a program and looks at how it ends (\`expect.exit\`, 0 by default) and at what it says. \`run\` is the program and its
words, without a shell: nothing is expanded. \`shell\` is a text for /bin/sh, for those who want pipes. It gets no input, the gate's
environment with \`env\` on top, and the manifest's folder unless \`cwd\` says otherwise. \`stdout\` and \`stderr\` must contain each given
text; between slashes (\`/ready in [0-9]+ ms/i\`) it is a regular expression, of JavaScript. A text that really begins and ends with a slash needs one too.

With \`nagios: true\` it is a plugin of Nagios, Icinga or Sensu, of which there are thousands: 0 passes, 1 warns, 2 (critical) and 3
(unknown) fail, the first line is the summary, and perfdata behind its \`|\` become facts (\`perf:LABEL\`).

The command has the whole of \`timeout\` for itself (if starting took seconds, the message says how much it had), and is killed then, with
everything in its process group; so is what it leaves running there when it ends. The first 64 KiB of each output are judged, and it is said where there was more.

**Not run at all** if others than root and the manifest's owner can write the manifest, or a folder or a link that leads to it: they could run
anything as you. A group of which the owner is the only member is no other.

**Why it matters.** What is special about this host was once tested by a script that nobody runs any more. Here it is run before each start.

**What it cannot see.** What the command does: one that always ends with 0 proves nothing, so expect a text as well. One that starts a
session of its own (a daemon) escapes the kill, and is mentioned while it holds the output. Access lists, and who can write the program itself.
A secret among the words can be seen in ps(1) while it runs: give it in \`env\`.`,
  options: {
    type: 'object',
    additionalProperties: false,
    oneOf: [{ required: ['run'] }, { required: ['shell'] }],
    properties: {
      run: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', format: 'text' },
        description: 'Program and words, without a shell; a program without a slash is searched on PATH',
      },
      shell: { type: 'string', minLength: 1, description: 'Text for /bin/sh, instead of run' },
      cwd: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: "Where it runs; the manifest's folder without it",
      },
      env: {
        type: 'object',
        additionalProperties: { type: 'string' },
        description: "Variables on top of the gate's environment",
      },
      expect: {
        type: 'object',
        additionalProperties: false,
        description: 'What must come out',
        properties: {
          exit: {
            anyOf: [
              { type: 'integer', minimum: 0, maximum: 255 },
              { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0, maximum: 255 } },
            ],
            description: 'Exit code, or a list of those that are good; 0 without it',
          },
          stdout: { ...OUTPUT, description: 'Texts or /regular expressions/ that must stand in the output' },
          stderr: { ...OUTPUT, description: 'The same of the error output' },
        },
      },
      nagios: { type: 'boolean', default: false, description: 'It is a Nagios plugin: 0, 1, 2, 3 and perfdata' },
    },
  },
  codes: {
    ok: 'it ended as wanted and said what was wanted',
    exit: 'another exit code than wanted',
    stdout: 'the output lacks a wanted text',
    stderr: 'the error output lacks a wanted text',
    signal: 'a signal ended it',
    late: 'it had not ended at the deadline, and was killed',
    'nagios-warning': 'the plugin says WARNING (exit 1)',
    'nagios-critical': 'the plugin says CRITICAL (exit 2)',
    'nagios-unknown': 'the plugin says UNKNOWN (exit 3)',
    'nagios-exit': 'an exit code that no plugin has',
    'nagios-silent': 'the plugin ended with 0 and said nothing, so nobody knows what it looked at',
    'not-found': 'there is no such command',
    folder: 'a folder stands where the command should',
    'not-executable': 'this user may not execute it',
    'no-interpreter': 'the interpreter in its first line, or its loader, does not exist',
    'not-started': 'the system could not start it, for another reason, which is named',
    'no-cwd': 'the folder where it should run is not there, or may not be entered',
    'manifest-writable': 'not run: others can write the manifest',
    contradiction:
      'the options exclude each other, a regular expression cannot be read, or a name is no name of a variable',
  },
  examples: [
    {
      title: 'A script of your own that says what it found',
      files: { 'check-db.sh': 'echo "3 migrations, none pending"' },
      options: { run: ['sh', 'check-db.sh'], expect: { stdout: 'none pending' } },
      expect: { status: 'pass', code: 'command/ok' },
    },
    {
      title: 'It ends with 1',
      options: { shell: 'echo "no such table: jobs" >&2; exit 1' },
      expect: { status: 'fail', code: 'command/exit' },
    },
    {
      title: 'A Nagios plugin that warns',
      files: { check_queue: 'echo "QUEUE WARNING - 12 jobs wait | jobs=12;10;50"; exit 1' },
      options: { run: ['sh', 'check_queue'], nagios: true },
      expect: { status: 'warn', code: 'command/nagios-warning' },
    },
    {
      title: 'A command that does not exist',
      options: { run: ['no-such-plugin', '-w', '5'] },
      expect: { status: 'fail', code: 'command/not-found' },
    },
  ],
  lingerMs: LINGER_MS,
  conflict: given => contradiction(given as Given),
  async run(options, ctx): Promise<Verdict> {
    const wrong = contradiction(options)
    if (wrong !== undefined) return contradictory('command', wrong)
    // Its process group is the child's, and ends with it; and the child is where a regular expression may run for ever.
    contain('code', 'a command')
    const refused = untrusted(ctx)
    if (refused) return refused
    const argv = options.run ?? [SHELL, '-c', options.shell ?? '']
    const typed = options.run ? options.run.map(quote).join(' ') : (options.shell ?? '')
    const shown = excerpt(ctx.mask(typed), 120)
    const cwd = ctx.path(options.cwd ?? '.')
    const trouble = (what: string, observed: string, expected: string, next: string): Trouble => ({
      status: 'fail',
      code: `command/${what}`,
      summary: `${shown}: ${observed}`,
      observed,
      expected,
      next,
      watched: [shown],
    })
    const odd = oddFolder(cwd)
    if (odd) return trouble('no-cwd', odd.observed, 'a folder to run in', `ls -ld ${quote(odd.at)}`)
    // The schema lets only texts in.
    const added = (options.env ?? {}) as Readonly<Record<string, string>>
    const env = { ...ctx.env, ...added }
    const [word = '', ...args] = argv
    const program = findCommand(word, { cwd, env })
    if ('problem' in program) {
      const problem = ctx.mask(program.problem)
      const look = word.includes('/') ? `ls -ld ${quote(resolve(cwd, word))}` : `command -v ${quote(word)}`
      return trouble(
        FLAW[program.flaw],
        problem,
        'a program that this user can execute',
        ctx.mask(program.next ?? look),
      )
    }
    const given = allowance(ctx.timeoutMs, ctx.spentMs)
    const ended = await execute({ path: program.path, argv0: word, args, cwd, env }, given.ms, ctx.signal)
    if ('error' in ended) {
      const { what, says } = whyNotStarted(ended.error)
      const observed = ctx.mask(`${program.path} ${says}`)
      return trouble(what, observed, 'a program that this user can execute', `head -1 ${quote(program.path)} | cat -v`)
    }
    const variables = Object.entries(added).map(([name, value]) => quote(`${name}=${value}`))
    const words = [...(variables.length > 0 ? ['env', ...variables] : []), ...argv.map(quote)]
    const asked: Asked = {
      shown,
      paste: ctx.mask(`cd ${quote(cwd)} && ${words.join(' ')}`),
      mask: ctx.mask,
      given: given.words,
    }
    return judge(ended, wantedOf(options), asked)
  },
})
