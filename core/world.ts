/** The only reader of this process's environment, folder, clock, user and signals. */
import { userInfo } from 'node:os'
import type { Env, User } from './check.ts'
import { readText } from './files.ts'

export interface World {
  readonly env: Env
  readonly cwd: string
  readonly home: string
  readonly platform: NodeJS.Platform
  readonly user: User
  /** Wall clock, ms since the epoch. */
  now(): number
}

interface Account {
  readonly name: string
  readonly home: string
}

/** The line of a uid in the text of /etc/passwd. */
export const accountOf = (uid: number, passwd: string): Account | undefined => {
  for (const line of passwd.split('\n')) {
    const [name, , id, , , home] = line.split(':')
    if (name && id === String(uid)) return { name, home: home ?? '/' }
  }
  return undefined
}

const accounts = new Map<number, Account | undefined>()

const passwdAccount = (uid: number): Account | undefined => {
  if (!accounts.has(uid)) {
    let known: Account | undefined
    try {
      known = accountOf(uid, readText('/etc/passwd'))
    } catch {
      // a container without the file: the environment's names, or the number itself
    }
    accounts.set(uid, known)
  }
  return accounts.get(uid)
}

/** The system's user database may be a network's, and asking it may block: /etc/passwd is read first, and on Linux nothing else. */
const account = (uid: number, env: Env): Account => {
  if (process.platform !== 'linux') {
    const { username, homedir: home } = userInfo()
    return { name: username, home }
  }
  return passwdAccount(uid) ?? { name: env.USER ?? env.LOGNAME ?? String(uid), home: '/' }
}

/** Where the shell stood; a folder that is gone holds no manifest, and an absolute path needs none. */
const folder = (): string => {
  try {
    return process.cwd()
  } catch {
    return '/nonexistent'
  }
}

export const world = (): World => {
  const { env } = process
  const uid = process.geteuid?.() ?? -1
  const { name, home } = account(uid, env)
  return {
    env,
    cwd: folder(),
    home: env.HOME || home,
    platform: process.platform,
    user: { uid, gid: process.getegid?.() ?? -1, name },
    now: Date.now,
  }
}
