/** From a file to a document, or to why it is none. */
import { isUtf8 } from 'node:buffer'
import type { CheckContext, Facts } from '../../core/check.ts'
import { contain } from '../../core/contain.ts'
import { FileError, MEGABYTE, readBytes } from '../../core/files.ts'
import { quote } from '../../core/shell.ts'
import { bytes } from '../../core/text.ts'
import { type Document, FORMATS, type Format, formatOf, parseDocument } from './document.ts'
import type { Issue } from './issue.ts'

const MAX_BYTES = 16 * MEGABYTE
/** What takes longer to read than a deadline likes runs where it can be ended. */
const LARGE = MEGABYTE / 2
const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'missing-file',
  ENOTDIR: 'missing-file',
  'TOO-LARGE': 'too-large',
}

/** A file that could not be read. */
export const unreadable = (error: FileError, what: string, ctx: CheckContext): Issue => ({
  what,
  path: error.path,
  message: `${error.message.replace(`${error.path} `, '')} (${error.code})`,
  expected: what === 'too-large' ? `at most ${bytes(MAX_BYTES)}` : `a file that ${ctx.user.name} may read`,
  next: `ls -lL ${quote(error.path)}`,
})

/** Where a strict reader would stumble over the bytes before it reads a word. */
const judgeBytes = (data: Buffer, format: Format, path: string): Issue | undefined => {
  if (format === 'plist' && data.subarray(0, 6).toString('latin1') === 'bplist')
    return {
      what: 'binary',
      path,
      message: 'it is a binary property list',
      expected: LANGUAGE.plist,
      next: `plutil -convert xml1 ${quote(path)}`,
    }
  const wrong = (message: string, next: string): Issue => ({ what: 'encoding', path, message, expected: 'UTF-8', next })
  // Zeros are UTF-8, and in a text they are the other halves of UTF-16.
  if (!isUtf8(data) || data.includes(0)) return wrong('it is not UTF-8', `file ${quote(path)}`)
  if (format === 'json' && data.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])))
    return wrong(
      'it begins with a byte order mark, at which JSON.parse stops',
      `tail -c +4 ${quote(path)} > ${quote(`${path}.tmp`)} && cat ${quote(`${path}.tmp`)} > ${quote(path)} && rm ${quote(`${path}.tmp`)}`,
    )
  return undefined
}

const LANGUAGE: Readonly<Record<Format, string>> = {
  json: 'JSON',
  json5: 'JSON or JSON5',
  yaml: 'YAML',
  toml: 'TOML',
  plist: 'a property list as XML',
}

const GOOD: Readonly<Record<Format, string>> = {
  json: 'good JSON',
  json5: 'good JSON5',
  yaml: 'good YAML',
  toml: 'good TOML',
  plist: 'a good property list',
}

const expectedText = async (text: string, format: Format): Promise<{ expected: string; next?: string }> => {
  const expected = LANGUAGE[format]
  if (format !== 'json' || 'what' in (await parseDocument(text, 'json5'))) return { expected }
  return { expected: `${expected}; it would be good as JSON5, if its reader takes that`, next: 'format: json5' }
}

/** What was read, by whatever way. */
export interface Reading {
  /** As the summary calls it. */
  readonly shown: string
  readonly watched: readonly [string, ...string[]]
  readonly document?: Document
  /** What a good one is, for people. */
  readonly good: string
  readonly issues: readonly Issue[]
  readonly facts: Facts
}

/** One file; `format` undefined goes by its name. */
export const readOne = async (written: string, given: Format | undefined, ctx: CheckContext): Promise<Reading> => {
  const path = ctx.path(written)
  const format = given ?? formatOf(path)
  const base = { shown: written, watched: [written] as const, good: format === undefined ? 'good' : GOOD[format] }
  const wrong = (issue: Issue, facts: Facts = {}): Reading => ({ ...base, issues: [issue], facts })
  let data: Buffer
  try {
    data = readBytes(path, MAX_BYTES)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return wrong(unreadable(error, UNREADABLE[error.code] ?? 'unreadable', ctx))
  }
  if (format === undefined)
    return wrong(
      {
        what: 'unknown-format',
        path,
        message: 'its name does not say how it is written',
        expected: `a name that ends in .json, .json5, .jsonc, .yaml, .yml, .toml or .plist, or format`,
        next: `format: json (or ${FORMATS.slice(1).join(', ')})`,
      },
      { bytes: data.length },
    )
  const facts = { bytes: data.length, format }
  const bad = judgeBytes(data, format, path)
  if (bad) return wrong(bad, facts)
  if (data.length > LARGE) contain('code', `${bytes(data.length)} of ${LANGUAGE[format]}`)
  const text = data.toString('utf8').replace(/^\ufeff/, '')
  const parsed = await parseDocument(text, format)
  if (!('what' in parsed)) return { ...base, document: parsed, issues: [], facts }
  const { what, message, line, column } = parsed
  const place = line === undefined || column === undefined ? undefined : { line, column }
  const hint = what === 'syntax' ? await expectedText(text, format) : { expected: 'settings that can be read' }
  return wrong({ what, path, place, message, ...hint }, facts)
}
