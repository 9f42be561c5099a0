import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dropIns, readUnit } from '../../core/systemd-files.ts'
import {
  entriesOf,
  environmentFiles,
  expandSpecifiers,
  lastOf,
  parseEnvironmentFile,
  parseUnit,
  specifiersOf,
  splitWords,
  unitEnvironment,
  unitSpan,
} from '../../core/systemd-unit.ts'
import { lay } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

const specifiers = specifiersOf({
  name: 'gw@blue.service',
  user: 'claw',
  uid: 501,
  home: '/home/claw',
  userManager: true,
})

describe('a unit file', () => {
  it('continues lines, past comments, and keeps their first number', () => {
    const unit = parseUnit('[Service]\n# one\nExecStart=/bin/sh -c \\\n; two\n  "a \\\n  b"\nRestart = always\r\n', 'u')
    expect(unit).toEqual({
      entries: [
        { section: 'Service', key: 'ExecStart', value: '/bin/sh -c    "a    b"', file: 'u', line: 3 },
        { section: 'Service', key: 'Restart', value: 'always', file: 'u', line: 7 },
      ],
      flaws: [],
    })
  })

  it('names what systemd would ignore', () => {
    expect(parseUnit('A=1\n[Service]\nRestart: always\n', 'u').flaws).toEqual([
      { file: 'u', line: 1, message: 'a line before the first section' },
      { file: 'u', line: 3, message: 'a line that is no KEY=VALUE' },
    ])
  })

  it('forgets what stood before an empty value', () => {
    const unit = parseUnit('[Service]\nExecStart=/a\nExecStart=\nExecStart=/b\nRestart=always\nRestart=\n', 'u')
    expect(entriesOf(unit, 'Service', 'ExecStart').map(({ value }) => value)).toEqual(['/b'])
    expect(lastOf(unit, 'Service', 'Restart')).toBeUndefined()
  })

  it.each([
    [`a "b c" 'd "e' f\\x20g h\\\\i`, ['a', 'b c', 'd "e', 'f g', 'h\\i']],
    [`"" x`, ['', 'x']],
    [`"open`, undefined],
    ['', []],
  ])('parts words: %s', (value, words) => {
    expect(splitWords(value)).toEqual(words)
  })

  it('expands specifiers once', () => {
    expect(expandSpecifiers('%h/%i %U %u %% %%h %p %N %n %t %q', specifiers)).toBe(
      '/home/claw/blue 501 claw % %h gw gw@blue gw@blue.service /run/user/501 %q',
    )
  })

  it('gives the environment', () => {
    const unit = parseUnit(
      '[Service]\nEnvironment=A=1\nEnvironment="B=x y" \'C=%h\' nonsense\nEnvironmentFile=-/etc/a\nEnvironmentFile=/etc/%i\n',
      'u',
    )
    expect(unitEnvironment(unit, specifiers)).toEqual({ A: '1', B: 'x y', C: '/home/claw' })
    expect(environmentFiles(unit, specifiers)).toMatchObject([
      { path: '/etc/a', optional: true },
      { path: '/etc/blue', optional: false },
    ])
  })

  it('reads environment files', () => {
    expect(
      parseEnvironmentFile(
        `# A=0\nA=1 \n B = "x \\" $Y\\\nz" \nC='single \\n'\nD=a\\ b\nE=\nexport F=1\n; G=1\nH=one"two"'three'\n`,
      ),
    ).toEqual({ A: '1', B: 'x " $Yz', C: 'single \\n', D: 'a b', E: '', H: 'onetwothree' })
  })

  it.each([
    ['15', 15_000],
    ['5min', 300_000],
    ['1h 30s', 3_630_000],
    ['500ms', 500],
    ['1M', 2_629_800_000],
    ['infinity', Number.POSITIVE_INFINITY],
    ['soon', undefined],
    ['', undefined],
    ['5 parsecs', undefined],
    [`${'1'.repeat(50_000)}!`, undefined],
  ])('reads a span: %.20s', (text, ms) => {
    expect(unitSpan(text)).toBe(ms)
  })
})

describe('drop-ins', () => {
  it('are read by file name, the more specific hiding the others', () => {
    const cwd = scratch()
    const unit = join(cwd, 'a-gw@blue.service')
    lay(cwd, {
      'a-gw@blue.service': '[Service]\nRestart=no\nExecStart=/x\n',
      'service.d/10.conf': '[Service]\nRestart=always\n',
      'a-.service.d/20.conf': '[Service]\nRestart=on-abort\n',
      'a-gw@.service.d/30.conf': '[Service]\nRestart=on-failure\n',
      'a-gw@.service.d/note.txt': 'no',
      'a-gw@blue.service.d/20.conf': '[Service]\nRestartSec=7\n',
    })
    expect(dropIns(unit, cwd).map(path => path.slice(cwd.length + 1))).toEqual([
      'service.d/10.conf',
      'a-gw@blue.service.d/20.conf',
      'a-gw@.service.d/30.conf',
    ])
    const { unit: whole, files } = readUnit(unit, cwd)
    expect(files).toHaveLength(4)
    expect(lastOf(whole, 'Service', 'Restart')?.value).toBe('on-failure')
  })

  it("are looked for in the user's other folders, too", () => {
    const home = scratch()
    const own = join(home, '.config/systemd/user')
    const other = join(home, '.local/share/systemd/user/gw.service.d')
    for (const folder of [own, other]) mkdirSync(folder, { recursive: true })
    writeFileSync(join(own, 'gw.service'), '[Service]\nExecStart=/x\n')
    writeFileSync(join(other, 'x.conf'), '[Service]\nRestart=always\n')
    expect(dropIns(join(own, 'gw.service'), home)).toEqual([join(other, 'x.conf')])
  })
})

const SHIPPED = '/usr/lib/systemd/system'
const shipped = ((): string[] => {
  try {
    return readdirSync(SHIPPED).filter(name => name.endsWith('.service'))
  } catch {
    return []
  }
})()

describe.runIf(shipped.length > 0)("this machine's units", () => {
  it('parse, each line of them', () => {
    for (const name of shipped) {
      const { entries, flaws } = parseUnit(readFileSync(join(SHIPPED, name), 'utf8'), name)
      expect(flaws, name).toEqual([])
      for (const { key, value } of entries)
        if (key.startsWith('Exec') && value !== '')
          expect(splitWords(value)?.length, `${name}: ${value}`).toBeGreaterThan(0)
    }
  })
})
