import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../cli/command-line.ts'
import type { Io } from '../../cli/io.ts'
import { main } from '../../cli/main.ts'
import { WORDS } from '../../cli/words.ts'

const read = (...argv: string[]) => parseCommand(argv)

/** What was printed, and the exit code. */
const say = async (...argv: string[]) => {
  let out = ''
  let err = ''
  const io: Io = {
    env: {},
    cwd: '/nowhere',
    style: { tty: false, color: false, width: 80, unicode: true },
    watch: async () => undefined,
    out: text => {
      out += text
      return true
    },
    err: text => {
      err += text
    },
    stop: new AbortController().signal,
    signals: {
      take: () => {},
      raise: () => {
        throw new Error('nobody raises a signal here')
      },
    },
  }
  const code = await main(argv, () => io)
  return { code, out, err }
}

describe('words', () => {
  it('are nine, and run is meant where none is said', () => {
    expect(read()).toMatchObject({ word: { name: 'run' }, named: false, args: [] })
    expect(read('run', 'a.md')).toMatchObject({ word: { name: 'run' }, named: true, args: ['a.md'] })
    expect(read('./BOOT.md')).toMatchObject({ word: { name: 'run' }, named: false, args: ['./BOOT.md'] })
    expect(read('check', 'port', '--port', '1')).toMatchObject({
      word: { name: 'check' },
      args: ['port'],
      values: { open: { port: '1' } },
    })
    expect(read('lint', 'a.md', 'b.md')).toMatchObject({ word: { name: 'lint' }, args: ['a.md', 'b.md'] })
    expect(read('explain')).toMatchObject({ word: { name: 'explain' }, args: [] })
  })

  it('mean the same with an option, which cac reads, and without one', async () => {
    for (const argv of [['rnu'], ['run', 'a.md', 'b.md'], ['check'], ['explain', 'nothing-of-this-name']])
      expect(await say(...argv, '--no-color')).toEqual(await say(...argv))
  })

  it.each([
    ['rnu', 'unknown command "rnu"; did you mean "run"?'],
    [
      'snapshot',
      'unknown command "snapshot"; the commands are run, check, lint, explain, guard, allow, record, exec, state',
    ],
    ['xyzzy', 'unknown command "xyzzy"; the commands are run, check, lint, explain, guard, allow, record, exec, state'],
  ])('%s is not one', async (word, message) => {
    expect(await say(word)).toEqual({ code: 2, out: '', err: `bootcheck: ${message}\n` })
  })

  it('take as many arguments as they say', async () => {
    expect(await say('run', 'a.md', 'b.md')).toMatchObject({
      code: 2,
      err: 'bootcheck: run takes one manifest, and got 2: a.md b.md\n',
    })
    expect(await say('check')).toMatchObject({ code: 2, err: expect.stringContaining('check needs a kind') })
  })
})

