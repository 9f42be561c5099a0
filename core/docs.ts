/** The docs of a kind, made from what it declares: docs/checks.md, `explain`, and the manifests of its examples. */
import type { Check, Example, OptionSchema } from './check.ts'
import type { ErrorDoc } from './manifest/errors.ts'

/** A value as YAML on one line. Strings are quoted unless they are plain words or paths. */
export const yamlValue = (value: unknown): string => {
  if (typeof value === 'string')
    return /^[A-Za-z~./][\w~./@-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|~)$/i.test(value)
      ? value
      : JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(yamlValue).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}: ${yamlValue(item)}`)
      .join(', ')}}`
  return String(value)
}

const block = (kind: string, id: string, keys: Readonly<Record<string, unknown>>): string => {
  const lines = Object.entries({ check: kind, id, ...keys }).map(([key, value]) => `${key}: ${yamlValue(value)}`)
  return `\`\`\`yaml boot\n${lines.join('\n')}\n\`\`\``
}

/** An example as blocks of a manifest: the checks that stand above it, and itself. */
const exampleBlocks = (kind: string, { above = {}, phase, options }: Example): readonly string[] => [
  ...Object.entries(above).map(([id, { check, ...keys }]) => block(check, id, keys)),
  block(kind, 'example', {
    ...(phase === 'after' ? { phase } : {}),
    ...(options as Readonly<Record<string, unknown>>),
  }),
]

/** An example as a whole manifest, which a test runs. */
export const exampleManifest = (check: Pick<Check, 'kind'>, example: Example): string =>
  `---\nbootcheck: 1\n---\n# ${example.title}\n\n${exampleBlocks(check.kind, example).join('\n\n')}\n`

const typeName = (schema: OptionSchema): string => {
  if (schema.enum) return schema.enum.join(', ')
  if (schema.const !== undefined) return String(schema.const)
  if (schema.format && schema.type === 'string') return schema.format
  if (schema.anyOf) return schema.anyOf.map(typeName).join(' or ')
  if (schema.type === 'array') return `list of ${schema.items ? typeName(schema.items) : 'values'}`
  if (schema.properties) return `map of ${Object.keys(schema.properties).join(', ')}`
  return Array.isArray(schema.type) ? schema.type.join(' or ') : ((schema.type as string | undefined) ?? 'any')
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** The keys of a kind in order: `key`, what it takes, default, meaning. Nested keys follow theirs as `http.path`. */
export const keyRows = (check: Pick<Check, 'options'>): readonly (readonly [string, string, string, string])[] => {
  const rows = (
    properties: Readonly<Record<string, OptionSchema>>,
    required: readonly string[],
    prefix: string,
  ): (readonly [string, string, string, string])[] =>
    Object.entries(properties).flatMap(([key, schema]) => {
      const standard =
        schema.default === undefined ? (required.includes(key) ? 'required' : '') : yamlValue(schema.default)
      const nested = schema.properties ? rows(schema.properties, schema.required ?? [], `${prefix}${key}.`) : []
      return [[`${prefix}${key}`, typeName(schema), standard, schema.description ?? ''] as const, ...nested]
    })
  return rows(check.options.properties, check.options.required ?? [], '')
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(row => `| ${row.map(cell).join(' | ')} |`).join('\n')

const exampleText = (check: Check, example: Example): string => {
  const laid = Object.keys(example.files ?? {})
  const standing = [
    ...(laid.length > 0
      ? [`with ${laid.length > 6 ? `${laid.length} files` : laid.map(path => `\`${path}\``).join(', ')}`]
      : []),
    ...Object.entries(example.remembered ?? {}).map(
      ([target, events]) => `after \`${events.map(({ type }) => type).join(', ')}\` of ${target}`,
    ),
    ...(example.servers ?? []).map(server => `with a server on 127.0.0.1:${server.port} that answers ${server.status}`),
  ]
  const { status, code } = example.expect
  const said = code === undefined ? status : `${status}, ${code}`
  return `${example.title}${standing.length > 0 ? ` (${standing.join('; ')})` : ''}: ${said}\n\n${exampleBlocks(check.kind, example).join('\n\n')}`
}

/** One kind as Markdown, from its heading on. */
export const kindDocs = (check: Check): string =>
  [
    `## ${check.kind}`,
    `${check.title}.`,
    check.docs.trim(),
    `### Keys of ${check.kind}`,
    table(
      ['key', 'takes', 'default', 'meaning'],
      keyRows(check).map(([key, ...rest]) => [`\`${key}\``, ...rest]),
    ),
    `### Codes of ${check.kind}`,
    table(
      ['code', 'meaning'],
      Object.entries(check.codes).map(([what, meaning]) => [`\`${check.kind}/${what}\``, meaning]),
    ),
    `### Examples of ${check.kind}`,
    ...check.examples.map(example => exampleText(check, example as Example)),
  ].join('\n\n')

/** docs/checks.md, whole. */
export const checksDocs = (checks: readonly Check[]): string =>
  `${[
    '# The kinds of check',
    'Made from the kinds themselves by `npm run generate`; every example is run by the tests. `bootcheck explain KIND` prints the same.',
    table(
      ['kind', 'proves'],
      checks.map(check => [`[${check.kind}](#${check.kind})`, check.title]),
    ),
    ...checks.map(kindDocs),
  ].join('\n\n')}\n`

/** What the runner itself says, beside the codes of the kinds. */
export const RUN_CODES: Readonly<Record<string, string>> = {
  'run/timeout': 'the check did not answer in time; what it waited for may hang for ever, so it was cut off',
  'run/crash': 'the check itself broke: a fault of bootcheck or of a kind of your own, never taken for a pass',
  'run/blocked': 'a check that it needs did not pass, so it was not run',
  'run/stopped': 'Ctrl-C or another signal ended the run first',
  'run/not-begun': 'the deadline of the run was over before this check could begin',
  'run/unlisted': 'stands for findings that are not listed one by one; no skip reaches them',
  'lint/clean': 'the manifest has no errors',
  'run/skip': 'switched off with a reason: by skip, when, --skip-ids or --dry-run',
  'run/nothing-watched': 'the check passed without having looked at anything, which counts as a failure',
  'run/skip-unused': 'a skip names a finding that no longer comes up; delete it',
  'run/other-user': 'the manifest is written for another user, so permissions were judged for the wrong one',
  'run/unknown-id': '--only or --skip-ids names a check that the manifest does not have',
  'run/env-file': 'the file of variables cannot be read or has a line that is no assignment',
}

/** docs/errors.md, whole: the codes of the grammar and those of the runner. */
export const errorsDocs = (errors: Readonly<Record<string, ErrorDoc>>): string =>
  `${[
    '# Errors of a manifest, and codes of a run',
    'Made from the code by `npm run generate`. A code keeps its meaning for ever. `bootcheck explain E112` prints one.',
    ...Object.entries(errors).map(
      ([code, { title, meaning, example, mend }]) =>
        `## ${code}: ${title}\n\n${meaning}\n\n\`\`\`\`text\n${example}\n\`\`\`\`\n\n${mend}`,
    ),
    '## Codes of the run',
    table(
      ['code', 'meaning'],
      Object.entries(RUN_CODES).map(([code, meaning]) => [`\`${code}\``, meaning]),
    ),
  ].join('\n\n')}\n`
