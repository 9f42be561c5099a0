/** From what was found to a verdict: pure. */
import { dirname, relative } from 'node:path'
import type { Facts, Finding, Trouble, Verdict } from '../../core/check.ts'
import { quote } from '../../core/shell.ts'
import { listing, plural } from '../../core/text.ts'
import { type Flaw, WHATS } from './flaw.ts'
import type { Unit } from './unit.ts'

/** A plugin or hook after all that was done with it. */
export interface Examined {
  readonly unit: Unit
  readonly flaws: readonly Flaw[]
  readonly modules: number
  readonly provided: readonly string[]
  readonly without: readonly string[]
}

export interface Evidence {
  readonly examined: readonly Examined[]
  /** What is wrong beside the units. */
  readonly flaws: readonly Flaw[]
  readonly watched: readonly string[]
  readonly shipped: readonly string[]
  readonly depth: 'exists' | 'imports' | 'load'
  readonly min: number
}

const ORDER = Object.keys(WHATS)
const rank = (flaw: Flaw): number => (flaw.level === 'fail' ? 0 : ORDER.length) + ORDER.indexOf(flaw.what)

const DONE = { exists: 'exist', imports: 'have all that they import', load: 'load' } as const
const LACKS = { exists: 'is not whole', imports: 'cannot be loaded', load: 'cannot be loaded' } as const

const count = (units: readonly Unit[]): string => {
  const plugins = units.filter(unit => unit.sort === 'plugin').length
  const hooks = units.length - plugins
  return [plugins > 0 ? plural(plugins, 'plugin') : '', hooks > 0 ? plural(hooks, 'hook') : '']
    .filter(part => part !== '')
    .join(' and ')
}

/** `index.js:3`, from the plugin's own folder where it lies in there. */
const where = (flaw: Flaw, unit: Unit | undefined, shown: (path: string) => string): string => {
  const inside =
    unit &&
    [unit.root, unit.path].map(root => relative(root, flaw.path)).find(path => path !== '' && !path.startsWith('..'))
  return `${inside ?? shown(flaw.path)}${flaw.line === undefined ? '' : `:${flaw.line}`}`
}

