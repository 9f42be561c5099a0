import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { newDisk } from '../../../checks/plugin-hooks/disk.ts'
import { resolveImport } from '../../../checks/plugin-hooks/resolve.ts'
import type { Form } from '../../../checks/plugin-hooks/sketch.ts'
import { scratch } from '../../support/context.ts'

const TREE: Readonly<Record<string, string>> = {
  'app/package.json': JSON.stringify({
    name: 'app',
    type: 'module',
    exports: { '.': './main.js', './own': './own.js' },
    imports: {
      '#one': './one.js',
      '#in/*': './in/*.js',
      '#dep': 'plain',
      '#cond': { require: './one.js', import: './own.js' },
      '#gone': './gone.js',
    },
  }),
  'app/main.js': '',
  'app/own.js': '',
  'app/one.js': '',
  'app/in/a.js': '',
  'app/in/package.json': '{"type": "module"}',
  'app/data.json': '{}',
  'app/folder/index.js': '',
  'app/mained/package.json': '{"main": "lib/start"}',
  'app/mained/lib/start.js': '',
  'app/node_modules/plain/index.js': '',
  'app/node_modules/plain/sub.js': '',
  'app/node_modules/plain/package.json': '{"name": "plain"}',
  'app/node_modules/mained/package.json': '{"main": "./lib"}',
  'app/node_modules/mained/lib/index.js': '',
  'app/node_modules/badmain/package.json': '{"main": "./gone.js"}',
  'app/node_modules/fallback/package.json': '{"main": "./gone.js"}',
  'app/node_modules/fallback/index.js': '',
  'app/node_modules/dual/package.json': JSON.stringify({
    exports: {
      '.': { import: './m.mjs', require: './c.cjs' },
      './only': { import: './m.mjs' },
      './pat/*': './p/*.js',
      './pat/private/*': null,
      './arr': ['./gone', './m.mjs'],
      './missing': './not-there.js',
      './deep': { node: { default: './m.mjs' } },
    },
  }),
  'app/node_modules/dual/m.mjs': '',
  'app/node_modules/dual/c.cjs': '',
  'app/node_modules/dual/p/x.js': '',
  'app/node_modules/dual/p/private/y.js': '',
  'app/node_modules/sugar/package.json': '{"exports": "./s.js"}',
  'app/node_modules/sugar/s.js': '',
  'app/node_modules/@scope/pkg/package.json': '{"exports": {".": {"default": "./i.js"}}}',
  'app/node_modules/@scope/pkg/i.js': '',
  'app/node_modules/single.js': '',
  'node_modules/above/index.js': '',
  'node_modules/plain/index.js': '',
}

const tree = (): string => {
  const root = scratch()
  for (const [path, text] of Object.entries(TREE)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const SPECIFIERS = [
  './one.js',
  './one',
  './folder',
  './folder/',
  './mained',
  './data.json',
  './data',
  './gone.js',
  '.',
  '..',
  '../app/one.js',
  './one.js?x#y',
  'plain',
  'plain/sub.js',
  'plain/sub',
  'plain/gone.js',
  'mained',
  'badmain',
  'fallback',
  'dual',
  'dual/only',
  'dual/pat/x',
  'dual/pat/gone',
  'dual/pat/private/y',
  'dual/missing',
  'dual/deep',
  'dual/none',
  'dual/package.json',
  'sugar',
  'sugar/s.js',
  '@scope/pkg',
  '@scope/none',
  '@scope',
  'single',
  'above',
  'none',
  'none/x',
  'app',
  'app/own',
  'app/none',
  '#one',
  '#in/a',
  '#in/none',
  '#dep',
  '#cond',
  '#gone',
  '#none',
  'fs',
  'node:fs',
  'fs/promises',
  'data:text/javascript,1',
]

/** What Node itself says, for each way of asking. */
const node = {
  require: (from: string, specifier: string): string | undefined => {
    try {
      return createRequire(from).resolve(specifier)
    } catch {
      return undefined
    }
  },
  import: async (from: string, specifiers: readonly string[]): Promise<Record<string, string>> => {
    const { spawnSync } = await import('node:child_process')
    const script = `
      import { existsSync, statSync } from 'node:fs'
      import { fileURLToPath } from 'node:url'
      const result = {}
      for (const specifier of ${JSON.stringify(specifiers)}) {
        try {
          const url = import.meta.resolve(specifier, ${JSON.stringify(pathToFileURL(from).href)})
          if (!url.startsWith('file:')) result[specifier] = url
          else { const path = fileURLToPath(url); if (statSync(path, { throwIfNoEntry: false })?.isFile()) result[specifier] = path }
        } catch {}
      }
      console.log(JSON.stringify(result))`
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--experimental-import-meta-resolve', '--input-type=module', '-e', script],
      { encoding: 'utf8' },
    )
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout) as Record<string, string>
  },
}

