/** Which files the checks of a manifest look at: what it names, and what the last report says it saw. */
import { mkdirSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { NeedsChild } from '../../core/contain.ts'
import { absolute } from '../../core/context.ts'
import { FileError, MEGABYTE, readText } from '../../core/files.ts'
import { folderName } from '../../core/local-store/names.ts'
import type { PlannedCheck } from '../../core/plan.ts'
import type { Report } from '../../core/report.ts'
import { mapTexts } from '../../core/variables.ts'
import { removeOrphans, writeWhole } from '../whole-file.ts'

const MAX_PATHS = 500

/** A text that names a path: `/x`, `~/x`, `./x`, `a/b.json`. What comes before a pattern's first special character is a folder. */
const pathIn = (text: string): string | undefined => {
  if (text.length > 1000 || text.includes('\0') || text.includes('${') || /^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    return undefined
  if (
    !/^(?:~?\/|\.\.?\/)/.test(text) &&
    !/^[\w.@-][\w.@ /-]*\/[\w.@ -]+$/.test(text) &&
    !/^[\w@-][\w.@-]*\.[A-Za-z]\w*$/.test(text)
  )
    return undefined
  const special = text.search(/[*?{[]/)
  return special < 0 ? text : dirname(`${text.slice(0, special)}x`)
}

/** Absolute; `folder` is the manifest's. */
export const namedPaths = (
  given: { readonly checks?: readonly Pick<PlannedCheck, 'options'>[]; readonly report?: Report | undefined },
  place: { readonly cwd: string; readonly home: string },
): string[] => {
  const found = new Set<string>()
  const take = (text: string): void => {
    const path = pathIn(text)
    if (path !== undefined && found.size < MAX_PATHS) found.add(absolute(path, place))
  }
  for (const { options } of given.checks ?? []) mapTexts(options, text => take(text))
  for (const check of given.report?.checks ?? []) {
    for (const { path } of check.findings) take(path)
    for (const text of check.watched) take(text)
  }
  return [...found]
}

/** Where the list is kept from one start to the next: a change must be seen before the checks run again. */
const listOf = (stateDir: string, target: string): string => join(stateDir, 'guard', `${folderName(target)}.json`)

/** What the checks of the last start looked at; empty where that is not known. */
export const rememberedPaths = (stateDir: string, target: string): string[] => {
  try {
    const list: unknown = JSON.parse(readText(listOf(stateDir, target), MEGABYTE))
    return Array.isArray(list) ? list.filter(path => typeof path === 'string' && isAbsolute(path)) : []
  } catch (error) {
    if (error instanceof FileError || error instanceof SyntaxError || error instanceof NeedsChild) return []
    throw error
  }
}

/** Keeps the list for the next start. Where it cannot be kept, fewer changes earn a trial, and nothing else. */
export const rememberPaths = (stateDir: string, target: string, paths: readonly string[]): void => {
  const path = listOf(stateDir, target)
  const sorted = [...paths].sort()
  try {
    if (JSON.stringify(rememberedPaths(stateDir, target)) === JSON.stringify(sorted)) return
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    removeOrphans(dirname(path))
    writeWhole(path, JSON.stringify(sorted))
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string' && !(error instanceof NeedsChild)) throw error
  }
}
