/** Memory as the built program sees it, under a limit of its own and in each format. */
import { describe, expect, it } from 'vitest'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

describe('memory', () => {
  it('a limit of the process that is smaller than the host decides', async () => {
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(
        'check: memory\nid: fits\nfree: 1MiB',
        'check: memory\nid: tight\nfree: 1MiB\nheadroom: 4GiB',
      ),
    })
    const through = ['sh', '-c', 'ulimit -d 4000000; exec "$@"', 'sh']
    const ended = await bootcheck(['run', '--format', 'json'], { cwd, through })
    expect(ended.code).toBe(1)
    const [fits, tight] = reportOf(ended).checks
    expect(fits).toMatchObject({ status: 'pass', code: 'memory/enough' })
    expect(fits?.watched).toContain('ulimit -d')
    expect(tight).toMatchObject({ status: 'fail', next: 'ulimit -d', code: 'memory/too-small' })
  })

  it('in each format, good and bad', async () => {
    const cwd = scratch()
    for (const format of ['plain', 'pretty', 'json', 'junit', 'tap', 'github']) {
      expect((await bootcheck(['check', 'memory', '--free', '1MiB', '--format', format], { cwd })).code, format).toBe(0)
      const bad = await bootcheck(['check', 'memory', '--free', '800000GiB', '--format', format], { cwd })
      expect(bad.code, format).toBe(1)
      expect(bad.stdout, format).toContain('memory/too-small')
    }
    for (const words of [[], ['--free', 'lots'], ['--free', '5']])
      expect((await bootcheck(['check', 'memory', ...words], { cwd })).code, words.join(' ')).toBe(2)
  })
})
