/**
 * What a channel is: its own keys, and how to talk to it, as data. Everything that must hold for every channel (who may send
 * when, time and size limits, redirects, masking, what is remembered) stands elsewhere and cannot be got wrong here.
 *
 * To add one: a file in `channels/`, and a line in `channels.ts`.
 */
import type { Facts, Infer, OptionSchema } from '../../core/check.ts'
import type { Reply, Request } from '../../core/http.ts'

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
  /** How long the service wants to be left alone, ms. */
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

/** One request, and how to read the reply to it. Redirects never reach `judge`. */
export interface Step {
  /** In the service's words: `getMe`, `POST`. */
  readonly name: string
  readonly request: Request
  judge(reply: Reply): Done | Refusal
}

/** A channel with its options filled in. */
export interface Conversation {
  /** Whom it reaches, for people, without secrets: `chat 4711`. */
  readonly whom: string
  /** What makes it another target: an interval counts for one target. May hold secrets; only a hash is kept. */
  readonly identity: readonly string[]
  /** What a 401 is about. Only a salted hash is kept. Empty if there is none. */
  readonly credential: string
  /** Beside the manifest's own secrets: whatever must not be shown, such as a path that holds a token. */
  readonly secrets: readonly string[]
  /** Asks whether credential and target are good; nobody sees anything of it. Empty where the service has no such request. */
  readonly probe: readonly Step[]
  /** Sends one message. `unique` is this delivery's own id, for services that take one to recognise a repetition. */
  deliver(unique: string): Step
  /** Takes the message away again; absent where the service cannot. */
  remove?(receipt: string): Step
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
  /** Required at one depth only. */
  readonly requiredFor?: Readonly<Partial<Record<Depth, readonly (keyof K & string)[]>>>
  open(options: Options<K, R>): Conversation | Unusable
}

/** Gives a channel its option type, inferred from its keys. */
export const defineChannel = <const K extends Keys, const R extends readonly (keyof K & string)[]>(
  channel: Channel<K, R>,
): Channel<K, R> => channel

export const DEFAULT_TEXT = 'bootcheck: delivery test, nothing to do'
