import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanJson } from '../../core/json-scan.ts'
import { type JsonFormat, type JsonText, parseJson, resolvePointer } from '../../core/json-text.ts'

const good = async (text: string, format: JsonFormat = 'json'): Promise<JsonText> => {
  const parsed = await parseJson(text, format)
  if (parsed.error) throw new Error(parsed.error.message)
  return parsed
}

const flawOf = async (text: string, format: JsonFormat = 'json') => {
  const parsed = await parseJson(text, format)
  if (!parsed.error) throw new Error(`${text} was read`)
  return parsed.error
}

describe('errors name their place', () => {
  it.each<[string, string, number, number, RegExp]>([
    ['a truncated object', '{\n  "jobs": [\n    {"id": "a"', 3, 15, /ends inside the object opened at 3:5/],
    ['a truncated string', '{"a": "b', 1, 9, /ends inside the string opened at 1:7/],
    ['a truncated literal', '[tr', 1, 4, /ends inside tr/],
    ['nothing at all', '', 1, 1, /empty/],
    ['blanks only', ' \n ', 2, 2, /empty/],
    ['a trailing comma', '{\n"a": 1,\n}', 2, 7, /comma before the closing "}".*JSON5/],
    ['a comment', '{\n// x\n}', 2, 1, /comment.*JSON5/],
    ['a missing comma', '{"a": 1\n"b": 2}', 2, 1, /where "," or "}" should be/],
    ['a missing value', '{"a": }', 1, 7, /where a value should be/],
    ['an unquoted key', '{a: 1}', 1, 2, /key in double quotes/],
    ['single quotes', "['a']", 1, 2, /single quote/],
    ['a leading zero', '[007]', 1, 2, /007 is not a number/],
    ['a bare word', '[nul]', 1, 2, /"nul" where a value/],
    ['text after the end', '{}\n{}', 2, 1, /after the end/],
    ['an unknown escape', '["\\x41"]', 1, 3, /escape/],
    ['a line break in a string', '["a\nb"]', 1, 4, /not closed on its line/],
    ['NUL bytes after a crash', '\0\0\0', 1, 1, /where a value should be/],
  ])('%s', async (_, text, line, column, message) => {
    const error = await flawOf(text)
    expect(error).toMatchObject({ line, column })
    expect(error.message).toMatch(message)
  })

  it('shows the line, cut around the column and masked before the cut', async () => {
    expect((await flawOf('{\n  "a": oops,\n  "b": 1}')).frame).toBe('"a": oops,')
    const long = `{"pad": "${'x'.repeat(5000)}", "a": oops, "z": "${'y'.repeat(5000)}"}`
    const { frame } = await flawOf(long)
    expect(frame.length).toBeLessThanOrEqual(100)
    expect(frame).toContain('oops')
    const secret = await parseJson('{"token": "s3cret" oops}', 'json', text => text.replaceAll('s3cret', '***'))
    expect(secret.error?.frame).toBe('{"token": "***" oops}')
  })

  it('says the same in JSON5, where less is wrong', async () => {
    expect(await flawOf('{\n  a: 1,\n  b: ?\n}', 'json5')).toMatchObject({ line: 3, column: 6, frame: 'b: ?' })
    const early = await flawOf("{\n  // jobs\n  jobs: [{id: 'a'},\n", 'json5')
    expect(early).toMatchObject({ line: 4, column: 1 })
    expect(early.message).toMatch(/ends inside the array opened at 3:9/)
  })

  it('finds the bad line of JSON lines', async () => {
    expect(await flawOf('{"id":1}\n\n{"id":2\n{"id":3}\n', 'jsonl')).toMatchObject({
      line: 3,
      column: 8,
      frame: '{"id":2',
      message: expect.stringContaining('the line ends inside the object'),
    })
  })

  it('is not brought down by deep nesting', async () => {
    expect((await flawOf('['.repeat(200_000))).message).toMatch(/ends inside the array/)
  })
})

