import { spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { palette } from '../../../cli/palette.ts'
import { columns } from '../../../cli/reporters/layout.ts'
import { frame } from '../../../cli/reporters/live.ts'
import { program } from '../../support/programs.ts'

const look = { width: 60, spinner: '*', paint: palette(false), ellipsis: '…' }
const waiting = (count: number): { id: string; title: string; sinceMs: number }[] =>
  Array.from({ length: count }, (_, at) => ({ id: `check-${at}`, title: `Title ${at}`, sinceMs: 1000 * at }))

describe('a frame', () => {
  test('names each check that is being waited for, and how long already', () => {
    expect(frame(waiting(2), 3400, look)).toEqual(['* check-0  Title 0  3.4 s', '* check-1  Title 1  2.4 s'])
    expect(frame(waiting(1), 83_000, look)).toEqual(['* check-0  Title 0  1 min 23 s'])
    expect(frame([], 1000, look)).toEqual([])
  })

  test('is at most five lines', () => {
    expect(frame(waiting(5), 9000, look)).toHaveLength(5)
    const many = frame(waiting(40), 9000, look)
    expect(many).toHaveLength(5)
    expect(many[4]).toBe('  and 36 more')
  })

  test.each([20, 40, 60, 200])('stays within %i columns', width => {
    const long = [{ id: 'a'.repeat(63), title: '게이트웨이 '.repeat(40), sinceMs: 0 }, ...waiting(3)]
    for (const line of frame(long, 700_000, { ...look, width })) expect(columns(line)).toBeLessThan(width)
  })

  test('shows no control character of a title', () => {
    expect(frame([{ id: 'a', title: 'x\u001b[2Jy\u202e', sinceMs: 0 }], 0, look)[0]).toContain('x\\x1b[2Jy\\u202e')
  })
})

// Runs a program on a terminal of its own (standard error; standard output is a pipe) and tells what arrived where.
const PTY = `
import fcntl, json, os, pty, struct, subprocess, sys, termios, time
width, stopped = int(sys.argv[1]), sys.argv[2] == 'stopped'
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 20, width, 0, 0))
if stopped: termios.tcflow(slave, termios.TCOOFF)
began = time.monotonic()
child = subprocess.Popen(sys.argv[3:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave)
if not stopped: os.close(slave)
drawn = b''
while not stopped:
    try:
        piece = os.read(master, 65536)
    except OSError:
        break
    if not piece: break
    drawn += piece
out, _ = child.communicate(timeout=20)
print(json.dumps({'drawn': drawn.decode(), 'out': out.decode(), 'code': child.returncode, 'ms': (time.monotonic() - began) * 1000}))
`

interface Seen {
  readonly drawn: string
  readonly out: string
  readonly code: number
  readonly ms: number
}

/** What stands on the screen after all that was written: text, CR, LF, clear to the end, cursor up. */
const screen = (written: string): string => {
  const rows: string[] = ['']
  let row = 0
  let column = 0
  for (const [token] of written.matchAll(/\u001b\[(\d*)([A-Za-z])|\r|\n|[^\r\n\u001b]+/g)) {
    if (token === '\r') column = 0
    else if (token === '\n') rows[++row] ??= ''
    else if (token === '\u001b[J') {
      rows[row] = (rows[row] ?? '').slice(0, column)
      rows.length = row + 1
    } else if (/^\u001b\[\d+A$/.test(token)) row -= Number(token.slice(2, -1))
    else if (token.startsWith('\u001b')) throw new Error(`unexpected ${JSON.stringify(token)}`)
    else {
      rows[row] = (rows[row] ?? '').slice(0, column).padEnd(column) + token
      column += token.length
    }
  }
  return rows.join('\n')
}

describe('on a real terminal', () => {
  let file: string
  beforeAll(async () => {
    file = await program(`
      import { writeSync } from 'node:fs'
      import { liveProgress } from '@/cli/reporters/live.ts'
      const [checks, ms] = process.argv.slice(2).map(Number)
      const signals = () => ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGALRM'].map(signal => process.listenerCount(signal)).join()
      const before = signals()
      const live = liveProgress(process.stderr, { color: false, unicode: true })
      setInterval(() => {}, 1000) // something hangs
      for (let at = 0; at < checks; at++) live.event({ type: 'start', id: 'check-' + at, title: 'Title ' + at, at: Date.now() })
      setTimeout(() => live.event({ type: 'finish', id: 'check-0', status: 'pass', durationMs: 1 }), ms / 2)
      setTimeout(() => {
        live.stop()
        live.event({ type: 'start', id: 'late', title: 'late', at: 0 })
        writeSync(1, signals() === before ? 'REPORT' : 'a signal handler was left')
        process.exit(1)
      }, ms)`)
  })
  const seen = (words: readonly (string | number)[], { width = 70, stopped = false } = {}): Seen => {
    const args = [
      '-c',
      PTY,
      String(width),
      stopped ? 'stopped' : 'reading',
      process.execPath,
      file,
      ...words.map(String),
    ]
    const { stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8', timeout: 25_000 })
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout)
  }

  test('a slow run is drawn, and nothing of it is left; standard output holds the report alone', () => {
    const { drawn, out, code } = seen([2, 1200])
    expect(drawn).toContain('check-0  Title 0')
    expect(drawn).toMatch(/check-1 {2}Title 1 {2}\d\.\d s/)
    expect(drawn).not.toContain('late')
    expect(drawn).not.toContain('\u001b[?25l') // a cursor that is never hidden need not be brought back
    expect(screen(drawn).trim()).toBe('')
    expect({ out, code }).toEqual({ out: 'REPORT', code: 1 })
  })

  test('what is done is not waited for', () => {
    const frames = seen([2, 1500])
      .drawn.split('\u001b[J')
      .filter(text => text.includes('check-'))
    expect(frames[0]).toContain('check-0')
    expect(frames.at(-1)).not.toContain('check-0')
    expect(frames.at(-1)).toContain('check-1')
  })

  test('on a narrow one no line wraps, so all of it can be taken back', () => {
    const { drawn } = seen([9, 800], { width: 24 })
    const lines = drawn.split(/\r?\n|\r|\u001b\[\w+/).filter(Boolean)
    expect(lines.length).toBeGreaterThan(4)
    for (const line of lines) expect(columns(line)).toBeLessThan(24)
    expect(screen(drawn).trim()).toBe('')
  })

  test('a quick run draws nothing', () => {
    expect(seen([3, 100]).drawn).toBe('')
  })

  test('a terminal that its user has stopped does not hold the process', () => {
    const { out, ms } = seen([3, 900], { stopped: true })
    expect(out).toBe('REPORT')
    expect(ms).toBeLessThan(5000)
  })

  test('without a terminal nothing is drawn', () => {
    const { stderr, stdout } = spawnSync(process.execPath, [file, '2', '600'], { encoding: 'utf8' })
    expect({ stderr, stdout }).toEqual({ stderr: '', stdout: 'REPORT' })
  })
})
