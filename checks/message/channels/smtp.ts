/** Mail (RFC 5321, RFC 6409 for submission): the server's 250 to the mail says that it is queued, and no more. */
import { quote } from '../../../core/shell.ts'
import { hostAndPort, isLoopback, type SmtpReply, type SmtpServer } from '../../../core/smtp.ts'
import { excerpt, visible } from '../../../core/text.ts'
import {
  DEFAULT_TEXT,
  type Done,
  defineChannel,
  type MailStep,
  type Refusal,
  type Refused,
  type Unusable,
} from '../channel.ts'
import { secretKey } from '../options.ts'
import { overSmtp } from '../over-smtp.ts'
import type { Advice } from '../reply.ts'

const PORTS = { starttls: 587, tls: 465, none: 25 } as const

/** How long servers that greylist let a newcomer wait (postgrey's default), ms. */
const GREYLIST_MS = 300_000

/** What a server says that wants to be left alone, with a code that others use for faults of their own. */
const LIMITED = /too many|rate|limit|throttl|gr[ea]y-?list|try again later/i

/** Refusals that are about who may, and not about whether there is such a mailbox. */
const DENIED = /relay|denied|not (?:allowed|permitted|authori[sz]ed)|policy|blocked|spam/i

/** What a refusal means: the basic code alone is used for many things, so the verb, the enhanced code (RFC 3463) and words decide. */
const refusedBy = ({ verb, status, enhanced, text }: SmtpReply): Refused => {
  if (status >= 400 && status < 500)
    return status === 450 || enhanced.startsWith('4.7.') || LIMITED.test(text) ? 'rate-limited' : 'server-error'
  if (status === 530) return /starttls/i.test(text) ? 'rejected' : 'unauthorized'
  if (verb === 'AUTH') return [525, 534, 535].includes(status) ? 'unauthorized' : 'rejected'
  const named = [550, 551, 553].includes(status)
  if (verb === 'MAIL FROM') return named || enhanced.startsWith('5.7.') ? 'forbidden' : 'rejected'
  if (verb !== 'RCPT TO') return 'rejected'
  if (enhanced.startsWith('5.7.') || (!enhanced.startsWith('5.1.') && DENIED.test(text))) return 'forbidden'
  return named || enhanced.startsWith('5.1.') ? 'not-found' : 'rejected'
}

