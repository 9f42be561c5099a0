import { expect, it } from 'vitest'
import { openHttp, type Reply, type Silence } from '../../core/http.ts'
import { answering, freePort, silentPort } from '../checks/message/peers.ts'

const asked = async (url: string, leftMs = 5000): Promise<Reply | Silence> => {
  const end = performance.now() + leftMs
  const left = () => end - performance.now()
  const http = await openHttp({ env: {}, urls: [url], signal: new AbortController().signal, left })
  try {
    return await http.exchange({ method: 'POST', url, body: 'x' })
  } finally {
    http.close()
  }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

it.each<[string, string, Silence['silent'], RegExp]>([
  ['100 Continue that nobody asked for', `HTTP/1.1 100 Continue\r\n\r\n${OK}`, 'reply', /answered with 100 or 101/],
  [
    '101 Switching Protocols',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    'reply',
    /answered with 100 or 101/,
  ],
  [
    'headers beyond all bounds',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
    'reply',
    /headers of more than 16/,
  ],
])('says what came, and not that the peer closed: %s', async (_, answer, silent, observed) => {
  const reply = await asked(`http://127.0.0.1:${await answering(answer)}/`)
  expect(reply).toMatchObject({ silent, left: true, observed: expect.stringMatching(observed) })
  expect(JSON.stringify(reply)).not.toContain('closed')
})

it('does not speak of a name where there is none to be resolved', async () => {
  const url = `http://127.0.0.1:${await silentPort()}/`
  expect(await asked(url, 0)).toMatchObject({
    silent: 'timeout',
    left: false,
    observed: expect.stringMatching(/^no time was left to ask 127\.0\.0\.1:\d+$/),
  })
})

it('names a port as it is written', async () => {
  const port = await freePort()
  expect(await asked(`http://127.0.0.1:${port}/`)).toMatchObject({
    observed: expect.stringContaining(`127.0.0.1:${port} refused`),
  })
  const zero = await asked('http://127.0.0.1:0/')
  expect(zero).toMatchObject({ silent: 'connect', observed: expect.stringMatching(/^127\.0\.0\.1:0 /) })
})
