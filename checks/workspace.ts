/** A folder that the gateway works in: there, ours, usable, and with room. */
import { type Stats, statfsSync } from 'node:fs'
import { type CheckContext, defineCheck, type Facts, type User, type Verdict } from '../core/check.ts'
import { stat } from '../core/files.ts'
import { octal, parseMode } from '../core/mode.ts'
import { mayTouch } from '../core/mounts.ts'
import { findBreak } from '../core/path-break.ts'
import { quote } from '../core/shell.ts'
import { bytes } from '../core/text.ts'
import { MODE_PATTERN, SIZE_PATTERN, size } from '../core/units.ts'
import { userId, userLabel } from '../core/users.ts'
import { judge, judgeBreak, type Place, type Problem, type Seen, type Space, type Wanted } from './workspace/judge.ts'
import { probeReading, probeWriting } from './workspace/probe.ts'

const spaceOf = (path: string): Space | undefined => {
  mayTouch(path)
  try {
    const { bavail, bsize, ffree, files } = statfsSync(path)
    return { bytes: bavail * bsize, inodes: ffree, countsInodes: files > 0 }
  } catch {
    return undefined
  }
}

const kindOf = (facts: Stats): string => {
  if (facts.isFile()) return 'a file'
  if (facts.isSocket()) return 'a socket'
  if (facts.isFIFO()) return 'a FIFO'
  return 'a device'
}

const refused = (problems: readonly [Problem, ...Problem[]], { shown, path }: Place, facts: Facts): Verdict => {
  const [first] = problems
  const all = (pick: (problem: Problem) => string, glue: string): string => [...new Set(problems.map(pick))].join(glue)
  return {
    status: 'fail',
    code: `workspace/${first.what}`,
    summary: `${shown} ${all(problem => problem.says, '; it ')}`,
    observed: all(problem => problem.observed, '; '),
    expected: all(problem => problem.expected, '; '),
    next: all(problem => problem.next, '; '),
    watched: [shown],
    facts,
    findings: problems.map(({ what, says, next }) => ({
      path,
      message: `${shown} ${says} (next: ${next})`,
      code: `workspace/${what}`,
    })),
  }
}

const look = (path: string, facts: Stats, access: Wanted['access'], user: User): Seen => {
  const reading = probeReading(path)
  return {
    mode: facts.mode & 0o7777,
    uid: facts.uid,
    ownerLabel: facts.uid === user.uid ? user.name : userLabel(facts.uid),
    reading,
    writing: access === 'r' || reading?.step === 'search' ? undefined : probeWriting(path),
    space: spaceOf(path),
  }
}

/** A quoted number is a uid unless somebody is called so. */
const uidOf = (owner: string | number): number | undefined => {
  if (typeof owner === 'number') return owner
  return userId(owner) ?? (/^\d+$/.test(owner) ? Number(owner) : undefined)
}

const praise = (shown: string, { access }: Wanted, seen: Seen, ctx: CheckContext): string => {
  const can = access === 'r' ? 'readable' : 'writable'
  const whose = seen.uid === ctx.user.uid ? `is ours and ${can}` : `is ${can}, and ${seen.ownerLabel}'s`
  return `${shown} ${whose}${seen.space ? `, ${bytes(seen.space.bytes)} free` : ''}`
}

