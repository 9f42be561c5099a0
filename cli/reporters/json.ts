/** The report as it is, on one line. Its schema is schemas/report.schema.json. */
import { UNSAFE } from '../../core/text.ts'
import type { Reporter } from './reporter.ts'

const escaped = (char: string): string =>
  [...Array(char.length).keys()].map(at => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')

/** JSON in which no character can move a cursor or reorder text: the value is the same for every parser. */
export const safeJson = (value: unknown): string => JSON.stringify(value).replace(UNSAFE, escaped)

export const json: Reporter = report => `${safeJson(report)}\n`
