/** What a command line makes of us: the guard, with which flags, or the gate alone. */
import { duration } from '../../core/units.ts'

export interface Started {
  readonly guard: boolean
  /** `bootcheck run`, without a memory. */
  readonly gate: boolean
  readonly hold: boolean
  /** 69 and 78 become 0. */
  readonly parks: boolean
  readonly stateDir: boolean
  readonly killAfterMs: number
}

const KILL_AFTER_MS = 10_000

/** The program by its name (`bootcheck`, `npx bootcheck@1`), or by the file that it is. Not `bootcheck-gateway`, a folder's name. */
const US = /(?<![\w@.-])bootcheck(?:@[\w.^~-]+|\/dist\/cli\/bin\.cjs)?["']?(?=[\s"']|$)([^\n;&|]*)/g

export const readCommand = (text: string): Started => {
  const calls = [...text.replaceAll('\\\n', ' ').matchAll(US)].map(([, rest = '']) => rest.trim())
  const guard = calls.find(rest => /^guard\b/.test(rest))
  // What stands behind "--" is the gateway's.
  const flags = (guard ?? '').split(/\s--(?:\s|$)/)[0] ?? ''
  const given = (name: string): string | undefined => new RegExp(`\\s--${name}[=\\s]+["']?([^\\s"']+)`).exec(flags)?.[1]
  return {
    guard: guard !== undefined,
    gate: calls.some(rest => rest === '' || /^(?:run\b|-|["']?[^\s"']+\.md\b)/.test(rest)),
    hold: /\s--hold\b/.test(flags),
    parks: given('supervisor') === 'launchd',
    stateDir: given('state-dir') !== undefined,
    killAfterMs: duration(given('kill-after') ?? '') ?? KILL_AFTER_MS,
  }
}

/** A program that is named without its folder, where a shell's line starts one. */
export const bareProgram = (text: string): string | undefined =>
  /(?:^|[;&|(]\s*|\bexec\s+|\s--\s+)(node|npm|npx|pnpm|yarn|bun|bootcheck)(?=\s|$)/m.exec(text)?.[1]

/** A shell that stays between the supervisor and us: it gets the signals, and passes none on. */
export const keepsShell = (line: string): boolean => !/(?:^|[;&|\n]\s*)exec\s+[^;&|\n]+$/.test(line.trim())
