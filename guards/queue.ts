/** The queue's monitor: claims whose worker is gone or stuck are found by evidence, and given back if the user says how. */
import { type CheckContext, defineCheck, type Facts, type Verdict } from '../core/check.ts'
import { breather, elapsed } from '../core/clock.ts'
import { FileError } from '../core/files.ts'
import { type Globbed, glob } from '../core/glob.ts'
import { remember } from '../core/guard.ts'
import { shownPath } from '../core/paths.ts'
import { markPresent, REQUEUE } from '../core/permit.ts'
import { alive } from '../core/process.ts'
import { damaged, SPAN, tooLong, unreadable } from '../core/remembered.ts'
import { quote } from '../core/shell.ts'
import { observeSleep } from '../core/sleep.ts'
import { elapsedMs, type Reading, type Store, StoreError } from '../core/store.ts'
import { listing, plural, span } from '../core/text.ts'
import { duration } from '../core/units.ts'
import { type Claim, type Pointers, readClaim, type Unfit, USUAL } from './queue/claim.ts'
import { gather } from './queue/evidence.ts'
import {
  itemGuard,
  judgeClaim,
  type Limits,
  resetKey,
  type Standing,
  standingOf,
  tell,
  triesOf,
} from './queue/judge.ts'
import { demandChild, fill, findReset, runReset, unknownPlaceholders } from './queue/reset.ts'

type Is = 'working' | 'asleep' | 'resetting' | 'reset' | 'stale' | 'not-reset' | 'reset-failed' | 'spent' | 'claim'

/** The later leads. */
const RANK: readonly Is[] = [
  'working',
  'asleep',
  'resetting',
  'reset',
  'stale',
  'not-reset',
  'reset-failed',
  'spent',
  'claim',
]
const WARNS: ReadonlySet<Is> = new Set(['asleep', 'resetting', 'reset'])

/** One claim, judged and dealt with. */
interface Case {
  readonly is: Is
  /** As people read it. */
  readonly path: string
  readonly id?: string
  readonly standing?: Standing
  readonly message: string
  /** The command that should give it back, filled in. */
  readonly words?: readonly string[]
}

interface Wanted {
  readonly pointers: Pointers
  readonly limits: Limits
  readonly attempts: number
  readonly reset: readonly string[] | undefined
  /** Names that command; empty without one. */
  readonly command: string
}

const PLACEHOLDERS = ['id', 'worker', 'claim', 'try'] as const

/** The rest is kept free, so that the verdict is given before the runner gives up: its clock began before this process did. */
const SHARE = 3 / 4
/** A command is not begun with less time than this. */
const LEAST_MS = 250

const BREATH_MS = 20

const filledFor = (claim: Claim, words: readonly string[], nth: number): readonly string[] =>
  fill(words, { id: claim.id, worker: claim.worker ?? '', claim: claim.path, try: String(nth) })

/** Gives the item back, once for this evidence: whoever appends first acts. */
const giveBack = async (
  claim: Claim,
  standing: Standing,
  words: readonly string[],
  wanted: Wanted,
  leftMs: number,
  ctx: CheckContext,
): Promise<Pick<Case, 'is' | 'message' | 'words'>> => {
  const { evidence } = standing
  const { command } = wanted
  demandChild(words)
  if (leftMs < LEAST_MS) return { is: 'stale', message: `${tell(standing)}; no time was left to reset it in this run` }
  const mine = ctx.store.append(claim.id, {
    type: REQUEUE,
    of: evidence,
    command,
    cause: standing.cause,
    attempts: wanted.attempts,
  })
  const memory = remember(itemGuard, ctx.store.read(claim.id))
  if (memory.resets.get(resetKey(evidence, command))?.id !== mine.id)
    return { is: 'resetting', message: 'another run resets it at this moment' }
  const filled = filledFor(claim, words, triesOf(memory))
  const ended = await runReset(filled, leftMs, ctx)
  ctx.store.append(claim.id, { type: 'requeued', of: evidence, command, ok: ended.ok })
  if (!ended.ok)
    return { is: 'reset-failed', message: `${tell(standing)}; its reset failed: ${ended.said}`, words: filled }
  const after = readClaim(claim.path, wanted.pointers, ctx)
  const stands = after !== undefined && after !== 'young' && 'content' in after && after.content === claim.content
  if (stands && after.claimedAt === claim.claimedAt)
    return { is: 'not-reset', message: `${tell(standing)}; ${words[0]} ended well, and the claim still stands` }
  return { is: 'reset', message: `${tell(standing)}; given back for try ${triesOf(memory)} of ${wanted.attempts}` }
}

