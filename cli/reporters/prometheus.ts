/** Metrics for node_exporter's textfile collector (`--format prometheus=/var/lib/node_exporter/bootcheck.prom`). */
import { visible } from '../../core/text.ts'
import type { Reporter } from './reporter.ts'

type Labels = Readonly<Record<string, string>>

const escaped = (value: string): string => visible(value).replace(/[\\"]/g, '\\$&')

const sample = (name: string, labels: Labels, value: number): string =>
  `${name}{${Object.entries(labels)
    .map(([key, text]) => `${key}="${escaped(text)}"`)
    .join(',')}} ${value}`

const family = (name: string, help: string, samples: readonly (readonly [Labels, number])[]): string[] =>
  samples.length === 0
    ? []
    : [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} gauge`,
        ...samples.map(([labels, value]) => sample(name, labels, value)),
      ]

// Each sample carries the manifest and the phase of the run: a host may have several files, and equal series would clash.
export const prometheus: Reporter = report => {
  const run = { manifest: report.manifest ?? '', run_phase: report.phase }
  const { checks, counts } = report
  return `${[
    ...family('bootcheck_ready', 'Whether the last run let the gateway start (1) or not (0).', [
      [run, report.ready ? 1 : 0],
    ]),
    ...family('bootcheck_exit_code', 'Exit code of the last run.', [[run, report.exitCode]]),
    ...family('bootcheck_last_run_timestamp_seconds', 'When the last run began, in seconds since the epoch.', [
      [run, Date.parse(report.startedAt) / 1000],
    ]),
    ...family('bootcheck_run_duration_seconds', 'How long the last run took.', [[run, report.durationMs / 1000]]),
    ...family(
      'bootcheck_checks',
      'Checks of the last run, by status.',
      Object.entries(counts).map(([status, count]) => [{ ...run, status }, count]),
    ),
    ...family('bootcheck_problems', 'Errors of the manifest, and warnings about the run.', [
      [{ ...run, level: 'error' }, report.errors.length],
      [{ ...run, level: 'warning' }, report.warnings.length],
    ]),
    ...family(
      'bootcheck_check_status',
      'The status of each check, as a label; the value is always 1.',
      checks.map(({ id, kind, phase, severity, status, effect }) => [
        { ...run, id, kind, phase, severity, status, effect },
        1,
      ]),
    ),
    ...family(
      'bootcheck_check_duration_seconds',
      'How long each check took.',
      checks.map(({ id, kind, phase, durationMs }) => [{ ...run, id, kind, phase }, durationMs / 1000]),
    ),
    ...family('bootcheck_build_info', 'The version of bootcheck, as a label; the value is always 1.', [
      [{ ...run, version: report.tool }, 1],
    ]),
  ].join('\n')}\n`
}
