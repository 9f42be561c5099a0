/** Loads every active plugin and hook that is whole so far, side by side. */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CheckContext } from '../../core/check.ts'
import { fits } from '../../core/glob.ts'
import { isInside } from '../../core/product-config.ts'
import { excerpt, span } from '../../core/text.ts'
import type { Flaw } from './flaw.ts'
import { type Loaded, load, type Thrown } from './load.ts'
import { packageName } from './resolve.ts'
import type { Unit } from './unit.ts'
import type { Examined } from './verdict.ts'

export interface TrialSetting {
  /** Undefined: the interpreter that was asked for is not there. */
  readonly node: string | undefined
  readonly wanted: string
  /** The gateway's own interpreter, and not merely ours. */
  readonly isOwn: boolean
  readonly settleMs: number
  readonly deadline: number
  readonly provided: readonly string[]
  readonly host?: { readonly root: string; readonly name: string }
  /** The command by which the host is found. */
  readonly hostCommand?: string
}

/** They wait more than they work, but each is a process of some 50 MB. */
const SIDE_BY_SIDE = 8

const TYPED = /^\.[cm]?tsx?$/

/** Node cannot run this TypeScript here; that says nothing about a loader that compiles it. */
const NOT_FOR_NODE =
  /^ERR_(?:UNKNOWN_FILE_EXTENSION|UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING|UNSUPPORTED_TYPESCRIPT_SYNTAX)$/
/** Other ways in which Node's strict loading differs from a TypeScript loader's. */
const LINKING =
  /^ERR_(?:MODULE_NOT_FOUND|UNSUPPORTED_DIR_IMPORT|PACKAGE_PATH_NOT_EXPORTED|REQUIRE_ESM|IMPORT_ASSERTION_TYPE_MISSING|IMPORT_ATTRIBUTE_MISSING)$/

/** The first place in a stack that lies in the plugin. */
const placeOf = (stack: string, unit: Unit): { path: string; line: number; column: number } | undefined => {
  for (const match of stack.matchAll(/(file:\/\/[^\s()]+?|\/[^\s():]+):(\d+):(\d+)/g)) {
    let path = match[1] ?? ''
    try {
      if (path.startsWith('file:')) path = fileURLToPath(path.replace(/[?#].*$/, ''))
    } catch {
      continue
    }
    if (isInside(unit.root, path)) return { path, line: Number(match[2]), column: Number(match[3]) }
  }
  return undefined
}

/** What an error misses of a package that the host supplies. It may give more to what it loads itself than its package.json says. */
const missesProvided = (error: Thrown, { provided, host }: TrialSetting): string | undefined => {
  let specifier: string | undefined
  if (/^(?:ERR_)?MODULE_NOT_FOUND$/.test(error.code))
    specifier = /Cannot find (?:package|module) '([^']+)'/.exec(error.message)?.[1]
  else if (error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') {
    const [, subpath = '', folder = ''] =
      /subpath '\.\/([^']+)' is not defined by "exports" in (.+?)\/package\.json/.exec(error.message) ?? []
    const name = folder === host?.root ? host.name : /(?:@[^/]+\/)?[^/]+$/.exec(folder)?.[0]
    specifier = name === undefined ? undefined : `${name}/${subpath}`
  }
  if (specifier === undefined || specifier.startsWith('/') || specifier.startsWith('.')) return undefined
  return provided.some(pattern => fits(pattern, specifier) || fits(pattern, packageName(specifier)))
    ? specifier
    : undefined
}

