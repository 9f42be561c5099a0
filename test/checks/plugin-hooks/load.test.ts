import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { judgeEnd } from '../../../checks/plugin-hooks/load.ts'
import { pluginHooks } from '../../../checks/plugin-hooks.ts'
import type { CheckContext, Verdict } from '../../../core/check.ts'
import { context, scratch } from '../../support/context.ts'
import { NEWER_NODE } from '../../support/nodes.ts'

const lay = (root: string, files: Readonly<Record<string, string>>): string => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

type Options = Partial<Parameters<typeof pluginHooks.run>[0]>
const check = async (cwd: string, options: Options, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  pluginHooks.run({ depth: 'load', settle: '300ms', min: 1, ...options }, context({ cwd, timeoutMs: 15_000, ...given }))

/** One module, loaded on trial. */
const trial = (code: string, options: Options = {}, given: Partial<CheckContext> = {}, name = 'index.mjs') =>
  check(lay(scratch(), { [`plugins/guard/${name}`]: code }), { dirs: ['plugins/*'], ...options }, given)

/** Whether a process is there; one that waits to be reaped is not. */
const lives = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** A child that was killed is gone at once, or nearly. */
const goes = async (pid: number): Promise<boolean> => {
  for (let i = 0; i < 200 && lives(pid); i++) await new Promise(resolve => setTimeout(resolve, 10))
  return !lives(pid)
}

describe('depth: load', () => {
  it('passes what loads and stays quiet, ES module and CommonJS', async () => {
    const cwd = lay(scratch(), {
      'plugins/a/index.mjs': 'setInterval(() => {}, 1000)\nexport default { register() {} }',
      'plugins/b/index.cjs': 'module.exports = { register() {} }',
    })
    expect(await check(cwd, { dirs: ['plugins/*'] })).toMatchObject({
      status: 'pass',
      summary: '2 plugins load',
      facts: { depth: 'load', good: 2 },
    })
  })

  it('says where it throws', async () => {
    const verdict = await trial('export const a = 1\nconst config = undefined\nconfig.key\n')
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/load-threw',
      summary: 'guard cannot be loaded',
    })
    expect(verdict).toHaveProperty(
      'observed',
      expect.stringMatching(/^index\.mjs:3 throws when it is loaded: TypeError: Cannot read properties of undefined/),
    )
    expect(verdict).toHaveProperty('findings.0.column', 8)
  })

  it('catches what is thrown later, within the time to settle', async () => {
    const late = (ms: number) => `export default 1\nsetTimeout(() => {\n  throw new Error('no policy')\n}, ${ms})\n`
    const verdict = await trial(late(1500), { settle: '2s' })
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/load-late',
      summary: 'guard would take its gateway down',
    })
    expect(verdict).toHaveProperty(
      'observed',
      expect.stringMatching(/^index\.mjs:3 throws 1\.[5-9]\d* s after it was loaded: Error: no policy$/),
    )
    expect(await trial('export default 1\nsetTimeout(() => Promise.reject(7), 50).unref()')).toMatchObject({
      code: 'plugin-hooks/load-late',
      observed: expect.stringContaining(': 7'),
    })
    expect(await trial(late(60_000))).toMatchObject({ status: 'pass' })
  })

  it.each([
    ['exit 0 at import', 'process.exit(0)', 'load-exit', 'ends its process with code 0 while it is loaded'],
    [
      'exit 3 later',
      'export default 1; setTimeout(() => process.exit(3), 50)',
      'load-exit',
      'ends its process with code 3',
    ],
    [
      'a signal',
      'process.kill(process.pid, "SIGTERM"); await new Promise(r => setTimeout(r, 5000))',
      'load-exit',
      'by SIGTERM while it is loaded',
    ],
    ['an await that never ends', 'await new Promise(() => {})', 'load-hung', 'never finishes loading'],
  ])('tells %s', async (_, code, what, said) => {
    expect(await trial(code)).toMatchObject({
      status: 'fail',
      code: `plugin-hooks/${what}`,
      observed: expect.stringContaining(said),
    })
  })

  it('warns of one that exports nothing, since its host may want no more', async () => {
    expect(await trial('import "node:fs"')).toMatchObject({
      status: 'warn',
      code: 'plugin-hooks/load-export',
      observed: expect.stringContaining('exports nothing'),
    })
  })

  it('cuts off an endless loop and an await that waits on, and leaves nothing behind', async () => {
    const cwd = lay(scratch(), {
      'plugins/busy/index.mjs': `import { writeFileSync } from 'node:fs'\nwriteFileSync('pid', String(process.pid))\nfor (;;);`,
      'plugins/waiting/index.mjs': `import { writeFileSync } from 'node:fs'\nwriteFileSync('pid', String(process.pid))\nsetInterval(() => {}, 50)\nawait new Promise(() => {})`,
      'plugins/parent/index.mjs': `import { spawn } from 'node:child_process'\nimport { writeFileSync } from 'node:fs'\nwriteFileSync('pid', String(spawn('sleep', ['600'], { stdio: 'ignore' }).pid))\nexport default 1`,
    })
    const began = performance.now()
    const verdict = await check(cwd, { dirs: ['plugins/*'] }, { timeoutMs: 2500 })
    expect(performance.now() - began).toBeLessThan(10_000)
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/load-hung',
      summary: 'busy would hold its gateway up (1 of 3 are good)',
    })
    expect(verdict).toHaveProperty('findings', [
      expect.objectContaining({
        message: expect.stringMatching(/busy: did not finish loading in .* as an endless loop does/),
      }),
      expect.objectContaining({
        message: expect.stringMatching(/waiting: did not finish loading in .* is still waiting/),
      }),
    ])
    for (const name of ['busy', 'waiting', 'parent'])
      expect(await goes(Number(readFileSync(join(cwd, `plugins/${name}/pid`), 'utf8')))).toBe(true)
  })

  it('stops at once when the run is stopped', async () => {
    const stop = new AbortController()
    const cwd = lay(scratch(), {
      'plugins/a/index.mjs':
        'import { writeFileSync } from "node:fs"\nwriteFileSync("pid", String(process.pid))\nfor (;;);',
    })
    const running = check(cwd, { dirs: ['plugins/*'] }, { signal: stop.signal })
    const file = join(cwd, 'plugins/a/pid')
    while (!existsSync(file) || readFileSync(file, 'utf8') === '') await new Promise(resolve => setTimeout(resolve, 10))
    stop.abort(new Error('stopped'))
    await running.catch(() => {})
    expect(await goes(Number(readFileSync(file, 'utf8')))).toBe(true)
  })

  it('says that it was not proved when there was no time', async () => {
    expect(await trial('export default 1', { settle: '1m' }, { timeoutMs: 1500 })).toMatchObject({
      status: 'warn',
      code: 'plugin-hooks/not-loaded',
      observed: 'index.mjs was not loaded: it loads, but the time was up before it was watched for 60 s',
      next: 'timeout: 130s',
    })
    expect(await trial('export default 1', {}, { timeoutMs: 650 })).toMatchObject({
      status: 'warn',
      code: 'plugin-hooks/not-loaded',
    })
  })

  it('does not load what is known to be broken, or what is off', async () => {
    const mark = 'import { writeFileSync } from "node:fs"\nwriteFileSync("ran", "")\nexport default 1\n'
    const cwd = lay(scratch(), {
      'state/openclaw.json': '{plugins: {entries: {off: {enabled: false}}}}',
      ...Object.fromEntries(
        ['broken', 'off', 'fine'].flatMap(id => [
          [`state/extensions/${id}/openclaw.plugin.json`, JSON.stringify({ id, configSchema: {} })],
          [`state/extensions/${id}/index.mjs`, id === 'broken' ? `import './gone.mjs'\n${mark}` : mark],
        ]),
      ),
    })
    expect(await check(cwd, { preset: 'openclaw', state: 'state' })).toMatchObject({
      code: 'plugin-hooks/import-missing',
    })
    expect(['broken', 'off', 'fine'].map(id => existsSync(join(cwd, `state/extensions/${id}/ran`)))).toEqual([
      false,
      false,
      true,
    ])
  })

  it('runs with the environment that it is given and nothing of ours', async () => {
    const code =
      "import { writeFileSync } from 'node:fs'\nwriteFileSync('seen', JSON.stringify([process.argv.length, Object.keys(process.env).filter(key => key !== 'PATH')]))\nexport default 1"
    const cwd = lay(scratch(), { 'plugins/a/index.mjs': code })
    expect(await check(cwd, { dirs: ['plugins/*'] }, { env: { PATH: '/usr/bin', MINE: '1' } })).toMatchObject({
      status: 'pass',
    })
    expect(JSON.parse(readFileSync(join(cwd, 'plugins/a/seen'), 'utf8'))).toEqual([2, ['MINE']])
  })
})

