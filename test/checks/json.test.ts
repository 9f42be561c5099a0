import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatOf, parseDocument } from '../../checks/json/document.ts'
import { flawIn, spotsOf } from '../../checks/json/expect.ts'
import { json as kind } from '../../checks/json.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { completed, NOBODY, runInChild } from '../support/run-check.ts'

const run = async (cwd: string, options: object, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  kind.run((await completed(kind, options)) as never, context({ cwd, ...given }))

const codeOf = (verdict: Verdict): string => ('code' in verdict ? `${verdict.status} ${verdict.code}` : verdict.status)

const trouble = (verdict: Verdict) => {
  if (verdict.status !== 'fail') throw new Error(`no failure: ${JSON.stringify(verdict)}`)
  expect(verdict.next).toMatch(/\S/)
  expect(verdict.expected).toMatch(/\S/)
  return verdict
}

/** The places and codes of all findings of one text. */
const places = async (name: string, text: string | Buffer, options: object = {}): Promise<string[]> => {
  const cwd = scratch()
  writeFileSync(join(cwd, name), text)
  const verdict = await run(cwd, { file: name, ...options })
  return verdict.status === 'pass'
    ? ['pass']
    : (trouble(verdict).findings ?? []).map(
        ({ code, line, column }) => `${code?.slice(5)}${line === undefined ? '' : ` ${line}:${column}`}`,
      )
}

describe('the file', () => {
  test.each([
    ['missing', () => {}, 'missing-file'],
    ['below a file', (cwd: string) => lay(cwd, { a: '' }), 'missing-file', 'a/x.json'],
    ['a folder', (cwd: string) => mkdirSync(join(cwd, 'x.json')), 'unreadable'],
    ['a link to nothing', (cwd: string) => symlinkSync('gone', join(cwd, 'x.json')), 'missing-file'],
    ['a loop', (cwd: string) => symlinkSync('x.json', join(cwd, 'x.json')), 'unreadable'],
    ['a FIFO', (cwd: string) => void execFileSync('mkfifo', [join(cwd, 'x.json')]), 'unreadable'],
    ['17 MiB', (cwd: string) => writeFileSync(join(cwd, 'x.json'), Buffer.alloc(17 << 20, 32)), 'too-large'],
  ] as [string, (cwd: string) => void, string, string?][])('%s', async (_, make, what, file = 'x.json') => {
    const cwd = scratch()
    make(cwd)
    expect(codeOf(await run(cwd, { file }))).toBe(`fail json/${what}`)
    expect(codeOf(await run(cwd, { file, values: { '/a': { absent: true } } }))).toBe(`fail json/${what}`)
  })

  test('closed to this user', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    writeFileSync(join(cwd, 'x.json'), '{}', { mode: 0o600 })
    const options = await completed(kind, { file: 'x.json' })
    expect(codeOf(await runInChild({ kind: 'json', options, cwd }, { uid: NOBODY }))).toBe('fail json/unreadable')
  })

  test('its format goes by its name, or is said', async () => {
    expect(
      ['a.json', 'a.JSON5', 'a.jsonc', 'a.yml', 'a.yaml', 'a.toml', 'a.plist', 'a.conf', 'json'].map(formatOf),
    ).toEqual(['json', 'json5', 'json5', 'yaml', 'yaml', 'toml', 'plist', undefined, undefined])
    expect(await places('a.conf', '{}')).toEqual(['unknown-format'])
    expect(await places('a.conf', '{a: 1}', { format: 'json5' })).toEqual(['pass'])
    expect(await places('a.json', '{a: 1}', { format: 'yaml' })).toEqual(['pass'])
  })

  test('bytes that are no text', async () => {
    expect(await places('a.json', Buffer.from([0x22, 0xff, 0x22]))).toEqual(['encoding'])
    expect(await places('a.yaml', Buffer.from('a: 1', 'utf16le'))).toEqual(['encoding'])
    expect(await places('a.json', '\ufeff{}')).toEqual(['encoding'])
    expect(await places('a.json5', '\ufeff{}')).toEqual(['pass'])
  })

  test('the next command takes a byte order mark away', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'a.json'), '\ufeff{"a": 1}\n')
    execFileSync('sh', ['-c', trouble(await run(cwd, { file: 'a.json' })).next])
    expect(codeOf(await run(cwd, { file: 'a.json', required: ['/a'] }))).toBe('pass json/good')
  })

  test.each(['a.json', 'a.json5', 'a.yaml', 'a.toml'])('an empty %s is no settings', async name => {
    for (const text of ['', '\n \n']) expect(await places(name, text)).toEqual(['empty'])
  })

  test('nor are comments alone', async () => {
    expect(await places('a.yaml', '# port: 1\n---\n')).toEqual(['empty'])
    expect(await places('a.toml', '# port = 1\n')).toEqual(['empty'])
    expect(await places('a.json5', '// port\n')).not.toEqual(['pass'])
  })
})

