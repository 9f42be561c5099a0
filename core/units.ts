/** Durations and sizes as a manifest writes them. */

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export const DURATION_PATTERN = '^[0-9]+(ms|s|m|h|d)$'

/** The longest duration in whole days. */
export const LONGEST_DURATION = '24d'

/** Written as a duration, and longer than any. */
export const isTooLong = (text: string): boolean =>
  new RegExp(DURATION_PATTERN).test(text) && duration(text) === undefined

/** As `duration`, of any length: an age is compared and never waited for. */
export const ageLimit = (text: string): number | undefined => {
  const match = /^([0-9]+)(ms|s|m|h|d)$/.exec(text)
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : Number(match[1]) * MS[match[2] as keyof typeof MS]
}

/** `500ms`, `5s`, `2m`, `1h`, `7d` in ms. Undefined if it is not a duration, or longer than Node's timers can wait (24.8 days). */
export const duration = (text: string): number | undefined => {
  const ms = ageLimit(text)
  return ms !== undefined && ms <= 0x7fffffff ? ms : undefined
}

const BYTES = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

export const SIZE_PATTERN = '^[0-9]+(\\.[0-9]+)? ?(B|KB|MB|GB|KiB|MiB|GiB)$'

/** `512MB`, `1.5 GiB` in bytes, or undefined. */
export const size = (text: string): number | undefined => {
  const match = /^([0-9]+(?:\.[0-9]+)?) ?(B|KB|MB|GB|KiB|MiB|GiB)$/.exec(text)
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  return Math.round(Number(match[1]) * BYTES[match[2] as keyof typeof BYTES])
}

/** Quoted octal, three or four digits. */
export const MODE_PATTERN = '^0?[0-7]{3}$|^[0-7]{4}$'
