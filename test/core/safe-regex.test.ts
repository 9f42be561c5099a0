import { describe, expect, it } from 'vitest'
import { NeedsChild } from '../../core/contain.ts'
import { flawOfPattern, matcherOf as matcher } from '../../core/safe-regex.ts'

// No test of this file enters the child: what may take long must be refused here.
const problem = (text: string): string => {
  expect(() => matcher(text)).toThrow(flawOfPattern(text))
  return flawOfPattern(text) ?? `${text} was taken`
}

describe('plain text', () => {
  it.each([
    ['ENOSPC', 'write failed: ENOSPC', 14],
    ['ENOSPC', 'enospc', -1],
    ['a.c', 'abc a.c', 4],
    ['(a+)+$', 'the text (a+)+$ itself', 9],
    ['/var/log/x.log', 'open /var/log/x.log', 5],
    ['and/or', 'and/or', 0],
    ['/', 'a/b', 1],
  ])('%s stands for itself', (pattern, text, at) => {
    expect(matcher(pattern).find(text)).toBe(at)
  })
})

describe('an expression that cannot take long is matched here', () => {
  it.each([
    ['/error|fatal/i', 'a FATAL one', 2],
    ['/^v[0-9]\\./', 'v2.1', 0],
    ['/usr/bin/', '/usr/bin', 1],
    ['/^b$/m', 'a\nb', 2],
    ['/a.c/s', 'a\nc', 0],
    ['/[^\\]\\w]x/', 'ax -x', 3],
    ['/[[a-z]&&[^aeiou]]/v', 'eb', 1],
    ['/\\/tmp[*+]/', 'in /tmp+', 3],
  ])('%s', (pattern, text, at) => {
    expect(matcher(pattern).find(text)).toBe(at)
    expect(matcher(pattern).find(text)).toBe(at)
    expect(matcher(pattern).find('')).toBe(-1)
  })
})

describe('an expression that may take long is refused outside of a child', () => {
  it.each([
    '/(a+)+$/',
    '/a*a*a*b/',
    '/(a|a)(a|a)(a|a)(a|a)b/',
    '/a?a?a?a?aaaa/',
    '/(?:a{1,9}){1,9}b/',
    '/^(\\w+\\s?)*$/',
    '/(.)\\1/',
    '/(?<x>a)\\k<x>/',
    '/(?=a)b/',
    '/[a]+b/',
    '/[[]+b/',
    '/[(]+b/',
    '/[\\]]+b/',
    '/\\\\+b/',
    '/[[a]b]+c/v',
    '/[^]]*x/',
  ])('%s', pattern => {
    const { find } = matcher(pattern)
    expect(() => find('aaaa')).toThrow(NeedsChild)
    expect(() => find('')).toThrow(NeedsChild)
  })
})

describe('what cannot be used is told', () => {
  it.each([
    ['', 'is empty'],
    ['//', 'is empty'],
    ['//i', 'is empty'],
    ['/a(/', 'is no regular expression: Unterminated group'],
    ['/[z-a]/', 'is no regular expression: Range out of order in character class'],
    ['/a/ii', 'is no regular expression'],
    ['/a/g', 'ends with g'],
    ['/a/y', 'ends with y'],
    ['/a/uv', 'is no regular expression'],
  ])('%s', (pattern, says) => {
    expect(problem(pattern)).toContain(says)
    expect(problem(pattern)).not.toContain('\n')
  })

  it('a path that reads like an expression is not guessed at, and the advice works', () => {
    const advice = /write (\/.*\/)$/.exec(problem('/var/lib'))?.[1] ?? ''
    expect(matcher(advice).find('in /var/lib')).toBe(3)
  })
})
