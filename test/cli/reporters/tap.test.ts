import { Parser } from 'tap-parser'
import { describe, expect, test } from 'vitest'
import { formatReport } from '../../../cli/reporters/index.ts'
import { expectGolden } from '../../support/golden.ts'
import { STORIES, storyNames } from '../../support/reports.ts'

interface Read {
  readonly ok: boolean
  readonly bailout: unknown
  readonly points: readonly {
    ok: boolean
    id: number
    name: string
    skip: string | boolean
    todo: string | boolean
    time: number | null
    diag: Record<string, unknown> | null
  }[]
  readonly plan: { start: number; end: number } | undefined
}

const read = async (story: keyof typeof STORIES): Promise<Read> => {
  const text = await formatReport(STORIES[story], 'tap')
  const points: Read['points'][number][] = []
  let plan: Read['plan']
  return new Promise(resolve => {
    // Strict: a line that is not TAP is a failure.
    const parser = new Parser({ strict: true }, results =>
      resolve({ ok: results.ok, bailout: results.bailout, points, plan }),
    )
    parser.on('assert', ({ ok, id, name, skip, todo, time, diag }) =>
      points.push({ ok, id, name, skip, todo, time, diag }),
    )
    parser.on('plan', found => {
      plan = found
    })
    parser.end(text)
  })
}

test.each(['trouble', 'invalid', 'green-with-skip', 'strict', 'empty', 'stopped'] as const)(
  '%s, as it is worded',
  async story => {
    expectGolden(`${story}.tap`, await formatReport(STORIES[story], 'tap'))
  },
)

describe.each(storyNames)('%s', story => {
  test('is TAP 14, and fails exactly if the run is not ready', async () => {
    const { ok, plan, points } = await read(story)
    expect(ok).toBe(STORIES[story].ready)
    if (STORIES[story].errors.length === 0) expect(plan).toMatchObject({ start: 1, end: points.length })
  })
})

test('test points are the checks, with what they say', async () => {
  const { points } = await read('trouble')
  expect(points.map(({ ok }) => ok)).toEqual([true, true, false, true, true, false, false])
  expect(points.every(({ todo }) => todo === false)).toBe(true)
  expect(points[2]?.name).toBe('plugins: security-guard cannot be loaded (3 of 4 are good)')
  expect(points[2]?.diag).toMatchObject({
    severity: 'fail',
    code: 'plugin-hooks/import-missing',
    at: 'BOOT.md:41',
    next: 'openclaw plugins install security-guard --force',
    findings: ['plugins/security-guard/index.js:3:1: imports ./lib/policy.js, which does not exist'],
  })
  expect(points[2]?.time).toBe(9)
  expect(points[4]).toMatchObject({ ok: true, diag: { severity: 'warning', status: 'warn' } })
})

test('a skip is a directive', async () => {
  expect((await read('green-with-skip')).points[1]).toMatchObject({
    ok: true,
    skip: 'not run: only on darwin; this is linux',
  })
})

test('an invalid manifest and a stopped run bail out', async () => {
  expect((await read('invalid')).bailout).toBe('BOOT.md:14:4: error E112 almost a check marker: `yaml bot`')
  expect((await read('stopped')).bailout).toMatch(/^Stopped by SIGTERM/)
})

test('no text becomes a directive, a point or a second line', async () => {
  const { points } = await read('hostile')
  expect(points).toHaveLength(1)
  expect(points[0]).toMatchObject({ ok: false, todo: false, skip: false })
  expect(points[0]?.name).toContain('# TODO \\ | 50% \\r\\n::error::x')
  expect(points[0]?.diag?.next).toContain(']]> & # TODO \\ | 50%')
})
