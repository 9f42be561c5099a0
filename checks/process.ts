/** How many of a program run: none before a start, exactly one after it. */
import { type CheckContext, defineCheck, type Trouble, type Verdict } from '../core/check.ts'
import { contradictory } from '../core/contradiction.ts'
import { FileError } from '../core/files.ts'
import { fits } from '../core/glob.ts'
import { shownPath } from '../core/paths.ts'
import { alive, clock, describe } from '../core/process.ts'
import { type ListedProcess, listProcesses, ourselves, type ProcessList } from '../core/process-list.ts'
import { quote } from '../core/shell.ts'
import { excerpt } from '../core/text.ts'
import { discreet } from '../core/tokens.ts'
import { userLabel } from '../core/users.ts'
import { judge, LISTED, type Range } from './process/judge.ts'
import { readPidFile, standing } from './process/pid-file.ts'
import type { Claim, Hindrance } from './process/product.ts'

interface Wanted {
  readonly name?: string
  readonly command?: string
}

const fitting =
  ({ name, command }: Wanted) =>
  (each: Pick<ListedProcess, 'name' | 'title' | 'line'>): boolean =>
    (name === undefined || fits(name, each.name) || fits(name, each.title)) &&
    (command === undefined || fits(command, each.line))

const rangeOf = (
  expect: number | { readonly min?: number; readonly max?: number } | undefined,
  { phase, running }: Pick<CheckContext, 'phase' | 'running'>,
): Range => {
  if (typeof expect === 'number') return { min: expect, max: expect }
  if (expect) return { min: expect.min ?? 0, max: expect.max ?? Number.POSITIVE_INFINITY }
  if (phase === 'after') return { min: 1, max: 1 }
  return { min: 0, max: running ? 1 : 0 }
}

interface Given {
  readonly expect?: unknown
  readonly 'pid-file'?: unknown
  readonly lock?: unknown
  readonly command?: unknown
  readonly name?: unknown
  readonly preset?: unknown
}

const contradiction = (given: Given): string | undefined => {
  if (given['pid-file'] !== undefined && given.lock !== undefined) return 'pid-file and lock exclude each other'
  const beside = (['pid-file', 'lock', 'command', 'name'] as const).find(name => given[name] !== undefined)
  if (given.preset !== undefined && beside !== undefined) return `preset and ${beside} exclude each other`
  const { expect } = given
  if (typeof expect !== 'object' || expect === null) return undefined
  const { min = 0, max } = expect as { readonly min?: number; readonly max?: number }
  if (max === undefined && min === 0) return 'expect: {min: 0} is true of everything: say max, or a higher min'
  return max !== undefined && min > max ? `min (${min}) is above max (${max})` : undefined
}

/** `node (pid 4711, claw, since 02:14): node /srv/bot.js` */
const introduce = ({ pid, name, uid, line }: ListedProcess, ctx: CheckContext): string => {
  const startedAt = describe(pid)?.startedAt
  const since = startedAt === undefined ? '' : `, since ${clock(startedAt, ctx.now())}`
  const words = excerpt(ctx.mask(line), 80)
  return `${excerpt(ctx.mask(name), 40)} (pid ${pid}, ${userLabel(uid)}${since})${words === '' ? '' : `: ${words}`}`
}

const unlisted: Trouble = {
  status: 'fail',
  code: 'process/unlisted',
  summary: 'the processes of this host could not be listed',
  observed: 'no answer from the system',
  expected: 'a list of processes',
  next: 'ps -axww -o pid,ppid,uid,rss,state,args',
}

const SAYS: Readonly<Record<'gone' | 'recycled', string>> = {
  gone: 'no such process runs',
  recycled: 'the pid belongs to another process now',
}

const trouble = (
  what: string,
  status: 'warn' | 'fail',
  observed: string,
  expected: string,
  next: string,
  watched: readonly string[],
): Trouble => ({ status, code: `process/${what}`, summary: observed, observed, expected, next, watched })

