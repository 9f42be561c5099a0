import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { masker } from '../../core/mask.ts'

const percent = (text: string, upper: boolean): string =>
  [...Buffer.from(text)]
    .map(byte => `%${upper ? byte.toString(16).toUpperCase().padStart(2, '0') : byte.toString(16).padStart(2, '0')}`)
    .join('')
const html = (text: string): string =>
  text.replace(
    /[&<>"']/g,
    char => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char] ?? char,
  )

/** Ways in which a text travels. */
const forms: Readonly<Record<string, (text: string) => string>> = {
  raw: text => text,
  encodeURIComponent: encodeURIComponent,
  encodeURI: encodeURI,
  'lower-case hex': text => encodeURIComponent(text).replace(/%../g, hex => hex.toLowerCase()),
  'a query': text => new URLSearchParams({ a: text }).toString().slice(2),
  'every byte encoded': text => percent(text, true),
  'every byte encoded, lower case': text => percent(text, false),
  'encoded twice': text => encodeURIComponent(encodeURIComponent(text)),
  'encoded three times': text => encodeURIComponent(encodeURIComponent(encodeURIComponent(text))),
  JSON: text => JSON.stringify(text).slice(1, -1),
  'JSON in JSON': text => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  'JSON in ASCII': text =>
    JSON.stringify(text)
      .slice(1, -1)
      .replace(/[^\x20-\x7e]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  'a shell': text => text.replace(/[^A-Za-z0-9_\n]/gu, char => `\\${char}`),
  HTML: html,
  'HTML twice': text => html(html(text)),
  'HTML in numbers': text => [...text].map(char => `&#${char.codePointAt(0)};`).join(''),
  'HTML in hex': text => [...text].map(char => `&#x${char.codePointAt(0)?.toString(16)};`).join(''),
}

const unit = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '"',
      "'",
      '\\',
      '/',
      '+',
      ' ',
      '&',
      '<',
      '%',
      '\n',
      '\t',
      '$',
      '*',
      '(',
      '[',
      '.',
      '?',
      '\u00e9',
      '\u{1f511}',
      '-',
      '=',
      ':',
      '\u2028',
    ),
  },
)
const secretOf = fc
  .array(unit, { minLength: 8, maxLength: 40 })
  .map(parts => parts.join(''))
  .filter(secret => [...secret.trim()].length >= 8)
const around = fc.string({ unit: 'grapheme', maxLength: 20 })

describe('a secret', () => {
  it.each(Object.entries(forms))('is hidden as %s', (_, form) => {
    fc.assert(
      fc.property(secretOf, around, around, (secret, before, after) => {
        const written = form(secret)
        const shown = masker([secret])(`${before}${written}${after}`)
        expect(shown.includes(written)).toBe(false)
        expect(shown).toContain('***')
      }),
      { numRuns: 300 },
    )
  })

  it('is hidden in base64, whatever stands around it', () => {
    fc.assert(
      fc.property(
        secretOf,
        fc.string({ maxLength: 7 }),
        fc.string({ maxLength: 7 }),
        fc.constantFrom('base64', 'base64url') as fc.Arbitrary<'base64' | 'base64url'>,
        fc.boolean(),
        (secret, before, after, alphabet, inUrl) => {
          const encoded = Buffer.from(before + secret + after).toString(alphabet)
          const shown = masker([secret])(`Authorization: Basic ${inUrl ? encodeURIComponent(encoded) : encoded} sent`)
          expect(shown).toMatch(/^Authorization: Basic .* sent$/)
          const left = Buffer.from(decodeURIComponent(shown.slice(21, -5)).replaceAll('***', ''), alphabet).toString()
          expect(left.includes(secret)).toBe(false)
          // No more of it is left than the halves of characters at its ends.
          const bytes = Buffer.byteLength(secret)
          expect(shown.length).toBeLessThanOrEqual(
            `Authorization: Basic  sent***`.length +
              (inUrl ? 3 : 1) * (encoded.length - Math.floor((bytes * 4) / 3) + 6),
          )
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('is hidden in Basic authentication with a user', () => {
    const header = `Basic ${Buffer.from('bot:s3cr3t-t0ken!').toString('base64')}`
    const shown = masker(['s3cr3t-t0ken!'])(header)
    expect(shown).toMatch(/^Basic .{0,8}\*\*\*$/)
  })

  it('is hidden where two overlap, or one holds the other', () => {
    fc.assert(
      fc.property(secretOf, secretOf, around, (a, b, text) => {
        const mask = masker([a, b, a + b])
        for (const written of [a + b, b + a, `${a} ${b}`, a.slice(0, -3) + a]) {
          const shown = mask(text + written + text)
          expect(shown.includes(a) || shown.includes(b)).toBe(false)
        }
      }),
      { numRuns: 150 },
    )
  })

  it('is hidden line by line, when it has several', () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n'.repeat(30)}-----END PRIVATE KEY-----\n`
    const mask = masker([key])
    expect(mask(`cannot parse ${key.trim()}`)).toBe('cannot parse ***')
    expect(mask(`bad line MIIEvQIBADANBgkqhkiG9w0BAQEFAASC.`)).toBe('bad line ***.')
    expect(mask(JSON.stringify({ key }))).toBe('{"key":"***"}')
    expect(mask(Buffer.from(key).toString('base64'))).not.toMatch(/[A-Za-z0-9+/]{8}/)
  })

  it('that is too short is left alone, and so is ordinary text', () => {
    const mask = masker(['3000', 'a', '', 'abcdefg'])
    expect(mask('port 3000 and pid 13000')).toBe('port 3000 and pid 13000')
    expect(masker(['longer-than-eight'])('port 3000, pid 13000, longer-than-seven')).toBe(
      'port 3000, pid 13000, longer-than-seven',
    )
  })
})

describe('masking', () => {
  it('changes nothing without a secret', () => {
    fc.assert(fc.property(fc.string(), text => masker([])(text) === text))
  })

  it('leaves other text as it is', () => {
    fc.assert(
      fc.property(
        secretOf,
        fc.string({ unit: fc.constantFrom('a', 'b', ' ', '1', '.'), maxLength: 200 }),
        (secret, text) => text.includes(secret) || masker([secret])(text) === text,
      ),
    )
  })

  it('is fast on text that almost matches', () => {
    for (const [secret, text] of [
      ['\\'.repeat(40), `${'\\'.repeat(39)} `.repeat(50)],
      [`${'a'.repeat(39)}b`, 'a'.repeat(60_000)],
      ['%25%25%25%25%25', '%25'.repeat(20_000)],
      [' '.repeat(9) + 'x'.repeat(9), ' '.repeat(60_000)],
    ] as const) {
      const began = performance.now()
      masker([secret])(text)
      expect(performance.now() - began).toBeLessThan(15_000)
    }
  })
})
