/** What an HTTP answer means, without asking again. */
import { excerpt, span } from '../../core/text.ts'
import { type Answer, MOST_BYTES } from './http.ts'

export interface HttpWanted {
  readonly path: string
  /** Without it any 2xx. */
  readonly status: number | undefined
  /** Text that the body must hold. */
  readonly body: string | undefined
}

export interface BadReply {
  /** The second half of the code. */
  readonly what: string
  /** Reads on from the address: `answers 401 …`. */
  readonly says: string
  readonly observed: string
  readonly expected: string
}

const statusFits = (status: number, wanted: number | undefined): boolean =>
  wanted === undefined ? status >= 200 && status < 300 : status === wanted

const HINTS: Readonly<Record<number, string>> = {
  401: ' (a path that needs no login is wanted)',
  403: ' (a path that needs no login is wanted)',
  404: ' (another path, or another server)',
  503: ' (up, and not ready)',
}

/** Undefined if the answer is what was wanted. Not for `unconnected`: that is no reply. */
export const judgeReply = (
  answer: Exclude<Answer, { sort: 'unconnected' }>,
  wanted: HttpWanted,
  ms: number,
  mask: (text: string) => string,
): BadReply | undefined => {
  const { path } = wanted
  const line = `GET ${path}`
  const status = wanted.status === undefined ? 'a 2xx status' : `status ${wanted.status}`
  const expected = `${status}${wanted.body === undefined ? '' : ` and "${excerpt(wanted.body, 60)}" in the body`}`
  switch (answer.sort) {
    case 'silent':
      return {
        what: 'http-silent',
        says: `accepts the connection and does not answer ${line} within ${span(ms)}`,
        observed: `connected, then not one byte within ${span(ms)}`,
        expected,
      }
    case 'cut': {
      const how = answer.closed ? 'then the connection was closed' : `then nothing more until ${span(ms)} were up`
      const part =
        answer.status === undefined
          ? `${answer.received} bytes, no complete header`
          : `status ${answer.status} and ${answer.received}${answer.expected === undefined ? '' : ` of ${answer.expected}`} bytes of the body`
      return {
        what: 'http-cut',
        says:
          answer.received === 0 && answer.status === undefined
            ? `closes the connection without a reply to ${line}`
            : `answers ${line} only in part`,
        observed: `${part}, ${how}`,
        expected: `a whole reply with ${expected}`,
      }
    }
    case 'endless':
      return {
        what: 'http-endless',
        says: `answers ${line} with ${answer.status} and a body without end`,
        observed:
          answer.received > MOST_BYTES
            ? `more than ${MOST_BYTES} bytes`
            : `${answer.received} bytes, and still open after ${span(ms)}`,
        expected: `a reply of at most ${MOST_BYTES} bytes with ${expected}`,
      }
    case 'other':
      return {
        what: 'not-http',
        says: `does not speak plain HTTP (${answer.code})`,
        observed: `a reply that is no HTTP (${answer.code}); TLS perhaps`,
        expected,
      }
    case 'reply': {
      const { reply } = answer
      const text = excerpt(mask(reply.body.toString('utf8')).replace(/\s+/g, ' ').trim(), 120)
      const showing = text === '' ? 'an empty body' : `"${text}"`
      if (!statusFits(reply.status, wanted.status)) {
        if (reply.status >= 300 && reply.status < 400 && reply.location !== undefined)
          return {
            what: 'http-redirect',
            says: `answers ${line} with ${reply.status} to ${excerpt(mask(reply.location))}`,
            observed: `status ${reply.status}, location ${excerpt(mask(reply.location))}; redirects are not followed`,
            expected,
          }
        return {
          what: 'http-status',
          says: `answers ${line} with ${reply.status}${HINTS[reply.status] ?? ''}`,
          observed: `status ${reply.status}, ${showing}`,
          expected,
        }
      }
      if (wanted.body !== undefined && !reply.body.includes(wanted.body))
        return {
          what: 'http-body',
          says: `answers ${line} with ${reply.status}, but without "${excerpt(wanted.body, 60)}"`,
          observed: `status ${reply.status}, ${showing}`,
          expected,
        }
      return undefined
    }
    default:
      return answer satisfies never
  }
}
