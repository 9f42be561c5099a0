/** Real processes: what is started is ended, with all that it started. */
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findCommand } from '../../core/find-command.ts'
import { alive } from '../../core/process.ts'
import { type Running, start } from '../../supervise/running.ts'
import { family, parseEntry, parseTable } from '../../supervise/tree.ts'
import { lay } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

const until = async <T>(look: () => T | undefined | false, what: string): Promise<T> => {
  for (let turn = 0; turn < 1000; turn++) {
    const seen = look()
    if (seen !== undefined && seen !== false) return seen
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`never: ${what}`)
}

const textOf = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)
const pidIn = (path: string) => until(() => Number(/^(\d+)\n/.exec(textOf(path) ?? '')?.[1] ?? 0) || undefined, path)

const begin = async (folder: string, script: string, given: { ownGroup?: boolean } = {}): Promise<Running> => {
  const running = await start({
    path: process.execPath,
    args: ['-e', script],
    cwd: folder,
    env: { PATH: process.env.PATH },
    ownGroup: given.ownGroup ?? true,
    stdio: 'ignore',
  })
  if ('error' in running) throw running.error
  onTestFinished(async () => void (await running.stop(0)))
  return running
}

/** Says in a file that it is up, with its pid. */
const UP = `require('fs').writeFileSync('up', process.pid + '\\n');`
const STAY = 'setInterval(() => {}, 1000);'
/** Starts a program of its own, which says so in the file `inner`. */
const inner = (more = '', detached = false): string =>
  `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(
    `${more} require('fs').writeFileSync('inner', process.pid + '\\n'); ${STAY}`,
  )}], { stdio: 'ignore', detached: ${detached} });`

