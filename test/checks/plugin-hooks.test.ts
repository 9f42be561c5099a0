import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LIMITS } from '../../checks/plugin-hooks/walk.ts'
import { pluginHooks } from '../../checks/plugin-hooks.ts'
import type { CheckContext, Trouble, Verdict } from '../../core/check.ts'
import { asNobody } from '../support/as-nobody.ts'
import { context, scratch } from '../support/context.ts'

type Options = Parameters<typeof pluginHooks.run>[0]
type Files = Readonly<Record<string, string>>

const lay = (root: string, files: Files): string => {
  for (const [path, text] of Object.entries(files)) {
    const full = join(root, path)
    mkdirSync(path.endsWith('/') ? full : dirname(full), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(full, text)
  }
  return root
}

const run = async (cwd: string, options: Partial<Options>, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  pluginHooks.run(
    { depth: 'imports', settle: '2s', min: 1, ...options },
    context({ cwd, env: { PATH: '/usr/bin:/bin' }, ...given }),
  )

/** A state folder of OpenClaw, checked. */
const openclaw = (files: Files, options: Partial<Options> = {}, given: Partial<CheckContext> = {}) => {
  const cwd = lay(scratch(), { 'state/openclaw.json': '{}', ...files })
  return run(cwd, { preset: 'openclaw', state: 'state', ...options }, given)
}

const trouble = (verdict: Verdict): Trouble => {
  if (verdict.status !== 'warn' && verdict.status !== 'fail') throw new Error(`no trouble: ${JSON.stringify(verdict)}`)
  return verdict
}
const codeOf = (verdict: Verdict): string => (verdict.status === 'skip' ? 'skip' : `${verdict.status} ${verdict.code}`)
const messages = (verdict: Verdict): string[] =>
  (trouble(verdict).findings ?? []).map(finding => `${finding.path}:${finding.line ?? ''} ${finding.message}`)

const manifest = (id: string, more: object = {}): string =>
  JSON.stringify({ id, configSchema: { type: 'object' }, ...more })
const pack = (entry: string, more: object = {}): string =>
  JSON.stringify({ name: 'x', type: 'module', openclaw: { extensions: [entry] }, ...more })
const hook = (name: string, metadata: object = { events: ['command:new'] }): string =>
  `---\nname: ${name}\ndescription: "Does it"\nmetadata:\n  ${JSON.stringify({ openclaw: metadata })}\n---\n# ${name}\n`

/** A plugin in extensions/ that is whole. */
const plugin = (id: string, more: Files = {}): Files =>
  Object.fromEntries(
    Object.entries({
      'openclaw.plugin.json': manifest(id),
      'package.json': pack('./index.js'),
      'index.js': "import { a } from './lib/a.js'\nexport default { register: () => a }\n",
      'lib/a.js': 'export const a = 1\n',
      ...more,
    }).map(([path, text]) => [`state/extensions/${id}/${path}`, text]),
  )
const without = (files: Files, path: string): Files =>
  Object.fromEntries(Object.entries(files).filter(([known]) => !known.endsWith(path)))

const ON = '{hooks: {internal: {enabled: true}}}'

describe('a healthy state', () => {
  it('passes, and says what it watched', async () => {
    const verdict = await openclaw({
      ...plugin('guard'),
      'state/openclaw.json':
        '// mine\n{plugins: {entries: {guard: {enabled: true}, telegram: {enabled: true}}}, hooks: {internal: {enabled: true}},}',
      'state/hooks/greet/HOOK.md': hook('greet'),
      'state/hooks/greet/handler.ts':
        "import type { Hook } from '../gone.js'\nimport { words } from './words.ts'\nexport default (async () => words) satisfies Hook\n",
      'state/hooks/greet/words.ts': 'export const words: string[] = []\n',
    })
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'plugin-hooks/good',
      summary: '1 plugin and 1 hook have all that they import',
      facts: { plugins: 1, hooks: 1, good: 2, modules: 4, shippedWithHost: ['telegram'] },
    })
    expect(verdict).toHaveProperty('watched', [
      'plugin guard',
      'hook greet',
      'state/openclaw.json',
      'state/extensions',
      'state/hooks',
    ])
  })

  it('takes packages of the host, built-in modules, optional and declared packages for what they are', async () => {
    const files = plugin('guard', {
      'package.json': pack('./index.js', {
        dependencies: { dep: '1' },
        optionalDependencies: { fast: '1' },
        peerDependenciesMeta: { extra: { optional: true } },
      }),
      'node_modules/dep/package.json':
        '{"name": "dep", "exports": {".": {"import": "./m.mjs", "require": "./c.cjs"}, "./sub/*": "./lib/*.js", "./no": null}}',
      'node_modules/dep/m.mjs': 'import "not-judged-here"',
      'node_modules/dep/c.cjs': '',
      'node_modules/dep/lib/x.js': '',
      'index.js': `import { x } from 'openclaw/plugin-sdk/core'
import fs from 'fs'
import sqlite from 'node:sqlite'
import 'dep'
import 'dep/sub/x'
let fast
try { fast = (await import('fast')).default } catch {}
export default () => import('extra').catch(() => undefined)
/* import './in-a-comment.js' */
// import './in-a-line.js'
const text = "import './in-a-string.js'" + \`require('./in-a-template.js')\`
const pattern = /require\\('.\\/in-a-regex.js'\\)/
`,
    })
    const verdict = await openclaw(files)
    expect(verdict).toMatchObject({
      status: 'pass',
      facts: { providedByHost: ['openclaw/plugin-sdk/core'], optionalNotInstalled: ['extra', 'fast'] },
    })
  })

  it('is no failure without plugins where min says so, and says what it looked at', async () => {
    expect(await openclaw({})).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/too-few',
      observed: 'no plugin or hook is active',
      expected: 'at least 1 (min)',
    })
    expect(await openclaw({}, { min: 0 })).toMatchObject({ status: 'pass', watched: ['state/openclaw.json'] })
    expect(await openclaw(plugin('guard'), { min: 2 })).toMatchObject({
      status: 'fail',
      observed: 'only 1 plugin is active',
    })
  })
})

