import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

/** Wording lives in files: `GOLDEN=write npx vitest run test/cli` writes them anew, to be read in the diff. */
export const expectGolden = (name: string, text: string): void => {
  const path = join(import.meta.dirname, '../fixtures/reports', name)
  if (process.env.GOLDEN === 'write') writeFileSync(path, text)
  expect(text).toBe(readFileSync(path, 'utf8'))
}
