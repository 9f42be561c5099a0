/** A file of settings: can it be read, and does it say what it must? */
import { type CheckContext, defineCheck, type Finding } from '../core/check.ts'
import { type Doing, doing } from '../core/contain.ts'
import { FileError } from '../core/files.ts'
import { shownPath } from '../core/paths.ts'
import { seeking } from '../core/safe-regex.ts'
import { quote } from '../core/shell.ts'
import { listed } from '../core/skips.ts'
import { excerpt } from '../core/text.ts'
import { openclawConfig, openclawRules } from '../presets/openclaw-config.ts'
import { type Document, FORMATS } from './json/document.ts'
import { expectationOf, flawIn, judgeSpot, patternOf, shownValue, spotsOf, TYPES, wordsOf } from './json/expect.ts'
import type { Issue } from './json/issue.ts'
import { isOlder, type ProductPreset, readProduct } from './json/product.ts'
import { readOne, unreadable } from './json/read.ts'
import { misfits, readSchema, SchemaFileError } from './json/schema.ts'

const MAX_FINDINGS = 100

const PRESETS: Readonly<Record<'openclaw', ProductPreset>> = {
  openclaw: { config: openclawConfig, rules: openclawRules },
}

/** Where a pointer leads, in the file that holds it. */
const at = (document: Document, pointer: string, path: string): Pick<Issue, 'path' | 'place'> => {
  const place = document.locate(pointer)
  return { path: place?.path ?? path, place }
}

