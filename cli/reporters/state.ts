/** How `state` looks: in columns on a terminal, one line a target where a program reads it. */
import { plural, visible } from '../../core/text.ts'
import type { Reset, Told, Tone } from '../../supervise/state.ts'
import type { Style } from '../color.ts'
import { type Palette, palette } from '../palette.ts'
import { columns, pad, wrap } from './layout.ts'

export interface Shown {
  readonly targets: readonly Told[]
  /** The last line. */
  readonly summary: string
  /** What keeps the store from being read. */
  readonly problem: { readonly message: string; readonly next: string } | null
}

const TINTS = { bad: 'red', warn: 'yellow', good: 'green', dim: 'dim' } as const satisfies Record<Tone, keyof Palette>

const GAP = 2
const NEXT = 'next  '
/** A column for details is worth having from here on. */
const LEAST_DETAILS = 24

const safe = ({ target, standing, ladder, details, next, ...rest }: Told): Told => ({
  ...rest,
  target: visible(target),
  standing: visible(standing),
  ladder: ladder === null ? null : visible(ladder),
  details: details.map(visible),
  next: next === null ? null : visible(next),
})

const left = ({ standing, ladder }: Told): string[] => [standing, ...(ladder === null ? [] : [ladder])]

/** Broken behind commas where that is enough. */
const broken = (text: string, width: number): string[] => {
  const parts = text.split(/(?<=,) /)
  if (parts.some(part => columns(part) > width)) return wrap(text, width)
  const lines: string[] = []
  for (const part of parts) {
    const longer = `${lines.at(-1)} ${part}`
    if (lines.length > 0 && columns(longer) <= width) lines[lines.length - 1] = longer
    else lines.push(part)
  }
  return lines
}

/** Two columns of text side by side, the second wrapped to what is left. */
const beside = (first: readonly string[], second: readonly string[], wide: number): (readonly [string, string])[] =>
  Array.from({ length: Math.max(first.length, second.length) }, (_, at) => [
    pad(first[at] ?? '', wide),
    second[at] ?? '',
  ])

interface Sheet {
  readonly paint: Palette
  readonly width: number
  /** Where what is said begins, and where its details do; undefined where there is no room for columns. */
  readonly at?: { readonly said: number; readonly details: number }
}

/** The longest name that fits its column, and the widest standing, if the terminal has room for both and details. */
const layOut = (targets: readonly Told[], width: number): Sheet['at'] => {
  const most = Math.floor(width / 4)
  const names = targets.map(({ target }) => columns(target)).filter(wide => wide <= most)
  const said = Math.max(0, ...names) + GAP
  const details = said + Math.max(0, ...targets.flatMap(left).map(columns)) + GAP
  return width - details >= LEAST_DETAILS ? { said, details } : undefined
}

const commandLines = (next: string, indent: number, { paint }: Sheet): string =>
  // Never broken by us, whatever the width.
  `${' '.repeat(indent)}${paint.dim(NEXT)}${paint.cyan(next)}`

const inColumns = (told: Told, at: NonNullable<Sheet['at']>, sheet: Sheet): string[] => {
  const { paint, width } = sheet
  const { target, standing, next, tone } = told
  const tint = paint[TINTS[tone]]
  const details = told.details.flatMap(text => broken(text, width - at.details))
  const rows = beside(left(told), details, at.details - at.said)
  const own = columns(target) + GAP > at.said
  const lines = rows.map(([first, second], index) => {
    const name = index === 0 && !own ? paint.bold(pad(target, at.said)) : ' '.repeat(at.said)
    const begin = index === 0 ? tint(standing) + first.slice(standing.length) : first
    return `${name}${second === '' ? begin.trimEnd() : begin + second}`
  })
  return [
    ...(own ? [paint.bold(target)] : []),
    ...lines,
    ...(next === null ? [] : [commandLines(next, at.said, sheet)]),
  ]
}

const stacked = (told: Told, sheet: Sheet): string[] => {
  const { paint, width } = sheet
  const { target, standing, ladder, details, next, tone } = told
  const indented = (text: string): string[] => broken(text, width - GAP).map(line => ' '.repeat(GAP) + line)
  return [
    paint.bold(target),
    ...indented(standing).map(line => ' '.repeat(GAP) + paint[TINTS[tone]](line.trimStart())),
    ...[...(ladder === null ? [] : [ladder]), ...details].flatMap(indented),
    ...(next === null ? [] : [commandLines(next, GAP, sheet)]),
  ]
}

const pretty = ({ targets, summary, problem }: Shown, style: Style): string => {
  const paint = palette(style.color)
  const { width } = style
  const told = targets.map(safe)
  const at = layOut(told, width)
  const sheet: Sheet = { paint, width, ...(at ? { at } : {}) }
  const rows = told.flatMap(each => (at ? inColumns(each, at, sheet) : stacked(each, sheet)))
  if (problem)
    return `${[
      ...wrap(visible(problem.message), width).map(line => paint.red(line)),
      commandLines(visible(problem.next), 0, sheet),
    ].join('\n')}\n`
  return `${[...rows, ...(rows.length > 0 ? [''] : []), ...broken(visible(summary), width)].join('\n')}\n`
}

const plain = ({ targets, summary, problem }: Shown): string => {
  if (problem) return `unreadable\t${visible(problem.message)}\tnext: ${visible(problem.next)}\n`
  const lines = targets
    .map(safe)
    .map(({ target, standing, ladder, details, next }) =>
      [
        standing,
        target,
        ...(ladder === null ? [] : [ladder]),
        ...details,
        ...(next === null ? [] : [`next: ${next}`]),
      ].join('\t'),
    )
  return `${[...lines, visible(summary)].join('\n')}\n`
}

/** For people where one sits at a terminal or asked for colour. */
export const showState = (shown: Shown, style: Style): string =>
  style.tty || style.color ? pretty(shown, style) : plain(shown)

/** One record of a target that is followed. */
export const showChange = (
  {
    time,
    target,
    told,
    standing,
    tone,
  }: { readonly time: string; readonly target: string; readonly told: string } & Pick<Told, 'standing' | 'tone'>,
  style: Style,
): string => {
  const [name, what, how] = [target, told, standing].map(visible) as [string, string, string]
  if (!style.tty && !style.color) return `${time}\t${name}\t${what}\t${how}\n`
  const paint = palette(style.color)
  return `${paint.dim(time)}  ${paint.bold(name)}  ${what}  ${paint[TINTS[tone]](how)}\n`
}

/** What was forgotten of each. */
export const showResets = (done: readonly Reset[]): string =>
  done
    .map(({ target, records }) => {
      const what = records === null ? 'what could not be read is forgotten' : `${plural(records, 'record')} forgotten`
      return `${visible(target)} is reset: ${what}\n`
    })
    .join('')
