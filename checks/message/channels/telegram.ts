/** Telegram's Bot API (core.telegram.org/bots/api). Never `getUpdates`: it takes messages away from the live gateway, which then gets a 409. */

import type { Reply } from '../../../core/http.ts'
import { shown } from '../../../core/http-words.ts'
import { quote } from '../../../core/shell.ts'
import { excerpt } from '../../../core/text.ts'
import { DEFAULT_TEXT, type Done, defineChannel, type Refusal, type Refused, type Step } from '../channel.ts'
import { apiKey, baseOf, chatKey, oddApi, oddChat, secretKey } from '../options.ts'
import { type Advice, adviceBy, isObject, number, PATIENCE, refusedByStatus } from '../reply.ts'

const API = 'https://api.telegram.org'

/** How long updates are kept that nobody took (core.telegram.org/bots/api, Getting updates), ms. An error before that is history. */
const UPDATES_KEPT_MS = 24 * 3_600_000

/** The Bot API sends most refusals as 400 and tells them apart in words. */
const NO_CHAT = /chat not found|user not found|peer_id_invalid|chat_id is empty|member not found/i

const advise = (chat: string, api: string): ((refused: Refused) => Advice) =>
  adviceBy(
    {
      unauthorized: {
        expected: 'a token that @BotFather has given and that nobody revoked',
        next: 'set the variable behind `token` to what @BotFather shows under /mybots, API Token',
      },
      forbidden: {
        expected: `that the bot may write to ${chat}`,
        next: `open ${chat} in Telegram and press Start, or add the bot to the group again`,
      },
      'not-found': {
        expected: `a chat that the bot knows`,
        next: `send /start to the bot from there, or correct the line \`chat: ${chat}\``,
      },
      'rate-limited': {
        expected: 'a bot below its limits',
        next: PATIENCE,
      },
    },
    { expected: 'ok and a result', next: `curl -m 5 ${quote(api)}` },
  )

export const telegram = defineChannel({
  keys: {
    token: secretKey('telegram: the bot token, as `${secret:NAME}`'),
    chat: chatKey('telegram: id of the chat, or `@name` of a public channel'),
    api: apiKey(`telegram: base address of the Bot API; ${API} if absent`),
  },
  required: ['token', 'chat'],
  open({ token, chat, api = API, text = DEFAULT_TEXT, notice }) {
    if (!/^[\w:-]+$/.test(token))
      return {
        unusable: 'token holds a character that no bot token has: a blank, a newline, a quote or a slash',
        expected: 'digits, a colon, and letters, digits, _ or -',
        next: 'set the variable behind `token` anew, without quotes and without a newline at its end',
      }
    const odd = oddApi(api, API) ?? oddChat(chat, 'the id of a chat, or @name')
    if (odd) return odd
    const target = String(chat)
    // A public name is the same in capitals.
    const named = target.startsWith('@') ? target.toLowerCase() : target
    const base = `${baseOf(api)}/bot${token}`
    const advice = advise(target, new URL(api).origin)

    /** `{ok, result}` or `{ok: false, error_code, description, parameters}`; the status alone is no proof. */
    const answered = (
      reply: Reply,
      read: (result: Readonly<Record<string, unknown>>, nowMs: number) => Done | undefined,
      nowMs: number,
    ): Done | Refusal => {
      const { json } = reply
      if (isObject(json) && json.ok === true && reply.status === 200) {
        const done = isObject(json.result) ? read(json.result, nowMs) : undefined
        return done ?? { refused: 'reply', observed: shown(reply), ...advice('reply') }
      }
      if (!isObject(json) || json.ok !== false) {
        const refusal = refusedByStatus(reply, advice)
        return (
          refusal ?? {
            refused: 'reply',
            observed: shown(reply),
            expected: 'JSON with `ok`',
            next: advice('reply').next,
          }
        )
      }
      const description = typeof json.description === 'string' ? json.description : 'no description'
      const code = number(json.error_code) ?? reply.status
      const observed = `${code} ${description}`
      const parameters = isObject(json.parameters) ? json.parameters : {}
      const moved = number(parameters.migrate_to_chat_id)
      if (moved !== undefined)
        return {
          refused: 'moved',
          observed: `${observed}: the group is now ${moved}`,
          expected: 'the id of the supergroup that the group became',
          next: `write \`chat: ${moved}\``,
        }
      if (code === 400 && NO_CHAT.test(description)) return { refused: 'not-found', observed, ...advice('not-found') }
      const wait = number(parameters.retry_after)
      const refusal = refusedByStatus({ ...reply, status: code }, advice, observed)
      return {
        ...(refusal ?? { refused: 'reply', observed, ...advice('reply') }),
        ...(wait === undefined ? {} : { holdMs: wait * 1000 }),
      }
    }

    const step = (name: string, body: object, read: Parameters<typeof answered>[1]): Step => ({
      name,
      request: {
        method: 'POST',
        url: `${base}/${name}`,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      },
      judge: (reply, nowMs) => answered(reply, read, nowMs),
    })

    const getMe = step('getMe', {}, ({ username, id }) =>
      number(id) === undefined
        ? undefined
        : { saw: `bot ${typeof username === 'string' ? `@${username}` : id}`, facts: { bot: String(username ?? id) } },
    )
    return {
      whom: `chat ${named}`,
      identity: [baseOf(api), named],
      credential: token,
      secrets: [token],
      probe: [
        {
          ...getMe,
          judge: (reply, nowMs) => {
            const result = getMe.judge(reply, nowMs)
            // The Bot API does not know the path of a token that is none.
            return 'refused' in result && result.refused === 'not-found'
              ? {
                  ...result,
                  expected: 'a token of the form 123456:ABC…, and a Bot API at `api`',
                  next: 'set the variable behind `token` to what @BotFather shows under /mybots, API Token',
                }
              : result
          },
        },
        step('getChat', { chat_id: chat }, ({ id, type }) =>
          id === undefined ? undefined : { saw: `chat ${target}`, facts: { chatType: String(type ?? 'unknown') } },
        ),
        step('getWebhookInfo', {}, (info, nowMs) => {
          const pending = number(info.pending_update_count) ?? 0
          const error = info.last_error_message
          if (typeof error !== 'string' || error === '') return { facts: { pendingUpdates: pending } }
          const facts = { pendingUpdates: pending, lastError: excerpt(error, 200) }
          const date = new Date((number(info.last_error_date) ?? Number.NaN) * 1000)
          const known = !Number.isNaN(date.getTime())
          if (known && pending === 0 && nowMs - date.getTime() > UPDATES_KEPT_MS) return { facts }
          const since = known ? `, at ${date.toISOString()}` : ''
          return {
            facts,
            concern: {
              what: 'updates-failing',
              summary: `Telegram could not hand updates to the bot's webhook: ${error}`,
              observed: `${error}${since}; ${pending} updates are waiting`,
              expected: 'no last_error_message in getWebhookInfo',
              next: 'look at the address that the gateway gives to setWebhook, then at its certificate and its port',
            },
          }
        }),
      ],
      deliver: () =>
        step(
          'sendMessage',
          { chat_id: chat, text: notice ?? text, disable_notification: notice === undefined },
          ({ message_id: id }) => (number(id) === undefined ? undefined : { receipt: String(id) }),
        ),
      // Its result is `true`, and no object.
      remove: receipt => ({
        ...step('deleteMessage', { chat_id: chat, message_id: Number(receipt) }, () => ({})),
        judge: (reply, nowMs) =>
          isObject(reply.json) && reply.json.ok === true ? {} : answered(reply, () => undefined, nowMs),
      }),
    }
  },
})