describe('values and places', () => {
  it('locates values by pointer, and falls back to the holder', async () => {
    const json = await good('{\n  "jobs": [\n    {"id": "a"},\n    {"id": "b", "schedule": {"expr": "x"}}\n  ]\n}')
    expect(json.locate('/jobs/1/schedule/expr')).toEqual({ line: 4, column: 38 })
    expect(json.locate('/jobs/1/schedule/tz')).toEqual({ line: 4, column: 29 })
    expect(json.locate('')).toEqual({ line: 1, column: 1 })
    expect(json.locate('/nothing/here')).toEqual({ line: 1, column: 1 })
  })

  it('follows what only JSON5 allows', async () => {
    const text =
      "{\n  // '}'\n  jobs: [\n    {id: 'it\\'s', n: +.5, /* { */ tz: \"a\\\nb\",},\n    {'a/b': 0x1F},\n  ],\n}"
    const json = await good(text, 'json5')
    expect(json.value).toEqual({ jobs: [{ id: "it's", n: 0.5, tz: 'ab' }, { 'a/b': 31 }] })
    expect(json.locate('/jobs/1/a~1b')).toEqual({ line: 6, column: 13 })
    expect(json.locate('/jobs/0/tz')).toEqual({ line: 4, column: 39 })
  })

  it('reports keys that stand twice, nested ones too, and only those', async () => {
    const json = await good('{"a": {"x": 1, "y": 2,\n "x": 3}, "b": {"x": 1}, "\\u0061": 2}')
    expect(json.repeated()).toEqual([
      { pointer: '/a/x', key: 'x', line: 2, column: 2 },
      { pointer: '/a', key: 'a', line: 2, column: 26 },
    ])
    expect((await good("{a: 1, 'a': 2}", 'json5')).repeated()).toHaveLength(1)
    expect((await good('{"a":1}\n{"a":1,"a":2}', 'jsonl')).repeated()).toEqual([
      { pointer: '/1/a', key: 'a', line: 2, column: 8 },
    ])
  })

  it('reads JSON lines as an array, blank lines and a missing last newline included', async () => {
    const json = await good('{"id":"a"}\r\n\r\n  {"id":"b"}', 'jsonl')
    expect(json.value).toEqual([{ id: 'a' }, { id: 'b' }])
    expect(json.locate('/1/id')).toEqual({ line: 3, column: 9 })
  })

  it('keeps a key named __proto__ an ordinary one', async () => {
    for (const format of ['json', 'json5'] as const) {
      const { value } = await good('{"__proto__": {"polluted": true}}', format)
      expect(Object.keys(value as object)).toEqual(['__proto__'])
    }
  })
})

describe('against JSON.parse', () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }

  it('finds a flaw exactly where JSON.parse throws', () => {
    const mutated = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom(
          '',
          '"',
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '\\',
          '0',
          '-',
          'e',
          '.',
          '/',
          ' ',
          'tru',
          '\n',
          '\u0001',
          '\u00a0',
        ),
        fc.nat(3),
      )
      .map(
        ([text, at, put, drop]) =>
          text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + drop),
      )
    fc.assert(
      fc.property(mutated, text => {
        const flaw = scanJson(text, true)
        expect(flaw === undefined, JSON.stringify({ text, flaw })).toBe(isJson(text))
        if (flaw) expect(flaw.offset).toBeLessThanOrEqual(text.length)
      }),
      { numRuns: 5000 },
    )
  })

  it('locates every value of any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const text = JSON.stringify(value, null, 1)
        const found: string[] = []
        scanJson(text, true, path => found.push(JSON.stringify(path)))
        const wanted: string[] = []
        const collect = (inner: unknown, path: (string | number)[]): void => {
          wanted.push(JSON.stringify(path))
          if (Array.isArray(inner)) for (const [i, item] of inner.entries()) collect(item, [...path, i])
          else if (typeof inner === 'object' && inner !== null)
            for (const [key, item] of Object.entries(inner)) collect(item, [...path, key])
        }
        collect(JSON.parse(text), [])
        expect(found.sort()).toEqual(wanted.sort())
      }),
      { numRuns: 500 },
    )
  })
})

describe('resolvePointer', () => {
  const value = { jobs: [{ run: 'a' }, { run: 'b' }, 3], 'a/b': { '~': 1 }, empty: '' }
  it.each<[string, unknown[]]>([
    ['', [value]],
    ['/jobs/1/run', ['b']],
    ['/jobs/*/run', ['a', 'b']],
    ['/a~1b/~0', [1]],
    ['/nothing', []],
    ['/jobs/*/run/*', []],
  ])('%s', (pointer, wanted) => {
    expect(resolvePointer(value, pointer).map(found => found.value)).toEqual(wanted)
  })
  it('returns pointers that lead back', () => {
    for (const { pointer, value: inner } of resolvePointer(value, '/*/*'))
      expect(resolvePointer(value, pointer)).toEqual([{ pointer, value: inner }])
  })
})
