/** Runs the user's command that gives an item back to its queue: no shell, bounded in time and output. */
import type { CheckContext } from '../../core/check.ts'
import { elapsed } from '../../core/clock.ts'
import { contain } from '../../core/contain.ts'
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

/** Somebody else's code: in the gate's own process this throws `NeedsChild`. */
export const demandChild = (words: readonly string[]): void => contain('code', `the reset command ${words[0]}`)

/** A first word with a slash is a path from the manifest's folder. What the command leaves running is ended with the check. */
export const runReset = async (words: readonly string[], timeoutMs: number, ctx: CheckContext): Promise<Ended> => {
  demandChild(words)
  const [program = '', ...args] = words
  const { spawn } = process.getBuiltinModule('node:child_process')
  const path = program.includes('/') ? ctx.path(program) : program
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
