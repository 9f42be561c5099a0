/** The docs are promises: what is generated is compared, what is shown is run. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import fastGlob from 'fast-glob'
import { afterEach, describe, expect, it } from 'vitest'
import type { Check, Example } from '../core/check.ts'
import { exampleManifest, RUN_CODES } from '../core/docs.ts'
import { localStore } from '../core/local-store.ts'
import { ERRORS } from '../core/manifest/errors.ts'
import { kinds, parseManifest, runManifest } from '../index.ts'
import { generated } from '../scripts/generated.ts'
import { bootcheck, cleanEnv, lay, ROOT, reportOf } from './support/bin.ts'
import { scratch } from './support/context.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const checks: readonly Check[] = await Promise.all(Object.values(kinds).map(load => load()))

describe('generated files', () => {
  it('are what the code says (npm run generate rewrites them)', async () => {
    for (const [path, text] of Object.entries(await generated())) expect(read(path), path).toBe(text)
  })
})

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

describe.each(checks.map(check => [check.kind, check] as const))('the examples of %s', (_, check) => {
  it.each(check.examples.map(example => [example.title, example as Example] as const))('%s', async (_, example) => {
    const cwd = scratch()
    lay(cwd, { ...example.files, 'BOOT.md': exampleManifest(check, example) })
    const store = localStore({ dir: join(cwd, '.state'), now: Date.now })
    for (const [target, events] of Object.entries(example.remembered ?? {}))
      for (const event of events) store.append(target, event)
    for (const { port, status, body } of example.servers ?? []) {
      const server = createServer((request, response) => {
        request.resume()
        response.writeHead(status, { 'content-type': 'application/json' }).end(body)
      })
      servers.push(server)
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, '127.0.0.1', resolve)
      })
    }
    const { plan, errors } = await parseManifest(manifestIn(cwd), { file: join(cwd, 'BOOT.md') })
    expect(errors).toEqual([])
    if (!plan) throw new Error('no plan')
    const { env, ...world } = (await import('../core/world.ts')).world()
    const report = await runManifest(plan, {
      phase: 'all',
      stateDir: join(cwd, '.state'),
      world: { ...world, cwd, home: cwd, env: { PATH: env.PATH, HOME: cwd, ...example.env } },
    })
    const result = report.checks.at(-1)
    const { status, code } = example.expect
    expect(result, JSON.stringify(result, null, 1)).toMatchObject(code === undefined ? { status } : { status, code })
    expect(Object.keys(check.codes).map(what => `${check.kind}/${what}`)).toContain(result?.code)
  })
})

const manifestIn = (cwd: string): string => readFileSync(join(cwd, 'BOOT.md'), 'utf8')

describe('every kind', () => {
  it.each(checks.map(check => [check.kind, check] as const))(
    '%s shows a pass and a failure, and tells what it cannot see',
    (_, check) => {
      const shown = check.examples.map(example => example.expect.status)
      expect(shown).toContain('pass')
      expect(shown).toContain('fail')
      expect(check.docs).toMatch(/\*\*Why it matters\.?\*\*/)
      expect(check.docs).toMatch(/\*\*What it cannot see\.?\*\*/)
      for (const [key, schema] of Object.entries(check.options.properties)) expect(schema.description, key).toBeTruthy()
    },
  )
})

