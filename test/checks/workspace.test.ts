import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { judge, type Seen } from '../../checks/workspace/judge.ts'
import { workspace } from '../../checks/workspace.ts'
import type { CheckContext, Verdict } from '../../core/check.ts'
import { excess, octal, parseMode, removal } from '../../core/mode.ts'
import { context, scratch } from '../support/context.ts'
import { type ChildOptions, completed, NOBODY, quoted, runInChild, runProgram } from '../support/run-check.ts'

const run = async (options: object, given: Partial<CheckContext> = {}): Promise<Verdict> =>
  workspace.run((await completed(workspace, options)) as never, context({ cwd: '/', ...given }))

/** As somebody else, or with other mounts. */
const elsewhere = async (cwd: string, options: object, child: ChildOptions): Promise<Verdict> =>
  runInChild({ kind: 'workspace', options: await completed(workspace, options), cwd }, { ...child, env: { DIR: cwd } })

const trouble = (verdict: Verdict) => {
  if (verdict.status !== 'fail') throw new Error(`no failure: ${JSON.stringify(verdict)}`)
  return verdict
}

/** A folder that others may enter, so that what is inside decides. */
const shared = (): string => {
  const folder = scratch()
  chmodSync(folder, 0o755)
  return folder
}

const folder = (parent: string, name: string, mode: number, uid?: number): string => {
  const path = join(parent, name)
  mkdirSync(path)
  if (uid !== undefined) chownSync(path, uid, uid)
  chmodSync(path, mode)
  return path
}

describe('a good folder', () => {
  test.each(['r', 'rw', 'rwx'])('access %s passes and leaves nothing', async access => {
    const cwd = scratch()
    folder(cwd, 'w', 0o700)
    const verdict = await run({ path: 'w', access }, { cwd })
    expect(verdict).toMatchObject({
      status: 'pass',
      code: 'workspace/usable',
      watched: ['w'],
      facts: { uid: userInfo().uid, mode: '0700' },
    })
    expect('summary' in verdict && verdict.summary).toMatch(
      access === 'r' ? /^w is ours and readable, .* free$/ : /^w is ours and writable, .* free$/,
    )
    expect(readdirSync(join(cwd, 'w'))).toEqual([])
  })

  test('what is in it stays as it was', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, '.bootcheck-1-abc.tmp'), 'not ours')
    const before = statSync(join(cwd, '.bootcheck-1-abc.tmp')).mtimeMs
    expect(await run({ path: '.' }, { cwd })).toMatchObject({ status: 'pass' })
    expect(readdirSync(cwd)).toEqual(['.bootcheck-1-abc.tmp'])
    expect(statSync(join(cwd, '.bootcheck-1-abc.tmp')).mtimeMs).toBe(before)
  })

  test('a link to it, a trailing slash, a home path', async () => {
    const home = scratch()
    folder(home, 'w', 0o700)
    symlinkSync('w', join(home, 'link'))
    for (const path of ['link', 'link/', 'w//', '~/w', '~'])
      expect(await run({ path }, { cwd: home, home })).toMatchObject({ status: 'pass', watched: [path] })
  })

  test('all the wishes at once', async () => {
    const { username, uid } = userInfo()
    const cwd = scratch()
    folder(cwd, 'w', 0o700)
    for (const owner of [username, uid, String(uid)])
      expect(await run({ path: 'w', mode: '0700', owner, 'min-free': '1 B', 'min-inodes': 1 }, { cwd })).toMatchObject({
        status: 'pass',
      })
  })
})

