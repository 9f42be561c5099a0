import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { userInfo } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  alive,
  clock,
  commandLine,
  describe as describeProcess,
  introduce,
  parsePs,
  parseStat,
  parseStatus,
  programName,
} from '../../core/process.ts'
import { parsePasswd, userId, userLabel, userName } from '../../core/users.ts'
import { end, nodeChild } from '../support/children.ts'
import '../support/context.ts'

const IDLE = `console.log('ready'); setInterval(() => {}, 1000)`

describe('a real process', () => {
  test('is described: command, user, start, command line', async () => {
    const { pid } = await nodeChild(IDLE, ['--', 'an argument'])
    const seen = describeProcess(pid)
    expect(seen).toMatchObject({ pid, command: 'node', uid: userInfo().uid })
    expect(Math.abs((seen?.startedAt ?? 0) - Date.now())).toBeLessThan(20_000)
    expect(commandLine(pid)).toContain('setInterval')
    expect(commandLine(pid)).toMatch(/ -- an argument$/)
    expect(alive(pid)).toBe(true)
  })

  test('is gone when it is gone', async () => {
    const { pid, child } = await nodeChild(IDLE)
    await end(child)
    expect(alive(pid)).toBe(false)
    expect(describeProcess(pid)).toBeUndefined()
    expect(commandLine(pid)).toBeUndefined()
  })

  test('belongs to somebody else and is alive all the same', async () => {
    const { pid } = await nodeChild(IDLE, [], { uid: 65534 })
    expect(alive(pid)).toBe(true)
    expect(describeProcess(pid)?.uid).toBe(65534)
    expect(alive(1)).toBe(true)
  })

  test('that became a zombie does not count', async () => {
    // The child ends once the shell has become something that never asks for it.
    const wait = 'while [ "$(cat /proc/$PPID/comm)" != sleep ]; do :; done'
    const shell = spawn('sh', ['-c', `sh -c '${wait}' & echo $!; exec sleep 60`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => void shell.kill('SIGKILL'))
    const [line] = (await once(shell.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    const state = async (): Promise<string> => {
      const { readFileSync } = await import('node:fs')
      return parseStatus(readFileSync(`/proc/${pid}/status`, 'utf8'))?.state ?? 'gone'
    }
    await expect.poll(state).toBe('Z')
    process.kill(pid, 0)
    expect(alive(pid)).toBe(false)
    expect(describeProcess(pid)).toBeUndefined()
  })

  test("a thread's id is no process", async () => {
    const { readdirSync } = await import('node:fs')
    const thread = readdirSync('/proc/self/task')
      .map(Number)
      .find(id => id !== process.pid)
    expect(thread).toBeDefined()
    expect(alive(thread ?? 0)).toBe(false)
    expect(describeProcess(thread ?? 0)).toBeUndefined()
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 4_194_305])('pid %s is none', pid => {
    expect(alive(pid)).toBe(false)
    expect(describeProcess(pid)).toBeUndefined()
    expect(commandLine(pid)).toBeUndefined()
  })
})

describe('texts of the system', () => {
  test('/proc/PID/stat with a name full of traps', () => {
    const rest = `S ${Array.from({ length: 18 }, (_, i) => i).join(' ')} 98765 1 2`
    expect(parseStat(`42 (a) b (c)) ${rest}`)).toEqual({ name: 'a) b (c)', startTicks: 98765 })
    expect(parseStat('')).toBeUndefined()
    expect(parseStat('42 (x) S 1')).toBeUndefined()
  })

  test('/proc/PID/status', () => {
    const text = 'Name:\tnode\nState:\tS (sleeping)\nTgid:\t42\nPid:\t43\nUid:\t501\t502\t503\t504\n'
    expect(parseStatus(text)).toEqual({ state: 'S', group: 42, uid: 502 })
    expect(parseStatus('')).toBeUndefined()
  })

  test('ps, as macOS prints it', () => {
    expect(
      parsePs('Ss     501 Sun Nov 22 02:14:07 2026     /opt/homebrew/bin/node /x/gateway.js --port 18789\n'),
    ).toEqual({
      state: 'Ss',
      uid: 501,
      startedAt: Date.UTC(2026, 10, 22, 2, 14, 7),
      commandLine: '/opt/homebrew/bin/node /x/gateway.js --port 18789',
    })
    expect(parsePs('')).toBeUndefined()
  })

  test.each([
    [['/usr/bin/node', 'x.js'], 'node'],
    [['node'], 'node'],
    [['openclaw-gateway'], 'openclaw-gateway'],
    [['nginx: master process /usr/sbin/nginx'], 'nginx'],
    [['sshd: root [priv]'], 'sshd'],
    [['-bash'], 'bash'],
    [['/Applications/My App.app/Contents/MacOS/My App'], 'My App'],
    [[''], ''],
    [[], ''],
  ])('%j is called %s', (words, name) => {
    expect(programName(words)).toBe(name)
  })

  test('a time is short on the same day', () => {
    const now = new Date(2026, 10, 22, 10, 0).getTime()
    expect(clock(new Date(2026, 10, 22, 2, 14).getTime(), now)).toBe('02:14')
    expect(clock(new Date(2026, 10, 21, 22, 40).getTime(), now)).toBe('2026-11-21 22:40')
    const startedAt = new Date(2026, 10, 22, 2, 14).getTime()
    expect(introduce({ pid: 4711, command: 'node', uid: 0, startedAt }, now)).toBe('node (pid 4711, root, since 02:14)')
    expect(introduce({ pid: 4711, command: 'node', uid: 987_654 }, now)).toBe('node (pid 4711, uid 987654)')
  })
})

describe('users', () => {
  test('by name and by number', () => {
    expect([userId('root'), userName(0), userLabel(0)]).toEqual([0, 'root', 'root'])
    expect(userId('no-such-user-here')).toBeUndefined()
    expect(userName(987_654)).toBeUndefined()
    expect(userId('-u')).toBeUndefined()
  })

  test('/etc/passwd', () => {
    expect(parsePasswd('# comment\nroot:x:0:0::/root:/bin/sh\nbad\nclaw:*:501:20::/c:/bin/sh\n+::::::\n')).toEqual([
      { name: 'root', uid: 0 },
      { name: 'claw', uid: 501 },
    ])
  })
})
