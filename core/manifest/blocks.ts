/** Markdown to a flat list of the blocks at the document's root: the only file that knows the Markdown parser. */
import { type Node, Parser } from 'commonmark'

export interface Block {
  readonly type: 'heading' | 'fence' | 'html' | 'indented' | 'list' | 'quote' | 'prose'
  /** First and last line, 0-based, both included. */
  readonly start: number
  readonly end: number
}

/** Finds the blocks of `lines` from line `from` on, as if the document began there. */
export type FindBlocks = (lines: readonly string[], from: number) => readonly Block[]

const typeOf = (node: Node, line: string): Block['type'] => {
  switch (node.type) {
    case 'heading':
      return 'heading'
    case 'html_block':
      return 'html'
    case 'list':
      return 'list'
    case 'block_quote':
      return 'quote'
    case 'code_block':
      return /^ {0,3}(?:`{3}|~{3})/.test(line) ? 'fence' : 'indented'
    default:
      return 'prose'
  }
}

export const loadMarkdown = async (): Promise<FindBlocks> => {
  return (lines, from) => {
    const parser = new Parser() as Parser & { processInlines: () => void }
    // Only block structure is wanted; emphasis and links of a long text are where the time goes.
    parser.processInlines = () => {}
    const document = parser.parse(lines.slice(from).join('\n'))
    const blocks: Block[] = []
    for (let node = document.firstChild; node; node = node.next) {
      const start = node.sourcepos[0][0] - 1 + from
      blocks.push({
        type: typeOf(node, lines[start] ?? ''),
        start,
        end: Math.max(start, node.sourcepos[1][0] - 1 + from),
      })
    }
    return blocks
  }
}
