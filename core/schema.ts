/** The manifest's own schema, for editors: what may stand in a block, made from the kinds. */
import type { Check } from './check.ts'
import { PLATFORMS } from './manifest/check-block.ts'
import { DURATION_PATTERN } from './units.ts'

const duration = { type: 'string', pattern: DURATION_PATTERN }

/** The keys that every check may have. */
const COMMON = {
  id: { type: 'string', pattern: '^[a-z][a-z0-9-]{0,62}$', description: 'Names the check; unique in the file' },
  needs: {
    type: 'array',
    items: { type: 'string' },
    description: 'Ids of earlier checks that must pass, warn or be skipped first',
  },
  severity: { enum: ['fail', 'warn'], description: 'The most that this check may do to the run (fail)' },
  phase: { enum: ['before', 'after'], description: 'Before the gateway starts (the default), or once it runs' },
  every: { ...duration, description: 'Of an after check: how often the guard asks it again, 1s or more' },
  timeout: { ...duration, description: 'How long it may take' },
  retries: { type: 'integer', minimum: 0, description: 'How often it is tried again; for a slow start (0)' },
  'retry-delay': { ...duration, description: 'How long to wait before it is tried again' },
  when: {
    type: 'object',
    additionalProperties: false,
    properties: {
      os: { type: 'array', items: { enum: PLATFORMS } },
      env: { type: 'object', additionalProperties: { type: 'string' } },
    },
    description: 'Leaves the check out elsewhere; it is reported as skipped',
  },
  skip: { description: 'Switches the check, or one finding of it, off: {reason, until} or {finding, reason, until}' },
}

const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

/** A block of one kind. */
export const checkSchema = ({ kind, title, options }: Check): object => ({
  $schema: DRAFT,
  title: `bootcheck ${kind}`,
  description: title,
  ...options,
  properties: { check: { const: kind }, ...COMMON, ...options.properties },
  required: ['check', 'id', ...(options.required ?? [])],
})

/** A block of any kind. */
export const blockSchema = (checks: readonly Check[]): object => ({
  $schema: DRAFT,
  title: 'bootcheck check block',
  description: 'What stands in a fence marked "yaml boot"',
  oneOf: checks.map(check => {
    const { $schema: _, ...schema } = checkSchema(check) as { $schema: string }
    return schema
  }),
})
