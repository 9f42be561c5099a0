/** How long a command may take. */
import { span } from '../../core/text.ts'

/** How much longer than the timeout the runner waits, in ms: for the process in which the command runs to start, and for its word. */
export const LINGER_MS = 3000

/** Of that, for the word. */
const WORD_MS = 500

/** The whole timeout; less where the process in which it runs took `spentMs` to start. `words` say which. */
export const allowance = (timeoutMs: number, spentMs: number): { readonly ms: number; readonly words: string } => {
  const ms = Math.max(1, Math.min(timeoutMs, timeoutMs + LINGER_MS - WORD_MS - spentMs))
  const least = ms < timeoutMs ? ` (of ${span(timeoutMs)}: the process to run it in took the rest to start)` : ''
  return { ms, words: `${span(ms)}${least}` }
}
