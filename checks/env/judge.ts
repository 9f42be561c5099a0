/** One variable, from what was found of it. Values come in, and none goes out. */

import { matcherOf, seeking } from '../../core/safe-regex.ts'
import { suggest } from '../../core/suggest.ts'
import type { What } from './codes.ts'
import { hasType, MEANING, type Rule } from './rule.ts'
import { type Slip, slipIn } from './slips.ts'

/** Variables of one origin. `label`: `the environment`, `.env`, `gateway.service`. */
export interface Source {
  readonly label: string
  /** The file that it is, for findings. */
  readonly path?: string
  readonly values: Readonly<Record<string, string | undefined>>
  /** What to do so that it holds a variable. */
  readonly add: (name: string) => string
}

export interface Facts {
  readonly name: string
  readonly rule: Rule
  /** In the order in which they count: the first that has the variable decides, as dotenv does it. */
  readonly sources: readonly [Source, ...Source[]]
  /** With a service: what the shell has. */
  readonly shell?: Readonly<Record<string, string | undefined>>
  readonly passed: boolean
  /** The service's manager sets it at each start, to what cannot be known before. */
  readonly made: boolean
  /** The file in which it stands behind `export `, where that is not read. */
  readonly exportedIn?: string
  /** What needs it, as a place: follows `, and`. */
  readonly neededBy?: string
  /** The file in which it stands, of which the product takes no such name. */
  readonly refusedIn?: string
  /** The product, where it asks a login shell for what is missing. */
  readonly asksShell?: string
  /** Whether there is something at a path. */
  readonly there: (path: string) => boolean
}

export interface Problem {
  readonly status: 'fail' | 'warn'
  readonly what: What
  readonly name: string
  readonly path?: string
  /** 1-based. */
  readonly line?: number
  /** `is not set`: follows the name. */
  readonly says: string
  readonly expected: string
  readonly next: string
}

const SLIPS: Readonly<Record<Slip, readonly [says: string, expected: string]>> = {
  quoted: ['holds its quotes', 'the value without them: what reads it here does not take them off'],
  whitespace: [
    'begins or ends with a blank, a newline or a carriage return, or holds one that no key holds, or an invisible character',
    'the value alone',
  ],
  assignment: ['holds a whole assignment', 'the value alone, without name and `export`'],
  unexpanded: ['holds a variable or a template that nobody has filled in', 'the value itself: nothing expands it here'],
  placeholder: ['holds a placeholder', 'the real value'],
}

const found = (text: string, value: string, where: string): boolean => {
  const pattern = matcherOf(text)
  const done = seeking([pattern], where)
  const at = pattern.find(value)
  done()
  return at >= 0
}

/** Names of `Object.prototype` are names of variables, too. */
const valueIn = (values: Source['values'], name: string): string | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined

/** Undefined if it is as wanted. */
export const judge = (facts: Facts): Problem | undefined => {
  const { name, rule, sources, there } = facts
  const [first] = sources
  const inShell = valueIn(facts.shell ?? {}, name)
  const source = sources.find(({ values }) => valueIn(values, name) !== undefined)
  const problem = (what: What, says: string, expected: string, next: string, at = source): Problem => ({
    status: 'fail',
    what,
    name,
    says,
    expected,
    next,
    ...(at?.path === undefined ? {} : { path: at.path }),
  })
  if (source === undefined) {
    const everywhere = sources.map(({ label }) => label).join(' nor in ')
    const needed = facts.neededBy === undefined ? '' : `, and ${facts.neededBy} needs it`
    if (facts.exportedIn !== undefined)
      return problem(
        'export',
        `stands behind "export" in ${facts.exportedIn}, and systemd passes such a line over`,
        'NAME=value alone',
        `delete "export" before ${name} in ${facts.exportedIn}`,
        first,
      )
    if (facts.made && rule.type === undefined && rule.matches === undefined) return undefined
    if (facts.made || facts.passed)
      return {
        ...problem(
          'not-known',
          facts.made
            ? `is set by the manager of ${first.label} at each start, to what cannot be known before`
            : `is handed on by PassEnvironment= of ${first.label}, and whether its manager has it cannot be seen here`,
          'a value that can be seen',
          first.add(name),
          first,
        ),
        status: 'warn',
      }
    if (facts.refusedIn !== undefined)
      return problem(
        'passed-over',
        `is set in ${facts.refusedIn} only, of which no such name is taken${needed}`,
        'the value where it is taken from',
        (sources.at(-1) ?? first).add(name),
        first,
      )
    if (facts.asksShell !== undefined)
      return {
        ...problem(
          'not-known',
          `is not set in ${everywhere}, and whether a login shell gives it to ${facts.asksShell} cannot be seen here${needed}`,
          'a value that can be seen',
          (sources.at(-1) ?? first).add(name),
          first,
        ),
        status: 'warn',
      }
    if (inShell)
      return problem(
        'not-in-service',
        `is set in this shell, and not in ${everywhere}${needed}`,
        'the same for the service: it does not read the shell\u2019s files',
        first.add(name),
        first,
      )
    const near = suggest(
      name,
      sources.flatMap(({ values }) => Object.keys(values)),
    )
    return problem(
      'missing',
      `is not set in ${everywhere}${needed}${near === undefined ? '' : `; ${near} is`}`,
      'a value',
      (sources.at(-1) ?? first).add(name),
      first,
    )
  }
  const value = valueIn(source.values, name) ?? ''
  const mend = `correct ${name} in ${source.label}`
  if (value.trim() === '') return problem('empty', `is empty in ${source.label}`, 'a value', source.add(name))
  const slip = slipIn(name, value)
  if (slip !== undefined) {
    const [says, expected] = SLIPS[slip]
    return problem(slip, `${says} (${source.label})`, expected, mend)
  }
  const { type } = rule
  if (type === 'path-exists') {
    if (!there(value))
      return problem('path-missing', `leads to nothing that this user can see (${source.label})`, MEANING[type], mend)
  } else if (type !== undefined && !hasType(value, type))
    return problem('type', `is not ${MEANING[type]} (${source.label})`, MEANING[type], mend)
  const { matches } = rule
  if (matches !== undefined && !found(matches, value, `${name} (${source.label})`))
    return problem('pattern', `does not match ${matches} (${source.label})`, `text with ${matches}`, mend)
  if (inShell !== undefined && inShell !== value && source === first)
    return {
      ...problem(
        'differs',
        `has another value in ${first.label} than in this shell`,
        'the same value, so that what works by hand works in the service',
        `correct ${name} in ${first.label}, or in the shell`,
      ),
      status: 'warn',
    }
  return undefined
}
