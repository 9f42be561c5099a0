/** package.json: whether `prestart` is run at all, and what stands between npm and us. */
import { excerpt } from '../../core/text.ts'
import { keepsShell, readShell, type Started } from './command.ts'
import { type Judged, type Problem, problem, type Unjudged } from './problem.ts'
import { startProblems } from './start.ts'

export interface Beside {
  /** Text of the .npmrc beside it; empty where there is none. */
  readonly npmrc: string
  /** A .yarnrc.yml stands beside it: Yarn 2 or later. */
  readonly berry: boolean
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

/** Why the script in front of another one is not run; undefined where it is. */
const skippedBy = (
  script: string,
  manager: unknown,
  scripts: Readonly<Record<string, unknown>>,
  { npmrc, berry }: Beside,
): string | undefined => {
  if (berry || /^yarn@(?:[2-9]|\d\d)/.test(String(manager ?? ''))) return 'Yarn 2 and later run no pre scripts'
  if (/^\s*ignore-scripts\s*=\s*true\s*$/m.test(npmrc)) return '.npmrc has ignore-scripts=true'
  if (/^pnpm@/.test(String(manager ?? '')) && /^\s*enable-pre-post-scripts\s*=\s*false\s*$/m.test(npmrc))
    return '.npmrc has enable-pre-post-scripts=false'
  const word = script.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  for (const [name, text] of Object.entries(scripts)) {
    if (typeof text !== 'string') continue
    if (new RegExp(`\\bnode\\s+(?:\\S+\\s+)*--run[= ]${word}(?![\\w:-])`).test(text))
      return `the script "${name}" starts it by node --run`
    if (/--ignore-scripts\b/.test(text) && new RegExp(`\\b(?:npm|pnpm)\\b.*\\b${word}(?![\\w:-])`).test(text))
      return `the script "${name}" starts it with --ignore-scripts`
  }
  return undefined
}

export const judgePackage = (value: unknown, script: string, around: Beside): Judged | Unjudged => {
  const { scripts: given, packageManager } = record(value)
  const scripts = record(given)
  const start = scripts[script]
  if (typeof start !== 'string')
    return {
      what: 'nothing-here',
      observed: `it has no script "${script}"`,
      expected: `scripts.${script}`,
      next: `"${script}": "exec bootcheck guard -- node gateway.mjs"`,
    }
  const before = scripts[`pre${script}`]
  const read = (text: string): Started =>
    readShell(text, {
      named: name => {
        const other = scripts[name]
        return typeof other === 'string' ? other : undefined
      },
    })
  const asked = typeof before === 'string' ? read(before) : undefined
  const gate = asked !== undefined && (asked.gate || asked.guard)
  const started = read(start)
  const problems: Problem[] = []
  const skipped = gate ? skippedBy(script, packageManager, scripts, around) : undefined
  if (skipped !== undefined)
    problems.push(
      problem('fail', 'prestart-skipped', [
        `the gate in "pre${script}" is not run: ${skipped}`,
        skipped,
        `the gate in "${script}" itself`,
        `"${script}": "exec bootcheck guard -- ${start}"`,
      ]),
    )
  if (started.guard && keepsShell(start))
    problems.push(
      problem('fail', 'shell-form', [
        `npm's TERM ends the shell of "${script}", and the guard runs on without anybody`,
        `"${script}": "${excerpt(start, 120)}"`,
        'exec in front of bootcheck guard',
        `"${script}": "exec ${start}"`,
      ]),
    )
  if (gate)
    problems.push(
      ...startProblems(asked, `"pre${script}": "${before}"`).map(each =>
        each.what === 'gate-ignored'
          ? { ...each, expected: 'the gate as the last command', next: `"pre${script}": "bootcheck run"` }
          : each,
      ),
    )
  if (!gate || started.guard || started.gate)
    problems.push(...startProblems(started, `"${script}": "${start}"`, { ownShell: true }))
  // npm restarts nothing, and passes each code on.
  return {
    of: `the script "${script}"`,
    problems,
    fates: { '69': 'stays down', '75': 'stays down', '78': 'stays down' },
  }
}
