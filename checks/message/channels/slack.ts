/** Slack (docs.slack.dev): a bot's token, or an incoming webhook. Its API says no with HTTP 200 and `ok: false`. */

import type { Reply } from '../../../core/http.ts'
import { shown } from '../../../core/http-words.ts'
import { quote } from '../../../core/shell.ts'
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
import { apiKey, baseOf, chatKey, oddApi, oddChat, oddToken, secretKey } from '../options.ts'
import { type Advice, adviceBy, isObject, PATIENCE, refusedByStatus, type Words, word } from '../reply.ts'

const API = 'https://slack.com/api'

/** The API's words for a refusal; any other is `rejected`. */
const ERRORS: Readonly<Record<string, Refused>> = {
  invalid_auth: 'unauthorized',
  not_authed: 'unauthorized',
  token_revoked: 'unauthorized',
  token_expired: 'unauthorized',
  account_inactive: 'unauthorized',
  not_in_channel: 'forbidden',
  is_archived: 'forbidden',
  missing_scope: 'forbidden',
  no_permission: 'forbidden',
  access_denied: 'forbidden',
  ekm_access_denied: 'forbidden',
  not_allowed_token_type: 'forbidden',
  org_login_required: 'forbidden',
  restricted_action: 'forbidden',
  restricted_action_read_only_channel: 'forbidden',
  team_access_not_granted: 'forbidden',
  channel_not_found: 'not-found',
  ratelimited: 'rate-limited',
  rate_limited: 'rate-limited',
  internal_error: 'server-error',
  fatal_error: 'server-error',
  service_unavailable: 'server-error',
  request_timeout: 'server-error',
}

const advise = ({ renew, target, correct, admit, origin }: Words): ((refused: Refused) => Advice) =>
  adviceBy(
    {
      unauthorized: { expected: 'a credential that Slack has given and that nobody took back', next: renew },
      forbidden: { expected: `the right to write to ${target}`, next: admit },
      'not-found': { expected: `${target} exists, and the app may see it`, next: correct },
      'rate-limited': {
        expected: 'an app below its limits',
        next: PATIENCE,
      },
    },
    { expected: 'the answer of Slack', next: `curl -m 5 ${quote(origin)}` },
  )

/** Slack reads these three as the beginning of a mention or a link. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const own = (error: string): Refused => (Object.hasOwn(ERRORS, error) ? ERRORS[error] : undefined) ?? 'rejected'

const byBot = (token: string, chat: string, api: string, text: string): Conversation | Unusable => {
  const odd = oddToken(token) ?? oddApi(api, API) ?? oddChat(chat, 'the id of a channel, or #name')
  if (odd) return odd
  const advice = advise({
    renew: 'set the variable behind `token` to the Bot User OAuth Token of the app (OAuth & Permissions)',
    target: `channel ${chat}`,
    correct: 'correct the line `chat`, or invite the app to the private channel with /invite',
    admit: `give the app the scope chat:write, and type /invite with its name in ${chat}, which must not be archived`,
    origin: new URL(api).origin,
  })
  const base = baseOf(api)

  const answered = (
    reply: Reply,
    read: (body: Readonly<Record<string, unknown>>) => Done | undefined,
  ): Done | Refusal => {
    const body = isObject(reply.json) ? reply.json : {}
    const error = body.ok === false ? word(body.error) : undefined
    if (error !== undefined && reply.status < 500 && reply.status !== 429) {
      const refused = own(error)
      const needed = word(body.needed)
      const observed = `HTTP ${reply.status}, ok is false: ${error}${needed === undefined ? '' : ` (needed: ${needed})`}`
      return { refused, observed, ...advice(refused) }
    }
    const refusal = refusedByStatus(reply, advice)
    if (refusal) return refusal
    return (
      (reply.status === 200 && body.ok === true ? read(body) : undefined) ?? {
        refused: 'reply',
        observed: shown(reply),
        ...advice('reply'),
      }
    )
  }

  const step = (name: string, body: object, read: Parameters<typeof answered>[1]): Step => ({
    name,
    request: {
      method: 'POST',
      url: `${base}/${name}`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(body),
    },
    judge: reply => answered(reply, read),
  })
  return {
    whom: `channel ${chat}`,
    identity: [base, chat],
    credential: token,
    secrets: [token],
    probe: [
      step('auth.test', {}, ({ user, user_id: id, team }) =>
        word(id) === undefined
          ? undefined
          : { saw: `app ${word(user) ?? id}`, facts: { bot: String(id), team: word(team) ?? 'unknown' } },
      ),
    ],
    // A message is named by its channel's id and its time, and `chat` may be a channel's name.
    deliver: () =>
      step('chat.postMessage', { channel: chat, text, unfurl_links: false, unfurl_media: false }, ({ channel, ts }) =>
        word(channel) === undefined || word(ts) === undefined ? undefined : { receipt: `${channel}/${ts}` },
      ),
    remove: receipt => {
      const [channel, ts] = receipt.split('/')
      return step('chat.delete', { channel, ts }, () => ({}))
    },
  }
}

const byWebhook = (hook: string, text: string): Conversation | Unusable => {
  const url = URL.canParse(hook) ? new URL(hook) : undefined
  const [, app, token] = url?.pathname.match(/\/services\/\w+\/(\w+)\/(\w+)$/) ?? []
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || !app || !token)
    return {
      unusable: 'hook is not the address of an incoming webhook of Slack',
      expected: 'https://hooks.slack.com/services/T…/B…/…',
      next: "set the variable behind `hook` to what the app's settings show under Incoming Webhooks",
    }
  const whom = `webhook ${app}`
  const anew = "make a webhook in the app's settings under Incoming Webhooks, and set the variable behind `hook` to it"
  const advice = advise({
    renew: anew,
    target: whom,
    correct: anew,
    admit: "ask the workspace's administrators what apps may post, or choose another channel for the webhook",
    origin: url.origin,
  })
  return {
    whom,
    identity: [url.origin, app],
    credential: token,
    secrets: [hook, url.pathname, token],
    // Every request to it is a message.
    probe: [],
    deliver: () => ({
      name: 'POST webhook',
      request: {
        method: 'POST',
        url: url.href,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify({ text }),
      },
      judge: reply =>
        refusedByStatus(reply, advice) ??
        (reply.status === 200 && reply.text.trim() === 'ok'
          ? { receipt: 'ok' }
          : { refused: 'reply', observed: shown(reply), ...advice('reply'), expected: 'HTTP 200 and the text `ok`' }),
    }),
  }
}

export const slack = defineChannel({
  keys: {
    hook: secretKey('slack: address of an incoming webhook; it cannot be probed'),
    token: secretKey('slack: the token of a bot (xoxb-…), in place of `hook`'),
    chat: chatKey('slack: id of the channel that the bot writes to, or `#name`'),
    api: apiKey(`slack: base address of the API for a bot; ${API} if absent`),
  },
  required: [],
  forms: [{ required: ['hook'] }, { required: ['token', 'chat'], optional: ['api'] }],
  open: ({ hook, token = '', chat = '', api = API, text = DEFAULT_TEXT, notice }) => {
    const said = escaped(notice ?? text)
    return hook === undefined ? byBot(token, String(chat), api, said) : byWebhook(hook, said)
  },
})
