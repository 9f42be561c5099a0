import { describe, expect, test } from 'vitest'
import { formatReport } from '../../../cli/reporters/index.ts'
import { columns } from '../../../cli/reporters/layout.ts'
import { expectGolden } from '../../support/golden.ts'
import { check, HOSTILE, report, STORIES, storyNames } from '../../support/reports.ts'

const pretty = (story: keyof typeof STORIES, options = {}): Promise<string> =>
  formatReport(STORIES[story], 'pretty', options)
const bare = (text: string): string => text.replace(/\u001b\[[0-9]+m/g, '')

test.each(storyNames)('%s, as it is worded', async story => {
  expectGolden(`${story}.pretty.txt`, await pretty(story))
})

test.each([40, 50, 120])('%i columns, as it is laid out', async width => {
  expectGolden(`trouble.pretty-${width}.txt`, await pretty('trouble', { width }))
})

test('every check of a troubled run has its line, in order, with its glyph', async () => {
  const lines = (await pretty('trouble')).split('\n').filter(line => /^[✔⚠✖·] /u.test(line))
  expect(lines.map(line => line.split(/\s+/).slice(0, 2).join(' '))).toEqual([
    '✔ gateway-port',
    '✔ workspace',
    '✖ plugins',
    '✔ cron',
    '⚠ temp-files',
    '✖ telegram',
    '· greeting',
  ])
})

test('ASCII where nothing else can be shown', async () => {
  for (const story of storyNames.filter(name => name !== 'hostile'))
    expect(await pretty(story, { unicode: false })).toMatch(/^[\n -~]*$/)
})

test.each(storyNames)('%s: colour changes no character', async story => {
  const colored = await pretty(story, { color: true })
  expect(colored).toContain('\u001b[')
  expect(bare(colored)).toBe(await pretty(story))
})

describe.each([40, 50, 60, 80, 120])('at %i columns', width => {
  test.each(storyNames.filter(name => name !== 'hostile'))(
    '%s keeps to the width, but for what will be pasted',
    async story => {
      const lines = (await pretty(story, { width })).split('\n')
      const pasted = /^ +next |^\S+: (error|warning) /
      for (const line of lines.filter(text => !pasted.test(text))) expect(columns(line)).toBeLessThanOrEqual(width)
    },
  )

  test('commands to type stand on one line', async () => {
    const text = await pretty('trouble', { width })
    expect(text).toContain('openclaw plugins install security-guard --force\n')
    expect(text).toMatch(/bootcheck explain plugins$/m)
  })
})

test('a long id does not push the others away', async () => {
  const id = 'a'.repeat(63)
  const shown = await formatReport(
    report({
      checks: [
        check({ id, kind: 'port', status: 'fail', code: 'port/held', summary: 'held by pid 12' }),
        STORIES.trouble.checks[0] as never,
      ],
    }),
    'pretty',
  )
  expect(shown).toContain(`✖ ${id}\n${' '.repeat(30)}held by pid 12\n`)
})

test('no control character of a report reaches the terminal', async () => {
  for (const width of [40, 80]) expect(await pretty('hostile', { width })).not.toMatch(/[^\n\P{Cc}]|\u202e/u)
  expect(HOSTILE).toMatch(/\p{Cc}/u)
})

describe('findings', () => {
  test('beyond the first are listed, five of them, and the rest is said', async () => {
    const text = await pretty('findings')
    expect(text.match(/plugins\/p\d+\/index.js/g)).toEqual([1, 2, 3, 4, 5].map(at => `plugins/p${at}/index.js`))
    expect(text).toContain('and 8 more')
  })
})

describe('quiet', () => {
  test('a good run is one line', async () => {
    expect(await pretty('green', { quiet: true })).toBe('✔ Ready. 4 of 4 passed in 0.21 s (BOOT.md, as claw)\n')
    expect(await pretty('green-with-skip', { quiet: true })).toBe(
      '✔ Ready. 2 of 3 passed, 1 skipped in 0.21 s (BOOT.md, as claw)\n',
    )
  })

  test('a bad one is what is not fine, and the closing line', async () => {
    const text = await pretty('trouble', { quiet: true })
    expect(text).not.toMatch(/gateway-port|workspace|cron/)
    expect(text).toMatch(/✖ plugins.*⚠ temp-files.*✖ telegram.*· greeting/s)
    expect(text.trimEnd().split('\n').at(-1)).toBe(
      'Not ready. 1 failed, 1 timed out, 1 blocked, 1 warning, 3 passed in 5.1 s.',
    )
  })

  test('warnings and errors of the run stay', async () => {
    expect(await pretty('warned', { quiet: true })).toContain('E305 skip expired on 2026-01-01')
    expect(await pretty('invalid', { quiet: true })).toContain('BOOT.md:14:4: error E112')
  })
})

describe('it never looks green unless the report is ready and exits 0', () => {
  test.each(storyNames)('%s', async story => {
    const { ready } = STORIES[story]
    expect(/(^|\n)(✔ )?Ready/.test(await pretty(story))).toBe(ready)
    expect(/(^|\n)ready/.test(await formatReport(STORIES[story], 'plain'))).toBe(ready)
  })

  test.each([1, 2, 3, 130])('ready beside exit code %i', async exitCode => {
    const odd = { ...STORIES.green, exitCode }
    expect(await formatReport(odd, 'pretty')).not.toMatch(/Ready/)
    expect(await formatReport(odd, 'plain')).not.toMatch(/^ready/m)
  })

  test('exit code 0 without ready', async () => {
    expect(await formatReport({ ...STORIES.green, ready: false }, 'pretty')).toContain('Not ready')
  })
})

test('only commands that there are are named', async () => {
  const words = new Set<string>()
  for (const story of storyNames.filter(name => name !== 'warned'))
    for (const [, word] of (await pretty(story)).matchAll(/bootcheck ([a-z]+)/g)) words.add(word ?? '')
  expect([...words]).toEqual(['explain'])
})
