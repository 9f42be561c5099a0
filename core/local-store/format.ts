/** Records as lines of text: one JSON object each, its checksum last. */
import type { StoreEvent, StoreRecord } from '../store.ts'

/** Of the lines; a record of a version that we do not know is not guessed at. */
const VERSION = 1

/** One write of at most a page: what appends are known to do without mixing. */
export const MAX_LINE_BYTES = 4096

/** Room for the place, which a record gets when it is moved. */
export const MAX_RECORD_BYTES = MAX_LINE_BYTES - 64

/**
 * Where a record stood first, as text that sorts: the day's file and the offset of its line. One that was moved to a newer file
 * carries it along, so that moving changes no order.
 */
export const placeOf = (bucket: string, offset: number): string => `${bucket}:${String(offset).padStart(10, '0')}`

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** CRC-32 (IEEE 802.3) of a part of the data, eight hex digits. Own, because node:zlib costs more to load than the table to make. */
export const crc32 = (data: Uint8Array, from = 0, to = data.length): string => {
  let value = 0xffffffff
  for (let i = from; i < to; i++) value = (value >>> 8) ^ (TABLE[(value ^ (data[i] ?? 0)) & 0xff] ?? 0)
  return ((value ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0')
}

/** `,"crc":"xxxxxxxx"}` */
const TAIL = 18

/** The line of a record with a newline before and behind: the one before ends whatever a killed writer left unfinished. */
export const encode = (target: string, record: StoreRecord, place?: string): Buffer => {
  const { id, wallMs, boot, uptimeMs, pid, started, host, event } = record
  const json = JSON.stringify({ v: VERSION, id, target, place, wallMs, boot, uptimeMs, pid, started, host, event })
  const body = Buffer.from(json.slice(0, -1))
  return Buffer.concat([Buffer.from('\n'), body, Buffer.from(`,"crc":"${crc32(body)}"}\n`)])
}

interface Line {
  readonly target: string
  readonly record: StoreRecord
  readonly place: string | undefined
}

type Stored = StoreRecord & Omit<Line, 'record'> & { readonly v: number; readonly crc: string }

/** The furthest from the epoch that a date may lie, ms (ECMA-262). */
const LAST_DATE = 8.64e15

const isTime = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) <= LAST_DATE

/** JSON has no infinity, but numbers that become one. */
const isField = (value: unknown): boolean =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)

const isEvent = (value: unknown): value is StoreEvent =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<StoreEvent>).type === 'string' &&
  Object.values(value).every(isField)

const isStored = ({ target, place, id, event, wallMs, boot, uptimeMs, pid, started, host }: Partial<Stored>): boolean =>
  [target, id, boot, started, host].every(each => typeof each === 'string') &&
  (place === undefined || typeof place === 'string') &&
  isTime(wallMs) &&
  isTime(uptimeMs) &&
  Number.isSafeInteger(pid) &&
  isEvent(event)

const parsed = (text: string): Partial<Stored> => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {} // the checksum of something else
  }
}

/**
 * What one line says, or why it says nothing. A line whose checksum fits is one that we wrote. Offsets instead of slices: a day
 * of beats has thousands of lines, and they are read before each start.
 */
const decode = (data: Buffer, from: number, to: number): Line | string => {
  const body = to - TAIL
  const tail = body > from ? data.toString('latin1', body, to) : ''
  if (!tail.startsWith(',"crc":"') || !tail.endsWith('"}')) return 'no whole record'
  if (crc32(data, from, body) !== tail.slice(8, 16)) return 'its checksum does not fit'
  const stored = parsed(data.toString('utf8', from, to))
  if (typeof stored.v === 'number' && stored.v !== VERSION)
    return `a record of version ${stored.v}, which this bootcheck does not know`
  if (stored.v !== VERSION || !isStored(stored)) return 'a record without what each record has'
  const { target, place, id, event, wallMs, boot, uptimeMs, pid, started, host } = stored as Stored
  return { target, place, record: { id, event, wallMs, boot, uptimeMs, pid, started, host } }
}

export interface Lines {
  /** In the file's order. */
  readonly records: readonly { readonly record: StoreRecord; readonly place: string }[]
  readonly bad: readonly { readonly line: number; readonly place: string; readonly why: string }[]
  /** The last line is bad and lacks its end: somebody may be writing it now. */
  readonly unfinished: boolean
}

/** Calls for each line of a file that is not empty, with its number (1-based), until it is told to stop. */
const eachLine = (data: Buffer, look: (from: number, to: number, number: number, ended: boolean) => boolean): void => {
  for (let from = 0, number = 1; from < data.length; number++) {
    const newline = data.indexOf(10, from)
    const to = newline < 0 ? data.length : newline
    if (to > from && !look(from, to, number, newline >= 0)) return
    from = to + 1
  }
}

/** The records of a target in the data of one of its files. */
export const decodeAll = (target: string, bucket: string, data: Buffer): Lines => {
  const records: { record: StoreRecord; place: string }[] = []
  const bad: { line: number; place: string; why: string }[] = []
  let unfinished = false
  eachLine(data, (from, to, line, ended) => {
    const said = decode(data, from, to)
    const here = placeOf(bucket, from)
    if (typeof said !== 'string' && said.target === target)
      records.push({ record: said.record, place: said.place ?? here })
    else {
      bad.push({ line, place: here, why: typeof said === 'string' ? said : 'a record of another target' })
      unfinished = !ended
    }
    return true
  })
  return { records, bad, unfinished }
}

/** The target that a file's first good line names. */
export const targetIn = (data: Buffer): string | undefined => {
  let target: string | undefined
  eachLine(data, (from, to) => {
    const said = decode(data, from, to)
    if (typeof said !== 'string') target = said.target
    return target === undefined
  })
  return target
}