describe("the broken states that OpenClaw's own tools pass over", () => {
  it('a plugin whose entry is missing', async () => {
    const verdict = trouble(await openclaw({ ...without(plugin('guard'), 'guard/index.js'), ...plugin('other') }))
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/entry-missing',
      summary: 'guard cannot be loaded (1 of 2 are good)',
      observed: 'package.json:1 names ./index.js, which does not exist',
      next: 'openclaw plugins install guard --force',
    })
    expect(verdict.findings).toMatchObject([{ path: 'state/extensions/guard/package.json', line: 1, column: 55 }])
  })

  it('a plugin that imports a missing file, however deep', async () => {
    const verdict = trouble(
      await openclaw({
        ...plugin('guard', {
          'lib/a.js': "\nexport { b as a } from './b.js'\n",
          'lib/b.js': "export const b = await import('./c/')\n",
        }),
        ...plugin('other'),
      }),
    )
    expect(verdict).toMatchObject({
      code: 'plugin-hooks/import-missing',
      observed: 'lib/b.js:1 imports ./c/, which does not exist',
      expected: 'every file that a registered plugin or hook needs',
    })
    expect(verdict.findings).toMatchObject([{ path: 'state/extensions/guard/lib/b.js', line: 1, column: 31 }])
  })

  it('a load path that is missing', async () => {
    const verdict = trouble(
      await openclaw({
        ...plugin('guard'),
        'state/openclaw.json': '{\n  plugins: {\n    load: { paths: ["~/gone/guard"] } } }',
      }),
    )
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/path-missing',
      observed: 'state/openclaw.json:3 names the path ~/gone/guard, which does not exist',
    })
    const unset = await openclaw({ 'state/openclaw.json': '{plugins: {load: {paths: ["${PLUGINS_HOME}/a"]}}}' })
    expect(trouble(unset).observed).toContain('needs the variable PLUGINS_HOME, which is not set')
    const set = {
      'state/openclaw.json': '{plugins: {load: {paths: ["${PLUGINS_HOME}/a"]}}}',
      'state/.env': 'PLUGINS_HOME=elsewhere',
      'state/elsewhere/a/openclaw.plugin.json': manifest('a'),
      'state/elsewhere/a/index.mjs': 'export default 1',
    }
    expect(codeOf(await openclaw(set))).toBe('pass plugin-hooks/good')
  })

  it('a HOOK.md without a handler', async () => {
    const verdict = trouble(await openclaw({ 'state/openclaw.json': ON, 'state/hooks/greet/HOOK.md': hook('greet') }))
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/handler-missing',
      summary: 'greet cannot be loaded',
      observed: 'HOOK.md has no handler beside it (handler.ts, handler.js, index.ts, index.js)',
      next: 'ls -la state/hooks/greet',
    })
  })

  it('a hook handler that imports a package which is not installed', async () => {
    const files = {
      'state/openclaw.json': ON,
      'state/hooks/greet/HOOK.md': hook('greet'),
      'state/hooks/greet/handler.js': "import pad from 'left-pad'\nexport default () => pad\n",
    }
    expect(trouble(await openclaw(files))).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/package-missing',
      observed: 'handler.js:1 imports left-pad, which is not installed',
      next: 'npm install left-pad --prefix state/hooks/greet',
    })
    const whole = { ...files, 'state/node_modules/left-pad/index.js': '' }
    expect(codeOf(await openclaw(whole))).toBe('pass plugin-hooks/good')
  })

  it('a syntax error in the config, with line and column', async () => {
    const verdict = trouble(
      await openclaw({
        ...plugin('guard'),
        'state/openclaw.json': '{\n  plugins: {\n    allow: ["a" "b"],\n  },\n}\n',
      }),
    )
    expect(verdict).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/config-broken',
      next: "sed -n '2,4p' state/openclaw.json",
    })
    expect(verdict.findings).toMatchObject([{ path: 'state/openclaw.json', line: 3, column: 17 }])
  })

  it('a module that was cut off, in JavaScript and in TypeScript', async () => {
    const cut = 'export default {\n  register() {\n    return [1, 2'
    expect(await openclaw(plugin('guard', { 'index.js': cut }))).toMatchObject({ code: 'plugin-hooks/syntax' })
    expect(await openclaw(plugin('guard', { 'lib/a.js': 'export const a = "' }))).toMatchObject({
      code: 'plugin-hooks/syntax',
    })
    const typed = {
      'state/openclaw.json': ON,
      'state/hooks/greet/HOOK.md': hook('greet'),
      'state/hooks/greet/handler.ts': 'export default async (event: Event): Promise<void> => {\n',
    }
    expect(await openclaw(typed)).toMatchObject({ code: 'plugin-hooks/syntax' })
    expect(await openclaw(plugin('guard', { 'index.js': ' \n' }))).toMatchObject({
      code: 'plugin-hooks/entry-missing',
      observed: 'index.js is empty',
    })
  })
})

describe('the config', () => {
  it('must be there', async () => {
    const cwd = lay(scratch(), plugin('guard'))
    expect(await run(cwd, { preset: 'openclaw', state: 'state' })).toMatchObject({
      code: 'plugin-hooks/config-missing',
    })
    expect(await run(cwd, { preset: 'openclaw', state: 'nowhere', min: 0 })).toMatchObject({
      code: 'plugin-hooks/config-missing',
    })
  })

  it('is found as OpenClaw finds it', async () => {
    const cwd = lay(scratch(), {
      'h/.openclaw/openclaw.json': '{}',
      'h/.openclaw-blue/openclaw.json': '{}',
      'p/conf.json5': '{}',
      'p/extensions/pa/openclaw.plugin.json': manifest('pa'),
      'p/extensions/pa/index.js': '0',
    })
    const watched = async (env: Record<string, string>) => {
      const verdict = await run(cwd, { preset: 'openclaw', min: 0 }, { env, home: join(cwd, 'h') })
      return verdict.status === 'skip' ? [] : verdict.watched
    }
    expect(await watched({})).toEqual(['h/.openclaw/openclaw.json'])
    expect(await watched({ OPENCLAW_PROFILE: 'blue' })).toEqual(['h/.openclaw-blue/openclaw.json'])
    expect(await watched({ OPENCLAW_STATE_DIR: join(cwd, 'h/.openclaw-blue') })).toEqual([
      'h/.openclaw-blue/openclaw.json',
    ])
    expect(await watched({ OPENCLAW_CONFIG_PATH: join(cwd, 'p/conf.json5') })).toEqual([
      'plugin pa',
      'p/conf.json5',
      'p/extensions',
    ])
  })

  it('includes other files, and names the one at fault', async () => {
    const files = {
      ...plugin('guard'),
      'state/openclaw.json': '{plugins: {$include: ["./a.json5", "./sub/b.json5"], enabled: true}}',
      'state/a.json5': '{load: {paths: ["./mine"]}}',
      'state/sub/b.json5': '{\n  load: {paths: ["./yours"]}}',
      'state/mine/openclaw.plugin.json': manifest('mine'),
      'state/mine/index.cjs': 'module.exports = {}',
    }
    const verdict = await openclaw(files)
    expect(messages(verdict)).toEqual(['state/sub/b.json5:2 names the path ./yours, which does not exist'])
    expect(trouble(verdict).watched).toEqual(
      expect.arrayContaining(['plugin mine', 'state/a.json5', 'state/sub/b.json5']),
    )
    expect(messages(await openclaw({ 'state/openclaw.json': '{$include: "./gone.json5"}' }))).toEqual([
      expect.stringContaining('includes'),
    ])
    expect(await openclaw({ 'state/openclaw.json': '{$include: "../out.json5"}', 'out.json5': '{}' })).toMatchObject({
      code: 'plugin-hooks/config-invalid',
    })
    expect(await openclaw({ 'state/openclaw.json': '{$include: "./openclaw.json"}' })).toMatchObject({
      code: 'plugin-hooks/config-invalid',
      observed: expect.stringContaining('includes itself'),
    })
    expect(await openclaw({ 'state/openclaw.json': '{$include: "./b.json5"}', 'state/b.json5': '{,}' })).toMatchObject({
      code: 'plugin-hooks/config-broken',
      observed: expect.stringMatching(/^state\/b\.json5:1 /),
    })
  })

  it('must hold lists where lists belong', async () => {
    const verdict = trouble(await openclaw({ 'state/openclaw.json': '{\n plugins: {allow: "guard"}}' }))
    expect(verdict).toMatchObject({
      code: 'plugin-hooks/config-invalid',
      observed: 'state/openclaw.json:2 has "plugins.allow", which must be array',
    })
  })
})

