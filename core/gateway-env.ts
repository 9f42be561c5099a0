/** The gateway's environment: what was moved aside to keep node alive on the way to us is put back as it was. */
import type { Env } from './check.ts'

/** A bad value of these ends node before its first line, so whoever starts us moves them aside. */
const MOVED = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS'] as const

const asideName = (name: string): string => `BOOTCHECK_${name}`

export const gatewayEnv = (env: Env): Env => {
  const given: Record<string, string | undefined> = { ...env }
  for (const name of MOVED) {
    const aside = given[asideName(name)]
    if (aside === undefined) continue
    given[name] = aside
    delete given[asideName(name)]
  }
  return given
}
