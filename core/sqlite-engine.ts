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

export interface Database {
  all(sql: string): Record<string, unknown>[]
}

/**
 * What `use` makes of a database; `wal`: there is a log with something in it. Throws what SQLite throws, and an errno of the system
 * where the folder of our own cannot be filled.
 */
export const withDatabase = async <T>(path: string, wal: boolean, use: (database: Database) => T): Promise<T> => {
  contain('code', path)
  const { Database } = await load()
  const folder = mkdtempSync(join(tmpdir(), 'bootcheck-sqlite-'))
  const forget = (): void => rmSync(folder, { recursive: true, force: true })
  const target = join(folder, 'db')
  let database: InstanceType<Library['Database']> | undefined
  try {
    symlinkSync(path, target)
    if (wal) copyFileSync(`${path}-wal`, `${target}-wal`, constants.COPYFILE_FICLONE)
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