describe('no folder', () => {
  const cases: [string, string, (cwd: string) => void, RegExp][] = [
    ['missing', 'missing', () => {}, /^w is missing$/],
    ['a file', 'not-a-folder', cwd => writeFileSync(join(cwd, 'w'), ''), /^w is a file, not a folder$/],
    [
      'a dangling link',
      'dangling-link',
      cwd => symlinkSync('nowhere', join(cwd, 'w')),
      /^w is a link to nowhere, which is missing$/,
    ],
    ['a loop', 'link-loop', cwd => symlinkSync('w', join(cwd, 'w')), /^w is a loop of links$/],
  ]
  test.each(cases)('%s', async (_, what, make, summary) => {
    const cwd = scratch()
    make(cwd)
    const verdict = trouble(await run({ path: 'w' }, { cwd }))
    expect(verdict).toMatchObject({ code: `workspace/${what}`, watched: ['w'] })
    expect(verdict.summary).toMatch(summary)
    expect(verdict.findings).toMatchObject([{ path: join(cwd, 'w'), code: `workspace/${what}` }])
  })

  test('a socket in its place is called one', async () => {
    const cwd = scratch()
    const server = createServer()
    await new Promise<void>(resolve => server.listen(join(cwd, 'w'), resolve))
    onTestFinished(() => new Promise<void>(resolve => server.close(() => resolve())))
    expect(trouble(await run({ path: 'w' }, { cwd })).summary).toBe('w is a socket, not a folder')
  })

  test('the component that is missing, a file, a dangling link or a loop is named', async () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'file'), '')
    symlinkSync('nowhere', join(cwd, 'dangling'))
    symlinkSync('loop', join(cwd, 'loop'))
    const ask = async (path: string) => {
      const { code, observed } = trouble(await run({ path }, { cwd }))
      return [code, observed]
    }
    expect(await ask('a/b/c')).toEqual(['workspace/missing', `nothing at ${join(cwd, 'a')}`])
    expect(await ask('file/b')).toEqual(['workspace/not-a-folder', `${join(cwd, 'file')} is not a folder`])
    expect(await ask('dangling/b')).toEqual([
      'workspace/dangling-link',
      `${join(cwd, 'dangling')} -> nowhere, and nothing there`,
    ])
    expect((await ask('loop/b'))[0]).toBe('workspace/link-loop')
  })

  test('a name that is too long is told by its errno', async () => {
    const verdict = trouble(await run({ path: 'x'.repeat(300) }, { cwd: scratch() }))
    expect(verdict.code).toBe('workspace/unusable')
    expect(verdict.observed).toContain('ENAMETOOLONG')
  })
})

describe('as an ordinary user', () => {
  const asNobody = (cwd: string, options: object) => elsewhere(cwd, options, { uid: NOBODY })

  test('our own folder passes, whatever root could do', async () => {
    const cwd = shared()
    const path = folder(cwd, 'w', 0o700, NOBODY)
    expect(await asNobody(cwd, { path: 'w', access: 'rwx', mode: '0700', owner: NOBODY })).toMatchObject({
      status: 'pass',
      facts: { uid: NOBODY, owner: NOBODY },
    })
    expect(readdirSync(path)).toEqual([])
  })

  test.each([
    [0o755, 'rw', 'not-writable', 'sudo chown'],
    [0o733, 'rw', 'not-readable', 'ls -ld'],
    [0o744, 'r', 'not-searchable', 'ls -ld'],
    [0o700, 'r', 'not-readable', 'ls -ld'],
  ])("root's folder with mode %o and access %s", async (mode, access, what, next) => {
    const cwd = shared()
    const path = folder(cwd, 'w', mode)
    const verdict = trouble(await asNobody(cwd, { path: 'w', access }))
    expect(verdict.code).toBe(`workspace/${what}`)
    expect(verdict.observed).toContain('EACCES')
    expect(verdict.observed).toContain('65534')
    expect(verdict.next).toContain(next)
    expect(readdirSync(path)).toEqual([])
  })

  test('our own folder without w: the way to mend it is chmod', async () => {
    const cwd = shared()
    const path = folder(cwd, 'w', 0o500, NOBODY)
    expect(trouble(await asNobody(cwd, { path: 'w' }))).toMatchObject({
      code: 'workspace/not-writable',
      next: `chmod u+w ${path}`,
    })
    expect(await asNobody(cwd, { path: 'w', access: 'r' })).toMatchObject({ status: 'pass' })
  })

  test('a parent that may not be searched is named, also behind a link', async () => {
    const cwd = shared()
    const closed = folder(cwd, 'closed', 0o700)
    mkdirSync(join(closed, 'a/w'), { recursive: true })
    symlinkSync('closed/a/w', join(cwd, 'link'))
    for (const path of ['closed/a/w', 'link', 'link/deeper']) {
      const verdict = trouble(await asNobody(cwd, { path }))
      expect(verdict.code).toBe('workspace/parent-closed')
      expect(verdict.observed).toContain(`(x) on ${closed} `)
    }
  })

  test('a sticky folder of somebody else works: what we make there is ours to remove', async () => {
    const cwd = shared()
    const path = folder(cwd, 'w', 0o1777)
    expect(await asNobody(cwd, { path: 'w' })).toMatchObject({ status: 'pass' })
    expect(readdirSync(path)).toEqual([])
  })
})

