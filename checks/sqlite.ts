/** A SQLite database: ours to use, whole, and readable by SQLite itself. */
import { basename, dirname, join } from 'node:path'
import { type CheckContext, defineCheck, type Facts, type Verdict } from '../core/check.ts'
import { FileError, MEGABYTE, realpath, stat } from '../core/files.ts'
import { findBreak } from '../core/path-break.ts'
import { quote } from '../core/shell.ts'
import { NotKept } from '../core/sqlite-engine.ts'
import { bytes, plural } from '../core/text.ts'
import { type Answer, ask } from './sqlite/engine.ts'
import { type Beside, besideAt, mayMakeIn, mayRead, mayWrite, stampOf, startOf } from './sqlite/files.ts'
import { type Header, judgeHeader } from './sqlite/header.ts'
import { judgeAnswer, judgeLength, judgeRights, judgeSchema, type Place, type Problem } from './sqlite/judge.ts'

/** Enough to tell noise from a text. */
const START_BYTES = 4096
/** The log is copied in any case; SQLite keeps it at 4 MB unless a reader stands in its way. */
const MAX_LOG = 256 * MEGABYTE
/** A database that is written to while it is read may look damaged: so often it is read again. */
const TRIES = 3

const fail = (what: string, says: string, expected: string, next: string): Problem => ({
  what,
  level: 'fail',
  says,
  expected,
  next,
})

const unchecked = (says: string, { path }: Place): Problem => ({
  what: 'unchecked',
  level: 'warn',
  says,
  expected: 'a database that is checked to its last page',
  next: `sqlite3 -readonly ${quote(path)} 'PRAGMA quick_check'`,
})

/** Why nothing can be read at the path; the left-over log of a database that is gone is told. */
const judgePath = (shown: string, path: string): Problem | undefined => {
  const broken = findBreak(path)
  const look = (at: string): string => `ls -la ${quote(dirname(at))}`
  if (!broken) {
    if (stat(path)?.isFile()) return undefined
    return fail('not-a-file', 'is not a regular file', 'a database in a file', `ls -ld ${quote(path)}`)
  }
  const { at } = broken
  switch (broken.why) {
    case 'missing': {
      const left = at === path ? ['-wal', '-journal'].filter(end => stat(path + end)) : []
      return fail(
        'missing',
        at === path
          ? `is missing${left.length > 0 ? `, and its ${left.join(' and ')} is still there` : ''}`
          : `is missing, and so is ${at} above it`,
        `a database at ${path}`,
        /[*?]/.test(shown) ? 'write the file itself: path is no glob' : look(at),
      )
    }
    case 'dangling':
      return fail('missing', `leads to ${broken.to}, which is missing`, `a database at ${path}`, `ls -ld ${quote(at)}`)
    case 'loop':
    case 'not-a-folder':
      return fail(
        'missing',
        broken.why === 'loop' ? `leads into a loop of links at ${at}` : `cannot be there: ${at} is not a folder`,
        `a database at ${path}`,
        `ls -ld ${quote(at)}`,
      )
    case 'closed':
      return fail(
        'unreadable',
        `cannot be reached: ${at} may not be searched`,
        'open folders above it',
        `ls -ld ${quote(at)}`,
      )
    case 'other':
      return fail('unreadable', `cannot be looked at (${broken.code})`, `a database at ${path}`, `ls -ld ${quote(at)}`)
  }
}

const hasJournal = (journal: Beside | undefined): boolean => {
  if (!journal?.readable || journal.bytes === 0) return false
  return startOf(journal.path, 1)[0] !== 0 // zeros: the journal of a write that came to its end
}

interface Content {
  readonly answer?: Answer
  readonly problems: readonly Problem[]
}

