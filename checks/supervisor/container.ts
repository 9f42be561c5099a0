/** Dockerfiles and compose files: who is process 1, and what the restart policy makes of our codes. */

import { splitWords } from '../../core/systemd-unit.ts'
import { excerpt, span } from '../../core/text.ts'
import { duration } from '../../core/units.ts'
import { keepsShell, readArgv, type Surroundings } from './command.ts'
import { type Fate, type Judged, type Problem, problem, type Unjudged } from './problem.ts'
import { startProblems } from './start.ts'

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined

const forgetful = (where: string): Problem =>
  problem('warn', 'no-state-folder', [
    'what the guard remembers is gone with the container',
    where,
    'a volume, named by --state-dir',
    'bootcheck guard --state-dir /state -- command, with a volume at /state',
  ])

/** An instruction, with its continued lines joined. */
interface Instruction {
  readonly name: string
  readonly value: string
  readonly line: number
}

export const parseDockerfile = (text: string): readonly Instruction[] => {
  const found: Instruction[] = []
  let held = ''
  let start = 0
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '')
    if (/^\s*#/.test(line) || (held === '' && line.trim() === '')) continue
    if (held === '') start = index + 1
    if (/[\\`]\s*$/.test(line)) {
      held += `${line.replace(/[\\`]\s*$/, '')} `
      continue
    }
    const match = /^\s*([A-Za-z]+)\s+(.*)$/s.exec(held + line)
    held = ''
    if (match?.[1]) found.push({ name: match[1].toUpperCase(), value: (match[2] ?? '').trim(), line: start })
  }
  return found
}

const execForm = (value: string): readonly string[] | undefined => {
  try {
    const words: unknown = JSON.parse(value)
    return Array.isArray(words) && words.every(word => typeof word === 'string') ? words : undefined
  } catch {
    return undefined
  }
}

export const judgeDockerfile = (text: string): Judged | Unjudged => {
  const all = parseDockerfile(text)
  const stage = all.slice(all.findLastIndex(({ name }) => name === 'FROM'))
  const entrypoint = stage.findLast(({ name }) => name === 'ENTRYPOINT')
  const command = stage.findLast(({ name }) => name === 'CMD')
  const first = entrypoint ?? command
  if (!first)
    return {
      what: 'nothing-here',
      observed: 'its last stage has neither ENTRYPOINT nor CMD',
      expected: 'an image that starts something',
      next: 'ENTRYPOINT ["bootcheck", "guard", "--"]',
    }
  const parts = [entrypoint, command].filter(part => part !== undefined)
  const read = entrypoint && !execForm(entrypoint.value) ? [entrypoint] : parts
  const words = read.flatMap(({ value }) => execForm(value) ?? ['/bin/sh', '-c', value])
  const started = readArgv(words)
  const problems: Problem[] = []
  const exec = execForm(first.value)
  const shell = exec
    ? /(?:^|\/)(?:ba|da|a)?sh$/.test(exec[0] ?? '') && exec[1] === '-c'
      ? exec[2]
      : undefined
    : first.value
  if (shell !== undefined && keepsShell(shell))
    problems.push(
      problem(
        'fail',
        'shell-form',
        [
          'a shell is process 1 and passes no signal on: at docker stop everything is killed after 10 s',
          `${first.name} ${excerpt(first.value, 120)}`,
          'the exec form, an array of words; or `exec` in front of the command',
          `${first.name} ["bootcheck", "guard", "--", "node", "gateway.mjs"]`,
        ],
        { line: first.line },
      ),
    )
  if (entrypoint && !execForm(entrypoint.value) && command)
    problems.push(
      problem(
        'warn',
        'ignored-line',
        [
          'CMD is ignored: ENTRYPOINT is in shell form',
          `CMD ${excerpt(command.value, 120)}`,
          'ENTRYPOINT in exec form',
          'ENTRYPOINT ["bootcheck", "guard", "--"]',
        ],
        { line: command.line },
      ),
    )
  problems.push(
    ...startProblems(started, read.map(({ name, value }) => `${name} ${value}`).join(', '), {
      place: { line: first.line },
      ownShell: true,
    }),
  )
  if (started.guard && !started.stateDir && !stage.some(({ name }) => name === 'VOLUME'))
    problems.push(forgetful('neither --state-dir nor VOLUME'))
  const fate = (code: number): Fate => (started.hold && code !== 75 ? 'does not occur' : 'stays down')
  return { of: 'the image', problems, fates: { '69': fate(69), '75': fate(75), '78': fate(78) } }
}

const GRACE_MS = 10_000

const composeSpan = (text: unknown): number | undefined => {
  if (typeof text !== 'string') return undefined
  const parts = text.match(/\d+(?:ms|s|m|h)/g) ?? []
  return parts.join('') === text && parts.length > 0
    ? parts.reduce((sum, part) => sum + (duration(part) ?? 0), 0)
    : undefined
}

/** A text is split as a shell splits it, and no shell reads it. */
const wordsOf = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? (splitWords(value) ?? value.split(/\s+/))
    : Array.isArray(value)
      ? value.filter(word => typeof word === 'string')
      : []

/** Docker's own `restart`, or the swarm's `deploy.restart_policy`; bounded: so many times at most. */
const restartOf = (
  service: Readonly<Record<string, unknown>>,
): { policy: string; bounded: boolean; written: string } => {
  const swarm = record(record(service.deploy)?.restart_policy)
  if (swarm) {
    const condition = typeof swarm.condition === 'string' ? swarm.condition : 'any'
    const policy = condition === 'any' ? 'always' : condition === 'none' ? 'no' : condition
    return {
      policy,
      bounded: swarm.max_attempts !== undefined,
      written: `deploy.restart_policy.condition: ${condition}`,
    }
  }
  // YAML 1.1 readers take a bare `no` for false.
  const written = service.restart === undefined || service.restart === false ? 'no' : String(service.restart)
  return { policy: written.replace(/:\d+$/, ''), bounded: /:[1-9]\d*$/.test(written), written: `restart: ${written}` }
}

const judgeService = (of: string, service: Readonly<Record<string, unknown>>, around: Surroundings): Judged => {
  const words = [...wordsOf(service.entrypoint), ...wordsOf(service.command)].map(word => word.replaceAll('$$', '$'))
  const started = readArgv(words, around)
  const { policy, bounded, written } = restartOf(service)
  const fate = (code: number): Fate => {
    if (started.hold && code !== 75) return 'does not occur'
    return policy === 'no' || bounded ? 'stays down' : 'restarted'
  }
  const fates = { '69': fate(69), '75': fate(75), '78': fate(78) }
  const problems: Problem[] = []
  const add = (...given: Parameters<typeof problem>): number => problems.push(problem(...given))
  const seen = started.guard || started.gate
  problems.push(...startProblems(started, words.join(' ')))
  if (seen && fates['78'] === 'restarted')
    add('fail', 'loops', [
      `69 and 78 (mend first) are restarted for ever: ${written} looks at no code`,
      written,
      'bootcheck guard --hold, which stays, or restart: "on-failure:5"',
      'bootcheck guard --hold -- command',
    ])
  if (started.guard && policy === 'no')
    add('warn', 'never-restarts', [
      `a gateway that crashes stays down: ${written}`,
      written,
      'restart: unless-stopped, with --hold',
      'restart: unless-stopped',
    ])
  const grace = composeSpan(service.stop_grace_period) ?? GRACE_MS
  if (started.guard && grace <= started.killAfterMs)
    add('warn', 'stop-timeout', [
      `docker kills the guard after ${span(grace)}, before it may kill the gateway (--kill-after ${span(started.killAfterMs)})`,
      `stop_grace_period: ${service.stop_grace_period ?? 'none, so 10s'}`,
      `more than ${span(started.killAfterMs)}`,
      `stop_grace_period: ${Math.ceil(started.killAfterMs / 1000) + 5}s`,
    ])
  const swarm = record(service.deploy)
  const health = record(service.healthcheck)
  if (started.guard && swarm && health && health.disable !== true)
    add('warn', 'start-timeout', [
      'a guard that waits or holds answers no healthcheck: the swarm kills it as unhealthy, and starts another',
      `healthcheck: ${excerpt(wordsOf(health.test).join(' '), 120)}`,
      'no healthcheck in a swarm, or one that a waiting guard passes',
      'healthcheck: {disable: true}',
    ])
  const many = swarm?.replicas ?? service.scale
  if (started.guard && typeof many === 'number' && many !== 1)
    add(many === 0 ? 'warn' : 'fail', many === 0 ? 'not-started' : 'cluster', [
      many === 0
        ? 'no container of it is started: 0 replicas'
        : `${many} guards are started for one gateway: with one memory all but one answer 75 (it is running already)`,
      `replicas: ${many}`,
      'one replica',
      'replicas: 1',
    ])
  if (seen && Array.isArray(service.profiles) && service.profiles.length > 0)
    add('warn', 'not-started', [
      `docker compose up does not start it: it belongs to the profile ${service.profiles.join(', ')}`,
      `profiles: [${service.profiles.join(', ')}]`,
      'no profiles',
      `docker compose --profile ${service.profiles[0]} up -d`,
    ])
  if (started.guard && !(Array.isArray(service.volumes) && service.volumes.length > 0))
    problems.push(forgetful('no volumes'))
  return { of, problems, fates, ours: seen }
}

/** Each of its services. */
export const judgeCompose = (value: unknown, around: Surroundings = {}): readonly Judged[] | Unjudged => {
  const services = Object.entries(record(record(value)?.services) ?? {}).flatMap(([name, service]) => {
    const held = record(service)
    return held ? [judgeService(name, held, around)] : []
  })
  if (services.length === 0)
    return {
      what: 'nothing-here',
      observed: 'it holds no service',
      expected: 'services:',
      next: 'docker compose config',
    }
  return services
}
