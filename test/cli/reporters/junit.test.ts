import { spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { formatReport } from '../../../cli/reporters/index.ts'
import { expectGolden } from '../../support/golden.ts'
import { STORIES, storyNames } from '../../support/reports.ts'

interface Parsed {
  readonly suite: Readonly<Record<string, string>>
  readonly out: string | null
  readonly cases: readonly {
    readonly name: string
    readonly attributes: Readonly<Record<string, string>>
    readonly children: readonly {
      readonly tag: string
      readonly attributes: Readonly<Record<string, string>>
      readonly text: string | null
    }[]
  }[]
}

// Expat, by way of Python: a parser that is not ours and forgives nothing.
const READER = `
import json, sys
import xml.etree.ElementTree as tree
def read(text):
  suite = tree.fromstring(text.encode()).find('testsuite')
  out = suite.find('system-out')
  return {'suite': suite.attrib, 'out': None if out is None else out.text, 'cases': [
    {'name': c.attrib['name'], 'attributes': c.attrib, 'children': [{'tag': k.tag, 'attributes': k.attrib, 'text': k.text} for k in c]}
    for c in suite.iter('testcase')]}
print(json.dumps({story: read(text) for story, text in json.load(sys.stdin).items()}))
`

let all: Readonly<Record<string, Parsed>>
beforeAll(async () => {
  const texts = await Promise.all(
    storyNames.map(async story => [story, await formatReport(STORIES[story], 'junit')] as const),
  )
  const input = JSON.stringify(Object.fromEntries(texts))
  const { stdout, stderr, status } = spawnSync('python3', ['-c', READER], { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  all = JSON.parse(stdout)
})
const parsed = (story: keyof typeof STORIES): Parsed => {
  const found = all[story]
  if (!found) throw new Error(`${story} was not parsed`)
  return found
}

test.each(['trouble', 'invalid', 'warned', 'stopped'] as const)('%s, as it is worded', async story => {
  expectGolden(`${story}.junit.xml`, await formatReport(STORIES[story], 'junit'))
})

describe.each(storyNames)('%s', story => {
  test('is well-formed, and its numbers are those of its elements', () => {
    const { suite, cases } = parsed(story)
    const tags = cases.flatMap(({ children }) => children.map(({ tag }) => tag))
    const count = (tag: string): string => String(tags.filter(each => each === tag).length)
    expect(suite).toMatchObject({
      tests: String(cases.length),
      failures: count('failure'),
      errors: count('error'),
      skipped: count('skipped'),
    })
  })

  test('is red exactly if the run is not ready', () => {
    const { suite } = parsed(story)
    expect(Number(suite.failures) + Number(suite.errors) > 0).toBe(!STORIES[story].ready)
  })
})

test('a failure, a timeout and what it blocks are told apart; a warning is green and speaks in system-out', () => {
  const { cases } = parsed('trouble')
  expect(cases.map(({ name, children }) => [name, children.map(({ tag }) => tag).join()])).toEqual([
    ['gateway-port', 'system-out'],
    ['workspace', 'system-out'],
    ['plugins', 'failure'],
    ['cron', 'system-out'],
    ['temp-files', 'system-out'],
    ['telegram', 'error'],
    ['greeting', 'error'],
  ])
  expect(cases[2]?.attributes).toMatchObject({
    classname: 'bootcheck.plugin-hooks',
    file: 'BOOT.md',
    line: '41',
    time: '0.009',
  })
  expect(cases[2]?.children[0]?.attributes).toMatchObject({ type: 'plugin-hooks/import-missing' })
  expect(cases[2]?.children[0]?.text).toContain('next: openclaw plugins install security-guard --force')
  expect(cases[4]?.children[0]?.text).toContain('warning: tmp-files/many')
})

test('a skip is skipped, with its reason', () => {
  const { cases } = parsed('green-with-skip')
  expect(cases[1]?.children).toEqual([
    { tag: 'skipped', attributes: { message: 'not run: only on darwin; this is linux' }, text: null },
  ])
})

test('errors of a manifest are cases in error, at their place', () => {
  const { cases } = parsed('invalid')
  expect(cases.map(({ attributes }) => [attributes.file, attributes.line])).toEqual([
    ['BOOT.md', '14'],
    ['BOOT.md', '27'],
  ])
})

test('warnings of the run stand in the output of the suite', () => {
  expect(parsed('warned').out).toContain('E305 skip expired on 2026-01-01')
})

test('text comes out of the parser as it was said, control characters made visible', () => {
  const { cases } = parsed('hostile')
  const failure = cases[0]?.children[0]
  expect(failure?.tag).toBe('failure')
  expect(failure?.attributes.message).toContain(`a\\x00b\\x1b[31m <b attr="x'y"> ]]> & # TODO \\ | 50%`)
  expect(failure?.text).toContain('\\ufffe\\ud800 😀 한글')
})
