/** What the supervisor that starts the gateway will do with our exit codes. */
import { type CheckContext, defineCheck, type Facts, type Trouble, type Verdict } from '../core/check.ts'
import { FileError, readText } from '../core/files.ts'
import { shownPath } from '../core/paths.ts'
import { quote } from '../core/shell.ts'
import { excerpt, listing } from '../core/text.ts'
import { discreet } from '../core/tokens.ts'
import type { Judged } from './supervisor/problem.ts'
import { guessKind, KINDS, type Kind, meantBy, readSupervisor } from './supervisor/read.ts'

const fatesOf = (judged: readonly Judged[]): Facts =>
  Object.fromEntries(
    (['69', '75', '78'] as const).map(code => [code, [...new Set(judged.map(({ fates }) => fates[code]))].join(', ')]),
  )

const told = (facts: Facts): string => `69 ${facts['69']}, 75 ${facts['75']}, 78 ${facts['78']}`

const simple = (
  what: string,
  path: string,
  ctx: CheckContext,
  [summary, observed, expected, next]: readonly [string, string, string, string],
  line?: number,
): Verdict => ({
  status: 'fail',
  code: `supervisor/${what}`,
  summary: ctx.mask(summary),
  observed: excerpt(ctx.mask(observed), 300),
  expected,
  next,
  watched: [shownPath(path, ctx)],
  ...(line === undefined ? {} : { findings: [{ path, line, message: excerpt(ctx.mask(observed), 300) }] }),
})

const refused = (
  path: string,
  judged: readonly Judged[],
  watched: readonly string[],
  facts: Facts,
  ctx: CheckContext,
): Trouble | undefined => {
  const all = judged.flatMap(({ problems }) => problems)
  const problems = [...all.filter(({ status }) => status === 'fail'), ...all.filter(({ status }) => status === 'warn')]
  const [first] = problems
  if (!first) return undefined
  const mask = (text: string): string => excerpt(ctx.mask(text), 300)
  const several = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return {
    status: first.status,
    code: `supervisor/${first.what}`,
    summary: `${shownPath(path, ctx)}: ${mask(first.says)}${several}`,
    observed: mask(
      listing(
        problems.map(({ observed }) => observed),
        6,
      ),
    ),
    expected: mask(first.expected),
    next: mask(first.next),
    watched,
    facts,
    findings: problems.map(({ what, says, next, line, file }) => ({
      path: file ?? path,
      ...(line === undefined ? {} : { line }),
      code: `supervisor/${what}`,
      message: mask(`${says} (next: ${next})`),
    })),
  }
}

