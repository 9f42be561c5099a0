/** A port, or a unix socket: free before the gateway starts, open when it has. */
import { defineCheck, type Trouble } from '../core/check.ts'

/** Host names and IPv4 addresses; IPv6 addresses without brackets, with a zone where one is needed. */
const HOST_PATTERN = '^[A-Za-z0-9._-]+$|^[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?$'

const contradiction = (label: string, observed: string, expected: string, next: string): Trouble => ({
  status: 'fail',
  code: 'port/contradiction',
  summary: `${label}: ${observed}`,
  observed,
  expected,
  next,
})

export const port = defineCheck({
  kind: 'port',
  title: 'A port is free for the gateway, or the gateway answers on it',
  docs: `With \`expect: free\` (the default before the start): nobody answers on the addresses that the gateway will bind, and each of them
can really be bound and listened on. Then all addresses at once are tried: somebody else's listener at another address of the same port is
a warning. Whoever holds the port is named, with pid, user and the time since when. Nothing is left behind, no TIME_WAIT either.

With \`expect: open\` (the default after the start): the port accepts a connection, and with \`http\` one GET is answered with the status
(any 2xx without \`status\`) and with the text \`body\` in it. Redirects are not followed, and the whole reply must arrive.

\`host\` is what the gateway binds; without it the loopbacks, 127.0.0.1 and ::1 where the host has it. One of them is enough for \`open\`.
\`socket\` names a unix socket instead. \`owner\` counts under \`--running\` only: a glob for the program's name or its whole command line
(\`*openclaw*\`); if that holds the port, a check before a deploy passes beside the live gateway.

**Why it matters.** A gateway whose port is taken dies seconds into its start, and its supervisor starts it again, and again. Killing
whatever holds the port blindly may kill the healthy one.

**What it cannot see.** Who takes the port in the moment after the check. Processes of other users, unless root asks: it then says that it
could not see them. A port in the range for outgoing connections may be taken by one at any time. A connection that is accepted may be a
proxy's, with nothing behind it: use \`http\`. With \`owner\`, a process may call itself whatever it likes.`,
  options: {
    type: 'object',
    additionalProperties: false,
    oneOf: [{ required: ['port'] }, { required: ['socket'] }],
    dependentRequired: { host: ['port'] },
    properties: {
      port: { type: 'integer', minimum: 1, maximum: 65535, description: 'TCP port' },
      socket: { type: 'string', minLength: 1, format: 'path', description: 'Unix socket, instead of a port' },
      host: {
        type: 'string',
        minLength: 1,
        maxLength: 253,
        pattern: HOST_PATTERN,
        description: 'What the gateway binds: an address, a name, 0.0.0.0 or ::; 127.0.0.1 and ::1 without it',
      },
      expect: { enum: ['free', 'open'], description: 'free before the start and open after it, unless said otherwise' },
      http: {
        type: 'object',
        additionalProperties: false,
        description: 'One GET that must be answered; for `expect: open`',
        properties: {
          path: { type: 'string', pattern: '^/', default: '/', description: 'Path and query' },
          status: { type: 'integer', minimum: 200, maximum: 599, description: 'Wanted status; any 2xx without it' },
          body: { type: 'string', minLength: 1, description: 'Text that must stand in the body' },
        },
      },
      owner: {
        type: 'string',
        minLength: 1,
        format: 'glob',
        description: 'Command that may hold it under --running; `*` and `?` are wildcards',
      },
    },
  },
  codes: {
    free: 'nobody listens there, and the gateway can',
    open: 'somebody listens there and answers as wanted',
    'held-by-owner': 'under --running: the declared owner has it',
    held: 'somebody else has it',
    'owner-unseen': 'under --running: somebody has it, and this user cannot see who',
    outgoing: 'an outgoing connection uses it as its own end',
    elsewhere: 'free where the gateway binds it, but another address of this host has a listener',
    privileged: 'the port is below those that everybody may bind',
    denied: 'permission to bind or to connect is missing',
    'not-here': 'the host is no address of this machine',
    'cannot-bind': 'binding fails for another reason, which is named',
    'cannot-connect': 'connecting fails for another reason, which is named',
    unresolvable: 'the host name leads to no address',
    refused: 'nobody listens there',
    'timed-out': 'no answer to the connection in time',
    unreachable: 'no way to the address',
    reset: 'the connection was reset',
    'http-status': 'the reply has another status',
    'http-redirect': 'the reply sends elsewhere',
    'http-body': 'the reply lacks the wanted text',
    'http-silent': 'connected, and no reply',
    'http-cut': 'the reply ends, or stops, in the middle',
    'http-endless': 'the reply is too long or does not end',
    'not-http': 'the reply is not HTTP',
    'stale-socket': 'the socket file is there and nobody listens',
    missing: 'the socket file is not there',
    'in-the-way': 'something else than a socket is at the path',
    'no-folder': 'the folder for the socket is not there',
    'path-too-long': 'the path does not fit into a socket address',
    contradiction: 'the options exclude each other',
  },
  examples: [
    {
      title: 'Nobody holds the port',
      options: { port: 18790 },
      expect: { status: 'pass', code: 'port/free' },
    },
    {
      title: 'Somebody holds it',
      options: { port: 18791 },
      servers: [{ port: 18791, status: 200, body: 'somebody else' }],
      expect: { status: 'fail', code: 'port/held' },
    },
    {
      title: 'The gateway is up and well',
      phase: 'after',
      options: { port: 18792, http: { path: '/healthz', body: 'ok' } },
      servers: [{ port: 18792, status: 200, body: '{"status":"ok"}' }],
      expect: { status: 'pass', code: 'port/open' },
    },
    {
      title: 'A login page is not a healthy gateway',
      phase: 'after',
      options: { port: 18793, http: { path: '/healthz' } },
      servers: [{ port: 18793, status: 401, body: 'who are you?' }],
      expect: { status: 'fail', code: 'port/http-status' },
    },
    {
      title: 'A socket of its own folder',
      files: { 'run/': '' },
      options: { socket: 'run/gateway.sock' },
      expect: { status: 'pass', code: 'port/free' },
    },
  ],
  async run(options, ctx) {
    const { port: number, socket, host, owner } = options
    const expect = options.expect ?? (ctx.phase === 'before' ? 'free' : 'open')
    const label =
      socket ?? (host === undefined ? String(number) : `${host.includes(':') ? `[${host}]` : host}:${number}`)
    if (options.http && expect === 'free')
      return contradiction(
        label,
        '`http` is given for a port that is to be free',
        '`http` with `expect: open`',
        'delete http:, or write expect: open (or phase: after)',
      )
    if (socket !== undefined && (host !== undefined || number !== undefined))
      return contradiction(label, '`socket` stands beside `port` or `host`', 'one of them', 'delete one of the lines')

    const http = options.http && { path: options.http.path, status: options.http.status, body: options.http.body }
    const { limitsOf } = await import('./port/limits.ts')
    const limits = limitsOf(ctx)
    if (socket !== undefined) {
      const { expectFreeSocket, expectOpenSocket } = await import('./port/unix.ts')
      const asked = { shown: socket, path: ctx.path(socket), owner, http, watched: [`socket ${socket}`] } as const
      return expect === 'free' ? expectFreeSocket(asked, ctx, limits) : expectOpenSocket(asked, ctx, limits)
    }
    if (number === undefined)
      return contradiction('port', 'neither `port` nor `socket` is given', 'one of them', 'add port: 18789')
    const asked = {
      port: number,
      host,
      label,
      watched: [host === undefined ? `port ${number}` : `port ${number} on ${host}`],
    } as const
    if (expect === 'free') return (await import('./port/free.ts')).expectFree({ ...asked, owner }, ctx, limits)
    return (await import('./port/open.ts')).expectOpen({ ...asked, http }, ctx, limits)
  },
})
