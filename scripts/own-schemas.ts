/** Every schema of ours that a run validates with: the build makes validators of them. */
import { kinds } from '../checks/index.ts'

export const ownSchemas = async (): Promise<readonly object[]> => {
  const checks = await Promise.all(Object.values(kinds).map(load => load()))
  return checks.flatMap(check => [
    check.options,
    ...('settings' in check ? [check.settings] : []),
    ...(check.schemas ?? []),
  ])
}
