import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { NEWER_NODE } from './nodes.ts'

const ROOT = join(import.meta.dirname, '../..')

/**
 * Runs the body of an async function in a child process without root's rights, and returns what it returned, by way of JSON.
 * `load('core/x.ts')` imports a module of the project; `context` is that of the tests' support with a cwd.
 */
export const asNobody = (body: string): unknown => {
  const script = `
    const load = file => import(${JSON.stringify(`${pathToFileURL(ROOT).href}/`)} + file)
    ;(await load('core/contain.ts')).enterChild()
    const context = cwd => ({
      id: 'under-test', cwd, home: cwd, env: {}, user: { uid: 65534, gid: 65534, name: 'nobody' }, phase: 'before',
      running: false, attempt: 1, spentMs: 0, outcomes: new Map(), signal: AbortSignal.timeout(30_000), timeoutMs: 5000, now: Date.now,
      path: text => text.startsWith('/') ? text : text === '.' ? cwd : cwd + '/' + text.replace(/^~\\/?/, ''), mask: text => text,
    })
    console.log(JSON.stringify(await (async () => { ${body} })()))`
  const privileged = process.getuid?.() === 0
  const { stdout, stderr, status } = spawnSync(
    NEWER_NODE, // runs TypeScript as it stands, which Node 20 cannot
    ['--no-warnings', '--experimental-transform-types', '--input-type=module', '-e', script],
    { encoding: 'utf8', cwd: '/', env: {}, timeout: 20_000, ...(privileged ? { uid: 65534, gid: 65534 } : {}) },
  )
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}
