/** Temporary files that pile up: the trace of a process that restarts again and again and cleans up nothing. */
import { dirname, extname } from 'node:path'
import { type CheckContext, defineCheck, type Facts, type Finding, type Trouble, type Verdict } from '../core/check.ts'
import { stat } from '../core/files.ts'
import { shownPath } from '../core/paths.ts'
import { quote } from '../core/shell.ts'
import { bytes, excerpt, listing, plural, span } from '../core/text.ts'
import { flawOf } from './tmp-files/literal.ts'
import { type Rhythm, rhythm } from './tmp-files/rhythm.ts'
import { ASKED, type Survey, survey } from './tmp-files/survey.ts'

const LISTED = 20

const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')

/** `.tmp files` where all names end so, else `files`. */
const noun = (names: readonly string[], patterns: readonly string[], count: number): string => {
  const ends = new Set((names.length > 0 ? names : patterns).map(name => extname(name) || name))
  const [end = ''] = ends
  const plain = ends.size === 1 && /^\.[A-Za-z0-9_-]{1,16}$/.test(end)
  return `${plain ? `${end} ` : ''}${count === 1 ? 'file' : 'files'}`
}

const where = ({ folders }: Survey, ctx: CheckContext): string => {
  const [first] = folders
  if (!first) return ''
  if (folders.length === 1) return ` in ${shownPath(first[0], ctx)}`
  return ` in ${plural(folders.length, 'folder')}, most in ${shownPath(first[0], ctx)}`
}

/** A rhythm counts only if all files were looked at: a sample of them is spread thinner than the files are. */
const beat = (seen: Survey): Rhythm | undefined => (complete(seen) ? rhythm(seen.times) : undefined)
const complete = (seen: Survey): boolean => !seen.stopped && seen.times.length === seen.count

const newestOf = (times: readonly number[]): number => times.reduce((a, b) => Math.max(a, b))
const oldestOf = (times: readonly number[]): number => times.reduce((a, b) => Math.min(a, b))

/** `, one every 9 s`; where that has ended, until when. */
const pace = (seen: Survey, now: number): string => {
  const found = beat(seen)
  if (!found) return ''
  const quiet = now - newestOf(seen.times)
  const over = quiet > Math.max(3 * found.everyMs, 60_000)
  return `, one every ${span(found.everyMs)}${over ? ` until ${span(quiet)} ago` : ''}`
}

const age = (time: number, now: number): string =>
  time > now + 2000 ? `${span(time - now)} in the future` : `${span(Math.max(0, now - time))} old`

/** Everything seen, in one line. */
const detail = (seen: Survey, now: number, ctx: CheckContext): string => {
  if (seen.times.length === 0) return 'no ages: the files vanished while they were looked at'
  const found = beat(seen)
  const parts = [
    complete(seen) ? '' : `of the ${grouped(seen.times.length)} looked at:`,
    `oldest ${age(oldestOf(seen.times), now)}, newest ${age(newestOf(seen.times), now)}, ${bytes(seen.size)}`,
    found ? `; ${found.starts} in a row over ${span(newestOf(seen.times) - found.since)}` : '',
    seen.writers > 0 ? `; ${writers(seen, ctx)}` : '',
  ]
  return parts.join(' ').replace(/ +;/g, ';').trim()
}

const writers = ({ writers: count, living }: Survey, ctx: CheckContext): string => {
  const asked = count > ASKED ? `none of the newest ${ASKED}` : 'none of them'
  if (living.length === 0) return `${plural(count, 'writer')} by pid in the names, ${asked} alive`
  const names = living.map(({ command, pid }) => `${excerpt(ctx.mask(command), 40)} (pid ${pid})`)
  return `${plural(count, 'writer')} by pid in the names, alive: ${listing(names)}`
}

const factsOf = (seen: Survey): Facts => {
  const found = beat(seen)
  return {
    count: seen.count,
    more: seen.stopped,
    lookedAt: seen.times.length,
    ...(seen.times.length > 0
      ? {
          oldest: new Date(oldestOf(seen.times)).toISOString(),
          newest: new Date(newestOf(seen.times)).toISOString(),
          bytes: seen.size,
        }
      : {}),
    ...(found
      ? { everyMs: Math.round(found.everyMs), inARow: found.starts, since: new Date(found.since).toISOString() }
      : {}),
    writers: seen.writers,
    writersAlive: seen.living.map(({ pid, command }) => `${pid} ${command}`),
  }
}

/** The folder, or the one that holds it, must be there: otherwise the path is wrong, and nothing will ever be seen. */
const lost = (seen: Survey): string[] =>
  seen.missing.filter(({ folder }) => !folderThere(folder) && !folderThere(dirname(folder))).map(({ folder }) => folder)

const folderThere = (path: string): boolean => stat(path)?.isDirectory() ?? false

