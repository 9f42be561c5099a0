/**
 * Asks SQLite itself, and leaves no trace: the database is opened read-only by a link in a folder of our own, so that the lock, the
 * log and the journal that SQLite keeps beside a database are kept there. Only in the child process: a damaged file may hold it for long.
 */
import { constants, copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contain } from '../../core/contain.ts'

export type Depth = 'open' | 'quick' | 'full'

export interface Answer {
  /** Tables and views. */
  readonly tables: readonly string[]
  readonly userVersion: number
  /** What the check found, at most `MOST`; empty if all is well. */
  readonly flaws: readonly string[]
  /** In the words of SQLite, where it gave up. */
  readonly error?: string
}

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

const MOST = 20

const PRAGMA: Readonly<Record<Depth, string | undefined>> = {
  open: undefined,
  quick: `PRAGMA quick_check(${MOST})`,
  full: `PRAGMA integrity_check(${MOST})`,
}

const load = async (): Promise<Library> =>
  ((await import('node-sqlite3-wasm')) as unknown as { readonly default: Library }).default

/** `wal`: there is a log with something in it. Throws an errno of the system where the folder of our own cannot be filled. */
export const ask = async (path: string, depth: Depth, wal: boolean): Promise<Answer> => {
  contain('code', path)
  const { Database } = await load()
  const folder = mkdtempSync(join(tmpdir(), 'bootcheck-sqlite-'))
  const forget = (): void => rmSync(folder, { recursive: true, force: true })
  const target = join(folder, 'db')
  let database: InstanceType<Library['Database']> | undefined
  const tables: string[] = []
  let userVersion = 0
  try {
    symlinkSync(path, target)
    if (wal) copyFileSync(`${path}-wal`, `${target}-wal`, constants.COPYFILE_FICLONE)
  } catch (error) {
    forget()
    throw error
  }
  try {
    database = new Database(target, { readOnly: true, fileMustExist: true })
    // The log's index then stays in memory.
    database.exec('PRAGMA locking_mode = EXCLUSIVE')
    for (const { name } of database.all("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"))
      tables.push(String(name))
    userVersion = Number(database.all('PRAGMA user_version')[0]?.user_version ?? 0)
    forget() // all is open by now: a child that is ended by the deadline leaves nothing behind
    const sql = PRAGMA[depth]
    const rows = sql === undefined ? [] : database.all(sql).flatMap(row => String(Object.values(row)[0]).split('\n'))
    const flaws = rows.filter(row => row !== 'ok' && !row.startsWith('*** in database'))
    return { tables, userVersion, flaws: sql !== undefined && rows.length === 0 ? ['the check gave no answer'] : flaws }
  } catch (error) {
    return { tables, userVersion, flaws: [], error: (error as Error).message }
  } finally {
    forget()
    try {
      database?.close()
    } catch {
      // its lock was in the folder that is gone
    }
  }
}
