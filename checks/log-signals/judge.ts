/** From warning signs to a verdict: one may be chance, two are a fault, three are an incident. */
import type { CheckContext, Facts, Finding, Outcome, Trouble, Verdict } from '../../core/check.ts'
import { outcomeNext, outcomeWords } from '../../core/outcome-words.ts'
import { shownPath } from '../../core/paths.ts'
import { clock } from '../../core/process.ts'
import { quote } from '../../core/shell.ts'
import { bytes, excerpt, listing, plural } from '../../core/text.ts'
import { withoutTokens } from '../../core/tokens.ts'
import type { Problem } from './find.ts'
import { MAX_LINE } from './lines.ts'
import type { Hit, Place } from './signal.ts'

const INCIDENT = 3
const LISTED = 20
const AROUND = 40
const SHOWN = 160
const WINDOW = 4096

/** What was looked at. */
export interface Looked {
  /** `in the last 24 h`. */
  readonly window: string
  readonly read: readonly string[]
  /** Not written in the window. */
  readonly old: readonly string[]
  /** Written in the window, and without a line of it: when the last line is of, ms since the epoch. */
  readonly behind: readonly { readonly path: string; readonly last: number }[]
  readonly absent: readonly string[]
  readonly problems: readonly Problem[]
  readonly lines: number
  readonly within: number
  readonly cut: number
  /** Ids of earlier checks, and what became of them. */
  readonly earlier: readonly (readonly [id: string, outcome: Outcome | undefined])[]
}

interface Sign {
  /** `sqlite-cantopen (17 lines)`, or an earlier check's id. */
  readonly short: string
  /** For machines: an earlier check's code stands with its id. */
  readonly fact: string
  readonly long: string
  /** The line that gave it away, where there is one. */
  readonly line?: string
  /** Of a line in a log; an earlier check reports its own. */
  readonly finding?: Finding
  readonly next: string
}

type Ctx = Pick<CheckContext, 'cwd' | 'home' | 'manifest' | 'mask' | 'now' | 'phase'>

/** One line around what was found in it. Secrets go before anything is cut off. */
export const sample = ({ signal }: Pick<Hit, 'signal'>, { text }: Place, mask: (text: string) => string): string => {
  const masked = mask(text)
  const at = Math.max(0, ...signal.patterns.flat().map(({ find }) => find(masked)))
  // Cut at a blank: half a token is not recognised.
  const from = at < WINDOW ? 0 : Math.max(masked.lastIndexOf(' ', at - AROUND), 0)
  const plain = withoutTokens(masked.slice(from, from + 2 * WINDOW))
  const again = Math.max(0, ...signal.patterns.flat().map(({ find }) => find(plain)))
  const start = again > SHOWN - AROUND ? again - AROUND : 0
  return `${start > 0 || from > 0 ? '…' : ''}${excerpt(plain.slice(start).trim(), SHOWN)}`
}

const showLine = ({ path, line }: Place): string =>
  path.endsWith('.gz') ? `gzip -cd ${quote(path)} | sed -n ${line}p` : `sed -n ${line}p ${quote(path)}`

const period = ({ first, last }: Hit, now: number): string => {
  if (first === undefined || last === undefined) return ''
  const [from, to] = [clock(first, now), clock(last, now)]
  return from === to ? ` at ${from}` : ` from ${from} to ${to}`
}

const signOfHit = (hit: Hit, ctx: Ctx): Sign => {
  const { signal, count, at } = hit
  const often = `${plural(count, signal.times > 1 ? 'time' : 'line')}${period(hit, ctx.now())}`
  const where = `${shownPath(at.path, ctx)}:${at.line}`
  const line = sample(hit, at, ctx.mask)
  const short = `${signal.name} (${often})`
  return {
    short,
    fact: short,
    long: `${signal.name}: ${ctx.mask(signal.means)} (${often}, ${where})`,
    line,
    finding: {
      code: 'log-signals/signal',
      path: at.path,
      line: at.line,
      message: `${signal.name}: ${often}: ${line}`,
    },
    next: signal.next ?? showLine(at),
  }
}

const signOfOutcome = (id: string, outcome: Trouble, ctx: Ctx): Sign => ({
  short: id,
  fact: `${id} (${outcome.code})`,
  long: ctx.mask(`${id}: ${outcome.summary}`),
  next: outcomeNext(id, outcome, ctx),
})

const counts = (outcome: Outcome | undefined): outcome is Trouble =>
  outcome?.status === 'warn' || outcome?.status === 'fail'

const known = (outcome: Outcome | undefined): boolean => counts(outcome) || outcome?.status === 'pass'

const remarks = (looked: Looked, now: number): string[] => [
  ...(looked.old.length > 0 ? [`${listing(looked.old)} not written ${looked.window}`] : []),
  ...(looked.behind.length > 0
    ? [
        `written to ${looked.window}, and with older lines only: ${listing(
          looked.behind.map(({ path, last }) => `${path} (its last is of ${clock(last, now)})`),
        )}`,
      ]
    : []),
  ...(looked.absent.length > 0 ? [`${listing(looked.absent)} not there`] : []),
  ...(looked.cut > 0
    ? [`${plural(looked.cut, 'line')} longer than ${bytes(MAX_LINE)}, of which only the beginning was looked at`]
    : []),
  ...(looked.earlier.some(([, outcome]) => !known(outcome))
    ? [
        `not known: ${looked.earlier
          .filter(([, outcome]) => !known(outcome))
          .map(([id, outcome]) => `${id} (${outcomeWords(outcome)})`)
          .join(', ')}`,
      ]
    : []),
]

