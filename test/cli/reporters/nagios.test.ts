import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatReport } from '../../../cli/reporters/index.ts'
import { expectGolden } from '../../support/golden.ts'
import { check, report, STORIES, storyNames } from '../../support/reports.ts'

test.each(['trouble', 'green', 'warned', 'invalid', 'stopped'] as const)('%s, as it is worded', async story => {
  expectGolden(`${story}.nagios.txt`, await formatReport(STORIES[story], 'nagios'))
})

const WORDS: Readonly<Record<keyof typeof STORIES, string>> = {
  trouble: 'CRITICAL',
  green: 'OK',
  'green-with-skip': 'OK',
  warned: 'WARNING',
  strict: 'CRITICAL',
  invalid: 'UNKNOWN',
  empty: 'UNKNOWN',
  skipped: 'UNKNOWN',
  stopped: 'UNKNOWN',
  after: 'CRITICAL',
  alone: 'CRITICAL',
  findings: 'CRITICAL',
  hostile: 'CRITICAL',
}

describe.each(storyNames)('%s', story => {
  test('has one status line with performance data, and bars nowhere else', async () => {
    const [first = '', ...rest] = (await formatReport(STORIES[story], 'nagios')).trimEnd().split('\n')
    expect(first).toMatch(new RegExp(`^BOOTCHECK ${WORDS[story]} - [^|]+ \\| time=\\d+\\.\\d{3}s( [a-z_]+=\\d+){7}$`))
    expect(rest.join()).not.toContain('|')
  })
})

test('long output ends before Nagios would cut it', async () => {
  const checks = Array.from({ length: 200 }, (_, at) =>
    check({ id: `check-${at}`, kind: 'port', status: 'fail', code: 'port/held', summary: '한'.repeat(60) }),
  )
  const text = await formatReport(report({ checks }), 'nagios')
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096)
  expect(text).toMatch(/\nand \d+ more lines\n$/)
  expect(text.split('\n')[0]).toContain('check-4, 195 more')
})

test('the command of the docs turns the status line into the exit code that Nagios reads', async () => {
  const source = readFileSync(join(import.meta.dirname, '../../../cli/reporters/nagios.ts'), 'utf8')
  const script = source
    .split('\n')
    .filter(line => line.startsWith(' *     '))
    .map(line => line.slice(7))
    .join('\n')
  expect(script).toContain('case "$out" in')
  const exit = async (story: keyof typeof STORIES): Promise<number | null> => {
    const text = await formatReport(STORIES[story], 'nagios')
    const wrapper = `bootcheck() { cat; }\n${script}`
    const ended = spawnSync('sh', ['-c', wrapper], { input: text, encoding: 'utf8' })
    expect(ended.stdout).toBe(text)
    return ended.status
  }
  expect([await exit('green'), await exit('warned'), await exit('trouble'), await exit('invalid')]).toEqual([
    0, 1, 2, 3,
  ])
})
