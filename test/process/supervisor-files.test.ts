/** The files for supervisors in docs/: read by the programs that read them in life, and their command lines run. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BARE_PATH, documented, lay, linesOf, tool } from '../supervisors/life.ts'
import { ROOT } from '../support/bin.ts'
import { scratch } from '../support/context.ts'

/** Where a restart does not help: refused until `state reset`, and mend first. */
const NO_RESTART = ['69', '78']

const UNIT = 'systemd/bootcheck-gateway.service'
const PLISTS = ['launchd/ai.bootcheck.gateway.plist', 'launchd/ai.bootcheck.gateway.on-failure.plist'] as const

const read = (path: string): string => readFileSync(join(ROOT, 'docs', path), 'utf8')

/** A gateway that writes down what it was given, in a folder laid out as the files want it. */
const service = (): string => {
  const folder = scratch()
  lay({ folder, wiring: 'documented' }, 'broken', { steps: [], refuse: 10 })
  writeFileSync(
    join(folder, 'gateway.sh'),
    'for name in NODE_OPTIONS NODE_EXTRA_CA_CERTS BOOTCHECK_NODE_OPTIONS BOOTCHECK_NODE_EXTRA_CA_CERTS; do\n' +
      `  eval "printf '%s=%s\\\\n' $name \\"\\\${$name-unset}\\""\ndone >given\nexit 7\n`,
  )
  return folder
}

/** A Node of the gateway's own would end by 9 of what the guard hands on to it: so the gateway is a shell's here. */
const withShell = (text: string, folder: string): string =>
  text.replaceAll(`${process.execPath} ${folder}/gateway.mjs`, `/bin/sh ${folder}/gateway.sh`)

describe('the systemd unit', () => {
  const verify = (text: string) => {
    const path = join(scratch(), 'bootcheck-gateway.service')
    writeFileSync(path, text)
    return spawnSync(tool('systemd-analyze'), ['verify', '--recursive-errors=yes', path], { encoding: 'utf8' })
  }
  const settings = (): ReadonlyMap<string, string> =>
    new Map([...read(UNIT).matchAll(/^(\w+)=(.*)$/gm)].map(match => [match[1] ?? '', match[2] ?? '']))
  const seconds = (span = ''): number => {
    const match = /^(\d+)(s|min)$/.exec(span)
    return Number(match?.[1]) * (match?.[2] === 'min' ? 60 : 1)
  }

  it('is what systemd expects, and a misspelt key would be told', () => {
    const text = documented(UNIT, scratch())
    const ended = verify(text)
    expect(ended.stderr).toBe('')
    expect(ended.status).toBe(0)
    expect(verify(text.replace('RestartPrevent', 'RestartPrevnt')).status).toBe(1)
  })

  it('is not restarted where that does not help, and 143 is a success', () => {
    const unit = settings()
    expect(unit.get('RestartPreventExitStatus')?.split(' ')).toEqual(NO_RESTART)
    expect(unit.get('SuccessExitStatus')).toBe('143')
    expect(unit.get('Restart')).toBe('on-failure')
    expect(unit.get('KillMode')).toBe('mixed')
  })

  it('has a start limit that can trip, and that the ladder does not reach', () => {
    const unit = settings()
    const [interval, burst] = [seconds(unit.get('StartLimitIntervalSec')), Number(unit.get('StartLimitBurst'))]
    const restart = seconds(unit.get('RestartSec'))
    const toFail = 2
    expect(interval).toBeGreaterThan(burst * (restart + toFail))
    // Starts of the guard in one interval, with a gateway that ends at once: the ladder's waits are the guard's own.
    let at = 0
    let starts = 0
    for (let crashes = 0; at < interval; crashes++) {
      starts++
      at += restart + (crashes < 4 ? 0 : crashes < 7 ? 30 : 300)
    }
    expect(starts).toBeLessThanOrEqual(burst)
    // Longer than the ten seconds that the guard gives the gateway.
    expect(seconds(unit.get('TimeoutStopSec'))).toBeGreaterThan(10)
  })
})

describe.each(PLISTS)('%s', path => {
  interface Plist {
    readonly Label: string
    readonly ProgramArguments: readonly string[]
    readonly KeepAlive: boolean | Readonly<Record<string, boolean>>
    readonly EnvironmentVariables: Readonly<Record<string, string>>
    readonly ExitTimeOut: number
  }
  const python = (file: string): Plist =>
    JSON.parse(
      execFileSync(
        tool('python3'),
        ['-c', 'import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], "rb"))))', file],
        { encoding: 'utf8' },
      ),
    )
  const plist = python(join(ROOT, 'docs', path))

  it('is read alike by two parsers', () => {
    const binary = join(scratch(), 'gateway.plist')
    execFileSync(tool('plistutil'), ['-i', join(ROOT, 'docs', path), '-f', 'bin', '-o', binary])
    expect(python(binary)).toEqual(plist)
  })

  it('has keys that launchd knows, which no parser looks at', () => {
    const known =
      /^(Label|ProgramArguments|WorkingDirectory|EnvironmentVariables|RunAtLoad|KeepAlive|ThrottleInterval|ExitTimeOut|Standard(Out|Error)Path)$/
    expect(Object.keys(plist).filter(key => !known.test(key))).toEqual([])
    expect(path).toBe(`launchd/${plist.Label}.plist`)
  })

  it('lets the guard stay, or end with what launchd does not restart', () => {
    const { KeepAlive, ProgramArguments, EnvironmentVariables, ExitTimeOut } = plist
    const line = ProgramArguments.at(-1) ?? ''
    expect(ProgramArguments.slice(0, 2)).toEqual(['/bin/sh', '-c'])
    expect([KeepAlive, /guard --(hold|supervisor launchd) --/.exec(line)?.[1]]).toEqual(
      path === PLISTS[0] ? [true, 'hold'] : [{ SuccessfulExit: false }, 'supervisor launchd'],
    )
    expect(EnvironmentVariables).toEqual({ PATH: BARE_PATH })
    expect(ExitTimeOut).toBeGreaterThan(10)
  })
})

