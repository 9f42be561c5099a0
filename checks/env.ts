/** Are the variables that the gateway needs set, and do they look like what somebody meant? */
import { type CheckContext, defineCheck, type Finding, type Trouble, type Verdict } from '../core/check.ts'
import { FileError, readText, stat } from '../core/files.ts'
import { gatewayEnv } from '../core/gateway-env.ts'
import { shownPath } from '../core/paths.ts'
import { matcherOf } from '../core/safe-regex.ts'
import { readServiceFile, type ServiceFile } from '../core/service-file.ts'
import { quote } from '../core/shell.ts'
import { listing, plural } from '../core/text.ts'
import { parseEnvFile } from '../core/variables.ts'
import { openclawConfig } from '../presets/openclaw-config.ts'
import { codes, type What } from './env/codes.ts'
import { judge, type Problem, type Source } from './env/judge.ts'
import { readProduct } from './env/product.ts'
import { flawOf, NAME, rulesOf, TYPES } from './env/rule.ts'

const LISTED = 20

const PRESETS = { openclaw: openclawConfig } as const

type Texts = Pick<Trouble, 'summary' | 'observed' | 'expected' | 'next'>

const fail = (what: What, texts: Texts, watched: readonly string[], findings: readonly Finding[] = []): Trouble => ({
  status: 'fail',
  code: `env/${what}`,
  ...texts,
  watched,
  findings,
})

/** A line that is no assignment may be the second line of a key: core names its first word, and here nothing of it is shown. */
const withoutText = (message: string): string =>
  message.endsWith('is not followed by "="') ? 'this line is not NAME=value' : message

const readSource = (written: string, ctx: CheckContext): Source | Trouble => {
  const path = ctx.path(written)
  const shown = shownPath(path, ctx)
  let text: string
  try {
    text = readText(path)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    const missing = error.code === 'ENOENT'
    return fail(
      missing ? 'file-missing' : 'file-unreadable',
      {
        summary: `${shown} ${missing ? 'is not there' : 'cannot be read'}`,
        observed: error.message,
        expected: `a file of NAME=value lines that ${ctx.user.name} may read`,
        next: `ls -ld ${quote(path)}`,
      },
      [shown],
      [{ path, message: error.message }],
    )
  }
  const { values, problems } = parseEnvFile(text)
  const [first, ...others] = problems.map(({ line, message }) => ({ path, line, message: withoutText(message) }))
  if (first)
    return fail(
      'file-syntax',
      {
        summary: `${shown}:${first.line}: ${first.message}${others.length > 0 ? `, and ${plural(others.length, 'more line')}` : ''}`,
        observed: `${shown}:${first.line}: ${first.message}`,
        expected: 'NAME=value on each line, each name once',
        next: `correct line ${first.line} of ${shown}`,
      },
      [shown],
      [first, ...others].slice(0, LISTED),
    )
  if (Object.keys(values).length === 0)
    return fail(
      'file-empty',
      {
        summary: `${shown} sets no variable`,
        observed: text.trim() === '' ? `${shown} is empty` : `${shown} holds nothing but comments`,
        expected: 'at least one line NAME=value',
        next: `cat ${quote(path)}`,
      },
      [shown],
    )
  return { label: shown, path, values, add: name => `add a line ${name}=… to ${shown}` }
}

/** Without what is undefined. */
const given = <T extends object>(facts: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }

const there = (value: string, ctx: CheckContext): boolean => {
  try {
    return stat(ctx.path(value)) !== undefined
  } catch (error) {
    if (error instanceof FileError) return false
    throw error
  }
}

const own = (ctx: CheckContext): Source => ({
  label: 'the environment',
  values: gatewayEnv(ctx.env),
  add: name => `set ${name} in the environment that starts the gateway`,
})

const ofService = ({ shown, values, files, add }: ServiceFile): Source => ({
  label: shown,
  values,
  add,
  path: files[0],
})

/** What the service's manager sets of a name; it is no other value there than in the shell that one would have to mend. */
const ofManager = ({ shown, managed, add }: ServiceFile, name: string): readonly Source[] => {
  const value = managed.get(name)
  return value === undefined ? [] : [{ label: `the account that ${shown} runs as`, values: { [name]: value }, add }]
}

const NO_SERVICE = { unreadable: 'service-unreadable', 'not-a-service': 'service-format' } as const

/** Failures first; every problem is named. */
const verdictOf = (problems: readonly [Problem, ...Problem[]], watched: readonly string[]): Trouble => {
  const sorted = problems.toSorted((a, b) => Number(b.status === 'fail') - Number(a.status === 'fail'))
  const [first = problems[0], ...others] = sorted
  const different = (pick: (problem: Problem) => string): string => [...new Set(sorted.map(pick))].join('; ')
  return {
    status: first.status,
    code: `env/${first.what}`,
    summary: `${first.name} ${first.says}${others.length === 0 ? '' : `; also ${listing(others.map(({ name }) => name))}`}`,
    observed: different(({ name, says }) => `${name} ${says}`),
    expected: different(({ expected }) => expected),
    next: different(({ next }) => next),
    watched,
    facts: { wrong: sorted.map(({ name, what }) => `${name} ${what}`) },
    findings: sorted.slice(0, LISTED).map(({ name, what, says, path, line, next }) => ({
      code: `env/${what}`,
      path: path ?? '',
      ...(line === undefined ? {} : { line }),
      message: `${name} ${says} (next: ${next})`,
    })),
  }
}

