/** A target that failed several times in a row is left alone for a while; then one trial shows whether it is well again. */
import { type CheckContext, defineCheck, type Finding, type Trouble, type Verdict } from '../core/check.ts'
import { type Guard, remember } from '../core/guard.ts'
import {
  type BlockTerms,
  blockAt,
  emptyLedger,
  type Ledger,
  markPresent,
  momentOf,
  stepLedger,
  wellAgoMs,
} from '../core/permit.ts'
import { clock } from '../core/process.ts'
import { damaged, misspelt, SPAN, TARGET, tooLong, unreadable } from '../core/remembered.ts'
import { quote } from '../core/shell.ts'
import { type Reading, type Stamp, type Store, StoreError } from '../core/store.ts'
import { listing, plural, span } from '../core/text.ts'
import { duration } from '../core/units.ts'
import {
  isOf,
  type Legacy,
  type LegacyProblem,
  type Pair,
  type PairState,
  pairState,
  readLegacy,
} from './breaker/legacy.ts'

export const BREAKER_DEFAULTS: BlockTerms = {
  failures: 3,
  windowMs: 15 * 60_000,
  blockMs: 30 * 60_000,
  spared: false,
  tripped: false,
}

const inARow = (count: number): string => `${plural(count, 'failure')} in a row`

export const breakerGuard: Guard<Ledger, BlockTerms> = {
  name: 'breaker',
  empty: emptyLedger,
  step: stepLedger,
  judge: (ledger, terms, now) => {
    const at = momentOf(ledger, now)
    const block = blockAt(ledger, terms, at)
    const { failures } = ledger
    const said = inARow(block.inARow)
    const facts = {
      failures: block.inARow,
      blocked: block.waitMs > 0,
      trial: block.trial,
      spared: terms.spared,
      ...(failures ? { lastFailureMs: at - failures.at } : {}),
    }
    const ago = failures ? span(at - failures.at) : ''
    if (block.waitMs > 0) {
      const reason = {
        failures: `${said}, the last ${ago} ago: blocked, then one trial`,
        'retry-after': `${said}, the last ${ago} ago, which asked to be left alone for so long`,
        trial: 'its one trial has been given, and nobody has recorded how it went',
      }[block.by ?? 'failures']
      return { answer: 'wait', waitMs: block.waitMs, reason, facts }
    }
    if (terms.spared) return { answer: 'go', reason: `${said}, but it is the last healthy one of its set`, facts }
    const why = block.trippedBy ? said : 'what files of the older convention count'
    return { answer: 'go', reason: block.trial ? `one trial, after it was blocked for ${why}` : said, facts }
  },
}

/** One of several targets that stand in for one another. */
export interface Member {
  readonly target: string
  readonly ledger: Ledger
  readonly now: Stamp
  /** What files of the older convention say of it. */
  readonly legacy?: PairState | undefined
}

/**
 * The one that failures must not block: where all of a set are blocked, the one that was well longest. What asked to be left alone
 * for some time is left alone all the same.
 */
export const sparedOf = (members: readonly Member[], terms: Pick<BlockTerms, 'failures' | 'windowMs' | 'blockMs'>) => {
  const seen = members.map(({ target, ledger, now, legacy }) => {
    const at = momentOf(ledger, now)
    const block = blockAt(ledger, { ...terms, spared: false, tripped: legacy?.tripped ?? false }, at)
    const { trippedBy } = block
    const ownAgoMs = trippedBy ? at - trippedBy.at : Number.POSITIVE_INFINITY
    return {
      target,
      blocked: block.waitMs > 0 || (legacy?.waitMs ?? 0) > 0,
      held: ledger.heldUntil > at,
      agoMs: Math.min(ownAgoMs, legacy?.agoMs ?? Number.POSITIVE_INFINITY),
    }
  })
  if (seen.some(({ blocked }) => !blocked)) return undefined
  const able = seen.filter(({ held }) => !held)
  return able.toSorted((a, b) => a.agoMs - b.agoMs || (a.target < b.target ? -1 : 1))[0]?.target
}

interface Sight {
  readonly terms: BlockTerms
  readonly now: Stamp
  readonly legacy: Legacy | undefined
  /** Of the target that a pair is of. */
  readonly okAgoMs: (pair: Pair) => number | undefined
}

const files = ({ problems }: { readonly problems: readonly LegacyProblem[] }): Finding[] =>
  problems.map(({ path, message }) => ({ path, message }))

