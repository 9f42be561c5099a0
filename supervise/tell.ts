/** Tells people of a failure by a command of theirs. It must not hold us: it gets its time, and then KILL with all it started. */
import type { ChildProcess } from 'node:child_process'
import type { Env } from '../core/check.ts'
import { span } from '../core/text.ts'
import { shownEnd } from './running.ts'

export interface Notice {
  /** For the shell, as the user wrote it; the message stands on its standard input. */
  readonly command: string
  readonly message: string
  readonly cwd: string
  readonly env: Env
  readonly timeoutMs: number
}

/** Undefined when the command took the message and ended with 0; else why not, in one line. Never rejects. */
export const notify = ({ command, message, cwd, env, timeoutMs }: Notice): Promise<string | undefined> =>
  new Promise(resolve => {
    const { spawn } = process.getBuiltinModule('node:child_process')
    let shell: ChildProcess
    try {
      // Its words are for whoever reads our errors: standard output is the command's alone.
      shell = spawn('/bin/sh', ['-c', command], { cwd, env: { ...env }, detached: true, stdio: ['pipe', 2, 2] })
    } catch (error) {
      return resolve((error as Error).message) // too long an environment, no more descriptors
    }
    const settle = (problem: string | undefined): void => {
      clearTimeout(timer)
      resolve(problem)
    }
    const timer = setTimeout(() => {
      try {
        if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL')
      } catch {
        // It ended meanwhile.
      }
      shell.unref()
      settle(`it took longer than ${span(timeoutMs)}`)
    }, timeoutMs)
    shell.on('error', error => settle(error.message))
    shell.on('exit', (code, signal) => settle(code === 0 ? undefined : `it ended with ${shownEnd({ code, signal })}`))
    shell.stdin?.on('error', () => {}) // it need not read
    shell.stdin?.end(`${message}\n`)
  })
