/** Plugins and hooks: every file that a registered one needs is there, and on request each is loaded on trial. */

import { type CheckContext, defineCheck } from '../core/check.ts'
import { elapsed } from '../core/clock.ts'
import { contain } from '../core/contain.ts'
import { shownPath } from '../core/paths.ts'
import { quote } from '../core/shell.ts'
import { DURATION_PATTERN, duration } from '../core/units.ts'
import type { Preset } from '../presets/shape.ts'
import { config, hookMetadata, pluginManifest, pluginPackage } from '../schemas/openclaw.ts'
import { type Discovery, discover } from './plugin-hooks/discover.ts'
import { newDisk } from './plugin-hooks/disk.ts'
import { type Flaw, WHATS } from './plugin-hooks/flaw.ts'
import { fromDirs, fromPointers, readUnit } from './plugin-hooks/generic.ts'
import { readHook } from './plugin-hooks/hook.ts'
import { findHost, findProgram } from './plugin-hooks/host.ts'
import { readPlugin } from './plugin-hooks/plugin.ts'
import { trial } from './plugin-hooks/trial.ts'
import type { Unit } from './plugin-hooks/unit.ts'
import { type Examined, judge } from './plugin-hooks/verdict.ts'
import { newLibrary, walk } from './plugin-hooks/walk.ts'

/** Left for the verdict when the last trial is cut off at the deadline. */
const RESERVE_MS = 600

const presets: Readonly<Record<'openclaw', () => Promise<Preset>>> = {
  openclaw: async () => (await import('../presets/openclaw.ts')).openclaw,
}

const NOTHING: Discovery = { units: [], flaws: [], watched: [], shipped: [] }

const options = {
  type: 'object',
  additionalProperties: false,
  anyOf: [{ required: ['preset'] }, { required: ['from'] }, { required: ['dirs'] }],
  properties: {
    preset: {
      type: 'string',
      enum: ['openclaw'],
      description: 'A product whose config and folders say what is registered',
    },
    from: {
      type: 'array',
      minItems: 1,
      description: 'Places in JSON or YAML files that hold paths of plugins or hooks, relative to their file',
      items: {
        type: 'object',
        required: ['file', 'pointer'],
        additionalProperties: false,
        properties: {
          file: { type: 'string', minLength: 1, format: 'path', description: 'The file' },
          pointer: {
            type: 'string',
            pattern: '^(/.*)?$',
            format: 'pointer',
            description: 'JSON pointer; `*` for every key or element',
          },
        },
      },
    },
    dirs: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', minLength: 1, format: 'glob' },
      description: 'Globs of folders (or, where none fits, of files), each a plugin or hook',
    },
    state: {
      type: 'string',
      minLength: 1,
      format: 'path',
      description: "The preset's folder, where the environment does not say",
    },
    depth: {
      type: 'string',
      enum: ['exists', 'imports', 'load'],
      default: 'imports',
      description: 'How far to look: entries exist; all that they import does; they load, each in a process of its own',
    },
    settle: {
      type: 'string',
      format: 'duration',
      pattern: DURATION_PATTERN,
      default: '2s',
      description: 'How long a loaded one is watched for late errors (depth: load)',
    },
    provided: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      description: "Globs of packages that the host supplies, beside the preset's",
    },
    node: {
      type: 'string',
      minLength: 1,
      format: 'path',
      description: "The gateway's interpreter (depth: load); the one that runs the check without it",
    },
    min: { type: 'integer', minimum: 0, default: 1, description: 'How many plugins and hooks must be active' },
  },
} as const

/** What `dirs` and `from` lead to, read as the preset's own where there is one. */
const given = async (
  wanted: {
    readonly dirs?: readonly string[]
    readonly from?: readonly { readonly file: string; readonly pointer: string }[]
    readonly min: number
  },
  preset: Preset | undefined,
  disk: ReturnType<typeof newDisk>,
  ctx: CheckContext,
): Promise<Discovery> => {
  const parts = [
    ...(wanted.dirs ? [await fromDirs(wanted.dirs, wanted.min, ctx)] : []),
    ...(wanted.from ? [await fromPointers(wanted.from, wanted.min, disk, ctx)] : []),
  ]
  const units: Unit[] = []
  for (const path of new Set(parts.flatMap(part => part.paths))) {
    const hook =
      preset && disk.kind(`${path}/${preset.hooks.document}`) === 'file'
        ? await readHook(path, disk, preset, 'config', ctx)
        : undefined
    const plugin =
      preset && !hook ? await readPlugin(path, { disk, preset, origin: 'config', built: false }, ctx) : undefined
    if (hook) units.push({ sort: 'hook', ...hook, loader: 'node' })
    else if (plugin?.isPlugin)
      units.push({
        sort: 'plugin',
        name: plugin.id,
        path,
        root: plugin.root,
        entries: plugin.entries,
        loader: 'typescript',
        flaws: plugin.flaws,
      })
    else units.push(await readUnit(path, disk, ctx))
  }
  return { units, flaws: parts.flatMap(part => part.flaws), watched: parts.flatMap(part => part.watched), shipped: [] }
}

/** A path for a command line; the tilde keeps its meaning. */
const commandWord = (path: string): string => (/^~\/[\w@%+=:,./-]*$/.test(path) ? path : quote(path))

