/** Reading manifests from disk, and finding the one of a folder. */
import type { Env, Registry } from '../check.ts'
import { absolute } from '../context.ts'
import { FileError } from '../files.ts'
import { MAX_MANIFEST, type Parsed, parseManifest } from '../manifest.ts'
import { readAnywhere } from '../read-anywhere.ts'
import type { Problem } from '../report.ts'
import { looksOurs } from './frontmatter.ts'
import { decode } from './text.ts'

export interface LoadOptions {
  readonly registry: Registry
  readonly mode: 'lint' | 'run'
  /** Where relative paths start. */
  readonly cwd: string
  readonly home: string
  readonly env?: Env
  /** ms since the epoch. */
  readonly now?: number
}

const unreadable = (file: string, error: FileError): Problem => {
  if (error.code === 'TOO-LARGE')
    return {
      file,
      line: 1,
      column: 1,
      code: 'E107',
      message: `the file is over the limit of ${MAX_MANIFEST} bytes`,
      hint: 'split it: one file is one boot',
    }
  const hint =
    error.code === 'ENOENT'
      ? 'look at the path; `bootcheck explain E102` shows how a manifest begins'
      : `ls -la ${file}`
  // The reader speaks of the absolute path; people gave a shorter one.
  return { file, code: 'E109', message: error.message.replace(error.path, file), hint }
}

/** Reads and parses a manifest. `path` is the name in every message. */
export const loadManifest = async (
  path: string,
  options: LoadOptions,
): Promise<Parsed & { readonly text?: Uint8Array }> => {
  const full = absolute(path, options)
  let text: Uint8Array
  try {
    text = await readAnywhere(full, MAX_MANIFEST)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    return { errors: [unreadable(path, error)], warnings: [], notes: [] }
  }
  const { registry, mode, env, now, home } = options
  const folder = full.slice(0, Math.max(1, full.lastIndexOf('/')))
  const parsed = await parseManifest(text, {
    file: path,
    registry,
    mode,
    ...(env ? { env } : {}),
    ...(now === undefined ? {} : { now }),
    readEnvFile: async file =>
      (await readAnywhere(absolute(file, { cwd: folder, home }), MAX_MANIFEST)).toString('utf8'),
  })
  return { ...parsed, text }
}

const NAMES = ['BOOT.md', 'bootcheck.md'] as const

/**
 * The manifest of a folder: the one of `BOOT.md` and `bootcheck.md` that has front matter of ours. Where none has, the one that is
 * there: parsing it says what it lacks. The name is relative to the folder.
 */
export const findManifest = async (cwd: string): Promise<{ readonly path: string } | { readonly problem: Problem }> => {
  const there: { name: string; ours: boolean }[] = []
  for (const name of NAMES)
    try {
      const text = decode(await readAnywhere(absolute(name, { cwd, home: cwd }), MAX_MANIFEST))
      there.push({ name, ours: text === undefined || looksOurs(text) })
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      // Not there is one thing; there and unreadable must not be passed over.
      if (error.code !== 'ENOENT') there.push({ name, ours: true })
    }
  const ours = there.filter(one => one.ours)
  if (ours.length > 1)
    return {
      problem: {
        code: 'E108',
        message: `both ${NAMES.join(' and ')} hold checks`,
        hint: 'say which: bootcheck run BOOT.md; or keep one',
      },
    }
  const found = ours[0] ?? there[0]
  if (!found)
    return {
      problem: {
        code: 'E109',
        message: `no ${NAMES.join(' or ')} in this folder`,
        hint: 'name one: bootcheck run PATH; `bootcheck explain E102` shows how a manifest begins',
      },
    }
  return { path: found.name }
}
