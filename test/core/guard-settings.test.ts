/** The front matter's `guard:`: read by the guards' own schemas, every fault at its place. */
import { describe, expect, it } from 'vitest'
import { parseManifest } from '../../index.ts'

const parse = (guard: string, mode: 'run' | 'lint' = 'run') =>
  parseManifest(
    `---\nbootcheck: 1\n${guard}---\n# Checks\n\n\`\`\`yaml boot\ncheck: workspace\nid: home\npath: .\n\`\`\`\n`,
    { mode },
  )

describe('guard:', () => {
  it('is part of the plan, with defaults filled in', async () => {
    const { plan, errors } = await parse(
      'guard:\n  crash-loop:\n    refuse: 5\n    steps: [{after: 2, wait: 1s}]\n  restart: {}\n',
    )
    expect(errors).toEqual([])
    expect(plan?.guard).toEqual({
      'crash-loop': { window: '15m', refuse: 5, steps: [{ after: 2, wait: '1s' }] },
      restart: { starts: 4, within: '60s', cooldown: '1h' },
    })
  })

  it('is not there where nothing is declared', async () => {
    expect((await parse('')).plan).not.toHaveProperty('guard')
  })

  it.each(['run', 'lint'] as const)('is judged by %s, all faults at once', async mode => {
    const text = `guard:
  crash-lop: {}
  workspace: {}
  crash-loop:
    refuse: ten
    windw: 5m
    target: gateway
    steps: [{after: 0, wait: soon}, {wait: 1s}]
  restart: 4
  breaker:
`
    const { plan, errors } = await parse(text, mode)
    expect(plan).toBeUndefined()
    expect(errors.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`)).toEqual([
      '4:3 E204 unknown key "guard.crash-lop"',
      '5:3 E204 unknown key "guard.workspace"',
      '7:13 E306 "guard.crash-loop.refuse" must be a whole number from 1 to 1000, not "ten"',
      '8:5 E204 unknown key "guard.crash-loop.windw"',
      '9:5 E204 unknown key "guard.crash-loop.target"',
      '10:21 E306 "guard.crash-loop.steps.0.after" must be a whole number from 1 to 1000, not 0',
      '10:30 E306 "guard.crash-loop.steps.0.wait" must be a duration such as 500ms, 5s, 2m, 1h, not "soon"',
      '10:37 E205 "guard.crash-loop.steps.1.after" is missing',
      '11:12 E306 "guard.restart" must be a map, not 4',
      expect.stringMatching(/^12:3 E2(04|12) /),
    ])
    expect(errors[0]?.hint).toBe('did you mean "crash-loop"?')
  })

  it('must not contradict itself, under `guard:` or in a check', async () => {
    for (const [steps, what] of [
      ['[{after: 3, wait: 1s}, {after: 3, wait: 2s}]', 'after 3 of steps does not ascend'],
      ['[{after: 9, wait: 1s}]', 'after 9 of steps is never reached with refuse 5'],
    ]) {
      const { plan, errors } = await parse(`guard:\n  crash-loop: {refuse: 5, steps: ${steps}}\n`, 'lint')
      expect(plan).toBeUndefined()
      expect(errors.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`)).toEqual([
        `4:15 E306 "guard.crash-loop": ${what}`,
      ])
      const checked = await parseManifest(
        `\`\`\`yaml boot\ncheck: crash-loop\nid: home\ntarget: gateway\nrefuse: 5\nsteps: ${steps}\n\`\`\`\n`,
        { mode: 'lint' },
      )
      expect(checked.errors.filter(({ code }) => code === 'E306')).toMatchObject([{ message: what }])
    }
  })

  it('is what a check of that kind has where it does not say otherwise', async () => {
    const { plan, errors } = await parseManifest(
      `---\nbootcheck: 1\nguard:\n  heartbeat: {stale: 20m}\n  budget: {attempts: 5}\n---\n\`\`\`yaml boot\ncheck: heartbeat\nid: a\ntargets: [w]\ngone: 3m\n\`\`\`\n\n\`\`\`yaml boot\ncheck: rate-limit\nid: b\ntarget: t\n\`\`\`\n`,
    )
    expect(errors).toEqual([])
    expect(plan?.checks.map(({ options }) => options)).toEqual([
      { targets: ['w'], gone: '3m', stale: '20m' },
      { target: 't' },
    ])
  })

  it('takes no variable, and no text in place of a map', async () => {
    const { errors } = await parse('guard:\n  crash-loop: {window: "${env:W}"}\n')
    expect(errors.map(({ line, column, code }) => [line, column, code])).toEqual([[4, 24, 'E401']])
    expect((await parse('guard: yes\n')).errors.map(({ code }) => code)).toEqual(['E306'])
    expect((await parse('guard:\n')).errors.map(({ code }) => code)).toEqual(['E212'])
  })
})
