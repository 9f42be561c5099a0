import { describe, expect, it } from 'vitest'
import { kinds } from '../../checks/index.ts'
import type { Registry } from '../../core/check.ts'
import { optionsFromWords, type Words } from '../../core/words.ts'
import { sixKinds } from '../support/kinds.ts'

const read = async (kind: string, words: Words) => {
  const loaded = await sixKinds[kind]?.()
  if (!loaded) throw new Error(kind)
  return optionsFromWords(loaded.options, words)
}

describe('options from the words of a command line', () => {
  it.each<[string, Words, Record<string, unknown>]>([
    ['port', { port: '18789' }, { port: 18789 }],
    [
      'port',
      { port: '1', 'http.path': '/healthz', 'http.status': '204' },
      { port: 1, http: { path: '/healthz', status: 204 } },
    ],
    [
      'workspace',
      { path: '~/x', mode: '0700', 'min-free': '1GiB' },
      { path: '~/x', mode: '0700', access: 'rw', 'min-free': '1GiB' },
    ],
    ['tmp-files', { paths: ['/a/*.tmp', '/b'], warn: '3' }, { paths: ['/a/*.tmp', '/b'], warn: 3, fail: 50 }],
    ['tmp-files', { paths: '/a,/b/{c,d}/*.tmp, /e' }, { paths: ['/a', '/b/{c,d}/*.tmp', '/e'], warn: 10, fail: 50 }],
    [
      'message',
      { channel: 'telegram', token: '1234567890', chat: '-100123' },
      { channel: 'telegram', token: '1234567890', chat: '-100123', depth: 'deliver' },
    ],
    [
      'message',
      { channel: 'webhook', 'request.json': true, 'request.headers.X-A': 'b' },
      { channel: 'webhook', request: { json: true, headers: { 'X-A': 'b' } }, depth: 'deliver' },
    ],
    [
      'plugin-hooks',
      { 'from.file': 'a.json', 'from.pointer': '/x' },
      { from: [{ file: 'a.json', pointer: '/x' }], depth: 'imports', min: 1 },
    ],
    [
      'plugin-hooks',
      { from: '[{"file":"a","pointer":"/x"},{"file":"b","pointer":"/y"}]' },
      {
        from: [
          { file: 'a', pointer: '/x' },
          { file: 'b', pointer: '/y' },
        ],
        depth: 'imports',
        min: 1,
      },
    ],
  ])('%s %j', async (kind, words, options) => {
    expect(await read(kind, words)).toEqual({ options })
  })

  it.each<[string, Words, string]>([
    ['port', { prot: '1' }, 'unknown option --prot did you mean --port?'],
    ['port', { port: '1', 'http.pth': '/' }, 'unknown option --http.pth did you mean --http.path?'],
    ['port', { port: '1', 'host.name': '/' }, 'unknown option --host.name'],
    ['port', { port: '1', __proto__x: '/' }, 'unknown option --__proto__x'],
    ['port', {}, '--port or --socket is missing give one of them'],
    ['port', { port: 'http' }, '--port must be a whole number from 1 to 65535, not "http"'],
    ['port', { port: ['1', '2'] }, '--port is given 2 times give it once'],
    ['port', { port: true }, '--port needs a value --port VALUE'],
    ['port', { port: '1', socket: '/x' }, '--socket cannot stand beside --port'],
    ['port', { port: '1', http: 'x' }, '--http is a map: give its keys, or JSON'],
    ['port', { port: '1', expect: 'opne' }, 'did you mean "open"?'],
    ['plugin-hooks', { 'from.file': 'a.json' }, '--from.pointer is missing'],
    ['plugin-hooks', { from: 'a.json' }, '--from takes maps'],
    ['tmp-files', { paths: '' }, '--paths is an empty list'],
  ])('%s %j is refused', async (kind, words, expected) => {
    const result = await read(kind, words)
    const said = 'problems' in result ? result.problems.map(({ message, hint }) => `${message} ${hint}`).join('\n') : ''
    expect(said).toContain(expected)
  })
})

