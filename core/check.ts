/** The shapes that everything else speaks: a kind, what it is given, and what it answers. */
import type { Doing } from './contain.ts'
import type { Store, StoreEvent } from './store.ts'

/** Facts of a verdict for machines: numbers and short strings, by name. */
export type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** One place that a verdict points at. `line` and `column` are 1-based. */
export interface Finding {
  /** `kind/what`, where a verdict's findings are of different sorts; else the verdict's own code holds. */
  readonly code?: string
  readonly path: string
  readonly line?: number
  readonly column?: number
  readonly message: string
}

/**
 * What a check says. `code` is `kind/what` and stable: `explain`, `skip` and other people's alerts use it.
 * `summary` is one line that states what was observed, with its values; `next` is a command to type or the line to change.
 */
export type Verdict =
  | {
      readonly status: 'pass'
      readonly code: string
      readonly summary: string
      /** What was looked at, by name. A pass that looked at nothing is turned into a failure by the runner. */
      readonly watched: readonly [string, ...string[]]
      readonly facts?: Facts
    }
  | Trouble
  | { readonly status: 'skip'; readonly reason: string }

/** A verdict that wants something done. */
export interface Trouble {
  readonly status: 'warn' | 'fail'
  readonly code: string
  readonly summary: string
  readonly observed: string
  readonly expected: string
  readonly next: string
  readonly watched?: readonly string[]
  readonly facts?: Facts
  readonly findings?: readonly Finding[]
}

/** A verdict, or what only the runner may add. */
export type Outcome =
  | Verdict
  /** `during`: what its child process had begun, where it left word of that. */
  | { readonly status: 'timeout'; readonly afterMs: number; readonly during?: Doing }
  | { readonly status: 'crash'; readonly error: { readonly name: string; readonly message: string } }
  | { readonly status: 'blocked'; readonly by: string }

export type Status = Outcome['status']
export type Severity = 'fail' | 'warn'
export type Phase = 'before' | 'after'
export type Env = Readonly<Record<string, string | undefined>>

export interface User {
  /** Effective ids; -1 where the platform has none. */
  readonly uid: number
  readonly gid: number
  readonly name: string
}

/** What a check is given beside its options. */
export interface CheckContext {
  /** The check's id in its manifest; the kind's name when run without one. */
  readonly id: string
  /** The manifest's folder; relative paths start here. */
  readonly cwd: string
  /** The manifest's own absolute path; null where the check was asked for without one. */
  readonly manifest: string | null
  readonly home: string
  readonly env: Env
  readonly user: User
  readonly phase: Phase
  /** Run beside a live gateway: what the declared owner holds is fine. */
  readonly running: boolean
  /** 1 at the first try. */
  readonly attempt: number
  /** The outcomes of the ids in `needs`, and of those that the options name (`format: check-id`). */
  readonly outcomes: ReadonlyMap<string, Outcome>
  /** The deadline and Ctrl-C, already joined. */
  readonly signal: AbortSignal
  /** How long this attempt may take, in ms. */
  readonly timeoutMs: number
  /** How much of that had gone by before `run` was called here, in ms: a child process takes time to start. */
  readonly spentMs: number
  /** Wall clock, ms since the epoch. */
  now(): number
  /** Makes a path absolute: `~` is the home of the user that runs, relative paths start at the manifest's folder. */
  path(text: string): string
  /** Replaces every secret of the manifest. Call it before text from outside is shortened: half a secret is not recognised later. */
  mask(text: string): string
  readonly store: Store
}

/** The subset of JSON Schema (2020-12) in which a kind describes its options. */
export interface ObjectSchema {
  readonly type: 'object'
  readonly additionalProperties: false
  readonly properties: Readonly<Record<string, OptionSchema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly { readonly required: readonly string[] }[]
  readonly oneOf?: readonly { readonly required: readonly string[] }[]
  readonly dependentRequired?: Readonly<Record<string, readonly string[]>>
  readonly description?: string
}

/**
 * The schema of one option. `format` names how a string is read: `duration` (5s), `size` (1GiB), `mode` (quoted octal),
 * `path`, `glob`, `pointer` (JSON pointer), `check-id` (an earlier check, whose outcome `run` gets), `text` (in a list: a comma does not part it), `secret`. It carries no rule of its own, so a `pattern` stands beside it where one is needed.
 */
