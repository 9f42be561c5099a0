import { spawnSync } from 'node:child_process'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { colorWanted, mayAnimate, styleFor, unicodeWanted, widthOf } from '../../cli/color.ts'
import { scratch } from '../support/context.ts'
import { program } from '../support/programs.ts'

describe('colour', () => {
  test.each([
    [true, { isTTY: true, env: {} }],
    [false, { isTTY: false, env: {} }],
    [false, { isTTY: true, env: { NO_COLOR: '1' } }],
    [true, { isTTY: true, env: { NO_COLOR: '' } }],
    [false, { isTTY: true, env: { TERM: 'dumb' } }],
    [true, { isTTY: false, env: { FORCE_COLOR: '1' } }],
    [true, { isTTY: false, env: { FORCE_COLOR: 'true', NO_COLOR: '1', TERM: 'dumb' } }],
    [false, { isTTY: true, env: { FORCE_COLOR: '0' } }],
    [false, { isTTY: true, env: { FORCE_COLOR: 'false' } }],
    [false, { isTTY: false, env: { FORCE_COLOR: '' } }],
    [true, { flag: true, isTTY: false, env: { NO_COLOR: '1', FORCE_COLOR: '0', TERM: 'dumb' } }],
    [false, { flag: false, isTTY: true, env: { FORCE_COLOR: '3' } }],
  ] as const)('%s for %o', (wanted, given) => {
    expect(colorWanted(given)).toBe(wanted)
  })
})

test.each([
  [80, { isTTY: false }],
  [80, { isTTY: false, columns: 200 }],
  [80, { isTTY: true }],
  [80, { isTTY: true, columns: 0 }],
  [132, { isTTY: true, columns: 132 }],
  [40, { isTTY: true, columns: 12 }],
] as const)('width %i for %o', (width, given) => {
  expect(widthOf(given)).toBe(width)
})

test.each([
  [true, {}],
  [true, { LANG: 'ko_KR.UTF-8' }],
  [true, { LANG: 'C', LC_ALL: 'C.utf8' }],
  [false, { LANG: 'C' }],
  [false, { LANG: 'en_US.UTF-8', LC_ALL: 'POSIX' }],
  [false, { LANG: 'en_US.UTF-8', LC_CTYPE: 'en_US.ISO-8859-1' }],
  [false, { TERM: 'dumb', LANG: 'C.UTF-8' }],
  [false, { TERM: 'linux', LANG: 'C.UTF-8' }],
] as const)('unicode %s for %o', (wanted, env) => {
  expect(unicodeWanted(env)).toBe(wanted)
})

test('lines are drawn over only where that can be done and nobody keeps a log', () => {
  expect(mayAnimate({ isTTY: true, env: { TERM: 'xterm' } })).toBe(true)
  expect(mayAnimate({ isTTY: true, env: { TERM: 'dumb' } })).toBe(false)
  expect(mayAnimate({ isTTY: true, env: { CI: 'true' } })).toBe(false)
  expect(mayAnimate({ isTTY: false, env: {} })).toBe(false)
})

test('a style is all of it', () => {
  const style = styleFor({ flag: undefined, env: { LANG: 'C' }, isTTY: true, columns: 50 })
  expect(style).toEqual({ tty: true, color: true, width: 50, unicode: false })
})

describe('what stands at a descriptor', () => {
  let file: string
  beforeAll(async () => {
    file = await program(`
      import { writeSync } from 'node:fs'
      import { terminalAt } from '@/cli/color.ts'
      const found = terminalAt(1)
      writeSync(2, JSON.stringify({ ...found, touched: process.moduleLoadList.includes('NativeModule tty') }))`)
  })
  const seen = (stdout: number | 'pipe'): unknown =>
    JSON.parse(spawnSync(process.execPath, [file], { stdio: ['ignore', stdout, 'pipe'], encoding: 'utf8' }).stderr)

  test('a file, a socket and /dev/null are none, and process.stdout is left alone', () => {
    for (const stdout of ['pipe', openSync('/dev/null', 'w'), openSync(join(scratch(), 'out'), 'w')] as const)
      expect(seen(stdout)).toEqual({ isTTY: false, touched: false })
  })

  test('a terminal says how wide it is', () => {
    const shell = spawnSync('python3', ['-c', PTY, process.execPath, file], { encoding: 'utf8' })
    expect(JSON.parse(shell.stdout)).toMatchObject({ isTTY: true, columns: 61 })
  })
})

const PTY = `
import fcntl, os, pty, struct, subprocess, sys, termios
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 20, 61, 0, 0))
print(subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE, text=True).stderr)
`
