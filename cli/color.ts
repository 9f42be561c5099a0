/** How results may look: colour, width and glyphs, decided from flags, the environment and what reads the output. */
import { fstatSync, statSync } from 'node:fs'
import type { Env } from '../core/check.ts'

export interface Style {
  /** Whether a terminal reads it. */
  readonly tty: boolean
  readonly color: boolean
  /** In columns. */
  readonly width: number
  /** Whether ✔ and its like can be shown. */
  readonly unicode: boolean
}

export interface Surroundings {
  readonly env: Env
  readonly isTTY: boolean
}

/** `--color` and `--no-color`, then FORCE_COLOR (`0` is off), NO_COLOR, TERM=dumb, then whether it is a terminal. An empty variable says nothing. */
export const colorWanted = ({ flag, env, isTTY }: Surroundings & { readonly flag?: boolean | undefined }): boolean => {
  if (flag !== undefined) return flag
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  if (env.NO_COLOR || env.TERM === 'dumb') return false
  return isTTY
}

export const DEFAULT_WIDTH = 80
const NARROWEST = 40

/** A terminal's own width, never below 40; 80 where there is no terminal, or where it does not say (0 columns). */
export const widthOf = ({
  columns,
  isTTY,
}: {
  readonly columns?: number | undefined
  readonly isTTY: boolean
}): number => (isTTY && columns ? Math.max(NARROWEST, columns) : DEFAULT_WIDTH)

/** The locale as POSIX ranks its variables. None set says nothing, and today's terminals read UTF-8; the Linux console draws no ✔. */
export const unicodeWanted = (env: Env): boolean => {
  if (env.TERM === 'dumb' || env.TERM === 'linux') return false
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG
  return !locale || /utf-?8/i.test(locale)
}

/** Whether lines may be drawn over again: on a terminal that can, and where nobody keeps a log of it. */
export const mayAnimate = ({ env, isTTY }: Surroundings): boolean => isTTY && env.TERM !== 'dumb' && !env.CI

export const styleFor = (given: {
  readonly flag?: boolean | undefined
  readonly env: Env
  readonly isTTY: boolean
  readonly columns?: number | undefined
}): Style => ({
  tty: given.isTTY,
  color: colorWanted(given),
  width: widthOf(given),
  unicode: unicodeWanted(given.env),
})

const mayBeTerminal = (fd: number): boolean => {
  try {
    const facts = fstatSync(fd)
    return facts.isCharacterDevice() && facts.rdev !== statSync('/dev/null').rdev
  } catch {
    return false
  }
}

/**
 * What stands at descriptor 1 or 2. The first touch of `process.stdout` costs 6 ms, so a file, a pipe, a socket and /dev/null
 * are told apart by their descriptor alone.
 */
export const terminalAt = (fd: 1 | 2): { readonly isTTY: boolean; readonly columns?: number } => {
  if (process.platform !== 'win32' && !mayBeTerminal(fd)) return { isTTY: false }
  const stream = fd === 1 ? process.stdout : process.stderr
  return stream.isTTY === true ? { isTTY: true, columns: stream.columns } : { isTTY: false }
}