/** Verdicts on the search itself; undefined if every pattern could be followed. */
const searchTrouble = (seen: Survey, ctx: CheckContext): Trouble | undefined => {
  const findings: Finding[] = seen.problems
    .slice(0, LISTED)
    .map(({ path, message }) => ({ path, message: ctx.mask(message) }))
  const watched = seen.bases.map(base => shownPath(base, ctx))
  const bad = seen.problems.find(({ code }) => code === 'PATTERN')
  if (bad)
    return {
      status: 'fail',
      code: 'tmp-files/pattern',
      summary: `the pattern ${bad.pattern} cannot be used`,
      observed: bad.message,
      expected: 'a glob of *, ?, **, [a-z], {a,b} and @(a|b)',
      next: `mend ${bad.pattern} under paths`,
      watched,
      findings,
    }
  const folder = seen.problems.find(({ code }) => code === 'EISDIR')
  if (folder)
    return {
      status: 'fail',
      code: 'tmp-files/pattern',
      summary: `${folder.pattern} is a folder, and not a pattern for files in it`,
      observed: folder.message,
      expected: 'a glob that matches files',
      next: `write ${folder.pattern.replace(/\/$/, '')}/*.tmp under paths`,
      watched,
      findings,
    }
  const dangling = seen.problems.find(({ code }) => code === 'ENOENT')
  if (dangling)
    return {
      status: 'fail',
      code: 'tmp-files/missing',
      summary: `${shownPath(dangling.path, ctx)} is a link to nothing`,
      observed: dangling.message,
      expected: 'a folder, or a link to one',
      next: `ls -ld ${quote(dangling.path)}`,
      watched,
      findings,
      facts: factsOf(seen),
    }
  const [shut] = seen.problems
  if (shut)
    return {
      status: 'fail',
      code: 'tmp-files/unreadable',
      summary: `${shownPath(shut.path, ctx)} could not be read${seen.problems.length > 1 ? `, nor ${seen.problems.length - 1} more` : ''}`,
      observed: `${shut.message} (${shut.code}); ${grouped(seen.count)} files were counted elsewhere`,
      expected: `a folder that ${ctx.user.name} may read`,
      next: `ls -ld ${quote(shut.path)}`,
      watched,
      findings,
      facts: factsOf(seen),
    }
  const [gone] = lost(seen)
  if (gone !== undefined)
    return {
      status: 'fail',
      code: 'tmp-files/missing',
      summary: `${shownPath(gone, ctx)} does not exist, nor does ${shownPath(dirname(gone), ctx)}`,
      observed: `neither ${gone} nor the folder above it`,
      expected: 'a folder, or at least the one above it',
      next: `ls -ld ${quote(dirname(dirname(gone)))}`,
      watched,
    }
  return undefined
}

const judge = (
  seen: Survey,
  patterns: readonly string[],
  limits: { warn: number; fail: number },
  ctx: CheckContext,
): Verdict => {
  const now = ctx.now()
  const { warn, fail } = limits
  const trouble = searchTrouble(seen, ctx)
  const facts = factsOf(seen)
  const watched = seen.bases.map(base => shownPath(base, ctx))
  const amount = `${seen.stopped ? 'more than ' : ''}${grouped(seen.count)} ${noun(seen.names, patterns, seen.count)}`
  const counted = (status: 'warn' | 'fail', code: string, limit: number): Trouble => {
    const fullest = seen.folders[0]?.[0] ?? seen.bases[0] ?? '.'
    return {
      status,
      code,
      summary: `${amount}${where(seen, ctx)}${pace(seen, now)}`,
      observed: `${seen.stopped ? `counting stopped at ${grouped(seen.count)}; ` : ''}${detail(seen, now, ctx)}`,
      expected: `at most ${grouped(limit)}: something restarts and does not clean up`,
      next: `ls -lAt ${quote(fullest)} | head -n 20`,
      watched,
      facts,
      findings: [
        ...seen.folders
          .slice(0, LISTED)
          .map(([path, files]) => ({ path, message: `${grouped(files)} of the files looked at` })),
        ...(trouble?.findings ?? []),
        ...(trouble && !trouble.findings ? [{ path: '', message: trouble.summary }] : []),
      ],
    }
  }
  const least = seen.count + (seen.stopped ? 1 : 0)
  if (least > fail) return counted('fail', 'tmp-files/many', fail)
  if (trouble) return trouble
  if (least > warn) return counted('warn', 'tmp-files/growing', warn)
  const [link] = seen.links
  if (link !== undefined)
    return {
      status: 'warn',
      code: 'tmp-files/link',
      summary: `${shownPath(link, ctx)} is a link and was not entered${seen.links.length > 1 ? `, nor ${plural(seen.links.length - 1, 'other link')}` : ''}; ${amount} elsewhere`,
      observed: `${plural(seen.links.length, 'link')} to a folder where the pattern expects a folder`,
      expected: 'real folders: links are never followed',
      next: `add the folder behind it to paths: readlink -f ${quote(link)}`,
      watched,
      facts,
      findings: seen.links.slice(0, LISTED).map(path => ({ path, message: 'a link to a folder, not entered' })),
    }
  const absent = seen.missing.map(({ folder }) => `${shownPath(folder, ctx)} does not exist yet`)
  const [first, ...rest] = [...watched, ...seen.missing.map(({ folder }) => shownPath(dirname(folder), ctx))]
  if (first === undefined)
    return {
      status: 'fail',
      code: 'tmp-files/missing',
      summary: 'no pattern led to a folder',
      observed: `nothing was looked at for ${listing(patterns)}`,
      expected: 'at least one folder to watch',
      next: 'check the globs under paths',
    }
  const oldest = seen.times.length > 0 ? `, oldest ${age(oldestOf(seen.times), now)}` : ''
  const places = seen.folders.length > 0 ? where(seen, ctx) : ` in ${listing([...new Set([first, ...rest])], 2)}`
  return {
    status: 'pass',
    code: absent.length > 0 && seen.count === 0 && seen.bases.length === 0 ? 'tmp-files/absent' : 'tmp-files/few',
    summary:
      seen.bases.length === 0
        ? `nothing piles up: ${listing(absent, 2)}`
        : `${amount}${places}${oldest}${absent.length > 0 ? `; ${listing(absent, 2)}` : ''}`,
    watched: [first, ...rest],
    facts,
  }
}