/** An address as it stands in an envelope: no name, no brackets, nothing that begins another line. */
const ADDRESS = /^[^\s\x00-\x1f\x7f-\uffff<>()[\]\\,;:"@]+@[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i

const oddAddress = (key: string, address: string): Unusable | undefined =>
  ADDRESS.test(address) && address.length <= 254
    ? undefined
    : {
        unusable: `${key} is not one plain mail address`,
        expected: 'name@host alone: no name before it, no brackets, no newline, a foreign domain as xn--…',
        next: `correct the line \`${key}\``,
      }

const oddServer = (
  { host, security }: SmtpServer,
  user: string | undefined,
  password: string | undefined,
): Unusable | undefined => {
  // One colon begins a port; an IPv6 address has two or more.
  if (!/^[\w.:-]+$/.test(host) || /^[^:]*:[^:]*$/.test(host))
    return {
      unusable: 'host is not the name or the address of a server',
      expected: 'mail.example.com, without smtp:// and without a port',
      next: 'correct the line `host`',
    }
  if (/[\x00-\x1f\x7f]/.test(`${user}${password}`))
    return {
      unusable: 'user or password holds a control character, such as a newline',
      expected: 'one line each',
      next: 'set the variable behind `password` anew, without a newline at its end',
    }
  if (security === 'none' && password !== undefined && !isLoopback(host))
    return {
      unusable: `security is none, and ${host} is not this host: the password would cross the network for all to read`,
      expected: 'starttls or tls; none with a password only for 127.0.0.1, ::1 and localhost',
      next: 'write `security: starttls`',
    }
  return undefined
}

export const smtp = defineChannel({
  keys: {
    host: { type: 'string', minLength: 1, description: 'smtp: name or address of the mail server' },
    port: {
      type: 'integer',
      minimum: 1,
      maximum: 65_535,
      description: 'smtp: 587 if absent; 465 with `security: tls`, 25 with `none`',
    },
    security: {
      type: 'string',
      enum: ['starttls', 'tls', 'none'],
      description:
        'smtp: `starttls` (required, no mere offer) if absent; `tls` from the first byte; `none`, with a password only to this host itself',
    },
    user: { type: 'string', minLength: 1, description: 'smtp: who logs in, if the server asks for it' },
    password: secretKey('smtp: the password that belongs to `user`, as `${secret:NAME}`'),
    from: { type: 'string', minLength: 1, description: 'smtp: address of the sender' },
    to: { type: 'string', minLength: 1, description: 'smtp: address of the recipient' },
  },
  required: ['host', 'from', 'to'],
  together: ['user', 'password'],
  open({ host, security = 'starttls', port = PORTS[security], user, password, from, to, text = DEFAULT_TEXT, notice }) {
    const server: SmtpServer = { host, port, security }
    const odd = oddServer(server, user, password) ?? oddAddress('from', from) ?? oddAddress('to', to)
    if (odd) return odd
    const at = hostAndPort(server)
    // Capitals count before the @ alone (RFC 5321, 2.4).
    const mailbox = to.replace(/@.*$/, domain => domain.toLowerCase())
    const transport = overSmtp(server)
    const look = `curl -v -m 5 ${quote(transport.origin)}`
    const login = 'write the lines `user` and `password`'

    const advise = (refused: Refused, { verb, status, text: said }: SmtpReply): Advice => {
      switch (refused) {
        case 'unauthorized':
          return user === undefined
            ? { expected: 'a server that asks for no login, or a login', next: login }
            : {
                expected: `a user and a password that ${host} accepts`,
                next: 'set the variable behind `password` anew, to an app password where the account has two-step login',
              }
        case 'forbidden':
          return verb === 'MAIL FROM'
            ? {
                expected: `the right to send as ${from}`,
                next: user === undefined ? login : `write in \`from\` an address that ${user} may send as`,
              }
            : {
                expected: `that ${host} takes mail for ${to} from here`,
                next: user === undefined ? login : `ask whoever runs ${host} whether ${user} may write to ${to}`,
              }
        case 'not-found':
          return { expected: `a mailbox ${to}`, next: 'correct the line `to`' }
        case 'rate-limited':
          return {
            expected: 'a server that takes mail at once',
            next: 'start again after that time: a server that greylists takes the second attempt; else let the gateway send less',
          }
        default:
          if (status === 0)
            return { expected: 'a server that offers AUTH', next: 'correct `port`, or delete `user` and `password`' }
          return /starttls/i.test(said)
            ? { expected: 'an encrypted connection', next: 'write `security: starttls`' }
            : { expected: `that ${host} takes the mail`, next: look }
      }
    }

    const step = (request: MailStep['request'], read: (reply: SmtpReply) => Done): MailStep => ({
      name: request.verb,
      request,
      judge: (reply): Done | Refusal => {
        const { verb, status, enhanced, text: said } = reply
        if (status >= 200 && status < 300) return read(reply)
        const refused = refusedBy(reply)
        const words = [status || '', enhanced, said].filter(word => word !== '').join(' ')
        return {
          refused,
          observed: `${at} to ${verb === 'CONN' ? 'the connection' : verb}: ${words}`,
          ...advise(refused, reply),
          ...(status === 450 || status === 451 ? { holdMs: GREYLIST_MS } : {}),
        }
      },
    })

    const lines = notice?.split(/[\r\n]+/).filter(line => line.trim() !== '') ?? []
    return {
      transport,
      talk: {
        whom: mailbox,
        identity: [host.toLowerCase(), mailbox],
        credential: user === undefined ? '' : `${user}\n${password}`,
        secrets: password === undefined ? [] : [password],
        probe: [
          step({ verb: 'EHLO' }, () => ({
            saw: `server ${at}${security === 'none' ? ' (not encrypted)' : ''}`,
            facts: { server: at, security },
          })),
          ...(user === undefined || password === undefined
            ? []
            : [step({ verb: 'AUTH', user, password }, () => ({ saw: `user ${user}` }))]),
          step({ verb: 'RCPT TO', from, to }, () => ({ saw: `mailbox ${to}` })),
        ],
        deliver: id =>
          step(
            {
              verb: 'DATA',
              mail: {
                from,
                to,
                id,
                subject: `bootcheck: ${notice === undefined ? 'delivery test' : excerpt(visible(lines[0] ?? notice))}`,
                text: notice ?? text,
                important: notice !== undefined,
              },
            },
            ({ status, text: said }) => ({ receipt: excerpt(said) || String(status) }),
          ),
      },
    }
  },
})
