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

/** Files of one target, one a day (UTC), so that old ones can be removed whole. */
const BUCKET = /^\d{4}-\d{2}-\d{2}\.jsonl$/

export const isBucket = (name: string): boolean => BUCKET.test(name)

/**
 * The bucket to append to, given those that exist, sorted. Never one older than the newest: the order of the names is the order of
 * the records, also after the clock was set back.
 */
export const bucketFor = (wallMs: number, existing: readonly string[]): string => {
  const today = `${new Date(wallMs).toISOString().slice(0, 10)}.jsonl`
  const newest = existing.at(-1)
  return newest !== undefined && newest > today ? newest : today
}
