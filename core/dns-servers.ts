/**
 * What each name server says about a name, for when the system's resolver has failed: getaddrinfo tells neither whom it asked nor
 * a broken server from a silent one.
 */

export interface ServerAnswer {
  /** `127.0.0.53`, with its port where that is not 53. */
  readonly server: string
  /** A code of c-ares (`ENOTFOUND`, `ENODATA`, `ESERVFAIL`, `EREFUSED`, `ETIMEOUT`, `ECONNREFUSED`), or `found`. */
  readonly code: string
}

/** The resolver reads three of them (MAXNS), and so do we. */
const MOST_SERVERS = 3

/** Resolves within `ms`. Empty if the system names no server. */
export const askServers = async (host: string, ms: number): Promise<readonly ServerAnswer[]> => {
  const { getServers, promises } = await import('node:dns')
  return Promise.all(
    getServers()
      .slice(0, MOST_SERVERS)
      .map(async server => {
        const resolver = new promises.Resolver({ timeout: Math.max(1, Math.round(ms)), tries: 1 })
        const timer = setTimeout(() => resolver.cancel(), ms)
        try {
          resolver.setServers([server])
          await resolver.resolve4(host)
          return { server, code: 'found' }
        } catch (error) {
          const { code = 'UNKNOWN' } = error as NodeJS.ErrnoException
          return { server, code: code === 'ECANCELLED' ? 'ETIMEOUT' : code }
        } finally {
          clearTimeout(timer)
        }
      }),
  )
}

const MEANS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'says that it does not exist (NXDOMAIN)',
  ENODATA: 'knows it, and no IPv4 address for it',
  ESERVFAIL: 'could not find out (SERVFAIL)',
  EREFUSED: 'refused to answer (REFUSED)',
  ETIMEOUT: 'did not answer',
  ECONNREFUSED: 'is no name server: nothing listens there',
  found: 'knows it, so the system asks elsewhere (/etc/nsswitch.conf)',
}

/** `127.0.0.53 did not answer; 1.1.1.1 says that it does not exist (NXDOMAIN)`. */
export const serversSaid = (answers: readonly ServerAnswer[]): string =>
  answers.length === 0
    ? 'no name server is configured'
    : answers.map(({ server, code }) => `${server} ${MEANS[code] ?? `answered ${code}`}`).join('; ')
