import { describe, expect, it } from 'vitest'
import type { PlannedCheck } from '../../core/plan.ts'
import { namesSecret } from '../../core/tokens.ts'
import { lookUp, parseEnvFile, resolveOptions, scan, variablesIn } from '../../core/variables.ts'
import { sixKinds } from '../support/kinds.ts'

const check = (
  kind: string,
  options: Record<string, unknown>,
  positions: PlannedCheck['positions'] = {},
): PlannedCheck => ({
  id: 'x',
  kind,
  title: 'x',
  why: '',
  line: 7,
  needs: [],
  severity: 'fail',
  phase: 'before',
  timeoutMs: 5000,
  retries: 0,
  retryDelayMs: 1000,
  skips: [],
  options,
  positions,
})

const resolve = async (
  kind: string,
  options: Record<string, unknown>,
  env: Record<string, string> = {},
  vars: Record<string, string> = {},
) => {
  const loaded = await sixKinds[kind]?.()
  if (!loaded) throw new Error(kind)
  const positions = Object.fromEntries(Object.keys(options).map((key, index) => [`/${key}`, [10 + index, 7] as const]))
  return resolveOptions(check(kind, options, positions), loaded.options, { env, vars })
}

describe('scan', () => {
  it.each([
    ['plain', ['plain']],
    ['${env:A}', [{ source: 'env', name: 'A' }]],
    ['x${secret:A_1}y', ['x', { source: 'secret', name: 'A_1' }, 'y']],
    ['${env:A:-b-c:d}', [{ source: 'env', name: 'A', fallback: 'b-c:d' }]],
    ['${env:A:-}', [{ source: 'env', name: 'A', fallback: '' }]],
    ['${var:a-b}/${var:c:-d}', [{ source: 'var', name: 'a-b' }, '/', { source: 'var', name: 'c', fallback: 'd' }]],
    ['$${env:A}', ['${env:A}']],
    ['a$$b $5 $', ['a$$b $5 $']],
  ])('%s', (text, expected) => {
    const { pieces, faults } = scan(text)
    expect(faults).toEqual([])
    expect(pieces).toMatchObject(expected)
    expect(pieces).toHaveLength(expected.length)
  })

  it.each([
    ['${A}', 'E401', 0],
    ['x ${A:-b}', 'E401', 2],
    ['${}', 'E401', 0],
    ['${{ A }}', 'E401', 0],
    ['${ENV:A}', 'E401', 0],
    ['${evn:A}', 'E401', 0],
    ['${env:}', 'E401', 0],
    ['${env:A-b}', 'E401', 0],
    ['${env:A B}', 'E401', 0],
    ['${env:A:-${env:B}}', 'E401', 9],
    ['$env:A', 'E401', 0],
    ['{env:A}', 'E401', 0],
    ['$(env:A)', 'E401', 0],
    ['${env:A', 'E403', 0],
    ['${env:A and ${env:B}', 'E403', 0],
    ['${', 'E403', 0],
    ['${secret:A:-b}', 'E405', 0],
  ])('%s is %s at %d', (text, code, offset) => {
    expect(scan(text).faults[0]).toMatchObject({ code, offset })
    expect(variablesIn(scan(text)).every(variable => variable.name === 'B')).toBe(true)
  })
})

describe('names that say secret', () => {
  it.each([
    'TELEGRAM_BOT_TOKEN',
    'API_KEY',
    'apiKey',
    'OPENAI_APIKEY',
    'DB_PASS',
    'PASSWORD',
    'DB_PASSWD',
    'CLIENT_SECRET',
    'SECRETS',
    'PASSPHRASE',
    'tokens',
  ])('%s', name => {
    expect(namesSecret(name)).toBe(true)
  })
  it.each(['PORT', 'GATEWAY_HOST', 'KEYBOARD', 'HOME', 'KEYMAP_DIR', 'STATE'])('%s does not', name => {
    expect(namesSecret(name)).toBe(false)
  })
})

describe('looking up', () => {
  const env = (name: string, fallback?: string) => ({
    source: 'env' as const,
    name,
    text: `\${env:${name}}`,
    offset: 0,
    ...(fallback === undefined ? {} : { fallback }),
  })

  it('takes empty for unset', () => {
    expect(lookUp(env('A'), { env: { A: '' }, vars: {} })).toMatchObject({ code: 'E402' })
    expect(lookUp(env('A', 'b'), { env: { A: '' }, vars: {} })).toEqual({ value: 'b' })
    expect(lookUp(env('A', ''), { env: {}, vars: {} })).toEqual({ value: '' })
  })

  it('does not take what every object has for a variable', () => {
    expect(
      lookUp({ source: 'var', name: 'constructor', text: '${var:constructor}', offset: 0 }, { env: {}, vars: {} }),
    ).toMatchObject({ code: 'E402' })
  })
})