export interface OptionSchema {
  readonly type?: JsonType | readonly JsonType[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly (string | number)[]
  readonly const?: string | number | boolean
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: true
  readonly items?: OptionSchema
  readonly anyOf?: readonly OptionSchema[]
  readonly properties?: Readonly<Record<string, OptionSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | OptionSchema
}

export type JsonType = 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'null'

/** The type that a schema's instances have, defaults filled in. */
export type Infer<S> = S extends { const: infer C }
  ? C
  : S extends { enum: readonly (infer E)[] }
    ? E
    : S extends { properties: infer P }
      ? InferObject<S, P>
      : S extends { anyOf: readonly (infer U)[] }
        ? Infer<U>
        : S extends { type: 'array'; items: infer I }
          ? readonly Infer<I>[]
          : S extends { type: readonly (infer T)[] }
            ? Primitive<T>
            : S extends { type: infer T }
              ? Primitive<T>
              : unknown

type Primitive<T> = T extends 'string'
  ? string
  : T extends 'integer' | 'number'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends 'null'
        ? null
        : T extends 'array'
          ? readonly unknown[]
          : T extends 'object'
            ? Readonly<Record<string, unknown>>
            : never

type Given<S, P> = {
  [K in keyof P]: S extends { required: readonly (infer R)[] }
    ? K extends R
      ? K
      : P[K] extends { default: unknown }
        ? K
        : never
    : P[K] extends { default: unknown }
      ? K
      : never
}[keyof P]

type InferObject<S, P> = { readonly [K in Given<S, P>]: Infer<P[K]> } & {
  readonly [K in Exclude<keyof P, Given<S, P>>]?: Infer<P[K]>
}

/** What a manifest may hold for these options: as `Infer`, with defaults left out at will. */
export type Written<S> = S extends { properties: infer P } ? { readonly [K in keyof P]?: unknown } : unknown

/** A promise of the docs: laid out in an empty folder and run by a test, printed in docs/checks.md and by `explain`. */
export interface Example<S = unknown> {
  readonly title: string
  readonly options: Written<S>
  readonly phase?: Phase
  /** Checks that stand above it, by id. */
  readonly above?: Readonly<Record<string, { readonly check: string; readonly [key: string]: unknown }>>
  /** Files to lay out first, by path relative to the manifest. A path that ends in `/` is an empty folder. */
  readonly files?: Readonly<Record<string, string>>
  /** HTTP servers on 127.0.0.1 that stand while the example runs: each answers every request in the same way. */
  readonly servers?: readonly { readonly port: number; readonly status: number; readonly body: string }[]
  /** What the store remembers of each target: events that were appended just before, in order. */
  readonly remembered?: Readonly<Record<string, readonly StoreEvent[]>>
  /** Environment of the example. */
  readonly env?: Readonly<Record<string, string>>
  readonly expect: { readonly status: Status; readonly code?: string }
}

/** Where a check stands in its manifest. */
export interface Surroundings {
  readonly phase: Phase
  /** The checks above it, by id. */
  readonly above: ReadonlyMap<string, { readonly phase: Phase; readonly severity: Severity }>
  /** Options of the top level that hold a variable which is not known yet. They stand as they were written. */
  readonly open: ReadonlySet<string>
}

/** One kind of check. */
export interface Check<S extends ObjectSchema = ObjectSchema> {
  /** Lower-case words joined by hyphens; the name of its file, its test and its anchor in the docs. */
  readonly kind: string
  /** One line: what it proves. */
  readonly title: string
  /** Markdown: what it proves, why it matters, what it cannot see. */
  readonly docs: string
  readonly options: S
  /** Other schemas of ours that it validates with through `ownValidator`: the build prepares them too. */
  readonly schemas?: readonly object[]
  /** Every `what` of the codes `kind/what` that it may answer, with its meaning. */
  readonly codes: Readonly<Record<string, string>>
  /** Of a guard: its parameters as the front matter's `guard:` holds them under the kind's name. */
  readonly settings?: ObjectSchema
  /** What is wrong with options or settings that fit their schema, in one line: values that exclude each other, or the checks that they name. */
  readonly conflict?: (given: Readonly<Record<string, unknown>>, around: Surroundings) => string | undefined
  /** `conflict` knows what to make of options that are open. Of other kinds it is not asked before all are known. */
  readonly judgesOpen?: true
  /** It keeps its timeout itself, and says what did not end: how much longer the runner waits for that, in ms. */
  readonly lingerMs?: number
  /** It sends or logs in, so it is never retried (E307). */
  readonly sends?: true
  readonly examples: readonly [Example<S>, ...Example<S>[]]
  run(options: Infer<S>, ctx: CheckContext): Verdict | Promise<Verdict>
}

/** Gives a check its option type, inferred from its schema. */
export const defineCheck = <const S extends ObjectSchema>(check: Check<S>): Check<S> => check

/** Where the kinds come from: explicit, and each loaded when a manifest names it. */
export type Registry = Readonly<Record<string, () => Promise<Check>>>
