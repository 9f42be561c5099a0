/** The story of one check: remember, ask, take the place, send, remember. */

import type { CheckContext, Facts, Trouble, Verdict } from '../../core/check.ts'
import { elapsed, pause } from '../../core/clock.ts'
import { masker } from '../../core/mask.ts'
import { clock } from '../../core/process.ts'
import { StoreError } from '../../core/store.ts'
import { excerpt, span } from '../../core/text.ts'
import type {
  Answer,
  Carried,
  Concern,
  Conversation,
  Depth,
  Done,
  Line,
  MailStep,
  Refusal,
  Step,
  Talk,
  Transport,
} from './channel.ts'
import type { ChannelName } from './channels.ts'
import type { Decision, Memo } from './etiquette.ts'
import { kept, openMemory } from './memory.ts'
import { overHttp } from './over-http.ts'
import * as say from './verdicts.ts'

export interface Wanted {
  readonly channel: ChannelName
  readonly depth: Depth
  readonly everyMs: number
  /** The message is for people, and stays. */
  readonly stays: boolean
}

/** Longest piece of a reply that is shown. */
const MAX_OBSERVED = 240

/** Kept free at the end, so that the verdict and not the runner says what was being waited for. */
const margin = (timeoutMs: number): number => Math.min(500, timeoutMs / 5)

/** A message is not sent with less than this part of the time left: its answer would come too late. */
const SEND_SHARE = 0.2

/** How often the memory is looked at while another run is sending, ms. */
const LOOK_MS = 50

/** A service that says 429 and not for how long. */
const DEFAULT_HOLD_MS = 60_000
/** What a service's word may hold up a start for. Beyond that its clock is wrong. */
const MAX_HOLD_MS = 7 * 86_400_000

type Place =
  | Exclude<Decision, { do: 'send' } | { do: 'wait' }>
  | { readonly do: 'go'; readonly id: string }
  | { readonly do: 'in-flight' | 'late' }

type Pass = Extract<Verdict, { status: 'pass' }>

/** How long a service is left alone, for its own word on it and for none. */
const bounded = (refusal: Refusal): Refusal => {
  const { holdMs = DEFAULT_HOLD_MS, ...rest } = refusal
  return rest.refused === 'rate-limited'
    ? { ...rest, holdMs: Math.ceil(Math.min(holdMs > 0 ? holdMs : DEFAULT_HOLD_MS, MAX_HOLD_MS)) }
    : rest
}

