/** What the kinds with a memory say of it, and how commands are written for people. */
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { damaged, TARGET } from '../../core/remembered.ts'
import { quote } from '../../core/shell.ts'
import type { StoreRecord } from '../../core/store.ts'

const record = (type: string): StoreRecord => ({
  id: type,
  event: { type },
  wallMs: 1,
  boot: 'b',
  uptimeMs: 2,
  pid: 3,
  started: '4',
  host: 'h',
})

describe('lines that cannot be read', () => {
  it('are made up for by others only where there are others', () => {
    expect(damaged('budget', 't', { records: [record('ok'), record('ok')], bad: 1 }).summary).toBe(
      '1 line of what is remembered of t cannot be read; the others say that all is well',
    )
    expect(damaged('budget', 't', { records: [record('ok'), record('reset')], bad: 1 }).summary).toBe(
      '1 line of what is remembered of t cannot be read, and there is no other since its reset',
    )
  })
})

describe('names', () => {
  it('have no control characters', () => {
    const pattern = new RegExp(TARGET.pattern)
    for (const name of ['gateway', 'ä', 'a b', '💥', 'a\u202eb']) expect(pattern.test(name), name).toBe(true)
    for (const name of ['a\u0001', '\u001b[31m', 'a\nb', 'a\u007f', '\u0085']) expect(pattern.test(name)).toBe(false)
  })
})

describe('words for a shell', () => {
  it.each(['gateway', '', '-rf', "it's", 'a b', '$(id)', "\u001b[31m'\\x", 'a\nb', 'a\u202eb\u0085c', '💥', '\\'])(
    '%j is itself again',
    word => {
      const quoted = quote(word)
      expect(quoted).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/)
      expect(execFileSync('bash', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' })).toBe(word)
    },
  )
})
