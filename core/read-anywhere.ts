/** Reading what must be read before any check can run, wherever it lies. */
import { NeedsChild } from './contain.ts'
import { FileError, readBytes } from './files.ts'

const CODES: readonly (readonly [RegExp, string, string])[] = [
  [/No such file/, 'ENOENT', 'does not exist'],
  [/Permission denied/, 'EACCES', 'may not be read by this user'],
  [/[Ii]s a directory/, 'EISDIR', 'is a folder, not a file'],
]

/** As `readBytes`; a file on a file system that may hang is read by a process that can be killed. Rejects with a `FileError`. */
export const readAnywhere = async (path: string, max: number, timeoutMs = 5000): Promise<Buffer> => {
  try {
    return readBytes(path, max)
  } catch (error) {
    if (!(error instanceof NeedsChild)) throw error
  }
  const { spawn } = await import('node:child_process')
  return new Promise((resolve, reject) => {
    const reader = spawn('head', ['-c', String(max + 1), path], {
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const chunks: Buffer[] = []
    let said = ''
    const end = (error?: FileError): void => {
      clearTimeout(timer)
      reader.kill('SIGKILL')
      reader.unref()
      reader.stdout.destroy()
      reader.stderr.destroy()
      if (error) reject(error)
      else resolve(Buffer.concat(chunks))
    }
    const timer = setTimeout(
      () => end(new FileError('TIMEOUT', path, `${path} could not be read within ${timeoutMs} ms`)),
      timeoutMs,
    )
    reader.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    reader.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    reader.on('error', error => end(new FileError('UNKNOWN', path, `${path} cannot be read: ${error.message}`)))
    reader.on('close', code => {
      const [, errno, meaning] = CODES.find(([pattern]) => pattern.test(said)) ?? [
        undefined,
        'UNKNOWN',
        'cannot be read',
      ]
      if (code !== 0) end(new FileError(errno, path, `${path} ${meaning}`))
      else if (chunks.reduce((sum, chunk) => sum + chunk.length, 0) > max)
        end(new FileError('TOO-LARGE', path, `${path} is larger than ${max} bytes`))
      else end()
    })
  })
}
