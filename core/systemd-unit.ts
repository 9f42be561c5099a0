/** systemd's unit files as text: sections, continued lines, quoting, specifiers, environments. Rules: systemd.syntax(7), systemd.exec(5). */

export interface UnitEntry {
  readonly section: string
  readonly key: string
  readonly value: string
  readonly file: string
  /** 1-based; that of the first line of a continued one. */
  readonly line: number
}

/** What systemd passes over with a line in its log, and nobody sees. */
export interface UnitFlaw {
  readonly file: string
  readonly line: number
  readonly message: string
}

export interface Unit {
  readonly entries: readonly UnitEntry[]
  readonly flaws: readonly UnitFlaw[]
}

/** Comments end a continuation's line, not the continuation. Parses anything: what systemd would ignore is in `flaws`. */
export const parseUnit = (text: string, file: string): Unit => {
  const entries: UnitEntry[] = []
  const flaws: UnitFlaw[] = []
  let section = ''
  let logical = ''
  let start = 0
  const take = (line: number): void => {
    const content = logical.trim()
    logical = ''
    if (content === '') return
    const header = /^\[([^\]]*)\]$/.exec(content)
    if (header) {
      section = header[1] ?? ''
      return
    }
    const equals = content.indexOf('=')
    if (equals < 1) flaws.push({ file, line, message: 'a line that is no KEY=VALUE' })
    else if (section === '') flaws.push({ file, line, message: 'a line before the first section' })
    else
      entries.push({
        section,
        key: content.slice(0, equals).trim(),
        value: content.slice(equals + 1).trim(),
        file,
        line,
      })
  }
  let continued = false
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (/^\s*[#;]/.test(line)) continue
    if (!continued) start = index + 1
    continued = line.endsWith('\\')
    logical += continued ? `${line.slice(0, -1)} ` : line
    if (!continued) take(start)
  }
  if (continued) take(start)
  return { entries, flaws }
}

/** A unit with its drop-ins, in their order. */
export const mergeUnits = (parts: readonly Unit[]): Unit => ({
  entries: parts.flatMap(({ entries }) => entries),
  flaws: parts.flatMap(({ flaws }) => flaws),
})

/** All entries of a key of which each adds one (`ExecStart=`, `Environment=`); an empty one forgets those before it. */
export const entriesOf = (unit: Unit, section: string, key: string): readonly UnitEntry[] => {
  const all = unit.entries.filter(entry => entry.section === section && entry.key === key)
  return all.slice(all.findLastIndex(({ value }) => value === '') + 1)
}