describe('syntax', () => {
  test.each([
    ['a.json', '{"a": 1,\n "b": }', ['syntax 2:7']],
    ['a.json', '{"a": 1', ['syntax 1:8']],
    ['a.json', '{"a": 1} x', ['syntax 1:10']],
    ['a.json5', '{a: 1,\n b: }', ['syntax 2:5']],
    ['a.yaml', 'a: 1\nb: [1', ['syntax 2:6']],
    ['a.yaml', 'a: 1\n---\nb: 1\n', ['syntax 2:1']],
    ['a.yaml', 'a: *gone\n', ['syntax 1:1']],
    ['a.toml', 'a = 1\nb = \n', ['syntax 2:5']],
    ['a.json', '{"a": {"b": 1,\n "b": 2}, "a": 3}', ['repeated-key 2:2', 'repeated-key 2:11']],
    ['a.json5', "{a: 1, 'a': 2}", ['repeated-key 1:8']],
    ['a.yaml', 'a: 1\nb:\n  c: 1\n  c: 2\n', ['repeated-key 4:3']],
    ['a.toml', 'a = 1\na = 2\n', ['repeated-key 2:1']],
  ])('%s %j', async (name, text, expected) => {
    expect(await places(name, text)).toEqual(expected)
  })

  test('JSON5 where JSON should be says so', async () => {
    const cwd = scratch()
    lay(cwd, { 'a.json': '{a: 1} // x\n' })
    expect(trouble(await run(cwd, { file: 'a.json' }))).toMatchObject({ code: 'json/syntax', next: 'format: json5' })
  })

  test.each(['a.json', 'a.json5', 'a.yaml', 'a.toml'])('%s nested deep', async name => {
    const deep = (count: number) => `${'['.repeat(count)}${']'.repeat(count)}`
    const text = (count: number) => (name === 'a.toml' ? `a = ${deep(count)}` : deep(count))
    expect(await places(name, text(100))).toEqual(['pass'])
    expect((await places(name, text(300)))[0]).toMatch(/^too-deep/)
    expect((await places(name, text(20_000)))[0]).toMatch(/^(too-deep|syntax)/)
  })

  test('a bomb of aliases', async () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      )
    expect(await places('a.yaml', lines.join('\n'))).toEqual(['syntax 1:1'])
  })

  test('what a parser stumbles over is not quoted from a line with a secret', async () => {
    const cwd = scratch()
    for (const [name, text] of [
      ['a.json', '{"botToken": hunter2hunter2}'],
      ['a.json5', '{password: hunter2!hunter2}'],
      ['a.yaml', 'a: 1\ntoken: "hunter2hunter2\n'],
      ['a.toml', 'apikey = hunter2hunter2'],
    ] as const) {
      lay(cwd, { [name]: text })
      expect(JSON.stringify(trouble(await run(cwd, { file: name }))), name).not.toContain('hunter2')
    }
  })
})

