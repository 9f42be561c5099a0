/** Who is asked past the proxy. */

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/**
 * Whether `NO_PROXY` says that a URL is asked without a proxy: `*` alone, or names parted by commas or blanks, each with the names
 * below it, and with a port if it is meant for that port alone. As undici reads it, with which most gateways ask.
 */
export const bypassesProxy = (url: URL, noProxy: string): boolean => {
  if (noProxy === '*') return true
  const port = Number(url.port) || PORTS[url.protocol]
  return noProxy
    .split(/[,\s]/)
    .filter(entry => entry !== '')
    .some(entry => {
      const [, name = entry, only] = /^(.+):(\d+)$/.exec(entry) ?? []
      const host = name.replace(/^\*?\./, '').toLowerCase()
      return (
        (only === undefined || Number(only) === port) && (url.hostname === host || url.hostname.endsWith(`.${host}`))
      )
    })
}
