/** Which interpreter a service really gets, and whether it starts at all. */
import { basename } from 'node:path'
import { type CheckContext, defineCheck, type Facts, type Verdict } from '../core/check.ts'
import { elapsed } from '../core/clock.ts'
import { shownPath } from '../core/paths.ts'
import { excerpt, listing } from '../core/text.ts'
import { discreet } from '../core/tokens.ts'
import { askProgram, askShell, tryOptions } from './interpreter/ask.ts'
import { behind, lookUp, searchPath } from './interpreter/find.ts'
import { answerOf, judge, type Problem, type Seen } from './interpreter/judge.ts'
import { programOf } from './interpreter/programs.ts'
import { namedIn, ownService, readService, type Service } from './interpreter/service.ts'
import { isRange } from './interpreter/version.ts'

const factsOf = (
  { search, used, trial, shell }: Seen,
  byPath: string | undefined,
  mask: CheckContext['mask'],
): Facts => {
  const answer = used && answerOf(used)
  return {
    path: used?.path ?? null,
    ...(used ? { real: used.real, version: answer?.version ?? null, arch: answer?.arch ?? null, shim: used.shim } : {}),
    ...(byPath === undefined ? {} : { byPath }),
    ...(trial ? { variables: Object.keys(trial.variables) } : {}),
    ...(shell ? { shell: shell.asked?.path ?? null } : {}),
    ...(search.passedOver.length > 0
      ? { passedOver: search.passedOver.map(({ path, why }) => mask(`${path}: ${why}`)) }
      : {}),
    ...(search.relative.length > 0 ? { relative: search.relative.map(word => excerpt(mask(word), 100)) } : {}),
  }
}

const refused = (
  problems: readonly [Problem, ...Problem[]],
  watched: readonly string[],
  facts: Facts,
  path: string,
  mask: CheckContext['mask'],
): Verdict => {
  const [first] = problems
  const all = (pick: (problem: Problem) => string): string => mask([...new Set(problems.map(pick))].join('; '))
  return {
    status: first.status,
    code: `interpreter/${first.what}`,
    summary: all(({ says }) => says),
    observed: all(({ observed }) => observed),
    expected: all(({ expected }) => expected),
    next: mask(first.next),
    watched,
    facts,
    findings: problems.map(({ what, says, next }) => ({
      path,
      code: `interpreter/${what}`,
      message: mask(`${says} (next: ${next})`),
    })),
  }
}

const praise = ({ name, label, used, trial }: Seen): string => {
  const answer = used && answerOf(used)
  const arch = answer?.arch === undefined ? '' : ` (${answer.arch})`
  const options = trial ? `; it starts with its ${listing(Object.keys(trial.variables))}` : ''
  const where = name === used?.path ? '' : ` under ${label}`
  return `${basename(name)} is ${used?.path} ${answer?.version}${arch}${where}${options}`
}

/** A path in the command of the service outweighs its PATH: that is what is started. */
const lookFor = (name: string, service: Service, ctx: CheckContext) => {
  const byName = name.includes('/') ? lookUp(ctx.path(name)) : searchPath(name, service.env.PATH ?? '/usr/bin:/bin')
  const named = (name.includes('/') ? [] : namedIn(service.command, name)).map(path => ({
    name: path,
    search: lookUp(path),
  }))
  // One that is not there is what fails, however many others are.
  const first = named.find(({ search }) => search.path === undefined) ?? named[0]
  return first ? { ...first, byName, named: true } : { name, search: byName, byName, named: false }
}

const flawOf = ({ from, path, version }: Readonly<Record<string, unknown>>): string | undefined => {
  if (from !== undefined && path !== undefined) return 'from and path exclude each other'
  return typeof version === 'string' && !isRange(version)
    ? `version: ${excerpt(version, 60)} is no range, as ">=22.12 <25" is one`
    : undefined
}

