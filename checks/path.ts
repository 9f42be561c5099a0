/** One path: what stands there, or that nothing does. */
import type { Stats } from 'node:fs'
import { dirname } from 'node:path'
import { type CheckContext, defineCheck, type Facts, type Trouble } from '../core/check.ts'
import { FileError, lstat, realpath, stat } from '../core/files.ts'
import { groupId, groupLabel } from '../core/groups.ts'
import { octal, parseMode } from '../core/mode.ts'
import { folded } from '../core/mounts.ts'
import { findBreak } from '../core/path-break.ts'
import { flawOfPattern, matcherOf } from '../core/safe-regex.ts'
import { quote } from '../core/shell.ts'
import { ageLimit, DURATION_PATTERN, MODE_PATTERN, SIZE_PATTERN, size } from '../core/units.ts'
import { userId, userLabel } from '../core/users.ts'
import {
  describe,
  judge,
  judgeAbsent,
  judgeBreak,
  judgeInside,
  type Named,
  type Place,
  type Problem,
  type Seen,
  TYPES,
  type Wanted,
} from './path/judge.ts'
import { type Found, search } from './path/search.ts'

const typeOf = (facts: Stats): Seen['type'] => {
  if (facts.isFile()) return 'file'
  if (facts.isDirectory()) return 'folder'
  if (facts.isSocket()) return 'socket'
  return facts.isFIFO() ? 'fifo' : 'device'
}

/** A quoted number is an id unless somebody is called so. */
const named = (written: string | number, find: (name: string) => number | undefined): Named => ({
  written: String(written),
  id: typeof written === 'number' ? written : (find(written) ?? (/^\d+$/.test(written) ? Number(written) : undefined)),
})

const refused = (
  [first, ...more]: readonly [Problem, ...Problem[]],
  { shown, path }: Place,
  facts: Facts,
  ctx: CheckContext,
): Trouble => {
  const problems = [first, ...more]
  const all = (pick: (problem: Problem) => string, glue: string): string =>
    [...new Set(problems.map(problem => ctx.mask(pick(problem))))].join(glue)
  return {
    status: 'fail',
    code: `path/${first.what}`,
    summary: `${shown} ${all(problem => problem.says, '; it ')}`,
    observed: all(problem => problem.observed, '; '),
    expected: all(problem => problem.expected, '; '),
    next: all(problem => problem.next, '; '),
    watched: [shown],
    facts,
    findings: problems.map(({ what, says, next, line }) => ({
      path,
      ...(line === undefined ? {} : { line }),
      message: ctx.mask(`${shown} ${says} (next: ${next})`),
      code: `path/${what}`,
    })),
  }
}

/** What asks for something that is there. */
const OF_SOMETHING = [
  'type',
  'mode',
  'owner',
  'group',
  'min-size',
  'max-size',
  'max-age',
  'min-age',
  'contains',
  'lacks',
  'inside',
] as const

/** A text that is no amount, or holds a variable, has none. */
const amountIn =
  (read: (text: string) => number | undefined) =>
  (given: unknown): number | undefined =>
    typeof given === 'string' ? read(given) : undefined

/** Pairs of which the first may not be above the second. */
const LIMITS = [
  ['min-size', 'max-size', amountIn(size)],
  ['min-age', 'max-age', amountIn(ageLimit)],
] as const

const text = { type: 'string', minLength: 1 } as const
const patterns = { type: 'array', minItems: 1, items: { ...text, format: 'text' } } as const
const length = { type: 'string', format: 'duration', pattern: DURATION_PATTERN } as const
const amount = { type: 'string', format: 'size', pattern: SIZE_PATTERN } as const
const who = { type: ['string', 'integer'], minLength: 1, minimum: 0 } as const

