/** A command line with options, read and checked: the only file that knows cac. */
import { cac } from 'cac'
import { duration, isTooLong, LONGEST_DURATION } from '../core/units.ts'
import { UsageError } from './io.ts'
import { FORMATS } from './reporters/index.ts'
import { COMMON, type Command, hasControls, meant, type Option, type Values, WORDS, type Word } from './words.ts'

const camel = (name: string): string =>
  name.replace(/([a-z])-([a-z])/g, (_, a: string, b: string) => a + b.toUpperCase())

// cac turns `--only 1e3` into 1000 and `--token 00e1` into 0. A value that looks like a number carries this mark through it, and so does one
// that begins with it.
const MARK = '\u0001'
/** `--chat -1001` is an option and its value: cac would take the second for flags. */
const joined = (argv: readonly string[]): string[] =>
  argv.flatMap((token, at) => {
    const next = argv[at + 1]
    if (/^--[^=]+$/.test(token) && next !== undefined && /^-[0-9]/.test(next)) return [`${token}=${next}`]
    return /^-[0-9]/.test(token) && /^--[^=]+$/.test(argv[at - 1] ?? '') ? [] : [token]
  })
const marked = (text: string): boolean => Number(text) * 0 === 0 || text.startsWith(MARK)
const HYPHENED: ReadonlySet<string> = new Set(
  WORDS.flatMap(({ options }) => options)
    .filter(({ name, type }) => type === 'flag' && /[a-z]-/.test(name) && !name.startsWith('no-'))
    .map(({ name }) => `--${name}`),
)
/** `own`: not behind `--`. */
const protect = (token: string, own: boolean): string => {
  const value = /^(--[^=]+=)(.*)$/s.exec(token)
  if (value?.[1] !== undefined && value[2] !== undefined) return marked(value[2]) ? value[1] + MARK + value[2] : token
  // cac knows `dry-run` as `dryRun`, and takes the word behind the one that is written for its value.
  if (own && HYPHENED.has(token)) return `--${camel(token.slice(2))}`
  return !token.startsWith('-') && marked(token) ? MARK + token : token
}
const bare = (value: unknown): string => {
  const text = String(value)
  return text.startsWith(MARK) ? text.slice(MARK.length) : text
}

const notDuration = (shown: string, text: string): string =>
  isTooLong(text)
    ? `${shown} "${text}" is too long: at most ${LONGEST_DURATION}`
    : `${shown} "${text}" is not a duration; write 500ms, 30s or 2m`

/** One declared option of the word, checked and put where its type belongs. */
const read = (option: Option, given: unknown, sink: Sink): void => {
  const { name, type } = option
  const shown = `--${name}`
  const items = (Array.isArray(given) ? given : [given]) as unknown[]
  if (type === 'flag') {
    if (items.some(item => typeof item !== 'boolean')) throw new UsageError(`${shown} takes no value`)
    if (items.at(-1) === true) sink.flags.add(name)
    else sink.flags.add(`no-${name}`)
    return
  }
  if (items.some(item => typeof item === 'boolean' || bare(item) === '')) throw new UsageError(`${shown} needs a value`)
  const texts = items.map(bare)
  if ((type === 'ids' || type === 'name') && texts.some(hasControls))
    throw new UsageError(`${shown} has no control characters, and "${texts.find(hasControls)}" has`)
  if (type === 'ids') {
    if (texts.some(text => text.split(',').every(part => part.trim() === '')))
      throw new UsageError(`${shown} needs a value`)
    sink.ids.set(
      name,
      texts
        .flatMap(text => text.split(','))
        .map(text => text.trim())
        .filter(Boolean),
    )
    return
  }
  if (type === 'format') {
    sink.formats.push(...texts.map(formatOf))
    if (sink.formats.filter(({ file }) => file === undefined).length > 1)
      throw new UsageError(
        'only one --format can go to standard output; give the others a file, as in json=report.json',
      )
    return
  }
  const text = texts[0] ?? ''
  if (texts.length > 1) throw new UsageError(`${shown} is given ${texts.length} times; once is enough`)
  if (type === 'text' || type === 'name') sink.texts.set(name, text)
  else if (type === 'duration') {
    const ms = duration(text)
    if (!ms) throw new UsageError(notDuration(shown, text))
    sink.numbers.set(name, ms)
  } else if (type === 'delay') {
    const ms = duration(isTooLong(text) ? LONGEST_DURATION : text)
    if (ms === undefined) throw new UsageError(notDuration(shown, text))
    if (isTooLong(text)) sink.notes.push(`${shown} ${text} is cut to ${LONGEST_DURATION}, the longest there is`)
    sink.numbers.set(name, ms)
  } else if (type === 'count') {
    const count = Number(text)
    if (!/^[0-9]+$/.test(text) || count < 1 || count > 1000)
      throw new UsageError(`${shown} "${text}" is not a count from 1 to 1000`)
    sink.numbers.set(name, count)
  } else {
    if (!type.includes(text))
      throw new UsageError(`${shown} "${text}" is not one of ${type.join(', ')}${meant(text, type)}`)
    sink.texts.set(name, text)
  }
}

