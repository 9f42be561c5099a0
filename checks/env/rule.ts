/** What is asked of one variable. */
import { flawOfPattern } from '../../core/safe-regex.ts'

export const TYPES = ['integer', 'port', 'url', 'boolean', 'path-exists'] as const

export interface Rule {
  /** A text or /regex/ that the value holds. */
  readonly matches?: string
  readonly type?: (typeof TYPES)[number]
}

export const NAME = '^[A-Za-z_][A-Za-z0-9_]*$'

/** A list of names, or a map from names to `true` or what is asked. */
export const rulesOf = (vars: unknown): ReadonlyMap<string, Rule> =>
  Array.isArray(vars)
    ? new Map(vars.map(name => [String(name), {}]))
    : new Map(Object.entries((vars ?? {}) as object).map(([name, rule]) => [name, rule === true ? {} : (rule as Rule)]))

/** In one line, what is wrong with options that fit the schema. */
export const flawOf = ({ vars, service, preset }: Readonly<Record<string, unknown>>): string | undefined => {
  if (service !== undefined && vars === undefined && preset === undefined)
    return 'service: say which variables it must have, by vars or by preset'
  if (vars === undefined) return undefined
  const rules = rulesOf(vars)
  if (rules.size === 0) return 'vars is empty: name at least one variable'
  for (const [name, { matches }] of rules) {
    if (!new RegExp(NAME).test(name)) return `vars: ${JSON.stringify(name)} is no name of a variable`
    const flaw = matches === undefined ? undefined : flawOfPattern(matches)
    if (flaw !== undefined) return `vars ${name}: ${flaw}`
  }
  return undefined
}

/** What a value of a type is, for people. */
export const MEANING: Readonly<Record<(typeof TYPES)[number], string>> = {
  integer: 'a whole number',
  port: 'a port from 1 to 65535',
  url: 'an address such as https://host/path',
  boolean: 'true or false, yes or no, on or off, 1 or 0',
  'path-exists': 'a path at which something is',
}

export const hasType = (value: string, type: Exclude<(typeof TYPES)[number], 'path-exists'>): boolean => {
  switch (type) {
    case 'integer':
      return /^[+-]?[0-9]+$/.test(value)
    case 'port':
      return /^[0-9]{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535
    case 'url':
      return /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(value) && URL.canParse(value)
    case 'boolean':
      return /^(?:true|false|yes|no|on|off|1|0)$/i.test(value)
    default:
      return type satisfies never
  }
}