interface Asked {
  readonly vars?: unknown
  readonly files: readonly string[]
  readonly service?: string | undefined
  readonly preset?: keyof typeof PRESETS | undefined
  readonly state?: string | undefined
}

const look = async ({ vars, files, service, preset, state }: Asked, ctx: CheckContext): Promise<Verdict> => {
  const rules = rulesOf(vars)
  // Before anything is read: a pattern that may take long makes the check run again in a child.
  for (const { matches } of rules.values()) if (matches !== undefined) matcherOf(matches).find('')
  const read = files.map(file => readSource(file, ctx))
  const bad = read.find((one): one is Trouble => 'status' in one)
  if (bad) return bad
  const job = service === undefined ? undefined : readServiceFile(ctx.path(service), ctx)
  if (job && 'what' in job)
    return fail(
      NO_SERVICE[job.what],
      {
        summary: `${shownPath(job.path, ctx)} tells nothing about a service`,
        observed: job.observed,
        expected: job.expected,
        next: job.next,
      },
      [shownPath(job.path, ctx)],
      [{ path: job.path, message: job.observed }],
    )
  const shell = gatewayEnv(ctx.env)
  const first = job ? ofService(job) : own(ctx)
  const started = job ? { env: job.values, folder: job.cwd ?? ctx.home } : { env: shell, folder: ctx.cwd }
  const product = preset && (await readProduct(preset, PRESETS[preset], { ...started, state }, ctx))
  const sources = [...(read as readonly Source[]), ...(product?.sources ?? [])]
  const names = [...new Set([...rules.keys(), ...(product?.needed.keys() ?? [])])]
  // Without names the files alone are asked about.
  const [origin = first, ...others] = names.length === 0 && !product ? sources : [first, ...sources]
  const watched = [origin.label, ...others.map(({ label }) => label), ...names] as const
  const problems = names.flatMap(name => {
    const exportedIn = job?.exported.get(name)
    // What the config sets counts where others leave a blank.
    const set = product?.sets[name] !== undefined
    const seen = [first, ...sources].map(source =>
      set && source.values[name]?.trim() === ''
        ? { ...source, values: { ...source.values, [name]: undefined } }
        : source,
    )
    return (
      judge({
        name,
        rule: rules.get(name) ?? {},
        sources: [seen[0] ?? first, ...(job ? ofManager(job, name) : []), ...seen.slice(1)],
        ...(job ? { shell } : {}),
        passed: job?.passed.has(name) ?? false,
        made: job?.managed.has(name) ?? false,
        ...(exportedIn === undefined ? {} : { exportedIn: shownPath(exportedIn, ctx) }),
        ...(product
          ? given({
              neededBy: product.needed.get(name),
              refusedIn: product.refused.get(name),
              asksShell: product.asksShell ? product.product : undefined,
            })
          : {}),
        there: path => there(path, ctx),
      }) ?? []
    )
  })
  const [problem, ...more] = [...problems, ...(product?.problems ?? [])]
  if (problem) return verdictOf([problem, ...more], watched)
  const where = listing([origin, ...others].map(({ label }) => label))
  const inFiles = sources.reduce((sum, { values }) => sum + Object.keys(values).length, 0)
  return {
    status: 'pass',
    code: 'env/set',
    summary:
      names.length > 0
        ? `${listing(names)} ${names.length === 1 ? 'is' : 'are'} set (${where})`
        : product
          ? `the config of ${product.product} names no variable that must be set (${where})`
          : `${where}: ${plural(inFiles, 'variable')}, no line is wrong`,
    watched,
    facts: { variables: names },
  }
}

const ASKED = {
  type: 'object',
  additionalProperties: false,
  properties: {
    matches: { type: 'string', minLength: 1, description: 'A text or /regex/ that the value holds' },
    type: { type: 'string', enum: TYPES, description: 'What the value is' },
  },
} as const

