/** Reads the jobs of a SQLite store and leaves no trace beside it. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { contain } from '../../core/contain.ts'
import { FileError, lstat, stat } from '../../core/files.ts'
import { bytes } from '../../core/text.ts'

export interface StoredJob {
  /** The store that the row belongs to: ids are unique within one. */
  readonly scope: string
  readonly id: string
  readonly enabled: boolean
  /** JSON as text, unparsed. */
  readonly job: string
  readonly state: string
}

/** `unread` says why nothing is known of the store: never the same as having no jobs. */
export type Stored = { readonly jobs: readonly StoredJob[] } | { readonly unread: string } | undefined

/** What is used of node:sqlite, which Node 20 does not have. */
interface Sqlite {
  readonly DatabaseSync: new (
    location: string,
    options: { readonly readOnly: boolean },
  ) => {
    prepare(sql: string): { all(): Record<string, unknown>[] }
    close(): void
  }
}

const MAX_ROWS = 10_000
const MAX_COPY = 256 * 1024 * 1024
/** A store that is written to while it is copied is tried again so often. */
const TRIES = 3

/** SQLite keeps what is not yet in the database beside it. */
const JOURNALS = ['-wal', '-journal'] as const

const sizes = (path: string): string =>
  ['', ...JOURNALS]
    .map(end => {
      const facts = stat(path + end)
      return facts ? `${facts.size} ${facts.mtimeMs}` : '-'
    })
    .join(' ')

const query = (sqlite: Sqlite, location: string, table: string): StoredJob[] => {
  const database = new sqlite.DatabaseSync(location, { readOnly: true })
  try {
    return database
      .prepare(`SELECT store_key, job_id, enabled, job_json, state_json FROM "${table}" LIMIT ${MAX_ROWS + 1}`)
      .all()
      .map(row => ({
        scope: String(row.store_key ?? ''),
        id: String(row.job_id ?? ''),
        enabled: Number(row.enabled ?? 1) !== 0,
        job: String(row.job_json ?? ''),
        state: String(row.state_json ?? ''),
      }))
  } finally {
    database.close()
  }
}

// Opening a database in WAL mode leaves -wal and -shm behind, even read-only; `immutable` does not, but sees nothing of a
// journal. So where there is one, a copy is read.
const inPlace = (sqlite: Sqlite, path: string, table: string): StoredJob[] =>
  query(sqlite, `${pathToFileURL(path).href}?immutable=1`, table)

const copied = (sqlite: Sqlite, path: string, table: string): StoredJob[] => {
  const folder = mkdtempSync(join(tmpdir(), 'bootcheck-store-'))
  try {
    const copy = join(folder, basename(path))
    for (const end of ['', ...JOURNALS]) if (stat(path + end)) copyFileSync(path + end, copy + end)
    return query(sqlite, copy, table)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const attempt = (sqlite: Sqlite, path: string, table: string): Stored => {
  for (let tries = 1; ; tries++) {
    const before = sizes(path)
    try {
      const journal = JOURNALS.some(end => (stat(path + end)?.size ?? 0) > 0)
      const size = stat(path)?.size ?? 0
      if (journal && size > MAX_COPY) return { unread: `it is in use and too large to be copied (${bytes(size)})` }
      const jobs = (journal ? copied : inPlace)(sqlite, path, table)
      if (sizes(path) === before)
        return jobs.length > MAX_ROWS ? { unread: `it holds more than ${MAX_ROWS} jobs` } : { jobs }
      if (tries === TRIES) return { unread: 'it is being written to' }
    } catch (error) {
      if ((error as Error).name === 'NeedsChild') throw error
      if (tries === TRIES || sizes(path) === before) return { unread: (error as Error).message }
    }
  }
}

/** The jobs in a store; undefined where there is none. `table` comes from a preset, not from a manifest. */
export const readStore = (path: string, table: string): Stored => {
  try {
    const facts = stat(path)
    if (!facts) return lstat(path) ? { unread: 'it is a link to nothing' } : undefined
    if (!facts.isFile()) return { unread: 'it is not a regular file' }
  } catch (error) {
    if (error instanceof FileError) return { unread: error.message }
    throw error
  }
  // Loaded where there is a store: node:module costs 3 ms.
  if (!process.getBuiltinModule('node:module').isBuiltin('node:sqlite'))
    return { unread: `Node ${process.versions.node} cannot read SQLite: 22.13 and later can` }
  // A damaged or huge database can hold SQLite for long.
  contain('code', path)
  const sqlite = process.getBuiltinModule('node:sqlite') as unknown as Sqlite
  return attempt(sqlite, path, table)
}
