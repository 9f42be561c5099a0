/** Real supervisors, and a gateway below them: started as their own users start them, ended with all that they started. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  accessSync,
  appendFileSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')
const BIN = join(ROOT, 'dist', 'cli', 'bin.cjs')
const HERE = join(ROOT, 'test', 'supervisors')

/** What launchd gives, and what most supervisors have: not a shell's. */
export const BARE_PATH = '/usr/bin:/bin:/usr/sbin:/sbin'

/** A supervisor's program: the one that `fetch.sh` unpacked, or the machine's. */
export const tool = (name: string): string => {
  const folders = [join(HERE, 'root', 'bin'), ...(process.env.PATH ?? '').split(delimiter)]
  for (const path of folders.map(folder => join(folder, name))) {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // the next one
    }
  }
  throw new Error(`${name} is not there: run test/supervisors/fetch.sh, as \`npm test\` does, and read what it says`)
}

/** `without` a guard; `bare`: the guard, and a supervisor that restarts whatever the code; `documented`: as docs/ say. */
export type Wiring = 'without' | 'bare' | 'documented'

export interface Service {
  /** Of its own; all that is below it and nothing else is used. */
  readonly folder: string
  readonly wiring: Wiring
}

/** Resolves once `look` answers with something; `what` is for the error after `ms`. */
export const until = async <T>(what: string, look: () => T | undefined | false | 0, ms = 40_000): Promise<T> => {
  const end = performance.now() + ms
  for (;;) {
    const seen = look()
    if (seen) return seen
    if (performance.now() > end) throw new Error(`after ${ms / 1000} s not yet: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** The lines of a file that may not be there yet. */
export const linesOf = (path: string): readonly string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []

const executable = (path: string, text: string): void => {
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}

/** A file of docs/ with the paths of this service in it. */
export const documented = (path: string, folder: string): string =>
  readFileSync(join(ROOT, 'docs', path), 'utf8')
    .replaceAll('/opt/gateway/node_modules/bootcheck/dist/cli/bin.cjs', join(folder, 'bin.cjs'))
    .replaceAll('/opt/gateway', folder)
    .replaceAll(/\/usr\/(local\/)?bin\/node/g, process.execPath)
    .replaceAll('/var/log/gateway.log', join(folder, 'gateway.log'))
    .replace('User=gateway', 'User=root')

const STARTED = `appendFileSync('starts', process.pid + '\\n')`

/** Gateways that write down each start of theirs. */
export const GATEWAYS = {
  /** Ends by 1 before it has done anything. */
  broken: `${STARTED}
process.exit(1)`,
  /** Lives until it is asked to end, and writes down how often it was. */
  healthy: `for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
  process.on(signal, () => { appendFileSync('signals', signal + '\\n'); setTimeout(() => process.exit(143), 50) })
setInterval(() => {}, 1e9)
${STARTED}`,
} as const

export const gatewayCode = (gateway: keyof typeof GATEWAYS): string =>
  `import { appendFileSync } from 'node:fs'\n${GATEWAYS[gateway]}\n`

export interface Ladder {
  readonly steps: readonly { readonly after: number; readonly wait: string }[]
  readonly refuse: number
}

/** A gateway with its manifest, and the files of docs/ with the folder's own paths in them. */
export const lay = ({ folder, wiring }: Service, gateway: keyof typeof GATEWAYS, ladder: Ladder): void => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'gateway.mjs'), gatewayCode(gateway))
  const steps = ladder.steps.map(({ after, wait }) => `{after: ${after}, wait: ${wait}}`).join(', ')
  writeFileSync(
    join(folder, 'BOOT.md'),
    `---\nbootcheck: 1\nguard: {crash-loop: {window: 15m, steps: [${steps}], refuse: ${ladder.refuse}}}\n---\n` +
      `# Boot checks\n\n\`\`\`yaml boot\ncheck: workspace\nid: workspace\npath: .\n\`\`\`\n`,
  )
  // Writes down each start and end of a guard, and is the program otherwise.
  writeFileSync(
    join(folder, 'bin.cjs'),
    `const { appendFileSync } = require('node:fs')
if (process.argv[2] === 'guard') {
  appendFileSync(${JSON.stringify(join(folder, 'guards'))}, process.pid + '\\n')
  process.on('exit', code => appendFileSync(${JSON.stringify(join(folder, 'codes'))}, code + '\\n'))
}
require(${JSON.stringify(BIN)})\n`,
  )
  const unguarded = `#!/bin/sh\ncd ${folder} || exit 1\nexec ${process.execPath} ${folder}/gateway.mjs\n`
  executable(join(folder, 'run'), wiring === 'without' ? unguarded : documented('supervisors/run', folder))
}

export interface Running {
  readonly child: ChildProcess
  /** TERM, as when the host shuts down. Resolves when it has ended. */
  stop(): Promise<void>
}

export interface Supervisor {
  readonly name: string
  /** The program that the service is run by, in the foreground. Lays out what it needs in the service's folder. */
  command(service: Service): readonly [string, ...string[]]
  /** Where the guard remembers, below the service's folder, which is its home. */
  state(service: Service): string
  /** Whether it has given the service up, and says so. */
  parked(folder: string): boolean
}

/** `run` in a folder of its own, as runit and s6 want it, with `finish` as documented. */
const serviceFolder = ({ folder, wiring }: Service, finish: string): string => {
  const service = join(folder, 'service')
  mkdirSync(service)
  executable(join(service, 'run'), `#!/bin/sh\nexec ${join(folder, 'run')} >>${join(folder, 'gateway.log')} 2>&1\n`)
  if (wiring === 'documented') executable(join(service, 'finish'), documented(`supervisors/${finish}`, folder))
  return service
}

/** As a user has it who has said nothing else. */
const ownState = ({ folder }: Service): string => join(folder, '.local/state/bootcheck')

const runit: Supervisor = {
  name: 'runit',
  state: ownState,
  command: service => [tool('runsv'), serviceFolder(service, 'runit-finish')],
  parked: folder => readFileSync(join(folder, 'service/supervise/stat'), 'utf8').startsWith('down'),
}

const s6: Supervisor = {
  name: 's6',
  state: ownState,
  command: service => [tool('s6-supervise'), serviceFolder(service, 's6-finish')],
  parked: folder =>
    execFileSync(tool('s6-svstat'), ['-o', 'up,wantedup', join(folder, 'service')], { encoding: 'utf8' }).trim() ===
    'false false',
}

const supervisord: Supervisor = {
  name: 'supervisord',
  state: ownState,
  command: ({ folder, wiring }) => {
    const program =
      wiring === 'documented'
        ? documented('supervisors/supervisord.conf', folder)
        : `[program:gateway]\ncommand=${folder}/run\nautorestart=true\nstartsecs=0\nstopwaitsecs=15\n`
    const own = `[supervisord]\nlogfile=${folder}/supervisord.log\npidfile=${folder}/supervisord.pid\nchildlogdir=${folder}\n`
    writeFileSync(join(folder, 'supervisord.conf'), `${own}\n${program}`)
    return [tool('supervisord'), '-n', '-c', join(folder, 'supervisord.conf')]
  },
  parked: folder =>
    linesOf(join(folder, 'supervisord.log')).at(-1)?.includes('exited: gateway (exit status 69; expected)') ?? false,
}

const UNIT = 'bootcheck-gateway.service'

/** What systemd says of a property of the unit. */
export const systemctlShow = (folder: string, property: string): string =>
  execFileSync(
    tool('nsenter'),
    [
      '-a',
      '-t',
      readFileSync(join(folder, 'systemd.pid'), 'utf8').trim(),
      'systemctl',
      'show',
      '--value',
      `--property=${property}`,
      UNIT,
    ],
    { encoding: 'utf8' },
  ).trim()

/** As PID 1 of its own namespaces, which takes root. */
export const systemd: Supervisor = {
  name: 'systemd',
  // systemd.sh puts `lib` in the place of /var/lib.
  state: service =>
    service.wiring === 'documented' ? join(service.folder, 'lib/bootcheck-gateway') : ownState(service),
  command: ({ folder, wiring }) => {
    mkdirSync(join(folder, 'lib'))
    const units = join(folder, 'units')
    mkdirSync(join(units, `${UNIT}.d`), { recursive: true })
    writeFileSync(
      join(units, UNIT),
      wiring === 'documented'
        ? documented(`systemd/${UNIT}`, folder)
        : `[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\nExecStart=${folder}/run\nRestart=on-failure\n`,
    )
    // A home of its own, a log that can be read, and no five seconds between two starts.
    writeFileSync(
      join(units, `${UNIT}.d`, 'test.conf'),
      `[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=1s\nEnvironment=HOME=${folder}\nStandardOutput=append:${folder}/gateway.log\nStandardError=inherit\n`,
    )
    return [join(HERE, 'systemd.sh'), folder, UNIT]
  },
  parked: folder => systemctlShow(folder, 'ActiveState') === 'failed',
}

export const SUPERVISORS: readonly Supervisor[] = [runit, s6, supervisord]

/** Words that a process runs with, for all processes; a `ps` that every system has. */
const processes = (): readonly string[] =>
  execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).split('\n')

/** `PID WORDS` of each process that was started with a path of this folder among its words. */
export const leftIn = (folder: string): readonly string[] =>
  processes()
    .map(line => line.trim())
    .filter(line => line.includes(folder))

/** Starts a supervisor. Its own words go to a file of the folder. */
export const start = (supervisor: Supervisor, service: Service): Running => {
  const { folder } = service
  const [program, ...words] = supervisor.command(service)
  const child = spawn(program, words, {
    cwd: folder,
    env: { PATH: BARE_PATH, HOME: folder, LANG: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', chunk => appendFileSync(join(folder, 'supervisor.log'), chunk))
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  return {
    child,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}
