/** A host name that gave no address. */
import type { Trouble } from '../../core/check.ts'
import { quote } from '../../core/shell.ts'
import { span } from '../../core/text.ts'
import type { Limits } from './limits.ts'

const SAYS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no such name',
  EAI_AGAIN: 'the resolver cannot answer now',
  EAI_NODATA: 'the name has no address',
  EAI_FAIL: 'the resolver failed',
}

export const unresolvable = (
  host: string,
  code: string,
  watched: readonly [string, ...string[]],
  limits: Limits,
): Trouble => {
  const says = code === 'TIMEOUT' ? `the resolver did not answer within ${span(limits.ms)}` : (SAYS[code] ?? code)
  return {
    status: 'fail',
    code: 'port/unresolvable',
    summary: `${host} cannot be resolved: ${says}`,
    observed: `${host}: ${says}${says === code || code === 'TIMEOUT' ? '' : ` (${code})`}`,
    expected: 'a name that leads to an address, or an address',
    next: process.platform === 'linux' ? `getent ahosts ${quote(host)}` : `dscacheutil -q host -a name ${quote(host)}`,
    watched,
    facts: { host, error: code },
  }
}
