/** Records as lines of text: one JSON object each, its checksum last. */
import type { StoreRecord } from '../store.ts'

/** Of the lines; a record of a version that we do not know is not guessed at. */
const VERSION = 1

/** One write of at most a page: what appends are known to do without mixing. */
export const MAX_RECORD_BYTES = 4096

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** CRC-32 (IEEE 802.3), eight hex digits. Own, because node:zlib costs more to load than the table to make. */
export const crc32 = (data: Uint8Array): string => {
  let value = 0xffffffff
  for (let i = 0; i < data.length; i++) value = (value >>> 8) ^ (TABLE[(value ^ (data[i] ?? 0)) & 0xff] ?? 0)
  return ((value ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0')
}

/** `,"crc":"xxxxxxxx"}` */
const TAIL = 18

/** The line of a record with a newline before and behind: the one before ends whatever a killed writer left unfinished. */
export const encode = (target: string, record: StoreRecord): Buffer => {
  const { id, wallMs, boot, uptimeMs, pid, started, host, event } = record
  const json = JSON.stringify({ v: VERSION, id, target, wallMs, boot, uptimeMs, pid, started, host, event })
  const body = Buffer.from(json.slice(0, -1))
  return Buffer.concat([Buffer.from('\n'), body, Buffer.from(`,"crc":"${crc32(body)}"}\n`)])
}

type Stored = StoreRecord & { readonly v: number; readonly target: string; readonly crc: string }

/** The record of one line, or why there is none. A line whose checksum fits is one that we wrote. */
export const decode = (target: string, line: Buffer): StoreRecord | string => {
  const tail = /^,"crc":"([0-9a-f]{8})"}$/.exec(line.subarray(-TAIL).toString('latin1'))
  if (!tail) return 'no whole record'
  if (crc32(line.subarray(0, -TAIL)) !== tail[1]) return 'its checksum does not fit'
  const { v, target: whose, crc: _, ...record } = JSON.parse(line.toString('utf8')) as Stored
  if (v !== VERSION) return `a record of version ${v}, which this bootcheck does not know`
  return whose === target ? record : 'a record of another target'
}

export interface Lines {
  readonly records: readonly StoreRecord[]
  /** Line numbers (1-based) with the reason. */
  readonly bad: readonly { readonly line: number; readonly why: string }[]
  /** The last line is bad and lacks its end: somebody may be writing it now. */
  readonly unfinished: boolean
}

export const decodeAll = (target: string, data: Buffer): Lines => {
  const records: StoreRecord[] = []
  const bad: { line: number; why: string }[] = []
  let unfinished = false
  for (let start = 0, number = 1; start < data.length; number++) {
    const newline = data.indexOf(10, start)
    const end = newline < 0 ? data.length : newline
    if (end > start) {
      const record = decode(target, data.subarray(start, end))
      if (typeof record !== 'string') records.push(record)
      else {
        bad.push({ line: number, why: record })
        unfinished = newline < 0
      }
    }
    start = end + 1
  }
  return { records, bad, unfinished }
}
