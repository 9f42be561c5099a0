/**
 * Asks SQLite itself, and leaves no trace: the database is opened read-only by a link in a folder of our own, so that the lock, the
 * log and the journal that SQLite keeps beside a database are kept there. Only in the child process: a damaged file may hold it for long.
 */
import { constants, copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contain } from './contain.ts'

interface Library {
  readonly Database: new (
    file: string,
    options: { readonly readOnly: boolean; readonly fileMustExist: boolean },
  ) => {
    exec(sql: string): void
    all(sql: string): Record<string, unknown>[]
    close(): void
  }
}

const load = async (): Promise<Library> =>
  ((await import('node-sqlite3-wasm')) as unknown as { readonly default: Library }).default

/** What SQLite needs beside the database could not be kept in the system's temporary folder. */
export class NotKept extends Error {
  override readonly name = 'NotKept'
  readonly folder = tmpdir()
  /** The log may have been merged and removed meanwhile. */
  readonly ofLog: boolean
  constructor(error: NodeJS.ErrnoException, ofLog: boolean) {
    const what = ofLog ? 'its log could not be copied to' : 'no folder for it could be made in'
    super(`${what} ${tmpdir()} (${error.code})`)
    this.ofLog = ofLog
  }
}

/** A folder of our own with a link to the database and a copy of its log. Throws `NotKept`. */
const keep = (path: string, wal: boolean): string => {
  let folder: string | undefined
  let copying = false
  try {
    folder = mkdtempSync(join(tmpdir(), 'bootcheck-sqlite-'))
    symlinkSync(path, join(folder, 'db'))
    copying = wal
    if (wal) copyFileSync(`${path}-wal`, join(folder, 'db-wal'), constants.COPYFILE_FICLONE)
    return folder
  } catch (error) {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    throw new NotKept(error as NodeJS.ErrnoException, copying)
  }
}

export interface Database {
  all(sql: string): Record<string, unknown>[]
}

/**
 * What `use` makes of a database; `wal`: there is a log with something in it. Throws what SQLite throws, and
 * `NotKept`.
 */
export const withDatabase = async <T>(path: string, wal: boolean, use: (database: Database) => T): Promise<T> => {
  contain('code', path)
  const { Database } = await load()
  const folder = keep(path, wal)
  const forget = (): void => rmSync(folder, { recursive: true, force: true })
  const target = join(folder, 'db')
  let database: InstanceType<Library['Database']> | undefined
  try {
    database = new Database(target, { readOnly: true, fileMustExist: true })
    // The log's index then stays in memory.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    database.all('SELECT 1 FROM sqlite_master LIMIT 1')
    forget() // all is open by now: a child that is ended by the deadline leaves nothing behind
    return use(database)
  } finally {
    forget()
    try {
      database?.close()
    } catch {
      // its lock was in the folder that is gone
    }
  }
}