describe('what the config says of a plugin', () => {
  const broken = without(plugin('guard'), 'lib/a.js')
  const config = (plugins: object) => ({ 'state/openclaw.json': JSON.stringify({ plugins }) })

  it.each([
    ['disabled', { entries: { guard: { enabled: false } } }, 'plugins.entries.guard.enabled is false'],
    ['denied', { deny: ['Guard'] }, 'plugins.deny names it'],
    ['not among the allowed', { allow: ['other'] }, 'plugins.allow does not name it'],
    ['all off', { enabled: false }, 'plugins.enabled is false'],
  ])('a broken one that is off (%s) is said, and no failure', async (_, plugins, why) => {
    const verdict = await openclaw({ ...broken, ...plugin('other'), ...config(plugins) }, { min: 0 })
    expect(verdict).toMatchObject({
      status: 'pass',
      summary: expect.stringContaining('guard is off, and broken'),
      facts: { offAndBroken: ['plugin guard'] },
    })
    expect(verdict).toHaveProperty('facts.off', expect.arrayContaining([`plugin guard: ${why}`]))
  })

  it('a broken one in a workspace that nobody switched on is a warning', async () => {
    const files = { 'w/.openclaw/extensions/guard/openclaw.plugin.json': manifest('guard') }
    const agents = { defaults: { workspace: '../w' } }
    const off = await openclaw({ ...files, 'state/openclaw.json': JSON.stringify({ agents }) }, { min: 0 })
    expect(codeOf(off)).toBe('warn plugin-hooks/inactive')
    const on = await openclaw({
      ...files,
      'state/openclaw.json': JSON.stringify({ agents, plugins: { allow: ['guard'] } }),
    })
    expect(codeOf(on)).toBe('fail plugin-hooks/entry-missing')
  })

  it('settings for one that is nowhere are no wish for it: OpenClaw writes some by itself', async () => {
    const cwd = lay(scratch(), {
      ...config({ entries: { codex: { config: { sessionCatalog: { enabled: false } } } } }),
      'bin/openclaw-real/package.json': '{"name": "openclaw"}',
      'bin/openclaw-real/openclaw.mjs': '#!/usr/bin/env node\n',
      'bin/openclaw-real/dist/extensions/telegram/openclaw.plugin.json': manifest('telegram'),
    })
    chmodSync(join(cwd, 'bin/openclaw-real/openclaw.mjs'), 0o755)
    symlinkSync(join(cwd, 'bin/openclaw-real/openclaw.mjs'), join(cwd, 'bin/openclaw'))
    const env = { PATH: join(cwd, 'bin') }
    expect(codeOf(await run(cwd, { preset: 'openclaw', state: 'state', min: 0 }, { env }))).toBe(
      'warn plugin-hooks/not-installed',
    )
  })

  it('one that is named and nowhere fails once the host was seen, and warns before', async () => {
    const files = {
      ...plugin('other'),
      ...config({
        entries: { gaurd: { enabled: true }, telegram: {}, 'skill-workshop': {} },
        allow: ['other', 'gaurd', 'telegram', 'mars'],
      }),
    }
    const unseen = await openclaw({ ...files, ...plugin('guard') })
    expect(codeOf(unseen)).toBe('warn plugin-hooks/not-installed')
    expect(messages(unseen)).toEqual([
      expect.stringContaining('names the plugin gaurd, which is not installed'),
      expect.stringContaining('mars'),
    ])
    expect(messages(unseen)[0]).toContain('(there is guard)')
    const host = {
      'bin/openclaw-real/package.json': '{"name": "openclaw"}',
      'bin/openclaw-real/openclaw.mjs': '#!/usr/bin/env node\n',
      'bin/openclaw-real/dist/extensions/telegram/openclaw.plugin.json': manifest('telegram'),
      'bin/openclaw-real/dist/extensions/new/openclaw.plugin.json': manifest('mars'),
    }
    const cwd = lay(scratch(), { ...files, ...host })
    chmodSync(join(cwd, 'bin/openclaw-real/openclaw.mjs'), 0o755)
    symlinkSync(join(cwd, 'bin/openclaw-real/openclaw.mjs'), join(cwd, 'bin/openclaw'))
    const seen = trouble(await run(cwd, { preset: 'openclaw', state: 'state' }, { env: { PATH: join(cwd, 'bin') } }))
    expect(seen).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/not-installed',
      next: 'openclaw plugins install gaurd --force',
      facts: { shippedWithHost: ['telegram', 'mars'] },
    })
    expect(seen.findings).toHaveLength(1)
  })

  it('one whose folder is left and holds nothing fails when it is named', async () => {
    const files = { ...plugin('other'), 'state/extensions/guard/node_modules/': '' }
    expect(codeOf(await openclaw({ ...files, ...config({ entries: { guard: { enabled: true } } }) }))).toBe(
      'fail plugin-hooks/entry-missing',
    )
    expect(codeOf(await openclaw(files))).toBe('warn plugin-hooks/entry-missing')
    expect(
      codeOf(
        await openclaw({ ...plugin('other'), 'state/extensions/.staging/': '', 'state/extensions/old.disabled/': '' }),
      ),
    ).toBe('pass plugin-hooks/good')
  })

  it('only the chosen one of a role is loaded', async () => {
    const memory = (id: string) => plugin(id, { 'openclaw.plugin.json': manifest(id, { kind: 'memory' }) })
    const both = { ...memory('one'), ...without(memory('two'), 'two/index.js'), ...plugin('other') }
    expect(codeOf(await openclaw({ ...both, ...config({ slots: { memory: 'one' } }) }))).toBe('pass plugin-hooks/good')
    expect(codeOf(await openclaw({ ...both, ...config({ slots: { memory: 'two' } }) }))).toBe(
      'fail plugin-hooks/entry-missing',
    )
  })
})

