/**
 * One connection to a mail server, asked step by step: nothing is tried twice, and what comes back is bounded in bytes and time.
 * The only file that knows nodemailer. It tells whether a mail may have been taken, since one that may have been is never sent again.
 */
import type { Socket } from 'node:net'
import type { ExternalLogger } from 'nodemailer/lib/shared'
import type SMTPConnection from 'nodemailer/lib/smtp-connection'
import { unconnected } from './connection-fault.ts'
import { contain } from './contain.ts'
import { bytes } from './text.ts'

/** `starttls` is required and no offer, `tls` begins with the connection, `none` is no encryption at all. */
export type Security = 'starttls' | 'tls' | 'none'

export interface SmtpServer {
  /** A name or an address, without brackets. */
  readonly host: string
  readonly port: number
  readonly security: Security
}

/** What a mail says. Addresses are plain ASCII, without names and brackets. */
export interface Mail {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
  /** What stands before the @ of its Message-ID. */
  readonly id: string
  readonly important: boolean
}

/** What a server is asked, by the verb that decides about it. The first of them connects. */
export type SmtpRequest =
  | { readonly verb: 'EHLO' }
  | { readonly verb: 'AUTH'; readonly user: string; readonly password: string }
  /** Names both ends of a mail and takes it back (RSET): whether it would be accepted, and nobody sees anything. */
  | { readonly verb: 'RCPT TO'; readonly from: string; readonly to: string }
  | { readonly verb: 'DATA'; readonly mail: Mail }

export interface SmtpReply {
  /** What it is an answer to: a refusal may come before the verb that was asked for. `CONN`: the greeting. */
  readonly verb: string
  /** 0 if the server was not asked, since it does not offer the verb. */
  readonly status: number
  /** `5.7.8` (RFC 3463); empty if there is none. */
  readonly enhanced: string
  /** In one line, without its codes. */
  readonly text: string
}

/** No answer that counts. */
export interface SmtpSilence {
  readonly silent: 'dns' | 'connect' | 'tls' | 'timeout' | 'closed' | 'reply'
  /** The server had begun to take the mail. */
  readonly left: boolean
  readonly observed: string
}

export interface Smtp {
  exchange(request: SmtpRequest): Promise<SmtpReply | SmtpSilence>
  /** Says goodbye where the server is well, and waits for nothing. */
  close(): void
}

export interface SmtpOptions {
  readonly server: SmtpServer
  /** Ends what is under way, by Ctrl-C for one. */
  readonly signal: AbortSignal
  /** Time left, in ms. */
  left(): number
}

/** The longest reply in RFC 5321 is 512 bytes a line; a banner of many lines stays below this. */
const MAX_REPLY_BYTES = 64 * 1024

/** How long a server that was told QUIT may take to close, ms. Nobody waits for it. */
const GOODBYE_MS = 1000

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/i
const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]*:[\da-f:.]*|localhost)$/i

export const isLoopback = (host: string): boolean => LOOPBACK.test(host)

export const hostAndPort = ({ host, port }: SmtpServer): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** How far a connection has come. `asking`: commands go out, and replies come in. */
type Stage = 'resolving' | 'connecting' | 'handshake' | 'asking'

const missing = (verb: string): string =>
  verb === 'CONN' ? 'no greeting' : verb === 'message' ? 'no answer to the mail' : `no answer to ${verb}`

/** `535-5.7.8 No.\n535 5.7.8 Go away` -> 535, 5.7.8, `No. Go away`. */
const replyOf = (verb: string, response: string): SmtpReply => {
  const lines = response.split(/\r?\n/).map(line => /^(\d{3})(?:[ -](\d\.\d{1,3}\.\d{1,3})?\s*|$)(.*)$/.exec(line))
  return {
    verb,
    status: Number(lines.at(-1)?.[1] ?? 0),
    enhanced: lines.find(line => line?.[2])?.[2] ?? '',
    text: lines
      .map(line => line?.[3] ?? '')
      .join(' ')
      .trim(),
  }
}

/** An error of nodemailer: what the server said, if anything, and to which verb. */
type Fault = Error & {
  readonly code?: string | undefined
  readonly originalCode?: string | undefined
  readonly response?: unknown
  readonly command?: string | undefined
}

