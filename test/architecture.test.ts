/** Who may import whom: the arrows keep the core free of kinds, the kinds apart, and each package in its place. */
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import fastGlob from 'fast-glob'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const files = fastGlob.sync(['index.ts', '{cli,checks,core,guards,presets,schemas,supervise}/**/*.ts'], { cwd: root })

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

const imports = files.flatMap(from => {
  const text = readFileSync(join(root, from), 'utf8')
  const found: Import[] = []
  for (const match of text.matchAll(
    /^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm,
  )) {
    const name = match[2] ?? match[3] ?? match[4] ?? ''
    const to = name.startsWith('.') ? normalize(join(dirname(from), name)) : name
    found.push({ from, to, typeOnly: match[1] !== undefined })
  }
  return found
})

const area = (path: string): string => (path === 'index.ts' ? 'index' : (path.split('/')[0] ?? ''))
const local = imports.filter(({ to }) => /\.ts$/.test(to))
const kindOf = (path: string): string | undefined => /^(?:checks|guards)\/([a-z-]+)(?:\.ts|\/)/.exec(path)?.[1]

/** Lists the kinds, those in guards/ too. */
const REGISTRY = 'checks/index.ts'

/** What each area may import from, beside itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  schemas: [],
  core: ['schemas'],
  presets: ['core', 'schemas'],
  checks: ['core', 'schemas', 'presets'],
  guards: ['core', 'schemas'],
  // What acts on the guards' answers: takes permits, starts processes, tells people.
  supervise: ['core', 'guards', 'schemas'],
  // formatReport is part of the library, and reporters import only types and text helpers of the core.
  index: ['core', 'checks', 'cli'],
  cli: ['index', 'core', 'checks', 'supervise'],
}

describe('the arrows', () => {
  it('finds the files and their imports', () => {
    expect(files.length).toBeGreaterThan(30)
    expect(local.length).toBeGreaterThan(60)
  })

  it('point one way between the areas', () => {
    const wrong = local.filter(
      ({ from, to }) => area(from) !== area(to) && from !== REGISTRY && !ALLOWED[area(from)]?.includes(area(to)),
    )
    expect(wrong).toEqual([])
  })

  it('keep the kinds apart', () => {
    const wrong = local.filter(({ from, to }) => {
      const [a, b] = [kindOf(from), kindOf(to)]
      return from !== REGISTRY && a !== undefined && b !== undefined && a !== b
    })
    expect(wrong).toEqual([])
  })

  it('reach the kinds only through their list', () => {
    const wrong = local.filter(({ from, to }) => area(to) === 'checks' && area(from) !== 'checks' && to !== REGISTRY)
    expect(wrong).toEqual([])
  })

  it('give the library only the reporters of the command line', () => {
    const wrong = local.filter(
      ({ from, to }) => area(from) === 'index' && area(to) === 'cli' && to !== 'cli/reporters/index.ts',
    )
    expect(wrong).toEqual([])
  })

  it('let commands import the library, and each other nothing', () => {
    const wrong = local.filter(
      ({ from, to, typeOnly }) =>
        from.startsWith('cli/commands/') &&
        !typeOnly &&
        (to.startsWith('cli/commands/') || ['core', 'checks'].includes(area(to))),
    )
    expect(wrong).toEqual([])
  })

  it('let reporters import text helpers and types, nothing that decides', () => {
    const wrong = local.filter(
      ({ from, to, typeOnly }) =>
        from.startsWith('cli/reporters/') && !typeOnly && area(to) !== 'cli' && to !== 'core/text.ts',
    )
    expect(wrong).toEqual([])
  })
})

describe('packages', () => {
  it('are imported in one file each', () => {
    const places = new Map<string, Set<string>>()
    for (const { from, to } of imports) {
      if (to.startsWith('node:') || builtinModules.includes(to) || /\.(ts|json)$/.test(to)) continue
      const name = to
        .split('/')
        .slice(0, to.startsWith('@') ? 2 : 1)
        .join('/')
      places.set(name, (places.get(name) ?? new Set()).add(from))
    }
    const several = [...places]
      .filter(([, from]) => from.size > 1)
      .map(([name, from]) => `${name}: ${[...from].join(', ')}`)
    // ajv's types name the validators that the build fills in.
    expect(several.filter(line => !line.startsWith('ajv:'))).toEqual([])
  })
})

describe('the world', () => {
  it('has one reader', () => {
    const readers = files.filter(file =>
      /process\.(env|cwd\(|on\()|homedir\(|userInfo\(/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(readers).toEqual(['cli/bin.ts', 'core/world.ts'])
  })
})
