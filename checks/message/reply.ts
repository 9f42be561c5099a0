/** Reading replies, for every channel that speaks HTTP. */

import type { Reply } from '../../core/http.ts'
import { shown } from '../../core/http-words.ts'
import type { Refusal } from './channel.ts'

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON has no infinity, but numbers that become one. */
export const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** Undefined for the empty text too. */
export const word = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

export interface Advice {
  readonly expected: string
  readonly next: string
}

/** Advice on each refusal; `other` on those that have none of their own. */
export const adviceBy =
  (own: Readonly<Partial<Record<Refusal['refused'], Advice>>>, other: Advice) =>
  (refused: Refusal['refused']): Advice =>
    own[refused] ?? other

/** What to do about a limit: it is the gateway that sends too much. */
export const PATIENCE = 'let the gateway send less; nothing is sent before that time'

/** What a service with several ways in words differently for each of them. */
export interface Words {
  readonly renew: string
  readonly target: string
  readonly correct: string
  readonly admit: string
  readonly origin: string
}

/** What the status alone says; undefined for 2xx. `advice` words what to do about each. */
export const refusedByStatus = (
  reply: Reply,
  advice: (refused: Refusal['refused']) => Advice,
  observed = shown(reply),
): Refusal | undefined => {
  const { status } = reply
  if (status >= 200 && status < 300) return undefined
  const refused =
    status === 401
      ? 'unauthorized'
      : status === 403
        ? 'forbidden'
        : status === 404 || status === 410
          ? 'not-found'
          : status === 429
            ? 'rate-limited'
            : status >= 500
              ? 'server-error'
              : 'rejected'
  return { refused, observed, ...advice(refused) }
}
