/** Names and numbers of this host's users. */
import { FileError, readText } from './files.ts'
import { ask } from './system.ts'

/** Reads lines of `name:x:uid:…`; the first of a repeated name or uid counts, as it does for getpwnam(3). */
export const parsePasswd = (text: string): { readonly name: string; readonly uid: number }[] =>
  text.split('\n').flatMap(line => {
    const [name, , uid] = line.split(':')
    return name && !name.startsWith('#') && uid && /^\d+$/.test(uid) ? [{ name, uid: Number(uid) }] : []
  })

const listed = (): ReturnType<typeof parsePasswd> => {
  try {
    return parsePasswd(readText('/etc/passwd'))
  } catch (error) {
    if (error instanceof FileError) return []
    throw error
  }
}

// Directory services (macOS, LDAP, sssd) keep users that /etc/passwd does not list; id(1) asks them. A silent one costs a second.

/** The name of a uid, or undefined where nobody has it. */
export const userName = (uid: number): string | undefined => {
  const known = listed().find(user => user.uid === uid)
  return known ? known.name : ask('id', ['-un', '--', String(uid)])?.trim() || undefined
}

/** The uid of a name, or undefined where there is no such user. */
export const userId = (name: string): number | undefined => {
  const known = listed().find(user => user.name === name)
  if (known) return known.uid
  const answer = ask('id', ['-u', '--', name])?.trim() ?? ''
  return /^\d+$/.test(answer) ? Number(answer) : undefined
}

/** What a login as a user sets. */
export interface Account {
  readonly name: string
  readonly home: string
  readonly shell: string
}

/** The account of a name or a uid, or undefined where there is none. */
export const account = (who: string): Account | undefined => {
  if (!/^\w/.test(who)) return undefined
  const find = (text: string): Account | undefined => {
    const accounts = text.split('\n').map(line => line.split(':'))
    const fields = accounts.find(([name]) => name === who) ?? accounts.find(([, , uid]) => uid === who)
    // macOS has three fields more before the last two (master.passwd).
    return fields && fields.length >= 7
      ? { name: fields[0] ?? '', home: fields.at(-2) ?? '', shell: fields.at(-1) ?? '' }
      : undefined
  }
  let local = ''
  try {
    local = readText('/etc/passwd')
  } catch (error) {
    if (!(error instanceof FileError)) throw error
  }
  return (
    find(local) ?? find((process.platform === 'darwin' ? ask('id', ['-P', who]) : ask('getent', ['passwd', who])) ?? '')
  )
}

/** `claw`, or `uid 501` where it has no name. */
export const userLabel = (uid: number): string => userName(uid) ?? `uid ${uid}`
