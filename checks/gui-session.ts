/** Whether the service account has what its services live in: a session at the screen, or a manager that lingers. */
import { type CheckContext, defineCheck, type Facts, type Verdict } from '../core/check.ts'
import { elapsed } from '../core/clock.ts'
import { FileError, readText } from '../core/files.ts'
import { shownPath } from '../core/paths.ts'
import { quote } from '../core/shell.ts'
import { excerpt } from '../core/text.ts'
import { userId, userLabel } from '../core/users.ts'
import { gatherLinux, gatherMac, type Who } from './gui-session/gather.ts'
import { type Expect, type Judged, judgeLinux, judgeMac } from './gui-session/judge.ts'
import type { LinuxFacts } from './gui-session/linux.ts'
import type { MacFacts } from './gui-session/macos.ts'
import { judgeOutput } from './gui-session/output.ts'

const verdictOf = (
  judged: Judged,
  watched: readonly [string, ...string[]],
  facts: Facts,
  { mask }: CheckContext,
): Verdict => {
  const code = `gui-session/${judged.what}`
  if (judged.good) return { status: 'pass', code, summary: mask(judged.says), watched, facts }
  const line = (text: string): string => excerpt(mask(text), 300)
  return {
    status: judged.status,
    code,
    summary: line(judged.says),
    observed: line(judged.observed),
    expected: judged.expected,
    next: judged.next,
    watched,
    facts,
  }
}

const bad = (what: string, says: string, observed: string, expected: string, next: string): Judged => ({
  good: false,
  status: 'fail',
  what,
  says,
  observed,
  expected,
  next,
})

const factsOf = (facts: LinuxFacts | MacFacts): Facts =>
  facts.system === 'macos'
    ? { uid: facts.uid, manager: facts.manager ?? null }
    : {
        uid: facts.uid,
        linger: facts.linger ?? null,
        sessions: facts.sessions.map(({ id, type, state }) => `${id} ${type} ${state}`),
        runtimeDir: facts.runtimeDir.seen,
        manager: facts.manager?.state ?? null,
      }

const fromOutput = (
  file: string,
  { user, expect }: { readonly user: string | number | undefined; readonly expect: Expect | undefined },
  ctx: CheckContext,
): Verdict => {
  const path = ctx.path(file)
  const shown = shownPath(path, ctx)
  try {
    return verdictOf(
      judgeOutput(readText(path), { shown, user, uid: ctx.user.uid, expect }),
      [shown],
      { output: shown },
      ctx,
    )
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    const judged = bad(
      'unreadable',
      `${shown} cannot be read`,
      error.message,
      'what launchctl or loginctl printed',
      `ls -ld ${quote(path)}`,
    )
    return verdictOf(judged, [shown], {}, ctx)
  }
}

/** The user that was asked for; undefined where this host has none of that name. */
const whoIs = (user: string | number | undefined, ctx: CheckContext): Who | undefined => {
  if (user === undefined) return { name: ctx.user.name, uid: ctx.user.uid, own: true }
  const uid = typeof user === 'number' ? user : userId(user)
  if (uid === undefined) return undefined
  return { name: typeof user === 'number' ? userLabel(uid) : user, uid, own: uid === ctx.user.uid }
}