describe("the resolver agrees with Node's own", () => {
  const ours = (from: string, specifier: string, form: Form): string | undefined => {
    const found = resolveImport(newDisk(), specifier, from, form, 'node', {})
    return found.to === 'file' ? found.path : found.to === 'nothing' ? 'nothing' : undefined
  }
  const plain = (path: string | undefined) => (path === undefined ? undefined : path.startsWith('/') ? path : 'nothing')

  it('on require', () => {
    const from = join(tree(), 'app/main.js')
    const asked = SPECIFIERS.filter(specifier => !specifier.startsWith('data:') && !specifier.includes('?'))
    expect(Object.fromEntries(asked.map(one => [one, ours(from, one, 'require')]))).toEqual(
      Object.fromEntries(asked.map(one => [one, plain(node.require(from, one))])),
    )
  })

  it('on import', async () => {
    const from = join(tree(), 'app/main.js')
    const theirs = await node.import(from, SPECIFIERS)
    expect(Object.fromEntries(SPECIFIERS.map(one => [one, ours(from, one, 'import')]))).toEqual(
      Object.fromEntries(SPECIFIERS.map(one => [one, plain(theirs[one])])),
    )
  })
})

describe('beyond Node', () => {
  const wide = (root: string, specifier: string, form: Form = 'import') =>
    resolveImport(newDisk(), specifier, join(root, 'src/index.ts'), form, 'typescript', {})
  const lay = (...paths: string[]): string => {
    const root = scratch()
    for (const path of ['src/index.ts', ...paths]) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), '')
    }
    return root
  }

  it.each([
    ['./a', 'src/a.ts'],
    ['./a.js', 'src/a.ts'],
    ['./a.mjs', 'src/a.mts'],
    ['./a.jsx', 'src/a.tsx'],
    ['./a', 'src/a/index.ts'],
    ['./a', 'src/a.mjs'],
    ['dep/lib/a', 'node_modules/dep/lib/a.js'],
  ])('a TypeScript loader finds %s at %s', (specifier, path) => {
    const root = lay(path)
    expect(wide(root, specifier)).toEqual({ to: 'file', path: join(root, path) })
  })

  it('Node is said not to', () => {
    const root = lay('src/a.ts')
    expect(resolveImport(newDisk(), './a.js', join(root, 'src/index.ts'), 'import', 'node', {})).toEqual({
      to: 'inexact',
      path: join(root, 'src/a.ts'),
    })
  })

  it('NODE_PATH counts for require alone', () => {
    const root = lay('shared/dep/index.js')
    const from = join(root, 'src/index.ts')
    const env = { NODE_PATH: join(root, 'shared') }
    expect(resolveImport(newDisk(), 'dep', from, 'require', 'node', env)).toMatchObject({ to: 'file' })
    expect(resolveImport(newDisk(), 'dep', from, 'import', 'node', env)).toMatchObject({ to: 'missing-package' })
  })

  it('a package in a store of links finds its neighbours there', () => {
    const root = lay('store/a@1/node_modules/a/index.js', 'store/a@1/node_modules/b/index.js')
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(join(root, 'store/a@1/node_modules/a'), join(root, 'node_modules/a'))
    const disk = newDisk()
    const found = resolveImport(disk, 'a', join(root, 'src/index.ts'), 'import', 'node', {})
    expect(found).toMatchObject({ to: 'file' })
    if (found.to === 'file')
      expect(resolveImport(disk, 'b', disk.real(found.path), 'require', 'node', {})).toMatchObject({ to: 'file' })
  })
})