describe('mode and owner', () => {
  test.each([
    [0o755, '0700', 'g-rx,o-rx'],
    [0o777, '755', 'g-w,o-w'],
    [0o2770, '0770', 'g-s'],
    [0o1777, '0777', '-t'],
  ])('%o is more than %s', async (mode, ceiling, words) => {
    const cwd = scratch()
    const path = folder(cwd, 'w', mode)
    expect(trouble(await run({ path: 'w', mode: ceiling }, { cwd }))).toMatchObject({
      code: 'workspace/mode-too-open',
      next: `chmod ${words} ${path}`,
    })
  })

  test.each([
    [0o700, '0755'],
    [0o500, '0700'],
    [0o2770, '2770'],
  ])('%o is within %s', async (mode, ceiling) => {
    const cwd = scratch()
    folder(cwd, 'w', mode)
    expect(await run({ path: 'w', mode: ceiling, access: 'r' }, { cwd })).toMatchObject({ status: 'pass' })
  })

  test("somebody else's folder", async () => {
    const cwd = scratch()
    folder(cwd, 'w', 0o777)
    expect(trouble(await run({ path: 'w', owner: userInfo().uid + 4321 }, { cwd })).code).toBe('workspace/wrong-owner')
    expect(trouble(await run({ path: 'w', owner: 'no-such-user-here' }, { cwd })).code).toBe('workspace/unknown-owner')
  })

  test('bits, as data', () => {
    expect(excess(0o40755, 0o700)).toBe(0o055)
    expect(excess(0o40700, 0o700)).toBe(0)
    expect([octal(0o700), octal(0o2770), octal(0)]).toEqual(['0700', '2770', '0000'])
    expect([parseMode('0700'), parseMode('700'), parseMode('2770')]).toEqual([0o700, 0o700, 0o2770])
    expect(removal(0o7777)).toBe('u-rwxs,g-rwxs,o-rwx,-t')
  })
})

