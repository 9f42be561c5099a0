/** Counting processes with the built program: what started it does not count, and what cannot be seen is said. */
import { describe, expect, it } from 'vitest'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { nodeChild } from '../support/children.ts'
import { scratch } from '../support/context.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

const STAYS = `console.log('up'); setInterval(() => {}, 1000)`

describe('process', () => {
  it('a shell with the words in its own command line is not counted, a copy beside it is', async () => {
    const cwd = scratch()
    const name = `bot-${process.pid}-shell.js`
    // The shell stays: something follows the command.
    const through = ['sh', '-c', `"$@"; code=$?; : ${name}; exit $code`, 'sh']
    const words = ['check', 'process', '--command', `*${name}*`, '--format', 'json']
    expect((await bootcheck(words, { cwd, through })).code).toBe(0)
    await nodeChild(STAYS, [name])
    const ended = await bootcheck(words, { cwd, through })
    expect(ended.code).toBe(1)
    expect(reportOf(ended).checks[0]).toMatchObject({ code: 'process/too-many', facts: { count: 1 } })
  })

  it('in each format, good and bad', async () => {
    const cwd = scratch()
    const name = `bot-${process.pid}-formats.js`
    for (const format of ['plain', 'pretty', 'json', 'junit', 'tap', 'github', 'nagios']) {
      const ask = (expected: string) =>
        bootcheck(['check', 'process', '--command', `*${name}`, '--expect', expected, '--format', format], { cwd })
      expect((await ask('0')).code, format).toBe(0)
      const bad = await ask('2')
      expect(bad.code, format).toBe(format === 'nagios' ? bad.code : 1)
      expect(bad.code, format).not.toBe(0)
      expect(bad.stdout, format).toContain(name)
    }
    const usage = await bootcheck(['check', 'process', '--expect', '1'], { cwd })
    expect([usage.code, usage.stderr]).toEqual([2, expect.stringContaining('command')])
  })

  // Only root may hide the processes of others from somebody.
  it.runIf(process.getuid?.() === 0)('processes that /proc hides are said', async () => {
    const cwd = scratch()
    const name = `bot-${process.pid}-hidden.js`
    await nodeChild(STAYS, [name])
    lay(cwd, {
      'BOOT.md': manifest(
        `check: process\nid: none\ncommand: "*${name}"`,
        `check: process\nid: one\ncommand: "*${name}"\nexpect: 1`,
      ),
    })
    give(cwd)
    for (const mode of [1, 2]) {
      const hide = `mount -t proc -o hidepid=${mode} proc /proc; exec "$@"`
      const through = ['unshare', '-m', 'sh', '-ec', hide, 'sh', ...UNPRIVILEGED]
      const { checks } = reportOf(await bootcheck(['run', '--format', 'json'], { cwd, through }))
      expect(checks[0], `hidepid=${mode}`).toMatchObject({ status: 'warn', code: 'process/hidden' })
      expect(checks[1], `hidepid=${mode}`).toMatchObject({ status: 'fail', code: 'process/too-few' })
      expect(checks[1]?.observed).toContain('hidden')
    }
  })
})