describe('the interpreter', () => {
  it('is the one that the manifest names', async () => {
    const code =
      "if (Number(process.versions.node.split('.')[0]) < 24) throw new Error(`too old: ${process.version}`)\nexport default 1"
    expect(await trial(code, { node: NEWER_NODE })).toMatchObject({ status: 'pass' })
    const own = Number(process.versions.node.split('.')[0]) >= 24
    expect((await trial(code)).status).toBe(own ? 'pass' : 'fail')
    expect(await trial('export default 1', { node: '/no/such/node' })).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/node-missing',
    })
    expect(await trial('export default 1', { node: 'node-24' }, { env: { PATH: '/nowhere' } })).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/node-missing',
    })
  })

  it('runs TypeScript where it can; where not, that is said', async () => {
    const code = 'const a: number = 1\nexport default { register: (): number => a }'
    expect(await trial(code, { node: NEWER_NODE }, {}, 'index.ts')).toMatchObject({ status: 'pass' })
    if (!('typescript' in process.features && process.features.typescript))
      expect(await trial(code, {}, {}, 'index.ts')).toMatchObject({ status: 'warn', code: 'plugin-hooks/not-loaded' })
    expect(await trial('enum A { b }\nexport default A', { node: NEWER_NODE }, {}, 'index.ts')).toMatchObject({
      status: 'warn',
      code: 'plugin-hooks/not-loaded',
    })
    expect(
      await trial('const a: number = undefined.x\nexport default a', { node: NEWER_NODE }, {}, 'index.ts'),
    ).toMatchObject({ status: 'fail', code: 'plugin-hooks/load-threw' })
  })
})

