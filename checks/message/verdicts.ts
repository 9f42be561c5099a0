/** Outcomes in words. */
import type { Facts, Trouble, Verdict } from '../../core/check.ts'
import { clock } from '../../core/process.ts'
import { quote } from '../../core/shell.ts'
import type { StoreError } from '../../core/store.ts'
import { span } from '../../core/text.ts'
import type { Concern, Refusal, Refused, Silence } from './channel.ts'
import type { codes } from './codes.ts'
import type { Decision, Kept } from './etiquette.ts'

export type What = keyof typeof codes

/** What every verdict of one conversation shares. */
export interface Subject {
  /** `telegram chat 4711` */
  readonly whom: string
  /** A command that makes the store forget it. */
  readonly forget: string
  /** `https://api.telegram.org` */
  readonly origin: string
  readonly timeoutMs: number
  readonly nowMs: number
}

export const code = (what: What): string => `message/${what}`

const REFUSED: Readonly<Record<Refused, string>> = {
  unauthorized: 'the credential is refused',
  forbidden: 'the credential is good, but may not write there',
  'not-found': 'not found',
  moved: 'it has another id now',
  'rate-limited': 'the service wants to be left alone',
  rejected: 'the request is refused',
  'server-error': 'the service failed',
  redirect: 'a redirect, which is not followed',
  expectation: 'the reply is not what was declared',
  reply: 'the reply was not understood',
}

const isRefused = (what: string): what is Refused => Object.hasOwn(REFUSED, what)

const fail = (
  what: What,
  summary: string,
  rest: Pick<Trouble, 'observed' | 'expected' | 'next'>,
  facts: Facts = {},
): Trouble => ({
  status: 'fail',
  code: code(what),
  summary,
  observed: rest.observed,
  expected: rest.expected,
  next: rest.next,
  facts,
})

/** How long it has to be left alone now, if it asked for that. */
export const holding = ({ nowMs }: Subject, { holdMs }: Pick<Refusal, 'holdMs'>): string =>
  holdMs === undefined ? '' : `; nothing is sent before ${clock(nowMs + holdMs, nowMs)}`

/** A step was refused just now. `keptMs`: for how long that is said again from memory, as what became of a message is. */
export const refusal = (subject: Subject, step: string, refusal: Refusal, facts: Facts, keptMs = 0): Trouble => {
  const { refused, holdMs, observed, expected, next } = refusal
  const { nowMs, forget } = subject
  const stays = keptMs > 0 && holdMs === undefined && refused !== 'unauthorized'
  const until = stays
    ? `; not sent again before ${clock(nowMs + keptMs, nowMs)}`
    : holding(subject, holdMs === undefined ? {} : { holdMs: Math.max(holdMs, keptMs) })
  return fail(
    refused,
    `${step} for ${subject.whom}: ${REFUSED[refused]}`,
    { observed: `${observed}${until}`, expected, next: stays ? `${next}, then ${forget}` : next },
    { ...facts, ...(holdMs === undefined ? {} : { holdMs }) },
  )
}

/** What to do about it, and how to be tried anew before the time; not against the service's own word. */
const again = ({ what, next }: Kept, forMs: number | 'credential', forget: string): string => {
  if (what === 'rate-limited') return next
  return forMs === 'credential' ? `${next}; to have this one tried again: ${forget}` : `${next}, then ${forget}`
}

/** Said again from memory: nothing was asked. */
export const keptVerdict = (subject: Subject, decision: Extract<Decision, { do: 'keep' }>): Trouble => {
  const { kept, agoMs, forMs } = decision
  const { nowMs, forget, whom } = subject
  const why = isRefused(kept.what) ? REFUSED[kept.what] : 'whether it was delivered is not known'
  const until =
    forMs === 'credential'
      ? 'not asked again until the credential changes'
      : `not tried again before ${clock(nowMs + forMs, nowMs)}`
  return fail(
    isRefused(kept.what) ? kept.what : 'unknown',
    `${whom}: ${why} (${span(agoMs)} ago, ${until})`,
    {
      observed: kept.observed,
      expected: kept.expected,
      next: again(kept, forMs, forget),
    },
    { remembered: true, agoMs, ...(forMs === 'credential' ? {} : { holdMs: forMs }) },
  )
}

/** Nothing was asked: the credential is new, and its proof would be one message too many. */
export const unproven = (
  { whom, forget, nowMs }: Subject,
  { messages, confirmedAt, forMs }: Extract<Decision, { do: 'unproven' }>,
): Trouble => {
  const after = clock(nowMs + forMs, nowMs)
  return fail('other-credential', `${whom}: this credential was not tried, and cannot be asked without a message`, {
    observed: `${messages} messages were delivered of late with other credentials, the last at ${clock(confirmedAt, nowMs)}`,
    expected: 'a credential that stays the same from start to start',
    next: `start again after ${after}, or ${forget}`,
  })
}

