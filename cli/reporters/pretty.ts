/** What a person sees on a terminal. */
import type { Problem, Report, ReportedCheck } from '../../core/report.ts'
import { visible } from '../../core/text.ts'
import { type Palette, palette } from '../palette.ts'
import { columns, pad, truncate, wrap } from './layout.ts'
import type { Reporter, ReportOptions } from './reporter.ts'
import {
  findingLine,
  headline,
  isFine,
  observedBeside,
  place,
  problemLine,
  standing,
  tally,
  took,
  unsaid,
  wasGood,
} from './wording.ts'

interface Sheet extends ReportOptions {
  readonly paint: Palette
  readonly glyphs: Readonly<Record<'good' | 'warning' | 'failure' | 'aside', string>>
}

const GLYPHS = { good: '✔', warning: '⚠', failure: '✖', aside: '·' }
const ASCII = { good: '+', warning: '!', failure: 'x', aside: '-' }

const NARROW = 60
const FINDINGS = 5
/** The title line is read as one; on a wide terminal its two ends would be too far apart. */
const TITLE_WIDTH = 80

export const pretty: Reporter = (report, options) => {
  const sheet = { ...options, paint: palette(options.color), glyphs: options.unicode ? GLYPHS : ASCII }
  const sections = allGood(report) ? [good(report, sheet)] : trouble(report, sheet)
  return `${sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n')}\n`
}

const allGood = (report: Report): boolean =>
  standing(report) === 'ready' && report.warnings.length === 0 && report.checks.every(wasGood)

// --- all green: two lines, and one for each check that was left out ---

const good = (report: Report, sheet: Sheet): string[] => {
  const { paint, glyphs } = sheet
  const { counts, manifest, user, phase } = report
  const skipped = counts.skip > 0 ? `, ${counts.skip} skipped` : ''
  const about = [manifest, `as ${userName(user)}`, phase === 'before' ? undefined : PHASES[phase]]
    .filter(Boolean)
    .join(', ')
  const line = `${counts.pass} of ${report.checks.length} passed${skipped} in ${took(report.durationMs)} (${visible(about)})`
  const first = `${paint.green(glyphs.good)} ${paint.bold(paint.green('Ready.'))} ${wrap(line, sheet.width - 9).join('\n  ')}`
  if (sheet.quiet) return [first]
  const left = report.checks.filter(({ status }) => status === 'skip')
  return [first, ...left.flatMap(check => row(check, sheet, idColumn(left, sheet))), ...watchedLine(report, sheet)]
}

/** One thing is named, several are told by their check and number; as many as fit on one line. */
const watchedLine = ({ checks }: Report, { width, paint, unicode }: Sheet): string[] => {
  const names = checks.flatMap(({ id, watched }) => {
    const only = watched[0]
    if (only === undefined) return []
    const name = watched.length === 1 ? visible(only) : `${id} (${watched.length})`
    return [columns(name) <= width / 2 ? name : id]
  })
  if (names.length === 0) return []
  const lead = 'watched: '
  let line = names[0] ?? ''
  for (let at = 1; at < names.length; at++) {
    const longer = `${line}, ${names[at]}`
    const rest = names.length - at - 1
    const tail = rest > 0 ? ` and ${rest} more` : ''
    if (columns(`  ${lead}${longer}${tail}`) > width) {
      line += ` and ${names.length - at} more`
      break
    }
    line = longer
  }
  return [`  ${paint.dim(lead)}${truncate(line, width - 2 - lead.length, unicode ? '…' : '...')}`]
}

// --- anything else ---

const PHASES: Readonly<Record<Report['phase'], string>> = {
  before: 'before start',
  after: 'after start',
  all: 'before and after start',
}

const userName = ({ name, uid }: Report['user']): string => visible(name === '' ? `uid ${uid}` : name)

const trouble = (report: Report, sheet: Sheet): string[][] => {
  const shown = sheet.quiet ? report.checks.filter(check => !isFine(check)) : report.checks
  const width = idColumn(shown, sheet)
  return [
    sheet.quiet ? [] : title(report, sheet),
    problems(report.errors, 'error', sheet),
    shown.flatMap(check => [...row(check, sheet, width), ...labels(check, sheet)]),
    problems(report.warnings, 'warning', sheet),
    closing(report, sheet),
  ]
}

const title = ({ title: heading, manifest, user, phase, checks }: Report, { paint, width }: Sheet): string[] => {
  const left = visible(heading ?? (manifest === null ? checks[0]?.title : undefined) ?? 'Boot checks')
  const right = visible(
    [manifest, `as ${userName(user)}`, manifest === null ? undefined : PHASES[phase]].filter(Boolean).join(', '),
  )
  const line = Math.min(width, TITLE_WIDTH) - 2
  if (columns(left) + 3 + columns(right) <= line)
    return [paint.bold(pad(left, line - columns(right))) + paint.dim(right)]
  return [...wrap(left, width).map(text => paint.bold(text)), ...wrap(right, width).map(text => paint.dim(text))]
}

/** Ids stand in one column, unless they would leave no room for what is said. */
const idColumn = (checks: readonly ReportedCheck[], { width }: Sheet): number =>
  Math.min(Math.max(0, ...checks.map(({ id }) => id.length)), Math.max(12, Math.floor(width / 3)))