const judgeRequired = (document: Document, pointers: readonly string[], path: string): Issue[] =>
  pointers.flatMap(pointer =>
    spotsOf(document.value, pointer)
      .filter(spot => !spot.found)
      .map(spot => ({
        what: 'missing',
        ...at(document, spot.pointer, path),
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
    const pattern = patternOf(expected)
    const spots = spotsOf(document.value, pointer)
    const done = seeking(pattern ? [pattern] : [], `${pointer || 'the whole'} of ${path}`)
    const judged = spots.map(spot => ({ spot, what: judgeSpot(spot, expected, pattern) }))
    done()
    return judged.flatMap(({ spot, what }): Issue[] => {
      if (what === undefined) return []
      const named = spot.pointer === '' ? 'the whole' : spot.pointer
      const words = ctx.mask(wordsOf(spot.pointer, expected))
      const shown = shownValue(spotsOf(document.written ?? document.value, spot.pointer)[0] ?? spot, ctx.mask)
      const message = {
        missing: `${named} is missing, expected ${words}`,
        present: `${named} is there (${shown}), and should not be`,
        value: `${named} is ${shown}, expected ${words}`,
      }[what]
      return [{ what, ...at(document, spot.pointer, path), message, expected: `${words} at ${pointer || 'the top'}` }]
    })
  })

const patternsOf = (path: string, schema: string): Doing => ({
  what: `holding ${path} against ${schema}, which has regular expressions`,
  next: `simplify them: grep -n pattern ${quote(schema)}`,
})

/** What a schema says of it. One that may be older than what reads the config cannot say that a key is unknown. */
const judgeSchema = async (
  document: Document,
  schema: { readonly path: string; readonly shown: string; readonly old: boolean; readonly print?: string },
  path: string,
  ctx: CheckContext,
): Promise<Issue[]> => {
  const unusable = (message: string): Issue => ({
    what: 'schema-file',
    path: schema.path,
    message,
    expected: 'a JSON Schema',
    next: schema.print ?? `ls -lL ${quote(schema.path)}`,
  })
  try {
    const output = schema.print !== undefined
    const { validate, slips, slow } = await readSchema(schema.path, { value: document.value, output }, ctx)
    // A product's own schema is its maker's to mend.
    const odd = output
      ? []
      : slips.map(message => ({ ...unusable(message), what: 'schema-keyword', warn: true as const }))
    const done = slow ? doing(patternsOf(path, schema.shown)) : () => {}
    const found = misfits(validate(document.value))
    done()
    const unfit = found.map(({ what, pointer, message }) => ({
      ...at(document, pointer, path),
      ...(schema.old
        ? {
            what: 'schema-old',
            warn: true as const,
            message: `${message}; but ${schema.shown} is older than the installed release`,
            next: schema.print ?? '',
          }
        : { what, message }),
      expected: `what ${schema.shown} allows`,
    }))
    return [...unfit, ...odd]
  } catch (error) {
    if (error instanceof SchemaFileError) return [unusable(error.message)]
    if (error instanceof FileError) return [unusable(unreadable(error, '', ctx).message)]
    throw error
  }
}

const text = { type: 'string', minLength: 1 } as const
const anything = { description: 'Any value' } as const

export const json = defineCheck({
  kind: 'json',
  title: 'A JSON, JSON5, YAML, TOML or plist file can be read and says what it must',
  docs: `Reads a file in JSON, JSON5 (JSON with comments too), YAML, TOML or as a property list in XML, strictly, and holds it to what is declared: a JSON
Schema, values at JSON pointers, keys that must be there. A key that stands twice in one object fails: most readers keep the last without a word. Each
finding has its line and column (in TOML only a syntax error has).

**values.** A map from pointers to what must stand there: a plain value, or a map of \`equals\`, \`one-of\`, \`matches\` (text to be found in it,
or \`/regex/\`), \`type\`, \`exists: true\`, \`absent: true\`. \`*\` stands for every key or element, and there must be one.
On the command line: \`--values '{"/gateway/port": 18789}'\`.

**format: auto** goes by the name: \`.json\` is strict, \`.json5\` and \`.jsonc\` are JSON5, \`.yaml\`, \`.yml\`, \`.toml\`, \`.plist\`. A \`.json\` whose reader takes
comments needs \`format: json5\`. In a property list dates are texts (ISO 8601), and so is data (base64).

**schema.** A file (draft-07, or 2019-09 or 2020-12 by its \`$schema\`). A key that it does not know and one that is missing have codes of their own. One that allows
everything is refused: nothing would be held against it. A keyword that is most likely misspelt is a warning.

**preset: openclaw.** The config is found as OpenClaw finds it (\`OPENCLAW_CONFIG_PATH\`, \`OPENCLAW_STATE_DIR\`, \`OPENCLAW_HOME\`, \`OPENCLAW_PROFILE\`), its
\`$include\`s are followed, its \`\${VARIABLES}\` filled in from the environment and the \`.env\` files that OpenClaw reads, and \`/gateway/mode\` must be \`local\`
(with \`remote\`, too, a gateway refuses to start). A variable that is not set is a warning (most often OpenClaw starts without what needs it), unless it stands below \`enabled: false\` or OpenClaw asks a login shell.
OpenClaw ships no schema, and takes seconds to print one: where \`openclaw config schema > ~/.openclaw/openclaw.schema.json\` was run, after an install or
an update, each key is held against it; else the pass says that none was. From a schema that is older than the \`openclaw\` in PATH follow only warnings.

**Why it matters.** A gateway whose config has a misspelt or a missing key refuses to start (exit 78, again and again), or starts
degraded and says so in one line of a log. Its own \`validate\` may take seconds, and miss a key that the start then wants.

**What it cannot see.** Without a preset, other files that it draws in: \`$include\` is not followed, and variables (\`\${TOKEN}\`) are not filled in. Merge keys of
YAML (\`<<\`) stay as they are. Whether what it names is there: that is \`path\`, \`plugin-hooks\` or \`cron\`. What \`openclaw gateway run\` is told on its command
line. Values at places that sound like secrets are never shown, only their kind, nor is what is expected there.`,
  options: {
    type: 'object',
    additionalProperties: false,
    anyOf: [{ required: ['file'] }, { required: ['preset'] }],
    dependentRequired: { state: ['preset'] },
    properties: {
      file: {
        ...text,
        format: 'path',
        description: 'The file; with `preset` in place of the one that the product would find',
      },
      preset: { enum: ['openclaw'], description: "A product's config, found and put together as the product does it" },
      state: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: 'The state folder of the preset (default: as the product finds it)',
      },
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
                matches: { ...text, description: 'Text that stands in it, or `/regex/`' },
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
    binary: 'it is a binary property list, which only plutil reads',
    syntax: 'it is not in the language that it should be in',
    include:
      'a file that the config includes is missing, outside the folders that may be included from, or includes itself',
    'repeated-key': 'a key stands twice in one object',
    'schema-file': 'the schema cannot be used, or allows everything',
    'schema-keyword': 'a keyword or a format of the schema is none, and most likely misspelt (a warning)',
    'schema-old': 'a value does not fit a schema that is older than the installed release (a warning)',
    'variable-unset': 'the config names a variable that is not set (a warning)',
    schema: 'a value does not fit the schema',
    'unknown-key': 'a key that the schema does not know',
    missing: 'nothing stands where something must',
    present: 'something stands where nothing may',
    value: 'another value than declared',
  },
  conflict: ({ required, values, preset, format }) => {
    if (preset !== undefined && format !== undefined && format !== 'auto') return 'preset and format exclude each other'
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
      title: 'The config of OpenClaw, without the key that its start asks for',
      files: { 'state/openclaw.json': '{gateway: {port: 18789}}\n' },
      options: { preset: 'openclaw', state: 'state' },
      expect: { status: 'fail', code: 'json/missing' },
    },
    {
      title: 'A key that stands twice',
      files: { 'gateway.json': '{"port": 18789,\n "port": 18790}\n' },
      options: { file: 'gateway.json' },
      expect: { status: 'fail', code: 'json/repeated-key' },
    },
  ],
  async run(options, ctx) {
    const preset = options.preset === undefined ? undefined : PRESETS[options.preset]
    const product =
      preset && (await readProduct(options.preset ?? '', preset, { file: options.file, state: options.state }, ctx))
    const reading =
      product ?? (await readOne(options.file ?? '', options.format === 'auto' ? undefined : options.format, ctx))
    const values = { ...preset?.rules.values, ...options.values }
    const own = ctx.path(reading.watched[0])
    const issues: Issue[] = [...reading.issues]
    const { document } = reading
    const schema = options.schema === undefined ? product?.schema : ctx.path(options.schema)
    if (document) {
      for (const { path = own, what, message, line = 1, column = 1 } of document.repeated)
        issues.push({ what, path, place: { line, column }, message, expected: 'each key once' })
      issues.push(...judgeRequired(document, options.required ?? [], own))
      for (const issue of judgeValues(document, values, own, ctx)) {
        const next = Object.entries(preset?.rules.mend ?? {}).find(([pointer]) =>
          issue.message.startsWith(`${pointer} `),
        )
        issues.push(next ? { ...issue, next: next[1] } : issue)
      }
      if (schema !== undefined)
        issues.push(
          ...(await judgeSchema(
            document,
            {
              path: schema,
              shown: shownPath(schema, ctx),
              old: preset !== undefined && isOlder(schema, preset.rules.schema.command, ctx),
              ...(product ? { print: product.schemaHint } : {}),
            },
            own,
            ctx,
          )),
        )
    }

    const facts = {
      ...reading.facts,
      ...(product ? { schema: schema === undefined ? null : shownPath(schema, ctx) } : {}),
    }
    const shown = (issue: Issue): string =>
      `${shownPath(issue.path, ctx)}${issue.place?.line === undefined ? '' : `:${issue.place.line}:${issue.place.column}`}`
    const said = (issue: Issue): string => excerpt(ctx.mask(issue.message), 300)
    const sorted = issues.toSorted((a, b) => Number(a.warn ?? false) - Number(b.warn ?? false))
    const [worst] = sorted
    if (worst) {
      const findings = sorted.map(
        (issue): Finding => ({
          code: `json/${issue.what}`,
          path: issue.path,
          ...(issue.place?.line === undefined ? {} : { line: issue.place.line, column: issue.place.column ?? 1 }),
          message: said(issue),
        }),
      )
      const more = issues.length - 1
      return {
        status: worst.warn ? 'warn' : 'fail',
        code: `json/${worst.what}`,
        summary: `${shown(worst)}: ${said(worst)}${more > 0 ? `, and ${more} more` : ''}`,
        observed: `${shown(worst)}: ${said(worst)}`,
        expected: worst.expected,
        next: worst.next ?? `mend ${shown(worst)}`,
        watched: reading.watched,
        facts: { ...facts, issues: issues.length },
        findings: listed(findings, MAX_FINDINGS),
      }
    }
    const asked = (options.required?.length ?? 0) + Object.keys(values).length
    const praise = [
      `is ${reading.good}`,
      ...(schema === undefined ? [] : [`fits ${options.schema ?? shownPath(schema, ctx)}`]),
      ...(asked === 0 ? [] : [`says what it must in ${asked === 1 ? 'one place' : `${asked} places`}`]),
    ]
    const unseen =
      product && schema === undefined ? `; no key was held against a schema (${product.schemaHint} puts one there)` : ''
    return {
      status: 'pass',
      code: 'json/good',
      summary: `${reading.shown} ${[praise.slice(0, -1).join(', '), praise.at(-1)].filter(Boolean).join(' and ')}${unseen}`,
      watched: reading.watched,
      facts: { ...facts, expectations: asked },
    }
  },
})
