/** A file of settings: can it be read, and does it say what it must? */
import { isUtf8 } from 'node:buffer'
import { type CheckContext, defineCheck, type Facts, type Finding } from '../core/check.ts'
import { contain } from '../core/contain.ts'
import { FileError, MEGABYTE, readBytes } from '../core/files.ts'
import { shownPath } from '../core/paths.ts'
import { quote } from '../core/shell.ts'
import { listed } from '../core/skips.ts'
import { bytes, excerpt, plural } from '../core/text.ts'
import { type Document, FORMATS, type Format, formatOf, type Place, parseDocument } from './json/document.ts'
import { expectationOf, flawIn, judgeSpot, shownValue, spotsOf, TYPES, wordsOf } from './json/expect.ts'
import { misfits, readSchema, SchemaFileError } from './json/schema.ts'

const MAX_BYTES = 16 * MEGABYTE
/** What takes longer to read than a deadline likes runs where it can be ended. */
const LARGE = MEGABYTE / 2
const MAX_FINDINGS = 100

interface Issue {
  /** The second half of the code. */
  readonly what: string
  readonly path: string
  readonly place?: Place | undefined
  readonly message: string
  readonly expected: string
  /** Without it: the line to mend. */
  readonly next?: string
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'missing-file',
  ENOTDIR: 'missing-file',
  'TOO-LARGE': 'too-large',
}

const unreadable = (error: FileError, what: string, ctx: CheckContext): Issue => ({
  what,
  path: error.path,
  message: `${error.message.replace(`${error.path} `, '')} (${error.code})`,
  expected: what === 'too-large' ? `at most ${bytes(MAX_BYTES)}` : `a file that ${ctx.user.name} may read`,
  next: `ls -lL ${quote(error.path)}`,
})

/** Where a strict reader would stumble over the bytes before it reads a word. */
const judgeBytes = (data: Buffer, format: Format, path: string): Issue | undefined => {
  const wrong = (message: string, next: string): Issue => ({ what: 'encoding', path, message, expected: 'UTF-8', next })
  // Zeros are UTF-8, and in a text they are the other halves of UTF-16.
  if (!isUtf8(data) || data.includes(0)) return wrong('it is not UTF-8', `file ${quote(path)}`)
  if (format === 'json' && data.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])))
    return wrong(
      'it begins with a byte order mark, at which JSON.parse stops',
      `tail -c +4 ${quote(path)} > ${quote(`${path}.tmp`)} && cat ${quote(`${path}.tmp`)} > ${quote(path)} && rm ${quote(`${path}.tmp`)}`,
    )
  return undefined
}

const LANGUAGE: Readonly<Record<Format, string>> = { json: 'JSON', json5: 'JSON or JSON5', yaml: 'YAML', toml: 'TOML' }

const expectedText = async (text: string, format: Format): Promise<{ expected: string; next?: string }> => {
  const expected = LANGUAGE[format]
  if (format !== 'json' || 'what' in (await parseDocument(text, 'json5'))) return { expected }
  return { expected: `${expected}; it would be good as JSON5, if its reader takes that`, next: 'format: json5' }
}

const judgeRequired = (document: Document, pointers: readonly string[], path: string): Issue[] =>
  pointers.flatMap(pointer =>
    spotsOf(document.value, pointer)
      .filter(spot => !spot.found)
      .map(spot => ({
        what: 'missing',
        path,
        place: document.locate(spot.pointer),
        message: `${spot.pointer} is missing`,
        expected: `a value at ${pointer}`,
      })),
  )

const judgeValues = (
  document: Document,
  values: Readonly<Record<string, unknown>>,
  path: string,
  ctx: CheckContext,
): Issue[] =>
  Object.entries(values).flatMap(([pointer, given]) => {
    const expected = expectationOf(given)
    return spotsOf(document.value, pointer).flatMap((spot): Issue[] => {
      const what = judgeSpot(spot, expected)
      if (what === undefined) return []
      const at = spot.pointer === '' ? 'the whole' : spot.pointer
      const words = ctx.mask(wordsOf(expected))
      const message = {
        missing: `${at} is missing, expected ${words}`,
        present: `${at} is there (${shownValue(spot, ctx.mask)}), and should not be`,
        value: `${at} is ${shownValue(spot, ctx.mask)}, expected ${words}`,
      }[what]
      return [
        { what, path, place: document.locate(spot.pointer), message, expected: `${words} at ${pointer || 'the top'}` },
      ]
    })
  })

const text = { type: 'string', minLength: 1 } as const
const anything = { description: 'Any value' } as const