describe('where plugins are', () => {
  it('a load path may be a file, a plugin, or a folder of plugins', async () => {
    const files = {
      'state/openclaw.json': '{plugins: {load: {paths: ["../one/index.js", "../two", "../many"]}}}',
      'one/openclaw.plugin.json': manifest('one'),
      'one/index.js': '0',
      'two/openclaw.plugin.json': manifest('two'),
      'two/index.ts': 'export default 1',
      'many/three/openclaw.plugin.json': manifest('three'),
      'many/three/index.mjs': '0',
      'many/notes/readme.md': '',
    }
    const verdict = await openclaw(files)
    expect(verdict).toHaveProperty('watched', ['plugin one', 'plugin two', 'plugin three', 'state/openclaw.json'])
    expect(
      codeOf(
        await openclaw({
          'state/openclaw.json': '{plugins: {load: {paths: ["../many"]}}}',
          'many/notes/readme.md': '',
        }),
      ),
    ).toBe('fail plugin-hooks/nothing-here')
  })

  it('managed installs lie in npm projects and git clones, and need built JavaScript', async () => {
    const at = 'state/npm/projects/guard-1a2b'
    const files = {
      [`${at}/package.json`]: '{"dependencies": {"@acme/guard": "1.0.0"}}',
      [`${at}/node_modules/@acme/guard/openclaw.plugin.json`]: manifest('guard'),
      [`${at}/node_modules/@acme/guard/package.json`]: pack('./src/index.ts'),
      [`${at}/node_modules/@acme/guard/src/index.ts`]: 'export default 1',
      'state/git/git-0123/repo/openclaw.plugin.json': manifest('cloned'),
      'state/git/git-0123/repo/index.js': 'export default 1',
    }
    const typed = trouble(await openclaw(files))
    expect(typed).toMatchObject({
      code: 'plugin-hooks/entry-missing',
      summary: 'guard cannot be loaded (1 of 2 are good)',
      next: 'openclaw plugins install @acme/guard --force',
    })
    expect(typed.observed).toContain(
      './src/index.ts without a built form of it (dist/index.js, dist/index.mjs, dist/index.cjs)',
    )
    const built = { ...files, [`${at}/node_modules/@acme/guard/dist/src/index.mjs`]: "import './gone.mjs'" }
    expect(trouble(await openclaw(built)).observed).toBe(
      'dist/src/index.mjs:1 imports ./gone.mjs, which does not exist',
    )
    const gone = await openclaw({
      [`${at}/package.json`]: '{"dependencies": {"@acme/guard": "1.0.0"}}',
      ...plugin('other'),
    })
    expect(trouble(gone)).toMatchObject({
      status: 'fail',
      code: 'plugin-hooks/not-installed',
      next: 'openclaw plugins install @acme/guard --force',
    })
  })

  it('of two installs of a package the later one counts', async () => {
    const project = (name: string, code: string) => ({
      [`state/npm/projects/${name}/package.json`]: '{"dependencies": {"guard": "1.0.0"}}',
      [`state/npm/projects/${name}/node_modules/guard/openclaw.plugin.json`]: manifest('guard'),
      [`state/npm/projects/${name}/node_modules/guard/index.js`]: code,
    })
    const cwd = lay(scratch(), {
      'state/openclaw.json': '{}',
      ...project('a', "import './gone.js'"),
      ...project('b', 'export default 1'),
    })
    const now = Date.now() / 1000
    utimesSync(join(cwd, 'state/npm/projects/a/package.json'), now - 1000, now - 1000)
    expect(codeOf(await run(cwd, { preset: 'openclaw', state: 'state' }))).toBe('pass plugin-hooks/good')
    utimesSync(join(cwd, 'state/npm/projects/b/package.json'), now - 2000, now - 2000)
    expect(codeOf(await run(cwd, { preset: 'openclaw', state: 'state' }))).toBe('fail plugin-hooks/import-missing')
  })

  it('a copy at a load path comes before the one in extensions', async () => {
    const files = {
      ...without(plugin('guard'), 'lib/a.js'),
      'state/openclaw.json': '{plugins: {load: {paths: ["../mine"]}}}',
      'mine/openclaw.plugin.json': manifest('guard'),
      'mine/index.js': '0',
    }
    expect(await openclaw(files)).toMatchObject({
      status: 'pass',
      facts: { offAndBroken: ['plugin guard'], off: ['plugin guard: mine comes before it'] },
    })
  })

  it('an entry may not leave its package, by name or by link', async () => {
    expect(
      codeOf(
        await openclaw({
          ...plugin('guard', { 'package.json': pack('../other.js') }),
          'state/extensions/other.js': '',
        }),
      ),
    ).toBe('fail plugin-hooks/entry-outside')
    const cwd = lay(scratch(), {
      'state/openclaw.json': '{}',
      ...without(plugin('guard'), 'guard/index.js'),
      'elsewhere.js': 'export default 1',
    })
    symlinkSync(join(cwd, 'elsewhere.js'), join(cwd, 'state/extensions/guard/index.js'))
    expect(await run(cwd, { preset: 'openclaw', state: 'state' })).toMatchObject({ code: 'plugin-hooks/entry-outside' })
  })

  it('a linked plugin is read where it lies', async () => {
    const cwd = lay(scratch(), {
      'state/openclaw.json': '{}',
      'state/extensions/': '',
      'dev/guard/openclaw.plugin.json': manifest('guard'),
      'dev/guard/index.js': "import 'dep'\nexport default 1",
      'dev/node_modules/dep/index.js': '',
    })
    symlinkSync(join(cwd, 'dev/guard'), join(cwd, 'state/extensions/guard'))
    expect(codeOf(await run(cwd, { preset: 'openclaw', state: 'state' }))).toBe('pass plugin-hooks/good')
    rmSync(join(cwd, 'dev/node_modules'), { recursive: true })
    expect(codeOf(await run(cwd, { preset: 'openclaw', state: 'state' }))).toBe('fail plugin-hooks/package-missing')
  })
})