interface Named {
  readonly path: string
  /** Whether it is called a lock. */
  readonly lock: boolean
}

const byFile = (
  { path: written, lock }: Named,
  wanted: Wanted,
  list: ProcessList,
  range: Range,
  ctx: CheckContext,
): Verdict => {
  const path = ctx.path(written)
  const label = shownPath(path, ctx)
  const read = readPidFile(path, label)
  if (read.found === 'trouble')
    return {
      status: 'fail',
      code: `process/${read.what}`,
      summary: read.says,
      observed: read.says,
      expected: read.expected,
      next: read.what === 'no-pid' ? `head -c 200 ${quote(path)}` : `ls -ld ${quote(read.at)}`,
      watched: [label],
    }
  if (read.found === 'nothing')
    return judge({ label, shown: [], pids: [], hidden: false, note: read.said }, range, ctx.user.name)
  const { pid, writtenAt } = read
  const facts = describe(pid)
  const listed = list.processes.find(each => each.pid === pid)
  const starter = ourselves(list.processes).has(pid) ? 'starter' : undefined
  const ours = pid === process.pid ? 'self' : starter
  const is = standing(
    {
      alive: alive(pid),
      startedAt: facts?.startedAt,
      fits: listed ? fitting(wanted)(listed) : undefined,
      ...(ours ? { ours } : {}),
    },
    writtenAt,
    ctx.now(),
  )
  // It counts where one is wanted; where none is, it is not one of which there would be two.
  if (is === 'starter' && range.max === 0 && listed) {
    const note = `${label} names what started this check: ${introduce(listed, ctx)}`
    return judge({ label, shown: [], pids: [], hidden: false, note }, range, ctx.user.name)
  }
  if (is === 'runs' || is === 'unsure' || is === 'starter') {
    const shown = listed ? introduce(listed, ctx) : `pid ${pid}, which ${ctx.user.name} cannot see`
    return judge({ label, shown: [shown], pids: [pid], hidden: is === 'unsure' }, range, ctx.user.name)
  }
  const stranger = is === 'recycled' && listed ? `: ${introduce(listed, ctx)}` : ''
  const observed = `${label}, written ${clock(writtenAt, ctx.now())}, names pid ${pid}: ${SAYS[is]}${stranger}`
  return {
    // Where none is wanted none runs; but a program that believes the file will not start.
    status: range.min === 0 ? 'warn' : 'fail',
    code: lock ? 'process/stale-lock' : 'process/stale-pid-file',
    summary: observed,
    observed,
    expected:
      range.min === 0
        ? 'no file, or one of a process that runs'
        : 'the pid of a process that wrote this file and still runs',
    next: is === 'gone' ? `rm ${quote(path)}` : `ps -o pid,ppid,user,lstart,args -p ${pid}`,
    watched: [label],
    facts: { count: 0, pid, pids: [], hidden: list.hidden },
  }
}

const PRESETS = { openclaw: async () => (await import('../presets/openclaw-lock.ts')).openclawLock } as const

const byProduct = async (
  { name, state }: { readonly name: keyof typeof PRESETS; readonly state: string | undefined },
  list: ProcessList,
  range: Range,
  ctx: CheckContext,
): Promise<Verdict> => {
  const { readClaim } = await import('./process/product.ts')
  const preset = await PRESETS[name]()
  let claim: Claim
  try {
    claim = await readClaim(preset, { state, lease: range.max === 0 }, ctx)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return trouble(
      'unreadable',
      'fail',
      error.message,
      `what ${preset.product} itself can read`,
      `ls -ld ${quote(error.path)}`,
      [shownPath(error.path, ctx)],
    )
  }
  const { watched, owner, hindrances, left } = claim
  const [first, ...more] = hindrances.toSorted((a, b) => Number(a.status === 'warn') - Number(b.status === 'warn'))
  // A gateway that runs is the cause of most else.
  if (first && (owner === undefined || range.max > 0)) {
    const all = (pick: (one: Hindrance) => string): string => [...new Set([first, ...more].map(pick))].join('; ')
    return trouble(
      first.what,
      first.status,
      all(one => one.observed),
      all(one => one.expected),
      first.next,
      watched,
    )
  }
  const listed = list.processes.find(each => each.pid === owner?.pid)
  const shown = owner && (listed ? introduce(listed, ctx) : `pid ${owner.pid}, which ${ctx.user.name} cannot see`)
  const verdict = judge(
    {
      label: watched[0],
      shown: shown === undefined ? [] : [shown],
      pids: owner ? [owner.pid] : [],
      hidden: owner ? !owner.sure : false,
      ...(left === undefined ? {} : { note: `${left}; ${preset.product} clears it away` }),
    },
    range,
    ctx.user.name,
  )
  return verdict.status === 'skip' ? verdict : { ...verdict, watched }
}

