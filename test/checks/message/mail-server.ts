/** A mail server that plays what no double can: any reply at any verb, silence, a cut, TLS of its own making. */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'

/** `connect`: before the greeting. `message`: after the last line of the mail. */
export type Verb =
  | 'connect'
  | 'EHLO'
  | 'STARTTLS'
  | 'handshake'
  | 'AUTH'
  | 'MAIL FROM'
  | 'RCPT TO'
  | 'DATA'
  | 'message'
  | 'RSET'
  | 'QUIT'

/** A reply without its end of line, or something else to do. */
export type Act = string | ((socket: Socket) => void)

export const quiet: Act = () => {}
export const cut: Act = socket => socket.destroy()

/** Lines without end, each of which says that another follows. */
export const endless: Act = socket => {
  const more = (): void => {
    while (!socket.destroyed && socket.write(`220-${'x'.repeat(500)}\r\n`));
  }
  socket.on('drain', more)
  more()
}

export interface MailServer {
  readonly port: number
  /** What was asked, in order, each as its verb. */
  readonly verbs: Verb[]
  /** The same, whole. */
  readonly lines: string[]
  readonly mails: string[]
  acts: Partial<Record<Verb, Act>>
}

export interface MailServerOptions {
  readonly key?: { readonly key: string; readonly cert: string }
  /** TLS from the first byte. */
  readonly implicit?: boolean
  readonly extensions?: readonly string[]
}

const GOOD: Readonly<Record<Verb, string>> = {
  connect: '220 mail.example ESMTP',
  EHLO: '',
  STARTTLS: '220 2.0.0 go ahead',
  handshake: '',
  AUTH: '235 2.7.0 welcome',
  'MAIL FROM': '250 2.1.0 ok',
  'RCPT TO': '250 2.1.5 ok',
  DATA: '354 go on',
  message: '250 2.0.0 Ok: queued as 4F1X2',
  RSET: '250 2.0.0 ok',
  QUIT: '221 2.0.0 bye',
}

const VERBS = ['EHLO', 'STARTTLS', 'AUTH', 'MAIL FROM', 'RCPT TO', 'DATA', 'RSET', 'QUIT'] as const

export const mailServer = async (
  acts: MailServer['acts'] = {},
  { key, implicit = false, extensions = ['AUTH PLAIN LOGIN', 'SIZE 1000000'] }: MailServerOptions = {},
): Promise<MailServer> => {
  const secure = (socket: Socket): TLSSocket => {
    const wrapped = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(key) })
    wrapped.on('error', () => {})
    return wrapped
  }
  const talk = (socket: Socket, encrypted: boolean): void => {
    let text = ''
    let inMail = false
    let prompts: string[] = []
    const play = (verb: Verb): void => {
      const act = self.acts[verb] ?? GOOD[verb]
      if (typeof act === 'function') {
        act(socket)
        return
      }
      const offered = [...extensions, ...(key && !encrypted ? ['STARTTLS'] : [])]
      const lines = ['mail.example', ...offered].map((line, at) => `250${at < offered.length ? '-' : ' '}${line}`)
      socket.write(`${verb === 'EHLO' && act === '' ? lines.join('\r\n') : act}\r\n`)
      if (verb === 'DATA') inMail = act.startsWith('354')
      if (verb === 'QUIT') socket.end()
      if (verb === 'STARTTLS' && act.startsWith('220')) {
        socket.removeAllListeners('data')
        const handshake = self.acts.handshake
        if (typeof handshake === 'function') handshake(socket)
        else talk(secure(socket), true)
      }
    }
    socket.on('data', data => {
      text += data
      for (;;) {
        if (inMail) {
          const end = text.indexOf('\r\n.\r\n')
          if (end < 0) return
          self.mails.push(text.slice(0, end))
          text = text.slice(end + 5)
          inMail = false
          self.verbs.push('message')
          play('message')
          continue
        }
        const end = text.indexOf('\r\n')
        if (end < 0) return
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        self.lines.push(line)
        const verb = VERBS.find(one => line.startsWith(one))
        // The user, then the password.
        if (line === 'AUTH LOGIN') prompts = ['UGFzc3dvcmQ6', '']
        const prompt = line === 'AUTH LOGIN' ? 'VXNlcm5hbWU6' : verb === undefined ? prompts.shift() : undefined
        if (prompt) socket.write(`334 ${prompt}\r\n`)
        else if (prompt === '') play('AUTH')
        else if (verb === undefined) socket.write('500 5.5.2 what?\r\n')
        else {
          self.verbs.push(verb)
          play(verb)
        }
      }
    })
    if (!encrypted || implicit) play('connect')
  }
  const server = createServer(socket => {
    socket.on('error', () => {})
    onTestFinished(() => {
      socket.destroy()
    })
    if (implicit && self.acts.handshake === undefined) talk(secure(socket), true)
    else if (!implicit) talk(socket, false)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  const self: MailServer = { port: (server.address() as AddressInfo).port, verbs: [], lines: [], mails: [], acts }
  return self
}