describe('a program that was started', () => {
  it('tells its exit code, and the signal that ended it', async () => {
    const folder = scratch()
    expect(await (await begin(folder, 'process.exit(42)')).ended).toEqual({ code: 42, signal: null })
    const killed = await begin(folder, UP + STAY)
    await pidIn(join(folder, 'up'))
    process.kill(killed.pid, 'SIGKILL')
    expect(await killed.ended).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('says why it could not be started', async () => {
    const folder = scratch()
    const given = { args: [], cwd: folder, env: {}, ownGroup: true, stdio: 'ignore' } as const
    expect(await start({ ...given, path: join(folder, 'missing') })).toMatchObject({ error: { code: 'ENOENT' } })
    expect(await start({ ...given, path: folder })).toMatchObject({ error: { code: 'EACCES' } })
    expect(await start({ ...given, path: process.execPath, args: ['a\0b'] })).toHaveProperty('error')
    const large = ['a'.repeat(4 * 1024 * 1024)]
    expect(await start({ ...given, path: process.execPath, args: large })).toMatchObject({ error: { code: 'E2BIG' } })
  })

  it('knows by its environment who started it, and the environment does not grow without end', async () => {
    const folder = scratch()
    const marks = Array.from({ length: 40 }, (_, at) => `mark-${at}`)
    const running = await start({
      path: process.execPath,
      args: ['-e', "require('fs').writeFileSync('env', process.env.BOOTCHECK_FAMILY)"],
      cwd: folder,
      env: { BOOTCHECK_FAMILY: marks.join(':') },
      ownGroup: true,
      stdio: 'ignore',
    })
    if ('error' in running) throw running.error
    await running.ended
    const given = readFileSync(join(folder, 'env'), 'utf8').split(':')
    expect(given).toEqual([...marks.slice(-15), expect.stringMatching(/^[0-9a-f-]{36}$/)])
  })

  it('has ended although what it started holds its output', async () => {
    const running = await start({
      path: '/bin/sh',
      args: ['-c', 'sleep 60 & exit 5'],
      cwd: scratch(),
      env: {},
      ownGroup: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if ('error' in running) throw running.error
    expect(await running.ended).toEqual({ code: 5, signal: null })
    expect(await running.stop(0)).toEqual({ code: 5, signal: null })
  })

  it('gets a signal that is meant for it alone', async () => {
    const folder = scratch()
    const running = await begin(
      folder,
      `process.on('SIGUSR1', () => require('fs').writeFileSync('heard', 'once\\n', { flag: 'a' })); ${inner()} ${UP} ${STAY}`,
    )
    const grandchild = await pidIn(join(folder, 'inner'))
    await pidIn(join(folder, 'up'))
    running.tell('SIGUSR1')
    await until(() => textOf(join(folder, 'heard')), 'USR1 heard')
    expect(alive(grandchild)).toBe(true)
    running.signal('SIGUSR2')
    await until(() => !alive(grandchild), 'the grandchild got USR2')
    expect(await running.ended).toEqual({ code: null, signal: 'SIGUSR2' })
  })
})

describe.each([
  ['in a group of its own', true],
  ['in our group', false],
])('stopping %s', (_, ownGroup) => {
  it('ends it with TERM', async () => {
    const folder = scratch()
    const running = await begin(folder, UP + STAY, { ownGroup })
    await pidIn(join(folder, 'up'))
    expect(await running.stop(60_000)).toEqual({ code: null, signal: 'SIGTERM' })
  })

  it('delivers TERM once', async () => {
    const folder = scratch()
    const heard = `process.on('SIGTERM', () => { require('fs').writeFileSync('heard', 'x', { flag: 'a' }); setTimeout(() => process.exit(0), 300) });`
    const running = await begin(folder, heard + UP + STAY, { ownGroup })
    await pidIn(join(folder, 'up'))
    expect(await running.stop(60_000)).toEqual({ code: 0, signal: null })
    expect(textOf(join(folder, 'heard'))).toBe('x')
  })

  it('kills one that ignores TERM when the grace is over', async () => {
    const folder = scratch()
    const running = await begin(folder, `process.on('SIGTERM', () => {}); ${UP}${STAY}`, { ownGroup })
    await pidIn(join(folder, 'up'))
    const from = performance.now()
    expect(await running.stop(300)).toEqual({ code: null, signal: 'SIGKILL' })
    expect(performance.now() - from).toBeGreaterThan(290)
  })

  it('wakes one that is stopped', async () => {
    const folder = scratch()
    const running = await begin(folder, UP + STAY, { ownGroup })
    await pidIn(join(folder, 'up'))
    process.kill(running.pid, 'SIGSTOP')
    expect(await running.stop(60_000)).toEqual({ code: null, signal: 'SIGTERM' })
  })

  it('shortens the grace when asked again', async () => {
    const folder = scratch()
    const running = await begin(folder, `process.on('SIGTERM', () => {}); ${UP}${STAY}`, { ownGroup })
    await pidIn(join(folder, 'up'))
    const first = running.stop(60_000)
    expect(await running.stop(0)).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await first).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('ends what it started, though that ignores TERM and its parent is gone first', async () => {
    const folder = scratch()
    const running = await begin(folder, inner(`process.on('SIGTERM', () => {});`) + UP + STAY, { ownGroup })
    const grandchild = await pidIn(join(folder, 'inner'))
    expect(await running.stop(200)).toEqual({ code: null, signal: 'SIGTERM' })
    expect(alive(grandchild)).toBe(false)
  })

  it('ends what left its group', async () => {
    const folder = scratch()
    const running = await begin(folder, inner('', true) + UP + STAY, { ownGroup })
    const grandchild = await pidIn(join(folder, 'inner'))
    await running.stop(5000)
    expect(alive(grandchild)).toBe(false)
  })

  it.runIf(process.platform === 'linux')('ends a daemon: it left its group, and its parent is gone', async () => {
    const folder = scratch()
    const daemon = `${inner("process.on('SIGTERM', () => {});", true)} setInterval(() => require('fs').existsSync('inner') && process.exit(0), 10);`
    const running = await begin(
      folder,
      `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(daemon)}], { stdio: 'ignore', detached: true }).on('exit', () => { ${UP} }); ${STAY}`,
      { ownGroup },
    )
    const grandchild = await pidIn(join(folder, 'inner'))
    await pidIn(join(folder, 'up'))
    expect(await running.stop(300)).toEqual({ code: null, signal: 'SIGTERM' })
    expect(alive(grandchild)).toBe(false)
  })

  it('leaves everybody else alone', async () => {
    const folder = scratch()
    const other = await begin(folder, `require('fs').writeFileSync('other', process.pid + '\\n'); ${STAY}`, {
      ownGroup: false,
    })
    await pidIn(join(folder, 'other'))
    const running = await begin(folder, UP + STAY, { ownGroup })
    await pidIn(join(folder, 'up'))
    await running.stop(1000)
    expect(alive(other.pid)).toBe(true)
  })
})

describe('what a crashed program leaves behind', () => {
  it('is ended too, where it has a group of its own', async () => {
    const folder = scratch()
    const running = await begin(
      folder,
      `${inner()} setInterval(() => require('fs').existsSync('inner') && process.exit(9), 10)`,
    )
    const grandchild = await pidIn(join(folder, 'inner'))
    expect(await running.ended).toEqual({ code: 9, signal: null })
    expect(await running.stop(1000)).toEqual({ code: 9, signal: null })
    expect(alive(grandchild)).toBe(false)
  })
})

describe('the table of processes', () => {
  it('reads a name with blanks and parentheses', () => {
    const rest = Array.from({ length: 16 }, (_, at) => at)
    expect(parseEntry(`42 (a b) c) S 7 42 42 ${rest.slice(3).join(' ')} 1 0 0 9999 0`)).toMatchObject({
      pid: 42,
      parent: 7,
      group: 42,
      zombie: false,
    })
    expect(parseEntry('nonsense')).toBeUndefined()
  })

  it('reads what ps prints', () => {
    expect(
      parseTable('    1     0     1 Ss   Mon Nov 23 10:00:00 2026\n  42     1    40 Z+   Mon Nov 23 10:00:01 2026\n'),
    ).toEqual([
      { pid: 1, parent: 0, group: 1, started: 'Mon Nov 23 10:00:00 2026', zombie: false },
      { pid: 42, parent: 1, group: 40, started: 'Mon Nov 23 10:00:01 2026', zombie: true },
    ])
  })

  it('finds a family, and ends where the table goes in a circle', () => {
    const entry = (pid: number, parent: number) => ({ pid, parent, group: 1, started: '', zombie: false })
    const table = [entry(1, 0), entry(2, 1), entry(3, 2), entry(4, 1), entry(5, 6), entry(6, 5)]
    expect(family(table, new Set([2])).map(({ pid }) => pid)).toEqual([2, 3])
    expect(family(table, new Set([5])).map(({ pid }) => pid)).toEqual([5, 6])
  })
})

describe('finding a command', () => {
  const folder = (): string => {
    const path = scratch()
    lay(path, { 'a/tool': '#!/bin/sh\n', 'b/tool': '#!/bin/sh\n', 'a/plain': 'x', 'a/folder/': '' })
    return path
  }
  const run = (file: string): void => chmodSync(file, 0o755)

  it('takes the first on PATH, an empty part being the folder itself', () => {
    const cwd = folder()
    run(join(cwd, 'a/tool'))
    run(join(cwd, 'b/tool'))
    const found = (PATH: string, from = cwd) => findCommand('tool', { cwd: from, env: { PATH } })
    expect(found(`${cwd}/b:${cwd}/a`)).toEqual({ path: join(cwd, 'b/tool') })
    expect(found('a:b')).toEqual({ path: join(cwd, 'a/tool') })
    expect(found(':/usr/bin', join(cwd, 'b'))).toEqual({ path: join(cwd, 'b/tool') })
  })

  it('passes over a folder and a file that may not run, and names them where nothing else is there', () => {
    const cwd = folder()
    run(join(cwd, 'b/tool'))
    lay(cwd, { 'c/tool/': '' })
    expect(findCommand('tool', { cwd, env: { PATH: 'c:b' } })).toEqual({ path: join(cwd, 'b/tool') })
    expect(findCommand('plain', { cwd, env: { PATH: 'a' } })).toEqual({
      flaw: 'not-executable',
      problem: `plain was not found: ${join(cwd, 'a/plain')} is not executable by this user; PATH is a`,
    })
  })

  it('says which PATH it searched', () => {
    expect(findCommand('no-such-tool', { cwd: '/', env: { PATH: '/usr/bin:/bin' } })).toEqual({
      flaw: 'missing',
      problem: 'no-such-tool was not found: PATH is /usr/bin:/bin',
    })
    expect(findCommand('no-such-tool', { cwd: '/', env: {} })).toHaveProperty(
      'problem',
      'no-such-tool was not found: PATH is not set; looked in /usr/bin:/bin',
    )
    expect(findCommand('sh', { cwd: '/', env: {} })).toEqual({ path: '/usr/bin/sh' })
  })

  it('takes a word with a slash as a path', () => {
    const cwd = folder()
    run(join(cwd, 'a/tool'))
    expect(findCommand('a/tool', { cwd, env: {} })).toEqual({ path: join(cwd, 'a/tool') })
    expect(findCommand('./a/folder', { cwd, env: {} })).toEqual({
      flaw: 'folder',
      problem: './a/folder is a folder',
      next: `ls -ld ${join(cwd, 'a/folder')}`,
    })
    expect(findCommand('./a/plain', { cwd, env: {} })).toEqual({
      flaw: 'not-executable',
      problem: './a/plain is not executable by this user',
      next: `ls -ld ${join(cwd, 'a/plain')}`,
    })
    expect(findCommand('./none', { cwd, env: {} })).toEqual({
      flaw: 'missing',
      problem: './none does not exist',
    })
    expect(findCommand('', { cwd, env: {} })).toHaveProperty('problem')
  })

  it.each([
    ['', /^\.\/it is empty$/],
    ['#!/nonesuch/sh -e\n', /^\.\/it names an interpreter \(\/nonesuch\/sh\) that does not exist$/],
    ['#! ./plain\n', /an interpreter \(\.\/plain\) that is not executable/],
    ['#!/bin/sh\r\necho\r\n', /carriage return at the end of its first line/],
    ['#!/usr/bin/env nonesuch\n', /an interpreter that is not there: nonesuch was not found: PATH is/],
    ['#!/usr/bin/env -S nonesuch --flag\n', /an interpreter that is not there: nonesuch/],
    ['#!./other\n', /an interpreter \(\.\/other\) that names an interpreter \(\/nonesuch\) that does not exist/],
    ['#!/bin/sh\n', undefined],
    ['#!/bin/sh', undefined],
    ['#!/usr/bin/env sh\n', undefined],
    ['#!/usr/bin/env -S A=1 sh\n', undefined],
    ['#!/usr/bin/env -S -u A sh\n', undefined],
    ['#!\n', undefined],
    ['echo no such line\n', undefined],
    ['\x7fELF\0#!/nonesuch\n', undefined],
  ])('looks what runs it: %j', (text, problem) => {
    const cwd = scratch()
    lay(cwd, { it: text, plain: 'x', other: '#!/nonesuch\n' })
    for (const name of ['it', 'other']) run(join(cwd, name))
    const found = findCommand('./it', { cwd, env: { PATH: '/usr/bin:/bin' } })
    if (problem === undefined) expect(found).toEqual({ path: join(cwd, 'it') })
    else
      expect(found).toEqual({
        flaw: 'interpreter',
        problem: expect.stringMatching(problem),
        next: `head -1 ${join(cwd, 'it')} | cat -v`,
      })
  })

  it('ends where interpreters name one another', () => {
    const cwd = scratch()
    lay(cwd, { a: '#!./b\n', b: '#!./a\n', c: '#!/usr/bin/env c\n' })
    for (const name of ['a', 'b', 'c']) run(join(cwd, name))
    const place = { cwd, env: { PATH: cwd } }
    expect(findCommand('./a', place)).toHaveProperty('path')
    expect(findCommand('./c', place)).toHaveProperty('path')
  })
})
