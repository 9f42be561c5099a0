/** Discord (discord.com/developers/docs): a webhook of a channel, or a bot. */

import type { Reply } from '../../../core/http.ts'
import { shown } from '../../../core/http-words.ts'
import { quote } from '../../../core/shell.ts'
import { excerpt } from '../../../core/text.ts'
import {
  type Conversation,
  DEFAULT_TEXT,
  type Done,
  defineChannel,
  type Refusal,
  type Refused,
  type Step,
  type Unusable,
} from '../channel.ts'
import { apiKey, baseOf, chatKey, oddApi, oddToken, secretKey } from '../options.ts'
import { type Advice, adviceBy, isObject, number, PATIENCE, refusedByStatus, type Words, word } from '../reply.ts'

const API = 'https://discord.com/api/v10'

/** Discord's edge turns clients away that do not name themselves in this form. */
const AGENT = { 'user-agent': 'DiscordBot (https://www.npmjs.com/package/bootcheck, 1)' }

const MAX_CONTENT = 2000
const SUPPRESS_NOTIFICATIONS = 4096

/** Unknown Webhook, Invalid Webhook Token: whoever comes back with them is never let in again, and may be shut out as a whole. */
const DEAD = new Set([10015, 50027])

/** Below it warn: each start of a gateway takes one of 1,000 a day, and with the last the token is reset. */
const FEW_SESSIONS = 100

const DAY_MS = 86_400_000

const SNOWFLAKE = /^\d{1,20}$/

const advise = ({ renew, target, correct, admit, origin }: Words): ((refused: Refused) => Advice) =>
  adviceBy(
    {
      unauthorized: { expected: 'a credential that Discord has given and that nobody took back', next: renew },
      forbidden: { expected: `the right to see and to write to ${target}`, next: admit },
      'not-found': { expected: `${target} exists`, next: correct },
      'rate-limited': {
        expected: 'a client below its limits',
        next: PATIENCE,
      },
    },
    { expected: 'the answer of the Discord API', next: `curl -m 5 ${quote(origin)}` },
  )

/** `{code, message, retry_after}` beside the status of a refusal. */
const answered = (
  reply: Reply,
  advice: ReturnType<typeof advise>,
  read: (body: Readonly<Record<string, unknown>>) => Done | undefined,
): Done | Refusal => {
  const body = isObject(reply.json) ? reply.json : undefined
  const code = number(body?.code)
  const said = word(body?.message)
  const observed = said === undefined ? shown(reply) : `${reply.status} ${said}${code ? ` (${code})` : ''}`
  const refusal = refusedByStatus(reply, advice, observed)
  if (!refusal) return (body && read(body)) ?? { refused: 'reply', observed: shown(reply), ...advice('reply') }
  if (code !== undefined && DEAD.has(code)) return { refused: 'unauthorized', observed, ...advice('unauthorized') }
  const wait = number(body?.retry_after)
  return { ...refusal, ...(wait === undefined ? {} : { holdMs: wait * 1000 }) }
}

/** What a message looks like; people are named in it by nobody. */
const content = (text: string, notice: string | undefined): object => ({
  content: excerpt(notice ?? text, MAX_CONTENT),
  ...(notice === undefined ? { flags: SUPPRESS_NOTIFICATIONS } : {}),
  allowed_mentions: { parse: [] },
})

const receipt = ({ id }: Readonly<Record<string, unknown>>): Done | undefined =>
  typeof id === 'string' && SNOWFLAKE.test(id) ? { receipt: id } : undefined

type Speak = (
  name: string,
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  read: Parameters<typeof answered>[2],
  body?: object,
) => Step

const speaker =
  (advice: ReturnType<typeof advise>, headers: Readonly<Record<string, string>>): Speak =>
  (name, method, url, read, body) => ({
    name,
    request: {
      method,
      url,
      headers: { ...AGENT, ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    },
    judge: reply => answered(reply, advice, read),
  })

/** Discord says 204 and nothing to a deletion. */
const removal = (step: Step): Step => ({
  ...step,
  judge: (reply, nowMs) => (reply.status === 204 ? {} : step.judge(reply, nowMs)),
})

interface Message {
  readonly text: string
  readonly notice: string | undefined
}

const byWebhook = (hook: string, { text, notice }: Message): Conversation | Unusable => {
  const url = URL.canParse(hook) ? new URL(hook) : undefined
  const [, path, id, token] = url?.pathname.match(/^(.*\/webhooks\/(\d{1,20})\/([\w-]+))\/?$/) ?? []
  const thread = url?.searchParams.get('thread_id') ?? undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || !path || !id || !token)
    return {
      unusable: 'hook is not the address of a Discord webhook',
      expected: 'https://discord.com/api/webhooks/ID/TOKEN',
      next: "set the variable behind `hook` to what the channel's settings show under Integrations, Webhooks, Copy URL",
    }
  const address = (rest = '', wait = false): string => {
    const at = new URL(`${path}${rest}`, url)
    if (wait) at.searchParams.set('wait', 'true')
    if (thread !== undefined && (wait || rest !== '')) at.searchParams.set('thread_id', thread)
    return at.href
  }
  const advice = advise({
    renew: "make a webhook in the channel's settings under Integrations and set the variable behind `hook` to its URL",
    target: thread === undefined ? `webhook ${id}` : `webhook ${id} and thread ${thread}`,
    correct: "compare the address behind `hook` with the one that the channel's settings show under Integrations",
    admit: "look at the webhook in the channel's settings under Integrations",
    origin: url.origin,
  })
  const step = speaker(advice, {})
  return {
    whom: thread === undefined ? `webhook ${id}` : `webhook ${id} thread ${thread}`,
    identity: [url.origin, id, thread ?? ''],
    credential: token,
    secrets: [hook, path, token],
    probe: [
      step('GET webhook', 'GET', address(), ({ id: found, name, channel_id: channel }) =>
        found === id
          ? { saw: `webhook ${word(name) ?? id}`, facts: { channelId: word(channel) ?? 'unknown' } }
          : undefined,
      ),
    ],
    // Without `wait` a 204 says that the request was understood, and nothing of the message.
    deliver: () => step('POST webhook', 'POST', address('', true), receipt, content(text, notice)),
    remove: message => removal(step('DELETE message', 'DELETE', address(`/messages/${message}`), () => ({}))),
  }
}

