/** From what was seen of a folder to what is wrong with it. Nothing here touches the disk. */
import type { User } from '../../core/check.ts'
import { excess, octal, removal } from '../../core/mode.ts'
import { type Break, wordsOfBreak } from '../../core/path-break.ts'
import { quote } from '../../core/shell.ts'
import { bytes } from '../../core/text.ts'
import type { Refusal } from './probe.ts'

/** One thing that is wrong. `what` is the second half of the code. */
export interface Problem {
  readonly what: string
  /** Reads on from the path: `is missing`. */
  readonly says: string
  readonly observed: string
  readonly expected: string
  readonly next: string
}

/** A folder as the manifest names it (`shown`) and as the system does (`path`), and who asks. */
export interface Place {
  readonly shown: string
  readonly path: string
  readonly user: User
}

export interface Space {
  /** Bytes that this user may still fill. */
  readonly bytes: number
  readonly inodes: number
  /** False where the file system has no fixed number of inodes (btrfs, vfat). */
  readonly countsInodes: boolean
}

export interface Seen {
  /** Bits below 07777. */
  readonly mode: number
  readonly uid: number
  /** The name of that uid, or `uid 501`. */
  readonly ownerLabel: string
  readonly space: Space | undefined
  readonly reading: Refusal | undefined
  readonly writing: Refusal | undefined
}

export interface Wanted {
  readonly access: 'r' | 'rw' | 'rwx'
  readonly ceiling?: number
  /** The owner as written, and its uid: undefined if there is no such user. */
  readonly owner?: { readonly written: string; readonly uid: number | undefined }
  readonly minFree?: number
  readonly minInodes?: number
}

const who = ({ name, uid }: User): string => `${name} (uid ${uid})`

/** Why a path does not lead to anything. */
export const judgeBreak = (broken: Break, place: Place): Problem => {
  const { path, shown, user } = place
  const said = wordsOfBreak(broken, place, 'a folder')
  switch (broken.why) {
    case 'missing':
      // Done as it stands, mkdir would make a folder of that name, and all would look well.
      return {
        ...said,
        next: /[*?]/.test(shown) ? 'write the folder itself: path is no glob' : `mkdir -p ${quote(path)}`,
      }
    case 'dangling':
      return broken.at === path ? { ...said, expected: `a folder, or a link to one, at ${path}` } : said
    case 'closed':
      return { ...said, next: `${said.next} (then, for instance, chmod o+x or setfacl -m u:${user.uid}:x on it)` }
    default:
      return said
  }
}

const STEPS: Readonly<Record<Refusal['step'], string>> = {
  list: 'listing it',
  search: 'reaching a name in it',
  create: 'creating a file in it',
  write: 'writing 4 KiB to a file in it',
  sync: 'syncing a file in it',
  read: 'reading a file in it back',
  rename: 'renaming a file in it',
  remove: 'removing a file in it',
}

const DENIED = new Set(['EACCES', 'EPERM'])
const FULL = new Set(['ENOSPC', 'EDQUOT'])

const OWNER_BITS = { r: 0o400, w: 0o200, x: 0o100 } as const

/** A right is granted with the search permission, without which it is worth nothing. */
const grant = (seen: Seen, { path, user }: Place, letter: keyof typeof OWNER_BITS): string =>
  seen.uid === user.uid
    ? `chmod u+${[...new Set([letter, 'x' as const])].filter(one => one === letter || !(seen.mode & OWNER_BITS[one])).join('')} ${quote(path)}`
    : `ls -ld ${quote(path)} (it is ${seen.ownerLabel}'s; sudo chown ${quote(user.name)} ${quote(path)} makes it ours)`

