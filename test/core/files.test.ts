import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { entries, FileError, lstat, readBytes, readText, realpath, stat } from '../../core/files.ts'
import { scratch } from '../support/context.ts'
import { NOBODY, quoted, runProgram } from '../support/run-check.ts'

/** The code of what is thrown; fails if nothing is. */
const refusal = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (error instanceof FileError) return error.code
    throw error
  }
  throw new Error('nothing was refused')
}

const file = (content: string | Buffer): string => {
  const path = join(scratch(), 'file')
  writeFileSync(path, content)
  return path
}

describe('reading', () => {
  test('text, without its byte order mark', () => {
    expect(readText(file('\ufeffä\n'))).toBe('ä\n')
    expect(readText(file(''))).toBe('')
    expect(readText(file(Buffer.from([0x61, 0xff])))).toBe('a\ufffd')
  })

  test.each([0, 1, 4095, 4096, 4097, 65_536, 1_000_000])('%i bytes', size => {
    const content = Buffer.alloc(size, 'abc')
    expect(readBytes(file(content)).equals(content)).toBe(true)
  })

  test('up to the limit and not one byte further', () => {
    const path = file('x'.repeat(10_000))
    expect(readBytes(path, 10_000)).toHaveLength(10_000)
    expect(refusal(() => readBytes(path, 9_999))).toBe('TOO-LARGE')
    expect(refusal(() => readBytes(path, 0))).toBe('TOO-LARGE')
    expect(readBytes(file(''), 0)).toHaveLength(0)
  })

  test('a file that says it is empty is read all the same', () => {
    expect(readText('/proc/self/status')).toContain('Pid:')
    expect(refusal(() => readText('/proc/self/status', 10))).toBe('TOO-LARGE')
  })

  test('a sparse file of a terabyte is refused without reading it', () => {
    const path = file('')
    execFileSync('truncate', ['-s', '1T', path])
    const start = performance.now()
    expect(refusal(() => readBytes(path))).toBe('TOO-LARGE')
    expect(performance.now() - start).toBeLessThan(5000)
  })

  test('a file that grows is still one file', () => {
    const path = file('a')
    appendFileSync(path, 'b')
    expect(readText(path)).toBe('ab')
  })

  test('a FIFO does not hold us', () => {
    const path = join(scratch(), 'fifo')
    execFileSync('mkfifo', [path])
    expect(refusal(() => readBytes(path))).toBe('NOT-REGULAR')
  })

  test("a FIFO's writer goes on waiting: looking changes nothing", async () => {
    const path = join(scratch(), 'fifo')
    execFileSync('mkfifo', [path])
    const writer = spawn('sh', ['-c', 'echo ready; echo text > "$1"', 'sh', path], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => void writer.kill('SIGKILL'))
    await once(writer.stdout, 'data')
    // It waits in open(2) once /proc says so.
    await expect.poll(() => readFileSync(`/proc/${writer.pid}/syscall`, 'utf8').split(' ')[0]).toMatch(/^(2|257|56)$/)
    expect(refusal(() => readBytes(path))).toBe('NOT-REGULAR')
    expect(readFileSync(`/proc/${writer.pid}/syscall`, 'utf8').split(' ')[0]).toMatch(/^(2|257|56)$/)
  })

  test('devices, sockets and folders are no files', async () => {
    const cwd = scratch()
    const server = createServer()
    await new Promise<void>(resolve => server.listen(join(cwd, 's'), resolve))
    onTestFinished(() => new Promise<void>(resolve => server.close(() => resolve())))
    expect(refusal(() => readBytes('/dev/zero'))).toBe('NOT-REGULAR')
    expect(refusal(() => readBytes(join(cwd, 's')))).toBe('NOT-REGULAR')
    expect(refusal(() => readBytes(cwd))).toBe('EISDIR')
  })

  test('what is not there, or lies below a file, or is a loop', () => {
    const cwd = scratch()
    writeFileSync(join(cwd, 'file'), '')
    symlinkSync('b', join(cwd, 'a'))
    symlinkSync('a', join(cwd, 'b'))
    symlinkSync('nowhere', join(cwd, 'dangling'))
    expect(refusal(() => readBytes(join(cwd, 'nix')))).toBe('ENOENT')
    expect(refusal(() => readBytes(join(cwd, 'dangling')))).toBe('ENOENT')
    expect(refusal(() => readBytes(join(cwd, 'file/x')))).toBe('ENOTDIR')
    expect(refusal(() => readBytes(join(cwd, 'a')))).toBe('ELOOP')
    expect(refusal(() => readBytes(`${cwd}/\0`))).toBe('ERR_INVALID_ARG_VALUE')
  })

  test('no descriptor is left open', async () => {
    const { readdirSync } = await import('node:fs')
    const path = file('x'.repeat(100))
    const before = readdirSync('/proc/self/fd').length
    for (let i = 0; i < 20; i++) {
      readBytes(path)
      refusal(() => readBytes(path, 1))
      refusal(() => readBytes('/dev/null'))
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before)
  })

  test('what another user may not read', async () => {
    const path = file('secret')
    chmodSync(join(path, '..'), 0o755)
    chmodSync(path, 0o600)
    const source = `import { readText } from ${quoted('core/files.ts')}
import { enterChild } from ${quoted('core/contain.ts')}
enterChild()
try { readText(process.argv[2]) } catch (error) { process.stdout.write(error.code + ' ' + error.message) }`
    expect(await runProgram(source, [path], { uid: NOBODY })).toBe(`EACCES ${path} may not be read by this user`)
  })
})

describe('looking', () => {
  test('links are followed, or not', () => {
    const cwd = scratch()
    mkdirSync(join(cwd, 'real'))
    symlinkSync('real', join(cwd, 'link'))
    symlinkSync('nowhere', join(cwd, 'dangling'))
    expect(stat(join(cwd, 'link'))?.isDirectory()).toBe(true)
    expect(lstat(join(cwd, 'link'))?.isSymbolicLink()).toBe(true)
    expect(realpath(join(cwd, 'link'))).toBe(join(cwd, 'real'))
    expect(stat(join(cwd, 'dangling'))).toBeUndefined()
    expect(lstat(join(cwd, 'dangling'))?.isSymbolicLink()).toBe(true)
    expect(stat(join(cwd, 'nix'))).toBeUndefined()
    expect(refusal(() => realpath(join(cwd, 'nix')))).toBe('ENOENT')
  })

  test('a loop is an error, not a missing file', () => {
    const path = join(scratch(), 'loop')
    symlinkSync(path, path)
    expect(refusal(() => stat(path))).toBe('ELOOP')
    expect(lstat(path)?.isSymbolicLink()).toBe(true)
  })

  test('a chain of 40 links is followed as the system follows it, and 41 are too many', () => {
    const cwd = scratch()
    writeFileSync(join(cwd, '0'), 'end')
    for (let i = 1; i <= 41; i++) symlinkSync(String(i - 1), join(cwd, String(i)))
    expect(readText(join(cwd, '40'))).toBe('end')
    expect(refusal(() => readText(join(cwd, '41')))).toBe('ELOOP')
  })

  test('entries, dotfiles too', () => {
    const cwd = scratch()
    writeFileSync(join(cwd, '.hidden'), '')
    mkdirSync(join(cwd, 'folder'))
    expect(
      entries(cwd)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['.hidden', 'folder'])
    expect(refusal(() => entries(join(cwd, '.hidden')))).toBe('ENOTDIR')
    rmSync(join(cwd, 'folder'), { recursive: true })
    expect(refusal(() => entries(join(cwd, 'folder')))).toBe('ENOENT')
  })
})
