/** Words in, a number out. */
import { version } from '../package.json'
import { help, usage } from './help.ts'
import { type Io, UsageError } from './io.ts'
import { type Command, hasControls, meant, type Values, WORDS, type Word } from './words.ts'

const names = WORDS.map(word => word.name)

const NO_VALUES: Values = {
  flags: new Set(),
  texts: new Map(),
  ids: new Map(),
  numbers: new Map(),
  formats: [],
  notes: [],
  open: {},
  command: [],
}

const DASHES = '--'

/** What stands behind `--` is another program's, and no option of ours. */
const split = (argv: readonly string[]): { readonly own: readonly string[]; readonly command: readonly string[] } => {
  const at = WORDS.find(({ name }) => name === argv[0])?.command ? argv.indexOf(DASHES) : -1
  return at < 0 ? { own: argv, command: [] } : { own: argv.slice(0, at), command: argv.slice(at + 1) }
}

/** Words alone need no parser, and words alone is how a prestart script calls: loading cac and asking it costs 7 ms. */
const readWords = async (argv: readonly string[]): Promise<Command> => {
  if (argv.some(token => token.startsWith('-'))) return (await import('./command-line.ts')).parseCommand(argv)
  const word = WORDS.find(({ name }) => name === argv[0])
  return {
    word: word ?? (WORDS[0] as Word),
    named: word !== undefined,
    args: argv.slice(word ? 1 : 0),
    values: NO_VALUES,
  }
}

/** An unknown word that contains `.` or `/` is a manifest; any other is a mistake. */
const checkArguments = ({ word, named, args, values }: Command): void => {
  const first = args[0]
  if (word.name === 'run' && !named && first !== undefined && !/[./]/.test(first))
    throw new UsageError(`unknown command "${first}"${meant(first, names) || `; the commands are ${names.join(', ')}`}`)
  const wanted = word.args.match(/\w+/g) ?? []
  if (word.args.startsWith('<') && args.length < wanted.length) {
    const missing = wanted[args.length]
    throw new UsageError(
      `${word.name} needs ${missing === 'event' ? 'an' : 'a'} ${missing}${missing === 'kind' ? '; bootcheck explain lists them' : ''}`,
    )
  }
  if (!word.args.startsWith('[...') && args.length > wanted.length)
    throw new UsageError(
      `${word.name} takes ${wanted.length === 0 ? 'no arguments' : `one ${wanted.join(' and one ')}`}, and got ${args.length}: ${args.join(' ')}`,
    )
  const odd = word.args.startsWith('<target>') ? args.find(hasControls) : undefined
  if (odd !== undefined) throw new UsageError(`a target has no control characters, and "${odd}" has`)
  if (word.command && values.command.length === 0)
    throw new UsageError(
      `${word.name} needs a command behind "--": bootcheck ${word.name} ${DASHES} gateway --port 18789`,
    )
}

/** Runs one command and returns its exit code. `io` is made once it is known whether colour was asked for. */
export const main = async (argv: readonly string[], io: (color: boolean | undefined) => Io): Promise<number> => {
  try {
    const { own, command: rest } = split(argv)
    const read = await readWords(own)
    const command = { ...read, values: { ...read.values, command: rest } }
    const { flags } = command.values
    const terminal = io(flags.has('no-color') ? false : flags.has('color') ? true : undefined)
    const [kind] = command.args
    // A kind may have a key of that name: exit 0 with our version would look as if it had been checked.
    if (flags.has('version') && command.word.name === 'check' && kind !== undefined)
      throw new UsageError(`--version is bootcheck's own; a key "version" of the kind is --${kind}.version`)
    if (flags.has('version')) return terminal.out(`${version}\n`) ? 0 : 3
    if (flags.has('help')) return terminal.out(command.named ? usage(command.word) : help()) ? 0 : 3
    checkArguments(command)
    for (const note of command.values.notes) terminal.err(`bootcheck: ${note}\n`) // of checked parts only
    const { action } = await command.word.load()
    return await action(command.args, command.values, terminal)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const { problemText } = await import('./problem.ts')
    io(false).err(problemText(error.message))
    return WORDS.find(({ name }) => name === argv[0])?.misuse ?? 2
  }
}
