/** Permission bits. */

/** `0750`. */
export const octal = (mode: number): string => mode.toString(8).padStart(4, '0')

/** A mode as a manifest writes it. */
export const parseMode = (text: string): number => Number.parseInt(text, 8)

/** The bits above a ceiling; 0 if the mode keeps to it. */
export const excess = (actual: number, ceiling: number): number => actual & 0o7777 & ~ceiling

const CLASSES = [
  ['u', 6, 0o4000],
  ['g', 3, 0o2000],
  ['o', 0, 0],
] as const

/** The words for chmod(1) that take these bits away and no others: `g-w,o-rwx`. Numbers would leave setgid on folders. */
export const removal = (bits: number): string => {
  const clauses = CLASSES.map(([who, shift, special]) => {
    const rights = (bits >> shift) & 7
    const letters = `${rights & 4 ? 'r' : ''}${rights & 2 ? 'w' : ''}${rights & 1 ? 'x' : ''}${bits & special ? 's' : ''}`
    return letters && `${who}-${letters}`
  })
  return [...clauses, bits & 0o1000 ? '-t' : ''].filter(clause => clause !== '').join(',')
}