describe('a property list', () => {
  const plist = (body: string): string => `<?xml version="1.0"?>\n<plist version="1.0">\n${body}\n</plist>\n`

  test('is read with its types: dates and data as texts', async () => {
    const body = `<dict><key>Label</key><string>ai.example</string><key>KeepAlive</key><true/><key>N</key><integer>-0x10</integer>
<key>R</key><real>1.5</real><key>D</key><date>2026-11-22T02:14:07Z</date><key>B</key><data>aGk=</data>
<key>A</key><array><string>x</string><integer>7</integer></array></dict>`
    const values = {
      '/Label': 'ai.example',
      '/KeepAlive': true,
      '/N': -16,
      '/R': 1.5,
      '/D': '2026-11-22T02:14:07.000Z',
      '/B': 'aGk=',
      '/A/1': 7,
      '/A': { type: 'array' },
    }
    expect(await places('a.plist', plist(body), { values })).toEqual(['pass'])
    expect(await places('a.conf', plist(body), { values, format: 'plist' })).toEqual(['pass'])
  })

  test('has places for what is wrong', async () => {
    const twice = plist('<dict>\n<key>A</key><true/>\n<key>A</key><false/>\n</dict>')
    expect(await places('a.plist', twice)).toEqual(['repeated-key 5:1'])
    const nested = plist('<dict>\n<key>K</key>\n  <dict><key>S</key><integer>1</integer></dict>\n</dict>')
    expect(await places('a.plist', nested, { values: { '/K/S': 2 } })).toEqual(['value 5:21'])
    expect(await places('a.plist', nested, { required: ['/K/T'] })).toEqual(['missing 5:3'])
    expect(await places('a.plist', plist('<dict>\n<key>A</key></dict>'))).toEqual(['syntax 4:13'])
    expect(await places('a.plist', plist('<dict><key>D</key><date>yesterday</date></dict>'))).toEqual(['syntax 3:19'])
    expect(await places('a.plist', '')).toEqual(['empty'])
  })

  test('in the binary form is refused with the way to XML', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'a.plist'), Buffer.from('bplist00\xd1\x01', 'latin1'))
    expect(await run(cwd, { file: 'a.plist' })).toMatchObject({
      code: 'json/binary',
      next: `plutil -convert xml1 ${join(cwd, 'a.plist')}`,
    })
  })
})