export const judge = (evidence: Evidence, shown: (path: string) => string, word: (path: string) => string): Verdict => {
  const { examined, depth, min } = evidence
  const active = examined.filter(({ unit }) => !unit.off)
  const off = examined.filter(({ unit }) => unit.off)
  const idle: { flaw: Flaw; unit: Unit }[] = off.flatMap(({ unit, flaws }) => {
    const [first] = flaws.filter(flaw => flaw.level === 'fail')
    if (!first || unit.off?.chosen !== false) return []
    const message = `${first.message}; ${unit.sort} ${unit.name} is not loaded: ${unit.off.why}`
    return [
      {
        unit,
        flaw: {
          ...first,
          what: 'inactive',
          level: 'warn',
          message,
          expected: `${unit.sort}s that are whole, or switched off in so many words`,
        },
      },
    ]
  })
  const all: { flaw: Flaw; unit?: Unit }[] = [
    ...evidence.flaws.map(flaw => ({ flaw })),
    ...active.flatMap(({ unit, flaws }) => flaws.map(flaw => ({ flaw, unit }))),
    ...idle,
  ]
  const spoilt = active.filter(({ flaws }) => flaws.some(flaw => flaw.level === 'fail'))
  const good = active.length - spoilt.length
  const offBroken = off.filter(({ flaws }) => flaws.some(flaw => flaw.level === 'fail'))
  if (active.length < min && !all.some(({ flaw }) => flaw.level === 'fail'))
    all.push({
      flaw: {
        what: 'too-few',
        level: 'fail',
        path: evidence.watched[0] ?? '.',
        message:
          active.length === 0
            ? 'no plugin or hook is active'
            : `only ${count(active.map(({ unit }) => unit))} ${active.length === 1 ? 'is' : 'are'} active`,
        expected: `at least ${min} (min)`,
      },
    })

  const facts: Facts = {
    plugins: active.filter(({ unit }) => unit.sort === 'plugin').length,
    hooks: active.filter(({ unit }) => unit.sort === 'hook').length,
    good,
    modules: examined.reduce((sum, { modules }) => sum + modules, 0),
    depth,
    ...(off.length > 0 && { off: off.map(({ unit }) => `${unit.sort} ${unit.name}: ${unit.off?.why ?? ''}`) }),
    ...(offBroken.length > 0 && { offAndBroken: offBroken.map(({ unit }) => `${unit.sort} ${unit.name}`) }),
    ...(evidence.shipped.length > 0 && { shippedWithHost: evidence.shipped }),
    ...listFact(
      'providedByHost',
      active.flatMap(({ provided }) => provided),
    ),
    ...listFact(
      'optionalNotInstalled',
      active.flatMap(({ without }) => without),
    ),
  }
  const watched = [...active.map(({ unit }) => `${unit.sort} ${unit.name}`), ...evidence.watched]
  const aside =
    offBroken.length > 0
      ? `; ${listing(offBroken.map(({ unit }) => unit.name))} ${offBroken.length === 1 ? 'is' : 'are'} off, and broken`
      : ''

  const worst = all.reduce<(typeof all)[number] | undefined>(
    (a, b) => (a && rank(a.flaw) <= rank(b.flaw) ? a : b),
    undefined,
  )
  if (!worst) {
    const [first = 'nothing', ...rest] = watched
    return {
      status: 'pass',
      code: 'plugin-hooks/good',
      summary: `${
        active.length === 0
          ? 'no plugin or hook is active, and none is asked for'
          : `${count(active.map(({ unit }) => unit))} ${
              active.length === 1
                ? DONE[depth]
                    .replace(/^have/, 'has')
                    .replace('they import', 'it imports')
                    .replace(/^(exist|load)$/, '$1s')
                : DONE[depth]
            }`
      }${aside}`,
      watched: [first, ...rest],
      facts,
    }
  }

  const { flaw, unit } = worst
  const failing = all.filter(one => one.flaw.level === 'fail')
  const others = (failing.length > 0 ? failing : all).length - 1
  const share = active.length > 1 && spoilt.length > 0 ? ` (${good} of ${active.length} are good)` : ''
  const place = flaw.what === 'too-few' ? '' : `${where(flaw, unit, shown)} `
  const summary = unit
    ? flaw.level === 'fail'
      ? `${unit.name} ${sayUnit(flaw, depth)}${share}`
      : `${unit.name}: ${place}${flaw.message}`
    : `${place}${flaw.message}`
  const trouble: Trouble = {
    status: flaw.level,
    code: `plugin-hooks/${flaw.what}`,
    summary: `${summary}${unit && flaw.level === 'fail' ? aside : ''}`,
    observed: `${place}${flaw.message}${others > 0 ? ` (and ${plural(others, 'other finding')})` : ''}`,
    expected: flaw.expected ?? 'every file that a registered plugin or hook needs',
    next: flaw.next ?? (unit ? (unit.next ?? gap(flaw, unit, word)) : gap(flaw, undefined, word)),
    watched,
    facts,
    // What the summary tells comes first: reporters list the others beneath it.
    findings: [worst, ...all.filter(one => one !== worst)].map(
      ({ flaw: one, unit: owner }): Finding => ({
        code: `plugin-hooks/${one.what}`,
        path: shown(one.path),
        ...(one.line !== undefined && { line: one.line }),
        ...(one.column !== undefined && { column: one.column }),
        message: `${owner ? `${owner.name}: ` : ''}${one.level === 'warn' ? 'warning: ' : ''}${one.message}`,
      }),
    ),
  }
  return trouble
}

const sayUnit = (flaw: Flaw, depth: Evidence['depth']): string => {
  switch (flaw.what) {
    case 'load-late':
    case 'load-exit':
      return 'would take its gateway down'
    case 'load-hung':
      return 'would hold its gateway up'
    default:
      return LACKS[depth]
  }
}

/** A command that shows the gap. */
const gap = (flaw: Flaw, unit: Unit | undefined, word: (path: string) => string): string => {
  if (flaw.install) {
    const { name, into } = flaw.install
    return `npm install ${name === undefined ? '' : `${quote(name)} `}--prefix ${word(into)}`
  }
  if (flaw.missing !== undefined) return `ls -la ${word(dirname(flaw.missing))}`
  if (flaw.line !== undefined) return `sed -n '${Math.max(1, flaw.line - 1)},${flaw.line + 1}p' ${word(flaw.path)}`
  return `ls -la ${word(unit?.path ?? flaw.path)}`
}

const listFact = (name: string, items: readonly string[]): Facts => {
  const list = [...new Set(items)].sort().slice(0, 50)
  return list.length > 0 ? { [name]: list } : {}
}
