/** Keys that several channels have, and what no schema can refuse in them. */
import type { Unusable } from './channel.ts'

/** A token, or an address that holds one. */
export const secretKey = <const D extends string>(description: D) =>
  ({ type: 'string', minLength: 1, format: 'secret', description }) as const

export const chatKey = <const D extends string>(description: D) =>
  ({ type: ['string', 'integer'], minLength: 1, description }) as const

export const apiKey = <const D extends string>(description: D) =>
  ({ type: 'string', pattern: '^https?://', description }) as const

/** The one way of writing an address that `oddApi` has nothing against. */
export const baseOf = (api: string): string => new URL(api).href.replace(/\/+$/, '')

export const oddApi = (api: string, example: string): Unusable | undefined =>
  !URL.canParse(api) || /[?#@]/.test(api)
    ? {
        unusable: 'api is not a base address',
        expected: `an address such as ${example}`,
        next: 'correct the line `api`',
      }
    : undefined

/** The name of a chat stands in the name under which its interval is remembered: longer ones find no room there. */
export const oddChat = (chat: string | number, example: string): Unusable | undefined =>
  /^[^\s\p{C}]{1,128}$/u.test(String(chat))
    ? undefined
    : {
        unusable: 'chat is no id and no name: it is too long, or holds a blank or a newline',
        expected: example,
        next: 'correct the line `chat`',
      }

/** A token that stands in a header: one word, without its scheme. */
export const oddToken = (token: string): Unusable | undefined =>
  /^[\w.~+/=-]+$/.test(token)
    ? undefined
    : {
        unusable: 'token holds a character that no token has: a blank, a newline or a quote',
        expected: 'the token alone, without `Bot` or `Bearer` before it',
        next: 'set the variable behind `token` anew, without quotes and without a newline at its end',
      }
