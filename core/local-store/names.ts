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

/** A folder of a target whose name tells only its beginning. */
export const isShortened = (name: string): boolean => /^.{120}%~[0-9a-f]{64}$/.test(name)

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

/** Files of one target, one a day (UTC) as a rule, so that old ones can be removed whole. Those that follow a full one are numbered. */
const BUCKET = /^(\d{4}-\d{2}-\d{2})(?:~(\d{4}))?\.jsonl$/

export const isBucket = (name: string): boolean => BUCKET.test(name)

/** The day of a moment, as buckets bear it. */
export const dayOf = (wallMs: number): string => new Date(wallMs).toISOString().slice(0, 10)

/** The last moment of a bucket's day, ms since the epoch. */
export const endOf = (bucket: string): number => Date.parse(`${bucket.slice(0, 10)}T23:59:59.999Z`)

/** The one behind a full bucket. `~` sorts behind the dot of the first. */
const after = (bucket: string): string => {
  const [, day = '', number = '0'] = BUCKET.exec(bucket) ?? []
  return `${day}~${String(Math.min(Number(number) + 1, 9999)).padStart(4, '0')}.jsonl`
}

/**
 * The bucket to append to, given those that exist, sorted, and whether the newest is full. Never one older than the newest: the order
 * of the names is the order of the records, also after the clock was set back.
 */
export const bucketFor = (wallMs: number, existing: readonly string[], full = false): string => {
  const today = `${dayOf(wallMs)}.jsonl`
  const newest = existing.at(-1)
  if (newest === undefined || newest < today) return today
  return full ? after(newest) : newest
}
