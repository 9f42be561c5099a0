/** Commands run by the built program: what it kills, what it refuses, and real plugins of Debian's monitoring-plugins as checks. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { alive } from '../../core/process.ts'
import { bootcheck, lay, manifest, reportOf } from '../support/bin.ts'
import { scratch } from '../support/context.ts'
import { until } from '../support/guarded.ts'

const PLUGINS = [
  join(import.meta.dirname, '../supervisors/root/usr/lib/nagios/plugins'),
  '/usr/lib/nagios/plugins',
  '/opt/homebrew/sbin',
]

const plugins = (): string => {
  const found = PLUGINS.find(folder => existsSync(join(folder, 'check_dummy')))
  if (found === undefined) throw new Error('no monitoring-plugins: run test/supervisors/fetch.sh, as `npm test` does')
  return found
}

const pidIn = (path: string): Promise<number> =>
  until(() => existsSync(path) && Number(readFileSync(path, 'utf8').trim()), `a pid in ${path}`)

describe('the timeout', () => {
  it('is the time that the command gets, from the command line and from a manifest', async () => {
    const cwd = scratch()
    const words = ['check', 'command', '--run', 'sleep', '--run', '0.8', '--timeout', '1s', '--format', 'json']
    const checked = await bootcheck(words, { cwd })
    expect(reportOf(checked).checks[0]).toMatchObject({ code: 'command/ok' })
    lay(cwd, { 'BOOT.md': manifest('check: command\nid: nap\nrun: [sleep, "60"]\ntimeout: 1s') })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect(reportOf(ended).checks[0]).toMatchObject({
      code: 'command/late',
      summary: 'sleep 60 did not end within 1 s, and was killed',
    })
    expect(Number(reportOf(ended).checks[0]?.facts.ms)).toBeGreaterThanOrEqual(990)
  })
})

describe('what it started is gone', () => {
  const HANGS = 'check: command\nid: hung\nrun: [sh, -c, "sleep 300 & echo $! > pid; echo began; wait"]'

  it('at the deadline, with the whole group', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest(`${HANGS}\ntimeout: 4s`) })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect(reportOf(ended).checks[0]).toMatchObject({
      status: 'fail',
      code: 'command/late',
      observed: expect.stringContaining('stdout: began'),
    })
    const pid = await pidIn(join(cwd, 'pid'))
    await until(() => !alive(pid), 'the sleep to be gone')
  })

  it('when it has ended, and left something running', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest('check: command\nid: left\nshell: "sleep 300 & echo $! > pid"') })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    expect(reportOf(ended).checks[0]).toMatchObject({ status: 'pass', facts: { held: true } })
    const pid = await pidIn(join(cwd, 'pid'))
    await until(() => !alive(pid), 'the sleep to be gone')
  })

  it('when the run is stopped', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest(`${HANGS}\ntimeout: 50s`) })
    let pid = 0
    const ended = await bootcheck(['run', '--format', 'json'], {
      cwd,
      started: child => {
        pidIn(join(cwd, 'pid')).then(seen => {
          pid = seen
          child.kill('SIGINT')
        })
      },
    })
    expect(ended.code).toBe(130)
    await until(() => !alive(pid), 'the sleep to be gone')
  })

  it('with an expression that would take for ever, and an output without an end', async () => {
    const cwd = scratch()
    const evil = 'run: [printf, aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab]\nexpect: {stdout: "/^(a+)+$/"}'
    lay(cwd, {
      'BOOT.md': manifest(
        `check: command\nid: evil\n${evil}\ntimeout: 1500ms`,
        'check: command\nid: endless\nrun: ["yes"]\ntimeout: 4s',
        'check: workspace\nid: other\npath: .',
      ),
    })
    const ended = await bootcheck(['run', '--format', 'json'], { cwd })
    const [first, second, other] = reportOf(ended).checks
    expect(first?.status).toBe('timeout')
    expect(second).toMatchObject({ code: 'command/late', facts: { cut: true } })
    expect(other?.status).toBe('pass')
    expect(ended.ms).toBeLessThan(10_000)
  })
})

describe('a manifest that others can write', () => {
  it('is not obeyed', async () => {
    const cwd = scratch()
    lay(cwd, { 'BOOT.md': manifest('check: command\nid: mine\nrun: [touch, ran]') })
    chmodSync(join(cwd, 'BOOT.md'), 0o666)
    const refused = await bootcheck(['run'], { cwd })
    expect(refused.code).toBe(1)
    expect(refused.stdout).toContain('command/manifest-writable')
    expect(refused.stdout).toContain(`chmod go-w ${join(cwd, 'BOOT.md')}`)
    expect(existsSync(join(cwd, 'ran'))).toBe(false)
    chmodSync(join(cwd, 'BOOT.md'), 0o644)
    expect((await bootcheck(['run'], { cwd })).code).toBe(0)
    expect(existsSync(join(cwd, 'ran'))).toBe(true)
  })
})

describe('secrets and odd bytes', () => {
  it('a secret in the environment, echoed, is masked in each format; control characters reach no terminal', async () => {
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(
        'check: command\nid: leaky\nshell: \'printf "key=%s \\033[31m\\000 red" "$KEY"; exit 1\'\nenv: {KEY: "${secret:API_KEY}"}',
      ),
    })
    for (const format of ['plain', 'pretty', 'json', 'junit', 'tap', 'github']) {
      const ended = await bootcheck(['run', '--format', format], { cwd, env: { API_KEY: 'sk-very-secret-0123456789' } })
      expect(ended.code, format).toBe(1)
      expect(ended.stdout, format).toContain('command/exit')
      expect(ended.stdout + ended.stderr, format).not.toContain('sk-very')
      expect(ended.stdout, format).not.toContain('\u001b[31m\u0000')
    }
  })

  it('lint tells of what cannot be followed', async () => {
    const cwd = scratch()
    lay(cwd, {
      'BOOT.md': manifest(
        'check: command\nid: a\nrun: ["true"]\nexpect: {stdout: "/(/"}',
        'check: command\nid: b\nrun: ["true"]\nnagios: true\nexpect: {exit: 1}',
        'check: command\nid: c\nrun: ["true"]\nshell: "true"',
      ),
    })
    const ended = await bootcheck(['lint', 'BOOT.md'], { cwd })
    expect(ended.code).toBe(2)
    expect(`${ended.stdout}${ended.stderr}`).toMatch(/no regular expression[\s\S]*leave expect.exit out[\s\S]*shell/)
  })
})

const listening = async (server: Server): Promise<number> => {
  onTestFinished(() => void server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A server that greets, as SSH, FTP and POP do. */
