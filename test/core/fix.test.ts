import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fixManifest } from '../../core/manifest/fix.ts'
import { parseManifest } from '../../core/manifest.ts'
import { sixKinds } from '../support/kinds.ts'
import { characterEdits } from '../support/mutations.ts'

const good = readFileSync(join(import.meta.dirname, '../fixtures/lint/good.md'), 'utf8')
const options = { file: 'BOOT.md', registry: sixKinds }
const fix = (text: string) => fixManifest(text, options)
const errors = async (text: string) =>
  (await parseManifest(text, { ...options, mode: 'lint' })).errors.map(({ code, line }) => `${code} ${line}`)

describe('lint --fix', () => {
  it.each([
    ['an invisible character', good.replace('port: 18', 'p\u200bort: 18'), good, ['BOOT.md:17:2: U+200B deleted']],
    ['one before a fence', good.replace('```yaml', '\u200b```yaml'), good, ['BOOT.md:14:1: U+200B deleted']],
    [
      'two in a line',
      good.replace('id: gateway-port', '\u200bid: gate\u2060way-port'),
      good,
      ['BOOT.md:16:10: U+2060 deleted', 'BOOT.md:16:1: U+200B deleted'],
    ],
    [
      'a non-breaking space',
      good.replace('port: 18', 'port:\u00a018'),
      good,
      ['BOOT.md:17:6: U+00A0 made a normal space'],
    ],
    ['an octal mode', good.replace('"0700"', '0700'), good, ['BOOT.md:28:7: 0700 quoted']],
    ['a count', good.replace('checks: 2', 'checks: 12'), good, ['BOOT.md:3:9: checks: 12 made 2']],
    ['a count left out', good.replace('checks: 2\n', ''), good, ['BOOT.md:3:1: 2 checks counted in the front matter']],
    [
      'one after the other',
      good.replace('checks: 2\n', '').replace('mode: "0700"', 'mo\u200bde:\u00a00700'),
      good,
      [
        'BOOT.md:27:7: U+00A0 made a normal space',
        'BOOT.md:27:3: U+200B deleted',
        'BOOT.md:27:7: 0700 quoted',
        'BOOT.md:3:1: 2 checks counted in the front matter',
      ],
    ],
  ])('mends %s', async (_, text, expected, fixed) => {
    const result = await fix(text)
    expect(result.text).toBe(expected)
    expect([...result.fixed].sort()).toEqual([...fixed].sort())
    expect(await errors(result.text)).toEqual([])
  })

  it('keeps CRLF and the byte order mark', async () => {
    const windows = `\ufeff${good.replaceAll('\n', '\r\n')}`
    expect((await fix(windows)).fixed).toEqual([])
    expect((await fix(windows)).text).toBe(windows)
    const broken = windows.replace('checks: 2\r\n', '').replace('"0700"', '0700')
    expect((await fix(broken)).text).toBe(windows)
  })

  it.each([
    ['a good file', good],
    ['a count that a lost check explains', good.replace('```yaml boot', '```yaml bot')],
    ['a count that is no number', good.replace('checks: 2', 'checks: two')],
    ['a count left out beside a broken block', good.replace('checks: 2\n', '').replace('18789\n```', '18789\n')],
    ['a mode that may not be octal', good.replace('"0700"', '700')],
    ['a lone CR', good.replace('port: 18', 'port:\r18')],
    ['an invisible character in the prose', good.replace('who before', 'who\u200b before')],
    ['an agent\u2019s file', '# Boot\n\nSay\u00a0good\u200bmorning.\n'],
    ['an empty file', ''],
  ])('leaves %s alone', async (_, text) => {
    expect(await fix(text)).toEqual({ text, fixed: [] })
  })

  it('changes nothing but what it says, and is done after one turn', async () => {
    let index = 0
    for (const { text } of characterEdits(good)) {
      if (index++ % 211 !== 0) continue
      const once = await fix(text)
      expect(await fix(once.text)).toEqual({ text: once.text, fixed: [] })
      if (once.fixed.length === 0) expect(once.text).toBe(text)
    }
  })
})

it.each(['\u200c', '\u00a0'])('leaves what stands between quotes to people: %j', async char => {
  const text = good.replace('"0700"', `"07${char}00"`)
  expect((await fix(text)).text).toBe(text)
  expect(await errors(text)).not.toEqual([])
})

describe('never makes it worse', () => {
  const block = '\n```yaml boot\ncheck: workspace\nid: a\npath: .\n```\n'
  it.each([
    ['front matter in flow style', `---\n{bootcheck: 1}\n---\n${block}`],
    ['indented front matter', `---\n  bootcheck: 1\n  title: x\n---\n${block}`],
  ])('%s', async (_, text) => {
    expect(await errors(text)).toEqual([])
    expect(await errors((await fix(text)).text)).toEqual([])
  })
})
