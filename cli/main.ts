/** Words in, a number out. */
import { version } from '../package.json'
import { help, usage } from './help.ts'
import { type Io, UsageError } from './io.ts'
import { type Command, meant, type Values, WORDS, type Word } from './words.ts'

const names = WORDS.map(word => word.name)

const NO_VALUES: Values = {
  flags: new Set(),
  texts: new Map(),
  ids: new Map(),
  numbers: new Map(),
  formats: [],
  open: {},
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
const checkArguments = ({ word, named, args }: Command): void => {
  const first = args[0]
  if (word.name === 'run' && !named && first !== undefined && !/[./]/.test(first))
    throw new UsageError(`unknown command "${first}"${meant(first, names) || `; the commands are ${names.join(', ')}`}`)
  if (word.args.startsWith('<') && first === undefined)
    throw new UsageError(`${word.name} needs a kind; bootcheck explain lists them`)
  if (!word.args.startsWith('[...') && args.length > 1)
    throw new UsageError(
      `${word.name} takes one ${word.args.replace(/[^a-z]/g, '')}, and got ${args.length}: ${args.join(' ')}`,
    )
}

/** Runs one command and returns its exit code. `io` is made once it is known whether colour was asked for. */
export const main = async (argv: readonly string[], io: (color: boolean | undefined) => Io): Promise<number> => {
  try {
    const command = await readWords(argv)
    const { flags } = command.values
    const terminal = io(flags.has('no-color') ? false : flags.has('color') ? true : undefined)
    if (flags.has('version')) return terminal.out(`${version}\n`) ? 0 : 3
    if (flags.has('help')) return terminal.out(command.named ? usage(command.word) : help()) ? 0 : 3
    checkArguments(command)
    const { action } = await command.word.load()
    return await action(command.args, command.values, terminal)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    io(false).err(`bootcheck: ${error.message}\n`)
    return 2
  }
}
