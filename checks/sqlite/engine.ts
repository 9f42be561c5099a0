/** What SQLite itself says of a database. */
import { NotKept, withDatabase } from '../../core/sqlite-engine.ts'

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

const MOST = 20

const PRAGMA: Readonly<Record<Depth, string | undefined>> = {
  open: undefined,
  quick: `PRAGMA quick_check(${MOST})`,
  full: `PRAGMA integrity_check(${MOST})`,
}

/** `wal`: there is a log with something in it. Throws `NotKept`. */
export const ask = async (path: string, depth: Depth, wal: boolean): Promise<Answer> => {
  const tables: string[] = []
  let userVersion = 0
  try {
    return await withDatabase(path, wal, database => {
      for (const { name } of database.all("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"))
        tables.push(String(name))
      userVersion = Number(database.all('PRAGMA user_version')[0]?.user_version ?? 0)
      const sql = PRAGMA[depth]
      const rows = sql === undefined ? [] : database.all(sql).flatMap(row => String(Object.values(row)[0]).split('\n'))
      const flaws = rows.filter(row => row !== 'ok' && !row.startsWith('*** in database'))
      return {
        tables,
        userVersion,
        flaws: sql !== undefined && rows.length === 0 ? ['the check gave no answer'] : flaws,
      }
    })
  } catch (error) {
    if (error instanceof NotKept || (error as Error).name === 'NeedsChild') throw error
    return { tables, userVersion, flaws: [], error: (error as Error).message }
  }
}
