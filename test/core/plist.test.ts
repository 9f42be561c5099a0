import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { LAUNCHD_PATH, launchdEnvironment, PlistError, parsePlist, plistDict, plistStrings } from '../../core/plist.ts'
import { ROOT } from '../support/bin.ts'

const plist = (body: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">${body}</plist>
`

const flaw = (text: string): PlistError => {
  try {
    parsePlist(text)
  } catch (error) {
    if (error instanceof PlistError) return error
    throw error
  }
  throw new Error('it was parsed')
}

describe('a property list', () => {
  it('gives each type its value', () => {
    const value = parsePlist(
      plist(`<dict><key>a</key><string>x &amp; &#x3C;y&#62;<![CDATA[ <raw> ]]><!-- no --></string>
        <key>b</key><array><integer>-12</integer><real>1.5e3</real><true/><false></false><array/><dict/><string/></array>
        <key>c</key><data> aGk= </data><key>d</key><date>2026-11-22T00:00:00Z</date></dict>`),
    )
    expect(value).toMatchObject({ a: 'x & <y> <raw> ', b: [-12, 1500, true, false, [], {}, ''] })
    const held = plistDict(value)
    expect(Buffer.from(held?.c as Uint8Array).toString()).toBe('hi')
    expect(held?.d).toEqual(new Date('2026-11-22T00:00:00Z'))
  })

  it("gives the shipped jobs' words", () => {
    const job = plistDict(parsePlist(readFileSync(join(ROOT, 'docs/launchd/ai.bootcheck.gateway.plist'), 'utf8')))
    expect(plistStrings(job?.ProgramArguments).slice(0, 2)).toEqual(['/bin/sh', '-c'])
    expect(job).toMatchObject({ KeepAlive: true, ThrottleInterval: 10 })
    expect(launchdEnvironment(job ?? {})).toEqual({ PATH: LAUNCHD_PATH })
  })

  it('has no prototype that a key could reach', () => {
    const value = parsePlist(plist('<dict><key>__proto__</key><dict><key>x</key><true/></dict></dict>'))
    expect(({} as { x?: boolean }).x).toBeUndefined()
    expect(Object.keys(value)).toEqual(['__proto__'])
  })

  it.each([
    ['', 'it ends in the middle', 1],
    ['{"a": 1}', 'a tag was expected here', 1],
    [plist('<dict><key>a</key></dict>'), 'the key a has no value', 3],
    [plist('<dict>\n<string>a</string></dict>'), '<key> was expected here', 4],
    [plist('<dict><key>a</key>\n<string>b</key></dict>'), '</string> was expected here', 4],
    [plist('<string>a'), '</string> was expected here', 3],
    [plist('<integer>many</integer>'), '<integer> holds no number', 3],
    [plist('<string>R&D</string>'), '&D is no entity of XML', 3],
    [plist('<widget/>'), '<widget> is no value of a property list', 3],
    [plist('<array>'.repeat(70)), 'it is nested deeper than 64', 3],
    [plist('<!-- open <true/>'), 'a comment is never closed', 3],
  ])('that is broken is told with its line: %j', (text, message, line) => {
    expect(flaw(text)).toMatchObject({ message, line, binary: false })
  })

  it('in the binary form is told apart', () => {
    expect(flaw('bplist00\xd1\x01')).toMatchObject({ binary: true })
  })
})
