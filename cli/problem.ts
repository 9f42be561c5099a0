/** Lines for standard error. */
import { visible } from '../core/text.ts'

/** What is wrong, and what to type: nothing in it can move the cursor. */
export const problemText = (problem: string, next?: string): string =>
  `bootcheck: ${visible(problem)}\n${next === undefined ? '' : `next: ${visible(next)}\n`}`
