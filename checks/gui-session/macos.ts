/**
 * launchctl: what it prints, and what it means. A LaunchAgent lives in the domain gui/UID, which exists while that user is logged in at the
 * screen; launchd's errors for it are numbers of its own (`launchctl error N` prints their names).
 */

export interface MacFacts {
  readonly system: 'macos'
  readonly user: string
  readonly uid: number
  /** Of `launchctl print gui/UID`. */
  readonly print: { readonly code: number; readonly text: string }
  /** Of `launchctl managername`: Aqua at the screen, Background over ssh and in a daemon, System for root. */
  readonly manager?: string
}

export interface LaunchdError {
  readonly number: number
  readonly meaning: string
  readonly next: (uid: number) => string
}

const ERRORS: readonly LaunchdError[] = [
  {
    number: 125,
    meaning: 'the domain gui/UID is not there: nobody of that account is logged in at the screen',
    next: uid => `log in at the screen (or enable automatic login), then: launchctl print gui/${uid}`,
  },
  {
    number: 5,
    meaning: "launchd's generic refusal: the job is loaded already, is disabled, or its plist is wrong",
    next: uid => `launchctl print-disabled gui/${uid}`,
  },
  {
    number: 37,
    meaning: 'the same request is already in progress',
    next: uid => `launchctl print gui/${uid}`,
  },
]

/** What a failed `launchctl bootstrap`, or a `print` of a domain that is not there, says; undefined where it says none of it. */
export const launchdError = (text: string): LaunchdError | undefined => {
  const number = /(?:Bootstrap failed|Boot-out failed|Could not \w+ [^:\n]*): (\d+):/.exec(text)?.[1]
  const known = ERRORS.find(error => error.number === Number(number))
  if (known) return known
  if (number !== undefined)
    return {
      number: Number(number),
      meaning: 'an error that is not known here',
      next: () => `launchctl error ${number}`,
    }
  return /could not find domain for|domain does not support specified action/i.test(text) ? ERRORS[0] : undefined
}

/** The uid of the domain that `launchctl print gui/UID` describes; undefined where the text is something else. */
export const printedDomain = (text: string): number | undefined => {
  const uid = /^gui\/(\d+) = \{/m.exec(text)?.[1]
  return uid === undefined ? undefined : Number(uid)
}
