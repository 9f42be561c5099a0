import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { judgeHeader } from '../../checks/sqlite/header.ts'
import { judgeAnswer } from '../../checks/sqlite/judge.ts'
import { sqlite as kind } from '../../checks/sqlite.ts'
import type { Verdict } from '../../core/check.ts'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { context, scratch } from '../support/context.ts'
import { NEWER_NODE } from '../support/nodes.ts'
import { completed } from '../support/run-check.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

const run = async (cwd: string, options: object): Promise<Verdict> =>
  kind.run((await completed(kind, options)) as never, context({ cwd }))

const codeOf = (verdict: Verdict): string => ('code' in verdict ? `${verdict.status} ${verdict.code}` : verdict.status)

/** Another build of SQLite, that of a newer Node: it makes the files, and is what the check is measured by. */
const node = (cwd: string, body: string, ...words: string[]): string => {
  const script = `const { DatabaseSync } = require('node:sqlite'); const fs = require('node:fs');
    const open = (name, options = { defensive: false }) => new DatabaseSync(name, options); ${body}`
  const ended = spawnSync(NEWER_NODE, ['--no-warnings', '-e', script, ...words], {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
  })
  if (ended.status !== 0) throw new Error(ended.stderr)
  return ended.stdout
}

const FILL = `const db = open('x.sqlite'); db.exec(\`PRAGMA page_size = 1024; CREATE TABLE jobs (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE "Logs" (line TEXT); CREATE INDEX by_name ON jobs (name); PRAGMA user_version = 7;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO jobs SELECT i, 'job ' || i FROM n\`);`

/** A folder with a sound database of some twenty pages. */
const sound = (more = ''): string => {
  const cwd = scratch()
  node(cwd, `${FILL} ${more}`)
  return cwd
}