/** Commands that show the same fault from outside. */
const look = (silence: Silence, origin: string): string => {
  const { hostname, port, protocol } = new URL(origin)
  switch (silence.silent) {
    case 'dns':
      return process.platform === 'darwin'
        ? `dscacheutil -q host -a name ${quote(hostname)}`
        : `getent hosts ${quote(hostname)}`
    case 'tls': {
      const at = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
      return `openssl s_client -connect ${at}${protocol === 'smtp:' ? ' -starttls smtp' : ''} </dev/null`
    }
    case 'proxy':
      return 'env | grep -i _proxy'
    default:
      return `curl ${protocol.startsWith('smtp') ? '-v ' : ''}-m 5 ${quote(origin)}`
  }
}

const SILENT: Readonly<Record<Silence['silent'], string>> = {
  dns: 'the name could not be resolved',
  connect: 'no connection',
  tls: 'no TLS connection',
  proxy: 'the proxy did not let it through',
  timeout: 'no answer',
  closed: 'the connection was closed without an answer',
  reply: 'the reply was not understood',
}

/** Nothing was sent: the probe, or what comes before a message leaves, had no answer. */
export const silent = (subject: Subject, step: string, silence: Silence, waitedMs: number): Trouble =>
  fail(
    silence.silent,
    silence.silent === 'timeout'
      ? `${step} for ${subject.whom}: no answer after ${span(waitedMs)}`
      : `${step} for ${subject.whom}: ${SILENT[silence.silent]}`,
    {
      observed: silence.observed,
      expected: `an answer within ${span(subject.timeoutMs)}`,
      next: look(silence, subject.origin),
    },
  )

/** The message left, and nobody said what became of it. */
export const unknown = (subject: Subject, observed: string, everyMs: number): Trouble =>
  fail('unknown', `the message to ${subject.whom} left, and whether it was delivered is not known`, {
    observed: `${observed}; not sent again for ${span(everyMs)}`,
    expected: 'a receipt',
    next: `look whether it came (${subject.whom}), then ${subject.forget}`,
  })

export const inFlight = (subject: Subject, waitedMs: number): Trouble =>
  fail('in-flight', `another run is sending to ${subject.whom} and has not said how it ended`, {
    observed: `no outcome after ${span(waitedMs)}`,
    expected: 'its outcome, which would hold for this run too',
    next: 'pgrep -fl bootcheck',
  })

export const tooLate = (subject: Subject, spentMs: number): Trouble =>
  fail(
    'timeout',
    `the probe for ${subject.whom} took ${span(spentMs)} of ${span(subject.timeoutMs)}, so nothing was sent`,
    {
      observed: `${span(spentMs)} for the probe`,
      expected: 'time left to wait for a receipt',
      next: `write \`timeout: ${Math.ceil((subject.timeoutMs * 2) / 1000)}s\``,
    },
  )

/** No delivery without memory: a crash loop would become spam. */
export const storeTrouble = (subject: Pick<Subject, 'whom'>, error: StoreError): Trouble =>
  fail('store', `nothing was sent to ${subject.whom}: what was sent before cannot be known or kept`, {
    observed: error.message,
    expected: 'a state folder that this user alone may write',
    next: error.next,
  })

export const unfit = (summary: string, expected: string, next: string): Trouble =>
  fail('options', summary, { observed: summary, expected, next })

/** The first concern decides the code; the others are named. */
export const withConcerns = (pass: Extract<Verdict, { status: 'pass' }>, concerns: readonly Concern[]): Verdict => {
  const [first, ...others] = concerns
  if (!first) return pass
  const { watched, facts } = pass
  return {
    status: 'warn',
    code: `message/${first.what}`,
    summary: first.summary,
    observed: [first.observed, ...others.map(other => other.summary)].join('; '),
    expected: first.expected,
    next: first.next,
    watched,
    facts: { ...facts, alsoTrue: pass.summary },
  }
}

/** Every text through `hide`: the last thing that is done to a verdict. */
export const masked = <T extends object>(said: T, hide: (text: string) => string): T => {
  const through = (value: unknown): unknown => {
    if (typeof value === 'string') return hide(value)
    if (Array.isArray(value)) return value.map(through)
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, through(one)]))
    return value
  }
  return through(said) as T
}