export const guiSession = defineCheck({
  kind: 'gui-session',
  title: 'The service account has a session for its services to live in',
  docs: `Proves that a service of this user can be started at all. On macOS: the account is logged in at the screen, so that the domain
\`gui/UID\` exists in which a LaunchAgent lives (\`launchctl print gui/UID\`). On Linux, by default (\`expect: linger\`): lingering is on, so that
user services start at boot and outlive a logout; \`/run/user/UID\` is there; and \`systemctl --user\` reaches the manager. With \`expect: session\`:
a session of type x11 or wayland.

With \`output\` it asks nobody, and explains what a deploy script kept: of \`loginctl show-user claw > session.txt 2>&1\`, or, as a bootstrap that
works prints nothing, of \`{ launchctl bootstrap gui/501 gateway.plist; launchctl print gui/501; } > session.txt 2>&1\`. With \`user\` as well, it must
be about that user.

**Why it matters.** After a reboot nobody logged in at the Mac's screen, and each start of the LaunchAgent ended with "Bootstrap failed: 125: Domain
does not support specified action", which says nothing of a login. (5 is launchd's generic refusal; 37 means that the same request is already in progress.)
A user service on Linux ends as soon as its owner's ssh session does.

**What it cannot see.** Whether the session is locked, or what is allowed in it (screen recording, keychain). The manager of another user is not asked,
only its session and lingering. A gateway that runs as a system service (LaunchDaemon, \`User=\`) needs none of this. The macOS branch is written
from recorded outputs.`,
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      user: {
        type: ['string', 'integer'],
        minLength: 1,
        minimum: 0,
        description: "Name or uid; this run's user by default",
      },
      expect: {
        enum: ['session', 'linger'],
        description: 'A session at the screen, or services that live without one. `session` on macOS, else `linger`',
      },
      output: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: 'File with what launchctl or loginctl printed, to be explained in place of asking this host',
      },
    },
  },
  codes: {
    session: 'there is a session at the screen',
    lingering: 'services of this user start at boot and outlive a logout',
    'no-session': "nobody of that account is logged in at the screen; launchd's error 125",
    'no-linger': 'lingering is off: services end at logout',
    'no-runtime-dir': '/run/user/UID is missing, or belongs to somebody else',
    'runtime-dir-differs': 'XDG_RUNTIME_DIR names another folder',
    'no-user-manager': '`systemctl --user` does not reach a working manager',
    'no-logind': 'systemd-logind does not answer, or is not on this host',
    refused: "launchd's error 5: loaded already, disabled, or a wrong plist",
    'in-progress': "launchd's error 37: the same request is in progress",
    'launchd-error': 'another error of launchd',
    'unknown-user': 'this host has no such user',
    unsupported: 'this system has nothing of the kind',
    unreadable: 'the file of `output` cannot be read',
    'other-user': 'the file of `output` is about another user than `user`',
    'unknown-output': 'the file of `output` is empty, or of neither tool',
  },
  examples: [
    {
      title: 'What loginctl printed of a user who lingers',
      files: { 'user.txt': 'UID=501\nName=claw\nRuntimePath=/run/user/501\nState=lingering\nSessions=\nLinger=yes\n' },
      options: { output: 'user.txt' },
      expect: { status: 'pass', code: 'gui-session/lingering' },
    },
    {
      title: 'A LaunchAgent that could not be loaded',
      files: { 'session.txt': 'Bootstrap failed: 125: Domain does not support specified action\n' },
      options: { output: 'session.txt' },
      expect: { status: 'fail', code: 'gui-session/no-session' },
    },
    {
      title: 'An account that is not there',
      options: { user: 'no-such-account' },
      expect: { status: 'fail', code: 'gui-session/unknown-user' },
    },
  ],
  async run({ user, expect, output }, ctx) {
    if (output !== undefined) return fromOutput(output, { user, expect }, ctx)
    const who = whoIs(user, ctx)
    if (!who)
      return verdictOf(
        bad(
          'unknown-user',
          `there is no user ${user} on this host`,
          `nobody is called ${user}`,
          'the account that the gateway runs as',
          `id -- ${quote(String(user))}`,
        ),
        [String(user)],
        {},
        ctx,
      )
    const { signal } = ctx
    // Short of the check's own time, so that there is some left to say what was not answered.
    const asking = { until: elapsed() + ctx.timeoutMs * 0.8, signal, runtimeDir: ctx.env.XDG_RUNTIME_DIR }
    const watched: readonly [string, ...string[]] = [`sessions of ${who.name}`]
    if (process.platform === 'linux') {
      const facts = await gatherLinux(who, asking)
      return verdictOf(judgeLinux(facts, expect ?? 'linger'), watched, factsOf(facts), ctx)
    }
    const facts = process.platform === 'darwin' && expect !== 'linger' ? await gatherMac(who, asking) : undefined
    if (facts) return verdictOf(judgeMac(facts), watched, factsOf(facts), ctx)
    return verdictOf(
      bad(
        'unsupported',
        expect === 'linger' ? 'only systemd knows lingering' : `nothing is known of sessions on ${process.platform}`,
        `the platform is ${process.platform}`,
        'macOS with launchctl, or Linux with systemd',
        'bootcheck explain gui-session',
      ),
      watched,
      {},
      ctx,
    )
  },
})