/** What SQLite says; again where somebody wrote meanwhile and it found something. */
const contentOf = async (place: Place, header: Header, depth: 'open' | 'quick' | 'full'): Promise<Content> => {
  const { path } = place
  for (let tries = 1; ; tries++) {
    const before = stampOf(path)
    const log = stat(`${path}-wal`)?.size ?? 0
    const size = stat(path)?.size ?? 0
    if (log > MAX_LOG)
      return { problems: [unchecked(`has a log (-wal) of ${bytes(log)}, too large to be copied`, place)] }
    let answer: Answer | undefined
    let problem: Problem | undefined
    try {
      answer = await ask(path, depth, log > 0)
      problem = judgeAnswer(answer, place)
      // Where there is a log, the length that counts is in it.
      if (log === 0) problem = judgeLength(header, size, place) ?? problem
    } catch (error) {
      if (!(error instanceof NotKept)) throw error
      problem = fail(
        'unchecked',
        `could not be checked: ${error.message}`,
        'a temporary folder (TMPDIR) with room, in which this user may write',
        `ls -ld ${quote(error.folder)}; df -h ${quote(error.folder)}`,
      )
      if (!error.ofLog) return { problems: [problem] }
    }
    if (problem?.level !== 'fail' || stampOf(path) === before)
      return { problems: problem ? [problem] : [], ...(answer ? { answer } : {}) }
    if (tries === TRIES)
      return {
        problems: [
          {
            what: 'busy',
            level: 'warn',
            says: 'is being written to, so what was found in it may be a write half done',
            expected: 'a database at rest',
            next: `sqlite3 -readonly ${quote(path)} 'PRAGMA quick_check'`,
          },
        ],
      }
  }
}

const number = (value: number): string => `\0\0\0${String.fromCharCode(value)}`

/** The smallest database there is, for an example: one page of 512 bytes with an empty schema, each byte a character of ASCII. */
const SMALLEST = [
  'SQLite format 3\0\x02\0\x01\x01\0@  ',
  [1, 1, 0, 0, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0].map(number).join(''),
  '\x0d\0\0\0\0\x02\0\0',
]
  .join('')
  .padEnd(512, '\0')

const text = { type: 'string', minLength: 1 } as const

