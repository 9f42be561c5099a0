import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { search } from '../../checks/path/search.ts'
import { path as kind } from '../../checks/path.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { parseDirectoryGroups, parseGroups } from '../../core/groups.ts'
import { matcherOf } from '../../core/safe-regex.ts'
import { bootcheck, manifest, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { completed, NOBODY, runInChild } from '../support/run-check.ts'

const run = async (cwd: string, options: object, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  kind.run((await completed(kind, options)) as never, context({ cwd, ...given }))

const codeOf = (verdict: Verdict): string => ('code' in verdict ? `${verdict.status} ${verdict.code}` : verdict.status)

const trouble = (verdict: Verdict) => {
  if (verdict.status !== 'fail') throw new Error(`no failure: ${JSON.stringify(verdict)}`)
  expect(verdict.next).toMatch(/\S/)
  return verdict
}

const file = (cwd: string, name: string, text: string | Buffer = 'text\n', mode = 0o600): string => {
  writeFileSync(join(cwd, name), text)
  chmodSync(join(cwd, name), mode)
  return name
}

const HOUR = 3_600_000

describe('what stands there', () => {
  test('each type is told from the others, also behind a link', async () => {
    const cwd = scratch()
    file(cwd, 'file')
    mkdirSync(join(cwd, 'folder'))
    execFileSync('mkfifo', [join(cwd, 'fifo')])
    const server = createServer()
    await new Promise<void>(resolve => server.listen(join(cwd, 'socket'), resolve))
    onTestFinished(() => new Promise<void>(resolve => server.close(() => resolve())))
    const types = ['file', 'folder', 'fifo', 'socket'] as const
    for (const type of types) {
      symlinkSync(type, join(cwd, `to-${type}`))
      for (const wanted of [...types, 'link'] as const) {
        const right = wanted === type ? 'pass path/as-wanted' : 'fail path/wrong-type'
        expect(codeOf(await run(cwd, { path: type, type: wanted })), `${type} as ${wanted}`).toBe(right)
        expect(codeOf(await run(cwd, { path: `to-${type}`, type: wanted })), `link to ${type} as ${wanted}`).toBe(
          wanted === 'link' ? 'pass path/as-wanted' : right,
        )
      }
      if (type !== 'file')
        for (const asked of [{ 'min-size': '0B' }, { contains: ['x'] }, { lacks: ['x'] }])
          expect(codeOf(await run(cwd, { path: type, ...asked }))).toBe('fail path/wrong-type')
    }
    expect(codeOf(await run(cwd, { path: '/dev/null', type: 'file' }))).toBe('fail path/wrong-type')
  })

  test.each([
    ['nothing', 'x', 'missing', () => {}],
    ['nothing further up', 'a/b/x', 'missing', () => {}],
    ['a link to nothing', 'x', 'dangling-link', (cwd: string) => symlinkSync('gone', join(cwd, 'x'))],
    ['a loop', 'x', 'link-loop', (cwd: string) => symlinkSync('x', join(cwd, 'x'))],
    ['below a file', 'f/x', 'not-a-folder', (cwd: string) => void file(cwd, 'f')],
    ['a name that is too long', 'x'.repeat(300), 'unusable', () => {}],
  ])('%s', async (_, path, what, make) => {
    const cwd = scratch()
    make(cwd)
    for (const options of [{ path }, { path, type: 'link' }, { path, 'max-age': '1h', lacks: ['x'] }]) {
      const verdict = trouble(await run(cwd, options))
      expect(verdict.code).toBe(`path/${what}`)
      expect(verdict.watched).toEqual([path])
    }
  })

  test('a pass says what it is', async () => {
    const cwd = scratch()
    file(cwd, 'f', 'hello')
    const verdict = await run(cwd, { path: 'f' })
    expect(verdict).toMatchObject({
      status: 'pass',
      summary: expect.stringMatching(/^f is a file, mode 0600, 5 B, changed .* ago$/),
      watched: ['f'],
      facts: { type: 'file', link: false, mode: '0600', owner: userInfo().uid, bytes: 5 },
    })
  })
})

describe('absent', () => {
  test('nothing there, in a folder that is there or may yet be made', async () => {
    const cwd = scratch()
    expect(await run(cwd, { path: 'lock', absent: true })).toMatchObject({ status: 'pass', watched: ['lock'] })
    expect(await run(cwd, { path: 'locks/lock', absent: true })).toMatchObject({
      status: 'pass',
      summary: 'locks/lock is not there, and neither is locks',
    })
    expect(codeOf(await run(cwd, { path: 'lokcs/gateway/lock', absent: true }))).toBe('fail path/no-folder')
  })

  test('whatever is there fails, also a link to nothing and a loop', async () => {
    const cwd = scratch()
    file(cwd, 'file')
    mkdirSync(join(cwd, 'folder'))
    symlinkSync('gone', join(cwd, 'dangling'))
    symlinkSync('loop', join(cwd, 'loop'))
    for (const path of ['file', 'folder', 'folder/', 'dangling', 'loop'])
      expect(codeOf(await run(cwd, { path, absent: true })), path).toBe('fail path/present')
    expect(codeOf(await run(cwd, { path: 'dangling/x', absent: true }))).toBe('fail path/dangling-link')
    expect(codeOf(await run(cwd, { path: 'file/x', absent: true }))).toBe('fail path/not-a-folder')
  })

  test('a closed folder may hold it', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    mkdirSync(join(cwd, 'closed'))
    chmodSync(join(cwd, 'closed'), 0o700)
    const options = await completed(kind, { path: 'closed/lock', absent: true })
    expect(codeOf(await runInChild({ kind: 'path', options, cwd }, { uid: NOBODY }))).toBe('fail path/parent-closed')
  })
})

describe('rights', () => {
  test('a ceiling, also with the special bits', async () => {
    const cwd = scratch()
    for (const [mode, ceiling, good] of [
      [0o600, '0600', true],
      [0o400, '0600', true],
      [0o640, '0600', false],
      [0o604, '0640', false],
      [0o4755, '0755', false],
      [0o4755, '4755', true],
    ] as const) {
      file(cwd, 'f', '', mode)
      const verdict = await run(cwd, { path: 'f', mode: ceiling })
      expect(codeOf(verdict), `${mode.toString(8)} ${ceiling}`).toBe(
        good ? 'pass path/as-wanted' : 'fail path/mode-too-open',
      )
    }
    file(cwd, 'f', '', 0o666)
    execFileSync('sh', ['-c', trouble(await run(cwd, { path: 'f', mode: '0600' })).next])
    expect(codeOf(await run(cwd, { path: 'f', mode: '0600' }))).toBe('pass path/as-wanted')
  })

  test('owner and group by name and number', async () => {
    const cwd = scratch()
    file(cwd, 'f')
    const { uid, gid, username } = userInfo()
    const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()
    for (const owner of [uid, String(uid), username])
      for (const wanted of [gid, String(gid), group])
        expect(codeOf(await run(cwd, { path: 'f', owner, group: wanted }))).toBe('pass path/as-wanted')
    expect(codeOf(await run(cwd, { path: 'f', owner: uid + 1 }))).toBe('fail path/wrong-owner')
    expect(codeOf(await run(cwd, { path: 'f', owner: 'no-such-user' }))).toBe('fail path/unknown-owner')
    expect(codeOf(await run(cwd, { path: 'f', group: gid + 1 }))).toBe('fail path/wrong-group')
    expect(codeOf(await run(cwd, { path: 'f', group: 'no-such-group' }))).toBe('fail path/unknown-group')
  })

  test('groups as the systems list them', () => {
    expect(parseGroups('root:x:0:\n# comment\nstaff:*:20:root\n+::\n')).toEqual([
      { name: 'root', gid: 0 },
      { name: 'staff', gid: 20 },
    ])
    expect(parseDirectoryGroups('name: com.apple.access_ssh\npassword: *\ngid: 399\nusers: claw\n')).toEqual([
      { name: 'com.apple.access_ssh', gid: 399 },
    ])
    expect(parseDirectoryGroups('')).toEqual([])
  })
})

describe('size and age', () => {
  test('at the limit, and one beyond', async () => {
    const cwd = scratch()
    file(cwd, 'f', 'x'.repeat(1024))
    expect(codeOf(await run(cwd, { path: 'f', 'min-size': '1KiB', 'max-size': '1KiB' }))).toBe('pass path/as-wanted')
    expect(codeOf(await run(cwd, { path: 'f', 'min-size': '1025B' }))).toBe('fail path/too-small')
    expect(codeOf(await run(cwd, { path: 'f', 'max-size': '1023B' }))).toBe('fail path/too-large')
    file(cwd, 'f', '')
    expect(trouble(await run(cwd, { path: 'f', 'min-size': '1B' })).summary).toBe('f is empty')
  })

  test('older and younger, also than the 24 days that a timer can wait', async () => {
    const cwd = scratch()
    file(cwd, 'f')
    const now = Math.floor(Date.now() / 1000) * 1000
    const aged = async (ms: number, options: object) => {
      utimesSync(join(cwd, 'f'), now / 1000, (now - ms) / 1000)
      return codeOf(await run(cwd, { path: 'f', ...options }, { now: () => now }))
    }
    expect(await aged(HOUR, { 'max-age': '1h', 'min-age': '1h' })).toBe('pass path/as-wanted')
    expect(await aged(HOUR + 1000, { 'max-age': '1h' })).toBe('fail path/too-old')
    expect(await aged(HOUR - 1000, { 'min-age': '1h' })).toBe('fail path/too-young')
    expect(await aged(40 * 24 * HOUR, { 'max-age': '30d' })).toBe('fail path/too-old')
    expect(await aged(29 * 24 * HOUR, { 'max-age': '30d' })).toBe('pass path/as-wanted')
  })

  test('a time in the future is no youth', async () => {
    const cwd = scratch()
    file(cwd, 'f')
    const now = Date.now()
    utimesSync(join(cwd, 'f'), now / 1000, now / 1000 + 3600)
    for (const asked of [{ 'max-age': '1h' }, { 'min-age': '1s' }])
      expect(codeOf(await run(cwd, { path: 'f', ...asked }, { now: () => now }))).toBe('fail path/future')
    expect(await run(cwd, { path: 'f' }, { now: () => now })).toMatchObject({
      status: 'pass',
      summary: expect.stringMatching(/60 min in the future$/),
    })
    utimesSync(join(cwd, 'f'), now / 1000, now / 1000 + 1)
    expect(codeOf(await run(cwd, { path: 'f', 'max-age': '1h' }, { now: () => now }))).toBe('pass path/as-wanted')
  })
})

describe('content', () => {
  test('text and expressions, in a line', async () => {
    const cwd = scratch()
    file(cwd, 'f', 'one\r\ntwo /etc/ three\nready in 12 ms')
    const good: [string, boolean][] = [
      ['two', true],
      ['one', true],
      ['12 ms', true],
      ['/^one$/', true],
      ['/^READY in [0-9]+ ms$/i', true],
      ['/\\/etc\\//', true],
      ['three\tready', false],
      ['/^two$/', false],
      ['ready.in', false],
    ]
    for (const [pattern, there] of good) {
      const contains = await run(cwd, { path: 'f', contains: [pattern] })
      const lacks = await run(cwd, { path: 'f', lacks: [pattern] })
      expect([codeOf(contains), codeOf(lacks)], pattern).toEqual(
        there
          ? ['pass path/as-wanted', 'fail path/pattern-found']
          : ['fail path/pattern-missing', 'pass path/as-wanted'],
      )
    }
  })

  test('all that is wrong, with its line, and not a word of the file', async () => {
    const cwd = scratch()
    file(cwd, 'f', 'a\nb\ntoken hunter2hunter2\n')
    const verdict = trouble(await run(cwd, { path: 'f', contains: ['x', 'a'], lacks: ['token', '/^b/'] }))
    expect(verdict.findings?.map(({ code, line }) => [code, line])).toEqual([
      ['path/pattern-missing', undefined],
      ['path/pattern-found', 3],
      ['path/pattern-found', 2],
    ])
    expect(JSON.stringify(verdict)).not.toContain('hunter2')
  })

  test('a file whose text does not stand in its bytes proves no lack', async () => {
    const cwd = scratch()
    const words = 'a line\npassword=1\nready\n'
    const wide = Buffer.from(words, 'utf16le')
    const undecided: Record<string, Buffer> = {
      'le.txt': Buffer.concat([Buffer.from([0xff, 0xfe]), wide]),
      'be.txt': Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(wide).swap16()]),
      'bare.txt': wide,
      'bare-be.txt': Buffer.from(wide).swap16(),
      'wide.txt': Buffer.from([...words].flatMap(char => [char.charCodeAt(0), 0, 0, 0])),
      // What a PowerShell appends to a file of bytes.
      'mixed.txt': Buffer.concat([Buffer.from('hello\n'), wide]),
      'l.gz': gzipSync(words),
      'l.zip': Buffer.from('PK\x03\x04 and so on'),
      'l.bz2': Buffer.from('BZh91AY&SY'),
    }
    for (const [name, bytes] of Object.entries(undecided)) {
      writeFileSync(join(cwd, name), bytes)
      expect(codeOf(await run(cwd, { path: name, lacks: ['password'] })), name).toBe('fail path/undecided')
      expect(codeOf(await run(cwd, { path: name, contains: ['password'] })), name).toBe('fail path/undecided')
    }
    // A hole in a log that was cut while it was written, and words as /proc has them, are searched.
    file(cwd, 'hole.log', `${'\0'.repeat(5000)}first\nsecond\n`)
    file(cwd, 'environ', 'PATH=/bin\0HOME=/root\0')
    file(cwd, 'latin1', 'x')
    writeFileSync(join(cwd, 'latin1'), Buffer.from('caf\xe9\npassword\n', 'latin1'))
    for (const [name, pattern] of [
      ['hole.log', 'password'],
      ['environ', 'password'],
      ['latin1', 'secret'],
    ] as const)
      expect(codeOf(await run(cwd, { path: name, lacks: [pattern] })), name).toBe('pass path/as-wanted')
  })

  test('a carriage return ends a line, too', async () => {
    const cwd = scratch()
    file(cwd, 'cr', 'a\rpassword\rb')
    expect(codeOf(await run(cwd, { path: 'cr', lacks: ['/^password$/'] }))).toBe('fail path/pattern-found')
    expect(codeOf(await run(cwd, { path: 'cr', contains: ['/^b$/', '/^a$/'] }))).toBe('pass path/as-wanted')
  })

  test('limits that no file can keep are refused; those that meet are not', async () => {
    const conflict = (given: object) =>
      kind.conflict?.({ path: 'f', ...given }, { phase: 'before', above: new Map(), open: new Set() })
    expect(conflict({ 'min-size': '5MB', 'max-size': '1MB' })).toBe(
      '"min-size: 5MB" is more than "max-size: 1MB": no file has both',
    )
    expect(conflict({ 'min-age': '5d', 'max-age': '1d' })).toContain('"min-age: 5d" is more than "max-age: 1d"')
    expect(conflict({ 'min-size': '1MB', 'max-size': '1MB', 'min-age': '1d', 'max-age': '24h' })).toBe(undefined)
    expect(conflict({ 'min-size': '5MB', 'max-size': '${env:MOST}' })).toBe(undefined)
  })

  test('an empty file proves no lack, unless it may be empty', async () => {
    const cwd = scratch()
    file(cwd, 'f', '')
    expect(codeOf(await run(cwd, { path: 'f', lacks: ['x'] }))).toBe('fail path/empty')
    expect(codeOf(await run(cwd, { path: 'f', lacks: ['x'], 'min-size': '0B' }))).toBe('pass path/as-wanted')
    expect(codeOf(await run(cwd, { path: 'f', contains: ['x'], 'min-size': '0B' }))).toBe('fail path/pattern-missing')
  })

  test('lines that cross the pieces in which it is read', async () => {
    const cwd = scratch()
    const filler = `${'x'.repeat(1023)}\n`.repeat(1024)
    for (const shift of [0, 1, 5, 9]) {
      file(cwd, 'f', `${filler.slice(shift)}needle é\n${filler}`)
      const { lines } = await search(
        join(cwd, 'f'),
        [matcherOf('needle é'), matcherOf('/^x*$/')],
        new AbortController().signal,
      )
      expect(lines[0], String(shift)).toBe(1025)
      expect(lines[1]).toBe(1)
    }
  })

  test('a line of 100 MB is no proof of a lack; what stands elsewhere is found', async () => {
    const cwd = scratch()
    const fd = openSync(join(cwd, 'f'), 'w')
    writeSync(fd, 'first\n')
    ftruncateSync(fd, 100 * 1024 * 1024)
    closeSync(fd)
    expect(codeOf(await run(cwd, { path: 'f', lacks: ['needle'] }))).toBe('fail path/undecided')
    expect(codeOf(await run(cwd, { path: 'f', contains: ['needle'] }))).toBe('fail path/undecided')
    appendFileSync(join(cwd, 'f'), '\nneedle\n')
    expect(codeOf(await run(cwd, { path: 'f', contains: ['first', 'needle'] }))).toBe('pass path/as-wanted')
    expect(codeOf(await run(cwd, { path: 'f', lacks: ['needle'] }))).toBe('fail path/pattern-found')
  })

  test('a deadline ends it', async () => {
    const cwd = scratch()
    file(cwd, 'f', 'x\n')
    const controller = new AbortController()
    controller.abort(new Error('too late'))
    await expect(run(cwd, { path: 'f', contains: ['y'] }, { signal: controller.signal })).rejects.toThrow('too late')
  })

  test('a file of /proc, which claims no size, is read', async () => {
    expect(codeOf(await run('/', { path: '/proc/self/status', contains: ['/^Pid:/'] }))).toBe('pass path/as-wanted')
    expect(codeOf(await run('/', { path: '/proc/self/status', lacks: ['/^Pid:/'] }))).toBe('fail path/pattern-found')
  })

  test('a closed file fails, whatever was asked', async () => {
    const cwd = scratch()
    chmodSync(cwd, 0o755)
    file(cwd, 'f', 'x', 0o600)
    for (const asked of [{ contains: ['x'] }, { lacks: ['y'] }]) {
      const options = await completed(kind, { path: 'f', ...asked })
      expect(codeOf(await runInChild({ kind: 'path', options, cwd }, { uid: NOBODY }))).toBe('fail path/unreadable')
    }
  })
})