interface Sink {
  readonly flags: Set<string>
  readonly texts: Map<string, string>
  readonly ids: Map<string, readonly string[]>
  readonly numbers: Map<string, number>
  readonly formats: { readonly format: string; readonly file?: string }[]
  readonly notes: string[]
}

/** `live` is `pretty` with its progress by name. */
const NAMES: readonly string[] = [...FORMATS, 'live']

const formatOf = (text: string): Values['formats'][number] => {
  const at = text.indexOf('=')
  const format = at < 0 ? text : text.slice(0, at)
  if (!NAMES.includes(format))
    throw new UsageError(`--format "${format}" is not one of ${NAMES.join(', ')}${meant(format, NAMES)}`)
  if (at < 0) return { format }
  if (at === text.length - 1) throw new UsageError(`--format ${format}= needs a file name after the "="`)
  return { format, file: text.slice(at + 1) }
}

/** `{http: {path: 'x'}}`, as cac reads `--http.path x`, back to `http.path`. */
const flatten = (value: unknown, path: string, into: Record<string, string | true | string[]>): void => {
  if (Array.isArray(value)) into[path] = value.map(bare)
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) flatten(item, `${path}.${key}`, into)
  else into[path] = value === true ? true : bare(value)
}

/** Everything that the command line can get wrong is a `UsageError` here. */
export const parseCommand = (given: readonly string[]): Command => {
  const argv = joined(given)
  const end = argv.indexOf('--')
  const empty = argv.slice(0, end < 0 ? argv.length : end).find(token => /^--?[^=]+=$/.test(token))
  if (empty !== undefined && !empty.startsWith('--format='))
    throw new UsageError(`${empty.slice(0, -1)} needs a value after the "="`)
  const cli = cac('bootcheck')
  const declare = (command: ReturnType<typeof cli.command>, word: Word): void => {
    for (const { name, alias, type } of [...word.options, ...COMMON])
      command.option(`${alias ? `-${alias}, ` : ''}--${name}${type === 'flag' ? '' : ' <value>'}`, '')
    // Without a `--no-x` of its own cac would read `--no-color` well, but not `--color --no-color`.
    command.allowUnknownOptions()
  }
  for (const word of WORDS) declare(cli.command(`${word.name} ${word.args}`, word.about), word)
  const run = WORDS[0] as Word
  declare(cli.command(run.args, run.about), run)
  let parsed: ReturnType<typeof cli.parse>
  try {
    parsed = cli.parse(['node', 'bootcheck', ...argv.map((token, at) => protect(token, end < 0 || at < end))], {
      run: false,
    })
  } catch (error) {
    // `--path . --path.x 1`: cac cannot hang a key on a text.
    if (error instanceof TypeError)
      throw new UsageError('an option is given both with a value and with a key of its own (--x and --x.y)')
    throw error
  }
  const word = WORDS.find(({ name }) => name === cli.matchedCommandName) ?? run
  const args = [...parsed.args, ...(parsed.options['--'] as readonly string[])].map(bare)
  if (argv.includes('-')) throw new UsageError('"-": standard input is not read; name a file')

  const known = new Map([...word.options, ...COMMON].map(option => [camel(option.name), option]))
  for (const option of [...word.options, ...COMMON]) if (option.alias) known.set(option.alias, option)
  // cac knows an option by its camel-cased name; people are told the one they typed.
  const typed = new Map(
    argv
      .filter(token => token.startsWith('-'))
      .map(token => {
        const name = token.replace(/^-+(no-)?/, '').replace(/=.*$/s, '')
        return [camel(name), name]
      }),
  )
  for (const token of argv.slice(0, end < 0 ? argv.length : end)) {
    const name = /^--([^=]+)=/s.exec(token)?.[1]
    // cac takes the value of `--strict=yes` for an argument.
    if (name !== undefined && known.get(camel(name))?.type === 'flag') throw new UsageError(`--${name} takes no value`)
  }
  // cac drops `--__proto__` and its like without a word.
  const own = [...word.options, ...COMMON].map(each => each.name)
  const nested = [...typed.values()].find(name => name.includes('.') && own.includes(name.split('.')[0] as string))
  if (nested !== undefined) throw new UsageError(`${word.name} has no option --${nested}`)
  const dropped = [...typed].find(([, name]) => /^(__proto__|constructor|prototype)(\.|$)/.test(name))
  if (dropped) throw new UsageError(`${word.name} has no option --${dropped[1]}`)
  const sink: Sink = { flags: new Set(), texts: new Map(), ids: new Map(), numbers: new Map(), formats: [], notes: [] }
  const open: Record<string, string | true | string[]> = {}
  const seen = new Set<Option>()
  // cac reads `--no-wait` as a `wait` that is false, and says `wait: true` where nothing was said.
  const negated = new Map(
    word.options.filter(({ name }) => name.startsWith('no-')).map(option => [camel(option.name.slice(3)), option]),
  )
  for (const [key, value] of Object.entries(parsed.options)) {
    if (key === '--') continue
    const negation = negated.get(key)
    if (negation) {
      const plain = `--${negation.name.slice(3)}`
      if (argv.includes(plain))
        throw new UsageError(`${word.name} has no option ${plain}; did you mean "${negation.name}"?`)
      if ([value].flat().includes(false)) read(negation, true, sink)
      continue
    }
    const option = known.get(key)
    if (!option) {
      const name = typed.get(key) ?? key
      if (word.open && key.length > 1) {
        if (value === false) throw new UsageError(`${word.name} has no option --no-${name}`)
        flatten(value, name.split('.')[0] as string, open)
        continue
      }
      const all = [...word.options, ...COMMON].map(each => each.name)
      throw new UsageError(`${word.name} has no option ${name.length > 1 ? '--' : '-'}${name}${meant(name, all)}`)
    }
    // cac lists an alias beside its name.
    if (!seen.has(option)) {
      try {
        read(option, value, sink)
      } catch (error) {
        if (!(error instanceof UsageError) || !word.open || args[0] === undefined) throw error
        throw new UsageError(
          `${error.message}; a key of ${args[0]}'s own that is called so is --${args[0]}.${option.name}`,
        )
      }
    }
    seen.add(option)
  }
  const lost = [...typed.values()].find(name => name.includes('.') && !Object.hasOwn(open, name))
  if (lost !== undefined) throw new UsageError(`${word.name} cannot take --${lost}`)
  return { word, named: cli.matchedCommandName !== undefined, args, values: { ...sink, open, command: [] } }
}