const byBot = (
  token: string,
  chat: string | number,
  api: string,
  { text, notice }: Message,
): Conversation | Unusable => {
  const odd = oddToken(token) ?? oddApi(api, API)
  if (odd) return odd
  const channel = String(chat)
  if (!SNOWFLAKE.test(channel) || (typeof chat === 'number' && !Number.isSafeInteger(chat)))
    return {
      unusable: 'chat is not the id of a Discord channel, or a number that is too long to be read without quotes',
      expected: 'the digits of the id, in quotes',
      next: 'write `chat: "ID"`, with what Copy Channel ID gives in Developer Mode',
    }
  const advice = advise({
    renew: 'set the variable behind `token` to what the Developer Portal shows under Bot, Reset Token',
    target: `channel ${channel}`,
    correct: 'correct the line `chat`: Copy Channel ID in Developer Mode gives it',
    admit: `give the bot View Channel and Send Messages in channel ${channel}`,
    origin: new URL(api).origin,
  })
  const base = baseOf(api)
  const step = speaker(advice, { authorization: `Bot ${token}` })
  const messages = `${base}/channels/${channel}/messages`
  return {
    whom: `channel ${channel}`,
    identity: [base, channel],
    credential: token,
    secrets: [token],
    probe: [
      step('GET /users/@me', 'GET', `${base}/users/@me`, ({ id, username }) =>
        word(id) === undefined ? undefined : { saw: `bot ${word(username) ?? id}`, facts: { bot: String(id) } },
      ),
      step('GET /channels', 'GET', `${base}/channels/${channel}`, ({ id, name }) =>
        id === channel ? { saw: word(name) === undefined ? `channel ${channel}` : `channel #${name}` } : undefined,
      ),
      step('GET /gateway/bot', 'GET', `${base}/gateway/bot`, ({ session_start_limit: limit }) => {
        const remaining = isObject(limit) ? number(limit.remaining) : undefined
        if (!isObject(limit) || remaining === undefined) return undefined
        const facts = { sessionsLeft: remaining }
        if (remaining >= FEW_SESSIONS) return { facts }
        const after = number(limit.reset_after)
        // The limit is that of a day.
        const until =
          after !== undefined && after >= 0 && after <= DAY_MS ? `in ${(after / 3_600_000).toFixed(1)} h` : 'today'
        return {
          facts,
          concern: {
            what: 'sessions-low',
            summary: `the bot may start only ${remaining} more sessions ${until}: something starts it again and again`,
            observed: `session_start_limit.remaining is ${remaining} of ${number(limit.total) ?? 'unknown'}`,
            expected: `${FEW_SESSIONS} or more; at none Discord ends every session and resets the token`,
            next: 'stop the restart loop before the gateway is started again, then look into its log',
          },
        }
      }),
    ],
    deliver: unique =>
      step('POST message', 'POST', messages, receipt, {
        ...content(text, notice),
        nonce: unique.replaceAll('-', '').slice(0, 25),
        enforce_nonce: true,
      }),
    remove: message => removal(step('DELETE message', 'DELETE', `${messages}/${message}`, () => ({}))),
  }
}

export const discord = defineChannel({
  keys: {
    hook: secretKey("discord: address of a channel's webhook, as `${secret:NAME}`"),
    token: secretKey('discord: the token of a bot, in place of `hook`'),
    chat: chatKey('discord: id of the channel that the bot writes to, in quotes'),
    api: apiKey(`discord: base address of the API for a bot; ${API} if absent`),
  },
  required: [],
  forms: [{ required: ['hook'] }, { required: ['token', 'chat'], optional: ['api'] }],
  open: ({ hook, token = '', chat = '', api = API, text = DEFAULT_TEXT, notice }) =>
    hook === undefined ? byBot(token, chat, api, { text, notice }) : byWebhook(hook, { text, notice }),
})