describe('inside', () => {
  test('the real place counts', async () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'root/deep'), { recursive: true })
    mkdirSync(join(cwd, 'root-other'))
    file(cwd, 'root/f')
    file(cwd, 'root-other/f')
    symlinkSync('../f', join(cwd, 'root/deep/in'))
    symlinkSync('../root-other/f', join(cwd, 'root/out'))
    symlinkSync('root', join(cwd, 'alias'))
    const ask = async (path: string, inside = 'root') => codeOf(await run(cwd, { path, inside }))
    for (const path of ['root', 'root/f', 'root/deep/in', 'alias/f', 'root/deep/../f'])
      expect(await ask(path), path).toBe('pass path/as-wanted')
    for (const path of ['root/out', 'root-other/f', 'root/../root-other/f', '/etc/passwd'])
      expect(await ask(path), path).toBe('fail path/outside')
    expect(await ask('root/f', 'alias')).toBe('pass path/as-wanted')
    expect(await ask('root/f', '/')).toBe('pass path/as-wanted')
    expect(await ask('root/f', 'gone')).toBe('fail path/root-missing')
  })
})

describe('everything at once', () => {
  test('each thing that is wrong has its finding', async () => {
    const cwd = scratch()
    file(cwd, 'f', 'x', 0o666)
    if (userInfo().uid === 0) chownSync(join(cwd, 'f'), NOBODY, NOBODY)
    utimesSync(join(cwd, 'f'), 0, 0)
    const verdict = trouble(
      await run(cwd, {
        path: 'f',
        mode: '0600',
        owner: 12345,
        group: 12345,
        'min-size': '2B',
        'max-age': '1h',
        contains: ['y'],
        inside: '/etc',
      }),
    )
    expect(verdict.findings?.map(({ code }) => code?.slice(5))).toEqual([
      'wrong-owner',
      'wrong-group',
      'mode-too-open',
      'too-small',
      'too-old',
      'pattern-missing',
      'outside',
    ])
  })
})