const state = (cwd: string): string[] =>
  readdirSync(cwd)
    .toSorted()
    .map(name => {
      const path = join(cwd, name)
      const { mtimeMs, size, nlink } = statSync(path)
      return `${name} ${size} ${mtimeMs} ${nlink} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
    })

/** The process ends without closing: log, index or journal stay as a killed gateway leaves them. */
const KILLED = "process.kill(process.pid, 'SIGKILL')"

const killed = (cwd: string, body: string): void => {
  const script = `const { DatabaseSync } = require('node:sqlite'); const db = new DatabaseSync('x.sqlite'); ${body}; ${KILLED}`
  const ended = spawnSync(NEWER_NODE, ['--no-warnings', '-e', script], { cwd, encoding: 'utf8', timeout: 60_000 })
  if (ended.signal !== 'SIGKILL') throw new Error(ended.stderr)
}

const withLog = (): string => {
  const cwd = sound("db.exec('PRAGMA journal_mode = WAL')")
  killed(cwd, "db.exec('CREATE TABLE late (a); INSERT INTO late VALUES (1)')")
  return cwd
}

const withJournal = (): string => {
  const cwd = sound()
  killed(
    cwd,
    `db.exec("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN; UPDATE jobs SET name = name || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'")`,
  )
  return cwd
}

describe('a sound database', () => {
  test('passes at every depth and stays as it was', async () => {
    const cwd = sound()
    const before = state(cwd)
    for (const depth of ['open', 'quick', 'full'])
      expect(await run(cwd, { path: 'x.sqlite', depth, tables: ['jobs', 'logs'], 'user-version': 7 })).toMatchObject({
        status: 'pass',
        code: 'sqlite/good',
        watched: ['x.sqlite'],
        facts: { tables: 2, userVersion: 7, wal: false, pageSize: 1024 },
      })
    expect(state(cwd)).toEqual(before)
  })

  test('with a log that nobody has merged: what is in it counts, and all stays as it was', async () => {
    const cwd = withLog()
    expect(readdirSync(cwd).toSorted()).toEqual(['x.sqlite', 'x.sqlite-shm', 'x.sqlite-wal'])
    const before = state(cwd)
    expect(await run(cwd, { path: 'x.sqlite', tables: ['late'] })).toMatchObject({
      status: 'pass',
      facts: { wal: true },
    })
    expect(state(cwd)).toEqual(before)
    symlinkSync(join(cwd, 'x.sqlite'), join(cwd, 'link'))
    expect(codeOf(await run(cwd, { path: 'link', tables: ['late'] }))).toBe('pass sqlite/good')
  })

  test('in WAL mode with no log yet', async () => {
    const cwd = sound("db.exec('PRAGMA journal_mode = WAL'); db.close()")
    expect(readdirSync(cwd)).toEqual(['x.sqlite'])
    expect(codeOf(await run(cwd, { path: 'x.sqlite' }))).toBe('pass sqlite/good')
    expect(readdirSync(cwd)).toEqual(['x.sqlite'])
  })

  test('a table or a version that it lacks', async () => {
    const cwd = sound()
    expect(codeOf(await run(cwd, { path: 'x.sqlite', tables: ['jobs', 'cron_jobs'] }))).toBe(
      'fail sqlite/table-missing',
    )
    expect(codeOf(await run(cwd, { path: 'x.sqlite', 'user-version': 8 }))).toBe('fail sqlite/version')
  })

  test('tables of an extension are passed over; UTF-16 and broken rules are warnings', async () => {
    const vec = sound(`db.exec('PRAGMA writable_schema = 1');
      db.exec("INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING vec0(a)')")`)
    expect(codeOf(await run(vec, { path: 'x.sqlite' }))).toBe('pass sqlite/good')
    const wide = scratch()
    node(wide, `open('x.sqlite').exec("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a)")`)
    expect(codeOf(await run(wide, { path: 'x.sqlite' }))).toBe('warn sqlite/unchecked')
    const rules = sound(`db.exec('CREATE TABLE n (a); INSERT INTO n VALUES (NULL); PRAGMA writable_schema = 1');
      db.exec("UPDATE sqlite_master SET sql = 'CREATE TABLE n (a NOT NULL)' WHERE name = 'n'")`)
    expect(codeOf(await run(rules, { path: 'x.sqlite' }))).toBe('warn sqlite/constraint')
  })
})

describe('no database', () => {
  test.each([
    ['nothing', 'missing', () => {}],
    ['a link to nothing', 'missing', (cwd: string) => symlinkSync('gone', join(cwd, 'x.sqlite'))],
    ['a folder', 'not-a-file', (cwd: string) => mkdirSync(join(cwd, 'x.sqlite'))],
    ['0 bytes', 'empty', (cwd: string) => lay(cwd, { 'x.sqlite': '' })],
    ['text', 'not-a-database', (cwd: string) => lay(cwd, { 'x.sqlite': '<html>502 Bad Gateway</html>\n' })],
    ['zeros', 'not-a-database', (cwd: string) => writeFileSync(join(cwd, 'x.sqlite'), Buffer.alloc(8192))],
    ['noise', 'not-a-database', (cwd: string) => writeFileSync(join(cwd, 'x.sqlite'), randomBytes(8192))],
    ['the signature alone', 'header', (cwd: string) => lay(cwd, { 'x.sqlite': 'SQLite format 3\0' })],
  ] as [string, string, (cwd: string) => void][])('%s', async (_, what, make) => {
    const cwd = scratch()
    make(cwd)
    const verdict = await run(cwd, { path: 'x.sqlite' })
    expect(codeOf(verdict)).toBe(`fail sqlite/${what}`)
    if (verdict.status !== 'fail') throw new Error('no failure')
    expect([verdict.watched, verdict.next]).toEqual([['x.sqlite'], expect.stringMatching(/\S/)])
  })

  test('an encrypted one is taken for one, and a log that is left over is told', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'x.sqlite'), randomBytes(8192))
    expect(await run(cwd, { path: 'x.sqlite' })).toMatchObject({ summary: expect.stringContaining('encrypted') })
    lay(cwd, { 'y.sqlite-wal': 'x' })
    expect(await run(cwd, { path: 'y.sqlite' })).toMatchObject({
      summary: 'y.sqlite is missing, and its -wal is still there',
    })
  })
})

describe('a damaged database', () => {
  /** What another build of SQLite says of `<n>.sqlite` for each n: `ok`, or what is wrong. */
  const judged = (cwd: string, count: number): string[] =>
    JSON.parse(
      node(
        cwd,
        `const said = []; for (let i = 0; i < ${count}; i++) { try { const db = open(i + '.sqlite', { readOnly: true });
          db.prepare('SELECT * FROM sqlite_master').all(); said.push(Object.values(db.prepare('PRAGMA quick_check(1)').all()[0])[0]); db.close()
        } catch (error) { said.push(error.message) } } console.log(JSON.stringify(said))`,
      ),
    )

  const compare = async (variants: readonly Buffer[]): Promise<{ readonly bad: number; readonly green: number }> => {
    const cwd = scratch()
    for (const [index, data] of variants.entries()) writeFileSync(join(cwd, `${index}.sqlite`), data)
    const reference = judged(cwd, variants.length)
    let green = 0
    for (const [index, said] of reference.entries()) {
      const verdict = await run(cwd, { path: `${index}.sqlite` })
      if (verdict.status === 'pass') green++
      if (said !== 'ok') expect(verdict.status, `variant ${index}: ${said}`).not.toBe('pass')
    }
    return { bad: reference.filter(said => said !== 'ok').length, green }
  }

  const flipped = (data: Buffer, at: number, bits: number): Buffer => {
    const copy = Buffer.from(data)
    copy[at] = (copy[at] ?? 0) ^ bits
    return copy
  }

  test('each byte of its header, flipped: never green where SQLite finds it malformed', async () => {
    const data = readFileSync(join(sound(), 'x.sqlite'))
    const offsets = Array.from({ length: 100 }, (_, at) => at)
    const { bad, green } = await compare(offsets.map(at => flipped(data, at, 0xff)))
    expect(bad).toBeGreaterThan(25)
    expect(green).toBeLessThan(60)
  })

  test('bytes all over its pages, flipped', async () => {
    const data = readFileSync(join(sound(), 'x.sqlite'))
    const offsets = Array.from({ length: Math.floor(data.length / 1024) }, (_, page) => page * 1024)
    const variants = offsets.flatMap(page =>
      [0, 3, 5, 8, 11, 13, 600, 1020].map(at =>
        flipped(data, Math.min(page + at + (page === 0 ? 100 : 0), data.length - 1), 0xff),
      ),
    )
    const { bad } = await compare(variants)
    expect(bad).toBeGreaterThan(30)
  })

  test('cut off anywhere', async () => {
    const cwd = sound()
    const { length } = readFileSync(join(cwd, 'x.sqlite'))
    for (const keep of [length - 1, length - 1024, 5000, 1024, 1000, 100, 99, 20]) {
      copyFileSync(join(cwd, 'x.sqlite'), join(cwd, 'cut.sqlite'))
      truncateSync(join(cwd, 'cut.sqlite'), keep)
      expect(codeOf(await run(cwd, { path: 'cut.sqlite' })), String(keep)).toBe(
        `fail sqlite/${keep < 100 ? 'header' : 'truncated'}`,
      )
    }
  })

  test('a page of zeros, as a failing disk leaves it', async () => {
    const cwd = sound()
    const data = readFileSync(join(cwd, 'x.sqlite'))
    writeFileSync(join(cwd, 'x.sqlite'), data.fill(0, 3072, 4096))
    const verdict = await run(cwd, { path: 'x.sqlite' })
    expect(codeOf(verdict)).toBe('fail sqlite/malformed')
    expect(await run(cwd, { path: 'x.sqlite', tables: ['jobs'] })).toMatchObject({ status: 'fail' })
  })
})

describe('a write that was interrupted', () => {
  test('is a warning, and nothing is rolled back; rolled back by its next writer, it passes', async () => {
    const cwd = withJournal()
    expect(readdirSync(cwd).toSorted()).toEqual(['x.sqlite', 'x.sqlite-journal'])
    const before = state(cwd)
    expect(codeOf(await run(cwd, { path: 'x.sqlite', tables: ['jobs'] }))).toBe('warn sqlite/hot-journal')
    expect(state(cwd)).toEqual(before)
    node(cwd, "open('x.sqlite').prepare('SELECT count(*) FROM jobs').all()")
    expect(codeOf(await run(cwd, { path: 'x.sqlite', tables: ['jobs'] }))).toBe('pass sqlite/good')
  })

  test('the zeroed journal of a write that came to its end is none', async () => {
    const cwd = sound()
    writeFileSync(join(cwd, 'x.sqlite-journal'), Buffer.alloc(512))
    expect(codeOf(await run(cwd, { path: 'x.sqlite' }))).toBe('pass sqlite/good')
  })
})

describe('what stands in the place of its log or journal', () => {
  /** Whether another build of SQLite opens it to write. */
  const opens = (cwd: string): boolean => {
    try {
      node(cwd, "open('x.sqlite').exec('INSERT INTO jobs (name) VALUES (1)')")
      return true
    } catch {
      return false
    }
  }
  const rollback = () => sound()
  const wal = () => sound("db.exec('PRAGMA journal_mode = WAL'); db.close()")
  const link = (to: string) => (path: string) => symlinkSync(to, path)

  test.each<[string, string, () => string, (path: string) => void]>([
    ['a link to nothing', 'journal', rollback, link('gone')],
    ['a link to nothing', 'wal', wal, link('gone')],
    ['a link to nothing', 'shm', wal, link('gone/x')],
    ['a link', 'wal', wal, link('BOOT.md')],
    ['a link', 'shm', wal, link('BOOT.md')],
    ['a link', 'journal', rollback, link('BOOT.md')],
    ['a folder', 'wal', wal, path => mkdirSync(path)],
    ['a folder', 'wal', rollback, path => mkdirSync(path)],
    ['a folder', 'shm', wal, path => mkdirSync(path)],
    ['a folder', 'journal', rollback, path => mkdirSync(path)],
  ])('%s as -%s', async (what, end, make, put) => {
    const cwd = make()
    lay(cwd, { 'BOOT.md': '' })
    expect(opens(cwd)).toBe(true)
    for (const left of ['-wal', '-shm', '-journal']) rmSync(join(cwd, `x.sqlite${left}`), { force: true })
    expect(codeOf(await run(cwd, { path: 'x.sqlite' }))).toBe('pass sqlite/good')
    put(join(cwd, `x.sqlite-${end}`))
    expect(await run(cwd, { path: 'x.sqlite' })).toMatchObject({
      status: 'fail',
      code: 'sqlite/journal-broken',
      summary: expect.stringContaining(`x.sqlite-${end} beside it, which is ${what}`),
      next: `ls -ld ${join(cwd, `x.sqlite-${end}`)}`,
    })
    expect(opens(cwd)).toBe(false)
  })

  test('a FIFO', async () => {
    const cwd = rollback()
    spawnSync('mkfifo', [join(cwd, 'x.sqlite-journal')])
    expect(codeOf(await run(cwd, { path: 'x.sqlite' }))).toBe('fail sqlite/journal-broken')
  })
})

describe('what SQLite says, judged', () => {
  const place = { shown: 'x', path: '/x', folder: '/', user: { uid: 1, gid: 1, name: 'claw' } }
  const answer = { tables: [], userVersion: 0, flaws: [] }
  test.each([
    [{ ...answer }, undefined],
    [{ ...answer, error: 'database disk image is malformed' }, 'malformed'],
    [{ ...answer, error: 'disk I/O error' }, 'malformed'],
    [{ ...answer, error: 'file is not a database' }, 'not-a-database'],
    [{ ...answer, error: 'no such collation sequence: ICU' }, 'unchecked'],
    [{ ...answer, flaws: ['NULL value in t.a'] }, 'constraint'],
    [{ ...answer, flaws: ['NULL value in t.a', 'Tree 2 page 3: btreeInitPage() returns error code 11'] }, 'malformed'],
    [{ ...answer, flaws: ['the check gave no answer'] }, 'malformed'],
  ])('%j', (given, what) => expect(judgeAnswer(given, place)?.what).toBe(what))

  test('a header of 64 KiB pages', () => {
    const data = Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(84)])
    data.set([0, 1, 2, 2, 0, 64, 32, 32], 16)
    data.writeUInt32BE(1, 56)
    expect(judgeHeader(data, 65_536)).toMatchObject({ header: { pageSize: 65_536, wal: true, pages: undefined } })
  })
})

describe('the program', () => {
  const ask = async (cwd: string, body = '', tmp = true) => {
    lay(cwd, {
      'BOOT.md': manifest(`check: sqlite\nid: db\npath: place/x.sqlite\n${body}`),
      ...(tmp ? { 'tmp/': '' } : {}),
    })
    const ended = await bootcheck(['run', '--format', 'json'], {
      cwd,
      through: UNPRIVILEGED,
      env: { TMPDIR: join(cwd, 'tmp') },
    })
    const [check] = reportOf(ended).checks
    return { code: `${check?.status} ${check?.code}`, check }
  }

  const arranged = (make: () => string): string => {
    const cwd = scratch()
    const from = make()
    mkdirSync(join(cwd, 'place'))
    for (const name of readdirSync(from)) copyFileSync(join(from, name), join(cwd, 'place', name))
    lay(cwd, { 'tmp/': '' })
    give(cwd)
    return cwd
  }

  test('runs SQLite in a child, and leaves nothing anywhere', async () => {
    const cwd = arranged(withLog)
    expect((await ask(cwd)).code).toBe('pass sqlite/good')
    expect(readdirSync(join(cwd, 'place')).toSorted()).toEqual(['x.sqlite', 'x.sqlite-shm', 'x.sqlite-wal'])
    expect(readdirSync(join(cwd, 'tmp'))).toEqual([])
  })

  test('the rights of the file, of what stands beside it, and of the folder', async () => {
    const cwd = arranged(withLog)
    const place = join(cwd, 'place')
    const with_ = async (path: string, mode: number, body = '') => {
      const { mode: old } = statSync(path)
      chmodSync(path, mode)
      const { code } = await ask(cwd, body)
      chmodSync(path, old & 0o7777)
      return code
    }
    expect(await with_(join(place, 'x.sqlite'), 0o000)).toBe('fail sqlite/unreadable')
    expect(await with_(join(place, 'x.sqlite'), 0o400)).toBe('fail sqlite/not-writable')
    expect(await with_(join(place, 'x.sqlite'), 0o400, 'access: r')).toBe('pass sqlite/good')
    expect(await with_(join(place, 'x.sqlite-wal'), 0o400)).toBe('fail sqlite/journal-closed')
    expect(await with_(join(place, 'x.sqlite-wal'), 0o000, 'access: r')).toBe('fail sqlite/journal-closed')
    expect(await with_(join(place, 'x.sqlite-shm'), 0o000)).toBe('fail sqlite/journal-closed')
    expect(await with_(place, 0o500)).toBe('fail sqlite/folder-not-writable')
    expect(await with_(place, 0o500, 'access: r')).toBe('pass sqlite/good')
    expect(await with_(place, 0o000)).toBe('fail sqlite/unreadable')
  })

  test('a database in WAL mode cannot even be read in a closed folder when its log is not there', async () => {
    const cwd = arranged(() => sound("db.exec('PRAGMA journal_mode = WAL'); db.close()"))
    chmodSync(join(cwd, 'place'), 0o500)
    expect((await ask(cwd, 'access: r')).code).toBe('fail sqlite/folder-not-writable')
    chmodSync(join(cwd, 'place'), 0o700)
    expect((await ask(cwd, 'access: r')).code).toBe('pass sqlite/good')
  })

  test('where nothing can be kept meanwhile nobody knows: a failure that names the folder', async () => {
    const cwd = arranged(sound)
    const tmp = join(cwd, 'tmp')
    const unchecked = (code: string) => ({
      code: 'fail sqlite/unchecked',
      check: {
        summary: `place/x.sqlite could not be checked: no folder for it could be made in ${tmp} (${code})`,
        expected: expect.stringContaining('TMPDIR'),
        next: `ls -ld ${tmp}; df -h ${tmp}`,
      },
    })
    chmodSync(tmp, 0o500)
    expect(await ask(cwd)).toMatchObject(unchecked('EACCES'))
    rmSync(tmp, { recursive: true })
    expect(await ask(cwd, '', false)).toMatchObject(unchecked('ENOENT'))
  })

  test('a plain line says each thing once', async () => {
    const cwd = scratch()
    lay(cwd, { 'x.sqlite': '' })
    const { stdout } = await bootcheck(['check', 'sqlite', '--path', 'x.sqlite', '--format', 'plain'], { cwd })
    expect(stdout.match(/is empty/g)).toHaveLength(1)
  })
})
