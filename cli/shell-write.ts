/** Writing to a file system that may hang, by a process that can be killed. */
import type { Written } from './output.ts'

// As writeReportFile: a temporary file beside the target, renamed over it. What is no plain file is left alone.
const SCRIPT = `
if [ -e "$2" ] && [ ! -f "$2" ]; then echo "it is not a plain file" >&2; exit 1; fi
cat > "$1" && mv -f -- "$1" "$2" && exit 0
rm -f -- "$1"
exit 1
`

/** Gives up at the deadline, whatever the file system does: the shell is killed then, and no longer waited for. */
export const writeByShell = async (path: string, text: string, timeoutMs: number): Promise<Written> => {
  const { spawn } = await import('node:child_process')
  return new Promise(resolve => {
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', `${path}.${process.pid}.tmp`, path], {
      detached: true,
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    let said = ''
    const settle = (written: Written): void => {
      clearTimeout(timer)
      resolve(written)
    }
    const timer = setTimeout(() => {
      if (shell.pid !== undefined) {
        try {
          process.kill(-shell.pid, 'SIGKILL')
        } catch {
          // It ended meanwhile.
        }
      }
      shell.stdin.destroy()
      shell.stderr.destroy()
      shell.unref()
      settle({ complete: false, why: 'TIMEOUT' })
    }, timeoutMs)
    shell.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(0, 500)
    })
    shell.stdin.on('error', () => {}) // the exit status tells
    shell.on('error', error => settle({ complete: false, why: error.message }))
    shell.on('close', code =>
      settle(code === 0 ? { complete: true } : { complete: false, why: said.trim() || `the shell ended with ${code}` }),
    )
    shell.stdin.end(text)
  })
}
