/** The words of the command line, through the built program. */
import { chmodSync, chownSync, copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { FORMATS, kinds } from '../../index.ts'
import { bootcheck, lay, manifest, ROOT, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { lintFixtures } from '../support/lint-fixtures.ts'

const schema = JSON.parse(readFileSync(join(ROOT, 'schemas/report.schema.json'), 'utf8'))
const fits = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)

const fixtures = join(ROOT, 'test/fixtures/lint')

describe('lint', () => {
  it('shows every error of every fixture at its place, and exits 2', async () => {
    for (const [file, { code, at }] of Object.entries(lintFixtures)) {
      const { code: exit, stdout } = await bootcheck(['lint', file], { cwd: fixtures })
      expect(stdout, file).toContain(`${file}:${at}: error ${code} `)
      expect(exit, file).toBe(2)
    }
  })

  it('reads several at once, and each format tells of them', async () => {
    const cwd = scratch()
    lay(cwd, {
      'good.md': manifest('check: workspace\nid: w\npath: .'),
      'bad.md': manifest('check: workspce\nid: w\npath: .'),
    })
    for (const format of FORMATS) {
      const { code, stdout } = await bootcheck(['lint', 'good.md', 'bad.md', '--format', format], { cwd })
      expect(code, format).toBe(2)
      if (format !== 'prometheus') expect(stdout, format).toContain('E301')
      const clean = await bootcheck(['lint', 'good.md', '--format', format], { cwd })
      expect(clean.code, format).toBe(0)
      expect(clean.stdout, format).not.toMatch(/not ok|::error|<failure|CRITICAL|not ready/)
    }
    const { stdout } = await bootcheck(['lint', 'good.md', 'bad.md', '--format', 'json'], { cwd })
    expect(fits(JSON.parse(stdout)), JSON.stringify(fits.errors)).toBe(true)
  })

  it('mends with --fix what is safe, keeps the rest to the byte, and is content afterwards', async () => {
    const cwd = scratch()
    const before = manifest('check: workspace\nid: w\npath: .\nmode: 0755').replace('checks: 1', 'checks: 3')
    writeFileSync(join(cwd, 'BOOT.md'), before)
    const { code, stderr } = await bootcheck(['lint', '--fix'], { cwd })
    expect(stderr).toMatch(/^fixed BOOT\.md:/m)
    expect(code).toBe(0)
    expect(readFileSync(join(cwd, 'BOOT.md'), 'utf8')).toBe(
      before.replace('0755', '"0755"').replace('checks: 3', 'checks: 1'),
    )
    copyFileSync(join(fixtures, 'E301.md'), join(cwd, 'BOOT.md'))
    const left = readFileSync(join(cwd, 'BOOT.md'))
    expect((await bootcheck(['lint', '--fix'], { cwd })).code).toBe(2)
    expect(readFileSync(join(cwd, 'BOOT.md'))).toEqual(left)
  })
})

describe('lint --fix', () => {
  it('keeps the bytes of a file that is not UTF-8, and owner and mode of one that it mends', async () => {
    const cwd = scratch()
    const latin = Buffer.concat([
      Buffer.from('---\nbootcheck: 1\n---\n# caf'),
      Buffer.from([0xe9]),
      Buffer.from(manifest('check: workspace\nid: w\npath: .').slice(28)),
    ])
    writeFileSync(join(cwd, 'latin.md'), latin)
    expect((await bootcheck(['lint', '--fix', 'latin.md'], { cwd })).code).toBe(2)
    expect(readFileSync(join(cwd, 'latin.md'))).toEqual(latin)

    const path = join(cwd, 'BOOT.md')
    writeFileSync(path, manifest('check: workspace\nid: w\npath: .').replace('checks: 1', 'checks: 2'))
    chmodSync(path, 0o660)
    chownSync(path, 65534, 65534)
    expect((await bootcheck(['lint', '--fix'], { cwd })).code).toBe(0)
    expect(statSync(path)).toMatchObject({ uid: 65534, gid: 65534 })
    expect(statSync(path).mode & 0o777).toBe(0o660)
  })
})

describe('run', () => {
  it('does not write a report over the manifest', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest('check: workspace\nid: w\npath: .') })
    expect(await bootcheck(['run', '--format', 'json=./BOOT.md'], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('would overwrite the manifest'),
    })
    expect(readFileSync(join(cwd, 'BOOT.md'), 'utf8')).toContain('bootcheck: 1')
  })

  it('finds the manifest of the folder, and refuses to choose', async () => {
    const cwd = scratch()
    const text = manifest('check: workspace\nid: w\npath: .')
    expect(await bootcheck([], { cwd })).toMatchObject({ code: 2, stdout: expect.stringContaining('E109') })
    lay(cwd, { 'bootcheck.md': text })
    expect(await bootcheck([], { cwd })).toMatchObject({ code: 0, stdout: expect.stringContaining('pass\tw\t') })
    lay(cwd, { 'BOOT.md': '# What to do at every start\n\nSay hello to the channel.\n' })
    expect((await bootcheck([], { cwd })).code).toBe(0)
    lay(cwd, { 'BOOT.md': text })
    expect(await bootcheck([], { cwd })).toMatchObject({ code: 2, stdout: expect.stringContaining('E108') })
  })

  it('writes a report that fits the published schema, whatever happened', async () => {
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(
        'check: workspace\nid: w\npath: .',
        'check: workspace\nid: gone\npath: gone',
        'check: workspace\nid: later\npath: .\nneeds: [gone]',
      ),
      'bad.md': manifest('check: x\nid: w'),
    })
    for (const argv of [
      ['run'],
      ['run', 'bad.md'],
      ['run', '--only', 'nope'],
      ['run', '--dry-run'],
      ['run', '--dry-run', 'bad.md'],
      ['check', 'workspace', '--path', '.'],
    ]) {
      const report = reportOf(await bootcheck([...argv, '--format', 'json'], { cwd }))
      expect(fits(report), `${argv.join(' ')} ${JSON.stringify(fits.errors)}`).toBe(true)
    }
  })

  it.each(FORMATS)('ends alike in %s', async format => {
    const cwd = scratch()
    lay(cwd, {
      'ready.md': manifest('check: workspace\nid: w\npath: .'),
      'not.md': manifest('check: workspace\nid: w\npath: gone'),
      'bad.md': '---\nbootcheck: 1\n---\n',
    })
    for (const [file, expected] of [
      ['ready.md', 0],
      ['not.md', 1],
      ['bad.md', 2],
    ] as const) {
      const { code, stdout } = await bootcheck(['run', file, '--format', format], { cwd })
      expect(code).toBe(expected)
      expect(stdout.length).toBeGreaterThan(10)
      const written = await bootcheck(['run', file, '--quiet', '--format', `${format}=out`, '--format', 'pretty'], {
        cwd,
      })
      expect(written.code).toBe(expected)
      expect(existsSync(join(cwd, 'out'))).toBe(true)
    }
  })

  it('reads a manifest and its variables from a file system that is not known to be local', async () => {
    const cwd = scratch()
    lay(cwd, {
      'share/BOOT.md': manifest('check: workspace\nid: w\npath: ${env:PLACE}').replace(
        'checks: 1',
        'checks: 1\nenv-file: vars',
      ),
      'share/vars': 'PLACE=.\n',
    })
    // The mount table is what the program goes by; this one calls the folder a network's.
    const real = readFileSync('/proc/self/mountinfo', 'utf8')
    writeFileSync(join(cwd, 'table'), `${real}999 1 0:99 / ${cwd}/share rw - nfs4 server:/x rw\n`)
    const shim = join(cwd, 'shim.cjs')
    writeFileSync(
      shim,
      `const fs = require('node:fs'); const open = fs.openSync
       fs.openSync = (path, ...rest) => open(path === '/proc/self/mountinfo' ? ${JSON.stringify(join(cwd, 'table'))} : path, ...rest)`,
    )
    const { code, stdout, stderr } = await bootcheck(['run', 'share/BOOT.md'], {
      cwd,
      env: { NODE_OPTIONS: `--require ${shim}` },
    })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^pass\tw\t/m)
    expect(code).toBe(0)
  })
})

