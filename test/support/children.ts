/** Real processes for tests: started, waited for, and ended with the test that started them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

/** A Node process that runs this code and prints a line when it is ready; the line comes back with it. */
export const nodeChild = async (
  code: string,
  words: readonly string[] = [],
  options: { readonly uid?: number } = {},
): Promise<{ child: ChildProcess; pid: number; line: string }> => {
  const child = spawn(process.execPath, ['-e', code, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the child ended with ${code} before it was ready`)
  })
  const [line] = (await Promise.race([once(child.stdout, 'data'), gone])) as [Buffer]
  gone.catch(() => {})
  if (child.pid === undefined) throw new Error('the child has no pid')
  return { child, pid: child.pid, line: line.toString().trim() }
}

/** Ends a child for good and waits until the system has forgotten it. */
export const end = async (child: ChildProcess): Promise<void> => {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