describe('pointers', () => {
  const document = { a: { b: [{ p: 1 }, {}], 'x/y': { '~': 0 } }, none: [], text: 'abc' }

  test('lead to what is there, and say what is not', () => {
    const at = (pointer: string) => spotsOf(document, pointer).map(({ pointer: p, found }) => `${found ? '' : '!'}${p}`)
    expect(at('')).toEqual([''])
    expect(at('/a/b/*/p')).toEqual(['/a/b/0/p', '!/a/b/1/p'])
    expect(at('/a/x~1y/~0')).toEqual(['/a/x~1y/~0'])
    expect(at('/none/*')).toEqual(['!/none/*'])
    expect(at('/none/*/p')).toEqual(['!/none/*/p'])
    expect(at('/a/b/length')).toEqual(['!/a/b/length'])
    expect(at('/text/length')).toEqual(['!/text/length'])
    expect(at('/text/0')).toEqual(['!/text/0'])
    expect(at('/toString')).toEqual(['!/toString'])
    expect(at('/__proto__')).toEqual(['!/__proto__'])
    expect(at('/gone/*/deeper')).toEqual(['!/gone/*/deeper'])
  })

  test('that are none are refused', () => {
    expect(flawIn('a/b')).toContain('is no JSON pointer')
    expect(flawIn('/a~2')).toContain('is no JSON pointer')
    expect(flawIn('/a', {})).toContain('nothing that is expected')
    expect(flawIn('/a', { absent: true, type: 'string' })).toContain('absent')
    expect(flawIn('/a', { matches: '/(/' })).toContain('is no regular expression')
    expect(flawIn('/a', 1)).toBeUndefined()
    expect(flawIn('', { type: 'object' })).toBeUndefined()
  })

  const SETTINGS = {
    'a.json': '{"gateway": {"mode": "local", "port": 18789, "tls": null},\n "list": [1, 2], "on": true}',
    'a.json5': "{gateway: {mode: 'local', port: 18789, tls: null}, list: [1, 2,], on: true}",
    'a.yaml': 'gateway:\n  mode: local\n  port: 18789\n  tls: null\nlist: [1, 2]\non: true\n',
  }

  test.each(Object.entries(SETTINGS))('required and values in %s', async (name, text) => {
    const ask = (values: object) => places(name, text, { values })
    expect(await places(name, text, { required: ['/gateway/mode', '/gateway/tls', '/list/*', '/on'] })).toEqual([
      'pass',
    ])
    for (const good of [
      { '/gateway/mode': 'local', '/gateway/port': 18789, '/on': true },
      { '/gateway/mode': { 'one-of': ['local', 'remote'], matches: '/^lo/', type: 'string', equals: 'local' } },
      { '/gateway/port': { type: 'integer' }, '/list': { equals: [1, 2] }, '/list/*': { type: 'number' } },
      { '/gateway/tls': { equals: null }, '': { type: 'object' }, '/gone': { absent: true } },
      { '/gateway/tls': { exists: true, type: 'null' } },
    ])
      expect(await ask(good), JSON.stringify(good)).toEqual(['pass'])
    for (const [bad, what] of [
      [{ '/gateway/mode': 'remote' }, 'value'],
      [{ '/gateway/port': '18789' }, 'value'],
      [{ '/gateway/mode': { 'one-of': ['remote'] } }, 'value'],
      [{ '/gateway/mode': { matches: '/^al$/' } }, 'value'],
      [{ '/gateway/port': { matches: '18789' } }, 'value'],
      [{ '/list': { equals: [2, 1] } }, 'value'],
      [{ '/gateway/mode': { type: 'array' } }, 'value'],
      [{ '/gateway/tls': { absent: true } }, 'present'],
      [{ '/gone': { exists: true } }, 'missing'],
      [{ '/gone': 1 }, 'missing'],
      [{ '/gone/*': { type: 'string' } }, 'missing'],
    ] as const)
      expect((await ask(bad))[0], JSON.stringify(bad)).toMatch(new RegExp(`^${what} [0-9]+:[0-9]+$`))
  })

  test('places are those of the value, or of what lacks it', async () => {
    const values = { '/gateway/port': 1, '/gateway/gone': 1 }
    expect(await places('a.json', '{\n  "gateway": {\n    "port": 2}}', { values })).toEqual([
      'value 3:13',
      'missing 2:14',
    ])
    expect(await places('a.yaml', 'gateway:\n  port: 2\n', { values })).toEqual(['value 2:9', 'missing 2:3'])
    expect(await places('a.toml', '[gateway]\nport = 2\n', { values })).toEqual(['value', 'missing'])
  })

  test('TOML: tables, dates, numbers', async () => {
    const text = 'on = true\nday = 2026-11-22\n[gateway]\nport = 18789\n[[jobs]]\nid = "a"\n[[jobs]]\nid = "b"\n'
    const values = { '/gateway/port': 18789, '/jobs/*/id': { type: 'string' }, '/day': { matches: '/^2026-11-22/' } }
    expect(await places('a.toml', text, { values, required: ['/on'] })).toEqual(['pass'])
    expect(await places('a.toml', text, { required: ['/jobs/*/name'] })).toEqual(['missing', 'missing'])
  })

  test('a value that sounds or looks like a secret is not shown', async () => {
    const cwd = scratch()
    const token = `123456789:${'A'.repeat(35)}`
    lay(cwd, {
      'a.json': JSON.stringify({ bot: { token: 'hunter2hunter2' }, id: token, signingKey: 'hunter2', n: 'shown' }),
    })
    const verdict = trouble(
      await run(cwd, {
        file: 'a.json',
        values: { '/bot/token': { type: 'number' }, '/id': 'x', '/signingKey': { absent: true }, '/n': 'x' },
      }),
    )
    const text = JSON.stringify(verdict)
    expect(text).not.toContain('hunter2')
    expect(text).not.toContain(token)
    expect(text).toContain('shown')
  })
})