/** A reset that was begun for this very evidence and has not helped is not begun again. */
const answered = (standing: Standing, ok: boolean | undefined, running: boolean): Pick<Case, 'is' | 'message'> => {
  if (ok === undefined && running) return { is: 'resetting', message: 'another run resets it at this moment' }
  if (ok) return { is: 'not-reset', message: `${tell(standing)}; it was reset, and the claim still stands` }
  const how = ok === undefined ? 'was begun and not heard of again' : 'failed'
  return {
    is: 'reset-failed',
    message: `${tell(standing)}; its reset ${how}, and is not tried again before it changes`,
  }
}

const settle = async (
  claim: Claim,
  wanted: Wanted,
  read: (target: string) => Reading,
  leftMs: () => number,
  ctx: CheckContext,
): Promise<Case> => {
  const { store } = ctx
  const records = claim.worker === undefined ? [] : read(claim.worker).records
  const before = read(claim.id)
  const now = store.stamp()
  const sleep = observeSleep(now)
  const standing = standingOf(claim, gather(claim, records, now), wanted.limits)
  const memory = remember(itemGuard, before)
  const found = judgeClaim(standing, memory, wanted, { now, sleep })
  const about = { path: shownPath(claim.path, ctx), id: claim.id, standing }
  switch (found.is) {
    case 'working':
      return { ...about, is: 'working', message: tell(standing) }
    case 'asleep':
      if (!memory.doubts.has(standing.evidence))
        store.append(claim.id, { type: 'stale', of: standing.evidence, asleepMs: Math.round(sleep.totalMs) })
      return { ...about, is: 'asleep', message: `${tell(standing)}, and this host slept or was off meanwhile` }
    case 'answered':
      return {
        ...about,
        ...answered(standing, found.ok, found.by.boot === now.boot && alive(found.by.pid)),
        words: filledFor(claim, wanted.reset ?? [], triesOf(memory)),
      }
    case 'spent':
      if (!memory.spent)
        store.append(claim.id, {
          type: 'refused',
          rule: itemGuard.name,
          fingerprint: standing.evidence,
          claim: claim.path,
        })
      return {
        ...about,
        is: 'spent',
        message:
          standing.quietMs < standing.limitMs
            ? `it is claimed again, though its ${plural(triesOf(memory), 'try is', 'tries are')} spent and nobody has reset it`
            : `${tell(standing)}, after ${plural(triesOf(memory), 'try', 'tries')} of ${wanted.attempts}`,
      }
    case 'stale':
      return wanted.reset
        ? { ...about, ...(await giveBack(claim, standing, wanted.reset, wanted, leftMs(), ctx)) }
        : { ...about, is: 'stale', message: tell(standing) }
  }
}

