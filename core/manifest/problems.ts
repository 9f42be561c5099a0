/** Collects what is wrong with a manifest, with the mends that are safe to make without asking. */
import type { Problem } from '../report.ts'

/** 1-based; columns count UTF-16 units. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** A change of one line of the text. */
export interface Edit extends Place {
  /** UTF-16 units to take out. */
  readonly remove: number
  readonly insert: string
  /** What the change does, for people. */
  readonly what: string
}

export interface Found {
  readonly problem: Problem
  readonly edit?: Edit
}

export interface Problems {
  error(code: string, at: Place, message: string, hint?: string, edit?: Edit | undefined): void
  warn(code: string, at: Place, message: string, hint?: string): void
  note(code: string, at: Place, message: string, hint?: string): void
  has(pattern: RegExp): boolean
  readonly errors: readonly Found[]
  readonly warnings: readonly Problem[]
  readonly notes: readonly Problem[]
}

export const collect = (file: string): Problems => {
  const errors: Found[] = []
  const warnings: Problem[] = []
  const notes: Problem[] = []
  const make = (code: string, at: Place, message: string, hint?: string): Problem => ({
    file,
    line: at.line,
    column: at.column,
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
  })
  return {
    errors,
    warnings,
    notes,
    error: (code, at, message, hint, edit) =>
      void errors.push({ problem: make(code, at, message, hint), ...(edit ? { edit } : {}) }),
    warn: (code, at, message, hint) => void warnings.push(make(code, at, message, hint)),
    note: (code, at, message, hint) => void notes.push(make(code, at, message, hint)),
    has: pattern => errors.some(({ problem }) => pattern.test(problem.code)),
  }
}

export const byPlace = (a: Problem, b: Problem): number =>
  (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0)
