import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { group } from '../../checks/group.ts'
import type { Outcome } from '../../core/check.ts'
import { parseManifest } from '../../index.ts'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'

const passed: Outcome = { status: 'pass', code: 'message/sent', summary: 'sent', watched: ['telegram'] }
const trouble = { summary: 'the token is refused', observed: '401', expected: '200', next: 'make a new token' }
const warned: Outcome = { status: 'warn', code: 'message/unknown', ...trouble }
const failed: Outcome = { status: 'fail', code: 'message/refused', ...trouble }
const late: Outcome = { status: 'timeout', afterMs: 5000 }
const crash: Outcome = { status: 'crash', error: { name: 'TypeError', message: 'x is no y' } }
const blocked: Outcome = { status: 'blocked', by: 'token' }
const skipped: Outcome = { status: 'skip', reason: 'moving house' }

const judged = (outcomes: Readonly<Record<string, Outcome | undefined>>, atLeast = 1) =>
  group.run(
    { 'any-of': Object.keys(outcomes), 'at-least': atLeast },
    context({
      cwd: '/',
      manifest: '/srv/my boot.md',
      outcomes: new Map(Object.entries(outcomes).flatMap(([id, outcome]) => (outcome ? [[id, outcome]] : []))),
      mask: text => text.replaceAll('hunter2', '***'),
    }),
  )

describe('what counts', () => {
  it.each<[string, Outcome | undefined, boolean]>([
    ['a pass', passed, true],
    ['a warning: it works', warned, true],
    ['a failure', failed, false],
    ['a timeout', late, false],
    ['a crash', crash, false],
    ['blocked', blocked, false],
    ['not run', undefined, false],
  ])('%s', (_, outcome, counts) => {
    expect(judged({ only: outcome })).toMatchObject({ status: counts ? 'pass' : 'fail' })
    expect(judged({ good: passed, other: outcome }, 2)).toMatchObject({ status: counts ? 'pass' : 'fail' })
    expect(judged({ good: passed, other: outcome })).toMatchObject({
      status: 'pass',
      code: counts ? 'group/all' : 'group/enough',
    })
  })

  it.each<[string, Readonly<Record<string, Outcome | undefined>>, number, string]>([
    ['the only one', { only: skipped }, 1, 'warn'],
    ['one of the two that are needed', { good: passed, off: skipped }, 2, 'warn'],
    ['one beside a failure', { off: skipped, bad: failed }, 1, 'fail'],
    ['one beside one that was not run', { off: skipped, unrun: undefined }, 1, 'fail'],
    ['more than enough without it', { good: passed, off: skipped }, 1, 'pass'],
  ])('what is switched off keeps no gateway down: %s', (_, outcomes, atLeast, status) => {
    expect(judged(outcomes, atLeast)).toMatchObject({ status })
  })

  it('a member named twice counts once', () => {
    const ctx = context({ cwd: '/', outcomes: new Map([['a', passed]]) })
    expect(group.run({ 'any-of': ['a', 'a'], 'at-least': 2 }, ctx)).toMatchObject({ status: 'fail' })
  })
})

describe('what it says', () => {
  it('names those that did not pass, also when enough did', () => {
    expect(judged({ telegram: failed, slack: passed, ntfy: skipped, mail: undefined })).toMatchObject({
      summary:
        '1 of 4 passed: slack; not telegram (fail message/refused: the token is refused), ntfy (skipped: moving house), mail (not run here)',
      watched: ['slack', 'telegram'],
      facts: { passed: ['slack'], failed: ['telegram'], notSeen: ['ntfy', 'mail'] },
    })
  })

  it('gives the advice of a member that failed, before that of one that was not run', () => {
    expect(judged({ mail: undefined, slack: late, telegram: failed })).toMatchObject({
      code: 'group/too-few',
      next: "bootcheck run '/srv/my boot.md' --only slack",
      observed: expect.stringMatching(/^mail .*; slack .*; telegram /),
    })
    expect(judged({ mail: undefined, telegram: failed })).toMatchObject({
      next: 'make a new token',
      summary: expect.stringMatching(/^0 of 2 passed, 1 needed: /),
    })
  })

  it('tells members that were never run from members that failed', () => {
    expect(judged({ mail: undefined, ntfy: skipped })).toMatchObject({
      status: 'fail',
      code: 'group/unseen',
      next: "bootcheck run '/srv/my boot.md' --only mail",
    })
    expect(judged({ ntfy: skipped })).toMatchObject({
      status: 'warn',
      code: 'group/unseen',
      summary: expect.stringContaining('ntfy (skipped: moving house)'),
      next: 'end the skip of ntfy, or name a check that runs here in its place',
    })
  })

  it('shows no secret of a member', () => {
    const leaky: Outcome = { ...failed, summary: 'the password hunter2 is refused' } as Outcome
    expect(JSON.stringify(judged({ mail: leaky }))).not.toContain('hunter2')
    expect(JSON.stringify(judged({ mail: leaky, other: passed }))).not.toContain('hunter2')
  })
})