describe('the program', () => {
  const report = async (cwd: string, body: string) => {
    writeFileSync(join(cwd, 'BOOT.md'), manifest(body))
    return bootcheck(['run', '--format', 'json'], { cwd })
  }

  test('a catastrophic expression ends at the deadline', async () => {
    const cwd = scratch()
    file(cwd, 'f', `${'a'.repeat(40)}!\n`)
    const ended = await report(cwd, 'check: path\nid: slow\ntimeout: 1s\npath: f\nlacks: ["/^(a+)+$/"]')
    expect(reportOf(ended).checks).toMatchObject([
      {
        id: 'slow',
        status: 'timeout',
        summary: `no answer after 1 s: it was still seeking /^(a+)+$/ in ${join(cwd, 'f')}`,
        next: expect.stringContaining('simplify the pattern'),
      },
    ])
    expect(ended.code).toBe(1)
    expect(ended.ms).toBeLessThan(8000)
  })

  test('a pattern of two lines is refused: lines are searched one by one', async () => {
    const cwd = scratch()
    file(cwd, 'f')
    const ended = await report(cwd, 'check: path\nid: wrong\npath: f\nlacks: ["a\\nb"]')
    expect(ended.code).toBe(2)
    expect(ended.stdout).toContain('spans lines')
  })

  test.each([
    ['absent beside a size', 'path: f\nabsent: true\nmin-size: 1B', '"min-size" cannot stand beside "absent: true"'],
    ['content of a folder', 'path: f\ntype: folder\nlacks: [x]', '"lacks" cannot stand beside "type: folder"'],
    ['a glob that should match nothing', 'path: "*.lock"\nabsent: true', '"path" is no glob'],
    ['an expression that is none', 'path: f\ncontains: ["/(/"]', 'the pattern /(/ is no regular expression'],
  ])('%s is refused, in a manifest and on the command line', async (_, keys, message) => {
    const cwd = scratch()
    file(cwd, 'f')
    const ended = await report(cwd, `check: path\nid: wrong\n${keys}`)
    expect(ended.code).toBe(2)
    expect(JSON.stringify(JSON.parse(ended.stdout).errors)).toContain(JSON.stringify(message).slice(1, -1))
    const words = keys.split('\n').flatMap(line => {
      const [key = '', value = ''] = line.split(': ')
      return value === 'true' ? [`--${key}`] : [`--${key}`, value.replace(/^\[?"?|"?\]?$/g, '')]
    })
    const direct = await bootcheck(['check', 'path', ...words], { cwd })
    expect(direct.code).toBe(2)
    expect(direct.stderr).toContain(message)
  })
})
