/** The variables that a small wrapper script reads from a file before it starts what it was given: `. "$1"; shift; exec "$@"`. */

const unquoted = (word: string): string => word.replace(/^(["'])(.*)\1$/s, '$2')

/**
 * The files that a shell script reads by `.` or `source`, in their order. `args`: its own words; `$1`, or a variable that is set to it, stands for
 * the first of them. What is computed otherwise is left out.
 */
export const sourcedFiles = (script: string, args: readonly string[]): readonly string[] => {
  const set = new Map<string, string>()
  const found: string[] = []
  let shifted = 0
  const resolved = (word: string): string | undefined => {
    const name = /^\$\{?(\w+)\}?$/.exec(word)?.[1]
    if (name === undefined) return /[$`]/.test(word) ? undefined : word
    return /^\d$/.test(name) ? args[shifted + Number(name) - 1] : set.get(name)
  }
  for (const line of script.split('\n')) {
    const [, name, value] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=("[^"]*"|'[^']*'|[^\s;&|]*)/.exec(line) ?? []
    const word = value === undefined ? undefined : resolved(unquoted(value))
    if (name !== undefined && word !== undefined) set.set(name, word)
    const source = /(?:^|[;&|]|\bthen)\s*(?:\.|source)\s+("[^"]*"|'[^']*'|[^\s;&|]+)/.exec(line)?.[1]
    const file = source === undefined ? undefined : resolved(unquoted(source))
    if (file?.startsWith('/')) found.push(file)
    if (/^\s*shift\b/.test(line)) shifted++
  }
  return found
}

/**
 * `export NAME='value'` of a file that a shell reads, and `NAME=value` where that reaches what the shell starts: `all` (`set -a`), or a name that was
 * in the environment before. A value that the shell would compute is left out.
 */
export const shellAssignments = (
  text: string,
  { all = false, before = {} }: { readonly all?: boolean; readonly before?: Readonly<Record<string, string>> } = {},
): Readonly<Record<string, string>> => {
  const values: Record<string, string> = {}
  const pattern = /^[ \t]*(export[ \t]+)?([A-Za-z_]\w*)=((?:'[^']*'|\\[\s\S]|"(?:\\[\s\S]|[^"\\])*"|[^\s'"\\;&|])*)/gm
  for (const [, exported, name = '', raw = ''] of text.matchAll(pattern)) {
    if (exported === undefined && !all && !(name in before) && !(name in values)) continue
    if (/[$`]/.test(raw.replaceAll(/'[^']*'|\\[$`]/g, ''))) continue
    values[name] = raw.replace(
      /'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|\\([\s\S])/g,
      (_, single?: string, double?: string, plain?: string) =>
        single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? plain ?? '',
    )
  }
  return values
}
