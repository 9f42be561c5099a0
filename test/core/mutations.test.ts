/**
 * No slip of the keyboard may lose a check, or a key of one, in silence: for each one-edit mutation of a manifest with all kinds
 * and all common keys, either there is an error, or the plan still holds every check in order and every key of each.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Parsed, parseManifest } from '../../core/manifest.ts'
import { sixKinds } from '../support/kinds.ts'
import { characterEdits, lineEdits, type Mutation } from '../support/mutations.ts'
import { signatureOf } from '../support/signature.ts'

const counted = readFileSync(join(import.meta.dirname, '../fixtures/mutations/BOOT.md'), 'utf8')
// Without the count nothing catches a lost check but the grammar itself.
const uncounted = counted.replace('checks: 10\n', '')

const parse = (text: string): Promise<Parsed> =>
  parseManifest(text, { file: 'BOOT.md', registry: sixKinds, mode: 'run', now: 0 })

/**
 * The one exemption: a whole line deleted that holds one optional key, or one item of a list, leaves another manifest that is
 * just as good. (Without a required key it is none, so those deletions are judged like all others.)
 */
const isOtherManifest = (deleted: string | undefined): boolean =>
  deleted !== undefined && /^\s*(?:- )?["']?[\w-]+["']?:|^\s*- /.test(deleted)

/** One in `every`, scattered, so that no kind of edit falls through a grid. Always the same ones. */
function* sample(mutations: Iterable<Mutation>, every: number): Generator<Mutation> {
  let index = 0
  for (const mutation of mutations) if ((Math.imul(++index, 0x9e3779b1) >>> 0) % every === 0) yield mutation
}

const judge = async (text: string, mutations: Iterable<Mutation>) => {
  const { plan, errors } = await parse(text)
  expect(errors).toEqual([])
  if (!plan) throw new Error('the unmutated manifest is not good')
  const original = signatureOf(plan)
  const lost: string[] = []
  let caught = 0
  let harmless = 0
  let exempt = 0
  for (const { what, text: mutated, deleted } of mutations) {
    const { plan: after } = await parse(mutated)
    if (!after) {
      caught++
      continue
    }
    if (isOtherManifest(deleted)) {
      exempt++
      continue
    }
    const now = signatureOf(after)
    const missing = [
      ...original.head.filter(key => !now.head.includes(key)),
      ...(now.checks.length === original.checks.length
        ? []
        : [`${now.checks.length} checks of ${original.checks.length}`]),
      ...original.checks.flatMap((keys, index) =>
        keys.filter(key => !now.checks[index]?.includes(key)).map(key => `check ${index + 1}: ${key}`),
      ),
    ]
    if (missing.length > 0) lost.push(`${what} lost ${missing.join(', ')}`)
    else harmless++
  }
  return { caught, harmless, exempt, lost }
}

describe('mutations', () => {
  it('start from ten checks, all kinds and all common keys', async () => {
    const { plan } = await parse(counted)
    expect(plan?.checks).toHaveLength(10)
    expect(new Set(plan?.checks.map(({ kind }) => kind))).toEqual(new Set(Object.keys(sixKinds)))
    for (const key of ['needs', 'severity', 'phase', 'every', 'timeout', 'retries', 'retry-delay', 'when', 'skip'])
      expect(counted).toMatch(new RegExp(`^${key}:`, 'm'))
  })

  it('of lines and of characters lose nothing in silence', async () => {
    const began = performance.now()
    const parts = [
      await judge(uncounted, sample(lineEdits(uncounted), 4)),
      await judge(counted, sample(lineEdits(counted), 11)),
      await judge(uncounted, sample(characterEdits(uncounted), 78)),
    ]
    const sum = (key: 'caught' | 'harmless' | 'exempt'): number => parts.reduce((total, part) => total + part[key], 0)
    const lost = parts.flatMap(part => part.lost)
    const all = sum('caught') + sum('harmless') + sum('exempt') + lost.length
    console.log(
      `${all} mutations: ${sum('caught')} caught, ${sum('harmless')} harmless, ${sum('exempt')} other manifests, ${lost.length} lost, in ${((performance.now() - began) / 1000).toFixed(0)} s`,
    )
    expect(lost).toEqual([])
    expect(all).toBeGreaterThan(5000)
    expect(sum('exempt')).toBeLessThan(100)
  }, 240_000)
})
