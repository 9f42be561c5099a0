/** Every variable that a product's config names, in what the product gets. */
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { env as kind } from '../../checks/env.ts'
import { bootcheck, lay } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { ofOpenclaw, said } from '../support/preset.ts'
import { completed, NOBODY, runInChild } from '../support/run-check.ts'

const SECRET = 'oc-5f0c1d7a9b3e4c2d'
const CONFIG = `{
  gateway: { mode: "local", auth: { mode: "token", token: "\${OC_TOKEN}" } },
  channels: { telegram: { enabled: false, botToken: "\${TELEGRAM_BOT_TOKEN}" } },
}
`
const config = { '.openclaw/openclaw.json': CONFIG }

const run = ofOpenclaw(kind)

describe('a variable of the config', () => {
  test('that is set passes, by name; what is switched off needs none', async () => {
    expect(await run({ env: { OC_TOKEN: SECRET }, files: config })).toMatchObject({
      status: 'pass',
      watched: ['the environment', '.openclaw/openclaw.json', 'OC_TOKEN'],
      facts: { variables: ['OC_TOKEN'] },
    })
  })

  test.each<[string, Readonly<Record<string, string>>]>([
    ['.env of the state', { '.openclaw/.env': `OC_TOKEN=${SECRET}\n` }],
    ['.env of the folder', { '.env': `OC_TOKEN=${SECRET}\n` }],
    ['gateway.env', { '.config/openclaw/gateway.env': `OC_TOKEN=${SECRET}\n` }],
    [
      'an included file that the config sets it in',
      {
        '.openclaw/openclaw.json': CONFIG.replace('{\n', '{ $include: "./x.json5",\n'),
        '.openclaw/x.json5': '{env: {vars: {OC_TOKEN: "12345678"}}}',
      },
    ],
  ])('may come from %s', async (_, files) => {
    expect(said(await run({ files: { ...config, ...files } }))).toMatch(/^pass env\/set: OC_TOKEN is set/)
  })

  test('that is nowhere fails, with the place that needs it and the file to write it to', async () => {
    const verdict = await run({ files: config })
    expect(said(verdict)).toBe(
      'fail env/missing: OC_TOKEN is not set in the environment nor in .openclaw/openclaw.json, and .openclaw/openclaw.json:2 needs it',
    )
    expect(verdict).toMatchObject({ next: 'add a line OC_TOKEN=… to .openclaw/.env' })
  })

  test('that is empty or a placeholder fails as any other; a blank gives way to what the config sets', async () => {
    expect(said(await run({ env: { OC_TOKEN: '' }, files: config }))).toMatch(/^fail env\/empty: /)
    expect(said(await run({ files: { ...config, '.openclaw/.env': 'OC_TOKEN=changeme\n' } }))).toMatch(
      /^fail env\/placeholder: /,
    )
    const sets = { '.openclaw/openclaw.json': CONFIG.replace('{\n', '{ env: {vars: {OC_TOKEN: "12345678"}},\n') }
    expect(said(await run({ env: { OC_TOKEN: '' }, files: sets }))).toMatch(/^pass /)
  })

  test('that stands only where OpenClaw takes no credential from is told so', async () => {
    const files = {
      '.openclaw/openclaw.json': CONFIG.replace('OC_TOKEN', 'OPENAI_API_KEY'),
      '.env': `OPENAI_API_KEY=${SECRET}\n`,
    }
    const verdict = await run({ files })
    expect(said(verdict)).toMatch(
      /^fail env\/passed-over: OPENAI_API_KEY is set in \.env only, of which no such name is taken/,
    )
    expect(JSON.stringify(verdict)).not.toContain(SECRET)
  })

  test('may come from a login shell, which cannot be seen', async () => {
    const files = { '.openclaw/openclaw.json': CONFIG.replace('{\n', '{ env: {shellEnv: {enabled: true}},\n') }
    expect(said(await run({ files }))).toMatch(/^warn env\/not-known: OC_TOKEN .* a login shell gives it to OpenClaw/)
  })

  test('takes rules of one\u2019s own beside it', async () => {
    const options = { vars: { OC_TOKEN: { matches: '/^sk-/' }, OTHER: true } }
    const verdict = await run({ env: { OC_TOKEN: SECRET }, files: config, options })
    expect(verdict).toMatchObject({ facts: { wrong: ['OC_TOKEN pattern', 'OTHER missing'] } })
  })
})

