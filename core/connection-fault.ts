/** Why no connection came about, in words: for every protocol. */

const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: "its certificate is not valid yet: look at this host's clock",
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its chain ends in a self-signed certificate: a proxy that intercepts TLS, or an authority unknown to Node',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its chain is incomplete, or of an authority unknown to Node',
  UNABLE_TO_GET_ISSUER_CERT: 'its chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its chain is incomplete, or of an authority unknown to Node',
  CERT_REVOKED: 'its certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  EPROTO: 'it does not speak TLS on this port',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port',
}

const CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'reset the connection',
  EHOSTUNREACH: 'cannot be reached: no route to the host',
  ENETUNREACH: 'cannot be reached: this host has no network that leads there',
  EADDRNOTAVAIL: 'cannot be reached: this host has no address for it',
  ETIMEDOUT: 'did not answer',
  UND_ERR_CONNECT_TIMEOUT: 'did not answer',
}

interface Fault {
  readonly code: string
  readonly message: string
  readonly peer: string | undefined
  /** The name that was to be resolved: a proxy's, it may be. */
  readonly name: string | undefined
}

/** With several addresses to try, Node wraps one error for each. */
export const faultOf = (error: unknown): Fault => {
  if (error instanceof AggregateError && error.errors.length > 0) return faultOf(error.errors[0])
  const { name, code, message, cause, address, port, hostname } = error as NodeJS.ErrnoException & {
    readonly cause?: unknown
    readonly address?: string
    readonly port?: number
    readonly hostname?: string
  }
  if (code === undefined && cause instanceof Error) return faultOf(cause)
  return {
    code: code ?? name,
    message,
    peer:
      address === undefined || port === undefined
        ? undefined
        : `${address.includes(':') ? `[${address}]` : address}:${port}`,
    name: hostname,
  }
}

/**
 * What is wrong with a connection that failed before anything was sent over it. `at` is `host:port`; `handshake`: it was
 * connected, and TLS had begun.
 */
export const unconnected = (
  error: unknown,
  host: string,
  at: string,
  handshake: boolean,
): { readonly silent: 'dns' | 'connect' | 'tls'; readonly observed: string; readonly code: string } => {
  const { code, name, peer } = faultOf(error)
  if (code === 'ENOTFOUND')
    return { silent: 'dns', code, observed: `the name ${name ?? host} does not exist (ENOTFOUND)` }
  if (code.startsWith('EAI_'))
    return { silent: 'dns', code, observed: `the name ${host} could not be resolved (${code})` }
  const certificate = CERTIFICATE[code]
  if (certificate !== undefined || /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_)/.test(code))
    return { silent: 'tls', code, observed: `${at}: ${certificate ?? 'TLS failed'} (${code})` }
  if (handshake) return { silent: 'tls', code, observed: `${at} closed the connection in the TLS handshake (${code})` }
  const where = peer === undefined || peer === at ? at : `${peer} (for ${at})`
  return {
    silent: 'connect',
    code,
    observed: `${where} ${CONNECTION[code] ?? 'closed the connection before the request was sent'} (${code})`,
  }
}