describe("a plugin's manifest", () => {
  it.each([
    ['is missing', without(plugin('guard'), 'openclaw.plugin.json'), 'manifest-missing', 'has no openclaw.plugin.json'],
    [
      'cannot be parsed',
      plugin('guard', { 'openclaw.plugin.json': '{\n"id": }' }),
      'manifest-broken',
      'openclaw.plugin.json:2 cannot be parsed',
    ],
    [
      'lacks its id',
      plugin('guard', { 'openclaw.plugin.json': '{"configSchema": {}}' }),
      'manifest-invalid',
      'lacks "id"',
    ],
    [
      'lacks its schema',
      plugin('guard', { 'openclaw.plugin.json': '{"id": "guard"}' }),
      'manifest-invalid',
      'lacks "configSchema"',
    ],
    ['is no object', plugin('guard', { 'openclaw.plugin.json': '[]' }), 'manifest-invalid', ''],
    [
      'stands beside a broken package.json',
      plugin('guard', { 'package.json': '{"name": "x",}' }),
      'manifest-broken',
      'package.json:1 cannot be parsed',
    ],
    [
      'names lists of unequal length',
      plugin('guard', {
        'package.json': pack('./index.js', {
          openclaw: { extensions: ['./index.js'], runtimeExtensions: ['./a.js', './b.js'] },
        }),
      }),
      'manifest-invalid',
      '2 runtimeExtensions for 1 extensions',
    ],
    [
      'names an empty list',
      plugin('guard', { 'package.json': pack('', { openclaw: { extensions: [] } }) }),
      'manifest-invalid',
      'empty list',
    ],
    [
      'names a built setup that is gone',
      plugin('guard', {
        'package.json': pack('', {
          openclaw: { extensions: ['./index.js'], setupEntry: './setup.ts', runtimeSetupEntry: './dist/setup.js' },
        }),
      }),
      'entry-missing',
      './dist/setup.js',
    ],
    [
      'stands alone',
      { 'state/extensions/guard/openclaw.plugin.json': manifest('guard') },
      'entry-missing',
      'nothing to load',
    ],
  ])('that %s fails', async (_, files, what, said) => {
    const verdict = trouble(await openclaw(files))
    expect(verdict.code).toBe(`plugin-hooks/${what}`)
    expect(verdict.observed).toContain(said)
  })

  it('may name skills: a missing folder is a warning', async () => {
    expect(
      codeOf(await openclaw(plugin('guard', { 'openclaw.plugin.json': manifest('guard', { skills: ['./skills'] }) }))),
    ).toBe('warn plugin-hooks/file-missing')
  })

  it('is not asked of bundles of which no code runs', async () => {
    expect(codeOf(await openclaw({ 'state/extensions/claude/.claude-plugin/plugin.json': '{"name": "c"}' }))).toBe(
      'pass plugin-hooks/good',
    )
    expect(codeOf(await openclaw({ 'state/extensions/claude/.claude-plugin/plugin.json': '{"name"' }))).toBe(
      'fail plugin-hooks/manifest-broken',
    )
  })

  it('may leave it to the host to load a string: that module must be there too', async () => {
    const files = plugin('guard', {
      'index.js': "export default define({ plugin: { specifier: './channel.js' } })\n",
      'channel.js': "import './deep.js'",
    })
    expect(trouble(await openclaw(files)).observed).toBe('channel.js:1 imports ./deep.js, which does not exist')
    expect(trouble(await openclaw(without(files, 'channel.js'))).observed).toBe(
      'index.js:1 names ./channel.js, which does not exist',
    )
  })
})

describe('hooks', () => {
  const whole = (name: string, metadata?: object): Files => ({
    [`state/hooks/${name}/HOOK.md`]: hook(name, metadata),
    [`state/hooks/${name}/handler.js`]: 'export default () => {}\n',
  })
  const config = (internal: object, more: object = {}) => ({
    'state/openclaw.json': JSON.stringify({ hooks: { internal }, ...more }),
  })

  it('the first handler counts', async () => {
    const files = {
      ...whole('greet'),
      'state/hooks/greet/handler.ts': "import './gone.ts'",
      ...config({ enabled: true }),
    }
    expect(trouble(await openclaw(files)).observed).toBe('handler.ts:1 imports ./gone.ts, which does not exist')
  })

  it.each([
    ['no front matter', '# Hook', 'manifest-broken', 'has no front matter'],
    ['front matter that is not closed', '---\nname: x\n', 'manifest-broken', 'never closed'],
    ['no YAML', '---\nname: [a\nmetadata: {}\n---\n', 'manifest-broken', 'no YAML'],
    ['no metadata', '---\nname: x\n---\n', 'manifest-invalid', 'lacks "metadata.openclaw"'],
    ['no events', hook('x', {}), 'manifest-invalid', 'lacks "events"'],
    ['an empty list of events', hook('x', { events: [] }), 'manifest-invalid', '"events"'],
  ])('with %s fail', async (_, text, what, said) => {
    const verdict = trouble(
      await openclaw({
        'state/hooks/x/HOOK.md': text,
        'state/hooks/x/handler.js': 'export default 1',
        ...config({ enabled: true }),
      }),
    )
    expect(verdict.code).toBe(`plugin-hooks/${what}`)
    expect(verdict.observed).toContain(said)
  })

  it('may write their metadata as YAML, as JSON with commas, or as a string', async () => {
    for (const metadata of [
      '\n  openclaw:\n    events:\n      - command:new\n',
      ' {"openclaw": {"events": ["command:new",],},}\n',
      ` '{"openclaw": {"events": ["command:new"]}}'\n`,
    ])
      expect(
        codeOf(
          await openclaw({
            ...whole('greet'),
            ...config({ enabled: true }),
            'state/hooks/greet/HOOK.md': `---\nname: greet\nhomepage: https://example.com/#x\nmetadata:${metadata}---\n`,
          }),
        ),
      ).toBe('pass plugin-hooks/good')
  })

  it('are switched by the config: broken and off is said', async () => {
    const broken = { 'state/hooks/greet/HOOK.md': hook('greet'), ...plugin('other') }
    expect(codeOf(await openclaw({ ...broken, ...config({ enabled: false }) }))).toBe('pass plugin-hooks/good')
    expect(
      codeOf(await openclaw({ ...broken, ...config({ enabled: true, entries: { greet: { enabled: false } } }) })),
    ).toBe('pass plugin-hooks/good')
    expect(codeOf(await openclaw({ ...broken, ...config({ entries: { greet: {} } }) }))).toBe(
      'fail plugin-hooks/handler-missing',
    )
    expect(codeOf(await openclaw({ ...broken, ...config({ entries: { 'boot-md': {} } }) }))).toBe(
      'warn plugin-hooks/inactive',
    )
    expect(codeOf(await openclaw(broken))).toBe('warn plugin-hooks/inactive')
  })

  it('that the config names and nobody has are told', async () => {
    expect(
      codeOf(
        await openclaw({
          ...whole('greet'),
          ...config({ entries: { greet: {}, gone: {}, 'session-memory': { enabled: true } } }),
        }),
      ),
    ).toBe('warn plugin-hooks/not-installed')
  })

  it('in a workspace need a word of consent', async () => {
    const files = { 'w/hooks/greet/HOOK.md': hook('greet'), ...plugin('other') }
    const agents = { defaults: { workspace: '../w' } }
    expect(codeOf(await openclaw({ ...files, ...config({ enabled: true }, { agents }) }))).toBe(
      'warn plugin-hooks/inactive',
    )
    expect(codeOf(await openclaw({ ...files, ...config({ entries: { greet: { enabled: true } } }, { agents }) }))).toBe(
      'fail plugin-hooks/handler-missing',
    )
  })

  it('come in packs and from further folders', async () => {
    const files = {
      'more/package.json': '{"name": "pack", "openclaw": {"hooks": ["./a", "./b"]}}',
      'more/a/HOOK.md': hook('a'),
      'more/a/index.js': 'export default () => {}',
      'more/c/HOOK.md': hook('c'),
    }
    const on = config({ load: { extraDirs: ['../more'] } })
    expect(messages(await openclaw({ ...files, ...on }))).toEqual([
      'more/package.json: b: names the hook b, which has no HOOK.md',
    ])
    expect(
      codeOf(await openclaw({ ...files, ...on, 'more/b/HOOK.md': hook('b'), 'more/b/handler.js': 'export default 1' })),
    ).toBe('pass plugin-hooks/good')
    expect(codeOf(await openclaw(config({ load: { extraDirs: ['../gone'] } })))).toBe('fail plugin-hooks/path-missing')
  })

  it('that require what is not there are told when they are wanted', async () => {
    const needs = (requires: object) => ({ ...whole('greet', { events: ['x'], requires }), ...plugin('other') })
    const named = config({ entries: { greet: { env: { GIVEN: '1' } } } }, { tools: { web: true } })
    expect(
      codeOf(
        await openclaw({
          ...needs({
            bins: ['sh'],
            anyBins: ['sh', 'no-such'],
            env: ['GIVEN'],
            config: ['tools.web', 'workspace.dir'],
          }),
          ...named,
        }),
      ),
    ).toBe('pass plugin-hooks/good')
    const lacking = trouble(
      await openclaw({ ...needs({ bins: ['no-such-program'], env: ['NOT_GIVEN'], config: ['tools.none'] }), ...named }),
    )
    expect(lacking).toMatchObject({ status: 'warn', code: 'plugin-hooks/requirement-missing' })
    expect(lacking.observed).toContain(
      'requires the program no-such-program, the variable NOT_GIVEN, the setting tools.none',
    )
    expect(codeOf(await openclaw({ ...needs({ bins: ['no-such-program'] }), ...config({ enabled: true }) }))).toBe(
      'pass plugin-hooks/good',
    )
    expect(
      codeOf(
        await openclaw({
          ...needs({ bins: ['no-such-program'] }),
          ...whole('greet', { events: ['x'], os: ['plan9'] }),
          ...named,
        }),
      ),
    ).toBe('pass plugin-hooks/good')
  })

  it('without a document are none', async () => {
    expect(
      codeOf(await openclaw({ 'state/hooks/greet/handler.js': '', ...plugin('other'), ...config({ enabled: true }) })),
    ).toBe('warn plugin-hooks/manifest-missing')
    expect(
      codeOf(await openclaw({ 'state/hooks/lib/util.js': '', ...plugin('other'), ...config({ enabled: true }) })),
    ).toBe('pass plugin-hooks/good')
  })

  it('are loaded by Node itself: a type that is only imported must not be a file that is gone', async () => {
    const handler = (code: string) =>
      openclaw({
        ...whole('greet'),
        ...config({ enabled: true }),
        'state/hooks/greet/handler.ts': code,
        'state/hooks/greet/util.ts': 'export const util = 1',
      })
    expect(codeOf(await handler("import { util } from './util.ts'\nexport default () => util"))).toBe(
      'pass plugin-hooks/good',
    )
    expect(codeOf(await handler("import { util } from './util'\nexport default () => util"))).toBe(
      'warn plugin-hooks/optional-missing',
    )
    expect(codeOf(await handler("import { Gone } from './gone.ts'\nexport default (x: Gone) => x"))).toBe(
      'warn plugin-hooks/optional-missing',
    )
    expect(codeOf(await handler("import type { Gone } from './gone.ts'\nexport default (x: Gone) => x"))).toBe(
      'pass plugin-hooks/good',
    )
  })
})

