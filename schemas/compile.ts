/** JSON Schemas become validators here: the only file that knows ajv. */
import type { ErrorObject, ValidateFunction } from 'ajv'
import { compiled } from './compiled.ts'

export interface SchemaError {
  /** JSON pointer of the offending value; for a missing or unknown key that of the object that holds it. */
  readonly path: string
  /** ajv's keyword: `type`, `required`, `additionalProperties`, `enum`, `pattern`, … */
  readonly keyword: string
  readonly params: Readonly<Record<string, unknown>>
  /** In ajv's words, without the path. */
  readonly message: string
}

/** All errors of a value; empty if it fits. For a kind's options, defaults are filled in place. */
export type Validate = (value: unknown) => readonly SchemaError[]

/** Names a schema by its content (FNV-1a), so that a validator made at build time is never used for another schema. */
export const stamp = (schema: object): string => {
  const text = JSON.stringify(schema)
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return `${text.length.toString(36)}-${(hash >>> 0).toString(36)}`
}

const validate =
  (run: ValidateFunction): Validate =>
  value =>
    run(value)
      ? []
      : (run.errors ?? []).map((error: ErrorObject) => ({
          path: error.instancePath,
          keyword: error.keyword,
          params: error.params as Record<string, unknown>,
          message: error.message ?? error.keyword,
        }))

export const OWN_OPTIONS = { allErrors: true, useDefaults: true, strict: false, validateFormats: false } as const

/** The validator of one of our own schemas, which are of 2020-12 (older drafts do not know `dependentRequired`): made at build time, or now where there was no build or the schema is a user's kind. */
export const ownValidator = async (schema: object): Promise<Validate> => {
  const ready = compiled[stamp(schema)]
  if (ready) return validate((await ready()).default)
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  return validate(new Ajv2020(OWN_OPTIONS).compile(schema))
}

/** The validator of a schema file of the user's: draft-07 unless its `$schema` names 2019-09 or 2020-12. Throws on a schema that is none. */
export const userValidator = async (schema: unknown): Promise<Validate> => {
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null || Array.isArray(schema)))
    throw new Error('a JSON Schema is an object or a boolean')
  const draft = typeof schema === 'object' && '$schema' in schema ? String(schema.$schema) : ''
  const { default: addFormats } = await import('ajv-formats')
  const options = { allErrors: true, strict: false, logger: false } as const
  const ajv = draft.includes('2020-12')
    ? new (await import('ajv/dist/2020.js')).Ajv2020(options)
    : draft.includes('2019-09')
      ? new (await import('ajv/dist/2019.js')).Ajv2019(options)
      : new (await import('ajv')).Ajv(options)
  addFormats.default(ajv)
  return validate(ajv.compile(schema))
}
