/** What `explain` says of a kind, a code or a check, as Markdown and as data. */
import type { Check, Registry } from './check.ts'
import { kindDocs, RUN_CODES } from './docs.ts'
import { ERRORS } from './manifest/errors.ts'
import type { Plan } from './plan.ts'
import { suggest } from './suggest.ts'

export interface Explanation {
  /** Markdown. */
  readonly text: string
  /** The same for machines. */
  readonly data: object
}

const all = (registry: Registry): Promise<readonly Check[]> => Promise.all(Object.values(registry).map(load => load()))

const ofKind = (check: Check): Explanation => {
  const { kind, title, docs, options, codes, examples } = check
  return { text: kindDocs(check), data: { kind, title, docs, options, codes, examples } }
}

const ofError = (code: string): Explanation | undefined => {
  const error = Object.hasOwn(ERRORS, code) ? ERRORS[code] : undefined
  if (!error) return undefined
  const { title, meaning, example, mend } = error
  return {
    text: `## ${code}: ${title}\n\n${meaning}\n\n    ${example.split('\n').join('\n    ')}\n\n${mend}`,
    data: { code, ...error },
  }
}

const ofCode = (code: string, checks: readonly Check[]): Explanation | undefined => {
  const [kind, what = ''] = code.split('/', 2)
  const check = checks.find(each => each.kind === kind)
  const codes = check ? check.codes : RUN_CODES
  const key = check ? what : code
  const meaning = Object.hasOwn(codes, key) ? codes[key] : undefined
  if (meaning === undefined) return undefined
  const more = check ? `\n\nMore of its kind: bootcheck explain ${check.kind}` : ''
  return { text: `## ${code}\n\n${meaning}.${more}`, data: { code, meaning } }
}

const ofCheck = (id: string, plan: Plan, checks: readonly Check[]): Explanation | undefined => {
  const planned = plan.checks.find(check => check.id === id)
  const check = checks.find(each => each.kind === planned?.kind)
  if (!planned || !check) return undefined
  const { title, why, kind, needs, severity, phase, options, line } = planned
  const facts = [
    `It is a check of kind ${kind} (${plan.file}:${line}), judged ${phase} the start${severity === 'warn' ? ', and can only warn' : ''}.`,
    ...(needs.length > 0 ? [`It needs ${needs.join(', ')}.`] : []),
  ]
  return {
    text: [
      `## ${title}`,
      ...(why ? [why] : []),
      facts.join(' '),
      `${check.title}.`,
      check.docs.trim(),
      `Its keys and codes: bootcheck explain ${kind}`,
    ].join('\n\n'),
    data: { id, title, why, kind, phase, severity, needs, options },
  }
}

const kindsList = (checks: readonly Check[]): Explanation => {
  const width = Math.max(...checks.map(({ kind }) => kind.length))
  return {
    text: [
      ...checks.map(({ kind, title }) => `${kind.padEnd(width)}  ${title}`),
      '',
      'bootcheck explain KIND, a code such as E112 or port/held, or the id of a check of ./BOOT.md',
    ].join('\n'),
    data: checks.map(({ kind, title }) => ({ kind, title })),
  }
}

/** Explains a kind, a code or the id of a check of the plan; the kinds without a topic. `suggestion` where nothing is called so. */
export const explain = async (
  topic: string | undefined,
  registry: Registry,
  plan: () => Promise<Plan | undefined>,
): Promise<Explanation | { readonly suggestion: string | undefined }> => {
  const kind = topic !== undefined && Object.hasOwn(registry, topic) ? registry[topic] : undefined
  if (kind) return ofKind(await kind())
  const checks = await all(registry)
  if (topic === undefined) return kindsList(checks)
  const known = ofError(topic) ?? ofError(topic.toUpperCase()) ?? ofCode(topic, checks)
  if (known) return known
  const own = await plan()
  const found = own && ofCheck(topic, own, checks)
  if (found) return found
  const words = [
    ...Object.keys(registry),
    ...Object.keys(ERRORS),
    ...Object.keys(RUN_CODES),
    ...checks.flatMap(({ kind, codes }) => Object.keys(codes).map(what => `${kind}/${what}`)),
    ...(own?.checks.map(({ id }) => id) ?? []),
  ]
  return { suggestion: suggest(topic, words) }
}