describe('imports that may be missing', () => {
  const importing = (code: string, more: object = {}) =>
    openclaw(plugin('guard', { 'index.js': code, 'package.json': pack('./index.js', more) }))

  it.each([
    ['guarded, a file', "try { require('./gone.js') } catch {}", {}, 'warn plugin-hooks/optional-missing'],
    [
      'guarded, a package that is promised',
      "try { require('gone') } catch {}",
      { dependencies: { gone: '1' } },
      'warn plugin-hooks/optional-missing',
    ],
    ['guarded, a package that nobody promised', "try { require('gone') } catch {}", {}, 'pass plugin-hooks/good'],
    ['try without a catch', "try { require('./gone.js') } finally {}", {}, 'fail plugin-hooks/import-missing'],
    ['in the catch itself', "try { 1 } catch { require('./gone.js') }", {}, 'fail plugin-hooks/import-missing'],
    [
      'a promise with a catch',
      "import('./gone.js').then(x => x).catch(() => {})",
      {},
      'warn plugin-hooks/optional-missing',
    ],
    [
      'late, a package that nobody promised',
      "export default () => import('gone')",
      {},
      'warn plugin-hooks/optional-missing',
    ],
    [
      'late, a package that is promised',
      "export default () => import('gone')",
      { peerDependencies: { gone: '1' } },
      'fail plugin-hooks/package-missing',
    ],
    ['late, a chunk', "export default () => import('./chunk-1a2b.js')", {}, 'fail plugin-hooks/import-missing'],
    [
      'static and optional',
      "import 'gone'",
      { optionalDependencies: { gone: '1' } },
      'fail plugin-hooks/package-missing',
    ],
  ])('%s', async (_, code, more, expected) => {
    expect(codeOf(await importing(code, more))).toBe(expected)
  })

  it('of a hook without package.json warn even when guarded', async () => {
    const files = {
      'state/openclaw.json': ON,
      'state/hooks/g/HOOK.md': hook('g'),
      'state/hooks/g/handler.js': "let x\ntry { x = await import('left-pad') } catch {}\nexport default () => x\n",
    }
    expect(codeOf(await openclaw(files))).toBe('warn plugin-hooks/optional-missing')
  })

  it('reached through a comment only are nobody’s fault', async () => {
    const files = plugin('guard', {
      'index.js': "// import './old.js'\nimport './lib/a.js'\nexport default 1\n",
      'old.js': "import './gone.js'\n",
    })
    expect(codeOf(await openclaw(files))).toBe('pass plugin-hooks/good')
  })

  it('of a provided package count as there', async () => {
    expect(
      codeOf(await openclaw(plugin('guard', { 'index.js': "import '@acme/host/api'" }), { provided: ['@acme/*'] })),
    ).toBe('pass plugin-hooks/good')
    expect(
      codeOf(await openclaw(plugin('guard', { 'index.js': "import '@acme/host/api'" }), { provided: ['@acme/guest'] })),
    ).toBe('fail plugin-hooks/package-missing')
  })
})

describe('depth: exists', () => {
  it('asks for entries, and not for what they import', async () => {
    expect(await openclaw(without(plugin('guard'), 'lib/a.js'), { depth: 'exists' })).toMatchObject({
      status: 'pass',
      summary: '1 plugin exists',
    })
    expect(await openclaw(without(plugin('guard'), 'guard/index.js'), { depth: 'exists' })).toMatchObject({
      status: 'fail',
      summary: 'guard is not whole',
    })
  })
})