export const supervisor = defineCheck({
  kind: 'supervisor',
  title: 'launchd, systemd, pm2, Docker and their like do the right thing with our exit codes',
  docs: `Reads the file that starts the gateway and says what becomes of 69 (refused until \`state reset\`), 75 (not now) and 78 (mend first): restarted,
or left alone. It reads launchd plists, systemd services with their drop-ins, podman's quadlets, supervisord's programs, the service folders of runit
and s6 (\`run\`, \`finish\`), pm2's ecosystem files (read, never run: what is no literal is said), Dockerfiles, compose files, and the script of a
package.json. \`kind\` is guessed by name and content. Shell scripts that they start are looked into. [Under a supervisor](supervisors.md) has a whole
file for most of them.

It finds a gate that is named and not run, or not heeded: an argument of another program, a word behind \`echo\`, \`|| true\`, \`;\`, \`&\`, a pipe, \`-\` in
front of \`ExecStart=\`, \`&&\` where no shell reads it, a unit that is not enabled or that another one of its name hides.

**Why it matters.** Under \`KeepAlive\` true launchd restarts after every code: a gate that answered "mend first" was asked again every ten seconds, all
night. In \`ExecStartPre=\` the same gate loops under systemd, and in a \`prestart\` script Yarn 2 and later never ask it at all. pm2 gives a shell
script to Node, unless its interpreter is \`none\`, and puts a guard that is one of its instances into a worker, where it starts nothing.

**What it cannot see.** What was loaded before the file was changed (\`systemctl daemon-reload\`, \`launchctl bootout\`, \`supervisorctl update\`). Values
that a pm2 file computes, names that a script computes (\`$PROGRAM guard\`), a \`finish\` that compares codes otherwise than by naming them. A base
image's ENTRYPOINT, and the image of a compose service or quadlet that names no command. What a program in between does with codes and signals.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['file'],
    properties: {
      file: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description:
          'Plist, unit, quadlet, supervisord.conf, ecosystem file, Dockerfile, compose file, package.json, or a service folder with its `run`',
      },
      kind: { enum: KINDS, description: 'What the file is for, where name and content do not tell' },
      name: {
        type: 'string',
        minLength: 1,
        description:
          'The app, program, service or script that starts the gateway, where the file holds several. Of package.json: `start`',
      },
    },
  },
  codes: {
    fits: 'what a restart cannot help is not restarted, and a crash is',
    unreadable: 'the file, or a drop-in of it, cannot be read',
    'unknown-kind': 'neither name nor content tell what it is for',
    malformed: 'it cannot be parsed',
    'nothing-here': 'it starts nothing, or nothing of that name',
    'no-bootcheck': 'it starts the gateway past the gate',
    loops: '69 and 78 are restarted for ever',
    'gate-loops': 'a gate in ExecStartPre=, or without the guard, which Restart= asks again and again',
    'no-command': 'the guard has nothing to start',
    'gate-ignored': 'a gate, or a guard, whose answer nobody heeds',
    'no-shell': 'words of a shell, where no shell reads them',
    'another-supervisor': 'it starts another supervisor, of which another file says what it does',
    'not-started': 'nothing starts it by itself, or another file of its name is used',
    silent: 'a closed gate is told to nobody',
    'prestart-skipped': 'the gate stands in a script that is not run',
    'crashed-key': 'keys of KeepAlive that restart it all the same',
    'never-restarts': 'a gateway that crashes stays down',
    'start-limit': 'the start limit never trips',
    'stop-timeout': 'the supervisor kills the guard before the guard may kill the gateway',
    'start-timeout': 'a guard that waits is killed',
    'kill-mode': 'signals go to more, or to less, than the guard',
    notify: 'the guard is not heard when it is ready',
    'shell-form': 'a shell stands in between and passes no signal on',
    cluster: 'several guards for one gateway, or one in a worker',
    'failed-start': 'an end in the first seconds is a failed start, whatever its code',
    'not-executable': 'a script that its supervisor cannot start',
    'bare-program': 'a program without its folder',
    'no-log': 'what it says is lost',
    'log-folder': 'the folder of its log is not there',
    'no-state-folder': 'the guard has no lasting folder to remember in',
    'ignored-line': 'a line that the supervisor ignores',
    unread: 'a part that could not be read',
  },
  examples: [
    {
      title: 'A systemd service that leaves alone what a restart cannot help',
      files: {
        'gateway.service': `[Unit]
StartLimitIntervalSec=5min

[Service]
ExecStart=/usr/bin/bootcheck guard --state-dir /var/lib/gateway -- /usr/bin/node /opt/gateway/gateway.mjs
StateDirectory=gateway
Restart=on-failure
RestartSec=5s
RestartPreventExitStatus=69 78
KillMode=mixed
TimeoutStopSec=15s
`,
      },
      options: { file: 'gateway.service' },
      expect: { status: 'pass', code: 'supervisor/fits' },
    },
    {
      title: 'A gate that systemd asks again and again',
      files: {
        'gateway.service':
          '[Service]\nExecStartPre=/usr/bin/bootcheck run /etc/gateway/BOOT.md\nExecStart=/usr/bin/node /opt/gateway/gateway.mjs\nRestart=always\n',
      },
      options: { file: 'gateway.service' },
      expect: { status: 'fail', code: 'supervisor/gate-loops' },
    },
    {
      title: 'A program of supervisord whose gate nobody heeds',
      files: {
        'gateway.conf': '[program:gateway]\ncommand=/bin/sh -c "bootcheck run || true; exec node gateway.mjs"\n',
      },
      options: { file: 'gateway.conf' },
      expect: { status: 'fail', code: 'supervisor/gate-ignored' },
    },
    {
      title: 'A prestart that Yarn does not run',
      files: {
        'package.json':
          '{"packageManager": "yarn@4.5.0", "scripts": {"prestart": "bootcheck", "start": "node gateway.mjs"}}\n',
      },
      options: { file: 'package.json' },
      expect: { status: 'fail', code: 'supervisor/prestart-skipped' },
    },
  ],
  async run({ file, kind, name }, given) {
    const ctx = discreet(given)
    let path = ctx.path(file)
    try {
      path = meantBy(path, kind)
      const shown = shownPath(path, ctx)
      const text = readText(path)
      const known: Kind | undefined = kind ?? guessKind(path, text)
      if (text.trim() === '' || !known)
        return simple(text.trim() === '' ? 'nothing-here' : 'unknown-kind', path, ctx, [
          text.trim() === '' ? `${shown} is empty` : `nobody knows which supervisor ${shown} is for`,
          text.trim() === ''
            ? 'an empty file'
            : text.startsWith('#!')
              ? 'a script, in which no supervisor is named'
              : 'neither its name nor its content tell',
          `a file for one of ${KINDS.join(', ')}; or its kind, as the option kind`,
          text.trim() === '' ? `ls -l ${quote(path)}` : 'bootcheck explain supervisor',
        ])
      const { judged: answer, files } = await readSupervisor(path, text, known, name ?? 'start', ctx)
      if ('what' in answer)
        return simple(
          answer.what,
          path,
          ctx,
          [`${shown}: ${answer.observed}`, answer.observed, answer.expected, answer.next],
          answer.line,
        )
      const several = known === 'pm2' || known === 'compose' || known === 'supervisord'
      const byName = several && name !== undefined
      const judged = answer.filter(({ of, ours }) =>
        byName ? of === name : ours !== false || !answer.some(other => other.ours),
      )
      if (judged.length === 0)
        return simple('nothing-here', path, ctx, [
          `${shown} holds no ${name}`,
          `it holds ${listing(
            answer.map(({ of }) => of),
            6,
          )}`,
          `one called ${name}`,
          `bootcheck check supervisor --file ${quote(file)} --name ${quote(answer[0]?.of ?? '')}`,
        ])
      const [first, ...rest] = files.map(each => shownPath(each, ctx))
      const watched: [string, ...string[]] = [first ?? shown, ...rest]
      const facts: Facts = { kind: known, of: judged.map(({ of }) => ctx.mask(of)), ...fatesOf(judged) }
      return (
        refused(path, judged, watched, facts, ctx) ?? {
          status: 'pass',
          code: 'supervisor/fits',
          summary: ctx.mask(`${shown} (${known}): ${told(facts)}`),
          watched,
          facts,
        }
      )
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      return simple('unreadable', error.path, ctx, [
        `nothing is known of the supervisor: ${shownPath(error.path, ctx)} cannot be read`,
        error.message,
        'the file that starts the gateway',
        `ls -ld ${quote(error.path)}`,
      ])
    }
  },
})