/** The entry that holds, of a key of which the last one wins; an empty one takes the default back. */
export const lastOf = (unit: Unit, section: string, key: string): UnitEntry | undefined => {
  const last = unit.entries.findLast(entry => entry.section === section && entry.key === key)
  return last?.value === '' ? undefined : last
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** The words of a value: blanks part them, quotes hold them together, C's escapes are undone. Undefined if a quote stays open. */
export const splitWords = (value: string): readonly string[] | undefined => {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let i = 0; i < value.length; i++) {
    const char = value[i] ?? ''
    if (char === '\\') {
      const coded = /^(?:x([0-9a-f]{2})|([0-7]{3})|u([0-9a-f]{4}))/i.exec(value.slice(i + 1, i + 6))
      const digits = coded?.[1] ?? coded?.[2] ?? coded?.[3]
      if (digits !== undefined) {
        word = (word ?? '') + String.fromCharCode(Number.parseInt(digits, coded?.[2] ? 8 : 16))
        i += coded?.[0].length ?? 0
        continue
      }
      const next = value[i + 1] ?? ''
      // An unknown escape stands for itself: `\ ` continued a line before, `\;` is a word of its own.
      word = (word ?? '') + (ESCAPES[next] ?? `\\${next}`)
      i++
    } else if (quote !== '') {
      if (char === quote) quote = ''
      else word = (word ?? '') + char
    } else if (char === '"' || char === "'") {
      quote = char
      word ??= ''
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quote !== '') return undefined
  if (word !== undefined) words.push(word)
  return words
}

/** `%h` and its like, by letter; one that is not listed stays as it stands. */
export type Specifiers = Readonly<Record<string, string>>

export interface UnitIdentity {
  /** File name of the unit, `gateway@blue.service`. */
  readonly name: string
  readonly user: string
  readonly uid: number
  readonly home: string
  /** Of the user's own manager (`systemctl --user`). */
  readonly userManager: boolean
}

export const specifiersOf = ({ name, user, uid, home, userManager }: UnitIdentity): Specifiers => {
  const full = name.replace(/\.[a-z]+$/, '')
  const at = full.indexOf('@')
  const run = userManager ? `/run/user/${uid}` : '/run'
  return {
    n: name,
    N: full,
    p: at < 0 ? full : full.slice(0, at),
    i: at < 0 ? '' : full.slice(at + 1),
    h: home,
    u: user,
    U: String(uid),
    t: run,
    S: userManager ? `${home}/.local/state` : '/var/lib',
    C: userManager ? `${home}/.cache` : '/var/cache',
    L: userManager ? `${home}/.local/state/log` : '/var/log',
    E: userManager ? `${home}/.config` : '/etc',
    T: '/tmp',
    V: '/var/tmp',
    '%': '%',
  }
}

export const expandSpecifiers = (value: string, specifiers: Specifiers): string =>
  value.replace(/%([A-Za-z%])/g, (whole, letter: string) => specifiers[letter] ?? whole)

const ASSIGNMENT = /^([A-Za-z_]\w*)=(.*)$/s

/** The variables that `Environment=` sets; what is no NAME=VALUE is left out, as systemd does. */
export const unitEnvironment = (unit: Unit, specifiers: Specifiers): Readonly<Record<string, string>> => {
  const variables: Record<string, string> = Object.create(null)
  for (const { value } of entriesOf(unit, 'Service', 'Environment'))
    for (const word of splitWords(value) ?? []) {
      const match = ASSIGNMENT.exec(expandSpecifiers(word, specifiers))
      if (match?.[1] !== undefined) variables[match[1]] = match[2] ?? ''
    }
  return variables
}

/** The files of `EnvironmentFile=`: they win over `Environment=`, the later over the earlier. `optional`: may be missing. */
export const environmentFiles = (
  unit: Unit,
  specifiers: Specifiers,
): readonly { readonly path: string; readonly optional: boolean; readonly entry: UnitEntry }[] =>
  entriesOf(unit, 'Service', 'EnvironmentFile').map(entry => ({
    path: expandSpecifiers(entry.value.replace(/^-/, ''), specifiers),
    optional: entry.value.startsWith('-'),
    entry,
  }))

/** The variables of a file of `EnvironmentFile=`: no `export`, no substitution; quotes and continued lines as in a shell. */
export const parseEnvironmentFile = (text: string): Readonly<Record<string, string>> => {
  const variables: Record<string, string> = Object.create(null)
  const pattern = /^[ \t]*([A-Za-z_]\w*)[ \t]*=[ \t]*((?:"(?:\\[\s\S]|[^"\\])*"|'[^']*'|\\[\s\S]|[^\n"'\\])*)/gm
  for (const [, name = '', raw = ''] of text.replaceAll('\r\n', '\n').matchAll(pattern))
    variables[name] = raw
      .trimEnd()
      .replace(
        /"((?:\\[\s\S]|[^"\\])*)"|'([^']*)'|\\([\s\S])/g,
        (_, double?: string, single?: string, plain?: string) =>
          double !== undefined
            ? double.replace(/\\([\s\S])/g, (whole, char: string) =>
                char === '\n' ? '' : /["\\`$]/.test(char) ? char : whole,
              )
            : (single ?? (plain === '\n' ? '' : (plain ?? ''))),
      )
  return variables
}

/** A time span of systemd in ms: `5min`, `1h 30s`, `15` (seconds); Infinity for `infinity`. Undefined if it is none. */
export const unitSpan = (value: string): number | undefined => {
  const text = value.trim()
  if (text === 'infinity') return Number.POSITIVE_INFINITY
  if (text === '' || text.replace(AMOUNT, '').trim() !== '') return undefined
  let total = 0
  for (const [, amount = '', unit = ''] of text.matchAll(AMOUNT)) {
    const factor = SPANS[unit === 'M' ? unit : unit.toLowerCase()]
    if (factor === undefined) return undefined
    total += Number(amount) * factor
  }
  return total
}

const AMOUNT = /(\d+(?:\.\d+)?)\s*([a-zµμ]*)/gi

const SPANS: Readonly<Record<string, number>> = (() => {
  const units: readonly (readonly [number, string])[] = [
    [0.001, 'us usec µs μs'],
    [1, 'ms msec'],
    [1000, 's sec second seconds'],
    [60_000, 'm min minute minutes'],
    [3_600_000, 'h hr hour hours'],
    [86_400_000, 'd day days'],
    [604_800_000, 'w week weeks'],
    [2_629_800_000, 'M month months'],
    [31_557_600_000, 'y year years'],
  ]
  return { '': 1000, ...Object.fromEntries(units.flatMap(([ms, names]) => names.split(' ').map(name => [name, ms]))) }
})()

/** What a service gets that sets none (`DEFAULT_PATH`; where /usr/bin and /usr/sbin are one folder, systemd leaves one of them out). */
export const SYSTEMD_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
