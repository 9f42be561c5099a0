/** The queue's monitor through the built program: the reset runs in a child of the gate's, and leaves nothing behind. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { alive } from '../../core/process.ts'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

const CLAIM = '{"id": "job-7", "claimedAt": "2026-01-01T02:14:00Z"}\n'

const body = (reset: string, more = ''): string =>
  `check: queue\nid: queue\nclaims: queue/*.claim.json\nreset: ${reset}\n${more}`

it('gives an item back once, then tells that its tries are spent, and tries again after state reset', async () => {
  const cwd = scratch()
  lay(cwd, { 'BOOT.md': manifest(body("[sh, -c, 'echo $0 >> ran; rm $1', '{id}', '{claim}']", 'attempts: 2')) })
  const run = async () => {
    lay(cwd, { 'queue/job-7.claim.json': CLAIM })
    return reportOf(await bootcheck(['run', '--format', 'json'], { cwd })).checks[0]
  }
  expect(await run()).toMatchObject({ status: 'warn', code: 'queue/reset' })
  expect(existsSync(join(cwd, 'queue/job-7.claim.json'))).toBe(false)
  // The next worker's claim is another one: laid anew with another time.
  lay(cwd, {
    'BOOT.md': manifest(
      body("[sh, -c, 'echo $0 >> ran; rm $1', '{id}', '{claim}']", 'attempts: 2\nclaimed-at: /since'),
    ),
  })
  const again = async () => {
    lay(cwd, { 'queue/job-7.claim.json': '{"id": "job-7", "since": "2026-01-02T02:14:00Z"}\n' })
    return reportOf(await bootcheck(['run', '--format', 'json'], { cwd })).checks[0]
  }
  expect(await again()).toMatchObject({
    status: 'fail',
    code: 'queue/spent',
    next: expect.stringMatching(/^bootcheck state reset .*job-7$/),
  })
  expect((await bootcheck(['state', 'job-7'], { cwd })).stdout).toMatch(
    /^refused since [^\t]*\tjob-7\t2 of 2 attempts\tit went stale in its last try\tnext: .*bootcheck state reset --state-dir \S+ job-7$/m,
  )
  expect((await bootcheck(['state', 'reset', 'job-7'], { cwd })).code).toBe(0)
  expect(await again()).toMatchObject({ status: 'warn', code: 'queue/reset' })
  expect(readFileSync(join(cwd, 'ran'), 'utf8')).toBe('job-7\njob-7\n')
})

it('is not held by a reset that hangs, nor by what it leaves running', async () => {
  const cwd = scratch()
  lay(cwd, {
    'queue/job-7.claim.json': CLAIM,
    'BOOT.md': manifest(body("[sh, -c, 'sleep 300 & echo $! > pid; wait']", 'timeout: 4s')),
  })
  const ended = await bootcheck(['run', '--format', 'json'], { cwd })
  expect(reportOf(ended).checks[0]).toMatchObject({
    code: 'queue/reset-failed',
    observed: expect.stringMatching(/sh did not end within [23](\.\d)? s/),
  })
  expect(ended.ms).toBeLessThan(15_000)
  const pid = Number(readFileSync(join(cwd, 'pid'), 'utf8'))
  await expect.poll(() => alive(pid)).toBe(false)
})
