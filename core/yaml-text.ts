/** Other people's YAML to values: the whole language, unlike the strict one of a manifest's blocks. */

/** 1-based; columns count UTF-16 units. */
interface Place {
  readonly line: number
  readonly column: number
}

export type ParsedYaml =
  | {
      readonly error?: undefined
      readonly value: unknown
      /** Where the value of a JSON pointer stands; that of its nearest holder where there is no such value. */
      locate(pointer: string): Place
    }
  | {
      readonly error: Place & {
        readonly message: string
        /** A key stands twice in one map. */
        readonly repeated?: true
      }
    }

/** `merge`: `<<` takes the keys of another map in, as compose has it. The parser is loaded when it is first needed. Aliases are limited, so that a small text cannot become a large value. */
export const parseYaml = async (text: string, { merge = false } = {}): Promise<ParsedYaml> => {
  const { isNode, LineCounter, parseDocument } = await import('./yaml-library.ts')
  const lines = new LineCounter()
  // Not `silent`: a second document would be dropped without an error.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error', merge })
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const error = document.errors[0]
  if (error)
    return {
      error: {
        ...placeOf(error.pos[0]),
        message: error.message.split('\n')[0] ?? error.message,
        ...(error.code === 'DUPLICATE_KEY' ? { repeated: true } : {}),
      },
    }
  try {
    const value = document.toJS({ maxAliasCount: 100 }) as unknown
    return {
      value,
      locate: pointer => {
        const keys = pointer.split('/').map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))
        for (let count = keys.length; count > 1; count--) {
          const node = document.getIn(keys.slice(1, count), true)
          if (isNode(node) && node.range) return placeOf(node.range[0])
        }
        return placeOf(document.contents?.range?.[0] ?? 0)
      },
    }
  } catch (cause) {
    return { error: { line: 1, column: 1, message: (cause as Error).message } }
  }
}
