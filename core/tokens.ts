/** Shapes of tokens that people paste: what they belong to is said in place of the value. */

export const TOKENS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a Telegram bot token', /(?<![A-Za-z0-9])[0-9]{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/g],
  ['a GitHub token', /\b(?:gh[opsur]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})/g],
  ['a GitLab token', /\bglpat-[A-Za-z0-9_-]{20,}/g],
  ['a Slack token', /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g],
  ['a Slack webhook', /hooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9/_-]{20,}/g],
  ['a Discord webhook', /discord(?:app)?\.com\/api\/webhooks\/[0-9]+\/[A-Za-z0-9_-]{20,}/g],
  ['an API key', /\bsk-[A-Za-z0-9_-]{20,}/g],
  ['an AWS key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g],
  ['a Google API key', /\bAIza[A-Za-z0-9_-]{35}/g],
  ['a JSON Web Token', /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g],
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----/g],
  ['a password in a URL', /(?<=[a-z][a-z0-9+.-]*:\/\/[^\s/:@"'$]+:)[^\s/@"'${}]{3,}(?=@)/g],
  ['a bearer token', /(?<=\bBearer )[A-Za-z0-9._~+/-]{20,}/g],
]

const LEFT_OUT = '[left out]'

const ASSIGNED =
  /(?<![A-Za-z0-9])((?:api[-_ ]?key|token|secret|passw(?:or)?d|authorization)["']?\s{0,3}[:=]\s{0,3}["']?)(?!\[left out\])[^\s"',;]{4,}/gi

/** Text of unknown origin with what looks like a secret left out: every known shape, and what is assigned to a name that says so. */
export const withoutTokens = (text: string): string =>
  TOKENS.reduce((shown, [name, pattern]) => shown.replace(pattern, `[${name}]`), text).replace(
    ASSIGNED,
    `$1${LEFT_OUT}`,
  )

/** Does this name say that its value must not be shown? */
export const namesSecret = (name: string): boolean =>
  name
    .split(/[_-]|(?<=[a-z])(?=[A-Z])/)
    .some(word => /TOKEN|SECRET|^PASS|PASS(?:WORD|WD|PHRASE)?S?$|KEYS?$/i.test(word))

/** `NAME=value`, `--name=value` and `--name value`. What is masked stays as it is. */
const GIVEN =
  /(?<![\w.-])(?=[\w.-]*(?:token|secret|pass|key))([\w.-]+=|-[\w.-]+\s+)(?!-|\*\*\*|\[left out\])("[^"]*"|'[^']*'|[^\s"']+)/gi

/**
 * A command line that somebody else wrote, or a text that quotes one. Programs are given their secrets in options and variables: what
 * their names call one is left out, whatever its shape.
 */
export const withoutSecrets = (line: string): string =>
  withoutTokens(
    line.replace(GIVEN, (all, name: string) => (namesSecret(name.replace(/[=\s]+$/, '')) ? name + LEFT_OUT : all)),
  )

/** A check's context in which `mask` serves for text that quotes the command lines of others. */
export const discreet = <C extends { mask(text: string): string }>(ctx: C): C => ({
  ...ctx,
  mask: (text: string) => withoutSecrets(ctx.mask(text)),
})
