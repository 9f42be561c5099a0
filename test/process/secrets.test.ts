/** A secret is in no output of any format, however it got into what a check says; ordinary text stays readable. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FORMATS, formatReport, runManifest } from '../../index.ts'
import { bootcheck, lay, manifest } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { fail, planned, planWith, registryOf } from '../support/plan.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Every form in which the text itself can be read back. */
const forms = (secret: string): string[] =>
  [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(secret).replace(/%20/g, '+'),
    JSON.stringify(secret).slice(1, -1),
    base64(secret),
    Buffer.from(secret).toString('base64url'),
  ].filter(form => form.length >= 8)

const world = (env: Record<string, string>) => ({
  env,
  cwd: '/',
  home: '/',
  platform: 'linux' as const,
  user: { uid: 1, gid: 1, name: 'claw' },
  now: Date.now,
})

/** Long enough to be a secret, and not made of what stands in every report anyway. */
const secretText = fc
  .string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 40 })
  .filter(text => new Set(text.trim()).size >= 6 && text.trim().length >= 8 && !/^[a-z -]+$/.test(text))

it('is masked in every format, in whatever encoding it comes', async () => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(secretText, fc.string({ maxLength: 20 }), async (secret, around) => {
      const leaks = forms(secret)
      const registry = registryOf({
        leaky: () =>
          fail('leaky', {
            summary: `port 3000 is held by pid 13000 ${around}${secret}`,
            observed: `https://host/${leaks[1]}?q=${leaks[2]} Basic ${base64(`user:${secret}`)}`,
            next: `curl -H 'Authorization: ${secret}' ${around}`,
            facts: { body: leaks.join(' '), list: leaks },
            findings: [{ path: `/tmp/${secret}`, line: 1, message: leaks.join('|') }],
            watched: [secret],
          }),
        throws: () => {
          throw new Error(`failed with ${leaks.join(' ')}`, { cause: new Error(secret) })
        },
      })
      const report = await runManifest(
        planWith([
          planned({ id: 'a', kind: 'leaky', options: { value: '${secret:TOKEN}' } }),
          planned({ id: 'b', kind: 'throws' }),
        ]),
        { registry, stateDir: '/nonexistent', world: world({ TOKEN: secret }) },
      )
      for (const format of FORMATS) {
        const text = await formatReport(report, format, { width: 100_000 })
        for (const form of leaks) expect(text.includes(form), `${format}: ${form}`).toBe(false)
      }
      const plain = await formatReport(report, 'plain')
      expect(plain).toContain('port 3000')
      expect(plain).toContain('pid 13000')
      runs++
    }),
    { numRuns: 60 },
  )
  expect(runs).toBeGreaterThanOrEqual(60)
})

describe('the built program', () => {
  const token = '123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw-é "q"'

  it.each([...FORMATS, 'live'])('%s shows no token of a channel that does not answer', async format => {
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(
        `check: message\nid: telegram\nchannel: telegram\ntoken: \${secret:BOT}\nchat: "1"\napi: http://127.0.0.1:9/\${secret:BOT}\ntimeout: 2s`,
        'check: port\nid: other\nport: 3000\nexpect: open\nhost: 127.0.0.1',
      ),
    })
    const { stdout, stderr, code } = await bootcheck(['run', '--format', format], { cwd, env: { BOT: token } })
    expect(code).toBe(1)
    for (const form of forms(token)) expect(`${stdout}${stderr}`).not.toContain(form)
    if (format !== 'prometheus') expect(stdout).toContain('3000') // numbers only there
  })

  it('refuses a secret that is too short to be hidden, and hides no port for it', async () => {
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(
        'check: message\nid: hook\nchannel: webhook\nurl: http://127.0.0.1:9/${secret:PIN}\nrequest: {method: POST}\nexpect: {status: 200}',
        'check: port\nid: other\nport: 3000\nexpect: open\nhost: 127.0.0.1',
      ),
    })
    const { stdout, code } = await bootcheck(['run'], { cwd, env: { PIN: '3000' } })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^fail\thook\t.*E407/m)
    expect(stdout).toMatch(/127\.0\.0\.1:3000/)
  })
})

describe('text from outside', () => {
  const hostile = '\u001b[2J\u001b]0;owned\u0007\r\b\u202egnp.exe\u2066\u009b31m'

  it.each(FORMATS)('%s shows control and bidi characters as what they are', async format => {
    const cwd = scratch()
    lay(cwd, {
      'jobs.json': `{"jobs": [{"id": "${hostile}", "schedule": ${hostile}}]}`,
      'BOOT.md': manifest('check: cron\nid: jobs\nfiles: [jobs.json]'),
    })
    const { stdout, stderr, code } = await bootcheck(['run', '--format', format], { cwd })
    expect(code).toBe(1)
    expect(`${stdout}${stderr}`).not.toMatch(
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/,
    )
    if (format === 'json') expect(JSON.parse(stdout).checks[0].findings.length).toBeGreaterThan(0)
  })
})
