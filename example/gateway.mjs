// A gateway small enough to read: loads what its config names, then answers on loopback until it is told to stop.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const home = dirname(fileURLToPath(import.meta.url))
const port = Number(process.env.EXAMPLE_PORT ?? 28789)
const config = JSON.parse(readFileSync(join(home, 'gateway.json'), 'utf8'))

const load = async ({ path }) => {
  const folder = join(home, path)
  const { main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return (await import(pathToFileURL(join(folder, main)).href)).default
}
const plugins = await Promise.all(Object.values(config.plugins).map(load))
const hooks = await Promise.all(Object.values(config.hooks).map(load))

const server = createServer((request, response) => {
  const plugin = plugins.find(({ route }) => route === request.url)
  if (request.url === '/healthz') response.end('ok\n')
  else if (plugin) response.end(`${plugin.answer()}\n`)
  else response.writeHead(404).end('not found\n')
})
server.listen(port, '127.0.0.1', () => {
  for (const hook of hooks) hook({ workspace: join(home, 'workspace'), port })
  console.log(`The example gateway listens on http://127.0.0.1:${port}`)
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close())