describe('resolving', () => {
  it('makes a number where the schema wants one', async () => {
    expect(
      await resolve('port', { port: '${env:PORT:-18789}', host: '${env:HOST_IP}' }, { HOST_IP: '127' }),
    ).toMatchObject({ options: { port: 18789, host: '127' } })
    expect(await resolve('port', { port: '${var:p}' }, {}, { p: '80' })).toMatchObject({ options: { port: 80 } })
  })

  it('leaves a token of digits a string', async () => {
    const resolved = await resolve(
      'message',
      { channel: 'telegram', token: '${secret:T}', chat: '${env:CHAT}' },
      { T: '1234567890', CHAT: '42' },
    )
    expect(resolved).toMatchObject({
      options: { token: '1234567890', chat: '42', depth: 'deliver' },
      secrets: ['1234567890'],
    })
  })

  it('does not convert what was written as text', async () => {
    expect(await resolve('port', { port: '18789' })).toMatchObject({ problem: { code: 'E306', line: 10, column: 7 } })
  })

  it('puts each value in once', async () => {
    expect(
      await resolve('workspace', { path: '${env:A}/${var:b}$${env:C}' }, { A: '${env:C}', C: 'no' }, { b: '$${x}' }),
    ).toMatchObject({ options: { path: '${env:C}/$${x}${env:C}' } })
  })

  it('fills in defaults and keeps what it was given untouched', async () => {
    const given = { path: '/x' }
    expect(await resolve('workspace', given)).toMatchObject({ options: { path: '/x', access: 'rw' } })
    expect(given).toEqual({ path: '/x' })
  })

  it.each([
    [{ port: '${env:NOPE}' }, {}, 'E402', 'NOPE'],
    [{ port: 1, host: '${secret:SHORT}' }, { SHORT: '1234567' }, 'E407', 'shorter than 8'],
    [{ port: '${env:P}' }, { P: '70000' }, 'E306', '70000'],
    [{ port: '${env:P}' }, { P: '80x' }, 'E306', '80x'],
    [{ port: '${env:P}' }, { P: '1e3' }, 'E306', '1e3'],
    [{ port: 1, host: '${env:E:-}' }, {}, 'E306', 'empty'],
  ])('says what is wrong with %j', async (options, env, code, words) => {
    const resolved = await resolve('port', options as Record<string, unknown>, env as Record<string, string>)
    expect(resolved).toMatchObject({ problem: { code, line: 'host' in options ? 11 : 10, column: 7 } })
    expect(JSON.stringify(resolved)).toContain(words)
  })

  it('does not show a secret that does not fit', async () => {
    const resolved = await resolve('port', { port: '${secret:P}' }, { P: 'hunter22hunter22' })
    expect(resolved).toMatchObject({ problem: { code: 'E306' } })
    expect('problem' in resolved && JSON.stringify(resolved.problem)).not.toContain('hunter')
  })
})

describe('a file of variables', () => {
  it('is read as dotenv writes it', () => {
    const text = `\ufeff# head
A=1
  export B = two words  # remark
C="a\\nb \\"q\\" \\$x" # remark
D='it''s'
E='single \\n # $x'
F=
G="line 1
line 2"
H=a#b
I.J=1
K="`
    expect(parseEnvFile(text.replace(/\nK="$/, ''))).toEqual({
      values: {
        A: '1',
        B: 'two words',
        C: 'a\nb "q" $x',
        E: 'single \\n # $x',
        F: '',
        G: 'line 1\nline 2',
        H: 'a#b',
        'I.J': '1',
      },
      problems: [{ line: 5, message: 'text after the closing quote of "D"' }],
    })
    expect(parseEnvFile(text).problems).toContainEqual({ line: 12, message: 'the quote of "K" is never closed' })
  })

  it.each([
    ['JUST_A_NAME', 1, '"JUST_A_NAME" is not followed by "="'],
    ['A=1\nB: 2', 2, '"B" is not followed by "="'],
    ['A=1\n\n= 2', 3, 'this line is not NAME=value'],
    ['2A=1', 1, 'this line is not NAME=value'],
    ['A=1\nA=2', 2, '"A" is set twice'],
    ['A="x"y', 1, 'text after the closing quote of "A"'],
  ])('drops no line of %j', (text, line, message) => {
    expect(parseEnvFile(text).problems).toEqual([{ line, message }])
  })

  it('goes on behind a quote that is never closed', () => {
    expect(parseEnvFile('A="x\nB=1')).toEqual({
      values: { B: '1' },
      problems: [{ line: 1, message: 'the quote of "A" is never closed' }],
    })
  })

  it('is read in one pass, however it is quoted', () => {
    for (const line of ['A="', "A='", 'A="x"', 'A="\\', 'A']) {
      const began = performance.now()
      parseEnvFile(`${line}\n`.repeat(200_000))
      expect(performance.now() - began, line).toBeLessThan(15_000)
    }
  })

  it('takes CRLF', () => {
    expect(parseEnvFile('A=1\r\nB="2"\r\n')).toEqual({ values: { A: '1', B: '2' }, problems: [] })
  })
})
