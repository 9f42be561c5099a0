/** The folder names of targets: any string becomes a name that is safe on every file system and that no other string has. */

/** NAME_MAX is 255 bytes on Linux and macOS. */
const LONGEST = 200
const KEPT = 120

/**
 * Everything but lower-case letters, digits, `_`, `-` and inner dots is escaped, by UTF-16 unit: capitals too, since macOS's file
 * systems take `A` for `a`, and lone surrogates, which UTF-8 would all turn into one character.
 */
export const folderName = (target: string): string => {
  const escaped = target.replace(/^\.|[^a-z0-9._-]/g, unit => {
    const code = unit.charCodeAt(0)
    return code < 0x100 ? `%${code.toString(16).padStart(2, '0')}` : `%u${code.toString(16).padStart(4, '0')}`
  })
  if (escaped === '') return '%empty'
  if (escaped.length <= LONGEST) return escaped
  // `%~` is no escape, so a shortened name is never another's full one.
  const { createHash } = process.getBuiltinModule('node:crypto')
  return `${escaped.slice(0, KEPT)}%~${createHash('sha256').update(target, 'utf16le').digest('hex')}`
}

/** The target of a folder that bears its full name; undefined for a shortened name, and for one that is not ours. */
export const targetOf = (name: string): string | undefined => {
  const target =
    name === '%empty'
      ? ''
      : name.replace(/%u([0-9a-f]{4})|%([0-9a-f]{2})/g, (_, wide, narrow) =>
          String.fromCharCode(Number.parseInt(wide ?? narrow, 16)),
        )
  return folderName(target) === name ? target : undefined
}

/** Files of one target, one a day (UTC), so that old ones can be removed whole. */
const BUCKET = /^\d{4}-\d{2}-\d{2}\.jsonl$/

export const isBucket = (name: string): boolean => BUCKET.test(name)

/** The last moment of a bucket's day, ms since the epoch. */
export const endOf = (bucket: string): number => Date.parse(`${bucket.slice(0, 10)}T23:59:59.999Z`)

/**
 * The bucket to append to, given those that exist, sorted. Never one older than the newest: the order of the names is the order of
 * the records, also after the clock was set back.
 */
export const bucketFor = (wallMs: number, existing: readonly string[]): string => {
  const today = `${new Date(wallMs).toISOString().slice(0, 10)}.jsonl`
  const newest = existing.at(-1)
  return newest !== undefined && newest > today ? newest : today
}
