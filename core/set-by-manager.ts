/** The variables that launchd and systemd set for a service of themselves. */
import type { CheckContext } from './check.ts'
import { expandSpecifiers, lastOf, type Specifiers, type Unit } from './systemd-unit.ts'
import { type Account, account } from './users.ts'

type Context = Pick<CheckContext, 'home' | 'user'>

/** By name; without a value where it is another one at each start. */
export type Managed = ReadonlyMap<string, string | undefined>

const login = ({ name, home, shell }: Account): readonly (readonly [string, string])[] => [
  ['USER', name],
  ['LOGNAME', name],
  ['HOME', home],
  ['SHELL', shell],
]

const ours = ({ user, home }: Context): Account => ({ name: user.name, home, shell: account(user.name)?.shell ?? '' })

/** Without `UserName` a daemon is root, for whom launchd sets nothing of this; an agent is of the user who is logged in. */
export const setByLaunchd = (path: string, userName: unknown, ctx: Context): Managed => {
  const named = typeof userName === 'string' ? account(userName) : undefined
  const who = named ?? (path.includes('/LaunchDaemons/') ? undefined : ours(ctx))
  return new Map<string, string | undefined>([
    ['XPC_SERVICE_NAME', undefined],
    ['XPC_FLAGS', undefined],
    ...(who ? [...login(who), ['TMPDIR', undefined] as const] : []),
  ])
}

/** Folders that systemd makes, and names to the service. */
const FOLDERS = ['Runtime', 'State', 'Cache', 'Logs', 'Configuration'] as const

/** systemd.exec(5), "Environment Variables in Spawned Processes". A home of `/` and a shell that lets nobody in it does not set. */
export const setBySystemd = (unit: Unit, specifiers: Specifiers, userManager: boolean, ctx: Context): Managed => {
  const last = (key: string): string => expandSpecifiers(lastOf(unit, 'Service', key)?.value ?? '', specifiers)
  const yes = (key: string): boolean => /^(?:1|yes|y|true|t|on)$/i.test(last(key))
  const no = /^(?:0|no|n|false|f|off)$/i.test(last('SetLoginEnvironment'))
  const user = last('User') || (yes('SetLoginEnvironment') ? 'root' : '')
  const who = userManager ? ours(ctx) : no || user === '' ? undefined : account(user)
  const dynamic = who === undefined && yes('DynamicUser') && !no
  const made = [
    'INVOCATION_ID',
    'SYSTEMD_EXEC_PID',
    ...(/^notify/.test(last('Type')) ? ['NOTIFY_SOCKET'] : []),
    ...FOLDERS.filter(name => last(`${name}Directory`) !== '').map(name => `${name.toUpperCase()}_DIRECTORY`),
    ...(dynamic ? ['USER', 'LOGNAME'] : []),
  ]
  return new Map<string, string | undefined>([
    ...made.map(name => [name, undefined] as const),
    ...(who ? login(who).filter(([, value]) => !/^\/?$|\/(?:nologin|false|true)$/.test(value)) : []),
    ...(userManager ? [['XDG_RUNTIME_DIR', `/run/user/${ctx.user.uid}`] as const] : []),
  ])
}