/** Throws `NeedsChild` where a name has to be resolved, before anything was asked. */
export const openSmtp = async ({ server, signal, left }: SmtpOptions): Promise<Smtp> => {
  const { host, port, security } = server
  if (!ADDRESS.test(host)) contain('name', host)
  const [{ default: Connection }, { default: MimeNode }, net, tls] = await Promise.all([
    import('nodemailer/lib/smtp-connection'),
    import('nodemailer/lib/mime-node'),
    import('node:net'),
    import('node:tls'),
  ])
  const at = hostAndPort(server)
  let stage: Stage = ADDRESS.test(host) ? 'connecting' : 'resolving'
  let socket: Socket | undefined
  let connection: SMTPConnection | undefined
  /** Verbs that were sent and not yet answered: with PIPELINING there are several. */
  const unanswered: string[] = []
  /** The verb that we are at, where nodemailer does not say it. */
  let current = ''
  let taking = false
  let well = true
  let answer: (result: SmtpReply | SmtpSilence) => void = () => {}

  const drop = (): void => {
    connection?.close()
    socket?.destroy()
  }

  const silence = (silent: SmtpSilence['silent'], observed: string): SmtpSilence => ({ silent, left: taking, observed })

  /** The verb that is being waited for. */
  const waiting = (): string | undefined => (taking ? 'message' : unanswered[0])

  /** A no, or words that are none of SMTP's. */
  const refusal = (verb: string, response: string): SmtpReply | SmtpSilence =>
    /^[45]\d\d/.test(response)
      ? replyOf(verb, response)
      : silence('reply', `${at} answered what SMTP does not know there: ${response}`)

  const resultOf = (error: Fault): SmtpReply | SmtpSilence => {
    const { response, command = '' } = error
    const code = error.originalCode ?? error.code ?? ''
    if (command === 'STARTTLS' && response) return silence('tls', `${at} does not offer STARTTLS: ${String(response)}`)
    if (typeof response === 'string' && response !== '')
      return refusal(command.startsWith('AUTH') ? 'AUTH' : command, response)
    if (code === 'EPROTOCOL') return silence('reply', `${at} sent a reply of more than ${bytes(MAX_REPLY_BYTES)}`)
    if (stage !== 'asking') {
      const { silent, observed } = unconnected(Object.assign(error, { code }), host, at, stage === 'handshake')
      return silence(silent, observed)
    }
    const verb = waiting()
    return silence('closed', `${at} closed the connection${verb === undefined ? '' : `, ${missing(verb)}`} (${code})`)
  }

  const failed = (error: Fault): void => answer(resultOf(error))

  const late = (): void => {
    const observed: Readonly<Record<Stage, string>> = {
      resolving: `the name ${host} was not resolved`,
      connecting: `no connection to ${at}`,
      handshake: `connected to ${at}, then no TLS handshake`,
      asking: `connected to ${at}, then ${missing(waiting() ?? current)}`,
    }
    answer(silence('timeout', observed[stage]))
  }

  /** Follows what goes over the wire, in nodemailer's own words on it: they leave out passwords. */
  const follow = ({ tnx }: { readonly tnx?: string }, text = ''): void => {
    if (tnx === 'client') {
      stage = 'asking'
      unanswered.push(/^(?:EHLO|HELO|STARTTLS|AUTH|MAIL FROM|RCPT TO|DATA|RSET|QUIT)/.exec(text)?.[0] ?? current)
    } else if (tnx === 'message') unanswered.push('message')
    else if (tnx === 'server') {
      const verb = unanswered.shift()
      if (verb === 'STARTTLS' && text.startsWith('220')) stage = 'handshake'
      if (verb === 'DATA' && /^[23]/.test(text)) taking = true
    }
  }

  const dial = (connected: () => void): void => {
    const made =
      security === 'tls'
        ? tls.connect({ host, port, ...(net.isIP(host) === 0 ? { servername: host } : {}) })
        : net.connect({ host, port })
    socket = made
    made.on('error', error => {
      if (connection === undefined) failed(error)
    })
    made.once('lookup', (error: Error | null) => {
      if (!error) stage = 'connecting'
    })
    made.once('connect', () => {
      if (security === 'tls') stage = 'handshake'
    })
    made.once(security === 'tls' ? 'secureConnect' : 'connect', connected)
  }

  /** Whether the server would take a mail: the beginning of one, and then RSET in place of DATA. */
  const rehearse = async (
    { from, to }: { readonly from: string; readonly to: string },
    say: (command: string) => Promise<{ readonly response: string }>,
  ): Promise<void> => {
    let accepted: SmtpReply | undefined
    for (const [verb, command] of [
      ['MAIL FROM', `MAIL FROM:<${from}>`],
      ['RCPT TO', `RCPT TO:<${to}>`],
      ['RSET', 'RSET'],
    ] as const) {
      current = verb
      const { response } = await say(command)
      if (!/^2/.test(response)) return answer(refusal(verb, response))
      if (verb === 'RCPT TO') accepted = replyOf(verb, response)
    }
    if (accepted) answer(accepted)
  }

  const mime = ({ from, to, subject, text, id, important }: Mail): Promise<Buffer> =>
    new MimeNode('text/plain; charset=utf-8')
      .setHeader({
        From: from,
        To: to,
        Subject: subject,
        'Message-ID': `<${id}@${from.slice(from.lastIndexOf('@') + 1)}>`,
        // RFC 3834: no absence notice comes back.
        'Auto-Submitted': 'auto-generated',
        ...(important ? { Importance: 'high', 'X-Priority': '1' } : {}),
      })
      .setContent(text)
      .build()

  const connect = (): void =>
    dial(() => {
      // Later than our own timer, which knows what was being waited for.
      const limit = left() + 1000
      connection = new Connection({
        host,
        port,
        connection: socket,
        secure: security === 'tls',
        secured: security === 'tls',
        requireTLS: security === 'starttls',
        ignoreTLS: security === 'none',
        connectionTimeout: limit,
        greetingTimeout: limit,
        socketTimeout: limit,
        socketCloseTimeout: 0,
        maxResponseSize: MAX_REPLY_BYTES,
        logger: Object.fromEntries(
          ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map(level => [level, follow]),
        ) as unknown as ExternalLogger,
        transactionLog: true,
        // The one way that nodemailer has to say a command of one's own.
        customAuth: { REHEARSAL: ({ auth, sendCommand }) => rehearse(auth.mail, sendCommand) },
      })
      stage = 'asking'
      unanswered.push('CONN')
      connection.on('error', failed)
      connection.connect(error => (error ? failed(error) : answer(lastReply('EHLO'))))
    })

  const lastReply = (verb: string): SmtpReply => replyOf(verb, String(connection?.lastServerResponse || ''))

  const ask = async (request: SmtpRequest): Promise<void> => {
    const { verb } = request
    const open = connection
    if (verb === 'EHLO') connect()
    else if (open === undefined || !well) answer(silence('closed', `the connection to ${at} is not there any more`))
    else if (verb === 'AUTH') {
      if (open.allowsAuth)
        open.login({ user: request.user, pass: request.password }, error =>
          answer(error ? resultOf(error) : lastReply('AUTH')),
        )
      else answer({ verb, status: 0, enhanced: '', text: 'it offers no AUTH' })
    } else if (verb === 'RCPT TO')
      open.login({ method: 'REHEARSAL', mail: request }, error => {
        if (error) failed(error)
      })
    else {
      const { from, to } = request.mail
      open.send({ from, to: [to] }, await mime(request.mail), (error, sent) => {
        if (error) failed(error)
        else if (sent.accepted.includes(to)) answer(replyOf('DATA', sent.response ?? ''))
        else answer(silence('reply', `${at} took the mail and not its recipient`))
      })
    }
  }

  return {
    exchange: request =>
      new Promise(resolve => {
        taking = false
        current = request.verb
        const timer = setTimeout(late, Math.max(0, left()))
        signal.addEventListener('abort', late)
        answer = result => {
          answer = () => {}
          clearTimeout(timer)
          signal.removeEventListener('abort', late)
          if ('silent' in result) {
            well = false
            drop()
          }
          resolve(result)
        }
        if (signal.aborted || left() <= 0) late()
        else ask(request).catch(failed)
      }),
    close: () => {
      if (!connection || !well) return drop()
      connection.quit()
      socket?.unref()
      setTimeout(drop, GOODBYE_MS).unref()
    },
  }
}