const greeter = (line: string): Promise<number> =>
  listening(
    createServer(socket => {
      socket.on('error', () => {})
      socket.write(`${line}\r\n`)
    }),
  )

describe('Debian monitoring-plugins as checks', () => {
  it('more than ten of them, good and bad', async () => {
    const folder = plugins()
    const cwd = scratch()
    writeFileSync(join(cwd, 'app.log'), 'all is well\n')
    const http = await listening(createHttpServer((_, response) => response.end('hello from the gateway')))
    const ssh = await greeter('SSH-2.0-OpenSSH_9.2')
    const ftp = await greeter('220 FTP ready')
    const pop = await greeter('+OK POP3 ready')
    const wanted: readonly (readonly [string, readonly (string | number)[], string, RegExp])[] = [
      ['check_disk', ['-w', '0%', '-c', '0%', '-p', '/'], 'pass command/ok', /DISK OK/],
      ['check_procs', ['-w', '1:', '-c', '1:'], 'pass command/ok', /PROCS OK/],
      ['check_load', ['-w', '9000,9000,9000', '-c', '9999,9999,9999'], 'pass command/ok', /LOAD OK/],
      ['check_users', ['-w', 1000, '-c', 2000], 'pass command/ok', /USERS OK/],
      ['check_dummy', [0, 'fine'], 'pass command/ok', /OK: fine/],
      ['check_dummy', [1, 'hm'], 'warn command/nagios-warning', /WARNING: hm/],
      ['check_dummy', [2, 'no'], 'fail command/nagios-critical', /CRITICAL: no/],
      ['check_dummy', [3, 'what'], 'fail command/nagios-unknown', /UNKNOWN: what/],
      ['check_cluster', ['-s', '-d', '0,0,2', '-w', 0, '-c', 1], 'warn command/nagios-warning', /CLUSTER WARNING/],
      ['check_file_age', ['-w', 600, '-c', 1200, '-f', 'app.log'], 'pass command/ok', /FILE_AGE OK: app.log/],
      ['check_file_age', ['-w', 600, '-c', 1200, '-f', 'gone.log'], 'fail command/nagios-critical', /gone.log/],
      ['check_log', ['-F', 'app.log', '-O', 'old.log', '-q', 'panic'], 'pass command/ok', /initialized/],
      ['check_tcp', ['-H', '127.0.0.1', '-p', http], 'pass command/ok', /TCP OK/],
      ['check_tcp', ['-H', '127.0.0.1', '-p', 1], 'fail command/nagios-critical', /refused/i],
      ['check_http', ['-H', '127.0.0.1', '-p', http, '-s', 'gateway'], 'pass command/ok', /HTTP OK/],
      ['check_http', ['-H', '127.0.0.1', '-p', http, '-s', 'absent'], 'fail command/nagios-critical', /not found/],
      ['check_ssh', ['-p', ssh, '127.0.0.1'], 'pass command/ok', /SSH OK/],
      ['check_ftp', ['-H', '127.0.0.1', '-p', ftp, '-t', 3], 'pass command/ok', /FTP OK/],
      ['check_pop', ['-H', '127.0.0.1', '-p', pop, '-t', 3], 'pass command/ok', /POP OK/],
      ['check_load', ['-w', '9,9,9', '-c', '1,1,1'], 'fail command/nagios-unknown', /inconsistency/],
      ['negate', [join(folder, 'check_dummy'), 2], 'pass command/ok', /CRITICAL/],
    ]
    lay(cwd, {
      'BOOT.md': manifest(
        ...wanted.map(
          ([name, words], index) =>
            // The perl ones look for their module where the package would install it.
            `check: command\nid: p${index}\nnagios: true\nseverity: fail\ntimeout: 20s\nenv: {PERL5LIB: ${JSON.stringify(folder)}}\nrun: ${JSON.stringify([join(folder, name), ...words.map(String)])}`,
        ),
      ),
    })
    const { checks } = reportOf(await bootcheck(['run', '--format', 'json', '--concurrency', '4'], { cwd }))
    expect(checks.map((check, index) => `${wanted[index]?.[0]} ${check.status} ${check.code}`)).toEqual(
      wanted.map(([name, , answer]) => `${name} ${answer}`),
    )
    for (const [index, check] of checks.entries()) expect(check.summary).toMatch(wanted[index]?.[3] as RegExp)
    expect(new Set(wanted.map(([name]) => name)).size).toBeGreaterThan(10)
    expect(checks[2]?.facts).toMatchObject({ 'perf:load1': expect.any(Number) })
    expect(checks[12]?.facts).toMatchObject({ 'perf:time': expect.any(Number), 'perf:time:unit': 's' })
  })
})