/** The nth fenced block of a language. */
const block = (text: string, language: string, at = 0): string => {
  const found = [...text.matchAll(new RegExp(`^\`\`\`${language}[ \\t]*\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))][at]?.[1]
  if (found === undefined) throw new Error(`no block ${at} of ${language}`)
  return found
}

describe('README.md', () => {
  const readme = read('README.md')

  it('leads with a picture that is there, made of text', () => {
    const picture = /!\[[^\]]+\]\((docs\/[^)]+\.svg)\)/.exec(readme)?.[1] ?? ''
    expect(readme.indexOf('![')).toBeLessThan(20)
    expect(read(picture)).toContain('bootcheck explain')
  })

  it('has the two commands as its first two sh blocks, one line each', () => {
    expect(block(readme, 'sh', 0).trim()).toBe('npm ci && npm run build && npm run example')
    expect(block(readme, 'sh', 1).trim()).toBe('npm ci && npm test')
    const { scripts } = JSON.parse(read('package.json'))
    for (const name of ['build', 'example', 'test']) expect(scripts).toHaveProperty(name)
  })

  it('shows a manifest that parses', async () => {
    const shown = /^````md\n([\s\S]*?)^````$/m.exec(readme)?.[1] ?? ''
    const { plan, errors } = await parseManifest(shown, { file: 'BOOT.md' })
    expect(errors).toEqual([])
    expect(plan?.checks.map(check => check.kind)).toEqual(['port'])
  })

  it('links to what is there', () => {
    for (const file of fastGlob.sync(['README.md', 'docs/**/*.md', 'CHANGELOG.md'], { cwd: ROOT }))
      for (const [, target = ''] of read(file).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
        expect(existsSync(join(ROOT, file, '..', target)), `${file}: ${target}`).toBe(true)
  })
})

describe('the manifests to copy', () => {
  const ports = (offset: number) => {
    const base = 21_000 + (process.pid % 8000) + offset
    return { EXAMPLE_PORT: String(base), EXAMPLE_RECEIVER_PORT: String(base + 10_000) }
  }

  /** The example in a folder of its own, so that several tests can run it. */
  const copy = (): string => {
    const cwd = scratch()
    cpSync(join(ROOT, 'example'), join(cwd, 'example'), { recursive: true })
    writeFileSync(join(cwd, 'BOOT.example.md'), read('BOOT.example.md'))
    return cwd
  }

  it.each(['BOOT.example.md', 'docs/openclaw/BOOT.md'])('%s lints clean', async file => {
    const { errors, warnings } = await parseManifest(read(file), { mode: 'lint' })
    expect({ errors, warnings }).toEqual({ errors: [], warnings: [] })
  })

  it('is ready as it stands; alone, its receiver is a warning', async () => {
    const ended = await bootcheck(['run', 'BOOT.example.md', '--format', 'json'], { cwd: copy(), env: ports(0) })
    const report = reportOf(ended)
    expect(report.checks.filter(check => check.effect !== 'none').map(check => [check.id, check.effect])).toEqual([
      ['service', 'warning'],
      ['receiver', 'warning'],
    ])
    expect(ended.code).toBe(0)
  })

  it('is all green with its receiver, also the second time', async () => {
    const cwd = copy()
    const env = ports(20)
    for (let round = 0; round < 2; round++) {
      const out = execFileSync(
        process.execPath,
        [
          'example/receiver.mjs',
          process.execPath,
          join(ROOT, 'dist/cli/bin.cjs'),
          'run',
          'BOOT.example.md',
          '--strict',
          '--format',
          'json',
        ],
        {
          cwd,
          env: cleanEnv(cwd, env),
          encoding: 'utf8',
        },
      )
      const report = JSON.parse(out)
      expect(report).toMatchObject({ ready: true, exitCode: 0, counts: { pass: report.checks.length } })
      expect(report.checks.length).toBeGreaterThan(15)
    }
  })
})

describe('docs/library.md', () => {
  it.each([0, 1])('example %i runs', at => {
    const folder = scratch()
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(ROOT, join(folder, 'node_modules/bootcheck'))
    writeFileSync(join(folder, 'example.mjs'), block(read('docs/library.md'), 'js', at))
    const out = execFileSync(process.execPath, ['example.mjs'], {
      cwd: folder,
      env: cleanEnv(folder),
      encoding: 'utf8',
    })
    expect(out).toMatch(at === 0 ? /^pass\there\t[\s\S]*\nready: 1 passed/ : /^it is \d{4}\n$/)
  })
})

describe('codes', () => {
  it('that the code can say are all explained', () => {
    const files = fastGlob.sync(['index.ts', '{core,cli,checks}/**/*.ts'], { cwd: ROOT })
    const said = new Set(
      files.flatMap(file => [...read(file).matchAll(/'(E\d{3}|run\/[a-z-]+)'/g)].map(match => match[1] as string)),
    )
    const unexplained = [...said].filter(code => !ERRORS[code] && !RUN_CODES[code])
    expect(unexplained).toEqual([])
  })
})
