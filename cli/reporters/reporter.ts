/** What every format is: a report in, text out. */
import type { Report } from '../../core/report.ts'

export interface ReportOptions {
  readonly color: boolean
  /** In columns. */
  readonly width: number
  /** Whether ✔ and its like can be shown. */
  readonly unicode: boolean
  /** Only what is not fine, and the closing line. For `pretty` and `plain`: what machines read stays whole. */
  readonly quiet: boolean
  /** The folder from which annotations name files: the repository's. */
  readonly cwd: string
}

/** Presentation only: what is counted and decided stands in the report. */
export type Reporter = (report: Report, options: ReportOptions) => string