/** How one pair of files stands, in a line; undefined where nothing is wrong with it. */
const flawOf = (pair: Pair, { terms, now, okAgoMs }: Sight): string | undefined => {
  const [problem] = pair.problems
  if (problem) return `${pair.name} cannot be judged: ${problem.message}`
  const { tripped, waitMs } = pairState(pair, terms, now.wallMs, okAgoMs(pair))
  const counted = tripped ? `${pair.counter} crashes counted, ${terms.failures} block` : ''
  const until = waitMs > 0 ? `blocked until ${clock(now.wallMs + waitMs, now.wallMs)}` : ''
  const said = [counted, until].filter(Boolean).join(', ')
  return said ? `${pair.name}: ${said}` : undefined
}

const WILD = /[*?{[(]/

const nothingThere = (given: string, missing: string | undefined): Trouble => ({
  status: 'fail',
  code: 'breaker/missing',
  summary: `${missing === undefined ? `nothing fits ${given}` : `no folder ${missing}`}, so no counter was looked at in it`,
  observed: `nothing at ${missing ?? given}`,
  expected: 'the folder in which the loop keeps its *-crash-counter.txt',
  next: `mend \`legacy\`${missing === undefined || WILD.test(missing) ? '' : `, or mkdir -p ${quote(missing)}`}`,
  watched: [given],
})

const ofFiles = (given: string, pairs: readonly Pair[], sight: Sight): Verdict => {
  const { legacy } = sight
  const [missing] = legacy?.missing ?? []
  if (!legacy || missing !== undefined || (legacy.places.length === 0 && legacy.problems.length === 0))
    return nothingThere(given, missing)
  const names = pairs.map(({ name }) => name)
  const watched = [given, ...names]
  const troubled = pairs.flatMap(pair => {
    const flaw = flawOf(pair, sight)
    return flaw === undefined ? [] : [{ pair, flaw }]
  })
  const odd = [...files(legacy), ...troubled.flatMap(({ pair }) => files(pair))]
  const [place] = legacy.problems
  const lines = [...legacy.problems.map(({ message }) => message), ...troubled.map(({ flaw }) => flaw)]
  const [first] = odd
  if (first)
    return {
      status: 'fail',
      code: 'breaker/unreadable',
      summary: listing(lines, 5),
      observed: first.message,
      expected: place
        ? 'folders that can be looked at, or the counters themselves'
        : 'a counter that is a number, and a time in epoch seconds or ms, or ISO',
      next: place?.next ?? `ls -l ${quote(first.path)}, and write into it what it should say, or remove it`,
      watched,
      findings: [...odd, ...troubled.filter(({ pair }) => pair.problems.length === 0).map(asFinding)],
    }
  const [blocked] = troubled
  if (blocked)
    return {
      status: 'fail',
      code: 'breaker/blocked',
      summary: listing(lines, 5),
      observed: blocked.flaw,
      expected: `fewer than ${sight.terms.failures} crashes, and no block`,
      next: `mend ${blocked.pair.name}, then rm ${quote(`${blocked.pair.folder}/${blocked.pair.name}`)}-crash-*.txt`,
      watched,
      findings: troubled.map(asFinding),
    }
  if (names.length === 0) {
    const others = legacy.pairs.map(({ name }) => name)
    return {
      status: 'warn',
      code: 'breaker/nothing',
      summary: `${given} holds no counter${others.length > 0 ? ' of this target' : ''}, so nothing was watched in it`,
      observed:
        others.length > 0
          ? `counters of ${listing(others, 6)}`
          : 'no *-crash-counter.txt and no *-crash-loop-until.txt',
      expected: 'a counter of each backend, 0 before its first crash',
      next: `ls -la ${quote(given)}`,
      watched: [given],
    }
  }
  return {
    status: 'pass',
    code: 'breaker/closed',
    summary: `${plural(names.length, 'counter')} below ${sight.terms.failures}: ${listing(names, 6)}`,
    watched: [given, ...names],
    facts: { pairs: names },
  }
}

const asFinding = ({ pair, flaw }: { readonly pair: Pair; readonly flaw: string }): Finding => ({
  path: `${pair.folder}/${pair.name}-crash-counter.txt`,
  message: flaw,
})

const ofRecords = (target: string, reading: Reading, { terms, now }: Sight, store: Store): Verdict => {
  const ledger = remember(breakerGuard, reading)
  const judged = breakerGuard.judge(ledger, terms, now)
  const { facts } = judged
  if (judged.answer === 'wait')
    return {
      status: 'fail',
      code: 'breaker/blocked',
      summary: `${target}: ${judged.reason}; in ${span(judged.waitMs)}`,
      observed: judged.reason,
      expected: `fewer than ${terms.failures} failures in a row within ${span(terms.windowMs)}`,
      next: store.showCommand(target),
      watched: [target],
      facts: { ...facts, waitMs: Math.round(judged.waitMs) },
    }
  if (reading.bad > 0) return damaged('breaker', target, reading)
  if (!ledger.told)
    return {
      status: 'pass',
      code: 'breaker/unknown',
      summary: `nobody has recorded how ${target} went`,
      watched: [`${target} (no record)`],
      facts,
    }
  const code = facts.trial === true || facts.spared === true ? 'breaker/trial' : 'breaker/closed'
  return { status: 'pass', code, summary: `${target}: ${judged.reason}`, watched: [target], facts }
}

const judgeTarget = (
  target: string,
  set: readonly string[] | undefined,
  given: string | undefined,
  sight: Sight,
  { store }: CheckContext,
): Verdict => {
  const reading = store.read(target)
  const unkept = reading.records.length === 0 && reading.bad === 0 && given === undefined
  const other = unkept && misspelt('breaker', target, store.targets())
  if (other) return other
  markPresent(store, target, reading.records)
  const { legacy, terms, now } = sight
  const pairsOf = (name: string): Pair[] => legacy?.pairs.filter(pair => isOf(name, pair)) ?? []
  const members = (set ?? []).map(name => {
    const ledger = remember(breakerGuard, name === target ? reading : store.read(name))
    const okAgoMs = wellAgoMs(ledger, now)
    const [files] = pairsOf(name).map(pair => pairState(pair, terms, now.wallMs, okAgoMs))
    return { target: name, ledger, now, legacy: files }
  })
  const spared = set !== undefined && sparedOf(members, terms) === target
  const own = ofRecords(target, reading, { ...sight, terms: { ...terms, spared } }, store)
  if (given === undefined || own.status === 'fail') return own
  const files = ofFiles(given, pairsOf(target), sight)
  const excused = spared && files.status === 'fail' && files.code === 'breaker/blocked'
  if (files.status !== 'pass' && !excused) return files
  return own.status === 'pass' ? { ...own, watched: [...own.watched, given] } : own
}

/** Of the targets that a pair may be of; what cannot be read has told nothing. */
const okAgoOf = (pair: Pair, now: Stamp, { store }: CheckContext): number | undefined => {
  try {
    const ages = store
      .targets()
      .filter(target => isOf(target, pair))
      .map(target => wellAgoMs(remember(breakerGuard, store.read(target)), now) ?? Number.POSITIVE_INFINITY)
    return Math.min(Number.POSITIVE_INFINITY, ...ages)
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}

const SETTINGS = {
  failures: { type: 'integer', minimum: 1, maximum: 1000, default: 3, description: 'Failures in a row that block it' },
  window: { ...SPAN, default: '15m', description: 'How far apart the first and the last of them may be' },
  block: { ...SPAN, default: '30m', description: 'For how long, from the last failure' },
} as const

export const breaker = defineCheck({
  kind: 'breaker',
  title: 'What is about to be used has not just failed again and again',
  docs: `After \`failures\` failures in a row, the first and the last of them within \`window\`, the target is blocked for \`block\` from the last
one. Then one asker gets one trial: its failure blocks again, a success clears. How it went is told by \`bootcheck record TARGET ok\` or
\`fail\`, and by \`bootcheck exec --key TARGET\`; \`bootcheck allow TARGET\` asks. A failure with \`--retry-after\` blocks at once for at least
that long. A trial of which nobody tells how it went is given again after \`block\`.

\`set\` names targets that stand in for one another: where all of them are blocked, the one that was well longest is not. \`--retry-after\` is
honoured in any case.

**legacy.** A folder, or a glob of folders or files, of the older convention: \`NAME-crash-counter.txt\` holds the number of crashes,
\`NAME-crash-loop-until.txt\` a time (epoch seconds or ms, or ISO; empty is none). Without \`target\` every pair is looked at, whatever its name,
and each that is blocked (counter at the limit, or a time that is still to come) or cannot be understood is named. With \`target\` the
pair of \`codex/grok-4.20\` is \`codex-grok-4.20\`. A success that was recorded after a counter was written outweighs it: only the loop that keeps the
file can set it back. A time that is still to come holds in any case; a number that lies more than a year ahead is no time. Links to
folders are not followed by a pattern, and are reported.

**Why it matters.** A backend crashed 24 times because the guard watched another one by name. A breaker counts for any target, and refuses
the action instead of warning of it.

**What it cannot see.** Whether a target works: only what others recorded. A misspelt target has no record, and passes as \`breaker/unknown\`.`,
  options: {
    type: 'object',
    additionalProperties: false,
    anyOf: [{ required: ['target'] }, { required: ['legacy'] }],
    dependentRequired: { set: ['target'] },
    properties: {
      target: { ...TARGET, description: 'What is about to be used, such as codex/grok-4.20' },
      ...SETTINGS,
      set: {
        type: 'array',
        minItems: 2,
        uniqueItems: true,
        items: TARGET,
        description: 'Targets that stand in for one another, this one among them',
      },
      legacy: {
        type: 'string',
        minLength: 1,
        format: 'glob',
        description: 'Folder or glob of *-crash-counter.txt and *-crash-loop-until.txt',
      },
    },
  },
  settings: { type: 'object', additionalProperties: false, properties: SETTINGS },
  codes: {
    closed: 'fewer failures in a row than would block it',
    trial: 'it was blocked, and one may try it now',
    unknown: 'nobody has recorded how it went',
    blocked: 'blocked after failures in a row, or for as long as a failure asked for',
    unreadable: 'a file of the older convention that cannot be read or understood',
    nothing: 'the folder of the older convention holds no counter, or none of the target',
    missing: 'a folder that is not there, or nothing fits the glob',
    set: '`set` does not name the target',
    misspelt: 'nothing has been kept of this target, and of one that is called nearly the same there has',
    store: 'what is remembered cannot be read',
    'store-damaged': 'it is not blocked, and some lines of what is remembered cannot be read',
    limits: 'a time that is too long to be kept',
  },
  examples: [
    {
      title: 'A model that failed once',
      remembered: { 'codex/grok-4.20': [{ type: 'fail', retryAfterMs: null }] },
      options: { target: 'codex/grok-4.20' },
      expect: { status: 'pass', code: 'breaker/closed' },
    },
    {
      title: 'A model that failed three times',
      remembered: { 'codex/grok-4.20': [{ type: 'fail' }, { type: 'fail' }, { type: 'fail' }] },
      options: { target: 'codex/grok-4.20' },
      expect: { status: 'fail', code: 'breaker/blocked' },
    },
    {
      title: 'Every counter that a loop keeps',
      files: { 'state/codex-grok-4.20-crash-counter.txt': '1\n', 'state/gemini-2.5-pro-crash-loop-until.txt': '' },
      options: { legacy: 'state' },
      expect: { status: 'pass', code: 'breaker/closed' },
    },
    {
      title: 'One of them is blocked',
      files: {
        'state/codex-grok-4.20-crash-counter.txt': '0\n',
        'state/claude-opus-4.5-crash-counter.txt': '3\n',
        'state/claude-opus-4.5-crash-loop-until.txt': '2099-01-01T00:00:00Z\n',
      },
      options: { legacy: 'state' },
      expect: { status: 'fail', code: 'breaker/blocked' },
    },
    {
      title: 'A counter that nobody understands',
      files: { 'state/codex-grok-4.20-crash-counter.txt': 'three\n' },
      options: { legacy: 'state' },
      expect: { status: 'fail', code: 'breaker/unreadable' },
    },
  ],
  async run({ target, failures, window, block, set, legacy: given }, ctx) {
    const windowMs = duration(window)
    const blockMs = duration(block)
    if (windowMs === undefined) return tooLong('breaker', 'window', window)
    if (blockMs === undefined) return tooLong('breaker', 'block', block)
    if (set && target !== undefined && !set.includes(target))
      return {
        status: 'fail',
        code: 'breaker/set',
        summary: `set does not name ${target}`,
        observed: `set: ${listing(set)}`,
        expected: `${target} among them`,
        next: `write \`set: [${[target, ...set].join(', ')}]\``,
        watched: [target],
      }
    const legacy = given === undefined ? undefined : await readLegacy(given, ctx)
    const now = ctx.store.stamp()
    const terms = { ...BREAKER_DEFAULTS, failures, windowMs, blockMs }
    const sight = { terms, now, legacy, okAgoMs: (pair: Pair) => okAgoOf(pair, now, ctx) }
    if (target === undefined) return ofFiles(given ?? '', legacy?.pairs ?? [], sight)
    try {
      return judgeTarget(target, set, given, sight, ctx)
    } catch (error) {
      if (error instanceof StoreError) return unreadable('breaker', 'fail', target, error)
      throw error
    }
  },
})
