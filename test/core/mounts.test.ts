import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { NeedsChild } from '../../core/contain.ts'
import { fileSystemAt, folded, forgetMounts, mayTouch, parseMountCommand, parseMountinfo } from '../../core/mounts.ts'
import { quoted, runProgram } from '../support/run-check.ts'

// Not support/context.ts: importing it allows everything, and here the gate's own process is tried.
const scratch = (): string => {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'bootcheck-')))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('the mount table', () => {
  test('Linux', () => {
    const text = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
40 27 0:50 / /mnt/a\\040b\\134c\\011d rw - nfs4 nas:/x rw
41 27 0:51 / /mnt/gr\u00c3\u00bcn rw - fuse.sshfs me@there: rw
42 27 0:52 / /mnt/hidden rw - ext4 /dev/sdb rw
43 27 0:53 / /mnt/hidden rw - nfs nas:/y rw
44 27 0:54 / /mnt/dash rw - tmpfs a - b rw
`
    expect(parseMountinfo(text)).toEqual([
      { at: '/proc', type: 'proc' },
      { at: '/', type: 'ext4' },
      { at: '/mnt/a b\\c\td', type: 'nfs4' },
      { at: '/mnt/grün', type: 'fuse.sshfs' },
      { at: '/mnt/hidden', type: 'ext4' },
      { at: '/mnt/hidden', type: 'nfs' },
      { at: '/mnt/dash', type: 'tmpfs' },
    ])
    expect(parseMountinfo('')).toEqual([])
  })

  test('macOS', () => {
    const text = `/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//claw@nas._smb._tcp.local/share on /Volumes/share on nas (1) (smbfs, nodev, nosuid, mounted by claw)
nas:/export on /Volumes/x (nfs, asynchronous)
`
    expect(parseMountCommand(text)).toEqual([
      { at: '/', type: 'apfs' },
      { at: '/dev', type: 'devfs' },
      { at: '/System/Volumes/Data', type: 'apfs' },
      { at: '/System/Volumes/Data/home', type: 'autofs' },
      { at: '/Volumes/share on nas (1)', type: 'smbfs' },
      { at: '/Volumes/x', type: 'nfs' },
    ])
    expect(parseMountCommand('')).toEqual([])
  })

  test('names are compared as the platform does', () => {
    expect(folded('/Volumes/NAS/Gru\u0308n', 'darwin')).toBe(folded('/volumes/nas/gr\u00fcn', 'darwin'))
    expect(folded('/Volumes/NAS', 'linux')).toBe('/Volumes/NAS')
  })

  test('this host has a type for everything', () => {
    forgetMounts()
    expect(fileSystemAt('/proc/self')).toBe('proc')
    expect(fileSystemAt('/')).not.toBe('')
    expect(fileSystemAt('/no/such/path')).toBe(fileSystemAt('/'))
    expect(fileSystemAt('/processes')).toBe(fileSystemAt('/'))
  })
})

describe('local paths may be touched', () => {
  test('whatever is or is not there', () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'a'))
    writeFileSync(join(cwd, 'file'), '')
    symlinkSync('b', join(cwd, 'loop'))
    symlinkSync('loop', join(cwd, 'b'))
    symlinkSync('nowhere', join(cwd, 'dangling'))
    symlinkSync('../..', join(cwd, 'a/up'))
    symlinkSync('self', join(cwd, 'self'))
    for (const path of [
      '.',
      'a',
      'a/',
      'a//x',
      'file',
      'file/x',
      'nix/x',
      'loop',
      'loop/x',
      'dangling/x',
      'a/up/x',
      'self/self/self',
      '../../../../../..',
    ])
      expect(() => mayTouch(`${cwd}/${path}`)).not.toThrow()
    expect(() => mayTouch('/')).not.toThrow()
  })

  test('a loop of links costs no time', () => {
    const cwd = scratch()
    // Each name leads to two others: followed without a limit that is 2^40 steps.
    for (let i = 0; i < 40; i++) symlinkSync(`l${(i + 1) % 40}/../l${(i + 1) % 40}`, join(cwd, `l${i}`))
    const start = performance.now()
    mayTouch(join(cwd, 'l0/x'))
    expect(performance.now() - start).toBeLessThan(5000)
  })
})

/**
 * A FUSE file system whose server never answers: whoever touches it hangs until it is killed. The descriptor stays open in
 * the child, so that the kernel goes on waiting.
 */
const HUNG = `exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none "$DIR/hung"`

const PROGRAM = `import { mayTouch } from ${quoted('core/mounts.ts')}
import { entries, lstat, readText, realpath, stat } from ${quoted('core/files.ts')}
import { enterChild } from ${quoted('core/contain.ts')}
const calls = { mayTouch, entries, lstat, readText, realpath, stat }
const answers = process.argv.slice(2).map(word => {
  const [call, path] = word.split('=')
  try { calls[call](path); return 'touched' } catch (error) { return error.name + ' ' + (error.reason ?? error.code) }
})
process.stdout.write(JSON.stringify(answers))`

const ask = async (cwd: string, words: readonly string[], unshared: string): Promise<string[]> =>
  JSON.parse(await runProgram(PROGRAM, words, { unshared, env: { DIR: cwd } })) as string[]

describe('a file system that hangs', () => {
  const stage = (): string => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'hung'))
    mkdirSync(join(cwd, 'local'))
    symlinkSync('hung', join(cwd, 'link'))
    symlinkSync('link/deeper', join(cwd, 'chain'))
    symlinkSync('../hung/x/../../local', join(cwd, 'local/through'))
    symlinkSync(`${cwd}/hung/file`, join(cwd, 'local/file'))
    return cwd
  }

  test('is refused before it is touched, whichever way leads there', async () => {
    const cwd = stage()
    const paths = [
      'hung',
      'hung/',
      'hung/a/b',
      'link',
      'link/x',
      'chain',
      'chain/x',
      'local/through',
      'local/through/x',
      'local/file',
      'local/../hung/x',
    ]
    const words = paths.flatMap(path =>
      ['mayTouch', 'stat', 'lstat', 'readText', 'realpath', 'entries'].map(call => `${call}=${cwd}/${path}`),
    )
    const answers = await ask(cwd, words, HUNG)
    expect(Object.fromEntries(words.map((word, i) => [word, answers[i]]))).toEqual(
      Object.fromEntries(words.map(word => [word, 'NeedsChild mount'])),
    )
  })

  test('would hang us indeed', async () => {
    const cwd = stage()
    const unshared = `${HUNG}\nif timeout -s KILL 1 stat "$DIR/hung/x"; then exit 9; elif [ $? != 137 ]; then exit 8; fi`
    expect(await ask(cwd, [`stat=${cwd}/local`], unshared)).toEqual(['touched'])
  })

  test('does not keep us from what lies beside it', async () => {
    const cwd = stage()
    expect(await ask(cwd, [`stat=${cwd}/local`, `entries=${cwd}`, `lstat=${cwd}/local/nix`], HUNG)).toEqual([
      'touched',
      'touched',
      'touched',
    ])
  })

  test('is refused at the end of a chain that is too long from afar and short enough from nearby', async () => {
    const cwd = stage()
    symlinkSync('hung', join(cwd, 'c0'))
    for (let i = 1; i <= 45; i++) symlinkSync(`c${i - 1}`, join(cwd, `c${i}`))
    const words = [`stat=${cwd}/c45`, `stat=${cwd}/c45/x`, `stat=${cwd}/c5`, `stat=${cwd}/c5/x`, `stat=${cwd}/c0`]
    expect(await ask(cwd, words, HUNG)).toEqual([
      'FileError ELOOP',
      'FileError ELOOP',
      ...Array(3).fill('NeedsChild mount'),
    ])
  })

  test('is what was mounted last at a place', async () => {
    const cwd = stage()
    expect(await ask(cwd, [`stat=${cwd}/hung`], `mount -t tmpfs none "$DIR/hung"\n${HUNG}`)).toEqual([
      'NeedsChild mount',
    ])
    expect(
      await ask(cwd, [`stat=${cwd}/hung`], `${HUNG}\nmount -t tmpfs none "$DIR/hung" || exit 0`).catch(() => [
        'unmountable',
      ]),
    ).toBeDefined()
  })
})

test('without a mount table nothing is known to be local', async () => {
  const cwd = scratch()
  const unshared = 'mkdir "$DIR/empty"\nmount -t tmpfs none /proc'
  expect(await ask(cwd, [`stat=${cwd}`], unshared)).toEqual(['NeedsChild mount'])
})

test('the refusal names the path and the reason', () => {
  const error = new NeedsChild('mount', '/mnt/nas')
  expect(error.message).toContain('/mnt/nas')
  expect(error.reason).toBe('mount')
})
