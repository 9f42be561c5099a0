import { expect, test } from 'vitest'
import { formatReport } from '../../../cli/reporters/index.ts'
import { visible } from '../../../core/text.ts'
import { expectGolden } from '../../support/golden.ts'
import { HOSTILE, STORIES, storyNames } from '../../support/reports.ts'

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The text exposition format 0.0.4, strictly: HELP and TYPE once before their samples, no timestamps, no series twice. */
const parse = (text: string): Sample[] => {
  expect(text.endsWith('\n')).toBe(true)
  const samples: Sample[] = []
  const families = new Set<string>()
  const series = new Set<string>()
  let help = ''
  let type = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+)$/.exec(line)
    if (comment?.[1] === 'HELP') {
      expect(families).not.toContain(comment[2])
      help = comment[2] ?? ''
      families.add(help)
    } else if (comment) {
      expect([comment[2], comment[3]]).toEqual([help, 'gauge'])
      type = help
    } else {
      const match =
        /^([a-z_][a-z0-9_]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (-?[0-9.]+(?:e[+-]?[0-9]+)?)$/.exec(line)
      if (!match?.[1]) throw new Error(`no sample: ${line}`)
      expect(match[1]).toBe(type)
      const labels: Record<string, string> = {}
      for (const [, key = '', value = ''] of (match[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
        expect(labels).not.toHaveProperty(key)
        labels[key] = value.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char))
      }
      const id = `${match[1]} ${JSON.stringify(Object.entries(labels).sort())}`
      expect(series).not.toContain(id)
      series.add(id)
      samples.push({ name: match[1], labels, value: Number(match[3]) })
    }
  }
  return samples
}

test.each(['trouble', 'invalid'] as const)('%s, as it is worded', async story => {
  expectGolden(`${story}.prom`, await formatReport(STORIES[story], 'prometheus'))
})

test.each(storyNames)('%s: the exposition format, and what the report decided', async story => {
  const report = STORIES[story]
  const samples = parse(await formatReport(report, 'prometheus'))
  const values = (name: string): number[] => samples.filter(sample => sample.name === name).map(({ value }) => value)
  expect(values('bootcheck_ready')).toEqual([report.ready ? 1 : 0])
  expect(values('bootcheck_exit_code')).toEqual([report.exitCode])
  expect(values('bootcheck_last_run_timestamp_seconds')).toEqual([1795313647.12])
  expect(values('bootcheck_run_duration_seconds')).toEqual([report.durationMs / 1000])
  expect(values('bootcheck_problems')).toEqual([report.errors.length, report.warnings.length])
  const counts = samples
    .filter(({ name }) => name === 'bootcheck_checks')
    .map(({ labels, value }) => [labels.status, value])
  expect(Object.fromEntries(counts)).toEqual(report.counts)
})

test('each check has its status as a label', async () => {
  const samples = parse(await formatReport(STORIES.trouble, 'prometheus'))
  const statuses = samples.filter(({ name }) => name === 'bootcheck_check_status')
  expect(statuses.map(({ labels }) => [labels.id, labels.status, labels.effect])).toEqual(
    STORIES.trouble.checks.map(({ id, status, effect }) => [id, status, effect]),
  )
  expect(statuses[2]?.labels).toEqual({
    manifest: 'BOOT.md',
    run_phase: 'before',
    id: 'plugins',
    kind: 'plugin-hooks',
    phase: 'before',
    severity: 'fail',
    status: 'fail',
    effect: 'failure',
  })
})

test('labels hold any text', async () => {
  const [first] = parse(await formatReport(STORIES.hostile, 'prometheus'))
  expect(first?.labels.manifest).toBe(visible(HOSTILE))
})
