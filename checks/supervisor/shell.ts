/** A shell's line or script as simple commands, and whether what one of them answers is heeded. No more of the grammar than that takes. */

export interface Command {
  readonly words: readonly string[]
  /** What stands between it and the next one: `;`, `&&`, a line's end; empty behind the last. */
  readonly after: string
  /** The reserved words in front of it: `if`, `then`, `!`, `{`. */
  readonly lead: readonly string[]
}

const RESERVED = /^(?:if|then|elif|else|while|until|do|!|\{|\}|fi|done|esac)$/
const OPERATOR = /\|\||&&|;;|\|&|[;&|()\n]/y
const HEREDOC = /<<-?[ \t]*(["']?)([\w.-]+)\1/y
const REDIRECTION = /(?:\d*(?:>>|>\||<>|<<<|[<>])|&>>?)&?[ \t]*/y

const at = (pattern: RegExp, text: string, from: number): RegExpExecArray | null => {
  pattern.lastIndex = from
  return pattern.exec(text)
}

/** Past the quote, `$(…)` or `${…}` that opens at `from`; the end of the text where it is never closed. */
const past = (text: string, from: number): number => {
  const quote = text[from] ?? ''
  let depth = 0
  for (let i = from + 1; i < text.length; i++) {
    const char = text[i] ?? ''
    if (quote === '$') {
      if ('({'.includes(char)) depth++
      else if (')}'.includes(char) && --depth === 0) return i + 1
    } else if (char === '\\' && quote !== "'") i++
    else if (char === quote) return i + 1
  }
  return text.length
}

/** One piece of a word, without its quotes, and where it ends. What `$(…)` would put in stays as it is written. */
const piece = (text: string, from: number): readonly [string, number] => {
  const char = text[from] ?? ''
  if (char === '\\') return [text[from + 1] ?? '', from + 2]
  if (char === '$' && /[({]/.test(text[from + 1] ?? '')) {
    const end = past(text, from)
    return [text.slice(from, end), end]
  }
  if (!/["'`]/.test(char)) return [char, from + 1]
  const end = past(text, from)
  const inside = text.slice(from + 1, end - 1)
  return [char === '"' ? inside.replace(/\\(["\\$`])/g, '$1') : inside, end]
}

/** The commands in the order in which they stand. Redirections, comments and here-documents are left out. Reads anything. */
export const commandsIn = (given: string): readonly Command[] => {
  const text = given.replaceAll('\r\n', '\n').replaceAll('\\\n', ' ')
  const found: Command[] = []
  const delimiters: string[] = []
  let words: string[] = []
  let lead: string[] = []
  let word: string | undefined
  let i = 0
  const endWord = (): void => {
    if (word === undefined) return
    if (words.length === 0 && RESERVED.test(word)) lead.push(word)
    else words.push(word)
    word = undefined
  }
  const endCommand = (after: string): void => {
    endWord()
    const last = found.at(-1)
    if (words.length > 0 || lead.length > 0) found.push({ words, after, lead })
    // `( … ) || true`: what stands behind the group is what counts for the last one in it.
    else if (last?.after === ')' && after !== '(') found[found.length - 1] = { ...last, after }
    words = []
    lead = []
  }
  const skipDocuments = (): void => {
    for (const delimiter of delimiters.splice(0)) {
      const lines = text.slice(i).split('\n')
      const last = lines.findIndex(line => line.trim() === delimiter)
      i = last < 0 ? text.length : i + lines.slice(0, last + 1).join('\n').length
    }
  }
  while (i < text.length) {
    const char = text[i] ?? ''
    const heredoc = at(HEREDOC, text, i)
    const redirection = heredoc ?? at(REDIRECTION, text, i)
    const operator = redirection ? undefined : at(OPERATOR, text, i)?.[0]
    if (/[ \t\r]/.test(char)) {
      endWord()
      i++
    } else if (char === '#' && word === undefined) {
      const end = text.indexOf('\n', i)
      i = end < 0 ? text.length : end
    } else if (redirection && (word === undefined || !/^\d/.test(redirection[0]))) {
      endWord()
      i += redirection[0].length
      if (heredoc) delimiters.push(heredoc[2] ?? '')
      else while (i < text.length && !/[\s;&|()]/.test(text[i] ?? '')) i = piece(text, i)[1]
    } else if (operator !== undefined) {
      endCommand(operator)
      i += operator.length
      if (operator === '\n') skipDocuments()
    } else {
      const [part, end] = piece(text, i)
      word = (word ?? '') + part
      i = end
    }
  }
  endCommand('')
  return found
}

const ends = ({ words: [first] }: Command): boolean => /^(?:exit|return|exec|kill|break)$/.test(first ?? '')

/** The `||` branch: one command, or a group up to where it is closed. */
const branch = (commands: readonly Command[]): readonly Command[] => {
  const [first] = commands
  if (!first) return []
  if (!first.lead.includes('{') && first.after !== ')') return [first]
  const close = commands.findIndex(({ lead }) => lead.includes('}'))
  return close < 0 ? commands : commands.slice(0, close + 1)
}

/**
 * Why nobody heeds what the command at `index` answers, as words that follow "its answer"; undefined where somebody does, or where that cannot be
 * told: a `$?` right behind it, a function's body. `strict`: the shell ends at a failure (`set -e`).
 */
export const unheeded = (commands: readonly Command[], index: number, strict: boolean): string | undefined => {
  const command = commands[index]
  if (!command) return undefined
  const later = commands.slice(index + 1)
  if (command.after === '&')
    return later.some(({ words }) => words[0] === 'wait') ? undefined : 'it runs in the background, by "&"'
  const piped = commands.some(({ words }) => words[0] === 'set' && words.includes('pipefail'))
  if (/^\|&?$/.test(command.after) && !piped)
    return `it is lost in the pipe to ${commands[index + 1]?.words[0] ?? 'nothing'}`
  const loop = command.lead.find(word => word === 'while' || word === 'until')
  if (loop !== undefined) {
    const body = later.slice(0, later.findIndex(({ lead }) => lead.includes('done')) + 1)
    return body.some(ends) || later.slice(body.length).some(ends)
      ? undefined
      : `"${loop}" asks it again, whatever it answers`
  }
  if (command.words[0] === 'exec') return undefined
  const opened = commands.slice(0, index).findLastIndex(({ words, after }) => after === '(' && words.length === 1)
  if (opened >= 0 && !commands.slice(opened, index).some(({ lead }) => lead.includes('}'))) return undefined
  if (command.lead.includes('if') || command.lead.includes('elif')) {
    const block = later.slice(0, later.findIndex(({ lead }) => lead.includes('fi')) + 1)
    const [behind] = later.slice(block.length).filter(({ words }) => words.length > 0)
    const otherwise = block.findIndex(({ lead }) => lead.includes('else'))
    const closed = command.lead.includes('!')
      ? block.slice(0, otherwise < 0 ? undefined : otherwise)
      : otherwise < 0
        ? []
        : block.slice(otherwise)
    if (closed.some(ends) || (behind && ends(behind) && behind.words[0] !== 'exec')) return undefined
    return behind
      ? `the block behind its "if" does not end the script, and this follows: ${behind.words.join(' ')}`
      : 'a closed gate ends the script with 0, behind its "if"'
  }
  // The rest of its list of `&&` and `||`.
  let last = index
  while (commands[last]?.after === '&&' || /^\|&?$/.test(commands[last]?.after ?? '')) last++
  if (commands[last]?.after === '||') {
    const other = branch(commands.slice(last + 1))
    const [found, code] = [other.findIndex(ends), other.find(ends)?.words.slice(0, 2).join(' ')]
    // Behind an echo, `$?` is that of the echo.
    const success = code === 'exit 0' || (found > 0 && /^exit(?: \$\?)?$/.test(code ?? ''))
    return (found >= 0 && !success) || other.some(({ words }) => words[0] === 'false')
      ? undefined
      : `"|| ${other.flatMap(({ words }) => (words.length > 0 ? [words.join(' ')] : [])).join('; ')}" makes a success of it`
  }
  const next = commands.slice(last + 1).filter(({ words }) => words.length > 0)
  if (next.length === 0 || (strict && last === index)) return undefined
  if (/\$\?|\$\{\?\}/.test(next[0]?.words.join(' ') ?? '')) return undefined
  // A condition or a case that it stands in ends here: what follows belongs to another branch.
  if (commands[last]?.after === ';;') return undefined
  return `what stands behind it is run all the same: ${next[0]?.words.join(' ') ?? ''}`
}
