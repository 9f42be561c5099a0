/** A reader who was held up between listing the files and reading them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { localStore } from '../../core/local-store.ts'
import { scratch } from '../support/context.ts'

let meanwhile: ((folder: string) => void) | undefined
afterEach(() => {
  meanwhile = undefined
})

vi.mock('../../core/files.ts', async original => {
  const files = await original<typeof import('../../core/files.ts')>()
  return {
    ...files,
    entries: (path: string) => {
      const found = files.entries(path)
      const act = meanwhile
      meanwhile = undefined
      act?.(path)
      return found
    },
  }
})

const DAY = 86_400_000

it('sees what was moved from a file that stands there anew', () => {
  const dir = join(scratch(), 'state')
  const at = (day: number) =>
    localStore({ dir, now: () => Date.UTC(2026, 0, 1, 12) + day * DAY, boot: 'b', uptimeMs: () => day * DAY })
  at(0).append('t', { type: 'sneezed' })
  const reader = at(40)
  meanwhile = folder => {
    // A new day: what survives is moved there, and the old file is removed. Then a writer who was held up makes it again.
    at(40).append('t', { type: 'ok' })
    writeFileSync(join(folder, '2026-01-01.jsonl'), '', { mode: 0o600, flag: 'wx' })
  }
  expect(reader.read('t').records.map(({ event }) => event.type)).toEqual(['sneezed', 'ok'])
})
