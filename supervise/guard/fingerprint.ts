/** What would be started, as a short text: it changes when the command, the manifest or a watched file does. */
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { NeedsChild } from '../../core/contain.ts'
import { FileError, MEGABYTE, readBytes, stat } from '../../core/files.ts'

/** Larger files are told apart by size and time. */
const MAX_HASHED = MEGABYTE
const MAX_FILES = 200

const digestOf = (path: string): string => {
  const { createHash } = process.getBuiltinModule('node:crypto')
  try {
    const facts = stat(path)
    if (!facts) return 'absent'
    if (!facts.isFile()) return facts.isDirectory() ? 'folder' : 'other'
    if (facts.size > MAX_HASHED) return `${facts.size} ${facts.mtimeMs}`
    return createHash('sha256').update(readBytes(path, MAX_HASHED)).digest('hex')
  } catch (error) {
    if (error instanceof FileError) return error.code
    if (error instanceof NeedsChild) return 'remote'
    throw error
  }
}

/** A program that was replaced is another one, and may be large: it is not read. */
const programOf = (path: string): string => {
  try {
    const real = realpathSync(path)
    const facts = stat(real)
    return facts ? `${real} ${facts.size} ${facts.mtimeMs}` : real
  } catch {
    return path
  }
}

export const fingerprintOf = (given: {
  /** The program, absolute, and its words. */
  readonly path: string
  readonly args: readonly string[]
  readonly cwd: string
  /** The manifest and every file that its checks look at, absolute. */
  readonly files: readonly string[]
}): string => {
  const { path, args, cwd, files } = given
  const { createHash } = process.getBuiltinModule('node:crypto')
  // `node gateway.mjs`: the gateway is the script.
  const scripts = args.filter(arg => arg !== '' && !arg.startsWith('-') && arg.length < 4096 && !arg.includes('\0'))
  const looked = [...new Set([...files, ...scripts.map(arg => resolve(cwd, arg))])].sort().slice(0, MAX_FILES)
  const facts = [programOf(path), args, looked.map(file => [file, digestOf(file)])]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16)
}
