/** The kinds: one line each, loaded when a manifest names it. Those in guards/ remember. */
import type { Registry } from '../core/check.ts'

export const kinds = {
  breaker: async () => (await import('../guards/breaker.ts')).breaker,
  budget: async () => (await import('../guards/budget.ts')).budget,
  'crash-loop': async () => (await import('../guards/crash-loop.ts')).crashLoop,
  command: async () => (await import('./command.ts')).command,
  cron: async () => (await import('./cron.ts')).cron,
  group: async () => (await import('./group.ts')).group,
  'gui-session': async () => (await import('./gui-session.ts')).guiSession,
  env: async () => (await import('./env.ts')).env,
  heartbeat: async () => (await import('../guards/heartbeat.ts')).heartbeat,
  http: async () => (await import('./http.ts')).http,
  interpreter: async () => (await import('./interpreter.ts')).interpreter,
  json: async () => (await import('./json.ts')).json,
  'log-signals': async () => (await import('./log-signals.ts')).logSignals,
  memory: async () => (await import('./memory.ts')).memory,
  message: async () => (await import('./message.ts')).message,
  path: async () => (await import('./path.ts')).path,
  'plugin-hooks': async () => (await import('./plugin-hooks.ts')).pluginHooks,
  port: async () => (await import('./port.ts')).port,
  process: async () => (await import('./process.ts')).processes,
  queue: async () => (await import('../guards/queue.ts')).queue,
  'rate-limit': async () => (await import('../guards/rate-limit.ts')).rateLimit,
  restart: async () => (await import('../guards/restart.ts')).restart,
  'tmp-files': async () => (await import('./tmp-files.ts')).tmpFiles,
  workspace: async () => (await import('./workspace.ts')).workspace,
} satisfies Registry