export const pluginHooks = defineCheck({
  kind: 'plugin-hooks',
  title: 'Every registered plugin and hook has all the files that it needs',
  docs: `Every plugin and hook that the config or a glob names is found and followed: its manifest parses and fits its schema, its
entry exists inside its package, and every file and package that the entry imports is there, through all of its own
files (\`depth: imports\`). What is registered is read from the product's own files, never from a list in the manifest: what is
installed tomorrow is covered tomorrow. \`preset: openclaw\` knows OpenClaw's config, folders and rules; for anything else
\`dirs\` and \`from\` say where to look.

\`depth: load\` loads each one on trial, in a process of its own with the gateway's interpreter (\`node\`), watches it for \`settle\`, and
ends it with what it started; only what detaches itself into a session of its own stays. This runs its code before the gateway
does: a plugin that opens a port or writes a file when it is merely imported does so here too. It needs a \`timeout\` of more
than \`settle\`.

Imports inside \`try\`, and of packages that a package.json calls optional, may be missing; types are no imports. Packages that match
\`provided\` come from the host. A plugin that is switched off is looked at too, but only mentioned when it is broken.

**Why it matters.** A half-installed plugin lets its gateway start without it: a guard that is gone is noticed when it was needed.
Others throw a second after the start, again and again. Validators of configs look at manifests, not at what they lead to.

**What it cannot see.** Whether a plugin works: its functions are never called. Imports with a computed name. What installed packages
import themselves (\`depth: load\` meets that). Whether an export exists under the imported name. Installations that a product
records in a database only.`,
  options,
  schemas: [config, hookMetadata, pluginManifest, pluginPackage],
  codes: { good: 'every active plugin and hook has what it needs', ...WHATS },
  examples: [
    {
      title: 'A plugin with all that it imports',
      files: {
        'plugins/greeter/package.json': '{"name": "greeter", "type": "module", "main": "index.js"}',
        'plugins/greeter/index.js':
          "import { words } from './lib/words.js'\nexport default { register: () => words }\n",
        'plugins/greeter/lib/words.js': "export const words = ['hello']\n",
      },
      options: { dirs: ['plugins/*'] },
      expect: { status: 'pass', code: 'plugin-hooks/good' },
    },
    {
      title: 'A plugin that imports a file which was lost',
      files: {
        'plugins/security-guard/package.json': '{"name": "security-guard", "type": "module", "main": "index.js"}',
        'plugins/security-guard/index.js':
          "// The guard.\n\nimport { policy } from './lib/policy.js'\nexport default { register: () => policy }\n",
      },
      options: { dirs: ['plugins/*'] },
      expect: { status: 'fail', code: 'plugin-hooks/import-missing' },
    },
    {
      title: 'A hook of OpenClaw without its handler',
      files: {
        'state/openclaw.json': '{hooks: {internal: {enabled: true}}}',
        'state/hooks/greet/HOOK.md':
          '---\nname: greet\nmetadata: {"openclaw": {"events": ["command:new"]}}\n---\n# Greets\n',
      },
      options: { preset: 'openclaw', state: 'state' },
      expect: { status: 'fail', code: 'plugin-hooks/handler-missing' },
    },
    {
      title: 'Paths that a config names, one of which is gone',
      files: {
        'gateway.json': '{"hooks": {"start": "hooks/start.mjs", "stop": "hooks/stop.mjs"}}',
        'hooks/start.mjs': 'export default () => {}\n',
      },
      options: { from: [{ file: 'gateway.json', pointer: '/hooks/*' }] },
      expect: { status: 'fail', code: 'plugin-hooks/path-missing' },
    },
  ],
  async run({ preset: presetName, from, dirs, state, depth, settle, provided = [], node, min }, ctx) {
    const began = elapsed()
    if (depth === 'load') contain('code', 'loading plugins')
    const disk = newDisk()
    const preset = presetName === undefined ? undefined : await presets[presetName]()
    const own = preset ? await discover({ preset, state, node, disk }, ctx) : NOTHING
    const extra = await given({ min, ...(dirs && { dirs }), ...(from && { from }) }, preset, disk, ctx)
    const supplied = [...provided, ...(preset?.provided ?? [])]
    const library = newLibrary(disk, preset?.plugins.lazyKeys ?? [])

    const examined: Examined[] = []
    // What a glob names once more is no second plugin.
    const active = new Set(own.units.filter(unit => !unit.off).map(unit => unit.root))
    for (const unit of [...own.units, ...extra.units.filter(({ root }) => !active.has(root))]) {
      const entries = depth === 'exists' ? [] : unit.entries.map(entry => entry.path)
      const walked = await walk(library, { root: unit.root, entries, loader: unit.loader, provided: supplied }, ctx)
      examined.push({
        unit,
        flaws: [...unit.flaws, ...walked.flaws],
        modules: walked.modules.length,
        provided: walked.provided,
        without: walked.without,
      })
    }

    const flaws: Flaw[] = [...own.flaws, ...extra.flaws]
    if (depth === 'load') {
      const interpreter = node === undefined ? process.execPath : findProgram(node, ctx, disk)
      const roots = examined.map(({ unit }) => unit.root)
      const host = own.host ?? (preset && findHost(preset, interpreter, roots, disk, ctx))
      const tried = await trial(
        examined,
        {
          node: interpreter,
          wanted: node ?? process.execPath,
          isOwn: node !== undefined,
          settleMs: duration(settle) ?? 2000,
          deadline: began + ctx.timeoutMs - RESERVE_MS,
          provided: supplied,
          ...(preset && { hostCommand: preset.host.command }),
          ...(host?.root !== undefined && preset && { host: { root: host.root, name: preset.host.package } }),
        },
        ctx,
      )
      flaws.push(...tried.flaws)
      examined.splice(0, examined.length, ...tried.examined)
    }
    return judge(
      { examined, flaws, watched: [...own.watched, ...extra.watched], shipped: own.shipped, depth, min },
      path => shownPath(path, ctx),
      path => commandWord(shownPath(path, ctx)),
    )
  },
})
