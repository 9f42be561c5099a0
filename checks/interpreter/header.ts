/** For which processors a program was built, by its first bytes: ELF's e_machine, Mach-O's cputype. In Node's words. */

const ELF: Readonly<Record<number, string>> = {
  3: 'ia32',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
}

const MACH: Readonly<Record<number, string>> = { 7: 'ia32', 12: 'arm', 16777223: 'x64', 16777228: 'arm64' }

/** As many as a universal binary's table holds; Java's class files share its magic, and carry larger numbers there. */
const MAX_SLICES = 16

/** Bytes that `architectures` wants to see. */
export const HEAD = 8 + MAX_SLICES * 20

/** Several for a universal binary; none for a script, or what is not known here. */
export const architectures = (head: Buffer): readonly string[] => {
  if (head.length < 20) return []
  const name = (known: Readonly<Record<number, string>>, code: number): string => known[code] ?? `machine ${code}`
  if (head.readUInt32BE(0) === 0x7f454c46)
    return [name(ELF, head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18))]
  const magic = head.readUInt32LE(0)
  if (magic === 0xfeedface || magic === 0xfeedfacf) return [name(MACH, head.readUInt32LE(4))]
  const count = head.readUInt32BE(4)
  if (head.readUInt32BE(0) !== 0xcafebabe || count > MAX_SLICES) return []
  return Array.from({ length: count }, (_, at) => 8 + at * 20)
    .filter(at => at + 4 <= head.length)
    .map(at => name(MACH, head.readUInt32BE(at)))
}
