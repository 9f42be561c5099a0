/** Bytes to lines, in little memory whatever stands between two line ends. */

/** What is kept of a line, in bytes. */
export const MAX_LINE = 65_536

export interface Line {
  readonly text: string
  /** 1-based. */
  readonly number: number
  /** More was there than was kept. */
  readonly cut: boolean
}

export interface Splitter {
  take(chunk: Buffer): void
  /** The last line may lack its end. */
  end(): void
}

const NEWLINE = 0x0a
const RETURN = 0x0d

export const splitter = (onLine: (line: Line) => void): Splitter => {
  let kept: Buffer[] = []
  let size = 0
  let cut = false
  let number = 0

  const keep = (piece: Buffer): void => {
    const room = MAX_LINE - size
    if (piece.length > room) cut = true
    if (room <= 0 || piece.length === 0) return
    // A copy: the caller reads its next chunk into the same memory.
    const copy = Buffer.from(piece.subarray(0, room))
    kept.push(copy)
    size += copy.length
  }
  const tell = (bytes: Buffer, shortened: boolean): void => {
    const end = bytes.at(-1) === RETURN && !shortened ? bytes.length - 1 : bytes.length
    number++
    const text = bytes.toString('utf8', 0, end)
    onLine({ text: number === 1 && text.startsWith('\ufeff') ? text.slice(1) : text, number, cut: shortened })
  }
  return {
    take(chunk) {
      let from = 0
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
        const piece = chunk.subarray(from, at)
        from = at + 1
        if (size === 0 && piece.length <= MAX_LINE) {
          tell(piece, cut)
          continue
        }
        keep(piece)
        tell(Buffer.concat(kept, size), cut)
        kept = []
        size = 0
        cut = false
      }
      keep(chunk.subarray(from))
    },
    end() {
      if (size > 0) tell(Buffer.concat(kept, size), cut)
    },
  }
}
