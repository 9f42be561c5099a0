/** Versions and ranges. The only file that knows semver. */
import satisfies from 'semver/functions/satisfies.js'
import validRange from 'semver/ranges/valid.js'

/** Whether `text` is a range that can be asked for. */
export const isRange = (text: string): boolean => text.trim() !== '' && validRange(text) !== null

/** The first version in what a program prints: `v22.12.0`, `Python 3.11.2`, `ruby 3.3.5p100 (…)`. A missing patch is 0. */
export const versionIn = (text: string): string | undefined => {
  const match = /(?<![\w.])v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9})(-[0-9A-Za-z][0-9A-Za-z.-]*)?)?/.exec(text)
  return match ? `${match[1]}.${match[2]}.${match[3] ?? 0}${match[4] ?? ''}` : undefined
}

/** A prerelease counts as the version that it leads to, yet 25.0.0-nightly is not below 25. */
export const inRange = (version: string, range: string): boolean =>
  satisfies(version, range, { includePrerelease: true })
