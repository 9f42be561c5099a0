/** Runs the user's command that gives an item back to its queue: no shell, bounded in time and output. */
import type { CheckContext } from '../../core/check.ts'
import { elapsed } from '../../core/clock.ts'
import { contain, NeedsChild } from '../../core/contain.ts'
import { FileError, stat } from '../../core/files.ts'
import { findCommand } from '../../core/find-command.ts'
import { excerpt, span } from '../../core/text.ts'

export type Ended = { readonly ok: true } | { readonly ok: false; readonly said: string }

const MAX_OUTPUT = 4096
const SHOWN = 200

/** The words with `{id}` and its like filled in; a word that names none of them stays as it is. */
export const fill = (words: readonly string[], values: Readonly<Record<string, string>>): string[] =>
  words.map(word => word.replace(/\{([a-z]+)\}/g, (whole, name: string) => values[name] ?? whole))

/** Placeholders in the words that nobody fills. */
export const unknownPlaceholders = (words: readonly string[], known: readonly string[]): string[] =>
  words
    .flatMap(word => [...word.matchAll(/\{([a-z]+)\}/g)].map(match => match[1] ?? ''))
    .filter(name => !known.includes(name))

/** A first word with a slash is a path from the manifest's folder. */
const programOf = ([program = '']: readonly string[], ctx: Pick<CheckContext, 'path'>): string =>
  program.includes('/') ? ctx.path(program) : program

/**
 * Where the command is, and what names it: the same for as long as neither its words nor its file change. Or why it could not
 * be run.
 */
export const findReset = (
  words: readonly string[],
  ctx: Pick<CheckContext, 'cwd' | 'env' | 'path'>,
): { readonly command: string } | { readonly problem: string } => {
  const found = findCommand(programOf(words, ctx), ctx)
  if ('problem' in found) return found
  const { createHash } = process.getBuiltinModule('node:crypto')
  const command = createHash('sha256')
    .update(JSON.stringify([words, found.path, changedAt(found.path)]))
    .digest('hex')
  return { command: command.slice(0, 16) }
}

/** On a file system that may hang its words alone name it. */
const changedAt = (path: string): number => {
  try {
    return stat(path)?.mtimeMs ?? 0
  } catch (error) {
    if (error instanceof FileError || error instanceof NeedsChild) return 0
    throw error
  }
}

/** Somebody else's code: in the gate's own process this throws `NeedsChild`. */
export const demandChild = (words: readonly string[]): void => contain('code', `the reset command ${words[0]}`)

/** What the command leaves running is ended with the check. */
export const runReset = async (words: readonly string[], timeoutMs: number, ctx: CheckContext): Promise<Ended> => {
  demandChild(words)
  const [program, ...args] = words
  const { spawn } = process.getBuiltinModule('node:child_process')
  const path = programOf(words, ctx)
  const began = elapsed()
  return new Promise(resolve => {
    let output = ''
    let late = false
    const end = (said: string | undefined): void => {
      clearTimeout(timer)
      ctx.signal.removeEventListener('abort', stop)
      child.stdout.destroy()
      child.stderr.destroy()
      const shown = excerpt(ctx.mask(output.trim()), SHOWN)
      resolve(said === undefined ? { ok: true } : { ok: false, said: shown === '' ? said : `${said}: ${shown}` })
    }
    const child = spawn(path, args, { cwd: ctx.cwd, env: { ...ctx.env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const stop = (): void => {
      late = true
      child.kill('SIGKILL')
    }
    const timer = setTimeout(stop, timeoutMs)
    ctx.signal.addEventListener('abort', stop)
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-MAX_OUTPUT)
      })
    child.on('error', error => end(`${program} could not be started (${(error as NodeJS.ErrnoException).code})`))
    // `exit` and not `close`: what it left behind may hold the pipes for ever.
    child.on('exit', (code, signal) =>
      // The pipes may hold its last words.
      setImmediate(() => {
        if (late) end(`${program} did not end within ${span(elapsed() - began)}`)
        else if (signal) end(`${program} was ended by ${signal}`)
        else end(code === 0 ? undefined : `${program} ended with ${code}`)
      }),
    )
  })
}
