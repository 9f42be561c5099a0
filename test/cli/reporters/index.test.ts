import { describe, expect, test } from 'vitest'
import { FORMATS, formatReport } from '../../../cli/reporters/index.ts'
import { STORIES, storyNames } from '../../support/reports.ts'

const freeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}

describe.each(FORMATS)('%s', format => {
  test.each(storyNames)('%s is the same text each time, ends with a newline, and changes nothing', async story => {
    const report = freeze(structuredClone(STORIES[story]))
    const before = process.exitCode
    const text = await formatReport(report, format)
    expect(text.endsWith('\n')).toBe(true)
    expect(text).not.toContain('undefined')
    expect(await formatReport(report, format)).toBe(text)
    expect(process.exitCode).toBe(before)
  })

  test('is well-formed Unicode whatever the report holds', async () => {
    expect(await formatReport(STORIES.hostile, format)).toSatisfy(
      (text: string) => Buffer.from(text, 'utf8').toString('utf8') === text,
    )
  })
})
