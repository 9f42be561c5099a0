/** The formats: one line each, loaded when asked for. */
import type { Report } from '../../core/report.ts'
import type { Reporter, ReportOptions } from './reporter.ts'

const reporters = {
  pretty: async () => (await import('./pretty.ts')).pretty,
  plain: async () => (await import('./plain.ts')).plain,
  json: async () => (await import('./json.ts')).json,
  junit: async () => (await import('./junit.ts')).junit,
  tap: async () => (await import('./tap.ts')).tap,
  github: async () => (await import('./github.ts')).github,
  nagios: async () => (await import('./nagios.ts')).nagios,
  prometheus: async () => (await import('./prometheus.ts')).prometheus,
} satisfies Record<string, () => Promise<Reporter>>

export type Format = keyof typeof reporters

export const FORMATS = Object.keys(reporters) as readonly Format[]

const DEFAULTS: ReportOptions = { color: false, width: 80, unicode: true, quiet: false, cwd: '.' }

/** A report as text that ends with a newline. It changes nothing else: the exit code and `ready` stand in the report. */
export const formatReport = async (
  report: Report,
  format: Format,
  options: Partial<ReportOptions> = {},
): Promise<string> => {
  const reporter: Reporter = await reporters[format]()
  return reporter(report, { ...DEFAULTS, ...options })
}
