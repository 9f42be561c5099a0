/** A manifest's text to a plan, or to everything that is wrong with it. The grammar is in the docs; its rules stand in `manifest/`. */
import type { Check, Env, Registry } from './check.ts'
import { FileError } from './files.ts'
import { loadYaml } from './manifest/block-yaml.ts'
import { loadMarkdown } from './manifest/blocks.ts'
import { rawCheck, resemblesOpener, takeCensus } from './manifest/census.ts'
import { COMMON_KEYS, kindOf, type ReadCheck, readCheck } from './manifest/check-block.ts'
import { FRONT_MATTER_KEYS, type FrontMatter, MAX_CHECKS, readFrontMatter } from './manifest/frontmatter.ts'
import { inherit, readGuards } from './manifest/guards.ts'
import { byPlace, collect, type Found } from './manifest/problems.ts'
import { type Region, readRegion } from './manifest/region.ts'
import { asSeen, controls, decode, firstBadByte, isPlain, withoutControls } from './manifest/text.ts'
import type { Plan, PlannedCheck } from './plan.ts'
import type { Problem } from './report.ts'
import { expired } from './skips.ts'
import { distance, suggest } from './suggest.ts'
import { plural } from './text.ts'
import { parseEnvFile } from './variables.ts'

/** In bytes. */
export const MAX_MANIFEST = 256 * 1024

const TIMEOUT_MS = 5000
const DEADLINE_MS = 60_000

export interface ParseOptions {
  /** The manifest's name in messages and in the plan. */
  readonly file: string
  readonly registry: Registry
  /** `lint` judges the environment (E402, E407: warnings), calls an expired skip an error (in a run it is a warning of the run's), and lists the steps for people. */
  readonly mode: 'lint' | 'run'
  /** ms since the epoch; what an expired skip is judged by. */
  readonly now?: number
  /** The environment to lint against. */
  readonly env?: Env
  /** The text of the `env-file` that the front matter names, to lint against; throws a `FileError`. */
  readonly readEnvFile?: (path: string) => Promise<string>
}

export interface Parsed {
  /** Present only if there are no errors. */
  readonly plan?: Plan
  readonly errors: readonly Problem[]
  readonly warnings: readonly Problem[]
  /** For `lint` to print; they change nothing. */
  readonly notes: readonly Problem[]
}

export interface ParsedWithEdits extends Parsed {
  readonly found: readonly Found[]
  /** Of the check blocks that the file declares. */
  readonly count: number
  readonly frontMatter?: FrontMatter
}

/** All errors of the file at once, sorted by position. Looks at the text alone; runs nothing. */
export const parseManifest = async (text: string | Uint8Array, options: ParseOptions): Promise<Parsed> => {
  const { plan, errors, warnings, notes } = await parseWithEdits(text, options)
  return { ...(plan ? { plan } : {}), errors, warnings, notes }
}

