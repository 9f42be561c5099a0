import { expect, test } from 'vitest'
import { kinds } from '../../checks/index.ts'
import { markdown } from '../../cli/markdown.ts'
import { explainTopic } from '../../index.ts'

test('code and what is bold are told as that, also where a line ends in them', async () => {
  const text =
    'one `two three four` **five six** seven\n\n- a `b c d e f g` h\n\n| a | b |\n| --- | --- |\n| x | `y z` and **b c** |'
  for (let width = 12; width < 60; width++) {
    const shown = await markdown(text, { color: false, width })
    expect(shown).not.toMatch(/[`*]/)
    expect(shown.replaceAll(/\s+/g, ' ')).toContain('one two three four five six seven')
  }
  const coloured = await markdown('one `two three`', { color: true, width: 8 })
  expect(coloured).toBe('one \u001b[36mtwo\u001b[39m\n\u001b[36mthree\u001b[39m')
})

test.each(Object.keys(kinds))('no stray backtick in what is told of %s', async kind => {
  const found = await explainTopic(kind)
  if ('suggestion' in found) throw new Error('not found')
  for (const width of [60, 80, 100, 120]) {
    const prose = (await markdown(found.text, { color: false, width }))
      .split('\n')
      .filter(line => !line.startsWith('    '))
    expect(prose.filter(line => line.includes('`'))).toEqual([])
  }
})
