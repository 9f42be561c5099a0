/** pm2's ecosystem file: what its restarts make of our codes. pm2 restarts after every end that `stop_exit_codes` does not name. */
import { splitWords } from '../../core/systemd-unit.ts'
import { listing, span } from '../../core/text.ts'
import { readArgv, type Surroundings } from './command.ts'
import { isLiteralObject, type Literal, type LiteralObject, UNREAD } from './literals.ts'
import { codesSay, type Fate, type Judged, type Problem, problem, type Unjudged } from './problem.ts'
import { startProblems } from './start.ts'

const KILL_TIMEOUT_MS = 1600

const NOTHING: Unjudged = {
  what: 'nothing-here',
  observed: 'no app can be read in it',
  expected: 'module.exports = { apps: [{ name, script, … }] }, as literals',
  next: 'write the apps as literals: the file is read, not run',
}

const wordsOf = (value: Literal | undefined): readonly string[] =>
  typeof value === 'string'
    ? (splitWords(value) ?? value.split(/\s+/))
    : Array.isArray(value)
      ? value.filter(word => typeof word === 'string')
      : []

const judgeApp = (app: LiteralObject, around: Surroundings): Judged => {
  const unread = Object.keys(app).filter(key => app[key] === UNREAD)
  const open = app['...'] === UNREAD
  const known = (key: string): boolean => !(open && app[key] === undefined) && app[key] !== UNREAD
  const of = typeof app.name === 'string' ? app.name : 'the app'
  const words = [...(typeof app.script === 'string' ? [app.script] : []), ...wordsOf(app.args)]
  const command = words.join(' ')
  const started = readArgv(words, around)
  const ours = started.guard || started.gate
  // What is no binary, and has no ending of its own, is run by Node unless an interpreter is named (pm2's lib/Common.js and interpreter.json).
  const asked = app.interpreter ?? app.exec_interpreter
  const node =
    known('interpreter') &&
    (asked === undefined
      ? !/\.(?:sh|py|rb|php|pl|coffee|ls)$|(?:^|\/)(?:ba|da|z)?sh$|(?:^|\/)env$/.test(String(app.script))
      : asked === 'node')
  const codes = Array.isArray(app.stop_exit_codes) ? app.stop_exit_codes : [app.stop_exit_codes]
  const partly = codes.includes(UNREAD)
  const restarting = app.autorestart !== false
  const fate = (code: 69 | 75 | 78): Fate => {
    if (started.hold && code !== 75) return 'does not occur'
    return restarting && !codes.includes(code) && !codes.includes(String(code)) ? 'restarted' : 'stays down'
  }
  const fates = { '69': fate(69), '75': fate(75), '78': fate(78) }
  const looping = (['69', '78'] as const).filter(code => fates[code] === 'restarted')
  const problems: Problem[] = []
  const add = (...given: Parameters<typeof problem>): number => problems.push(problem(...given))
  const prepared = looping.length === 0 && codes.some(code => code === 78 || code === '78')
  if (known('script') && known('args') && (ours || !partly))
    problems.push(...startProblems(started, command, { prepared }))
  if ((ours || prepared) && looping.length > 0 && known('stop_exit_codes') && known('autorestart') && !partly)
    add('fail', 'loops', [
      `${codesSay(looping)} ${looping.length > 1 ? 'are' : 'is'} restarted for ever: pm2 stops only at stop_exit_codes`,
      `stop_exit_codes: ${app.stop_exit_codes === undefined ? 'none' : codes.map(String).join(', ')}`,
      'stop_exit_codes with 69 and 78',
      'stop_exit_codes: [69, 78],',
    ])
  if (app.autorestart === false)
    add('warn', 'never-restarts', [
      'a gateway that crashes stays down: autorestart is false',
      'autorestart: false',
      'autorestart left at true',
      'autorestart: true,',
    ])
  if (typeof app.script === 'string' && node && around.script?.(app.script) !== undefined)
    add('fail', 'not-executable', [
      `pm2 gives ${app.script} to Node, which fails at its first line: it is a shell script`,
      `script: ${app.script}, and no interpreter`,
      "interpreter: 'none'",
      "interpreter: 'none',",
    ])
  const kill = typeof app.kill_timeout === 'number' ? app.kill_timeout : KILL_TIMEOUT_MS
  if ((started.guard || prepared) && known('kill_timeout') && kill <= started.killAfterMs)
    add('warn', 'stop-timeout', [
      `pm2 kills the guard after ${span(kill)}, before it may kill the gateway (--kill-after ${span(started.killAfterMs)})`,
      `kill_timeout: ${app.kill_timeout === undefined ? 'none, so 1600' : kill}`,
      `more than ${span(started.killAfterMs)}`,
      `kill_timeout: ${started.killAfterMs + 5000},`,
    ])
  if ((started.guard || prepared) && known('treekill') && app.treekill !== false)
    add('warn', 'kill-mode', [
      'pm2 sends its signal to the gateway, too, past the guard',
      'treekill: true, the default',
      'treekill: false',
      'treekill: false,',
    ])
  const many = app.instances !== undefined && app.instances !== 1 && app.instances !== '1' && known('instances')
  // As pm2 reads it: what names a number of instances, be it one, and no mode is a cluster.
  const mode = known('exec_mode')
    ? (app.exec_mode ?? (app.instances !== undefined && node ? 'cluster' : 'fork'))
    : 'fork'
  if ((ours || prepared) && /^cluster/.test(String(mode)))
    add('fail', 'cluster', [
      'pm2 loads the guard into a worker of its own, where it starts nothing and says nothing (exec_mode cluster)',
      `exec_mode: ${String(app.exec_mode ?? 'none')}, instances: ${String(app.instances ?? 'none')}`,
      "exec_mode 'fork', one instance",
      "exec_mode: 'fork',",
    ])
  else if ((ours || prepared) && many)
    add('fail', 'cluster', [
      `${String(app.instances)} guards are started for one gateway: all but one answer 75 (it is running already), and pm2 restarts them`,
      `instances: ${String(app.instances)}`,
      'one instance',
      'instances: 1,',
    ])
  if (unread.length > 0)
    add('warn', 'unread', [
      `${listing(unread)} of ${of} could not be read: it is computed when the file is run`,
      `no literal at ${listing(unread)}`,
      'literal values',
      'write them as literals, or look yourself: pm2 prettylist',
    ])
  return { of, problems, fates }
}

/** `around`: the scripts that can be looked into. */
export const judgePm2 = (value: Literal | undefined, around: Surroundings): readonly Judged[] | Unjudged => {
  const apps = isLiteralObject(value) ? (value.apps ?? (value.script === undefined ? undefined : [value])) : value
  const list = Array.isArray(apps) ? apps : isLiteralObject(apps) ? [apps] : []
  const readable = list.filter(isLiteralObject)
  if (readable.length === 0) return NOTHING
  const judged = readable.map(app => judgeApp(app, around))
  const lost = list.length - readable.length
  return lost === 0
    ? judged
    : [
        ...judged,
        {
          of: 'another app',
          fates: { '69': 'restarted', '75': 'restarted', '78': 'restarted' },
          problems: [
            problem('warn', 'unread', [
              `${lost} of ${list.length} apps could not be read`,
              'an app that is computed',
              'literal values',
              'write it as a literal',
            ]),
          ],
        },
      ]
}
