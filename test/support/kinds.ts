import { defineCheck, type ObjectSchema, type Registry } from '../../core/check.ts'
import { DURATION_PATTERN, MODE_PATTERN, SIZE_PATTERN } from '../../core/units.ts'

/** The option schemas of the six kinds, small: what the grammar is tested with. None of them looks at anything. */
const kind = (name: string, options: ObjectSchema, sends?: true) => async () =>
  defineCheck({
    kind: name,
    title: `A ${name} of the tests`,
    docs: 'For tests of the grammar.',
    options,
    codes: { seen: 'always' },
    ...(sends ? { sends } : {}),
    examples: [{ title: 'none', options: {}, expect: { status: 'pass' } }],
    run: () => ({ status: 'pass', code: `${name}/seen`, summary: 'nothing was looked at', watched: ['nothing'] }),
  })

const text = { type: 'string', minLength: 1 } as const
const path = { ...text, format: 'path' } as const
const globs = { type: 'array', minItems: 1, items: { ...text, format: 'glob' } } as const
const duration = { type: 'string', format: 'duration', pattern: DURATION_PATTERN } as const
const size = { type: 'string', format: 'size', pattern: SIZE_PATTERN } as const
const closed = { type: 'object', additionalProperties: false } as const

export const sixKinds: Registry = {
  port: kind('port', {
    ...closed,
    properties: {
      port: { type: 'integer', minimum: 1, maximum: 65_535 },
      socket: path,
      host: text,
      expect: { enum: ['free', 'open'] },
      http: {
        type: 'object',
        additionalProperties: false,
        properties: { path: text, status: { type: 'integer', minimum: 100, maximum: 599, default: 200 }, body: text },
      },
      owner: { ...text, format: 'glob' },
    },
    oneOf: [{ required: ['port'] }, { required: ['socket'] }],
  }),
  workspace: kind('workspace', {
    ...closed,
    required: ['path'],
    properties: {
      path,
      access: { enum: ['r', 'rw', 'rwx'], default: 'rw' },
      mode: { type: 'string', format: 'mode', pattern: MODE_PATTERN },
      owner: text,
      'min-free': size,
      'min-inodes': { type: 'integer', minimum: 1 },
    },
  }),
  'plugin-hooks': kind('plugin-hooks', {
    ...closed,
    properties: {
      preset: { enum: ['openclaw'] },
      from: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['file', 'pointer'],
          properties: { file: path, pointer: { ...text, format: 'pointer', pattern: '^/' } },
        },
      },
      dirs: globs,
      state: path,
      depth: { enum: ['exists', 'imports', 'load'], default: 'imports' },
      settle: duration,
      provided: globs,
      node: path,
      min: { type: 'integer', minimum: 0, default: 1 },
    },
    anyOf: [{ required: ['preset'] }, { required: ['from'] }, { required: ['dirs'] }],
  }),
  cron: kind('cron', {
    ...closed,
    properties: {
      files: globs,
      preset: { enum: ['openclaw'] },
      state: path,
      format: { enum: ['auto', 'json', 'json5', 'crontab'], default: 'auto' },
      schema: path,
      refs: { type: 'array', items: { ...text, format: 'pointer' } },
      'min-jobs': { type: 'integer', minimum: 0, default: 0 },
    },
    anyOf: [{ required: ['files'] }, { required: ['preset'] }],
  }),
  message: kind(
    'message',
    {
      ...closed,
      required: ['channel'],
      properties: {
        channel: { enum: ['telegram', 'webhook'] },
        token: { ...text, format: 'secret' },
        chat: { anyOf: [{ type: 'integer' }, { type: 'string', minLength: 1 }] },
        url: { ...text, format: 'secret' },
        request: {
          type: 'object',
          additionalProperties: false,
          properties: {
            method: { enum: ['POST', 'PUT'] },
            headers: { type: 'object', additionalProperties: { type: 'string' } },
            json: { type: 'boolean' },
          },
        },
        expect: { type: 'object', additionalProperties: false, properties: { status: { type: 'integer' } } },
        depth: { enum: ['probe', 'deliver'], default: 'deliver' },
        every: duration,
        text,
        api: text,
      },
      dependentRequired: { token: ['chat'] },
    },
    true,
  ),
  'tmp-files': kind('tmp-files', {
    ...closed,
    required: ['paths'],
    properties: {
      paths: globs,
      warn: { type: 'integer', minimum: 0, default: 10 },
      fail: { type: 'integer', minimum: 0, default: 50 },
    },
  }),
}
