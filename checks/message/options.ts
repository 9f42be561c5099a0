/** Keys that several channels have, and what no schema can refuse in them. */
import type { Unusable } from './channel.ts'

/** A token, or an address that holds one. */
export const secretKey = <const D extends string>(description: D) =>
  ({ type: 'string', minLength: 1, format: 'secret', description }) as const

export const chatKey = <const D extends string>(description: D) =>
  ({ type: ['string', 'integer'], minLength: 1, description }) as const

export const apiKey = <const D extends string>(description: D) =>
  ({ type: 'string', pattern: '^https?://', description }) as const

export const baseOf = (api: string): string => api.replace(/\/+$/, '')

export const oddApi = (api: string, example: string): Unusable | undefined =>
  !URL.canParse(api) || /[?#@]/.test(api)
    ? {
        unusable: 'api is not a base address',
        expected: `an address such as ${example}`,
        next: 'correct the line `api`',
      }
    : undefined

/** A token that stands in a header: one word, without its scheme. */
export const oddToken = (token: string): Unusable | undefined =>
  /^[\w.~+/=-]+$/.test(token)
    ? undefined
    : {
        unusable: 'token holds a character that no token has: a blank, a newline or a quote',
        expected: 'the token alone, without `Bot` or `Bearer` before it',
        next: 'set the variable behind `token` anew, without quotes and without a newline at its end',
      }
