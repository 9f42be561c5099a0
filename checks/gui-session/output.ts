/** What a tool printed, kept in a file: which tool it was, and what it means. */

import { firstLine } from '../../core/bounded.ts'
import { excerpt } from '../../core/text.ts'
import { type Expect, type Judged, judgeError, judgeLinux, judgeMac } from './judge.ts'
import { isNobody, parseProperties, sessionOf } from './linux.ts'
import { printedDomain } from './macos.ts'

/** `shown`: the file, for people. `uid`: whom an error that names none is about. */
export const judgeOutput = (text: string, shown: string, uid: number, expect: Expect | undefined): Judged => {
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
    observed: text.trim() === '' ? `${shown} is empty` : `${shown} begins with "${excerpt(firstLine(text), 100)}"`,
    expected: 'what launchctl bootstrap, launchctl print gui/UID, or loginctl show-user printed, errors included',
    next: 'launchctl print gui/$(id -u) > session.txt 2>&1, or loginctl show-user $(id -un) > session.txt 2>&1',
  }
}