export const tmpFiles = defineCheck({
  kind: 'tmp-files',
  title: 'Temporary files do not pile up',
  docs: `Counts the files that fit the globs of \`paths\` and compares the number with two limits: more than \`warn\` is a warning, more
than \`fail\` a failure. It says how old they are, in which rhythm the newest came (one at each restart gives the length and the pace of
a crash loop), and whether the processes named in the file names are alive. It deletes nothing.

**Why it matters.** A program writes \`x.4711.tmp\`, dies before the rename, is restarted, and does it again: for hours, without
anybody seeing it. The files are the trace. Some also do harm later: a leftover is taken for the newest state, or fills the disk.

**Globs.** \`*\`, \`?\`, \`**\`, \`[a-z]\`, \`{a,b}\`, \`@(a|b)\`. Dotfiles match. Links are never entered; a link where the pattern expects a
folder is a warning. An existing folder without a match passes. A missing folder passes, and is said, if the folder above it exists.

**What it cannot see.** Files of which the names do not fit. Whether a file is still needed: one that is being written right now counts too.
Above the limit the counting stops (at 1,000 or at \`fail\`, whichever is more), and the ages are then those of the first 1,000 met. A pid in
a name that was given in another container means nothing here.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['paths'],
    properties: {
      paths: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1, format: 'glob' },
        description: 'Globs of the files to count',
      },
      warn: { type: 'integer', minimum: 0, default: 10, description: 'More than so many files are a warning' },
      fail: {
        type: 'integer',
        minimum: 0,
        maximum: 10_000_000,
        default: 50,
        description: 'More than so many files are a failure',
      },
    },
  },
  codes: {
    few: 'at most `warn` files',
    absent: 'the folder does not exist yet, the one above it does',
    growing: 'more than `warn` files',
    many: 'more than `fail` files',
    unreadable: 'a folder could not be read, so nobody knows how many there are',
    missing: 'neither the folder nor the one above it exists, or a link to it leads to nothing',
    link: 'a link stands where the pattern expects a folder, and was not entered',
    pattern: 'a pattern that cannot be used, or a folder in place of a pattern',
    limits: '`warn` is above `fail`',
  },
  examples: [
    {
      title: 'A tidy folder',
      files: { 'sessions/main.json': '{}', 'sessions/.fs-safe-0b0e3a52-6f0e-4d6a-9b0c-7f1d2c3b4a59.tmp': '' },
      options: { paths: ['sessions/*.tmp'] },
      expect: { status: 'pass', code: 'tmp-files/few' },
    },
    {
      title: 'Leftovers of three crashes where two are allowed',
      files: { 'state/a.101.tmp': '', 'state/a.102.tmp': '', 'state/a.103.tmp': '' },
      options: { paths: ['state/**/*.tmp'], warn: 1, fail: 2 },
      expect: { status: 'fail', code: 'tmp-files/many' },
    },
    {
      title: 'A misspelt folder',
      options: { paths: ['no/such/folder/*.tmp'] },
      expect: { status: 'fail', code: 'tmp-files/missing' },
    },
  ],
  async run({ paths, warn, fail }, ctx) {
    if (warn > fail)
      return {
        status: 'fail',
        code: 'tmp-files/limits',
        summary: `warn (${warn}) is above fail (${fail}), so it would never warn`,
        observed: `warn: ${warn}, fail: ${fail}`,
        expected: 'warn at most fail',
        next: `set fail to more than ${warn}, or warn to ${fail} or less`,
      }
    for (const path of paths) {
      const flaw = flawOf(path)
      if (flaw)
        return {
          status: 'fail',
          code: 'tmp-files/pattern',
          summary: `the pattern ${path} has ${flaw.has}`,
          observed: `${flaw.has} in ${path}`,
          expected: flaw.expected,
          next: `mend ${path} under paths`,
        }
    }
    return judge(await survey(paths, fail, ctx), paths, { warn, fail }, ctx)
  },
})
