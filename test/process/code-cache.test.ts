/** What the program keeps of its own compiled code: it may make a start faster, and nothing else. */
import {
  appendFileSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { codeFor, kept } from '../../cli/chunks.ts'
import { BIN, bootcheck, type Ended, lay, manifest } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { give, UNPRIVILEGED } from '../support/unprivileged.ts'

/** A copy of the program, with nothing kept yet, and a healthy host. */
let cwd: string
let bin: string
beforeEach(() => {
  cwd = scratch()
  bin = join(cwd, 'dist/cli/bin.cjs')
  cpSync(dirname(BIN), dirname(bin), { recursive: true })
  lay(cwd, { 'workspace/': '', 'BOOT.md': manifest('check: workspace\nid: workspace\npath: workspace') })
})

const start = (args: readonly string[] = ['run'], more: Partial<Parameters<typeof bootcheck>[1]> = {}) =>
  bootcheck(args, { cwd, bin, ...more })

const slots = (): string[] => {
  const cache = join(cwd, 'dist/cache')
  return existsSync(cache)
    ? readdirSync(cache).flatMap(node => readdirSync(join(cache, node)).map(word => `${node}/${word}`))
    : []
}
const PLAIN = `${process.version}-${process.arch}`
const file = (name = 'program.cjs'): string => join(cwd, 'dist/cache', PLAIN, 'run', name)
const inode = (name?: string): number => statSync(file(name)).ino

const healthy = ({ code, stdout, stderr }: Ended): void => {
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('ready: 1 passed')
}

describe('kept code', () => {
  it('is written by the first start and used by the second', async () => {
    healthy(await start())
    const first = inode()
    healthy(await start())
    expect(inode()).toBe(first) // what V8 refuses is written anew
  })

  it('can still load what a start loads late', async () => {
    lay(cwd, { 'BOOT.md': manifest('check: port\nid: port\nport: 1\nhost: 127.0.0.1\nexpect: open') })
    const first = await start(['run', '--phase', 'all'])
    expect(first.stdout).toContain('refused')
    expect((await start(['run', '--phase', 'all'])).stdout.replace(/ in .*/, '')).toBe(
      first.stdout.replace(/ in .*/, ''),
    )
    const left = readdirSync(dirname(bin)).filter(name =>
      /[^\w.$'"`]import\([`'"]/.test(readFileSync(join(dirname(bin), name), 'latin1')),
    )
    expect(left).toEqual([])
  })

  it('is kept apart for each word, and for a Node with flags', async () => {
    await start()
    await start(['lint', 'BOOT.md'])
    await start(['run'], { env: { NODE_OPTIONS: '--max-old-space-size=200' } })
    expect(slots().sort()).toEqual([`${PLAIN}-flags/run`, `${PLAIN}/lint`, `${PLAIN}/run`])
    const plain = inode()
    healthy(await start())
    expect(inode()).toBe(plain)
  })

  const damages: readonly [string, (path: string) => void][] = [
    ['emptied', path => writeFileSync(path, '')],
    ['cut short', path => writeFileSync(path, readFileSync(path).subarray(0, -100))],
    ['cut to its head', path => writeFileSync(path, readFileSync(path).subarray(0, 8))],
    ['longer', path => appendFileSync(path, 'x')],
    [
      'zeros from the middle on',
      path => {
        const bytes = readFileSync(path)
        writeFileSync(path, bytes.fill(0, bytes.length >> 1))
      },
    ],
    [
      'one bit of the code',
      path => {
        const bytes = readFileSync(path)
        const at = 8 + bytes.readUInt32LE(0) + (bytes.readUInt32LE(4) >> 1)
        bytes[at] = (bytes[at] ?? 0) ^ 0x10
        writeFileSync(path, bytes)
      },
    ],
    [
      'lengths beyond the end',
      path => {
        const bytes = readFileSync(path)
        bytes.writeUInt32LE(0xffffffff, 4)
        writeFileSync(path, bytes)
      },
    ],
    [
      'of another program',
      path => {
        const bytes = Buffer.from('not code at all')
        writeFileSync(path, kept(readFileSync(join(dirname(bin), 'program.cjs')), bytes))
      },
    ],
  ]
  it.each(damages)('is not run when it is damaged (%s), and is written anew', async (_, damage) => {
    healthy(await start())
    const before = readFileSync(file())
    damage(file())
    healthy(await start())
    const after = readFileSync(file())
    expect(after.length).toBe(8 + after.readUInt32LE(0) + 2 * after.readUInt32LE(4))
    expect(after.subarray(8, 8 + after.readUInt32LE(0)).equals(before.subarray(8, 8 + before.readUInt32LE(0)))).toBe(
      true,
    )
    healthy(await start())
  })

  it('is no code of a program that has changed, not by one letter', async () => {
    healthy(await start())
    const program = join(dirname(bin), 'program.cjs')
    const text = readFileSync(program, 'latin1')
    const changed = text.replaceAll('passed', 'PASSED')
    expect(changed).not.toBe(text)
    writeFileSync(program, changed, 'latin1')
    expect((await start()).stdout).toContain('ready: 1 PASSED')
  })

  it('is not missed where a folder stands in its place', async () => {
    mkdirSync(file(), { recursive: true })
    healthy(await start())
  })

  it('is written by none but the user who installed the program', async () => {
    if (process.getuid?.() === 0) {
      chownSync(dirname(bin), 65534, 65534)
      healthy(await start())
      expect(slots()).toEqual([])
    }
    give(cwd)
    healthy(await start(['run'], { through: UNPRIVILEGED }))
    expect(slots()).toEqual([`${PLAIN}/run`])
  })

  it("is switched off by Node's own variable", async () => {
    healthy(await start(['run'], { env: { NODE_DISABLE_COMPILE_CACHE: '1' } }))
    expect(slots()).toEqual([])
  })
})

describe('codeFor', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 }).map(each => Buffer.from(each))

  it('gives back what was kept', () => {
    fc.assert(fc.property(bytes, bytes, (source, code) => codeFor(source, kept(source, code))?.equals(code) === true))
  })

  it('gives nothing when any byte is another one or the end is missing', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (source, code, where, change) => {
        const held = kept(source, code)
        const at = where % held.length
        const cut = held.subarray(0, at)
        const other = Buffer.from(held)
        other[at] = (other[at] ?? 0) ^ change
        return codeFor(source, other) === undefined && codeFor(source, cut) === undefined
      }),
    )
  })
})