describe('options', () => {
  it('keep what looks like a number as it was written', () => {
    expect(read('run', '--only', '1e3').values.ids.get('only')).toEqual(['1e3'])
    expect(read('run', '--only=00e1,x', '--only', '7').values.ids.get('only')).toEqual(['00e1', 'x', '7'])
    expect(read('check', 'message', '--token', '00e1', '--chat=-1001').values.open).toEqual({
      token: '00e1',
      chat: '-1001',
    })
    expect(read('run', '1.0').args).toEqual(['1.0'])
  })

  it('keep what follows two dashes, and values that begin with one', () => {
    expect(read('run', '--', 'prod.md').args).toEqual(['prod.md'])
    expect(read('--', 'prod.md')).toMatchObject({ named: false, args: ['prod.md'] })
    expect(read('check', 'message', '--chat', '-1001234567890').values.open).toEqual({ chat: '-1001234567890' })
  })

  it('come before or after the words', () => {
    expect(read('--strict', 'run', 'a.md')).toMatchObject({ word: { name: 'run' }, args: ['a.md'] })
    expect(read('-q', './a.md')).toMatchObject({ named: false, args: ['./a.md'] })
    expect([...read('-q', './a.md').values.flags]).toEqual(['quiet'])
  })

  it('nest, and may carry their kind’s name', () => {
    expect(read('check', 'port', '--http.path', '/healthz', '--min-free', '1GB').values.open).toEqual({
      'http.path': '/healthz',
      'min-free': '1GB',
    })
    expect(read('check', 'cron', '--cron.format', 'json', '--format', 'json').values).toMatchObject({
      open: { 'cron.format': 'json' },
      formats: [{ format: 'json' }],
    })
  })

  it('read durations, counts, formats and choices', () => {
    const { values } = read(
      'run',
      '--deadline',
      '2m',
      '--concurrency',
      '8',
      '--format',
      'json=a=b.json',
      '--format',
      'tap',
      '--phase',
      'all',
    )
    expect(values.numbers).toEqual(
      new Map([
        ['deadline', 120_000],
        ['concurrency', 8],
      ]),
    )
    expect(values.formats).toEqual([{ format: 'json', file: 'a=b.json' }, { format: 'tap' }])
    expect(values.texts.get('phase')).toBe('all')
  })

  it.each([
    [['run', '--stric'], 'run has no option --stric; did you mean "strict"?'],
    [['lint', '--phase', 'all'], 'lint has no option --phase'],
    [['run', '-x'], 'run has no option -x'],
    [['run', '--phase', 'befor'], '--phase "befor" is not one of before, after, all; did you mean "before"?'],
    [['run', '--format', 'jsn'], 'did you mean "json"?'],
    [['run', '--format', 'json='], '--format json= needs a file name after the "="'],
    [['run', '--format', 'json', '--format', 'tap'], 'only one --format can go to standard output'],
    [['run', '--deadline', '20'], '--deadline "20" is not a duration; write 500ms, 30s or 2m'],
    [['run', '--deadline', '0s'], 'is not a duration'],
    [['run', '--deadline', '25d'], '--deadline "25d" is too long: at most 24d'],
    [['run', '--deadline'], '--deadline needs a value'],
    [['run', '--only='], '--only needs a value'],
    [['run', '--only', '--strict'], '--only needs a value'],
    [['run', '--concurrency', '0'], '--concurrency "0" is not a count from 1 to 1000'],
    [['run', '--concurrency', '1e2'], 'is not a count'],
    [['run', '--strict=yes'], '--strict takes no value'],
    [['run', '--phase', 'before', '--phase', 'after'], '--phase is given 2 times; once is enough'],
    [['run', '--__proto__', 'x'], 'no option'],
    [['run', '-'], 'standard input is not read'],
    [['run', '--only', ','], '--only needs a value'],
    [['run', '--deadline.x', '1s'], 'run has no option --deadline.x'],
    [['check', 'workspace', '--path', '.', '--path.x', '1'], 'both with a value and with a key of its own'],
    [['check', 'workspace', '--no-path'], 'check has no option --no-path'],
    [['check', 'constructor'], 'unknown kind "constructor"'],
    [['explain', '__proto__'], 'nothing is called "__proto__"'],
    [['run', 'a.md', '--', 'b.md'], 'run takes one manifest, and got 2'],
  ])('%j is wrong usage: one line, exit 2', async (argv, message) => {
    const { code, out, err } = await say(...argv)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
  })
})

describe('help', () => {
  it('leads with examples, and names no word that does not exist', async () => {
    const { code, out } = await say('--help')
    expect(code).toBe(0)
    expect(out.indexOf('Examples')).toBeLessThan(out.indexOf('Commands'))
    const words = [...out.matchAll(/^ {2}bootcheck ([a-z-]+)/gm)].map(match => match[1])
    const names: readonly string[] = WORDS.map(({ name }) => name)
    expect(words.filter(word => !names.includes(word ?? ''))).toEqual([])
  })

  it.each(WORDS.map(({ name }) => name))('of %s lists its options', async word => {
    const { code, out } = await say(word, '--help')
    expect(code).toBe(0)
    expect(out).toMatch(/^.+\n\nExamples\n/)
    expect(out).toContain(`bootcheck ${word}`)
    expect(out).toContain('--help')
  })

  it('is short enough for a terminal of 120 columns', async () => {
    for (const argv of [['--help'], ...WORDS.map(({ name }) => [name, '--help'])])
      for (const line of (await say(...argv)).out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120)
  })
})

it('says its version', async () => {
  expect(await say('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  expect(await say('run', '-v')).toMatchObject({ code: 0 })
})