export const json = defineCheck({
  kind: 'json',
  title: 'A file of settings can be read and says what it must',
  docs: `Reads a file in JSON, JSON5 (JSON with comments too), YAML or TOML, strictly, and holds it to what is declared: a JSON Schema, values at JSON pointers, keys
that must be there. A key that stands twice in one object fails: most readers keep the last without a word. Each finding has its line and column (in
TOML only a syntax error has).

**values.** A map from pointers to what must stand there: a plain value, or a map of \`equals\`, \`one-of\`, \`matches\` (a regular expression of
JavaScript's, sought anywhere in a text, so write \`^…$\`), \`type\`, \`exists: true\`, \`absent: true\`. \`*\` stands for every key or element, and there must be one.
On the command line: \`--values '{"/gateway/port": 18789}'\`.

**format: auto** goes by the name: \`.json\` is strict, \`.json5\` and \`.jsonc\` are JSON5, \`.yaml\`, \`.yml\`, \`.toml\`. A \`.json\` whose reader takes
comments needs \`format: json5\`.

**schema.** A file (draft-07, or 2019-09 or 2020-12 by its \`$schema\`). A key that it does not know and one that is missing have codes of their own.

**Why it matters.** A gateway whose config has a misspelt or a missing key refuses to start (exit 78, again and again), or starts
degraded and says so in one line of a log. Its own \`validate\` may take seconds, and miss a key that the start then wants.

**What it cannot see.** Other files that it draws in: \`$include\` is not followed, and variables (\`\${TOKEN}\`) are not filled in. Merge keys of YAML (\`<<\`) stay
as they are. Whether what it names is there: that is \`path\`, \`plugin-hooks\` or \`cron\`. Values at places that sound like secrets are never
shown, only their kind.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['file'],
    properties: {
      file: { ...text, format: 'path', description: 'The file' },
      format: {
        enum: ['auto', ...FORMATS],
        default: 'auto',
        description: 'How it is written; auto goes by the end of its name',
      },
      schema: { ...text, format: 'path', description: 'A JSON Schema that it must fit' },
      required: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', format: 'pointer', pattern: '^/' },
        description: 'JSON pointers at which something must stand',
      },
      values: {
        type: 'object',
        description: 'From JSON pointers to what must stand there',
        additionalProperties: {
          anyOf: [
            { type: ['string', 'number', 'boolean'] },
            {
              type: 'object',
              additionalProperties: false,
              properties: {
                equals: anything,
                'one-of': { type: 'array', minItems: 1, items: anything },
                matches: { ...text, description: 'A regular expression that the text must match' },
                type: { enum: TYPES, description: 'The type that it must have' },
                exists: { const: true, description: 'Anything is there' },
                absent: { const: true, description: 'Nothing is there' },
              },
            },
          ],
        },
      },
    },
  },
  codes: {
    good: 'it can be read and says what it must',
    'missing-file': 'the file does not exist',
    unreadable: 'the file cannot be read',
    'too-large': 'the file is larger than 16 MiB',
    'too-deep': 'it nests deeper than 200 levels',
    'unknown-format': 'its name does not say how it is written',
    encoding: 'it is not UTF-8, or strict JSON begins with a byte order mark',
    empty: 'there is nothing in it, or only comments',
    syntax: 'it is not in the language that it should be in',
    'repeated-key': 'a key stands twice in one object',
    'schema-file': 'the schema cannot be used',
    schema: 'a value does not fit the schema',
    'unknown-key': 'a key that the schema does not know',
    missing: 'nothing stands where something must',
    present: 'something stands where nothing may',
    value: 'another value than declared',
  },
  conflict: ({ required, values }) => {
    for (const pointer of Array.isArray(required) ? required : []) {
      const flaw = flawIn(String(pointer))
      if (flaw !== undefined) return `"required": ${flaw}`
    }
    for (const [pointer, given] of Object.entries((values ?? {}) as Readonly<Record<string, unknown>>)) {
      const flaw = flawIn(pointer, given)
      if (flaw !== undefined) return `"values": ${flaw}`
    }
    return values !== undefined && Object.keys(values as object).length === 0 ? '"values" is empty' : undefined
  },
  examples: [
    {
      title: 'A config with what the start needs',
      files: { 'gateway.json5': "{\n  gateway: {mode: 'local', port: 18789}, // this host\n}\n" },
      options: {
        file: 'gateway.json5',
        required: ['/gateway/mode'],
        values: { '/gateway/port': { type: 'integer' }, '/gateway/mode': { 'one-of': ['local', 'remote'] } },
      },
      expect: { status: 'pass', code: 'json/good' },
    },
    {
      title: 'A key that is not there',
      files: { 'gateway.yaml': 'gateway:\n  port: 18789\n' },
      options: { file: 'gateway.yaml', required: ['/gateway/mode'] },
      expect: { status: 'fail', code: 'json/missing' },
    },
    {
      title: 'A key that is misspelt',
      files: {
        'gateway.json': '{"gatway": {}}\n',
        'schema.json': '{"properties": {"gateway": {}}, "additionalProperties": false}\n',
      },
      options: { file: 'gateway.json', schema: 'schema.json' },
      expect: { status: 'fail', code: 'json/unknown-key' },
    },
    {
      title: 'A key that stands twice',
      files: { 'gateway.json': '{"port": 18789,\n "port": 18790}\n' },
      options: { file: 'gateway.json' },
      expect: { status: 'fail', code: 'json/repeated-key' },
    },
  ],
  async run(options, ctx) {
    const path = ctx.path(options.file)
    const values = options.values ?? {}
    const issues: Issue[] = []
    const facts: Record<string, Facts[string]> = {}
    let document: Document | undefined
    let format: Format | undefined
    try {
      const data = readBytes(path, MAX_BYTES)
      facts.bytes = data.length
      format = options.format === 'auto' ? formatOf(path) : options.format
      if (format === undefined)
        issues.push({
          what: 'unknown-format',
          path,
          message: 'its name does not say how it is written',
          expected: `a name that ends in .json, .json5, .jsonc, .yaml, .yml or .toml, or format`,
          next: `format: json (or ${FORMATS.slice(1).join(', ')})`,
        })
      else {
        facts.format = format
        const bad = judgeBytes(data, format, path)
        if (bad) issues.push(bad)
        else {
          if (data.length > LARGE) contain('code', `${bytes(data.length)} of ${LANGUAGE[format]}`)
          const written = data.toString('utf8').replace(/^\ufeff/, '')
          const parsed = await parseDocument(written, format)
          if ('what' in parsed) {
            const { what, message, line, column } = parsed
            const place = line === undefined || column === undefined ? undefined : { line, column }
            const hint =
              what === 'syntax' ? await expectedText(written, format) : { expected: 'settings that can be read' }
            issues.push({ what, path, place, message, ...hint })
          } else document = parsed
        }
      }
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      issues.push(unreadable(error, UNREADABLE[error.code] ?? 'unreadable', ctx))
    }
    if (document) {
      for (const { what, message, line = 1, column = 1 } of document.repeated)
        issues.push({ what, path, place: { line, column }, message, expected: 'each key once' })
      if (options.schema !== undefined) {
        const schemaPath = ctx.path(options.schema)
        const unusable = (message: string): Issue => ({
          what: 'schema-file',
          path: schemaPath,
          message,
          expected: 'a JSON Schema',
          next: `ls -lL ${quote(schemaPath)}`,
        })
        try {
          const validate = await readSchema(schemaPath, ctx)
          for (const { what, pointer, message } of misfits(validate(document.value)))
            issues.push({
              what,
              path,
              place: document.locate(pointer),
              message,
              expected: `what ${options.schema} allows`,
            })
        } catch (error) {
          if (error instanceof SchemaFileError) issues.push(unusable(error.message))
          else if (error instanceof FileError) issues.push(unusable(unreadable(error, '', ctx).message))
          else throw error
        }
      }
      issues.push(...judgeRequired(document, options.required ?? [], path))
      if (Object.values(values).some(given => expectationOf(given).matches !== undefined))
        contain('code', 'a regular expression')
      issues.push(...judgeValues(document, values, path, ctx))
    }

    const shown = (issue: Issue): string =>
      `${shownPath(issue.path, ctx)}${issue.place ? `:${issue.place.line}:${issue.place.column}` : ''}`
    const said = (issue: Issue): string => excerpt(ctx.mask(issue.message), 300)
    const [worst] = issues
    if (worst) {
      const findings = issues.map(
        (issue): Finding => ({
          code: `json/${issue.what}`,
          path: issue.path,
          ...issue.place,
          message: said(issue),
        }),
      )
      const more = issues.length - 1
      return {
        status: 'fail',
        code: `json/${worst.what}`,
        summary: `${shown(worst)}: ${said(worst)}${more > 0 ? `, and ${more} more` : ''}`,
        observed: `${shown(worst)}: ${said(worst)}`,
        expected: worst.expected,
        next: worst.next ?? `mend ${shown(worst)}`,
        watched: [options.file],
        facts: { ...facts, issues: issues.length },
        findings: listed(findings, MAX_FINDINGS),
      }
    }
    const asked = (options.required?.length ?? 0) + Object.keys(values).length
    const held = [
      ...(options.schema === undefined ? [] : [`fits ${options.schema}`]),
      ...(asked === 0 ? [] : [`holds ${plural(asked, 'expectation')}`]),
    ]
    return {
      status: 'pass',
      code: 'json/good',
      summary: `${options.file} is good ${format === undefined ? '' : LANGUAGE[format].replace('JSON or ', '')}${held.length > 0 ? `, ${held.join(' and ')}` : ''}`,
      watched: [options.file],
      facts: { ...facts, expectations: asked },
    }
  },
})
