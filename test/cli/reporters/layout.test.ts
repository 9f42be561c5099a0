import fc from 'fast-check'
import { expect, test } from 'vitest'
import { columns, pad, truncate, wrap } from '../../../cli/reporters/layout.ts'

test.each([
  ['', 0],
  ['abc', 3],
  ['한글', 4],
  ['日本語 x', 8],
  ['é', 1],
  ['e\u0301', 1],
  ['✔ ⚠ ✖ · …', 9],
  ['😀', 2],
  ['⏳🚀', 4],
] as const)('%s takes %i columns', (text, width) => {
  expect(columns(text)).toBe(width)
})

test('pad and truncate', () => {
  expect(pad('한', 4)).toBe('한  ')
  expect(pad('abcd', 2)).toBe('abcd')
  expect(truncate('한글 제목', 5)).toBe('한글…')
  expect(truncate('abcdef', 5, '...')).toBe('ab...')
  expect(truncate('abcde', 5)).toBe('abcde')
})

test('wrap loses nothing, and no line is too long unless it is one word', () => {
  const word = fc.stringMatching(/^[a-z/한글.]{1,30}$/)
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 10, max: 80 }), (words, width) => {
      const lines = wrap(words.join(' '), width)
      expect(lines.join(' ')).toBe(words.join(' '))
      for (const line of lines) if (line.includes(' ')) expect(columns(line)).toBeLessThanOrEqual(width)
    }),
  )
})
