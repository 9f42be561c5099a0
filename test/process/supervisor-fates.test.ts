/** What the check `supervisor` says of 69, 75 and 78 is what real supervisors do with the same files. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { supervisor } from '../../checks/supervisor.ts'
import { documented, linesOf, systemd, tool, until } from '../supervisors/life.ts'
import { context, scratch } from '../support/context.ts'
import { completed } from '../support/run-check.ts'

const CODES = ['69', '75', '78'] as const
type Code = (typeof CODES)[number]

const executable = (path: string, text: string): void => {
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}

/** A folder with a program `bootcheck` that ends with a code, and writes down that it was started. */
const program = (folder: string, code: Code): string => {
  mkdirSync(folder, { recursive: true })
  executable(join(folder, 'bootcheck'), `#!/bin/sh\necho started >>${folder}/starts\nexit ${code}\n`)
  return `${folder}/bootcheck guard --state-dir ${folder} -- /bin/gateway`
}

const starts = (folder: string): number => linesOf(join(folder, 'starts')).length

const run = (words: readonly [string, ...string[]], cwd: string): ChildProcess => {
  const [file, ...rest] = words
  const child = spawn(file, rest, { cwd, stdio: 'ignore' })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  })
  return child
}

const fatesOf = async (file: string, more: object, code: Code): Promise<unknown> => {
  const verdict = await supervisor.run(
    (await completed(supervisor, { file, ...more })) as never,
    context({ cwd: '/', home: '/' }),
  )
  return 'facts' in verdict ? verdict.facts?.[code] : verdict
}

/** A service that is restarted for ever beside those that are watched: once it had five starts, one that was to be restarted had two. */
const yardstick = (folder: string): Promise<unknown> => until('five starts of the yardstick', () => starts(folder) >= 5)

const seen = (folder: string): string => (starts(folder) === 1 ? 'stays down' : 'restarted')

const FINISHES: Readonly<Record<'runit' | 's6', Readonly<Record<string, string | undefined>>>> = {
  runit: {
    none: undefined,
    documented: documented('supervisors/runit-finish', '/'),
    one: '#!/bin/sh\n[ "$1" = 78 ] && sv down .\n',
    idle: '#!/bin/sh\necho "69 78"\n',
  },
  s6: {
    none: undefined,
    documented: documented('supervisors/s6-finish', '/'),
    always: '#!/bin/sh\nexit 125\n',
    idle: '#!/bin/sh\n# exit 125\nexit 69\n',
  },
}

describe.each([
  ['runit', 'runsv'],
  ['s6', 's6-supervise'],
] as const)('%s', (kind, name) => {
  it('restarts and leaves alone what the check says', async () => {
    const cwd = scratch()
    const folders = Object.entries(FINISHES[kind]).flatMap(([variant, finish]) =>
      CODES.map(code => ({ folder: join(cwd, `${variant}-${code}`), finish, code })),
    )
    for (const { folder, finish, code } of folders) {
      executable(join(mkdirp(folder), 'run'), `#!/bin/sh\nexec ${program(folder, code)}\n`)
      // sv finds its way by the folder that it is in.
      if (finish !== undefined) executable(join(folder, 'finish'), finish.replace('sv ', `${tool('sv')} `))
      run([tool(name), folder], folder)
    }
    await yardstick(join(cwd, 'none-75'))
    for (const { folder, code } of folders)
      expect([folder, seen(folder)]).toEqual([folder, await fatesOf(folder, { kind }, code)])
  }, 60_000)
})

