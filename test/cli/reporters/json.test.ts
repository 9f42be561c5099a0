import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, test } from 'vitest'
import { formatReport } from '../../../cli/reporters/index.ts'
import type { Outcome } from '../../../core/check.ts'
import { finish } from '../../../core/finish.ts'
import { planned, planWith } from '../../support/plan.ts'
import { check, report, STORIES, storyNames } from '../../support/reports.ts'

const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../../../schemas/report.schema.json'), 'utf8'))
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true })
addFormats.default(ajv)
const validate = ajv.compile(schema)
const errorsOf = (value: unknown): string[] =>
  validate(value) ? [] : (validate.errors ?? []).map(error => `${error.instancePath} ${error.message}`)

test.each(storyNames)('%s is the report, on one line, and fits its schema', async story => {
  const text = await formatReport(STORIES[story], 'json')
  expect(text.split('\n')).toHaveLength(2)
  expect(text.endsWith('}\n')).toBe(true)
  const parsed = JSON.parse(text)
  expect(parsed).toEqual(JSON.parse(JSON.stringify(STORIES[story])))
  expect(errorsOf(parsed)).toEqual([])
})

test('no character of it moves a cursor or reorders text', async () => {
  const text = await formatReport(STORIES.hostile, 'json')
  expect(text).not.toMatch(/[^\n\P{Cc}]|[\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/u)
  const tag = report({}, { title: '\u{e0041}\u009b\u2028' })
  expect(JSON.parse(await formatReport(tag, 'json')).title).toBe('\u{e0041}\u009b\u2028')
  expect(await formatReport(tag, 'json')).toContain('"\\udb40\\udc41\\u009b\\u2028"')
})

test('every outcome that a check can have, reported as after a run, fits the schema', async () => {
  const outcomes: Outcome[] = [
    {
      status: 'pass',
      code: 'port/free',
      summary: 's',
      watched: ['port 1'],
      facts: { a: 1, b: null, c: ['x'], d: true },
    },
    { status: 'warn', code: 'port/x', summary: 's', observed: 'o', expected: 'e', next: 'n' },
    {
      status: 'fail',
      code: 'port/y',
      summary: 's',
      observed: 'o',
      expected: 'e',
      next: 'n',
      findings: [
        { path: 'a', line: 1, column: 2, message: 'm', code: 'port/z' },
        { path: 'b', message: 'm' },
      ],
    },
    { status: 'skip', reason: 'r' },
    { status: 'timeout', afterMs: 5000 },
    { status: 'crash', error: { name: 'Error', message: 'm' } },
    { status: 'blocked', by: 'x' },
    { status: 'blocked', by: 'STOPPED' },
  ]
  const ran = outcomes.map((outcome, at) => ({
    check: planned({ id: `check-${at}`, kind: 'port', line: at + 1 }),
    outcome,
    attempts: at % 3,
    durationMs: at,
    assumed: at === 0 ? ['other'] : [],
    unusedSkips: [],
  }))
  const made = finish({
    tool: '0.1.0',
    plan: planWith(ran.map(entry => entry.check)),
    phase: 'before',
    user: { name: 'claw', uid: 501 },
    startedMs: Date.now(),
    durationMs: 12,
    strict: false,
    signal: 0,
    ran,
    secrets: ['hunter2'],
    warnings: [{ code: 'run/x', message: 'm' }],
    errors: [],
  })
  expect(new Set(made.checks.map(({ status }) => status)).size).toBe(7)
  expect(errorsOf(JSON.parse(await formatReport(made, 'json')))).toEqual([])
})

describe('the schema', () => {
  const [only] = STORIES.trouble.checks
  const withCheck = (change: object): unknown => ({ ...STORIES.trouble, checks: [{ ...only, ...change }] })

  test.each<[string, unknown]>([
    ['an unknown key', { ...STORIES.green, extra: 1 }],
    ['another version', { ...STORIES.green, version: 2 }],
    ['ready beside a failing exit code', { ...STORIES.green, exitCode: 1 }],
    ['not ready beside exit code 0', { ...STORIES.green, ready: false }],
    ['a missing count', { ...STORIES.green, counts: { pass: 1 } }],
    ['a time that is none', { ...STORIES.green, startedAt: 'yesterday' }],
    ['an unknown status', withCheck({ status: 'maybe' })],
    ['an unknown key of a check', withCheck({ why: 'x' })],
    ['a nested fact', withCheck({ facts: { a: { b: 1 } } })],
    ['line 0', withCheck({ line: 0 })],
    ['a finding without a message', withCheck({ findings: [{ path: 'x' }] })],
    ['an error without a code', { ...STORIES.invalid, errors: [{ message: 'x' }] }],
  ])('refuses %s', (_, value) => {
    expect(errorsOf(JSON.parse(JSON.stringify(value)))).not.toEqual([])
  })

  test('knows every key that a report can have', () => {
    const full = {
      ...check({
        id: 'a',
        kind: 'port',
        status: 'fail',
        code: 'port/x',
        summary: 's',
        line: 1,
        observed: 'o',
        expected: 'e',
        next: 'n',
      }),
    }
    expect(Object.keys(schema.$defs.check.properties).sort()).toEqual(Object.keys(full).sort())
    expect(Object.keys(schema.properties).sort()).toEqual(Object.keys(STORIES.green).sort())
    expect(Object.keys(schema.properties.counts.properties)).toEqual(Object.keys(STORIES.green.counts))
  })

  test.each(['properties', '$defs/check', '$defs/problem', '$defs/finding'])('leaves nothing open in %s', path => {
    const part = path === 'properties' ? schema : schema.$defs[path.slice(6)]
    expect(part.additionalProperties).toBe(false)
    for (const key of part.required) expect(part.properties).toHaveProperty(key)
  })
})
