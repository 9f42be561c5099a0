/** What a Nagios plugin prints: one line for people, perfdata behind a bar, more lines. (Monitoring Plugins Development Guidelines, 2.) */
import type { Facts } from '../../core/check.ts'

export interface PluginOutput {
  /** The first line, without perfdata. */
  readonly summary: string
  readonly perfdata: string
}

/** Perfdata stands behind the bar of the first line, and of a later one; after that bar, all that follows is perfdata. */
export const parsePlugin = (output: string): PluginOutput => {
  const [first = '', ...rest] = output.replace(/^\s*\n/, '').split(/\r?\n/)
  const [summary = '', ...perfdata] = first.split('|')
  const later = rest.join('\n')
  const bar = later.indexOf('|')
  return {
    summary: summary.trim(),
    perfdata: [...perfdata, ...(bar < 0 ? [] : [later.slice(bar + 1)])].join(' ').trim(),
  }
}

/** `'label'=value[unit];warn;crit;min;max`; a quote in a quoted label is doubled. */
const ITEM = /(?:'((?:[^']|'')+)'|([^\s'=]+))=(U|[-+]?[0-9.,]+(?:[eE][-+]?[0-9]+)?)([^\s;0-9]*)(?=[\s;]|$)/g

const MOST = 100

/** `perf:LABEL` is the number (null: undetermined), `perf:LABEL:unit` its unit if it has one. */
export const perfFacts = (perfdata: string): Facts => {
  const facts: Record<string, number | string | null> = {}
  let count = 0
  for (const [, quoted, plain, value = '', unit] of perfdata.matchAll(ITEM)) {
    if (++count > MOST) break
    const label = `perf:${quoted?.replaceAll("''", "'") ?? plain}`
    // Some locales write a comma.
    const number = Number(value.replace(',', '.'))
    facts[label] = value === 'U' || Number.isNaN(number) ? null : number
    if (unit) facts[`${label}:unit`] = unit
  }
  return facts
}