describe('schema', () => {
  const SCHEMA = {
    type: 'object',
    required: ['gateway'],
    additionalProperties: false,
    properties: {
      gateway: { type: 'object', properties: { mode: { enum: ['local', 'remote'] } } },
      port: { minimum: 1 },
    },
  }

  test('unknown, missing and unfit have their own codes and places', async () => {
    const cwd = scratch()
    lay(cwd, {
      's.json': JSON.stringify(SCHEMA),
      'good.json': '{"gateway": {"mode": "local"}}',
      'a.json': '{\n "gatway": {},\n "port": 0}',
      'a.yaml': 'gateway:\n  mode: lcoal\n',
    })
    expect(codeOf(await run(cwd, { file: 'good.json', schema: 's.json' }))).toBe('pass json/good')
    const verdict = trouble(await run(cwd, { file: 'a.json', schema: 's.json' }))
    expect(verdict.findings?.map(({ code, line, column }) => `${code} ${line}:${column}`).toSorted()).toEqual([
      'json/missing 1:1',
      'json/schema 3:10',
      'json/unknown-key 2:12',
    ])
    expect(JSON.stringify(verdict)).toContain('did you mean \\"gateway\\"?')
    expect(trouble(await run(cwd, { file: 'a.yaml', schema: 's.json' }))).toMatchObject({
      code: 'json/schema',
      summary: expect.stringContaining('a.yaml:2:9: /gateway/mode'),
    })
  })

  test.each([
    ['missing', undefined],
    ['no JSON', '{'],
    ['empty', ''],
    ['no schema', '[]'],
    ['a wrong keyword', '{"type": "strnig"}'],
    ['a reference that leads nowhere', '{"$ref": "https://example.org/none.json"}'],
  ])('a schema that is %s is no pass', async (_, text) => {
    const cwd = scratch()
    lay(cwd, { 'a.json': '{}', ...(text === undefined ? {} : { 's.json': text }) })
    expect(codeOf(await run(cwd, { file: 'a.json', schema: 's.json' }))).toBe('fail json/schema-file')
  })

  test.each([
    ['{}', 'allows everything'],
    ['true', 'allows everything'],
    [
      '{"title": "x", "properties": {"a": {"description": "y"}}, "$defs": {"b": {"type": "string"}}}',
      'allows everything',
    ],
    ['{"propertes": {"a": {"type": "string"}}}', 'did you mean "properties"?'],
    ['{"format": "emial"}', 'did you mean "email"?'],
    ['{"format": "colour-of-ours"}', 'allows everything'],
  ])('%s is refused: nothing would be held against it', async (schema, says) => {
    const cwd = scratch()
    lay(cwd, { 'a.json': '{"a": 1}', 's.json': schema })
    const verdict = await run(cwd, { file: 'a.json', schema: 's.json' })
    expect(codeOf(verdict)).toBe('fail json/schema-file')
    expect(JSON.stringify('observed' in verdict && verdict.observed)).toContain(JSON.stringify(says).slice(1, -1))
  })

  test("a keyword that is most likely misspelt is told, and one of a product's own is not", async () => {
    const cwd = scratch()
    const schema = (more: object): string => JSON.stringify({ properties: { a: { type: 'integer', ...more } } })
    lay(cwd, { 'a.json': '{"a": 1}' })
    const answer = async (more: object) => {
      lay(cwd, { 's.json': schema(more) })
      return run(cwd, { file: 'a.json', schema: 's.json' })
    }
    expect(await answer({ minimun: 5 })).toMatchObject({
      status: 'warn',
      code: 'json/schema-keyword',
      observed: 's.json: "minimun" is no keyword of JSON Schema; did you mean "minimum"?',
    })
    for (const fine of [
      { 'x-order': 3 },
      { markdownDescription: 'x' },
      { default: { propertes: 1 } },
      { enum: [1], format: 'colour-of-ours' },
    ])
      expect(codeOf(await answer(fine)), JSON.stringify(fine)).toBe('pass json/good')
    // A property may have any name.
    lay(cwd, { 's.json': '{"properties": {"propertes": {"type": "string"}}}' })
    expect(codeOf(await run(cwd, { file: 'a.json', schema: 's.json' }))).toBe('pass json/good')
  })

  test("what is expected at a secret's place is as secret", async () => {
    const cwd = scratch()
    lay(cwd, {
      'a.json': '{"token": "sk-verysecret123", "mode": "local"}',
      's.json': '{"properties": {"token": {"enum": ["sk-aaaaaaaaaaaaa"]}, "mode": {"const": "remote"}}}',
    })
    const values = {
      '/token': 'sk-otherkey9999',
      '/mode': { 'one-of': ['remote', 'sk-ant-api03-0123456789abcdef0123456789abcdef'] },
    }
    const more = { '/token': { matches: 'otherkey', 'one-of': ['sk-otherkey9999'] } }
    for (const given of [values, more]) {
      const verdict = await run(cwd, { file: 'a.json', schema: 's.json', values: given })
      const text = JSON.stringify(verdict)
      for (const part of ['otherkey', 'aaaaaaa', 'verysecret', 'sk-ant']) expect(text).not.toContain(part)
      expect(text).toContain('/token is text of 16 characters, expected')
      expect(text).toContain('remote')
    }
  })

  test('more findings than anybody reads are counted', async () => {
    const cwd = scratch()
    lay(cwd, {
      's.json': JSON.stringify(SCHEMA),
      'a.json': JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i]))),
    })
    const verdict = trouble(await run(cwd, { file: 'a.json', schema: 's.json' }))
    expect(verdict.findings).toHaveLength(101)
    expect(verdict.facts).toMatchObject({ issues: 501 })
  })
})