export const workspace = defineCheck({
  kind: 'workspace',
  title: 'A folder is there, ours to use, private, and has room',
  docs: `Proves that the user who runs this may really use a folder: it is listed, and with a \`w\` in \`access\` a file of our own
(\`.bootcheck-<pid>-<random>.tmp\`) is created in it, written, synced, read back, renamed and removed. The file is removed again
whatever fails. \`mode\` is a ceiling (\`"0700"\`: not one bit for group or others), \`owner\` a user's name or uid, \`min-free\` and
\`min-inodes\` what must be left for this user. Everything that is wrong is told at once.

**Why it matters.** A gateway starts on a workspace that it cannot write to, or on a full disk, and says nothing until the first
job loses its result. A workspace that others can read gives away what the agents keep there.

**What it cannot see.** root may write nearly everywhere, so run it as the gateway's user (\`user:\` in the front matter holds you to
it). It looks at the folder itself, not at what is in it: a single file in it may still be closed. A quota is seen when it is
spent, not before. Access lists are obeyed by the probes, but \`mode\` does not read them.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['path'],
    properties: {
      path: { type: 'string', minLength: 1, format: 'path', description: 'The folder' },
      access: {
        enum: ['r', 'rw', 'rwx'],
        default: 'rw',
        description:
          'What this user must be able to do: list and open, write as well. Search permission (x) is always needed',
      },
      mode: {
        type: 'string',
        format: 'mode',
        pattern: MODE_PATTERN,
        description: 'The most permissions that the folder may have, in quoted octal',
      },
      owner: {
        type: ['string', 'integer'],
        minLength: 1,
        minimum: 0,
        description: 'Name or uid of the user that must own it',
      },
      'min-free': {
        type: 'string',
        format: 'size',
        pattern: SIZE_PATTERN,
        description: 'Space that must be left for this user',
      },
      'min-inodes': { type: 'integer', minimum: 0, description: 'New files that the file system must have room for' },
    },
  },
  codes: {
    usable: 'the folder is as wanted',
    missing: 'nothing is at the path',
    'dangling-link': 'the path is, or leads through, a link to nothing',
    'link-loop': 'the path is, or leads through, a loop of links',
    'not-a-folder': 'something else is in the place of the folder or of one above it',
    'parent-closed': 'a folder above may not be searched by this user',
    'not-readable': 'the folder cannot be listed by this user',
    'not-searchable': 'the folder can be listed, but nothing in it can be opened',
    'not-writable': 'this user cannot create files in it',
    'not-removable': 'files can be created in it but not renamed or removed',
    'read-only': 'the file system is mounted read-only',
    'disk-full': 'no space is left (ENOSPC)',
    'no-inodes': 'no inode is left (ENOSPC)',
    quota: "the user's quota is spent (EDQUOT)",
    corrupt: 'other bytes came back than were written',
    'wrong-owner': 'it belongs to another user than wanted',
    'unknown-owner': 'the wanted owner does not exist on this host',
    'mode-too-open': 'it has permissions above the ceiling',
    'low-space': 'less space is left than wanted',
    'low-inodes': 'fewer inodes are left than wanted',
    unusable: 'the system answers with another error, which is named',
  },
  examples: [
    {
      title: 'A folder to work in',
      files: { 'workspace/': '' },
      options: { path: 'workspace', access: 'rwx', 'min-free': '1MiB' },
      expect: { status: 'pass', code: 'workspace/usable' },
    },
    {
      title: 'A folder that is not there',
      options: { path: 'workspace' },
      expect: { status: 'fail', code: 'workspace/missing' },
    },
    {
      title: 'A file in its place',
      files: { workspace: 'oops' },
      options: { path: 'workspace' },
      expect: { status: 'fail', code: 'workspace/not-a-folder' },
    },
  ],
  run(options, ctx) {
    const shown = options.path
    const path = ctx.path(shown).replace(/(?<=.)\/+$/, '')
    const place: Place = { shown, path, user: ctx.user }

    const broken = findBreak(path)
    if (broken) return refused([judgeBreak(broken, place)], place, { uid: ctx.user.uid })
    const found = stat(path)
    if (!found?.isDirectory()) {
      const observed = found ? `${kindOf(found)} at ${path}` : `nothing at ${path} any more`
      const problem = {
        what: 'not-a-folder',
        says: `is ${found ? `${kindOf(found)}, not a folder` : 'gone'}`,
        observed,
        expected: `a folder at ${path}`,
        next: `ls -ld ${quote(path)}`,
      }
      return refused([problem], place, { uid: ctx.user.uid })
    }

    const wanted: Wanted = {
      access: options.access,
      ...(options.mode === undefined ? {} : { ceiling: parseMode(options.mode) }),
      ...(options.owner === undefined
        ? {}
        : {
            owner: {
              written: String(options.owner),
              uid: uidOf(options.owner),
            },
          }),
      ...(options['min-free'] === undefined ? {} : { minFree: size(options['min-free']) ?? Number.POSITIVE_INFINITY }),
      ...(options['min-inodes'] === undefined ? {} : { minInodes: options['min-inodes'] }),
    }
    const seen = look(path, found, wanted.access, ctx.user)
    const facts: Facts = {
      uid: ctx.user.uid,
      owner: seen.uid,
      mode: octal(seen.mode),
      freeBytes: seen.space?.bytes ?? null,
      freeInodes: seen.space?.countsInodes ? seen.space.inodes : null,
    }
    const [first, ...others] = judge(wanted, seen, place)
    if (first) return refused([first, ...others], place, facts)
    return {
      status: 'pass',
      code: 'workspace/usable',
      summary: praise(shown, wanted, seen, ctx),
      watched: [shown],
      facts,
    }
  },
})