/** As `parseManifest`, with what `lint --fix` needs to know. */
export const parseWithEdits = async (given: string | Uint8Array, options: ParseOptions): Promise<ParsedWithEdits> => {
  const { file, registry, mode } = options
  const now = options.now ?? Date.now()
  const problems = collect(file)
  const finish = (
    plan?: Plan,
    extra: Partial<Pick<ParsedWithEdits, 'count' | 'frontMatter'>> = {},
  ): ParsedWithEdits => {
    const found = [...problems.errors].sort((a, b) => byPlace(a.problem, b.problem))
    return {
      ...(plan && found.length === 0 ? { plan } : {}),
      found,
      errors: found.map(({ problem }) => problem),
      warnings: [...problems.warnings].sort(byPlace),
      notes: mode === 'lint' ? [...problems.notes].sort(byPlace) : [],
      count: 0,
      ...extra,
    }
  }

  const bytes = typeof given === 'string' ? Buffer.byteLength(given) : given.length
  if (bytes > MAX_MANIFEST) {
    problems.error(
      'E107',
      { line: 1, column: 1 },
      `the file is ${bytes} bytes long, over the limit of ${MAX_MANIFEST}`,
      'split it: one file is one boot',
    )
    return finish()
  }
  const decoded = typeof given === 'string' ? given : decode(given)
  if (decoded === undefined) {
    problems.error('E106', firstBadByte(given as Uint8Array), 'the file is not UTF-8', 'save it as UTF-8')
    return finish()
  }

  const whole = decoded.replace(/^\ufeff/, '').replaceAll('\r\n', '\n')
  const lines = whole.split('\n')
  if (!isPlain(whole))
    lines.forEach((line, index) => {
      for (const { index: column, name } of controls(line))
        problems.error(
          'E101',
          { line: index + 1, column: column + 1 },
          `forbidden ${name === 'U+000D' ? 'line break' : 'character'} ${name}`,
          name === 'U+000D' ? 'end lines with LF or CRLF' : 'delete it',
        )
    })
  const clean = isPlain(whole) ? lines : lines.map(withoutControls)

  const [readYaml, findBlocks] = await Promise.all([loadYaml(), loadMarkdown()])
  const frontMatter = readFrontMatter(clean, readYaml, problems)
  const kinds = Object.keys(registry)
  // A check that slipped into the front matter would be read as a note.
  clean.slice(0, frontMatter?.bodyFrom ?? 0).forEach((line, index) => {
    const at = { line: index + 1, column: 1 + line.length - line.trimStart().length }
    if (resemblesOpener(line))
      problems.error(
        'E115',
        at,
        'a line of the front matter resembles the opener of a check, and would not run',
        'move the check below the front matter',
      )
    else if (kinds.includes(rawCheck(line) ?? ''))
      problems.error(
        'E113',
        at,
        'looks like a check but would not run',
        'move it below the front matter, into a block marked ```yaml boot',
      )
  })
  const census = takeCensus({
    lines: clean,
    from: frontMatter?.bodyFrom ?? 0,
    kinds: new Set(kinds),
    findBlocks,
    problems,
  })

  if (!frontMatter?.ours) {
    const declares = census.checks.length > 0 || census.lost.length > 0 || problems.has(/^E11/)
    if (declares || whole.trim() === '')
      problems.error(
        'E102',
        { line: 1, column: 1 },
        frontMatter ? 'front matter without "bootcheck"' : 'front matter missing',
        frontMatter ? 'add a line: bootcheck: 1' : 'begin the file with three lines: ---, bootcheck: 1, ---',
      )
    else
      problems.error(
        'E102',
        { line: 1, column: 1 },
        `front matter missing: this ${file.split('/').at(-1) ?? 'file'} is written for an agent and declares no checks`,
        'write the checks beside it, as bootcheck.md',
      )
  } else if (census.checks.length === 0 && census.lost.length === 0 && !problems.has(/^E1(?:0[14]|1)/))
    problems.error(
      'E103',
      { line: 1, column: 1 },
      'this manifest declares no checks',
      `add a block that begins with \`\`\`yaml boot; "bootcheck explain" lists the kinds`,
    )

  const regions = census.checks.map(block =>
    readRegion({ lines: clean, from: block.opener + 1, to: block.closer, called: 'this check', readYaml, problems }),
  )
  const named = new Set(regions.flatMap(region => (region ? [kindOf(region) ?? ''] : [])))
  const loaded = new Map<string, Check>()
  await Promise.all(
    [...named].map(async kind => {
      const load = Object.hasOwn(registry, kind) ? registry[kind] : undefined
      if (load) loaded.set(kind, await load())
    }),
  )

  const env =
    mode === 'lint' && options.env ? { ...(await envFile(frontMatter, options, problems)), ...options.env } : undefined
  const usedVars = new Set<string>()

  const above = new Map<string, PlannedCheck>()
  const read: { region: Region | undefined; block: (typeof census.checks)[number]; check: ReadCheck }[] = []
  for (const [index, block] of census.checks.entries()) {
    const region = regions[index]
    const kind = region && loaded.get(kindOf(region) ?? '')
    touching(clean, block, kind, problems)
    const check = region
      ? await readCheck({
          region,
          problems,
          line: block.opener + 1,
          kind,
          kinds,
          heading: block.heading,
          why: block.why,
          timeoutMs: frontMatter?.timeoutMs ?? TIMEOUT_MS,
          vars: frontMatter?.vars ?? {},
          varsKnown: frontMatter?.ours === true && frontMatter.trusted,
          usedVars,
          env,
          above,
        })
      : { needs: [], reads: [], skips: [], ...idAmong(clean, block.opener + 1, block.closer) }
    if (check.planned) above.set(check.planned.id, check.planned)
    read.push({ region, block, check })
  }

  judgeNames(read, census.lost, problems)
  judgeCount(frontMatter, census.checks.length, problems)
  if (frontMatter?.trusted) {
    const afterMark = clean[frontMatter.bodyFrom] ?? ''
    const key = keyOn(afterMark, FRONT_MATTER_KEYS)
    if (key !== undefined)
      problems.error(
        'E116',
        { line: frontMatter.bodyFrom + 1, column: 1 },
        `"${key}" stands outside the front matter and would not be read`,
        'move it above the second ---',
      )
    const everyRead = read.length > 0 && read.every(({ check }) => check.planned) && census.lost.length === 0
    for (const [name, at] of Object.entries(frontMatter.varPlaces))
      if (!usedVars.has(name) && everyRead) {
        if (FRONT_MATTER_KEYS.includes(name))
          problems.error(
            'E204',
            at,
            `the key "${name}" stands inside "vars"`,
            'indent it like the other keys of the front matter',
          )
        else problems.warn('W201', at, `the variable "${name}" is never used`, 'delete the line')
      }
  }

  const guard = frontMatter?.guard && (await readGuards({ ...frontMatter.guard, problems }, registry))

  const silent = read.find(({ check }) => !check.planned)
  if (silent && problems.errors.length === 0)
    throw new Error(`${file}:${silent.block.opener + 1}: this check was neither planned nor refused`)
  const planned = read.flatMap(({ check }) => (check.planned ? [inherit(check.planned, guard)] : []))
  const plan: Plan = {
    file,
    title: frontMatter?.title ?? census.firstHeading ?? null,
    deadlineMs: frontMatter?.deadlineMs ?? DEADLINE_MS,
    ...(frontMatter?.user === undefined ? {} : { user: frontMatter.user }),
    ...(frontMatter?.envFile === undefined ? {} : { envFile: frontMatter.envFile }),
    vars: frontMatter?.vars ?? {},
    ...(guard ? { guard } : {}),
    checks: planned,
    // What depends on the day or the environment is judged at each run and has no place in a plan that may be kept.
    warnings: problems.warnings.filter(({ code }) => code.startsWith('W')),
  }
  // In a run the skip is judged on the day of the run, for the plan may be older.
  if (mode === 'lint')
    for (const { check } of read)
      for (const skip of check.skips)
        if (expired(skip, now))
          problems.error('E305', skip, `this skip expired on ${skip.until}`, 'mend the check, or renew the date')
  return finish(plan, { count: census.checks.length, ...(frontMatter ? { frontMatter } : {}) })
}

