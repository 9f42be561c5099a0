/** The words for people: local times, spans, one theme a line. */
import { excerpt, plural, span } from '../../core/text.ts'
import { badLines, STANDINGS, type Standing, type State, type TargetState, WELL } from './model.ts'
import { moment } from './moment.ts'

/** How bad it is, for whoever paints. */
export type Tone = 'bad' | 'warn' | 'good' | 'dim'

/** What is said of a target; nothing of it is safe for a terminal yet. */
export interface Told {
  readonly target: string
  readonly tone: Tone
  /** `refused since 02:14` */
  readonly standing: string
  /** `0 s, 30 s, [5 min], refused` */
  readonly ladder: string | null
  readonly details: readonly string[]
  readonly next: string | null
}

const TONES: Readonly<Record<Standing, Tone>> = {
  unreadable: 'bad',
  refused: 'bad',
  blocked: 'warn',
  'cooling-off': 'warn',
  closed: 'bad',
  stale: 'bad',
  gone: 'bad',
  unguarded: 'bad',
  crashed: 'warn',
  undelivered: 'bad',
  stuck: 'bad',
  trial: 'warn',
  failing: 'warn',
  asleep: 'warn',
  retried: 'warn',
  running: 'good',
  ready: 'good',
  verified: 'good',
  alive: 'good',
  stopped: 'dim',
  ended: 'dim',
  delivered: 'good',
  done: 'dim',
  free: 'good',
  known: 'dim',
  clear: 'dim',
}

/** As it stands in the summary. */
const NAMES: Readonly<Partial<Record<Standing, string>>> = {
  'cooling-off': 'cooling off',
  closed: 'held back by its gate',
  undelivered: 'not delivered',
  stuck: 'not given back',
  trial: 'on trial',
  asleep: 'quiet after a sleep',
  retried: 'given back',
}

export const nameOf = (standing: Standing): string => NAMES[standing] ?? standing

const well: ReadonlySet<Standing> = new Set(WELL)

const phrase = ({ standing, since, leftMs, beat }: TargetState, now: number): string => {
  const at = since === null ? '' : ` ${moment(since, now)}`
  const sinceAt = since === null ? '' : ` since${at}`
  const left = leftMs === null ? '' : `, ${span(leftMs)} left`
  switch (standing) {
    case 'blocked':
      return `blocked${left}`
    case 'cooling-off':
      return `cooling off${left}`
    case 'stale':
      return `stale, no beat for ${span(beat?.agoMs ?? 0)}`
    case 'closed':
      return `gate closed${sinceAt}`
    case 'trial':
      return since === null ? 'one trial' : `one trial, refused${sinceAt}`
    case 'retried':
      return `given back${at}`
    case 'undelivered':
      return `not delivered${at}`
    case 'stuck':
      return `not given back${at}`
    case 'asleep':
      return 'quiet after a sleep'
    case 'clear':
      return `reset${at}, nothing since`
    case 'refused':
    case 'unguarded':
    case 'running':
    case 'ready':
    case 'verified':
      return `${standing}${sinceAt}`
    case 'crashed':
    case 'stopped':
    case 'ended':
    case 'delivered':
    case 'done':
      return `${standing}${at}`
    case 'gone':
      return `gone, started${at}`
    case 'alive':
    case 'failing':
    case 'free':
    case 'known':
    case 'unreadable':
      return standing
    default:
      return standing satisfies never
  }
}

const shownLadder = ({ waitsMs, at }: NonNullable<TargetState['ladder']>): string =>
  [...waitsMs.map(ms => (ms === 0 ? '0 s' : span(ms))), 'refused']
    .map((step, index) => (index === at ? `[${step}]` : step))
    .join(', ')

const shownCrashes = (
  { count, first, last, code, signal }: NonNullable<TargetState['crashes']>,
  now: number,
): string => {
  const [from, to] = [moment(first, now), moment(last, now)]
  const times = from === to ? to : `${from} to ${to}`
  const end = signal !== null ? `signal ${signal}` : code !== null ? `exit ${code}` : 'its end unseen'
  return `${plural(count, 'crash', 'crashes')}, ${times}, ${end}`
}

const LONGEST = 300

const detailsOf = (state: TargetState, now: number): string[] => {
  const { crashes, lastGood, process, permits, attempts, failures, beat, delivered, reason, bad, standing, reset } =
    state
  const guarded = crashes !== null || process !== null || lastGood !== null
  return [
    ...(crashes ? [shownCrashes(crashes, now)] : []),
    ...(failures === null ? [] : [`${plural(failures, 'failure')} in a row`]),
    ...(permits ? [`${permits.taken} of ${permits.limit} attempts in ${span(permits.perMs)}`] : []),
    ...(attempts
      ? [
          attempts.limit === null
            ? plural(attempts.taken, 'attempt')
            : `${attempts.taken} of ${attempts.limit} attempts`,
        ]
      : []),
    ...(reason === null ? [] : [excerpt(reason, LONGEST)]),
    ...(lastGood === null ? (guarded ? ['no good start yet'] : []) : [`last good start ${moment(lastGood, now)}`]),
    ...(process ? [`pid ${process.pid}, started ${moment(process.since, now)}`] : []),
    ...(beat && standing !== 'stale' ? [`beat ${span(beat.agoMs)} ago`] : []),
    ...(delivered !== null && standing !== 'delivered' ? [`last delivered ${moment(delivered, now)}`] : []),
    ...(reset !== null && standing !== 'clear' ? [`reset ${moment(reset, now)}`] : []),
    ...(bad > 0 ? [`${plural(bad, 'bad line')}`] : []),
  ]
}

const nextOf = ({ next, standing, until, guard }: TargetState, now: number): string | null => {
  if (next !== null || until === null) return next === null ? null : next
  const at = moment(until, now)
  if (standing === 'blocked') return `one trial at ${at}`
  return guard === 'rate-limit' ? `the next permit at ${at}` : `the next start at ${at}`
}

export const tell = (state: TargetState, now: number): Told => ({
  target: state.target,
  tone: TONES[state.standing],
  standing: phrase(state, now),
  ladder: state.ladder && shownLadder(state.ladder),
  details: detailsOf(state, now),
  next: nextOf(state, now),
})

/** `4 targets: 1 refused, 1 blocked, 1 cooling off. Local store, all lines good.` */
export const summarize = (state: State): string => {
  const { targets } = state
  const counts = STANDINGS.filter(standing => !well.has(standing)).flatMap(standing => {
    const count = targets.filter(each => each.standing === standing).length
    return count > 0 ? [`${count} ${nameOf(standing)}`] : []
  })
  if (targets.length === 0) return `Nothing is remembered in ${state.dir}.`
  const { count, first } = badLines(state)
  const read = targets.filter(({ standing }) => standing !== 'unreadable').length
  const lines =
    count > 0
      ? `${plural(count, 'line')} cannot be read${first === null ? '' : `: ${first}`}`
      : read === targets.length
        ? 'all lines good'
        : read === 0
          ? 'nothing of it could be read'
          : 'all lines good of what could be read'
  const what = `${plural(targets.length, 'target')}${counts.length > 0 ? `: ${counts.join(', ')}` : ', all well'}`
  return `${what}. Local store, ${lines}.`
}
