/** A unit as systemd would load it: its file, and the drop-ins beside it and in the other folders that systemd searches. */
import { basename, dirname, join } from 'node:path'
import { entries, FileError, lstat, readText, realpath } from './files.ts'
import { mergeUnits, parseUnit, type Unit } from './systemd-unit.ts'

/** From the strongest to the weakest (systemd.unit(5)). */
const SYSTEM = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
]
const userFolders = (home: string): string[] => [
  `${home}/.config/systemd/user`,
  '/etc/systemd/user',
  '/run/systemd/user',
  `${home}/.local/share/systemd/user`,
  '/usr/local/lib/systemd/user',
  '/usr/lib/systemd/user',
]

/** Whether a unit at this path belongs to a user's own manager. */
export const isUserUnit = (path: string): boolean => /\/systemd\/user(?:\/|$)/.test(dirname(path))

/** The names of which the `.d` folders hold drop-ins, from the weakest: `service`, `a-`, `a-b@`, `a-b@c`. */
const dropInNames = (name: string): string[] => {
  const dot = name.lastIndexOf('.')
  const [full, type] = [name.slice(0, dot), name.slice(dot + 1)]
  const base = full.replace(/@.*$/, '')
  const dashes = [...base.matchAll(/-/g)].map(({ index }) => `${base.slice(0, index + 1)}.${type}`)
  const template = full.includes('@') && !full.endsWith('@') ? [`${base}@.${type}`] : []
  return [type, ...dashes, ...template, name]
}

const foldersFor = (path: string, home: string): readonly string[] => {
  const searched = isUserUnit(path) ? userFolders(home) : SYSTEM
  return searched.includes(dirname(path)) ? searched : []
}

const orNone = <T>(look: () => T): T | undefined => {
  try {
    return look()
  } catch (error) {
    if (error instanceof FileError) return undefined
    throw error
  }
}

/** The file that systemd takes in place of the one at this path, since it stands in a stronger folder; undefined where it takes this one. */
export const shadowOf = (path: string, home: string): string | undefined => {
  const folders = foldersFor(path, home)
  const real = orNone(() => realpath(path))
  return folders
    .slice(0, Math.max(0, folders.indexOf(dirname(path))))
    .map(folder => join(folder, basename(path)))
    .find(other => orNone(() => lstat(other)) !== undefined && orNone(() => realpath(other)) !== real)
}

/** The links that make systemd start a unit with a target (`systemctl enable`), those of a template's instances too; undefined outside systemd's folders. */
export const wantedBy = (path: string, home: string): readonly string[] | undefined => {
  const folders = foldersFor(path, home)
  if (folders.length === 0) return undefined
  const [prefix, suffix] = basename(path).split('@.')
  const isLink = (name: string): boolean =>
    suffix === undefined ? name === basename(path) : name.startsWith(`${prefix}@`) && name.endsWith(`.${suffix}`)
  return folders.flatMap(folder =>
    (orNone(() => entries(folder)) ?? [])
      .filter(({ name }) => /\.(?:wants|requires|upholds)$/.test(name))
      .flatMap(({ name }) =>
        (orNone(() => entries(join(folder, name))) ?? []).map(link => join(folder, name, link.name)),
      )
      .filter(link => isLink(basename(link))),
  )
}

/** The drop-ins in the order in which systemd reads them: by file name; of equal names the stronger folder's hides the others. */
export const dropIns = (path: string, home: string): readonly string[] => {
  const own = dirname(path)
  const searched = isUserUnit(path) ? userFolders(home) : SYSTEM
  const folders = searched.includes(own) ? searched : [own]
  const found = new Map<string, string>()
  for (const name of dropInNames(basename(path)).reverse())
    for (const folder of folders)
      for (const file of confFiles(join(folder, `${name}.d`)))
        if (!found.has(file)) found.set(file, join(folder, `${name}.d`, file))
  return [...found.keys()].sort().map(file => found.get(file) ?? '')
}

const confFiles = (folder: string): string[] => {
  try {
    return entries(folder)
      .map(entry => entry.name)
      .filter(name => name.endsWith('.conf'))
  } catch (error) {
    if (error instanceof FileError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return []
    throw error
  }
}

/** Throws `FileError` where the unit, or one of its drop-ins, cannot be read. */
export const readUnit = (path: string, home: string): { readonly unit: Unit; readonly files: readonly string[] } => {
  const files = [path, ...dropIns(path, home)]
  return { unit: mergeUnits(files.map(file => parseUnit(readText(file), file))), files }
}
