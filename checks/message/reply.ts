/** Reading replies, for every channel that speaks HTTP. */

import type { Reply } from '../../core/http.ts'
import type { Refusal } from './channel.ts'

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What came back, in one line: `HTTP 200: {"ok":false}`. */
export const shown = ({ status, text, cut }: Reply): string => {
  const body = text.trim()
  return `HTTP ${status}${body === '' ? ' without a body' : `: ${body}`}${cut === undefined ? '' : ` (${cut})`}`
}

/** Seconds, or an HTTP date, in ms from now; undefined if it is neither. */
export const retryAfter = (text: string | undefined, nowMs: number): number | undefined => {
  if (text === undefined) return undefined
  if (/^\d+(\.\d+)?$/.test(text.trim())) return Number(text) * 1000
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}

export interface Advice {
  readonly expected: string
  readonly next: string
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
