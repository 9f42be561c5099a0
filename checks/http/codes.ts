/** Every code that this kind answers. */
export const codes = {
  answered: 'the answer is as declared',
  'certificate-ends': 'the answer is as declared, and the certificate is valid for less than `valid-for`',
  'certificate-unchecked':
    'the answer is as declared, and only NODE_TLS_REJECT_UNAUTHORIZED=0 let its certificate through: anybody could have answered',
  unauthorized: 'HTTP 401: the credential is missing, wrong, expired or revoked',
  forbidden: 'HTTP 403: the credential is known and may not do this',
  'rate-limited': 'HTTP 429: the service wants to be left alone for a while',
  'server-error': 'HTTP 5xx: the service failed',
  redirect: 'HTTP 3xx: it is never followed, since it would carry the credential along',
  status: 'another status than declared',
  header: 'a header is missing or other than declared',
  'not-json': 'the body is no JSON where JSON is declared',
  json: 'a value in the JSON is missing or other than declared',
  body: 'the body does not hold what is declared',
  cut: 'the answer is not whole: it broke off, never ended, or is too large to be searched',
  unresolvable: 'the name could not be resolved; what each name server says is told',
  refused: 'nothing listens at the address',
  unreachable: 'no way to the address, or the connection was dropped before the request was sent',
  timeout: 'no answer in time; at which stage is told',
  closed: 'the connection was closed without an answer',
  'not-http': 'what came back is not HTTP',
  proxy:
    'the proxy that the environment names did not let the request through, is not there, or has a name that does not exist',
  'certificate-expired': 'the certificate has expired',
  'certificate-early': "the certificate is not valid yet: often this host's clock",
  'certificate-name': 'the certificate is for another host',
  'certificate-issuer': 'the certificate is self-signed, of an unknown authority, or its chain is incomplete',
  tls: 'no TLS connection for another reason',
  options: 'the options contradict each other or cannot be sent',
} as const

export type What = keyof typeof codes
