/** `bootcheck guard` as a supervisor starts it, read along line by line. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { localStore } from '../../core/local-store.ts'
import type { Store, StoreRecord } from '../../core/store.ts'
import { BIN, cleanEnv } from './bin.ts'

/** Looks again and again; throws with what it waited for. */
export const until = async <T>(
  look: () => T | undefined | false | null,
  what: string | (() => string),
  ms = 20_000,
): Promise<T> => {
  const end = performance.now() + ms
  for (;;) {
    const seen = look()
    if (seen !== undefined && seen !== false && seen !== null) return seen
    if (performance.now() > end) throw new Error(`never: ${typeof what === 'string' ? what : what()}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

export interface Guarded {
  readonly child: ChildProcess
  /** Standard output and error so far. */
  text(): string
  /** Resolves once its output has it. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  /** The guard itself is gone, though its gateway may hold its output. */
  readonly gone: Promise<void>
  readonly ended: Promise<{
    readonly code: number | null
    readonly signal: NodeJS.Signals | null
    readonly text: string
  }>
}

export const guarded = (
  cwd: string,
  words: readonly string[],
  given: { readonly env?: Readonly<Record<string, string | undefined>>; readonly through?: readonly string[] } = {},
): Guarded => {
  const [program, ...args] = [...(given.through ?? []), process.execPath, BIN, 'guard', ...words] as [
    string,
    ...string[],
  ]
  const child = spawn(program, args, { cwd, env: cleanEnv(cwd, given.env), stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; text: string }>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, text }))
  })
  const gone = new Promise<void>(resolve => child.on('exit', () => resolve()))
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await gone
  })
  return {
    child,
    text: () => text,
    says: pattern =>
      until(
        () => pattern.exec(text),
        () => `${pattern} in\n${text}`,
      ),
    gone,
    ended,
  }
}

export const storeOf = (cwd: string): Store => localStore({ dir: join(cwd, '.state', 'bootcheck'), now: Date.now })

/** The events of a target, oldest first. */
export const eventsOf = (cwd: string, target = 'gateway'): readonly StoreRecord['event'][] =>
  storeOf(cwd)
    .read(target)
    .records.map(({ event }) => event)

export const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
