#!/usr/bin/env node
/**
 * The program. Whatever goes wrong here must not look like success: the exit code is 3 until a finished report says
 * otherwise, and neither a stray `process.exit(0)` nor an uncaught error can change that.
 */
import { writeSync } from 'node:fs'
import { constants } from 'node:os'
import { version } from '../package.json'

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
let signals = 0
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    code = 128 + constants.signals[signal]
    // The second one is from somebody who does not want to wait for the report.
    if (++signals > 1) process.exit(code)
    stop.abort(signal)
  })
// Unhandled, SIGUSR1 opens the inspector's port.
process.on('SIGUSR1', () => {})

const start = async (): Promise<void> => {
  const [{ main }, { terminal }] = await Promise.all([import('./main.ts'), import('./terminal.ts')])
  const result = await main(process.argv.slice(2), color => terminal(color, stop.signal))
  code = process.exitCode = result
  // What a hung check left behind must not hold the exit.
  process.exit(result)
}
start().catch(broke)
