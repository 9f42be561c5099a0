/** From what was seen of a database to what is wrong with it. Nothing here touches the disk. */
import type { User } from '../../core/check.ts'
import { quote } from '../../core/shell.ts'
import { bytes, excerpt, listing } from '../../core/text.ts'
import type { Answer } from './engine.ts'
import type { Beside } from './files.ts'
import type { Header } from './header.ts'

/** One thing that is wrong. `what` is the second half of the code. */
export interface Problem {
  readonly what: string
  readonly level: 'fail' | 'warn'
  /** Reads on from the path: `is missing`. */
  readonly says: string
  readonly expected: string
  readonly next: string
}

/** A database as the manifest names it (`shown`) and as the system does (`path`, links followed), and who asks. */
export interface Place {
  readonly shown: string
  readonly path: string
  readonly folder: string
  readonly user: User
}

export interface Rights {
  readonly access: 'r' | 'rw'
  readonly wal: boolean
  readonly writable: boolean
  readonly folderWritable: boolean
  /** The log, its index, the journal: those that are there. */
  readonly beside: readonly Beside[]
  /** The log and its index are both there. */
  readonly logReady: boolean
}

const named = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Whether this user may do with the files what SQLite must do with them. */
export const judgeRights = (rights: Rights, { path, folder, user }: Place): Problem[] => {
  const problems: Problem[] = []
  const add = (what: string, says: string, expected: string, next: string): void =>
    void problems.push({ what, level: 'fail', says, expected, next })
  if (rights.access === 'rw' && !rights.writable)
    add('not-writable', `may not be written to by ${user.name}`, `${user.name} may write to it`, `ls -l ${quote(path)}`)
  for (const { path: file, readable, writable, odd } of rights.beside)
    if (odd !== undefined)
      add(
        'journal-broken',
        `has ${named(file)} beside it, which is ${odd}: SQLite cannot open the database with it (SQLITE_CANTOPEN)`,
        `no ${named(file)}, or the file that SQLite made`,
        `ls -ld ${quote(file)}`,
      )
    else if (!readable || (rights.access === 'rw' && !writable))
      add(
        'journal-closed',
        `has ${named(file)} beside it, which ${user.name} may not ${readable ? 'write to' : 'read'}`,
        `${user.name} may use it: it was most likely left by a program of another user`,
        `ls -l ${quote(file)}`,
      )
  if (!rights.folderWritable && (rights.access === 'rw' || (rights.wal && !rights.logReady)))
    add(
      'folder-not-writable',
      `lies in a folder in which ${user.name} may make no file${rights.access === 'r' ? ', and a database with a log (WAL) needs that even to be read' : ''}`,
      `${user.name} may make ${rights.wal ? 'the log (-wal, -shm)' : 'the journal'} beside it`,
      `ls -ld ${quote(folder)}`,
    )
  return problems
}

/** A file that ends before its last page. What stands in a log may not have come to the file yet. */
export const judgeLength = ({ pages, pageSize }: Header, size: number, { path }: Place): Problem | undefined => {
  if (pages === undefined || pages * pageSize <= size) return undefined
  return {
    what: 'truncated',
    level: 'fail',
    says: `was cut off: it has ${bytes(size)} (${size} bytes), and its header says ${pages} pages of ${pageSize} bytes`,
    expected: `at least ${pages * pageSize} bytes`,
    next: restore(path),
  }
}

/** What SQLite's own shell saves of a damaged database. */
const restore = (path: string): string => `sqlite3 ${quote(path)} .recover | sqlite3 ${quote(`${path}.recovered`)}`

const CANNOT_TELL = /^no such (?:module|function|collation sequence)|unsupported file format/
const NOT_OURS = /file is not a database|encrypted/
const RULES = /^(?:NULL|NUMERIC|TEXT|non-[A-Z]+) value in |^CHECK constraint failed/

/** What SQLite said. */
export const judgeAnswer = ({ error, flaws }: Answer, { path }: Place): Problem | undefined => {
  const check = `sqlite3 -readonly ${quote(path)} 'PRAGMA quick_check'`
  if (error !== undefined) {
    if (CANNOT_TELL.test(error))
      return {
        what: 'unchecked',
        level: 'warn',
        says: `could not be checked to its end: ${error}`,
        expected: 'a database that SQLite alone can read',
        next: check,
      }
    if (NOT_OURS.test(error))
      return {
        what: 'not-a-database',
        level: 'fail',
        says: `is no database (${error})`,
        expected: 'a database',
        next: `file ${quote(path)}`,
      }
    return {
      what: 'malformed',
      level: 'fail',
      says: `cannot be read by SQLite: ${error}`,
      expected: 'a sound database',
      next: restore(path),
    }
  }
  const damage = flaws.filter(flaw => !RULES.test(flaw))
  if (damage.length > 0)
    return {
      what: 'malformed',
      level: 'fail',
      says: `is damaged: ${listing(
        damage.map(flaw => excerpt(flaw, 100)),
        2,
      )}`,
      expected: 'ok',
      next: restore(path),
    }
  if (flaws.length > 0)
    return {
      what: 'constraint',
      level: 'warn',
      says: `holds rows that break its own rules: ${listing(
        flaws.map(flaw => excerpt(flaw, 100)),
        2,
      )}`,
      expected: 'rows as the tables declare them',
      next: check,
    }
  return undefined
}

/** What is in it, against what a program needs. */
export const judgeSchema = (
  wanted: { readonly tables: readonly string[]; readonly userVersion?: number },
  seen: { readonly tables: readonly string[]; readonly userVersion: number },
  { path }: Place,
): Problem[] => {
  const have = new Set(seen.tables.map(name => name.toLowerCase()))
  const gone = wanted.tables.filter(name => !have.has(name.toLowerCase()))
  const problems: Problem[] = []
  if (gone.length > 0)
    problems.push({
      what: 'table-missing',
      level: 'fail',
      says: `has no table ${listing(gone)} (it has ${seen.tables.length === 0 ? 'none' : listing(seen.tables)})`,
      expected: `the tables ${wanted.tables.join(', ')}`,
      next: `sqlite3 -readonly ${quote(path)} .tables`,
    })
  if (wanted.userVersion !== undefined && wanted.userVersion !== seen.userVersion)
    problems.push({
      what: 'version',
      level: 'fail',
      says: `has user_version ${seen.userVersion}, not ${wanted.userVersion}`,
      expected: `user_version ${wanted.userVersion}`,
      next: `sqlite3 -readonly ${quote(path)} 'PRAGMA user_version'`,
    })
  return problems
}