export const processes = defineCheck({
  kind: 'process',
  title: 'As many of a program run as should',
  docs: `Counts processes. By \`command\`, a glob over the whole command line, words joined by blanks (\`node */bot.js\`), and by \`name\`, a glob
over the program's name; both together narrow. Or by a file that names one: \`pid-file\`, or \`lock\`, which hold a pid on their first
line or JSON with \`pid\`; \`name\` and \`command\` then say what that process must be.

\`expect\` is a number, or \`min\` and \`max\`. Without it: none before the start (at most one under \`--running\`), exactly one after it.

Zombies, threads and the kernel's own do not count, nor does bootcheck itself, nor what started it (a shell, a supervisor, sudo), whatever
stands in their command lines. By its file a gateway that runs bootcheck itself is found, and counts where one is wanted. A pid that was given again is told from the one that wrote the file: it began later than the file was
written, or it is not the program that \`name\` and \`command\` say. Such a file is \`stale-pid-file\` or \`stale-lock\`: a warning where none is to run, a
failure otherwise. A file that is not there means that none runs.

**preset: openclaw.** Whether a gateway can take OpenClaw's state folder: nobody holds its lock (\`tmp/openclaw-UID/gateway.state.lock\`) or its owner's lease (a row
of \`state/openclaw.sqlite\`), and the folders of its locks, also \`/tmp/openclaw-state-locks-UID\`, are its user's. A lock of a process that is gone passes, since
OpenClaw clears it away; so does one that names a stranger, unless OpenClaw would take that one for the owner. What does stop a start: a lock that cannot be
read and is younger than 30 s (exit 78), a lease of another host name that has not expired (exit 1: a container that was made anew, for up to 5 minutes),
a lock folder of another user (exit 78).

**Why it matters.** Three copies of one bot took their work from one queue, each answered, and each said it was alone. A stale pid file does the
opposite: the program will not start, because a stranger has its number.

**What it cannot see.** Where /proc hides the processes of others (hidepid), those are not counted, and a count with a \`max\` is then
a warning. Other containers and other hosts. A loose glob like \`*bot.js*\` fits also an editor that has the file open, and a wrapper
(\`sudo node bot.js\`): name the program too. A clock that was set between a process's start and its pid file makes the file look stale.`,
  options: {
    type: 'object',
    additionalProperties: false,
    anyOf: [
      { required: ['command'] },
      { required: ['name'] },
      { required: ['pid-file'] },
      { required: ['lock'] },
      { required: ['preset'] },
    ],
    properties: {
      command: {
        type: 'string',
        minLength: 1,
        description: 'Glob over the whole command line; `*` and `?` are wildcards',
      },
      name: { type: 'string', minLength: 1, description: "Glob over the program's name" },
      'pid-file': { type: 'string', minLength: 1, format: 'path', description: 'File that names the process' },
      lock: { type: 'string', minLength: 1, format: 'path', description: 'Lock file that names its holder' },
      preset: { enum: ['openclaw'], description: 'The lock, the lease and the lock folders of this product' },
      state: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: 'The state folder of the preset (default: as the product finds it)',
      },
      expect: {
        anyOf: [
          { type: 'integer', minimum: 0 },
          {
            type: 'object',
            additionalProperties: false,
            properties: {
              min: { type: 'integer', minimum: 0, description: 'At least so many' },
              max: { type: 'integer', minimum: 0, description: 'At most so many' },
            },
          },
        ],
        description: 'How many: a number, or min and max; 0 before the start and 1 after it, unless said otherwise',
      },
    },
  },
  codes: {
    'as-wanted': 'as many run as wanted',
    'too-many': 'more run than wanted',
    'too-few': 'fewer run than wanted',
    hidden: 'as many as wanted can be seen, and others are hidden from this user',
    'stale-pid-file': 'the pid file names a process that is gone, or a stranger',
    'stale-lock': 'the lock names a process that is gone, or a stranger',
    'lock-folder':
      'a folder of the product\u2019s locks is of another user, no real folder, or cannot be made or written to',
    'lease-held':
      'the owner\u2019s lease in the product\u2019s database has not expired, and its owner is not known to be gone',
    'lease-unread': 'the owner\u2019s lease could not be read (a warning)',
    'no-pid': 'the file holds no pid',
    unreadable: 'the file cannot be read, or is a link to nothing',
    missing:
      'neither the file nor its folder nor the one above exists, something else is in their place, or the product has no state folder',
    unlisted: 'the system would not list its processes',
    contradiction: 'the options exclude each other',
  },
  examples: [
    {
      title: 'No copy of the bot runs yet',
      options: { command: 'node /srv/example-bot/bot.js*' },
      expect: { status: 'pass', code: 'process/as-wanted' },
    },
    {
      title: 'A pid file of a gateway that died',
      files: { 'run/gateway.pid': '4194304\n' },
      options: { 'pid-file': 'run/gateway.pid', expect: 1 },
      expect: { status: 'fail', code: 'process/stale-pid-file' },
    },
    {
      title: 'A lock that a gateway left behind: the next one clears it away',
      files: { 'state/tmp/openclaw-0/gateway.state.lock': '{"pid": 4194304}\n' },
      options: { preset: 'openclaw', state: 'state' },
      expect: { status: 'pass', code: 'process/as-wanted' },
    },
    {
      title: 'A lock of which nobody can say who holds it',
      files: { 'gateway.lock': '' },
      options: { lock: 'gateway.lock' },
      expect: { status: 'fail', code: 'process/no-pid' },
    },
  ],
  conflict: contradiction,
  async run(options, given): Promise<Verdict> {
    const ctx = discreet(given)
    const wrong = contradiction(options)
    if (wrong !== undefined) return contradictory('process', wrong)
    const range = rangeOf(options.expect, ctx)
    const list = await listProcesses(ctx.signal)
    if (!list) return unlisted
    const { 'pid-file': pidFile, lock, command, name, preset } = options
    if (preset !== undefined) return byProduct({ name: preset, state: options.state }, list, range, ctx)
    const path = pidFile ?? lock
    if (path !== undefined) return byFile({ path, lock: lock !== undefined }, options, list, range, ctx)
    const ours = ourselves(list.processes)
    const found = list.processes.filter(each => !ours.has(each.pid) && fitting(options)(each))
    const label = [
      ...(command === undefined ? [] : [`command "${ctx.mask(command)}"`]),
      ...(name === undefined ? [] : [`name "${name}"`]),
    ].join(' and ')
    const shown = found.slice(0, LISTED).map(each => introduce(each, ctx))
    const starter = list.processes.find(
      each => ours.has(each.pid) && each.pid !== process.pid && fitting(options)(each),
    )
    const uncounted = starter && `what started this check does not count: ${introduce(starter, ctx)}`
    return judge(
      {
        label,
        shown,
        pids: found.map(({ pid }) => pid),
        hidden: list.hidden,
        ...(uncounted === undefined ? {} : { uncounted }),
      },
      range,
      ctx.user.name,
    )
  },
})