describe('space', () => {
  test('too little is told with both figures', async () => {
    const cwd = scratch()
    const verdict = trouble(
      await run({ path: '.', 'min-free': '99999999GiB', 'min-inodes': Number.MAX_SAFE_INTEGER }, { cwd }),
    )
    expect(verdict.code).toBe('workspace/low-space')
    expect(verdict.findings?.map(({ code }) => code)).toEqual(['workspace/low-space', 'workspace/low-inodes'])
    expect(verdict.observed).toMatch(/\d+ bytes/)
  })

  test('a full disk', async () => {
    const cwd = scratch()
    folder(cwd, 'w', 0o700)
    const verdict = trouble(
      await elsewhere(
        cwd,
        { path: 'w' },
        {
          unshared: 'mount -t tmpfs -o size=64k none "$DIR/w"\ncat /dev/zero > "$DIR/w/fill" 2>/dev/null || true',
        },
      ),
    )
    expect(verdict).toMatchObject({ code: 'workspace/disk-full', facts: { freeBytes: 0 } })
    expect(verdict.observed).toContain('ENOSPC')
    expect(verdict.summary).not.toContain('could not be removed')
  })

  test('a full disk is no trouble for reading', async () => {
    const cwd = scratch()
    folder(cwd, 'w', 0o700)
    expect(
      await elsewhere(
        cwd,
        { path: 'w', access: 'r' },
        {
          unshared: 'mount -t tmpfs -o size=64k none "$DIR/w"\ncat /dev/zero > "$DIR/w/fill" 2>/dev/null || true',
        },
      ),
    ).toMatchObject({ status: 'pass' })
  })

  test('no inode left', async () => {
    const cwd = scratch()
    folder(cwd, 'w', 0o700)
    const unshared = 'mount -t tmpfs -o nr_inodes=3 none "$DIR/w"\ntouch "$DIR/w/a" "$DIR/w/b"'
    const verdict = trouble(await elsewhere(cwd, { path: 'w', 'min-inodes': 10 }, { unshared }))
    expect(verdict.code).toBe('workspace/no-inodes')
    expect(verdict.findings?.map(({ code }) => code)).toEqual(['workspace/no-inodes', 'workspace/low-inodes'])
  })

  test('a small disk keeps to min-free', async () => {
    const cwd = scratch()
    folder(cwd, 'w', 0o700)
    const unshared = 'mount -t tmpfs -o size=1m none "$DIR/w"'
    expect(await elsewhere(cwd, { path: 'w', 'min-free': '512KiB' }, { unshared })).toMatchObject({ status: 'pass' })
    expect(trouble(await elsewhere(cwd, { path: 'w', 'min-free': '2MiB' }, { unshared })).code).toBe(
      'workspace/low-space',
    )
  })

  test('a mount that is read-only', async () => {
    const cwd = scratch()
    folder(cwd, 'w', 0o700)
    const unshared = 'mount -t tmpfs -o ro none "$DIR/w"'
    const verdict = trouble(await elsewhere(cwd, { path: 'w' }, { unshared }))
    expect(verdict.code).toBe('workspace/read-only')
    expect(verdict.observed).toContain('EROFS')
    expect(await elsewhere(cwd, { path: 'w', access: 'r' }, { unshared })).toMatchObject({ status: 'pass' })
  })
})

describe('judged without a disk', () => {
  const place = { shown: 'w', path: '/srv/w', user: { uid: 501, gid: 20, name: 'claw' } }
  const good: Seen = {
    mode: 0o700,
    uid: 501,
    ownerLabel: 'claw',
    reading: undefined,
    writing: undefined,
    space: { bytes: 1e9, inodes: 1000, countsInodes: true },
  }
  const whats = (seen: Partial<Seen>, wanted: object = {}) =>
    judge({ access: 'rw', ...wanted }, { ...good, ...seen }, place).map(({ what }) => what)

  test.each([
    [{ step: 'create', code: 'EDQUOT' }, 'quota'],
    [{ step: 'sync', code: 'ENOSPC' }, 'disk-full'],
    [{ step: 'create', code: 'EPERM' }, 'not-writable'],
    [{ step: 'rename', code: 'EPERM' }, 'not-removable'],
    [{ step: 'read', code: 'DIFFERENT' }, 'corrupt'],
    [{ step: 'sync', code: 'EIO' }, 'unusable'],
    [{ step: 'create', code: 'EMFILE' }, 'unusable'],
  ] as const)('%j', (refusal, what) => {
    expect(whats({ writing: { ...refusal, left: [] } })).toEqual([what])
  })

  test('a probe that could not be removed is named, with the command that does', () => {
    const [problem] = judge(
      { access: 'rw' },
      { ...good, writing: { step: 'remove', code: 'EPERM', left: ['/srv/w/.bootcheck-1-a.tmp'] } },
      place,
    )
    expect(problem?.says).toContain('/srv/w/.bootcheck-1-a.tmp')
    expect(problem?.next).toMatch(/^rm -f \/srv\/w\/\.bootcheck-1-a\.tmp; /)
  })

  test('file systems that count no inodes, or tell nothing', () => {
    expect(whats({ space: { bytes: 1e9, inodes: 0, countsInodes: false } }, { minInodes: 10 })).toEqual([])
    expect(whats({ space: undefined }, { minFree: 1 })).toEqual(['unusable'])
    expect(whats({ space: undefined })).toEqual([])
  })

  test('nothing wrong', () => {
    expect(whats({}, { ceiling: 0o700, minFree: 1e9, minInodes: 1000, owner: { written: 'claw', uid: 501 } })).toEqual(
      [],
    )
  })
})

