/** What a tool printed, kept in a file: which tool it was, and what it means. */

import { firstLine } from '../../core/bounded.ts'
import { quote } from '../../core/shell.ts'
import { excerpt } from '../../core/text.ts'
import { userId, userName } from '../../core/users.ts'
import { type Expect, type Judged, judgeError, judgeLinux, judgeMac } from './judge.ts'
import { isNobody, parseProperties, sessionOf } from './linux.ts'
import { printedDomain } from './macos.ts'

/** Whom a text is about, as far as it says so. */
interface Subject {
  readonly uid?: number
  readonly name?: string
}

const subjectOf = (text: string): Subject => {
  const uid =
    /^gui\/(\d+) = \{/m.exec(text)?.[1] ??
    /domain for (?:user )?gui(?:: |\/)(\d+)/i.exec(text)?.[1] ??
    /User ID (\d+) is not logged in/i.exec(text)?.[1] ??
    /^UID=(\d+)\r?$/m.exec(text)?.[1]
  const name = /^Name=(.+?)\r?$/m.exec(text)?.[1] ?? /No user '(.*)' known/i.exec(text)?.[1]
  return { ...(uid === undefined ? {} : { uid: Number(uid) }), ...(name === undefined ? {} : { name }) }
}

/** The file as it reads, whom it is to be about, and who runs this. */
export interface Asked {
  readonly shown: string
  readonly user: string | number | undefined
  /** Whom an error is about that names nobody, where nobody was asked for. */
  readonly uid: number
  readonly expect: Expect | undefined
}

/** Undefined where the text is about the user that was asked for, or about nobody by name. */
const aboutAnother = ({ uid, name }: Subject, { shown, user }: Asked): Judged | undefined => {
  if (user === undefined || (uid === undefined && name === undefined)) return undefined
  const number = /^\d+$/.test(String(user)) ? Number(user) : undefined
  const ofNumber = (wanted: number): boolean => (uid === undefined ? userName(wanted) === name : wanted === uid)
  const ofName = (wanted: string): boolean => (name === undefined ? userId(wanted) === uid : wanted === name)
  const same = number === undefined ? ofName(String(user)) : ofNumber(number)
  if (same) return undefined
  const about = name ?? `uid ${uid}`
  return {
    good: false,
    status: 'fail',
    what: 'other-user',
    says: `${shown} is about ${about}, not about ${number === undefined ? user : `uid ${number}`}`,
    observed: `${shown} was printed of ${about}${uid === undefined || name === undefined ? '' : ` (uid ${uid})`}`,
    expected: `what launchctl or loginctl printed of ${user}${name === undefined && number === undefined ? ' (a name is looked up on this host)' : ''}`,
    next: `launchctl print gui/${number ?? `$(id -u ${quote(String(user))})`} > session.txt 2>&1, or loginctl show-user ${quote(String(user))} > session.txt 2>&1`,
  }
}

export const judgeOutput = (text: string, asked: Asked): Judged => {
  const { shown, expect } = asked
  const subject = subjectOf(text)
  const another = aboutAnother(subject, asked)
  if (another) return another
  const uid = subject.uid ?? asked.uid
  const error = judgeError(text, uid)
  if (error) return error
  const domain = printedDomain(text)
  if (domain !== undefined)
    return judgeMac({ system: 'macos', user: `uid ${domain}`, uid: domain, print: { code: 0, text } })
  const linux = { system: 'linux', user: `uid ${uid}`, uid, sessions: [], linger: false } as const
  if (isNobody(text))
    return judgeLinux({ ...linux, runtimeDir: { path: `/run/user/${uid}`, seen: 'missing' } }, expect ?? 'linger')
  const blocks = parseProperties(text)
  const user = blocks.find(({ UID, Linger }) => UID !== undefined && Linger !== undefined)
  if (user) {
    const sessions = blocks.filter(({ Id, Type }) => Id !== undefined && Type !== undefined).map(sessionOf)
    const path = user.RuntimePath ?? `/run/user/${user.UID}`
    return judgeLinux(
      {
        system: 'linux',
        user: user.Name ?? `uid ${user.UID}`,
        uid: Number(user.UID),
        linger: user.Linger === 'yes',
        sessions,
        runtimeDir: { path, seen: 'usable' },
      },
      expect ?? 'linger',
    )
  }
  return {
    good: false,
    status: 'fail',
    what: 'unknown-output',
    says: `${shown} ${text.trim() === '' ? 'is empty' : 'is of neither launchctl nor loginctl'}`,
    observed:
      text.trim() === ''
        ? `${shown} is empty: a bootstrap that works prints nothing, and so does one that never ran`
        : `${shown} begins with "${excerpt(firstLine(text), 100)}"`,
    expected: 'what launchctl bootstrap, launchctl print gui/UID, or loginctl show-user printed, errors included',
    next: 'launchctl print gui/$(id -u) > session.txt 2>&1, or loginctl show-user $(id -un) > session.txt 2>&1',
  }
}
