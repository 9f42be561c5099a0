/** What a command makes of us: the guard, with which flags, or the gate alone, and whether anybody heeds what it answers. */
import { duration } from '../../core/units.ts'
import { type Command, commandsIn, unheeded } from './shell.ts'

export interface Started {
  readonly guard: boolean
  /** `bootcheck run`, without a memory. */
  readonly gate: boolean
  /** The guard has a command to start. */
  readonly command: boolean
  readonly hold: boolean
  /** 69 and 78 become 0. */
  readonly parks: boolean
  readonly stateDir: boolean
  readonly killAfterMs: number
  /** Why its answer reaches nobody; undefined where it does. */
  readonly unheeded: string | undefined
  /** A shell stays in front of the guard: it gets the signals, and passes none on. */
  readonly shell: boolean
  /** A word of a shell's grammar, where no shell reads it: `&&`. */
  readonly shellWord: string | undefined
  /** A supervisor of its own that is started, of which another file says what it does. */
  readonly other: Other | undefined
  /** The last program on the way that could not be looked into. */
  readonly unseen: string | undefined
}

export interface Other {
  readonly name: string
  /** The file that says what it does with our codes. */
  readonly file: string
}

/** What stands in a script at a path, or under a name in package.json; undefined for a program, and for what is not there. */
export interface Surroundings {
  readonly script?: (path: string) => string | undefined
  readonly named?: (name: string) => string | undefined
}

const KILL_AFTER_MS = 10_000
const DEEPEST = 5

/** The program by its name (`bootcheck`, `bootcheck@1` of npx), or by the file that it is. Not `bootcheck-gateway`, a folder's name. */
const isUs = (word: string): boolean =>
  /^(?:.*\/)?bootcheck(?:@[\w.^~-]+)?$/.test(word) || /(?:^|\/)bootcheck\/dist\/cli\/bin\.cjs$/.test(word)

const base = (word: string): string => word.slice(word.lastIndexOf('/') + 1)

/** Programs that start what stands behind their options. */
const LAUNCHERS = new Set(
  `exec env nohup nice ionice chrt taskset sudo doas runuser setpriv setsid stdbuf time timeout chpst setuidgid envuidgid envdir
softlimit s6-setuidgid s6-envuidgid s6-softlimit s6-envdir s6-applyuidgid s6-notifyoncheck with-contenv fdmove foreground tini tini-static
dumb-init catatonit docker-init systemd-cat systemd-run systemd-inhibit caffeinate arch unshare npx bunx pnpx corepack dotenv xvfb-run gosu su-exec
builtin command catchsegv numactl cgexec`.split(/\s+/),
)

/** Programs that run a file of their own language: only their first word that is no option can be us. */
const INTERPRETERS = /^(?:node|nodejs|bun|deno|tsx|ts-node|python[\d.]*|ruby[\d.]*|perl[\d.]*|java|php[\d.]*)$/
const VALUED = /^(?:-r|--require|--import|--loader|--experimental-loader|--env-file|-C|--conditions)$/

