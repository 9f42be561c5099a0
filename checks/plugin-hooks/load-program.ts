/**
 * What runs in the process that loads a plugin, as text: it is started with another interpreter, so it is no module of ours.
 * It speaks JSON lines over descriptor 3 and is plain JavaScript for Node 18 and later.
 */
export const LOAD_PROGRAM = `
const fs = require('node:fs'), Module = require('node:module'), { pathToFileURL } = require('node:url')
const p = process
const job = JSON.parse(p.argv[1])
p.argv.length = 1
p.argv.push(job.path)
const say = event => { try { fs.writeSync(3, JSON.stringify(event) + '\\n') } catch {} }
const started = Date.now()
const end = code => p.reallyExit(code)
const facts = error => {
  const o = Object(error)
  const text = v => typeof v === 'string' ? v.slice(0, 2000) : ''
  return error instanceof Error || typeof o.message === 'string'
    ? { name: text(o.name) || 'Error', message: text(o.message), stack: text(o.stack), code: text(o.code) }
    : { name: '', message: String(error).slice(0, 2000), stack: '', code: '' }
}
let loaded = 0
const failed = error => { say({ event: loaded ? 'late' : 'threw', after: Date.now() - (loaded || started), ...facts(error) }); end(70) }
p.on('uncaughtException', failed)
p.on('unhandledRejection', failed)
p.once('beforeExit', () => say({ event: 'dry' })) // not on process.exit()
p.on('exit', code => say({ event: 'exit', code, after: Date.now() - (loaded || started), loaded: loaded > 0 }))
// A loop that never ends holds this thread, not the next one: nothing of us is left behind, whoever was killed above us.
try {
  const { Worker } = require('node:worker_threads')
  new Worker('setTimeout(() => process.kill(process.pid, "SIGKILL"), ' + Number(job.lifetime) + ')', { eval: true, execArgv: [], env: {} }).unref()
} catch {}
setInterval(() => say({ event: 'alive' }), 200).unref()
if (job.host && typeof Module.registerHooks === 'function') {
  const root = job.host + '/package.json', from = pathToFileURL(root).href
  let asking = false
  Module.registerHooks({ resolve(specifier, context, next) {
    const ours = job.hostPackage === specifier || specifier.startsWith(job.hostPackage + '/')
    try { return next(specifier, context) } catch (error) {
      if (!ours || asking) throw error
      try { return next(specifier, { ...context, parentURL: from }) } catch {}
      asking = true // what require asks for goes by its own parent
      try { return { url: pathToFileURL(Module.createRequire(root).resolve(specifier)).href, shortCircuit: true } }
      finally { asking = false }
    }
  } })
}
say({ event: 'start', version: p.version, typescript: Boolean(p.features && p.features.typescript) })
import(pathToFileURL(job.path).href).then(module => {
  loaded = Date.now()
  const kinds = {}
  for (const key of Object.keys(module).slice(0, 200)) kinds[key] = typeof module[key]
  const inner = module.default
  if (inner && typeof inner === 'object') for (const key of Object.keys(inner).slice(0, 200)) if (!(key in kinds)) kinds[key] = typeof inner[key]
  say({ event: 'loaded', after: loaded - started, kinds })
  setTimeout(() => { say({ event: 'settled' }); end(0) }, job.settle)
}, failed)
`
