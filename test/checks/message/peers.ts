/** Peers that are no HTTP service: closed ports, sockets that say nothing or something else, a proxy. */
import { request as ask, createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { onTestFinished } from 'vitest'

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A port that was free a moment ago, for who cannot listen on port 0. */
export const freePort = async (): Promise<number> => {
  const server = createServer()
  const port = await listen(server)
  await new Promise(resolve => server.close(resolve))
  return port
}

/** Accepts, says `greeting`, and nothing more. */
export const stranger = async (greeting = ''): Promise<number> => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    onTestFinished(() => {
      socket.destroy()
    })
    if (greeting !== '') socket.write(greeting)
  })
  onTestFinished(() => {
    server.close()
  })
  return listen(server)
}

/** Reads a request, says `answer`, and leaves the connection open. */
export const answering = async (answer: string): Promise<number> => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write(answer))
    onTestFinished(() => {
      socket.destroy()
    })
  })
  onTestFinished(() => {
    server.close()
  })
  return listen(server)
}

export const silentPort = (): Promise<number> => stranger()

export interface Proxy {
  readonly port: number
  /** Addresses that it was asked to connect to. */
  readonly tunnels: string[]
  /** Whole addresses that it was asked for, as it is for http://. */
  readonly requests: string[]
  /** The `Host` of each of them. */
  readonly hosts: (string | undefined)[]
  readonly credentials: (string | undefined)[]
}

/** A proxy that connects whoever asks and hands on whatever is asked, or answers with `status`. */
export const proxy = async (status = 200): Promise<Proxy> => {
  const tunnels: string[] = []
  const requests: string[] = []
  const hosts: (string | undefined)[] = []
  const credentials: (string | undefined)[] = []
  const server = createHttpServer((request, response) => {
    requests.push(request.url ?? '')
    hosts.push(request.headers.host)
    credentials.push(request.headers['proxy-authorization'])
    if (status !== 200) return response.writeHead(status).end('says the proxy')
    const { 'proxy-authorization': _, ...headers } = request.headers
    const onward = ask(request.url ?? '', { method: request.method ?? '', headers }, answer => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.on('connect', (request, socket) => {
    tunnels.push(request.url ?? '')
    credentials.push(request.headers['proxy-authorization'])
    socket.on('error', () => {})
    if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
    const { hostname, port } = new URL(`http://${request.url}`)
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    onTestFinished(() => {
      onward.destroy()
      socket.destroy()
    })
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: await listen(server), tunnels, requests, hosts, credentials }
}

export interface Closing {
  readonly port: number
  /** How often it was connected to. */
  connections(): number
}

/** Says `words` to the first that it hears (`undefined`: it does not wait for that), and closes the connection. */
export const closing = async (words?: string): Promise<Closing> => {
  let connections = 0
  const server = createServer(socket => {
    connections++
    socket.on('error', () => {})
    if (words === undefined) socket.destroy()
    else socket.once('data', () => socket.end(words))
  })
  onTestFinished(() => {
    server.close()
  })
  return { port: await listen(server), connections: () => connections }
}