const mark = (check: ReportedCheck, { paint, glyphs }: Sheet): string => {
  if (check.status === 'skip') return paint.dim(glyphs.aside)
  if (check.status === 'blocked') return paint[check.effect === 'failure' ? 'red' : 'yellow'](glyphs.aside)
  if (check.effect === 'failure') return paint.red(glyphs.failure)
  if (check.effect === 'warning') return paint.yellow(glyphs.warning)
  return paint.green(glyphs.good)
}

const row = (check: ReportedCheck, sheet: Sheet, idWidth: number): string[] => {
  const { paint, width } = sheet
  const hang = 2 + idWidth + 2
  const [first = '', ...rest] = wrap(visible(check.summary), width - hang)
  const tint = check.status === 'skip' || check.status === 'blocked' ? paint.dim : (text: string) => text
  const begin = `${mark(check, sheet)} ${paint.bold(pad(check.id, idWidth))}`
  const below = rest.map(text => ' '.repeat(hang) + tint(text))
  if (check.id.length > idWidth) return [begin, ' '.repeat(hang) + tint(first), ...below]
  return [`${begin}  ${tint(first)}`, ...below]
}

const labels = (check: ReportedCheck, sheet: Sheet): string[] => {
  if (wasGood(check) || check.status === 'blocked') return []
  const { paint, width } = sheet
  const indent = width < NARROW ? 2 : 4
  const size = width < NARROW ? 10 : 12
  const label = (word: string): string => ' '.repeat(indent) + paint.dim(pad(word, size))
  const text = (word: string, said: string): string[] => {
    const [first = '', ...rest] = wrap(visible(said), width - indent - size)
    return [label(word) + first, ...rest.map(line => ' '.repeat(indent + size) + line)]
  }
  const observed = observedBeside(check)
  const others = check.findings.slice(1)
  const more = others.length - FINDINGS
  return [
    ...(observed === undefined ? [] : text('observed', observed)),
    ...others.slice(0, FINDINGS).flatMap((finding, at) => text(at === 0 ? 'also' : '', findingLine(finding))),
    ...(more > 0 ? text('', `and ${more} more (--format json has all)`) : []),
    ...(check.expected === undefined ? [] : text('expected', check.expected)),
    // Never broken by us, whatever the width.
    ...(check.next === undefined ? [] : [label('next') + paint.cyan(visible(check.next))]),
  ]
}

const problems = (list: readonly Problem[], word: 'error' | 'warning', { paint, width }: Sheet): string[] =>
  list.flatMap(problem => {
    const tint = word === 'error' ? paint.red : paint.yellow
    const at = visible(place(problem))
    const line = problemLine(problem, word).slice(at ? at.length + 2 : 0)
    const hint = problem.hint === undefined ? [] : wrap(visible(problem.hint), width - 4).map(text => `    ${text}`)
    return [`${at ? `${paint.bold(at)}: ` : ''}${tint(word)}${line.slice(word.length)}`, ...hint]
  })

const closing = (report: Report, { paint, width, quiet }: Sheet): string[] => {
  const tint = {
    ready: paint.green,
    'not-ready': paint.red,
    unjudged: paint.red,
    broke: paint.red,
    stopped: paint.yellow,
  }
  const head = `${headline(report)}.`
  const [first = '', ...rest] = wrap(`${head} ${tally(report)}.`, width)
  const lines = [paint.bold(tint[standing(report)](head)) + first.slice(head.length), ...rest]
  if (quiet) return lines
  const after = advice(report)
  const joined = after.join(' ')
  const below = columns(joined) <= width ? [joined] : after.flatMap(text => wrap(text, width))
  return [...lines, ...below.filter(Boolean).map(text => text.replaceAll(GLUE, ' '))]
}

const sentence = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`

// Stands for a space where a line must not be broken: half a command, pasted, is another command.
const GLUE = '\u0000'
const typed = (command: string): string => command.replaceAll(' ', GLUE)

/** What follows from it, and what to type. */
const advice = (report: Report): string[] => {
  const { manifest, phase, errors, checks } = report
  const why = unsaid(report)
  const known = standing(report)
  const said = why === undefined ? [] : [sentence(why)]
  if (known === 'ready') {
    const spared = checks.some(({ status, effect }) => status !== 'warn' && effect === 'warning')
    return spared ? ['What failed here has `severity: warn`, so it does not keep the gateway down.'] : []
  }
  if (manifest !== null && phase === 'before') said.push('The gateway was not started.')
  if (manifest !== null && phase === 'after' && known === 'not-ready')
    said.push('The gateway was started, but it is not up as it should be.')
  const code = errors[0]?.code
  const first =
    checks.find(({ status, effect }) => effect === 'failure' && status !== 'blocked') ??
    checks.find(check => !isFine(check))
  // An id is looked up in the folder's own manifest; of any other, the kind can be explained.
  const topic = /^(?:\.\/)?(?:BOOT|bootcheck)\.md$/.test(manifest ?? '') ? first?.id : first?.kind
  if (code !== undefined) said.push(`What an error means: ${typed(`bootcheck explain ${visible(code)}`)}`)
  else if (topic !== undefined && known === 'not-ready')
    said.push(`Why a check exists: ${typed(`bootcheck explain ${visible(topic)}`)}`)
  return said
}