describe('hooks', () => {
  const hook = (code: string, more = {}) => ({
    'state/openclaw.json': '{hooks: {internal: {enabled: true}}}',
    'state/hooks/greet/HOOK.md': `---\nname: greet\nmetadata: ${JSON.stringify({ openclaw: { events: ['x'], ...more } })}\n---\n`,
    'state/hooks/greet/handler.js': code,
  })
  const load = (files: Record<string, string>) =>
    check(lay(scratch(), { 'package.json': '{"type": "module"}', ...files }), { preset: 'openclaw', state: 'state' })

  it('must export the function that their document names', async () => {
    expect(await load(hook('export default () => {}'))).toMatchObject({ status: 'pass', summary: '1 hook loads' })
    expect(await load(hook('export const handle = () => {}', { export: 'handle' }))).toMatchObject({ status: 'pass' })
    expect(await load(hook('export const handle = () => {}'))).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/load-export',
      observed: 'handler.js exports no function "default"',
    })
    expect(await load(hook('export default 1'))).toMatchObject({ status: 'fail', code: 'plugin-hooks/load-export' })
  })
})

describe('what the host supplies', () => {
  const files = {
    'state/openclaw.json': '{}',
    'state/extensions/a/openclaw.plugin.json': '{"id": "a", "configSchema": {}}',
    'state/extensions/a/index.mjs': "import { define } from 'openclaw/plugin-sdk/core'\nexport default define()",
  }
  const host = {
    'host/package.json': '{"name": "openclaw", "type": "module", "exports": {"./plugin-sdk/core": "./core.js"}}',
    'host/core.js': 'export const define = () => ({ register() {} })',
  }

  it('cannot be loaded alone: not proved, and no failure', async () => {
    expect(
      await check(lay(scratch(), files), { preset: 'openclaw', state: 'state' }, { env: { PATH: '/nowhere' } }),
    ).toMatchObject({
      status: 'warn',
      code: 'plugin-hooks/not-loaded',
      observed: expect.stringContaining('it needs openclaw, which only its host supplies'),
    })
  })

  it('is found where the host is linked or installed', async () => {
    const linked = lay(scratch(), { ...files, ...host })
    mkdirSync(join(linked, 'state/extensions/a/node_modules'))
    symlinkSync(join(linked, 'host'), join(linked, 'state/extensions/a/node_modules/openclaw'))
    expect(await check(linked, { preset: 'openclaw', state: 'state' }, { env: { PATH: '/nowhere' } })).toMatchObject({
      status: 'pass',
    })

    const installed = lay(scratch(), { ...files, ...host, 'host/openclaw.mjs': '' })
    mkdirSync(join(installed, 'bin'))
    symlinkSync(NEWER_NODE, join(installed, 'bin/node'))
    symlinkSync(join(installed, 'host/openclaw.mjs'), join(installed, 'bin/openclaw'))
    const beside = { preset: 'openclaw', state: 'state', node: join(installed, 'bin/node') } as const
    expect(await check(installed, beside, { env: { PATH: '/nowhere' } })).toMatchObject({ status: 'pass' })
    lay(installed, {
      'state/extensions/b/openclaw.plugin.json': '{"id": "b", "configSchema": {}}',
      'state/extensions/b/index.cjs': "module.exports = require('openclaw/plugin-sdk/core').define()",
    })
    expect(await check(installed, beside, { env: { PATH: '/nowhere' } })).toMatchObject({
      status: 'pass',
      facts: { good: 2 },
    })
    writeFileSync(join(installed, 'state/extensions/b/index.cjs'), "require('openclaw/plugin-sdk/private')")
    expect(await check(installed, beside, { env: { PATH: '/nowhere' } })).toMatchObject({
      status: 'warn',
      code: 'plugin-hooks/not-loaded',
      observed: expect.stringContaining('it needs openclaw/plugin-sdk/private, which only its host supplies'),
    })
    writeFileSync(join(installed, 'host/core.js'), 'export const other = 1')
    expect(await check(installed, beside, { env: { PATH: '/nowhere' } })).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/load-threw',
    })
  })
})

describe('judgeEnd', () => {
  const cut = { cut: undefined, busy: false, afterMs: 10 } as const
  it('knows an end without a word', () => {
    expect(judgeEnd([], null, 'SIGKILL', 'out of memory\nkilled', cut)).toEqual({
      end: 'exit',
      loaded: false,
      afterMs: 10,
      how: 'by SIGKILL',
      said: 'killed',
    })
    expect(judgeEnd([], 9, null, '', cut)).toMatchObject({ end: 'exit', how: 'with code 9' })
  })
})
