/**
 * Loads the program's own chunks, and keeps what V8 made of them for the next start: most of a start is compiling. What is
 * kept stands inside the program's own folder, so that it comes from nobody who could not have changed the program, and no
 * file system is touched that the program does not already stand on. Reasons and figures: docs/decisions/012-code-cache.md.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'

/** What Node itself puts around a CommonJS module. */
const OPEN = Buffer.from('(function (exports, require, module, __filename, __dirname) {')
const CLOSE = Buffer.from('\n})')

/** The length of the source and that of the code, four bytes each, stand before the source and two copies of the code. */
const HEAD = 8

/** What is written for `codeFor` to read. */
export const kept = (source: Buffer, code: Buffer): Buffer => {
  const head = Buffer.alloc(HEAD)
  head.writeUInt32LE(source.length, 0)
  head.writeUInt32LE(code.length, 4)
  return Buffer.concat([head, source, code, code])
}

/**
 * The code kept for `source`, if it is whole: V8 does not look, runs a damaged one, and dies of it. A second copy tells as
 * surely as a checksum does, and is compared in a tenth of the time that loading one takes.
 */
export const codeFor = (source: Buffer, held: Buffer): Buffer | undefined => {
  if (held.length < HEAD) return undefined
  const from = HEAD + held.readUInt32LE(0)
  const length = held.readUInt32LE(4)
  const code = held.subarray(from, from + length)
  const whole = from - HEAD === source.length && held.length === from + 2 * length && length > 0
  return whole && source.equals(held.subarray(HEAD, from)) && code.equals(held.subarray(from + length))
    ? code
    : undefined
}

/** The chunks of one start. */
export interface Chunks {
  /** As `require` of a file in the folder. */
  readonly load: (name: string) => unknown
  /** Keeps the code of the chunks that had none, with the functions that ran. Never throws: a read-only folder is common. */
  readonly keep: () => void
}

const read = (file: string): Buffer | undefined => {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

/** `folder` holds the chunks, `cache` what is kept of them; without it they are only loaded. */
export const chunks = (folder: string, cache: string | undefined, require: NodeJS.Require): Chunks => {
  const modules = new Map<string, { exports: unknown }>()
  const fresh: { readonly name: string; readonly source: Buffer; readonly script: Script }[] = []

  const load = (name: string): unknown => {
    const known = modules.get(name)
    if (known) return known.exports
    const filename = join(folder, name)
    const source = readFileSync(filename)
    const held = cache === undefined ? undefined : read(join(cache, name))
    const cachedData = held && codeFor(source, held)
    // The build leaves nothing but ASCII in a chunk. Joined as bytes: joined strings are copied once more by the compiler.
    const script = new Script(Buffer.concat([OPEN, source, CLOSE]).toString('latin1'), { filename, cachedData })
    if (!cachedData || script.cachedDataRejected) fresh.push({ name, source, script })
    const module = { exports: {} as unknown }
    modules.set(name, module)
    script.runInThisContext()(module.exports, requireFrom, module, filename, folder)
    return module.exports
  }
  const requireFrom = (id: string): unknown => (id.startsWith('./') ? load(id.slice(2)) : require(id))

  const keep = (): void => {
    if (cache === undefined || fresh.length === 0) return
    try {
      // Whoever installed the program can also remove what is kept: a sudo must not leave root's files in a user's project.
      if (statSync(folder).uid !== process.geteuid?.()) return
      mkdirSync(cache, { recursive: true, mode: 0o755 })
      for (const { name, source, script } of fresh) {
        const file = join(cache, name)
        rmSync(file, { force: true })
        // Two starts at once: the first one writes.
        writeFileSync(file, kept(source, script.createCachedData()), { flag: 'wx', mode: 0o644 })
      }
    } catch {
      // The next start compiles again, as this one did.
    }
  }
  return { load, keep }
}
