/** Mistakes that leave a variable set, and useless. Nothing here repeats a value. */
import { namesSecret } from '../../core/tokens.ts'

export type Slip = 'quoted' | 'whitespace' | 'assignment' | 'unexpanded' | 'placeholder'

const QUOTED = /^(?:"[\s\S]*"|'[\s\S]*'|`[\s\S]*`|\u201c[\s\S]*\u201d|\u2018[\s\S]*\u2019)$/

/**
 * A name for a shell or a template that nobody has put a value in for. Within a text `$NAME` is one where it stands as a word, or is
 * one that every shell has: `pa$word` may be a password, and `$2b$10$…` is a hash.
 */
const UNEXPANDED =
  /\$\{[A-Za-z_]\w*(?:\}|:?[-=?+])|^\$[A-Za-z_]\w*$|(?<![\w$\\])\$[A-Z_][A-Z0-9_]{2,}(?!\w)|\$(?:HOME|USER|LOGNAME|PATH|PWD|SHELL|HOSTNAME|TMPDIR|XDG_\w+)(?!\w)|\$\([^)]+\)|^%[A-Za-z_]\w*%$|\{\{.*\}\}/

const PLACEHOLDER =
  /^(?:<[^<>]*>|change[-_ ]?(?:me|this|it)|to ?do|tbd|fixme|x{3,}|\.{3,}|placeholder|undefined|null|replace[-_ ]?(?:me|this|with.*)|(?:insert|paste|put|enter)[-_ ].*|\[?(?:your|my)[-_ ].*(?:key|token|secret|password|id|url|here)\]?)$/i

/** Words that are a value elsewhere, and none for a key. */
const NO_KEY =
  /(?:^|[-_ ])(?:your[-_ ].*|x{3,}|(?:replace|change)[-_ ]?(?:me|this|it|with.*)|(?:key|token|secret|password)[-_ ]here)$|^(?:secret|password|token|key|api[-_]?key|test|example|dummy|foo|bar|none|empty|n\/a)$|x{6,}|\*{3,}|\u2022{3,}|\.{3}$|\u2026/i

/** A key of a service, by its first letters: none has a blank in it. */
const SERVICE_KEY = /^(?:sk|pk|rk|gsk|hf|glpat|gh[a-z]|github_pat|xox[a-z])[-_]/

/** Takes no room, and comes along when a text is copied from a page. */
const INVISIBLE = /[\u00ad\u200b\u2060\ufeff]/

/** The first slip in a value; undefined if it looks like one that somebody meant. */
export const slipIn = (name: string, value: string): Slip | undefined => {
  const text = value.trim()
  if (text.length > 1 && QUOTED.test(text)) return 'quoted'
  // A key in PEM ends with a newline by right.
  if (value !== text && !text.startsWith('-----BEGIN ')) return 'whitespace'
  if (INVISIBLE.test(text) || (SERVICE_KEY.test(text) && /\s/.test(text))) return 'whitespace'
  if (/^export\s/.test(text) || text.startsWith(`${name}=`)) return 'assignment'
  if (UNEXPANDED.test(text)) return 'unexpanded'
  if (PLACEHOLDER.test(text) || (namesSecret(name) && NO_KEY.test(text))) return 'placeholder'
  return undefined
}