export const env = defineCheck({
  kind: 'env',
  title: 'Variables are set, well-formed, and reach the service',
  docs: `Proves that each variable of \`vars\` is set, not empty, and as declared: \`matches\` is a text to be found or \`/regex/\`, \`type\` one of
\`integer\`, \`port\`, \`url\`, \`boolean\`, \`path-exists\` (relative paths start at the manifest's folder). Values are never shown, nor how
long they are.

Without \`service\` this run's own environment is looked at, and then the \`files\` (\`.env\`) in their order; the first that has a variable
decides, as dotenv does it. Each line of a file must be NAME=value, with \`export\`, quotes and comments as a shell writes them. With
\`service\`, the plist of a launchd job or a systemd unit (with its drop-ins, \`Environment=\`, \`EnvironmentFile=\`, and the
file that a wrapper script of it reads by \`. FILE\`) stands in place of this
environment: what the shell has and the service lacks is a failure, and another value there is a warning. What the manager sets of itself
counts: PATH, and HOME, USER, LOGNAME and SHELL where the service has an account (\`User=\`, \`UserName\`, an agent, a user's own unit).

With \`preset: openclaw\` it is every variable that OpenClaw's config names, by \`\${NAME}\` or as a reference (\`source: env\`), \`$include\`s among them and what
stands below \`enabled: false\` left out. They may come from the environment, from the \`.env\` of the folder that OpenClaw is started in (of which it takes no
credentials), of the state folder and of the config's, from \`~/.config/openclaw/gateway.env\`, or from \`env.vars\` of the config. A slip in one of these
files is a warning: OpenClaw passes it over. So is what only a login shell may have, where OpenClaw asks one.

A value that is set and useless is told too: quotes that are part of it, a blank or a carriage return at its end, a whole \`export NAME=…\`,
a \`\${NAME}\` that nobody filled in, a placeholder (\`changeme\`, \`<your key>\`, a key copied with its stars). Where one is meant
as it stands, \`skip: {finding: env/quoted, reason: …, until: …}\` lets it pass.

**Why it matters.** By hand the gateway ran, since the shell had read ~/.zshrc. Under launchd, which reads no such file, it started without its
token, answered every request with 401, and looked alive. \`KEY="sk-…"\` in a systemd unit and in a Docker env file are two values.

**What it cannot see.** Whether a key is accepted (\`http\` asks). What a wrapper script, \`launchctl setenv\`, \`systemctl set-environment\`,
environment.d or PassEnvironment= add. Without a preset, a variable that the product's own config sets. An \`EnvironmentFile=\` whose pattern
holds \`[\`. The value of what the manager makes at each start (\`INVOCATION_ID\`, \`STATE_DIRECTORY\`, a job's \`TMPDIR\`).`,
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      vars: {
        anyOf: [
          { type: 'array', minItems: 1, items: { type: 'string', pattern: NAME } },
          { type: 'object', additionalProperties: { anyOf: [{ type: 'boolean', const: true }, ASKED] } },
        ],
        description: 'Names, or a map from names to `true` or `{matches, type}`',
      },
      files: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', minLength: 1, format: 'path' },
        description: 'Files of variables that the gateway reads (`.env`)',
      },
      preset: { enum: ['openclaw'], description: 'Every variable that the config of this product names' },
      state: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: 'The state folder of the preset (default: as the product finds it)',
      },
      service: {
        type: 'string',
        minLength: 1,
        format: 'path',
        description: 'The plist or unit that starts the gateway: its environment is judged, not ours',
      },
    },
    anyOf: [{ required: ['vars'] }, { required: ['files'] }, { required: ['preset'] }],
    dependentRequired: { state: ['preset'] },
  },
  codes,
  conflict: flawOf,
  examples: [
    {
      title: 'A key and a port, in the environment and in a file',
      env: { GATEWAY_PORT: '18789' },
      files: { '.env': 'export OPENAI_API_KEY="sk-5f0c1d7a9b3e4c2d"\n' },
      options: {
        vars: { OPENAI_API_KEY: { matches: '/^sk-/' }, GATEWAY_PORT: { type: 'port' } },
        files: ['.env'],
      },
      expect: { status: 'pass', code: 'env/set' },
    },
    {
      title: 'What the shell has and the service lacks',
      env: { TELEGRAM_BOT_TOKEN: '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw' },
      files: { 'gateway.service': '[Service]\nEnvironment=NODE_ENV=production\nExecStart=/usr/bin/gateway\n' },
      options: { vars: ['TELEGRAM_BOT_TOKEN'], service: 'gateway.service' },
      expect: { status: 'fail', code: 'env/not-in-service' },
    },
    {
      title: 'What the config of OpenClaw names, and nobody sets',
      files: { 'state/openclaw.json': '{gateway: {mode: "local", auth: {token: "${GATEWAY_TOKEN}"}}}\n' },
      options: { preset: 'openclaw', state: 'state' },
      expect: { status: 'fail', code: 'env/missing' },
    },
    {
      title: 'A placeholder that nobody replaced',
      files: { '.env': 'OPENAI_API_KEY=your-api-key-here\n' },
      options: { vars: ['OPENAI_API_KEY'], files: ['.env'] },
      expect: { status: 'fail', code: 'env/placeholder' },
    },
  ],
  async run({ vars, files = [], service, preset, state }, ctx) {
    const flaw = flawOf({ vars, service, preset })
    if (flaw !== undefined)
      return fail(
        'options',
        {
          summary: flaw,
          observed: flaw,
          expected: 'names, each with what is asked of it',
          next: 'bootcheck explain env',
        },
        [],
      )
    return look({ vars, files, service, preset, state }, ctx)
  },
})
