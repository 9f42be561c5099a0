/** Variables in values: `${env:X}`, `${secret:X}`, `${var:x}`. One pass, no shell, no nesting; `$${` is a literal `${`. */
import type { Env, ObjectSchema } from './check.ts'
import { masker } from './mask.ts'
import { type Fault, fitOptions, pointer, pointerParts } from './options.ts'
import type { PlannedCheck } from './plan.ts'
import type { Problem } from './report.ts'
import { suggest } from './suggest.ts'
import { namesSecret } from './tokens.ts'

type Source = 'env' | 'secret' | 'var'

export interface Variable {
  readonly source: Source
  readonly name: string
  /** After `:-`: what stands for a variable that is unset or empty. */
  readonly fallback?: string
  /** As written, and where it begins in the text. */
  readonly text: string
  readonly offset: number
}

interface VariableFault {
  readonly code: 'E401' | 'E403' | 'E405'
  readonly offset: number
  readonly message: string
  readonly hint: string
}

export interface Scan {
  readonly pieces: readonly (string | Variable)[]
  readonly faults: readonly VariableFault[]
}

const SOURCES: readonly Source[] = ['env', 'secret', 'var']

/** A secret shorter than this cannot be masked without hiding ordinary text: `3000` stands in `port 3000` too. */
const LEAST_SECRET = 8