/** Why a step of the proof failed. */
const judgeRefusal = (refusal: Refusal, seen: Seen, place: Place): Problem => {
  const { step, code, left } = refusal
  const { path, user } = place
  const observed = `${STEPS[step]} fails with ${code} for ${who(user)}; mode ${octal(seen.mode)}, owner ${seen.ownerLabel}`
  const expected = `${who(user)} may do that`
  const problem = (what: string, says: string, next: string, wanted = expected): Problem => ({
    what,
    says: left.length === 0 ? says : `${says}, and the probe ${left.join(', ')} could not be removed`,
    observed,
    expected: wanted,
    next: left.length === 0 ? next : `rm -f ${left.map(quote).join(' ')}; ${next}`,
  })
  if (step === 'list' && DENIED.has(code))
    return problem('not-readable', `cannot be listed by ${user.name}`, grant(seen, place, 'r'))
  if (step === 'search' && DENIED.has(code))
    return problem(
      'not-searchable',
      `can be listed by ${user.name}, but nothing in it can be opened`,
      grant(seen, place, 'x'),
    )
  if (code === 'EROFS')
    return problem(
      'read-only',
      'is on a file system that is mounted read-only',
      process.platform === 'linux' ? `findmnt -T ${quote(path)}` : 'mount',
      'a file system that is mounted for writing',
    )
  if (FULL.has(code)) {
    if (code === 'EDQUOT')
      return problem('quota', `takes nothing more: the quota of ${user.name} is spent`, 'quota -s', 'room in the quota')
    if (seen.space?.countsInodes && seen.space.inodes === 0)
      return problem(
        'no-inodes',
        'takes no new file: the file system has no inode left',
        `df -i ${quote(path)}`,
        'free inodes',
      )
    return problem('disk-full', 'takes nothing more: its disk is full', `df -h ${quote(path)}`, 'free space')
  }
  if (step === 'create' && DENIED.has(code))
    return code === 'EPERM'
      ? problem(
          'not-writable',
          `is closed to writing for everybody (EPERM, an attribute perhaps)`,
          process.platform === 'linux' ? `lsattr -d ${quote(path)}` : `ls -ldO ${quote(path)}`,
        )
      : problem('not-writable', `cannot be written to by ${user.name}`, grant(seen, place, 'w'))
  if ((step === 'rename' || step === 'remove') && DENIED.has(code))
    return problem(
      'not-removable',
      `takes new files and does not let go of them: ${STEPS[step]} fails (${code})`,
      process.platform === 'linux' ? `lsattr -d ${quote(path)}` : `ls -ldeO ${quote(path)}`,
    )
  if (code === 'DIFFERENT')
    return problem(
      'corrupt',
      'does not give back what was written',
      process.platform === 'linux' ? 'dmesg | tail -n 50' : 'diskutil verifyVolume /',
      'the same 4 KiB that were written',
    )
  return problem('unusable', `does not work: ${STEPS[step]} fails (${code})`, `ls -la ${quote(path)}`)
}

const judgeOwner = (owner: NonNullable<Wanted['owner']>, seen: Seen, { path }: Place): Problem | undefined => {
  if (owner.uid === undefined)
    return {
      what: 'unknown-owner',
      says: `cannot belong to ${owner.written}: this host has no such user`,
      observed: `no user ${owner.written}; the folder is ${seen.ownerLabel}'s (uid ${seen.uid})`,
      expected: `owner ${owner.written}`,
      next: `id ${quote(owner.written)}`,
    }
  if (owner.uid === seen.uid) return undefined
  return {
    what: 'wrong-owner',
    says: `belongs to ${seen.ownerLabel}, not to ${owner.written}`,
    observed: `owner ${seen.ownerLabel} (uid ${seen.uid})`,
    expected: `owner ${owner.written} (uid ${owner.uid})`,
    next: `sudo chown ${quote(owner.written)} ${quote(path)}`,
  }
}

const judgeMode = (ceiling: number, seen: Seen, { path }: Place): Problem | undefined => {
  const above = excess(seen.mode, ceiling)
  if (above === 0) return undefined
  return {
    what: 'mode-too-open',
    says: `has mode ${octal(seen.mode)}, more than ${octal(ceiling)}`,
    observed: `mode ${octal(seen.mode)}`,
    expected: `no bit above ${octal(ceiling)}`,
    next: `chmod ${removal(above)} ${quote(path)}`,
  }
}

const judgeSpace = ({ minFree, minInodes }: Wanted, { space }: Seen, { path }: Place): Problem[] => {
  const problems: Problem[] = []
  if (!space) {
    if (minFree !== undefined || minInodes !== undefined)
      problems.push({
        what: 'unusable',
        says: 'does not say how much is free',
        observed: 'statfs fails',
        expected: 'a file system that tells what is free',
        next: `df -h ${quote(path)}`,
      })
    return problems
  }
  if (minFree !== undefined && space.bytes < minFree)
    problems.push({
      what: 'low-space',
      says: `has ${bytes(space.bytes)} free, less than ${bytes(minFree)}`,
      observed: `${bytes(space.bytes)} free for this user (${space.bytes} bytes)`,
      expected: `at least ${bytes(minFree)} (${minFree} bytes)`,
      next: `df -h ${quote(path)}`,
    })
  if (minInodes !== undefined && space.countsInodes && space.inodes < minInodes)
    problems.push({
      what: 'low-inodes',
      says: `has room for ${space.inodes} more files, fewer than ${minInodes}`,
      observed: `${space.inodes} free inodes`,
      expected: `at least ${minInodes}`,
      next: `df -i ${quote(path)}`,
    })
  return problems
}

/** Everything that is wrong, what stops a gateway first. */
export const judge = (wanted: Wanted, seen: Seen, place: Place): Problem[] => {
  const found = [
    seen.reading && judgeRefusal(seen.reading, seen, place),
    seen.writing && judgeRefusal(seen.writing, seen, place),
    wanted.owner && judgeOwner(wanted.owner, seen, place),
    wanted.ceiling === undefined ? undefined : judgeMode(wanted.ceiling, seen, place),
    ...judgeSpace(wanted, seen, place),
  ]
  return found.filter(problem => problem !== undefined)
}
