#!/usr/bin/env node
/**
 * The program. Whatever goes wrong here must not look like success: the exit code is 3 until a finished report says
 * otherwise, and neither a stray `process.exit(0)` nor an uncaught error can change that.
 */
import { writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { version } from '../package.json'
import { chunks } from './chunks.ts'
import type { Signals } from './io.ts'

let code = 3
process.exitCode = 3
process.on('exit', () => {
  process.exitCode = code
})

const broke = (error: unknown): void => {
  code = 3
  try {
    writeSync(2, `bootcheck broke: ${error instanceof Error ? error.stack : error}\n`)
  } catch {
    // nobody reads: the exit code says it
  }
  process.exit(3)
}
process.on('uncaughtException', broke) // rejections arrive here too

const [first, ...rest] = process.argv.slice(2)
if (rest.length === 0 && (first === '--version' || first === '-v')) {
  // Answered before anything is loaded: scripts ask this often.
  writeSync(1, `${version}\n`)
  code = 0
  process.exit(0)
}

const stop = new AbortController()
let received = 0
const report = (signal: NodeJS.Signals): void => {
  code = 128 + constants.signals[signal]
  // The second one is from somebody who does not want to wait for the report.
  if (++received > 1) process.exit(code)
  stop.abort(signal)
}
let onSignal: (signal: NodeJS.Signals) => void = report
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal(signal))
// Unhandled, SIGUSR1 opens the inspector's port.
process.on('SIGUSR1', () => {
  if (onSignal !== report) onSignal('SIGUSR1')
})

const signals: Signals = {
  take: handler => {
    onSignal = handler
    for (const signal of ['SIGQUIT', 'SIGUSR2'] as const) process.on(signal, () => onSignal(signal))
  },
  raise: signal => {
    code = 128 + constants.signals[signal]
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
    // A signal that is blocked or ignored above us does not arrive.
    return new Promise(() => setTimeout(() => process.exit(code), 1000))
  },
}

/** Where the code of this start is kept. A word runs code of its own, and V8 keeps code for one set of flags at a time. */
const cacheFolder = (): string | undefined => {
  const { NODE_DISABLE_COMPILE_CACHE, NODE_OPTIONS } = process.env // the first is Node's own switch
  if (NODE_DISABLE_COMPILE_CACHE !== undefined) return undefined
  const flags = process.execArgv.length > 0 || NODE_OPTIONS ? '-flags' : ''
  const word =
    ['check', 'lint', 'explain', 'guard', 'allow', 'record', 'exec', 'state'].find(each => each === first) ?? 'run'
  return join(__dirname, '..', 'cache', `${process.version}-${process.arch}${flags}`, word)
}
const { load, keep } = chunks(__dirname, cacheFolder(), require)

const start = async (): Promise<void> => {
  const { program } = load('program.cjs') as typeof import('./program.ts')
  const result = await program(process.argv.slice(2), stop.signal, signals)
  code = process.exitCode = result
  if (received === 0) keep()
  // What a hung check left behind must not hold the exit.
  process.exit(result)
}
start().catch(broke)
