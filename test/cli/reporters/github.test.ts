import { describe, expect, test } from 'vitest'
import { formatReport } from '../../../cli/reporters/index.ts'
import { expectGolden } from '../../support/golden.ts'
import { check, report, STORIES, storyNames } from '../../support/reports.ts'

interface Command {
  readonly word: string
  readonly properties: Readonly<Record<string, string>>
  readonly message: string
}

const decode = (text: string): string =>
  text
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%0A', '\n')
    .replaceAll('%0D', '\r')
    .replaceAll('%25', '%')

/** Reads commands as the runner does: `::word key=value,key=value::message`. */
const read = (text: string): Command[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => {
      const match = /^::([a-z]+) ([^:]*)::(.*)$/.exec(line)
      if (!match) throw new Error(`no command: ${line}`)
      const pairs = (match[2] ?? '')
        .split(',')
        .map(pair => [pair.slice(0, pair.indexOf('=')), decode(pair.slice(pair.indexOf('=') + 1))])
      return { word: match[1] ?? '', properties: Object.fromEntries(pairs), message: decode(match[3] ?? '') }
    })

test.each(['trouble', 'invalid', 'warned', 'strict'] as const)('%s, as it is worded', async story => {
  expectGolden(`${story}.github.txt`, await formatReport(STORIES[story], 'github'))
})

test.each(storyNames)(
  '%s: every line is a command, and an error stands in it exactly if the run is not ready',
  async story => {
    const commands = read(await formatReport(STORIES[story], 'github'))
    expect(commands.some(({ word }) => word === 'error')).toBe(!STORIES[story].ready)
    expect(commands.at(-1)?.word).toBe('notice')
  },
)

test('annotations land on the finding, or else on the line of the manifest', async () => {
  const commands = read(await formatReport(STORIES.trouble, 'github'))
  expect(commands.map(({ word, properties }) => [word, properties.file, properties.line, properties.col])).toEqual([
    ['error', 'plugins/security-guard/index.js', '3', '1'],
    ['warning', 'BOOT.md', '66', undefined],
    ['error', 'BOOT.md', '80', undefined],
    ['error', 'BOOT.md', '92', undefined],
    ['notice', undefined, undefined, undefined],
  ])
  expect(commands[0]?.message).toContain('\nnext: openclaw plugins install security-guard --force')
})

describe('files', () => {
  const found = async (path: string, manifest: string): Promise<Command | undefined> => {
    const one = check({
      id: 'a',
      kind: 'port',
      status: 'fail',
      code: 'port/x',
      summary: 'sum',
      line: 5,
      findings: [{ path, line: 9, message: 'here' }],
    })
    return read(await formatReport(report({ checks: [one] }, { manifest }), 'github', { cwd: '/repo' }))[0]
  }

  test.each([
    ['src/a.ts', 'BOOT.md', 'src/a.ts', '9'],
    ['src/a.ts', 'ops/BOOT.md', 'ops/src/a.ts', '9'],
    ['../src/a.ts', 'ops/BOOT.md', 'src/a.ts', '9'],
    ['/repo/src/a.ts', 'ops/BOOT.md', 'src/a.ts', '9'],
    ['src/a.ts', '/repo/ops/BOOT.md', 'ops/src/a.ts', '9'],
    // Outside of the repository nothing can be annotated: the manifest's own line is.
    ['/etc/crontab', 'BOOT.md', 'BOOT.md', '5'],
    ['~/.openclaw/x', 'BOOT.md', 'BOOT.md', '5'],
    ['../x', 'BOOT.md', 'BOOT.md', '5'],
    ['', 'BOOT.md', 'BOOT.md', '5'],
    ['/repository/x', 'BOOT.md', 'BOOT.md', '5'],
  ])('%s of %s is annotated at %s:%s', async (path, manifest, file, line) => {
    expect((await found(path, manifest))?.properties).toMatchObject({ file, line })
  })

  test('a finding without an annotation of its own is told in the text', async () => {
    expect((await found('/etc/crontab', 'BOOT.md'))?.message).toContain('/etc/crontab:9: here')
  })
})

test('where several places are at fault, the check itself says what they come to', async () => {
  const [port] = STORIES.trouble.checks
  if (!port) throw new Error('no check in the story')
  const findings = ['a.ts', 'b.ts'].map(path => ({ path, message: `in ${path}` }))
  const all = { ...port, status: 'fail', effect: 'failure', code: 'port/x', summary: 'all at once', findings } as const
  const commands = read(await formatReport(report({ checks: [all] }), 'github'))
  expect(commands.map(({ properties, message }) => [properties.file, message.split('\n')[0]]).slice(0, 3)).toEqual([
    ['a.ts', 'in a.ts'],
    ['b.ts', 'in b.ts'],
    ['BOOT.md', 'all at once'],
  ])
})

test('more findings than GitHub shows are told in one', async () => {
  const commands = read(await formatReport(STORIES.findings, 'github'))
  expect(commands.filter(({ word }) => word === 'error')).toHaveLength(11)
  expect(commands[10]?.message).toContain('plugins/p13/index.js:14: ')
})

test('no text becomes a command, a property or a second line', async () => {
  const text = await formatReport(STORIES.hostile, 'github')
  const commands = read(text)
  expect(commands.map(({ word }) => word)).toEqual(['error', 'error', 'error', 'warning', 'notice'])
  expect(commands.some(({ properties }) => properties.file === 'a:b,c.ts')).toBe(true)
  expect(text).toContain('file=a%3Ab%2Cc.ts,line=2,col=3')
  expect(commands[0]?.message).toContain('50% \\r\\n::error::x %0A')
})
