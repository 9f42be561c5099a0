/** The schema of a user's file, and what it says of a value. */
import type { CheckContext } from '../../core/check.ts'
import { contain } from '../../core/contain.ts'
import { MEGABYTE, readText } from '../../core/files.ts'
import { suggest } from '../../core/suggest.ts'
import { type SchemaError, userValidator, type Validate } from '../../schemas/compile.ts'
import { type Format, formatOf, parseDocument } from './document.ts'
import { wantedValues } from './expect.ts'
import { narrowed, withoutDefaults } from './narrow.ts'
import { surveySchema } from './survey.ts'

/** A schema that cannot be used: its message says why. */
export class SchemaFileError extends Error {
  override readonly name = 'SchemaFileError'
}

const MAX_BYTES = 16 * MEGABYTE

/** From this on it is cut down to the value before it is compiled. */
const LARGE = MEGABYTE / 4

/**
 * Reads and compiles it, to be asked about this one value. `output`: it describes the value with all defaults filled in.
 * Throws `FileError` and `SchemaFileError`.
 */
export const readSchema = async (
  path: string,
  { value, output }: { readonly value: unknown; readonly output: boolean },
  ctx: CheckContext,
): Promise<UserSchema> => {
  const text = readText(path, MAX_BYTES)
  // A user's regular expression may run for ever.
  const slow = /"?(?:pattern|patternProperties|format)"?\s*:/.test(text)
  if (slow || text.length > LARGE) contain('code', path)
  const format: Format = formatOf(path) === 'json' ? 'json5' : (formatOf(path) ?? 'json5')
  const parsed = await parseDocument(text, format)
  if ('what' in parsed) throw new SchemaFileError(`it cannot be read: ${ctx.mask(parsed.message)}`)
  const { slips, empty } = surveySchema(parsed.value)
  if (empty)
    throw new SchemaFileError(
      `it allows everything, so nothing would be held against it${slips.length > 0 ? `: ${slips.join('; ')}` : ''}`,
    )
  try {
    const schema = output ? withoutDefaults(parsed.value) : parsed.value
    const validate = await userValidator(text.length > LARGE ? narrowed(schema, value) : schema)
    return { validate, slips, slow }
  } catch (error) {
    throw new SchemaFileError(`it is no JSON Schema: ${ctx.mask((error as Error).message)}`)
  }
}

export interface UserSchema {
  readonly validate: Validate
  /** Keywords that are most likely misspelt, in a line each. */
  readonly slips: readonly string[]
  /** It has regular expressions. */
  readonly slow: boolean
}

export interface Misfit {
  readonly what: 'schema' | 'unknown-key' | 'missing'
  /** JSON pointer of the value, or of the unknown key, or of the object that lacks one. */
  readonly pointer: string
  readonly message: string
}

const token = (key: unknown): string => String(key).replaceAll('~', '~0').replaceAll('/', '~1')

/** Keys that the errors say are missing: an unknown one beside them was most likely meant to be one of them. */
const missingAt = (errors: readonly SchemaError[], path: string): string[] =>
  errors
    .filter(error => error.keyword === 'required' && error.path === path)
    .map(error => String(error.params.missingProperty))

/** In words that name the key. ajv says of each `if` and of each branch that it failed, beside the reason. */
export const misfits = (errors: readonly SchemaError[]): Misfit[] => {
  const plain = errors.filter(error => error.keyword !== 'if')
  return (plain.length > 0 ? plain : [...errors]).map(error => {
    const { path, keyword, params, message } = error
    const at = path === '' ? 'the whole' : path
    if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
      const key = String(params.additionalProperty ?? params.unevaluatedProperty)
      const meant = suggest(key, missingAt(errors, path))
      return {
        what: 'unknown-key',
        pointer: `${path}/${token(key)}`,
        message: `${path}/${token(key)} is a key that the schema does not know${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      }
    }
    if (keyword === 'required')
      return {
        what: 'missing',
        pointer: path,
        message: `${path}/${token(params.missingProperty)} is missing, and the schema requires it`,
      }
    const allowed = 'allowedValue' in params ? [params.allowedValue] : params.allowedValues
    return {
      what: 'schema',
      pointer: path,
      message: `${at} ${message}${allowed === undefined ? '' : ` (${wantedValues(path, allowed as readonly unknown[])})`}`,
    }
  })
}
