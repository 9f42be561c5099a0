/** From what the system said to what it means for a service of this user: pure. */
import { firstLine } from '../../core/bounded.ts'
import { quote } from '../../core/shell.ts'
import { listing } from '../../core/text.ts'
import { isGraphical, type LinuxFacts } from './linux.ts'
import { launchdError, type MacFacts, printedDomain } from './macos.ts'

export type Expect = 'session' | 'linger'

export type Judged =
  | { readonly good: true; readonly what: 'session' | 'lingering'; readonly says: string }
  | {
      readonly good: false
      readonly status: 'warn' | 'fail'
      readonly what: string
      readonly says: string
      readonly observed: string
      readonly expected: string
      readonly next: string
    }

const bad = (
  what: string,
  says: string,
  observed: string,
  expected: string,
  next: string,
  status: 'warn' | 'fail' = 'fail',
): Judged => ({ good: false, status, what, says, observed, expected, next })

const SCREEN = 'that account logged in at the screen'

/** Which code each of launchd's errors has. */
const WHAT: Readonly<Record<number, string>> = { 125: 'no-session', 5: 'refused', 37: 'in-progress' }

/** An error text of launchctl; undefined where it is none. */
export const judgeError = (text: string, uid: number): Judged | undefined => {
  const error = launchdError(text)
  if (!error) return undefined
  const line = text.split('\n').find(each => launchdError(each)) ?? firstLine(text)
  return bad(
    WHAT[error.number] ?? 'launchd-error',
    `launchd answers ${error.number}: ${error.meaning}`,
    line.trim(),
    error.number === 125 ? SCREEN : 'a bootstrap without an error',
    error.next(uid),
    error.number === 37 ? 'warn' : 'fail',
  )
}

export const judgeMac = ({ user, uid, print, manager }: MacFacts): Judged => {
  const domain = printedDomain(print.text)
  if (print.code === 0 && domain === uid)
    return {
      good: true,
      what: 'session',
      says: `${user} has a GUI session (gui/${uid})${manager === undefined || manager === 'Aqua' ? '' : `; this run itself is in ${manager}`}`,
    }
  const error = judgeError(print.text, uid)
  if (error) return error
  return bad(
    'no-session',
    `${user} has no GUI session: a LaunchAgent of that account cannot be loaded (error 125)`,
    `launchctl print gui/${uid} ended with ${print.code}: ${firstLine(print.text) || 'nothing was printed'}`,
    SCREEN,
    `launchctl print gui/${uid}`,
  )
}

/** A manager in one of these runs services, whatever else failed in it. */
const WORKING = new Set(['running', 'degraded', 'starting', 'initializing', 'maintenance'])

const judgeSession = ({ user, sessions, linger }: LinuxFacts): Judged => {
  const graphical = sessions.filter(isGraphical)
  if (graphical[0])
    return {
      good: true,
      what: 'session',
      says: `${user} has a GUI session (${listing(graphical.map(({ id, type, state }) => `${type}, session ${id}, ${state}`))})`,
    }
  const others = listing(
    sessions.map(({ id, type, state, remote }) => `session ${id}: ${type}${remote ? ' from afar' : ''}, ${state}`),
  )
  return bad(
    'no-session',
    `${user} has no GUI session`,
    sessions.length > 0 ? `only ${others}` : `no session at all${linger ? ', though lingering is on' : ''}`,
    'a session of type x11 or wayland',
    `loginctl list-sessions`,
  )
}

const judgeLinger = ({ user, uid, sessions, linger, runtimeDir, manager }: LinuxFacts): Judged => {
  if (!linger)
    return bad(
      'no-linger',
      `services of ${user} end at logout and do not start at boot: lingering is off`,
      `Linger=no, ${sessions.length === 0 ? 'and no session' : `sessions ${listing(sessions.map(({ id }) => id))}`}`,
      'Linger=yes',
      `sudo loginctl enable-linger ${quote(user)}`,
    )
  if (runtimeDir.seen !== 'usable')
    return bad(
      'no-runtime-dir',
      `${runtimeDir.path} is ${runtimeDir.seen}, so nothing reaches the user manager of ${user}`,
      `${runtimeDir.path} is ${runtimeDir.seen}`,
      `a folder of ${user}, made by logind`,
      `systemctl status user-runtime-dir@${uid}.service user@${uid}.service`,
    )
  if (manager && !WORKING.has(manager.state))
    return bad(
      'no-user-manager',
      `the user manager of ${user} does not answer`,
      `systemctl --user is-system-running: ${manager.state || firstLine(manager.error) || 'nothing was printed'}`,
      'running, or degraded',
      `systemctl status user@${uid}.service`,
    )
  if (runtimeDir.variable !== undefined && runtimeDir.variable !== runtimeDir.path)
    return bad(
      'runtime-dir-differs',
      `XDG_RUNTIME_DIR is ${runtimeDir.variable}, not ${runtimeDir.path}: systemctl --user asks in the wrong place`,
      `XDG_RUNTIME_DIR=${runtimeDir.variable}`,
      runtimeDir.path,
      `XDG_RUNTIME_DIR=${runtimeDir.path} systemctl --user status`,
      'warn',
    )
  const state = manager ? `, its manager is ${manager.state}` : ''
  return { good: true, what: 'lingering', says: `${user} lingers: services start at boot and outlive a logout${state}` }
}

export const judgeLinux = (facts: LinuxFacts, expect: Expect): Judged => {
  if (facts.noLogind !== undefined)
    return bad(
      'no-logind',
      'systemd-logind does not answer: nobody knows of sessions here',
      facts.noLogind,
      'a host that systemd has booted, with systemd-logind',
      'loginctl list-users',
    )
  return expect === 'session' ? judgeSession(facts) : judgeLinger(facts)
}
