import { expect, test } from 'vitest'
import { formatReport } from '../../../cli/reporters/index.ts'
import { expectGolden } from '../../support/golden.ts'
import { STORIES, storyNames } from '../../support/reports.ts'

test.each(storyNames)('%s, as it is worded', async story => {
  expectGolden(`${story}.plain.txt`, await formatReport(STORIES[story], 'plain'))
})

test('one line a check with its status first, then the closing line', async () => {
  const lines = (await formatReport(STORIES.trouble, 'plain')).trimEnd().split('\n')
  expect(lines).toHaveLength(STORIES.trouble.checks.length + 1)
  expect(lines.slice(0, -1).map(line => line.split('\t').slice(0, 2))).toEqual(
    STORIES.trouble.checks.map(({ status, id }) => [status, id]),
  )
  expect(lines[2]?.split('\t')).toEqual([
    'fail',
    'plugins',
    'BOOT.md:41',
    'plugin-hooks/import-missing',
    'security-guard cannot be loaded (3 of 4 are good): index.js:3 imports ./lib/policy.js, which does not exist',
    'next: openclaw plugins install security-guard --force',
  ])
})

test('a failure that does not count says so', async () => {
  const line = (await formatReport(STORIES.warned, 'plain')).split('\n').find(text => text.startsWith('fail'))
  expect(line?.split('\t').at(-1)).toBe('severity: warn')
})

test('no text can make another line or column', async () => {
  const lines = (await formatReport(STORIES.hostile, 'plain')).trimEnd().split('\n')
  expect(lines).toHaveLength(4)
  expect(lines[0]?.split('\t')).toHaveLength(6)
})

test('quiet', async () => {
  const lines = (await formatReport(STORIES.trouble, 'plain', { quiet: true })).trimEnd().split('\n')
  expect(lines.map(line => line.split('\t')[0])).toEqual([
    'fail',
    'warn',
    'timeout',
    'blocked',
    expect.stringMatching(/^not ready: /),
  ])
})
