/** What the program is once it runs: the words on the real terminal. */
import { main } from './main.ts'
import { terminal } from './terminal.ts'

/** Runs the command of `argv` and returns its exit code; `stop` aborts when a signal arrives. */
export const program = (argv: readonly string[], stop: AbortSignal): Promise<number> =>
  main(argv, color => terminal(color, stop))