describe('the others', () => {
  it('finish scripts keep it down for 69 and 78 alone', () => {
    for (const code of ['0', '1', '75', '143', '255', ...NO_RESTART]) {
      const cwd = scratch()
      execFileSync('mkdir', [join(cwd, 'supervise')])
      const finish = (name: string) => spawnSync('/bin/sh', [join(ROOT, 'docs/supervisors', name), code, '0'], { cwd })
      expect(finish('s6-finish').status, code).toBe(NO_RESTART.includes(code) ? 125 : 0)
      expect(finish('runit-finish').status, code).toBe(0)
      expect(linesOf(join(cwd, 'supervise/control')), code).toEqual(NO_RESTART.includes(code) ? ['d'] : [])
    }
  })

  it('supervisord and pm2 hold to the same codes', () => {
    expect(/^exitcodes=(.*)$/m.exec(read('supervisors/supervisord.conf'))?.[1]?.split(',')).toEqual([
      '0',
      ...NO_RESTART,
    ])
    const { apps } = createRequire(import.meta.url)(join(ROOT, 'docs/supervisors/ecosystem.config.cjs'))
    expect(apps).toMatchObject([{ stop_exit_codes: NO_RESTART.map(Number), interpreter: 'none' }])
    expect(apps[0].kill_timeout).toBeGreaterThan(10_000)
  })
})

/** The shell line of each file, as its supervisor would start it. */
const LINES: Readonly<Record<string, (folder: string) => readonly [string, ...string[]]>> = {
  run: folder => ['/bin/sh', '-c', documented('supervisors/run', folder)],
  unit: folder => {
    const [, line = ''] = /^ExecStart=\/bin\/sh -c '([\s\S]*?)'$/m.exec(documented(UNIT, folder)) ?? []
    // As systemd reads it: a line that ends in a backslash goes on, and two dollars are one.
    return ['/bin/sh', '-c', line.replaceAll('\\\n', ' ').replaceAll('$$', '$')]
  },
  ...Object.fromEntries(
    PLISTS.map(path => [
      path,
      (folder: string) => {
        const line = /<string>(\n[\s\S]*?)<\/string>/.exec(documented(path, folder))?.[1] ?? ''
        return ['/bin/sh', '-c', line] as const
      },
    ]),
  ),
}

describe.each(Object.entries(LINES))('the command line of %s', (_, words) => {
  const start = (folder: string, more: Readonly<Record<string, string>>) => {
    const [program, ...args] = words(folder).map(word => withShell(word, folder)) as [string, ...string[]]
    return spawnSync(program, args, {
      cwd: folder,
      encoding: 'utf8',
      // What launchd gives. The state stays in the folder, since an empty HOME leaves the user's own.
      env: { PATH: BARE_PATH, HOME: '', XDG_STATE_HOME: join(folder, 'state'), ...more },
    })
  }
  const given = (folder: string) => linesOf(join(folder, 'given'))

  it("works under launchd's PATH, an empty HOME and a bad NODE_OPTIONS, which the gateway gets as it was", () => {
    const folder = service()
    const ended = start(folder, { NODE_OPTIONS: '--bogus "a  b"', NODE_EXTRA_CA_CERTS: '' })
    expect(given(folder), ended.stdout + ended.stderr).toEqual([
      'NODE_OPTIONS=--bogus "a  b"',
      'NODE_EXTRA_CA_CERTS=',
      'BOOTCHECK_NODE_OPTIONS=unset',
      'BOOTCHECK_NODE_EXTRA_CA_CERTS=unset',
    ])
    expect(ended.status).toBe(7)
  })

  it('leaves unset what is unset', () => {
    const folder = service()
    const ended = start(folder, {})
    expect(given(folder), ended.stdout + ended.stderr).toEqual([
      'NODE_OPTIONS=unset',
      'NODE_EXTRA_CA_CERTS=unset',
      'BOOTCHECK_NODE_OPTIONS=unset',
      'BOOTCHECK_NODE_EXTRA_CA_CERTS=unset',
    ])
    expect(ended.status).toBe(7)
  })
})

describe('without that line', () => {
  it('a bad NODE_OPTIONS ends Node with 9 before anything of ours is read', () => {
    const ended = spawnSync(process.execPath, [join(ROOT, 'dist/cli/bin.cjs'), 'guard', '--', '/bin/true'], {
      env: { PATH: BARE_PATH, NODE_OPTIONS: '--bogus' },
    })
    expect(ended.status).toBe(9)
  })
})