/** Where a pattern's wildcards begin. */
const staticFolder = (pattern: string, ctx: CheckContext): string => {
  const segments = ctx.path(pattern).split('/')
  const wild = segments.findIndex(segment => /[*?[{(]/.test(segment))
  return segments.slice(0, wild < 0 ? -1 : wild).join('/')
}

/** Items that failed for good and that nobody claims at this moment: they are told of until somebody resets them. */
const spentUnclaimed = async (
  patterns: readonly string[],
  claimed: ReadonlySet<string>,
  breathe: () => Promise<void>,
  ctx: CheckContext,
): Promise<Case[]> => {
  const folders = patterns.map(pattern => `${staticFolder(pattern, ctx)}/`)
  const cases: Case[] = []
  for (const target of ctx.store.targets()) {
    if (claimed.has(target)) continue
    const { spent } = remember(itemGuard, ctx.store.read(target))
    const path = spent?.event.claim
    await breathe()
    if (!spent || typeof path !== 'string' || !folders.some(folder => path.startsWith(folder))) continue
    const message = `its tries were spent ${span(elapsedMs(spent, ctx.store.stamp()))} ago, and nobody has reset it`
    cases.push({ is: 'spent', path: shownPath(path, ctx), id: target, message })
  }
  return cases
}

type Advice = (one: Case, wanted: Wanted, store: Store) => string

const NEXT: Readonly<Record<Exclude<Is, 'working'>, Advice>> = {
  asleep: () => 'run this again in a minute',
  resetting: () => 'run this again in a minute',
  reset: ({ id = '' }, _, store) => store.showCommand(id),
  stale: ({ path }, { reset }) =>
    reset
      ? 'write a longer `timeout`'
      : `give it back by hand, or declare \`reset: [command, '{id}']\`: cat ${quote(path)}`,
  'not-reset': ({ path }) => `cat ${quote(path)}`,
  'reset-failed': ({ id = '', words = [] }, _, store) =>
    `try ${words.map(quote).join(' ')} by hand, then ${store.forgetCommand(id)}`,
  spent: ({ id = '' }, _, store) => store.forgetCommand(id),
  claim: ({ path }) => `cat ${quote(path)}`,
}

const EXPECTED: Readonly<Record<Exclude<Is, 'working'>, string>> = {
  asleep: 'a sign of life now that this host is awake again',
  resetting: 'a claim whose worker shows life',
  reset: 'a claim whose worker shows life',
  stale: 'a claim whose worker shows life',
  'not-reset': 'a reset that takes the claim away or writes it anew',
  'reset-failed': 'a reset that ends with 0',
  spent: 'an item that is done within its tries',
  claim: 'a claim that can be read',
}

const SUMMARY: Readonly<Record<Exclude<Is, 'working'>, (name: string) => string>> = {
  asleep: name => `${name} looks stale after a sleep`,
  resetting: name => `${name} is being reset by another run`,
  reset: name => `${name} was stale and is reset`,
  stale: name => `${name} is stale`,
  'not-reset': name => `${name} is stale, and its reset changed nothing`,
  'reset-failed': name => `${name} is stale, and its reset failed`,
  spent: name => `${name} failed for good: its tries are spent`,
  claim: name => `${name} cannot be judged`,
}

const LISTED = 20

const judge = (cases: readonly Case[], wanted: Wanted, watched: readonly string[], store: Store): Verdict => {
  const count = (is: Is): number => cases.filter(each => each.is === is).length
  const ranked = cases.toSorted((a, b) => RANK.indexOf(b.is) - RANK.indexOf(a.is))
  const ill = ranked.filter(({ is }) => is !== 'working')
  const facts: Facts = {
    claims: cases.length,
    ...Object.fromEntries(RANK.map(is => [is, count(is)])),
    stale: cases.flatMap(({ is, id }) => (is === 'working' || is === 'claim' || id === undefined ? [] : [id])),
  }
  const [worst] = ill
  if (!worst || worst.is === 'working') {
    const quietest = cases.toSorted((a, b) => (b.standing?.quietMs ?? 0) - (a.standing?.quietMs ?? 0))[0]
    const quiet = span(quietest?.standing?.quietMs ?? 0)
    const [first = '', ...rest] = watched
    return {
      status: 'pass',
      code: 'queue/working',
      summary: `${plural(cases.length, 'claim')}, the quietest (${quietest?.id}) showed life ${quiet} ago`,
      watched: [first, ...rest],
      facts,
    }
  }
  const { is } = worst
  const others = ill.length > 1 ? `, and ${plural(ill.length - 1, 'more claim')} of ${cases.length}` : ''
  return {
    status: WARNS.has(is) ? 'warn' : 'fail',
    code: `queue/${is}`,
    summary: `${SUMMARY[is](worst.id ?? worst.path)}${others}`,
    observed: worst.message,
    expected: EXPECTED[is],
    next: NEXT[is](worst, wanted, store),
    watched,
    facts,
    findings: ill.slice(0, LISTED).map(({ is: what, path, id, message }) => ({
      code: `queue/${what}`,
      path,
      message: id === undefined ? message : `${id}: ${message}`,
    })),
  }
}

/** What keeps the search itself from being trusted; undefined if every pattern could be followed. */
const searchTrouble = (found: Globbed, patterns: readonly string[], ctx: CheckContext): Verdict | undefined => {
  const fail = (what: string, summary: string, observed: string, expected: string, next: string): Verdict => ({
    status: 'fail',
    code: `queue/${what}`,
    summary,
    observed,
    expected,
    next,
    watched: patterns,
  })
  const [problem] = found.problems
  if (problem)
    return fail(
      'unreadable',
      'the claims cannot be listed',
      ctx.mask(problem.message),
      'a folder that can be read',
      `ls -la ${quote(problem.path)}`,
    )
  const [missing] = found.missing
  if (missing !== undefined)
    return fail(
      'missing',
      `${missing} leads nowhere`,
      'its folder does not exist',
      'the folder of the claims',
      `mend ${missing} under claims, or create the folder`,
    )
  const [link] = found.links
  if (link !== undefined)
    return fail(
      'unreadable',
      `${shownPath(link, ctx)} is a link to a folder, and was not entered`,
      'a link where the pattern asks for a folder',
      'a real folder',
      'name the folder itself under claims',
    )
  if (found.tooMany)
    return fail(
      'unreadable',
      `more than ${MAX_CLAIMS} claims`,
      `${MAX_CLAIMS} claims and more`,
      'fewer',
      `narrow ${listing(patterns)}`,
    )
  return undefined
}

const MAX_CLAIMS = 10_000

const LIMITS = ['unspawned', 'gone', 'quiet'] as const

const limitOption = (standard: string, description: string) => ({ ...SPAN, default: standard, description }) as const

const pointerOption = (name: keyof Pointers, description: string) =>
  ({
    type: 'string',
    format: 'pointer',
    pattern: '^/',
    description: `${description} (${USUAL[name].join(', ')})`,
  }) as const

export const queue = defineCheck({
  kind: 'queue',
  title: 'Every claim in the queue has a worker that lives',
  docs: `Reads the claims of a work queue, one JSON file each, and looks for signs of life of the worker behind it: its process, its beats in the
store (\`bootcheck record WORKER beat\`, \`bootcheck exec --beat WORKER\`), and the time of its log. A claim without any for too long is stale.

**Why it matters.** A worker that was killed leaves its claim behind, and the item waits for ever: nobody else may take it. A monitor
that goes by age alone takes work away from those that are merely slow, and one that goes by pid takes a stranger for the worker.

**When a claim is stale.** After \`unspawned\` (5 min) where nothing was ever seen of its worker since the claim: no beat, no log, no
process. After \`gone\` (15 min) without a sign where there was one and the process has ended. After \`quiet\` (60 min) without a sign in any
other case, also while the process runs, and where no process is named. After a suspend or a reboot the first look is a warning that is
remembered (\`queue/asleep\`); a second one, at least a minute later, counts.

**What a claim says.** Each key is a JSON pointer into the file. Without any, an item is named after its file. A process is known by its
pid, its start and the boot: \`started\` is field 22 of \`/proc/PID/stat\`, a time, or what \`ps -o lstart=\` prints in UTC; \`boot\` is the
boot's id. Without \`started\` a process that began after the claim is another one. A claim with a \`host\` of another name is judged
without its process. Times are ISO 8601, or seconds or milliseconds since the epoch; the log's path is relative to the claim's folder.

**reset.** A command and its arguments, run without a shell once for each stale claim and evidence, in a process of its own, within three
quarters of the check's \`timeout\`: \`{id}\`, \`{worker}\`, \`{claim}\` (the file) and \`{try}\` are filled in. It has to take the claim away or write it anew; that is
looked at. One that fails is not run again before the evidence, the option or the command's file changes. That the command is there is
looked at in each run. Without \`reset\` the claims are reported, and nothing is touched.

**attempts.** An item that goes stale in its last try is a permanent failure (\`queue/spent\`), and stays one until \`bootcheck state reset
ITEM\`, whether it is claimed again or not: an item that kills its worker would kill the next one too. Tries that a worker asks for by
\`bootcheck allow ITEM --attempts 3\` and those of which the claim was given back are counted together, for this check and for the budget.

**What it cannot see.** Items that nobody has claimed. A worker that beats and does no work. A worker on another host that neither beats
into this store nor writes a log that can be seen here.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['claims'],
    properties: {
      claims: {
        anyOf: [
          { type: 'string', minLength: 1, format: 'glob' },
          { type: 'array', minItems: 1, items: { type: 'string', minLength: 1, format: 'glob' } },
        ],
        description: 'Globs of the claims',
      },
      item: pointerOption('item', "The item's name; its file's name where there is none"),
      worker: pointerOption('worker', "The worker's name, which is also the target of its beats"),
      pid: pointerOption('pid', "The worker's pid"),
      started: pointerOption('started', 'When that process began'),
      boot: pointerOption('boot', 'The id of the boot in which it began'),
      host: pointerOption('host', 'The host on which it runs'),
      'claimed-at': pointerOption('claimed-at', "When it was claimed; the file's time where there is none"),
      log: pointerOption('log', "The worker's log"),
      unspawned: limitOption('5m', 'Stale after so long where nothing was ever seen of the worker'),
      gone: limitOption('15m', 'Stale after so long where its process has ended'),
      quiet: limitOption('60m', 'Stale after so long in any other case'),
      reset: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1 },
        description: 'A command that gives an item back, as a list of words',
      },
      attempts: {
        type: 'integer',
        minimum: 1,
        maximum: 1000,
        default: 3,
        description: 'How often an item may be tried in all',
      },
      min: {
        type: 'integer',
        minimum: 0,
        default: 1,
        description: 'At least so many claims; 0 where the queue may be idle',
      },
    },
  },
  codes: {
    working: 'every worker shows life',
    idle: 'no claims, and none have to be there',
    'too-few': 'fewer claims than `min`',
    stale: 'a worker shows no life',
    reset: 'a claim was stale, and its item was given back',
    resetting: 'a claim is stale, and another run gives its item back at this moment',
    'reset-failed': 'a claim is stale, and the command that should give its item back failed',
    'not-reset': 'a claim is stale, and stands although the command that should give its item back ended well',
    spent: 'an item has gone stale in its last try',
    asleep: 'a worker shows no life, and this host slept or was off meanwhile: it is looked at once more',
    claim: 'a claim cannot be read or judged',
    missing: 'the folder of the claims does not exist',
    unreadable: 'the claims cannot be listed',
    store: 'what is remembered cannot be read or written; nothing was reset',
    'store-damaged': 'every worker shows life, and some lines of what is remembered cannot be read',
    limits: 'a time that is too long to be kept',
    options: 'the reset command is not there, or has a placeholder that nobody fills',
  },
  examples: [
    {
      title: 'A worker that beats',
      files: { 'queue/job-7.claim.json': '{"id": "job-7", "worker": "worker-3"}\n' },
      remembered: { 'worker-3': [{ type: 'beat' }] },
      options: { claims: 'queue/*.claim.json' },
      expect: { status: 'pass', code: 'queue/working' },
    },
    {
      title: 'A claim whose worker never came to life',
      files: {
        'queue/job-7.claim.json': '{"id": "job-7", "worker": "worker-3", "claimedAt": "2026-01-01T02:14:00Z"}\n',
      },
      options: { claims: ['queue/*.claim.json'] },
      expect: { status: 'fail', code: 'queue/stale' },
    },
    {
      title: 'The same, given back by a command',
      files: { 'queue/job-7.claim.json': '{"id": "job-7", "claimedAt": "2026-01-01T02:14:00Z"}\n' },
      options: { claims: 'queue/*.claim.json', reset: ['rm', '{claim}'] },
      expect: { status: 'warn', code: 'queue/reset' },
    },
    {
      title: 'An item that has killed three workers',
      files: { 'queue/job-7.claim.json': '{"id": "job-7", "claimedAt": "2026-01-01T02:14:00Z"}\n' },
      remembered: {
        'job-7': [
          { type: 'requeue', of: 'first', cause: 'gone' },
          { type: 'requeue', of: 'second', cause: 'gone' },
        ],
      },
      options: { claims: 'queue/*.claim.json', reset: ['rm', '{claim}'] },
      expect: { status: 'fail', code: 'queue/spent' },
    },
    {
      title: 'A queue that may be idle',
      files: { 'queue/': '' },
      options: { claims: 'queue/*.claim.json', min: 0 },
      expect: { status: 'pass', code: 'queue/idle' },
    },
  ],
  async run(options, ctx) {
    const began = elapsed()
    const patterns = typeof options.claims === 'string' ? [options.claims] : options.claims
    const [unspawnedMs, goneMs, quietMs] = LIMITS.map(key => duration(options[key]))
    if (unspawnedMs === undefined || goneMs === undefined || quietMs === undefined) {
      const key = LIMITS.find(each => duration(options[each]) === undefined) ?? 'quiet'
      return tooLong('queue', key, options[key])
    }
    const fields = Object.keys(USUAL) as (keyof Pointers)[]
    const { reset } = options
    const found = reset && findReset(reset, ctx)
    if (found && 'problem' in found)
      return {
        status: 'fail',
        code: 'queue/options',
        summary: `the reset command cannot be run: ${found.problem}`,
        observed: (reset ?? []).join(' '),
        expected: 'a command and its arguments, as a list of words',
        next: /\s/.test(reset?.[0] ?? '')
          ? "write each word by itself, as in `reset: [rm, '{claim}']`"
          : 'mend `reset`',
        watched: patterns,
      }
    const wanted: Wanted = {
      pointers: Object.fromEntries(
        fields.map(name => {
          const declared = options[name]
          return [name, { at: declared === undefined ? USUAL[name] : [declared], declared: declared !== undefined }]
        }),
      ) as Pointers,
      limits: { unspawnedMs, goneMs, quietMs },
      attempts: options.attempts,
      reset,
      command: found?.command ?? '',
    }
    const [odd] = unknownPlaceholders(reset ?? [], PLACEHOLDERS)
    if (odd !== undefined)
      return {
        status: 'fail',
        code: 'queue/options',
        summary: `the reset command has a placeholder {${odd}}, which nobody fills`,
        observed: (reset ?? []).join(' '),
        expected: `one of ${PLACEHOLDERS.map(name => `{${name}}`).join(', ')}`,
        next: 'mend the placeholder under reset',
        watched: patterns,
      }
    const leftMs = (): number => ctx.timeoutMs * SHARE - (elapsed() - began)
    const claims = await glob(patterns, ctx, { limit: MAX_CLAIMS })
    const trouble = searchTrouble(claims, patterns, ctx)
    if (trouble) return trouble

    const breathe = breather(BREATH_MS, ctx.signal)
    const torn = new Map<string, Reading>()
    const read = (target: string): Reading => {
      const reading = ctx.store.read(target)
      if (reading.bad > 0) torn.set(target, reading)
      return markPresent(ctx.store, target, reading.records) ? ctx.store.read(target) : reading
    }
    const cases: Case[] = []
    let young = 0
    let total = 0
    try {
      for (const path of claims.matches) {
        const claim = claimAt(path, wanted.pointers, ctx)
        if (claim === 'young') young++
        else if (claim && 'unfit' in claim)
          cases.push({ is: 'claim', path: shownPath(path, ctx), message: ctx.mask(claim.unfit) })
        else if (claim) cases.push(await settle(claim, wanted, read, leftMs, ctx))
        await breathe()
      }
      total = cases.length + young
      const claimed = new Set(cases.flatMap(({ id }) => (id === undefined ? [] : [id])))
      cases.push(...(await spentUnclaimed(patterns, claimed, breathe, ctx)))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      return { ...unreadable('queue', 'fail', 'the queue', error), watched: patterns }
    }
    const watched = [...patterns.map(pattern => `${pattern} (${plural(total, 'claim')})`)]
    if (cases.every(({ is }) => is === 'working') && total < options.min)
      return {
        status: 'fail',
        code: 'queue/too-few',
        summary: `${plural(total, 'claim')} of ${listing(patterns)}, and at least ${options.min} should be there`,
        observed: plural(total, 'claim'),
        expected: `at least ${options.min}`,
        next:
          total === 0
            ? 'look at the pattern, or write `min: 0` where the queue may be idle'
            : `ls ${patterns.join(' ')}`,
        watched,
      }
    if (cases.length === 0) {
      const [first = '', ...rest] = watched
      const being = young > 0 ? `, ${young} just being written` : ''
      return {
        status: 'pass',
        code: 'queue/idle',
        summary: `no claims${being}`,
        watched: [first, ...rest],
        facts: { claims: total },
      }
    }
    const verdict = judge(cases, wanted, watched, ctx.store)
    const [first] = torn
    return first && verdict.status === 'pass' ? { ...damaged('queue', ...first), watched } : verdict
  },
})

const claimAt = (path: string, pointers: Pointers, ctx: CheckContext): Claim | Unfit | 'young' | undefined => {
  try {
    return readClaim(path, pointers, ctx)
  } catch (error) {
    if (error instanceof FileError) return error.code === 'ENOENT' ? undefined : { path, unfit: error.message }
    throw error
  }
}
