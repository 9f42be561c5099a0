/** What the program is once it runs: the words on the real terminal. */
import type { Signals } from './io.ts'
import { main } from './main.ts'
import { terminal } from './terminal.ts'

/** Runs the command of `argv` and returns its exit code; `stop` aborts when a signal arrives that nobody took. */
export const program = (argv: readonly string[], stop: AbortSignal, signals: Signals): Promise<number> =>
  main(argv, color => terminal(color, stop, signals))