describe('the program', () => {
  test('a catastrophic expression, in values or in a schema, ends at the deadline', async () => {
    const cwd = scratch()
    lay(cwd, {
      'a.json': JSON.stringify({ a: `${'a'.repeat(40)}!` }),
      's.json': '{"properties": {"a": {"pattern": "^(a+)+$"}}}',
      'BOOT.md': manifest(
        'check: json\nid: values\ntimeout: 1s\nfile: a.json\nvalues: {/a: {matches: "/^(a+)+$/"}}',
        'check: json\nid: schema\ntimeout: 1s\nfile: a.json\nschema: s.json',
      ),
    })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect(reportOf(ended).checks).toMatchObject([
      {
        status: 'timeout',
        summary: `no answer after 1 s: it was still seeking /^(a+)+$/ in /a of ${join(cwd, 'a.json')}`,
      },
      { status: 'timeout', summary: expect.stringContaining('against s.json, which has regular expressions') },
    ])
    expect(ended.code).toBe(1)
  })

  test('TOML and a large file, built; values on the command line', async () => {
    const cwd = scratch()
    const jobs = Array.from({ length: 20_000 }, (_, i) => `[[jobs]]\nid = "job ${i}"\n`).join('')
    lay(cwd, { 'a.toml': jobs, 'b.json': '{"gateway": {"port": 18789}}' })
    const big = await bootcheck(
      ['check', 'json', '--file', 'a.toml', '--required', '/jobs/19999/id', '--timeout', '20s'],
      { cwd },
    )
    expect([big.code, big.stderr]).toEqual([0, ''])
    const words = ['check', 'json', '--file', 'b.json', '--values']
    expect((await bootcheck([...words, '{"/gateway/port": 18789}'], { cwd })).code).toBe(0)
    const wrong = await bootcheck([...words, '{"/gateway/port": 1}'], { cwd })
    expect([wrong.code, wrong.stdout]).toEqual([1, expect.stringContaining('json/value')])
    for (const bad of ['{}', '{"gateway": 1}', '{"/a": {}}', '{"/a": {"matches": "/(/"}}'])
      expect((await bootcheck([...words, bad], { cwd })).code, bad).toBe(2)
  })
})

test('parsing a text of each language gives the same value', async () => {
  const value = { a: [1, { b: 'c' }], d: true }
  for (const [format, text] of [
    ['json', JSON.stringify(value)],
    ['json5', "{a: [1, {b: 'c'}], d: true,}"],
    ['yaml', 'a:\n  - 1\n  - b: c\nd: true\n'],
    ['toml', 'a = [1, {b = "c"}]\nd = true\n'],
  ] as const)
    expect(await parseDocument(text, format)).toMatchObject({ value })
})
