import { ownValidator, type SchemaError, type Validate } from '../../schemas/compile.ts'

const validators = new Map<object, Promise<Validate>>()

/** The errors of a value. Each schema is compiled once in a process. */
export const schemaErrors = async (schema: object, value: unknown): Promise<readonly SchemaError[]> => {
  let validator = validators.get(schema)
  if (!validator) {
    validator = ownValidator(schema)
    validators.set(schema, validator)
  }
  return (await validator)(value)
}

/** `must have required property 'id'` and its like, as the second half of "its … ". */
export const saidOf = (error: SchemaError): string => {
  if (error.keyword === 'required') return `lacks "${String(error.params.missingProperty)}"`
  const where = error.path.slice(1).replaceAll('/', '.')
  if (error.keyword === 'type') return `has "${where}", which must be ${String(error.params.type)}`
  if (error.keyword === 'pattern' || error.keyword === 'minLength') return `has an empty "${where}"`
  return `has "${where}", which ${error.message}`
}