export const path = defineCheck({
  kind: 'path',
  title: 'A path is there and as wanted, or is not there',
  docs: `Proves what stands at one path: its type, permissions, owner and group, size, age, and lines of its text. Links are followed, so
what is judged is what a gateway would open; \`type: link\` asks that the path itself is a link. \`mode\` is a ceiling (\`"0600"\`: not one
bit for group or others). With \`absent: true\` nothing may be there, not even a link to nothing. Everything that is wrong is told at once.

**contains, lacks.** Each pattern is text, or a regular expression (JavaScript's) between slashes: \`ready\`, \`/^ready in [0-9]+ ms$/i\`. It is
sought in one line at a time (of UTF-8; a carriage return ends one, too), so also in a log of gigabytes. Text that begins and ends with a slash is written as an expression,
\`/\\/etc\\//\`. A regular expression that may take long runs in a process of its own, which the deadline ends. An empty file proves no \`lacks\`, unless
\`min-size: 0B\` says that it may be empty; a compressed file or one in UTF-16 proves none either. What a line says is not shown.

**inside.** The real place, every link followed, must lie below that folder: a workspace that is a link to \`/\` is not inside.

**Why it matters.** A lock of a run that died keeps the next one from starting; state that nobody has written for a week is believed for
ever; a token that every user of the host can read was copied there by an upgrade.

**What it cannot see.** Access lists, which \`ls -l\` shows as a \`+\`. Hard links to the same file elsewhere. Whether a socket answers:
that is \`port\`. \`..\` is worked out in the text before links are followed. With \`absent: true\` the folder, or the one above it, must be there:
a path that is wrong higher up fails. The age is that of the last change of content (mtime), which a copy may preserve.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['path'],
    properties: {
      path: { ...text, format: 'path', description: 'The path; no glob' },
      absent: { type: 'boolean', default: false, description: 'Nothing may be there' },
      type: { enum: TYPES, description: 'What must be there; all but `link` may stand behind a link' },
      mode: {
        type: 'string',
        format: 'mode',
        pattern: MODE_PATTERN,
        description: 'The most permissions that it may have, in quoted octal',
      },
      owner: { ...who, description: 'Name or uid of the user that must own it' },
      group: { ...who, description: 'Name or gid of its group' },
      'min-size': { ...amount, description: 'The least size of the file' },
      'max-size': { ...amount, description: 'The greatest size of the file' },
      'max-age': { ...length, description: 'It was changed within this time' },
      'min-age': { ...length, description: 'It was not changed for this time' },
      contains: {
        ...patterns,
        description: 'Text or `/regular expressions/` that must each stand in a line of the file',
      },
      lacks: { ...patterns, description: 'Text or `/regular expressions/` that must stand in no line of it' },
      inside: { ...text, format: 'path', description: 'The folder that its real place must lie in' },
    },
  },
  codes: {
    'as-wanted': 'it is there and as wanted',
    absent: 'nothing is there, as wanted',
    missing: 'nothing is at the path',
    present: 'something is there, and nothing should be',
    'no-folder': 'nothing is there, but neither is its folder nor the one above that: the path is most likely wrong',
    'dangling-link': 'the path is, or leads through, a link to nothing',
    'link-loop': 'the path is, or leads through, a loop of links',
    'not-a-folder': 'a part of the path above it is no folder',
    'parent-closed': 'a folder above may not be searched by this user',
    'wrong-type': 'something of another type is there',
    'mode-too-open': 'it has permissions above the ceiling',
    'wrong-owner': 'it belongs to another user than wanted',
    'unknown-owner': 'the wanted owner does not exist on this host',
    'wrong-group': 'it has another group than wanted',
    'unknown-group': 'the wanted group does not exist on this host',
    'too-small': 'the file is smaller than wanted',
    'too-large': 'the file is larger than wanted',
    'too-old': 'it was last changed too long ago',
    'too-young': 'it was changed too recently',
    future: 'its time of change lies ahead of the clock, so its age is not known',
    'pattern-missing': 'a pattern of `contains` is in no line',
    'pattern-found': 'a pattern of `lacks` is in a line',
    empty: 'the file is empty, which proves no `lacks`',
    undecided: 'a line is too long, the file endless, compressed or not UTF-8, so a pattern may still be there',
    unreadable: 'the file may not be read by this user',
    outside: 'its real place lies outside the wanted folder',
    'root-missing': 'the folder of `inside` cannot be looked at',
    unusable: 'the system answers with another error, which is named',
  },
  conflict: given => {
    const asked = OF_SOMETHING.filter(key => given[key] !== undefined)
    if (given.absent === true && asked.length > 0)
      return `"${asked[0]}" cannot stand beside "absent: true": nothing is there that could have it`
    // Nothing is ever called so: it would pass and have watched nothing.
    if (given.absent === true && /[*?]/.test(String(given.path)))
      return `"path" is no glob, so nothing would be looked for: ${String(given.path)} (\`tmp-files\` counts what globs match)`
    for (const [least, most, read] of LIMITS) {
      const [low, high] = [read(given[least]), read(given[most])]
      if (low !== undefined && high !== undefined && low > high)
        return `"${least}: ${given[least]}" is more than "${most}: ${given[most]}": no file has both`
    }
    const { type } = given
    const content = asked.find(key => /size|contains|lacks/.test(key))
    if (content && typeof type === 'string' && type !== 'file' && type !== 'link')
      return `"${content}" cannot stand beside "type: ${type}": only a file has a size and content`
    for (const key of ['contains', 'lacks'] as const)
      for (const pattern of Array.isArray(given[key]) ? given[key] : []) {
        if (typeof pattern !== 'string') continue
        if (/[\n\r]/.test(pattern))
          return `"${key}": ${JSON.stringify(pattern)} spans lines, and a pattern is sought in one line at a time`
        const flaw = flawOfPattern(pattern)
        if (flaw !== undefined) return `"${key}": ${flaw}`
      }
    return undefined
  },
  examples: [
    {
      title: 'State that is kept up',
      files: { 'state.json': '{"ready": true}\n' },
      options: { path: 'state.json', type: 'file', 'min-size': '2B', 'max-age': '1h', contains: ['/"ready": *true/'] },
      expect: { status: 'pass', code: 'path/as-wanted' },
    },
    {
      title: 'No lock of a run that died',
      files: { 'gateway.lock': '4711\n' },
      options: { path: 'gateway.lock', absent: true },
      expect: { status: 'fail', code: 'path/present' },
    },
    {
      title: 'A log with something that must not be there',
      files: { 'gateway.log': 'starting\ndatabase disk image is malformed\n' },
      options: { path: 'gateway.log', lacks: ['is malformed', '/^panic:/'] },
      expect: { status: 'fail', code: 'path/pattern-found' },
    },
    {
      title: 'A folder in the place of a file',
      files: { 'token/': '' },
      options: { path: 'token', type: 'file', mode: '0600' },
      expect: { status: 'fail', code: 'path/wrong-type' },
    },
  ],
  async run(options, ctx) {
    const shown = options.path
    const target = ctx.path(shown).replace(/(?<=.)\/+$/, '')
    const place: Place = { shown, path: target, user: ctx.user }
    const broken = findBreak(target)

    if (options.absent) {
      const folder = dirname(target)
      const problem = judgeAbsent(broken, place, { folder, above: dirname(folder) })
      if (problem) return refused([problem], place, {}, ctx)
      const bare = broken?.at === target ? '' : `, and neither is ${dirname(shown)}`
      return { status: 'pass', code: 'path/absent', summary: `${shown} is not there${bare}`, watched: [shown] }
    }

    const what = options.type === undefined ? 'something' : options.type === 'fifo' ? 'a FIFO' : `a ${options.type}`
    if (broken) return refused([judgeBreak(broken, place, what)], place, {}, ctx)
    const facts = stat(target)
    const own = lstat(target)
    if (!facts || !own) return refused([judgeBreak({ at: target, why: 'missing' }, place, what)], place, {}, ctx)

    const contains = options.contains ?? []
    const lacks = options.lacks ?? []
    const sought = [...contains, ...lacks].map(matcherOf)
    const wanted: Wanted = {
      ...(options.type === undefined ? {} : { type: options.type }),
      regular: options['min-size'] !== undefined || options['max-size'] !== undefined || sought.length > 0,
      ...(options.mode === undefined ? {} : { ceiling: parseMode(options.mode) }),
      ...(options.owner === undefined ? {} : { owner: named(options.owner, userId) }),
      ...(options.group === undefined ? {} : { group: named(options.group, groupId) }),
      ...(options['min-size'] === undefined ? {} : { minSize: size(options['min-size']) ?? Number.POSITIVE_INFINITY }),
      ...(options['max-size'] === undefined ? {} : { maxSize: size(options['max-size']) ?? 0 }),
      ...(options['min-age'] === undefined
        ? {}
        : { minAgeMs: ageLimit(options['min-age']) ?? Number.POSITIVE_INFINITY }),
      ...(options['max-age'] === undefined ? {} : { maxAgeMs: ageLimit(options['max-age']) ?? 0 }),
      contains,
      lacks,
    }
    const problems: Problem[] = []
    let found: Found | undefined
    if (sought.length > 0 && facts.isFile()) {
      try {
        found = await search(target, sought, ctx.signal)
      } catch (error) {
        if (!(error instanceof FileError)) throw error
        problems.push({
          what: error.code === 'EACCES' || error.code === 'EPERM' ? 'unreadable' : 'unusable',
          says: `cannot be read (${error.code})`,
          observed: `reading it fails with ${error.code} for ${ctx.user.name}`,
          expected: `a file that ${ctx.user.name} may read`,
          next: `ls -lL ${quote(target)}`,
        })
      }
    }
    const seen: Seen = {
      type: typeOf(facts),
      link: own.isSymbolicLink(),
      mode: facts.mode & 0o7777,
      uid: facts.uid,
      gid: facts.gid,
      // Names are looked up where they are told: a directory service may take a second.
      get ownerLabel() {
        return userLabel(facts.uid)
      },
      get groupLabel() {
        return groupLabel(facts.gid)
      },
      size: facts.size,
      ageMs: ctx.now() - facts.mtimeMs,
      ...(found ? { found } : {}),
    }
    problems.unshift(...judge(wanted, seen, place))
    if (options.inside !== undefined) {
      const root = ctx.path(options.inside)
      try {
        const problem = judgeInside(
          { shown: options.inside, real: folded(realpath(root)) },
          folded(realpath(target)),
          place,
        )
        if (problem) problems.push(problem)
      } catch (error) {
        if (!(error instanceof FileError)) throw error
        problems.push({
          what: 'root-missing',
          says: `cannot be compared with ${options.inside}: ${error.message}`,
          observed: `${error.code} at ${error.path}`,
          expected: `the folder ${root}`,
          next: `ls -ld ${quote(root)}`,
        })
      }
    }
    const numbers: Facts = {
      type: seen.type,
      link: seen.link,
      mode: octal(seen.mode),
      owner: seen.uid,
      group: seen.gid,
      bytes: seen.size,
      changed: facts.mtime.toISOString(),
    }
    const [first, ...more] = problems
    if (first) return refused([first, ...more], place, numbers, ctx)
    return {
      status: 'pass',
      code: 'path/as-wanted',
      summary: `${shown} is ${describe(seen)}`,
      watched: [shown],
      facts: numbers,
    }
  },
})
