/** The kinds: one line each, loaded when a manifest names it. */
import type { Registry } from '../core/check.ts'

export const kinds = {
  cron: async () => (await import('./cron.ts')).cron,
  message: async () => (await import('./message.ts')).message,
  'plugin-hooks': async () => (await import('./plugin-hooks.ts')).pluginHooks,
  port: async () => (await import('./port.ts')).port,
  'tmp-files': async () => (await import('./tmp-files.ts')).tmpFiles,
  workspace: async () => (await import('./workspace.ts')).workspace,
} satisfies Registry