describe('a list, of whatever kind', () => {
  const LISTS: readonly (readonly [kind: string, key: string, one: string, two: string])[] = [
    ['path', 'lacks', 'password', 'a, b'],
    ['path', 'contains', '/^a{1,2}$/', 'b'],
    ['json', 'required', '/a', '/b'],
    ['env', 'vars', 'PATH', 'HOME'],
    ['env', 'files', '.env', 'more.env'],
    ['cron', 'files', 'a.json', 'b/*.json'],
    ['command', 'run', 'echo', 'a, b'],
    ['command', 'expect.stdout', 'one', 'two, three'],
    ['log-signals', 'files', 'a.log', 'b.log'],
    ['tmp-files', 'paths', '/a/*.tmp', '/b'],
  ]
  const read = async (kind: string, words: Words): Promise<unknown> => {
    const load = (kinds as Registry)[kind]
    if (!load) throw new Error(kind)
    const check = await load()
    const result = await optionsFromWords(check.options, {
      ...(check.options.properties.path ? { path: 'f' } : {}),
      ...words,
    })
    return 'problems' in result ? result.problems.map(({ message }) => message).join() : result.options
  }
  const rest = (kind: string, key: string): Words =>
    kind === 'json' ? { file: 'a' } : kind === 'command' && key !== 'run' ? { run: 'a' } : {}
  const at = (options: unknown, key: string): unknown =>
    key.split('.').reduce((value, part) => (value as Record<string, unknown>)?.[part], options)

  it.each(LISTS)('%s --%s is one that is repeated, and one in JSON', async (kind, key, one, two) => {
    expect(at(await read(kind, { [key]: JSON.stringify([one, two]), ...rest(kind, key) }), key)).toEqual([one, two])
    expect(at(await read(kind, { [key]: [one, two], ...rest(kind, key) }), key)).toEqual([one, two])
    expect(await read(kind, { [key]: `["${one}", ${two}]`, ...rest(kind, key) })).toContain('looks like a list in JSON')
  })

  it('numbers', async () => {
    expect(at(await read('command', { run: 'a', 'expect.exit': '[0, 4]' }), 'expect.exit')).toEqual([0, 4])
    expect(await read('json', { file: 'a', values: '{"/big": 12345678901234567999}' })).toContain(
      'cannot be held exactly',
    )
    expect(at(await read('json', { file: 'a', values: '{"/big": 9007199254740991}' }), 'values')).toEqual({
      '/big': 9007199254740991,
    })
  })

  it('a text in brackets that is no JSON is a text', async () => {
    expect(at(await read('path', { lacks: '[error]' }), 'lacks')).toEqual(['[error]'])
    expect(at(await read('tmp-files', { paths: '[a-z]*.tmp' }), 'paths')).toEqual(['[a-z]*.tmp'])
  })
})

describe('free text and alternatives', () => {
  const schema = {
    type: 'object',
    additionalProperties: false,
    properties: {
      run: { type: 'array', items: { type: 'string', format: 'text' } },
      expect: {
        anyOf: [
          { type: 'integer' },
          { type: 'object', additionalProperties: false, properties: { max: { type: 'integer' } } },
        ],
      },
    },
  } as const

  it.each<[Words, Record<string, unknown>]>([
    [{ run: ['sh', '-c', 'echo a, b'] }, { run: ['sh', '-c', 'echo a, b'] }],
    [{ run: '["check_load","-w","5,4,3"]' }, { run: ['check_load', '-w', '5,4,3'] }],
    [{ run: '[not json' }, { run: ['[not json'] }],
    [{ expect: '0' }, { expect: 0 }],
    [{ 'expect.max': '2' }, { expect: { max: 2 } }],
    [{ expect: '{"max": 2}' }, { expect: { max: 2 } }],
  ])('%j', async (words, options) => {
    expect(await optionsFromWords(schema, words)).toEqual({ options })
  })

  it('a word where a number or a map is wanted', async () => {
    expect(await optionsFromWords(schema, { expect: 'none' })).toHaveProperty('problems')
  })
})