describe('supervisord', () => {
  it('restarts and leaves alone what the check says', async () => {
    const cwd = scratch()
    const variants: Readonly<Record<string, string>> = {
      documented: 'autorestart=unexpected\nexitcodes=0,69,78\nstartsecs=0',
      always: 'autorestart=true\nexitcodes=0,69,78\nstartsecs=0',
      never: 'autorestart=false\nstartsecs=0',
      plain: 'startsecs=0',
    }
    const programs = Object.entries(variants).flatMap(([variant, lines]) =>
      CODES.map(code => ({ name: `${variant}-${code}`, lines, code })),
    )
    const file = join(cwd, 'supervisord.conf')
    writeFileSync(
      file,
      `[supervisord]\nlogfile=${cwd}/log\npidfile=${cwd}/pid\nchildlogdir=${cwd}\n${programs
        .map(({ name, lines, code }) => `[program:${name}]\ncommand=${program(join(cwd, name), code)}\n${lines}\n`)
        .join('')}[program:impatient]\ncommand=${program(join(cwd, 'impatient'), '78')}\nexitcodes=0,69,78\n`,
    )
    run([tool('supervisord'), '-n', '-c', file], cwd)
    await yardstick(join(cwd, 'always-75'))
    for (const { name, code } of programs)
      expect([name, seen(join(cwd, name))]).toEqual([name, await fatesOf(file, { name }, code)])
    // `failed-start`: with the default startsecs it is tried three times more, whatever its code, and then no more.
    await until('FATAL', () => linesOf(join(cwd, 'log')).some(line => /gave up: impatient/.test(line)))
    expect(starts(join(cwd, 'impatient'))).toBe(4)
  }, 60_000)
})

describe('systemd', () => {
  it('restarts and leaves alone what the check says', async () => {
    const cwd = scratch()
    const PREVENT = 'RestartPreventExitStatus=69 78\n'
    const variants: Readonly<Record<string, readonly [string, string]>> = {
      'on-failure': ['', `Restart=on-failure\n${PREVENT}`],
      always: ['', `Restart=always\n${PREVENT}`],
      plain: ['', 'Restart=always\n'],
      abnormal: ['', 'Restart=on-abnormal\n'],
      success: ['', 'Restart=on-success\nSuccessExitStatus=78\n'],
      ignored: ['-', 'Restart=on-failure\n'],
      'ignored-always': ['-', `Restart=always\n${PREVENT}`],
      forced: ['', 'Restart=no\nRestartForceExitStatus=75\n'],
      shell: ['/bin/sh -c "', `Restart=on-failure\n${PREVENT}`],
    }
    const units = Object.entries(variants).flatMap(([variant, [prefix, lines]]) =>
      CODES.map(code => ({ name: `${variant}-${code}.service`, prefix, lines, code })),
    )
    const [program_, ...words] = systemd.command({ folder: cwd, wiring: 'bare' })
    executable(join(cwd, 'run'), '#!/bin/sh\nexec sleep 1000000\n')
    for (const { name, prefix, lines, code } of units)
      writeFileSync(
        join(cwd, 'units', name),
        `[Unit]\nStartLimitIntervalSec=0\nDefaultDependencies=no\n[Service]\nType=exec\nExecStart=${prefix}${program(join(cwd, 'of', name), code)}${
          prefix.endsWith('"') ? '"' : ''
        }\nRestartSec=200ms\n${lines}`,
      )
    const main = join(cwd, 'units', 'bootcheck-gateway.service.d', 'wants.conf')
    writeFileSync(main, `[Unit]\nWants=${units.map(({ name }) => name).join(' ')}\n`)
    run([program_, ...words], cwd)
    await yardstick(join(cwd, 'of', 'plain-75.service'))
    await until('a start of each', () => units.every(({ name }) => starts(join(cwd, 'of', name)) > 0))
    await until('five more', () => starts(join(cwd, 'of', 'plain-75.service')) >= 12)
    for (const { name, code } of units)
      expect([name, seen(join(cwd, 'of', name))]).toEqual([name, await fatesOf(join(cwd, 'units', name), {}, code)])
  }, 90_000)
})

const mkdirp = (folder: string): string => {
  mkdirSync(folder, { recursive: true })
  return folder
}
