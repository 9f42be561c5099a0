/** ntfy (docs.ntfy.sh/publish): a topic on ntfy.sh or on a server of one's own. */

import type { Reply } from '../../../core/http.ts'
import { shown } from '../../../core/http-words.ts'
import { quote } from '../../../core/shell.ts'
import { DEFAULT_TEXT, type Done, defineChannel, type Refusal, type Refused } from '../channel.ts'
import { apiKey, baseOf, oddApi, oddToken, secretKey } from '../options.ts'
import { type Advice, adviceBy, isObject, number, PATIENCE, refusedByStatus, word } from '../reply.ts'

const API = 'https://ntfy.sh'

/** Longer ones become an attachment, which a phone does not show. Bytes of UTF-8. */
const MAX_BYTES = 4096

/** Of 1 (no sound, folded away) to 5. */
const QUIET = '1'
const HIGH = '4'

const within = (text: string): string => {
  const whole = Buffer.from(text)
  // A character that was cut through is left out.
  return whole.length <= MAX_BYTES
    ? text
    : `${whole
        .subarray(0, MAX_BYTES - 3)
        .toString()
        .replace(/\uFFFD+$/, '')}…`
}

const advise = (topic: string, origin: string, known: boolean): ((refused: Refused) => Advice) =>
  adviceBy(
    {
      unauthorized: {
        expected: 'a token that the server has given and that nobody took back',
        next: known
          ? 'set the variable behind `token` to what `ntfy token add USER` shows'
          : 'write a line `token: "${secret:NTFY_TOKEN}"`',
      },
      forbidden: {
        expected: `the right to write to topic ${topic}`,
        next: known
          ? `give the token's user the right, on the server: ntfy access USER ${topic} write-only`
          : 'write a line `token: "${secret:NTFY_TOKEN}"`, of a user who may write there',
      },
      'not-found': {
        expected: 'an ntfy server at `api`',
        next: `correct the line \`api\`: curl -m 5 ${quote(origin)}`,
      },
      'rate-limited': {
        expected: 'a sender below the limits of the server',
        next: PATIENCE,
      },
    },
    { expected: 'the answer of an ntfy server', next: `curl -m 5 ${quote(`${origin}/v1/health`)}` },
  )

export const ntfy = defineChannel({
  keys: {
    topic: {
      type: 'string',
      minLength: 1,
      description: 'ntfy: the topic; whoever knows it may read it, if the server lets everybody',
    },
    token: secretKey('ntfy: an access token (tk_…), if the topic asks for one'),
    api: apiKey(`ntfy: address of the server; ${API} if absent`),
  },
  required: ['topic'],
  open({ topic, token, api = API, text = DEFAULT_TEXT, notice, depth }) {
    const odd = (token === undefined ? undefined : oddToken(token)) ?? oddApi(api, API)
    if (odd) return odd
    if (!/^[\w-]{1,64}$/.test(topic))
      return {
        unusable: 'topic is not the name of an ntfy topic',
        expected: '1 to 64 letters, digits, _ or -',
        next: 'correct the line `topic`',
      }
    const base = baseOf(api)
    const advice = advise(topic, new URL(api).origin, token !== undefined)
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }

    /** A refusal is `{code: 40301, http: 403, error}`; the code begins with the status. */
    const answered = (
      reply: Reply,
      read: (body: Readonly<Record<string, unknown>>) => Done | Refusal | undefined,
    ): Done | Refusal => {
      const body = isObject(reply.json) ? reply.json : undefined
      const code = number(body?.code)
      const error = word(body?.error)
      const observed =
        error === undefined ? shown(reply) : `HTTP ${reply.status}: ${error}${code === undefined ? '' : ` (${code})`}`
      return (
        refusedByStatus(reply, advice, observed) ??
        (reply.status === 200 && body ? read(body) : undefined) ?? {
          refused: 'reply',
          observed: shown(reply),
          ...advice('reply'),
        }
      )
    }

    return {
      whom: `topic ${topic}`,
      identity: [base, topic],
      credential: token ?? '',
      secrets: token === undefined ? [] : [token],
      probe: [
        {
          name: 'GET /v1/health',
          request: { method: 'GET', url: `${base}/v1/health` },
          judge: reply =>
            answered(reply, ({ healthy }) =>
              healthy === true
                ? {}
                : healthy === false
                  ? { refused: 'server-error', observed: shown(reply), ...advice('server-error') }
                  : undefined,
            ),
        },
        {
          name: 'GET /TOPIC/auth',
          request: { method: 'GET', url: `${base}/${topic}/auth`, headers },
          judge: reply => {
            const judged = answered(reply, ({ success }) =>
              success === true ? { saw: `topic ${topic}`, facts: { mayRead: true } } : undefined,
            )
            if (!('refused' in judged) || judged.refused !== 'forbidden') return judged
            // It asks for the right to read, which a sender need not have: the delivery shows whether it may write.
            return depth === 'deliver'
              ? { saw: `topic ${topic}`, facts: { mayRead: false } }
              : {
                  ...judged,
                  expected: `the right to read topic ${topic}: the right to write alone cannot be asked for`,
                  next: 'write `depth: deliver`, or a token that may also read the topic',
                }
          },
        },
      ],
      deliver: () => ({
        name: 'POST /TOPIC',
        request: {
          method: 'POST',
          url: `${base}/${topic}`,
          headers: {
            ...headers,
            'content-type': 'text/plain; charset=utf-8',
            // No message can be taken away again; a test is not kept for those who come later.
            ...(notice === undefined ? { priority: QUIET, cache: 'no' } : { priority: HIGH }),
          },
          body: within(notice ?? text),
        },
        judge: reply =>
          answered(reply, ({ id, topic: named }) =>
            typeof id === 'string' && /^\w{1,64}$/.test(id) && named === topic ? { receipt: id } : undefined,
          ),
      }),
    }
  },
})