/** Literal text that came close to a variable. */
const NEAR = /\$(?:env|secret|var):|(?<!\$)\{(?:env|secret|var):[A-Za-z_]|\$\((?:env|secret|var):/g

/** Splits a text into literal pieces and variables. */
export const scan = (text: string): Scan => {
  const pieces: (string | Variable)[] = []
  const faults: VariableFault[] = []
  let literal = ''
  let position = 0
  const fault = (code: VariableFault['code'], offset: number, message: string, hint: string): void =>
    void faults.push({ code, offset, message, hint })
  const near = (from: number, to: number): void => {
    for (const match of text.slice(from, to).matchAll(NEAR))
      fault(
        'E401',
        from + match.index,
        `"${match[0]}…" is not a variable`,
        'write ${env:NAME}, ${secret:NAME} or ${var:name}',
      )
  }
  for (;;) {
    const start = text.indexOf('${', position)
    near(position, start < 0 ? text.length : start)
    if (start < 0) break
    if (start > position && text[start - 1] === '$') {
      literal += `${text.slice(position, start - 1)}\${`
      position = start + 2
      continue
    }
    literal += text.slice(position, start)
    const rest = text.slice(start)
    const known = /^\$\{(env|secret|var):([A-Za-z_][A-Za-z0-9_-]*?)(?=\}|:-|[^A-Za-z0-9_-]|$)/.exec(rest)
    const close = rest.indexOf('}')
    const inner = rest.indexOf('${', 2)
    if (known?.[1] && known[2] !== undefined) {
      const source = known[1] as Source
      const name = known[2]
      const after = rest.slice(known[0].length)
      const nested = inner >= 0 && (close < 0 || inner < close)
      if (after.startsWith(':-') && nested) {
        fault('E401', start + inner, 'variables do not nest', 'give the default as plain text')
        position = start + inner
        continue
      }
      if (close < 0 || nested) {
        fault('E403', start, `"${known[0]}" is not closed`, 'add }')
        position = start + known[0].length
        continue
      }
      const whole = rest.slice(0, close + 1)
      position = start + whole.length
      if (after.startsWith('}')) {
        if (source !== 'var' && name.includes('-'))
          fault(
            'E401',
            start,
            `"${whole}" is not a variable: a name of the environment holds no "-"`,
            `a default is written \${${source}:${name.replace('-', ':-')}}`,
          )
        else {
          pieces.push(literal, { source, name, text: whole, offset: start })
          literal = ''
        }
      } else if (after.startsWith(':-')) {
        if (source === 'secret')
          fault(
            'E405',
            start,
            `\${secret:${name}} has a default, which would be a secret in the file`,
            `write \${secret:${name}}`,
          )
        else {
          pieces.push(literal, {
            source,
            name,
            fallback: after.slice(2, after.indexOf('}')),
            text: whole,
            offset: start,
          })
          literal = ''
        }
      } else
        fault(
          'E401',
          start,
          `"\${${source}:…}" holds a name and at most a default`,
          `write \${${source}:${name}}${source === 'secret' ? '' : ` or \${${source}:${name}:-default}`}`,
        )
      continue
    }
    const word = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?=\}|:-|$)/.exec(rest)?.[1]
    const misspelt = /^\$\{([A-Za-z]+)[:.]/.exec(rest)?.[1]
    if (close < 0 && word === undefined)
      fault('E403', start, '"${" is not closed', 'add }, or write $${ for a literal ${')
    else if (misspelt !== undefined && suggest(misspelt, SOURCES))
      fault(
        'E401',
        start,
        `"\${${misspelt}:…}" is not a variable`,
        `did you mean "\${${suggest(misspelt, SOURCES)}:…}"?`,
      )
    else if (word !== undefined)
      fault('E401', start, `"\${${word}}" is not a variable`, `\${${namesSecret(word) ? 'secret' : 'env'}:${word}}`)
    else
      fault(
        'E401',
        start,
        '"${…}" is not a variable',
        'write ${env:NAME}, ${secret:NAME} or ${var:name}; $${ for a literal ${',
      )
    position = start + 2
  }
  pieces.push(literal + text.slice(position))
  return { pieces: pieces.filter(piece => piece !== ''), faults }
}

export const variablesIn = (scanned: Scan): readonly Variable[] =>
  scanned.pieces.filter(piece => typeof piece !== 'string')

export interface Values {
  readonly env: Env
  readonly vars: Readonly<Record<string, string>>
}

/** The value of a variable, or what is wrong with it. Empty counts as unset: `${env:DIR}/x` must not become `/x`. */
export const lookUp = (
  variable: Variable,
  { env, vars }: Values,
): { value: string } | { code: 'E402' | 'E407'; message: string; hint: string } => {
  const { source, name, fallback } = variable
  const value = source === 'var' ? (Object.hasOwn(vars, name) ? vars[name] : undefined) : env[name]
  if (value === undefined || value === '') {
    if (fallback !== undefined) return { value: fallback }
    const meant = source === 'var' ? suggest(name, Object.keys(vars)) : undefined
    return {
      code: 'E402',
      message: `variable not set: ${variable.text} ${value === '' ? 'is empty' : source === 'var' ? 'is not among the "vars"' : 'is not in the environment'}`,
      hint:
        source !== 'var'
          ? `set ${name} in the environment of the service, or in the "env-file"`
          : meant === undefined
            ? `add "${name}: …" below "vars:"`
            : `did you mean "\${var:${meant}}"?`,
    }
  }
  if (source === 'secret' && [...value.trim()].length < LEAST_SECRET)
    return {
      code: 'E407',
      message: `${variable.text} is shorter than ${LEAST_SECRET} characters and cannot be masked`,
      hint: 'use a longer secret, or ${env:…} if it is none',
    }
  return { value }
}

/** A copy in which each text is replaced by what `change` makes of it. */
export const mapTexts = (value: unknown, change: (text: string, path: string) => unknown, path = ''): unknown => {
  if (typeof value === 'string') return change(value, path)
  if (Array.isArray(value)) return value.map((item, index) => mapTexts(item, change, pointer(path, index)))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, mapTexts(item, change, pointer(path, key))]),
    )
  return value
}

/** The options of the top level that hold a variable. */
export const openIn = (options: Readonly<Record<string, unknown>>): ReadonlySet<string> => {
  const open = new Set<string>()
  mapTexts(options, (text, path) => {
    if (variablesIn(scan(text)).length > 0) open.add(pointerParts(path)[0] ?? '')
    return text
  })
  return open
}

/** The value of every secret that stands in these options, whether it can be used or not. */
export const secretsIn = (options: readonly unknown[], env: Env): readonly string[] => {
  const names = new Set<string>()
  mapTexts(options, text => {
    for (const variable of variablesIn(scan(text))) if (variable.source === 'secret') names.add(variable.name)
    return text
  })
  return [...names].flatMap(name => env[name] ?? [])
}

export type Resolved = ({ readonly options: Record<string, unknown> } | { readonly problem: Problem }) & {
  /** The values to mask, also where something else is wrong: another check may show them. */
  readonly secrets: readonly string[]
}

/**
 * The options of a check with its variables put in, defaults filled in and everything validated: what `run` is given.
 * What was put in is text, and becomes a number or a boolean only where the schema wants one. `secrets` are the values to mask.
 */