test('everything that is wrong is told at once', async () => {
  const cwd = shared()
  folder(cwd, 'w', 0o755)
  const options = { path: 'w', mode: '0700', owner: NOBODY, 'min-free': '99999999GiB' }
  const verdict = trouble(await elsewhere(cwd, options, { uid: NOBODY }))
  expect(verdict.code).toBe('workspace/not-writable')
  expect(verdict.findings?.map(({ code }) => code)).toEqual([
    'workspace/not-writable',
    'workspace/wrong-owner',
    'workspace/mode-too-open',
    'workspace/low-space',
  ])
})

describe('options', () => {
  test.each([
    {},
    { path: '' },
    { path: 'w', access: 'x' },
    { path: 'w', mode: 448 },
    { path: 'w', mode: '9999' },
    { path: 'w', mode: '07777' },
    { path: 'w', 'min-free': '10' },
    { path: 'w', 'min-free': '10 TB' },
    { path: 'w', 'min-inodes': -1 },
    { path: 'w', owner: '' },
    { path: 'w', owner: -1 },
    { path: 'w', owners: 'x' },
  ])('refuses %j', async options => {
    await expect(completed(workspace, options)).rejects.toThrow()
  })
})

test('a folder that lets nothing go says which probe it kept', async () => {
  const cwd = scratch()
  const path = folder(cwd, 'w', 0o700)
  const { spawnSync } = await import('node:child_process')
  const appendOnly = spawnSync('chattr', ['+a', path])
  onTestFinished(() => void spawnSync('chattr', ['-a', path]))
  expect(appendOnly.status).toBe(0)
  const verdict = trouble(await run({ path: 'w' }, { cwd }))
  expect(verdict.code).toBe('workspace/not-removable')
  const [kept] = readdirSync(path)
  expect(kept).toMatch(new RegExp(`^\\.bootcheck-${process.pid}-[a-z0-9]+\\.tmp$`))
  expect(verdict.summary).toContain(kept)
  expect(existsSync(path)).toBe(true)
})

test('a folder on a mount that hangs is left to a child process, and so is a socket there', async () => {
  const cwd = scratch()
  mkdirSync(join(cwd, 'hung'))
  symlinkSync('hung/deeper', join(cwd, 'link'))
  const source = `import { workspace } from ${quoted('checks/workspace.ts')}
import { port } from ${quoted('checks/port.ts')}
const cwd = process.argv[2]
const ctx = { path: text => cwd + '/' + text, user: { uid: 0, gid: 0, name: 'root' }, phase: 'before', signal: new AbortController().signal, timeoutMs: 5000 }
const said = []
for (const ask of [() => workspace.run({ path: 'link', access: 'rw' }, ctx), () => port.run({ socket: 'hung/s' }, ctx)])
  try { said.push((await ask()).code) } catch (error) { said.push(error.name) }
process.stdout.write(said.join())`
  const unshared = `exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none "$DIR/hung"`
  expect(await runProgram(source, [cwd], { unshared, env: { DIR: cwd } })).toBe('NeedsChild,NeedsChild')
})