/** Programs that name others and start none. */
const TALKERS =
  /^(?:echo|printf|cat|grep|egrep|sed|awk|logger|test|\[|\[\[|cd|export|pkill|killall|kill|pgrep|ps|rm|ls|mkdir|touch|which|type|hash|set|unset|trap|alias|local|readonly|sleep|source|\.|:|true|false|ln|cp|mv|chmod|chown|install|git|curl|apt-get|apt|brew)$/

const MANAGERS = /^(?:npm|pnpm|yarn|bun)$/

const SHELL = /^(?:ba|da|a|k|z|mk)?sh$/

const OTHERS: readonly (readonly [RegExp, Other])[] = [
  [/^pm2(?:-runtime|-docker|-dev)?$/, { name: 'pm2', file: 'ecosystem.config.cjs' }],
  [/^supervisord$/, { name: 'supervisord', file: '/etc/supervisor/supervisord.conf' }],
  [/^(?:runsvdir|runsv|runit|runsvdir-start)$/, { name: 'runit', file: '/etc/service/gateway/run' }],
  [/^(?:s6-svscan|s6-supervise|s6-overlay-suexec)$/, { name: 's6', file: '/run/service/gateway/run' }],
  [/^(?:docker-compose|podman-compose)$/, { name: 'docker compose', file: 'compose.yaml' }],
]

const otherIn = (words: readonly string[]): Other | undefined => {
  const names = words.slice(0, 3).map(base)
  const found = OTHERS.find(([pattern]) => names.some(name => pattern.test(name)))?.[1]
  if (found) return found
  return /^(?:docker|podman)$/.test(names[0] ?? '') && words.slice(1).includes('compose')
    ? { name: 'docker compose', file: 'compose.yaml' }
    : undefined
}

/** Of a launcher's words the first that is a call of ours, and no value of an option: `runuser -u bootcheck -- node`, `env -C /opt/bootcheck -u X`. */
const calledAt = (words: readonly string[], start: number): number =>
  words.findIndex((word, at) => {
    if (at <= start || !isUs(word)) return false
    const before = words[at - 1] ?? ''
    return before === '--' || !before.startsWith('-') || /^(?:guard|run)$/.test(words[at + 1] ?? '')
  })

/** The words behind us, where a simple command starts us; undefined where it only names us. */
const behindUs = (words: readonly string[]): readonly string[] | undefined => {
  const start = words.findIndex(word => !/^\w+\+?=/.test(word))
  const launched = LAUNCHERS.has(base(words[start] ?? ''))
  const index = launched ? calledAt(words, start) : words.findIndex((word, at) => at >= start && isUs(word))
  if (start < 0 || index < 0) return undefined
  const rest = words.slice(index + 1)
  if (index === start) return rest
  const head = base(words[start] ?? '')
  const between = words.slice(start + 1, index)
  if (TALKERS.test(head) || (head === 'command' && /^-[vV]$/.test(between[0] ?? ''))) return undefined
  if (MANAGERS.test(head) && /^(?:exec|x|dlx|--)?$/.test(between[0] ?? '')) return rest
  // The last interpreter on the way: `env node x.mjs bootcheck` starts x.mjs.
  const interpreter = words.slice(start, index).findLastIndex(word => INTERPRETERS.test(base(word)))
  if (interpreter >= 0) {
    const options = words.slice(start, index).slice(interpreter + 1)
    return options.every((word, at) => word.startsWith('-') || VALUED.test(options[at - 1] ?? '')) ? rest : undefined
  }
  if (launched) return rest
  // A program that nobody here knows: what stands behind its `--` it starts, and what is written as a call of ours is one, unless it is the value
  // of an option.
  const last = between.at(-1) ?? ''
  return last === '--' || (!last.startsWith('-') && /^(?:guard|run)$/.test(rest[0] ?? '')) ? rest : undefined
}

const isGate = (rest: readonly string[]): boolean => {
  const [first] = rest
  if (rest.some(word => /^(?:--help|-h|--version|-v|--dry-run)$/.test(word))) return false
  return (
    first === undefined || first === 'run' || first.startsWith('-') || /\.md$/.test(first) || OPERATOR_WORD.test(first)
  )
}

const OPERATOR_WORD = /^(?:&&|\|\||\||;|&|>|>>|2>&1|<)$/

interface Found {
  readonly rest: readonly string[]
  readonly unheeded: string | undefined
  readonly shell: boolean
}

interface Reading {
  readonly found: readonly Found[]
  readonly shellWord?: string | undefined
  readonly other?: Other | undefined
  readonly unseen?: string | undefined
}

const NOTHING: Reading = { found: [] }

/** Positional words of a script that hands its own on: `exec "$@"`. */
const handedOn = (commands: readonly Command[], args: readonly string[]): readonly Command[] => {
  let shifted = 0
  return commands.map(command => {
    if (command.words[0] === 'shift') shifted += Number(command.words[1] ?? 1) || 1
    if (!command.words.some(word => /^\$(?:@|\*|\{@\}|\{\*\})$/.test(word))) return command
    const words = command.words.flatMap(word => (/^\$(?:@|\*|\{@\}|\{\*\})$/.test(word) ? args.slice(shifted) : [word]))
    return { ...command, words }
  })
}

/** execline's `foreground { … }` goes on whatever the block answers. */
const foregone = (words: readonly string[]): string | undefined => {
  const block = words.indexOf('foreground')
  return block >= 0 && words.indexOf('}') > block && words.slice(block, words.indexOf('}')).some(isUs)
    ? '"foreground" goes on whatever it answers'
    : undefined
}

/** `line`: what stands behind `-c`, of which dash and bash start the last command in their own place. */
const readScript = (
  text: string,
  args: readonly string[],
  around: Surroundings,
  depth: number,
  { strict = false, line = false } = {},
): Reading => {
  // execline's script is one command over all its lines, each of whose programs starts the next.
  const execline = /^#![^\n]*execlineb/.test(text)
  const commands = handedOn(
    commandsIn(execline ? text.replaceAll(/(?:^|\s)#[^\n]*/g, '').replaceAll('\n', ' ') : text),
    args,
  )
  const traps = commands.some(({ words }) => words[0] === 'trap')
  const stops =
    strict ||
    /^#![^\n]*\s-\w*e/.test(text) ||
    commands.some(
      ({ words }) =>
        words[0] === 'set' && words.some((word, at) => at > 0 && (/^-\w*e/.test(word) || word === 'errexit')),
    )
  const readings = commands.map(({ words }, index) => {
    const reading = readWords(words, around, depth + 1)
    if (reading.found.length === 0) return reading
    const why = unheeded(commands, index, stops)
    const stays = !execline && !traps && words[0] !== 'exec' && !(line && index === commands.length - 1)
    return {
      ...reading,
      found: reading.found.map(each => ({ ...each, unheeded: each.unheeded ?? why, shell: each.shell || stays })),
    }
  })
  return {
    found: readings.flatMap(({ found }) => found),
    other: readings.find(({ other }) => other)?.other,
    unseen: readings.findLast(({ unseen }) => unseen !== undefined)?.unseen,
    shellWord: readings.find(({ shellWord }) => shellWord !== undefined)?.shellWord,
  }
}

/** What a program hands to a shell: `-c 'line'`, or a file with its words. */
const readShellCall = (words: readonly string[], around: Surroundings, depth: number): Reading => {
  const options = words.slice(1).findIndex(word => !/^[-+]/.test(word))
  const flags = words.slice(1, options < 0 ? undefined : options + 1)
  const strict = flags.some(flag => /^-\w*e/.test(flag))
  const rest = options < 0 ? [] : words.slice(options + 1)
  const [first, ...args] = rest
  if (first === undefined) return NOTHING
  if (flags.some(flag => /^-\w*c/.test(flag)))
    return readScript(first, args.slice(1), around, depth, { strict, line: true })
  const text = around.script?.(first)
  return text === undefined ? { found: [], unseen: first } : readScript(text, args, around, depth, { strict })
}

const readWords = (words: readonly string[], around: Surroundings, depth: number): Reading => {
  if (words.length === 0 || depth > DEEPEST) return NOTHING
  const rest = behindUs(words)
  if (rest) {
    return {
      found: [{ rest, unheeded: foregone(words), shell: false }],
      shellWord: rest.find(word => OPERATOR_WORD.test(word)),
    }
  }
  const start = words.findIndex(word => !/^\w+\+?=/.test(word))
  const head = base(words[start] ?? '')
  if (start < 0 || TALKERS.test(head)) return NOTHING
  const other = otherIn(words.slice(start))
  if (other) return { found: [], other }
  const line = /^(?:su|runuser)$/.test(head) ? words[words.indexOf('-c') + 1] : undefined
  if (line !== undefined && words.includes('-c')) return readScript(line, [], around, depth, { line: true })
  const shell = words.findIndex((word, at) => at >= start && SHELL.test(base(word)))
  const launched = LAUNCHERS.has(head)
  if (shell === start || (shell > start && launched)) return readShellCall(words.slice(shell), around, depth)
  if (MANAGERS.test(head)) {
    const name = words.slice(start + 1).find(word => !/^(?:-.*|run|run-script)$/.test(word))
    const text = name === undefined ? undefined : around.named?.(name)
    return text === undefined ? NOTHING : readScript(text, [], around, depth)
  }
  const program = launched ? words.find((word, at) => at > start && word.includes('/')) : words[start]
  if (program === undefined || (!program.includes('/') && !program.includes('.'))) return NOTHING
  const args = words.slice(words.indexOf(program) + 1)
  if (INTERPRETERS.test(base(program))) {
    const file = args.find(word => !word.startsWith('-'))
    return file === undefined ? NOTHING : { found: [], unseen: file }
  }
  const text = around.script?.(program)
  return text === undefined ? { found: [], unseen: program } : readScript(text, args, around, depth)
}

const startedBy = ({ found, shellWord, other, unseen }: Reading): Started => {
  const guard = found.find(({ rest }) => rest[0] === 'guard')
  const gate = found.find(({ rest }) => isGate(rest))
  const end = guard?.rest.indexOf('--') ?? -1
  // What stands behind "--" is the gateway's.
  const flags = (end < 0 ? guard?.rest : guard?.rest.slice(0, end)) ?? []
  const given = (name: string): string | undefined => {
    const at = flags.findIndex(word => word === `--${name}` || word.startsWith(`--${name}=`))
    const flag = flags[at]
    return flag?.includes('=') ? flag.slice(flag.indexOf('=') + 1) : at < 0 ? undefined : flags[at + 1]
  }
  return {
    guard: guard !== undefined,
    gate: gate !== undefined,
    command: end >= 0 && (guard?.rest.length ?? 0) > end + 1,
    hold: flags.includes('--hold'),
    parks: given('supervisor') === 'launchd',
    stateDir: given('state-dir') !== undefined,
    killAfterMs: duration(given('kill-after') ?? '') ?? KILL_AFTER_MS,
    unheeded: (guard ?? gate)?.unheeded,
    shell: guard?.shell ?? false,
    shellWord: guard || gate ? shellWord : undefined,
    other,
    unseen,
  }
}

/** Each script is looked into once, so that those which start one another come to an end. */
const once = ({ script, named }: Surroundings): Surroundings => {
  const seen = new Set<string>()
  const first =
    (kind: string, look: ((key: string) => string | undefined) | undefined) =>
    (key: string): string | undefined => {
      if (seen.has(kind + key)) return undefined
      seen.add(kind + key)
      return look?.(key)
    }
  return { script: first('file ', script), named: first('name ', named) }
}

/** What words start that no shell reads, as most supervisors start them. */
export const readArgv = (words: readonly string[], around: Surroundings = {}): Started =>
  startedBy(readWords(words, once(around), 0))

/** What a shell's line or script starts. */
export const readShell = (text: string, around: Surroundings = {}): Started => {
  const reading = readScript(text, [], once(around), 0)
  return startedBy({ ...reading, shellWord: undefined })
}

/** A program that is named without its folder, where a shell's line starts one. */
export const bareProgram = (text: string): string | undefined =>
  /(?:^|[;&|(]\s*|\bexec\s+|\s--\s+)(node|npm|npx|pnpm|yarn|bun|bootcheck)(?=\s|$)/m.exec(text)?.[1]

/** A shell that stays between the supervisor and us: it gets the signals, and passes none on. */
export const keepsShell = (line: string): boolean => !/(?:^|[;&|\n]\s*)exec\s+[^;&|\n]+$/.test(line.trim())