/** What an end says about the plugin: pure. Undefined: it is good. */
const flawOf = (
  end: Loaded,
  unit: Unit,
  path: string,
  setting: TrialSetting,
  mask: (text: string) => string,
): Flaw | undefined => {
  const says = (error: Thrown) =>
    excerpt(mask(`${error.name === '' ? '' : `${error.name}: `}${error.message.split('\n')[0] ?? ''}`), 160)
  const at = (error: Thrown) => placeOf(error.stack, unit) ?? { path }
  const unproved = (why: string, next?: string): Flaw => ({
    what: 'not-loaded',
    level: 'warn',
    path,
    message: `was not loaded: ${why}`,
    expected: 'a trial that shows whether it loads',
    next: next ?? 'bootcheck explain plugin-hooks/not-loaded',
  })
  const longer = `timeout: ${Math.ceil((2 * setting.settleMs + 10_000) / 1000)}s`
  switch (end.end) {
    case 'settled': {
      if (unit.exported !== undefined && end.kinds[unit.exported] !== 'function')
        return {
          what: 'load-export',
          level: 'fail',
          path,
          message: `exports no function "${unit.exported}"`,
          expected: `a function exported as ${unit.exported}`,
        }
      if (unit.exported === undefined && unit.sort === 'plugin' && Object.keys(end.kinds).length === 0)
        return {
          what: 'load-export',
          // Of an unknown host nobody can tell: a module may work by being loaded.
          level: setting.hostCommand === undefined ? 'warn' : 'fail',
          path,
          message: 'exports nothing',
          expected: 'a module that exports what its host calls',
        }
      return undefined
    }
    case 'threw': {
      const { error } = end
      const lacks = missesProvided(error, setting)
      if (lacks !== undefined)
        return unproved(
          `it needs ${lacks}, which only its host supplies${setting.host ? '' : ', and the host was not found here'}`,
          setting.hostCommand === undefined ? undefined : `command -v ${setting.hostCommand}`,
        )
      const typed = TYPED.test(extname(path))
      if (typed && NOT_FOR_NODE.test(error.code) && (unit.loader === 'typescript' || !setting.isOwn))
        return error.code === 'ERR_UNKNOWN_FILE_EXTENSION'
          ? unproved(
              `${setting.node} does not run TypeScript`,
              "node: PATH of the gateway's interpreter (22.18 or newer runs TypeScript)",
            )
          : unproved(`Node itself does not run this TypeScript (${error.code}); its host compiles it`)
      if (typed && unit.loader === 'typescript' && (LINKING.test(error.code) || error.name === 'SyntaxError'))
        return unproved(`Node itself cannot link this TypeScript (${says(error)}); its host compiles it`)
      return {
        what: 'load-threw',
        level: 'fail',
        ...at(error),
        message: `throws when it is loaded: ${says(error)}`,
        expected: 'a plugin that loads',
      }
    }
    case 'late':
      return {
        what: 'load-late',
        level: 'fail',
        ...at(end.error),
        message: `throws ${span(end.afterMs)} after it was loaded: ${says(end.error)}`,
        expected: `no error within ${span(setting.settleMs)} of loading`,
      }
    case 'exit': {
      const said = end.said === '' ? '' : ` (${excerpt(mask(end.said), 120)})`
      const when = end.loaded ? `${span(end.afterMs)} after it was loaded` : 'while it is loaded'
      return {
        what: 'load-exit',
        level: 'fail',
        path,
        message: `ends its process ${end.how} ${when}${said}`,
        expected: 'a plugin that leaves its process alone',
      }
    }
    case 'never':
      return {
        what: 'load-hung',
        level: 'fail',
        path,
        message: 'never finishes loading: an await at its top level waits for something that never comes',
        expected: 'a plugin that loads',
      }
    case 'hung':
      return {
        what: 'load-hung',
        level: 'fail',
        path,
        message: `did not finish loading in ${span(end.afterMs)}: ${end.busy ? 'it keeps the processor to itself, as an endless loop does' : 'an await at its top level is still waiting'}`,
        expected: 'a plugin that loads in time',
      }
    case 'unsettled':
      return unproved(`it loads, but the time was up before it was watched for ${span(setting.settleMs)}`, longer)
    case 'late-start':
      return unproved('the time was up before its turn', longer)
    case 'no-node':
      return {
        what: 'node-missing',
        level: 'fail',
        path: setting.wanted,
        message: `cannot be run: ${end.message}`,
        expected: "the gateway's interpreter",
      }
    default:
      return end satisfies never
  }
}

export const trial = async (
  examined: readonly Examined[],
  setting: TrialSetting,
  ctx: CheckContext,
): Promise<{ examined: Examined[]; flaws: Flaw[] }> => {
  const { node } = setting
  if (node === undefined)
    return {
      examined: [...examined],
      flaws: [
        {
          what: 'node-missing',
          level: 'fail',
          path: setting.wanted,
          message: 'is no program that can be run',
          expected: "the gateway's interpreter",
          next: `ls -la ${setting.wanted}`,
        },
      ],
    }
  const found = new Map<Unit, Flaw[]>()
  const waiting = examined
    .filter(({ unit, flaws }) => !unit.off && !flaws.some(flaw => flaw.level === 'fail'))
    .flatMap(({ unit }) =>
      unit.entries.filter(entry => entry.role === 'main').map(entry => ({ unit, path: entry.path })),
    )
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const { unit, path } = job
      const end = await load({
        node,
        path,
        cwd: unit.root,
        env: ctx.env,
        settleMs: setting.settleMs,
        deadline: setting.deadline,
        signal: ctx.signal,
        ...(setting.host && { host: setting.host }),
      })
      const flaw = flawOf(end, unit, path, setting, ctx.mask)
      if (flaw) found.set(unit, [...(found.get(unit) ?? []), flaw])
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
  return {
    examined: examined.map(one => ({ ...one, flaws: [...one.flaws, ...(found.get(one.unit) ?? [])] })),
    flaws: [],
  }
}