export const interpreter = defineCheck({
  kind: 'interpreter',
  title: 'The service gets the interpreter that it needs, and it starts',
  docs: `Proves which file a name (\`node\`) stands for under the PATH that the *service* has, that this file is executed, is of the wanted
version and architecture, and starts at all with the \`NODE_OPTIONS\` (or \`RUBYOPT\`, \`PYTHONHOME\`, \`LD_PRELOAD\` …) of its environment: it is
really started, once for its version and once to do nothing.

The PATH and the other variables come from \`from\`: a launchd plist (launchd's own PATH where it names none), or a systemd unit with its drop-ins
and environment files, and what a wrapper script that it starts reads by \`. FILE\`; or from \`path\`; or from this run, which is right where the gate and the gateway are started alike. A file that the
service's command names by its path (\`ExecStart=/usr/bin/node …\`) is the one that is looked at. With \`compare: shell\` the
answer of a login shell (\`$SHELL -lc 'command -v node'\`) is set beside it: another one is a warning that names both.

**Why it matters.** A daemon was restarted 3,751 times in a night: launchd's PATH had the system's interpreter in front of the version
manager's. By hand everything worked, since a shell has another PATH. An option in \`NODE_OPTIONS\` that Node does not know ends it with 9 before
its first line.

**What it cannot see.** What the service's own program does to PATH later. A user manager's environment (\`systemctl --user set-environment\`),
\`PassEnvironment=\` and \`launchctl setenv\`. It asks as the user that runs it, with that user's rights. A shell's files for interactive use
(\`.bashrc\`, \`.zshrc\`), where version managers like to stand, are not read by \`-lc\`. Options that load a file or write a profile do so once.`,
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1, default: 'node', description: 'The name to look up, or a path' },
      from: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: 'Plist or systemd unit of the service, for its PATH and environment',
      },
      path: { type: 'string', minLength: 1, description: "A PATH in place of this run's" },
      version: {
        type: 'string',
        minLength: 1,
        description: 'Range that its version must lie in: `>=22.12 <25`, `^24`',
      },
      arch: {
        enum: ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64'],
        description: "Architecture that it must run as, in Node's words",
      },
      compare: {
        enum: ['shell'],
        description: "`shell`: compare with the login shell's, and warn where it is another",
      },
    },
  },
  codes: {
    good: 'the name leads to an interpreter that is as wanted, and starts',
    missing: 'no folder of PATH holds it',
    'not-executable': 'what is there may not be executed by this user',
    dangling: 'the version that it was linked to was removed; a warning where PATH falls through to another one',
    shim: "a version manager's shim that needs an environment which the service does not have",
    broken: 'it does not start, or tells no version',
    silent: 'it does not answer',
    'wrong-version': 'its version is outside the range',
    'wrong-arch': 'it is built for another processor',
    'options-kill-it': 'it does not start with the variables of its environment',
    differs: 'a login shell finds another one',
    'shell-silent': 'the login shell did not answer',
    unreadable: 'the plist, the unit, or an environment file of it cannot be read',
    'not-a-service': 'the file is no plist and no unit, or it is broken',
    options: 'the options contradict each other',
  },
  examples: [
    {
      title: 'The PATH of this run has a Node that is new enough',
      options: { version: '>=20.19' },
      expect: { status: 'pass', code: 'interpreter/good' },
    },
    {
      title: 'A version that the gateway does not run on',
      options: { version: '<4' },
      expect: { status: 'fail', code: 'interpreter/wrong-version' },
    },
    {
      title: 'A unit whose PATH has no interpreter',
      files: { 'gateway.service': '[Service]\nEnvironment=PATH=/opt/gateway/bin\nExecStart=/opt/gateway/start\n' },
      options: { from: 'gateway.service' },
      expect: { status: 'fail', code: 'interpreter/missing' },
    },
    {
      title: 'An option that this Node does not know',
      options: {},
      env: { NODE_OPTIONS: '--max-old-space=4096' },
      expect: { status: 'fail', code: 'interpreter/options-kill-it' },
    },
  ],
  conflict: flawOf,
  async run({ name, from, path, version, arch, compare }, given) {
    const ctx = discreet(given)
    const flaw = flawOf({ from, path, version })
    if (flaw !== undefined)
      return {
        status: 'fail',
        code: 'interpreter/options',
        summary: flaw,
        observed: flaw,
        expected: 'options that go together',
        next: 'bootcheck explain interpreter',
      }
    const service = from === undefined ? ownService(path, ctx) : readService(ctx.path(from), ctx)
    if ('what' in service)
      return {
        status: 'fail',
        code: `interpreter/${service.what}`,
        summary: `nothing is known of the service: ${service.observed}`,
        observed: service.observed,
        expected: service.expected,
        next: service.next,
        watched: [service.path],
      }

    const { name: word, search, byName, named } = lookFor(name, service, ctx)
    const program = programOf(basename(name))
    const label = named ? `the command of ${basename(service.files[0] ?? '')}` : service.label
    const common = { name: word, label, searched: service.env.PATH ?? '/usr/bin:/bin', search, program }
    const { signal, timeoutMs } = ctx
    // Short of the check's own time, so that there is some left to say which question was not answered.
    const asking = { env: service.env, cwd: service.cwd, signal, until: elapsed() + timeoutMs * 0.8 }
    const used = search.path === undefined ? undefined : await askProgram(search.path, program, asking)
    const trial = used && answerOf(used) ? await tryOptions(used.path, program, asking) : undefined
    const shell = compare === 'shell' && used ? await askShell(name, program, asking, ctx) : undefined
    const seen: Seen = { ...common, ...(used && { used }), ...(trial && { trial }), ...(shell && { shell }) }

    const files = service.files.map(file => shownPath(file, ctx))
    const watched: [string, ...string[]] = [used?.path ?? word, ...files]
    const alsoByName =
      named && byName.path !== undefined && behind(byName.path) !== used?.real ? byName.path : undefined
    const facts = factsOf(seen, alsoByName, ctx.mask)
    const [first, ...others] = judge(seen, { ...(version && { version }), ...(arch && { arch }) }, ctx.mask)
    if (first) return refused([first, ...others], watched, facts, service.files[0] ?? used?.path ?? word, ctx.mask)
    return { status: 'pass', code: 'interpreter/good', summary: ctx.mask(praise(seen)), watched, facts }
  },
})
