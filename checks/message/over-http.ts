/** Steps over HTTP: what holds for every reply before its channel reads it. */
import { openHttp, type Reply } from '../../core/http.ts'
import { retryAfter } from '../../core/http-words.ts'
import type { Answer, Refusal, Step, Talk, Transport } from './channel.ts'

/** Refusals after which a message may have been delivered all the same. */
const DOUBTFUL: ReadonlySet<Refusal['refused']> = new Set(['server-error', 'reply', 'expectation'])

const judge = (step: Step, reply: Reply, nowMs: number): Answer => {
  const { status, headers, cut } = reply
  if (status >= 300 && status < 400)
    return {
      doubtful: false,
      refusal: {
        refused: 'redirect',
        observed: `HTTP ${status} to ${headers.location ?? 'nowhere'}`,
        expected: 'an answer from the declared address: a redirect would carry the message and its credential along',
        next: 'declare the address that it leads to, if it is the right one',
      },
    }
  const judged = step.judge(reply, nowMs)
  // A status that says no is enough; a yes needs the whole reply.
  if (cut !== undefined && status < 300)
    return {
      silence: { silent: 'reply', left: true, observed: `HTTP ${status}, but the reply is not whole: ${cut}` },
    }
  if (!('refused' in judged)) return { done: judged }
  // What is no time at all is no word of the service.
  const holdMs = [judged.holdMs, retryAfter(headers['retry-after'], nowMs)].find(ms => ms !== undefined && ms > 0)
  return {
    doubtful: DOUBTFUL.has(judged.refused),
    refusal: { ...judged, ...(holdMs === undefined ? {} : { holdMs }) },
  }
}

export const overHttp = ({ probe, deliver }: Pick<Talk<Step>, 'probe' | 'deliver'>): Transport<Step> => {
  const urls = [...probe, deliver('')].map(step => step.request.url)
  return {
    origin: new URL(urls.at(-1) ?? '').origin,
    open: async ({ now, ...terms }) => {
      const http = await openHttp({ ...terms, urls })
      return {
        ask: async step => {
          const reply = await http.exchange(step.request)
          return 'silent' in reply ? { silence: reply } : judge(step, reply, now())
        },
        close: http.close,
      }
    },
  }
}