describe('with a service', () => {
  const unit = (more = ''): Readonly<Record<string, string>> => ({
    'g.service': `[Service]\nWorkingDirectory=%h/bot\n${more}`,
  })
  const options = { service: 'g.service' }
  const home = { env: { OC_TOKEN: SECRET } }

  test('what this shell has and the service lacks fails', async () => {
    expect(said(await run({ ...home, files: { ...config, ...unit() }, options }))).toMatch(
      /^fail env\/not-in-service: OC_TOKEN is set in this shell/,
    )
  })

  test('the unit, the product\u2019s files and its own folder count', async () => {
    for (const files of [
      unit(`Environment=OC_TOKEN=${SECRET}\n`),
      { ...unit(), '.openclaw/.env': `OC_TOKEN=${SECRET}\n` },
      { ...unit(), 'bot/.env': `OC_TOKEN=${SECRET}\n` },
    ])
      expect(said(await run({ files: { ...config, ...files }, options }))).toMatch(/^pass /)
    // The .env of this folder is not that of the service.
    expect(
      said(await run({ files: { ...config, ...unit(), 'bot/': '', '.env': `OC_TOKEN=${SECRET}\n` }, options })),
    ).toMatch(/^fail env\/missing/)
  })

  test('the config is that of the service, not of this shell', async () => {
    const files = { ...unit('Environment=OPENCLAW_STATE_DIR=%h/state\n'), 'state/openclaw.json': CONFIG }
    const verdict = await run({ env: { OPENCLAW_STATE_DIR: 'elsewhere' }, files, options })
    expect(said(verdict)).toMatch(/^fail env\/missing: .* state\/openclaw\.json:2 needs it/)
  })
})

describe('what OpenClaw passes over', () => {
  test('a slip in its .env is a warning, with the line', async () => {
    const files = { ...config, '.openclaw/.env': `OC_TOKEN=${SECRET}\n# fine\nno assignment\n` }
    const verdict = await run({ files })
    expect(said(verdict)).toMatch(/^warn env\/file-syntax: \.openclaw\/\.env:3: /)
    expect(verdict).toMatchObject({ findings: [{ line: 3 }] })
    expect(JSON.stringify(verdict)).not.toContain(SECRET)
  })

  test('a .env that nobody may read does not count', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    lay(cwd, { ...config, '.openclaw/.env': `OC_TOKEN=${SECRET}\n` })
    chmodSync(join(cwd, '.openclaw/.env'), 0)
    const options = await completed(kind, { preset: 'openclaw' })
    const verdict = await runInChild({ kind: 'env', options, cwd, home: cwd }, { uid: NOBODY })
    expect(verdict).toMatchObject({
      status: 'fail',
      facts: { wrong: ['OC_TOKEN missing', '.openclaw/.env file-unreadable'] },
    })
  })
})

describe('a config of which nothing is known', () => {
  test.each<[string, Readonly<Record<string, string>>]>([
    ['none', {}],
    ['a broken one', { '.openclaw/openclaw.json': '{' }],
    ['one with an include that is gone', { '.openclaw/openclaw.json': '{$include: "./gone.json5"}' }],
  ])('fails: %s', async (_, files) => {
    const verdict = await run({ files })
    expect(said(verdict)).toMatch(/^fail env\/config-unreadable: /)
    expect(verdict).toMatchObject({ next: 'bootcheck check json --preset openclaw' })
  })

  test('one that names none passes, having looked at it', async () => {
    expect(await run({ files: { '.openclaw/openclaw.json': '{gateway: {mode: "local"}}' } })).toMatchObject({
      status: 'pass',
      summary: expect.stringContaining('names no variable'),
      watched: ['the environment', '.openclaw/openclaw.json'],
    })
  })
})

test('on the command line', async () => {
  const cwd = scratch()
  lay(cwd, { ...config, '.openclaw/.env': `OC_TOKEN=${SECRET}\n`, 'g.service': '[Service]\n' })
  expect((await bootcheck(['check', 'env', '--preset', 'openclaw'], { cwd })).code).toBe(0)
  expect((await bootcheck(['check', 'env', '--preset', 'openclaw', '--service', 'g.service'], { cwd })).code).toBe(0)
  const alone = await bootcheck(['check', 'env', '--files', '.openclaw/.env', '--service', 'g.service'], { cwd })
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('by vars or by preset')])
})