export const resolveOptions = async (check: PlannedCheck, schema: ObjectSchema, values: Values): Promise<Resolved> => {
  const secrets: string[] = []
  const substituted = new Set<string>()
  let first: { path: string; code: string; message: string; hint?: string } | undefined
  const options = mapTexts(check.options, (text, path) => {
    let result = ''
    for (const piece of scan(text).pieces) {
      if (typeof piece === 'string') {
        result += piece
        continue
      }
      substituted.add(path)
      const found = lookUp(piece, values)
      if ('value' in found) {
        result += found.value
        if (piece.source === 'secret') secrets.push(found.value)
      } else first ??= { path, ...found }
    }
    return result
  }) as Record<string, unknown>
  if (!first) {
    const fitted = await fitOptions({ schema, value: options, convertible: substituted })
    const fault: Fault | undefined = fitted.faults[0]
    if (!fault) return { options: fitted.options, secrets }
    first = fault
  }
  const mask = masker(secrets)
  const [line, column] = check.positions[first.path] ?? [check.line, 1]
  return {
    secrets,
    problem: {
      ...(line === undefined ? {} : { line, column }),
      code: first.code,
      message: mask(first.message),
      ...(first.hint === undefined ? {} : { hint: mask(first.hint) }),
    },
  }
}

export interface EnvFile {
  readonly values: Readonly<Record<string, string>>
  /** Lines that were not understood, or that another line overrides. 1-based. */
  readonly problems: readonly { readonly line: number; readonly message: string }[]
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' }

/** The index of the quote that closes a value, from the first character behind the opening one; -1 if none does. */
const closingQuote = (text: string, from: number, quote: string): number => {
  for (let at = from; at < text.length; at++) {
    if (text[at] === quote) return at
    if (text[at] === '\\' && quote === '"') at++
  }
  return -1
}

/**
 * The variables of a file in dotenv's form: `NAME=value`, optionally after `export`, comments after `#`. Single quotes are
 * literal, double quotes know `\n`, `\r`, `\t`, `\"`, `\\`, `\$`; both may span lines. Nothing is expanded.
 */
export const parseEnvFile = (given: string): EnvFile => {
  const values: Record<string, string> = Object.create(null)
  const problems: { line: number; message: string }[] = []
  const text = given.replace(/^\ufeff/, '').replaceAll('\r\n', '\n')
  const unclosed = new Set<string>()
  let next = 0
  for (let line = 1; next < text.length; line++) {
    const start = next
    const end = text.indexOf('\n', start) < 0 ? text.length : text.indexOf('\n', start)
    next = end + 1
    const written = text.slice(start, end)
    if (/^\s*(?:#.*)?$/.test(written)) continue
    const found = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=[ \t]*/.exec(written)
    const name = found?.[1]
    if (!found || name === undefined) {
      const known = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*(?:$|:)/.exec(written)?.[1]
      problems.push({
        line,
        message: known === undefined ? 'this line is not NAME=value' : `"${known}" is not followed by "="`,
      })
      continue
    }
    const quote = written[found[0].length] ?? ''
    const own = line
    let value: string
    if (quote === '"' || quote === "'") {
      const from = start + found[0].length + 1
      const close = unclosed.has(quote) ? -1 : closingQuote(text, from, quote)
      if (close < 0) {
        unclosed.add(quote)
        problems.push({ line, message: `the quote of "${name}" is never closed` })
        continue
      }
      value = text.slice(from, close)
      line += value.split('\n').length - 1
      const last = text.indexOf('\n', close) < 0 ? text.length : text.indexOf('\n', close)
      next = last + 1
      if (!/^\s*(?:#.*)?$/.test(text.slice(close + 1, last))) {
        problems.push({ line, message: `text after the closing quote of "${name}"` })
        continue
      }
      if (quote === '"') value = value.replace(/\\([nrt"\\$])/g, (_, char: string) => ESCAPES[char] ?? char)
    } else
      value = written
        .slice(found[0].length)
        .replace(/(?:^|\s+)#.*$/, '')
        .trim()
    if (value.includes('\0')) problems.push({ line: own, message: `"${name}" holds a NUL character` })
    else {
      if (Object.hasOwn(values, name)) problems.push({ line: own, message: `"${name}" is set twice` })
      values[name] = value
    }
  }
  return { values, problems }
}