const tell = async <S extends Pick<Step, 'name'>>(
  conversation: Talk<S>,
  transport: Transport<S>,
  wanted: Wanted,
  ctx: CheckContext,
): Promise<Verdict> => {
  const { depth, everyMs } = wanted
  if (depth === 'probe' && conversation.probe.length === 0)
    return say.unfit(
      `channel ${wanted.channel} cannot be asked without a message being sent`,
      'a channel that can be probed, or a delivery',
      'write `depth: deliver`',
    )
  const began = elapsed()
  const spent = (): number => elapsed() - began
  const left = (): number => (ctx.signal.aborted ? 0 : ctx.timeoutMs - margin(ctx.timeoutMs) - spent())
  const hideOwn = masker(conversation.secrets)
  const hide = (text: string): string => hideOwn(ctx.mask(text))
  const whom = hide(conversation.whom)
  const held = conversation.mayHold?.filter(text => ctx.mask(text) !== text) ?? []
  const credential = [conversation.credential, ...held].join('\n')
  const memory = openMemory(ctx.store, wanted.channel, { ...conversation, whom, credential }, everyMs)
  const { origin } = transport
  const subject = (): say.Subject => ({
    whom: `${wanted.channel} ${whom}`,
    forget: memory.forget,
    origin,
    timeoutMs: ctx.timeoutMs,
    nowMs: ctx.now(),
  })

  const facts: Record<string, Facts[string]> = { channel: wanted.channel, depth, target: memory.target }
  const concerns: Concern[] = []
  const saw: string[] = []

  /** The service's texts, masked before they are cut. */
  const clean = <T extends { readonly observed: string }>(said: T): T => ({
    ...say.masked(said, hide),
    observed: excerpt(hide(said.observed), MAX_OBSERVED),
  })

  const ask = async (line: Line<S>, step: S): Promise<Answer> => {
    const answer = await line.ask(step)
    if ('silence' in answer) return { silence: clean(answer.silence) }
    if ('refusal' in answer) return { ...answer, refusal: clean(bounded(answer.refusal)) }
    return answer
  }

  const take = ({ saw: seen, facts: more, concern }: Done): void => {
    if (seen !== undefined) saw.push(excerpt(hide(seen), MAX_OBSERVED))
    Object.assign(facts, more)
    if (concern) concerns.push(clean({ ...concern, summary: excerpt(hide(concern.summary), MAX_OBSERVED) }))
  }

  const pass = (what: say.What, summary: string): Verdict => {
    if (memory.firstBad !== undefined)
      concerns.push({
        what: 'store-damaged',
        summary: `${memory.bad} lines of what is remembered of ${whom} cannot be read`,
        observed: memory.firstBad,
        expected: 'whole lines',
        next: memory.forget,
      })
    const [first = origin, ...others] = saw
    const good: Pass = {
      status: 'pass',
      code: say.code(what),
      summary,
      watched: [`${wanted.channel} ${first}`, ...others],
      facts,
    }
    return say.withConcerns(good, concerns)
  }

  /** Remembers what came of a request. It was made already, so a store that fails now is only said. */
  const remember = (...memos: readonly Memo[]): string => {
    try {
      for (const memo of memos) memory.append(memo)
      return ''
    } catch (error) {
      if (error instanceof StoreError) return `; this could not be remembered: ${error.message}`
      throw error
    }
  }

  const refused = (step: S, refusal: Refusal, note: string, keptMs?: number): Trouble => {
    const verdict = say.refusal(subject(), step.name, refusal, facts, keptMs)
    return { ...verdict, observed: `${verdict.observed}${note}` }
  }

  const holdOf = ({ holdMs, refused, ...texts }: Refusal): readonly Memo[] =>
    holdMs === undefined
      ? []
      : [{ type: 'not-before', holdMs, ...kept({ what: refused, ...texts }), ...memory.fingerprint }]

  /** What a refusal forbids that is not the message's. */
  const forbidding = (refusal: Refusal): readonly Memo[] => {
    const { refused: what, observed, expected, next } = refusal
    return what === 'unauthorized'
      ? [{ type: 'unauthorized', ...kept({ what, observed, expected, next }), ...memory.fingerprint }]
      : holdOf(refusal)
  }

  /** Undefined if every step is good. */
  const probe = async (line: Line<S>): Promise<Verdict | undefined> => {
    for (const step of conversation.probe) {
      const answer = await ask(line, step)
      if ('done' in answer) take(answer.done)
      else if ('silence' in answer) return say.silent(subject(), step.name, answer.silence, spent())
      else return refused(step, answer.refusal, remember(...forbidding(answer.refusal)))
    }
    return undefined
  }

  /** Decides about a delivery, and takes the place where it may. */
  const takePlace = async (): Promise<Place> => {
    for (;;) {
      const decision = memory.decide()
      if (decision.do === 'send') {
        if (left() < ctx.timeoutMs * SEND_SHARE) return { do: 'late' }
        const id = memory.claim(decision.replaces, Math.ceil(left()))
        if (id !== undefined) return { do: 'go', id }
      } else if (decision.do !== 'wait') return decision
      if (left() <= 0) return { do: 'in-flight' }
      await pause(Math.min(LOOK_MS, left()), ctx.signal)
    }
  }

  const standing = ({ confirmedAt, agoMs, sameCredential, dueInMs }: Extract<Decision, { do: 'probe' }>): Verdict => {
    facts.confirmedAt = new Date(confirmedAt).toISOString()
    const now = ctx.now()
    const again = clock(now + dueInMs, now)
    if (!sameCredential)
      concerns.push({
        what: 'other-credential',
        summary: `the delivery to ${whom} ${span(agoMs)} ago was made with another credential; this one was only probed`,
        observed: `confirmed at ${clock(confirmedAt, now)} with another credential`,
        expected: 'a delivery with this one',
        next: `start again after ${again}, or ${memory.forget}`,
      })
    if (saw.length === 0) saw.push(whom)
    const probed = conversation.probe.length > 0 ? 'the probe is good' : 'not probed, since there is no probe'
    return pass(
      'stands',
      `${wanted.channel} ${whom}: delivered ${span(agoMs)} ago, ${probed}; sent again from ${again}`,
    )
  }

  const tidy = async (line: Line<S>, receipt: string): Promise<void> => {
    const step = conversation.remove?.(receipt)
    if (!step) return
    const answer = await ask(line, step)
    if ('done' in answer) return
    const refusal = 'refusal' in answer ? answer.refusal : undefined
    const said = 'silence' in answer ? answer.silence.observed : answer.refusal.observed
    const note = refusal ? `${say.holding(subject(), refusal)}${remember(...forbidding(refusal))}` : ''
    concerns.push({
      what: 'left-behind',
      summary: `the message to ${whom} was delivered and could not be taken away again`,
      observed: `${step.name}: ${said}${note}`,
      expected: `that message ${receipt} is gone`,
      next: `delete message ${receipt} by hand`,
    })
  }

  /** The place is ours: from here on the message counts as sent, whatever happens to this process. */
  const send = async (line: Line<S>, id: string): Promise<Verdict> => {
    const step = conversation.deliver(id)
    const answer = await ask(line, step)
    if ('silence' in answer) {
      const { silence } = answer
      const verdict = silence.left
        ? say.unknown(subject(), silence.observed, everyMs)
        : say.silent(subject(), step.name, silence, spent())
      const { expected } = verdict
      const next = `look whether it came (${whom})`
      const note = remember(
        silence.left
          ? { type: 'unknown', of: id, ...kept({ what: 'unknown', observed: silence.observed, expected, next }) }
          : { type: 'unsent', of: id },
      )
      return { ...verdict, observed: `${verdict.observed}${note}` }
    }
    if ('refusal' in answer) {
      const { refused: what, observed, expected, next } = answer.refusal
      const doubtful = answer.doubtful ? '; whether it was delivered is not known' : ''
      const note = remember(
        { type: 'refused', of: id, ...kept({ what, observed: `${observed}${doubtful}`, expected, next }) },
        ...holdOf(answer.refusal),
      )
      return refused(step, answer.refusal, `${doubtful}${note}`, everyMs)
    }
    take(answer.done)
    if (saw.length === 0) saw.push(whom)
    const receipt = answer.done.receipt ?? null
    facts.receipt = receipt
    const note = remember({ type: 'delivered', of: id, receipt: receipt === null ? null : excerpt(hide(receipt), 80) })
    if (note !== '')
      concerns.push({
        what: 'store',
        summary: `the message to ${whom} was delivered, and the next run will not know it`,
        observed: `delivered${note}`,
        expected: 'a state folder that can be written',
        next: 'df -h',
      })
    if (receipt !== null && !wanted.stays) await tidy(line, receipt)
    return pass(
      'delivered',
      `${wanted.channel} ${whom}: delivered ${receipt === null ? 'without a receipt' : `(receipt ${receipt})`} in ${span(spent())}`,
    )
  }

  const story = async (): Promise<Verdict> => {
    memory.mark()
    const first = depth === 'deliver' ? memory.decide() : memory.forbidden()
    if (first?.do === 'keep') return say.keptVerdict(subject(), first)
    const line = await transport.open({ env: ctx.env, signal: ctx.signal, left, now: ctx.now })
    try {
      const trouble = await probe(line)
      if (trouble) return trouble
      if (depth === 'probe') return pass('probed', `${wanted.channel} ${whom}: ${saw.join(', ')}, nothing was sent`)
      const place = await takePlace()
      switch (place.do) {
        case 'go':
          return await send(line, place.id)
        case 'probe':
          return standing(place)
        case 'keep':
          return say.keptVerdict(subject(), place)
        case 'unproven':
          return say.unproven(subject(), place)
        case 'in-flight':
          return say.inFlight(subject(), spent())
        case 'late':
          return say.tooLate(subject(), spent())
        default:
          return place satisfies never
      }
    } finally {
      line.close()
    }
  }

  try {
    return say.masked(await story(), hide)
  } catch (error) {
    if (error instanceof StoreError) return say.masked(say.storeTrouble(subject(), error), hide)
    throw error
  }
}

export const converse = (
  opened: Conversation | Carried<MailStep>,
  wanted: Wanted,
  ctx: CheckContext,
): Promise<Verdict> =>
  'talk' in opened ? tell(opened.talk, opened.transport, wanted, ctx) : tell(opened, overHttp(opened), wanted, ctx)