describe('what V8 refuses and a forgiving parser takes', () => {
  const one = (text: string, type = 'module') =>
    run(
      lay(scratch(), {
        'p/a/package.json': JSON.stringify({ name: 'a', type, main: 'index.js' }),
        'p/a/index.js': text,
        'p/a/b.js': '',
      }),
      { dirs: ['p/*'] },
    )

  it.each([
    'const a = 1\nconst a = 2\nexport default a\n',
    'export default () => 1\nexport { nobody }\nlet x = 1, x = 2\n',
    "import './b.js'\nexport default class { #a; #a }\n",
    'export default 1\nconst text = "\\u{110000}"\n',
  ])('%j', async text => {
    expect(await one(text)).toMatchObject({ status: 'fail', code: 'plugin-hooks/syntax' })
  })

  it.each([
    ['var a = 1\nvar a = 2\nmodule.exports = a\n', 'commonjs'],
    ['with ({}) {}\nmodule.exports = 010\n', 'commonjs'],
    ['if (!globalThis) return\nmodule.exports = new.target\n', 'commonjs'],
    ["import b from './b.js'\nexport { b as default }\nexport const c = await b\n", 'module'],
  ])('and not %j', async (text, type) => {
    expect(codeOf(await one(text, type))).toBe('pass plugin-hooks/good')
  })
})

describe('data that a module imports', () => {
  const one = (text: string, data: string) =>
    run(
      lay(scratch(), {
        'p/a/package.json': '{"name": "a", "type": "commonjs"}',
        'p/a/index.js': text,
        'p/a/d.json': data,
      }),
      { dirs: ['p/*'] },
    )

  it.each(["module.exports = require('./d.json')", "module.exports = require('./d')"])('%s', async text => {
    expect(codeOf(await one(text, '\ufeff{"a": [1]}'))).toBe('pass plugin-hooks/good')
    for (const data of ['{"a": [1', '', '{a: 1}'])
      expect(await one(text, data)).toMatchObject({
        status: 'fail',
        code: 'plugin-hooks/syntax',
        observed: expect.stringMatching(/^index\.js:1 requires .*, which is no JSON: /),
      })
    expect(await one(`try { ${text} } catch {}`, '{')).toMatchObject({ status: 'warn' })
  })
})

describe('the command to type for a package', () => {
  const one = (own: object, files: Files = {}) => {
    const cwd = lay(scratch(), {
      'p/a/package.json': JSON.stringify({ name: 'a', type: 'module', ...own }),
      'p/a/index.js': "import 'dep/x.js'\n",
      ...files,
    })
    return { cwd, ask: () => run(cwd, { dirs: ['p/*'] }).then(trouble) }
  }

  it('installs what its package.json names, as that names it', async () => {
    expect((await one({ dependencies: { dep: '^1.0.0' } }).ask()).next).toBe('npm install --prefix p/a')
    expect((await one({}).ask()).next).toBe('npm install dep --prefix p/a')
  })

  it('looks into one that is there and lacks what is asked of it', async () => {
    const exports = { '.': './x.js' }
    const { ask } = one({}, { 'p/a/node_modules/dep/package.json': JSON.stringify({ name: 'dep', exports }) })
    expect((await ask()).next).toBe('ls -la p/a/node_modules/dep')
  })

  it("looks at a link to nothing: the name may be somebody else's in a registry", async () => {
    const { cwd, ask } = one({})
    mkdirSync(join(cwd, 'p/a/node_modules'))
    symlinkSync('../../gone', join(cwd, 'p/a/node_modules/dep'))
    const verdict = await ask()
    expect(verdict.observed).toContain('a link to nothing')
    expect(verdict.next).toBe('ls -la p/a/node_modules')
  })
})