describe('check', () => {
  it.each([...FORMATS, 'live'])('judges one kind without a manifest, in %s', async format => {
    const cwd = scratch()
    expect((await bootcheck(['check', 'workspace', '--path', '.', '--format', format], { cwd })).code).toBe(0)
    expect((await bootcheck(['check', 'workspace', '--path', 'gone', '--format', format], { cwd })).code).toBe(1)
  })

  it.each([
    [['check', 'prot', '--port', '1'], 'unknown kind "prot"; did you mean "port"?'],
    [['check', 'port', '--prot', '1'], 'unknown option --prot; did you mean --port?'],
    [['check', 'port'], '--port or --socket is missing'],
    [['check', 'port', '--port', 'x'], 'port'],
    [['check', 'workspace', '--path', '.', '--mode', '9'], 'mode'],
    [['check', 'json', '--file', 'a', '--format', 'json5'], "a key of json's own that is called so is --json.format"],
    [['check', 'path', '--path', 'a', '--lacks', '["a", b]'], 'looks like a list in JSON'],
  ])('%j is wrong usage', async (argv, message) => {
    const { code, stdout, stderr } = await bootcheck(argv, { cwd: scratch() })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it('reads a list in JSON as a list, and its help says so', async () => {
    const cwd = scratch()
    lay(cwd, { 'pw.txt': 'password=1\n' })
    const ended = await bootcheck(['check', 'path', '--path', 'pw.txt', '--lacks', '["password"]'], { cwd })
    expect([ended.code, ended.stdout]).toEqual([1, expect.stringContaining('path/pattern-found')])
    expect((await bootcheck(['check', 'path', '--help'], { cwd })).stdout).toContain(`--lacks '["password", "secret"]'`)
  })

  it('takes a key that is also an option of ours by the kind’s name', async () => {
    const cwd = scratch()
    lay(cwd, { tab: '0 3 * * * /bin/true\n' })
    const { code, stdout } = await bootcheck(
      ['check', 'cron', '--files', 'tab', '--cron.format', 'crontab', '--format', 'json'],
      { cwd },
    )
    expect(JSON.parse(stdout).checks[0].summary).toContain('1 job')
    expect(code).toBe(0)
  })
})

describe('explain', () => {
  it('knows kinds, codes and the checks of the folder', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest('check: workspace\nid: my-place\npath: .') })
    for (const topic of [...Object.keys(kinds), 'E112', 'e112', 'port/held', 'run/timeout', 'my-place']) {
      const { code, stdout } = await bootcheck(['explain', topic], { cwd })
      expect(code, topic).toBe(0)
      expect(stdout.length, topic).toBeGreaterThan(40)
      expect(JSON.parse((await bootcheck(['explain', topic, '--format', 'json'], { cwd })).stdout), topic).toBeTypeOf(
        'object',
      )
    }
    expect(await bootcheck(['explain', 'port/hold'], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean "port/held"?'),
    })
  })

  it('gives schemas that accept the examples of the kinds', async () => {
    for (const load of Object.values(kinds)) {
      const { kind, examples } = await load()
      const { stdout } = await bootcheck(['explain', kind, '--schema'], { cwd: scratch() })
      const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(stdout))
      for (const { options, expect: wanted } of examples)
        if (!wanted.code?.endsWith('/options'))
          expect(valid({ check: kind, id: 'x', ...options }), `${kind} ${JSON.stringify(valid.errors)}`).toBe(true)
    }
  })
})
