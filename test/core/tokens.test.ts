import { describe, expect, test } from 'vitest'
import { discreet, namesSecret, withoutSecrets, withoutTokens } from '../../core/tokens.ts'

const KEY = 'sk-abcdefghijklmnopqrstuvwxyz012345'

describe('a command line of somebody else', () => {
  test.each([
    [`node bot.js --token=${KEY}`, 'node bot.js --token=[left out]'],
    [`node bot.js ${KEY} --port 1`, 'node bot.js [an API key] --port 1'],
    ['node bot.js --password hunter2hunter2', 'node bot.js --password [left out]'],
    ['node bot.js --password abc --port 18789', 'node bot.js --password [left out] --port 18789'],
    ['sh -c \'bot --api-key "two words" --v\'', "sh -c 'bot --api-key [left out] --v'"],
    ["bot --api-key 'two words' x", 'bot --api-key [left out] x'],
    ['BOT_TOKEN=abc GATEWAY_PASSWORD="x y" gw', 'BOT_TOKEN=[left out] GATEWAY_PASSWORD=[left out] gw'],
    ['bot --foo --token x', 'bot --foo --token [left out]'],
    ['bot --token --verbose', 'bot --token --verbose'],
    ['bot -authToken=x', 'bot -authToken=[left out]'],
    ['curl https://me:hunter2@host/', 'curl https://me:[a password in a URL]@host/'],
    ['curl -H "x-api-key: hunter2"', 'curl -H "x-api-key: [left out]"'],
    ['bot --token=***', 'bot --token=***'],
    ['node /srv/bot.js --port 18789 --name gw', 'node /srv/bot.js --port 18789 --name gw'],
  ])('%s', (line, shown) => {
    expect(withoutSecrets(line)).toBe(shown)
    expect(withoutSecrets(shown)).toBe(shown)
  })

  test('of any length is read in time', () => {
    const begun = performance.now()
    for (const word of ['-', 'a', '--token ', '=', 'x=', "'", '--a-'])
      withoutSecrets(word.repeat(Math.ceil(500_000 / word.length)))
    expect(performance.now() - begun).toBeLessThan(5000)
  })

  test('a context that is discreet masks first: what was declared is told as that', () => {
    const ctx = discreet({ id: 'x', mask: (text: string) => text.replaceAll('s3cret', '***') })
    expect(ctx.mask('--title s3cret --token abc')).toBe('--title *** --token [left out]')
    expect(ctx.id).toBe('x')
  })
})

test('a text loses what is assigned to a name that says so, also behind an underscore', () => {
  expect(withoutTokens('BOT_TOKEN=abcdef and token: abcdef, tokens: 512')).toBe(
    'BOT_TOKEN=[left out] and token: [left out], tokens: 512',
  )
  expect(namesSecret('max-old-space-size')).toBe(false)
})
