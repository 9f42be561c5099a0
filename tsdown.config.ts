/** Two builds: the library as ESM with types, and the program as split CJS, which starts fastest (docs/decisions has the figures). */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import standalone from 'ajv/dist/standalone/index.js'
import { defineConfig, type UserConfig } from 'tsdown'
import { OWN_OPTIONS, stamp } from './schemas/compile.ts'
import { ownSchemas } from './scripts/own-schemas.ts'

/** A validator of each schema of ours as code, by the schema's stamp. */
const validators = async (): Promise<ReadonlyMap<string, string>> => {
  const sources = new Map<string, string>()
  for (const schema of await ownSchemas()) {
    const ajv = new Ajv2020({ ...OWN_OPTIONS, code: { source: true, esm: true } })
    sources.set(stamp(schema), standalone(ajv, ajv.compile(schema)))
  }
  return sources
}

/** Fills `schemas/compiled.ts`, so that a start does not load ajv: each validator is a chunk of its own. */
const precompiled = () => {
  const prefix = 'virtual:validator/'
  let made: Promise<ReadonlyMap<string, string>> | undefined
  const sources = () => {
    made ??= validators()
    return made
  }
  return {
    name: 'precompiled-validators',
    resolveId: (id: string) => (id.startsWith(prefix) ? `\0${id}.js` : null),
    async load(id: string) {
      if (id.startsWith(`\0${prefix}`)) return (await sources()).get(id.slice(prefix.length + 1, -3)) ?? null
      if (!id.endsWith('/schemas/compiled.ts')) return null
      const lines = [...(await sources()).keys()].map(key => `${JSON.stringify(key)}: () => import('${prefix}${key}')`)
      return { code: `export const compiled = {${lines.join(', ')}}`, moduleType: 'js' as const }
    },
  }
}

/**
 * Only the block structure of Markdown is wanted (`core/manifest/blocks.ts`). The tables of HTML entities, the encoding of
 * URLs and the renderers, three quarters of commonmark's code, serve what stands inside lines.
 */
const leanCommonmark = {
  name: 'lean-commonmark',
  resolveId: (id: string, importer: string | undefined) =>
    importer?.includes('/commonmark/lib/') && /^(entities|mdurl\/encode\.js|\.\/render\/\w+\.js)$/.test(id)
      ? '\0inline-only'
      : null,
  load: (id: string) =>
    id === '\0inline-only' ? 'export const decodeHTMLStrict = text => text; export default text => text' : null,
}

/** For Node, yaml ships CommonJS, which cannot be shaken; what it ships for browsers is the same as modules. */
const yamlModules = {
  name: 'yaml-modules',
  resolveId: (id: string) => (id === 'yaml' ? join(process.cwd(), 'node_modules/yaml/browser/dist/index.js') : null),
}

/** A chunk with one character beyond Latin-1 is kept and scanned as two bytes each: 5 % of a start. */
const asciiOnly = {
  name: 'ascii-only',
  generateBundle(_: unknown, bundle: Readonly<Record<string, { code?: string }>>) {
    for (const chunk of Object.values(bundle))
      if (chunk.code)
        chunk.code = chunk.code.replace(
          /[^\x00-\x7f]/g,
          char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
        )
  },
}

/** SQLite's code is looked for beside the chunk that loads it, and only the child process does. */
const sqliteWasm = {
  name: 'sqlite-wasm',
  writeBundle: ({ dir = 'dist/cli' }: { readonly dir?: string }) =>
    copyFileSync('node_modules/node-sqlite3-wasm/dist/node-sqlite3-wasm.wasm', join(dir, 'node-sqlite3-wasm.wasm')),
}

const bundled = new Set<string>()

/** The licences of the packages that stand in the bundles: they ask to be carried along. */
const licences = {
  name: 'licences',
  writeBundle(_: unknown, bundle: Readonly<Record<string, { readonly modules?: object }>>) {
    for (const { modules } of Object.values(bundle))
      for (const id of Object.keys(modules ?? {})) {
        const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]
        if (folder) bundled.add(folder)
      }
    const texts = [...bundled].sort().map(folder => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const file = readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry))
      const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `License: ${license}`
      return `${name} ${version}\n\n${text}\n`
    })
    writeFileSync('dist/THIRD-PARTY-LICENSES.txt', texts.join(`\n${'-'.repeat(80)}\n\n`))
  },
}

const plugins = [precompiled(), leanCommonmark, yamlModules, asciiOnly, licences]

const shared: UserConfig = {
  platform: 'node',
  target: 'node20.19',
  plugins,
  // Every byte is parsed at each start.
  minify: true,
  outDir: 'dist',
  checks: { pluginTimings: false },
  hash: false,
  report: false,
}

/** Files of core/ that only some kinds or commands load. */
const LATE: ReadonlySet<string> = new Set([
  'bounded',
  'connection-fault',
  'contradiction',
  'dns-servers',
  'docs',
  'explain',
  'find-command',
  'gateway-env',
  'groups',
  'guard',
  'head',
  'http',
  'http-words',
  'mode',
  'no-proxy',
  'outcome-words',
  'path-break',
  'permit',
  'plist',
  'plist-text',
  'process-list',
  'product-config',
  'product-env',
  'pointer',
  'remembered',
  'safe-regex',
  'schema',
  'service-file',
  'set-by-manager',
  'sleep',
  'smtp',
  'sourced',
  'sqlite-engine',
  'systemd-files',
  'systemd-unit',
  'toml-text',
  'tool',
  'verdict-of',
  'words',
])

const HOT =
  /^(?:package\.json|(?:index|checks\/index|schemas\/compiled?|cli\/(?:program|main|terminal|words|help|io|color|output|deliver|commands\/run|reporters\/(?:index|reporter|plain|wording)))\.ts)$/

/** What every run loads stands in one chunk: each costs half a millisecond of looking up and opening. */
const everyRun = (id: string): boolean => {
  if (/node_modules\/(?:yaml|commonmark)\/|inline-only|ucs2length/.test(id)) return true
  const path = relative(process.cwd(), id)
  const core = /^core\/(.*)\.ts$/.exec(path)?.[1]
  return HOT.test(path) || (core !== undefined && !LATE.has(core))
}

export default defineConfig([
  { ...shared, entry: { index: 'index.ts' }, format: 'esm', dts: true, clean: true },
  // Loads the other chunks itself, and answers --version without them.
  { ...shared, entry: { bin: 'cli/bin.ts' }, format: 'cjs', outDir: 'dist/cli', dts: false },
  {
    ...shared,
    plugins: [...plugins, sqliteWasm],
    entry: { program: 'cli/program.ts', child: 'cli/child.ts' },
    format: 'cjs',
    outDir: 'dist/cli',
    dts: false,
    inputOptions: { preserveEntrySignatures: 'allow-extension' },
    outputOptions: {
      codeSplitting: { groups: [{ name: 'program', test: everyRun }], includeDependenciesRecursively: false },
      // Code that comes from V8's cache has no import(): Node's callback for it is lost.
      dynamicImportInCjs: false,
    },
  },
])
