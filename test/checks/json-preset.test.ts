/** The config of a product, held to what its start asks. */
import { chmodSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { json as kind } from '../../checks/json.ts'
import type { Verdict } from '../../core/check.ts'
import { bootcheck, lay, manifest } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { ofOpenclaw, said } from '../support/preset.ts'

const SECRET = 'oc-5f0c1d7a9b3e4c2d'

const HEALTHY = `{
  gateway: { mode: "local", port: 18789, auth: { mode: "token", token: "\${OC_TOKEN}" } },
}
`

const run = ofOpenclaw(kind)

const found = (verdict: Verdict): readonly string[] =>
  'findings' in verdict ? (verdict.findings ?? []).map(({ code, message }) => `${code?.slice(5)}: ${message}`) : []

const good = { '.openclaw/openclaw.json': HEALTHY, '.openclaw/.env': `OC_TOKEN=${SECRET}\n` }

describe('the config', () => {
  test('that is healthy passes, and the pass claims no comparison that was not made', async () => {
    const verdict = await run({ files: good })
    expect(verdict).toMatchObject({ status: 'pass', code: 'json/good', watched: ['.openclaw/openclaw.json'] })
    expect(said(verdict)).toMatch(
      /no key was held against a schema \(openclaw config schema > .*openclaw\.schema\.json/,
    )
    expect(verdict).toMatchObject({ facts: { schema: null, variables: ['OC_TOKEN'], expectations: 1 } })
  })

  test.each<[string, NodeJS.ProcessEnv, string]>([
    ['OPENCLAW_CONFIG_PATH', { OPENCLAW_CONFIG_PATH: 'x/y.json' }, 'x/y.json'],
    ['OPENCLAW_CONFIG_PATH below OPENCLAW_HOME', { OPENCLAW_CONFIG_PATH: '~/y.json', OPENCLAW_HOME: 'h' }, 'h/y.json'],
    ['OPENCLAW_STATE_DIR', { OPENCLAW_STATE_DIR: 'state' }, 'state/openclaw.json'],
    ['OPENCLAW_HOME', { OPENCLAW_HOME: 'h' }, 'h/.openclaw/openclaw.json'],
    ['OPENCLAW_PROFILE', { OPENCLAW_PROFILE: 'dev' }, '.openclaw-dev/openclaw.json'],
    ['an older name', {}, '.openclaw/clawdbot.json'],
  ])('is found by %s', async (_, env, file) => {
    const verdict = await run({ env: { ...env, OC_TOKEN: SECRET }, files: { [file]: HEALTHY } })
    expect(verdict).toMatchObject({ status: 'pass', watched: [file] })
  })

  test.each<[string, string, string, RegExp]>([
    ['no gateway.mode', '{gateway: {port: 1}}', 'missing', /1:\d+: \/gateway\/mode is missing, expected "local"/],
    ['a wrong gateway.mode', '{gateway: {mode: "lokal"}}', 'value', /\/gateway\/mode is "lokal"/],
    ['the mode of a client', '{gateway: {mode: "remote"}}', 'value', /\/gateway\/mode is "remote"/],
    ['no JSON5', '{gateway: {mode: "local"', 'syntax', /openclaw\.json:1:/],
    ['a key twice', '{gateway: {mode: "remote",\n mode: "local"}}', 'repeated-key', /:2:2: the key "mode"/],
    [
      'an include that is gone',
      '{$include: "./more.json5", gateway: {mode: "local"}}',
      'include',
      /more\.json5, which does not exist/,
    ],
    ['an include from outside', '{$include: "/etc/hostname", gateway: {mode: "local"}}', 'include', /lies outside/],
    ['an include of itself', '{$include: "./openclaw.json", gateway: {mode: "local"}}', 'include', /includes itself/],
  ])('with %s is told', async (_, text, what, summary) => {
    const verdict = await run({ files: { '.openclaw/openclaw.json': text } })
    expect(said(verdict)).toMatch(new RegExp(`^fail json/${what}: `))
    expect(said(verdict)).toMatch(summary)
  })

  test('without gateway.mode gets the command that sets it', async () => {
    expect(await run({ files: { '.openclaw/openclaw.json': '{}' } })).toMatchObject({
      code: 'json/missing',
      next: 'openclaw config set gateway.mode local',
    })
  })

  test('that is not there, or that nobody may read', async () => {
    expect(said(await run({}))).toMatch(/^fail json\/missing-file: /)
    const cwd = scratch()
    lay(cwd, good)
    symlinkSync('loop', join(cwd, '.openclaw/loop'))
    expect(said(await run({ cwd, env: { OPENCLAW_CONFIG_PATH: '.openclaw/loop' } }))).toMatch(
      /^fail json\/unreadable: /,
    )
  })

  test('is judged with its includes, and each finding names the file that holds it', async () => {
    const files = {
      '.openclaw/openclaw.json': '{$include: ["./a.json5", "./b.json5"]}',
      '.openclaw/a.json5': '{gateway: {port: 1}}',
      '.openclaw/b.json5': '{\n gateway: {mode: "lokal"}}',
    }
    const verdict = await run({ files })
    expect(said(verdict)).toMatch(/^fail json\/value: \.openclaw\/b\.json5:2:\d+: /)
    expect(verdict).toMatchObject({ watched: ['.openclaw/openclaw.json', '.openclaw/a.json5', '.openclaw/b.json5'] })
  })

  test('never shows what a variable holds, and no line that may hold a secret', async () => {
    const mode = '{gateway: {mode: "${OC_MODE}"}}'
    const filled = await run({ env: { OC_MODE: SECRET }, files: { '.openclaw/openclaw.json': mode } })
    expect(said(filled)).toMatch(/^fail json\/value: .*is "\$\{OC_MODE\}"/)
    const cut = await run({ files: { '.openclaw/openclaw.json': `{gateway: {auth: {token: "${SECRET}` } })
    expect(said(cut)).toMatch(/may hold a secret/)
    for (const verdict of [filled, cut]) expect(JSON.stringify(verdict)).not.toContain(SECRET)
  })
})

describe('a variable', () => {
  const named = (verdict: Verdict): readonly string[] =>
    found(verdict).filter(line => line.startsWith('variable-unset'))

  test('that is not set is a warning with the place that needs it', async () => {
    const verdict = await run({ files: { '.openclaw/openclaw.json': HEALTHY } })
    expect(said(verdict)).toMatch(
      /^warn json\/variable-unset: \.openclaw\/openclaw\.json:2:\d+: \/gateway\/auth\/token needs the variable OC_TOKEN/,
    )
    expect(verdict).toMatchObject({ next: 'bootcheck check env --preset openclaw' })
  })

  test.each<[string, Readonly<Record<string, string>>, NodeJS.ProcessEnv]>([
    ['the environment', {}, { OC_TOKEN: SECRET }],
    ['.env of the state', { '.openclaw/.env': `OC_TOKEN=${SECRET}\n` }, {}],
    ['.env of the folder that it starts in', { '.env': `OC_TOKEN=${SECRET}\n` }, {}],
    ['gateway.env', { '.config/openclaw/gateway.env': `OC_TOKEN=${SECRET}\n` }, {}],
  ])('may come from %s', async (_, files, env) => {
    expect(await run({ env, files: { '.openclaw/openclaw.json': HEALTHY, ...files } })).toMatchObject({
      status: 'pass',
    })
  })

  test('may come from the config itself, or from a login shell that cannot be asked here', async () => {
    for (const set of ['vars: {OC_TOKEN: "x"}', 'shellEnv: {enabled: true}'])
      expect(
        await run({ files: { '.openclaw/openclaw.json': HEALTHY.replace('{\n', `{ env: {${set}},\n`) } }),
      ).toMatchObject({ status: 'pass' })
  })

  test('that only a switched-off part needs is not missed, and an escaped one is none', async () => {
    const config = `{gateway: {mode: "local"}, a: {enabled: false, b: {token: "\${OFF}"}}, c: "$\${ESCAPED}", d: "\${lower}",
      e: {source: "env", provider: "default", id: "REF"}, f: {source: "file", id: "NOT"}}`
    const verdict = await run({ files: { '.openclaw/openclaw.json': config } })
    expect(named(verdict)).toHaveLength(1)
    expect(named(verdict)[0]).toContain('/e needs the variable REF')
  })

  test('in the .env of the folder may not be a credential that OpenClaw takes from safer places only', async () => {
    const files = {
      '.openclaw/openclaw.json': HEALTHY.replace('OC_TOKEN', 'OPENAI_API_KEY'),
      '.env': 'OPENAI_API_KEY=x\n',
    }
    expect(named(await run({ files }))).toHaveLength(1)
  })
})

describe('the schema of the installed release', () => {
  /** As the product prints it: what it fills in itself is required, and a plugin's schema stands in it with references of its own. */
  const schema = (padding = 0): string =>
    JSON.stringify({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      additionalProperties: false,
      properties: {
        gateway: {
          type: 'object',
          additionalProperties: false,
          required: ['bind'],
          properties: {
            mode: { type: 'string' },
            port: { type: 'integer' },
            bind: { type: 'string', default: 'auto' },
            auth: { type: 'object' },
          },
        },
        plugins: {
          properties: {
            imap: {
              $defs: {
                account: { type: 'object', required: ['host'], properties: { host: { $ref: '#/$defs/name' } } },
                name: { type: 'string' },
              },
              additionalProperties: { $ref: '#/$defs/account' },
            },
          },
        },
        unused: { description: 'x'.repeat(padding), properties: { broken: { $ref: '#/$defs/nowhere' } } },
      },
    })
  const LARGE = 300_000
  const at = '.openclaw/openclaw.schema.json'

  test('is used where somebody has put it, and said so', async () => {
    expect(said(await run({ files: { ...good, [at]: schema(LARGE) } }))).toMatch(
      /^pass json\/good: .*fits \.openclaw\/openclaw\.schema\.json and says what it must in one place$/,
    )
  })

  test.each<[string, string, string, string]>([
    ['an unknown key', '{gatway: {}, gateway: {mode: "local"}}', 'unknown-key', '/gatway'],
    ['an unknown key below', '{gateway: {mode: "local", porrt: 1}}', 'unknown-key', '/gateway/porrt'],
    ['a wrong type', '{gateway: {mode: "local", port: "18789"}}', 'schema', '/gateway/port'],
    [
      'a plugin that lacks a key',
      '{gateway: {mode: "local"}, plugins: {imap: {mail: {}}}}',
      'missing',
      '/plugins/imap/mail/host',
    ],
    [
      'a plugin with a wrong type',
      '{gateway: {mode: "local"}, plugins: {imap: {mail: {host: 1}}}}',
      'schema',
      '/plugins/imap/mail/host',
    ],
  ])('finds %s', async (_, text, what, pointer) => {
    const verdict = await run({ files: { '.openclaw/openclaw.json': text, [at]: schema(LARGE) } })
    expect(said(verdict)).toMatch(new RegExp(`^fail json/${what}: `))
    expect(found(verdict)).toHaveLength(1)
    expect(found(verdict)[0]).toContain(pointer)
  })

  test('that cannot be used says how to get another one', async () => {
    for (const text of ['{', schema()])
      expect(await run({ files: { ...good, [at]: text } })).toMatchObject({
        status: 'fail',
        code: 'json/schema-file',
        next: expect.stringMatching(/^openclaw config schema > /),
      })
  })

  test('that is older than the release warns only: the key may be a new one', async () => {
    const cwd = scratch()
    lay(cwd, {
      '.openclaw/openclaw.json': '{gateway: {mode: "local", newer: 1}}',
      [at]: schema(LARGE),
      'lib/openclaw.mjs': '',
    })
    const minuteAgo = Date.now() / 1000 - 60
    utimesSync(join(cwd, at), minuteAgo, minuteAgo)
    lay(cwd, { 'bin/': '' })
    symlinkSync('../lib/openclaw.mjs', join(cwd, 'bin/openclaw'))
    chmodSync(join(cwd, 'lib/openclaw.mjs'), 0o755)
    const verdict = await run({ cwd, env: { PATH: join(cwd, 'bin') } })
    expect(said(verdict)).toMatch(/^warn json\/schema-old: .*newer.* is older than the installed release/)
    expect(verdict).toMatchObject({ next: expect.stringMatching(/^openclaw config schema > /) })
    expect(said(await run({ cwd }))).toMatch(/^fail json\/unknown-key: /)
  })
})

describe('the program', () => {
  test('asks for a preset on the command line, with values of one\u2019s own beside it', async () => {
    const cwd = scratch()
    lay(cwd, good)
    const words = ['check', 'json', '--preset', 'openclaw']
    expect((await bootcheck(words, { cwd })).code).toBe(0)
    const other = await bootcheck([...words, '--values', '{"/gateway/port": 18790}'], { cwd })
    expect([other.code, other.stdout]).toEqual([1, expect.stringContaining('/gateway/port is the number 18789')])
    expect((await bootcheck(['check', 'json'], { cwd })).code).toBe(2)
    expect((await bootcheck([...words, '--preset', 'opencla'], { cwd })).code).toBe(2)
  })

  test('a preset knows its format', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest('check: json\nid: c\npreset: openclaw\nformat: json') })
    const ended = await bootcheck(['lint'], { cwd })
    expect([ended.code, ended.stdout + ended.stderr]).toEqual([
      2,
      expect.stringContaining('preset and format exclude each other'),
    ])
  })
})