const CODES: Readonly<Record<Problem['what'], string>> = {
  missing: 'log-signals/missing',
  unreadable: 'log-signals/unreadable',
  link: 'log-signals/link',
  'too-many': 'log-signals/too-many',
  pattern: 'log-signals/pattern',
}

const REPAIR: Readonly<Record<Problem['what'], (path: string) => string>> = {
  missing: path => `ls -ld ${quote(path.replace(/\/?[^/]*[*?[{].*$/s, '') || '/')}`,
  unreadable: path => `ls -ld ${quote(path)}`,
  link: path => `readlink -f ${quote(path)}`,
  'too-many': () => 'narrow the globs under files',
  pattern: path => `mend ${path} under files`,
}

const unique = (items: readonly string[]): string[] => [...new Set(items)]

export const judge = (hits: readonly Hit[], looked: Looked, ctx: Ctx): Verdict => {
  const signs = [
    ...looked.earlier.flatMap(([id, outcome]) => (counts(outcome) ? [signOfOutcome(id, outcome, ctx)] : [])),
    ...[...hits]
      .sort((a, b) => (a.first ?? Number.POSITIVE_INFINITY) - (b.first ?? Number.POSITIVE_INFINITY))
      .map(hit => signOfHit(hit, ctx)),
  ]
  const watched = [
    ...looked.read,
    ...looked.old,
    ...looked.earlier.flatMap(([id, outcome]) => (known(outcome) ? [id] : [])),
  ]
  const facts: Facts = {
    signals: signs.map(({ fact }) => fact),
    files: looked.read.length,
    passedOver: looked.old.length,
    lines: looked.lines,
    linesInWindow: looked.within,
    linesCut: looked.cut,
  }
  const trouble = looked.problems.map(
    ({ what, path, message }): Finding => ({ code: CODES[what], path, message: ctx.mask(message) }),
  )
  const findings = [...signs.flatMap(({ finding }) => finding ?? []), ...trouble].slice(0, LISTED + signs.length)
  const said = remarks(looked, ctx.now()).map(ctx.mask)
  const tail = said.length > 0 ? `; ${said.join('; ')}` : ''
  const names = signs.map(({ short }) => short).join(', ')
  const common = { watched, facts, findings }
  const mended = signs.some(({ finding }) => finding)
    ? `; once mended, since: "${new Date(ctx.now()).toISOString().slice(0, 19)}Z" passes over what is older`
    : ''
  const body = {
    ...common,
    observed: [
      ...signs.map(({ long, line }) => (line === undefined ? long : `${long}: ${line}`)),
      ...trouble.map(({ message }) => message),
      ...said,
    ].join('; '),
    expected: `no warning sign ${looked.window}${mended}`,
    next: unique(signs.map(({ next }) => next)).join('; '),
  }
  if (signs.length >= INCIDENT)
    return {
      status: 'fail',
      code: 'log-signals/incident',
      summary: `incident: ${signs.length} warning signs at once: ${names}`,
      ...body,
    }
  if (signs.length > 1)
    return { status: 'fail', code: 'log-signals/several', summary: `2 warning signs at once: ${names}`, ...body }

  const problem = looked.problems.find(({ what }) => what !== 'link') ?? looked.problems[0]
  if (problem && (problem.what !== 'link' || signs.length === 0)) {
    const more = looked.problems.length - 1
    return {
      status: problem.what === 'link' ? 'warn' : 'fail',
      code: CODES[problem.what],
      summary: ctx.mask(
        `${problem.message}${more > 0 ? `, and ${plural(more, 'more problem')}` : ''}${signs.length > 0 ? `; beside that, ${names}` : ''}`,
      ),
      ...body,
      expected: 'logs that this user may read',
      next: REPAIR[problem.what](problem.path),
    }
  }
  const [sign] = signs
  if (sign)
    return {
      status: 'warn',
      code: 'log-signals/signal',
      summary: `a warning sign: ${sign.line === undefined ? sign.short : sign.long}`,
      ...body,
      observed: [sign.line ?? sign.long, ...said].join('; '),
    }
  const [first, ...rest] = watched
  if (first === undefined && looked.earlier.length === 0)
    return { status: 'skip', reason: `no log is there yet: ${listing(looked.absent)}` }
  if (first === undefined)
    return {
      // What the manifest itself has switched off keeps no gateway down.
      status: looked.earlier.every(([, outcome]) => outcome?.status === 'skip') ? 'warn' : 'fail',
      code: 'log-signals/unseen',
      summary: `nothing was looked at${tail}`,
      ...common,
      observed: said.join('; '),
      expected: 'an earlier check that ran, or a log',
      next: outcomeNext(...(looked.earlier[0] as Looked['earlier'][number]), ctx),
    }
  const read =
    looked.read.length > 0 ? [`${plural(looked.within, 'line')} ${looked.window} in ${listing(looked.read)}`] : []
  const ids = looked.earlier.flatMap(([id, outcome]) => (known(outcome) ? [id] : []))
  return {
    status: 'pass',
    code: 'log-signals/quiet',
    summary: `no warning sign: ${[...read, ...(ids.length > 0 ? [`earlier checks ${listing(ids, 5)}`] : []), ...said].join('; ')}`,
    watched: [first, ...rest],
    facts,
  }
}
