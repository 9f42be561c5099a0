/** The packed package in a project of somebody else's: as prestart, as library, on the oldest and on a newer Node. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { BIN, cleanEnv, lay, manifest, ROOT } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { NEWER_NODE } from '../support/nodes.ts'

const npm = (args: readonly string[], cwd: string, more: Record<string, string> = {}) =>
  spawnSync('npm', args, {
    cwd,
    encoding: 'utf8',
    env: {
      ...cleanEnv(cwd, more),
      npm_config_cache: join(cwd, '.npm'),
      npm_config_update_notifier: 'false',
      npm_config_offline: 'true',
    },
  })

/** A project with the packed package installed, whose `start` leaves a mark. */
const project = (): string => {
  const cwd = scratch()
  const packed = npm(['pack', ROOT, '--ignore-scripts', '--silent'], cwd)
  const tarball = packed.stdout.trim().split('\n').at(-1) ?? ''
  lay(cwd, {
    'package.json': JSON.stringify({
      name: 'gateway',
      private: true,
      scripts: { prestart: 'bootcheck run', start: 'node start.js' },
    }),
    'start.js': "require('node:fs').writeFileSync('started', '')",
  })
  const installed = npm(['install', '--no-audit', '--no-fund', `./${tarball}`], cwd)
  if (installed.status !== 0) throw new Error(installed.stderr)
  return cwd
}

describe('npm start in an empty project', () => {
  it('is kept from running by a closed gate, and let through by an open one', () => {
    const cwd = project()
    expect(readdirSync(join(cwd, 'node_modules')).filter(name => !name.startsWith('.'))).toEqual(['bootcheck'])
    lay(cwd, { 'BOOT.md': manifest('check: workspace\nid: workspace\npath: workspace') })

    const closed = npm(['start'], cwd)
    expect(closed.status, closed.stdout + closed.stderr).toBe(1)
    expect(closed.stdout).toContain('workspace')
    expect(existsSync(join(cwd, 'started'))).toBe(false)

    mkdirSync(join(cwd, 'workspace'))
    const open = npm(['start'], cwd)
    expect(open.status, open.stdout + open.stderr).toBe(0)
    expect(existsSync(join(cwd, 'started'))).toBe(true)
  })

  it('has the library, its types and its schemas', () => {
    const cwd = project()
    writeFileSync(join(cwd, 'use.mjs'), "import * as all from 'bootcheck'; console.log(Object.keys(all).join())")
    const out = execFileSync(process.execPath, ['use.mjs'], { cwd, encoding: 'utf8' })
    for (const name of ['parseManifest', 'runManifest', 'defineCheck', 'formatReport']) expect(out).toContain(name)
    const installed = join(cwd, 'node_modules/bootcheck')
    const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    expect(existsSync(join(installed, exports['.'].types))).toBe(true)
    expect(existsSync(join(installed, 'schemas/report.schema.json'))).toBe(true)
    expect(readFileSync(join(installed, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')).toContain('commonmark')
  })
})

describe.each([
  ['the Node that runs the tests', process.execPath],
  ['a newer Node', NEWER_NODE],
])('on %s', (_, node) => {
  let cwd = ''
  beforeAll(() => {
    cwd = join(ROOT, 'example')
  })
  const run = (args: readonly string[], more: Record<string, string> = {}) =>
    spawnSync(node, [BIN, ...args], { cwd, encoding: 'utf8', env: cleanEnv(scratch(), more) })

  it('says its version', () => {
    expect(run(['--version'])).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
  })

  it('runs the example', () => {
    const port = String(20_000 + (process.pid % 8000))
    const { status, stdout, stderr } = run(['run', join(ROOT, 'BOOT.example.md'), '--format', 'json'], {
      EXAMPLE_PORT: port,
      EXAMPLE_RECEIVER_PORT: '9',
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({
      ready: true,
      counts: { fail: 2, crash: 0, timeout: 0, blocked: 0, skip: 0 },
    })
    expect(status).toBe(0)
  })

  it('runs a check in a child', () => {
    const { stdout, stderr } = run([
      'check',
      'port',
      '--port',
      '9',
      '--host',
      'no-such-host.invalid',
      '--expect',
      'open',
      '--format',
      'json',
    ])
    expect(stderr).toBe('')
    expect(JSON.parse(stdout).checks[0].code).toBe('port/unresolvable')
  })
})

describe('what it must not look like success', () => {
  /** A copy of the program with something broken. */
  const copy = (change: (folder: string) => void): string => {
    const folder = scratch()
    execFileSync('cp', ['-r', join(ROOT, 'dist/cli'), folder])
    chmodSync(join(folder, 'cli'), 0o755)
    change(join(folder, 'cli'))
    return join(folder, 'cli/bin.cjs')
  }

  it('a missing chunk is 3, not 1', () => {
    const bin = copy(folder => execFileSync('rm', [join(folder, 'workspace.cjs')]))
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest('check: workspace\nid: w\npath: .') })
    const { status, stderr } = spawnSync(process.execPath, [bin, 'run'], { cwd, env: cleanEnv(cwd), encoding: 'utf8' })
    expect(status).toBe(3)
    expect(stderr).toContain('bootcheck broke')
  })

  it('output that does not arrive is 3 where it would have been 0, and stays 1', () => {
    const cwd = scratch()
    lay(cwd, {
      'ready.md': manifest('check: workspace\nid: w\npath: .'),
      'not.md': manifest('check: workspace\nid: w\npath: gone'),
    })
    const to = (file: string) =>
      spawnSync('sh', ['-c', `"$0" "$1" run ${file} > /dev/full`, process.execPath, BIN], {
        cwd,
        env: cleanEnv(cwd),
        encoding: 'utf8',
      })
    expect(to('./ready.md')).toMatchObject({ status: 3, stderr: expect.stringContaining('standard output') })
    expect(to('./not.md').status).toBe(1)
  })

  it('a report file that cannot be written is 3', () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest('check: workspace\nid: w\npath: .') })
    const { status, stderr } = spawnSync(process.execPath, [BIN, '--format', 'json=no/such/folder.json'], {
      cwd,
      env: cleanEnv(cwd),
      encoding: 'utf8',
    })
    expect(status).toBe(3)
    expect(stderr).toContain('no/such/folder.json')
  })
})