describe('what the grammar refuses', () => {
  const member = (id: string, more = 'severity: warn') => `check: workspace\nid: ${id}\npath: ${id}\n${more}`
  it.each([
    ['a member that fails the run', [member('a', ''), 'any-of: [a]'], 'severity: warn'],
    ['a member of another phase', [member('a', 'severity: warn\nphase: after'), 'any-of: [a]'], 'phase after'],
    ['a member twice', [member('a'), 'any-of: [a, a]'], 'twice'],
    ['more than there are', [member('a'), 'any-of: [a]\nat-least: 2'], 'only 1'],
    ['no member', [member('a'), 'any-of: []'], 'empty'],
    ['itself', [member('a'), 'any-of: [g]'], '"g" cannot need itself'],
    ['an unknown member', [member('a'), 'any-of: [b]'], 'unknown check "b"'],
  ])('%s', async (_, [above = '', keys = ''], says) => {
    const { errors } = await parseManifest(manifest(above, `check: group\nid: g\n${keys}`), { file: 'BOOT.md' })
    expect(errors.map(({ message, hint }) => `${message} ${hint}`).join('\n')).toContain(says)
    expect(errors).toHaveLength(1)
  })

  it('takes members of its own phase', async () => {
    const text = manifest(member('a', 'severity: warn\nphase: after'), 'check: group\nid: g\nphase: after\nany-of: [a]')
    expect(await parseManifest(text, { file: 'BOOT.md' })).toMatchObject({ errors: [] })
  })
})

describe('in a run', () => {
  const body = (...ids: string[]) => [
    ...ids.map(id => `check: workspace\nid: ${id}\npath: ${id}\nseverity: warn`),
    `check: group\nid: channels\nany-of: [${ids.join(', ')}]`,
  ]

  it('one that works keeps the gateway up, none keeps it down', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest(...body('one', 'two')) })
    const none = await bootcheck(['run', '--format', 'json'], { cwd })
    expect([none.code, reportOf(none).checks.at(-1)]).toMatchObject([1, { code: 'group/too-few' }])
    mkdirSync(join(cwd, 'two'))
    const one = await bootcheck(['run', '--format', 'json'], { cwd })
    expect([one.code, reportOf(one).checks.map(({ code }) => code)]).toEqual([
      0,
      ['workspace/missing', 'workspace/usable', 'group/enough'],
    ])
  })

  it('--only brings the members along, and --skip-ids is told', async () => {
    const cwd = scratch()
    lay(cwd, { 'two/': '', 'BOOT.md': manifest(...body('one', 'two')) })
    const only = await bootcheck(['run', '--only', 'channels', '--format', 'json'], { cwd })
    expect([only.code, reportOf(only).checks.map(({ id }) => id)]).toEqual([0, ['one', 'two', 'channels']])
    const without = await bootcheck(['run', '--skip-ids', 'two', '--format', 'json'], { cwd })
    expect(without.code).toBe(1)
    expect(reportOf(without).checks.at(-1)).toMatchObject({
      code: 'group/too-few',
      summary: expect.stringContaining('two (skipped: switched off by --skip-ids)'),
    })
  })

  it('alone, without a manifest, it does not look green', async () => {
    const ended = await bootcheck(['check', 'group', '--any-of', 'telegram'], { cwd: scratch() })
    expect([ended.code, ended.stdout]).toEqual([1, expect.stringContaining('group/unseen')])
  })

  it('is annotated at its own block, with what it comes to, and with no id for a file', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest(...body('one', 'two')) })
    const { stdout } = await bootcheck(['run', '--format', 'github'], { cwd })
    const own = stdout.split('\n').filter(line => line.includes('group/too-few'))
    expect(own).toHaveLength(1)
    expect(own[0]).toMatch(/^::error file=BOOT\.md,line=\d+,title=channels \(group\/too-few\)::0 of 2 passed, 1 needed/)
  })

  it('names a command that works from another folder, and a way out of a skip', async () => {
    const cwd = scratch()
    const [one = '', group = ''] = body('one')
    lay(cwd, {
      'deploy.md': manifest(
        'check: workspace\nid: base\npath: base',
        'check: workspace\nid: one\npath: .\nneeds: [base]\nseverity: warn',
        group,
      ),
      'skip.md': manifest(
        `${one}\nskip: {reason: moving house, until: 2999-01-01}`,
        group,
        'check: workspace\nid: w\npath: .',
      ),
    })
    const blocked = reportOf(await bootcheck(['run', 'deploy.md', '--format', 'json'], { cwd })).checks.at(-1)
    expect(blocked).toMatchObject({ code: 'group/too-few' })
    const words = (blocked?.next ?? '').split(' ')
    expect(words[0]).toBe('bootcheck')
    const again = await bootcheck([...words.slice(1), '--format', 'json'], { cwd: '/', env: { HOME: cwd } })
    expect(reportOf(again).checks.map(({ code }) => code)).toEqual(['workspace/missing', 'run/blocked'])
    const off = await bootcheck(['run', 'skip.md', '--format', 'json'], { cwd })
    expect([off.code, reportOf(off).checks[1]]).toMatchObject([
      0,
      { status: 'warn', code: 'group/unseen', next: expect.stringMatching(/^end the skip of one/) },
    ])
  })
})
