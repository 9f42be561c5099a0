import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { OutputError, writeOut, writeReportFile } from '../../cli/output.ts'
import { writeByShell } from '../../cli/shell-write.ts'
import { scratch } from '../support/context.ts'
import { program, start } from '../support/programs.ts'

// Half a megabyte with more bytes than characters: every pipe and socket is full long before its end.
const LENGTH = 500_000

let file: string
beforeAll(async () => {
  file = await program(`
    import { closeSync, writeSync } from 'node:fs'
    import { writeOut } from '@/cli/output.ts'
    const [timeoutMs, closeFirst] = process.argv.slice(2)
    if (closeFirst) closeSync(1)
    const from = performance.now()
    writeSync(2, 'begin\\n')
    const written = writeOut(1, 'é'.repeat(${LENGTH / 2}), { timeoutMs: Number(timeoutMs) })
    writeSync(2, JSON.stringify({ ...written, ms: performance.now() - from }) + '\\n')
    process.exit(written.complete ? 0 : 1)`)
})

interface Told {
  readonly complete: boolean
  readonly why?: string
  readonly ms: number
}
const toldIn = (stderr: string): Told => JSON.parse(stderr.split('\n')[1] ?? '')

/** Runs the writer with this descriptor as its standard output. */
const writerOn = (stdout: number, words: readonly string[], uid?: number): Told => {
  const ended = spawnSync(process.execPath, [file, ...words], {
    stdio: ['ignore', stdout, 'pipe'],
    encoding: 'utf8',
    timeout: 20_000,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  expect(ended.signal).toBeNull()
  return toldIn(ended.stderr)
}

const fifo = (): { path: string; reader: number; writer: number } => {
  const path = join(scratch(), 'fifo')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return { path, reader, writer: openSync(path, constants.O_WRONLY) }
}

describe('a reader that never reads', () => {
  test('of a pipe: ends in time, and says that it is not whole', () => {
    const { reader, writer } = fifo()
    const told = writerOn(writer, ['400'])
    expect(told).toMatchObject({ complete: false, why: 'TIMEOUT' })
    expect(told.ms).toBeGreaterThan(390)
    expect(told.ms).toBeLessThan(10_000)
    closeSync(reader)
    closeSync(writer)
  })

  test('of a pipe that may not be opened again', () => {
    const { path, reader, writer } = fifo()
    chmodSync(path, 0)
    const told = writerOn(writer, ['400'], process.getuid?.() === 0 ? 65534 : undefined)
    expect(told).toMatchObject({ complete: false, why: 'TIMEOUT' })
    expect(told.ms).toBeLessThan(10_000)
    closeSync(reader)
    closeSync(writer)
  })

  test('of a socket, which is what Node gives its children', async () => {
    const child = spawn(process.execPath, [file, '400'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    const [code] = await Promise.all([
      new Promise(resolve => child.on('exit', resolve)),
      new Promise(resolve => child.stderr.on('close', resolve)),
    ])
    child.stdout.destroy()
    expect(code).toBe(1)
    expect(toldIn(stderr)).toMatchObject({ complete: false, why: 'TIMEOUT' })
  })
})

describe('a slow reader gets everything', () => {
  test('through a pipe', () => {
    const script = `"$0" "$1" 15000 | { sleep 0.5; cat; } | wc -c`
    const ended = spawnSync('sh', ['-c', script, process.execPath, file], { encoding: 'utf8', timeout: 25_000 })
    expect(ended.stdout.trim()).toBe(String(LENGTH))
    const told = toldIn(ended.stderr)
    expect(told.complete).toBe(true)
  })

  test('through a socket', async () => {
    const child = spawn(process.execPath, [file, '15000'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    await new Promise(resolve => child.stderr.once('data', resolve))
    let length = 0
    for await (const chunk of child.stdout) {
      length += (chunk as Buffer).length
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    expect(length).toBe(LENGTH)
    expect(toldIn(stderr).complete).toBe(true)
  })
})

describe('what cannot take it is reported', () => {
  test('a full device', () => {
    expect(writerOn(openSync('/dev/full', 'w'), ['400'])).toMatchObject({ complete: false, why: 'ENOSPC' })
  })

  test('a pipe whose reader is gone', () => {
    const { reader, writer } = fifo()
    closeSync(reader)
    expect(writerOn(writer, ['400'])).toMatchObject({ complete: false, why: 'EPIPE' })
  })

  test('a socket whose reader is gone', async () => {
    const child = spawn(process.execPath, [file, '15000'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    await new Promise(resolve => child.stderr.once('data', resolve))
    child.stdout.destroy()
    expect(await new Promise(resolve => child.on('close', resolve))).toBe(1)
    expect(toldIn(stderr)).toMatchObject({ complete: false })
  })

  test('a descriptor that is closed', () => {
    expect(writerOn(openSync('/dev/null', 'w'), ['400', 'close'])).toMatchObject({ complete: false, why: 'EBADF' })
  })

  test('a descriptor open for reading only', () => {
    const path = join(scratch(), 'in')
    writeFileSync(path, '')
    expect(writeOut(openSync(path, 'r'), 'x', { timeoutMs: 100 })).toMatchObject({ complete: false, why: 'EBADF' })
  })
})

test('started without a standard output, Node itself puts /dev/null there, and nothing breaks', () => {
  const ended = spawnSync('sh', ['-c', '"$0" "$1" 400 >&-', process.execPath, file], { encoding: 'utf8' })
  expect(ended.status).toBe(0)
})

test('a regular file gets everything, and what is appended stays behind what was there', () => {
  const path = join(scratch(), 'out')
  writeFileSync(path, 'before\n')
  expect(writerOn(openSync(path, 'a'), ['400']).complete).toBe(true)
  const text = readFileSync(path, 'utf8')
  expect(text).toHaveLength(7 + LENGTH / 2)
  expect(text.startsWith('before\né')).toBe(true)
})

describe('report files', () => {
  test('a new file holds the text, and nothing is left beside it', async () => {
    const folder = scratch()
    await writeReportFile(join(folder, 'report.json'), '{"a":"é"}\n')
    expect(readFileSync(join(folder, 'report.json'), 'utf8')).toBe('{"a":"é"}\n')
    expect(readdirSync(folder)).toEqual(['report.json'])
  })

  test('an old file is replaced by a new one, mode kept, so that a reader never sees half', async () => {
    const path = join(scratch(), 'report.prom')
    writeFileSync(path, 'old and longer\n', { mode: 0o640 })
    if (process.getuid?.() === 0) chownSync(path, 65534, 65534)
    const before = statSync(path)
    const held = openSync(path, 'r')
    await writeReportFile(path, 'new\n')
    const after = statSync(path)
    expect(readFileSync(path, 'utf8')).toBe('new\n')
    expect(after.ino).not.toBe(before.ino)
    expect([after.mode & 0o777, after.uid, after.gid]).toEqual([0o640, before.uid, before.gid])
    expect(readFileSync(held, 'utf8')).toBe('old and longer\n')
    closeSync(held)
  })

  test('a link is followed, not replaced', async () => {
    const folder = scratch()
    mkdirSync(join(folder, 'real'))
    writeFileSync(join(folder, 'real/report'), 'old')
    symlinkSync('real/report', join(folder, 'link'))
    await writeReportFile(join(folder, 'link'), 'new')
    expect(readFileSync(join(folder, 'real/report'), 'utf8')).toBe('new')
    expect(readdirSync(folder).sort()).toEqual(['link', 'real'])
  })

  test('a device is written to and stays a device', async () => {
    await writeReportFile('/dev/null', 'x')
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
  })

  test('a FIFO with a reader gets the text', async () => {
    const { path, reader, writer } = fifo()
    await writeReportFile(path, 'hello')
    const bytes = Buffer.alloc(10)
    expect(bytes.toString('utf8', 0, readSync(reader, bytes))).toBe('hello')
    expect(statSync(path).isFIFO()).toBe(true)
    closeSync(reader)
    closeSync(writer)
  })

  test.each([
    [
      'a folder that is not there',
      (folder: string) => join(folder, 'no/report'),
      /no\/report: its folder does not exist \(ENOENT\)/,
    ],
    ['a folder', (folder: string) => folder, /it is a folder \(EISDIR\)/],
    ['a full device', () => '/dev/full', /the disk is full \(ENOSPC\)/],
    [
      'a FIFO without a reader',
      (folder: string) => {
        execFileSync('mkfifo', [join(folder, 'fifo')])
        return join(folder, 'fifo')
      },
      /nobody reads it \(ENXIO\)/,
    ],
  ])('%s is refused by name', async (_, path, message) => {
    const folder = scratch()
    const refused = await writeReportFile(path(folder), 'x', 300).catch(error => error)
    expect(refused).toBeInstanceOf(OutputError)
    expect(refused.message).toMatch(message)
  })

  test('a FIFO that nobody reads is given up in time', async () => {
    const { path, reader, writer } = fifo()
    const from = performance.now()
    await expect(writeReportFile(path, 'x'.repeat(LENGTH), 300)).rejects.toThrow(/it took too long \(TIMEOUT\)/)
    expect(performance.now() - from).toBeLessThan(10_000)
    closeSync(reader)
    closeSync(writer)
  })

  test('a folder in which this user may not write', async () => {
    const folder = scratch()
    chmodSync(folder, 0o555)
    const writer = await program(`
      import { writeReportFile } from '@/cli/output.ts'
      await writeReportFile(process.argv[2] ?? '', 'x').catch(error => process.stdout.write(error.message))`)
    const { stdout } = spawnSync(process.execPath, [writer, join(folder, 'r')], {
      encoding: 'utf8',
      ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}),
    })
    expect(stdout).toBe(`cannot write the report to ${join(folder, 'r')}: this user may not write there (EACCES)`)
  })
})

describe('where a file system may hang, by a process that can be killed', () => {
  test('writes and replaces', async () => {
    const folder = scratch()
    const path = join(folder, "it's a -report")
    expect(await writeByShell(path, 'é'.repeat(LENGTH / 2), 5000)).toEqual({ complete: true })
    expect(await writeByShell(path, 'second', 5000)).toEqual({ complete: true })
    expect(readFileSync(path, 'utf8')).toBe('second')
    expect(readdirSync(folder)).toEqual(["it's a -report"])
  })

  test('says why not', async () => {
    const folder = scratch()
    const missing = await writeByShell(join(folder, 'no/report'), 'x', 5000)
    expect(missing.complete).toBe(false)
    expect(missing.why).toMatch(/no\/report.*(No such file|nonexistent|does not exist)/s)
    expect(await writeByShell(folder, 'x', 5000)).toEqual({ complete: false, why: 'it is not a plain file' })
    expect(readdirSync(folder)).toEqual([])
  })

  test('is given up at the deadline', async () => {
    const folder = scratch()
    // The shell opens its temporary file and blocks: a FIFO stands there that nobody reads.
    execFileSync('mkfifo', [join(folder, `report.${process.pid}.tmp`)])
    const from = performance.now()
    expect(await writeByShell(join(folder, 'report'), 'x', 300)).toEqual({ complete: false, why: 'TIMEOUT' })
    expect(performance.now() - from).toBeLessThan(10_000)
    expect(existsSync(join(folder, 'report'))).toBe(false)
  })

  test('is the way for a mount that is not known to be local', async () => {
    const folder = scratch()
    mkdirSync(join(folder, 'far'))
    chmodSync(folder, 0o777)
    const writer = await program(`
      import { writeReportFile } from '@/cli/output.ts'
      import { mayTouch } from '@/core/mounts.ts'
      try { mayTouch('${folder}/far/report') } catch (error) { console.log(error.reason) }
      await writeReportFile('${folder}/far/report', 'from afar')`)
    // In a mount namespace of its own the program reads a mount table in which the folder is of a type that nobody knows.
    const unshared = `
      { cat /proc/$$/mountinfo; echo "999 1 0:99 / ${folder}/far rw - farfs none rw"; } > ${folder}/table
      mount --bind ${folder}/table /proc/$$/mountinfo`
    const { code, out, err } = await start(writer, [], { unshared }).ended
    expect({ code, out, err }).toEqual({ code: 0, out: 'mount\n', err: '' })
    expect(readFileSync(join(folder, 'far/report'), 'utf8')).toBe('from afar')
  })
})