const envFile = async (
  frontMatter: FrontMatter | undefined,
  options: ParseOptions,
  problems: ReturnType<typeof collect>,
): Promise<Env> => {
  const { envFile: path, envFileAt: at } = frontMatter ?? {}
  if (path === undefined || at === undefined || !options.readEnvFile) return {}
  try {
    const { values, problems: wrong } = parseEnvFile(await options.readEnvFile(path))
    for (const { line, message } of wrong)
      problems.error('E408', at, `${path}:${line}: ${message}`, 'one NAME=value on each line')
    return values
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    // The file of the service need not be where the manifest is written.
    problems.warn('E408', at, error.message, 'mend the path, or create the file')
    return {}
  }
}

const idAmong = (lines: readonly string[], from: number, to: number): { id?: string } => {
  for (let i = from; i < to; i++) {
    const id = /^["']?id["']?[ \t]*:[ \t]*["']?([a-z][a-z0-9-]*)/.exec(asSeen(lines[i] ?? ''))?.[1]
    if (id !== undefined) return { id }
  }
  return {}
}

const keyOn = (line: string, known: readonly string[]): string | undefined => {
  const key = /^[ \t]*["']?([\w.-]+)["']?[ \t]*[:=]/.exec(asSeen(line))?.[1]
  // A slip may have cost it a letter too.
  return key === undefined
    ? undefined
    : (known.find(one => one === key) ?? known.find(one => one.length > 2 && distance(one, key) <= 1))
}

/** A key that touches a fence from outside, or stands in the lines that do, was meant to stand inside. */
const touching = (
  lines: readonly string[],
  block: { opener: number; closer: number },
  kind: Check | undefined,
  problems: ReturnType<typeof collect>,
): void => {
  const known = [...COMMON_KEYS, ...Object.keys(kind?.options.properties ?? {})]
  for (const [first, step, where] of [
    [block.opener - 1, -1, 'above'],
    [block.closer + 1, 1, 'below'],
  ] as const)
    for (let i = first; i >= 0 && !/^[ \t]*(?:$|`{3}|---)/.test(lines[i] ?? ''); i += step) {
      // Indented below the fence: the last line of a map or list of the check.
      const tail = i === block.closer + 1 ? /^ {2,}(?:- \S.*|["']?([\w.-]+)["']?:(?: .*)?)$/.exec(lines[i] ?? '') : null
      const key = keyOn(lines[i] ?? '', known) ?? (tail ? (tail[1] ?? '-') : undefined)
      if (key === undefined) continue
      problems.error(
        'E116',
        { line: i + 1, column: 1 },
        `"${key}" stands ${where} the fence of a check and would not be read`,
        'move it inside, or put an empty line between them',
      )
      break
    }
}

interface Named {
  readonly block: { readonly opener: number }
  readonly check: ReadCheck
}

const judgeNames = (
  read: readonly Named[],
  lost: readonly { opener: number; id?: string }[],
  problems: ReturnType<typeof collect>,
): void => {
  const openers = new Map<string, number>()
  for (const { opener, id } of lost) if (id !== undefined && !openers.has(id)) openers.set(id, opener)
  const owners = new Map<string, number>()
  for (const { block, check } of read) {
    if (check.id === undefined) {
      if (check.meantId !== undefined) openers.set(check.meantId, block.opener)
      continue
    }
    const before = owners.get(check.id)
    const at = check.idAt ?? { line: block.opener + 1, column: 1 }
    if (before !== undefined)
      problems.error(
        'E302',
        at,
        `the id "${check.id}" is already used on line ${before}`,
        'give each check a name of its own',
      )
    else {
      owners.set(check.id, at.line)
      openers.set(check.id, Math.min(block.opener, openers.get(check.id) ?? block.opener))
    }
  }
  for (const { block, check } of read)
    for (const { id, at } of [...check.needs, ...check.reads]) {
      const opener = openers.get(id)
      if (opener === undefined) {
        const meant = suggest(
          id,
          [...openers.keys()].filter(other => other !== check.id),
        )
        problems.error(
          'E303',
          at,
          `unknown check "${id}"`,
          meant === undefined
            ? openers.size > 1
              ? `declared: ${[...openers.keys()].slice(0, 10).join(', ')}`
              : 'no such id in this file'
            : `did you mean "${meant}"?`,
        )
      } else if (id === check.id) problems.error('E304', at, `"${id}" cannot need itself`, 'delete it')
      else if (opener > block.opener)
        problems.error(
          'E304',
          at,
          `"${id}" is defined later (line ${opener + 1})`,
          'move it up: a check needs only what stands above it',
        )
    }
}

const judgeCount = (
  frontMatter: FrontMatter | undefined,
  found: number,
  problems: ReturnType<typeof collect>,
): void => {
  if (found > MAX_CHECKS)
    problems.error(
      'E107',
      { line: 1, column: 1 },
      `${found} checks are over the limit of ${MAX_CHECKS}`,
      'split the file: one file is one boot',
    )
  const count = frontMatter?.count
  if (!count || count.value === found || problems.has(/^E1(?:0[1-46-9]|1)/)) return
  problems.error(
    'E105',
    count.at,
    `promises ${plural(count.value, 'check')}, found ${found}`,
    count.value > found
      ? 'one is missing or misspelt, or the count is stale'
      : 'the count is stale, or a check is there twice',
  )
}