export const sqlite = defineCheck({
  kind: 'sqlite',
  title: 'A SQLite database is whole, and ours to use',
  docs: `Proves that a gateway will be able to use its database: the file, its log or journal and its folder have the rights that SQLite needs; its header is
right; it has all the pages that it should; and SQLite itself (a build of it in WebAssembly, which comes along) finds nothing wrong with
\`PRAGMA quick_check\`. Nothing is changed: it is opened read-only by another name, and what SQLite keeps beside a database while it reads is kept elsewhere.

**depth.** \`open\` reads the schema alone; \`quick\` checks each page and row; \`full\` also holds the indexes against the rows (\`integrity_check\`). The
check takes about a second for 100 MB on top of reading them, so give a large one a \`timeout\`. At the deadline it is ended.

**While it is in use.** The log (\`-wal\`) of a running or killed gateway is read along, in a copy. A journal (\`-journal\`) is the
trace of a write that was interrupted, or is under way: a warning, and what is in the database is not checked, since only its next writer can roll
that back. A database in which something was wrong while somebody wrote is read again.

**Why it matters.** \`SQLITE_CANTOPEN\` and \`database disk image is malformed\` come up long after the start, in whatever needs the database first; a
\`-wal\` that belongs to root, since somebody looked into it with \`sudo\`, stops every write. SQLite takes an empty file for a new
database, so state that was lost looks like a first start.

**What it cannot see.** Whether what is in it makes sense. root may write everywhere, so run it as the gateway's user. Locks that others hold. Tables of extensions
are passed over; encrypted databases and those in UTF-16 are told, not checked. Room on the disk: that is \`workspace\`.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['path'],
    properties: {
      path: { ...text, format: 'path', description: 'The database' },
      access: { enum: ['r', 'rw'], default: 'rw', description: 'What this user must be able to do with it' },
      depth: { enum: ['open', 'quick', 'full'], default: 'quick', description: 'How much of it is checked' },
      tables: { type: 'array', minItems: 1, items: text, description: 'Tables or views that it must have' },
      'user-version': { type: 'integer', description: 'The `PRAGMA user_version` that it must have' },
    },
  },
  codes: {
    good: 'SQLite finds nothing wrong, and this user may use it',
    missing: 'no database is at the path',
    'not-a-file': 'something else is in its place',
    unreadable: 'it may not be read by this user',
    empty: 'the file has 0 bytes, which SQLite takes for a new database',
    'not-a-database': 'it is something else, or encrypted',
    header: 'its first 100 bytes are damaged',
    truncated: 'the file ends before its last page',
    malformed: 'SQLite finds it damaged, or cannot read it',
    constraint: 'rows break the rules of their tables (NOT NULL, CHECK)',
    'not-writable': 'it may not be written to by this user',
    'journal-closed': 'its log or journal may not be used by this user',
    'journal-broken': 'a link or a folder stands where its log, index or journal belongs, which SQLite does not open',
    'folder-not-writable': 'no log or journal can be made beside it',
    'hot-journal':
      'a journal waits to be rolled back (a write was interrupted, or is under way), so the content was not checked',
    'table-missing': 'a table that it must have is not in it',
    version: 'it has another `user_version` than declared',
    busy: 'it was written to again and again while it was read',
    unchecked:
      'it could not be checked to its end, for the reason that is told; a failure where the temporary folder is of no use',
  },
  examples: [
    {
      title: 'A sound database, still empty',
      files: { 'state.sqlite': SMALLEST },
      options: { path: 'state.sqlite' },
      expect: { status: 'pass', code: 'sqlite/good' },
    },
    {
      title: 'State that was lost',
      files: { 'state.sqlite': '' },
      options: { path: 'state.sqlite' },
      expect: { status: 'fail', code: 'sqlite/empty' },
    },
    {
      title: 'Something else in its place',
      files: { 'state.sqlite': '{"jobs": []}\n' },
      options: { path: 'state.sqlite', tables: ['jobs'] },
      expect: { status: 'fail', code: 'sqlite/not-a-database' },
    },
    {
      title: 'No database',
      options: { path: 'state/state.sqlite' },
      expect: { status: 'fail', code: 'sqlite/missing' },
    },
  ],
  async run(options, ctx) {
    const shown = options.path
    const given = ctx.path(shown)
    const facts: Record<string, Facts[string]> = {}
    const answer = (problems: readonly Problem[], at: string, tables = 0): Verdict =>
      verdictOf(problems, { shown, path: at, facts, tables, depth: options.depth }, ctx)
    try {
      const nowhere = judgePath(shown, given)
      if (nowhere) return answer([nowhere], given)
      // What SQLite keeps beside a database is beside the file itself, not beside a link to it.
      const path = realpath(given)
      const folder = dirname(path)
      const place: Place = { shown, path, folder, user: ctx.user }
      const size = stat(path)?.size ?? 0
      facts.bytes = size
      if (!mayRead(path))
        return answer(
          [
            fail(
              'unreadable',
              `may not be read by ${ctx.user.name}`,
              `${ctx.user.name} may read it`,
              `ls -l ${quote(path)}`,
            ),
          ],
          path,
        )
      if (size === 0)
        return answer(
          [
            fail(
              'empty',
              'is empty: SQLite would take it for a new database',
              'a database with at least one page',
              look(path),
            ),
          ],
          path,
        )
      const judged = judgeHeader(startOf(path, START_BYTES), size)
      if ('flaw' in judged) {
        const { what, message } = judged.flaw
        const says =
          what === 'header' ? `has a damaged header: ${message}` : `is no database that SQLite reads: ${message}`
        return answer([fail(what, says, 'a SQLite database', `head -c 100 ${quote(path)} | od -c`)], path)
      }
      const { header } = judged
      const [wal, shm, journal] = ['-wal', '-shm', '-journal'].map(end => besideAt(join(folder, basename(path) + end)))
      Object.assign(facts, { wal: header.wal, pageSize: header.pageSize, logBytes: wal?.bytes ?? 0 })
      const problems = judgeRights(
        {
          access: options.access,
          wal: header.wal,
          writable: mayWrite(path),
          folderWritable: mayMakeIn(folder),
          // Of the index there is no use without a log.
          beside: [wal, header.wal ? shm : undefined, journal].filter(one => one !== undefined),
          logReady: wal !== undefined && shm !== undefined,
        },
        place,
      )
      if (problems.some(({ what }) => what === 'journal-broken')) return answer(problems, path)
      // Without the log, what is in the file is half the truth.
      if ((wal && !wal.readable) || (journal && !journal.readable)) return answer(problems, path)
      const hot = hasJournal(journal)
      // Read as it is, a database that waits for its rollback looks damaged, and only one who may write can roll it back.
      if (hot)
        return answer(
          [
            ...problems,
            {
              what: 'hot-journal',
              level: 'warn',
              says: `has a journal (${bytes(journal?.bytes ?? 0)}) of a write that was interrupted, or is under way: whoever opens it next rolls that back, and until then what is in it was not checked`,
              expected: 'no -journal while nobody writes',
              next: `ls -l ${quote(`${path}-journal`)}`,
            },
          ],
          path,
        )
      if (header.encoding === 'UTF-16') {
        const short = (wal?.bytes ?? 0) > 0 ? undefined : judgeLength(header, size, place)
        const told = unchecked('holds its texts in UTF-16, so only its header was checked', place)
        return answer([...problems, short ?? told], path)
      }
      const content = await contentOf(place, header, options.depth)
      problems.push(...content.problems)
      const read = content.answer
      if (read && read.error === undefined) {
        Object.assign(facts, { tables: read.tables.length, userVersion: read.userVersion })
        problems.push(
          ...judgeSchema(
            {
              tables: options.tables ?? [],
              ...(options['user-version'] === undefined ? {} : { userVersion: options['user-version'] }),
            },
            read,
            place,
          ),
        )
      }
      return answer(problems, path, read?.tables.length)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      return answer(
        [
          fail(
            'unreadable',
            `cannot be looked at: ${error.message} (${error.code})`,
            'a database that can be read',
            `ls -ld ${quote(error.path)}`,
          ),
        ],
        given,
      )
    }
  },
})

const look = (path: string): string => `ls -la ${quote(dirname(path))}`

const DONE = {
  open: 'its schema can be read',
  quick: 'SQLite finds nothing wrong (quick_check)',
  full: 'SQLite finds nothing wrong (integrity_check)',
} as const

const verdictOf = (
  all: readonly Problem[],
  seen: {
    readonly shown: string
    readonly path: string
    readonly facts: Facts
    readonly tables: number
    readonly depth: keyof typeof DONE
  },
  ctx: CheckContext,
): Verdict => {
  const { shown, path, facts, tables, depth } = seen
  const problems = [...all.filter(({ level }) => level === 'fail'), ...all.filter(({ level }) => level === 'warn')]
  const [first] = problems
  if (!first)
    return {
      status: 'pass',
      code: 'sqlite/good',
      summary: `${shown}: ${DONE[depth]}, ${plural(tables, 'table')}, ${bytes(Number(facts.bytes ?? 0))}`,
      watched: [shown],
      facts,
    }
  const each = (pick: (problem: Problem) => string): string =>
    [...new Set(problems.map(problem => ctx.mask(pick(problem))))].join('; ')
  const summary = `${shown} ${problems.map(({ says }) => ctx.mask(says)).join('; it ')}`
  return {
    status: first.level,
    code: `sqlite/${first.what}`,
    summary,
    observed: summary,
    expected: each(({ expected }) => expected),
    next: each(({ next }) => next),
    watched: [shown],
    facts,
    findings: problems.map(({ what, says, next }) => ({
      path,
      code: `sqlite/${what}`,
      message: ctx.mask(`${shown} ${says} (next: ${next})`),
    })),
  }
}