describe('without a preset', () => {
  const at = (files: Files) => lay(scratch(), files)

  it('dirs: folders by package.json, index or HOOK.md, or the files themselves', async () => {
    const cwd = at({
      'plugins/a/package.json': '{"name": "a", "exports": {"import": "./a.mjs", "require": "./a.cjs"}}',
      'plugins/a/a.mjs': "import './both.js'",
      'plugins/a/a.cjs': "require('./both')",
      'plugins/a/both.js': '',
      'plugins/b/index.cjs': "require('./lib')",
      'plugins/b/lib/index.js': '',
      'plugins/.cache/x.txt': '',
      'plugins/c/HOOK.md': '---\nname: c\n---\n',
      'plugins/c/handler.mjs': 'export default 1',
      'files/x.mjs': 'export default 1',
    })
    expect(await run(cwd, { dirs: ['plugins/*', 'files/*.mjs'] })).toMatchObject({
      status: 'pass',
      facts: { plugins: 3, hooks: 1, modules: 7 },
      watched: ['plugin x.mjs', 'plugin a', 'plugin b', 'hook c', 'plugins/*', 'files/*.mjs'],
    })
    rmSync(join(cwd, 'plugins/b/lib/index.js'))
    rmSync(join(cwd, 'plugins/a/a.cjs'))
    const verdict = await run(cwd, { dirs: ['plugins/*'] })
    expect(messages(verdict)).toEqual([expect.stringContaining('requires ./lib, which does not exist')])
  })

  it('dirs: nothing is not a pass', async () => {
    const cwd = at({ 'plugins/': '', 'broken/a/package.json': '{"main": "x.js"}', 'odd/a/notes.txt': '' })
    expect(codeOf(await run(cwd, { dirs: ['plugins/*'] }))).toBe('fail plugin-hooks/nothing-here')
    expect(codeOf(await run(cwd, { dirs: ['plugins/*'], min: 0 }))).toBe('pass plugin-hooks/good')
    expect(codeOf(await run(cwd, { dirs: ['gone/*'], min: 0 }))).toBe('fail plugin-hooks/nothing-here')
    expect(codeOf(await run(cwd, { dirs: ['gone'] }))).toBe('fail plugin-hooks/nothing-here')
    expect(codeOf(await run(cwd, { dirs: ['broken/*'] }))).toBe('fail plugin-hooks/entry-missing')
    expect(codeOf(await run(cwd, { dirs: ['odd/*'] }))).toBe('fail plugin-hooks/nothing-here')
    expect(codeOf(await run(cwd, { dirs: ['!plugins/*'] }))).toMatch(/^fail /)
  })

  it('dirs: a link that is not entered is said', async () => {
    const cwd = at({ 'plugins/a/index.js': '', 'plugins/b/index.js': '0', 'dev/c/index.js': '0' })
    rmSync(join(cwd, 'plugins/a'), { recursive: true })
    symlinkSync(join(cwd, 'dev/c'), join(cwd, 'plugins/c'))
    expect(codeOf(await run(cwd, { dirs: ['plugins/*'] }))).toBe('warn plugin-hooks/unproved')
    expect(codeOf(await run(cwd, { dirs: ['plugins/b', 'plugins/c'] }))).toBe('pass plugin-hooks/good')
  })

  it('from: paths in JSON, JSON5 and YAML, relative to their file', async () => {
    const cwd = at({
      'conf/gateway.json5': "{plugins: ['../p/one.js', {path: '../p/two'}], named: {a: 'dep'},}",
      'conf/more.yaml': 'hooks:\n  start: ../p/three.sh\n',
      'p/one.js': 'require("./sub")',
      'p/sub.json': '{}',
      'p/two/index.js': '',
      'p/two/package.json': '{}',
      'p/three.sh': '#!/bin/sh\n',
      'conf/node_modules/dep/index.js': '0',
    })
    const good = {
      from: [
        { file: 'conf/gateway.json5', pointer: '/plugins/0' },
        { file: 'conf/gateway.json5', pointer: '/named/*' },
        { file: 'conf/more.yaml', pointer: '/hooks/*' },
      ],
    }
    expect(await run(cwd, good)).toMatchObject({ status: 'pass', facts: { plugins: 3 } })
    const verdict = await run(cwd, {
      from: [
        { file: 'conf/gateway.json5', pointer: '/plugins/*' },
        { file: 'conf/gateway.json5', pointer: '/gone/*' },
        { file: 'conf/none.json', pointer: '' },
      ],
    })
    expect(messages(verdict)).toEqual([
      'conf/none.json: does not exist',
      'conf/gateway.json5:1 holds no path at /plugins/1: {"path":"../p/two"}',
      'conf/gateway.json5: has nothing at /gone/*',
    ])
    rmSync(join(cwd, 'p/sub.json'))
    expect(codeOf(await run(cwd, good))).toBe('fail plugin-hooks/import-missing')
  })

  it('from: a path that is gone, and a file that cannot be parsed', async () => {
    const cwd = at({ 'a.json': '{\n  "hooks": ["./x.js"]\n}', 'b.json': '{"hooks": [' })
    expect(trouble(await run(cwd, { from: [{ file: 'a.json', pointer: '/hooks/*' }] }))).toMatchObject({
      code: 'plugin-hooks/path-missing',
      observed: 'a.json:2 names ./x.js, which does not exist',
    })
    expect(trouble(await run(cwd, { from: [{ file: 'b.json', pointer: '/hooks/*' }] }))).toMatchObject({
      code: 'plugin-hooks/config-broken',
    })
  })

  it('with a preset, dirs are read as its plugins and hooks', async () => {
    const files = {
      'p/a/openclaw.plugin.json': manifest('a'),
      'p/a/package.json': pack('./index.ts', {
        openclaw: { extensions: ['./index.ts'], runtimeExtensions: ['./dist/i.js'] },
      }),
      'p/a/dist/i.js': "import 'openclaw'",
      'p/h/HOOK.md': hook('h'),
      'p/h/handler.js': 'export default () => {}',
    }
    expect(await openclaw(files, { dirs: ['p/*'] })).toMatchObject({ status: 'pass', facts: { plugins: 1, hooks: 1 } })
  })

  it('what a preset has found is not counted twice', async () => {
    expect(await openclaw(plugin('guard'), { dirs: ['state/extensions/*'] })).toMatchObject({
      status: 'pass',
      facts: { plugins: 1 },
    })
  })

  it('what this user may not read is a failure', () => {
    const cwd = at({ 'plugins/a/index.js': "import './b.js'", 'plugins/a/b.js': '', 'plugins/c/index.js': '0' })
    chmodSync(cwd, 0o755)
    chmodSync(join(cwd, 'plugins/a/b.js'), 0o600)
    chmodSync(join(cwd, 'plugins/c'), 0o700)
    if (process.getuid?.() !== 0) {
      chmodSync(join(cwd, 'plugins/a/b.js'), 0)
      chmodSync(join(cwd, 'plugins/c'), 0)
    }
    const verdict = asNobody(`
      const { pluginHooks } = await load('checks/plugin-hooks.ts')
      return pluginHooks.run({ depth: 'imports', settle: '2s', min: 1, dirs: ['plugins/*'] }, context(${JSON.stringify(cwd)}))`) as Verdict
    chmodSync(join(cwd, 'plugins/c'), 0o700)
    expect(trouble(verdict)).toMatchObject({ status: 'fail', code: 'plugin-hooks/unreadable' })
    expect(messages(verdict).join('\n')).toMatch(/b\.js: .*may not be read by this user/)
    expect(messages(verdict)).toHaveLength(2)
  })
})

describe('text from outside', () => {
  it('is masked before it is cut', async () => {
    const secret = `s3cret-${'x'.repeat(200)}`
    const verdict = await openclaw(
      plugin('guard', { 'index.js': `import './${secret}.js'` }),
      {},
      { mask: text => text.replaceAll(secret, '***') },
    )
    expect(JSON.stringify(trouble(verdict).observed)).not.toContain('s3cret')
    expect(trouble(verdict).observed).toContain('./***.js')
  })
})

describe('a large tree', () => {
  const chain = (count: number): Files =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `p/a/${i === 0 ? 'index' : `m${i}`}.mjs`,
        `${i + 1 < count ? `import './m${i + 1}.mjs'` : ''}\n${'// filler\n'.repeat(500)}`,
      ]),
    )

  it('with circles ends', async () => {
    const cwd = lay(scratch(), {
      'p/a/index.mjs': "import './b.mjs'",
      'p/a/b.mjs': "import './index.mjs'\nimport './b.mjs'",
    })
    expect(await run(cwd, { dirs: ['p/*'] })).toMatchObject({ status: 'pass', facts: { modules: 2 } })
  })

  it('beyond the bounds is a warning, never a silent pass', async () => {
    const before = { ...LIMITS }
    onTestFinished(() => void Object.assign(LIMITS, before))
    const cwd = lay(scratch(), chain(30))
    expect(await run(cwd, { dirs: ['p/*'] })).toMatchObject({ status: 'pass', facts: { modules: 30 } })
    for (const bound of [{ files: 20 }, { totalBytes: 50_000 }, { fileBytes: 1000 }]) {
      Object.assign(LIMITS, before, bound)
      expect(await run(cwd, { dirs: ['p/*'] })).toMatchObject({ status: 'warn', code: 'plugin-hooks/unproved' })
    }
  })

  it('gives way to the deadline', async () => {
    const cwd = lay(scratch(), chain(3000))
    await expect(run(cwd, { dirs: ['p/*'] }, { signal: AbortSignal.timeout(30) })).rejects.toThrow()
  })

  it('is read once, however many plugins share it', async () => {
    const cwd = lay(scratch(), {
      'p/a/index.mjs': "import '../../common/x.mjs'",
      'p/b/index.mjs': "import '../../common/x.mjs'",
      'common/x.mjs': "import './gone.mjs'",
    })
    const verdict = await run(cwd, { dirs: ['p/*'] })
    expect(messages(verdict)).toEqual([
      'common/x.mjs:1 a: imports ./gone.mjs, which does not exist',
      'common/x.mjs:1 b: imports ./gone.mjs, which does not exist',
    ])
  })
})
