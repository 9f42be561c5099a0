// Takes the test message: any POST gets a receipt. With a command after it, it stands only while that command runs:
//   node example/receiver.mjs bootcheck run BOOT.example.md
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'

const port = Number(process.env.EXAMPLE_RECEIVER_PORT ?? 28790)
const [program, ...args] = process.argv.slice(2)

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const receipt = request.method === 'POST' ? { ok: true, id: randomUUID() } : { ok: true }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(receipt))
  })
})
server.listen(port, '127.0.0.1', () => {
  if (!program) return console.log(`The receiver listens on http://127.0.0.1:${port}`)
  const child = spawn(program, args, { stdio: 'inherit' })
  const end = code => {
    process.exitCode = code
    server.close()
    server.closeAllConnections()
  }
  child.on('error', error => {
    console.error(`${program}: ${error.message}`)
    end(127)
  })
  child.on('exit', (code, signal) => end(signal ? 1 : code))
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close())
