/** What OpenClaw refuses, and no more: whatever it passes over (unknown keys, odd optional fields) fits here too. */

const names = { type: 'array', items: { type: 'string' } } as const
const text = { type: 'string', minLength: 1, pattern: '\\S' } as const

/** `openclaw.plugin.json`. */
export const pluginManifest = {
  type: 'object',
  required: ['id', 'configSchema'],
  properties: { id: text, configSchema: { type: 'object' } },
} as const

/** `package.json` of a plugin or of a pack of hooks. */
export const pluginPackage = {
  type: 'object',
  properties: {
    openclaw: {
      type: 'object',
      properties: {
        extensions: { type: 'array', items: text },
        runtimeExtensions: { type: 'array', items: text },
        hooks: { type: 'array', items: text },
      },
    },
  },
} as const

/** The `metadata.openclaw` of a HOOK.md. */
export const hookMetadata = {
  type: 'object',
  required: ['events'],
  properties: {
    events: {
      anyOf: [{ type: 'array', minItems: 1, items: text }, text],
    },
    export: text,
    hookKey: text,
    os: { type: ['array', 'string'] },
    requires: { type: 'object' },
    always: { type: 'boolean' },
  },
} as const

const entry = { type: 'object', properties: { enabled: { type: 'boolean' } } } as const

/** The parts of `openclaw.json` that say which plugins and hooks there are. */
export const config = {
  type: 'object',
  properties: {
    plugins: {
      type: 'object',
      properties: {
        enabled: { type: 'boolean' },
        allow: names,
        deny: names,
        load: { type: 'object', properties: { paths: names } },
        slots: { type: 'object' },
        entries: { type: 'object', additionalProperties: entry },
      },
    },
    hooks: {
      type: 'object',
      properties: {
        internal: {
          type: 'object',
          properties: {
            enabled: { type: 'boolean' },
            load: { type: 'object', properties: { extraDirs: names } },
            entries: { type: 'object', additionalProperties: entry },
          },
        },
      },
    },
  },
} as const
