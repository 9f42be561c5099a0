/**
 * What a channel is: its own keys, and how to talk to it, as data. Everything that must hold for every channel (who may send
 * when, time and size limits, redirects, masking, what is remembered) stands elsewhere and cannot be got wrong here.
 *
 * To add one: a file in `channels/`, and a line in `channels.ts`.
 */
import type { Env, Facts, Infer, OptionSchema } from '../../core/check.ts'
import type { Silence as HttpSilence, Reply, Request } from '../../core/http.ts'
import type { SmtpReply, SmtpRequest } from '../../core/smtp.ts'

export type Depth = 'probe' | 'deliver'

/** Why a service did not do what it was asked. Each is a code of the kind. */
export type Refused =
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'moved'
  | 'rate-limited'
  | 'rejected'
  | 'server-error'
  | 'redirect'
  | 'expectation'
  | 'reply'

export interface Refusal {
  readonly refused: Refused
  /** What came back, in its own words; secrets are masked and it is shortened later. */
  readonly observed: string
  readonly expected: string
  readonly next: string
  /** How long the service wants to be left alone, ms; not more than 0 is as if nothing was said. */
  readonly holdMs?: number
}

/** A step that did what it should. */
export interface Done {
  /** The service's proof of a delivery: a message's id. */
  readonly receipt?: string
  /** What was recognised, for `watched`: a bot's name, a chat's title. */
  readonly saw?: string
  readonly facts?: Facts
  /** It works, but something about it wants attention: a warning with a code of the kind. */
  readonly concern?: Concern
}

export interface Concern {
  readonly what: string
  readonly summary: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

/** One request, and how to read the reply to it. Of HTTP, redirects never reach `judge`. */
export interface Step<Q = Request, R = Reply> {
  /** In the service's words: `getMe`, `POST`, `RCPT TO`. */
  readonly name: string
  readonly request: Q
  judge(reply: R, nowMs: number): Done | Refusal
}

export type MailStep = Step<SmtpRequest, SmtpReply>

/** No answer. `left`: the message, or a part of it, may have reached the other side. */
export type Silence = Pick<HttpSilence, 'silent' | 'left' | 'observed'>

/** What came of a step. `doubtful`: a message that was refused so may have been delivered all the same. */
export type Answer =
  | { readonly done: Done }
  | { readonly refusal: Refusal; readonly doubtful: boolean }
  | { readonly silence: Silence }

/** A connection that carries steps, one after another. */
export interface Line<S> {
  ask(step: S): Promise<Answer>
  /** Drops what is left of it at once. */
  close(): void
}

/** What a transport needs of the check that uses it. */
export interface Terms {
  readonly env: Env
  /** Ends what is under way, by Ctrl-C for one. */
  readonly signal: AbortSignal
  /** Time left, in ms. */
  left(): number
  now(): number
}

/** How requests travel: it knows the words of its protocol, and nothing of who may send when. */
export interface Transport<S> {
  /** The service as an address: `https://api.telegram.org`. */
  readonly origin: string
  /** Throws `NeedsChild` where a name has to be resolved, before anything was asked. */
  open(terms: Terms): Promise<Line<S>>
}

/** A channel with its options filled in: what goes on whatever carries it. */
export interface Talk<S> {
  /** Whom it reaches, for people, without secrets: `chat 4711`. */
  readonly whom: string
  /** What makes it another target: an interval counts for one target. May hold secrets; only a hash is kept. */
  readonly identity: readonly string[]
  /** What a 401 is about. Only a salted hash is kept. Empty if there is none. */
  readonly credential: string
  /** Texts that belong to the credential, too, as far as they hold a secret of the manifest. */
  readonly mayHold?: readonly string[]
  /** Beside the manifest's own secrets: whatever must not be shown, such as a path that holds a token. */
  readonly secrets: readonly string[]
  /** Asks whether credential and target are good; nobody sees anything of it. Empty where the service has no such request. */
  readonly probe: readonly S[]
  /** Sends one message. `unique` is this delivery's own id, for services that take one to recognise a repetition. */
  deliver(unique: string): S
  /** Takes the message away again; absent where the service cannot. */
  remove?(receipt: string): S
}

/** Over HTTP, as most are. */
export type Conversation = Talk<Step>

/** Over the transport that it brings. */
export interface Carried<S> {
  readonly talk: Talk<S>
  readonly transport: Transport<S>
}

/** Options that no schema can refuse, in words. */
export interface Unusable {
  readonly unusable: string
  readonly expected: string
  readonly next: string
}

type Keys = Readonly<Record<string, OptionSchema>>

type Options<K extends Keys, R extends readonly (keyof K & string)[]> = Infer<{
  readonly type: 'object'
  readonly properties: K
  readonly required: R
}> & {
  readonly text?: string
  readonly depth: Depth
  /** A message for people, who shall notice it and keep it: sent in place of the text. */
  readonly notice?: string
}

/** One of several ways to name credential and target: what it needs, and what it may have. */
export interface Form<K extends string = string> {
  readonly required: readonly K[]
  readonly optional?: readonly K[]
}

export interface Channel<K extends Keys = Keys, R extends readonly (keyof K & string)[] = readonly string[]> {
  /** The keys that only this channel reads. `text` is everybody's. */
  readonly keys: K
  readonly required: R
  /** Where there are several ways: one of them, whole, and no key of another. */
  readonly forms?: readonly [Form<keyof K & string>, ...Form<keyof K & string>[]]
  /** All of them, or none. */
  readonly together?: readonly (keyof K & string)[]
  /** Required at one depth only. */
  readonly requiredFor?: Readonly<Partial<Record<Depth, readonly (keyof K & string)[]>>>
  open(options: Options<K, R>): Conversation | Carried<MailStep> | Unusable
}

/** Gives a channel its option type, inferred from its keys. */
export const defineChannel = <const K extends Keys, const R extends readonly (keyof K & string)[]>(
  channel: Channel<K, R>,
): Channel<K, R> => channel

export const DEFAULT_TEXT = 'bootcheck: delivery test, nothing to do'
